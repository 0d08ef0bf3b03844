//! Edits on the diagram. Each is a minimal edit of the text.

use super::action::Effect;
use super::parts::{RulesView, Selected, Tab};
use super::state::App;
use kube::change::{ClusterChange, Thing, change};
use play::rename::Renaming;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Applies a change of the cluster to the text.
pub(super) fn edit(app: &mut App, c: &ClusterChange) -> Vec<Effect> {
    app.session.refused = None;
    match change(&app.document.text, c) {
        Ok(text) if *text == *app.document.text => Vec::new(),
        Ok(text) => {
            app.remember();
            let text = match c {
                ClusterChange::Rename(thing, to) => rename(app, thing, to, &text),
                _ => text,
            };
            app.read(&text);
            if let Some(host) = added(app, c) {
                // It is drawn in full, even if there is not room for all nodes.
                app.view.selected = Some(Selected { host, device: None });
                app.view.tab = Tab::Tables;
            }
            if matches!(c, ClusterChange::Version(_)) {
                // Shows how the rules differ from those before.
                (app.view.tab, app.view.rules_view) = (Tab::Rules, RulesView::Difference);
            }
            vec![Effect::EditEditor]
        }
        Err(why) => {
            app.session.refused = Some(why.to_string());
            Vec::new()
        }
    }
}

/// The node, host or pod that a change added.
fn added(app: &App, c: &ClusterChange) -> Option<String> {
    if let ClusterChange::AddDeployment = c {
        let name = |p: &kube::cluster::Pod| (p.namespace.clone(), p.owner.clone());
        let before = &app.session.previous.as_ref()?.session.cluster().pods;
        let before: BTreeSet<_> = before.iter().map(name).collect();
        let mut pods = app.session.loaded.as_ref()?.session.cluster().pods.iter();
        return pods.find(|p| !before.contains(&name(p))).map(kube::cluster::Pod::netns);
    }
    let topology = &app.session.loaded.as_ref()?.session.cluster().topology;
    match c {
        ClusterChange::AddNode => topology.nodes.last().map(|n| n.name.value.clone()),
        ClusterChange::AddHost => topology.hosts.last().map(|h| h.name.value.clone()),
        _ => None,
    }
}

/// Renames an object wherever the page names it. Returns the changed text with its Script renamed.
fn rename(app: &mut App, thing: &Thing, to: &str, text: &str) -> String {
    let renaming = Renaming::new(thing, to, &app.document.text, text);
    let selected = app.view.selected.as_mut().map(|s| &mut s.host);
    let names = [&mut app.send.from, &mut app.send.to, &mut app.terminal.host];
    for name in names.into_iter().chain(selected) {
        if let Some(new) = renaming.name(name) {
            *name = new;
        }
    }
    renaming.script(Rc::make_mut(&mut app.session.script));
    renaming.text(text)
}
