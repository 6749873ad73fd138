//! go-plugin's side services: ending the plugin, its unused streams, and the health check.

use std::pin::Pin;

use futures::StreamExt;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::proto::{
    go_plugin::{
        ConnInfo, Empty, StdioData, grpc_broker_server::GrpcBroker, grpc_controller_server::GrpcController, grpc_stdio_server::GrpcStdio,
    },
    health::{HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health},
};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The side services; all of them end with the plugin.
#[derive(Clone)]
pub struct Side {
    pub end: CancellationToken,
}

impl Side {
    /// A stream that stays open and empty until the plugin ends.
    fn silent<T: Send + 'static>(&self) -> Answers<T> {
        Box::pin(tokio_stream::pending().take_until(self.end.clone().cancelled_owned()))
    }
}

#[tonic::async_trait]
impl GrpcController for Side {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("the client ends the plugin");
        self.end.cancel();
        Ok(Response::new(Empty {}))
    }
}

#[tonic::async_trait]
impl GrpcStdio for Side {
    type StreamStdioStream = Answers<StdioData>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(self.silent()))
    }
}

#[tonic::async_trait]
impl GrpcBroker for Side {
    type StartStreamStream = Answers<ConnInfo>;

    async fn start_stream(&self, _: Request<Streaming<ConnInfo>>) -> Result<Response<Self::StartStreamStream>, Status> {
        Ok(Response::new(self.silent()))
    }
}

#[tonic::async_trait]
impl Health for Side {
    type WatchStream = Answers<HealthCheckResponse>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        match request.into_inner().service.as_str() {
            // The name under which go-plugin asks, and the server as a whole.
            "plugin" | "" => Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() })),
            other => Err(Status::not_found(format!("no service is named {other:?}"))),
        }
    }

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let now = self.check(request).await?.into_inner();
        Ok(Response::new(Box::pin(tokio_stream::once(Ok(now)).chain(self.silent()))))
    }
}
