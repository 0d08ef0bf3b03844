//! A text field with a list of choices (ARIA's combobox): From and To.

use super::Page;
use play::ProbeError;
use view::app::{Action, Combo, ComboAction, End};
use view::words::{Ui, group, more_choices, probe_error};
use web_sys::{Element, HtmlInputElement, ScrollIntoViewOptions, ScrollLogicalPosition};
use yew::prelude::*;

pub(crate) fn combo(p: &Page<'_>, end: End) -> Html {
    let (id, label) = match end {
        End::From => ("from", Ui::From),
        End::To => ("to", Ui::To),
    };
    let reading = p.app.derived.menus.reading(end);
    let open = p.app.send.combo.as_ref().filter(|c| c.end == end);
    let text = open.and_then(|c| c.text.clone()).unwrap_or_else(|| reading.choice.label.clone());
    let error = match open.and_then(|c| c.text.as_deref()) {
        Some(typed) => p.app.check(end, typed).filter(|_| open.is_some_and(|c| c.active.is_none())),
        None => reading.error.clone(),
    };
    let error_id = format!("{id}-error");
    let act = |action: ComboAction| p.act::<MouseEvent>(Action::Combo(end, action));
    let send = p.page.send.clone();
    let oninput = Callback::from(move |e: InputEvent| {
        if let Some(i) = e.target_dyn_into::<HtmlInputElement>() {
            send.emit(Action::Combo(end, ComboAction::Type(i.value())));
        }
    });
    let onfocus = Callback::from(|e: FocusEvent| {
        if let Some(i) = e.target_dyn_into::<HtmlInputElement>() {
            i.select();
        }
    });
    let (send, is_open) = (p.page.send.clone(), open.is_some());
    let onkeydown = Callback::from(move |e: KeyboardEvent| {
        let action = match e.key().as_str() {
            "ArrowDown" => ComboAction::Move(1),
            "ArrowUp" => ComboAction::Move(-1),
            "PageDown" if is_open => ComboAction::Move(10),
            "PageUp" if is_open => ComboAction::Move(-10),
            "Enter" if is_open => ComboAction::Accept,
            "Escape" if is_open => ComboAction::Cancel,
            _ => return,
        };
        e.prevent_default();
        e.stop_propagation();
        send.emit(Action::Combo(end, action));
    });
    let active = open.and_then(|c| c.active).map(|i| format!("{id}-{i}"));
    html! {
        <div
            class={classes!(
                "combo",
                format!("combo-{id}"),
                is_open.then_some("open"),
                error.is_some().then_some("wrong"),
            )}
        >
            <input
                {id}
                class="slot"
                role="combobox"
                type="text"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                aria-label={p.text(label)}
                title={reading.choice.value.clone()}
                aria-autocomplete="list"
                aria-expanded={is_open.to_string()}
                aria-controls={format!("{id}-list")}
                aria-activedescendant={active}
                aria-invalid={error.is_some().to_string()}
                aria-describedby={error.is_some().then(|| error_id.clone())}
                value={text}
                {oninput}
                {onfocus}
                {onkeydown}
                onclick={act(ComboAction::Open)}
                onblur={p.act::<FocusEvent>(Action::Combo(end, ComboAction::Leave))}
            />
            <div class="combo-popup">
                { list(p, id, open) }
                <p id={error_id} class="combo-error" role="alert">
                    { error.map(|e| fault(p, &e)) }
                </p>
            </div>
        </div>
    }
}

/// What is wrong with what was typed, and what to write.
fn fault(p: &Page<'_>, e: &ProbeError) -> Html {
    let (message, hint) = probe_error(e, p.lang());
    html! { <><b>{ message }</b>{ ": " }{ hint }</> }
}

/// The list under the field, in groups. At most a hundred rows are rendered.
fn list(p: &Page<'_>, id: &'static str, open: Option<&Combo>) -> Html {
    let Some(combo) = open else {
        return html! { <div id={format!("{id}-list")} class="hidden"></div> };
    };
    let end = combo.end;
    let shown = combo.rows(p.app.derived.menus.choices(end));
    let row = |i: usize| {
        let choice = shown.rows[i];
        let pick = Action::Combo(end, ComboAction::Pick(choice.value.clone()));
        html! {
            <Row
                key={i}
                id={format!("{id}-{i}")}
                label={choice.label.clone()}
                value={choice.value.clone()}
                active={combo.active == Some(i)}
                pick={p.act::<MouseEvent>(pick)}
            />
        }
    };
    let groups = shown.groups().into_iter().map(|rows| {
        let name = group(&shown.rows[rows.start].group, end, p.lang());
        let title = format!("{id}-group-{}", rows.start);
        html! {
            <div key={rows.start} role="group" aria-labelledby={title.clone()}>
                <div id={title} class="combo-group" role="presentation">{ name }</div>
                { for rows.map(row) }
            </div>
        }
    });
    let more = (shown.more > 0).then(|| more_choices(shown.more, p.lang()));
    html! {
        <div class="combo-body">
            <div
                id={format!("{id}-list")}
                class="combo-list"
                role="listbox"
                aria-label={p.text(if end == End::From { Ui::From } else { Ui::To })}
            >
                { for groups }
            </div>
            <p class="combo-more" role="status">{ more }</p>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct RowProps {
    id: String,
    label: String,
    value: String,
    active: bool,
    pick: Callback<MouseEvent>,
}

/// A row. The active one is scrolled into view.
#[component]
fn Row(props: &RowProps) -> Html {
    let node = use_node_ref();
    use_effect_with((props.active, node.clone()), |(active, node)| {
        if let (true, Some(row)) = (*active, node.cast::<Element>()) {
            let how = ScrollIntoViewOptions::new();
            how.set_block(ScrollLogicalPosition::Nearest);
            row.scroll_into_view_with_scroll_into_view_options(&how);
        }
    });
    // The field keeps the focus.
    let hold = Callback::from(|e: MouseEvent| e.prevent_default());
    html! {
        <div
            ref={node}
            id={props.id.clone()}
            class={classes!("combo-row", props.active.then_some("here"))}
            role="option"
            aria-selected={props.active.to_string()}
            data-value={props.value.clone()}
            onmousedown={hold}
            onclick={props.pick.clone()}
        >
            { &props.label }
        </div>
    }
}
