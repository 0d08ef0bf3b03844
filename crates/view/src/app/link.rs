//! A session and its moment as the fragment of an address: `#v1:`, and behind it what the person wrote
//! and did, in lines as [`handover`] writes them, an empty line, and the document.
//!
//! It is a zlib stream (RFC 1950, with its checksum) in base64url without padding (RFC 4648, section 5). The number
//! is that of the format: an address of an older one must go on to be read. A browser sends no
//! fragment to a server, so that nobody but the reader of the link gets to see what is in it.

use super::{App, Options, handover};
use data_encoding::BASE64URL_NOPAD;
use miniz_oxide::inflate::TINFLStatus;
use play::{Act, Action, Step};

const VERSION: &str = "1";
/// What begins the lines that a link holds: the session and its moment, nothing of the person's own.
const SHARED: &[&str] = &[
    "preset",
    "from",
    "to",
    "proto",
    "endpoint",
    "sport",
    "ttl",
    "size",
    "count",
    "df",
    "cold",
    "seed",
    "grain",
    "tab",
    "rules",
    "search",
    "only-packet",
    "unfocused",
    "selected",
    "follow",
    "document",
    "step",
    "cursor",
];
/// What begins the lines that stay the person's own when a link is opened.
const OWN: &[&str] = &["lang", "theme", "speed", "narrow"];
/// A link holds no more than this, in bytes.
const MOST: usize = 256 * 1024;
/// And no more steps than this.
const MOST_STEPS: usize = 100;
/// A longer link, in characters, is cut in many places where one would put it.
pub const LONG: usize = 8_000;

/// Why a link cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkFault {
    /// It is none, or a part of it is missing.
    Broken,
    /// It is of another version of the format.
    Version(String),
    /// It holds too much.
    TooLarge,
    /// It holds too many steps.
    TooManySteps(usize),
    /// A step of it is none, or cannot be done.
    Step(String),
}

/// The session and its moment as a link; none if it would hold too much to be opened.
pub fn link(app: &App) -> Option<String> {
    let packed = handover::pack(app);
    let (head, document) = packed.split_once("\n\n")?;
    let body = format!("{}\n{document}", chosen(head, SHARED));
    if body.len() > MOST || app.script.len() > MOST_STEPS {
        return None;
    }
    let small = miniz_oxide::deflate::compress_to_vec_zlib(body.as_bytes(), 10);
    Some(format!("#v{VERSION}:{}", BASE64URL_NOPAD.encode(&small)))
}

/// Whether a text is meant to be a link, or an address with one.
pub fn is_link(text: &str) -> bool {
    let behind = text.split_once("#v").and_then(|(_, rest)| rest.split_once(':'));
    behind.is_some_and(|(version, _)| !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()))
}

/// The page as a link says. Language, theme and how it is shown stay those of `own`.
///
/// # Errors
/// What is wrong with the link.
pub fn open(link: &str, own: &App) -> Result<App, LinkFault> {
    let body = body(link)?;
    let (head, document) = body.split_once("\n\n").ok_or(LinkFault::Broken)?;
    let steps: Vec<&str> = head.lines().filter_map(|l| l.strip_prefix("step ")).collect();
    if steps.len() > MOST_STEPS {
        return Err(LinkFault::TooManySteps(steps.len()));
    }
    if let Some(s) = steps.iter().find(|s| !handover::step_of(s).is_some_and(|s| can_be_done(&s))) {
        return Err(LinkFault::Step(s.chars().take(60).flat_map(char::escape_debug).collect()));
    }
    let packed = handover::pack(own);
    let (mine, _) = packed.split_once("\n\n").unwrap_or((&packed, ""));
    let page = format!("{}\n{}{}\n{document}", handover::VERSION, chosen(mine, OWN), chosen(head, SHARED));
    handover::unpack(&page).map(|(app, _)| app).ok_or(LinkFault::Broken)
}

/// Lines of those names.
fn chosen(head: &str, names: &[&str]) -> String {
    let of = |l: &&str| names.contains(&l.split(' ').next().unwrap_or_default());
    head.lines().filter(of).flat_map(|l| [l, "\n"]).collect()
}

/// Whether it asks for no more than the page lets a person ask for.
fn can_be_done(step: &Step) -> bool {
    match &step.act {
        Act::Action(Action::Send(p)) => {
            Options::COUNT.contains(&p.count.into()) && p.size.is_none_or(|s| Options::SIZE.contains(&s.into()))
        }
        Act::Action(Action::Shell { .. }) | Act::Packet(..) => true,
    }
}

fn body(link: &str) -> Result<String, LinkFault> {
    let at = link.find("#v").ok_or(LinkFault::Broken)?;
    let (version, data) = link[at + 2..].split_once(':').ok_or(LinkFault::Broken)?;
    match version {
        VERSION => {}
        v if (1..6).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_digit()) => return Err(LinkFault::Version(v.to_owned())),
        _ => return Err(LinkFault::Broken),
    }
    // Deflate makes nothing longer by more than a few bytes, base64 by a third.
    if data.len() > MOST * 2 {
        return Err(LinkFault::TooLarge);
    }
    // A letter may have broken it into lines.
    let data: String = data.chars().filter(|c| !c.is_whitespace()).collect();
    let small = BASE64URL_NOPAD.decode(data.as_bytes()).map_err(|_| LinkFault::Broken)?;
    let body = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&small, MOST).map_err(|e| match e.status {
        TINFLStatus::HasMoreOutput => LinkFault::TooLarge,
        _ => LinkFault::Broken,
    })?;
    String::from_utf8(body).map_err(|_| LinkFault::Broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lang;
    use crate::app::{Theme, update};

    fn packed(body: &str) -> String {
        format!("#v1:{}", BASE64URL_NOPAD.encode(&miniz_oxide::deflate::compress_to_vec_zlib(body.as_bytes(), 1)))
    }

    #[test]
    fn a_link_is_the_session_and_its_moment() {
        use crate::app::Action;
        let mut app = App::new(Lang::Ja, "article-nodeport");
        update(&mut app, Action::Send);
        update(&mut app, Action::Step(12));
        let command = "kubectl apply -f - <<< '{apiVersion: v1, kind: Service,\n  metadata: {name: x}, spec: {ports: [{port: 1}]}}'";
        app.terminal.host = "node01".to_owned();
        update(&mut app, Action::TerminalLine(command.to_owned()));
        update(&mut app, Action::TerminalRun);
        assert_eq!(app.script.len(), 2);
        let own = App::new(Lang::En, "article-clusterip");
        let this = link(&app).expect("short");
        let other = open(&format!("https://example.org/packetwalk/{this}"), &own).expect("it can be read");
        assert_eq!((other.lang, &other.text, &other.script, other.cursor()), (Lang::En, &app.text, &app.script, app.cursor()));
        assert_eq!((other.preset, link(&other).as_deref()), (app.preset, Some(&*this)));
        let events = |a: &App| a.loaded.as_ref().map(|l| l.session.events().to_vec());
        assert!(events(&other) == events(&app), "the same to the last event");
        let in_lines: String = this.as_bytes().chunks(76).map(|l| String::from_utf8_lossy(l) + "\r\n").collect();
        assert!(open(&in_lines, &own).is_ok(), "a letter broke it into lines");
    }

    #[test]
    fn a_broken_link_says_what_is_wrong() {
        let own = App::new(Lang::En, "article-nodeport");
        let fault = |text: &str| open(text, &own).err();
        let good = link(&own).expect("short");
        for broken in
            ["", "#v", "#v1", "#v1:", "#v1:%", "#vx:AAAA", "#v123456:AAAA", "x", &good[..good.len() - 9], &packed("no end"), "#v1:____"]
        {
            assert_eq!(fault(broken), Some(LinkFault::Broken), "{broken}");
        }
        assert_eq!(fault(&good.replace("#v1", "#v7")), Some(LinkFault::Version("7".to_owned())));
        assert_eq!(fault(&packed("step 3 fly 9\n\n")), Some(LinkFault::Step("3 fly 9".to_owned())));
        assert!(matches!(fault(&packed("step quiet send icmp a b count=60000\n\n")), Some(LinkFault::Step(_))));
        assert_eq!(fault(&packed(&("step quiet drop 1\n".repeat(101) + "\n"))), Some(LinkFault::TooManySteps(101)));
        // Ten million spaces are a link of ten kilobytes.
        assert_eq!(fault(&packed(&("\n\n".to_owned() + &" ".repeat(10_000_000)))), Some(LinkFault::TooLarge));
        assert_eq!(fault(&format!("#v1:{}", "A".repeat(10_000_000))), Some(LinkFault::TooLarge));
    }

    #[test]
    fn what_is_a_persons_own_is_not_said_by_a_link() {
        let own = App::new(Lang::En, "article-nodeport");
        let app = open(&packed("lang ja\ntheme dark\nplaying 1\nsharing 1\npast 0 1 0\n\nx: 1"), &own).expect("read");
        assert!(app.lang == Lang::En && app.theme == Theme::System && !app.playing && app.history.past().is_empty());
        assert_eq!(&*app.text, "x: 1");
    }

    #[test]
    fn what_is_too_much_for_a_link_gets_none() {
        let mut app = App::new(Lang::En, "article-nodeport");
        app.text = "#".repeat(MOST).into();
        assert_eq!(link(&app), None);
    }
}
