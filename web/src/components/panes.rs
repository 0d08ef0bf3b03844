//! The rails of folded panes, and the handles that resize them.

use super::{Page, icons};
use crate::effects;
use view::app::{Action, Fold, Side};
use view::words::Ui;
use web_sys::{Element, KeyboardEvent, PointerEvent};
use yew::prelude::*;

/// The rail of a folded pane: a button that opens it. It shows the number of errors or
/// warnings in the pane.
pub(crate) fn rail(
    p: &Page<'_>,
    side: Side,
    names: &[Ui],
    (errors, warnings): (usize, usize),
) -> Html {
    let icon = if side == Side::Editor { "unfold-right" } else { "unfold-left" };
    let name = |n: &Ui| html! { <><span class="rail-name">{ p.text(*n) }</span>{ " " }</> };
    html! {
        <button
            type="button"
            id={format!("unfold-{}", side.name())}
            class="rail"
            aria-expanded="false"
            onclick={p.act(Action::Fold(side, Fold::Open))}
        >
            { icons::icon(icon) }
            if errors > 0 {
                <span class="alarm">{ errors }</span>{ " " }
            } else if warnings > 0 {
                <span class="alarm warned">{ warnings }</span>{ " " }
            }
            { for names.iter().map(name) }
        </button>
    }
}

/// The button that folds a pane to its rail.
pub(crate) fn fold(p: &Page<'_>, side: Side) -> Html {
    let icon = if side == Side::Editor { "unfold-left" } else { "unfold-right" };
    let label = p.text(Ui::FoldPane);
    html! {
        <button
            type="button"
            id={format!("fold-{}", side.name())}
            class="tool small fold"
            aria-label={label}
            title={label}
            onclick={p.act(Action::Fold(side, Fold::Folded))}
        >
            { icons::icon(icon) }
        </button>
    }
}

/// The edge of a pane, which is dragged or moved with the arrow keys to resize it. Its value is set
/// outside of the virtual DOM, as the style sheet decides on the size until the reader does.
pub(crate) fn handle(p: &Page<'_>, side: Side) -> Html {
    let across = side == Side::Drawer;
    let pane = |e: &Event| e.target_dyn_into::<Element>().and_then(|e| e.parent_element());
    let size_of = move |e: &Element| {
        let r = e.get_bounding_client_rect();
        if across { r.height() } else { r.width() }
    };
    let send = p.page.send.clone();
    // While it is dragged only the style changes; where it is dropped is kept.
    let moved = Callback::from(move |e: PointerEvent| {
        let held = |handle: &Element| handle.has_pointer_capture(e.pointer_id());
        let handle = e.target_dyn_into::<Element>().filter(held);
        let Some(pane) = handle.and_then(|h| h.parent_element()) else { return };
        let r = pane.get_bounding_client_rect();
        let size = match side {
            Side::Editor => f64::from(e.client_x()) - r.left(),
            Side::Inspector => r.right() - f64::from(e.client_x()),
            Side::Drawer => r.bottom() - f64::from(e.client_y()),
        };
        let (least, most) = side.range();
        let size = (size as u16).clamp(least, most);
        if e.type_() == "pointerup" {
            send.emit(Action::Resize(side, size));
        } else {
            effects::set_size(side, size);
        }
    });
    let held = Callback::from(|e: PointerEvent| {
        if let Some(handle) = e.target_dyn_into::<Element>() {
            e.prevent_default();
            let _ = handle.set_pointer_capture(e.pointer_id());
        }
    });
    let send = p.page.send.clone();
    let key = Callback::from(move |e: KeyboardEvent| {
        let (grow, shrink) = match side {
            Side::Editor => ("ArrowRight", "ArrowLeft"),
            Side::Inspector => ("ArrowLeft", "ArrowRight"),
            Side::Drawer => ("ArrowUp", "ArrowDown"),
        };
        if matches!(&*e.key(), "Home" | "End") {
            e.stop_propagation();
            return;
        }
        let by = match e.key() {
            k if k == grow => 16.0,
            k if k == shrink => -16.0,
            _ => return,
        };
        let Some(pane) = pane(&e) else { return };
        e.prevent_default();
        e.stop_propagation();
        send.emit(Action::Resize(side, (size_of(&pane) + by).max(0.0) as u16));
    });
    let (least, most) = side.range();
    html! {
        <div
            class="handle"
            role="separator"
            tabindex="0"
            aria-label={p.text(Ui::Resize)}
            aria-orientation={if across { "horizontal" } else { "vertical" }}
            aria-valuemin={least.to_string()}
            aria-valuemax={most.to_string()}
            onpointerdown={held}
            onpointermove={moved.clone()}
            onpointerup={moved}
            onkeydown={key}
        ></div>
    }
}
