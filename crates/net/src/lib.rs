//! Linux networking, sans I/O: what the kernel of a node does with a frame, decision by decision.
//!
//! A [`World`] is built from a [`Spec`] (network namespaces, devices, addresses, routes, rules) and
//! a seed. Clients open sockets in it, and [`World::poll`] does one bounded step at a time: a frame
//! crosses a cable, a rule matches, a neighbour is looked up. Every step is an [`Event`]: a
//! past-tense fact with exactly the changes of [`State`] it made, which can be applied and undone.
//!
//! ```text
//! spec ──▶ engine (rx, bridge, ip, hooks, arp, vxlan, sockets) ──▶ event (changes) ──▶ state
//!              │            │           │
//!            route       neigh/fdb   netfilter, conntrack          wire: the bytes of every frame
//! ```
//!
//! **Architecture invariant.** This crate knows Linux and nothing else. It must not know
//! Kubernetes, YAML or sentences for people, and must not touch a clock, a source of randomness, a
//! file, a thread or a browser. Time and seed are arguments: the same spec, seed and calls give the
//! same events on every machine, which [`encoding::hash`] attests.
//!
//! Unless a module says otherwise, behaviour is that of Linux 6.18, recorded in network namespaces.
#![forbid(unsafe_code)]

pub mod conntrack;
pub mod dns;
pub mod drop;
pub mod dump;
pub mod encoding;
pub mod engine;
pub mod event;
pub mod id;
pub mod marker;
pub mod neigh;
pub mod netfilter;
pub mod rng;
pub mod route;
pub mod skb;
pub mod socket;
pub mod spec;
pub mod state;
pub mod time;
pub mod wire;

pub use drop::DropReason;
pub use engine::World;
pub use event::{Event, EventKind};
pub use id::{DevId, NetnsId, PacketId};
pub use skb::Skb;
pub use spec::Spec;
pub use state::{Change, Setting, State};
pub use time::{Duration, Instant};
