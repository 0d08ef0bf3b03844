use super::*;
use crate::app::{Action, Selected, update};
use crate::story::Grain;
use crate::words::Lang;

fn page(name: &str) -> App {
    let mut app = App::new(Lang::En, "");
    app.document.sessions.page = name.to_owned();
    app.document.id = app.document.sessions.fresh();
    app.chrome.now = Clock { ms: 1_000, zone: 540 };
    app
}

fn stored(effects: &[Effect]) -> Vec<&str> {
    let mut all = Vec::new();
    for e in effects {
        if let Effect::Store(id) = e {
            all.push(&**id);
        }
    }
    all
}

fn address(effects: &[Effect]) -> Option<Address> {
    effects
        .iter()
        .rev()
        .find_map(|e| if let Effect::Address(address) = e { Some(address.clone()) } else { None })
}

/// Keeps the session, and opens what was kept in another page.
fn reloaded(app: &mut App) -> App {
    update(app, Action::Keep(None));
    let kept = app.document.sessions.get(&app.document.id).cloned();
    let state = app.document.state.as_deref().map(str::to_owned);
    let mut other = page("other");
    kept.into_iter().for_each(|k| other.document.sessions.put(k));
    update(&mut other, Action::GoToSession(app.document.id.to_string(), state));
    assert_eq!(other.document.id, app.document.id);
    other
}

fn same(a: &App, b: &App) {
    assert_eq!(a.document.text, b.document.text);
    assert_eq!((&a.session.script, a.view.cursor), (&b.session.script, b.view.cursor));
    assert_eq!((a.view.grain, a.view.follow), (b.view.grain, b.view.follow));
    assert_eq!((&a.view.selected, a.view.tab), (&b.view.selected, b.view.tab));
    assert_eq!((&a.send.from, &a.send.to, a.send.proto), (&b.send.from, &b.send.to, b.send.proto));
    assert_eq!(a.terminal.host, b.terminal.host);
    assert_eq!(a.file(), b.file());
    let events = |app: &App| app.session.events().to_vec();
    assert!(events(a) == events(b));
}

#[test]
fn a_reload_restores_the_run_and_the_moment() {
    let mut app = page("a");
    update(&mut app, Action::Send);
    update(&mut app, Action::Grain(Grain::Rules));
    update(&mut app, Action::SeekStep(70));
    let packet = app.current_packet();
    update(&mut app, Action::Follow(packet));
    let host = "node02".to_owned();
    update(&mut app, Action::Select(Some(Selected { host, device: None })));
    let again = reloaded(&mut app);
    assert!(app.view.follow.is_some() && app.view.cursor > 70 && !again.chrome.playing);
    same(&app, &again);
    // With an error in the text, beside the last valid cluster.
    let broken = format!("kind: [\n{}", app.document.text);
    update(&mut app, Action::Text(broken));
    let mut again = reloaded(&mut app);
    assert!(again.document.is_stale() && again.run().is_some());
    same(&app, &again);
    let mended = app.document.text.replacen("kind: [\n", "# ", 1);
    update(&mut app, Action::Text(mended.clone()));
    update(&mut again, Action::Text(mended));
    same(&app, &again);
}

#[test]
fn every_way_to_write_a_session_is_kept_byte_for_byte() {
    let script = "apiVersion: packetwalk.dev/v1alpha1\nkind: Script # mine\nspec:\n  steps:\n  - \
                  send: {from: bastion, to: \"192.168.120.226:30080\"}\n";
    let text = FIRST.document();
    let cut = text.trim_end();
    let mut edited = page("a");
    update(&mut edited, Action::Opened(format!("{text}---\n{script}")));
    let more = format!("# more\n{}", edited.document.text);
    update(&mut edited, Action::Text(more));
    assert!(edited.file().contains("# mine"));
    let opened = |file: String| {
        let mut app = page("a");
        update(&mut app, Action::Opened(file));
        app
    };
    let typed = |text: String| {
        let mut app = page("a");
        update(&mut app, Action::Text(text));
        app
    };
    let mut seeded = page("a");
    update(&mut seeded, Action::StartOver);
    for mut app in [
        edited,
        seeded,
        opened(format!("{text}---\n{script}")),
        opened(format!("{script}---\n{text}")),
        opened(format!("{text}---\nkind: Script\napiVersion: packetwalk.dev/v1alpha1\nsned: 1\n")),
        opened(cut.to_owned()),
        opened("\u{feff}# 日本 🐋\r\nkind: [".to_owned()),
        typed(format!("{text}---\n{script}")),
        typed(format!("{cut} # no newline at the end")),
        typed(String::new()),
    ] {
        let again = reloaded(&mut app);
        same(&app, &again);
    }
    // A text that was typed and not read yet.
    let mut app = page("a");
    update(&mut app, Action::Send);
    let unread = format!("# x\n{}", app.document.text);
    update(&mut app, Action::Keep(Some(unread.clone())));
    let kept = app.document.sessions.get(&app.document.id).cloned().expect("kept");
    let mut other = page("b");
    open(&mut other, &kept);
    assert_eq!((&*other.document.text, other.session.runs().count()), (&*unread, 1));
}

#[test]
fn only_what_was_done_is_stored_and_dated() {
    let mut app = page("a");
    let effects = update(&mut app, Action::Keep(None));
    assert!(stored(&effects).is_empty() && app.document.sessions.all().next().is_none());
    let first = address(&effects).expect("an address");
    assert!(first.first && first.state.is_some() && !first.push);
    assert!(update(&mut app, Action::Keep(None)).is_empty(), "nothing has changed");
    // Another look at it is kept by the history.
    update(&mut app, Action::Grain(Grain::Hops));
    let effects = update(&mut app, Action::Keep(None));
    assert!(stored(&effects).is_empty() && address(&effects).is_some());

    let text = app.document.text.clone();
    update(&mut app, Action::Text(format!("# mine\n{text}")));
    let effects = update(&mut app, Action::Keep(None));
    assert_eq!(stored(&effects), ["a-1"]);
    assert_eq!(address(&effects).map(|a| a.state), Some(None));
    app.chrome.now.ms = 2_000;
    update(&mut app, Action::Grain(Grain::Rules));
    assert_eq!(stored(&update(&mut app, Action::Keep(None))), ["a-1"]);
    let changed = |app: &App| app.document.sessions.get("a-1").map(|k| k.changed.ms);
    assert_eq!(changed(&app), Some(1_000), "looking is no change");
    update(&mut app, Action::Send);
    update(&mut app, Action::Keep(None));
    assert_eq!(changed(&app), Some(2_000));
    update(&mut app, Action::Undo);
    update(&mut app, Action::Undo);
    assert_eq!(stored(&update(&mut app, Action::Keep(None))), ["a-1"]);
    assert_eq!(changed(&app), None, "the document is that of the preset again");
}

#[test]
fn a_session_that_is_left_for_another_is_kept() {
    let mut app = page("a");
    let own = app.document.text.replace("30080", "30081");
    update(&mut app, Action::Text(own.clone()));
    app.chrome.now.ms += 1;
    let effects = update(&mut app, Action::Opened("kind: [".to_owned()));
    assert_eq!(stored(&effects), ["a-1", "a-2"]);
    assert!(address(&effects).is_some_and(|a| a.push && &*a.id == "a-2"));
    update(&mut app, Action::Preset("article-clusterip".to_owned()));
    let texts = |app: &App| -> Vec<String> {
        let text = |k: &StoredSession| StoredForm::parse(&k.value).map(|e| e.text().into_owned());
        app.document.sessions.all().filter_map(text).collect()
    };
    assert_eq!(texts(&app), ["kind: [", &own]);
    update(&mut app, Action::Preset("a-1".to_owned()));
    assert_eq!((&*app.document.text, &*app.document.id, texts(&app).len()), (&*own, "a-1", 2));
    // Undo closes what was opened.
    update(&mut app, Action::Undo);
    update(&mut app, Action::Undo);
    assert_eq!((&*app.document.text, &*app.document.id), ("kind: [", "a-2"));
    update(&mut app, Action::Undo);
    assert_eq!((&*app.document.text, &*app.document.id), (&*own, "a-1"));
    assert_eq!(texts(&app).len(), 2);
}

#[test]
fn the_history_goes_back_to_documents_and_links() {
    let mut app = page("a");
    update(&mut app, Action::Send);
    update(&mut app, Action::SeekStep(12));
    let was = app.clone();
    let mut other = page("b");
    update(&mut other, Action::Text("# shared\n".to_owned()));
    let link = link::link(&other).expect("a link");
    let effects = update(&mut app, Action::Link(link));
    let linked = address(&effects).expect("an address");
    assert!(linked.linked && !linked.push && linked.state.is_some());
    assert_eq!(stored(&effects), ["a-1"], "what was only opened by a link is not stored");
    let effects = update(&mut app, Action::GoToSession("a-1".to_owned(), None));
    same(&app, &was);
    assert!(address(&effects).is_some_and(|a| &*a.id == "a-1" && !a.linked));
    let state = linked.state.as_deref().map(str::to_owned);
    let effects = update(&mut app, Action::GoToSession(linked.id.to_string(), state));
    assert_eq!(&*app.document.text, "# shared\n");
    assert!(address(&effects).is_some_and(|a| a.linked && a.id == linked.id));
    // A change makes it the reader's own, and the link is gone from the address.
    update(&mut app, Action::Text("# shared, and more\n".to_owned()));
    let effects = update(&mut app, Action::Keep(None));
    assert_eq!(stored(&effects), [&*linked.id]);
    assert!(address(&effects).is_some_and(|a| !a.linked && a.state.is_none()));
    update(&mut app, Action::GoToSession("gone".to_owned(), None));
    assert!(app.session.refused.is_some() && !sessions::is_own(&app.document.text));
    let effects = update(&mut app, Action::Link("#v9:x".to_owned()));
    assert!(address(&effects).is_some_and(|a| !a.linked), "the address is not that of the link");
}

#[test]
fn tabs_leave_each_others_sessions_alone() {
    let (mut one, mut two) = (page("a"), page("b"));
    update(&mut one, Action::Text("# one\n".to_owned()));
    update(&mut one, Action::Keep(None));
    let kept = one.document.sessions.get("a-1").cloned().expect("kept");
    let tell = |to: &mut App, id: &str, value: Option<&str>| {
        update(to, Action::ChangedInOtherTab(id.to_owned(), value.map(str::to_owned)))
    };
    tell(&mut two, "a-1", Some(&kept.value));
    assert_eq!(two.document.sessions.all().count(), 1);
    // Another tab shows it: this one goes on with a copy.
    update(&mut two, Action::OpenInOtherTabs(vec!["a-1".to_owned()]));
    let effects = update(&mut two, Action::Preset("a-1".to_owned()));
    assert_eq!(&*two.document.text, "# one\n");
    assert_ne!(&*two.document.id, "a-1");
    assert!(!stored(&effects).contains(&"a-1"), "{effects:?}");
    // Another tab stored this one's session: both go on.
    update(&mut one, Action::Text("# one more\n".to_owned()));
    let effects = tell(&mut one, "a-1", Some(&kept.value));
    assert_eq!(stored(&effects), [&*one.document.id]);
    assert!(&*one.document.id != "a-1" && address(&effects).is_some());
    assert_eq!((&*one.document.text, one.document.sessions.all().count()), ("# one more\n", 2));
    // Another tab removed it: it is stored again.
    let id = one.document.id.to_string();
    assert_eq!(stored(&tell(&mut one, &id, None)), [&id]);
    // What is damaged is neither shown nor removed.
    assert!(tell(&mut one, "x", Some("?")).is_empty());
    update(&mut one, Action::Forget(false));
    assert!(one.document.sessions.all().next().is_none() && !one.history.can_undo());
    let effects = update(&mut one, Action::Keep(None));
    assert!(stored(&effects).is_empty() && !sessions::is_own(&one.document.text));
}

#[test]
fn what_cannot_be_stored_is_tried_again() {
    let mut app = page("a");
    update(&mut app, Action::Text("# one\n".to_owned()));
    update(&mut app, Action::Keep(None));
    let full = Some(sessions::StorageFault::Full);
    update(&mut app, Action::Stored("a-1".into(), full));
    assert_eq!(app.document.sessions.fault(), full);
    update(&mut app, Action::CloseNotice);
    update(&mut app, Action::Opened("# two\n".to_owned()));
    assert!(app.chrome.notice_closed, "it was said");
    assert_eq!(stored(&update(&mut app, Action::Keep(None))), ["a-1"]);
    update(&mut app, Action::Stored("a-1".into(), None));
    assert_eq!((app.document.sessions.fault(), app.chrome.notice_closed), (None, false));
    assert!(update(&mut app, Action::Keep(None)).is_empty());
    // A long one that no tab shows gives way to the one that is shown.
    update(&mut app, Action::Opened(format!("# {}\n", "x".repeat(3 << 20))));
    update(&mut app, Action::Opened("# four\n".to_owned()));
    let effects = update(&mut app, Action::Stored("a-4".into(), full));
    assert_eq!(stored(&effects), ["a-3", "a-4"]);
    let stored = &app.document.sessions;
    assert!(stored.to_store("a-3", "a-4").is_none() && stored.to_store("a-3", "a-3").is_some());
    assert!(update(&mut app, Action::Stored("a-4".into(), full)).is_empty());
    update(&mut app, Action::Stored("a-4".into(), None));
    assert_eq!(app.document.sessions.fault(), full, "what gave way is not stored");
    assert!(update(&mut app, Action::Keep(None)).is_empty());
}
