//! iptables: tables, chains, rules, their evaluation, and the texts of the tools.
//!
//! ```text
//!                 ┌─ INPUT ──▶ socket ──▶ OUTPUT ─┐
//!  ─▶ PREROUTING ─┤route                         ├─▶ POSTROUTING ─▶
//!                 └────────── FORWARD ────────────┘
//! ```
//!
//! A [`Ruleset`] is immutable once loaded; counters live beside it, indexed by rule number, so a
//! set of hundreds of thousands of rules is shared by every moment of a session. A [`Walk`] takes
//! one packet through one table, one matching rule at a time.
//!
//! Left out: IPv6 tables, ebtables, sets.

mod explain;
mod list;
mod matches;
mod parse;
mod ruleset;
mod save;
mod walk;

pub use explain::{Failing, first_failing};
pub use list::{list_chain, list_table, print_count};
pub use matches::{
    AddrType, CtStates, IfName, Match, MatchContext, Negatable, PortRange, RecentOp, Side, View,
    fraction,
};
pub use parse::{RestoreError, Restored, parse_rule};
pub use ruleset::{Chain, Policy, RejectWith, Rule, Ruleset, RulesetBuilder, Table, Target};
pub use save::{rule_text, save};
pub use walk::{Draw, Effect, Walk, WalkContext, WalkStep};

use std::fmt;

/// The five places where netfilter looks at a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// As it comes in, before routing.
    Prerouting,
    /// On the way to a local socket.
    Input,
    /// On the way through.
    Forward,
    /// From a local socket.
    Output,
    /// As it goes out, after routing.
    Postrouting,
}

impl Hook {
    /// The built-in chain's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "PREROUTING",
            Self::Input => "INPUT",
            Self::Forward => "FORWARD",
            Self::Output => "OUTPUT",
            Self::Postrouting => "POSTROUTING",
        }
    }

    /// What happens at this hook, in order of netfilter's priorities
    /// (`include/uapi/linux/netfilter_ipv4.h`, `enum nf_ip_hook_priorities`).
    pub const fn parts(self) -> &'static [Part] {
        use Part::{Confirm, Conntrack, Defrag, Table};
        use TableName::{Filter, Mangle, Nat, Raw};
        match self {
            Self::Prerouting => &[Defrag, Table(Raw), Conntrack, Table(Mangle), Table(Nat)],
            Self::Input => &[Table(Mangle), Table(Filter), Table(Nat), Confirm],
            Self::Forward => &[Table(Mangle), Table(Filter)],
            Self::Output => &[Table(Raw), Conntrack, Table(Mangle), Table(Nat), Table(Filter)],
            Self::Postrouting => &[Table(Mangle), Table(Nat), Confirm],
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing registered at a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Putting fragments together (`nf_defrag_ipv4`), so that every table sees whole packets.
    Defrag,
    /// A table's built-in chain.
    Table(TableName),
    /// Finding or making the packet's connection.
    Conntrack,
    /// Entering a new connection into the table.
    Confirm,
}

/// The four tables, in the order a hook asks them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableName {
    /// Before connection tracking.
    Raw,
    /// Changing packets.
    Mangle,
    /// Address translation; only a connection's first packet meets it.
    Nat,
    /// Accepting and dropping.
    Filter,
}

impl TableName {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Mangle, Self::Nat, Self::Filter];

    /// The name as `-t` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Mangle => "mangle",
            Self::Nat => "nat",
            Self::Filter => "filter",
        }
    }

    /// The table of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Its built-in chains, in the order the tools print them.
    pub const fn hooks(self) -> &'static [Hook] {
        match self {
            Self::Raw => &[Hook::Prerouting, Hook::Output],
            Self::Mangle => {
                &[Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting]
            }
            Self::Nat => &[Hook::Prerouting, Hook::Input, Hook::Output, Hook::Postrouting],
            Self::Filter => &[Hook::Input, Hook::Forward, Hook::Output],
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
