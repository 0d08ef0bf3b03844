//! Pan, zoom and drag. What follows the pointer is moved here, outside of the virtual DOM; the
//! result is an action.

use kube::change::{ClusterChange, Thing};
use std::cell::Cell;
use std::rc::Rc;
use view::app::{Action, App, Selected};
use view::layout::{Point, Size};
use view::px::Px;
pub use view::scene::Camera;
use view::scene::{Scene, camera};
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent, WheelEvent};
use yew::NodeRef;

/// A pointer event on the picture, or a zoom.
pub enum Touch {
    /// A pointer is pressed.
    Down(PointerEvent),
    /// A pointer moves.
    Move(PointerEvent),
    /// A pointer is released.
    Up(PointerEvent),
    /// The browser cancels the pointer.
    Cancel,
    /// The wheel is turned.
    Wheel(WheelEvent),
    /// Enlarge by this factor around the middle.
    Zoom(f32),
    /// Go back to the view that fits the room or follows the packet.
    Fit,
}

/// The camera unless the reader zooms: the whole picture, the station that was chosen, or the node
/// that the packet is in.
pub fn fit(app: &App, scene: &Scene) -> Camera {
    if app.session.loaded.is_none() {
        return (0.0, 0.0, 100.0, 100.0);
    }
    camera(&app.derived.layout, scene, app.looked_at(), app.view.room)
}

/// A camera as the value of the attribute `viewBox`.
pub fn view_box((x, y, w, h): Camera) -> String {
    [x, y, w, h].map(|v| Px(v).to_string()).join(" ")
}

/// In which direction a point outside of the view is: `n`, `ne`, … `nw`.
fn direction((px, py): Point, (x, y, w, h): Camera) -> Option<&'static str> {
    let side = |at: f32, from: f32, length: f32| {
        if at < from { 0 } else { 1 + usize::from(at > from + length) }
    };
    let names = [["nw", "n", "ne"], ["w", "", "e"], ["sw", "s", "se"]];
    Some(names[side(py, y, h)][side(px, x, w)]).filter(|name| !name.is_empty())
}

enum Drag {
    /// Moves the picture, from this camera.
    Pan(Camera),
    /// Moves a node or host.
    Thing(Thing, Element),
    /// Draws a line from this pod to another.
    Link(String),
}

struct Held {
    at: (f32, f32),
    moved: bool,
    target: Element,
    drag: Drag,
}

/// The camera of the picture, and the drag that is under way.
#[derive(Default)]
pub struct Viewport {
    /// The `svg` element.
    pub picture: NodeRef,
    /// The outline of what is dragged.
    pub ghost: NodeRef,
    /// The button that points to the packet while it is outside of the view.
    pub beyond: NodeRef,
    /// The zoom in percent.
    pub percent: NodeRef,
    /// The camera that the reader zoomed or panned to; `None` while the whole picture is shown.
    pub camera: Rc<Cell<Option<Camera>>>,
    /// Where the packet is in the picture.
    pub packet: Cell<Option<Point>>,
    shown: Cell<Option<(Camera, Size)>>,
    held: Option<Held>,
    /// The pointers that are pressed, with their places; two of them pinch.
    pressed: Vec<(i32, Point)>,
}

/// The zoom factor of one step of the wheel.
const STEP: f32 = 1.2;

impl Viewport {
    fn svg(&self) -> Option<Element> {
        self.picture.cast()
    }

    /// Sets the viewBox: where the user moved it, otherwise `fit`.
    pub fn show(&self, fit: Camera, room: Size) {
        let camera = self.camera.get().unwrap_or(fit);
        // Setting it lays every text out again, even if the value is the same.
        if let (Some(svg), true) = (self.svg(), self.shown.get() != Some((camera, room))) {
            if self.shown.get().is_none_or(|(shown, _)| shown != camera) {
                let _ = svg.set_attribute("viewBox", &view_box(camera));
            }
            self.shown.set(Some((camera, room)));
            if let Some(percent) = self.percent.cast::<Element>() {
                let scale = (self.scale(camera) * 100.0).round();
                percent.set_text_content(Some(&format!("{scale} %")));
            }
        }
        if let Some(button) = self.beyond.cast::<Element>() {
            let at = self.packet.get().and_then(|packet| direction(packet, camera));
            let _ = match at {
                Some(at) => button.set_attribute("data-at", at),
                None => button.remove_attribute("data-at"),
            };
        }
    }

    /// From client coordinates to those of the picture.
    fn place(&self, client: (f32, f32), camera: Camera) -> (f32, f32) {
        let Some(r) = self.svg().map(|s| s.get_bounding_client_rect()) else { return (0.0, 0.0) };
        let (w, h) = (r.width() as f32, r.height() as f32);
        let scale = self.scale(camera);
        let (left, top) = ((w - camera.2 * scale) / 2.0, (h - camera.3 * scale) / 2.0);
        (
            camera.0 + (client.0 - r.left() as f32 - left) / scale,
            camera.1 + (client.1 - r.top() as f32 - top) / scale,
        )
    }

    /// Client pixels per pixel of the picture.
    fn scale(&self, camera: Camera) -> f32 {
        let Some(r) = self.svg().map(|s| s.get_bounding_client_rect()) else { return 1.0 };
        (r.width() as f32 / camera.2).min(r.height() as f32 / camera.3).max(0.001)
    }

    fn zoom(&mut self, factor: f32, around: Option<(f32, f32)>, fit: Camera) {
        let (x, y, w, h) = self.camera.get().unwrap_or(fit);
        // The visible width is between 120 px and twice the picture's larger side.
        let most = (fit.2.max(fit.3) * 2.0).max(400.0);
        let factor = factor.clamp(w / most, w / 120.0);
        let (cx, cy) = around.map_or((x + w / 2.0, y + h / 2.0), |c| self.place(c, (x, y, w, h)));
        let (nw, nh) = (w / factor, h / factor);
        self.camera.set(Some((cx - (cx - x) / factor, cy - (cy - y) / factor, nw, nh)));
    }

    /// Moves the view so that a place is in its middle, unless all of the picture is in view.
    pub fn look_at(&self, place: Point, fit: Camera) {
        let (x, y, w, h) = self.camera.get().unwrap_or(fit);
        if self.camera.get().is_some() || direction(place, (x, y, w, h)).is_some() {
            self.camera.set(Some((place.0 - w / 2.0, place.1 - h / 2.0, w, h)));
        }
    }

    /// The middle of the two pointers that pinch, and their distance.
    fn pinch(&self) -> Option<(Point, f32)> {
        let [(_, a), (_, b)] = self.pressed[..] else { return None };
        let middle = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
        Some((middle, (a.0 - b.0).hypot(a.1 - b.1).max(1.0)))
    }

    /// Zooms by the change of the distance of two pointers, and moves with their middle.
    fn pinched(&mut self, (from, before): (Point, f32), fit: Camera) {
        let Some((to, now)) = self.pinch() else { return };
        let (x, y, w, h) = self.camera.get().unwrap_or(fit);
        let scale = self.scale((x, y, w, h));
        let moved = (x - (to.0 - from.0) / scale, y - (to.1 - from.1) / scale, w, h);
        self.camera.set(Some(moved));
        self.zoom(now / before, Some(to), fit);
    }

    /// Handles a touch; the result are the actions that follow from it.
    pub fn touch(&mut self, touch: Touch, app: &App, fit: Camera) -> Vec<Action> {
        let actions = self.touched(touch, app, fit);
        self.show(fit, app.view.room);
        actions
    }

    fn touched(&mut self, touch: Touch, app: &App, fit: Camera) -> Vec<Action> {
        let point = |e: &PointerEvent| (e.client_x() as f32, e.client_y() as f32);
        match &touch {
            Touch::Down(e) => {
                self.pressed.retain(|(id, _)| *id != e.pointer_id());
                self.pressed.push((e.pointer_id(), point(e)));
            }
            Touch::Move(e) => {
                let before = self.pinch();
                if let Some(p) = self.pressed.iter_mut().find(|(id, _)| *id == e.pointer_id()) {
                    p.1 = point(e);
                }
                if let Some(before) = before {
                    self.pinched(before, fit);
                }
            }
            Touch::Up(e) => self.pressed.retain(|(id, _)| *id != e.pointer_id()),
            Touch::Cancel => self.pressed.clear(),
            Touch::Wheel(_) | Touch::Zoom(_) | Touch::Fit => {}
        }
        if self.pressed.len() > 1 {
            // Two pointers pinch, they drag nothing.
            self.held = None;
            self.hide_ghost();
            return Vec::new();
        }
        match touch {
            Touch::Zoom(factor) => self.zoom(factor, None, fit),
            Touch::Fit => {
                self.camera.set(None);
                return vec![Action::EveryTile(false), Action::Station(None)];
            }
            Touch::Wheel(e) => {
                e.prevent_default();
                let factor = if e.delta_y() < 0.0 { STEP } else { 1.0 / STEP };
                self.zoom(factor, Some((e.client_x() as f32, e.client_y() as f32)), fit);
            }
            Touch::Down(e) if e.button() == 0 && e.is_primary() => {
                let Some(target) = e.target().and_then(|t| t.dyn_into::<Element>().ok()) else {
                    return Vec::new();
                };
                let dragged = target.closest("[data-drag]").ok().flatten();
                let drag = dragged
                    .and_then(|d| drag_of(&d))
                    .unwrap_or_else(|| Drag::Pan(self.camera.get().unwrap_or(fit)));
                let at = (e.client_x() as f32, e.client_y() as f32);
                self.held = Some(Held { at, moved: false, target, drag });
            }
            Touch::Down(_) => {}
            Touch::Move(e) => self.moved(&e, fit),
            Touch::Up(e) => return self.released(&e, app, fit),
            Touch::Cancel => {
                self.held = None;
                self.hide_ghost();
            }
        }
        Vec::new()
    }

    fn moved(&mut self, e: &PointerEvent, fit: Camera) {
        // Released outside of the picture.
        if e.buttons() == 0 {
            self.held = None;
            return self.hide_ghost();
        }
        if !e.is_primary() {
            return;
        }
        let at = (e.client_x() as f32, e.client_y() as f32);
        let camera = self.camera.get().unwrap_or(fit);
        let scale = self.scale(camera);
        let Some(held) = &mut self.held else { return };
        let (dx, dy) = (at.0 - held.at.0, at.1 - held.at.1);
        if !held.moved {
            if dx.hypot(dy) < 4.0 {
                return;
            }
            held.moved = true;
            if let Some(svg) = self.picture.cast::<Element>() {
                let _ = svg.set_pointer_capture(e.pointer_id());
            }
        }
        let from = held.at;
        match &held.drag {
            Drag::Pan((x, y, w, h)) => {
                self.camera.set(Some((x - dx / scale, y - dy / scale, *w, *h)));
            }
            Drag::Thing(_, shape) => {
                let number = |name: &str| {
                    shape
                        .get_attribute(name)
                        .map(|v| js_sys::Number::parse_float(&v) as f32)
                        .filter(|v| v.is_finite())
                        .unwrap_or(0.0)
                };
                let (x, y) = (number("x") + dx / scale, number("y") + dy / scale);
                let (w, h) = (number("width"), number("height"));
                self.draw_ghost(&format!("M{x:.0} {y:.0}h{w:.0}v{h:.0}h-{w:.0}z"));
            }
            Drag::Link(_) => {
                let ((x1, y1), (x2, y2)) = (self.place(from, camera), self.place(at, camera));
                self.draw_ghost(&format!("M{x1:.0} {y1:.0}L{x2:.0} {y2:.0}"));
            }
        }
    }

    fn released(&mut self, e: &PointerEvent, app: &App, fit: Camera) -> Vec<Action> {
        self.hide_ghost();
        let Some(held) = self.held.take() else { return Vec::new() };
        if !held.moved {
            return clicked(&held.target).into_iter().collect();
        }
        let at = (e.client_x() as f32, e.client_y() as f32);
        let scale = self.scale(self.camera.get().unwrap_or(fit));
        match held.drag {
            Drag::Pan(_) => Vec::new(),
            Drag::Thing(thing, _) => {
                let Some(l) = &app.session.loaded else { return Vec::new() };
                let (x, y) = l
                    .session
                    .cluster()
                    .topology
                    .layout
                    .get(thing.name())
                    .copied()
                    .unwrap_or_default();
                let moved = |old: i32, by: f32| old + (by / scale).round() as i32;
                let mut to = (moved(x, at.0 - held.at.0), moved(y, at.1 - held.at.1));
                // Hosts stay below the line of their segment.
                if let Thing::Host(_) = thing {
                    to.1 = to.1.max(0);
                }
                vec![Action::Change(ClusterChange::Move(thing, Some(to)))]
            }
            Drag::Link(from) => {
                let over = gloo::utils::document().element_from_point(at.0, at.1);
                let pod = over.and_then(|o| o.closest("[data-deployment]").ok().flatten());
                let Some(deployment) = pod.and_then(|p| p.get_attribute("data-deployment")) else {
                    return Vec::new();
                };
                let (namespace, name) =
                    deployment.split_once('/').unwrap_or(("default", &deployment));
                vec![
                    Action::Change(ClusterChange::AddService(
                        namespace.to_owned(),
                        name.to_owned(),
                    )),
                    Action::From(from),
                ]
            }
        }
    }

    fn draw_ghost(&self, d: &str) {
        if let Some(g) = self.ghost.cast::<Element>() {
            let _ = g.set_attribute("d", d);
        }
    }

    fn hide_ghost(&self) {
        self.draw_ghost("");
    }
}

fn drag_of(e: &Element) -> Option<Drag> {
    let what = e.get_attribute("data-drag")?;
    let (kind, name) = what.split_once(':')?;
    let shape = || e.query_selector("rect").ok().flatten();
    Some(match kind {
        "node" => Drag::Thing(Thing::Node(name.to_owned()), shape()?),
        "host" => Drag::Thing(Thing::Host(name.to_owned()), shape()?),
        _ => Drag::Link(format!("pod/{name}")),
    })
}

/// The action of a click on an element.
pub fn clicked(target: &Element) -> Option<Action> {
    if target.closest("[data-more]").ok().flatten().is_some() {
        return Some(Action::EveryTile(true));
    }
    let thing = target.closest("[data-host], [data-packet]").ok().flatten();
    let Some(thing) = thing else { return Some(Action::Select(None)) };
    if let Some(packet) = thing.get_attribute("data-packet") {
        return packet.parse().ok().map(|p| Action::Follow(Some(net::PacketId(p))));
    }
    let host = thing.get_attribute("data-host")?;
    Some(Action::Select(Some(Selected { host, device: thing.get_attribute("data-dev") })))
}

/// The nearest focusable element in a direction, for the arrow keys.
pub fn neighbour(from: &Element, dx: f64, dy: f64) -> Option<Element> {
    let picture = from.closest(".picture").ok().flatten()?;
    let all = picture.query_selector_all("[tabindex]").ok()?;
    let middle = |e: &Element| {
        let r = e.get_bounding_client_rect();
        (r.left() + r.width() / 2.0, r.top() + r.height() / 2.0)
    };
    let (x, y) = middle(from);
    let mut best: Option<(f64, Element)> = None;
    for i in 0..all.length() {
        let Some(e) = all.item(i).and_then(|n| n.dyn_into::<Element>().ok()).filter(|e| e != from)
        else {
            continue;
        };
        let (ex, ey) = middle(&e);
        let along = (ex - x) * dx + (ey - y) * dy;
        let across = ((ex - x) * dy).abs() + ((ey - y) * dx).abs();
        // Only elements ahead, and not too far to the side.
        if along < 3.0 || across > along * 3.0 + 12.0 {
            continue;
        }
        let far = along + across * 2.0;
        if best.as_ref().is_none_or(|(b, _)| far < *b) {
            best = Some((far, e));
        }
    }
    best.map(|(_, e)| e)
}
