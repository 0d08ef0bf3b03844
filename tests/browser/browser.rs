//! Tests in headless Chromium: the engine gives the same events as natively, and the components of
//! the page react to the reader.
#![cfg(target_arch = "wasm32")]

use gloo::timers::future::sleep;
use std::time::Duration;
use support::hashes;
use support::scenario::{ALL, Scenario};
use support::sessions::{HASHES, Tally, check_session};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Element, Event, HtmlElement, HtmlSelectElement, HtmlTextAreaElement};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn every_scenario_has_its_native_hash() {
    let mut failures = String::new();
    for s in ALL {
        let (session, _) = Scenario::parse(s.name, s.scenario).play(s.name, s.manifests);
        failures.extend(hashes::difference(s.name, s.hash, session.events()));
    }
    assert!(failures.is_empty(), "wasm and native differ:\n{failures}");
}

#[wasm_bindgen_test]
fn random_sessions_have_their_native_hash() {
    let mut tally = Tally::default();
    for (seed, hash) in (0..).zip(HASHES.lines().take(12)) {
        assert_eq!(format!("{:016x}", check_session(seed, &mut tally)), hash, "seed {seed}");
    }
}

/// A page mounted in an element of its own.
struct Page {
    host: Element,
    handle: Option<yew::AppHandle<web::root::Root>>,
}

impl Page {
    async fn open(embed: bool) -> Self {
        let document = gloo::utils::document();
        let host = document.create_element("div").expect("element");
        document.body().expect("body").append_child(&host).expect("appended");
        let handle = yew::Renderer::<web::root::Root>::with_root_and_props(
            host.clone(),
            web::root::Props { embed, room: None },
        )
        .render();
        let page = Self { host, handle: Some(handle) };
        page.settle().await;
        page
    }

    async fn settle(&self) {
        sleep(Duration::from_millis(40)).await;
    }

    fn find(&self, selector: &str) -> Element {
        self.host
            .query_selector(selector)
            .expect("selector")
            .unwrap_or_else(|| panic!("no {selector}"))
    }

    /// Waits until the page has (or no longer has) such an element: the cluster of a typed text is
    /// built when the keys rest.
    async fn wait(&self, selector: &str, present: bool) {
        for _ in 0..250 {
            if (self.count(selector) > 0) == present {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        let state = if present { "no" } else { "still a" };
        panic!("after five seconds there is {state} {selector}");
    }

    fn count(&self, selector: &str) -> u32 {
        self.host.query_selector_all(selector).expect("selector").length()
    }

    fn text(&self, selector: &str) -> String {
        self.find(selector).text_content().unwrap_or_default()
    }

    async fn click(&self, selector: &str) {
        self.find(selector).unchecked_into::<HtmlElement>().click();
        self.settle().await;
    }

    async fn choose(&self, selector: &str, value: &str) {
        let select: HtmlSelectElement = self.find(selector).unchecked_into();
        select.set_value(value);
        select.dispatch_event(&bubbling("change")).expect("dispatched");
        self.settle().await;
    }

    async fn write(&self, text: &str) {
        let area: HtmlTextAreaElement = self.find("textarea").unchecked_into();
        area.set_value(text);
        area.dispatch_event(&input_event()).expect("dispatched");
        self.settle().await;
    }

    /// Presses Send, pauses at the first step and opens the list of events.
    async fn send(&self, endpoint: &str) {
        self.choose("#endpoint", endpoint).await;
        self.click(".sentence .send").await;
        self.click(".play").await;
        if self.count(".event-list") == 0 {
            self.click(".toggles button").await;
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some(h) = self.handle.take() {
            h.destroy();
        }
        self.host.remove();
    }
}

fn bubbling(kind: &str) -> Event {
    let e = Event::new(kind).expect("event");
    e.init_event_with_bubbles(kind, true);
    e
}

fn input_event() -> web_sys::InputEvent {
    let options = web_sys::InputEventInit::new();
    options.set_bubbles(true);
    web_sys::InputEvent::new_with_event_init_dict("input", &options).expect("event")
}

#[wasm_bindgen_test]
async fn the_page_opens_with_the_articles_cluster() {
    let page = Page::open(false).await;
    assert_eq!(page.count(".node-card"), 3);
    assert_eq!(page.count(".pod"), 6);
    assert_eq!(page.count(".hook"), 15);
    assert!(page.text(".status").contains("6"));
}

#[wasm_bindgen_test]
async fn a_run_can_be_stepped_forth_and_back() {
    let page = Page::open(false).await;
    page.send("10.1.6.5:80").await;
    let first = page.text(".count strong");
    for _ in 0..12 {
        page.click(".buttons button:nth-child(4)").await;
    }
    let twelve = page.text(".count strong");
    assert_ne!(first, twelve);
    let said = page.text(".event.current .text");
    page.click(".buttons button:nth-child(4)").await;
    page.click(".buttons button:nth-child(2)").await;
    assert_eq!(page.text(".count strong"), twelve);
    assert_eq!(page.text(".event.current .text"), said);
}

#[wasm_bindgen_test]
async fn dnat_is_shown_in_the_capsule_and_in_the_rules() {
    let page = Page::open(false).await;
    page.send("10.1.6.5:80").await;
    for _ in 0..60 {
        if page.count(".capsule .old") > 0 {
            break;
        }
        page.click(".buttons button:nth-child(4)").await;
    }
    assert!(page.text(".capsule").contains("10.1.6.5:80"), "{}", page.text(".capsule"));
    assert!(page.text(".rules").contains("--to-destination 10.1.6.5:80"));
    assert!(
        page.text(".rules .failed .why").contains("192.168.120.252")
            || page.count(".rules .failed") > 0
    );
}

#[wasm_bindgen_test]
async fn an_error_is_told_with_its_place_and_its_fix_mends_it() {
    let page = Page::open(false).await;
    let area: HtmlTextAreaElement = page.find("textarea").unchecked_into();
    let broken = area.value().replace("nodePort: 30080", "nodePort: 20000");
    page.write(&broken).await;
    page.wait(".problem.error", true).await;
    assert!(
        page.text(".problem.error .where").contains("10:15"),
        "{}",
        page.text(".problem.error")
    );
    assert!(page.text(".problem.error").contains("30000-32767"));
    assert_eq!(page.count(".node-card"), 3, "the last valid cluster is still shown");
    page.click(".problem.error .fix").await;
    page.wait(".problem.error", false).await;
}

#[wasm_bindgen_test]
async fn japanese_and_english_are_a_click_apart() {
    let page = Page::open(false).await;
    page.click(".tools [lang=ja]").await;
    assert_eq!(page.text(".sentence .send"), "送信");
    assert_eq!(
        gloo::utils::document().document_element().expect("root").get_attribute("lang").as_deref(),
        Some("ja")
    );
    page.click(".tools [lang=en]").await;
    assert_eq!(page.text(".sentence .send"), "Send");
}

#[wasm_bindgen_test]
async fn the_embed_has_a_diagram_and_no_editor() {
    let page = Page::open(true).await;
    assert_eq!(page.count("textarea, input[type=file], .sentence"), 0);
    assert_eq!(page.count(".node-card"), 3);
    let before = page.text(".saying");
    page.click("[aria-label='Step forward']").await;
    assert!(!page.text(".saying").is_empty() && page.text(".saying") != before);
    let link = gloo::utils::document()
        .query_selector(".head a.send")
        .expect("a selector")
        .and_then(|a| a.get_attribute("href"));
    assert!(
        link.is_some_and(|l| l.starts_with("./#v2:")),
        "the embed links to the page with the session"
    );
}

#[wasm_bindgen_test]
fn byte_offsets_become_utf16_units() {
    assert_eq!(web::interop::utf16("a二😀b", 1), 1);
    assert_eq!(web::interop::utf16("a二😀b", 4), 2);
    assert_eq!(web::interop::utf16("a二😀b", 8), 4);
}
