//! Loaded rules: immutable, shared, and numbered for their counters.

use super::matches::{IfName, Match, MatchContext, Negatable, View, in_net};
use super::{Hook, TableName};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;

/// What a built-in chain does with a packet that no rule decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// On to the next table.
    Accept,
    /// The end.
    Drop,
}

impl Policy {
    /// The name in a chain's header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Drop => "DROP",
        }
    }
}

/// The answer REJECT sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectWith {
    /// ICMP 3/0.
    NetUnreachable,
    /// ICMP 3/1.
    HostUnreachable,
    /// ICMP 3/2.
    ProtoUnreachable,
    /// ICMP 3/3, the default.
    PortUnreachable,
    /// ICMP 3/9.
    NetProhibited,
    /// ICMP 3/10.
    HostProhibited,
    /// ICMP 3/13.
    AdminProhibited,
    /// A TCP RST.
    TcpReset,
}

impl RejectWith {
    /// Every answer with its name.
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

    /// The name behind `--reject-with`.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(r, _)| *r == self).map_or("", |(_, n)| n)
    }
}

/// What a rule does with a packet that meets its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Only count.
    None,
    /// Leave this table.
    Accept,
    /// The end.
    Drop,
    /// Back to the chain it came from.
    Return,
    /// Into another chain of the table, and back at its end.
    Jump(Rc<str>),
    /// Into another chain, and from its end to where this chain would have returned.
    Goto(Rc<str>),
    /// The end, with an answer.
    Reject(RejectWith),
    /// `mark = (mark & !mask) ^ value`; goes on with the next rule.
    Mark {
        /// The bits to toggle in.
        value: u32,
        /// The bits to clear first.
        mask: u32,
    },
    /// Another destination for the connection.
    Dnat {
        /// The address.
        addr: IpAddr,
        /// The port, if it changes.
        port: Option<u16>,
    },
    /// Another source for the connection.
    Snat {
        /// The address.
        addr: IpAddr,
    },
    /// The outgoing device's own address as source.
    Masquerade {
        /// Any free port instead of the same one.
        random_fully: bool,
    },
    /// A target this simulator does not know. It stops the packet.
    Unsupported(Rc<str>),
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `-s`.
    pub src: Option<Negatable<IpNet>>,
    /// `-d`.
    pub dst: Option<Negatable<IpNet>>,
    /// `-i`.
    pub in_dev: Option<Negatable<IfName>>,
    /// `-o`.
    pub out_dev: Option<Negatable<IfName>>,
    /// `-p`, a protocol number.
    pub proto: Option<Negatable<u8>>,
    /// `-m`, in the order given.
    pub matches: Vec<Match>,
    /// `-j` or `-g`.
    pub target: Target,
}

impl Rule {
    /// A rule without conditions.
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

    /// The comment, if it has one.
    pub fn comment(&self) -> Option<&str> {
        self.matches.iter().find_map(|m| match m {
            Match::Comment(c) => Some(&**c),
            _ => None,
        })
    }

    /// The condition or target that is not simulated, if there is one.
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

    /// Whether the packet meets the conditions that need no draw: addresses, devices, protocol.
    pub(super) fn base_holds(&self, v: &View<'_>) -> bool {
        self.dst.as_ref().is_none_or(|n| n.holds(|n| in_net(n, v.dst)))
            && self.src.as_ref().is_none_or(|n| n.holds(|n| in_net(n, v.src)))
            && self.proto.as_ref().is_none_or(|p| p.holds(|p| *p == v.proto))
            && self.in_dev.as_ref().is_none_or(|d| d.holds(|d| d.matches(v.in_dev)))
            && self.out_dev.as_ref().is_none_or(|d| d.holds(|d| d.matches(v.out_dev)))
    }

    /// Whether the packet meets every condition.
    pub fn holds(&self, v: &View<'_>, ask: &mut dyn MatchContext) -> bool {
        self.base_holds(v) && self.matches.iter().all(|m| m.holds(v, ask))
    }
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: Rc<str>,
    /// The policy, of a built-in chain.
    pub policy: Option<Policy>,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// How many rules jump to it.
    pub references: u32,
    /// The number of its first rule within the table.
    pub first_rule: u32,
    index: Index,
}

/// Which rules of a chain a packet can meet: those that ask for its destination and nothing else,
/// and those that do not ask for one address. A chain of a thousand services is not walked in full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Index {
    /// By destination, then by number.
    by_dst: Vec<(IpAddr, u32)>,
    any: Vec<u32>,
}

impl Index {
    fn new(rules: &[Rule]) -> Self {
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
    /// The rules from `from` on that a packet to `dst` can match, in order.
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
            Some((first, &self.rules[first as usize]))
        })
    }
}

/// A table: built-in chains in hook order, then the others by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Which one.
    pub name: TableName,
    /// Its chains.
    pub chains: Vec<Chain>,
    by_name: BTreeMap<Rc<str>, u32>,
}

impl Table {
    /// The chain of that name and its number.
    pub fn chain(&self, name: &str) -> Option<(u32, &Chain)> {
        let id = *self.by_name.get(name)?;
        Some((id, self.chains.get(id as usize)?))
    }

    /// How many counters it needs: one a rule, then one a chain for the policy.
    pub fn n_counters(&self) -> usize {
        self.chains.last().map_or(0, |c| c.first_rule as usize + c.rules.len()) + self.chains.len()
    }

    /// Where a rule's counter stands; `rule` counts from 0.
    pub fn rule_counter(&self, chain: u32, rule: u32) -> u32 {
        self.chains.get(chain as usize).map_or(0, |c| c.first_rule + rule)
    }

    /// Where a built-in chain's policy counter stands.
    pub fn policy_counter(&self, chain: u32) -> u32 {
        (self.n_counters() - self.chains.len()) as u32 + chain
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

/// Every table of a network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset {
    tables: [Table; 4],
}

impl Default for Ruleset {
    fn default() -> Self {
        RulesetBuilder::default().build()
    }
}

impl Ruleset {
    /// These rules, with some tables taken from others.
    pub fn with(&self, tables: &BTreeSet<TableName>, from: &Self) -> Self {
        Self {
            tables: TableName::ALL
                .map(|t| if tables.contains(&t) { from } else { self }.table(t).clone()),
        }
    }

    /// One table.
    pub fn table(&self, name: TableName) -> &Table {
        &self.tables[name as usize]
    }

    /// The tables in use: with a user chain, a rule, or a policy other than ACCEPT.
    pub fn tables_in_use(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|t| {
            t.chains.iter().any(|c| {
                !c.rules.is_empty() || c.policy.is_none() || c.policy == Some(Policy::Drop)
            })
        })
    }

    /// Whether a rule asks a list of `recent`.
    pub(crate) fn names_recent(&self, list: &str) -> bool {
        let asks = |m: &Match| matches!(m, Match::Recent { list: name, .. } if **name == *list);
        self.tables
            .iter()
            .flat_map(|t| &t.chains)
            .flat_map(|c| &c.rules)
            .flat_map(|r| &r.matches)
            .any(asks)
    }

    /// The built-in chain of a hook in a table.
    pub fn builtin(&self, table: TableName, hook: Hook) -> Option<u32> {
        table.hooks().iter().position(|h| *h == hook).map(|i| i as u32)
    }
}

/// Rules being collected, by the calls a daemon makes.
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
    /// `-N`: a new, empty chain; an existing one stays.
    pub fn new_chain(&mut self, table: TableName, name: &str) {
        self.entry(table, name);
    }

    /// `-P`: a built-in chain's policy.
    pub fn policy(&mut self, table: TableName, hook: Hook, policy: Policy) {
        self.entry(table, hook.name()).policy = Some(policy);
    }

    /// `-C`: whether a chain has this rule.
    pub fn has(&self, table: TableName, chain: &str, rule: &Rule) -> bool {
        self.tables[table as usize].get(chain).is_some_and(|c| c.rules.contains(rule))
    }

    /// `-F`: no rule any more.
    pub fn flush(&mut self, table: TableName, chain: &str) {
        self.entry(table, chain).rules.clear();
    }

    /// `-X`: no chain any more.
    pub fn delete(&mut self, table: TableName, chain: &str) {
        self.tables[table as usize].remove(chain);
    }

    /// Whether there is such a chain.
    pub fn has_chain(&self, table: TableName, name: &str) -> bool {
        self.tables[table as usize].contains_key(name)
    }

    /// `-D`: the first such rule goes.
    pub fn delete_rule(&mut self, table: TableName, chain: &str, rule: &Rule) {
        let rules = &mut self.entry(table, chain).rules;
        if let Some(i) = rules.iter().position(|r| r == rule) {
            rules.remove(i);
        }
    }

    /// `-A`: a rule at the end.
    pub fn append(&mut self, table: TableName, chain: &str, rule: Rule) {
        self.entry(table, chain).rules.push(rule);
    }

    /// `-I`: a rule at the beginning.
    pub fn prepend(&mut self, table: TableName, chain: &str, rule: Rule) {
        self.entry(table, chain).rules.insert(0, rule);
    }

    fn entry(&mut self, table: TableName, name: &str) -> &mut Chain {
        let table = &mut self.tables[table as usize];
        if !table.contains_key(name) {
            let name: Rc<str> = name.into();
            table.insert(name.clone(), chain(name, None));
        }
        table.get_mut(name).expect("invariant: the chain was inserted above")
    }

    /// The immutable rules.
    pub fn build(self) -> Ruleset {
        let mut names = TableName::ALL.into_iter();
        let tables = self.tables.map(|mut chains| {
            let name = names.next().expect("invariant: four tables, four names");
            let mut all: Vec<Chain> =
                name.hooks().iter().filter_map(|h| chains.remove(h.name())).collect();
            all.extend(chains.into_values());
            Table::sealed(name, all)
        });
        Ruleset { tables }
    }
}
