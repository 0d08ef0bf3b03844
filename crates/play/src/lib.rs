//! A session: a document, a seed, and an ordered list of what is done in it. Whatever is shown, the
//! page, a link, a trace on the command line, comes from playing a session.
//!
//! ```text
//! document + seed ──kube──▶ cluster ──plan──▶ net::World ──actions──▶ events ──▶ verdict, record, capture
//!                                                            ▲
//!                                         probe (send) ──────┴────── shell (emulated commands)
//!                                                                         │ kubectl
//!                      live: what components do about another cluster ◀───┘
//! ```
//!
//! **Architecture invariant.** This crate knows what is done and what came of it, never how it is
//! shown: no layout, no language, no page. It is pure: the same session gives the same bytes.
#![forbid(unsafe_code)]

pub mod capture;
pub mod lab;
mod live;
pub mod outcomes;
pub mod presets;
pub mod probe;
pub mod record;
pub mod script;
pub mod session;
pub mod shell;
pub mod steps;
pub mod timeline;
pub mod verdict;

pub use probe::{Probe, ProbeError, Protocol};
pub use script::Script;
pub use session::{Action, Run, Session, Start};
pub use steps::{Act, Came, Step, Stepped, When};
pub use timeline::Timeline;
pub use verdict::{Advice, Ending, Verdict};
