//! Edits on the diagram: each is a minimal edit of the text.

use super::update::Effect;
use super::{App, Snapshot, time};
use kube::change::{Change, Thing, change};

/// An edit of the cluster, as an edit of the text.
pub(super) fn edit(app: &mut App, c: &Change) -> Vec<Effect> {
    app.refused = None;
    match change(&app.text, c) {
        Ok(text) if *text == *app.text => Vec::new(),
        Ok(text) if matches!(c, Change::Move(..)) => {
            // Nothing depends on it: what was played is played again.
            let was = app.snapshot();
            app.remember();
            let text: std::rc::Rc<str> = text.into();
            time::restore(app, &Snapshot { text: text.clone(), document: text, ..was })
        }
        Ok(text) if matches!(c, Change::Version(_)) => {
            // The same is sent again, and what came of it stands beside what came before.
            let (was, before) = (app.snapshot(), app.loaded.clone());
            app.remember();
            let text: std::rc::Rc<str> = text.into();
            let effects =
                time::restore(app, &Snapshot { text: text.clone(), document: text, ..was });
            app.previous = before;
            (app.tab, app.rules_view) = (super::Tab::Rules, super::RulesView::Difference);
            effects
        }
        Ok(text) => {
            app.remember();
            if let Change::Rename(Thing::Node(old) | Thing::Host(old), to) = c
                && app.from == *old
            {
                app.from.clone_from(to);
            }
            if let (Change::Rename(thing, to), Some(s)) = (c, &mut app.selected) {
                if s.host == thing.name() {
                    s.host.clone_from(to);
                } else if let Thing::Service(namespace, name) = thing
                    && s.host == format!("svc/{namespace}/{name}")
                {
                    s.host = format!("svc/{namespace}/{to}");
                }
            }
            app.read(&text);
            vec![Effect::SetEditor, Effect::KeepText]
        }
        Err(why) => {
            app.refused = Some(why.to_string());
            Vec::new()
        }
    }
}
