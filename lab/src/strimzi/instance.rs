//! One operator for one API server inside another process: started and stopped like a Deployment, while its Kafka nodes live on as pods would.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, Result};
use kube::api::{Api, DynamicObject, ListParams};
use kube::{Client, ResourceExt};
use tokio::task::{JoinHandle, spawn_blocking};

use super::Options;
use super::api::kind;
use super::operator::{self, Operator};

/// An operator with the Kafka nodes of its cluster.
pub struct Instance {
    operator: Arc<Operator>,
    work: Option<JoinHandle<()>>,
}

impl Instance {
    /// An operator for the cluster behind `client`, not working yet. `options.kubeconfig` is not read.
    ///
    /// # Errors
    /// When its data folder cannot be made.
    pub fn new(client: Client, options: Options) -> Result<Self> {
        Ok(Self { operator: Arc::new(Operator::new(client, options)?), work: None })
    }

    /// Lets it work, if it does not.
    pub fn start(&mut self) {
        if self.work.as_ref().is_none_or(JoinHandle::is_finished) {
            self.work = Some(tokio::spawn(operator::watch(self.operator.clone())));
        }
    }

    /// Ends its work, not its nodes. True if it worked.
    pub async fn stop(&mut self) -> bool {
        let Some(work) = self.work.take() else { return false };
        work.abort();
        // The end of an aborted task is an error by its nature.
        let _ = work.await;
        true
    }

    /// What a cluster does without the operator: nodes that ended start again, nodes of a Kafka that is gone go. Says how many Kafkas have nodes.
    ///
    /// # Errors
    /// When the cluster does not answer, or a node cannot be stopped.
    pub async fn tend(&self) -> Result<usize> {
        let api: Api<DynamicObject> = Api::all_with(self.operator.client.clone(), &kind("Kafka", "kafkas"));
        let there: HashSet<String> = match api.list_metadata(&ListParams::default()).await {
            Ok(listed) => listed.items.iter().filter_map(ResourceExt::uid).collect(),
            // Without its CRD there is no Kafka.
            Err(kube::Error::Api(status)) if status.code == 404 => HashSet::new(),
            Err(error) => return Err(error).context("list every Kafka"),
        };
        let operator = self.operator.clone();
        spawn_blocking(move || {
            operator.sweep_leftovers(&there)?;
            operator.adopt()?;
            operator.sweep(&there)?;
            operator.adopt()
        })
        .await?
    }

    /// Ends its work and every node; their data stays for the next start.
    ///
    /// # Errors
    /// When a node cannot be stopped.
    pub async fn shut_down(self) -> Result<()> {
        self.end(Operator::shut_down).await
    }

    /// Ends its work and every node and removes their data: the cluster is gone.
    ///
    /// # Errors
    /// When a node cannot be stopped.
    pub async fn destroy(self) -> Result<()> {
        self.end(|operator| operator.sweep(&HashSet::new())).await
    }

    /// Ends its work, and does what is the last with every node there is.
    async fn end(mut self, last: impl FnOnce(&Operator) -> Result<()> + Send + 'static) -> Result<()> {
        self.stop().await;
        let operator = self.operator.clone();
        spawn_blocking(move || {
            operator.adopt()?;
            last(&operator)
        })
        .await?
    }
}
