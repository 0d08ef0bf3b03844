//! A small tree of SVG elements, and the four shapes that the picture is made of.

use crate::layout::{Point, Rect};
use crate::px::Px;
use std::borrow::Cow;

/// An SVG element, for the page or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The tag name in SVG: `g`, `rect`, `circle`, `path`, `text`, …
    pub name: &'static str,
    /// Class and geometry: what it looks like, on the page and in a file.
    pub attributes: Vec<(&'static str, Cow<'static, str>)>,
    /// What pointer, keyboard and screen reader need: what the element stands for, whether it can
    /// be dragged, its role and its place in the focus order. A file leaves them out.
    pub controls: Vec<(&'static str, Cow<'static, str>)>,
    /// The accessible description of an element with `controls`.
    pub description: Option<String>,
    /// Elements and text inside, in the order they are painted.
    pub children: Vec<Child>,
}

/// What an element contains: elements, or text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Child {
    /// An element inside.
    Element(Element),
    /// Text, not escaped: names from a document are in it as they are.
    Text(String),
}

impl Element {
    pub(crate) fn new(name: &'static str, class: impl Into<Cow<'static, str>>) -> Self {
        let attributes = vec![("class", class.into())];
        Self { name, attributes, controls: Vec::new(), description: None, children: Vec::new() }
    }

    /// This element with one more attribute.
    pub(crate) fn with(mut self, name: &'static str, v: impl Into<Cow<'static, str>>) -> Self {
        self.attributes.push((name, v.into()));
        self
    }

    /// With a length or coordinate.
    pub(crate) fn at(self, name: &'static str, v: f32) -> Self {
        self.with(name, Px(v).to_string())
    }

    /// With one more attribute for the page.
    pub(super) fn control(mut self, name: &'static str, v: impl Into<Cow<'static, str>>) -> Self {
        self.controls.push((name, v.into()));
        self
    }

    /// A button of the page. All buttons of the picture are one tab stop, `first`; the arrow keys
    /// lead to the others.
    pub(super) fn button(self, first: bool) -> Self {
        self.control("role", "button").control("tabindex", if first { "0" } else { "-1" })
    }

    /// With a description for screen readers.
    pub(super) fn described(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// With a tip that shows the whole of what is shortened, in a file too.
    pub(super) fn tip(mut self, tip: &str) -> Self {
        self.children.insert(0, Child::Element(Self::bare("title").containing(tip)));
        self
    }

    fn bare(name: &'static str) -> Self {
        Self {
            name,
            attributes: Vec::new(),
            controls: Vec::new(),
            description: None,
            children: Vec::new(),
        }
    }

    fn containing(mut self, text: &str) -> Self {
        self.children.push(Child::Text(text.to_owned()));
        self
    }
}

/// A group of elements, which share a class.
pub(crate) fn group(
    class: impl Into<Cow<'static, str>>,
    children: impl IntoIterator<Item = Element>,
) -> Element {
    let mut g = Element::new("g", class);
    g.children.extend(children.into_iter().map(Child::Element));
    g
}

/// A rectangle with round corners.
pub(crate) fn rect(class: &'static str, r: &Rect, rx: f32) -> Element {
    let e = Element::new("rect", class).at("x", r.x).at("y", r.y);
    e.at("width", r.w).at("height", r.h).at("rx", rx)
}

/// A circle by its centre and radius.
pub(super) fn circle(class: &'static str, (x, y): Point, r: f32) -> Element {
    Element::new("circle", class).at("cx", x).at("cy", y).at("r", r)
}

/// A path; `d` is its SVG path data.
pub(crate) fn path(class: impl Into<Cow<'static, str>>, d: impl Into<String>) -> Element {
    Element::new("path", class).with("d", d.into())
}

/// A line of text that starts at `x`, with its baseline at `y`.
pub(crate) fn text(class: &'static str, x: f32, y: f32, text: &str) -> Element {
    Element::new("text", class).at("x", x).at("y", y).containing(text)
}

/// A piece of a line of text: its class, if it has one, and the room before it.
pub(crate) struct Span<'a> {
    pub(crate) class: Option<&'static str>,
    pub(crate) room: Option<f32>,
    pub(crate) text: &'a str,
}

/// A line of text in pieces.
pub(crate) fn spans<'a>(
    class: &'static str,
    (x, y): Point,
    spans: impl IntoIterator<Item = Span<'a>>,
) -> Element {
    let span = |s: Span<'_>| {
        let mut e = Element::new("tspan", s.class.unwrap_or_default()).containing(s.text);
        e.attributes.retain(|(_, class)| !class.is_empty());
        if let Some(room) = s.room { e.at("dx", room) } else { e }
    };
    let mut line = Element::new("text", class).at("x", x).at("y", y);
    line.children.extend(spans.into_iter().map(|s| Child::Element(span(s))));
    line
}
