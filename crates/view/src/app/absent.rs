//! In place of the workbench, where it is not built in: whoever asks for it gets it.

use super::App;
use super::update::Effect;
use kube::change::Change;

pub(super) fn edit(app: &mut App, c: &Change) -> Vec<Effect> {
    if let Change::Version(release) = c {
        app.wanted = Some(*release);
    }
    vec![Effect::Workbench]
}

pub(super) fn run(_: &mut App) -> Vec<Effect> {
    vec![Effect::Workbench]
}

pub(super) fn complete(_: &mut App) -> Vec<Effect> {
    vec![Effect::Workbench]
}

pub(super) fn open_link(_: &mut App, _: &str) -> Vec<Effect> {
    vec![Effect::Workbench]
}
