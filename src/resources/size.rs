//! `provider::kaas::size`: the sizing as a function.

use crate::{
    domain::{
        quantity::ByteRate,
        sizing::{Overrides, Retention, Wish, size},
    },
    framework::{
        number::Number,
        parts::{Function, FunctionError},
    },
    resources::wishes::SizingReport,
};

/// Handler of `size`.
pub struct Size;

impl Function for Size {
    const NAME: &'static str = "size";
    const SUMMARY: &'static str = "What throughput and retention come to";
    const DESCRIPTION: &'static str =
        "Figures of the Kafka that a `kaas_tenant` with these wishes gets, with the reason for each. Pure: it asks no other system.";
    const PARAMETERS: &'static [(&'static str, &'static str)] = &[
        ("ingress_mib_per_second", "MiB per second that producers write at peak, before replication."),
        ("egress_mib_per_second", "MiB per second that consumers read at peak, all consumer groups together."),
        ("retention_hours", "Hours for which every message is kept at full ingress."),
    ];
    type Arguments = (Number, Number, Number);
    type Returns = SizingReport;

    fn call(&self, (ingress, egress, hours): Self::Arguments) -> Result<SizingReport, FunctionError> {
        let wish = Wish {
            ingress: argument(&ingress, 0, |text| text.parse::<ByteRate>().map_err(|error| error.to_string()))?,
            egress: argument(&egress, 1, |text| text.parse::<ByteRate>().map_err(|error| error.to_string()))?,
            retention: argument(&hours, 2, |text| Retention::from_hours(text).map_err(|error| error.to_string()))?,
            partitions: None,
        };
        let sizing = size(&wish, &Overrides::default(), None).map_err(|errors| FunctionError {
            text: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            argument: None,
        })?;
        Ok(SizingReport::of(&sizing))
    }
}

fn argument<T>(number: &Number, position: usize, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, FunctionError> {
    parse(&number.to_string()).map_err(|text| FunctionError { text, argument: Some(position) })
}
