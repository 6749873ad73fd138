//! The provider service: every rpc of tfplugin5, answered by the provider's parts.
//!
//! Real errors are diagnostics, never a gRPC status: only these reach the user with words. Each call runs as its own task, so a panic ends that
//! call and not the process.

mod absent;
mod answer;
mod data_source;
mod ephemeral;
mod function;
mod provider;
mod resource;
mod rpcs;
mod schema;
mod upgrade;

use std::{collections::BTreeMap, future::Future, sync::Arc};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tracing::Instrument;

use self::answer::Answer;
use super::stops::Stops;
use crate::framework::{
    diagnostic::Diagnostics,
    erased::{AnyDataSource, AnyEphemeralResource, AnyProvider, AnyResource},
    parts::{Call, Private},
    schema::IdentityAttribute,
    value::Type,
};

/// The service. Clones serve the same provider.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    provider: Arc<dyn AnyProvider>,
    config: Type,
    resources: BTreeMap<&'static str, Served<dyn AnyResource>>,
    data_sources: BTreeMap<&'static str, Served<dyn AnyDataSource>>,
    ephemeral_resources: BTreeMap<&'static str, Served<dyn AnyEphemeralResource>>,
    stops: Stops,
    /// How many calls are running.
    running: watch::Sender<usize>,
}

/// A part of the provider with the types its schemas imply, which every call needs.
struct Served<T: ?Sized> {
    part: Arc<T>,
    ty: Type,
    /// Type of the identity; of an empty object where there is none.
    identity: Type,
}

/// What a handler works with: the service, and the token of its call.
struct Context {
    service: Service,
    stop: CancellationToken,
}

impl Service {
    pub fn new(provider: Arc<dyn AnyProvider>) -> Self {
        let offers = provider.offers();
        let resources = offers.resources.iter().map(|(name, part)| {
            let identity = identity_type(part.identity_schema());
            (*name, Served { part: Arc::clone(part), ty: part.schema().block.object_type(), identity })
        });
        let data_sources = offers.data_sources.iter().map(|(name, part)| {
            (*name, Served { part: Arc::clone(part), ty: part.schema().block.object_type(), identity: identity_type(&[]) })
        });
        let ephemeral_resources = offers.ephemeral_resources.iter().map(|(name, part)| {
            (*name, Served { part: Arc::clone(part), ty: part.schema().block.object_type(), identity: identity_type(&[]) })
        });
        let inner = Inner {
            config: provider.schema().block.object_type(),
            resources: resources.collect(),
            data_sources: data_sources.collect(),
            ephemeral_resources: ephemeral_resources.collect(),
            stops: Stops::default(),
            running: watch::Sender::new(0),
            provider: Arc::clone(&provider),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Asks the calls in flight to end.
    pub fn stop(&self) {
        self.inner.stops.stop();
    }

    /// Waits until no call is running.
    pub async fn idle(&self) {
        // The sender lives as long as this does.
        let _ = self.inner.running.subscribe().wait_for(|running| *running == 0).await;
    }

    /// Runs a call as its own task and answers what it found, also when it panics. A call that the client gives up is asked to stop.
    async fn answer<Q, R, F>(&self, rpc: &'static str, request: Request<Q>, handler: fn(Context, Q) -> F) -> Result<Response<R>, Status>
    where
        Q: Send + 'static,
        R: Answer,
        F: Future<Output = Result<R, Diagnostics>> + Send + 'static,
    {
        let stop = self.inner.stops.token();
        let given_up = stop.clone().drop_guard();
        let context = Context { service: self.clone(), stop };
        let running = Running::new(&self.inner);
        let request = request.into_inner();
        let work = async move {
            let _running = running;
            handler(context, request).await
        };
        let answer = match tokio::spawn(work.instrument(tracing::info_span!("rpc", tf_rpc = rpc))).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(found)) => R::refused(found),
            Err(ended) => R::refused(answer::crashed(rpc, ended)),
        };
        drop(given_up);
        Ok(Response::new(answer))
    }
}

impl Context {
    fn call(&self, private: Private) -> Call {
        Call { stop: self.stop.clone(), private, found: Diagnostics::none() }
    }

    fn resource(&self, name: &str) -> Result<&Served<dyn AnyResource>, Diagnostics> {
        self.service.inner.resources.get(name).ok_or_else(|| answer::not_offered("resource type", name))
    }

    fn data_source(&self, name: &str) -> Result<&Served<dyn AnyDataSource>, Diagnostics> {
        self.service.inner.data_sources.get(name).ok_or_else(|| answer::not_offered("data source", name))
    }

    fn ephemeral(&self, name: &str) -> Result<&Served<dyn AnyEphemeralResource>, Diagnostics> {
        self.service.inner.ephemeral_resources.get(name).ok_or_else(|| answer::not_offered("ephemeral resource type", name))
    }
}

fn identity_type(attributes: &[IdentityAttribute]) -> Type {
    Type::Object(attributes.iter().map(|attribute| (attribute.name.clone(), attribute.ty.clone())).collect())
}

/// Counts a call as long as it runs.
struct Running(Arc<Inner>);

impl Running {
    fn new(inner: &Arc<Inner>) -> Self {
        inner.running.send_modify(|running| *running += 1);
        Self(Arc::clone(inner))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}
