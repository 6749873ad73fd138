//! What Helm does: install, upgrade, roll back, uninstall. Each leaves its record in the target.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::api::{CrdPolicy, Spec};
use super::charts::{self, Chart, Place};
use super::sources::Artifact;
use super::status::now;
use super::storage::{ChartInfo, Info, Metadata, Record, Storage, manifest};
use super::target::Target;
use super::workloads;

/// How many records Helm keeps unless told otherwise.
const HISTORY: usize = 5;

/// A release in its target.
pub struct Release<'a> {
    pub target: &'a Target,
    /// Namespace and name of the HelmRelease.
    pub of: (&'a str, &'a str),
    pub name: &'a str,
    pub namespace: &'a str,
    pub storage_namespace: &'a str,
}

/// What is to be released.
pub struct Wish<'a> {
    pub chart: &'static Chart,
    pub artifact: &'a Artifact,
    pub values: &'a Map<String, Value>,
    pub spec: &'a Spec,
    /// A test ordered that this attempt fails.
    pub fails: bool,
}

/// A failed act: the record it left, if it came so far.
#[derive(Debug)]
pub struct Failed {
    pub record: Option<Record>,
    pub error: anyhow::Error,
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self { record: None, error }
    }
}

impl Release<'_> {
    pub fn storage(&self) -> Storage<'_> {
        Storage { client: &self.target.client, namespace: self.storage_namespace, release: self.name }
    }

    /// Installs when there are no `records`, else upgrades.
    pub async fn release(&self, wish: &Wish<'_>, records: &[Record]) -> Result<Record, Failed> {
        let install = records.is_empty();
        let version = wish.artifact.version.split('+').next().unwrap_or_default();
        let place = Place { release: self.name, namespace: self.namespace, version, values: wish.values };
        if install && wish.spec.install.create_namespace {
            workloads::namespace(&self.target.client, self.namespace).await?;
        }
        let wanted =
            if install { wish.spec.install.crds.unwrap_or(CrdPolicy::Create) } else { wish.spec.upgrade.crds.unwrap_or(CrdPolicy::Skip) };
        let policy = charts::crds::policy(wish.chart, &place, wanted);
        charts::crds::apply(&self.target.client, wish.chart, &place, policy, self.of).await?;
        let mut objects = (wish.chart.objects)(&place);
        objects.iter_mut().for_each(|object| workloads::mark(object, self.name, self.namespace, self.of));
        let (status, text) =
            if install { ("pending-install", "Initial install underway") } else { ("pending-upgrade", "Preparing upgrade") };
        let record = self.record(wish, records, &objects, status, text);
        self.storage().write(&record).await?;
        let done = if wish.fails { Err(anyhow::anyhow!("this attempt was ordered to fail")) } else { self.write(&objects, records).await };
        let what = if install { "Install" } else { "Upgrade" };
        self.finish(record, done, records, what, wish.spec.max_history).await
    }

    /// Makes the objects of the record `to` anew, as the next revision.
    pub async fn roll_back(&self, to: &Record, records: &[Record], max_history: Option<usize>) -> Result<Record, Failed> {
        let objects = to.objects()?;
        let mut record = to.clone();
        record.version = records.last().map_or(0, |last| last.version) + 1;
        record.info.status = "pending-rollback".to_owned();
        record.info.last_deployed = now();
        self.storage().write(&record).await?;
        let done = self.write(&objects, records).await;
        self.finish(record, done, records, "Rollback", max_history).await
    }

    /// Removes what the newest record made, then all records. CRDs of a chart's `crds/` folder stay, as with Helm.
    pub async fn uninstall(&self, records: &[Record]) -> Result<()> {
        let Some(last) = records.last() else { return Ok(()) };
        for object in last.objects()?.iter().rev() {
            workloads::delete(&self.target.client, object).await?;
        }
        if let Ok(chart) = charts::by_name(&last.chart.metadata.name) {
            charts::crds::remove(&self.target.client, chart).await?;
        }
        for record in records {
            self.storage().delete(record).await?;
        }
        Ok(())
    }

    /// A crash left a release pending: it has failed.
    pub async fn unlock(&self, record: &Record) -> Result<()> {
        let mut failed = record.clone();
        failed.info.status = "failed".to_owned();
        failed.info.description = format!("Release unlocked from stale '{}' state", record.info.status);
        self.storage().write(&failed).await
    }

    fn record(&self, wish: &Wish<'_>, records: &[Record], objects: &[Value], status: &str, description: &str) -> Record {
        let first = records.first().map_or_else(now, |first| first.info.first_deployed.clone());
        let metadata = Metadata {
            name: wish.chart.name.to_owned(),
            version: wish.artifact.version.clone(),
            api_version: "v2".to_owned(),
            app_version: wish.artifact.version.split('+').next().unwrap_or_default().to_owned(),
        };
        Record {
            name: self.name.to_owned(),
            namespace: self.namespace.to_owned(),
            version: records.last().map_or(0, |last| last.version) + 1,
            info: Info {
                first_deployed: first,
                last_deployed: now(),
                deleted: String::new(),
                description: description.to_owned(),
                status: status.to_owned(),
            },
            chart: ChartInfo { metadata },
            config: wish.values.clone(),
            manifest: manifest(objects),
        }
    }

    async fn write(&self, objects: &[Value], records: &[Record]) -> Result<()> {
        for object in objects {
            workloads::apply(&self.target.client, object).await?;
        }
        let before = records.last().map(Record::objects).transpose()?.unwrap_or_default();
        for gone in before.iter().filter(|old| !objects.iter().any(|new| workloads::same(old, new))) {
            workloads::delete(&self.target.client, gone).await?;
        }
        Ok(())
    }

    async fn finish(
        &self,
        mut record: Record,
        done: Result<()>,
        records: &[Record],
        what: &str,
        keep: Option<usize>,
    ) -> Result<Record, Failed> {
        let storage = self.storage();
        match done {
            Ok(()) => {
                record.info.status = "deployed".to_owned();
                record.info.description = format!("{what} complete");
            }
            Err(error) => {
                record.info.status = "failed".to_owned();
                record.info.description = format!("{what} \"{}\" failed: {error:#}", self.name);
                storage.write(&record).await?;
                return Err(Failed { record: Some(record), error });
            }
        }
        for old in records.iter().filter(|old| old.info.status == "deployed") {
            let mut superseded = old.clone();
            superseded.info.status = "superseded".to_owned();
            storage.write(&superseded).await?;
        }
        storage.write(&record).await?;
        let keep = keep.unwrap_or(HISTORY);
        // 0 keeps all; the one just written counts.
        let surplus = if keep == 0 { 0 } else { (records.len() + 1).saturating_sub(keep) };
        for old in &records[..surplus] {
            storage.delete(old).await?;
        }
        Ok(record)
    }

    /// The record to roll back to: the newest that was deployed before the failed one.
    pub fn rollback_target<'r>(&self, records: &'r [Record]) -> Result<&'r Record> {
        let found = records.iter().rev().find(|record| matches!(record.info.status.as_str(), "deployed" | "superseded"));
        let Some(found) = found else { bail!("missing target release for rollback: cannot remediate failed release") };
        Ok(found)
    }
}

/// The namespaces and names a spec leaves to defaults: release name, its namespace, its storage's.
pub fn names(spec: &Spec, namespace: &str, name: &str) -> Result<(String, String, String)> {
    let own = match (&spec.release_name, &spec.target_namespace) {
        (Some(given), _) => given.clone(),
        (None, Some(target)) => format!("{target}-{name}"),
        (None, None) => name.to_owned(),
    };
    // Helm's limit; Flux keeps 40 characters and adds a hash.
    let own = if own.len() > 53 {
        let kept = own.get(..40).context("shorten the name of a release")?;
        format!("{kept}-{}", &super::digest::sha256(own.as_bytes())[..12])
    } else {
        own
    };
    let target = spec.target_namespace.clone().unwrap_or_else(|| namespace.to_owned());
    Ok((own, target, spec.storage_namespace.clone().unwrap_or_else(|| namespace.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_as_flux_names_it() {
        let plain = Spec::default();
        assert_eq!(names(&plain, "tenant", "strimzi").unwrap(), ("strimzi".into(), "tenant".into(), "tenant".into()));
        let elsewhere = Spec { target_namespace: Some("kafka".into()), ..Spec::default() };
        assert_eq!(names(&elsewhere, "tenant", "strimzi").unwrap(), ("kafka-strimzi".into(), "kafka".into(), "tenant".into()));
        let long = Spec { target_namespace: Some("x".repeat(50)), ..Spec::default() };
        assert_eq!(names(&long, "tenant", "strimzi").unwrap().0.len(), 53);
    }
}
