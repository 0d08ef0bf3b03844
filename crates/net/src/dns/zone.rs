//! What a DNS server knows, and how it answers. It is an authority for its origins and its records;
//! of other names it answers SERVFAIL, as a server does whose upstream cannot be reached.
//!
//! Left out: wildcards, delegation, DNSSEC, zone transfers, caches.

use super::{
    CLASS_IN, MAX_UDP, Message, Name, Question, Rcode, Record, RecordData, RecordType, Soa,
};
use crate::rng::Rng;
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::rc::Rc;

/// Aliases that are followed for one question.
const MAX_ALIASES: usize = 8;

/// The data of a DNS server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// The names at and below which every name is known here: others do not exist.
    pub origins: Vec<Name>,
    /// The SOA of answers without records; the owner is the origin.
    pub soa: Option<Box<Soa>>,
    /// How long a record may be cached, in seconds.
    pub ttl: u32,
    /// Names below which a first label such as `10-1-5-4` stands for the address it spells; in
    /// lower case.
    pub spelled: BTreeSet<Name>,
    /// Addresses of one name are answered in an order that is drawn for each query.
    pub shuffled: bool,
    /// The records of each name, in lower case. A name without records exists, too.
    pub(crate) records: BTreeMap<Name, Vec<RecordData>>,
}

/// A zone that the servers of a cluster share. It is written when one of them is first asked.
#[derive(Clone)]
pub struct SharedZone(Rc<LazyCell<Zone, Box<dyn FnOnce() -> Zone>>>);

impl SharedZone {
    /// The zone that `write` returns.
    pub fn lazy(write: impl FnOnce() -> Zone + 'static) -> Self {
        Self(Rc::new(LazyCell::new(Box::new(write))))
    }
}

impl Deref for SharedZone {
    type Target = Zone;

    fn deref(&self) -> &Zone {
        &self.0
    }
}

impl PartialEq for SharedZone {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl Eq for SharedZone {}

impl fmt::Debug for SharedZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Zone {
    /// A zone without records, that is an authority for one name and those below it.
    pub fn new(origin: Name, soa: Option<Box<Soa>>, ttl: u32) -> Self {
        Self { origins: vec![origin], soa, ttl, ..Self::default() }
    }

    /// Adds a record that is not there yet. The names above it exist from now on.
    pub fn add(&mut self, name: &Name, data: RecordData) {
        self.exists(name);
        self.records.entry(name.lower()).or_default().push(data);
    }

    /// Makes a name exist, and those above it up to the origin.
    pub fn exists(&mut self, name: &Name) {
        let name = name.lower();
        if self.records.contains_key(&name) {
            return;
        }
        let parent = name.parent().filter(|p| self.origins.iter().any(|o| p.is_in(o)));
        parent.iter().for_each(|p| self.exists(p));
        self.records.insert(name, Vec::new());
    }

    /// Every name with its records.
    pub fn records(&self) -> impl Iterator<Item = (&Name, &[RecordData])> {
        self.records.iter().map(|(n, r)| (n, &r[..]))
    }

    /// The records of a name.
    pub fn of(&self, name: &Name) -> &[RecordData] {
        self.records.get(&name.lower()).map_or(&[], |r| &r[..])
    }

    /// The bytes of the answer to a query; none if it gets no answer. `over_tcp`: it may be longer
    /// than over UDP. `draw`: a random number, by which addresses are shuffled.
    pub fn serve(&self, query: &[u8], over_tcp: bool, draw: u64) -> Option<Vec<u8>> {
        let header = query.first_chunk::<12>()?;
        let number = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let flags = number(2);
        if flags >> 15 == 1 {
            return None;
        }
        let head = Message {
            id: number(0),
            opcode: (flags >> 11 & 15) as u8,
            recursion_desired: flags >> 8 & 1 == 1,
            ..Message::default()
        };
        let answer = if head.opcode != 0 {
            head.reply(Rcode::NOT_IMPLEMENTED)
        } else {
            match Message::parse(query) {
                Ok(query) if query.questions.len() == 1 => {
                    let answer = self.answer(&query, &query.questions[0], draw);
                    let limit = if over_tcp { usize::from(u16::MAX) } else { query.udp_size() };
                    return Some(answer.emit_within(limit));
                }
                _ => head.reply(Rcode::FORMAT_ERROR),
            }
        };
        Some(answer.emit_within(MAX_UDP))
    }

    fn answer(&self, query: &Message, question: &Question, draw: u64) -> Message {
        let mut answer = query.reply(Rcode::NO_ERROR);
        let opt = |r: &&Record| r.data.kind() == RecordType::OPT;
        answer.additional = query.additional.iter().find(opt).cloned().into_iter().collect();
        if question.class != CLASS_IN {
            answer.rcode = Rcode::REFUSED;
            return answer;
        }
        let origin = self.origins.iter().find(|o| question.name.is_in(o));
        if origin.is_none() && self.of(&question.name).is_empty() {
            answer.rcode = Rcode::SERVER_FAILURE;
            return answer;
        }
        answer.authoritative = true;
        let found = self.find(&question.name, question.kind, 0);
        let Some(mut found) = found.filter(|f| !f.is_empty()) else {
            if self.find(&question.name, RecordType::ANY, 0).is_none() {
                answer.rcode = Rcode::NAME_ERROR;
            }
            let soa = origin.zip(self.soa.clone());
            answer.authority.extend(soa.map(|(o, soa)| self.record(o, RecordData::Soa(soa))));
            return answer;
        };
        for r in &found {
            let RecordData::Srv { target, .. } = &r.data else { continue };
            for more in self.find(target, RecordType::A, 0).into_iter().flatten() {
                if !answer.additional.contains(&more) {
                    answer.additional.insert(0, more);
                }
            }
        }
        if self.shuffled {
            let mut rng = Rng::new(draw);
            let first = found.iter().take_while(|r| r.data.kind() == RecordType::CNAME).count();
            for i in (first + 1..found.len()).rev() {
                let with = first + rng.below((i - first) as u64 + 1) as usize;
                found.swap(i, with);
            }
        }
        answer.answers = found;
        answer
    }

    /// The records of a type, behind the aliases that lead to them. None if the name does not
    /// exist; for type ANY, an existing name has none.
    fn find(&self, name: &Name, kind: RecordType, aliases: usize) -> Option<Vec<Record>> {
        if let Some(addr) = self.spelled_by(name) {
            let data = RecordData::A(addr);
            return Some(if kind == RecordType::A {
                vec![self.record(name, data)]
            } else {
                vec![]
            });
        }
        let all = self.records.get(&name.lower())?;
        let of_kind: Vec<_> = all.iter().filter(|d| d.kind() == kind).collect();
        if !of_kind.is_empty() {
            return Some(of_kind.into_iter().map(|d| self.record(name, d.clone())).collect());
        }
        let alias = all.iter().find_map(|d| match d {
            RecordData::Cname(target) if kind != RecordType::ANY => Some(target),
            _ => None,
        });
        let Some(target) = alias.filter(|_| aliases < MAX_ALIASES) else { return Some(vec![]) };
        let mut out = vec![self.record(name, RecordData::Cname(target.clone()))];
        let known = self.origins.iter().any(|o| target.is_in(o));
        let behind = self.find(target, kind, aliases + 1).unwrap_or_default();
        if known && behind.is_empty() {
            return Some(vec![]);
        }
        out.extend(behind);
        Some(out)
    }

    /// The address that the first label of a name spells.
    fn spelled_by(&self, name: &Name) -> Option<Ipv4Addr> {
        let parent = name.parent().filter(|p| self.spelled.contains(&p.lower()))?;
        debug_assert!(parent.labels().len() + 1 == name.labels().len());
        std::str::from_utf8(name.labels().first()?).ok()?.replace('-', ".").parse().ok()
    }

    fn record(&self, name: &Name, data: RecordData) -> Record {
        Record { name: name.clone(), class: CLASS_IN, ttl: self.ttl, data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    fn zone() -> Zone {
        let soa = Soa {
            mname: name("ns.dns.cluster.local"),
            rname: name("hostmaster.cluster.local"),
            serial: 1,
            refresh: 2,
            retry: 3,
            expire: 4,
            minimum: 5,
        };
        let mut zone = Zone::new(name("cluster.local"), Some(Box::new(soa)), 30);
        zone.spelled.insert(name("default.pod.cluster.local"));
        let a = |n| RecordData::A([10, 0, 0, n].into());
        zone.add(&name("web.default.svc.cluster.local"), a(1));
        for n in 2..8 {
            zone.add(&name("many.default.svc.cluster.local"), a(n));
        }
        let alias = |to: &str| RecordData::Cname(name(to));
        zone.add(&name("in.default.svc.cluster.local"), alias("web.default.svc.cluster.local"));
        zone.add(&name("gone.default.svc.cluster.local"), alias("no.default.svc.cluster.local"));
        zone.add(&name("out.default.svc.cluster.local"), alias("example.com"));
        zone.add(&name("loop.default.svc.cluster.local"), alias("loop.default.svc.cluster.local"));
        let web = name("web.default.svc.cluster.local");
        zone.add(&name("1.0.0.10.in-addr.arpa"), RecordData::Ptr(web.clone()));
        let srv = RecordData::Srv { priority: 0, weight: 100, port: 80, target: web };
        zone.add(&name("_http._tcp.web.default.svc.cluster.local"), srv);
        zone
    }

    fn ask(zone: &Zone, text: &str, kind: RecordType, draw: u64) -> Message {
        let query = Message::query(7, name(text), kind);
        let bytes = zone.serve(&query.emit(false), false, draw).expect("an answer");
        let answer = Message::parse(&bytes).expect("a message");
        assert_eq!((answer.id, answer.response, &answer.questions), (7, true, &query.questions));
        answer
    }

    /// Response code, answers, and whether the SOA is there.
    fn says(text: &str, kind: RecordType) -> String {
        let m = ask(&zone(), text, kind, 0);
        let answers: Vec<_> = m.answers.iter().map(|r| r.data.to_string()).collect();
        format!("{} {:?} {}", m.rcode, answers, m.authority.len())
    }

    #[test]
    fn a_name_has_its_records_no_record_or_does_not_exist() {
        use RecordType as T;
        let web = "web.default.svc.cluster.local";
        assert_eq!(says(web, T::A), r#"NOERROR ["10.0.0.1"] 0"#);
        assert_eq!(says("WEB.Default.svc.cluster.local", T::A), says(web, T::A));
        assert_eq!(says(web, T::AAAA), "NOERROR [] 1");
        assert_eq!(says("default.svc.cluster.local", T::A), "NOERROR [] 1", "it is above a name");
        assert_eq!(says("no.default.svc.cluster.local", T::A), "NXDOMAIN [] 1");
        assert_eq!(says("1.0.0.10.in-addr.arpa", T::PTR), format!("NOERROR [\"{web}.\"] 0"));
        assert_eq!(says("2.0.0.10.in-addr.arpa", T::PTR), "SERVFAIL [] 0");
        assert_eq!(says("web", T::A), "SERVFAIL [] 0");
        assert_eq!(says("example.com", T::A), "SERVFAIL [] 0");
        assert_eq!(says("10-1-5-4.default.pod.cluster.local", T::A), r#"NOERROR ["10.1.5.4"] 0"#);
        assert_eq!(says("10-1-5-4.default.pod.cluster.local", T::AAAA), "NOERROR [] 1");
        assert_eq!(says("10-1-5.default.pod.cluster.local", T::A), "NXDOMAIN [] 1");
    }

    #[test]
    fn an_alias_brings_what_it_leads_to() {
        let a = RecordType::A;
        let inside = r#"NOERROR ["web.default.svc.cluster.local.", "10.0.0.1"] 0"#;
        assert_eq!(says("in.default.svc.cluster.local", a), inside);
        assert_eq!(says("out.default.svc.cluster.local", a), r#"NOERROR ["example.com."] 0"#);
        assert_eq!(says("gone.default.svc.cluster.local", a), "NOERROR [] 1");
        assert_eq!(says("loop.default.svc.cluster.local", a), "NOERROR [] 1");
        let cname = says("in.default.svc.cluster.local", RecordType::CNAME);
        assert_eq!(cname, r#"NOERROR ["web.default.svc.cluster.local."] 0"#);
    }

    #[test]
    fn the_host_of_a_service_record_comes_with_its_address() {
        let m = ask(&zone(), "_http._tcp.web.default.svc.cluster.local", RecordType::SRV, 0);
        let of = |r: &Record| format!("{} {}", r.name, r.data);
        let web = "web.default.svc.cluster.local.";
        assert_eq!(
            m.answers.iter().map(|r| r.data.to_string()).collect::<Vec<_>>(),
            [format!("0 100 80 {web}")]
        );
        assert_eq!(m.additional.iter().map(of).collect::<Vec<_>>(), [format!("{web} 10.0.0.1")]);
    }

    #[test]
    fn addresses_are_shuffled_if_the_server_does_so() {
        let mut zone = zone();
        let all = |zone: &Zone, draw| {
            let m = ask(zone, "many.default.svc.cluster.local", RecordType::A, draw);
            m.answers.iter().map(|r| r.data.to_string()).collect::<Vec<_>>()
        };
        let plain = all(&zone, 1);
        assert_eq!(plain, all(&zone, 2));
        zone.shuffled = true;
        let (first, mut second) = (all(&zone, 1), all(&zone, 2));
        assert_ne!(first, second);
        assert_eq!(first, all(&zone, 1));
        second.sort();
        assert_eq!(second, plain);
    }

    #[test]
    fn queries_of_other_kinds_are_refused() {
        let serve = |bytes: &[u8]| {
            let answer = zone().serve(bytes, false, 0)?;
            Some(Message::parse(&answer).map(|m| (m.rcode, m.questions.len())))
        };
        let query = Message::query(1, name("web.default.svc.cluster.local"), RecordType::A);
        assert_eq!(serve(b"hello"), None, "no header");
        assert_eq!(serve(&query.reply(Rcode::NO_ERROR).emit(false)), None, "an answer");
        assert_eq!(serve(&[b'q'; 30]), Some(Ok((Rcode::NOT_IMPLEMENTED, 0))));
        assert_eq!(serve(&query.emit(false)[..20]), Some(Ok((Rcode::FORMAT_ERROR, 0))));
        let mut two = query.clone();
        two.questions.extend(query.questions.clone());
        assert_eq!(serve(&two.emit(false)), Some(Ok((Rcode::FORMAT_ERROR, 0))));
        let mut chaos = query;
        chaos.questions[0].class = 3;
        assert_eq!(serve(&chaos.emit(false)), Some(Ok((Rcode::REFUSED, 1))));
    }
}
