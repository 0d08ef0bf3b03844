//! The state of the page.

use super::history::{History, Snapshot};
use super::select;
use super::shelf::Shelf;
use super::terminal::Terminal;
use crate::index::Index;
use crate::labels::Labels;
use crate::layout::{FEW_NODES, Layout, layout};
use crate::scene::{self, Moment};
use crate::story::{self, Grain, PacketPill};
use crate::words::{Answer, Lang, Ui, ui};
use kube::{Diagnostic, Severity};
use net::PacketId;
use play::presets::Preset;
use play::probe::{resolve_netns, resolve_target};
use play::{Probe, Protocol, Run, Script, Session, Start, StepResult, Timeline};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// The colour theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// The system's theme.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// The inspector's tabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The layers of the packet.
    Packet,
    /// The rules that the packet traversed.
    #[default]
    Rules,
    /// The tables of the node.
    Tables,
}

/// The panes of a narrow page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The diagram.
    #[default]
    Diagram,
    /// The inspector.
    Inspector,
    /// The events.
    Events,
    /// The editor.
    Text,
}

/// The cluster of a valid document.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The session, with the Script played.
    pub session: Session,
    /// The names of network namespaces.
    pub labels: Labels,
    /// The layout of the picture.
    pub layout: Layout,
}

/// The view of the tab Rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RulesView {
    /// The rules that the packet traversed.
    #[default]
    Walk,
    /// All rules, with a search.
    All,
    /// The changes by the last edit.
    Difference,
}

/// The lower drawer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drawer {
    /// The events.
    #[default]
    Events,
    /// The terminal.
    Terminal,
}

/// The selection in the diagram: a host, or a device of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The name of the network namespace, or of a Service: `svc/NAMESPACE/NAME`.
    pub host: String,
    /// The device; `None`: the whole host.
    pub device: Option<String>,
}

/// The header fields as typed; empty fields take the default of the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The source port, or the identifier of a ping.
    pub sport: String,
    /// The TTL of a ping.
    pub ttl: String,
    /// Bytes of data.
    pub size: String,
    /// The number of pings or datagrams.
    pub count: String,
    /// Whether a ping has the DF bit set.
    pub df: bool,
}

impl Options {
    /// The range of `sport`.
    pub const SPORT: RangeInclusive<u32> = 1..=65_535;
    /// The range of `size`.
    pub const SIZE: RangeInclusive<u32> = 0..=65_467;
    /// The range of `count`.
    pub const COUNT: RangeInclusive<u32> = 1..=100;
    /// The range of `ttl`.
    pub const TTL: RangeInclusive<u32> = 1..=255;
}

/// The state of the page.
#[derive(Clone, Debug)]
pub struct App {
    /// The language.
    pub lang: Lang,
    /// The colour theme.
    pub theme: Theme,
    /// The text in the editor.
    pub text: Rc<str>,
    /// The diagnostics of the text.
    pub diags: Rc<Vec<Diagnostic>>,
    /// The cluster of the last valid text, which the diagram shows.
    pub loaded: Option<Rc<Loaded>>,
    /// Whether the text has errors, so that the diagram is older than the text.
    pub stale: bool,
    /// The name of the preset that the document comes from.
    pub preset: &'static str,
    /// The reader's own documents that are not open.
    pub shelf: Shelf,
    /// The sender.
    pub from: String,
    /// The destination.
    pub to: String,
    /// The protocol.
    pub proto: Protocol,
    /// The forced endpoint; empty: the rules choose at random.
    pub endpoint: String,
    /// The menus of the send bar.
    pub menus: Rc<select::Menus>,
    /// The long menu that is in use; the options of the others are not rendered.
    pub menu: Option<&'static str>,
    /// The header fields.
    pub options: Options,
    /// The steps taken in the cluster. The session of [`Self::loaded`] has played them.
    pub script: Rc<Script>,
    /// The undo and redo history.
    pub history: History,
    /// Why the last action was refused.
    pub refused: Option<String>,
    /// How the last edit of the text changed the result of the last probe: before, after.
    pub changed: Option<(Answer, Answer)>,
    /// Whether links include Secrets, tokens and `last-applied-configuration`.
    pub keep_secrets: bool,
    /// The state at the moment shown.
    pub timeline: Option<Timeline>,
    /// The granularity of the steps.
    pub grain: Grain,
    /// An index of the events by packet.
    pub index: Rc<Index>,
    /// The events that are steps at this granularity.
    pub steps: Rc<Vec<usize>>,
    /// The packets of the session.
    pub packets: Rc<Vec<PacketPill>>,
    /// The packet that the reader follows; `None`: the one of the current event.
    pub follow: Option<PacketId>,
    /// Whether playback is running.
    pub playing: bool,
    /// The speed of playback, in percent.
    pub speed: u32,
    /// The inspector's tab.
    pub tab: Tab,
    /// The view of the tab Rules.
    pub rules_view: RulesView,
    /// The run of skipped rules that is unfolded: its chain and the index of its first rule.
    pub unfolded: Option<(String, u32)>,
    /// The search text for rules.
    pub search: String,
    /// The cluster before the last edit of the text.
    pub previous: Option<Rc<Loaded>>,
    /// The pane of a narrow page.
    pub pane: Pane,
    /// The lower drawer.
    pub drawer: Drawer,
    /// The selection in the diagram.
    pub selected: Option<Selected>,
    /// Whether the Share dialog is open.
    pub sharing: bool,
    /// The terminal.
    pub terminal: Terminal,
    /// Whether the event list shows the current packet only.
    pub only_packet: bool,
    /// Whether nodes that the run does not touch are folded.
    pub focus: bool,
    /// Whether the page is narrow; the picture then follows the packet.
    pub narrow: bool,
}

impl App {
    /// The initial state: a preset, with nothing sent.
    pub fn new(lang: Lang, preset: &str) -> Self {
        let preset = Preset::named(preset).unwrap_or(&play::presets::ALL[3]);
        let mut app = Self {
            lang,
            theme: Theme::System,
            text: "".into(),
            diags: Rc::default(),
            loaded: None,
            stale: false,
            preset: preset.name,
            shelf: Shelf::default(),
            from: String::new(),
            to: String::new(),
            proto: Protocol::Tcp,
            endpoint: String::new(),
            menus: Rc::default(),
            menu: None,
            options: Options::default(),
            script: Rc::new(Script { seed: 1, ..Script::default() }),
            history: History::default(),
            refused: None,
            changed: None,
            keep_secrets: false,
            timeline: None,
            grain: Grain::Decisions,
            index: Rc::default(),
            steps: Rc::default(),
            packets: Rc::default(),
            follow: None,
            playing: false,
            speed: 100,
            tab: Tab::Rules,
            rules_view: RulesView::Walk,
            unfolded: None,
            search: String::new(),
            previous: None,
            pane: Pane::Diagram,
            drawer: Drawer::Events,
            selected: None,
            sharing: false,
            terminal: Terminal::default(),
            only_packet: false,
            focus: true,
            narrow: false,
        };
        app.open(preset);
        app
    }

    /// The host whose tables and rules are shown: the selected one, or that of the current step;
    /// before anything was sent, the first worker.
    pub fn shown(&self) -> Option<(net::NetnsId, Option<Selected>)> {
        let (l, t) = (self.loaded.as_ref()?, self.timeline.as_ref()?);
        if let Some(s) = &self.selected
            && let Some((id, _)) = t.state().ns_named(&s.host)
        {
            return Some((id, Some(s.clone())));
        }
        let current = self
            .step()
            .checked_sub(1)
            .and_then(|n| self.steps.get(n))
            .map(|i| l.session.events()[*i].netns);
        // The view of changes needs a host with rules, wherever the packet is.
        let asked = self.tab == Tab::Rules && self.rules_view == RulesView::Difference;
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
        self.preset = preset.name;
        (self.from, self.to, self.proto) =
            (preset.from.to_owned(), preset.to.to_owned(), preset.proto);
        self.endpoint.clear();
        self.forget_steps();
        self.start_as_usual();
        self.show(&preset.document());
    }

    /// Removes all steps.
    pub(super) fn forget_steps(&mut self) {
        Rc::make_mut(&mut self.script).steps.clear();
        self.follow = None;
    }

    /// Neighbour entries that a Script entered by hand do not belong to another document.
    fn start_as_usual(&mut self) {
        if self.script.start == Start::Known {
            Rc::make_mut(&mut self.script).start = Start::Used;
        }
    }

    /// Opens a file of document and Script. A Script with errors stays in the text, to be corrected
    /// there.
    pub(super) fn take(&mut self, file: &str) {
        self.forget_steps();
        self.start_as_usual();
        let text = match Script::take(file) {
            Ok((Some(script), text)) => {
                self.script = Rc::new(script);
                text
            }
            _ => file.to_owned(),
        };
        self.show(&text);
    }

    /// Takes an edited text: replays the session on it and keeps the moment as far as possible. A
    /// Script that was added or changed in the text replaces the steps.
    pub(super) fn read(&mut self, text: &str) {
        let written = |text: &str| Script::read(text).0;
        if let Some(script) = written(text).filter(|s| written(&self.text).as_ref() != Some(s)) {
            self.script = Rc::new(script);
        }
        let before = self.answer();
        self.show(text);
        self.changed = before.zip(self.answer()).filter(|(was, is)| was != is);
    }

    /// Shows the cluster of a text with the steps played. If the text has errors, the last valid
    /// cluster stays.
    pub(super) fn show(&mut self, text: &str) {
        self.text = text.into();
        let Some(mut session) = self.build() else { return };
        session.play(&self.script.steps);
        let before = self.loaded.clone();
        if let Some(before) = before.as_ref().filter(|b| b.session.document() != text) {
            self.previous = Some(before.clone());
        }
        (self.refused, self.changed, self.playing) = (None, None, false);
        self.stand(session, before.as_deref());
        if let Some(l) = self.loaded.clone() {
            self.choose(&l);
        }
        self.offer();
    }

    /// Builds the cluster of the text, before any step; `None` if the text has errors.
    pub(super) fn build(&mut self) -> Option<Session> {
        let (_, faults) = Script::read(&self.text);
        let Script { seed, start, .. } = *self.script;
        let built = Session::edited(&self.text, seed, start, |_| {});
        let mut all = match &built {
            Ok(session) => session.notes().to_vec(),
            Err(diags) => diags.clone(),
        };
        all.extend(faults);
        all.sort_by_key(|d| d.span.start);
        self.stale = all.iter().any(|d| d.severity == Severity::Error);
        self.diags = Rc::new(all);
        built.ok().filter(|_| !self.stale)
    }

    /// Shows a played session, at the moment nearest to that of the previous session.
    pub(super) fn stand(&mut self, session: Session, before: Option<&Loaded>) {
        let moment = before.map_or(0, |b| nearest(&b.session, self.cursor(), &session));
        let follow = self.follow.zip(before).and_then(|(p, b)| b.session.packet_name(p));
        self.follow = follow.and_then(|name| session.packet(name));
        let labels = Labels::new(session.cluster(), session.last());
        let many = session.cluster().nodes.len() > FEW_NODES;
        let layout = layout(session.cluster(), &BTreeSet::new(), &|_| many);
        self.timeline = Some(Timeline::new(session.initial()));
        self.loaded = Some(Rc::new(Loaded { session, labels, layout }));
        self.retell();
        self.arrange();
        self.seek(moment);
    }

    /// The result of the last probe.
    fn answer(&self) -> Option<Answer> {
        let session = &self.loaded.as_ref()?.session;
        let mut steps = session.steps().iter().zip(session.results());
        steps.rfind(|(s, _)| s.sends()).map(|(_, r)| Answer::of(r))
    }

    /// Keeps choices that still exist. Otherwise the sender is the last pod, which can reach every
    /// destination, and the destination the first in the menu.
    fn choose(&mut self, l: &Loaded) {
        let (cluster, world) = (l.session.running(), l.session.world());
        if resolve_netns(cluster, world, &self.from).is_err()
            && let Some(last) = select::senders(l).pop()
        {
            self.from = last.value;
        }
        if resolve_target(cluster, world, &self.to).is_err()
            && let Some(first) = select::targets(l, self.proto).into_iter().next()
        {
            self.to = first.value;
        }
        if !select::endpoints(l, &self.to).iter().any(|e| e.value == self.endpoint) {
            self.endpoint.clear();
        }
        let is_service = |name: &str| {
            cluster.services.iter().any(|s| name == format!("svc/{}/{}", s.namespace, s.name))
        };
        let is_there = |name: &str| world.state().ns_named(name).is_some() || is_service(name);
        if self.selected.as_ref().is_some_and(|s| !is_there(&s.host)) {
            self.selected = None;
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

    /// Recomputes the menus of the send bar.
    pub(super) fn offer(&mut self) {
        let Some(l) = &self.loaded else { return };
        let (from, to) = (select::senders(l), select::targets(l, self.proto));
        self.menus = Rc::new(select::Menus { from, to, endpoints: select::endpoints(l, &self.to) });
    }

    /// The first header field with an invalid value: its name and range.
    pub(super) fn wrong_option(&self) -> Option<String> {
        let icmp = self.proto == Protocol::Icmp;
        let o = &self.options;
        let count = self.proto != Protocol::Tcp;
        let fields = [
            (true, if icmp { Ui::Identifier } else { Ui::SourcePort }, &o.sport, Options::SPORT),
            (true, Ui::Size, &o.size, Options::SIZE),
            (count, Ui::Count, &o.count, Options::COUNT),
            (icmp, Ui::Ttl, &o.ttl, Options::TTL),
        ];
        let wrong = |(asked, _, text, range): &(bool, Ui, &String, RangeInclusive<u32>)| {
            *asked
                && !text.trim().is_empty()
                && !text.trim().parse().is_ok_and(|n| range.contains(&n))
        };
        let (_, name, text, range) = fields.into_iter().find(wrong)?;
        Some(format!("{} {text}: {}–{}", ui(name, self.lang), range.start(), range.end()))
    }

    /// The probe of the send bar. Its header fields must be valid ([`Self::wrong_option`]).
    pub(super) fn probe(&self) -> Probe {
        let number = |text: &str| text.trim().parse::<u16>().ok();
        let mut probe = Probe::new(&self.from, &self.to);
        probe.proto = self.proto;
        probe.endpoint =
            self.endpoint.parse::<std::net::SocketAddr>().ok().map(|s| (s.ip(), Some(s.port())));
        probe.sport = number(&self.options.sport);
        probe.size = number(&self.options.size);
        if self.proto == Protocol::Icmp {
            probe.ttl = self.options.ttl.trim().parse().ok();
            probe.pmtudisc = if self.options.df {
                net::socket::Pmtudisc::Do
            } else {
                net::socket::Pmtudisc::Want
            };
        }
        if self.proto != Protocol::Tcp {
            probe.count = number(&self.options.count).unwrap_or(1);
        }
        probe
    }

    /// The results of the steps.
    pub fn results(&self) -> &[StepResult] {
        self.loaded.as_ref().map_or(&[], |l| l.session.results())
    }

    /// The runs of the probes.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.results().iter().filter_map(StepResult::run)
    }

    /// Whether the neighbour tables are empty at the start.
    pub fn is_cold(&self) -> bool {
        self.script.start == Start::Cold
    }

    /// Whether any step was taken.
    pub fn is_played(&self) -> bool {
        !self.results().is_empty()
    }

    /// The whole session as a file: the document and its Script.
    pub fn file(&self) -> String {
        let own = Script::read(&self.text).0;
        if !self.is_played() && self.script.steps.is_empty() && own.is_none() {
            return self.text.to_string();
        }
        self.script.put(&self.text)
    }

    /// The run that the moment belongs to: the last one that has begun.
    pub fn run(&self) -> Option<&Run> {
        let cursor = self.cursor().max(1);
        self.runs().rev().find(|r| r.events.start < cursor).or_else(|| self.runs().next())
    }

    /// The number of events.
    pub fn events_len(&self) -> usize {
        self.loaded.as_ref().map_or(0, |l| l.session.events().len())
    }

    /// The current state, for undo.
    pub fn snapshot(&self) -> Snapshot {
        let document = match &self.loaded {
            Some(l) if self.stale => l.session.document().into(),
            _ => self.text.clone(),
        };
        Snapshot {
            text: self.text.clone(),
            document,
            script: self.script.clone(),
            cursor: self.cursor(),
        }
    }

    /// Records the current state, before it is changed.
    pub(super) fn remember(&mut self) {
        let now = self.snapshot();
        self.history.remember(now);
    }

    /// Rebuilds the index of the events after a run.
    pub(super) fn retell(&mut self) {
        let Some(l) = &self.loaded else { return };
        if !self.is_played() {
            (self.index, self.steps, self.packets) = (Rc::default(), Rc::default(), Rc::default());
            return;
        }
        let events = l.session.events();
        self.index = Rc::new(Index::new(events));
        self.packets = Rc::new(story::packets(events, &self.index));
        self.count_steps();
    }

    /// Recomputes the steps, after a run or a change of granularity.
    pub(super) fn count_steps(&mut self) {
        let Some(l) = self.loaded.as_ref().filter(|_| self.is_played()) else { return };
        self.steps = Rc::new(story::steps(l.session.events(), l.session.last(), self.grain));
    }

    /// The input of the picture at a moment.
    pub fn moment<'a>(&'a self, l: &'a Loaded, state: &'a net::State, cursor: usize) -> Moment<'a> {
        let events = l.session.events();
        Moment { state, events, index: &self.index, cursor, labels: &l.labels, follow: self.follow }
    }

    /// The loaded cluster for modification. If it is shared, its session is replayed instead of
    /// copied.
    pub(super) fn own_loaded(&mut self) -> Option<&mut Loaded> {
        let l = self.loaded.as_mut()?;
        if Rc::get_mut(l).is_none() {
            let mut session = l.session.rewound();
            session.play(&self.script.steps);
            *l = Rc::new(Loaded { session, labels: l.labels.clone(), layout: l.layout.clone() });
        }
        Rc::get_mut(l)
    }

    /// Recomputes the layout of the picture, after a run or when the focus changes.
    pub(super) fn arrange(&mut self) {
        let Some(l) = self.loaded.clone() else { return };
        let moment = self.is_played().then(|| self.moment(&l, l.session.last(), self.events_len()));
        let touched = moment.as_ref().filter(|_| self.focus).map(scene::nodes_of_run);
        let first = moment.as_ref().map(scene::pods_of_run).unwrap_or_default();
        // In a large cluster, only the nodes on the path of the last probe and the selected node
        // are drawn in full.
        let many = l.session.cluster().nodes.len() > FEW_NODES;
        let open: BTreeSet<usize> =
            moment.as_ref().filter(|_| many).map(|m| self.nodes_of_last(m)).unwrap_or_default();
        let layout = layout(l.session.cluster(), &first, &|n| match &touched {
            _ if many => !open.contains(&n) && !self.is_selected(&l, n),
            Some(t) => !t.is_empty() && !t.contains(&n),
            None => false,
        });
        // Namespaces that were added since need labels, too.
        let known = l.labels.len() == l.session.last().netns.len();
        let labels = if known {
            l.labels.clone()
        } else {
            Labels::new(l.session.cluster(), l.session.last())
        };
        drop(l);
        if let Some(l) = self.own_loaded() {
            (l.layout, l.labels) = (layout, labels);
        }
    }

    /// The nodes on the path of the first packet of the last probe.
    fn nodes_of_last(&self, m: &Moment<'_>) -> BTreeSet<usize> {
        let start = self.runs().next_back().map_or(0, |r| r.events.start);
        let asker = m.events.get(start).map(|e| e.netns);
        let made = |e: &&net::Event| {
            matches!(e.kind, net::event::EventKind::PacketMade { .. }) && Some(e.netns) == asker
        };
        let first = m.events[start.min(m.events.len())..].iter().find(made).and_then(|e| e.packet);
        first.map(|p| scene::nodes_on_way(m, p)).unwrap_or_default()
    }

    /// The host that represents an object of the text: for a Deployment, its first pod.
    pub(super) fn host_of(&self, thing: &kube::change::Thing) -> Option<String> {
        use kube::change::Thing;
        match thing {
            Thing::Node(n) | Thing::Host(n) => Some(n.clone()),
            Thing::Service(namespace, n) => Some(format!("svc/{namespace}/{n}")),
            Thing::Deployment(namespace, n) => {
                let pods = &self.loaded.as_ref()?.session.cluster().pods;
                pods.iter()
                    .find(|p| p.namespace == *namespace && p.deployment == *n)
                    .map(kube::cluster::Pod::netns)
            }
            Thing::Segment(_) => None,
        }
    }

    fn is_selected(&self, l: &Loaded, node: usize) -> bool {
        let name = &l.session.cluster().nodes[node].spec.name.value;
        self.selected.as_ref().is_some_and(|s| s.host == *name)
    }

    /// The number of events before the moment shown.
    pub fn cursor(&self) -> usize {
        self.timeline.as_ref().map_or(0, Timeline::at)
    }

    /// The number of steps before the moment shown.
    pub fn step(&self) -> usize {
        let cursor = self.cursor();
        self.steps.partition_point(|i| *i < cursor)
    }

    /// The steps that are about a packet.
    pub fn steps_of(&self, id: PacketId) -> Vec<usize> {
        let Some(l) = &self.loaded else { return Vec::new() };
        let (events, state) = (l.session.events(), l.session.last());
        self.index
            .of(id)
            .iter()
            .copied()
            .filter(|i| story::shown(&events[*i], state, self.grain))
            .collect()
    }

    /// The packet that is shown.
    pub fn current_packet(&self) -> Option<PacketId> {
        let (l, t) = (self.loaded.as_ref()?, self.timeline.as_ref()?);
        scene::shown_packet(&self.moment(l, t.state(), t.at()))
    }

    /// The packet that is shown, if it is in flight.
    pub fn in_flight(&self) -> Option<PacketId> {
        let t = self.timeline.as_ref()?;
        self.current_packet().filter(|p| t.state().packets.contains_key(p))
    }

    pub(super) fn seek(&mut self, cursor: usize) {
        if let (Some(t), Some(l)) = (&mut self.timeline, &self.loaded) {
            t.seek(l.session.events(), cursor);
        }
    }

    /// The number of errors in the text.
    pub fn errors(&self) -> usize {
        self.diags.iter().filter(|d| d.severity == Severity::Error).count()
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
