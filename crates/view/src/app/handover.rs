//! The page's state as a text, so that another instance of the engine goes on where this one is.
//!
//! A line a field, `name value`; the steps of the script in their order; after an empty line the
//! document itself, to the end. What is not said is as in a new page.

use super::Snapshot;
use super::state::{App, Drawer, Pane, RulesView, Selected, Tab, Theme};
use super::{time, update::Effect};
use crate::story::Grain;
use crate::words::Lang;
use net::engine::PacketOp;
use net::socket::Pmtudisc;
use net::{Duration, PacketId};
use play::{Act, Action, Probe, Protocol, Step, When};
use std::fmt::Write;
use std::rc::Rc;

pub(super) const VERSION: &str = "packetwalk page 1";

/// The state as a text.
pub fn pack(app: &App) -> String {
    format!("{VERSION}\n{}\n{}", lines(app, app.history.past()), app.text)
}

/// Its lines, with moments that can be gone back to.
pub(super) fn lines(app: &App, past: &[Snapshot]) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() && !value.contains('\n') {
            let _ = writeln!(out, "{name} {value}");
        }
    };
    let flag = |on: bool| if on { "1" } else { "" };
    line("lang", app.lang.tag());
    line(
        "theme",
        match app.theme {
            Theme::System => "",
            Theme::Light => "light",
            Theme::Dark => "dark",
        },
    );
    line("preset", app.preset);
    line("from", &app.from);
    line("to", &app.to);
    line("proto", app.proto.name());
    line("endpoint", &app.endpoint);
    line("sport", &app.options.sport);
    line("ttl", &app.options.ttl);
    line("size", &app.options.size);
    line("count", &app.options.count);
    line("df", flag(app.options.df));
    line("cold", flag(app.cold));
    line("seed", &app.seed.to_string());
    line("grain", ["hops", "decisions", "rules"][app.grain as usize]);
    line("speed", &app.speed.to_string());
    line("tab", ["packet", "rules", "tables"][app.tab as usize]);
    line("rules", ["walk", "all", "difference"][app.rules_view as usize]);
    line("search", &app.search);
    line("pane", ["diagram", "inspector", "events", "text"][app.pane as usize]);
    line("drawer", ["events", "terminal"][app.drawer as usize]);
    line("only-packet", flag(app.only_packet));
    line("unfocused", flag(!app.focus));
    line("narrow", flag(app.narrow));
    if let Some(s) = &app.selected {
        line("selected", &format!("{} {}", s.host, s.device.as_deref().unwrap_or_default()));
    }
    if let Some(p) = app.follow {
        line("follow", &p.0.to_string());
    }
    for was in past {
        line("past", &format!("{} {} {}", was.cursor, was.seed, u8::from(was.cold)));
        if was.text != app.text {
            line("past-text", &format!("={}", escaped(&was.text)));
        }
        if was.document != was.text {
            line("past-document", &format!("={}", escaped(&was.document)));
        }
        for step in was.script.iter() {
            line("past-step", &step_text(step));
        }
    }
    let now = app.snapshot();
    if now.document != now.text {
        line("document", &format!("={}", escaped(&now.document)));
    }
    for step in app.script.iter() {
        line("step", &step_text(step));
    }
    line("cursor", &app.cursor().to_string());
    line("playing", flag(app.playing));
    line("sharing", flag(app.sharing));
    out
}

/// A text in one line.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\r', "\\r").replace('\n', "\\n")
}

fn unescaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            (_, Some('n')) => out.push('\n'),
            (_, Some('r')) => out.push('\r'),
            (_, Some(other)) => out.push(other),
            (c, None) => out.push(c),
        }
    }
    out
}

pub(super) fn step_text(step: &Step) -> String {
    let when = match step.when {
        When::Quiet => "quiet".to_owned(),
        When::After(n) => n.to_string(),
    };
    match &step.act {
        Act::Packet(p, op) => match op {
            PacketOp::Drop => format!("{when} drop {}", p.0),
            PacketOp::Delay(by) => format!("{when} delay {} {}", p.0, by.0),
            PacketOp::Duplicate => format!("{when} duplicate {}", p.0),
        },
        Act::Action(Action::Shell { host, line }) => format!("{when} run {host} {}", escaped(line)),
        Act::Action(Action::Send(p)) => {
            let mut out = format!("{when} send {} {} {}", p.proto.name(), p.from, p.to);
            let mut add = |name: &str, value: Option<String>| {
                if let Some(v) = value {
                    let _ = write!(out, " {name}={v}");
                }
            };
            add("endpoint", p.endpoint.map(|(a, port)| net::dump::endpoint(a, port)));
            add("sport", p.sport.map(|v| v.to_string()));
            add("ttl", p.ttl.map(|v| v.to_string()));
            add("size", p.size.map(|v| v.to_string()));
            add("count", (p.count != 1).then(|| p.count.to_string()));
            let df = match p.pmtudisc {
                Pmtudisc::Do => Some("1"),
                Pmtudisc::Want => None,
                Pmtudisc::Dont => Some("0"),
            };
            add("df", df.map(str::to_owned));
            add("host", p.host.clone());
            add("timeout", p.timeout.map(|d| d.0.to_string()));
            out
        }
    }
}

pub(super) fn step_of(text: &str) -> Option<Step> {
    let (when, rest) = text.split_once(' ')?;
    let when = if when == "quiet" { When::Quiet } else { When::After(when.parse().ok()?) };
    let (verb, rest) = rest.split_once(' ')?;
    let mut words = rest.split(' ');
    let act = match verb {
        "drop" => Act::Packet(PacketId(rest.parse().ok()?), PacketOp::Drop),
        "duplicate" => Act::Packet(PacketId(rest.parse().ok()?), PacketOp::Duplicate),
        "delay" => {
            let packet = PacketId(words.next()?.parse().ok()?);
            Act::Packet(packet, PacketOp::Delay(Duration(words.next()?.parse().ok()?)))
        }
        "run" => {
            let (host, line) = rest.split_once(' ')?;
            Act::Action(Action::Shell { host: host.to_owned(), line: unescaped(line) })
        }
        "send" => {
            let proto = Protocol::from_name(words.next()?)?;
            let mut p = Probe { proto, ..Probe::new(words.next()?, words.next()?) };
            for (name, value) in words.filter_map(|w| w.split_once('=')) {
                match name {
                    "endpoint" => p.endpoint = play::probe::parse_endpoint(value),
                    "sport" => p.sport = value.parse().ok(),
                    "ttl" => p.ttl = value.parse().ok(),
                    "size" => p.size = value.parse().ok(),
                    "count" => p.count = value.parse().unwrap_or(1),
                    "df" => p.pmtudisc = if value == "0" { Pmtudisc::Dont } else { Pmtudisc::Do },
                    "host" => p.host = Some(value.to_owned()),
                    "timeout" => p.timeout = value.parse().ok().map(Duration),
                    _ => {}
                }
            }
            Act::Action(Action::Send(p))
        }
        _ => return None,
    };
    Some(Step { when, act })
}

/// Goes on where a packed page was. What cannot be read is left out.
pub fn unpack(text: &str) -> Option<(App, Vec<Effect>)> {
    let (head, document) = text.strip_prefix(VERSION)?.split_once("\n\n")?;
    let all = || head.lines().filter_map(|l| l.split_once(' '));
    let get = |name: &str| all().find(|(n, _)| *n == name).map_or("", |(_, v)| v);
    let on = |name: &str| get(name) == "1";
    let index =
        |name: &str, words: &[&str]| words.iter().position(|w| *w == get(name)).unwrap_or_default();
    let lang = if get("lang") == "ja" { Lang::Ja } else { Lang::En };
    let mut app = App::new(lang, get("preset"));
    app.theme = match get("theme") {
        "light" => Theme::Light,
        "dark" => Theme::Dark,
        _ => Theme::System,
    };
    app.cold = on("cold");
    app.seed = get("seed").parse().unwrap_or(1);
    let shown: Rc<str> = match get("document").strip_prefix('=') {
        Some(shown) => unescaped(shown).into(),
        None => document.into(),
    };
    app.read(&shown);
    (app.from, app.to, app.endpoint) =
        (get("from").to_owned(), get("to").to_owned(), get("endpoint").to_owned());
    app.proto = Protocol::from_name(get("proto")).unwrap_or_default();
    app.offer();
    let o = &mut app.options;
    // A field of numbers takes no other text.
    let number = |name| {
        Some(get(name))
            .filter(|n| n.bytes().all(|b| b.is_ascii_digit()))
            .unwrap_or_default()
            .to_owned()
    };
    (o.sport, o.ttl, o.size, o.count) =
        (number("sport"), number("ttl"), number("size"), number("count"));
    o.df = on("df");
    app.grain = [Grain::Hops, Grain::Decisions, Grain::Rules]
        [index("grain", &["hops", "decisions", "rules"])];
    app.speed = get("speed").parse().unwrap_or(100);
    app.tab = [Tab::Packet, Tab::Rules, Tab::Tables][index("tab", &["packet", "rules", "tables"])];
    app.rules_view = [RulesView::Walk, RulesView::All, RulesView::Difference]
        [index("rules", &["walk", "all", "difference"])];
    app.search = get("search").to_owned();
    app.pane = [Pane::Diagram, Pane::Inspector, Pane::Events, Pane::Text]
        [index("pane", &["diagram", "inspector", "events", "text"])];
    app.drawer = [Drawer::Events, Drawer::Terminal][index("drawer", &["events", "terminal"])];
    (app.only_packet, app.focus, app.narrow) = (on("only-packet"), !on("unfocused"), on("narrow"));
    let steps: Vec<Step> =
        all().filter(|(n, _)| *n == "step").filter_map(|(_, v)| step_of(v)).collect();
    let now = Snapshot {
        text: document.into(),
        document: shown,
        script: Rc::new(steps),
        cursor: get("cursor").parse().unwrap_or_default(),
        seed: app.seed,
        cold: app.cold,
    };
    time::restore(&mut app, &now);
    let mut past: Vec<Snapshot> = Vec::new();
    for (name, value) in all() {
        match (name, past.last_mut()) {
            ("past", _) => {
                let mut numbers = value.split(' ');
                let mut number =
                    || numbers.next().and_then(|n| n.parse::<u64>().ok()).unwrap_or_default();
                let (cursor, seed, cold) = (number() as usize, number(), number() == 1);
                past.push(Snapshot {
                    text: app.text.clone(),
                    document: app.text.clone(),
                    script: Rc::default(),
                    cursor,
                    seed,
                    cold,
                });
            }
            ("past-text", Some(was)) => {
                was.text = unescaped(value.trim_start_matches('=')).into();
                was.document = was.text.clone();
            }
            ("past-document", Some(was)) => {
                was.document = unescaped(value.trim_start_matches('=')).into()
            }
            ("past-step", Some(was)) => Rc::make_mut(&mut was.script).extend(step_of(value)),
            _ => {}
        }
    }
    past.into_iter().for_each(|was| app.history.remember(was));
    app.follow = get("follow").parse().ok().map(PacketId);
    if let Some((host, device)) = get("selected").split_once(' ') {
        app.selected = Some(Selected {
            host: host.to_owned(),
            device: Some(device.to_owned()).filter(|d| !d.is_empty()),
        });
    }
    app.playing = on("playing");
    app.sharing = on("sharing");
    let effects = time::tick_after(&app);
    Some((app, effects))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, Options, update};

    #[test]
    fn a_page_goes_on_where_another_was() {
        let mut app = App::new(Lang::Ja, "article-nodeport");
        app.options = Options { sport: "40501".to_owned(), ..Options::default() };
        let text = app.text.replace("replicas: 4", "replicas: 5 # \\n is no line break");
        update(&mut app, Action::Text(text));
        update(&mut app, Action::Send);
        update(&mut app, Action::Step(12));
        update(&mut app, Action::Packet(PacketOp::Delay(Duration::millis(20))));
        update(&mut app, Action::Step(3));
        update(&mut app, Action::Packet(PacketOp::Duplicate));
        update(&mut app, Action::Send);
        update(&mut app, Action::Grain(Grain::Rules));
        update(
            &mut app,
            Action::Select(Some(Selected {
                host: "node01".to_owned(),
                device: Some("flannel.1".to_owned()),
            })),
        );
        let (other, effects) = unpack(&pack(&app)).expect("it can be read");
        assert_eq!(effects.len(), 1, "it plays on");
        assert_eq!(pack(&other), pack(&app));
        assert_eq!(
            (other.text.clone(), other.script.clone(), other.cursor()),
            (app.text.clone(), app.script.clone(), app.cursor())
        );
        assert_eq!(other.history.past(), app.history.past());
        let events = |a: &App| a.loaded.as_ref().map(|l| l.session.events().to_vec());
        assert!(events(&other) == events(&app), "the same to the last event");
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        assert!(unpack("something else").is_none());
        let app = App::new(Lang::En, "article-nodeport");
        let packed =
            pack(&app).replace("cursor 0", "step quiet fly 3\nstep x\ncursor many\nspeed fast");
        let (other, _) = unpack(&packed).expect("it can be read");
        assert!(other.script.is_empty());
        // A text with an error keeps it.
        let broken = pack(&app).replace("kind: Topology", "kind: Topologie");
        let (other, _) = unpack(&broken).expect("it can be read");
        assert!(other.text.contains("Topologie") && other.stale);
        // And the cluster that was shown before it, with what was done in it.
        let mut app = App::new(Lang::En, "article-clusterip");
        update(&mut app, Action::Send);
        let broken = app.text.replace("kind: Topology", "kind: Topologie");
        update(&mut app, Action::Text(broken));
        let (other, _) = unpack(&pack(&app)).expect("it can be read");
        assert!(
            other.stale && other.script == app.script && other.events_len() == app.events_len()
        );
        assert_eq!(pack(&other), pack(&app));
    }
}
