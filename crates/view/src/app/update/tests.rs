//! Tests of actions.

use super::*;
use crate::words::Lang;
use kube::change::{ClusterChange, Thing};
use net::engine::PacketOp;
use net::event::EventKind;

fn sent() -> App {
    let mut app = App::new(Lang::En, "article-nodeport");
    app.send.endpoint = "10.1.6.5:80".to_owned();
    update(&mut app, Action::Send);
    app
}

#[test]
fn sending_begins_a_run_at_its_first_step() {
    let app = sent();
    assert!(app.run().is_some() && app.chrome.playing);
    assert_eq!(app.step(), 1);
    assert!(app.derived.steps.len() > 100, "{}", app.derived.steps.len());
}

#[test]
fn with_errors_in_the_document_nothing_is_sent_and_the_page_says_why() {
    let mut app = App::new(Lang::En, "article-nodeport");
    update(&mut app, Action::Text("kind: [".to_owned()));
    let effects = update(&mut app, Action::Send);
    assert!(effects.is_empty() && app.session.script.steps.is_empty());
    let why = app.session.refused.clone().expect("a reason");
    assert!(why.contains("last valid"), "{why}");
    update(&mut app, Action::Undo);
    assert!(!update(&mut app, Action::Send).is_empty() && app.session.refused.is_none());
}

#[test]
fn after_send_the_focus_is_on_play_and_after_folding_on_the_rail() {
    let mut app = App::new(Lang::En, "article-nodeport");
    assert!(update(&mut app, Action::Send).contains(&Effect::Focus(FocusField::Play)));
    let fold = |fold| [Effect::Panes, Effect::Focus(FocusField::Pane(Side::Editor, fold))];
    for to in [Fold::Folded, Fold::Open] {
        assert_eq!(update(&mut app, Action::Fold(Side::Editor, to)), fold(to));
    }
}

#[test]
fn a_fork_keeps_the_session_and_continues_from_the_moment() {
    let mut app = sent();
    update(&mut app, Action::SeekStep(usize::MAX));
    update(&mut app, Action::Send);
    update(&mut app, Action::SeekStep(10));
    let (whole, cursor) = (app.document.id.to_string(), app.view.cursor);
    update(&mut app, Action::Fork);
    assert_eq!((app.session.script.steps.len(), app.view.cursor), (1, cursor));
    assert!(update(&mut app, Action::Fork).is_empty(), "nothing follows");
    let fork = app.document.id.to_string();
    update(&mut app, Action::GoToSession(whole, None));
    assert_eq!(app.session.script.steps.len(), 2);
    update(&mut app, Action::GoToSession(fork, None));
    assert_eq!(app.session.script.steps.len(), 1);
    update(&mut app, Action::Undo);
    assert_eq!(app.session.script.steps.len(), 2);
}

#[test]
fn an_added_deployment_is_drawn_also_where_its_node_was_folded() {
    let mut app = sent();
    update(&mut app, Action::Room(500, 565));
    update(&mut app, Action::Change(ClusterChange::AddDeployment));
    let host = app.view.selected.as_ref().expect("selected").host.clone();
    let pods = &app.session.loaded.as_ref().expect("valid").session.cluster().pods;
    let pod = pods.iter().position(|p| p.netns() == host).expect("a pod");
    let drawn = app.derived.layout.nodes.iter().flat_map(|n| &n.pods);
    assert!(drawn.map(|p| p.pod).any(|p| p == pod), "{host}");
}

/// Which of index, packets, steps, layout and menus an action derives anew.
fn derives(app: &mut App, action: Action) -> Vec<&'static str> {
    let old = app.derived.clone();
    update(app, action);
    let new = &app.derived;
    let same = [
        ("index", Rc::ptr_eq(&old.index, &new.index)),
        ("packets", Rc::ptr_eq(&old.packets, &new.packets)),
        ("steps", Rc::ptr_eq(&old.steps, &new.steps)),
        ("layout", Rc::ptr_eq(&old.layout, &new.layout)),
        ("menus", Rc::ptr_eq(&old.menus, &new.menus)),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}

#[test]
fn an_action_derives_only_what_it_changes() {
    let mut app = sent();
    let nothing: [&str; 0] = [];
    for action in [
        Action::Tick,
        Action::SeekStep(40),
        Action::Hop(true),
        Action::Tab(Tab::Packet),
        Action::Search("DNAT".to_owned()),
        Action::Select(Some(Selected { host: "node01".to_owned(), device: None })),
        Action::TerminalLine("ip a".to_owned()),
        Action::Text("kind: [".to_owned()),
    ] {
        assert_eq!(derives(&mut app, action.clone()), nothing, "{action:?}");
        let at = app.derived.timeline.as_ref().map(play::Timeline::at);
        assert_eq!(at, Some(app.view.cursor));
    }
    assert_eq!(derives(&mut app, Action::Grain(crate::story::Grain::Hops)), ["steps"]);
    assert_eq!(derives(&mut app, Action::Focus(false)), ["layout"]);
    assert_eq!(derives(&mut app, Action::To("10.1.5.4:80".to_owned())), ["menus"]);
    let all = ["index", "packets", "steps", "layout", "menus"];
    assert_eq!(derives(&mut app, Action::Undo), nothing, "the cluster is as it was");
    assert_eq!(derives(&mut app, Action::Send), all);
}

#[test]
fn forth_and_back_is_where_one_was() {
    let mut app = sent();
    let states: Vec<_> = (0..40)
        .map(|_| {
            update(&mut app, Action::StepBy(1));
            app.derived.timeline.as_ref().map(|t| t.state().clone())
        })
        .collect();
    for before in states.iter().rev().skip(1) {
        update(&mut app, Action::StepBy(-1));
        assert_eq!(&app.derived.timeline.as_ref().map(|t| t.state().clone()), before);
    }
}

#[test]
fn what_is_chosen_and_gone_is_chosen_anew() {
    let mut app = sent();
    update(&mut app, Action::Text(String::new()));
    let l = app.session.loaded.clone().expect("the default cluster");
    assert!(crate::app::senders(&l).iter().any(|c| c.value == app.send.from), "{}", app.send.from);
    assert_eq!(app.send.endpoint, "");
    update(&mut app, Action::Send);
    assert_eq!(app.session.refused, None);
}

#[test]
fn an_error_keeps_the_last_valid_cluster_and_its_fix_mends_it() {
    let mut app = App::new(Lang::En, "article-nodeport");
    let broken = app.document.text.replace("nodePort: 30080", "nodePort: 20000");
    update(&mut app, Action::Text(broken));
    assert!(app.document.is_stale() && app.session.loaded.is_some());
    assert_eq!(app.document.errors(), 1);
    let effects = update(&mut app, Action::ApplyFix(0));
    assert!(!app.document.is_stale() && effects.contains(&Effect::EditEditor));
    assert!(app.document.text.contains("nodePort: 30000"));
}

#[test]
fn a_broken_file_leaves_nothing_of_the_session_before_it() {
    let mut app = sent();
    update(&mut app, Action::SeekStep(usize::MAX));
    let before = app.snapshot();
    update(&mut app, Action::Opened("kind: [".to_owned()));
    assert!(app.document.is_stale() && app.session.loaded.is_some());
    assert!(app.run().is_none() && app.session.events().is_empty() && app.step() == 0);
    update(&mut app, Action::Undo);
    assert_eq!(app.snapshot(), before);
    assert!(app.run().is_some());
}

#[test]
fn sender_and_destination_are_those_of_a_new_cluster() {
    let mut app = App::new(Lang::En, "article-nodeport");
    let old = app.send.to.clone();
    let other = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  \
        selector: {matchLabels: {app: a}}\n  template:\n    metadata: {labels: {app: a}}\n    \
        spec: {containers: [{name: a, image: nginx, ports: [{containerPort: 80}]}]}\n";
    for replace in [Action::Opened, Action::Text] {
        let mut app = app.clone();
        update(&mut app, replace(other.to_owned()));
        let offered =
            |menu: &[crate::app::Choice], value: &str| menu.iter().any(|c| c.value == value);
        assert_ne!(app.send.to, old);
        assert!(offered(&app.derived.menus.to, &app.send.to), "{}", app.send.to);
        assert!(offered(&app.derived.menus.from, &app.send.from), "{}", app.send.from);
    }
    // Nothing listens on a TCP port.
    update(&mut app, Action::Opened("kind: ConfigMap\napiVersion: v1\n".to_owned()));
    assert!(!app.derived.menus.to.is_empty(), "{:?}", app.send);
    assert!(app.derived.menus.to.iter().any(|c| c.value == app.send.to), "{:?}", app.send);
    // Without nodes and hosts there is nothing to choose.
    let empty = "apiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nmetadata: {name: t}\n\
        spec: {nodes: [], hosts: []}\n";
    update(&mut app, Action::Opened(empty.to_owned()));
    assert!(!app.document.is_stale(), "{:?}", app.document.diagnostics);
    assert_eq!((&*app.send.from, &*app.send.to), ("", ""));
    update(&mut app, Action::Send);
    let why = app.session.refused.clone().unwrap_or_default();
    assert!(why.ends_with("add a node or host to the Topology"), "{why}");
}

#[test]
fn a_run_plays_to_its_end_and_stops() {
    let mut app = sent();
    for _ in 0..app.derived.steps.len() + 5 {
        update(&mut app, Action::Tick);
    }
    assert!(!app.chrome.playing);
    assert_eq!(app.step(), app.derived.steps.len());
    assert!(update(&mut app, Action::Tick).is_empty());
}

fn outcome(app: &App) -> bool {
    app.run().is_some_and(|r| r.verdict.outcome.as_ref().is_some_and(crate::words::is_good))
}

#[test]
fn sending_in_the_past_gives_up_what_came_after_and_undo_brings_it_back() {
    let mut app = sent();
    let (events, before) = (app.session.events().len(), app.snapshot());
    update(&mut app, Action::StepBy(20));
    let at = app.view.cursor;
    update(&mut app, Action::Packet(PacketOp::Drop));
    assert!(app.view.cursor > at && app.session.events().len() != events);
    assert!(outcome(&app), "lost, and sent again");
    update(&mut app, Action::Undo);
    assert_eq!((app.session.events().len(), app.view.cursor), (events, at));
    update(&mut app, Action::Redo);
    assert_ne!(app.session.events().len(), events);
    update(&mut app, Action::Undo);
    update(&mut app, Action::Undo);
    assert!(app.session.script.steps.is_empty() && app.run().is_none());
    update(&mut app, Action::Redo);
    assert_eq!(app.session.script, before.script);
}

#[test]
fn a_second_probe_flies_with_the_first_or_after_it() {
    let mut app = sent();
    update(&mut app, Action::StepBy(15));
    update(&mut app, Action::Send);
    assert_eq!(app.session.runs().count(), 2);
    let ended = |app: &App| {
        app.session.loaded.as_ref().map(|l| {
            l.session.events().iter().filter(|e| matches!(e.kind, EventKind::Ended { .. })).count()
        })
    };
    assert_eq!(ended(&app), Some(2));
    update(&mut app, Action::SeekStep(usize::MAX));
    update(&mut app, Action::Send);
    assert_eq!((app.session.runs().count(), ended(&app)), (3, Some(3)));
}

#[test]
fn what_cannot_be_sent_leaves_everything_as_it_was() {
    let mut app = sent();
    let before = app.snapshot();
    app.send.to = "nobody:80".to_owned();
    update(&mut app, Action::Send);
    assert!(app.session.refused.is_some());
    assert_eq!(app.snapshot(), before);
}

#[test]
fn what_is_not_done_says_why_and_leaves_everything_as_it_was() {
    let mut app = App::new(Lang::En, "article-nodeport");
    update(&mut app, Action::Cold(true));
    update(&mut app, Action::Send);
    let waits = |e: &net::Event| matches!(e.kind, EventKind::NeighbourAwaited { .. });
    let event = app.session.events().iter().position(waits).expect("a packet that waits");
    update(&mut app, Action::SeekEvent(event));
    let before = app.snapshot();
    for op in [PacketOp::Duplicate, PacketOp::Delay(net::Duration::millis(1))] {
        update(&mut app, Action::Packet(op));
        let why = app.session.refused.take();
        let why = why.expect("a reason");
        assert!(why.starts_with("not done: after {probe: 1, "), "{why}");
        assert!(why.ends_with(" the packet is queued: it can only be dropped"), "{why}");
        assert_eq!(app.snapshot(), before);
    }
    update(&mut app, Action::Packet(PacketOp::Drop));
    assert_eq!(app.session.refused, None);
    app.terminal.host = "node01".to_owned();
    assert!(typed(&mut app, "ip link set nowhere down").contains("nowhere"));
    assert_eq!(app.terminal.entries.last().map(|e| e.output.status == 0), Some(false));
}

#[test]
fn an_edit_on_the_diagram_is_an_edit_of_the_text() {
    let mut app = App::new(Lang::En, "article-nodeport");
    let before = app.document.text.clone();
    update(
        &mut app,
        Action::Change(ClusterChange::Scale("default".into(), "nginx-deployment".into(), 6)),
    );
    assert!(app.document.text.contains("replicas: 6"));
    let n = |app: &App| app.session.loaded.as_ref().map(|l| l.session.cluster().pods.len());
    assert_eq!(n(&app), Some(8));
    update(&mut app, Action::Undo);
    assert_eq!((&app.document.text, n(&app)), (&before, Some(6)));
    update(
        &mut app,
        Action::Change(ClusterChange::Scale("kube-system".into(), "kube-dns".into(), 2)),
    );
    assert!(app.session.refused.as_ref().is_some_and(|r| r.contains("kube-dns")));
}

#[test]
fn renaming_keeps_the_session() {
    let mut app = App::new(Lang::En, "article-clusterip");
    let pod = crate::app::senders(app.session.loaded.as_ref().expect("loaded"));
    let own = pod.iter().rfind(|c| !c.value.contains("kube-system/"));
    app.send.from = own.expect("a pod").value.clone();
    app.send.to = "svc/default/nginx-service".to_owned();
    update(&mut app, Action::Send);
    assert!(outcome(&app) && app.send.from.starts_with("pod/"), "{}", app.send.from);
    let l = app.session.loaded.clone().expect("loaded");
    let pod = l.session.cluster().pods.iter().find(|p| app.send.from.ends_with(&p.name));
    let deployment = pod.expect("the sender").owner.name.clone();
    let ns = || "default".to_owned();
    for (thing, to) in [
        (Thing::Service(ns(), "nginx-service".to_owned()), "shop"),
        (Thing::Deployment(ns(), deployment), "clients"),
        (Thing::Node("node01".to_owned()), "edge"),
    ] {
        update(&mut app, Action::Change(ClusterChange::Rename(thing, to.to_owned())));
        assert!(outcome(&app), "{to}: {:?}", app.session.results());
    }
    assert!(app.send.from.contains("/clients-") && app.send.to == "svc/default/shop");
}

fn typed(app: &mut App, line: &str) -> String {
    update(app, Action::TerminalLine(line.to_owned()));
    update(app, Action::TerminalRun);
    app.transcript().last().map(|c| c.output.text.clone()).unwrap_or_default()
}

#[test]
fn the_terminal_prints_the_moment_sends_changes_and_edits() {
    let mut app = App::new(Lang::En, "article-nodeport");
    app.terminal.host = "bastion".to_owned();
    let page = typed(&mut app, "curl http://192.168.120.226:30080");
    assert!(page.contains("Welcome to nginx!") && app.chrome.playing && app.run().is_some());
    assert!(
        app.transcript().last().is_some_and(|c| c.known_at > app.view.cursor),
        "known when it ends"
    );
    app.terminal.host = "node01".to_owned();
    assert!(!typed(&mut app, "conntrack -L").contains("30080"), "not yet");
    update(&mut app, Action::SeekStep(usize::MAX));
    assert!(typed(&mut app, "conntrack -L").contains("30080"));
    assert!(typed(&mut app, "conntrack -D -p tcp").contains("1 flow entries have been deleted"));
    assert!(!typed(&mut app, "conntrack -L").contains("30080"));
    update(&mut app, Action::Undo);
    assert!(typed(&mut app, "conntrack -L").contains("30080"));
    assert_eq!(
        typed(&mut app, "kubectl scale deployment nginx-deployment --replicas=1"),
        "deployment.apps/nginx-deployment scaled\n"
    );
    // Things have happened: the cluster changes in time, not the text it began with.
    let nginx = |app: &App| {
        let l = app.session.loaded.as_ref().expect("loaded");
        l.session.running().pods.iter().filter(|p| p.owner.name == "nginx-deployment").count()
    };
    assert!(app.document.text.contains("replicas: 4") && nginx(&app) == 1);
    update(&mut app, Action::Undo);
    assert_eq!(nginx(&app), 4);
    let mut fresh = App::new(Lang::En, "article-nodeport");
    typed(&mut fresh, "kubectl scale deployment nginx-deployment --replicas=1");
    assert!(fresh.document.text.contains("replicas: 1") && nginx(&fresh) == 1);
    update(&mut app, Action::TerminalBack(true));
    assert!(app.terminal.line.starts_with("kubectl scale"));
    update(&mut app, Action::TerminalLine("iptabl".to_owned()));
    update(&mut app, Action::TerminalComplete);
    assert_eq!(app.terminal.line, "iptables");
    assert!(app.terminal.offers.len() >= 2);
}

#[test]
fn a_command_in_the_past_changes_what_comes() {
    let mut app = sent();
    update(&mut app, Action::StepBy(10));
    app.terminal.host = "node01".to_owned();
    typed(&mut app, "ip link set flannel.1 down");
    assert!(!outcome(&app));
    update(&mut app, Action::Undo);
    assert!(outcome(&app));
}

/// The Service of the preset selects nothing.
fn refused() -> App {
    let mut app = App::new(Lang::En, "article-nodeport");
    let broken =
        app.document.text.replacen("selector:\n    app: nginx\n", "selector:\n    app: ngin\n", 1);
    assert_ne!(*broken, *app.document.text);
    update(&mut app, Action::Text(broken));
    update(&mut app, Action::Send);
    update(&mut app, Action::SeekStep(usize::MAX));
    assert!(!outcome(&app));
    app
}

#[test]
fn correcting_a_selector_turns_refused_into_answered_without_a_send() {
    let mut app = refused();
    let mended = app.document.text.replace("app: ngin\n", "app: nginx\n");
    update(&mut app, Action::Text(mended));
    assert!(outcome(&app) && app.session.script.steps.len() == 1);
    let (was, is) = app.session.changed.expect("it changed");
    for (lang, said) in [(Lang::En, "refused → answered"), (Lang::Ja, "接続拒否 → 応答あり")]
    {
        let line = crate::words::answer_changed(was, is, lang);
        assert!(line.contains(said), "{line}");
    }
    // An edit that changes nothing of it says nothing.
    let comment = format!("{}# x\n", app.document.text);
    update(&mut app, Action::Text(comment));
    assert_eq!(app.session.changed, None);
    update(&mut app, Action::Undo);
    update(&mut app, Action::Undo);
    assert!(!outcome(&app) && app.session.runs().count() == 1, "undo replays too");
}

#[test]
fn an_edit_stays_at_the_moment_or_near_it() {
    let mut app = sent();
    update(&mut app, Action::StepBy(30));
    let event = |app: &App| {
        let l = app.session.loaded.as_ref().expect("loaded");
        l.session.events()[app.view.cursor - 1].clone()
    };
    let (before, at) = (event(&app), app.view.cursor);
    let text = app.document.text.replace("replicas: 4", "replicas: 4 # as before");
    update(&mut app, Action::Text(text));
    assert_eq!((event(&app), app.view.cursor), (before.clone(), at));
    // Without the Service the packet gets less far: the time is as before, if not the event.
    let text = app.document.text.replace("nodePort: 30080", "nodePort: 30081");
    update(&mut app, Action::Text(text));
    assert!(app.view.cursor > 0 && event(&app).at <= before.at);
    let broken = format!("{}\nkind: [", app.document.text);
    update(&mut app, Action::Text(broken));
    assert!(app.document.is_stale() && app.run().is_some(), "the last valid cluster stays");
}

#[test]
fn save_and_open_keep_the_whole_session() {
    let mut app = sent();
    update(&mut app, Action::StepBy(20));
    update(&mut app, Action::Packet(PacketOp::Drop));
    update(&mut app, Action::SeekStep(usize::MAX));
    update(&mut app, Action::Run("node01".to_owned(), "conntrack -F".to_owned()));
    let file = app.file();
    assert!(file.starts_with(&*app.document.text) && file.contains("kind: Script"));
    let mut other = App::new(Lang::En, "article-clusterip");
    update(&mut other, Action::Opened(file.clone()));
    assert_eq!(
        (&other.document.text, &other.session.script),
        (&app.document.text, &app.session.script)
    );
    let events = |a: &App| a.session.loaded.as_ref().map(|l| l.session.events().to_vec());
    assert!(events(&other) == events(&app));
    assert_eq!(other.file(), file);
    // A Script that is typed takes the place of what was done.
    let typed = "---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\nspec:\n  steps:\n  \
        - send: {from: bastion, to: 192.168.120.227, proto: icmp}\n";
    let text = format!("{}{typed}", other.document.text);
    update(&mut other, Action::Text(text.clone()));
    assert_eq!((other.session.script.steps.len(), other.session.runs().count()), (1, 1));
    let wrong = text.replace("send:", "sned:");
    update(&mut other, Action::Text(wrong));
    assert!(other.document.is_stale() && other.session.runs().count() == 1);
}

#[test]
fn what_is_done_is_anchored_and_not_numbered() {
    let mut app = sent();
    update(&mut app, Action::StepBy(25));
    update(&mut app, Action::Packet(PacketOp::Duplicate));
    update(&mut app, Action::StepBy(5));
    update(&mut app, Action::Run("node01".to_owned(), "conntrack -F".to_owned()));
    let steps = &app.session.script.steps;
    assert!(matches!(
        steps.iter().map(|s| &s.anchor).collect::<Vec<_>>().as_slice(),
        [play::Anchor::Quiet, play::Anchor::Event(_), play::Anchor::Event(_)]
    ));
    assert!(app.session.results().iter().all(play::StepResult::is_done));
}

#[test]
fn other_words_for_the_same_cluster_keep_what_was_played() {
    let mut app = App::new(Lang::En, "article-nodeport");
    update(&mut app, Action::Send);
    let session = |app: &App| app.session.loaded.clone().expect("valid").session.clone();
    let place = |s: &play::Session| {
        let mine = s.cluster().services.iter().find_map(|s| s.written.clone());
        mine.expect("a Service of the document").span.start
    };
    let before = session(&app);
    let text = format!("# 12 bytes.\n{}", app.document.text);
    update(&mut app, Action::Text(text.clone()));
    let after = session(&app);
    assert_eq!(after.document(), text);
    assert_eq!(place(&after), place(&before) + 12);
    // The same state, not an equal one.
    assert!(std::ptr::eq(after.initial(), before.initial()));
    assert_eq!(after.events(), before.events());
    update(&mut app, Action::Text(text.replace("nodePort: 30080", "nodePort: 30081")));
    let edited = session(&app);
    assert!(!std::ptr::eq(edited.initial(), before.initial()));
    assert_ne!(edited.events(), before.events());
}
