//! One rule in two forms: the words kube-proxy writes, and what a kernel makes of them.

use super::{Protocol, Release};
use ipnet::IpNet;
use net::netfilter::{
    AddrType, CtStates, Match, Negatable, PortRange, RecentOp, RejectWith, Rule, Target,
};
use std::cmp::Ordering;
use std::fmt::Write;
use std::net::IpAddr;
use std::rc::Rc;

/// A rule as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The chain it stands in.
    pub chain: Rc<str>,
    /// The rule.
    pub rule: Rule,
    /// The words behind `-A CHAIN`; nothing if nobody reads them.
    pub text: String,
}

/// A rule in the making. Every method adds words at the end, and what they mean.
#[derive(Clone, Debug)]
pub(super) struct Draft(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    rule: Rule,
    text: Option<String>,
}

impl Draft {
    /// Nothing yet; `words` says whether the text is wanted.
    pub(super) fn new(words: bool) -> Self {
        Self(Box::new(Inner { rule: Rule::to(Target::None), text: words.then(String::new) }))
    }

    fn say(&mut self, words: std::fmt::Arguments<'_>) {
        if let Some(text) = &mut self.0.text {
            let _ = text.write_fmt(format_args!(" {words}"));
        }
    }

    fn with(mut self, m: Match, words: std::fmt::Arguments<'_>) -> Self {
        self.0.rule.matches.push(m);
        self.say(words);
        self
    }

    /// `-m comment --comment …`; in quotes if it has a space.
    pub(super) fn comment(self, comment: &Rc<str>) -> Self {
        let quote = if comment.contains(' ') { "\"" } else { "" };
        self.with(
            Match::Comment(comment.clone()),
            format_args!("-m comment --comment {quote}{comment}{quote}"),
        )
    }

    /// `-m tcp -p tcp`.
    pub(super) fn protocol(mut self, p: Protocol) -> Self {
        self.0.rule.proto = Some(Negatable::plain(p.number()));
        let m = Match::Ports { proto: p.number(), sport: None, dport: None };
        self.with(m, format_args!("-m {0} -p {0}", p.name()))
    }

    /// `--dport …`, of the protocol before it.
    pub(super) fn dport(mut self, port: u16) -> Self {
        if let Some(Match::Ports { dport, .. }) = self.0.rule.matches.last_mut() {
            *dport = Some(Negatable::plain(PortRange::one(port)));
        }
        self.say(format_args!("--dport {port}"));
        self
    }

    /// `-d …`; a single address with its length, or without.
    pub(super) fn to(mut self, net: IpNet, plain: bool) -> Self {
        self.0.rule.dst = Some(Negatable::plain(net));
        self.say(format_args!("-d {}", net_text(&net, plain)));
        self
    }

    /// `! -d …`.
    pub(super) fn not_to(mut self, net: IpNet) -> Self {
        self.0.rule.dst = Some(Negatable::not(net));
        self.say(format_args!("! -d {net}"));
        self
    }

    /// `-s …`; a single address with its length, or without.
    pub(super) fn from(mut self, net: IpNet, plain: bool) -> Self {
        self.0.rule.src = Some(Negatable::plain(net));
        self.say(format_args!("-s {}", net_text(&net, plain)));
        self
    }

    /// `! -s …`.
    pub(super) fn not_from(mut self, net: IpNet) -> Self {
        self.0.rule.src = Some(Negatable::not(net));
        self.say(format_args!("! -s {net}"));
        self
    }

    /// `-m addrtype --dst-type LOCAL`.
    pub(super) fn dst_local(self) -> Self {
        self.with(
            Match::AddrType { src: None, dst: Some(Negatable::plain(AddrType::Local)) },
            format_args!("-m addrtype --dst-type LOCAL"),
        )
    }

    /// `-m addrtype --src-type LOCAL`.
    pub(super) fn src_local(self) -> Self {
        self.with(
            Match::AddrType { src: Some(Negatable::plain(AddrType::Local)), dst: None },
            format_args!("-m addrtype --src-type LOCAL"),
        )
    }

    /// `-m addrtype ! --src-type LOCAL`.
    pub(super) fn not_src_local(self) -> Self {
        let m = Match::AddrType { src: Some(Negatable::not(AddrType::Local)), dst: None };
        self.with(m, format_args!("-m addrtype ! --src-type LOCAL"))
    }

    /// `-m physdev ! --physdev-is-in`.
    pub(super) fn not_bridged(self) -> Self {
        self.with(
            Match::PhysdevIsIn(Negatable::not(())),
            format_args!("-m physdev ! --physdev-is-in"),
        )
    }

    /// `-m conntrack --ctstate …`.
    pub(super) fn ctstate(self, negated: bool, states: CtStates) -> Self {
        let bang = if negated { "! " } else { "" };
        let words = format_args!("-m conntrack {bang}--ctstate {states}");
        self.with(Match::CtState(Negatable { negated, value: states }), words)
    }

    /// `-m mark --mark …/…`.
    pub(super) fn mark(self, negated: bool, mark: &str) -> Self {
        let bang = if negated { "! " } else { "" };
        let value = number(mark);
        self.with(
            Match::Mark(Negatable { negated, value: (value, value) }),
            format_args!("-m mark {bang}--mark {mark}/{mark}"),
        )
    }

    /// `-m statistic --mode random --probability …`: one of `n`.
    pub(super) fn one_of(self, n: usize, release: Release) -> Self {
        let (written, probability) = probability(n, release);
        self.with(
            Match::Random { probability },
            format_args!("-m statistic --mode random --probability {written}"),
        )
    }

    /// `-m recent --name … --rcheck --seconds … --reap`.
    pub(super) fn seen_within(self, list: &Rc<str>, seconds: u32) -> Self {
        let op = RecentOp::Check { seconds: Some(seconds), reap: true };
        self.with(
            Match::Recent { list: list.clone(), op },
            format_args!("-m recent --name {list} --rcheck --seconds {seconds} --reap"),
        )
    }

    /// `-m recent --name … --set`.
    pub(super) fn enter(self, list: &Rc<str>) -> Self {
        self.with(
            Match::Recent { list: list.clone(), op: RecentOp::Set },
            format_args!("-m recent --name {list} --set"),
        )
    }

    /// `-m nfacct --nfacct-name …`.
    pub(super) fn count(self, name: &'static str) -> Self {
        self.with(Match::Nfacct(name.into()), format_args!("-m nfacct --nfacct-name {name}"))
    }

    fn end(mut self, chain: &Rc<str>, target: Target, words: std::fmt::Arguments<'_>) -> Line {
        self.say(words);
        self.0.rule.target = target;
        Line { chain: chain.clone(), rule: self.0.rule, text: self.0.text.unwrap_or_default() }
    }

    /// No target: it only counts.
    pub(super) fn nothing(self, chain: &Rc<str>) -> Line {
        Line { chain: chain.clone(), rule: self.0.rule, text: self.0.text.unwrap_or_default() }
    }

    /// `-j CHAIN`.
    pub(super) fn jump(self, chain: &Rc<str>, to: &Rc<str>) -> Line {
        self.end(chain, Target::Jump(to.clone()), format_args!("-j {to}"))
    }

    /// `-j ACCEPT`, `-j DROP`, `-j REJECT`, `-j RETURN`.
    pub(super) fn verdict(self, chain: &Rc<str>, verdict: Verdict) -> Line {
        let (target, word) = match verdict {
            Verdict::Accept => (Target::Accept, "ACCEPT"),
            Verdict::Drop => (Target::Drop, "DROP"),
            Verdict::Reject => (Target::Reject(RejectWith::PortUnreachable), "REJECT"),
            Verdict::Return => (Target::Return, "RETURN"),
        };
        self.end(chain, target, format_args!("-j {word}"))
    }

    /// `-j MASQUERADE`.
    pub(super) fn masquerade(self, chain: &Rc<str>, random_fully: bool) -> Line {
        let words = if random_fully { " --random-fully" } else { "" };
        self.end(chain, Target::Masquerade { random_fully }, format_args!("-j MASQUERADE{words}"))
    }

    /// `-j DNAT --to-destination …`.
    pub(super) fn dnat(self, chain: &Rc<str>, addr: IpAddr, port: u16) -> Line {
        let to = std::net::SocketAddr::new(addr, port);
        self.end(
            chain,
            Target::Dnat { addr, port: Some(port) },
            format_args!("-j DNAT --to-destination {to}"),
        )
    }

    /// `-j MARK --set-xmark …/…`.
    pub(super) fn set_mark(self, chain: &Rc<str>, mark: &str) -> Line {
        let value = number(mark);
        self.end(
            chain,
            Target::Mark { value, mask: value },
            format_args!("-j MARK --set-xmark {mark}/{mark}"),
        )
    }

    /// `-j MARK --or-mark …`.
    pub(super) fn or_mark(self, chain: &Rc<str>, mark: &str) -> Line {
        let value = number(mark);
        self.end(
            chain,
            Target::Mark { value, mask: value },
            format_args!("-j MARK --or-mark {mark}"),
        )
    }

    /// `-j MARK --xor-mark …`.
    pub(super) fn xor_mark(self, chain: &Rc<str>, mark: &str) -> Line {
        self.end(
            chain,
            Target::Mark { value: number(mark), mask: 0 },
            format_args!("-j MARK --xor-mark {mark}"),
        )
    }
}

/// One of `n`, as a release writes it, and as a kernel reads that: of 2^31.
pub fn probability(n: usize, release: Release) -> (String, u32) {
    let digits = if release.ten_digits() { 10 } else { 5 };
    let (whole, n) = (10_u64.pow(digits), n.max(1) as u64);
    // The nearest to the number that a double holds; of two, the even one.
    let (down, twice) = (whole / n, whole % n * 2);
    let up = match twice.cmp(&n) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => {
            double_against(n).then(if down % 2 == 1 { Ordering::Greater } else { Ordering::Less })
                == Ordering::Greater
        }
    };
    let written = down + u64::from(up);
    let read = ((u128::from(written) << 32) / u128::from(whole) + 1) >> 1;
    let places = digits as usize;
    (format!("{}.{:0places$}", written / whole, written % whole), read as u32)
}

/// The double nearest to `1/n`, against `1/n`.
fn double_against(n: u64) -> Ordering {
    let bits = (1.0 / n as f64).to_bits();
    let mantissa = u128::from(bits & ((1 << 52) - 1) | (1 << 52));
    // Of a number from 2^-64 to 1.
    let shift = 1075 - (bits >> 52) as u32;
    (mantissa * u128::from(n)).cmp(&(1_u128 << shift.min(127)))
}

/// What a rule of the filter table ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Drop,
    Reject,
    Return,
}

fn net_text(net: &IpNet, plain: bool) -> String {
    let host = net.prefix_len() == net.max_prefix_len();
    if host && plain { net.addr().to_string() } else { net.to_string() }
}

fn number(mark: &str) -> u32 {
    mark.strip_prefix("0x").and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_written_and_read_as_go_and_iptables_do() {
        for release in [Release::FIRST, Release::LAST] {
            let digits = if release.ten_digits() { 10 } else { 5 };
            for n in 1..5_000_usize {
                let written = format!("{:.digits$}", 1.0 / n as f64);
                let read: f64 = written.parse().expect("a number");
                assert_eq!(
                    probability(n, release),
                    (written, (read * 2_147_483_648.0).round() as u32),
                    "1/{n}"
                );
            }
        }
        let printed: Vec<_> = [4, 3, 2]
            .map(|n| {
                format!("{:.11}", f64::from(probability(n, Release::FIRST).1) / 2_147_483_648.0)
            })
            .into();
        assert_eq!(printed, ["0.25000000000", "0.33332999982", "0.50000000000"]);
    }
}
