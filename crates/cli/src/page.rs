//! What the page gives away, without the page: pictures, and what an author pastes.

use crate::{Chance, Language, Proto, Stop, only_link, print, protocol, told, usage, written};
use clap::{Args, ValueEnum};
use play::presets::ALL;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use view::Lang;
use view::app::{Action, App, Theme, link, update};
use view::embed::{self, Shown, Snippet};
use view::export::{self, Export};
use view::svg;

#[derive(Args)]
pub(crate) struct Picture {
    /// The document. Of a link, the moment and what was done are taken too.
    file: String,
    /// Who sends. Without --from and --to it is the picture of the cluster, or of the link's moment.
    #[arg(long, requires = "to")]
    from: Option<String>,
    /// To whom: an address, svc/NAME, a host, node or pod; a port stands behind a colon.
    #[arg(long, requires = "from")]
    to: Option<String>,
    /// What is sent.
    #[arg(long, value_enum, requires = "from")]
    proto: Option<Proto>,
    /// The endpoint every draw falls on: IP or IP:PORT.
    #[arg(long, requires = "from")]
    endpoint: Option<String>,
    #[command(flatten)]
    chance: Chance,
    /// The moment: the number of an event, as `trace --format text` prints it. If not written: the last one; of a link, its own.
    #[arg(long, value_name = "EVENT", conflicts_with = "animate")]
    at: Option<usize>,
    /// The whole run, moving from device to device.
    #[arg(long)]
    animate: bool,
    /// Colours: as the reader's system says, or always the same.
    #[arg(long, value_enum, default_value = "auto")]
    theme: Colours,
    /// The language of sentences.
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Colours {
    Auto,
    Light,
    Dark,
}

pub(super) fn too_long() -> Stop {
    usage(format!("the document is too long for a link, which holds {} KiB", link::MOST_KIB))
}

/// The page with a document, or with the session of a link.
fn session(file: &str, mut app: App, chance: Option<&Chance>) -> Result<App, Stop> {
    let given = written(file)?;
    match only_link(&given) {
        Some(_) if chance.is_some_and(|c| c.cold || c.seed != 0) => {
            return Err(usage("--seed and --cold: a link has its own; leave them out"));
        }
        Some(address) => app = link::open(address, &app).map_err(|f| usage(view::words::link_fault(&f, Lang::En)))?,
        None => _ = update(&mut app, Action::Opened(given)),
    }
    if app.errors() > 0 { Err(Stop(told(file, &app.diags), 1)) } else { Ok(app) }
}

/// A moment or a run as SVG.
pub(super) fn picture(p: &Picture) -> Result<ExitCode, Stop> {
    let mut app = App::new(p.lang.into(), p.file.strip_prefix("preset:").unwrap_or_default());
    (app.seed, app.cold) = (p.chance.seed, p.chance.cold);
    app.theme = match p.theme {
        Colours::Auto => Theme::System,
        Colours::Light => Theme::Light,
        Colours::Dark => Theme::Dark,
    };
    let mut app = session(&p.file, app, Some(&p.chance))?;
    if let (Some(from), Some(to)) = (&p.from, &p.to) {
        send(&mut app, from, to, p)?;
    }
    if let Some(why) = app.refused {
        return Err(usage(why));
    }
    if let Some(at) = p.at {
        if at >= app.events_len() {
            return Err(usage(format!("--at {at}: the events have the numbers 0 to {}", app.events_len().saturating_sub(1))));
        }
        update(&mut app, Action::SeekEvent(at));
    }
    let what = if p.animate { Export::Film } else { Export::Svg };
    let file = export::file(&app, what, &BTreeSet::new()).map_err(usage)?;
    print(&String::from_utf8_lossy(&file.bytes))?;
    Ok(ExitCode::SUCCESS)
}

/// `NAME.LANGUAGE.svg` for every preset, and a list of them.
pub(super) fn posters(folder: &Path) -> Result<ExitCode, Stop> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| usage(format!("{}: {e}", path.display())))
    };
    std::fs::create_dir_all(folder).map_err(|e| usage(format!("{}: {e}", folder.display())))?;
    for p in &ALL {
        for lang in [Lang::En, Lang::Ja] {
            write(
                &format!("{}.{}.svg", p.name, lang.tag()),
                &svg::poster(p, lang).ok_or_else(|| usage(format!("preset {}: there is no picture of it", p.name)))?,
            )?;
        }
    }
    let titles: serde_json::Map<_, _> = ALL.iter().map(|p| (p.name.to_owned(), json!([p.title, p.title_ja]))).collect();
    write("posters.json", &format!("{}\n", Value::Object(titles)))?;
    Ok(ExitCode::SUCCESS)
}

/// Sends what was said, and goes to the last moment.
fn send(app: &mut App, from: &str, to: &str, p: &Picture) -> Result<(), Stop> {
    if let Some(l) = &app.loaded {
        app.proto = protocol(&l.session, to, p.proto);
    }
    from.clone_into(&mut app.from);
    update(app, Action::To(to.to_owned()));
    app.force(p.endpoint.as_deref().unwrap_or_default()).map_err(usage)?;
    update(app, Action::Send);
    update(app, Action::SeekStep(usize::MAX));
    Ok(())
}

/// What an author pastes.
pub(super) fn snippet(file: &str, page: &str, kind: &str, view: &str, lang: Lang) -> Result<ExitCode, Stop> {
    let app = App::new(lang, file.strip_prefix("preset:").unwrap_or_default());
    let app = session(file, app, None)?;
    let link = link::link(&app).ok_or_else(too_long)?;
    let kind = Snippet::ALL.into_iter().find(|s| s.word() == kind).unwrap_or(Snippet::Iframe);
    print(&kind.text(page, &link, &embed::title(&app), Shown::named(view).unwrap_or_default()))?;
    Ok(ExitCode::SUCCESS)
}

/// The address of a page, as an argument.
pub(crate) fn address(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or(text.strip_prefix("http://")).and_then(|t| t.split('/').next());
    if host.is_some_and(|h| !h.is_empty()) {
        Ok(text.to_owned())
    } else {
        Err("write the whole address, such as https://example.org/packetwalk/".to_owned())
    }
}
