//! The state of the page.

use super::action::Effect;
use super::derive::Derived;
use super::history::{History, UndoState};
use super::panes::Fold;
use super::parts::{
    Chrome, Document, Loaded, OpenedFile, Played, RulesView, Selected, SendBar, Tab, Terminal, View,
};
use super::select::{self, Choice, MenuItem};
use crate::labels::NetnsKind;
use crate::layout::Point;
use crate::scene::{self, Moment};
use crate::story;
use crate::words::{self, Lang};
use net::PacketId;
use play::presets::Preset;
use play::probe::resolve_netns;
use play::{Protocol, Run, Script, Session, Start};
use std::rc::Rc;

/// The preset that the page opens with.
pub(super) const FIRST: &Preset = &play::presets::ALL[3];

/// The state of the page. An action changes the parts before `derived`, which follows from them.
#[derive(Clone, Debug)]
pub struct App {
    /// The text.
    pub document: Document,
    /// The steps taken, and the session that has played them.
    pub session: Played,
    /// The moment, and what is shown of it.
    pub view: View,
    /// Language, theme, panes, playback.
    pub chrome: Chrome,
    /// The send bar.
    pub send: SendBar,
    /// The terminal.
    pub terminal: Terminal,
    /// The undo and redo history of text, steps and moment.
    pub history: History,
    /// What follows from document, session and view.
    pub derived: Derived,
}

impl App {
    /// The initial state: a preset, with nothing sent.
    pub fn new(lang: Lang, preset: &str) -> Self {
        let script = Rc::new(Script { seed: 1, ..Script::default() });
        let mut app = Self {
            document: Document::default(),
            session: Played { script, ..Played::default() },
            view: View::default(),
            chrome: Chrome::new(lang),
            send: SendBar::default(),
            terminal: Terminal::default(),
            history: History::default(),
            derived: Derived::default(),
        };
        app.open(Preset::named(preset).unwrap_or(FIRST));
        app.derive();
        app
    }

    /// Derives what has changed. [`super::update()`] does so after each action.
    pub(super) fn derive(&mut self) {
        self.derived.refresh(&self.document.text, &self.session, &self.view, &self.send);
    }

    /// The session and the event of the current step; `None` before the first step.
    pub fn current_event(&self) -> Option<(&Loaded, &net::Event)> {
        let l = self.session.loaded.as_deref()?;
        Some((l, l.session.events().get(*self.derived.steps.get(self.step().checked_sub(1)?)?)?))
    }

    /// The host whose tables and rules are shown: the selected one, or that of the current step;
    /// before anything was sent, the first worker.
    pub fn shown(&self) -> Option<(net::NetnsId, Option<Selected>)> {
        let (l, t) = (self.session.loaded.as_ref()?, self.derived.timeline.as_ref()?);
        if let Some(s) = &self.view.selected
            && let Some((id, _)) = t.state().ns_named(&s.host)
        {
            return Some((id, Some(s.clone())));
        }
        let current = self.current_event().and_then(|(_, e)| e.netns);
        // The view of changes needs a host with rules, wherever the packet is.
        let asked = self.view.tab == Tab::Rules && self.view.rules_view == RulesView::Difference;
        let ruled =
            current.filter(|id| !asked || t.state().ns(*id).rules.tables_in_use().next().is_some());
        let first = || {
            let nodes = &l.session.cluster().nodes;
            let worker = nodes.iter().find(|n| n.spec.role == kube::topology::Role::Worker)?;
            t.state().ns_named(&worker.spec.name.value).map(|n| n.0)
        };
        Some((ruled.or_else(first)?, None))
    }

    pub(super) fn open(&mut self, preset: &'static Preset) {
        self.document.preset = preset.name;
        (self.send.from, self.send.to, self.send.proto) =
            (preset.from.to_owned(), preset.to.to_owned(), preset.proto);
        self.send.endpoint.clear();
        self.forget_steps();
        self.start_as_usual();
        self.show(&preset.document());
    }

    /// Removes all steps.
    pub(super) fn forget_steps(&mut self) {
        Rc::make_mut(&mut self.session.script).steps.clear();
        self.view.follow = None;
    }

    /// Neighbour entries that a Script entered by hand do not belong to another document.
    fn start_as_usual(&mut self) {
        if self.session.script.start == Start::Known {
            Rc::make_mut(&mut self.session.script).start = Start::Used;
        }
    }

    /// Opens a file of document and Script. A Script with errors stays in the text, to be corrected
    /// there.
    pub(super) fn take(&mut self, file: &str) {
        self.forget_steps();
        self.start_as_usual();
        self.terminal.cleared = 0;
        let opened = OpenedFile::new(file.to_owned()).map(Rc::new);
        if let Some(opened) = &opened {
            self.session.script = opened.script.clone().into();
        }
        self.document.opened = opened.clone();
        self.show(opened.as_ref().map_or(file, |o| &o.text));
        if self.document.is_stale() {
            self.take_back();
        } else if !self.targets().iter().any(|c| c.value == self.send.to) {
            self.choose_target();
        }
    }

    /// The last valid cluster without what was done in it, which does not belong to the text.
    fn take_back(&mut self) {
        let rewound = self.session.loaded.as_ref().map(|l| Loaded::new(l.session.rewound()));
        self.session.loaded = rewound.map(Rc::new);
        (self.session.refused, self.session.changed, self.chrome.playing) = (None, None, false);
        self.seek(0);
    }

    /// The Script of the session once `text` is in the editor: one that was added or changed there
    /// replaces the steps.
    pub(super) fn script_with(&self, text: &str) -> Rc<Script> {
        let written = |text: &str| Script::read(text).0;
        let new = if *text == *self.document.text { None } else { written(text) };
        match new.filter(|s| written(&self.document.text).as_ref() != Some(s)) {
            Some(script) => Rc::new(script),
            None => self.session.script.clone(),
        }
    }

    /// Takes an edited text: replays the session on it and keeps the moment as far as possible.
    pub(super) fn read(&mut self, text: &str) {
        self.session.script = self.script_with(text);
        let before = self.session.answer();
        self.show(text);
        self.session.changed = before.zip(self.session.answer()).filter(|(was, is)| was != is);
    }

    /// Shows the cluster of a text with the steps played. If the text has errors, the last valid
    /// cluster stays.
    pub(super) fn show(&mut self, text: &str) {
        self.document.text = text.into();
        let Some(mut session) = self.build() else { return };
        if session.steps() != self.session.script.steps {
            session.play(&self.session.script.steps);
        }
        let before = self.session.loaded.clone();
        if let Some(before) = before.as_ref().filter(|b| b.session.document() != text) {
            self.session.previous = Some(before.clone());
        }
        (self.session.refused, self.session.changed, self.chrome.playing) = (None, None, false);
        let moment = before.as_ref().map_or(0, |b| nearest(&b.session, self.view.cursor, &session));
        let follow = before.zip(self.view.follow).and_then(|(b, p)| b.session.packet_name(p));
        self.view.follow = follow.and_then(|name| session.packet(name));
        self.session.loaded = Some(Rc::new(Loaded::new(session)));
        self.seek(moment);
        self.choose();
    }

    /// Shows a text with errors beside the cluster of a valid document.
    pub(super) fn show_stale(&mut self, valid: &str, text: &str) {
        self.show(valid);
        self.document.text = text.into();
        self.build();
    }

    /// Builds the cluster of the text, before any step; `None` if the text has errors.
    pub(super) fn build(&mut self) -> Option<Session> {
        let (_, faults) = Script::read(&self.document.text);
        let Script { seed, start, steps } = &*self.session.script;
        let (text, seed, start) = (&self.document.text, *seed, *start);
        let played = self.session.loaded.as_ref().map(|l| &l.session);
        let built = match played.filter(|s| s.steps() == steps) {
            Some(played) => played.reworded(text, seed, start),
            None => Session::edited(text, seed, start, |_| {}),
        };
        let mut all = match &built {
            Ok(session) => session.notes().to_vec(),
            Err(diags) => diags.clone(),
        };
        all.extend(faults);
        all.sort_by_key(|d| d.span.start);
        self.document.diagnostics = Rc::new(all);
        built.ok().filter(|_| !self.document.is_stale())
    }

    /// Keeps choices that still exist. Otherwise the sender is the last pod, which can reach every
    /// destination, and the destination the first in the menu. An address always resolves; one that
    /// the menu offered goes when the menu does not offer it any more.
    fn choose(&mut self) {
        let Some(l) = &self.session.loaded else { return };
        let (cluster, world) = (l.session.running(), l.session.world());
        if resolve_netns(cluster, world, &self.send.from).is_err() {
            self.send.from = select::senders(l).pop().map(|s| s.value).unwrap_or_default();
        }
        let offers = |menu: &[Choice]| menu.iter().any(|c| c.value == self.send.to);
        let is_wrong = |to: &str| select::target(l, &[], to, &self.send).error.is_some();
        if is_wrong(&self.send.to) || offers(&self.derived.menus.to) && !offers(&self.targets()) {
            self.choose_target();
        }
        let Some(l) = &self.session.loaded else { return };
        let (cluster, world) = (l.session.running(), l.session.world());
        if !select::endpoints(l, &self.send.to).iter().any(|e| e.value == self.send.endpoint) {
            self.send.endpoint.clear();
        }
        let is_service = |name: &str| {
            cluster.services.iter().any(|s| name == format!("svc/{}/{}", s.namespace, s.name))
        };
        let is_there = |name: &str| world.state().ns_named(name).is_some() || is_service(name);
        if self.view.selected.as_ref().is_some_and(|s| !is_there(&s.host)) {
            self.view.selected = None;
        }
        if resolve_netns(cluster, world, &self.terminal.host).is_err() {
            let worker = cluster
                .nodes
                .iter()
                .find(|n| n.spec.role == kube::topology::Role::Worker)
                .or(cluster.nodes.first());
            self.terminal.host = worker.map(|n| n.spec.name.value.clone()).unwrap_or_default();
        }
    }

    /// Chooses the first destination of the menu; where TCP or UDP have none, ICMP has.
    fn choose_target(&mut self) {
        if self.targets().is_empty() {
            self.send.proto = Protocol::Icmp;
        }
        self.send.to = self.targets().into_iter().next().map(|t| t.value).unwrap_or_default();
    }

    /// The whole session as a file: the document and its Script.
    pub fn file(&self) -> String {
        self.file_of(&self.document.text)
    }

    /// A text with the Script of the session. What the reader wrote keeps its bytes as long as it
    /// says the same: the whole opened file, or the Script in it.
    pub fn file_of(&self, text: &str) -> String {
        let script = &self.session.script;
        if let Some(opened) = self.document.opened.as_ref().filter(|o| o.script == **script) {
            return match opened.text == *text {
                true => opened.file.clone(),
                false => Script::put_text(opened.script_text(), text),
            };
        }
        // A Script in the text is the reader's: it is replaced only by one with more steps.
        let written = Script::read(text).0;
        let typed = match (&written, Script::text_in(text)) {
            (None, own) => own.is_some() || script.steps.is_empty(),
            (Some(w), _) => *w == **script || written != Script::read(&self.document.text).0,
        };
        if typed {
            return text.to_owned();
        }
        script.put(text)
    }

    /// The run that the moment belongs to: the last one that has begun.
    pub fn run(&self) -> Option<&Run> {
        let cursor = self.view.cursor.max(1);
        self.session
            .runs()
            .rev()
            .find(|r| r.events.start < cursor)
            .or_else(|| self.session.runs().next())
    }

    /// The current state, for undo.
    pub fn snapshot(&self) -> UndoState {
        let document = match &self.session.loaded {
            Some(l) if self.document.is_stale() => l.session.document().into(),
            _ => self.document.text.clone(),
        };
        UndoState {
            text: self.document.text.clone(),
            document,
            script: self.session.script.clone(),
            cursor: self.view.cursor,
            id: self.document.id.clone(),
        }
    }

    /// Records the current state, before it is changed.
    pub(super) fn remember(&mut self) {
        let now = self.snapshot();
        self.history.remember(now);
    }

    /// The input of the picture at a moment.
    pub fn moment<'a>(&'a self, l: &'a Loaded, state: &'a net::State, cursor: usize) -> Moment<'a> {
        let events = l.session.events();
        Moment {
            state,
            events,
            index: &self.derived.index,
            cursor,
            labels: &l.labels,
            follow: self.view.follow,
        }
    }

    /// Selects something and shows it in the inspector.
    pub(super) fn select(&mut self, what: Selected) -> Option<Effect> {
        self.view.tab = Tab::Tables;
        self.view.selected = Some(what);
        let opens = self.chrome.panes.inspector != Fold::Open;
        self.chrome.panes.inspector = Fold::Open;
        opens.then_some(Effect::Panes)
    }

    /// The machine that a picture larger than its room shows, unless it follows the packet: the
    /// station that was chosen, or what is selected as long as nothing was sent.
    pub fn looked_at(&self) -> Option<NetnsKind> {
        let selected = || {
            let l = self.session.loaded.as_ref().filter(|_| !self.session.is_played())?;
            let host = &self.view.selected.as_ref()?.host;
            l.session.last().ns_named(host).map(|(id, _)| l.labels.kind(id))
        };
        self.view.station.or_else(selected)
    }

    /// The host that represents an object of the text: for a Deployment, its first pod.
    pub(super) fn host_of(&self, thing: &kube::change::Thing) -> Option<String> {
        use kube::change::Thing;
        use kube::object::WorkloadKind;
        match thing {
            Thing::Node(n) | Thing::Host(n) => Some(n.clone()),
            Thing::Service(namespace, n) => Some(format!("svc/{namespace}/{n}")),
            Thing::Deployment(namespace, n) => {
                let pods = &self.session.loaded.as_ref()?.session.cluster().pods;
                pods.iter()
                    .find(|p| p.is_of(WorkloadKind::Deployment, namespace, n))
                    .map(kube::cluster::Pod::netns)
            }
            Thing::Segment(_) => None,
        }
    }

    /// The centre of a node, host or pod in the picture; none if it is not drawn.
    pub fn place_of(&self, host: &str) -> Option<Point> {
        let l = &self.derived.layout;
        let nodes = l.nodes.iter().find(|n| n.name == host).map(|n| n.rect);
        let hosts = || l.hosts.iter().find(|h| h.name == host).map(|h| h.rect);
        let pods = || {
            let all = &self.session.loaded.as_ref()?.session.cluster().pods;
            let mut drawn = l.nodes.iter().flat_map(|n| &n.pods);
            drawn.find(|b| all.get(b.pod).is_some_and(|p| p.netns() == host)).map(|b| b.rect)
        };
        nodes.or_else(hosts).or_else(pods).map(|r| (r.cx(), r.cy()))
    }

    /// The number of steps before the moment shown.
    pub fn step(&self) -> usize {
        let cursor = self.view.cursor;
        self.derived.steps.partition_point(|i| *i < cursor)
    }

    /// The steps that are about a packet.
    pub fn steps_of(&self, id: PacketId) -> Vec<usize> {
        let Some(l) = &self.session.loaded else { return Vec::new() };
        let (events, state) = (l.session.events(), l.session.last());
        self.derived
            .index
            .of(id)
            .iter()
            .copied()
            .filter(|i| story::shown(&events[*i], state, self.view.grain))
            .collect()
    }

    /// The packet that is shown.
    pub fn current_packet(&self) -> Option<PacketId> {
        let (l, t) = (self.session.loaded.as_ref()?, self.derived.timeline.as_ref()?);
        scene::shown_packet(&self.moment(l, t.state(), t.at()))
    }

    /// The packet that is shown, if it is in flight.
    pub fn in_flight(&self) -> Option<PacketId> {
        let t = self.derived.timeline.as_ref()?;
        self.current_packet().filter(|p| t.state().packets.contains_key(p))
    }

    /// Goes to the moment after `cursor` events, or after the last.
    pub(super) fn seek(&mut self, cursor: usize) {
        self.view.cursor = cursor.min(self.session.events().len());
    }

    /// The destinations in the menu.
    pub(super) fn targets(&self) -> Vec<Choice> {
        let loaded = self.session.loaded.as_ref();
        loaded.map(|l| select::targets(l, self.send.proto)).unwrap_or_default()
    }

    /// Forces an endpoint, `IP` or `IP:PORT`; an empty text leaves it to the rules.
    ///
    /// # Errors
    /// The text is not an endpoint, or not one that the rules can select.
    pub fn force(&mut self, endpoint: &str) -> Result<(), String> {
        self.send.endpoint.clear();
        if endpoint.is_empty() {
            return Ok(());
        }
        let (addr, port) = play::probe::parse_endpoint(endpoint)
            .ok_or_else(|| words::no_endpoint(endpoint, self.chrome.lang))?;
        let loaded = self.session.loaded.as_ref();
        let drawn = loaded.map(|l| select::endpoints(l, &self.send.to)).unwrap_or_default();
        if drawn.is_empty() {
            return Err(words::no_draw(&self.send.to, self.chrome.lang));
        }
        let begin = net::dump::endpoint(addr, port) + if port.is_none() { ":" } else { "" };
        let is_it = |e: &&MenuItem| {
            if port.is_none() { e.value.starts_with(&begin) } else { e.value == begin }
        };
        match drawn.iter().find(is_it) {
            Some(e) => self.send.endpoint.clone_from(&e.value),
            None => {
                let all: Vec<&str> = drawn.iter().map(|e| e.value.as_str()).collect();
                let (to, lang) = (&self.send.to, self.chrome.lang);
                return Err(words::none_of_draw(endpoint, to, &all.join(", "), lang));
            }
        }
        Ok(())
    }
}

/// The moment of `is` that corresponds to a moment of `was`: after the same event, or else at the
/// same time.
fn nearest(was: &Session, cursor: usize, is: &Session) -> usize {
    let Some(last) = cursor.checked_sub(1) else { return 0 };
    if let Some(same) = was.name(last).and_then(|name| is.find(&name)) {
        return same + 1;
    }
    let at = was.events().get(last).map_or(net::Instant::default(), |e| e.at);
    is.events().partition_point(|e| e.at <= at)
}
