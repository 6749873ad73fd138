//! Helm's record of a release: one Secret per revision in the storage namespace of the target, in Helm's own format.

use std::io::{Read, Write};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::status::{MANAGER, now};

/// What separates the documents of a manifest.
const SEPARATOR: &str = "\n---\n";

/// One revision of a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub name: String,
    pub namespace: String,
    pub version: i64,
    pub info: Info,
    pub chart: ChartInfo,
    #[serde(default)]
    pub config: Map<String, Value>,
    /// The chart's objects, one JSON document each: JSON is YAML too.
    pub manifest: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    pub first_deployed: String,
    pub last_deployed: String,
    pub deleted: String,
    pub description: String,
    pub status: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartInfo {
    pub metadata: Metadata,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub name: String,
    pub version: String,
    pub api_version: String,
    pub app_version: String,
}

impl Record {
    /// The objects the revision made.
    pub fn objects(&self) -> Result<Vec<Value>> {
        let documents = self.manifest.split(SEPARATOR).map(str::trim).filter(|text| !text.is_empty());
        documents.map(|text| serde_json::from_str(text).context("read the manifest of a Helm release")).collect()
    }

    /// `default/app.v1`, as messages name it.
    pub fn full_name(&self) -> String {
        format!("{}/{}.v{}", self.namespace, self.name, self.version)
    }

    /// `app@1.0.0`.
    pub fn chart_name(&self) -> String {
        format!("{}@{}", self.chart.metadata.name, self.chart.metadata.version)
    }

    fn secret(&self) -> String {
        format!("sh.helm.release.v1.{}.v{}", self.name, self.version)
    }
}

/// A manifest of `objects`.
pub fn manifest(objects: &[Value]) -> String {
    objects.iter().map(Value::to_string).collect::<Vec<_>>().join(SEPARATOR)
}

/// Where the records of one release lie.
pub struct Storage<'a> {
    pub client: &'a Client,
    pub namespace: &'a str,
    pub release: &'a str,
}

impl Storage<'_> {
    fn api(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), self.namespace)
    }

    /// All records, oldest first.
    pub async fn list(&self) -> Result<Vec<Record>> {
        let selector = format!("owner=helm,name={}", self.release);
        let listed = self.api().list(&ListParams::default().labels(&selector)).await.context("Kubernetes cluster unreachable")?;
        let mut records = listed.items.iter().map(decode).collect::<Result<Vec<_>>>()?;
        records.sort_by_key(|record| record.version);
        Ok(records)
    }

    /// Writes a record over the one of its revision.
    pub async fn write(&self, record: &Record) -> Result<()> {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {"name": record.secret(), "labels": {"name": record.name, "owner": "helm", "status": record.info.status,
                "version": record.version.to_string()}, "annotations": {"lab.kaas.dev/written": now()}},
            "data": {"release": ByteString(encode(record)?.into_bytes())},
        });
        let params = PatchParams::apply(MANAGER).force();
        self.api()
            .patch(&record.secret(), &params, &Patch::Apply(&secret))
            .await
            .with_context(|| format!("create: failed to create {}", record.secret()))?;
        Ok(())
    }

    /// Removes a record.
    pub async fn delete(&self, record: &Record) -> Result<()> {
        match self.api().delete(&record.secret(), &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(|_| ()).with_context(|| format!("delete the Secret {}", record.secret())),
        }
    }
}

/// gzip, then base64 (and once more, as every value of a Secret).
fn encode(record: &Record) -> Result<String> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&serde_json::to_vec(record)?)?;
    Ok(STANDARD.encode(packed.finish()?))
}

fn decode(secret: &Secret) -> Result<Record> {
    let what = || format!("read the Helm release in the Secret {}", secret.name_any());
    let value = secret.data.as_ref().and_then(|data| data.get("release")).with_context(what)?;
    let packed = STANDARD.decode(&value.0).with_context(what)?;
    let mut text = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut text).with_context(what)?;
    serde_json::from_slice(&text).with_context(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let objects = vec![json!({"kind": "A"}), json!({"kind": "B", "text": "x\n---\ny"})];
        let record = Record {
            name: "app".into(),
            namespace: "apps".into(),
            version: 2,
            info: Info { status: "deployed".into(), ..Info::default() },
            chart: ChartInfo::default(),
            config: Map::new(),
            manifest: manifest(&objects),
        };
        let data = [("release".to_owned(), ByteString(encode(&record).unwrap().into_bytes()))].into();
        let read = decode(&Secret { data: Some(data), ..Secret::default() }).unwrap();
        assert_eq!(read, record);
        assert_eq!(read.objects().unwrap(), objects);
        assert_eq!(read.secret(), "sh.helm.release.v1.app.v2");
    }
}
