//! iptables: tables, chains and rules, their evaluation, and how the tools print them.
//!
//! ```text
//!                 ┌─ INPUT ──▶ socket ──▶ OUTPUT ─┐
//!  ─▶ PREROUTING ─┤route                         ├─▶ POSTROUTING ─▶
//!                 └────────── FORWARD ────────────┘
//! ```
//!
//! A [`Ruleset`] is immutable once loaded, and counters are kept beside it, so that every moment of
//! a session shares a set of hundreds of thousands of rules. A [`Walk`] takes one packet through
//! one table, one matching rule at a time.
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
    AddrType, CtStates, IfName, Match, MatchContext, MatchInput, Negatable, PortRange, RecentOp,
    Side, fraction,
};
pub use parse::{RestoreError, Restored, parse_rule};
pub use ruleset::{Chain, Policy, RejectWith, Rule, Ruleset, RulesetBuilder, Table, Target};
pub use save::{rule_text, save};
pub use walk::{Draw, RuleEffect, Walk, WalkContext, WalkStep};

use std::fmt;

/// A netfilter hook (`enum nf_inet_hooks`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// Packets that arrive, before they are routed (`NF_INET_PRE_ROUTING`).
    Prerouting,
    /// Routed to a local socket.
    Input,
    /// Packets that are routed or bridged through (`NF_INET_FORWARD`).
    Forward,
    /// Sent by a local socket.
    Output,
    /// About to leave, after routing.
    Postrouting,
}

impl Hook {
    /// The name of the built-in chain.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "PREROUTING",
            Self::Input => "INPUT",
            Self::Forward => "FORWARD",
            Self::Output => "OUTPUT",
            Self::Postrouting => "POSTROUTING",
        }
    }

    /// What is registered at the hook, by priority (`enum nf_ip_hook_priorities`,
    /// `include/uapi/linux/netfilter_ipv4.h`).
    pub const fn parts(self) -> &'static [HookFunction] {
        use HookFunction::{Confirm, Conntrack, Defrag, Table};
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

/// A function registered at a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookFunction {
    /// Reassembles fragments, so that the tables see whole packets (`nf_defrag_ipv4`).
    Defrag,
    /// Evaluates the built-in chain of a table.
    Table(TableName),
    /// Looks up or creates the packet's connection (`nf_conntrack_in`).
    Conntrack,
    /// Enters a new connection into the table (`nf_conntrack_confirm`).
    Confirm,
}

/// A table of iptables, in the order of their priorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableName {
    /// Runs before connection tracking and can exclude packets from it (priority -300).
    Raw,
    /// Changes marks and headers (priority -150).
    Mangle,
    /// Address translation; only the first packet of a connection traverses it.
    Nat,
    /// Accepts and drops packets (priority 0).
    Filter,
}

impl TableName {
    /// Every table, by priority.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Mangle, Self::Nat, Self::Filter];

    /// The name that `-t` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Mangle => "mangle",
            Self::Nat => "nat",
            Self::Filter => "filter",
        }
    }

    /// The table that `-t` means by `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// The hooks for which the table has a built-in chain, in the order the tools print them.
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
