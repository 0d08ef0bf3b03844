//! The picture as a file: one moment, or a run that moves. It stands alone: no script, no address,
//! no face of its own, the colours of the page written out.
//!
//! The run moves by CSS (keyframes), which browsers play in an `<img>` too. Where nothing may move,
//! or nothing can, its last moment is seen.

mod animation;
mod caption;
mod draw;
mod style;
mod writer;

pub use animation::{MOST_FRAMES, NoAnimation, animation};

use crate::app::{Action, App, update};
use crate::layout::Rect;
use crate::px::Px;
use crate::scene::{Scene, scene};
use crate::words::Lang;
use caption::Caption;
use draw::{CAPSULE, Draw, Place, capsule};
use net::event::EventKind;
use play::presets::Preset;
use writer::{SvgWriter, escaped};

/// The moment that is shown; none if there is no valid document.
pub fn moment(app: &App) -> Option<String> {
    let l = app.loaded.as_ref()?;
    let scene = scene_of(app);
    let said = Caption::new(app, l.layout.width);
    let height = l.layout.height + said.as_ref().map_or(0.0, Caption::height);
    let mut out = begin(
        app,
        height,
        "",
        &said.as_ref().map_or_else(|| l.layout.lan_label.clone(), |s| s.plain.clone()),
    );
    for (_, piece) in frame(app, &scene) {
        out.0 += &piece;
    }
    if let Some(c) = &scene.capsule {
        out.0 += &format!("<g transform=\"translate({} {})\">", Px(c.at.0), Px(c.at.1));
        capsule(&mut out, c);
        out.close();
    }
    if let Some(said) = &said {
        out.path(
            "said-line",
            &format!("M0.0 {}H{}", Px(l.layout.height + 0.5), Px(l.layout.width)),
        );
        said.draw(&mut out, l.layout.height);
    }
    Some(end(out))
}

/// The still picture of a preset: its first packet, there where it goes.
pub fn poster(preset: &Preset, lang: Lang) -> Option<String> {
    let mut app = App::new(lang, preset.name);
    update(&mut app, Action::Send);
    let events = app.loaded.as_ref()?.session.events();
    let there = events.iter().position(|e| matches!(e.kind, EventKind::Delivered { .. }))?;
    update(&mut app, Action::SeekEvent(there));
    moment(&app)
}

/// The picture's moment: nothing is lit before something was sent.
fn scene_of(app: &App) -> Scene {
    match (&app.loaded, &app.timeline) {
        (Some(l), Some(t)) if !app.script.is_empty() => {
            scene(&l.layout, &app.moment(l, t.state(), t.at()), None)
        }
        _ => Scene::default(),
    }
}

/// Every piece of a moment but the capsule, in the order of drawing.
fn frame(app: &App, scene: &Scene) -> Vec<(Place, String)> {
    let mut out = Vec::new();
    if let Some(l) = &app.loaded {
        Draw { app, l, scene }.pieces(&mut |place, piece| out.push((place, piece)));
    }
    out.sort_by_key(|(place, _)| *place);
    out
}

/// The head of the file: size, name, style, paper.
fn begin(app: &App, height: f32, more_style: &str, said: &str) -> SvgWriter {
    let width = app.loaded.as_ref().map_or(0.0, |l| l.layout.width);
    let (w, h, lang) = (Px(width), Px(height), app.lang.tag());
    let name = match (app.run(), &app.loaded) {
        (Some(r), Some(l)) => format!("Packetwalk: {} → {}", l.labels.name(r.from), target(r.to)),
        _ => "Packetwalk".to_owned(),
    };
    let mut svg = SvgWriter(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"picture\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" xml:lang=\"{lang}\" role=\"img\">\n\
         <title>{}</title>\n<desc>{}</desc>\n<style>\n{}{more_style}</style>\n",
        escaped(&name),
        escaped(said),
        style::sheet(app.theme)
    ));
    svg.0 += "<defs>";
    for (id, class) in [("arrow-in", "head-in"), ("arrow-out", "head-out")] {
        let shape = "viewBox=\"0 0 8 8\" refX=\"5\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"";
        svg.0 += &format!(
            "<marker id=\"{id}\" {shape}><path class=\"{class}\" d=\"M1 1 6 4 1 7\"/></marker>"
        );
    }
    svg.0 += "</defs>\n";
    svg.rect("paper", &Rect { x: 0.0, y: 0.0, w: width, h: height }, 0.0);
    svg
}

/// An address, with its port if it has one.
fn target((addr, port): (std::net::IpAddr, u16)) -> String {
    if port == 0 { addr.to_string() } else { format!("{addr}:{port}") }
}

fn end(mut svg: SvgWriter) -> String {
    svg.0 += "\n</svg>\n";
    svg.0
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
        app.theme = Theme::Light;
        update(&mut app, Action::Step(12));
        let svg = moment(&app).expect("a picture");
        let said = Caption::new(&app, 800.0).expect("a step").plain;
        assert!(svg.contains(&format!("<desc>{}</desc>", escaped(&said))), "{said}");
        assert!(svg.contains(">13 / "), "{svg}");
        let capsule = scene_of(&app).capsule.expect("on its way");
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
    fn a_film_has_every_step_and_ends_as_the_last_moment_does() {
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
            (0..app.steps.len()).filter(|n| run.contains(&app.steps[*n])).collect();
        for n in &steps {
            update(&mut app, Action::SeekStep(n + 1));
            let count = format!(">{} / {}<", n + 1, app.steps.len());
            assert!(animation.contains(&count), "{count}");
        }
        // Where nothing moves, the pieces of the last moment are seen, and no others.
        let body = animation.split("</defs>").nth(1).expect("a body");
        let seen: Vec<&str> = body
            .split("<g class=\"p")
            .filter(|g| g.starts_with([' ', '"']) && !g.contains("visibility=\"hidden\""))
            .collect();
        let mut last: Vec<String> =
            frame(&app, &scene_of(&app)).into_iter().map(|(_, piece)| piece).collect();
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
    fn a_run_that_is_too_long_is_none_and_two_films_have_names_of_their_own() {
        let mut app = App::new(Lang::En, "article-nodeport");
        assert_eq!(animation(&app), Err(NoAnimation::NothingSent));
        app.proto = play::Protocol::Icmp;
        app.to = "192.168.120.226".to_owned();
        app.options.count = "100".to_owned();
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
