//! The engine as a JavaScript package, for Node and for bundlers.
//!
//! A [`Session`] is a session of the page without the page: a document, the steps taken, and their
//! exports. Arguments and results are strings, numbers and plain objects. Their TypeScript types
//! are in `types.rs`; the package contains JSON Schemas of documents and traces.
//!
//! **Architecture invariant.** This crate converts arguments, calls `view` and converts results; it
//! makes no decisions. It uses no DOM, no file and no clock.
#![forbid(unsafe_code)]

mod types;

use js_sys::{Array, Error, JSON, Object};
use kube::{Diagnostic, Severity};
use net::socket::Pmtudisc;
use play::probe::{TCP_FLAGS, parse_flags};
use play::target::usual_protocol;
use play::{Protocol, Script, Start, script};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use view::app::{Action, App, Options, Theme, link, update};
use view::export::{self, Export};
use view::story::Grain;
use view::{Lang, json, session, words};
use wasm_bindgen::prelude::*;

/// `SessionOptions` of `types.rs`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SessionOptions {
    seed: u32,
    cold: bool,
    lang: String,
    theme: String,
}

/// `Probe` of `types.rs`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe {
    from: String,
    to: String,
    proto: Option<String>,
    endpoint: Option<String>,
    sport: Option<f64>,
    ttl: Option<f64>,
    flags: Option<String>,
    seq: Option<f64>,
    size: Option<f64>,
    count: Option<f64>,
    dont_fragment: Option<bool>,
}

/// `Diagnostic` of `types.rs`.
#[derive(Serialize)]
struct DiagnosticFields<'a> {
    code: &'static str,
    severity: &'static str,
    line: u32,
    column: u32,
    message: &'a str,
    hint: &'a str,
}

/// What a `DocumentError` of `types.rs` has besides its message.
#[derive(Serialize)]
struct ErrorFields<'a> {
    code: &'static str,
    line: u32,
    column: u32,
    hint: &'a str,
    diagnostics: Vec<DiagnosticFields<'a>>,
}

/// `CommandOutput` of `types.rs`.
#[derive(Serialize)]
struct Printed<'a> {
    text: &'a str,
    ok: bool,
}

/// `Preset` of `types.rs`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PresetInfo {
    name: &'static str,
    title: &'static str,
    title_ja: &'static str,
    from: &'static str,
    to: &'static str,
    document: String,
}

fn js(value: &impl Serialize) -> JsValue {
    serde_wasm_bindgen::to_value(value).unwrap_or(JsValue::UNDEFINED)
}

fn fault(message: &str) -> JsValue {
    Error::new(message).into()
}

fn diagnostic_fields(d: &Diagnostic) -> DiagnosticFields<'_> {
    DiagnosticFields {
        code: d.code.name(),
        severity: d.severity.name(),
        line: d.span.line,
        column: d.span.column,
        message: &d.message,
        hint: &d.hint,
    }
}

fn diagnostic_objects(diags: &[Diagnostic]) -> JsValue {
    js(&diags.iter().map(diagnostic_fields).collect::<Vec<_>>())
}

/// `DocumentError` of `types.rs`: an `Error` with the fields of the first error, and all
/// `diagnostics`; `None` without an error.
fn document_error(diags: &[Diagnostic]) -> Option<JsValue> {
    let first = diags.iter().find(|d| d.severity == Severity::Error)?;
    let fields = js(&ErrorFields {
        code: first.code.name(),
        line: first.span.line,
        column: first.span.column,
        hint: &first.hint,
        diagnostics: diags.iter().map(diagnostic_fields).collect(),
    });
    let error = Error::new(&first.to_string());
    Some(Object::assign(&error, fields.unchecked_ref()).into())
}

impl SessionOptions {
    const FIELDS: &[&str] = &["seed", "cold", "lang", "theme"];
}

impl Probe {
    const FIELDS: &[&str] = &[
        "from",
        "to",
        "proto",
        "endpoint",
        "sport",
        "ttl",
        "flags",
        "seq",
        "size",
        "count",
        "dontFragment",
    ];
}

/// Reads a string argument.
fn text(value: &JsValue, name: &str) -> Result<String, JsValue> {
    value.as_string().ok_or_else(|| {
        fault(&format!(
            "{name}: must be a string, not {}",
            value.js_typeof().as_string().unwrap_or_default()
        ))
    })
}

/// Reads an integer argument in a range.
fn whole(value: f64, name: &str, range: RangeInclusive<u32>) -> Result<u32, JsValue> {
    let fits = value.fract() == 0.0
        && (f64::from(*range.start())..=f64::from(*range.end())).contains(&value);
    if fits {
        Ok(value as u32)
    } else {
        Err(fault(&format!(
            "{name} {value}: must be an integer from {} to {}",
            range.start(),
            range.end()
        )))
    }
}

/// Reads an object argument; an omitted one counts as empty. Unknown fields are errors, as they
/// would have no effect.
fn argument<T: for<'a> Deserialize<'a>>(
    value: JsValue,
    name: &str,
    fields: &[&str],
) -> Result<T, JsValue> {
    let value = if value.is_undefined() || value.is_null() { Object::new().into() } else { value };
    if let Some(object) = value.dyn_ref::<Object>() {
        let keys = Object::keys(object).iter().filter_map(|k| k.as_string()).collect::<Vec<_>>();
        if let Some(other) = keys.iter().find(|k| !fields.contains(&k.as_str())) {
            return Err(fault(&format!(
                "{name}: unknown field {other:?}; the fields are {}",
                fields.join(", ")
            )));
        }
    }
    serde_wasm_bindgen::from_value(value)
        .map_err(|e| fault(&format!("{name}: {}", e.to_string().trim_start_matches("Error: "))))
}

/// The diagnostics of a document and its Script, in order of position.
#[wasm_bindgen(unchecked_return_type = "Diagnostic[]")]
pub fn check(
    #[wasm_bindgen(unchecked_param_type = "string")] document: JsValue,
) -> Result<JsValue, JsValue> {
    Ok(diagnostic_objects(&script::check(&text(&document, "document")?)))
}

/// The built-in documents.
#[wasm_bindgen(unchecked_return_type = "Preset[]")]
pub fn presets() -> JsValue {
    let one = |p: &play::presets::Preset| PresetInfo {
        name: p.name,
        title: p.title,
        title_ja: p.title_ja,
        from: p.from,
        to: p.to,
        document: p.document(),
    };
    js(&play::presets::ALL.iter().map(one).collect::<Vec<_>>())
}

/// A document, the steps taken in it, and the moment shown.
#[wasm_bindgen]
pub struct Session {
    app: App,
}

#[wasm_bindgen]
impl Session {
    /// Starts a session of a document and plays its Script, if it has one. Throws a `DocumentError`
    /// if it has errors.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "string")] document: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "SessionOptions")] options: JsValue,
    ) -> Result<Self, JsValue> {
        let mut app = app(options)?;
        update(&mut app, Action::Opened(text(&document, "document")?));
        Self { app }.whole()
    }

    /// Opens the session of a link at its moment. Throws if the link cannot be opened.
    pub fn open(
        #[wasm_bindgen(unchecked_param_type = "string")] address: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "SessionOptions")] options: JsValue,
    ) -> Result<Self, JsValue> {
        let own = app(options)?;
        let app = link::open(&text(&address, "address")?, &own)
            .map_err(|f| fault(&words::link_fault(&f, own.chrome.lang)))?;
        Self { app }.whole()
    }

    fn whole(self) -> Result<Self, JsValue> {
        document_error(&self.app.document.diagnostics).map_or(Ok(self), Err)
    }

    /// The warnings and notes of the document.
    #[wasm_bindgen(getter, unchecked_return_type = "Diagnostic[]")]
    pub fn diagnostics(&self) -> JsValue {
        diagnostic_objects(&self.app.document.diagnostics)
    }

    /// The document, without its Script.
    #[wasm_bindgen(getter)]
    pub fn document(&self) -> String {
        self.app.document.text.to_string()
    }

    /// The whole session as one file: the document and the Script of its steps.
    #[wasm_bindgen(getter)]
    pub fn file(&self) -> String {
        self.app.file()
    }

    /// A hash of all events. Equal sessions have equal hashes on every machine.
    #[wasm_bindgen(getter)]
    pub fn hash(&self) -> String {
        self.app.session.loaded.as_ref().map(|l| session::hash(&l.session)).unwrap_or_default()
    }

    /// The result of each step of the Script, in order, one line each.
    #[wasm_bindgen(getter, unchecked_return_type = "string[]")]
    pub fn results(&self) -> JsValue {
        let all = self.app.session.script.steps.iter().zip(self.app.session.results());
        js(&all.map(|(s, r)| words::step_result(s, r, self.app.chrome.lang)).collect::<Vec<_>>())
    }

    /// The number of steps. The moment is one of them; 0 is the start.
    #[wasm_bindgen(getter)]
    pub fn steps(&self) -> usize {
        self.app.derived.steps.len()
    }

    /// The moment, as the number of a step.
    #[wasm_bindgen(getter)]
    pub fn step(&self) -> usize {
        self.app.step()
    }

    /// Goes to a moment. Throws if there is no such step.
    #[wasm_bindgen(setter)]
    pub fn set_step(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "number")] step: JsValue,
    ) -> Result<(), JsValue> {
        let step = whole(
            step.as_f64().unwrap_or(f64::NAN),
            "step",
            0..=self.app.derived.steps.len() as u32,
        )?;
        update(&mut self.app, Action::SeekStep(step as usize));
        Ok(())
    }

    /// Sets the granularity of the steps.
    pub fn grain(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Grain")] grain: JsValue,
    ) -> Result<(), JsValue> {
        let grain = match text(&grain, "grain")?.as_str() {
            "hops" => Grain::Hops,
            "decisions" => Grain::Decisions,
            "rules" => Grain::Rules,
            other => {
                return Err(fault(&format!("grain {other:?}: must be hops, decisions or rules")));
            }
        };
        update(&mut self.app, Action::Grain(grain));
        Ok(())
    }

    /// Sends at this moment, discarding what followed it, runs to the end, and returns the trace.
    /// The moment is then the last step. Throws if the probe is invalid.
    #[wasm_bindgen(unchecked_return_type = "Trace")]
    pub fn send(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Probe")] probe: JsValue,
    ) -> Result<JsValue, JsValue> {
        let probe: Probe = argument(probe, "probe", Probe::FIELDS)?;
        let app = &mut self.app;
        let loaded = app.session.loaded.as_ref().map(|l| &l.session);
        let usual =
            loaded.map_or(Protocol::Tcp, |s| usual_protocol(s.running(), s.world(), &probe.to));
        app.send.proto = match probe.proto.as_deref() {
            None => usual,
            Some("tcp") => Protocol::Tcp,
            Some("udp") => Protocol::Udp,
            Some("icmp") => Protocol::Icmp,
            Some(other) => {
                return Err(fault(&format!("proto {other:?}: must be tcp, udp or icmp")));
            }
        };
        if probe.seq.is_some() && app.send.proto != Protocol::Icmp {
            return Err(fault("seq requires a ping: set proto: \"icmp\", or remove it"));
        }
        let flags = probe.flags.unwrap_or_default();
        if !flags.is_empty() && app.send.proto != Protocol::Tcp {
            return Err(fault("flags requires TCP: set proto: \"tcp\", or remove it"));
        }
        if !flags.is_empty() && parse_flags(&flags).is_none() {
            return Err(fault(&format!("flags {flags:?}: must be {TCP_FLAGS}")));
        }
        if probe.count.is_some() && app.send.proto == Protocol::Tcp {
            return Err(fault(
                "count requires pings or datagrams: set proto: \"icmp\" or \"udp\", or remove it",
            ));
        }
        app.send.from = probe.from;
        update(app, Action::To(probe.to));
        app.force(probe.endpoint.as_deref().unwrap_or_default()).map_err(|why| fault(&why))?;
        let written = |n: Option<f64>, name: &str, range| {
            n.map_or(Ok(String::new()), |n| whole(n, name, range).map(|n| n.to_string()))
        };
        let options = Options {
            sport: written(probe.sport, "sport", Options::SPORT)?,
            ttl: written(probe.ttl, "ttl", Options::TTL)?,
            size: written(probe.size, "size", Options::SIZE)?,
            count: written(probe.count, "count", Options::COUNT)?,
            pmtudisc: match probe.dont_fragment {
                None => Pmtudisc::Want,
                Some(true) => Pmtudisc::Do,
                Some(false) => Pmtudisc::Dont,
            },
            seq: written(probe.seq, "seq", Options::SEQ)?,
            flags,
        };
        update(app, Action::Options(options));
        update(app, Action::Send);
        if let Some(why) = app.session.refused.take() {
            return Err(fault(&why));
        }
        update(app, Action::SeekStep(usize::MAX));
        self.trace()
    }

    /// The trace of the run that the moment belongs to. Throws if nothing was sent.
    #[wasm_bindgen(unchecked_return_type = "Trace")]
    pub fn trace(&self) -> Result<JsValue, JsValue> {
        let (Some(l), Some(run)) = (&self.app.session.loaded, self.app.run()) else {
            return Err(fault("no packet was sent"));
        };
        JSON::parse(&json::run(&l.session, &l.labels, run, self.app.chrome.lang))
    }

    /// Runs an emulated command on a node, pod or host at this moment, as the page's terminal does.
    #[wasm_bindgen(unchecked_return_type = "CommandOutput")]
    pub fn exec(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "string")] host: JsValue,
        #[wasm_bindgen(unchecked_param_type = "string")] command: JsValue,
    ) -> Result<JsValue, JsValue> {
        let (host, command) = (text(&host, "host")?, text(&command, "command")?);
        if matches!(command.trim(), "" | "clear") {
            return Err(fault("command: must not be empty"));
        }
        update(&mut self.app, Action::Run(host, command));
        if self.app.chrome.playing {
            update(&mut self.app, Action::SeekStep(usize::MAX));
        }
        let transcript = self.app.transcript();
        let output =
            transcript.last().map(|c| c.output).ok_or_else(|| fault("command: not run"))?;
        Ok(js(&Printed { text: &output.text, ok: output.status == 0 }))
    }

    /// The picture of this moment, as SVG.
    pub fn svg(&self) -> Result<String, JsValue> {
        self.written(Export::Svg)
    }

    /// The run as an animated SVG.
    pub fn animation(&self) -> Result<String, JsValue> {
        self.written(Export::Animation)
    }

    /// The run as text, one line for each event.
    pub fn lines(&self) -> Result<String, JsValue> {
        self.written(Export::Text)
    }

    /// The run as a Markdown table.
    pub fn markdown(&self) -> Result<String, JsValue> {
        self.written(Export::Markdown)
    }

    /// The run as a Mermaid sequence diagram.
    pub fn mermaid(&self) -> Result<String, JsValue> {
        self.written(Export::Mermaid)
    }

    /// The session as a bash script that plays it on a real kernel.
    pub fn lab(&self) -> Result<String, JsValue> {
        self.written(Export::Lab)
    }

    /// The frames seen on the given interfaces (`node01/cni0`), or on all, as a pcapng file.
    pub fn pcapng(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "string[]")] interfaces: JsValue,
    ) -> Result<Vec<u8>, JsValue> {
        let mut chosen = BTreeSet::new();
        if !interfaces.is_undefined() {
            let list = interfaces.dyn_ref::<Array>().ok_or_else(|| {
                fault("interfaces: must be an array of strings, such as [\"node01/cni0\"]")
            })?;
            for name in list.iter() {
                chosen.insert(text(&name, "interface")?);
            }
        }
        let all = export::interfaces(&self.app);
        if let Some(other) = chosen.difference(&all).next() {
            let all = all.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(fault(&format!(
                "interface {other:?}: no frame was seen there; frames were seen on {all}"
            )));
        }
        export::file(&self.app, Export::Pcapng, &chosen).map(|f| f.bytes).map_err(|why| fault(&why))
    }

    /// A link that opens the session in the page at that address, or undefined if the session does
    /// not fit into a link. Secrets, tokens and passwords are left out, unless `keepSecrets` is
    /// true.
    pub fn link(
        &mut self,
        #[wasm_bindgen(unchecked_optional_param_type = "string")] page: JsValue,
        #[wasm_bindgen(js_name = keepSecrets, unchecked_optional_param_type = "boolean")]
        keep_secrets: JsValue,
    ) -> Result<Option<String>, JsValue> {
        let page = if page.is_undefined() { String::new() } else { text(&page, "page")? };
        self.app.chrome.keep_secrets = keep_secrets.is_truthy();
        Ok(link::link(&self.app).map(|l| page + &l))
    }

    fn written(&self, what: Export) -> Result<String, JsValue> {
        let file = export::file(&self.app, what, &BTreeSet::new()).map_err(|why| fault(&why))?;
        String::from_utf8(file.bytes).map_err(|e| fault(&e.to_string()))
    }
}

/// An empty page with the language and theme of the options.
fn app(options: JsValue) -> Result<App, JsValue> {
    let options: SessionOptions = argument(options, "options", SessionOptions::FIELDS)?;
    let lang = match options.lang.as_str() {
        "" | "en" => Lang::En,
        "ja" => Lang::Ja,
        other => return Err(fault(&format!("lang {other:?}: must be en or ja"))),
    };
    let mut app = App::new(lang, "");
    app.chrome.theme = match options.theme.as_str() {
        "" | "auto" => Theme::System,
        "light" => Theme::Light,
        "dark" => Theme::Dark,
        other => return Err(fault(&format!("theme {other:?}: must be auto, light or dark"))),
    };
    let start = if options.cold { Start::Cold } else { Start::Used };
    app.session.script = Script { seed: u64::from(options.seed), start, steps: Vec::new() }.into();
    Ok(app)
}
