//! Kubernetes: manifests with the span of every value, and the Linux state that its components make
//! of them.
//!
//! ```text
//! text ─▶ yaml (values, spans) ─▶ object, topology (decoded) ─▶ controller ─▶ cluster
//!                              schema (what each release accepts)                │
//!           net::Spec ◀── plan ◀── proxy (kube-proxy), flannel, cni, portmap, docker, dns
//!               │
//!               └─▶ rollout: from one running cluster to the next, one component at a time
//! ```
//!
//! **Architecture invariant.** This crate knows text and state, never packets in flight or how
//! anything is shown. It is pure: the same text gives the same cluster everywhere. Invalid text
//! never panics: every function over it returns the best value and every fault.
#![forbid(unsafe_code)]

mod address;
pub mod change;
pub mod cluster;
mod cni;
pub mod complete;
pub mod controller;
pub mod decode;
pub mod device;
pub mod diag;
pub mod dns;
mod docker;
pub mod external;
pub mod fault;
pub mod fields;
mod flannel;
pub mod help;
mod image;
mod ipam;
mod klipper;
pub mod naming;
pub mod object;
pub mod plan;
pub mod portmap;
pub mod proxy;
pub mod reference;
mod release;
pub mod schema;
pub mod speaker;
pub mod topology;
pub mod yaml;

pub use cluster::Cluster;
pub use controller::{after, build, rollout};
pub use diag::{Code, Diagnostic, Severity, Span};
pub use release::Release;
