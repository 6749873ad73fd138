//! The lab as its users have it: real servers, real CLIs.

#[cfg(test)]
mod acceptance;
#[cfg(test)]
mod aws;
#[cfg(test)]
mod cluster_api;
#[cfg(test)]
mod cluster_classes;
#[cfg(test)]
mod command;
#[cfg(test)]
mod custom_resources;
#[cfg(test)]
mod dns;
#[cfg(test)]
mod driver;
#[cfg(test)]
mod eks;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod flux;
#[cfg(test)]
mod hard;
#[cfg(test)]
mod install;
#[cfg(test)]
mod load_balancer;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod names;
#[cfg(test)]
mod nothing;
#[cfg(test)]
mod on_eks;
#[cfg(test)]
mod package;
#[cfg(test)]
mod stand_in;
#[cfg(test)]
mod strimzi_model;
#[cfg(test)]
mod terraform;
