//! The ClusterClasses that come with the provider, judged by Cluster API's real controllers and by the real webhooks of its provider for AWS.

mod drawn;
mod resource;
mod world;
