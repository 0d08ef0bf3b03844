//! The files that the page and the command line write. A name or comment of the document is quoted
//! for the format it is written in.

use crate::app::App;
use crate::words::{Give, animation_too_long, give};
use crate::{json, markdown, mermaid, svg, trace};
use kube::topology::Role;
use play::{Run, capture, lab, shell};
use std::collections::BTreeSet;

/// A kind of file that a session can be saved as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// The picture of the moment, as SVG.
    Svg,
    /// The same as PNG. The bytes are those of the SVG: only a browser can paint them.
    Png,
    /// The run as an animated SVG.
    Animation,
    /// The run as text, one line per event.
    Text,
    /// The run as a Markdown table.
    Markdown,
    /// The run as a Mermaid sequence diagram.
    Mermaid,
    /// The run as JSON, with its events and verdict.
    Json,
    /// The frames at the chosen interfaces, as pcapng.
    Pcapng,
    /// The rules of a node at this moment with their counters, as iptables-save prints them.
    Save,
    /// The session as a shell script for a real kernel: see `play::lab`.
    Lab,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The file name that is suggested for the download.
    pub name: String,
    /// Its media type, such as `image/svg+xml`.
    pub media: &'static str,
    /// What the file contains.
    pub bytes: Vec<u8>,
}

impl Export {
    /// Every kind, in the order of the menu.
    pub const ALL: [Self; 10] = [
        Self::Svg,
        Self::Png,
        Self::Animation,
        Self::Text,
        Self::Markdown,
        Self::Mermaid,
        Self::Json,
        Self::Pcapng,
        Self::Save,
        Self::Lab,
    ];

    /// File name extension and media type.
    const fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::Svg => (".svg", "image/svg+xml"),
            Self::Png => (".png", "image/png"),
            Self::Animation => ("-run.svg", "image/svg+xml"),
            Self::Text => (".txt", "text/plain"),
            Self::Markdown => (".md", "text/markdown"),
            Self::Mermaid => (".mmd", "text/plain"),
            Self::Json => (".json", "application/json"),
            Self::Pcapng => (".pcapng", "application/x-pcapng"),
            Self::Save => (".rules", "text/plain"),
            Self::Lab => ("-lab.sh", "application/x-sh"),
        }
    }

    /// The name in the menu.
    pub const fn name(self) -> Give {
        match self {
            Self::Svg => Give::ExportSvg,
            Self::Png => Give::ExportPng,
            Self::Animation => Give::ExportAnimation,
            Self::Text => Give::ExportText,
            Self::Markdown => Give::ExportMarkdown,
            Self::Mermaid => Give::ExportMermaid,
            Self::Json => Give::ExportJson,
            Self::Pcapng => Give::ExportPcapng,
            Self::Save => Give::ExportSave,
            Self::Lab => Give::ExportLab,
        }
    }

    /// Whether it can be written now: most kinds need a run.
    pub fn is_there(self, app: &App) -> bool {
        let of_a_run = !matches!(self, Self::Svg | Self::Png | Self::Save | Self::Lab);
        app.session.loaded.is_some() && (!of_a_run || app.run().is_some())
    }
}

/// The interfaces at which frames of the session were seen, as `host/device`.
pub fn interfaces(app: &App) -> BTreeSet<String> {
    app.session
        .loaded
        .as_ref()
        .map(|l| capture::interfaces(l.session.last(), l.session.events()))
        .unwrap_or_default()
}

/// The node whose rules are written: the one whose tables are shown, otherwise the first worker.
pub fn ruled(app: &App) -> Option<String> {
    let (l, t) = (app.session.loaded.as_ref()?, app.derived.timeline.as_ref()?);
    let has_rules = |id: &net::NetnsId| t.state().ns(*id).rules.tables_in_use().next().is_some();
    let nodes = &l.session.cluster().nodes;
    let mut workers_first = nodes.iter().filter(|n| n.spec.role == Role::Worker).chain(nodes);
    let first = || {
        workers_first.find_map(|n| {
            t.state().ns_named(&n.spec.name.value).map(|(id, _)| id).filter(has_rules)
        })
    };
    let id = app.shown().map(|(id, _)| id).filter(has_rules).or_else(first)?;
    Some(t.state().ns(id).name.to_string())
}

/// Writes a file. A capture contains the frames of `interfaces`, or of all if it is empty.
///
/// # Errors
/// Why it cannot be written, in the language of the page.
pub fn file(app: &App, what: Export, captured: &BTreeSet<String>) -> Result<File, String> {
    let nothing = || give(Give::NothingToExport, app.chrome.lang).to_owned();
    let l = app.session.loaded.as_ref().ok_or_else(nothing)?;
    let run = || app.run().ok_or_else(nothing);
    let told =
        |tell: fn(&net::State, &[net::Event], &crate::NetnsLabels, &Run, crate::Lang) -> String| {
            Ok::<_, String>(tell(
                l.session.last(),
                l.session.events(),
                &l.labels,
                run()?,
                app.chrome.lang,
            ))
        };
    let mut stem = "packetwalk".to_owned();
    let text = match what {
        Export::Svg | Export::Png => svg::moment(app).ok_or_else(nothing)?,
        Export::Animation => svg::animation(app).map_err(|why| match why {
            svg::NoAnimation::NothingSent => nothing(),
            svg::NoAnimation::TooLong(steps) => animation_too_long(steps, app.chrome.lang),
        })?,
        Export::Text => told(trace::text)?,
        Export::Markdown => told(markdown::run)?,
        Export::Mermaid => told(mermaid::run)?,
        Export::Json => json::run(&l.session, &l.labels, run()?, app.chrome.lang),
        Export::Lab => lab::script(&l.session).map_err(|e| e.to_string())?.script,
        Export::Save => {
            let (node, t) = ruled(app).zip(app.derived.timeline.as_ref()).ok_or_else(nothing)?;
            // Only characters that every file system accepts.
            stem = lab::netns_names(std::iter::once(node.as_str())).concat();
            let mut moment = l.session.moment(t.state(), t.at());
            let out = shell::exec(&mut moment, &node, "iptables-save");
            if out.status != 0 {
                return Err(out.text);
            }
            out.text
        }
        Export::Pcapng => {
            run()?;
            let chosen = |name: &str| captured.is_empty() || captured.contains(name);
            let bytes = capture::pcapng(l.session.last(), l.session.events(), &chosen);
            return Ok(named(&stem, what, bytes));
        }
    };
    Ok(named(&stem, what, text.into_bytes()))
}

fn named(stem: &str, what: Export, bytes: Vec<u8>) -> File {
    let (end, media) = what.kind();
    File { name: format!("{stem}{end}"), media, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lang;
    use crate::app::{Action as Do, update};

    #[test]
    fn every_file_is_written_or_says_why_not() {
        let mut app = App::new(Lang::En, "article-nodeport");
        let all = BTreeSet::new();
        let names = |app: &App| -> Vec<(String, usize)> {
            Export::ALL
                .iter()
                .filter_map(|e| file(app, *e, &all).ok())
                .map(|f| (f.name, f.bytes.len()))
                .collect()
        };
        let before: Vec<String> = names(&app).into_iter().map(|(n, _)| n).collect();
        assert_eq!(
            before,
            ["packetwalk.svg", "packetwalk.png", "node01.rules", "packetwalk-lab.sh"]
        );
        assert!(Export::ALL.iter().filter(|e| e.is_there(&app)).count() == before.len());
        assert!(
            file(&app, Export::Animation, &all)
                .is_err_and(|why| why.contains("send a packet first"))
        );
        update(&mut app, Do::Send);
        let after = names(&app);
        assert_eq!(after.len(), Export::ALL.len(), "{after:?}");
        assert!(after.iter().all(|(_, n)| *n > 1_000), "{after:?}");
        let text = |app: &App, what| {
            String::from_utf8(file(app, what, &all).expect("written").bytes).expect("text")
        };
        assert!(
            text(&app, Export::Save).contains("\n*nat\n")
                && text(&app, Export::Lab).starts_with("#!/")
        );
        update(&mut app, Do::StepBy(5));
        update(&mut app, Do::Packet(net::engine::PacketOp::Drop));
        assert!(text(&app, Export::Lab).contains("# Left out: step 2: "));
    }

    #[test]
    fn a_capture_is_of_the_interfaces_that_are_chosen() {
        let mut app = App::new(Lang::En, "article-nodeport");
        update(&mut app, Do::Send);
        let len = |of: &[&str]| {
            file(&app, Export::Pcapng, &of.iter().map(|n| (*n).to_owned()).collect())
                .expect("written")
                .bytes
                .len()
        };
        assert!(interfaces(&app).contains("node01/flannel.1"));
        assert!(len(&["node01/flannel.1"]) < len(&["node01/flannel.1", "node01/ens192"]));
        assert!(len(&["node01/flannel.1", "node01/ens192"]) < len(&[]));
    }
}
