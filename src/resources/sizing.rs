//! `kaas_sizing`: what a wish comes to, without making anything.

use crate::{
    framework::{
        attr::Attr,
        diagnostic::Diagnostics,
        model::Model,
        parts::{Call, DataSource},
    },
    resources::wishes::{self, Override, Retention, SizingReport, Throughput},
};

/// What throughput and retention come to, with the reason for each figure, without making anything. A `kaas_tenant` with the same wishes gets the same
/// figures.
#[derive(Clone, Debug, PartialEq, Model)]
pub struct Sizing {
    /// How much data flows, at peak.
    #[tf(block, required)]
    pub throughput: Attr<Throughput>,
    /// How long data stays.
    #[tf(block, required)]
    pub retention: Attr<Retention>,
    /// Partitions needed, before replication.
    #[tf(optional)]
    pub partitions: Attr<u32>,
    /// Figures to use in place of the computed ones.
    #[tf(block)]
    pub sizing_override: Attr<Override>,
    /// The figures.
    #[tf(computed)]
    pub sizing: Attr<SizingReport>,
}

/// Handler of `kaas_sizing`.
pub struct SizingDataSource;

impl DataSource for SizingDataSource {
    const NAME: &'static str = "kaas_sizing";
    type Model = Sizing;

    fn validate(&self, config: &Sizing, found: &mut Diagnostics) {
        let _ = sized(config, found);
    }

    async fn read(&self, mut config: Sizing, _call: &mut Call) -> Result<Sizing, Diagnostics> {
        let mut found = Diagnostics::none();
        match sized(&config, &mut found) {
            Some(report) if !found.has_errors() => {
                config.sizing = Attr::Known(report);
                Ok(config)
            }
            _ => Err(found),
        }
    }
}

fn sized(config: &Sizing, found: &mut Diagnostics) -> Option<SizingReport> {
    let wish = wishes::wish(&config.throughput, &config.retention, &config.partitions, found);
    let overrides = wishes::overrides(&config.sizing_override);
    let sizing = wishes::size(&wish?, &overrides?, None, found)?;
    Some(SizingReport::of(&sizing))
}
