//! What a link keeps, and what it refuses.

use super::*;
use crate::Lang;
use crate::app::{Action, Theme, update};
use crate::words;

fn packed(body: &str) -> String {
    format!("#v2:{}", super::packed(body))
}

fn with_steps(steps: &str) -> String {
    packed(&format!("{HEAD}spec:\n  steps:\n{steps}"))
}

#[test]
fn a_link_is_the_session_and_its_moment() {
    let mut app = App::new(Lang::Ja, "article-nodeport");
    update(&mut app, Action::Send);
    update(&mut app, Action::StepBy(12));
    let command = "kubectl apply -f - <<< '{apiVersion: v1, kind: Service,\n  \
        metadata: {name: x}, spec: {ports: [{port: 1}]}}'";
    update(&mut app, Action::Run("node01".to_owned(), command.to_owned()));
    assert_eq!(app.session.script.steps.len(), 2);
    let packet = app.current_packet();
    update(&mut app, Action::Follow(packet));
    let own = App::new(Lang::En, "article-clusterip");
    let this = link(&app).expect("short");
    let other =
        open(&format!("https://example.org/packetwalk/{this}"), &own).expect("it can be read");
    assert_eq!(
        (
            other.chrome.lang,
            &other.document.text,
            &other.session.script,
            other.view.cursor,
            other.view.follow
        ),
        (Lang::En, &app.document.text, &app.session.script, app.view.cursor, app.view.follow)
    );
    assert_eq!(other.document.preset, app.document.preset);
    let mut mine = other.clone();
    mine.chrome.lang = app.chrome.lang;
    assert_eq!(link(&mine).as_deref(), Some(&*this), "and makes the same link");
    let events = |a: &App| a.session.loaded.as_ref().map(|l| l.session.events().to_vec());
    assert!(events(&other) == events(&app), "the same to the last event");
    let in_lines: String =
        this.as_bytes().chunks(76).map(|l| String::from_utf8_lossy(l) + "\r\n").collect();
    assert!(open(&in_lines, &own).is_ok(), "a letter broke it into lines");
    assert!(open(&format!("<{this}>)."), &own).is_ok(), "it stood in a sentence");
    let poster = crate::embed::poster(&app, &this);
    assert!(poster.len() > 2_000, "an embed has the picture, too");
    assert_eq!(file(&format!("{this}{poster}")), file(&this));
    // What the command line reads of it is the same session.
    let file = file(&this).expect("a file");
    let (script, text) = Script::take(&file).expect("read");
    assert_eq!((script.as_ref(), &*text), (Some(&*app.session.script), &*app.document.text));
    assert_eq!(language(&this).as_deref(), Some("ja"));
}

#[test]
fn a_broken_link_says_what_is_wrong() {
    let own = App::new(Lang::En, "article-nodeport");
    let fault = |text: &str| open(text, &own).err();
    let good = link(&own).expect("short");
    for broken in [
        "",
        "#v",
        "#v2",
        "#v2:",
        "#v2:%",
        "#vx:AAAA",
        "#v123456:AAAA",
        "x",
        &good[..good.len() - 9],
        "#v2:____",
    ] {
        assert_eq!(fault(broken), Some(LinkFault::Broken), "{broken}");
    }
    for version in ["1", "7"] {
        let other = good.replace("#v2", &format!("#v{version}"));
        assert_eq!(fault(&other), Some(LinkFault::Version(version.to_owned())));
    }
    let told = words::link_fault(&LinkFault::Version("1".to_owned()), Lang::En);
    assert!(told.contains("before the first release") && told.contains("share again"));
    let script = |steps: &str| match fault(&with_steps(steps)) {
        Some(LinkFault::Script(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(script("  - {fly: 9}\n").contains("spec.steps[0].on"));
    assert!(!script("  - {\"\\e[31m\": 1, on: a, run: b}\n").contains('\u{1b}'));
    let large = "  - send: {from: a, to: 1.1.1.1, proto: icmp, count: 100, size: 65467}\n";
    assert_eq!(fault(&with_steps(large)), Some(LinkFault::TooManyPackets(5_200)));
    let ping = "  - {on: a, run: ping -c 100 -s 65507 10.1.6.5}\n";
    assert_eq!(fault(&with_steps(ping)), Some(LinkFault::TooManyPackets(5_200)));
    assert_eq!(
        fault(&with_steps(&"  - {on: a, run: b}\n".repeat(101))),
        Some(LinkFault::TooManySteps(101))
    );
    // Ten million spaces are a link of ten kilobytes.
    assert_eq!(fault(&packed(&" ".repeat(10_000_000))), Some(LinkFault::TooLarge));
    assert_eq!(fault(&format!("#v2:{}", "A".repeat(10_000_000))), Some(LinkFault::TooLarge));
}

#[test]
fn what_is_a_persons_own_is_not_said_by_a_link() {
    let own = App::new(Lang::En, "article-nodeport");
    let body = format!(
        "x: 1\n{HEAD}spec:\n  steps: []\n  \
        view: {{lang: ja, theme: dark, playing: true, from: 7}}\n"
    );
    let app = open(&packed(&body), &own).expect("read");
    assert!(
        app.chrome.lang == Lang::En
            && app.chrome.theme == Theme::System
            && !app.chrome.playing
            && app.history.past().is_empty()
    );
    assert_eq!((&*app.document.text, &*app.send.from), ("x: 1\n", "7"));
}

#[test]
fn secrets_stay_unless_they_are_to_be_kept() {
    let mut app = App::new(Lang::En, "article-nodeport");
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: t}\ndata:\n  k: aHVzaA==\n";
    let text = format!("{}{secret}", app.document.text);
    update(&mut app, Action::Text(text));
    assert_eq!(left_out(&app).len(), 1);
    let text = |app: &App| file(&link(app).expect("short")).expect("read");
    assert!(!text(&app).contains("aHVzaA==") && text(&app).contains("kind: Secret"));
    update(&mut app, Action::KeepSecrets(true));
    assert!(text(&app).contains("aHVzaA==") && left_out(&app).is_empty());
    assert!(app.file().contains("aHVzaA=="), "Save leaves nothing out");
}

#[test]
fn what_is_too_much_for_a_link_gets_none() {
    let mut app = App::new(Lang::En, "article-nodeport");
    app.document.text = "#".repeat(MOST).into();
    assert_eq!(link(&app), None);
}

#[test]
fn whatever_a_link_says_the_page_goes_on() {
    let mut app = App::new(Lang::En, "article-nodeport");
    update(&mut app, Action::Send);
    update(&mut app, Action::StepBy(30));
    update(&mut app, Action::Packet(net::engine::PacketOp::Delay(net::Duration::millis(20))));
    let scale = "kubectl scale deployment nginx-deployment --replicas=3";
    update(&mut app, Action::Run("node01".to_owned(), scale.to_owned()));
    let selected = Selected { host: "node01".to_owned(), device: Some("cni0".to_owned()) };
    update(&mut app, Action::Select(Some(selected)));
    let good = body(&link(&app).expect("short")).expect("whole");
    let at = good.rfind(HEAD).expect("a Script");
    let (document, own) = good.split_at(at);
    assert!(app.session.script.steps.len() == 3 && own.contains("device: cni0"), "{own}");
    let words: Vec<&str> = own.split_inclusive([' ', '\n']).collect();
    let mut rng = net::rng::Rng::new(5);
    for n in 0..120 {
        let mut other: Vec<String> = words.iter().map(|l| (*l).to_owned()).collect();
        let at = 4 + rng.below(words.len() as u64 - 4) as usize;
        match n % 4 {
            0 => _ = other.remove(at),
            1 => other.insert(at, words[rng.below(words.len() as u64) as usize].to_owned()),
            2 => other[at].truncate(words[at].floor_char_boundary(words[at].len() / 2)),
            _ => {
                let digits =
                    ["0", "18446744073709551615", "-1", "65535", "9"][rng.below(5) as usize];
                let number = |c: char| c.is_ascii_digit();
                other[at] = other[at].replace(number, digits);
            }
        }
        let hostile = packed(&format!("{document}{}", other.concat()));
        if let Ok(mut page) = open(&hostile, &App::new(Lang::En, "article-clusterip")) {
            for action in [
                Action::StepBy(1),
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
