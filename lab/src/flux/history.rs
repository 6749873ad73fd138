//! The history in the status of a HelmRelease.

use super::api::Snapshot;
use super::digest;
use super::release::Pass;
use super::sources::Artifact;
use super::storage::Record;

impl Pass<'_> {
    /// Puts a revision on top of the history.
    pub fn remember(&mut self, record: &Record, artifact: &Artifact) {
        self.push(record, artifact.oci_digest.clone());
    }

    /// The same of a revision that was rolled back to.
    pub fn remember_rollback(&mut self, record: &Record) {
        let same = self.status.history.iter().find(|s| s.chart_version == record.chart.metadata.version);
        let oci_digest = same.and_then(|s| s.oci_digest.clone());
        self.push(record, oci_digest);
    }

    fn push(&mut self, record: &Record, oci_digest: Option<String>) {
        let text = serde_json::to_string(record).unwrap_or_default();
        if record.info.status == "deployed" {
            for old in self.status.history.iter_mut().filter(|old| old.status == "deployed") {
                "superseded".clone_into(&mut old.status);
            }
        }
        let snapshot = Snapshot {
            digest: format!("sha256:{}", digest::sha256(text.as_bytes())),
            name: record.name.clone(),
            namespace: record.namespace.clone(),
            version: record.version,
            status: record.info.status.clone(),
            chart_name: record.chart.metadata.name.clone(),
            chart_version: record.chart.metadata.version.clone(),
            app_version: Some(record.chart.metadata.app_version.clone()),
            config_digest: digest::of_values(&record.config),
            first_deployed: record.info.first_deployed.clone(),
            last_deployed: record.info.last_deployed.clone(),
            deleted: None,
            oci_digest,
        };
        self.status.history.insert(0, snapshot);
    }

    /// Keeps the newest revision and the one that ran before it.
    pub fn forget_old(&mut self) {
        let mut first = true;
        let mut before = false;
        self.status
            .history
            .retain(|snapshot| std::mem::take(&mut first) || (snapshot.status == "superseded" && !std::mem::replace(&mut before, true)));
    }
}
