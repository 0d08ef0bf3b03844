//! Loaded rules: immutable and shared, with a number for each counter.

use super::matches::{IfName, Match, MatchContext, MatchInput, Negatable, in_net};
use super::{Hook, TableName};
use ipnet::IpNet;
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

/// The policy of a built-in chain: the verdict where no rule decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The packet goes on to the next table.
    Accept,
    /// The packet is dropped without an answer.
    Drop,
}

impl Policy {
    /// The name in a chain's header (`:INPUT ACCEPT`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Drop => "DROP",
        }
    }
}

/// The answer of REJECT (`enum ipt_reject_with`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectWith {
    /// ICMP type 3 code 0.
    NetUnreachable,
    /// ICMP type 3 code 1.
    HostUnreachable,
    /// ICMP type 3 code 2.
    ProtoUnreachable,
    /// ICMP type 3 code 3, the default.
    PortUnreachable,
    /// ICMP type 3 code 9.
    NetProhibited,
    /// ICMP type 3 code 10.
    HostProhibited,
    /// ICMP type 3 code 13.
    AdminProhibited,
    /// A TCP reset; iptables accepts it with `-p tcp` only (`reject_tg_check`).
    TcpReset,
}

impl RejectWith {
    /// Every answer with its name for `--reject-with`.
    pub const NAMES: [(Self, &'static str); 8] = [
        (Self::NetUnreachable, "icmp-net-unreachable"),
        (Self::HostUnreachable, "icmp-host-unreachable"),
        (Self::ProtoUnreachable, "icmp-proto-unreachable"),
        (Self::PortUnreachable, "icmp-port-unreachable"),
        (Self::NetProhibited, "icmp-net-prohibited"),
        (Self::HostProhibited, "icmp-host-prohibited"),
        (Self::AdminProhibited, "icmp-admin-prohibited"),
        (Self::TcpReset, "tcp-reset"),
    ];

    /// The name that `--reject-with` takes.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(r, _)| *r == self).map_or("", |(_, n)| n)
    }
}

/// The target of a rule (`-j`, `-g`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// No target: the rule only counts.
    None,
    /// ACCEPT: the packet leaves the table and goes on to the next.
    Accept,
    /// DROP: the packet is dropped without an answer.
    Drop,
    /// RETURN: goes back to the rule behind the jump, or to the policy of a built-in chain.
    Return,
    /// Goes to a chain of the table, and comes back at its end.
    Jump(Rc<str>),
    /// Goes to a chain of the table, at whose end this chain returns too.
    Goto(Rc<str>),
    /// REJECT: ends the packet and answers with an error.
    Reject(RejectWith),
    /// MARK: `mark = (mark & !mask) ^ value`. Not terminating.
    Mark {
        /// The bits to toggle, by XOR.
        value: u32,
        /// The bits to clear first.
        mask: u32,
    },
    /// DNAT: another destination for the connection.
    Dnat {
        /// Destination address of the connection from now on.
        addr: IpAddr,
        /// The new destination port; `None` keeps it.
        port: Option<u16>,
    },
    /// SNAT: another source for the connection.
    Snat {
        /// Source address of the connection from now on.
        addr: IpAddr,
    },
    /// MASQUERADE: the output device's address as source.
    Masquerade {
        /// Draws a free source port instead of keeping the old one.
        random_fully: bool,
    },
    /// A target that is not simulated, as written; it stops the packet.
    Unsupported(Rc<str>),
}

/// A rule: it matches a packet that meets every condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The network the source must be in (`-s`).
    pub src: Option<Negatable<IpNet>>,
    /// The network the destination must be in (`-d`).
    pub dst: Option<Negatable<IpNet>>,
    /// The device the packet came in by (`-i`).
    pub in_dev: Option<Negatable<IfName>>,
    /// The device the packet leaves by (`-o`).
    pub out_dev: Option<Negatable<IfName>>,
    /// The IP protocol number that the packet must have (`-p`).
    pub proto: Option<Negatable<u8>>,
    /// Match extensions (`-m`), in the order written.
    pub matches: Vec<Match>,
    /// What happens to a packet that matches (`-j`, `-g`).
    pub target: Target,
}

impl Rule {
    /// A rule that matches every packet.
    pub fn to(target: Target) -> Self {
        Self {
            src: None,
            dst: None,
            in_dev: None,
            out_dev: None,
            proto: None,
            matches: Vec::new(),
            target,
        }
    }

    /// Its `comment`, if it has one.
    pub fn comment(&self) -> Option<&str> {
        self.matches.iter().find_map(|m| match m {
            Match::Comment(c) => Some(&**c),
            _ => None,
        })
    }

    /// The match or target that is not simulated, if it has one.
    pub fn unsupported(&self) -> Option<&str> {
        let unknown = self.matches.iter().find_map(|m| match m {
            Match::Unsupported(text) => Some(&**text),
            _ => None,
        });
        unknown.or(match &self.target {
            Target::Unsupported(text) => Some(text),
            _ => None,
        })
    }

    /// Whether the packet meets the conditions other than match extensions (`ip_packet_match`).
    pub(super) fn base_holds(&self, v: &MatchInput<'_>) -> bool {
        self.dst.as_ref().is_none_or(|n| n.holds(|n| in_net(n, v.dst)))
            && self.src.as_ref().is_none_or(|n| n.holds(|n| in_net(n, v.src)))
            && self.proto.as_ref().is_none_or(|p| p.holds(|p| *p == v.proto))
            && self.in_dev.as_ref().is_none_or(|d| d.holds(|d| d.matches(v.in_dev)))
            && self.out_dev.as_ref().is_none_or(|d| d.holds(|d| d.matches(v.out_dev)))
    }

    /// Whether the packet meets every condition.
    pub fn holds(&self, v: &MatchInput<'_>, ask: &mut dyn MatchContext) -> bool {
        self.base_holds(v) && self.matches.iter().all(|m| m.holds(v, ask))
    }
}

/// A chain: rules that are looked at in order until one ends the chain or the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name, at most 28 characters.
    pub name: Rc<str>,
    /// Its policy, if it is built in.
    pub policy: Option<Policy>,
    /// In the order they are looked at; rule numbers of the tools are one higher than the index.
    pub rules: Vec<Rc<Rule>>,
    /// Number of rules that jump or go to it.
    pub references: u32,
    /// Index of its first rule's counter in the table.
    pub first_rule: u32,
    index: Index,
}

/// The rules of a chain that a packet can match, by its destination: those for a single address,
/// and all others. It saves walking a chain of thousands of services in full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Index {
    /// Rules for a single destination: address and index of the rule, sorted.
    by_dst: Vec<(IpAddr, u32)>,
    any: Vec<u32>,
}

impl Index {
    fn new(rules: &[Rc<Rule>]) -> Self {
        let mut index = Self::default();
        for (rule, i) in rules.iter().zip(0..) {
            match &rule.dst {
                Some(n) if !n.negated && n.value.prefix_len() == n.value.max_prefix_len() => {
                    index.by_dst.push((n.value.addr(), i));
                }
                _ => index.any.push(i),
            }
        }
        index.by_dst.sort_unstable();
        index
    }
}

impl Chain {
    /// The rules from index `from` on that a packet to `dst` can match, in order.
    pub(super) fn candidates(&self, from: u32, dst: IpAddr) -> impl Iterator<Item = (u32, &Rule)> {
        let rest = |all: &[u32]| all.partition_point(|i| *i < from);
        let mine = &self.index.by_dst;
        let mut mine = mine[mine.partition_point(|x| *x < (dst, from))..]
            .iter()
            .take_while(move |x| x.0 == dst)
            .map(|x| x.1)
            .peekable();
        let mut any = self.index.any[rest(&self.index.any)..].iter().copied().peekable();
        std::iter::from_fn(move || {
            let first =
                mine.next_if(|m| any.peek().is_none_or(|a| m < a)).or_else(|| any.next())?;
            Some((first, &*self.rules[first as usize]))
        })
    }
}

/// A table: its built-in chains in hook order, then the others by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Which of the four tables it is.
    pub name: TableName,
    /// The built-in chains in hook order, then the others by name.
    pub chains: Vec<Chain>,
    by_name: BTreeMap<Rc<str>, u32>,
}

impl Table {
    /// The chain with this name, and its index.
    pub fn chain(&self, name: &str) -> Option<(u32, &Chain)> {
        let id = *self.by_name.get(name)?;
        Some((id, self.chains.get(id as usize)?))
    }

    /// Index of the counter of a rule, which is given by its index in its chain.
    pub fn rule_counter(&self, chain: u32, rule: u32) -> u32 {
        self.chains.get(chain as usize).map_or(0, |c| c.first_rule + rule)
    }

    /// Index of the counter of a built-in chain's policy; these follow those of all rules.
    pub fn policy_counter(&self, chain: u32) -> u32 {
        self.chains.last().map_or(0, |c| c.first_rule + c.rules.len() as u32) + chain
    }

    fn sealed(name: TableName, mut chains: Vec<Chain>) -> Self {
        let builtin = name.hooks().len();
        chains[builtin..].sort_by(|a, b| a.name.cmp(&b.name));
        let mut first = 0;
        for chain in &mut chains {
            chain.first_rule = first;
            chain.index = Index::new(&chain.rules);
            first += chain.rules.len() as u32;
        }
        let by_name: BTreeMap<_, _> =
            chains.iter().zip(0..).map(|(c, i)| (c.name.clone(), i)).collect();
        let mut references = vec![0; chains.len()];
        for rule in chains.iter().flat_map(|c| &c.rules) {
            if let Target::Jump(to) | Target::Goto(to) = &rule.target
                && let Some(id) = by_name.get(to)
            {
                references[*id as usize] += 1;
            }
        }
        for (chain, n) in chains.iter_mut().zip(references) {
            chain.references = n;
        }
        Self { name, chains, by_name }
    }
}

/// The four tables of a network namespace. Clones share them.
///
/// They can be computed when they are first read: the rules of all nodes of a large cluster take
/// longer than everything else, and a run reads those of a few.
#[derive(Clone)]
pub struct Ruleset(Rc<Lazy>);

type Lazy = LazyCell<[Table; 4], Box<dyn FnOnce() -> [Table; 4]>>;

impl Default for Ruleset {
    fn default() -> Self {
        Self::lazy(RulesetBuilder::default)
    }
}

impl PartialEq for Ruleset {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || **self.0 == **other.0
    }
}

impl Eq for Ruleset {}

impl fmt::Debug for Ruleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ruleset").field(&**self.0).finish()
    }
}

impl Ruleset {
    /// Rules that are written when they are first read.
    pub fn lazy(write: impl FnOnce() -> RulesetBuilder + 'static) -> Self {
        Self(Rc::new(LazyCell::new(Box::new(move || write().tables()))))
    }

    /// This ruleset with some tables replaced by those of another.
    pub fn with(&self, tables: &BTreeSet<TableName>, from: &Self) -> Self {
        TableName::ALL
            .map(|t| if tables.contains(&t) { from } else { self }.table(t).clone())
            .into()
    }

    /// The table with this name.
    pub fn table(&self, name: TableName) -> &Table {
        &self.0[name as usize]
    }

    /// The table with this name, if the rules have been read before and are not yet to be written.
    pub fn written(&self, name: TableName) -> Option<&Table> {
        LazyCell::get(&self.0).map(|tables| &tables[name as usize])
    }

    /// The tables in use: with a user chain, a rule, or a policy other than ACCEPT.
    pub fn tables_in_use(&self) -> impl Iterator<Item = &Table> {
        self.0.iter().filter(|t| {
            t.chains.iter().any(|c| {
                !c.rules.is_empty() || c.policy.is_none() || c.policy == Some(Policy::Drop)
            })
        })
    }

    /// Whether a rule uses this list of `recent`.
    pub(crate) fn names_recent(&self, list: &str) -> bool {
        let asks = |m: &Match| matches!(m, Match::Recent { list: name, .. } if **name == *list);
        self.0
            .iter()
            .flat_map(|t| &t.chains)
            .flat_map(|c| &c.rules)
            .flat_map(|r| &r.matches)
            .any(asks)
    }

    /// The index of a hook's built-in chain in a table.
    pub fn builtin(&self, table: TableName, hook: Hook) -> Option<u32> {
        table.hooks().iter().position(|h| *h == hook).map(|i| i as u32)
    }
}

impl From<[Table; 4]> for Ruleset {
    fn from(tables: [Table; 4]) -> Self {
        let cell: Lazy = LazyCell::new(Box::new(move || tables));
        Self(Rc::new(cell))
    }
}

/// A ruleset under construction, by the operations of iptables.
#[derive(Clone, Debug)]
pub struct RulesetBuilder {
    tables: [BTreeMap<Rc<str>, Chain>; 4],
}

impl Default for RulesetBuilder {
    fn default() -> Self {
        let table = |name: TableName| {
            name.hooks()
                .iter()
                .map(|h| chain(h.name().into(), Some(Policy::Accept)))
                .map(|c| (c.name.clone(), c))
                .collect()
        };
        Self { tables: TableName::ALL.map(table) }
    }
}

impl From<&Ruleset> for RulesetBuilder {
    fn from(rules: &Ruleset) -> Self {
        let table = |t: TableName| {
            rules.table(t).chains.iter().map(|c| (c.name.clone(), c.clone())).collect()
        };
        Self { tables: TableName::ALL.map(table) }
    }
}

fn chain(name: Rc<str>, policy: Option<Policy>) -> Chain {
    Chain { name, policy, rules: Vec::new(), references: 0, first_rule: 0, index: Index::default() }
}

impl RulesetBuilder {
    /// `-N`: adds an empty chain unless it exists.
    pub fn new_chain(&mut self, table: TableName, name: &str) {
        self.entry(table, name);
    }

    /// `-P`: sets the policy of a built-in chain.
    pub fn policy(&mut self, table: TableName, hook: Hook, policy: Policy) {
        self.entry(table, hook.name()).policy = Some(policy);
    }

    /// `-C`: whether the chain has this rule.
    pub fn has(&self, table: TableName, chain: &str, rule: &Rule) -> bool {
        self.tables[table as usize].get(chain).is_some_and(|c| c.rules.iter().any(|r| **r == *rule))
    }

    /// `-F`: deletes the rules of a chain, which is created if it does not exist.
    pub fn flush(&mut self, table: TableName, chain: &str) {
        self.entry(table, chain).rules.clear();
    }

    /// `-X`: deletes a user chain, if it exists.
    pub fn delete(&mut self, table: TableName, chain: &str) {
        self.tables[table as usize].remove(chain);
    }

    /// Whether the chain exists, built in or not.
    pub fn has_chain(&self, table: TableName, name: &str) -> bool {
        self.tables[table as usize].contains_key(name)
    }

    /// `-D`: deletes the first rule equal to this one.
    pub fn delete_rule(&mut self, table: TableName, chain: &str, rule: &Rule) {
        let rules = &mut self.entry(table, chain).rules;
        if let Some(i) = rules.iter().position(|r| **r == *rule) {
            rules.remove(i);
        }
    }

    /// `-A`: appends a rule to a chain, which is created if it does not exist.
    pub fn append(&mut self, table: TableName, chain: &str, rule: impl Into<Rc<Rule>>) {
        self.entry(table, chain).rules.push(rule.into());
    }

    /// Appends rules to a chain, one after the other.
    pub fn append_all(
        &mut self,
        table: TableName,
        chain: &str,
        rules: impl Iterator<Item = Rc<Rule>>,
    ) {
        self.entry(table, chain).rules.extend(rules);
    }

    /// `-I`: inserts a rule at the beginning.
    pub fn prepend(&mut self, table: TableName, chain: &str, rule: impl Into<Rc<Rule>>) {
        self.entry(table, chain).rules.insert(0, rule.into());
    }

    /// The rules of a chain, to insert, replace or delete by number; `None` if there is no such
    /// chain.
    pub fn rules_mut(&mut self, table: TableName, chain: &str) -> Option<&mut Vec<Rc<Rule>>> {
        self.tables[table as usize].get_mut(chain).map(|c| &mut c.rules)
    }

    fn entry(&mut self, table: TableName, name: &str) -> &mut Chain {
        let table = &mut self.tables[table as usize];
        if !table.contains_key(name) {
            let name: Rc<str> = name.into();
            table.insert(name.clone(), chain(name, None));
        }
        table.get_mut(name).expect("invariant: the chain was inserted above")
    }

    /// Sorts chains as the tools print them, builds their indexes and counts references.
    pub fn build(self) -> Ruleset {
        self.tables().into()
    }

    fn tables(self) -> [Table; 4] {
        let mut names = TableName::ALL.into_iter();
        self.tables.map(|mut chains| {
            let name = names.next().expect("invariant: four tables, four names");
            let mut all: Vec<Chain> =
                name.hooks().iter().filter_map(|h| chains.remove(h.name())).collect();
            all.extend(chains.into_values());
            Table::sealed(name, all)
        })
    }
}
