use super::*;
use crate::app::{Action, update};
use crate::words::Lang;

fn on(app: &mut App, end: End, actions: &[ComboAction]) {
    for a in actions {
        update(app, Action::Combo(end, a.clone()));
    }
}

fn typed(app: &mut App, end: End, text: &str) -> Option<String> {
    on(app, end, &[ComboAction::Type(text.to_owned()), ComboAction::Leave]);
    app.derived.menus.reading(end).error.as_ref().map(|e| e.message())
}

fn app() -> App {
    App::new(Lang::En, "article-nodeport")
}

#[test]
fn every_kind_of_name_and_address_is_a_destination() {
    let mut app = app();
    app.send.from = "deploy/nginx-deployment".to_owned();
    for to in [
        "8.8.8.8:53",
        "192.168.120.226:30080",
        "node01:30080",
        "bastion:80",
        "nginx-service:8000",
        "nginx-service.default:8000",
        "nginx-service.default.svc.cluster.local:8000",
        "nginx-service",
        "http://nginx-service:8000/",
        "no-such-name:80",
        "svc/default/nginx-service",
        "deploy/nginx-deployment:80",
    ] {
        assert_eq!(typed(&mut app, End::To, to), None, "{to}");
        update(&mut app, Action::Send);
        assert_eq!(app.session.refused, None, "{to}");
    }
    app.send.from = "bastion".to_owned();
    for (to, why) in [
        ("nginx-servce:8000", "Could not resolve host: nginx-servce"),
        ("10.1.5.4", "10.1.5.4 has no port"),
        ("10.1.5.4:70000", "\"70000\" is not a port"),
        ("fe80::1", "fe80::1 is IPv6, which is not simulated"),
    ] {
        let error = typed(&mut app, End::To, to);
        assert!(error.as_ref().is_some_and(|e| e.contains(why)), "{to}: {error:?}");
        assert_eq!(app.send.to, to, "it is kept as it was typed");
    }
    typed(&mut app, End::To, "node02:30080");
    assert_eq!(typed(&mut app, End::To, ":8080"), None);
    assert_eq!(app.send.to, "192.168.120.227:8080");
}

#[test]
fn words_filter_and_keys_choose() {
    let mut app = app();
    on(&mut app, End::To, &[ComboAction::Type("NODE02".to_owned())]);
    let combo = app.send.combo.clone().expect("open");
    let rows = combo.rows(&app.derived.menus.to).rows;
    assert!(rows.iter().all(|r| r.label.contains("node02")) && !rows.is_empty());
    on(&mut app, End::To, &[ComboAction::Accept]);
    assert_eq!((&*app.send.to, &app.send.combo), ("192.168.120.227:30080", &None));
    on(&mut app, End::From, &[ComboAction::Open, ComboAction::Type("x".to_owned())]);
    on(&mut app, End::From, &[ComboAction::Cancel]);
    assert_eq!(app.send.from, "bastion");
    on(&mut app, End::From, &[ComboAction::Open, ComboAction::Move(1), ComboAction::Accept]);
    assert_eq!(app.send.from, app.derived.menus.from[1].value, "below bastion");
    // The list opens at what is chosen, and goes on at the other end.
    let up = || ComboAction::Move(-1);
    on(&mut app, End::From, &[up(), up(), up(), ComboAction::Accept]);
    assert_eq!(app.derived.menus.from.last().map(|c| &c.value), Some(&app.send.from));
}

#[test]
fn presets_read_as_what_they_name() {
    for preset in play::presets::ALL {
        let app = App::new(Lang::En, preset.name);
        for end in [End::From, End::To] {
            let reading = app.derived.menus.reading(end);
            assert_eq!(reading.error, None, "{}", preset.name);
            let label = &reading.choice.label;
            assert!(!label.contains('/'), "{}: {label}", preset.name);
        }
    }
}

#[test]
fn a_long_list_shows_some_rows_and_counts_the_others() {
    let item = |i| Choice { value: format!("10.0.0.{i}"), ..Choice::default() };
    let all: Vec<_> = (0..2000).map(item).collect();
    let combo = Combo { end: End::To, text: None, active: None };
    let rows = combo.rows(&all);
    assert_eq!((rows.rows.len(), rows.more), (MOST_ROWS, 1900));
    assert_eq!(rows.groups(), vec![0..MOST_ROWS; 1]);
}

#[test]
fn a_cluster_without_machines_offers_none() {
    let mut app = app();
    let text = "apiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nmetadata: {name: t}\n\
                spec:\n  segments: [{name: lan, subnet: 10.9.0.0/24}]\n  nodes: []\n  hosts: []\n";
    update(&mut app, Action::Opened(text.to_owned()));
    if !app.document.is_stale() {
        assert_eq!((&*app.send.from, app.derived.menus.from.len()), ("", 0));
        let error = app.derived.menus.sender.error.clone().expect("nobody can send");
        assert!(error.to_string().ends_with("add a node or host to the Topology"), "{error}");
    }
}
