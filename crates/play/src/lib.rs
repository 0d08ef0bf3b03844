//! A session: a document and its Script, the list of what is done in it. The page, links, pictures
//! and traces on the command line all come from playing a session.
//!
//! ```text
//! document + Script ──kube──▶ cluster ──plan──▶ net::World ──player──▶ events, step results
//!                                                             ▲             │
//!                                  probe (send) ──────────────┤             ▼
//!                                  shell (emulated commands) ─┤       verdict, capture, lab
//!                                      │ kubectl              │
//!                                      ▼                      │
//!                                  components ────────────────┘
//! ```
//!
//! The modules build on each other: `anchor`, `command`, `probe_error`, `probe`, `cause` and
//! `verdict`; `step`; `session`; what extends a session, `components`, `shell`, `player`, `fork`
//! and `script`; what edits a Script, `rename`; what reads a session; what plays it again,
//! `repair`.
//!
//! **Architecture invariant.** This crate knows what is done and what results, never how it is
//! shown: no layout, no language, no page. It is pure: the same session gives the same bytes.
#![forbid(unsafe_code)]

pub mod anchor;
pub mod capture;
pub mod cause;
pub mod command;
mod components;
mod fork;
pub mod lab;
mod live;
pub mod outcomes;
pub mod player;
pub mod presets;
pub mod probe;
mod probe_error;
pub mod rename;
pub mod repair;
pub mod script;
pub mod session;
pub mod shell;
pub mod step;
pub mod target;
pub mod timeline;
pub mod verdict;

pub use anchor::{Anchor, EventAnchor};
pub use cause::{Cause, Fact, Link};
pub use command::CommandOutput;
pub use probe::{Probe, ProbeError, Protocol};
pub use script::Script;
pub use session::{Session, Start};
pub use step::{Act, NotDone, ResultKind, Run, Step, StepResult};
pub use timeline::Timeline;
pub use verdict::{Assumption, Ending, Verdict};
