//! Tenants whose Kubernetes is an EKS cluster of the class `kaas-eks`, made by the real controllers of Cluster API and of its provider for AWS in the lab's AWS.

mod life;
mod own_network;
mod world;
