//! A run as a Mermaid sequence diagram: who sends what to whom, and what is done to it on the way.

use crate::labels::NetnsLabels;
use crate::packet::kind_word;
use crate::story::{Glyph, Grain, glyph, place, shown};
use crate::words::{Context, Lang, sentence, verdict};
use net::event::EventKind;
use net::wire::{Body, Frame, UdpPayload};
use net::{Event, NetnsId, PacketId, State};
use play::Run;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A run as a `sequenceDiagram`.
pub fn run(state: &State, events: &[Event], labels: &NetnsLabels, run: &Run, lang: Lang) -> String {
    let c = Context { state, labels };
    let mut who: Vec<NetnsId> = Vec::new();
    let mut lines = String::new();
    let mut at: BTreeMap<PacketId, NetnsId> = BTreeMap::new();
    for e in &events[run.events.clone()] {
        let Some(here) = e.netns.filter(|n| state.ns(*n).tapped) else { continue };
        let mut number = |id: NetnsId| {
            who.iter().position(|w| *w == id).unwrap_or_else(|| {
                who.push(id);
                who.len() - 1
            })
        };
        if let (EventKind::FrameReceived { frame, .. }, Some(p)) = (&e.kind, e.packet) {
            if let Some(from) = at.insert(p, here).filter(|from| *from != here) {
                let (from, to) = (number(from), number(here));
                let _ = writeln!(lines, "  p{from}->>p{to}: {}", text(&told(frame)));
            }
            continue;
        }
        if let (EventKind::FrameSent { .. }, Some(p)) = (&e.kind, e.packet) {
            at.insert(p, here);
            continue;
        }
        let told = matches!(
            glyph(e, state),
            Glyph::Nat | Glyph::Encap | Glyph::Decap | Glyph::Drop | Glyph::Deliver | Glyph::Done
        );
        if told && shown(e, state, Grain::Decisions) {
            let said = sentence(&c, e, lang).replace('`', "");
            let _ = writeln!(
                lines,
                "  Note over p{}: {}",
                number(here),
                text(&format!("{}: {said}", place(e, state, labels)))
            );
        }
    }
    let mut out = String::from("sequenceDiagram\n");
    for (n, id) in who.iter().enumerate() {
        let _ = writeln!(out, "  participant p{n} as {}", text(labels.name(*id)));
    }
    out += &lines;
    if !who.is_empty() {
        let _ = writeln!(
            out,
            "  Note over p0: {}",
            text(&verdict(&c, &run.verdict, lang).replace('`', ""))
        );
    }
    out
}

/// A frame in one line: kind, source, destination, and whether it is in a VXLAN shell.
fn told(frame: &Frame) -> String {
    let shown = frame.inner().unwrap_or(frame);
    let Some(p) = shown.ipv4() else { return "ARP".to_owned() };
    let (src, dst) = match p.ports() {
        Some((s, d)) => (format!("{}:{s}", p.src), format!("{}:{d}", p.dst)),
        None => (p.src.to_string(), p.dst.to_string()),
    };
    let mut out = format!("{} {src} → {dst}", kind_word(p));
    if let (Some(_), Some(outer)) = (frame.inner(), frame.ipv4())
        && let Body::Udp(u) = &outer.body
        && let UdpPayload::Vxlan(v) = &u.payload
    {
        let _ = write!(out, " (VXLAN {}, {} → {})", v.vni, outer.src, outer.dst);
    }
    out
}

/// Escapes text. Mermaid reads `#NUMBER;` as that character wherever text may stand; only letters,
/// digits and characters without a meaning are left as they are.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' | '.' | ',' | '/' | '(' | ')' | '→' | '…' => out.push(c),
            ':' | '-' if out.ends_with(char::is_alphanumeric) => out.push(c),
            c if c.is_control() => out.push(' '),
            c if c.is_alphanumeric() => out.push(c),
            c => _ = write!(out, "#{};", u32::from(c)),
        }
    }
    // Mermaid drops a line without text, and `end` closes a block.
    match out.trim() {
        "" => "#160;".to_owned(),
        t if t.eq_ignore_ascii_case("end") => format!("{t}#8203;"),
        t => t.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use play::{Probe, Session};

    #[test]
    fn a_run_is_told_hop_by_hop() {
        let preset = play::presets::Preset::named("article-nodeport").expect("preset");
        let mut session = Session::new(&preset.document(), 1, true).expect("valid");
        let mut probe = Probe::new("bastion", "192.168.120.226:30080");
        probe.endpoint = play::probe::parse_endpoint("10.1.6.5");
        let it = session.send(&probe).expect("sent");
        let labels = NetnsLabels::new(session.cluster(), session.last());
        let out = run(session.last(), session.events(), &labels, &it, Lang::En);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines[0], "sequenceDiagram");
        let names: Vec<&str> =
            lines.iter().filter_map(|l| l.strip_prefix("  participant ")).collect();
        assert_eq!(
            names,
            ["p0 as bastion", "p1 as node01", "p2 as node02", "p3 as nginx 10.1.6.5"]
        );
        assert!(lines[5].starts_with("  p0->>p1: SYN 192.168.120.252:"), "{out}");
        assert!(
            out.contains("p1->>p2: SYN 10.1.5.0:")
                && out.contains("(VXLAN 1, 192.168.120.226 → 192.168.120.227)"),
            "{out}"
        );
        assert!(out.contains("Note over p1: node01 PREROUTING nat: "), "{out}");
    }

    #[test]
    fn hostile_text_stays_text() {
        assert_eq!(text("a;b\nNote over p0: x"), "a#59;b Note over p0: x");
        assert_eq!(text("<script>#%%{}"), "#60;script#62;#35;#37;#37;#123;#125;");
        assert_eq!(text(": end"), "#58; end");
        assert_eq!(text("END"), "END#8203;");
        assert_eq!(text("\u{7}"), "#160;");
    }
}
