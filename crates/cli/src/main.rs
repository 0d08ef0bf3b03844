//! The command line, `packetwalk`.
//!
//! **Architecture invariant.** This crate parses arguments, reads and writes files, and prints. It
//! makes no decision about networking or about how a result is presented.
//!
//! Exit status: 0 if the client was answered, 1 if it was not or the document has errors, 2 for
//! wrong usage.
#![forbid(unsafe_code)]

mod page;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kube::{Diagnostic, Severity};
use play::presets::{ALL, Preset};
use play::probe::{parse_endpoint, usual_protocol};
use play::{Ending, Probe, Protocol, Script, Session, capture, lab, shell};
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use view::Lang;
use view::app::link;
use view::embed::{Shown, Snippet};

/// Walks packets through a Kubernetes cluster, decision by decision, as Linux would.
#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "FILE is a path, - for standard input, preset:NAME, or a link to the page (quoted, for \
the shell). A command that takes several files also takes folders, and reads their *.yaml, *.yml \
and *.json files."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the built-in documents.
    Presets,
    /// Checks documents and prints every diagnostic as FILE:LINE:COL.
    Check {
        /// Documents, or folders of them.
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// Runs one emulated command on a node, pod or host.
    Exec {
        /// The document.
        file: String,
        /// The node, pod or host.
        host: String,
        /// The command, after --.
        #[arg(last = true, required = true)]
        command: Vec<String>,
        #[command(flatten)]
        chance: Chance,
    },
    /// Reads lines `HOST$ COMMAND` from standard input, runs them in one session, and prints the
    /// transcript.
    Shell {
        /// The document.
        file: String,
        /// Compare the output with that in the transcript.
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        chance: Chance,
    },
    /// Sends a request, traces it and its reply, and prints the verdict.
    Trace(Trace),
    /// Prints the picture of a moment, or an animation of a run, as SVG.
    Svg(page::Picture),
    /// Writes a still picture of every built-in document, in both languages, for embeds.
    Posters {
        /// The folder to write to.
        folder: PathBuf,
    },
    /// Plays each document's Script, and prints the result of every step.
    Run {
        /// Documents, or folders of documents.
        #[arg(required = true)]
        files: Vec<String>,
        /// The format of the output.
        #[arg(long, value_enum, default_value = "hops")]
        format: Format,
        /// The language of the output.
        #[arg(long, value_enum, default_value = "en")]
        lang: Language,
    },
    /// Prints a link that opens the document in the page. The link contains the document; nothing
    /// is uploaded.
    Link {
        #[command(flatten)]
        asked: page::Asked,
        /// The address of the page, without the part after #.
        #[arg(long, default_value = "", value_parser = page::address)]
        page: String,
    },
    /// Prints the snippet that embeds a session in a page of documentation.
    Embed {
        #[command(flatten)]
        asked: page::Asked,
        /// The address of the Packetwalk page that serves the embed.
        #[arg(long, value_parser = page::address)]
        page: String,
        /// The kind of page that the snippet is for.
        #[arg(long = "for", value_parser = Snippet::ALL.map(Snippet::word), default_value = "iframe")]
        kind: String,
        /// The part of the page that the embed shows.
        #[arg(long, value_parser = Shown::ALL.map(Shown::name), default_value = "diagram")]
        view: String,
    },
    /// Prints the shortcode that `embed --for hugo` uses, for layouts/shortcodes/packetwalk.html.
    Shortcode,
    /// Prints the file that a link contains: the document and the Script of the session.
    Open {
        /// The link, from the page or from `packetwalk link`; - for standard input.
        link: String,
    },
    /// Prints a shell script that builds the cluster from network namespaces on a real Linux kernel
    /// and plays the Script there.
    Lab {
        /// The document.
        file: String,
    },
}

#[derive(Args)]
struct Chance {
    /// The seed of every random choice.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Start with empty neighbour tables.
    #[arg(long)]
    cold: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Proto {
    Tcp,
    Udp,
    Icmp,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// One line for each event.
    Text,
    /// One line for each hop, and the verdict.
    Hops,
    /// A Markdown table.
    Markdown,
    /// A Mermaid sequence diagram.
    Mermaid,
    /// JSON with every event; the schema is in the npm package.
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    En,
    Ja,
}

impl From<Language> for Lang {
    fn from(l: Language) -> Self {
        match l {
            Language::En => Self::En,
            Language::Ja => Self::Ja,
        }
    }
}

#[derive(Args)]
struct Trace {
    /// Documents, or folders of documents.
    #[arg(required = true)]
    files: Vec<String>,
    /// The sender: a host, node, pod/NAME, deploy/NAME or an address.
    #[arg(long)]
    from: String,
    /// The destination: an address, svc/NAME, a host, node or pod; with :PORT if it has one.
    #[arg(long)]
    to: String,
    /// The protocol. By default tcp to a port, udp to a Service with UDP ports only, else icmp.
    #[arg(long, value_enum)]
    proto: Option<Proto>,
    /// The source port, or the identifier of a ping.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    sport: Option<u16>,
    /// The TTL of a ping.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..))]
    ttl: Option<u8>,
    /// The data of a ping or datagram, in bytes.
    #[arg(long, value_parser = clap::value_parser!(u16).range(..=i64::from(play::probe::MAX_SIZE)))]
    size: Option<u16>,
    /// The endpoint that random rules choose: IP or IP:PORT.
    #[arg(long)]
    endpoint: Option<String>,
    /// Follow every random choice of the rules, and print each outcome with its exact probability.
    #[arg(long, conflicts_with_all = ["endpoint", "pcap", "format"])]
    outcomes: bool,
    #[command(flatten)]
    chance: Chance,
    /// The output format.
    #[arg(long, value_enum, default_value = "hops")]
    format: Format,
    /// The language of the output.
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    /// Also write a capture file for Wireshark.
    #[arg(long, value_name = "OUT.pcapng")]
    pcap: Option<PathBuf>,
    /// Capture on this interface only; may be repeated.
    #[arg(long, value_name = "HOST/DEVICE", requires = "pcap")]
    interface: Vec<String>,
}

/// Ends the program: the message to print, and the exit status.
struct Stop(String, u8);

fn usage(message: impl Into<String>) -> Stop {
    Stop(message.into(), 2)
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(code) => code,
        Err(Stop(message, code)) => {
            eprintln!("{}", message.trim_end());
            ExitCode::from(code)
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Stop> {
    match command {
        Command::Presets => {
            for p in ALL {
                print(&format!("{:24} {:28} --from {} --to {}\n", p.name, p.title, p.from, p.to))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Check { files } => check(&expanded(&files)?),
        Command::Exec { file, host, command, chance } => {
            let mut session = open(&file, &chance)?;
            let out = shell::exec(&mut session, &host, &command.join(" "));
            print(&out.text)?;
            Ok(ExitCode::from(u8::try_from(out.status).unwrap_or(1)))
        }
        Command::Shell { file, check, chance } => {
            let mut session = open(&file, &chance)?;
            let input = standard_input()?;
            let out = shell::transcript(&mut session, &input);
            if !check {
                print(&out)?;
                return Ok(ExitCode::SUCCESS);
            }
            let line =
                input.lines().zip(out.lines()).position(|(a, b)| a.trim_end() != b.trim_end());
            let line = line.or((input.lines().count() != out.lines().count())
                .then(|| input.lines().count().min(out.lines().count())));
            match line {
                None => Ok(ExitCode::SUCCESS),
                Some(n) => {
                    let (old, new) = (
                        input.lines().nth(n).unwrap_or("(nothing)"),
                        out.lines().nth(n).unwrap_or("(nothing)"),
                    );
                    Err(Stop(
                        format!("line {}: the transcript differs\n- {old}\n+ {new}", n + 1),
                        1,
                    ))
                }
            }
        }
        Command::Trace(t) => {
            let files = expanded(&t.files)?;
            if t.pcap.is_some() && files.len() > 1 {
                return Err(usage("--pcap: a capture can be of one document only"));
            }
            each(&files, |file| trace(file, &t))
        }
        Command::Svg(p) => page::picture(&p),
        Command::Posters { folder } => page::posters(&folder),
        Command::Run { files, format, lang } => {
            each(&expanded(&files)?, |file| run_script(file, format, lang.into()))
        }
        Command::Link { asked, page } => page::address_of(&asked, &page),
        Command::Embed { asked, page, kind, view } => page::snippet(&asked, &page, &kind, &view),
        Command::Shortcode => {
            print(&view::embed::shortcode())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Open { link } => {
            let address = if link == "-" { standard_input()? } else { link };
            print(&linked(address.trim())?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Lab { file } => {
            let lab = lab::script(&played(&file)?).map_err(|e| usage(e.to_string()))?;
            for what in &lab.left_out {
                eprintln!("left out: {what}");
            }
            print(&lab.script)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints to standard output. A closed pipe is not an error.
fn print(text: &str) -> Result<(), Stop> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(usage(format!("standard output: {e}")))
        }
        _ => Ok(()),
    }
}

/// Reads a document; if the file holds a link, the document of the link.
fn read(file: &str) -> Result<String, Stop> {
    let text = written(file)?;
    match only_link(&text) {
        Some(address) => linked(address),
        None => Ok(text),
    }
}

/// The text of FILE: a document or a link.
fn written(file: &str) -> Result<String, Stop> {
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
    std::fs::read_to_string(file).map_err(|e| usage(format!("{file}: {e}")))
}

fn standard_input() -> Result<String, Stop> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|e| usage(format!("standard input: {e}")))?;
    Ok(text)
}

/// The link, if the text consists of a link alone.
fn only_link(text: &str) -> Option<&str> {
    let address = text.trim();
    (link::is_link(address) && !address.contains(char::is_whitespace)).then_some(address)
}

/// The name of a document in messages.
fn named(file: &str) -> &str {
    if link::is_link(file) { "the link" } else { file }
}

/// The file that a link holds.
fn linked(address: &str) -> Result<String, Stop> {
    link::file(address).map_err(|f| usage(view::words::link_fault(&f, Lang::En)))
}

/// The documents of the arguments. A folder is replaced by the documents in it, sorted by name.
fn expanded(files: &[String]) -> Result<Vec<String>, Stop> {
    let mut out = Vec::new();
    for file in files {
        if !Path::new(file).is_dir() {
            out.push(file.clone());
            continue;
        }
        let entries = std::fs::read_dir(file).map_err(|e| usage(format!("{file}: {e}")))?;
        let is_document = |p: &PathBuf| {
            let end = p.extension().and_then(|e| e.to_str()).unwrap_or_default();
            ["yaml", "yml", "json"].contains(&end) && p.is_file()
        };
        let mut found: Vec<PathBuf> =
            entries.flatten().map(|e| e.path()).filter(is_document).collect();
        if found.is_empty() {
            return Err(usage(format!("{file}: no *.yaml, *.yml or *.json file in this folder")));
        }
        found.sort();
        out.extend(found.into_iter().map(|p| p.display().to_string()));
    }
    Ok(out)
}

/// Runs an action on each document, with its name as a heading if there are several. An error in
/// one does not stop the others. Returns the highest exit status.
fn each(
    files: &[String],
    mut act: impl FnMut(&str) -> Result<bool, Stop>,
) -> Result<ExitCode, Stop> {
    if let [file] = files {
        return Ok(if act(file)? { ExitCode::SUCCESS } else { ExitCode::from(1) });
    }
    let mut worst = 0;
    for file in files {
        print(&format!("== {}\n", named(file)))?;
        let status = match act(file) {
            Ok(good) => u8::from(!good),
            Err(Stop(message, status)) => {
                eprintln!("{}", message.trim_end());
                status
            }
        };
        worst = worst.max(status);
    }
    Ok(ExitCode::from(worst))
}

/// Diagnostics as text: FILE:LINE:COL, message and hint.
fn report(file: &str, diags: &[Diagnostic]) -> String {
    let file = named(file);
    diags.iter().map(|d| printable(&format!("{file}:{d}\n"))).collect()
}

/// A text without the control characters that a name may contain: a terminal would obey them.
fn printable(text: &str) -> String {
    let shown = |c: char| {
        let raw = matches!(c, '\n' | '\t') || !c.is_control();
        if raw { c.to_string() } else { c.escape_default().to_string() }
    };
    text.chars().map(shown).collect()
}

fn open(file: &str, chance: &Chance) -> Result<Session, Stop> {
    let text = read(file)?;
    Session::new(&text, chance.seed, !chance.cold).map_err(|diags| Stop(report(file, &diags), 1))
}

fn check(files: &[String]) -> Result<ExitCode, Stop> {
    let mut errors = 0;
    for file in files {
        let text = read(file)?;
        let diags = play::script::check(&text);
        print(&report(file, &diags))?;
        errors += diags.iter().filter(|d| d.severity == Severity::Error).count();
    }
    Ok(if errors > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn endpoint(text: &str) -> Result<(IpAddr, Option<u16>), Stop> {
    parse_endpoint(text).ok_or_else(|| {
        usage(format!("--endpoint {text:?}: write an address or address:port, such as 10.1.6.5:80"))
    })
}

/// Prints every outcome of a request, with its probability.
fn outcomes(session: &Session, probe: &Probe, t: &Trace) -> Result<bool, Stop> {
    let found = play::outcomes::outcomes(session, probe).map_err(|e| usage(e.to_string()))?;
    let labels = view::Labels::new(session.cluster(), session.last());
    let mut failed = false;
    for e in &found.endings {
        failed |= e.run.verdict.ending == Ending::Failed;
        let text = view::trace::verdict_text(&e.session, &labels, &e.run, t.lang.into());
        print(&format!("{:24} {text}\n", e.probability.to_string()))?;
    }
    if let Some(left) = found.left {
        print(&format!(
            "{:24} in branches that were not followed, as there are too many\n",
            left.to_string()
        ))?;
    }
    print("Not followed: the source ports of VXLAN packets and of masquerading.\n")?;
    Ok(!failed)
}

/// Builds the cluster of a document and plays its Script, if it has one.
fn played(file: &str) -> Result<Session, Stop> {
    let text = read(file)?;
    let (script, diags) = Script::read(&text);
    if diags.iter().any(|d| d.severity == Severity::Error) {
        return Err(Stop(report(file, &diags), 1));
    }
    let none = || Script { start: play::Start::Known, ..Script::default() };
    script.unwrap_or_else(none).play(&text).map_err(|diags| Stop(report(file, &diags), 1))
}

fn run_script(file: &str, format: Format, lang: Lang) -> Result<bool, Stop> {
    let session = played(file)?;
    if session.steps().is_empty() {
        return Err(usage(format!(
            "{} has no Script to play: add a YAML document with kind: Script and steps",
            named(file)
        )));
    }
    let labels = view::Labels::new(session.cluster(), session.last());
    print(&match format {
        Format::Hops => view::session::text(&session, &labels, view::trace::hops, lang),
        Format::Text => view::session::text(&session, &labels, view::trace::text, lang),
        Format::Markdown => view::session::markdown(&session, &labels, lang),
        Format::Mermaid => view::session::mermaid(&session, &labels, lang),
        Format::Json => view::json::session(&session, &labels, lang),
    })?;
    Ok(view::session::is_good(&session))
}

/// The protocol of a probe: that of the option, or the usual one for the destination.
fn protocol(session: &Session, to: &str, given: Option<Proto>) -> Protocol {
    match given {
        Some(Proto::Tcp) => Protocol::Tcp,
        Some(Proto::Udp) => Protocol::Udp,
        Some(Proto::Icmp) => Protocol::Icmp,
        None => usual_protocol(session.running(), to),
    }
}

/// The capture of a run on the interfaces of --interface.
fn captured(session: &Session, events: &[net::Event], t: &Trace) -> Result<Vec<u8>, Stop> {
    let all = capture::interfaces(session.last(), events);
    let is_there = |name: &str| {
        let found = name
            .rsplit_once('/')
            .and_then(|(host, dev)| session.last().ns_named(host)?.1.dev_named(dev));
        found.is_some()
    };
    for other in t.interface.iter().filter(|i| !all.contains(*i)) {
        if is_there(other) {
            eprintln!("--interface {other}: no frame was seen there");
            continue;
        }
        let all = all.into_iter().collect::<Vec<_>>().join(", ");
        return Err(usage(format!(
            "--interface {other:?}: no such interface; frames were seen on {all}"
        )));
    }
    let chosen = |name: &str| t.interface.is_empty() || t.interface.iter().any(|i| i == name);
    Ok(capture::pcapng(session.last(), events, &chosen))
}

fn trace(file: &str, t: &Trace) -> Result<bool, Stop> {
    let mut session = open(file, &t.chance)?;
    let proto = protocol(&session, &t.to, t.proto);
    if t.ttl.is_some() && proto != Protocol::Icmp {
        return Err(usage("--ttl requires a ping: add --proto icmp, or remove it".to_owned()));
    }
    if t.size.is_some() && proto == Protocol::Tcp {
        return Err(usage(
            "--size requires a ping or datagram: add --proto icmp or udp, or remove it".to_owned(),
        ));
    }
    let mut probe = Probe::new(&t.from, &t.to);
    (probe.proto, probe.sport, probe.ttl, probe.size) = (proto, t.sport, t.ttl, t.size);
    probe.endpoint = t.endpoint.as_deref().map(endpoint).transpose()?;
    let warnings: Vec<_> =
        session.notes().iter().filter(|d| d.severity == Severity::Warning).cloned().collect();
    eprint!("{}", report(file, &warnings));
    if t.outcomes {
        return outcomes(&session, &probe, t);
    }
    let run = session.send(&probe).map_err(|e| usage(format!("{}: {e}", named(file))))?;
    let lang = t.lang.into();
    let state = session.world().state();
    let labels = view::Labels::new(session.cluster(), state);
    if let Some(path) = &t.pcap {
        let bytes = captured(&session, &session.events()[run.events.clone()], t)?;
        std::fs::write(path, bytes).map_err(|e| usage(format!("{}: {e}", path.display())))?;
    }
    print(&match t.format {
        Format::Text => view::trace::text(state, session.events(), &labels, &run, lang),
        Format::Hops => view::trace::hops(state, session.events(), &labels, &run, lang),
        Format::Markdown => view::markdown::run(state, session.events(), &labels, &run, lang),
        Format::Mermaid => view::mermaid::run(state, session.events(), &labels, &run, lang),
        Format::Json => view::json::run(&session, &labels, &run, lang),
    })?;
    Ok(run.verdict.ending == Ending::Answered)
}
