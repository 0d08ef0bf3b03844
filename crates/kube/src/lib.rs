//! Kubernetes: manifests with the place of every word, and what its components make of them.
//!
//! ```text
//! text ─▶ yaml (nodes with spans) ─▶ object, topology (decoded, diagnosed) ─▶ cluster
//!                                                                              │ scheduling, IPAM,
//!                                                                              ▼ endpoints
//!                    net::Spec ◀── plan ◀── proxy (kube-proxy), flannel, cni, portmap, docker
//!                        │
//!                        └─▶ rollout: from one running cluster to the next, component by component
//! ```
//!
//! **Architecture invariant.** This crate knows text and state, never packets in flight or how
//! anything is shown. It is pure: the same text gives the same cluster, everywhere. Bad text is
//! never a panic: every function over it returns the best value and everything that is wrong.
#![forbid(unsafe_code)]

pub mod change;
pub mod cluster;
pub mod cni;
pub mod complete;
pub mod decode;
pub mod diag;
pub mod docker;
pub mod fault;
pub mod flannel;
pub mod ipam;
pub mod naming;
pub mod object;
pub mod plan;
pub mod portmap;
pub mod proxy;
pub mod rollout;
mod slices;
pub mod topology;
mod traffic;
pub mod yaml;

pub use cluster::{Cluster, build};
pub use diag::{Code, Diagnostic, Severity, Span};
