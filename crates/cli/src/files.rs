//! Reading documents, one or several, and printing what is done with each.

use crate::{Format, Stop, print, usage};
use play::Script;
use play::presets::{ALL, Preset};
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use view::Lang;
use view::app::link;

/// Reads a document; if the file holds a link, the document of the link.
pub(crate) fn read(file: &str) -> Result<String, Stop> {
    let text = written(file)?;
    match only_link(&text) {
        Some(address) => linked(address),
        None => Ok(text),
    }
}

/// The text of FILE: a document or a link.
pub(crate) fn written(file: &str) -> Result<String, Stop> {
    if let Some(name) = file.strip_prefix("preset:") {
        let names: Vec<_> = ALL.iter().map(|p| p.name).collect();
        return Preset::named(name).map(Preset::document).ok_or_else(|| {
            usage(format!("no preset {name:?}; the presets are {}", names.join(", ")))
        });
    }
    if file == "-" {
        return standard_input();
    }
    if link::is_link(file) {
        return Ok(file.to_owned());
    }
    if let Some(found) = in_folder(file) {
        return Err(usage(match found.first() {
            Some(first) => format!("{file}: a folder; name one document, such as {first}"),
            None => format!("{file}: a folder without *.yaml, *.yml and *.json files"),
        }));
    }
    let bytes = std::fs::read(file).map_err(|e| {
        let preset = Preset::named(file)
            .map_or_else(String::new, |p| format!("; the built-in document is preset:{}", p.name));
        usage(format!("{file}: {e}{preset}"))
    })?;
    utf8(file, bytes)
}

pub(crate) fn standard_input() -> Result<String, Stop> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|e| usage(format!("standard input: {e}")))?;
    utf8("-", bytes)
}

/// The text of a file's bytes.
fn utf8(file: &str, bytes: Vec<u8>) -> Result<String, Stop> {
    String::from_utf8(bytes).map_err(|e| {
        let valid = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let before = String::from_utf8_lossy(valid);
        let (line, last) = (before.matches('\n').count(), before.rsplit('\n').next());
        let column = last.map_or(0, |l| l.chars().count());
        let (line, column) = (line + 1, column + 1);
        usage(format!("{file}:{line}:{column}: not UTF-8: save the file as UTF-8 text"))
    })
}

/// The link, if the text consists of a link alone.
pub(crate) fn only_link(text: &str) -> Option<&str> {
    let address = text.trim();
    (link::is_link(address) && !address.contains(char::is_whitespace)).then_some(address)
}

/// The name of a document in messages.
pub(crate) fn named(file: &str) -> &str {
    if link::is_link(file) { "the link" } else { file }
}

/// The file that a link holds.
pub(crate) fn linked(address: &str) -> Result<String, Stop> {
    link::file(address).map_err(|f| usage(view::words::link_fault(&f, Lang::En)))
}

/// The documents of a command line.
pub(crate) struct Documents {
    /// Those of a folder stand in its place, sorted by name.
    pub(crate) files: Vec<String>,
    /// Whether results need the names of their documents: there are several, or a folder.
    several: bool,
}

impl Documents {
    pub(crate) fn of(arguments: &[String]) -> Result<Self, Stop> {
        if arguments.iter().filter(|a| *a == "-").count() > 1 {
            return Err(usage("standard input can be read only once: write one -"));
        }
        let mut files = Vec::new();
        for argument in arguments {
            match in_folder(argument) {
                Some(found) if !found.is_empty() => files.extend(found),
                // A folder without documents is an error when it is read.
                _ => files.push(argument.clone()),
            }
        }
        let several = arguments.len() > 1 || files != arguments;
        Ok(Self { files, several })
    }

    /// Keeps the documents that have a Script and names the others on standard error. Keeps all if
    /// none has one, so that each is reported.
    pub(crate) fn with_script(mut self) -> Self {
        // One that has errors is reported when it is played.
        let is_without = |file: &&String| {
            let text = (*file != "-").then(|| read(file).ok()).flatten();
            let text = text.filter(|text| Script::text_in(text).is_none());
            let is_error = |d: &kube::Diagnostic| d.severity == kube::Severity::Error;
            text.is_some_and(|text| !play::script::check(&text).iter().any(is_error))
        };
        let without: Vec<String> = self.files.iter().filter(is_without).cloned().collect();
        if without.len() < self.files.len() {
            self.files.retain(|file| !without.contains(file));
            without.iter().for_each(|file| eprintln!("{}: no Script, not played", named(file)));
        }
        self
    }
}

/// The documents in a folder, sorted by name; none if it is not a folder.
fn in_folder(path: &str) -> Option<Vec<String>> {
    let is_document = |p: &PathBuf| {
        let end = p.extension().and_then(|e| e.to_str()).unwrap_or_default();
        ["yaml", "yml", "json"].contains(&end) && p.is_file()
    };
    let entries = std::fs::read_dir(path).ok()?.flatten().map(|e| e.path());
    let mut found: Vec<PathBuf> = entries.filter(is_document).collect();
    found.sort();
    Some(found.into_iter().map(|p| p.display().to_string()).collect())
}

/// Prints the result of an action on each document. Several results stand below the names of their
/// documents; as JSON each is a line that has the name. Without a format the name is left out. An
/// error in one does not stop the others. Returns the highest exit status.
pub(crate) fn each(
    documents: &Documents,
    format: Option<Format>,
    act: impl Fn(&str) -> Result<(String, bool), Stop>,
) -> Result<ExitCode, Stop> {
    let format = format.filter(|_| documents.several);
    let mut worst = 0;
    for file in &documents.files {
        if format.is_some_and(|f| f != Format::Json) {
            print(&format!("== {}\n", named(file)))?;
        }
        let status = match act(file) {
            Ok((text, good)) => {
                print(&if format == Some(Format::Json) { json_line(file, &text) } else { text })?;
                u8::from(!good)
            }
            Err(Stop(message, status)) => {
                eprintln!("{}", message.trim_end());
                status
            }
        };
        worst = worst.max(status);
    }
    Ok(ExitCode::from(worst))
}

/// A JSON object on one line, with the name of its document as `file`.
fn json_line(file: &str, object: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(object).unwrap_or_default();
    value["file"] = named(file).into();
    format!("{value}\n")
}
