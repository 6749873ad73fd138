//! The generated code of the wire's interfaces: tfplugin5, go-plugin's side services and gRPC's health service. Compiled from `proto/` by `build.rs`.

/// Between Terraform and a provider.
pub mod tfplugin5 {
    #![allow(clippy::all, clippy::pedantic, unused_qualifications, missing_docs, reason = "generated code")]
    tonic::include_proto!("tfplugin5");
}

/// Between go-plugin and a plugin.
pub mod go_plugin {
    #![allow(clippy::all, clippy::pedantic, unused_qualifications, missing_docs, reason = "generated code")]
    tonic::include_proto!("plugin");
}

/// gRPC's health check.
pub mod health {
    #![allow(clippy::all, clippy::pedantic, unused_qualifications, missing_docs, reason = "generated code")]
    tonic::include_proto!("grpc.health.v1");
}
