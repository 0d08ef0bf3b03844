//! A stub resolver: which names it asks for, which server, in which order, and when it gives up.
//! It is glibc's (`resolv/res_query.c` `__res_context_search`, `resolv/res_send.c`): A and AAAA are
//! asked in parallel from one socket, and an answer counts when both have arrived.
//!
//! Left out: `rotate`, `single-request`, `edns0`, sortlists, and TCP after a truncated answer.

use super::{Message, Name, Rcode, RecordData, RecordType};
use crate::time::Duration;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

/// `/etc/resolv.conf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvConf {
    /// The servers, in the order in which they are tried.
    pub nameservers: Vec<IpAddr>,
    /// The domains that a name is looked up in.
    pub search: Vec<Name>,
    /// A name with this many dots is tried as it is first (`ndots`).
    pub ndots: u8,
    /// How long an answer is awaited (`timeout`).
    pub timeout: Duration,
    /// How often each server is asked (`attempts`).
    pub attempts: u8,
}

impl Default for ResolvConf {
    /// The resolver's own values (`RES_TIMEOUT`, `RES_DFLRETRY`), without a server.
    fn default() -> Self {
        Self {
            nameservers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::secs(5),
            attempts: 2,
        }
    }
}

/// The text of the file, as kubelet writes it.
impl fmt::Display for ResolvConf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.search.is_empty() {
            f.write_str("search")?;
            for domain in &self.search {
                write!(f, " {domain:#}")?;
            }
            writeln!(f)?;
        }
        for server in &self.nameservers {
            writeln!(f, "nameserver {server}")?;
        }
        let usual = Self::default();
        let mut options = Vec::new();
        if self.ndots != usual.ndots {
            options.push(format!("ndots:{}", self.ndots));
        }
        if self.timeout != usual.timeout {
            options.push(format!("timeout:{}", self.timeout.0 / 1_000_000_000));
        }
        if self.attempts != usual.attempts {
            options.push(format!("attempts:{}", self.attempts));
        }
        if !options.is_empty() {
            writeln!(f, "options {}", options.join(" "))?;
        }
        Ok(())
    }
}

/// Why one name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server answered with an error, such as NXDOMAIN.
    Rcode(Rcode),
    /// The name exists, without a record of the type.
    NoData,
    /// No server answered in time.
    TimedOut,
    /// Every server's host refused the datagram, or none can be reached.
    Refused,
}

/// As it stands in a list of names that were tried.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rcode(rcode) => rcode.fmt(f),
            Self::NoData => f.write_str("no address"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Refused => f.write_str("refused"),
        }
    }
}

/// A name that was asked for in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The name, with its domain.
    pub name: Name,
    /// What came of it.
    pub failure: Failure,
}

/// A lookup that found nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Whether asking again may help: "Temporary failure in name resolution" (`EAI_AGAIN`) instead
    /// of "Name or service not known" (`EAI_NONAME`).
    pub temporary: bool,
    /// Every name that was tried, in order.
    pub tried: Rc<[Tried]>,
}

/// The lookup of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The file that it follows.
    pub conf: Rc<ResolvConf>,
    /// The types of record that are asked for.
    pub kinds: Rc<[RecordType]>,
    /// The names to ask for, in order.
    pub names: Rc<[Name]>,
    /// The first of them is the name as it was typed, because it has enough dots.
    pub as_is_first: bool,
    /// The index of the name that is asked for.
    pub at: usize,
    /// How many servers were asked for it, counting each attempt.
    pub asked: usize,
    /// The answers to its questions, in the order of `kinds`; in the end, those about the last
    /// name.
    pub answers: Vec<Option<Rc<Message>>>,
    /// Names that were tried in vain.
    pub tried: Vec<Tried>,
    /// Sockets opened so far; each has a port of its own.
    pub sockets: u16,
}

/// What a resolver does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Waits for further answers.
    Wait,
    /// Asks for the present name.
    Ask,
    /// The lookup is over: there are answers.
    Found,
    /// The lookup is over: there is none.
    Failed,
}

impl Lookup {
    /// The lookup of a name that was typed with a dot at the end (`absolute`) or without.
    pub fn new(conf: Rc<ResolvConf>, name: &Name, absolute: bool, kinds: &[RecordType]) -> Self {
        let dots = name.labels().len().saturating_sub(1);
        let as_is_first = absolute || dots >= usize::from(conf.ndots);
        let mut names = Vec::new();
        if !absolute {
            names.extend(conf.search.iter().filter_map(|domain| name.join(domain).ok()));
        }
        names.insert(if as_is_first { 0 } else { names.len() }, name.clone());
        Self {
            answers: vec![None; kinds.len()],
            kinds: kinds.into(),
            names: names.into(),
            conf,
            as_is_first,
            at: 0,
            asked: 0,
            tried: Vec::new(),
            sockets: 0,
        }
    }

    /// The name that is asked for.
    pub fn name(&self) -> &Name {
        &self.names[self.at.min(self.names.len() - 1)]
    }

    /// The server to ask; none if the file names none.
    pub fn server(&self) -> Option<IpAddr> {
        let servers = &self.conf.nameservers;
        servers.get(self.asked.checked_rem(servers.len())?).copied()
    }

    /// The questions about the present name that have no answer yet. `draw`: a random number, from
    /// which their numbers are made.
    pub fn queries(&self, draw: u64) -> Vec<Message> {
        let all = self.kinds.iter().zip(0..);
        let open = all.filter(|(_, i)| self.answers[usize::from(*i)].is_none());
        open.map(|(kind, i)| Message::query(Self::id(draw, i), self.name().clone(), *kind))
            .collect()
    }

    /// The number of a query.
    const fn id(draw: u64, i: u16) -> u16 {
        (draw >> 16) as u16 ^ i.wrapping_mul(0x9e37)
    }

    /// Takes a datagram of the server. What answers no open question is ignored.
    pub fn received(&mut self, bytes: &[u8], draw: u64) -> Next {
        let Ok(message) = Message::parse(bytes) else { return Next::Wait };
        let asked = |(i, kind): &(usize, &RecordType)| {
            message.id == Self::id(draw, *i as u16)
                && self.answers[*i].is_none()
                && message
                    .questions
                    .first()
                    .is_some_and(|q| q.kind == **kind && q.name.lower() == self.name().lower())
        };
        let found = self.kinds.iter().enumerate().find(asked).map(|(i, _)| i);
        let Some(i) = found.filter(|_| message.response) else { return Next::Wait };
        self.answers[i] = Some(Rc::new(message));
        if self.answers.iter().any(Option::is_none) {
            return Next::Wait;
        }
        let mut answers = self.answers.iter().flatten();
        if answers.any(|m| m.rcode == Rcode::NO_ERROR && self.has_data(m)) {
            return Next::Found;
        }
        // Another server may know more, or the same one at the next attempt (`next_ns`).
        let fails = [Rcode::SERVER_FAILURE, Rcode::NOT_IMPLEMENTED, Rcode::REFUSED];
        let mut rcodes = self.answers.iter().flatten().map(|m| m.rcode);
        let rcode = rcodes.clone().find(|r| fails.contains(r)).or_else(|| rcodes.next());
        match rcode.unwrap_or_default() {
            Rcode::NO_ERROR => self.next_name(Failure::NoData),
            rcode if fails.contains(&rcode) => {
                self.sockets += 1;
                let next = self.next_server(Failure::Rcode(rcode));
                if next == Next::Ask {
                    self.answers.fill(None);
                }
                next
            }
            rcode => self.next_name(Failure::Rcode(rcode)),
        }
    }

    /// Whether a message has a record of a type that is asked for.
    fn has_data(&self, message: &Message) -> bool {
        let wanted = |kind: RecordType| self.kinds.contains(&kind) || kind == RecordType::ANY;
        message.answers.iter().any(|r| wanted(r.data.kind()))
    }

    /// The wait for an answer is over.
    pub fn timed_out(&mut self) -> Next {
        self.next_server(Failure::TimedOut)
    }

    /// The query was refused by an ICMP error, or could not be sent.
    pub fn refused(&mut self) -> Next {
        self.sockets += 1;
        self.next_server(Failure::Refused)
    }

    fn next_server(&mut self, failure: Failure) -> Next {
        self.asked += 1;
        if self.asked < self.conf.nameservers.len() * usize::from(self.conf.attempts.max(1)) {
            return Next::Ask;
        }
        self.next_name(failure)
    }

    /// The present name is given up. What is tried next depends on why.
    fn next_name(&mut self, failure: Failure) -> Next {
        self.tried.push(Tried { name: self.name().clone(), failure });
        let last = self.names.len() - 1;
        self.at = match failure {
            Failure::Refused => self.names.len(),
            // The name as it is still gets its turn, if it had none.
            Failure::TimedOut if !self.as_is_first && self.at < last => last,
            // As the first try it does not end the search.
            Failure::TimedOut if !(self.as_is_first && self.at == 0) => self.names.len(),
            _ => self.at + 1,
        };
        if self.at >= self.names.len() {
            return Next::Failed;
        }
        (self.asked, self.sockets) = (0, self.sockets + 1);
        self.answers.fill(None);
        Next::Ask
    }

    /// The addresses that were found, in the order of the answers.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let records = self.answers.iter().flatten().flat_map(|m| &m.answers);
        let address = |data: &RecordData| match data {
            RecordData::A(a) => Some(IpAddr::V4(*a)),
            RecordData::Aaaa(a) => Some(IpAddr::V6(*a)),
            _ => None,
        };
        records.filter_map(|r| address(&r.data)).collect()
    }

    /// Length of the answers, in bytes.
    pub fn answer_len(&self) -> u32 {
        self.answers.iter().flatten().map(|m| m.emit(false).len() as u32).sum()
    }

    /// Why nothing was found (`h_errno` of `__res_context_search`).
    pub fn unresolved(&self) -> Unresolved {
        let failures = || self.tried.iter().map(|t| t.failure);
        let refused = failures().any(|f| f == Failure::Refused);
        let decisive = if self.as_is_first && !refused {
            failures().next()
        } else if !refused && failures().any(|f| f == Failure::NoData) {
            Some(Failure::NoData)
        } else {
            self.tried.last().map(|t| t.failure)
        };
        let servfail = |f| f == Failure::Rcode(Rcode::SERVER_FAILURE);
        let lasting = matches!(decisive, Some(Failure::NoData | Failure::Rcode(Rcode::NAME_ERROR)));
        let searched = failures().take(self.tried.len().saturating_sub(1)).any(servfail);
        let temporary =
            !lasting || (!self.as_is_first && decisive != Some(Failure::NoData) && searched);
        Unresolved { temporary, tried: self.tried.clone().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &[RecordType] = &[RecordType::A, RecordType::AAAA];

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    fn conf() -> Rc<ResolvConf> {
        Rc::new(ResolvConf {
            nameservers: vec![[10, 96, 0, 10].into()],
            search: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]
                .map(name)
                .into(),
            ndots: 5,
            ..ResolvConf::default()
        })
    }

    fn order(text: &str) -> Vec<String> {
        let absolute = text.ends_with('.');
        let lookup = Lookup::new(conf(), &name(text), absolute, BOTH);
        lookup.names.iter().map(Name::to_string).collect()
    }

    /// Answers both questions with this code, and the address if there is one.
    fn answer(lookup: &mut Lookup, rcode: Rcode, addr: Option<[u8; 4]>) -> Next {
        let mut next = Next::Wait;
        for query in lookup.queries(9) {
            let mut reply = query.reply(rcode);
            let kind = query.questions[0].kind;
            let data = addr.filter(|_| kind == RecordType::A).map(|a| RecordData::A(a.into()));
            let owner = query.questions[0].name.clone();
            let record = |data| super::super::Record { name: owner, class: 1, ttl: 30, data };
            reply.answers = data.map(record).into_iter().collect();
            next = lookup.received(&reply.emit(false), 9);
            if next != Next::Wait {
                break;
            }
        }
        next
    }

    #[test]
    fn dots_decide_whether_domains_come_first() {
        let domains = ["default.svc.cluster.local.", "svc.cluster.local.", "cluster.local."];
        let below = |n: &str| domains.map(|d| format!("{n}.{d}")).to_vec();
        assert_eq!(order("web"), [below("web"), vec!["web.".to_owned()]].concat());
        assert_eq!(order("a.b.c.d"), [below("a.b.c.d"), vec!["a.b.c.d.".to_owned()]].concat());
        assert_eq!(
            order("a.b.c.d.e.f"),
            [vec!["a.b.c.d.e.f.".to_owned()], below("a.b.c.d.e.f")].concat()
        );
        assert_eq!(order("web."), ["web."]);
    }

    #[test]
    fn names_are_tried_until_one_has_an_address() {
        let mut l = Lookup::new(conf(), &name("web.shop"), false, BOTH);
        assert_eq!(l.queries(9).len(), 2);
        assert_eq!(answer(&mut l, Rcode::NAME_ERROR, None), Next::Ask);
        assert_eq!(l.name().to_string(), "web.shop.svc.cluster.local.");
        assert_eq!(answer(&mut l, Rcode::NO_ERROR, Some([10, 96, 1, 1])), Next::Found);
        assert_eq!(l.addresses(), [IpAddr::from([10, 96, 1, 1])]);
    }

    #[test]
    fn nothing_found_is_lasting_unless_a_server_failed() {
        let mut l = Lookup::new(conf(), &name("web"), false, BOTH);
        for _ in 0..3 {
            assert_eq!(answer(&mut l, Rcode::NAME_ERROR, None), Next::Ask);
        }
        let mut gone = l.clone();
        assert_eq!(answer(&mut gone, Rcode::NAME_ERROR, None), Next::Failed);
        assert!(!gone.unresolved().temporary);
        // Each server is asked twice if it fails.
        assert_eq!(answer(&mut l, Rcode::SERVER_FAILURE, None), Next::Ask);
        assert_eq!(answer(&mut l, Rcode::SERVER_FAILURE, None), Next::Failed);
        assert!(l.unresolved().temporary);
        let tried: Vec<_> = l.unresolved().tried.iter().map(|t| t.failure.to_string()).collect();
        assert_eq!(tried, ["NXDOMAIN", "NXDOMAIN", "NXDOMAIN", "SERVFAIL"]);
    }

    #[test]
    fn silence_ends_the_search_but_for_the_name_as_it_is() {
        let mut l = Lookup::new(conf(), &name("web"), false, BOTH);
        assert_eq!((l.timed_out(), l.timed_out()), (Next::Ask, Next::Ask));
        assert_eq!(l.name().to_string(), "web.");
        assert_eq!((l.timed_out(), l.timed_out()), (Next::Ask, Next::Failed));
        assert!(l.unresolved().temporary);
        assert_eq!(l.tried.len(), 2);
    }

    #[test]
    fn a_refusal_ends_the_lookup_after_every_attempt() {
        let mut l = Lookup::new(conf(), &name("web"), false, BOTH);
        assert_eq!((l.refused(), l.refused()), (Next::Ask, Next::Failed));
        assert!(l.unresolved().temporary);
        assert_eq!(l.tried[0].failure, Failure::Refused);
    }

    #[test]
    fn an_answer_to_another_question_is_ignored() {
        let mut l = Lookup::new(conf(), &name("web"), false, BOTH);
        let queries = l.queries(9);
        let mut other = queries[0].reply(Rcode::NAME_ERROR);
        other.id ^= 1;
        assert_eq!(l.received(&other.emit(false), 9), Next::Wait);
        assert_eq!(l.received(&queries[0].emit(false), 9), Next::Wait, "a query");
        assert_eq!(l.received(b"?", 9), Next::Wait);
        assert_eq!(l.queries(9), queries);
    }

    #[test]
    fn the_file_is_printed_as_kubelet_writes_it() {
        let text = "search default.svc.cluster.local svc.cluster.local cluster.local\n\
                    nameserver 10.96.0.10\noptions ndots:5\n";
        assert_eq!(conf().to_string(), text);
        assert_eq!(ResolvConf::default().to_string(), "");
    }
}
