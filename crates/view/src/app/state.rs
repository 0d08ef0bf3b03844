//! What the page knows.

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

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
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
    /// The packet's layers.
    Packet,
    /// The rules it met.
    #[default]
    Rules,
    /// The node's tables.
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
    /// The text.
    Text,
}

/// A valid document, built.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The session, with what was played in it.
    pub session: Session,
    /// Names.
    pub labels: Labels,
    /// Where everything stands.
    pub layout: Layout,
}

/// What is shown of the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RulesView {
    /// Those the packet met.
    #[default]
    Walk,
    /// All, to be searched.
    All,
    /// What the last edit changed.
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

/// What a person clicked: a host, and a device of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The network namespace, by name; or a Service: `svc/NAMESPACE/NAME`.
    pub host: String,
    /// The device; none: all of the host.
    pub device: Option<String>,
}

/// The header fields of what is sent, as they are typed; empty: as the protocol does it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Source port, or identifier of a ping.
    pub sport: String,
    /// ttl; of a ping.
    pub ttl: String,
    /// Bytes of data.
    pub size: String,
    /// How many.
    pub count: String,
    /// Must not be cut into fragments; of a ping.
    pub df: bool,
}

impl Options {
    /// What `sport` can be.
    pub const SPORT: RangeInclusive<u32> = 1..=65_535;
    /// What `size` can be.
    pub const SIZE: RangeInclusive<u32> = 0..=65_467;
    /// What `count` can be.
    pub const COUNT: RangeInclusive<u32> = 1..=100;
    /// What `ttl` can be.
    pub const TTL: RangeInclusive<u32> = 1..=255;
}

/// What the page knows.
#[derive(Clone, Debug)]
pub struct App {
    /// The language.
    pub lang: Lang,
    /// Light or dark.
    pub theme: Theme,
    /// The document as it stands in the editor.
    pub text: Rc<str>,
    /// Everything that is wrong with it.
    pub diags: Rc<Vec<Diagnostic>>,
    /// The last valid document, built; the diagram shows it.
    pub loaded: Option<Rc<Loaded>>,
    /// The diagram is older than the text.
    pub stale: bool,
    /// The preset the document came from.
    pub preset: &'static str,
    /// The person's own documents that were left for another.
    pub shelf: Shelf,
    /// Who sends.
    pub from: String,
    /// To whom.
    pub to: String,
    /// With what.
    pub proto: Protocol,
    /// The endpoint every draw falls on; empty: drawn.
    pub endpoint: String,
    /// What the sentence offers.
    pub menus: Rc<select::Menus>,
    /// The long menu that is about to be opened: only then is all of it there.
    pub menu: Option<&'static str>,
    /// The header fields.
    pub options: Options,
    /// What is done in the document's cluster. The session of [`Self::loaded`] has played it.
    pub script: Rc<Script>,
    /// What can be undone.
    pub history: History,
    /// Why something could not be done.
    pub refused: Option<String>,
    /// How the last edit of the text changed what the last probe's client gets.
    pub changed: Option<(Answer, Answer)>,
    /// A link keeps Secrets, tokens and `last-applied-configuration`.
    pub keep_secrets: bool,
    /// The moment that is shown.
    pub timeline: Option<Timeline>,
    /// How fine the steps are.
    pub grain: Grain,
    /// What is looked up in the events.
    pub index: Rc<Index>,
    /// The events that are steps.
    pub steps: Rc<Vec<usize>>,
    /// The packets of the session.
    pub packets: Rc<Vec<PacketPill>>,
    /// The packet a person chose to look at; none: the one that did something last.
    pub follow: Option<PacketId>,
    /// Whether it plays by itself.
    pub playing: bool,
    /// How fast, in percent of the normal speed.
    pub speed: u32,
    /// The inspector's tab.
    pub tab: Tab,
    /// What is shown of the rules.
    pub rules_view: RulesView,
    /// The folded rules that are told one by one: their chain and the first of them.
    pub unfolded: Option<(String, u32)>,
    /// The words that are searched in the rules.
    pub search: String,
    /// The cluster before the last edit of the text.
    pub previous: Option<Rc<Loaded>>,
    /// The pane of a narrow page.
    pub pane: Pane,
    /// The lower drawer.
    pub drawer: Drawer,
    /// What was clicked.
    pub selected: Option<Selected>,
    /// The dialog with a link to what is shown, snippets and files is there.
    pub sharing: bool,
    /// The terminal.
    pub terminal: Terminal,
    /// The event list shows the current packet only.
    pub only_packet: bool,
    /// Nodes that the run does not touch are folded.
    pub focus: bool,
    /// The page is narrow: the picture follows the packet.
    pub narrow: bool,
}

impl App {
    /// The page as it opens: a preset, nothing sent yet.
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

    /// The host whose tables and rules are shown: what was clicked, or where the current step is;
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
        // What changed is asked of a node, wherever the packet is.
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
        self.show(&preset.document());
    }

    /// Nothing was done yet.
    pub(super) fn forget_steps(&mut self) {
        Rc::make_mut(&mut self.script).steps.clear();
        self.follow = None;
    }

    /// Takes a file: a document, and the Script that is done in it. A Script with errors stays in
    /// the text, to be mended there.
    pub(super) fn take(&mut self, file: &str) {
        self.forget_steps();
        let text = match Script::take(file) {
            Ok((Some(script), text)) => {
                self.script = Rc::new(script);
                text
            }
            _ => file.to_owned(),
        };
        self.show(&text);
    }

    /// Takes a text that was edited. The session is played again on it; the moment stays as near as
    /// it can. A Script that was written or changed in the text takes the place of what was done.
    pub(super) fn read(&mut self, text: &str) {
        let written = |text: &str| Script::read(text).0;
        if let Some(script) = written(text).filter(|s| written(&self.text).as_ref() != Some(s)) {
            self.script = Rc::new(script);
        }
        let before = self.answer();
        self.show(text);
        self.changed = before.zip(self.answer()).filter(|(was, is)| was != is);
    }

    /// Shows the cluster of a text, and what was done in it; of a text with errors, the last valid
    /// one.
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

    /// Builds the cluster of the text, in which nothing is done yet; none if the text has errors.
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

    /// Shows a session that was played, at the moment that is nearest to that of the one before.
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

    /// What the client of the last probe got.
    fn answer(&self) -> Option<Answer> {
        let session = &self.loaded.as_ref()?.session;
        let mut steps = session.steps().iter().zip(session.results());
        steps.rfind(|(s, _)| s.sends()).map(|(_, r)| Answer::of(r))
    }

    /// Keeps what is chosen as long as it is there. Else the last pod sends, which can reach all
    /// there is, to the first target.
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

    /// Works out what the sentence offers.
    pub(super) fn offer(&mut self) {
        let Some(l) = &self.loaded else { return };
        let (from, to) = (select::senders(l), select::targets(l, self.proto));
        self.menus = Rc::new(select::Menus { from, to, endpoints: select::endpoints(l, &self.to) });
    }

    /// The first header field that is typed and cannot be: its name and range.
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

    /// What the sentence says; its header fields can be ([`Self::wrong_option`]).
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

    /// What came of each step that was done.
    pub fn results(&self) -> &[StepResult] {
        self.loaded.as_ref().map_or(&[], |l| l.session.results())
    }

    /// Every probe that was sent.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.results().iter().filter_map(StepResult::run)
    }

    /// Whether it begins with empty neighbour tables.
    pub fn is_cold(&self) -> bool {
        self.script.start == Start::Cold
    }

    /// Whether something was done in the cluster that is shown.
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

    /// The probe that the moment is about: the last one that began.
    pub fn run(&self) -> Option<&Run> {
        let cursor = self.cursor().max(1);
        self.runs().rev().find(|r| r.events.start < cursor).or_else(|| self.runs().next())
    }

    /// How many events there are.
    pub fn events_len(&self) -> usize {
        self.loaded.as_ref().map_or(0, |l| l.session.events().len())
    }

    /// This moment, to come back to.
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

    /// Keeps this moment, before something else is done.
    pub(super) fn remember(&mut self) {
        let now = self.snapshot();
        self.history.remember(now);
    }

    /// Works out again what is looked up in the events, after a run.
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

    /// Works the steps out again, for another run or grain.
    pub(super) fn count_steps(&mut self) {
        let Some(l) = self.loaded.as_ref().filter(|_| self.is_played()) else { return };
        self.steps = Rc::new(story::steps(l.session.events(), l.session.last(), self.grain));
    }

    /// The moment of the picture.
    pub fn moment<'a>(&'a self, l: &'a Loaded, state: &'a net::State, cursor: usize) -> Moment<'a> {
        let events = l.session.events();
        Moment { state, events, index: &self.index, cursor, labels: &l.labels, follow: self.follow }
    }

    /// What is loaded, to be changed. If somebody else still looks at it, it is played again: what
    /// happened in it is not copied.
    pub(super) fn own_loaded(&mut self) -> Option<&mut Loaded> {
        let l = self.loaded.as_mut()?;
        if Rc::get_mut(l).is_none() {
            let mut session = l.session.rewound();
            session.play(&self.script.steps);
            *l = Rc::new(Loaded { session, labels: l.labels.clone(), layout: l.layout.clone() });
        }
        Rc::get_mut(l)
    }

    /// Lays the picture out again: after a run, or when the focus changes.
    pub(super) fn arrange(&mut self) {
        let Some(l) = self.loaded.clone() else { return };
        let moment = self.is_played().then(|| self.moment(&l, l.session.last(), self.events_len()));
        let touched = moment.as_ref().filter(|_| self.focus).map(scene::nodes_of_run);
        let first = moment.as_ref().map(scene::pods_of_run).unwrap_or_default();
        // Of many nodes, those are drawn where the probe that was sent last goes, and what was
        // clicked.
        let many = l.session.cluster().nodes.len() > FEW_NODES;
        let open: BTreeSet<usize> =
            moment.as_ref().filter(|_| many).map(|m| self.nodes_of_last(m)).unwrap_or_default();
        let layout = layout(l.session.cluster(), &first, &|n| match &touched {
            _ if many => !open.contains(&n) && !self.is_selected(&l, n),
            Some(t) => !t.is_empty() && !t.contains(&n),
            None => false,
        });
        // Who came meanwhile has a name, too.
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

    /// The nodes on the way of the first packet of the probe that was sent last.
    fn nodes_of_last(&self, m: &Moment<'_>) -> BTreeSet<usize> {
        let start = self.runs().next_back().map_or(0, |r| r.events.start);
        let asker = m.events.get(start).map(|e| e.netns);
        let made = |e: &&net::Event| {
            matches!(e.kind, net::event::EventKind::PacketMade { .. }) && Some(e.netns) == asker
        };
        let first = m.events[start.min(m.events.len())..].iter().find(made).and_then(|e| e.packet);
        first.map(|p| scene::nodes_on_way(m, p)).unwrap_or_default()
    }

    /// As what a thing of the text is selected: a Deployment is its first pod.
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

    /// How many events lie behind the moment that is shown.
    pub fn cursor(&self) -> usize {
        self.timeline.as_ref().map_or(0, Timeline::at)
    }

    /// How many steps lie behind.
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

    /// The packet that is shown, if it is on its way.
    pub fn in_flight(&self) -> Option<PacketId> {
        let t = self.timeline.as_ref()?;
        self.current_packet().filter(|p| t.state().packets.contains_key(p))
    }

    pub(super) fn seek(&mut self, cursor: usize) {
        if let (Some(t), Some(l)) = (&mut self.timeline, &self.loaded) {
            t.seek(l.session.events(), cursor);
        }
    }

    /// The number of faults that keep the text from being built.
    pub fn errors(&self) -> usize {
        self.diags.iter().filter(|d| d.severity == Severity::Error).count()
    }
}

/// The moment of a session that is nearest to a moment of another one: after the same event, or
/// else at the same time.
fn nearest(was: &Session, cursor: usize, is: &Session) -> usize {
    let Some(last) = cursor.checked_sub(1) else { return 0 };
    if let Some(same) = was.name(last).and_then(|name| is.find(&name)) {
        return same + 1;
    }
    let at = was.events().get(last).map_or(net::Instant::default(), |e| e.at);
    is.events().partition_point(|e| e.at <= at)
}
