//! DNS messages (RFC 1035 section 4), with the types AAAA (RFC 3596) and SRV (RFC 2782). Every
//! length and offset of received bytes is checked.

use super::Name;
use crate::wire::{Malformed, Reader};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

/// The port of DNS, over UDP and TCP.
pub const DNS_PORT: u16 = 53;
/// The longest message over UDP without EDNS, in bytes (RFC 1035 section 4.2.1).
pub const MAX_UDP: usize = 512;
/// Class IN.
pub const CLASS_IN: u16 = 1;
/// Jumps that a compressed name may make: one for each label at most.
const MAX_POINTERS: usize = 127;

/// The type of a record or question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordType(pub u16);

impl RecordType {
    /// An IPv4 address.
    pub const A: Self = Self(1);
    /// A name server of a zone.
    pub const NS: Self = Self(2);
    /// An alias.
    pub const CNAME: Self = Self(5);
    /// The start of a zone's authority.
    pub const SOA: Self = Self(6);
    /// The name of an address.
    pub const PTR: Self = Self(12);
    /// A text.
    pub const TXT: Self = Self(16);
    /// An IPv6 address.
    pub const AAAA: Self = Self(28);
    /// Host and port of a service.
    pub const SRV: Self = Self(33);
    /// EDNS options (RFC 6891); the class of the record is the size of the sender's buffer.
    pub const OPT: Self = Self(41);
    /// Every type, in a question.
    pub const ANY: Self = Self(255);

    const NAMES: [(Self, &'static str); 10] = [
        (Self::A, "A"),
        (Self::NS, "NS"),
        (Self::CNAME, "CNAME"),
        (Self::SOA, "SOA"),
        (Self::PTR, "PTR"),
        (Self::TXT, "TXT"),
        (Self::AAAA, "AAAA"),
        (Self::SRV, "SRV"),
        (Self::OPT, "OPT"),
        (Self::ANY, "ANY"),
    ];

    /// The type of a name such as `AAAA`, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(_, n)| n.eq_ignore_ascii_case(name));
        found.map(|(t, _)| *t)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(t, _)| t == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

/// A response code, of 4 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rcode(pub u8);

impl Rcode {
    /// No error; without answers, the name exists but has no record of the type.
    pub const NO_ERROR: Self = Self(0);
    /// The query is malformed.
    pub const FORMAT_ERROR: Self = Self(1);
    /// The server failed to answer.
    pub const SERVER_FAILURE: Self = Self(2);
    /// The name does not exist.
    pub const NAME_ERROR: Self = Self(3);
    /// The kind of query is not implemented.
    pub const NOT_IMPLEMENTED: Self = Self(4);
    /// The server refuses to answer.
    pub const REFUSED: Self = Self(5);
}

/// As `dig` prints it: `NXDOMAIN`.
impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
        match names.get(usize::from(self.0)) {
            Some(name) => f.write_str(name),
            None => write!(f, "RESERVED{}", self.0),
        }
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name that is asked about.
    pub name: Name,
    /// The type of the records that are asked for.
    pub kind: RecordType,
    /// The class; [`CLASS_IN`].
    pub class: u16,
}

/// A resource record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its owner.
    pub name: Name,
    /// Its class; of OPT, the size of the sender's buffer in bytes.
    pub class: u16,
    /// How long it may be cached, in seconds.
    pub ttl: u32,
    /// Its type and contents.
    pub data: RecordData,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordData {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// The name that its owner is an alias of.
    Cname(Name),
    /// The name of the address in its owner.
    Ptr(Name),
    /// A name server.
    Ns(Name),
    /// Host and port of a service.
    Srv {
        /// The lowest is used first.
        priority: u16,
        /// Share among records of equal priority.
        weight: u16,
        /// TCP or UDP port.
        port: u16,
        /// The host.
        target: Name,
    },
    /// The start of a zone's authority.
    Soa(Box<Soa>),
    /// A text of at most 255 bytes.
    Txt(Rc<str>),
    /// Another type, with its bytes.
    Other(RecordType, Rc<[u8]>),
}

/// The contents of a SOA record (RFC 1035 section 3.3.13).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Soa {
    /// The zone's primary name server.
    pub mname: Name,
    /// Mail address of the person responsible, with a dot in place of `@`.
    pub rname: Name,
    /// Version of the zone.
    pub serial: u32,
    /// Seconds between two looks of a secondary server.
    pub refresh: u32,
    /// Seconds before it tries again.
    pub retry: u32,
    /// Seconds after which it gives the zone up.
    pub expire: u32,
    /// How long "no such name" may be cached, in seconds (RFC 2308).
    pub minimum: u32,
}

impl RecordData {
    /// Its type.
    pub const fn kind(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::AAAA,
            Self::Cname(_) => RecordType::CNAME,
            Self::Ptr(_) => RecordType::PTR,
            Self::Ns(_) => RecordType::NS,
            Self::Srv { .. } => RecordType::SRV,
            Self::Soa(_) => RecordType::SOA,
            Self::Txt(_) => RecordType::TXT,
            Self::Other(kind, _) => *kind,
        }
    }
}

/// As `dig` prints it.
impl fmt::Display for RecordData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(a) => a.fmt(f),
            Self::Aaaa(a) => a.fmt(f),
            Self::Cname(name) | Self::Ptr(name) | Self::Ns(name) => name.fmt(f),
            Self::Srv { priority, weight, port, target } => {
                write!(f, "{priority} {weight} {port} {target}")
            }
            Self::Soa(s) => write!(
                f,
                "{} {} {} {} {} {} {}",
                s.mname, s.rname, s.serial, s.refresh, s.retry, s.expire, s.minimum
            ),
            Self::Txt(text) => write!(f, "{text:?}"),
            Self::Other(_, data) => write!(f, "\\# {}", data.len()),
        }
    }
}

/// A query or its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Number of the query, repeated by the answer.
    pub id: u16,
    /// It is an answer (QR).
    pub response: bool,
    /// Kind of query, 4 bits; 0 is a standard query.
    pub opcode: u8,
    /// The server is an authority for the name (AA).
    pub authoritative: bool,
    /// It did not fit and was cut (TC).
    pub truncated: bool,
    /// The client wants the server to ask others (RD).
    pub recursion_desired: bool,
    /// The server does that (RA).
    pub recursion_available: bool,
    /// The response code.
    pub rcode: Rcode,
    /// What is asked.
    pub questions: Vec<Question>,
    /// Records that answer.
    pub answers: Vec<Record>,
    /// Records of the authority: the SOA if there is no answer.
    pub authority: Vec<Record>,
    /// Further records.
    pub additional: Vec<Record>,
}

impl Message {
    /// A standard query that asks for recursion.
    pub fn query(id: u16, name: Name, kind: RecordType) -> Self {
        let questions = vec![Question { name, kind, class: CLASS_IN }];
        Self { id, recursion_desired: true, questions, ..Self::default() }
    }

    /// An answer to this message, without records.
    #[must_use]
    pub fn reply(&self, rcode: Rcode) -> Self {
        Self {
            id: self.id,
            response: true,
            opcode: self.opcode,
            recursion_desired: self.recursion_desired,
            rcode,
            questions: self.questions.clone(),
            ..Self::default()
        }
    }

    /// The size of the sender's buffer, in bytes, which EDNS announces; 512 without it.
    pub fn udp_size(&self) -> usize {
        let opt = self.additional.iter().find(|r| r.data.kind() == RecordType::OPT);
        opt.map_or(MAX_UDP, |r| usize::from(r.class).max(MAX_UDP))
    }

    /// Its bytes. Names are compressed (RFC 1035 section 4.1.4) if `compress` is set.
    pub fn emit(&self, compress: bool) -> Vec<u8> {
        let mut w = Writer { out: Vec::new(), names: compress.then(BTreeMap::new) };
        let bit = |set: bool, at: u16| u16::from(set) << at;
        let flags = bit(self.response, 15)
            | u16::from(self.opcode & 15) << 11
            | bit(self.authoritative, 10)
            | bit(self.truncated, 9)
            | bit(self.recursion_desired, 8)
            | bit(self.recursion_available, 7)
            | u16::from(self.rcode.0 & 15);
        w.u16(self.id);
        w.u16(flags);
        let sections = [&self.answers, &self.authority, &self.additional];
        w.u16(self.questions.len() as u16);
        sections.iter().for_each(|s| w.u16(s.len() as u16));
        for q in &self.questions {
            w.name(&q.name, true);
            w.u16(q.kind.0);
            w.u16(q.class);
        }
        sections.into_iter().flatten().for_each(|r| w.record(r));
        w.out
    }

    /// Its bytes in at most `limit`: compressed if it does not fit otherwise, and if that is not
    /// enough, with TC set and without the records that do not fit.
    pub fn emit_within(&self, limit: usize) -> Vec<u8> {
        let plain = self.emit(false);
        if plain.len() <= limit {
            return plain;
        }
        let mut cut = self.clone();
        loop {
            let bytes = cut.emit(true);
            if bytes.len() <= limit {
                return bytes;
            }
            cut.truncated = true;
            let is_opt = |r: &Record| r.data.kind() == RecordType::OPT;
            let extra = cut.additional.iter().rposition(|r| !is_opt(r));
            if let Some(i) = extra {
                cut.additional.remove(i);
            } else if cut.authority.pop().is_none() && cut.answers.pop().is_none() {
                return bytes;
            }
        }
    }

    /// Parses a message. Bytes behind its records are ignored.
    ///
    /// # Errors
    /// The bytes end too early, or a name or the contents of a record are malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut p = Parser { all: bytes, at: 0 };
        let (id, flags) = (p.u16()?, p.u16()?);
        let [questions, answers, authority, additional] = [p.u16()?, p.u16()?, p.u16()?, p.u16()?];
        let bit = |at: u16| flags >> at & 1 == 1;
        let mut message = Self {
            id,
            response: bit(15),
            opcode: (flags >> 11 & 15) as u8,
            authoritative: bit(10),
            truncated: bit(9),
            recursion_desired: bit(8),
            recursion_available: bit(7),
            rcode: Rcode((flags & 15) as u8),
            ..Self::default()
        };
        for _ in 0..questions {
            let name = p.name()?;
            message.questions.push(Question { name, kind: RecordType(p.u16()?), class: p.u16()? });
        }
        for (n, section) in [
            (answers, &mut message.answers),
            (authority, &mut message.authority),
            (additional, &mut message.additional),
        ] {
            for _ in 0..n {
                section.push(p.record()?);
            }
        }
        Ok(message)
    }
}

/// Appends to a message, and remembers where names begin.
struct Writer {
    out: Vec<u8>,
    /// Offset of each name written so far; none if names are not compressed.
    names: Option<BTreeMap<Name, u16>>,
}

impl Writer {
    fn u16(&mut self, n: u16) {
        self.out.extend(n.to_be_bytes());
    }

    fn u32(&mut self, n: u32) {
        self.out.extend(n.to_be_bytes());
    }

    /// `pointers`: whether the name may end in a pointer to an earlier one.
    fn name(&mut self, name: &Name, pointers: bool) {
        let mut rest = Some(name.clone());
        while let Some(name) = rest.filter(|n| !n.labels().is_empty()) {
            if let Some(names) = &mut self.names {
                if let Some(at) = names.get(&name).filter(|_| pointers) {
                    let pointer = 0xc000 | at;
                    return self.u16(pointer);
                }
                // A pointer has 14 bits.
                if let Ok(at @ ..0x4000) = u16::try_from(self.out.len()) {
                    names.insert(name.clone(), at);
                }
            }
            let label = &name.labels()[0];
            self.out.push(label.len() as u8);
            self.out.extend(label.iter());
            rest = name.parent();
        }
        self.out.push(0);
    }

    fn record(&mut self, r: &Record) {
        self.name(&r.name, true);
        self.u16(r.data.kind().0);
        self.u16(r.class);
        self.u32(r.ttl);
        let start = self.out.len();
        self.u16(0);
        match &r.data {
            RecordData::A(a) => self.out.extend(a.octets()),
            RecordData::Aaaa(a) => self.out.extend(a.octets()),
            RecordData::Cname(n) | RecordData::Ptr(n) | RecordData::Ns(n) => self.name(n, true),
            RecordData::Srv { priority, weight, port, target } => {
                [priority, weight, port].into_iter().for_each(|n| self.u16(*n));
                // Not compressed (RFC 2782).
                self.name(target, false);
            }
            RecordData::Soa(s) => {
                self.name(&s.mname, true);
                self.name(&s.rname, true);
                [s.serial, s.refresh, s.retry, s.expire, s.minimum]
                    .into_iter()
                    .for_each(|n| self.u32(n));
            }
            RecordData::Txt(text) => {
                let text = &text.as_bytes()[..text.len().min(255)];
                self.out.push(text.len() as u8);
                self.out.extend(text);
            }
            RecordData::Other(_, data) => self.out.extend(data.iter()),
        }
        let len = (self.out.len() - start - 2) as u16;
        self.out[start..start + 2].copy_from_slice(&len.to_be_bytes());
    }
}

/// Reads a message at an offset; pointers lead to earlier offsets.
struct Parser<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(n).ok_or(Malformed::Short("DNS"))?;
        let taken = self.all.get(self.at..end).ok_or(Malformed::Short("DNS"))?;
        self.at = end;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        Reader::new(self.take(2)?, "DNS").u16()
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        Reader::new(self.take(4)?, "DNS").u32()
    }

    fn name(&mut self) -> Result<Name, Malformed> {
        let wrong = Malformed::Field("DNS name");
        let mut labels: Vec<Rc<[u8]>> = Vec::new();
        // Where reading goes on behind the name, once a pointer was followed.
        let mut behind = None;
        for _ in 0..=MAX_POINTERS + Name::MAX_LEN / 2 {
            let n = self.take(1)?[0];
            match n >> 6 {
                0 if n == 0 => {
                    self.at = behind.unwrap_or(self.at);
                    return Name::from_labels(labels).map_err(|_| wrong);
                }
                0 => labels.push(self.take(n.into())?.into()),
                3 => {
                    let start = self.at - 1;
                    let to = usize::from(n & 0x3f) << 8 | usize::from(self.take(1)?[0]);
                    behind = behind.or(Some(self.at));
                    if to >= start {
                        return Err(wrong);
                    }
                    self.at = to;
                }
                _ => return Err(wrong),
            }
        }
        Err(wrong)
    }

    fn record(&mut self) -> Result<Record, Malformed> {
        let name = self.name()?;
        let kind = RecordType(self.u16()?);
        let (class, ttl, len) = (self.u16()?, self.u32()?, usize::from(self.u16()?));
        let end = self.at.checked_add(len).filter(|end| *end <= self.all.len());
        let end = end.ok_or(Malformed::Short("DNS"))?;
        let data = match kind {
            RecordType::A => RecordData::A(Reader::new(self.take(4)?, "DNS").array::<4>()?.into()),
            RecordType::AAAA => {
                RecordData::Aaaa(Reader::new(self.take(16)?, "DNS").array::<16>()?.into())
            }
            RecordType::CNAME => RecordData::Cname(self.name()?),
            RecordType::PTR => RecordData::Ptr(self.name()?),
            RecordType::NS => RecordData::Ns(self.name()?),
            RecordType::SRV => RecordData::Srv {
                priority: self.u16()?,
                weight: self.u16()?,
                port: self.u16()?,
                target: self.name()?,
            },
            RecordType::SOA => RecordData::Soa(Box::new(Soa {
                mname: self.name()?,
                rname: self.name()?,
                serial: self.u32()?,
                refresh: self.u32()?,
                retry: self.u32()?,
                expire: self.u32()?,
                minimum: self.u32()?,
            })),
            RecordType::TXT => {
                let n = usize::from(self.take(1)?[0]);
                let text = std::str::from_utf8(self.take(n)?);
                RecordData::Txt(text.map_err(|_| Malformed::Field("DNS TXT"))?.into())
            }
            other => RecordData::Other(other, self.take(len)?.into()),
        };
        if self.at != end {
            return Err(Malformed::Field("DNS record length"));
        }
        Ok(Record { name, class, ttl, data })
    }
}

#[cfg(test)]
mod tests;
