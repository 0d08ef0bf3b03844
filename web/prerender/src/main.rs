//! Prints the initial page as HTML, once for each language and layout, to be inserted into
//! index.html. A browser shows it before the engine is loaded; the engine then replaces it by the
//! same page. With the argument `words` it prints the texts that are shown without the engine, as
//! JSON.
//!
//! **Architecture invariant.** This program creates no markup of its own: it renders
//! [`web::components::page`].
#![forbid(unsafe_code)]

use view::Lang;
use view::app::App;
use web::page_context::PageContext;
use yew::prelude::*;

/// The language and layout of a printed page.
#[derive(Clone, PartialEq, Properties)]
struct Variant {
    lang: Lang,
    narrow: bool,
}

#[component]
fn Opening(variant: &Variant) -> Html {
    let mut app = App::new(variant.lang, "");
    app.view.narrow = variant.narrow;
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
        for narrow in [false, true] {
            let page = yew::LocalServerRenderer::<Opening>::with_props(Variant { lang, narrow })
                .hydratable(false);
            let html = tokio::task::LocalSet::new().block_on(&runtime, page.render());
            let layout = if narrow { "narrow" } else { "wide" };
            let tag = lang.tag();
            println!(r#"<div class="still {layout}" lang="{tag}" inert>{html}</div>"#);
        }
    }
}
