//! Linux networking, sans I/O: what the kernel of a node does with a frame, decision by decision.
//!
//! A [`World`] is made from a [`Spec`] (network namespaces, devices, addresses, routes, rules) and
//! a seed. Sockets are opened in it, and [`World::poll`] then does one bounded step at a time:
//! a frame crosses a cable, one rule matches, one neighbour is looked up. Every step is an
//! [`Event`], a fact in the past tense that carries exactly the state it changed, so a moment can
//! be applied and undone.
//!
//! ```text
//! spec ──▶ engine (rx, bridge, ip, hooks, arp, vxlan, sockets) ──▶ event = fact + changes ──▶ state
//!              │            │           │
//!            route       neigh/fdb   netfilter, conntrack          wire: the bytes of every frame
//! ```
//!
//! **Architecture invariant.** This crate knows Linux and nothing else: no Kubernetes, no YAML, no
//! words for people, no clock, randomness, file, thread or browser. Time and chance are arguments:
//! the same spec, seed and calls give the same bytes on every machine.
//!
//! Unless a module says otherwise, behaviour is that of Linux 6.18 as recorded in namespaces.
#![forbid(unsafe_code)]

pub mod conntrack;
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
