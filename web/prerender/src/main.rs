//! Prints the initial page as HTML, once for each language and layout, to be inserted into
//! index.html. A browser shows it before the engine is loaded; the engine then replaces it by the
//! same page. With the argument `words` it prints the texts that are shown without the engine, as
//! JSON.
//!
//! **Architecture invariant.** This program creates no markup of its own: it renders
//! [`web::components::page`].
#![forbid(unsafe_code)]

use view::Lang;
use view::app::{Action, App, update};
use view::layout::{ROOM, Size};
use web::page_context::PageContext;
use yew::prelude::*;

/// The language and layout of a printed page.
#[derive(Clone, PartialEq, Properties)]
struct Variant {
    lang: Lang,
    room: Size,
}

/// The layouts: the class for which page.css says on which pages it is shown, and a space for the
/// picture in which it has the layout of those pages.
const LAYOUTS: [(&str, Size); 5] = [
    ("wide", ROOM),
    ("low", (1116.0, 450.0)),
    ("middle", (936.0, 569.0)),
    ("pair", (820.0, 850.0)),
    ("narrow", (390.0, 470.0)),
];

#[component]
fn Opening(variant: &Variant) -> Html {
    let mut app = App::new(variant.lang, "");
    update(&mut app, Action::Room(variant.room.0 as u32, variant.room.1 as u32));
    PageContext::inert(app).draw(web::components::page)
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("words") {
        println!("{}", view::words::load_words());
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("invariant: a runtime without I/O can be built");
    for lang in [Lang::En, Lang::Ja] {
        for (layout, room) in LAYOUTS {
            let variant = Variant { lang, room };
            let page = yew::LocalServerRenderer::<Opening>::with_props(variant).hydratable(false);
            let html = tokio::task::LocalSet::new().block_on(&runtime, page.render());
            let tag = lang.tag();
            println!(r#"<div class="still {layout}" lang="{tag}" inert>{html}</div>"#);
        }
    }
}
