//! What EKS answers to whom, without servers.
