//! A session and its moment as the fragment of an address: `#v2:` followed by a file of document
//! and Script, as [`App::file`] writes it, with one more field in the spec of the Script:
//!
//! ```yaml
//!   view: {lang: en, grain: decisions, tab: rules, at: {probe: 1, marker: ended}}
//! ```
//!
//! The `view` says how the page showed the session: the fields of the sentence, what was selected,
//! the moment and the followed packet. A field that is left out has its default.
//!
//! The file is compressed as a zlib stream (RFC 1950, with checksum) in base64url without padding
//! (RFC 4648, section 5). Browsers do not send the fragment to the server. Secrets are left out
//! (`redact.rs`) unless [`super::Chrome::keep_secrets`] is set.

use super::parts::{RulesView, Selected, Tab};
use super::redact::{LeftOut, Place, Redacted, redacted};
use super::state::App;
use crate::story::Grain;
use data_encoding::BASE64URL_NOPAD;
use kube::Severity;
use kube::decode::Decoder;
use kube::yaml::{Tree, Value, YamlNode, parse};
use miniz_oxide::inflate::TINFLStatus;
use net::socket::Pmtudisc;
use play::anchor::{Direction, PacketName};
use play::probe::parse_flags;
use play::script::{anchor_tree, read_anchor};
use play::{Act, Anchor, Protocol, Script, Step, shell};
use std::rc::Rc;

const VERSION: &str = "2";
/// The maximum size of the uncompressed file, in KiB.
pub const MOST_KIB: usize = 256;
pub(super) const MOST: usize = MOST_KIB * 1024;
/// The maximum number of steps.
pub const MOST_STEPS: usize = 100;
/// The maximum number of packets that the steps send, counting fragments: opening a link plays it.
pub const MOST_PACKETS: usize = 2_000;
/// The least number of data bytes in a fragment.
const FRAGMENT: usize = 1_280;
/// Longer links, in characters, are truncated by many programs.
pub const LONG: usize = 8_000;
/// The beginning of the Script in a link.
const HEAD: &str = "---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\n";

/// Why a link cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkFault {
    /// Not a Packetwalk link, or truncated.
    Broken,
    /// An unknown version of the format.
    Version(String),
    /// Larger than [`MOST_KIB`].
    TooLarge,
    /// More than [`MOST_STEPS`] steps.
    TooManySteps(usize),
    /// More than [`MOST_PACKETS`] packets.
    TooManyPackets(usize),
    /// Its Script has an error.
    Script(String),
}

/// The session and its moment as a link; `None` if it exceeds the limits of a link.
pub fn link(app: &App) -> Option<String> {
    let Redacted { text, script, .. } = shared(app);
    // A text without a final newline gets one before the Script; `cut` removes it when opening.
    let cut = !text.is_empty() && !text.ends_with('\n');
    let newline = if cut { "\n" } else { "" };
    let body = format!("{text}{newline}---\n{script}  view: {}\n", view(app, cut, false).flow());
    if body.len() > MOST || limits(&script.steps).is_err() {
        return None;
    }
    Some(format!("#v{VERSION}:{}", packed(&body)))
}

/// A text as a zlib stream in base64url.
pub(crate) fn packed(text: &str) -> String {
    BASE64URL_NOPAD.encode(&miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 10))
}

/// What the link leaves out.
pub fn left_out(app: &App) -> Vec<LeftOut> {
    shared(app).left_out
}

/// The document without its Script, and the Script of the session, both without secrets unless
/// they are to be kept. A Script with errors in the text is left out: nothing could remove the
/// secrets from it.
fn shared(app: &App) -> Redacted {
    let text = &app.document.text;
    let (text, broken) = match Script::take(text) {
        Ok((_, text)) => (text, None),
        Err(_) => (Script::put_text("", text), Script::text_in(text).and_then(|s| text.find(s))),
    };
    let script = &*app.session.script;
    let mut out = if app.chrome.keep_secrets {
        Redacted { text, script: script.clone(), left_out: Vec::new() }
    } else {
        redacted(&text, script)
    };
    out.left_out.extend(broken.map(|at| {
        let line = app.document.text[..at].matches('\n').count() as u32 + 1;
        LeftOut { place: Place::Line(line), object: "Script".to_owned(), field: None }
    }));
    out
}

/// Whether a text is a link, or an address with one.
pub fn is_link(text: &str) -> bool {
    let behind = text.split_once("#v").and_then(|(_, rest)| rest.split_once(':'));
    behind.is_some_and(|(version, _)| {
        !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The state of the page for a link. Language, theme and speed are those of `own`.
///
/// # Errors
/// Why the link cannot be opened.
pub fn open(link: &str, own: &App) -> Result<App, LinkFault> {
    let Parts { text, script, view } = parts(&body(link)?)?;
    let mut app = App::new(own.chrome.lang, &view.preset());
    (app.chrome.theme, app.chrome.speed) = (own.chrome.theme, own.chrome.speed);
    app.session.script = Rc::new(script);
    app.show(&text);
    view.apply(&mut app);
    app.derive();
    Ok(app)
}

/// The file that a link contains: document and Script. Nothing is played.
///
/// # Errors
/// Why the link cannot be opened.
pub fn file(link: &str) -> Result<String, LinkFault> {
    let Parts { text, script, .. } = parts(&body(link)?)?;
    Ok(if script == Script::default() { text } else { script.put(&text) })
}

/// The language of the page that made the link: `en` or `ja`.
pub fn language(link: &str) -> Option<String> {
    let parts = body(link).and_then(|b| parts(&b)).ok()?;
    Some(parts.view.text("lang")).filter(|l| !l.is_empty())
}

/// The contents of a link.
struct Parts {
    text: String,
    script: Script,
    view: View,
}

fn parts(body: &str) -> Result<Parts, LinkFault> {
    // The Script is the last document; it is found as text, as the text before it may be invalid
    // YAML. A file written by hand may have it elsewhere.
    let last = if body.starts_with(HEAD) {
        Some(0)
    } else {
        body.rfind(&format!("\n{HEAD}")).map(|i| i + 1)
    };
    let last = last.filter(|i| !body[i + 4..].contains("\n---"));
    let taken = match last.map(|i| body.split_at(i)) {
        Some((text, own)) => Script::take(own).map(|(script, _)| (script, text.to_owned())),
        None => Script::take(body),
    };
    let (script, mut text) = taken.map_err(|diags| {
        let error = diags.iter().find(|d| d.severity == Severity::Error);
        let message = error.map_or("", |d| d.message.as_str()).chars().take(120);
        LinkFault::Script(message.flat_map(char::escape_debug).collect())
    })?;
    let script = script.unwrap_or_default();
    limits(&script.steps)?;
    let own = last.map_or(body, |i| &body[i..]);
    let view = View(parse(own).0.into_iter().rev().find_map(|d| field(field(d, "spec")?, "view")));
    if view.is("cut") {
        text.pop();
    }
    Ok(Parts { text, script, view })
}

fn limits(steps: &[Step]) -> Result<(), LinkFault> {
    if steps.len() > MOST_STEPS {
        return Err(LinkFault::TooManySteps(steps.len()));
    }
    match packets(steps) {
        n if n > MOST_PACKETS => Err(LinkFault::TooManyPackets(n)),
        _ => Ok(()),
    }
}

/// The maximum number of packets that the clients of the steps send, counting fragments.
fn packets(steps: &[Step]) -> usize {
    let sent = steps.iter().map(|s| match &s.act {
        Act::Send(p) => (usize::from(p.count), usize::from(p.size.unwrap_or_default())),
        Act::Run { line, .. } if shell::sends(line) => {
            let words = shell::split(line);
            let of = |flag: &str| {
                let value = words.iter().skip_while(|w| *w != flag).nth(1);
                value.and_then(|n| n.parse::<u16>().ok()).map(usize::from)
            };
            (of("-c").unwrap_or(4).min(100), of("-s").unwrap_or_default())
        }
        _ => (1, 0),
    });
    sent.map(|(count, size)| count * (1 + size / FRAGMENT)).sum()
}

fn field(node: YamlNode, key: &str) -> Option<YamlNode> {
    let Value::Map(pairs) = node.value else { return None };
    let is = |k: &YamlNode| matches!(&k.value, Value::Scalar { text, .. } if text == key);
    pairs.into_iter().find(|(k, _)| is(k)).map(|(_, v)| v)
}

const GRAINS: [&str; 3] = ["hops", "decisions", "rules"];
const TABS: [&str; 3] = ["packet", "rules", "tables"];
const RULES: [&str; 3] = ["walk", "all", "difference"];

/// How the page shows the session. `cut`: the text has no final newline. `own`: it is for the
/// reader and not for others.
pub(super) fn view(app: &App, cut: bool, own: bool) -> Tree {
    let mut fields: Vec<(&str, Tree)> = vec![("lang", Tree::text(app.chrome.lang.tag()))];
    let mut put = |name, value: &str, usual: &str| {
        if value != usual {
            fields.push((name, Tree::text(value)));
        }
    };
    put("preset", app.document.preset, "");
    put("from", &app.send.from, "");
    put("to", &app.send.to, "");
    put("proto", app.send.proto.name(), "tcp");
    put("endpoint", &app.send.endpoint, "");
    let o = &app.send.options;
    put("sport", &o.sport, "");
    put("ttl", &o.ttl, "");
    put("flags", &o.flags, "");
    put("seq", &o.seq, "");
    put("pmtudisc", o.pmtudisc.name(), "want");
    put("size", &o.size, "");
    put("count", &o.count, "");
    put("grain", GRAINS[app.view.grain as usize], "decisions");
    put("tab", TABS[app.view.tab as usize], "rules");
    put("rules", RULES[app.view.rules_view as usize], "walk");
    put("search", &app.view.search, "");
    put("terminal", if own { &app.terminal.host } else { "" }, "");
    if let Some(s) = &app.view.selected {
        put("host", &s.host, "");
        put("device", s.device.as_deref().unwrap_or_default(), "");
    }
    let flags =
        [("only-packet", app.view.only_packet), ("unfocused", !app.view.focus), ("cut", cut)];
    fields.extend(flags.into_iter().filter(|(_, on)| *on).map(|(n, _)| (n, Tree::plain(true))));
    let session = app.session.loaded.as_ref().map(|l| &l.session);
    let followed = session.zip(app.view.follow).and_then(|(s, p)| s.packet_name(p));
    if let Some((probe, direction, packet)) = followed {
        let number = |n: u32| Tree::plain(n);
        let name = [
            ("probe", number(probe)),
            ("direction", Tree::text(direction.name())),
            ("packet", number(packet)),
        ];
        fields.push(("follow", Tree::map(name)));
    }
    let last = app.view.cursor.checked_sub(1);
    if let Some(event) = session.zip(last).and_then(|(s, i)| s.name(i)) {
        fields.push(("at", anchor_tree(&Anchor::Event(event))));
    }
    Tree::map(fields)
}

/// The `view:` of a link, or of a session that the browser keeps.
pub(super) struct View(pub(super) Option<YamlNode>);

impl View {
    /// The name of the preset that the document comes from.
    pub(super) fn preset(&self) -> String {
        self.text("preset")
    }

    fn get(&self, name: &str) -> Option<YamlNode> {
        field(self.0.clone()?, name)
    }

    fn text(&self, name: &str) -> String {
        match self.get(name).map(|n| n.value) {
            Some(Value::Scalar { text, .. }) => text,
            _ => String::new(),
        }
    }

    fn is(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    fn one<T: Copy>(&self, name: &str, words: &[&str], values: &[T], usual: T) -> T {
        let text = self.text(name);
        let at = words.iter().position(|w| *w == text);
        at.and_then(|i| values.get(i).copied()).unwrap_or(usual)
    }

    /// A numeric field; empty if it is not a number.
    fn number(&self, name: &str) -> String {
        Some(self.text(name)).filter(|n| n.bytes().all(|b| b.is_ascii_digit())).unwrap_or_default()
    }

    pub(super) fn apply(&self, app: &mut App) {
        let names = [
            (&mut app.send.from, "from"),
            (&mut app.send.to, "to"),
            (&mut app.terminal.host, "terminal"),
        ];
        for (field, name) in names {
            let text = self.text(name);
            if !text.is_empty() {
                *field = text;
            }
        }
        app.send.proto = Protocol::from_name(&self.text("proto")).unwrap_or_default();
        app.send.endpoint = self.text("endpoint");
        let o = &mut app.send.options;
        (o.sport, o.ttl) = (self.number("sport"), self.number("ttl"));
        (o.size, o.count) = (self.number("size"), self.number("count"));
        o.seq = self.number("seq");
        o.flags = Some(self.text("flags")).filter(|f| parse_flags(f).is_some()).unwrap_or_default();
        o.pmtudisc = Pmtudisc::from_name(&self.text("pmtudisc")).unwrap_or_default();
        let grains = [Grain::Hops, Grain::Decisions, Grain::Rules];
        app.view.grain = self.one("grain", &GRAINS, &grains, Grain::Decisions);
        app.view.tab = self.one("tab", &TABS, &[Tab::Packet, Tab::Rules, Tab::Tables], Tab::Rules);
        let rules = [RulesView::Walk, RulesView::All, RulesView::Difference];
        app.view.rules_view = self.one("rules", &RULES, &rules, RulesView::Walk);
        app.view.search = self.text("search");
        (app.view.only_packet, app.view.focus) = (self.is("only-packet"), !self.is("unfocused"));
        let (host, device) = (self.text("host"), self.text("device"));
        app.view.selected = (!host.is_empty())
            .then(|| Selected { host, device: Some(device).filter(|d| !d.is_empty()) });
        let Some(l) = app.session.loaded.clone() else { return };
        app.view.follow = self.packet().and_then(|name| l.session.packet(name));
        let anchor = self.get("at").and_then(|n| read_anchor(&mut Decoder::default(), &n, "at"));
        if let Some(Anchor::Event(event)) = anchor
            && let Some(i) = l.session.find(&event)
        {
            app.seek(i + 1);
        }
    }

    /// The followed packet.
    fn packet(&self) -> Option<PacketName> {
        let of = Self(Some(self.get("follow")?));
        let direction = of.text("direction");
        let direction = Direction::ALL.into_iter().find(|d| d.name() == direction)?;
        Some((of.text("probe").parse().ok()?, direction, of.text("packet").parse().ok()?))
    }
}

fn body(link: &str) -> Result<String, LinkFault> {
    let at = link.find("#v").ok_or(LinkFault::Broken)?;
    let (version, data) = link[at + 2..].split_once(':').ok_or(LinkFault::Broken)?;
    match version {
        VERSION => {}
        v if (1..6).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_digit()) => {
            return Err(LinkFault::Version(v.to_owned()));
        }
        _ => return Err(LinkFault::Broken),
    }
    // The address of an embed has a picture behind the session.
    let data = data.split_once(";poster=").map_or(data, |(session, _)| session);
    // Deflate lengthens data by a few bytes at most, base64 by a third.
    if data.len() > MOST * 2 {
        return Err(LinkFault::TooLarge);
    }
    // Drops punctuation behind a link in a sentence.
    let data =
        data.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    // Joins a link that a mail program has broken into lines.
    let data: String = data.chars().filter(|c| !c.is_whitespace()).collect();
    let small = BASE64URL_NOPAD.decode(data.as_bytes()).map_err(|_| LinkFault::Broken)?;
    let body = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&small, MOST).map_err(
        |e| match e.status {
            TINFLStatus::HasMoreOutput => LinkFault::TooLarge,
            _ => LinkFault::Broken,
        },
    )?;
    String::from_utf8(body).map_err(|_| LinkFault::Broken)
}

#[cfg(test)]
mod tests;
