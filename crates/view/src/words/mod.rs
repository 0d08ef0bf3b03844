//! Texts for readers, in English and Japanese. Every text is a `match` over the language, so a
//! missing translation does not compile. Sentences are generated from events; none is written for a
//! particular run.
//!
//! Output and names of tools are between backquotes: the page shows them in a monospaced font, and
//! they are not translated.

mod answer;
pub mod cause;
mod en;
mod ja;
mod load;
pub mod partly_broken;
mod problem;
pub mod repair;
mod share;
mod ui;

pub use answer::{
    Answer, answer_changed, evaluated, exit_status, not_done, not_done_step, not_text, request,
    sent_at, step_result, undone,
};
pub use load::{Load, load, load_words};
pub use problem::{probe_error, problem_hint};
pub use share::{
    Give, add_item, animation_too_long, capture_chosen, embed_title, give, group, left_out,
    link_by_hand, link_fault, link_holds, link_long, link_private, more_choices, more_services,
    no_draw, no_endpoint, none_of_draw, out_of_range, snippet_note,
};
pub use ui::{Ui, ui};

use crate::labels::NetnsLabels;
use crate::story::Glyph;
use kube::fault::Daemon;
use net::engine::Setting;
use net::event::EventKind;
use net::netfilter::{RuleEffect, WalkStep};
use net::socket::{Listener, Outcome, ServerApp};
use net::state::Netns;
use net::{DevId, DropReason, Event, State};
use play::{Ending, Verdict};

/// A language of the page and of exported files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English (`en`).
    #[default]
    En,
    /// Japanese (`ja`).
    Ja,
}

impl Lang {
    /// Its tag in `lang=`, as in HTML (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }
}

/// The context of a sentence.
pub struct Context<'a> {
    /// The final state of the session, which has the names of everything that ever existed.
    pub state: &'a State,
    /// The names of network namespaces.
    pub labels: &'a NetnsLabels,
}

impl Context<'_> {
    fn ns(&self, e: &Event) -> Option<&Netns> {
        e.netns.map(|n| self.state.ns(n))
    }
    fn here(&self, e: &Event) -> &str {
        e.netns.map_or("?", |n| self.labels.name(n))
    }
    fn dev(&self, e: &Event, dev: DevId) -> &str {
        self.ns(e).map_or("?", |ns| &ns.dev(dev).name)
    }
    /// Whether a device is a port of a bridge.
    fn is_port(&self, e: &Event, dev: DevId) -> bool {
        self.ns(e).is_some_and(|ns| ns.dev(dev).master.is_some())
    }
    /// The name of a chain in the rules that were evaluated, which may have been replaced since.
    fn chain<'e>(&self, e: &'e Event, table: net::netfilter::TableName, chain: u32) -> &'e str {
        let EventKind::Walked { rules, .. } = &e.kind else { return "?" };
        rules.0.table(table).chains.get(chain as usize).map_or("?", |c| &c.name)
    }
    /// The route of a decision, as `ip route` prints it.
    fn route(&self, e: &Event, index: usize) -> String {
        let (Some(ns), EventKind::Routed { routes, .. }) = (self.ns(e), &e.kind) else {
            return String::new();
        };
        let text = routes.0.get(index).map(|r| net::dump::route_line(ns, r)).unwrap_or_default();
        text.trim_end().to_owned()
    }
}

/// One sentence about an event.
pub fn sentence(c: &Context<'_>, e: &Event, lang: Lang) -> String {
    match lang {
        Lang::En => en::sentence(c, e),
        Lang::Ja => ja::sentence(c, e),
    }
}

/// The verdict of a run: what the client got, and what decided it.
pub fn verdict(c: &Context<'_>, v: &Verdict, lang: Lang) -> String {
    let got = v.outcome.as_ref().map(|o| match lang {
        Lang::En => en::outcome(o),
        Lang::Ja => ja::outcome(o),
    });
    let mut parts: Vec<String> = got.into_iter().collect();
    if (1..v.requests).contains(&v.answered) {
        parts.insert(
            0,
            answer::partly(v.answered, v.requests, lang)
                + if lang == Lang::En { "." } else { "。" },
        );
    }
    if let (Ending::Answered, Some((netns, peer))) = (&v.ending, &v.server) {
        parts.push(match lang {
            Lang::En => format!("{} saw the client as `{peer}`.", c.labels.name(*netns)),
            Lang::Ja => format!("{} から見たクライアントは `{peer}` です。", c.labels.name(*netns)),
        });
    }
    parts.extend(v.assumed.as_ref().map(|a| answer::assumed(a, lang)));
    parts.extend(v.without_tls.then(|| answer::without_tls(lang).to_owned()));
    parts.extend(v.cause.deciding().map(|l| cause::link(c, l, lang)));
    parts.join(" ")
}

/// Why a packet was dropped.
pub fn reason(r: DropReason, lang: Lang) -> &'static str {
    match lang {
        Lang::En => en::reason(r),
        Lang::Ja => ja::reason(r),
    }
}

/// A command abbreviated for a sentence: at most 72 characters of its first line.
fn short(line: &str) -> String {
    let first = line.trim().lines().next().unwrap_or_default();
    let cut = first.find(" <<<").unwrap_or(first.len());
    let mut out: String = first[..cut].chars().take(72).collect();
    if out.len() < first.len() {
        out.push('…');
    }
    out.replace('`', "'")
}

/// Whether the client was answered.
pub fn is_good(o: &Outcome) -> bool {
    o.is_answer()
}

/// The label of a marker, at most five full-width characters.
pub fn marker(e: &Event, glyph: Glyph, lang: Lang) -> &'static str {
    let nat = |source: bool| if source { "SNAT" } else { "DNAT" };
    let en_ja = |en: &'static str, ja: &'static str| match lang {
        Lang::En => en,
        Lang::Ja => ja,
    };
    match (&e.kind, glyph) {
        (EventKind::NatDecided { source, .. } | EventKind::Translated { source, .. }, _) => {
            nat(*source)
        }
        (
            EventKind::Walked {
                step: WalkStep::Matched { effect: RuleEffect::Dnat { .. }, .. },
                ..
            },
            _,
        ) => "DNAT",
        (
            EventKind::Walked {
                step:
                    WalkStep::Matched {
                        effect: RuleEffect::Masquerade { .. } | RuleEffect::Snat { .. },
                        ..
                    },
                ..
            },
            _,
        ) => "SNAT",
        (EventKind::VtepFound { .. } | EventKind::FdbLearned { .. }, _) => "FDB",
        (EventKind::Queried { .. } | EventKind::Resolved { .. }, _) => "DNS",
        (EventKind::Ended { .. }, _) => en_ja("result", "結果"),
        (EventKind::Configured { setting, by }, _) => match &**setting {
            Setting::Rules(_) => en_ja("rules", "ルール"),
            Setting::FlushConntrack | Setting::Forget(_) => en_ja("delete", "削除"),
            Setting::Sysctl(_) => "sysctl",
            Setting::Services(all) if answers_dns(all) => "DNS",
            Setting::Services(_) if by.is_some_and(is_speaker) => "ARP",
            Setting::Services(_) => "listen",
            Setting::Routes(_) | Setting::FlushCache => en_ja("route", "経路"),
            Setting::Neighbour { .. } => "ARP",
            Setting::Fdb { .. } => "FDB",
            Setting::Device { .. } => "link",
        },
        (EventKind::Commanded { .. }, _) => "kubectl",
        (EventKind::Daemon { runs: true, .. }, _) => en_ja("start", "起動"),
        (EventKind::Daemon { runs: false, .. }, _) => en_ja("stop", "停止"),
        (EventKind::NetnsAdded { .. } | EventKind::NetnsDeleted { .. }, _) => "netns",
        (EventKind::Delayed { .. }, _) => en_ja("delay", "遅延"),
        (EventKind::PathLearned { .. }, _) => en_ja("learn", "学習"),
        (_, Glyph::Table) => "ARP",
        (_, Glyph::Send) => en_ja("send", "送信"),
        (_, Glyph::Track) => en_ja("track", "追跡"),
        (_, Glyph::Jump) => en_ja("chain", "チェーン"),
        (_, Glyph::Mark) => en_ja("mark", "マーク"),
        (_, Glyph::Nat) => "NAT",
        (_, Glyph::Route) => en_ja("route", "経路"),
        (_, Glyph::Accept) => en_ja("accept", "許可"),
        (_, Glyph::Encap) => en_ja("encap", "包む"),
        (_, Glyph::Wire) => en_ja("wire", "伝送"),
        (_, Glyph::Decap) => en_ja("decap", "取り出す"),
        (_, Glyph::Bridge) => en_ja("bridge", "ブリッジ"),
        (_, Glyph::Deliver) => en_ja("deliver", "到着"),
        (_, Glyph::Drop) => en_ja("drop", "破棄"),
        (_, Glyph::Done) => en_ja("result", "結果"),
    }
}

/// The change that a step made to the packet: field, before, after.
pub fn change(e: &Event) -> Option<(&'static str, String, String)> {
    match &e.kind {
        EventKind::Translated { source, before, after, .. } => {
            Some((if *source { "src" } else { "dst" }, before.to_string(), after.to_string()))
        }
        EventKind::TtlDecremented { before, after } => {
            Some(("ttl", before.to_string(), after.to_string()))
        }
        EventKind::Encapsulated { inner_len, outer_len, .. } => {
            Some(("len", inner_len.to_string(), outer_len.to_string()))
        }
        EventKind::Walked {
            mark,
            step: WalkStep::Matched { effect: RuleEffect::Mark(to), .. },
            ..
        } => Some(("mark", format!("{mark:#x}"), format!("{to:#x}"))),
        _ => None,
    }
}

/// Splits a sentence at its backquotes into texts, each with whether it was quoted.
pub fn pieces(sentence: &str) -> Vec<(String, bool)> {
    sentence
        .split('`')
        .enumerate()
        .map(|(i, s)| (s.to_owned(), i % 2 == 1))
        .filter(|(s, _)| !s.is_empty())
        .collect()
}
/// Values as code, with commas.
fn coded<T: std::fmt::Display>(values: &[T]) -> String {
    values.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(", ")
}

/// Whether a DNS server is among those that listen.
fn answers_dns(all: &[Listener]) -> bool {
    all.iter().any(|l| matches!(l.app, ServerApp::Dns(_)))
}

fn is_speaker(daemon: &str) -> bool {
    Daemon::from_name(daemon) == Some(Daemon::Speaker)
}

/// The addresses that a speaker answers ARP for, among what listens.
fn spoken(all: &[Listener]) -> Vec<std::net::IpAddr> {
    let of = |l: &Listener| if l.app == ServerApp::Arp { l.addr } else { None };
    all.iter().filter_map(of).collect()
}

/// The names that a lookup tried, each with what came of it.
fn tried(why: &net::dns::Unresolved) -> String {
    let one = |t: &net::dns::Tried| format!("`{:#}` ({})", t.name, t.failure);
    why.tried.iter().map(one).collect::<Vec<_>>().join(", ")
}
