//! The plan rules that hold for every resource, run on values by schema in the published order.
