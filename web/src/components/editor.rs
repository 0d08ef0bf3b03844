//! The editor of the document, with its problems and a status line.

use super::{Page, icons, panes};
use crate::message::Ask;
use kube::Severity;
use kube::change::ClusterChange;
use kube::proxy::Release;
use view::app::{Action, Side};
use view::words::{Ui, problem_hint};
use web_sys::{HtmlSelectElement, HtmlTextAreaElement};
use yew::prelude::*;

pub(crate) fn editor(p: &Page<'_>) -> Html {
    let app = p.app;
    let errors = app.document.errors();
    let warnings =
        app.document.diagnostics.iter().filter(|d| d.severity == Severity::Warning).count();
    let send = p.page.send.clone();
    let typed = Callback::from(move |e: InputEvent| {
        if let Some(t) = e.target_dyn_into::<HtmlTextAreaElement>() {
            send.emit(Action::Text(t.value()));
        }
    });
    let count =
        |n: usize, one: Ui, many: Ui| format!("{n} {}", p.text(if n == 1 { one } else { many }));
    let counts = app.session.loaded.as_ref().map(|l| {
        let c = l.session.cluster();
        let own = c.host_pods.iter().filter(|p| !p.namespace.starts_with("kube-")).count();
        let pods = count(c.pods.len() + own, Ui::Pod, Ui::Pods);
        let services = count(c.services.len(), Ui::Service, Ui::Services);
        match c.idle_pods.iter().filter(|p| p.status == "Pending").count() {
            0 => format!("{pods}  {services}"),
            pending => format!("{pods} ({pending} Pending)  {services}"),
        }
    });
    let version =
        app.session.loaded.as_ref().map(|l| versions(p, l.session.cluster().topology.version));
    let ask = p.page.ask.clone();
    let to_diagram = Callback::from(move |_: MouseEvent| ask.emit(Ask::ToDiagram));
    html! {
        <div class="side editor-side">
            { panes::rail(p, Side::Editor, &[Ui::Manifests], (errors, warnings)) }
            <section class="editor" aria-label={p.text(Ui::Editor)}>
            <div class="pane-head">
                { panes::fold(p, Side::Editor) }
                <h2>{ p.text(Ui::Manifests) }</h2>
                <button
                    type="button"
                    class="tool small"
                    aria-label={p.text(Ui::ToDiagram)}
                    title={p.text(Ui::ToDiagram)}
                    disabled={!p.page.editor_ready.get()}
                    onclick={to_diagram}
                >
                    { icons::icon("diagram") }
                </button>
            </div>
            <div class="editor-body">
                <div class="editor-host" ref={p.page.editor_host.clone()}></div>
                <div class={classes!("fallback", p.page.editor_ready.get().then_some("hidden"))}>
                    <textarea
                        spellcheck="false"
                        aria-label={p.text(Ui::Editor)}
                        value={app.document.text.to_string()}
                        oninput={typed}
                    />
                </div>
            </div>
            <div class="problems-place">{ problems(p) }</div>
            <div class="status">
                if errors == 0 && warnings > 0 {
                    <span class="warned">
                        { icons::icon("warn") }
                        { count(warnings, Ui::Warning, Ui::Warnings) }
                    </span>
                } else if errors == 0 {
                    <span class="good">{ icons::icon("tick") }{ p.text(Ui::NoProblems) }</span>
                } else {
                    <span class="bad">
                        { icons::icon("warn") }
                        { count(errors, Ui::Problem, Ui::Problems) }
                    </span>
                }
                <span>{ counts }</span>
                <span class="version">{ version }</span>
            </div>
            { panes::handle(p, Side::Editor) }
        </section>
        </div>
    }
}

/// The menu of Kubernetes releases.
fn versions(p: &Page<'_>, now: Release) -> Html {
    let send = p.page.send.clone();
    let change = Callback::from(move |e: Event| {
        let release =
            e.target_dyn_into::<HtmlSelectElement>().and_then(|x| Release::parse(&x.value()));
        if let Some(release) = release {
            send.emit(Action::Change(ClusterChange::Version(release)));
        }
    });
    let options = Release::all().map(|e| {
        html! {
            <option key={e.minor()} value={e.to_string()} selected={e == now}>
                { format!("v{e}") }
            </option>
        }
    });
    html! {
        <select
            class="slot"
            aria-label={p.text(Ui::Release)}
            title={p.text(Ui::Release)}
            onchange={change}
        >
            { for options }
        </select>
    }
}

fn problems(p: &Page<'_>) -> Html {
    let rows = p
        .app
        .document
        .diagnostics
        .iter()
        .enumerate()
        .filter(|(_, d)| d.severity != Severity::Note)
        .map(|(i, d)| {
            let class = if d.severity == Severity::Error { "problem error" } else { "problem" };
            html! {
                <li key={i} class={class}>
                    <span class="where" lang="en">
                        { format!("{}:{}", d.span.line, d.span.column) }
                    </span>
                    <span class="what">
                        <span lang="en">{ &d.message }</span>
                        <span class="hint">{ problem_hint(d, p.lang()) }</span>
                        if d.fix.is_some() {
                            <button type="button" class="fix" onclick={p.act(Action::ApplyFix(i))}>
                                { p.text(Ui::ApplyFix) }
                            </button>
                        }
                    </span>
                </li>
            }
        });
    let rows: Vec<Html> = rows.collect();
    if rows.is_empty() {
        return html! { <div></div> };
    }
    html! { <ol class="problems">{ rows }</ol> }
}
