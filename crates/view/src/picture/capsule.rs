//! The packet: the capsule of the one that is followed, and the pills of the others.

use super::class;
use super::element::{Element, group, path, rect, text};
use crate::layout::{CHAR, Point, Rect};
use crate::px::Px;
use crate::scene::{Capsule, Other};

/// A packet on its way that is not the one that is followed.
pub(super) fn other(o: &Other) -> Element {
    let (x, y) = o.at;
    let short = crate::labels::shortened(&o.kind, 5);
    let more = (o.more > 0).then(|| text("pill-more", x + 22.0, y + 3.5, &format!("+{}", o.more)));
    let pill = [
        rect("pill-box", &Rect { x: x - 17.0, y: y - 6.5, w: 34.0, h: 13.0 }, 6.5),
        text("pill-text", x, y + 3.5, &short),
    ];
    let id = o.id.0.to_string();
    group(class("other", &[(o.shell, "shell")]), pill.into_iter().chain(more))
        .control("data-packet", id.clone())
        .button(false)
        .described(id)
}

/// The capsule around the origin; the group that contains it places it.
pub(super) fn capsule(c: &Capsule) -> Element {
    let (w, h) = c.size;
    let frame = Rect { x: -w / 2.0, y: -h / 2.0, w, h };
    let class = class("capsule", &[(c.lost, "lost"), (c.shell.is_some(), "wrapped")]);
    let (src, dst) = ((&*c.src, c.old_src.as_deref()), (&*c.dst, c.old_dst.as_deref()));
    if let Some(outer) = &c.shell {
        let own = Rect { x: frame.x + 9.0, y: frame.y + 17.0, w: w - 18.0, h: 21.0 };
        let mut shell = vec![
            rect("shell-box", &frame, 9.0),
            text("shell-text", 0.0, frame.y + 13.0, outer),
            rect("packet-box", &own, 7.0),
        ];
        shell.extend(one_row(c, (own.x + 10.0, own.y + 14.5)));
        return group(class, shell);
    }
    let mut out = vec![rect("packet-box", &frame, 8.0)];
    if let Some(x) = c.notch {
        let x = (x - c.at.0).clamp(-w / 2.0 + 14.0, w / 2.0 - 14.0);
        out.push(path("notch", format!("M{} {}l7 8 7 -8z", Px(x - 7.0), Px(h / 2.0 - 0.5))));
    }
    let x = frame.x + 10.0;
    if c.one_row {
        out.extend(one_row(c, (x, frame.y + 16.0)));
    } else {
        out.extend(row((x, frame.y + 16.5), Some(&c.kind), src));
        out.extend(row((x, frame.y + 33.0), None, dst));
        if let Some(mark) = &c.mark {
            let x = frame.right() - 10.0 - wide(mark);
            let mark_box = Rect { x: x - 4.0, y: frame.y + 22.0, w: wide(mark) + 8.0, h: 14.5 };
            let value = text("packet-text", x, frame.y + 33.0, mark);
            out.push(group("mark", [rect("mark-box", &mark_box, 4.0), value]));
        }
    }
    if c.lost {
        let (x, y) = (Px(w * 0.12), Px(frame.y - 2.0));
        out.push(path("crack", format!("M{x} {y}l-6 9 8 6 -8 8 7 {}", Px(h - 19.0))));
    }
    group(class, out)
}

/// A row of the capsule: `SYN 192.168.120.252:40501` or `→ 10.1.6.5:80`, an old value struck
/// before the new one on yellow.
fn row((x, y): Point, kind: Option<&str>, (value, old): (&str, Option<&str>)) -> Vec<Element> {
    let with_space = |text: &str| if text.is_empty() { 0.0 } else { wide(text) + CHAR };
    let lead = kind.map_or(2.0 * CHAR, with_space);
    let old_w = old.map_or(0.0, with_space);
    let new = Rect { x: x + lead + old_w - 3.0, y: y - 11.5, w: wide(value) + 6.0, h: 15.5 };
    let mut out = Vec::new();
    match kind {
        Some("") => {}
        Some(kind) => out.push(text("packet-text kind", x, y, kind)),
        None => out.push(path("to", format!("M{} {}h9m-3 -3 3 3 -3 3", Px(x), Px(y - 4.0)))),
    }
    if let Some(old) = old {
        out.push(text("packet-text old", x + lead, y, old));
        out.push(rect("new-box", &new, 4.0));
    }
    let class = if old.is_some() { "packet-text new" } else { "packet-text" };
    out.push(text(class, x + lead + old_w, y, value));
    out
}

/// Both addresses in one row: `SYN 10.1.5.4:40501 → 10.1.6.5:80`.
fn one_row(c: &Capsule, (x, y): Point) -> Vec<Element> {
    let first = if c.kind.is_empty() { 0.0 } else { wide(&c.kind) + CHAR } + wide(&c.src) + CHAR;
    let mut out = row((x, y), Some(&c.kind), (&c.src, None));
    out.extend(row((x + first, y), None, (&c.dst, None)));
    out
}

fn wide(text: &str) -> f32 {
    text.chars().count() as f32 * CHAR
}
