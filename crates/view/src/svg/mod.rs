//! The picture as a file: one moment, or an animated run. The file is self-contained: no script, no
//! address, no font, and the page's colours written out.
//!
//! The animation is CSS keyframes, which browsers play in an `<img>` too. With reduced motion, or
//! in a program without CSS animation, the last moment is visible.

mod animation;
mod caption;
mod print;
mod style;

pub use animation::{MOST_FRAMES, NoAnimation, animation};

use crate::app::{Action, App, update};
use crate::layout::Rect;
use crate::picture::{Part, Picture, group, markers, path, rect, scene_of};
use crate::px::Px;
use crate::words::Lang;
use caption::Caption;
use net::event::EventKind;
use play::presets::Preset;
use print::{escaped, print};

/// The picture of the current moment; none without a valid document.
pub fn moment(app: &App) -> Option<String> {
    let layout = &app.derived.layout;
    let scene = scene_of(app, None);
    let picture = Picture::new(app, &scene)?.unselected();
    let caption = Caption::new(app, layout.width);
    let height = layout.height + caption.as_ref().map_or(0.0, Caption::height);
    let names: Vec<&str> = layout.lan_labels.iter().map(|l| l.text.as_str()).collect();
    let names = names.join(", ");
    let words = caption.as_ref().map_or(&names, |c| &c.plain);
    let mut out = begin(app, height, "", words);
    for (_, piece) in pieces(&picture) {
        out += &piece;
    }
    if let (Some(capsule), Some(c)) = (picture.capsule(), &scene.capsule) {
        out += &format!("<g transform=\"translate({} {})\">", Px(c.at.0), Px(c.at.1));
        print(&mut out, &capsule);
        out += "</g>";
    }
    if let Some(caption) = &caption {
        let edge = format!("M0.0 {}H{}", Px(layout.height + 0.5), Px(layout.width));
        print(&mut out, &path("said-line", edge));
        out += &caption.drawn(layout.height);
    }
    Some(end(out))
}

/// The still picture of a preset: the moment when its first packet is delivered.
pub fn poster(preset: &Preset, lang: Lang) -> Option<String> {
    let mut app = App::new(lang, preset.name);
    update(&mut app, Action::Send);
    let events = app.session.loaded.as_ref()?.session.events();
    let there = events.iter().position(|e| matches!(e.kind, EventKind::Delivered { .. }))?;
    update(&mut app, Action::SeekEvent(there));
    moment(&app)
}

/// The parts of a picture without the capsule, printed, each inside the class of its group.
fn pieces(picture: &Picture<'_>) -> Vec<(Part, String)> {
    let mut out = Vec::new();
    for g in picture.groups() {
        for part in picture.parts(g) {
            let mut piece = String::new();
            print(&mut piece, &group(picture.class(g), picture.draw(part)));
            out.push((part, piece));
        }
    }
    out
}

/// The head of the file: size, name, style, paper.
fn begin(app: &App, height: f32, more_style: &str, words: &str) -> String {
    let width = app.derived.layout.width;
    let (w, h, lang) = (Px(width), Px(height), app.chrome.lang.tag());
    let name = match (app.run(), &app.session.loaded) {
        (Some(r), Some(l)) => format!("Packetwalk: {} → {}", l.labels.name(r.from), target(r.to)),
        _ => "Packetwalk".to_owned(),
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"picture\" viewBox=\"0 0 {w} {h}\" \
         width=\"{w}\" height=\"{h}\" xml:lang=\"{lang}\" role=\"img\">\n\
         <title>{}</title>\n<desc>{}</desc>\n<style>\n{}{more_style}</style>\n<defs>",
        escaped(&name),
        escaped(words),
        style::sheet(app.chrome.theme)
    );
    markers().iter().for_each(|m| print(&mut out, m));
    out += "</defs>\n";
    print(&mut out, &rect("paper", &Rect { x: 0.0, y: 0.0, w: width, h: height }, 0.0));
    out
}

/// An address, with its port if it has one; a name that was not found has none.
fn target(to: Option<(std::net::IpAddr, u16)>) -> String {
    let Some((addr, port)) = to else { return "?".to_owned() };
    if port == 0 { addr.to_string() } else { format!("{addr}:{port}") }
}

fn end(mut out: String) -> String {
    out += "\n</svg>\n";
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Theme;

    fn sent(preset: &str) -> App {
        let mut app = App::new(Lang::En, preset);
        update(&mut app, Action::Send);
        app
    }

    #[test]
    fn a_moment_says_what_the_page_says_of_it() {
        let mut app = sent("article-nodeport");
        app.chrome.theme = Theme::Light;
        update(&mut app, Action::StepBy(12));
        let svg = moment(&app).expect("a picture");
        let words = Caption::new(&app, 800.0).expect("a step").plain;
        assert!(svg.contains(&format!("<desc>{}</desc>", escaped(&words))), "{words}");
        assert!(svg.contains(">13 / "), "{svg}");
        let capsule = scene_of(&app, None).capsule.expect("on its way");
        assert!(svg.contains(&format!("translate({} {})", Px(capsule.at.0), Px(capsule.at.1))));
        assert!(svg.contains(&capsule.dst));
        assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
    }

    #[test]
    fn before_anything_is_sent_it_is_the_cluster() {
        let app = App::new(Lang::Ja, "article-nodeport");
        let svg = moment(&app).expect("a picture");
        assert!(
            svg.contains("node01") && !svg.contains("capsule\"") && !svg.contains("said-line\""),
            "{svg}"
        );
        assert!(svg.contains("netfilter フック"));
    }

    #[test]
    fn an_animation_has_every_step_and_ends_as_the_last_moment_does() {
        let mut app = sent("article-nodeport");
        let told = animation(&app).expect("an animation");
        update(&mut app, Action::Grain(crate::story::Grain::Hops));
        let animation = animation(&app).expect("an animation");
        assert_eq!(told, animation, "376 decisions are too many");
        assert!(
            animation.contains("@keyframes") && animation.len() < 700_000,
            "{}",
            animation.len()
        );
        let run = app.run().expect("a run").events.clone();
        let steps: Vec<usize> =
            (0..app.derived.steps.len()).filter(|n| run.contains(&app.derived.steps[*n])).collect();
        for n in &steps {
            update(&mut app, Action::SeekStep(n + 1));
            let count = format!(">{} / {}<", n + 1, app.derived.steps.len());
            assert!(animation.contains(&count), "{count}");
        }
        // Without animation, the pieces of the last moment are visible, and no others.
        let body = animation.split("</defs>").nth(1).expect("a body");
        let seen: Vec<&str> = body
            .split("<g class=\"p")
            .filter(|g| g.starts_with([' ', '"']) && !g.contains("visibility=\"hidden\""))
            .collect();
        let scene = scene_of(&app, None);
        let picture = Picture::new(&app, &scene).expect("a picture").unselected();
        let mut last: Vec<String> = pieces(&picture).into_iter().map(|(_, piece)| piece).collect();
        last.dedup();
        for piece in &last {
            assert!(body.contains(&format!("\">{piece}</g>")), "{piece}");
            assert!(!body.contains(&format!("visibility=\"hidden\">{piece}</g>")), "{piece}");
        }
        assert!(
            seen.len() >= last.len() && seen.len() <= last.len() + 2,
            "{} of {}, with capsule and caption",
            seen.len(),
            last.len()
        );
    }

    #[test]
    fn too_long_a_run_is_refused_and_two_animations_have_names_of_their_own() {
        let mut app = App::new(Lang::En, "article-nodeport");
        assert_eq!(animation(&app), Err(NoAnimation::NothingSent));
        app.send.proto = play::Protocol::Icmp;
        app.send.to = "192.168.120.226".to_owned();
        app.send.options.count = "100".to_owned();
        update(&mut app, Action::Send);
        assert!(
            matches!(animation(&app), Err(NoAnimation::TooLong(n)) if n > MOST_FRAMES),
            "{:?}",
            animation(&app).map(|f| f.len())
        );
        let names = |svg: String| -> std::collections::BTreeSet<String> {
            svg.split("@keyframes ")
                .skip(1)
                .filter_map(|k| k.split('{').next().map(str::to_owned))
                .collect()
        };
        let of = |preset: &str| names(animation(&sent(preset)).expect("an animation"));
        assert!(of("article-nodeport").is_disjoint(&of("article-clusterip")));
    }
}
