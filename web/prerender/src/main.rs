//! Prints the initial page as HTML, once for each language, with the picture in each layout, to be
//! inserted into index.html. A browser shows it before the engine is loaded; the engine then
//! replaces it by the same page. With the argument `words` it prints the texts that are shown
//! without the engine, as JSON; `pack FILE OUT PRESET` packs a file with xz.
//!
//! **Architecture invariant.** This program creates no markup of its own: it renders
//! [`web::components::page`].
#![forbid(unsafe_code)]

mod pack;

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

/// The layouts of the picture: the class for which page.css says on which pages it is shown, and a
/// space in which it has the layout of those pages.
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
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["words"] => println!("{}", view::words::load_words()),
        ["pack", file, out, preset] => {
            let preset = preset.parse().expect("a preset from 0 to 9");
            let bytes = std::fs::read(file).unwrap_or_else(|e| panic!("{file}: {e}"));
            let packed = pack::xz(&bytes, preset).expect("invariant: a Vec takes every byte");
            std::fs::write(out, packed).unwrap_or_else(|e| panic!("{out}: {e}"));
        }
        _ => print_page(),
    }
}

/// Prints the page in each language and layout.
fn print_page() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("invariant: a runtime without I/O can be built");
    let render = |lang, room| {
        let variant = Variant { lang, room };
        let page = yew::LocalServerRenderer::<Opening>::with_props(variant).hydratable(false);
        tokio::task::LocalSet::new().block_on(&runtime, page.render())
    };
    for lang in [Lang::En, Lang::Ja] {
        let pages = LAYOUTS.map(|(layout, room)| (layout, render(lang, room)));
        let parts = pages.each_ref().map(|(layout, page)| (layout, around_picture(page)));
        // The strip of stations lists what the picture shows. Only the last layout shows the strip.
        let (_, (before, _, after)) = parts[LAYOUTS.len() - 1];
        let tag = lang.tag();
        println!(r#"<div class="still" lang="{tag}" inert>{before}"#);
        for (layout, (head, picture, tail)) in parts {
            let is_same = without_strip(head) == without_strip(before) && tail == after;
            assert!(is_same, "{layout}: only the picture and the strip have layouts");
            println!("{}", picture.replacen(PICTURE, &format!(r#"class="picture {layout}""#), 1));
        }
        println!("{after}</div>");
    }
}

/// The attribute by which the picture is found in a page.
const PICTURE: &str = r#"class="picture""#;

/// What stands before the strip of stations, and behind it.
fn without_strip(page: &str) -> Option<(&str, &str)> {
    let (before, rest) = page.split_once(r#"class="stations""#)?;
    Some((before, rest.split_once("</nav>")?.1))
}

/// What a page has before its picture, the picture, and what it has after it.
fn around_picture(page: &str) -> (&str, &str, &str) {
    let found = "invariant: the page has a picture";
    let (begin, end) = ("<svg", "</svg>");
    let class = page.find(PICTURE).expect(found);
    let from = page[..class].rfind(begin).expect(found);
    let mut to = class;
    // A picture contains icons, which are SVG elements as well.
    while to == class || page[from..to].matches(begin).count() > page[from..to].matches(end).count()
    {
        to += page[to..].find(end).expect(found) + end.len();
    }
    (&page[..from], &page[from..to], &page[to..])
}
