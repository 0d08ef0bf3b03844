//! The page's exports without the page: pictures, links and snippets for authors.

use crate::files::{named, only_link, written};
use crate::{Chance, Language, Proto, Stop, print, protocol, report, usage};
use clap::{Args, ValueEnum};
use kube::Severity;
use play::Script;
use play::presets::ALL;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use view::Lang;
use view::app::{Action, App, Theme, link, update};
use view::embed::{self, Shown, Snippet};
use view::export::{self, Export};
use view::{svg, words};

/// A session: that of a document or a link, and a request at its end.
#[derive(Args)]
pub(crate) struct Asked {
    /// The document, or a link, which also has a moment to show.
    file: String,
    /// The sender of a request after the Script: a host, node, pod/NAME, deploy/NAME or an address.
    #[arg(long, requires = "to")]
    from: Option<String>,
    /// The destination: an address, svc/NAME, a host, node or pod; with :PORT if it has one.
    #[arg(long, requires = "from")]
    to: Option<String>,
    /// The protocol [default: icmp to an address without a port, udp to a Service that has only
    /// UDP ports, otherwise tcp].
    #[arg(long, value_enum, requires = "from")]
    proto: Option<Proto>,
    /// The endpoint that the random rules of kube-proxy choose: IP or IP:PORT.
    #[arg(long, requires = "from")]
    endpoint: Option<String>,
    #[command(flatten)]
    chance: Chance,
    /// The moment to show: the number of an event, as `trace --format text` prints it.
    #[arg(long, value_name = "EVENT")]
    at: Option<usize>,
    /// The language of the output.
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
}

/// A session that goes into a link.
#[derive(Args)]
pub(crate) struct Linked {
    #[command(flatten)]
    asked: Asked,
    /// Keep Secrets, tokens and passwords in a link, which are left out otherwise.
    #[arg(long)]
    keep_secrets: bool,
}

#[derive(Args)]
pub(crate) struct Picture {
    #[command(flatten)]
    asked: Asked,
    /// Animate the whole run.
    #[arg(long)]
    animate: bool,
    /// The colours; auto follows the settings of the reader's system.
    #[arg(long, value_enum, default_value = "auto")]
    theme: Colours,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Colours {
    Auto,
    Light,
    Dark,
}

/// The page's state for a document or link: its Script is played, and the request of --from and
/// --to is sent at the end. It is shown at the moment of --at, or else a link at its own moment
/// unless there is a request, anything else at its beginning or at the end.
fn session(a: &Asked, given: &str, theme: Theme, at_end: bool) -> Result<App, Stop> {
    let mut app = App::new(a.lang.into(), a.file.strip_prefix("preset:").unwrap_or_default());
    app.session.script = a.chance.put(Script::default()).into();
    app.chrome.theme = theme;
    let end = Action::SeekStep(usize::MAX);
    if let Some(address) = only_link(given) {
        if a.chance.is_given() {
            return Err(usage(
                "--seed and --cold: a link has its own; remove the options, or give them with the \
                 file that `packetwalk open` prints",
            ));
        }
        app = link::open(address, &app).map_err(|f| usage(words::link_fault(&f, a.lang.into())))?;
    } else {
        let own = Script::read(given).0.filter(|_| a.chance.is_given());
        let text = own.map_or_else(|| given.to_owned(), |own| a.chance.put(own).put(given));
        update(&mut app, Action::Opened(text));
        update(&mut app, if at_end { end.clone() } else { Action::SeekStep(1) });
    }
    if app.document.errors() > 0 {
        return Err(Stop(report(&a.file, &app.document.diagnostics), 1));
    }
    if let (Some(from), Some(to)) = (&a.from, &a.to) {
        update(&mut app, end.clone());
        // It shows the first step of the request.
        send(&mut app, from, to, a)?;
        if at_end {
            update(&mut app, end);
        }
        app.chrome.playing = false;
    }
    if let Some(why) = app.session.refused {
        return Err(usage(format!("{}: {why}", named(&a.file))));
    }
    if let Some(at) = a.at {
        if at >= app.session.events().len() {
            let last = app.session.events().len().checked_sub(1);
            let there = last.map_or_else(
                || "no packet was sent; add --from and --to".to_owned(),
                |n| format!("the events are numbered 0 to {n}"),
            );
            return Err(usage(format!("{}: --at {at}: {there}", named(&a.file))));
        }
        update(&mut app, Action::SeekEvent(at));
    }
    Ok(app)
}

/// Prints a moment or a run as SVG.
pub(super) fn picture(p: &Picture) -> Result<ExitCode, Stop> {
    let theme = match p.theme {
        Colours::Auto => Theme::System,
        Colours::Light => Theme::Light,
        Colours::Dark => Theme::Dark,
    };
    let app = session(&p.asked, &written(&p.asked.file)?, theme, true)?;
    let what = if p.animate { Export::Animation } else { Export::Svg };
    let file = export::file(&app, what, &BTreeSet::new()).map_err(usage)?;
    print(&String::from_utf8_lossy(&file.bytes))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes `NAME.LANGUAGE.svg` for every preset, and their titles into `posters.json`.
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
                &svg::poster(p, lang)
                    .ok_or_else(|| usage(format!("preset {}: it has no picture", p.name)))?,
            )?;
        }
    }
    let titles: serde_json::Map<_, _> =
        ALL.iter().map(|p| (p.name.to_owned(), json!([p.title, p.title_ja]))).collect();
    write("posters.json", &format!("{}\n", Value::Object(titles)))?;
    Ok(ExitCode::SUCCESS)
}

/// Sends the probe of --from and --to.
fn send(app: &mut App, from: &str, to: &str, a: &Asked) -> Result<(), Stop> {
    if let Some(l) = &app.session.loaded {
        app.send.proto = protocol(&l.session, to, a.proto);
    }
    from.clone_into(&mut app.send.from);
    update(app, Action::To(to.to_owned()));
    app.force(a.endpoint.as_deref().unwrap_or_default()).map_err(usage)?;
    update(app, Action::Send);
    Ok(())
}

/// Prints a link to the session, after the address of the page.
pub(super) fn address_of(linked: &Linked, page: &str) -> Result<ExitCode, Stop> {
    let asked = &linked.asked;
    let given = written(&asked.file)?;
    // A document with errors can be shared, too; it is just not played.
    let broken = only_link(&given).is_none()
        && play::script::check(&given).iter().any(|d| d.severity == Severity::Error);
    let mut app = if broken && asked.from.is_none() && asked.at.is_none() {
        let mut app = App::new(Lang::En, "");
        update(&mut app, Action::Opened(given));
        app
    } else {
        session(asked, &given, Theme::System, false)?
    };
    let link = link_to(&mut app, linked)?;
    print(&format!("{}{link}\n", page.split('#').next().unwrap_or_default()))?;
    Ok(ExitCode::SUCCESS)
}

/// The link of a session. What it leaves out is named on standard error.
fn link_to(app: &mut App, linked: &Linked) -> Result<String, Stop> {
    app.chrome.keep_secrets = linked.keep_secrets;
    let link = link::link(app).ok_or_else(|| {
        usage(format!(
            "{}: too long for a link, which holds at most {} KiB, {} steps and {} packets",
            named(&linked.asked.file),
            link::MOST_KIB,
            link::MOST_STEPS,
            link::MOST_PACKETS
        ))
    })?;
    for l in link::left_out(app) {
        eprintln!("left out: {}", words::left_out(&l, app.chrome.lang));
    }
    Ok(link)
}

/// Prints the snippet for an author.
pub(super) fn snippet(
    linked: &Linked,
    page: &str,
    kind: &str,
    view: &str,
) -> Result<ExitCode, Stop> {
    let asked = &linked.asked;
    let mut app = session(asked, &written(&asked.file)?, Theme::System, false)?;
    let link = link_to(&mut app, linked)?;
    let kind = Snippet::ALL.into_iter().find(|s| s.word() == kind).unwrap_or(Snippet::Iframe);
    let (title, poster) = (embed::title(&app), embed::poster(&app, &link));
    let shown = Shown::named(view).unwrap_or_default();
    print(&kind.text(page, (&link, &poster), &title, shown))?;
    Ok(ExitCode::SUCCESS)
}

/// Parses an argument that is the address of a page.
pub(crate) fn address(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let host = text
        .strip_prefix("https://")
        .or(text.strip_prefix("http://"))
        .and_then(|t| t.split('/').next());
    if host.is_some_and(|h| !h.is_empty()) {
        Ok(text.to_owned())
    } else {
        Err("write the full address, such as https://example.org/packetwalk/".to_owned())
    }
}
