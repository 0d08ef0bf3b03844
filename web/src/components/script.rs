//! The Script of the session: its steps with their results, at which the page can be set.

use super::Page;
use play::{Step, StepResult};
use view::app::Action;
use view::session::{hash, moment};
use view::words::{Ui, step_result};
use yew::prelude::*;

pub(crate) fn script(p: &Page<'_>) -> Html {
    let session = p.app.session.loaded.as_ref().map(|l| &l.session);
    let steps = session.map_or(&[][..], |s| s.steps());
    let results = p.app.session.results();
    let begun = |r: &StepResult| moment(r) <= p.app.view.cursor;
    let current = results.iter().rposition(|r| begun(r) && r.is_done());
    let row = |(n, (step, result)): (usize, (&Step, &StepResult))| {
        let here = current == Some(n);
        html! {
            <li
                key={n}
                class={classes!("event", here.then_some("current"))}
                aria-current={here.then_some("step")}
            >
                <button
                    type="button"
                    class={(!result.is_done()).then_some("bad")}
                    onclick={p.act(Action::SeekEvent(result.events.start))}
                >
                    <span class="n">{ n + 1 }</span>
                    <span class="place" lang="en">{ format!("{} s", result.at) }</span>
                    <span class="text">{ step_result(step, result, p.lang()) }</span>
                </button>
            </li>
        }
    };
    html! {
        <section class="events script" aria-label={p.text(Ui::Script)}>
            <div class="events-head">
                <p class="hint-line quiet">{ p.text(Ui::ScriptNote) }</p>
                if let Some(session) = session {
                    <p class="quiet" lang="en" title={p.text(Ui::HashNote)}>
                        { format!("seed {} · hash ", session.seed()) }
                        <code class="hash">{ hash(session) }</code>
                    </p>
                }
            </div>
            if steps.is_empty() {
                <div class="empty">
                    <strong>{ p.text(Ui::ReadyTitle) }</strong>
                    <span>{ p.text(Ui::ReadyText) }</span>
                </div>
            } else {
                <ol class="event-list" tabindex="0" aria-label={p.text(Ui::Script)}>
                    { for steps.iter().zip(results).enumerate().map(row) }
                </ol>
            }
        </section>
    }
}
