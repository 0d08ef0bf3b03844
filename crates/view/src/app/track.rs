//! The track: the steps of the packet that is shown, as a row; and its stations, as another.

use super::state::App;
use crate::labels::{NetnsKind, app_of, shortened};
use crate::scene::{Scene, Station, drawn_stations, is_wrapped};

/// When a step is, seen from the moment shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// Before it.
    Past,
    /// It is the step shown.
    Current,
    /// After it.
    Future,
}

/// A step of the packet that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrackStep {
    /// The index of its event.
    pub event: usize,
    /// When it is.
    pub when: When,
    /// Whether the packet is encapsulated then.
    pub encapsulated: bool,
}

impl App {
    /// At most `most` steps of the packet that is shown, those around the moment.
    pub fn track(&self, most: usize) -> Vec<TrackStep> {
        let Some(id) = self.current_packet() else { return Vec::new() };
        let steps = self.steps_of(id);
        let behind = steps.partition_point(|i| *i < self.view.cursor);
        let first = behind.saturating_sub(most / 2 + 1).min(steps.len().saturating_sub(most));
        steps.into_iter().skip(first).take(most).map(|i| self.track_step(i)).collect()
    }

    /// The step of an event. None is current while the step shown is that of another packet, or
    /// none.
    pub fn track_step(&self, event: usize) -> TrackStep {
        let (loaded, t) = (self.session.loaded.as_ref(), self.derived.timeline.as_ref());
        let encapsulated = loaded.zip(t).is_some_and(|(l, t)| {
            let packet = l.session.events().get(event).and_then(|e| e.packet);
            let m = self.moment(l, t.state(), t.at());
            packet.is_some_and(|id| is_wrapped(&m, id, event + 1))
        });
        let current = self.step().checked_sub(1).and_then(|i| self.derived.steps.get(i));
        let when = match event {
            i if current == Some(&i) => When::Current,
            i if i < self.view.cursor => When::Past,
            _ => When::Future,
        };
        TrackStep { event, when, encapsulated }
    }
}

/// The width of a character of a station's name, in CSS pixels: the average of the sans face at
/// 12 px.
const STATION_CHAR: f32 = 7.0;

impl App {
    /// The stations of the packet that is shown; before anything was sent, the machines that are
    /// drawn.
    pub fn stations(&self, s: &Scene) -> Vec<Station> {
        if s.stations.is_empty() {
            drawn_stations(&self.derived.layout)
        } else {
            s.stations.clone()
        }
    }

    /// The name of one of several stations: as far as the strip has room for it, and in full.
    pub fn station_name(&self, place: NetnsKind, stations: usize) -> (String, String) {
        let width = self.view.room.0 / stations.max(1) as f32;
        let chars = ((width / STATION_CHAR) as usize).clamp(8, 20);
        let named = || {
            let cluster = self.session.loaded.as_ref()?.session.cluster();
            Some(match place {
                NetnsKind::Node(i) => {
                    let name = &cluster.nodes.get(i)?.spec.name.value;
                    (self.derived.layout.names.shorten(name, chars), name.clone())
                }
                NetnsKind::Pod(i) => {
                    let pod = cluster.pods.get(i)?;
                    (shortened(&app_of(pod), chars), pod.netns())
                }
                NetnsKind::Host(i) => {
                    let name = &cluster.topology.hosts.get(i)?.name.value;
                    (shortened(name, chars), name.clone())
                }
                NetnsKind::Segment => return None,
            })
        };
        named().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, tests::sent, update};
    use crate::story::Grain;
    use net::event::EventKind;

    fn current(app: &App) -> usize {
        app.derived.steps[app.step() - 1]
    }

    #[test]
    fn the_current_step_of_the_track_is_that_of_the_list() {
        let mut app = sent();
        for grain in [Grain::Decisions, Grain::Hops, Grain::Rules] {
            update(&mut app, Action::Grain(grain));
            for step in 1..=app.derived.steps.len() {
                update(&mut app, Action::SeekStep(step));
                let event = current(&app);
                let track = app.track(17);
                let lit: Vec<_> = track.iter().filter(|m| m.when == When::Current).collect();
                let own = app.session.events()[event].packet.is_some();
                assert_eq!(lit.len(), usize::from(own), "{grain:?} at step {step}");
                assert!(lit.iter().all(|m| m.event == event));
                assert!(track.is_sorted_by_key(|m| m.event) && track.len() <= 17);
            }
        }
    }

    #[test]
    fn steps_in_vxlan_are_marked_as_encapsulated() {
        let mut app = sent();
        let is = |e: &net::Event| matches!(e.kind, EventKind::Encapsulated { .. });
        let at = app.session.events().iter().position(is).expect("VXLAN");
        update(&mut app, Action::SeekEvent(at));
        let track = app.track(usize::MAX / 2);
        let of = |event: usize| track.iter().find(|m| m.event == event).map(|m| m.encapsulated);
        assert_eq!(of(at), Some(true));
        let before = track.iter().take_while(|m| m.event < at);
        assert!(before.clone().count() > 10 && before.clone().all(|m| !m.encapsulated));
        let is = |e: &net::Event| matches!(e.kind, EventKind::Decapsulated { .. });
        let end = app.session.events().iter().position(is).expect("VXLAN");
        assert_eq!(of(end), Some(false));
    }

    #[test]
    fn counter_list_and_picture_show_one_step_after_a_change_of_granularity() {
        let mut app = sent();
        update(&mut app, Action::SeekStep(13));
        for grain in [Grain::Hops, Grain::Rules, Grain::Decisions] {
            update(&mut app, Action::Grain(grain));
            assert_eq!(app.view.cursor, current(&app) + 1, "{grain:?}");
        }
    }

    #[test]
    fn a_pill_leads_to_the_first_step_of_its_packet() {
        let mut app = sent();
        let packets = app.derived.packets.clone();
        for grain in [Grain::Decisions, Grain::Hops, Grain::Rules] {
            update(&mut app, Action::Grain(grain));
            for pill in packets.iter() {
                update(&mut app, Action::SeekPacket(pill.id));
                assert_eq!(app.current_packet(), Some(pill.id), "{grain:?} {}", pill.word);
                let event = &app.session.events()[current(&app)];
                assert_eq!(event.packet, Some(pill.id), "{grain:?} {}", pill.word);
            }
        }
    }
}
