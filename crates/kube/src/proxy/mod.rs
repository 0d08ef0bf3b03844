//! kube-proxy in iptables mode, 1.10 to 1.36: the rules that each release writes.
//!
//! ```text
//! Settings, [ServicePort] ──sync──▶ Sync ──restore──▶ the text fed to iptables-restore
//!                                     └──────────────▶ the rules that a kernel holds
//! ```
//!
//! One generator writes all releases; [`Release`] says how they differ. It knows neither the
//! cluster nor packets: its input is made in `plan`.

mod ext;
mod input;
mod node;
mod restore;
mod rule;
mod stale;
mod sync;
mod writer;
mod xlb;

/// The mark by which kube-proxy requests masquerading (`--iptables-masquerade-bit`, 14).
pub const MASQUERADE_MARK: u32 = 0x4000;
/// The mark by which kube-proxy has a packet dropped (`--iptables-drop-bit` of kubelet, 15).
pub const DROP_MARK: u32 = 0x8000;

pub use crate::address::{sloppy_ip, sloppy_net};
pub use crate::object::Endpoint;
pub use crate::release::Release;
pub use input::{Chosen, ServicePortInfo, ServiceProtocol, Settings};
pub use node::{first_sync, kubelet, restore_text, synced};
pub use restore::is_own;
pub use rule::{WrittenRule, probability};
pub use stale::{Flow, Reconciler, Stale};
pub use sync::sync;
pub use writer::{Sync, TableRules};
