//! What the page knows.

use super::select;
use crate::labels::Labels;
use crate::layout::{Layout, layout};
use crate::scene::{self, Moment};
use crate::story::{self, Grain, PacketPill};
use crate::words::Lang;
use kube::Diagnostic;
use play::presets::Preset;
use play::probe::{resolve_netns, resolve_target};
use play::{Protocol, Run, Session, Timeline};
use std::collections::BTreeSet;
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
    /// Who sends.
    pub from: String,
    /// To whom.
    pub to: String,
    /// With what.
    pub proto: Protocol,
    /// The endpoint every draw falls on; empty: drawn.
    pub endpoint: String,
    /// Begin with empty neighbour tables.
    pub cold: bool,
    /// What was sent last.
    pub run: Option<Run>,
    /// How often something was sent; also the seed.
    pub sends: u64,
    /// Why nothing could be sent.
    pub refused: Option<String>,
    /// The moment that is shown.
    pub timeline: Option<Timeline>,
    /// How fine the steps are.
    pub grain: Grain,
    /// The events that are steps.
    pub steps: Rc<Vec<usize>>,
    /// The packets of the run.
    pub packets: Rc<Vec<PacketPill>>,
    /// Whether it plays by itself.
    pub playing: bool,
    /// How fast: 1 is the normal speed.
    pub speed: f32,
    /// The inspector's tab.
    pub tab: Tab,
    /// The pane of a narrow page.
    pub pane: Pane,
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
            from: String::new(),
            to: String::new(),
            proto: Protocol::Tcp,
            endpoint: String::new(),
            cold: false,
            run: None,
            sends: 0,
            refused: None,
            timeline: None,
            grain: Grain::Decisions,
            steps: Rc::default(),
            packets: Rc::default(),
            playing: false,
            speed: 1.0,
            tab: Tab::Rules,
            pane: Pane::Diagram,
            only_packet: false,
            focus: true,
            narrow: false,
        };
        app.open(preset);
        app
    }

    pub(super) fn open(&mut self, preset: &'static Preset) {
        self.preset = preset.name;
        (self.from, self.to, self.proto) = (preset.from.to_owned(), preset.to.to_owned(), preset.proto);
        self.endpoint.clear();
        self.set_text(&preset.document());
    }

    /// Takes a new text; the diagram follows if it is valid. What was played is over.
    pub(super) fn set_text(&mut self, text: &str) {
        self.text = text.into();
        match Session::new(text, self.sends, !self.cold) {
            Ok(session) => {
                self.diags = Rc::new(session.notes().to_vec());
                let labels = Labels::new(session.cluster(), session.initial());
                let layout = layout(session.cluster(), &BTreeSet::new(), &|_| false);
                self.timeline = Some(Timeline::new(session.initial()));
                let loaded = Loaded { session, labels, layout };
                self.choose(&loaded);
                self.loaded = Some(Rc::new(loaded));
                self.stale = false;
                self.run = None;
                self.refused = None;
                self.playing = false;
                self.retell();
            }
            Err(diags) => {
                self.diags = Rc::new(diags);
                self.stale = true;
            }
        }
    }

    /// Keeps what is chosen as long as it is there. Else the last pod sends, which can reach all there
    /// is, to the first target.
    fn choose(&mut self, l: &Loaded) {
        let (cluster, world) = (l.session.cluster(), l.session.world());
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
        if !select::endpoints(l).iter().any(|e| e.value == self.endpoint) {
            self.endpoint.clear();
        }
    }

    /// Works the steps out again, for another run or grain.
    pub(super) fn retell(&mut self) {
        let Some(l) = &self.loaded else { return };
        let Some(run) = &self.run else {
            (self.steps, self.packets) = (Rc::default(), Rc::default());
            return;
        };
        let events = l.session.events();
        let steps = run.events.clone().filter(|i| story::shown(&events[*i], l.session.initial(), self.grain)).collect();
        self.steps = Rc::new(steps);
        self.packets = Rc::new(story::packets(&events[run.events.clone()]));
    }

    /// Lays the picture out again: after a run, or when the focus changes.
    pub(super) fn arrange(&mut self) {
        let Some(l) = &self.loaded else { return };
        let moment = self.run.as_ref().map(|run| Moment {
            state: l.session.initial(),
            events: l.session.events(),
            run: run.events.clone(),
            cursor: run.events.end,
            labels: &l.labels,
        });
        let touched = moment.as_ref().filter(|_| self.focus).map(scene::nodes_of_run);
        let first = moment.as_ref().map(scene::pods_of_run).unwrap_or_default();
        let layout = layout(l.session.cluster(), &first, &|n| touched.as_ref().is_some_and(|t| !t.is_empty() && !t.contains(&n)));
        if let Some(l) = &mut self.loaded {
            Rc::make_mut(l).layout = layout;
        }
    }

    /// How many events lie behind the moment that is shown.
    pub fn cursor(&self) -> usize {
        self.timeline.as_ref().map_or(0, Timeline::at)
    }

    /// How many steps lie behind.
    pub fn step(&self) -> usize {
        let cursor = self.cursor();
        self.steps.iter().take_while(|i| **i < cursor).count()
    }

    pub(super) fn seek(&mut self, cursor: usize) {
        if let (Some(t), Some(l)) = (&mut self.timeline, &self.loaded) {
            t.seek(l.session.events(), cursor);
        }
    }

    /// The number of faults that keep the text from being built.
    pub fn errors(&self) -> usize {
        self.diags.iter().filter(|d| d.severity == kube::Severity::Error).count()
    }
}
