//! One rule in two forms: the text that kube-proxy writes, and the rule that a kernel makes of it.

use super::{Release, ServiceProtocol};
use ipnet::IpNet;
use net::netfilter::{
    AddrType, CtStates, Match, Negatable, PortRange, RecentOp, RejectWith, Rule, Target,
};
use std::fmt::{Arguments, Write};
use std::net::IpAddr;
use std::rc::Rc;

/// A rule as kube-proxy writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenRule {
    /// The chain it stands in.
    pub chain: Rc<str>,
    /// The rule, as the kernel holds it.
    pub rule: Rc<Rule>,
    /// The text after `-A CHAIN`; empty unless it was requested.
    pub text: String,
}

/// Builds a rule. Every method appends an option, to the rule and to its text.
#[derive(Clone, Debug)]
pub(super) struct RuleBuilder {
    rule: Rule,
    text: Option<String>,
}

impl RuleBuilder {
    /// A rule without conditions; `with_text`: it keeps the line that kube-proxy writes.
    pub(super) fn new(with_text: bool) -> Self {
        Self { rule: Rule::to(Target::None), text: with_text.then(String::new) }
    }

    fn write(&mut self, option: Arguments<'_>) {
        if let Some(text) = &mut self.text {
            let _ = write!(text, " {option}");
        }
    }

    fn with(mut self, m: Match, option: Arguments<'_>) -> Self {
        self.rule.matches.push(m);
        self.write(option);
        self
    }

    /// `-m comment --comment …`; quoted if it contains a space.
    pub(super) fn comment(self, comment: &Rc<str>) -> Self {
        let quote = if comment.contains(' ') { "\"" } else { "" };
        self.with(
            Match::Comment(comment.clone()),
            format_args!("-m comment --comment {quote}{comment}{quote}"),
        )
    }

    /// `-m tcp -p tcp`.
    pub(super) fn protocol(mut self, p: ServiceProtocol) -> Self {
        self.rule.proto = Some(Negatable::plain(p.number()));
        let m = Match::Ports { proto: p.number(), sport: None, dport: None };
        self.with(m, format_args!("-m {0} -p {0}", p.name()))
    }

    /// `--dport …`, after [`Self::protocol`].
    pub(super) fn dport(mut self, port: u16) -> Self {
        if let Some(Match::Ports { dport, .. }) = self.rule.matches.last_mut() {
            *dport = Some(Negatable::plain(PortRange::one(port)));
        }
        self.write(format_args!("--dport {port}"));
        self
    }

    /// `-d …`; `plain`: a single address without its length.
    pub(super) fn to(mut self, net: IpNet, plain: bool) -> Self {
        self.rule.dst = Some(Negatable::plain(net));
        self.write(format_args!("-d {}", net_text(&net, plain)));
        self
    }

    /// `! -d …`.
    pub(super) fn not_to(mut self, net: IpNet) -> Self {
        self.rule.dst = Some(Negatable::not(net));
        self.write(format_args!("! -d {net}"));
        self
    }

    /// `-s …`; `plain`: a single address without its length.
    pub(super) fn from(mut self, net: IpNet, plain: bool) -> Self {
        self.rule.src = Some(Negatable::plain(net));
        self.write(format_args!("-s {}", net_text(&net, plain)));
        self
    }

    /// `! -s …`.
    pub(super) fn not_from(mut self, net: IpNet) -> Self {
        self.rule.src = Some(Negatable::not(net));
        self.write(format_args!("! -s {net}"));
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

    /// `-m statistic --mode random --probability …`: one in `n`.
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
    pub(super) fn remember(self, list: &Rc<str>) -> Self {
        self.with(
            Match::Recent { list: list.clone(), op: RecentOp::Set },
            format_args!("-m recent --name {list} --set"),
        )
    }

    /// `-m nfacct --nfacct-name …`.
    pub(super) fn count(self, name: &'static str) -> Self {
        self.with(Match::Nfacct(name.into()), format_args!("-m nfacct --nfacct-name {name}"))
    }

    fn end(mut self, chain: &Rc<str>, target: Target, option: Arguments<'_>) -> WrittenRule {
        self.write(option);
        self.rule.target = target;
        WrittenRule {
            chain: chain.clone(),
            rule: self.rule.into(),
            text: self.text.unwrap_or_default(),
        }
    }

    /// No target: the rule only counts.
    pub(super) fn no_target(self, chain: &Rc<str>) -> WrittenRule {
        WrittenRule {
            chain: chain.clone(),
            rule: self.rule.into(),
            text: self.text.unwrap_or_default(),
        }
    }

    /// `-j CHAIN`.
    pub(super) fn jump(self, chain: &Rc<str>, to: &Rc<str>) -> WrittenRule {
        self.end(chain, Target::Jump(to.clone()), format_args!("-j {to}"))
    }

    /// `-j ACCEPT`, `-j DROP`, `-j REJECT`, `-j RETURN`.
    pub(super) fn verdict(self, chain: &Rc<str>, verdict: Verdict) -> WrittenRule {
        let (target, word) = match verdict {
            Verdict::Accept => (Target::Accept, "ACCEPT"),
            Verdict::Drop => (Target::Drop, "DROP"),
            Verdict::Reject => (Target::Reject(RejectWith::PortUnreachable), "REJECT"),
            Verdict::Return => (Target::Return, "RETURN"),
        };
        self.end(chain, target, format_args!("-j {word}"))
    }

    /// `-j MASQUERADE`.
    pub(super) fn masquerade(self, chain: &Rc<str>, random_fully: bool) -> WrittenRule {
        let words = if random_fully { " --random-fully" } else { "" };
        self.end(chain, Target::Masquerade { random_fully }, format_args!("-j MASQUERADE{words}"))
    }

    /// `-j DNAT --to-destination …`.
    pub(super) fn dnat(self, chain: &Rc<str>, addr: IpAddr, port: u16) -> WrittenRule {
        let to = std::net::SocketAddr::new(addr, port);
        self.end(
            chain,
            Target::Dnat { addr, port: Some(port) },
            format_args!("-j DNAT --to-destination {to}"),
        )
    }

    /// `-j MARK --set-xmark …/…`.
    pub(super) fn set_mark(self, chain: &Rc<str>, mark: &str) -> WrittenRule {
        let value = number(mark);
        self.end(
            chain,
            Target::Mark { value, mask: value },
            format_args!("-j MARK --set-xmark {mark}/{mark}"),
        )
    }

    /// `-j MARK --or-mark …`.
    pub(super) fn or_mark(self, chain: &Rc<str>, mark: &str) -> WrittenRule {
        let value = number(mark);
        self.end(
            chain,
            Target::Mark { value, mask: value },
            format_args!("-j MARK --or-mark {mark}"),
        )
    }

    /// `-j MARK --xor-mark …`.
    pub(super) fn xor_mark(self, chain: &Rc<str>, mark: &str) -> WrittenRule {
        self.end(
            chain,
            Target::Mark { value: number(mark), mask: 0 },
            format_args!("-j MARK --xor-mark {mark}"),
        )
    }
}

/// The probability 1/`n` as a release writes it, and as xtables stores it: in units of 2^-31
/// (`libxt_statistic.c`).
pub fn probability(n: usize, release: Release) -> (String, u32) {
    let digits = if release.ten_digits() { 10 } else { 5 };
    let written = format!("{:.digits$}", 1.0 / n.max(1) as f64);
    let read: f64 = written.parse().expect("invariant: a number that was just printed");
    (written, (read * 2_147_483_648.0).round() as u32)
}

/// The target of a rule that ends or leaves a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Drop,
    Reject,
    Return,
}

/// A network as an option's argument.
fn net_text(net: &IpNet, plain: bool) -> String {
    let host = net.prefix_len() == net.max_prefix_len();
    if host && plain { net.addr().to_string() } else { net.to_string() }
}

/// A mark written in hexadecimal, `0x00004000`.
fn number(mark: &str) -> u32 {
    mark.strip_prefix("0x").and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_is_stored_as_iptables_prints_it() {
        let printed = [4, 3, 2].map(|n| {
            let (_, stored) = probability(n, Release::FIRST);
            format!("{:.11}", f64::from(stored) / 2_147_483_648.0)
        });
        assert_eq!(printed, ["0.25000000000", "0.33332999982", "0.50000000000"]);
        assert_eq!(probability(3, Release::LAST).0, "0.3333333333");
    }
}
