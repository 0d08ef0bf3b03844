//! Applies actions to the state.

use super::edit;
use super::link;
use super::state::{App, Drawer, Options, Pane, RulesView, Selected, Tab, Theme};
use super::{terminal, time};
use crate::story::Grain;
use crate::words::Lang;
use kube::change::Change;
use net::PacketId;
use net::engine::PacketOp;
use play::presets::Preset;
use play::{Protocol, Start};
use std::rc::Rc;

/// An action of the reader or of a timer.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The text was edited.
    Text(String),
    /// Open a preset, or one of the kept documents by its mark.
    Preset(String),
    /// Choose the sender.
    From(String),
    /// Choose the destination.
    To(String),
    /// Choose the protocol.
    Proto(Protocol),
    /// Force an endpoint; empty: leave it to the rules.
    Endpoint(String),
    /// Start with empty neighbour tables, or not.
    Cold(bool),
    /// A menu got the focus or the pointer.
    Menu(&'static str),
    /// Set the header fields.
    Options(Options),
    /// Send at the moment shown.
    Send,
    /// Remove all steps and change the seed.
    StartOver,
    /// Operate on the packet shown.
    Packet(PacketOp),
    /// Follow a packet; `None`: that of the current event.
    Follow(Option<PacketId>),
    /// Edit the cluster on the diagram.
    Change(Change),
    /// Undo the last change.
    Undo,
    /// Redo the last undone change.
    Redo,
    /// Select a host or device.
    Select(Option<Selected>),
    /// Select the object at this byte of the text.
    SelectAt(usize),
    /// Show events or terminal in the drawer.
    Drawer(Drawer),
    /// Choose the host of the terminal.
    TerminalHost(String),
    /// Set the input line of the terminal.
    TerminalLine(String),
    /// Run the input line.
    TerminalRun,
    /// Complete the input line.
    TerminalComplete,
    /// Recall the older (true) or newer line.
    TerminalBack(bool),
    /// Run a command on a host.
    Run(String, String),
    /// Open the text of a file.
    Opened(String),
    /// Open or close the Share dialog.
    Share(bool),
    /// Include Secrets, tokens and `last-applied-configuration` in links, or not.
    KeepSecrets(bool),
    /// Open a link.
    Link(String),
    /// Play or pause.
    TogglePlay,
    /// The next step of playback.
    Tick,
    /// Go a number of steps forward, or back if negative.
    Step(i32),
    /// Go to a step; 0 is the start.
    SeekStep(usize),
    /// Go to the step of an event.
    SeekEvent(usize),
    /// Go to the next (true) or previous device.
    Hop(bool),
    /// Go to the next (true) or previous marker.
    Marker(bool),
    /// Set the granularity of the steps.
    Grain(Grain),
    /// Set the speed of playback.
    Speed(u32),
    /// Set the language.
    Lang(Lang),
    /// Set the theme.
    Theme(Theme),
    /// Choose the tab of the inspector.
    Tab(Tab),
    /// Choose the view of the tab Rules.
    RulesView(RulesView),
    /// Unfold the run of skipped rules that starts there, or fold it again.
    Unfold(String, u32),
    /// Set the search text for rules.
    Search(String),
    /// Choose the pane of a narrow page.
    Pane(Pane),
    /// Show the events of this packet only, or of all.
    OnlyPacket(bool),
    /// Apply the fix of a diagnostic, by its index.
    ApplyFix(usize),
    /// Fold the nodes that the run does not touch, or not.
    Focus(bool),
    /// The page became narrow or wide.
    Narrow(bool),
}

impl Action {
    /// Whether the action only goes to another moment, so that parts that do not depend on the
    /// moment stay.
    pub fn only_moves(&self) -> bool {
        use Action::{Hop, Marker, SeekEvent, SeekStep, Step, Tick, TogglePlay};
        matches!(
            self,
            Tick | TogglePlay | Step(_) | SeekStep(_) | SeekEvent(_) | Hop(_) | Marker(_)
        )
    }
}

impl Action {
    /// Whether the action changes only what is shown; an embed accepts no others.
    pub fn only_looks(&self) -> bool {
        use Action::{
            Focus, Follow, Grain, Menu, Narrow, OnlyPacket, RulesView, Search, Select, Speed, Tab,
            Unfold,
        };
        self.only_moves()
            || matches!(
                self,
                Focus(_)
                    | Follow(_)
                    | Grain(_)
                    | Menu(_)
                    | Narrow(_)
                    | OnlyPacket(_)
                    | RulesView(_)
                    | Search(_)
                    | Select(_)
                    | Speed(_)
                    | Tab(_)
                    | Unfold(..)
            )
    }
}

/// A field that can get the keyboard focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The input line of the terminal.
    Command,
    /// The link in the Share dialog.
    Link,
    /// The Share button.
    Share,
}

/// What the browser must do after an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Set the text of the editor.
    SetEditor,
    /// Set language and theme of the page.
    SetPage,
    /// Send [`Action::Tick`] after this many milliseconds.
    TickAfter(u32),
    /// Store the language and theme.
    Save,
    /// Store the text if it is the reader's own. Typed text is stored before it is parsed.
    KeepText,
    /// Store the documents that are not open.
    KeepShelf,
    /// Focus a field.
    Focus(Field),
}

/// Applies an action. Returns the effects.
pub fn update(app: &mut App, action: Action) -> Vec<Effect> {
    match action {
        Action::Text(text) => {
            let was = app.snapshot();
            app.history.typed(was, &text);
            app.read(&text);
            Vec::new()
        }
        Action::Preset(name) => {
            if let Some(text) = app.shelf.get(&name) {
                return opened(app, &text);
            }
            let Some(p) = Preset::named(&name) else { return Vec::new() };
            app.remember();
            app.shelf.put(&app.text);
            app.open(p);
            vec![Effect::SetEditor, Effect::KeepText, Effect::KeepShelf]
        }
        Action::From(v) => set(&mut app.from, v),
        Action::To(v) => {
            app.to = v;
            app.endpoint.clear();
            app.offer();
            Vec::new()
        }
        Action::Endpoint(v) => set(&mut app.endpoint, v),
        Action::Proto(p) => {
            app.proto = p;
            app.offer();
            if let Some(first) = app.menus.to.first() {
                app.to = first.value.clone();
            }
            app.endpoint.clear();
            app.offer();
            Vec::new()
        }
        Action::Cold(v) => {
            app.remember();
            Rc::make_mut(&mut app.script).start = if v { Start::Cold } else { Start::Used };
            start_over(app);
            Vec::new()
        }
        Action::Menu(id) => {
            app.menu = Some(id);
            Vec::new()
        }
        Action::Options(o) => {
            app.options = o;
            Vec::new()
        }
        Action::Send => time::send(app),
        Action::StartOver => {
            app.remember();
            let script = Rc::make_mut(&mut app.script);
            script.seed = (script.seed + 1) & (i64::MAX as u64);
            start_over(app);
            Vec::new()
        }
        Action::Packet(op) => time::handle(app, op),
        Action::Follow(packet) => {
            app.follow = packet;
            Vec::new()
        }
        Action::Change(c) => edit::edit(app, &c),
        Action::Undo => {
            let now = app.snapshot();
            app.history.undo(now).map_or_else(Vec::new, |was| time::restore(app, &was))
        }
        Action::Redo => {
            let now = app.snapshot();
            app.history.redo(now).map_or_else(Vec::new, |next| time::restore(app, &next))
        }
        Action::Select(s) => {
            if let Some(s) = &s {
                app.tab = Tab::Tables;
                if !s.host.starts_with("svc/") {
                    app.terminal.host = terminal_host(&s.host);
                    app.terminal.offers.clear();
                }
            }
            app.selected = s;
            // Selecting a tile draws the node in full.
            app.arrange();
            Vec::new()
        }
        Action::SelectAt(at) => {
            let host = kube::change::thing_at(&app.text, at).and_then(|thing| app.host_of(&thing));
            match host {
                Some(host) => update(app, Action::Select(Some(Selected { host, device: None }))),
                None => Vec::new(),
            }
        }
        Action::Drawer(d) => {
            app.drawer = d;
            match d {
                Drawer::Terminal => vec![Effect::Focus(Field::Command)],
                Drawer::Events => Vec::new(),
            }
        }
        Action::TerminalHost(host) => {
            app.terminal.offers.clear();
            set(&mut app.terminal.host, host)
        }
        Action::TerminalLine(line) => {
            app.terminal.offers.clear();
            set(&mut app.terminal.line, line)
        }
        Action::TerminalRun => terminal::run(app),
        Action::Run(host, line) => {
            let (host, line) = (
                std::mem::replace(&mut app.terminal.host, terminal_host(&host)),
                std::mem::replace(&mut app.terminal.line, line),
            );
            let effects = terminal::run(app);
            (app.terminal.host, app.terminal.line) = (host, line);
            effects
        }
        Action::Share(open) => {
            app.sharing = open;
            if !open {
                return vec![Effect::Focus(Field::Share)];
            }
            app.playing = false;
            vec![Effect::Focus(Field::Link)]
        }
        Action::KeepSecrets(keep) => {
            app.keep_secrets = keep;
            Vec::new()
        }
        Action::Link(link) => link::follow(app, &link),
        Action::Opened(text) => opened(app, &text),
        Action::TerminalComplete => terminal::complete(app),
        Action::TerminalBack(older) => {
            app.terminal.look_back(older);
            Vec::new()
        }
        Action::TogglePlay => {
            app.playing = !app.playing && !app.steps.is_empty();
            if app.playing && app.step() >= app.steps.len() {
                app.seek(app.run().map_or(0, |r| r.events.start));
            }
            time::tick_after(app)
        }
        Action::Tick => {
            if !app.playing {
                return Vec::new();
            }
            time::go(app, app.step() + 1);
            if app.step() >= app.steps.len() {
                app.playing = false;
            }
            time::tick_after(app)
        }
        Action::Step(n) => {
            app.playing = false;
            let to = app.step().saturating_add_signed(n as isize);
            time::go(app, to);
            Vec::new()
        }
        Action::SeekStep(n) => {
            app.playing = false;
            time::go(app, n);
            Vec::new()
        }
        Action::SeekEvent(i) => {
            (app.playing, app.follow) = (false, None);
            app.seek(i + 1);
            Vec::new()
        }
        Action::Hop(forward) => {
            app.playing = false;
            time::hop(app, forward);
            Vec::new()
        }
        Action::Marker(forward) => {
            app.playing = false;
            time::to_marker(app, forward);
            Vec::new()
        }
        Action::Grain(g) => {
            app.grain = g;
            app.count_steps();
            Vec::new()
        }
        Action::Speed(s) => {
            app.speed = s.clamp(25, 800);
            Vec::new()
        }
        Action::Lang(l) => {
            app.lang = l;
            vec![Effect::SetPage, Effect::Save]
        }
        Action::Theme(t) => {
            app.theme = t;
            vec![Effect::SetPage, Effect::Save]
        }
        Action::Tab(t) => {
            app.tab = t;
            Vec::new()
        }
        Action::RulesView(v) => {
            app.rules_view = v;
            Vec::new()
        }
        Action::Unfold(chain, first) => {
            let it = Some((chain, first));
            app.unfolded = if app.unfolded == it { None } else { it };
            Vec::new()
        }
        Action::Search(words) => set(&mut app.search, words),
        Action::Pane(p) => {
            app.pane = p;
            Vec::new()
        }
        Action::OnlyPacket(v) => {
            app.only_packet = v;
            Vec::new()
        }
        Action::Focus(v) => {
            app.focus = v;
            app.arrange();
            Vec::new()
        }
        Action::Narrow(v) => {
            app.narrow = v;
            Vec::new()
        }
        Action::ApplyFix(i) => {
            let Some(fix) = app.diags.get(i).and_then(|d| d.fix.clone()) else { return Vec::new() };
            let (start, end) = (fix.span.start as usize, fix.span.end as usize);
            let (Some(before), Some(after)) = (app.text.get(..start), app.text.get(end..)) else {
                return Vec::new();
            };
            let text = format!("{before}{}{after}", fix.text);
            app.remember();
            app.read(&text);
            vec![Effect::SetEditor, Effect::KeepText]
        }
    }
}

/// Opens another document and keeps this one. Its Script is played and removed from the text; later
/// steps are appended to it.
fn opened(app: &mut App, text: &str) -> Vec<Effect> {
    app.remember();
    app.shelf.put(&app.text);
    app.take(text);
    // The new cluster may not have the chosen destination.
    if !app.menus.to.iter().any(|c| c.value == app.to)
        && let Some(first) = app.menus.to.first()
    {
        app.to = first.value.clone();
        app.offer();
    }
    vec![Effect::SetEditor, Effect::KeepText, Effect::KeepShelf]
}

fn set(field: &mut String, value: String) -> Vec<Effect> {
    *field = value;
    Vec::new()
}

/// The name of a namespace as a sender: pods get the prefix `pod/`.
fn terminal_host(netns: &str) -> String {
    if netns.contains('/') { format!("pod/{netns}") } else { netns.to_owned() }
}

/// Removes all steps.
fn start_over(app: &mut App) {
    let valid = app.loaded.as_ref().map(|l| l.session.document().to_owned());
    let text = app.text.clone();
    app.forget_steps();
    app.show(valid.as_deref().unwrap_or(&text));
    // A text with errors is kept.
    if *app.text != *text {
        app.text = text;
        app.build();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::shelf;

    fn sent() -> App {
        let mut app = App::new(Lang::En, "article-nodeport");
        app.endpoint = "10.1.6.5:80".to_owned();
        update(&mut app, Action::Send);
        app
    }

    #[test]
    fn sending_begins_a_run_at_its_first_step() {
        let app = sent();
        assert!(app.run().is_some() && app.playing);
        assert_eq!(app.step(), 1);
        assert!(app.steps.len() > 100, "{}", app.steps.len());
    }

    #[test]
    fn forth_and_back_is_where_one_was() {
        let mut app = sent();
        let states: Vec<_> = (0..40)
            .map(|_| {
                update(&mut app, Action::Step(1));
                app.timeline.as_ref().map(|t| t.state().clone())
            })
            .collect();
        for before in states.iter().rev().skip(1) {
            update(&mut app, Action::Step(-1));
            assert_eq!(&app.timeline.as_ref().map(|t| t.state().clone()), before);
        }
    }

    #[test]
    fn what_is_chosen_and_gone_is_chosen_anew() {
        let mut app = sent();
        update(&mut app, Action::Text(String::new()));
        let l = app.loaded.clone().expect("the default cluster");
        assert!(crate::app::senders(&l).iter().any(|c| c.value == app.from), "{}", app.from);
        assert_eq!(app.endpoint, "");
        update(&mut app, Action::Send);
        assert_eq!(app.refused, None);
    }

    #[test]
    fn an_error_keeps_the_last_valid_cluster_and_its_fix_mends_it() {
        let mut app = App::new(Lang::En, "article-nodeport");
        let broken = app.text.replace("nodePort: 30080", "nodePort: 20000");
        update(&mut app, Action::Text(broken));
        assert!(app.stale && app.loaded.is_some());
        assert_eq!(app.errors(), 1);
        let effects = update(&mut app, Action::ApplyFix(0));
        assert!(!app.stale && effects.contains(&Effect::SetEditor));
        assert!(app.text.contains("nodePort: 30000"));
    }

    #[test]
    fn a_document_that_is_left_for_another_is_kept() {
        let mut app = App::new(Lang::En, "article-nodeport");
        let preset = app.text.clone();
        let own = preset.replace("30080", "30081");
        update(&mut app, Action::Text(own.clone()));
        update(&mut app, Action::Opened("kind: [".to_owned()));
        let effects = update(&mut app, Action::Preset("article-clusterip".to_owned()));
        assert!(effects.contains(&Effect::KeepShelf));
        assert_eq!(app.shelf.texts().map(|(_, t)| t).collect::<Vec<_>>(), ["kind: [", &own]);
        update(&mut app, Action::Preset(shelf::mark(&own)));
        assert_eq!((&*app.text, app.shelf.texts().count()), (&*own, 2), "undo may leave it again");
        update(&mut app, Action::Undo);
        update(&mut app, Action::Undo);
        assert_eq!(&*app.text, "kind: [");
    }

    #[test]
    fn a_run_plays_to_its_end_and_stops() {
        let mut app = sent();
        for _ in 0..app.steps.len() + 5 {
            update(&mut app, Action::Tick);
        }
        assert!(!app.playing);
        assert_eq!(app.step(), app.steps.len());
        assert!(update(&mut app, Action::Tick).is_empty());
    }

    fn outcome(app: &App) -> bool {
        app.run().is_some_and(|r| r.verdict.outcome.as_ref().is_some_and(crate::words::is_good))
    }

    #[test]
    fn sending_in_the_past_gives_up_what_came_after_and_undo_brings_it_back() {
        let mut app = sent();
        let (events, before) = (app.events_len(), app.snapshot());
        update(&mut app, Action::Step(20));
        let at = app.cursor();
        update(&mut app, Action::Packet(PacketOp::Drop));
        assert!(app.cursor() > at && app.events_len() != events);
        assert!(outcome(&app), "lost, and sent again");
        update(&mut app, Action::Undo);
        assert_eq!((app.events_len(), app.cursor()), (events, at));
        update(&mut app, Action::Redo);
        assert_ne!(app.events_len(), events);
        update(&mut app, Action::Undo);
        update(&mut app, Action::Undo);
        assert!(app.script.steps.is_empty() && app.run().is_none());
        update(&mut app, Action::Redo);
        assert_eq!(app.script, before.script);
    }

    #[test]
    fn a_second_probe_flies_with_the_first_or_after_it() {
        let mut app = sent();
        update(&mut app, Action::Step(15));
        update(&mut app, Action::Send);
        assert_eq!(app.runs().count(), 2);
        let ended = |app: &App| {
            app.loaded.as_ref().map(|l| {
                l.session
                    .events()
                    .iter()
                    .filter(|e| matches!(e.kind, net::event::EventKind::Ended { .. }))
                    .count()
            })
        };
        assert_eq!(ended(&app), Some(2));
        update(&mut app, Action::SeekStep(usize::MAX));
        update(&mut app, Action::Send);
        assert_eq!((app.runs().count(), ended(&app)), (3, Some(3)));
    }

    #[test]
    fn what_cannot_be_sent_leaves_everything_as_it_was() {
        let mut app = sent();
        let before = app.snapshot();
        app.to = "nobody:80".to_owned();
        update(&mut app, Action::Send);
        assert!(app.refused.is_some());
        assert_eq!(app.snapshot(), before);
    }

    #[test]
    fn an_edit_on_the_diagram_is_an_edit_of_the_text() {
        let mut app = App::new(Lang::En, "article-nodeport");
        let before = app.text.clone();
        update(
            &mut app,
            Action::Change(Change::Scale("default".into(), "nginx-deployment".into(), 6)),
        );
        assert!(app.text.contains("replicas: 6"));
        let n = |app: &App| app.loaded.as_ref().map(|l| l.session.cluster().pods.len());
        assert_eq!(n(&app), Some(8));
        update(&mut app, Action::Undo);
        assert_eq!((&app.text, n(&app)), (&before, Some(6)));
        update(&mut app, Action::Change(Change::Scale("kube-system".into(), "kube-dns".into(), 2)));
        assert!(app.refused.as_ref().is_some_and(|r| r.contains("kube-dns")));
    }

    fn typed(app: &mut App, line: &str) -> String {
        update(app, Action::TerminalLine(line.to_owned()));
        update(app, Action::TerminalRun);
        app.terminal.entries.last().map(|e| e.output.clone()).unwrap_or_default()
    }

    #[test]
    fn the_terminal_prints_the_moment_sends_changes_and_edits() {
        let mut app = App::new(Lang::En, "article-nodeport");
        app.terminal.host = "bastion".to_owned();
        let page = typed(&mut app, "curl http://192.168.120.226:30080");
        assert!(page.contains("Welcome to nginx!") && app.playing && app.run().is_some());
        assert!(
            app.terminal.entries.last().is_some_and(|e| e.known_at > app.cursor()),
            "known when it ends"
        );
        app.terminal.host = "node01".to_owned();
        assert!(!typed(&mut app, "conntrack -L").contains("30080"), "not yet");
        update(&mut app, Action::SeekStep(usize::MAX));
        assert!(typed(&mut app, "conntrack -L").contains("30080"));
        assert!(
            typed(&mut app, "conntrack -D -p tcp").contains("1 flow entries have been deleted")
        );
        assert!(!typed(&mut app, "conntrack -L").contains("30080"));
        update(&mut app, Action::Undo);
        assert!(typed(&mut app, "conntrack -L").contains("30080"));
        assert_eq!(
            typed(&mut app, "kubectl scale deployment nginx-deployment --replicas=1"),
            "deployment.apps/nginx-deployment scaled\n"
        );
        // Things have happened: the cluster changes in time, not the text it began with.
        let nginx = |app: &App| {
            let l = app.loaded.as_ref().expect("loaded");
            l.session.running().pods.iter().filter(|p| p.deployment == "nginx-deployment").count()
        };
        assert!(app.text.contains("replicas: 4") && nginx(&app) == 1);
        update(&mut app, Action::Undo);
        assert_eq!(nginx(&app), 4);
        let mut fresh = App::new(Lang::En, "article-nodeport");
        typed(&mut fresh, "kubectl scale deployment nginx-deployment --replicas=1");
        assert!(fresh.text.contains("replicas: 1") && nginx(&fresh) == 1);
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
        update(&mut app, Action::Step(10));
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
            app.text.replacen("selector:\n    app: nginx\n", "selector:\n    app: ngin\n", 1);
        assert_ne!(*broken, *app.text);
        update(&mut app, Action::Text(broken));
        update(&mut app, Action::Send);
        update(&mut app, Action::SeekStep(usize::MAX));
        assert!(!outcome(&app));
        app
    }

    #[test]
    fn correcting_a_selector_turns_refused_into_answered_without_a_send() {
        let mut app = refused();
        let mended = app.text.replace("app: ngin\n", "app: nginx\n");
        update(&mut app, Action::Text(mended));
        assert!(outcome(&app) && app.script.steps.len() == 1);
        let (was, is) = app.changed.expect("it changed");
        for (lang, said) in [(Lang::En, "refused → answered"), (Lang::Ja, "接続拒否 → 応答あり")]
        {
            let line = crate::words::answer_changed(was, is, lang);
            assert!(line.contains(said), "{line}");
        }
        // An edit that changes nothing of it says nothing.
        let comment = format!("{}# x\n", app.text);
        update(&mut app, Action::Text(comment));
        assert_eq!(app.changed, None);
        update(&mut app, Action::Undo);
        update(&mut app, Action::Undo);
        assert!(!outcome(&app) && app.runs().count() == 1, "undo replays too");
    }

    #[test]
    fn an_edit_stays_at_the_moment_or_near_it() {
        let mut app = sent();
        update(&mut app, Action::Step(30));
        let event = |app: &App| {
            let l = app.loaded.as_ref().expect("loaded");
            l.session.events()[app.cursor() - 1].clone()
        };
        let (before, at) = (event(&app), app.cursor());
        let text = app.text.replace("replicas: 4", "replicas: 4 # as before");
        update(&mut app, Action::Text(text));
        assert_eq!((event(&app), app.cursor()), (before.clone(), at));
        // Without the Service the packet gets less far: the time is as before, if not the event.
        let text = app.text.replace("nodePort: 30080", "nodePort: 30081");
        update(&mut app, Action::Text(text));
        assert!(app.cursor() > 0 && event(&app).at <= before.at);
        let broken = format!("{}\nkind: [", app.text);
        update(&mut app, Action::Text(broken));
        assert!(app.stale && app.run().is_some(), "the last valid cluster stays");
    }

    #[test]
    fn save_and_open_keep_the_whole_session() {
        let mut app = sent();
        update(&mut app, Action::Step(20));
        update(&mut app, Action::Packet(PacketOp::Drop));
        update(&mut app, Action::SeekStep(usize::MAX));
        update(&mut app, Action::Run("node01".to_owned(), "conntrack -F".to_owned()));
        let file = app.file();
        assert!(file.starts_with(&*app.text) && file.contains("kind: Script"));
        let mut other = App::new(Lang::En, "article-clusterip");
        update(&mut other, Action::Opened(file.clone()));
        assert_eq!((&other.text, &other.script), (&app.text, &app.script));
        let events = |a: &App| a.loaded.as_ref().map(|l| l.session.events().to_vec());
        assert!(events(&other) == events(&app));
        assert_eq!(other.file(), file);
        // A Script that is typed takes the place of what was done.
        let typed = "---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\nspec:\n  steps:\n  \
            - send: {from: bastion, to: 192.168.120.227, proto: icmp}\n";
        let text = format!("{}{typed}", other.text);
        update(&mut other, Action::Text(text.clone()));
        assert_eq!((other.script.steps.len(), other.runs().count()), (1, 1));
        let wrong = text.replace("send:", "sned:");
        update(&mut other, Action::Text(wrong));
        assert!(other.stale && other.runs().count() == 1);
    }

    #[test]
    fn what_is_done_is_anchored_and_not_numbered() {
        let mut app = sent();
        update(&mut app, Action::Step(25));
        update(&mut app, Action::Packet(PacketOp::Duplicate));
        update(&mut app, Action::Step(5));
        update(&mut app, Action::Run("node01".to_owned(), "conntrack -F".to_owned()));
        let steps = &app.script.steps;
        assert!(matches!(
            steps.iter().map(|s| &s.anchor).collect::<Vec<_>>().as_slice(),
            [play::Anchor::Quiet, play::Anchor::Event(_), play::Anchor::Event(_)]
        ));
        assert!(app.results().iter().all(play::StepResult::is_done));
    }
}
