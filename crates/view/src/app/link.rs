//! A session and its moment as the fragment of an address: `#v1:`, and behind it what the person
//! wrote and did, in lines as [`handover`] writes them, an empty line, and the document.
//!
//! It is a zlib stream (RFC 1950, with its checksum) in base64url without padding (RFC 4648,
//! section 5). The number is that of the format: an address of an older one must go on to be read.
//! A browser sends no fragment to a server, so that nobody but the reader of the link gets to see
//! what is in it.

use super::update::Effect;
use super::{App, Pane, handover};
use crate::words;
use data_encoding::BASE64URL_NOPAD;
use miniz_oxide::inflate::TINFLStatus;
use play::probe::MAX_SIZE;
use play::{Act, Action, Step, shell};

const VERSION: &str = "1";
/// What begins the lines that a link holds: the session and its moment, nothing of the person's
/// own.
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
/// A link holds no more than this, in KiB.
pub const MOST_KIB: usize = 256;
const MOST: usize = MOST_KIB * 1024;
/// And no more steps than this,
pub const MOST_STEPS: usize = 100;
/// which send no more packets than this together, a fragment being one: to open a link is to play
/// it.
pub const MOST_PACKETS: usize = 2_000;
/// Bytes of data in a fragment, at the least.
const FRAGMENT: usize = 1_280;
/// Many programs cut a longer link, in characters.
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
    /// Its steps send too many packets.
    TooManyPackets(usize),
    /// A step of it is none.
    Step(String),
}

/// The session and its moment as a link; none if it would hold too much to be opened.
pub fn link(app: &App) -> Option<String> {
    let body = format!("{}\n{}", chosen(&handover::lines(app, &[]), SHARED), app.text);
    if body.len() > MOST || is_too_much(&app.script) {
        return None;
    }
    let small = miniz_oxide::deflate::compress_to_vec_zlib(body.as_bytes(), 10);
    Some(format!("#v{VERSION}:{}", BASE64URL_NOPAD.encode(&small)))
}

/// Whether a text is meant to be a link, or an address with one.
pub fn is_link(text: &str) -> bool {
    let behind = text.split_once("#v").and_then(|(_, rest)| rest.split_once(':'));
    behind.is_some_and(|(version, _)| {
        !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The page as a link says. Language, theme and how it is shown stay those of `own`.
///
/// # Errors
/// What is wrong with the link.
pub fn open(link: &str, own: &App) -> Result<App, LinkFault> {
    let body = body(link)?;
    let (head, document) = body.split_once("\n\n").ok_or(LinkFault::Broken)?;
    steps(head)?;
    let mine = chosen(&handover::lines(own, &[]), OWN);
    let page = format!("{}\n{mine}{}\n{document}", handover::VERSION, chosen(head, SHARED));
    handover::unpack(&page).map(|(app, _)| app).ok_or(LinkFault::Broken)
}

/// Opens a link; a person's own text goes on the shelf.
pub(super) fn follow(app: &mut App, link: &str) -> Vec<Effect> {
    match open(link, app) {
        Ok(mut other) => {
            other.shelf = std::mem::take(&mut app.shelf);
            other.shelf.put(&app.text);
            other.history = std::mem::take(&mut app.history);
            other.history.remember(app.snapshot());
            *app = other;
            vec![Effect::SetEditor, Effect::KeepShelf]
        }
        Err(fault) => {
            app.refused = Some(words::link_fault(&fault, app.lang));
            // On a narrow page it stands there.
            app.pane = Pane::Events;
            Vec::new()
        }
    }
}

/// Lines of those names.
fn chosen(head: &str, names: &[&str]) -> String {
    let of = |l: &&str| names.contains(&l.split(' ').next().unwrap_or_default());
    head.lines().filter(of).flat_map(|l| [l, "\n"]).collect()
}

/// The document of a link, and how many steps go with it. Nothing is played.
///
/// # Errors
/// What is wrong with the link.
pub fn document(link: &str) -> Result<(String, usize), LinkFault> {
    let body = body(link)?;
    let (head, document) = body.split_once("\n\n").ok_or(LinkFault::Broken)?;
    Ok((document.to_owned(), steps(head)?))
}

/// How many steps those lines say.
fn steps(head: &str) -> Result<usize, LinkFault> {
    let lines: Vec<&str> = head.lines().filter_map(|l| l.strip_prefix("step ")).collect();
    if lines.len() > MOST_STEPS {
        return Err(LinkFault::TooManySteps(lines.len()));
    }
    let mut steps = Vec::new();
    for line in lines {
        match handover::step_of(line).filter(is_step) {
            Some(step) => steps.push(step),
            None => {
                return Err(LinkFault::Step(
                    line.chars().take(60).flat_map(char::escape_debug).collect(),
                ));
            }
        }
    }
    match packets(&steps) {
        n if n > MOST_PACKETS => Err(LinkFault::TooManyPackets(n)),
        _ => Ok(steps.len()),
    }
}

/// Whether a page makes such steps: a command that sends is a step that sends.
pub(super) fn is_step(step: &Step) -> bool {
    match &step.act {
        Act::Action(Action::Send(p)) => p.size.is_none_or(|s| s <= MAX_SIZE),
        Act::Action(Action::Shell { line, .. }) => !shell::sends(line),
        Act::Packet(..) => true,
    }
}

/// Whether those steps are more than are played for somebody who did not make them.
pub(super) fn is_too_much(steps: &[Step]) -> bool {
    steps.len() > MOST_STEPS || packets(steps) > MOST_PACKETS
}

/// How many packets the clients of those steps send, at the most, a fragment being one.
fn packets(steps: &[Step]) -> usize {
    let sent = steps.iter().map(|s| match &s.act {
        Act::Action(Action::Send(p)) => {
            usize::from(p.count) * (1 + usize::from(p.size.unwrap_or_default()) / FRAGMENT)
        }
        _ => 1,
    });
    sent.sum()
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
    // Deflate makes nothing longer by more than a few bytes, base64 by a third.
    if data.len() > MOST * 2 {
        return Err(LinkFault::TooLarge);
    }
    // A sentence may have ended behind it.
    let data =
        data.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    // A letter may have broken it into lines.
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
mod tests {
    use super::*;
    use crate::Lang;
    use crate::app::{Theme, update};

    fn packed(body: &str) -> String {
        format!(
            "#v1:{}",
            BASE64URL_NOPAD.encode(&miniz_oxide::deflate::compress_to_vec_zlib(body.as_bytes(), 1))
        )
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
        let other =
            open(&format!("https://example.org/packetwalk/{this}"), &own).expect("it can be read");
        assert_eq!(
            (other.lang, &other.text, &other.script, other.cursor()),
            (Lang::En, &app.text, &app.script, app.cursor())
        );
        assert_eq!((other.preset, link(&other).as_deref()), (app.preset, Some(&*this)));
        let events = |a: &App| a.loaded.as_ref().map(|l| l.session.events().to_vec());
        assert!(events(&other) == events(&app), "the same to the last event");
        let in_lines: String =
            this.as_bytes().chunks(76).map(|l| String::from_utf8_lossy(l) + "\r\n").collect();
        assert!(open(&in_lines, &own).is_ok(), "a letter broke it into lines");
        assert!(open(&format!("<{this}>)."), &own).is_ok(), "it stood in a sentence");
    }

    #[test]
    fn a_broken_link_says_what_is_wrong() {
        let own = App::new(Lang::En, "article-nodeport");
        let fault = |text: &str| open(text, &own).err();
        let good = link(&own).expect("short");
        for broken in [
            "",
            "#v",
            "#v1",
            "#v1:",
            "#v1:%",
            "#vx:AAAA",
            "#v123456:AAAA",
            "x",
            &good[..good.len() - 9],
            &packed("no end"),
            "#v1:____",
        ] {
            assert_eq!(fault(broken), Some(LinkFault::Broken), "{broken}");
        }
        assert_eq!(fault(&good.replace("#v1", "#v7")), Some(LinkFault::Version("7".to_owned())));
        assert_eq!(fault(&packed("step 3 fly 9\n\n")), Some(LinkFault::Step("3 fly 9".to_owned())));
        assert!(
            matches!(
                fault(&packed("step quiet run node01 ping -c 100 -s 65507 10.1.6.5\n\n")),
                Some(LinkFault::Step(_))
            ),
            "that is a step that sends"
        );
        assert_eq!(
            fault(&packed("step 1 \u{1b}[31m\n\n")),
            Some(LinkFault::Step("1 \\u{1b}[31m".to_owned())),
            "and a terminal is told nothing"
        );
        let large = "step quiet send icmp bastion 192.168.120.226 count=100 size=65467\n";
        assert_eq!(fault(&packed(&format!("{large}\n"))), Some(LinkFault::TooManyPackets(5_200)));
        assert_eq!(
            fault(&packed(&("step quiet drop 1\n".repeat(101) + "\n"))),
            Some(LinkFault::TooManySteps(101))
        );
        // Ten million spaces are a link of ten kilobytes.
        assert_eq!(
            fault(&packed(&("\n\n".to_owned() + &" ".repeat(10_000_000)))),
            Some(LinkFault::TooLarge)
        );
        assert_eq!(fault(&format!("#v1:{}", "A".repeat(10_000_000))), Some(LinkFault::TooLarge));
    }

    #[test]
    fn what_is_a_persons_own_is_not_said_by_a_link() {
        let own = App::new(Lang::En, "article-nodeport");
        let app =
            open(&packed("lang ja\ntheme dark\nplaying 1\nsharing 1\npast 0 1 0\n\nx: 1"), &own)
                .expect("read");
        assert!(
            app.lang == Lang::En
                && app.theme == Theme::System
                && !app.playing
                && app.history.past().is_empty()
        );
        assert_eq!(&*app.text, "x: 1");
    }

    #[test]
    fn what_is_too_much_for_a_link_gets_none() {
        let mut app = App::new(Lang::En, "article-nodeport");
        app.text = "#".repeat(MOST).into();
        assert_eq!(link(&app), None);
    }

    #[test]
    fn every_line_of_a_page_is_shared_or_ones_own() {
        use crate::app::Action;
        let mut app = App::new(Lang::En, "article-nodeport");
        update(&mut app, Action::Send);
        let edited = format!("{}# x", app.text);
        update(&mut app, Action::Text(edited));
        let left = [
            "pane",
            "drawer",
            "playing",
            "sharing",
            "past",
            "past-text",
            "past-document",
            "past-step",
        ];
        for line in handover::pack(&app).lines().skip(1).take_while(|l| !l.is_empty()) {
            let name = line.split(' ').next().unwrap_or_default();
            assert!(
                SHARED.contains(&name) || OWN.contains(&name) || left.contains(&name),
                "{name}: does a link say it?"
            );
        }
    }

    #[test]
    fn whatever_the_lines_of_a_link_say_the_page_goes_on() {
        use crate::app::Action;
        let mut app = App::new(Lang::En, "article-nodeport");
        update(&mut app, Action::Send);
        update(&mut app, Action::Step(30));
        update(&mut app, Action::Packet(net::engine::PacketOp::Delay(net::Duration::millis(20))));
        update(
            &mut app,
            Action::Run(
                "node01".to_owned(),
                "kubectl scale deployment nginx-deployment --replicas=3".to_owned(),
            ),
        );
        update(
            &mut app,
            Action::Select(Some(crate::app::Selected {
                host: "node01".to_owned(),
                device: Some("cni0".to_owned()),
            })),
        );
        let good = body(&link(&app).expect("short")).expect("whole");
        let (head, document) = good.split_once("\n\n").expect("two parts");
        assert!(
            head.matches("step ").count() == 3 && head.contains("selected node01 cni0"),
            "{head}"
        );
        let lines: Vec<&str> = head.lines().collect();
        let mut rng = net::rng::Rng::new(5);
        for n in 0..120 {
            let mut other: Vec<String> = lines.iter().map(|l| (*l).to_owned()).collect();
            let at = rng.below(lines.len() as u64) as usize;
            match n % 4 {
                0 => _ = other.remove(at),
                1 => other.insert(rng.below(lines.len() as u64) as usize, lines[at].to_owned()),
                2 => other[at].truncate(lines[at].len() / 2),
                _ => {
                    let digits =
                        ["0", "18446744073709551615", "-1", "65535", "9"][rng.below(5) as usize];
                    other[at] = other[at]
                        .split(' ')
                        .map(|w| if w.bytes().all(|b| b.is_ascii_digit()) { digits } else { w })
                        .collect::<Vec<_>>()
                        .join(" ");
                }
            }
            let hostile = packed(&format!("{}\n\n{document}", other.join("\n")));
            if let Ok(mut page) = open(&hostile, &App::new(Lang::En, "article-clusterip")) {
                for action in [
                    Action::Step(1),
                    Action::Send,
                    Action::Undo,
                    Action::StartOver,
                    Action::Send,
                    Action::Share(true),
                ] {
                    update(&mut page, action);
                }
            }
        }
    }
}
