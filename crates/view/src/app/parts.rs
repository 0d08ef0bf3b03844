//! The parts of the page's state, and the choices that they are made of.

use super::combo::Combo;
use super::entry::Clock;
use super::panes::Panes;
use super::sessions::StoredSessions;
use crate::labels::{NetnsKind, NetnsLabels};
use crate::layout::{ROOM, Size};
use crate::story::Grain;
use crate::words::{self, Answer, Lang, Ui, ui};
use kube::{Diagnostic, Severity};
use net::PacketId;
use net::socket::Pmtudisc;
use play::{CommandOutput, Probe, Protocol, Run, Script, Session, Start, StepResult};
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

/// The cluster of a valid document, with the Script played.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The session.
    pub session: Session,
    /// The names of its network namespaces.
    pub labels: NetnsLabels,
}

impl Loaded {
    /// Names the namespaces of a played session.
    pub fn new(session: Session) -> Self {
        let labels = NetnsLabels::new(session.cluster(), session.last());
        Self { session, labels }
    }
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

/// The selection in the diagram: a host, or a device of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The name of the network namespace, or of a Service: `svc/NAMESPACE/NAME`.
    pub host: String,
    /// The device; `None`: the whole host.
    pub device: Option<String>,
}

/// The text in the editor, where it comes from, and where it is kept.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The text.
    pub text: Rc<str>,
    /// The diagnostics of the text.
    pub diagnostics: Rc<Vec<Diagnostic>>,
    /// The name of the preset that the document comes from.
    pub preset: &'static str,
    /// The identifier of the session.
    pub id: Rc<str>,
    /// The sessions that the browser keeps.
    pub sessions: StoredSessions,
    /// The text and the Script of a link, or of a session in which nothing was done, as long as
    /// nothing is changed in them: a link in the address is theirs.
    pub(super) linked: Option<(Rc<str>, Rc<Script>)>,
    /// What the browser's history keeps of a session in which nothing was done.
    pub(super) state: Option<Rc<str>>,
    /// The file that the document comes from, if it has a Script: that stands in the file, and not
    /// in the text.
    pub(super) opened: Option<Rc<OpenedFile>>,
}

/// A file with a Script, as it was opened.
#[derive(Debug)]
pub(super) struct OpenedFile {
    /// The whole file.
    pub(super) file: String,
    /// Its Script.
    pub(super) script: Script,
    /// The file without the Script.
    pub(super) text: String,
}

impl OpenedFile {
    /// A file; `None` if it has no Script, or one with errors.
    pub(super) fn new(file: String) -> Option<Self> {
        let (script, text) = Script::take(&file).ok()?;
        Some(Self { file, script: script?, text })
    }

    /// Its Script as the reader wrote it.
    pub(super) fn script_text(&self) -> &str {
        Script::text_in(&self.file).unwrap_or_default()
    }
}

impl Document {
    /// The number of errors in the text.
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
    }

    /// Whether the text has errors, so that the diagram is older than the text.
    pub fn is_stale(&self) -> bool {
        self.errors() > 0
    }
}

/// The Script and what it did.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// The steps taken in the cluster. The session of [`Self::loaded`] has played them.
    pub script: Rc<Script>,
    /// The cluster of the last valid text, which the diagram shows. A session that is played
    /// further is put into a new `Rc`.
    pub loaded: Option<Rc<Loaded>>,
    /// The cluster before the last edit of the text.
    pub previous: Option<Rc<Loaded>>,
    /// How the last edit of the text changed the result of the last probe: before, after.
    pub changed: Option<(Answer, Answer)>,
    /// Why the last action was refused.
    pub refused: Option<String>,
}

impl Played {
    /// The results of the steps.
    pub fn results(&self) -> &[StepResult] {
        self.loaded.as_ref().map_or(&[], |l| l.session.results())
    }

    /// The runs of the probes.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.results().iter().filter_map(StepResult::run)
    }

    /// Whether any step was taken.
    pub fn is_played(&self) -> bool {
        !self.results().is_empty()
    }

    /// Whether the neighbour tables are empty at the start.
    pub fn is_cold(&self) -> bool {
        self.script.start == Start::Cold
    }

    /// The events of all steps.
    pub fn events(&self) -> &[net::Event] {
        self.loaded.as_ref().map_or(&[], |l| l.session.events())
    }

    /// The result of the last probe.
    pub(super) fn answer(&self) -> Option<Answer> {
        let session = &self.loaded.as_ref()?.session;
        let mut steps = session.steps().iter().zip(session.results());
        steps.rfind(|(s, _)| s.sends()).map(|(_, r)| Answer::of(r))
    }
}

/// The moment of the session that is shown, and what is shown of it.
#[derive(Clone, Debug)]
pub struct View {
    /// The number of events before the moment.
    pub cursor: usize,
    /// The granularity of the steps.
    pub grain: Grain,
    /// The packet that the reader follows; `None`: the one of the current event.
    pub follow: Option<PacketId>,
    /// The selection in the diagram.
    pub selected: Option<Selected>,
    /// The station of the packet's way that the reader chose to see, until the packet moves.
    pub station: Option<NetnsKind>,
    /// Whether nodes that the run does not touch are folded.
    pub focus: bool,
    /// The space of the picture on the page.
    pub room: Size,
    /// Whether every node of a large cluster has a tile, even where there is no room for it.
    pub every_tile: bool,
    /// The inspector's tab.
    pub tab: Tab,
    /// The view of the tab Rules.
    pub rules_view: RulesView,
    /// The run of skipped rules that is unfolded: its chain and the index of its first rule.
    pub unfolded: Option<(String, u32)>,
    /// The search text for rules.
    pub search: String,
    /// Whether the event list shows the current packet only.
    pub only_packet: bool,
}

impl Default for View {
    fn default() -> Self {
        Self {
            cursor: 0,
            grain: Grain::Decisions,
            follow: None,
            selected: None,
            station: None,
            focus: true,
            room: ROOM,
            every_tile: false,
            tab: Tab::Rules,
            rules_view: RulesView::Walk,
            unfolded: None,
            search: String::new(),
            only_packet: false,
        }
    }
}

/// A part of the header that is folded on a narrow page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderPart {
    /// The form that sends.
    SendForm,
    /// The tools.
    Tools,
}

/// A small dialog over the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// The search for an object of the diagram, with what was typed.
    Find(String),
    /// The list of keys.
    Keys,
}

/// What surrounds the session: language, colours, panes, playback.
#[derive(Clone, Debug)]
pub struct Chrome {
    /// The language.
    pub lang: Lang,
    /// The colour theme.
    pub theme: Theme,
    /// The pane of a narrow page.
    pub pane: Pane,
    /// The panes around the picture.
    pub panes: Panes,
    /// What of the header is unfolded on a page that has no room for all of it.
    pub unfolded: Option<HeaderPart>,
    /// The dialog over the picture.
    pub dialog: Option<Dialog>,
    /// Whether the Share dialog is open.
    pub sharing: bool,
    /// Whether links include Secrets, tokens and `last-applied-configuration`.
    pub keep_secrets: bool,
    /// Whether playback is running.
    pub playing: bool,
    /// The speed of playback, in percent.
    pub speed: u32,
    /// The time of the action.
    pub now: Clock,
    /// Whether the reader closed the notice that something cannot be stored.
    pub notice_closed: bool,
}

impl Chrome {
    pub(super) fn new(lang: Lang) -> Self {
        Self {
            lang,
            theme: Theme::System,
            pane: Pane::Diagram,
            panes: Panes::default(),
            unfolded: None,
            dialog: None,
            sharing: false,
            keep_secrets: false,
            playing: false,
            speed: 100,
            now: Clock::default(),
            notice_closed: false,
        }
    }
}

/// The probe that the send bar describes.
#[derive(Clone, Debug, Default)]
pub struct SendBar {
    /// The sender.
    pub from: String,
    /// The destination.
    pub to: String,
    /// The protocol.
    pub proto: Protocol,
    /// The forced endpoint; empty: the rules choose at random.
    pub endpoint: String,
    /// The header fields.
    pub options: Options,
    /// The list of From or To that is open.
    pub combo: Option<Combo>,
}

/// The header fields as typed; empty fields take the default of the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The source port, or the identifier of a ping.
    pub sport: String,
    /// The IP time to live.
    pub ttl: String,
    /// Bytes of data.
    pub size: String,
    /// The number of pings or datagrams.
    pub count: String,
    /// Path MTU discovery, which decides about the DF bit.
    pub pmtudisc: Pmtudisc,
    /// The control bits of a single TCP segment, as [`play::probe::parse_flags`] reads them; empty:
    /// a connection.
    pub flags: String,
    /// The ICMP sequence number of the first ping.
    pub seq: String,
}

impl Options {
    /// The range of `sport`.
    pub const SPORT: RangeInclusive<u32> = 1..=u16::MAX as u32;
    /// The range of `size`.
    pub const SIZE: RangeInclusive<u32> = 0..=play::probe::MAX_SIZE as u32;
    /// The range of `seq`.
    pub const SEQ: RangeInclusive<u32> = 0..=u16::MAX as u32;
    /// The range of `count`.
    pub const COUNT: RangeInclusive<u32> = 1..=play::probe::MAX_COUNT as u32;
    /// The range of `ttl`.
    pub const TTL: RangeInclusive<u32> = 1..=u8::MAX as u32;
}

/// A header field of the send bar: a number in a range.
#[derive(Clone, Debug)]
pub struct NumberField {
    /// Its name on the page.
    pub name: Ui,
    /// The numbers that it takes.
    pub range: RangeInclusive<u32>,
    /// The field of the options.
    pub of: TextOf,
}

/// The text of a field of the options.
type TextOf = fn(&mut Options) -> &mut String;

impl SendBar {
    /// The numeric header fields of the protocol, with their ranges.
    pub fn fields(&self) -> Vec<NumberField> {
        let (tcp, icmp) = (self.proto == Protocol::Tcp, self.proto == Protocol::Icmp);
        let size = if tcp && !self.options.flags.is_empty() {
            0..=u32::from(play::probe::MAX_SEGMENT)
        } else {
            Options::SIZE
        };
        let port = if icmp { Ui::Identifier } else { Ui::SourcePort };
        let all: [(bool, Ui, _, TextOf); 5] = [
            (true, port, Options::SPORT, |o| &mut o.sport),
            (icmp, Ui::Sequence, Options::SEQ, |o| &mut o.seq),
            (true, Ui::Size, size, |o| &mut o.size),
            (!tcp, Ui::Count, Options::COUNT, |o| &mut o.count),
            (true, Ui::Ttl, Options::TTL, |o| &mut o.ttl),
        ];
        let asked = all.into_iter().filter(|(asked, ..)| *asked);
        asked.map(|(_, name, range, of)| NumberField { name, range, of }).collect()
    }

    /// What is wrong with a numeric field: the text, and the range it must be in.
    pub fn wrong(&self, field: &NumberField, lang: Lang) -> Option<String> {
        let mut options = self.options.clone();
        let text = (field.of)(&mut options).trim();
        let fits = text.is_empty() || text.parse().is_ok_and(|n| field.range.contains(&n));
        let (first, last) = (field.range.start(), field.range.end());
        (!fits).then(|| words::out_of_range(text, (*first, *last), lang))
    }

    /// The first header field with an invalid value: its name and range.
    pub(super) fn wrong_option(&self, lang: Lang) -> Option<String> {
        let fields = self.fields();
        fields.iter().find_map(|f| Some(format!("{}: {}", ui(f.name, lang), self.wrong(f, lang)?)))
    }

    /// The probe of the send bar. Its header fields must be valid ([`Self::wrong_option`]).
    pub(super) fn probe(&self) -> Probe {
        let number = |text: &str| text.trim().parse::<u16>().ok();
        let o = &self.options;
        let mut probe = Probe::new(&self.from, &self.to);
        probe.proto = self.proto;
        probe.endpoint =
            self.endpoint.parse::<std::net::SocketAddr>().ok().map(|s| (s.ip(), Some(s.port())));
        (probe.sport, probe.size) = (number(&o.sport), number(&o.size));
        (probe.ttl, probe.pmtudisc) = (o.ttl.trim().parse().ok(), o.pmtudisc);
        match self.proto {
            Protocol::Tcp => probe.flags = play::probe::parse_flags(&o.flags),
            Protocol::Udp => probe.count = number(&o.count).unwrap_or(1),
            Protocol::Icmp => {
                probe.count = number(&o.count).unwrap_or(1);
                probe.seq = number(&o.seq).unwrap_or(probe.seq);
            }
        }
        probe
    }
}

/// A command that is not a step of the session, and its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The host it ran on.
    pub(super) host: String,
    /// The command.
    pub(super) line: String,
    /// What it printed.
    pub(super) output: CommandOutput,
    /// The number of the session's commands above it.
    pub(super) below: usize,
}

/// The state of the terminal. The commands of the session are not in it, but in
/// [`super::App::transcript`].
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    /// The current host.
    pub host: String,
    /// The input line.
    pub line: String,
    /// The possible completions.
    pub offers: Vec<String>,
    /// The lines that were typed.
    pub(super) typed: Vec<String>,
    /// The position in `typed`: 0 is the input line, 1 the last line.
    pub(super) back: usize,
    /// The commands that are not steps of the session.
    pub(super) entries: Vec<Entry>,
    /// The number of the session's commands that `clear` removed from the screen.
    pub(super) cleared: usize,
}

impl Terminal {
    /// Moves to an older or newer line of the history.
    pub(super) fn look_back(&mut self, older: bool) {
        self.back =
            if older { (self.back + 1).min(self.typed.len()) } else { self.back.saturating_sub(1) };
        let line = self.back.checked_sub(1).and_then(|b| self.typed.iter().rev().nth(b));
        self.line = line.cloned().unwrap_or_default();
        self.offers.clear();
    }
}
