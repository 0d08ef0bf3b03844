//! Icons: paths of 16 px with a stroke of 1.6, no characters of a font.

use view::story::{Glyph, glyph_path};
use yew::prelude::*;

/// An icon by name.
pub(crate) fn icon(name: &str) -> Html {
    let d = match name {
        "first" => "M4 3v10M13 3.5 6.5 8l6.5 4.5z",
        "back" => "M11 3.5 4.5 8l6.5 4.5z",
        "forward" => "M5 3.5 11.5 8 5 12.5z",
        "last" => "M12 3v10M3 3.5 9.5 8 3 12.5z",
        "play" => "M5 3 13 8 5 13z",
        "pause" => "M5 3v10M11 3v10",
        "sun" => {
            "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6\
             M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1"
        }
        "moon" => "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z",
        "diagram" => "M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h4v4h-4z",
        "rules" => "M6 4h8M6 8h8M6 12h8M2.5 4h.5M2.5 8h.5M2.5 12h.5",
        "list" => "M2.5 4h11M2.5 8h11M2.5 12h7",
        "text" => "M4 1.5h5.5L12.5 4.5v10h-8.5zM9.5 1.5v3h3",
        "tick" => "M3 8.5 6.5 12 13 4.5",
        "cross" => "M4 4l8 8M12 4l-8 8",
        "warn" => "M8 2 14.5 13.5h-13zM8 6.5v3.5M8 11.8v.2",
        "plus" => "M8 3.5v9M3.5 8h9",
        "fit" => "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
        "undo" => "M6 3 2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 0 1 0 7H6.5",
        "redo" => "M10 3l3.5 3.5L10 10M13.5 6.5H6a3.5 3.5 0 0 0 0 7h3.5",
        "again" => "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
        "open" => "M2 13V3.5h4l1.5 2H14V13z",
        "share" => {
            "M6.5 9.5l3-3\
             M5.5 7 3.6 8.9a2.5 2.5 0 0 0 3.5 3.5L9 10.5M7 5.5l1.9-1.9a2.5 2.5 0 0 1 3.5 3.5L10.5 9"
        }
        "save" => "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11",
        "more" => "M3 5h6M12 5h1M3 11h1M7 11h6M9 3.5v3M5 9.5v3",
        "jump" => "M6 3H3v10h10v-3M9 3h4v4M13 3 7.5 8.5",
        "up" => "M8 13V3M3.5 7.5 8 3l4.5 4.5",
        "search" => "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5 14 14",
        "help" => "M5 5.5a3 3 0 1 1 4.4 2.6C8.4 8.7 8 9.2 8 10.2M8 12.8v.2",
        "minus" => "M3.5 8h9",
        "prompt" => "M3 4l4 4-4 4M8.5 12.5H14",
        "unfold-right" => "M4 4l4 4-4 4M9 4l4 4-4 4",
        "unfold-left" => "M12 4 8 8l4 4M7 4 3 8l4 4",
        "menu" => "M2.5 4h11M2.5 8h11M2.5 12h11",
        "trash" => "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 9h6l.5-9",
        _ => "M3 8h10",
    };
    svg(d)
}

fn svg(d: &'static str) -> Html {
    html! { <svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d={d} /></svg> }
}

/// The icon of a step.
pub(crate) fn glyph(g: Glyph) -> Html {
    svg(glyph_path(g))
}
