//! Edits on the diagram. Each is a minimal edit of the text.

use super::action::Effect;
use super::parts::{RulesView, Tab};
use super::state::App;
use kube::change::{Change, Thing, change};
use play::{Act, Script};
use std::rc::Rc;

/// Applies a change of the cluster to the text.
pub(super) fn edit(app: &mut App, c: &Change) -> Vec<Effect> {
    app.session.refused = None;
    match change(&app.document.text, c) {
        Ok(text) if *text == *app.document.text => Vec::new(),
        Ok(text) => {
            app.remember();
            if let Change::Rename(Thing::Node(old) | Thing::Host(old), to) = c
                && app.send.from == *old
            {
                app.send.from.clone_from(to);
            }
            if let Change::Rename(thing, to) = c {
                rename(Rc::make_mut(&mut app.session.script), thing, to);
            }
            if let (Change::Rename(thing, to), Some(s)) = (c, &mut app.view.selected) {
                if s.host == thing.name() {
                    s.host.clone_from(to);
                } else if let Thing::Service(namespace, name) = thing
                    && s.host == format!("svc/{namespace}/{name}")
                {
                    s.host = format!("svc/{namespace}/{to}");
                }
            }
            app.read(&text);
            if matches!(c, Change::Version(_)) {
                // Shows how the rules differ from those before.
                (app.view.tab, app.view.rules_view) = (Tab::Rules, RulesView::Difference);
            }
            vec![Effect::SetEditor, Effect::KeepText]
        }
        Err(why) => {
            app.session.refused = Some(why.to_string());
            Vec::new()
        }
    }
}

/// Renames an object in the steps of the Script.
fn rename(script: &mut Script, thing: &Thing, to: &str) {
    let (old, new) = match thing {
        Thing::Service(namespace, name) => {
            (format!("svc/{namespace}/{name}"), format!("svc/{namespace}/{to}"))
        }
        Thing::Node(name) | Thing::Host(name) => (name.clone(), to.to_owned()),
        _ => return,
    };
    let put = |name: &mut String| {
        let host = name.split(':').next().unwrap_or_default();
        if host == old {
            name.replace_range(..old.len(), &new);
        }
    };
    for step in &mut script.steps {
        match &mut step.act {
            Act::Send(p) => [&mut p.from, &mut p.to].into_iter().for_each(put),
            Act::Run { host, .. } => put(host),
            Act::Apply(_) | Act::Packet(_) => {}
        }
    }
}
