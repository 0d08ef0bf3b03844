//! A run as an animation. What is equal in several frames is in the file once, with keyframes that
//! show and hide it.

use super::{Caption, begin, end, pieces, print};
use crate::app::{Action, App, update};
use crate::layout::{Point, Rect};
use crate::picture::{Part, Picture, rect, scene_of};
use crate::px::Px;
use crate::story::Grain;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The most frames of an animation. A run with more steps is shown from device to device.
pub const MOST_FRAMES: usize = 240;
/// The additional time of the last frame, in ms.
const REST: u32 = 2_500;
/// The time in which the capsule moves to its next place, in ms.
const MOVE: u32 = 300;

/// Why there is no animation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnimation {
    /// The session has no packet to show.
    NothingSent,
    /// The run has this many steps from device to device, more than `MOST_FRAMES`.
    TooLong(usize),
}

/// The run of the moment, from its first step to its last.
///
/// # Errors
/// There is no run, or it is too long.
pub fn animation(app: &App) -> Result<String, NoAnimation> {
    let layout = app.derived.layout.clone();
    let mut app = app.clone();
    (app.chrome.playing, app.view.follow) = (false, None);
    let run = app.run().ok_or(NoAnimation::NothingSent)?.events.clone();
    let steps_of = |app: &App| {
        (0..app.derived.steps.len())
            .filter(|n| run.contains(&app.derived.steps[*n]))
            .collect::<Vec<_>>()
    };
    let mut steps = steps_of(&app);
    if steps.len() > MOST_FRAMES {
        update(&mut app, Action::Grain(Grain::Hops));
        steps = steps_of(&app);
    }
    if steps.len() > MOST_FRAMES {
        return Err(NoAnimation::TooLong(steps.len()));
    }
    let mut reel = Reel::default();
    let mut captions = Vec::new();
    for (n, step) in steps.iter().enumerate() {
        update(&mut app, Action::SeekStep(step + 1));
        let scene = scene_of(&app, None);
        let Some(picture) = Picture::new(&app, &scene).map(Picture::unselected) else { continue };
        for (part, piece) in pieces(&picture) {
            reel.see(n, Layer::Part(part), piece);
        }
        if let Some(c) = picture.capsule() {
            let mut piece = String::new();
            print(&mut piece, &c);
            reel.see(n, Layer::Capsule, piece);
        }
        reel.places.push(scene.capsule.as_ref().map(|c| c.at));
        captions.extend(Caption::new(&app, layout.width));
    }
    let rest = match app.view.grain {
        Grain::Hops => 700,
        Grain::Decisions => 900,
        Grain::Rules => 400,
    };
    reel.starts = (0..=steps.len() as u32).map(|n| n * rest).collect();
    if let Some(end) = reel.starts.last_mut() {
        *end += REST;
    }
    let height = layout.height + captions.iter().map(Caption::height).fold(0.0, f32::max);
    for (n, caption) in captions.iter().enumerate() {
        reel.see(n, Layer::Caption, caption.drawn(layout.height));
    }
    let last = captions.last().map(|c| c.plain.clone()).unwrap_or_default();
    let (style, body) = reel.developed();
    let mut out = begin(&app, height, &style, &last);
    out += &body;
    let bar = Rect { x: 0.0, y: layout.height - 1.0, w: layout.width, h: 3.0 };
    print(&mut out, &rect("said-bar", &bar, 0.0));
    print(&mut out, &rect("said-done", &bar, 0.0));
    Ok(end(out))
}

/// Where a piece stands; pieces are drawn in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Part(Part),
    /// Drawn around the origin; its group is moved.
    Capsule,
    Caption,
}

/// The frames, as pieces and the times at which each is visible.
#[derive(Default)]
struct Reel {
    /// By layer, in the order of first appearance: the piece, and the frames it is in.
    pieces: BTreeMap<Layer, Vec<(String, Vec<usize>)>>,
    /// The place of the capsule in each frame.
    places: Vec<Option<Point>>,
    /// When each frame begins, and the end, in ms.
    starts: Vec<u32>,
}

impl Reel {
    fn see(&mut self, frame: usize, layer: Layer, piece: String) {
        let here = self.pieces.entry(layer).or_default();
        match here.iter_mut().find(|(p, _)| *p == piece) {
            Some((_, frames)) => frames.push(frame),
            None => here.push((piece, vec![frame])),
        }
    }

    /// A time in percent of the whole duration.
    fn percent(&self, ms: u32) -> String {
        let whole = self.starts.last().copied().unwrap_or_default().max(1);
        let n = u64::from(ms) * 100_000 / u64::from(whole);
        format!("{}.{:03}%", n / 1000, n % 1000)
    }

    /// The keyframes, and the pieces that they show, hide and move.
    fn developed(&self) -> (String, String) {
        let frames = self.starts.len() - 1;
        let whole = self.starts.last().copied().unwrap_or_default();
        let time = format!("{}.{:03}s", whole / 1000, whole % 1000);
        let mut style = String::new();
        let mut body = String::new();
        let mut names: BTreeMap<&[usize], usize> = BTreeMap::new();
        // Several animations can be in one page: their keyframes have different names.
        let all = self.pieces.values().flatten().map(|(p, _)| p.as_str());
        let id = format!("{:08x}", all.fold(u64::from(whole), net::rng::hash_str) >> 32);
        for (layer, pieces) in &self.pieces {
            if *layer == Layer::Capsule {
                // Without animation it is at its last place.
                let at = self.places.iter().rev().flatten().next().copied().unwrap_or_default();
                let _ = write!(
                    body,
                    "<g class=\"go-{id}\" transform=\"translate({} {})\">",
                    Px(at.0),
                    Px(at.1)
                );
            }
            for (piece, seen) in pieces {
                if seen.len() == frames {
                    let _ = write!(body, "<g class=\"p\">{piece}</g>");
                    continue;
                }
                let fresh = names.len();
                let name = *names.entry(seen).or_insert(fresh);
                if name == fresh {
                    let _ = writeln!(style, "@keyframes p{name}-{id}{{{}}}", self.seen(seen));
                    let _ = writeln!(
                        style,
                        ".picture .p{name}-{id}{{animation:p{name}-{id} {time} step-end infinite}}"
                    );
                }
                let hidden =
                    if seen.last() == Some(&(frames - 1)) { "" } else { " visibility=\"hidden\"" };
                let _ = write!(body, "<g class=\"p p{name}-{id}\"{hidden}>{piece}</g>");
            }
            if *layer == Layer::Capsule {
                body += "</g>";
            }
        }
        let _ = writeln!(style, "@keyframes go-{id}{{{}}}", self.way());
        let _ = writeln!(style, ".picture .go-{id}{{animation:go-{id} {time} linear infinite}}");
        let _ = writeln!(style, "@keyframes said-{id}{{from{{transform:scaleX(0)}}}}");
        let _ =
            writeln!(style, ".picture .said-done{{animation:said-{id} {time} linear infinite}}");
        style += "@media (prefers-reduced-motion:reduce){.picture *{animation:none!important}}\n";
        (style, body)
    }

    /// The keyframes of a piece that is visible in `frames`.
    fn seen(&self, frames: &[usize]) -> String {
        let mut out = String::new();
        if frames.first() != Some(&0) {
            out += "0%{visibility:hidden}";
        }
        for (i, f) in frames.iter().enumerate() {
            if i == 0 || frames[i - 1] + 1 != *f {
                let _ = write!(out, "{}{{visibility:visible}}", self.percent(self.starts[*f]));
            }
            let next = frames.get(i + 1);
            if next != Some(&(f + 1)) && f + 2 < self.starts.len() {
                let _ = write!(out, "{}{{visibility:hidden}}", self.percent(self.starts[f + 1]));
            }
        }
        out
    }

    /// The keyframes of the capsule's way.
    fn way(&self) -> String {
        let mut out = String::new();
        let mut was: Option<Point> = None;
        for (n, at) in self.places.iter().enumerate() {
            let Some(at) = at.or(was) else { continue };
            let from = was.unwrap_or(at);
            let (start, end) = (self.starts[n], self.starts[n + 1]);
            let mut key = |ms: u32, p: Point| {
                let (at, x, y) = (self.percent(ms), Px(p.0), Px(p.1));
                _ = write!(out, "{at}{{transform:translate({x}px,{y}px)}}");
            };
            key(start, from);
            key(start + MOVE, at);
            key(end.saturating_sub(1), at);
            was = Some(at);
        }
        out
    }
}
