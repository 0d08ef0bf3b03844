//! Links: those of released versions stay readable, and no link, however it was made, does harm.

use net::rng::Rng;
use std::path::Path;
use view::Lang;
use view::app::link::{LinkFault, link, open};
use view::app::{Action, App, Effect, update};

/// Summarizes what a page shows in one line.
fn shown(app: &App) -> String {
    format!(
        "{} text={} steps={} at={} from={} to={}",
        app.document.preset,
        app.document.text.len(),
        app.session.script.steps.len(),
        app.view.cursor,
        app.send.from,
        app.send.to
    )
}

/// Sessions as a reader makes them: a packet, another moment, commands, an edit.
fn sessions() -> Vec<App> {
    let mut out = Vec::new();
    for preset in play::presets::ALL {
        let mut app = App::new(Lang::En, preset.name);
        update(&mut app, Action::Send);
        update(&mut app, Action::StepBy(7));
        out.push(app);
    }
    let mut app = App::new(Lang::En, "article-nodeport");
    let edited =
        app.document.text.replace("replicas: 4", "replicas: 2 # 二つ\t<script>alert(1)</script>");
    update(&mut app, Action::Text(edited));
    update(&mut app, Action::Send);
    update(&mut app, Action::StepBy(20));
    update(
        &mut app,
        Action::Run(
            "node01".to_owned(),
            "kubectl scale deployment nginx-deployment --replicas=3".to_owned(),
        ),
    );
    update(&mut app, Action::Send);
    assert_eq!(app.session.script.steps.len(), 3);
    out.push(app);
    out
}

#[test]
fn links_of_released_versions_are_read() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite/links/v2.txt");
    if std::env::var_os("BLESS").is_some() && !file.exists() {
        let lines =
            sessions().into_iter().filter_map(|a| Some(format!("{}\n{}\n", link(&a)?, shown(&a))));
        std::fs::write(&file, lines.collect::<String>()).expect("written");
    }
    let text = std::fs::read_to_string(&file).expect("the corpus");
    let mut lines = text.lines();
    let mut read = 0;
    while let (Some(link), Some(said)) = (lines.next(), lines.next()) {
        let app = open(link, &App::new(Lang::Ja, "")).unwrap_or_else(|e| panic!("{said}: {e:?}"));
        assert_eq!(shown(&app), said);
        read += 1;
    }
    assert!(read > 5, "{read} links in the corpus");
}

#[test]
fn a_link_made_now_opens_the_same() {
    for app in sessions() {
        let this = link(&app).expect("short");
        let other = open(&this, &App::new(Lang::Ja, "")).expect("the link can be opened");
        assert_eq!(
            (shown(&other), &other.document.text, &other.session.script),
            (shown(&app), &app.document.text, &app.session.script)
        );
        let verdict = |a: &App| a.run().map(|r| r.verdict.clone());
        assert_eq!(verdict(&other), verdict(&app));
        let mut same = other;
        same.chrome.lang = app.chrome.lang;
        assert_eq!(link(&same).as_deref(), Some(&*this), "the opened session has the same link");
    }
}

#[test]
fn a_damaged_link_is_refused_and_the_page_is_unchanged() {
    let good = link(&sessions().pop().expect("one")).expect("short");
    let own = App::new(Lang::En, "");
    let mut rng = Rng::new(7);
    let (mut refused, mut read) = (0, 0);
    for n in 0..400 {
        let mut bytes = good.clone().into_bytes();
        match n % 4 {
            0 => bytes.truncate(rng.below(bytes.len() as u64) as usize),
            1 => _ = bytes.remove(rng.below(bytes.len() as u64) as usize),
            2 => {
                let at = 4 + rng.below(bytes.len() as u64 - 4) as usize;
                bytes[at] = b"AZaz09-_"[rng.below(8) as usize];
            }
            _ => bytes.insert(rng.below(bytes.len() as u64) as usize, rng.below(128) as u8),
        }
        let hostile = String::from_utf8_lossy(&bytes);
        let mut page = own.clone();
        let effects = update(&mut page, Action::Link(hostile.to_string()));
        match open(&hostile, &own) {
            Ok(app) => {
                read += 1;
                assert_eq!(
                    link(&app).as_ref(),
                    Some(&good),
                    "only insignificant bits were changed"
                );
            }
            Err(f) => {
                refused += 1;
                assert_eq!(shown(&page), shown(&own), "the page is unchanged");
                let [Effect::Address(address)] = &effects[..] else { panic!("{effects:?}") };
                assert!(!address.linked && !address.push, "the address is that of the page");
                assert_eq!(page.session.refused, Some(view::words::link_fault(&f, Lang::En)));
            }
        }
    }
    println!("{refused} refused, {read} read");
    assert!(refused > 300, "{refused}");
}

#[test]
fn a_hostile_document_in_a_link_is_opened_with_its_errors() {
    let deep = "[".repeat(20_000);
    let bomb = (0..40).fold("a0: &a0 [x]\n".to_owned(), |s, n| {
        format!("{s}a{}: &a{} [{}]\n", n + 1, n + 1, format!("*a{n},").repeat(9))
    });
    let script = "kind: Service\nmetadata: {name: \"<img src=x onerror=alert(1)>\"}\nspec: {ports: [{port: 1}]} # $(reboot) `reboot`";
    for text in [
        &*deep,
        &*bomb,
        script,
        "\u{0}\u{202e}\u{feff}",
        "%YAML 9\n--- !!python/object:os.system reboot",
        "- &a [*a]",
    ] {
        let mut app = App::new(Lang::En, "");
        update(&mut app, Action::Text(text.to_owned()));
        let this = link(&app).expect("short");
        let other =
            open(&this, &App::new(Lang::En, "")).expect("a link with any text can be opened");
        assert_eq!(other.document.text, app.document.text, "the text is unchanged");
        assert!(
            !other.document.diagnostics.is_empty(),
            "{}",
            text.chars().take(40).collect::<String>()
        );
    }
    for version in [1, 3] {
        let link = format!("#v{version}:AAAA");
        assert!(matches!(open(&link, &App::new(Lang::En, "")), Err(LinkFault::Version(_))));
    }
}
