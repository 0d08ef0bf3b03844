//! kube-proxy in iptables mode, 1.10 to 1.36: the rules it writes, release by release.
//!
//! ```text
//! Settings, [ServicePort] ──sync──▶ Sync ──restore──▶ the text fed to iptables-restore
//!                                     └──────────────▶ rules, as a kernel holds and iptables-save prints them
//! ```
//!
//! One generator; what differs between releases is asked of [`Release`]. It knows no cluster and no
//! packets: [`super::plan`] makes its input, and puts its rules on a node.

mod ext;
mod input;
mod line;
mod node;
mod release;
mod restore;
mod stale;
mod write;
mod xlb;

pub use input::{Chosen, Endpoint, Protocol, ServicePort, Settings, sloppy_ip, sloppy_net};
pub use line::{Line, probability};
pub use node::{kubelet, put, synced, words};
pub use release::Release;
pub use restore::is_own;
pub use stale::{Flow, Reconciler, Stale};
pub use write::{Sync, Written, sync};
