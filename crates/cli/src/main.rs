//! `packetwalk`: arguments, files and printing; everything else is decided below.
//!
//! **Architecture invariant.** This crate knows nothing but arguments, files and printing.
//!
//! Exit status: 0 answered, 1 the document has errors or nobody answered, 2 bad usage.
#![forbid(unsafe_code)]

mod page;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kube::{Diagnostic, Severity};
use play::presets::{ALL, Preset};
use play::probe::{parse_endpoint, usual_protocol};
use play::script::{Done, Outcome, Script};
use play::{Action, Ending, Probe, Protocol, Session, capture, lab, shell};
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use view::Lang;
use view::app::link;
use view::embed::{Shown, Snippet};

/// Walks packets through a Kubernetes cluster, decision by decision, as Linux would.
#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "FILE is a path, - for standard input, preset:NAME, or a link to the page (in quotes, for the shell)."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The built-in documents, one line each.
    Presets,
    /// Everything that is wrong with documents, as FILE:LINE:COL.
    Check {
        /// Documents.
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// One emulated command on a node, pod or host.
    Exec {
        /// The document.
        file: String,
        /// Where.
        host: String,
        /// The command, behind --.
        #[arg(last = true, required = true)]
        command: Vec<String>,
        #[command(flatten)]
        chance: Chance,
    },
    /// Runs lines `HOST$ COMMAND` from standard input in one world, and prints the transcript.
    Shell {
        /// The document.
        file: String,
        /// Compare with the output the transcript already holds.
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        chance: Chance,
    },
    /// One exchange, request and reply, ending in the verdict.
    Trace(Trace),
    /// The picture of a moment, or of a run that moves, as SVG.
    Svg(page::Picture),
    /// Writes a still picture of every built-in document, in both languages, for the embeds of a
    /// page.
    Posters {
        /// The folder.
        folder: PathBuf,
    },
    /// Plays the document's Script, step by step.
    Run {
        /// The document.
        file: String,
        /// The language of sentences.
        #[arg(long, value_enum, default_value = "en")]
        lang: Language,
    },
    /// Prints a link that opens the document in the page. Everything is in the link: nothing is
    /// sent anywhere.
    Link {
        #[command(flatten)]
        asked: page::Asked,
        /// The address of the page, before #.
        #[arg(long, default_value = "", value_parser = page::address)]
        page: String,
    },
    /// Prints what an author pastes to have a session in a page of documentation.
    Embed {
        #[command(flatten)]
        asked: page::Asked,
        /// The address of the page that the embed comes from.
        #[arg(long, value_parser = page::address)]
        page: String,
        /// For what kind of page.
        #[arg(long = "for", value_parser = Snippet::ALL.map(Snippet::word), default_value = "iframe")]
        kind: String,
        /// What is shown.
        #[arg(long, value_parser = Shown::ALL.map(Shown::name), default_value = "diagram")]
        view: String,
    },
    /// Prints the shortcode that `embed --for hugo` uses, for layouts/shortcodes/packetwalk.html.
    Shortcode,
    /// Prints the document that a link holds.
    Open {
        /// The link, from the page or from `packetwalk link`; - for standard input.
        link: String,
    },
    /// Prints a shell script that builds the cluster on a real Linux kernel and plays the Script
    /// there.
    Lab {
        /// The document.
        file: String,
    },
}

#[derive(Args)]
struct Chance {
    /// Decides every chance.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Begin with empty neighbour tables instead of warm ones.
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
    /// One line an event.
    Text,
    /// The short story.
    Hops,
    /// A table for a page of documentation.
    Markdown,
    /// A sequence diagram of Mermaid.
    Mermaid,
    /// For programs.
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
    /// The document.
    file: String,
    /// Who sends: a host, node, pod/NAME, deploy/NAME or an address.
    #[arg(long)]
    from: String,
    /// To whom: an address, svc/NAME, a host, node or pod; a port stands behind a colon.
    #[arg(long)]
    to: String,
    /// What is sent.
    #[arg(long, value_enum)]
    proto: Option<Proto>,
    /// Source port, or the identifier of a ping.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    sport: Option<u16>,
    /// ttl of a ping.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..))]
    ttl: Option<u8>,
    /// Bytes of data of a ping or datagram.
    #[arg(long, value_parser = clap::value_parser!(u16).range(..=i64::from(play::probe::MAX_SIZE)))]
    size: Option<u16>,
    /// The endpoint every draw falls on: IP or IP:PORT.
    #[arg(long)]
    endpoint: Option<String>,
    /// Follow every random choice of the rules, and print each ending with its exact probability.
    #[arg(long, conflicts_with_all = ["endpoint", "pcap", "format"])]
    outcomes: bool,
    #[command(flatten)]
    chance: Chance,
    /// How to print it.
    #[arg(long, value_enum, default_value = "hops")]
    format: Format,
    /// The language of sentences.
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    /// Also write a capture file.
    #[arg(long, value_name = "OUT.pcapng")]
    pcap: Option<PathBuf>,
    /// Of this interface only; can be said several times.
    #[arg(long, value_name = "HOST/DEVICE", requires = "pcap")]
    interface: Vec<String>,
}

/// Why the program ends early: what to print, and the exit status.
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
        Command::Check { files } => check(&files),
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
        Command::Trace(t) => trace(&t),
        Command::Svg(p) => page::picture(&p),
        Command::Posters { folder } => page::posters(&folder),
        Command::Run { file, lang } => run_script(&file, lang),
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
            let (session, done) = played(&file)?;
            print(&lab::script(&session, &done).map_err(|e| usage(e.to_string()))?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints; a reader that has gone away is no fault.
fn print(text: &str) -> Result<(), Stop> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(usage(format!("standard output: {e}")))
        }
        _ => Ok(()),
    }
}

/// A document; that of a link, where one stands.
fn read(file: &str) -> Result<String, Stop> {
    let text = written(file)?;
    match only_link(&text) {
        Some(address) => linked(address),
        None => Ok(text),
    }
}

/// What was given: a document, or a link.
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

/// The link, if a text is one and nothing else.
fn only_link(text: &str) -> Option<&str> {
    let address = text.trim();
    (link::is_link(address) && !address.contains(char::is_whitespace)).then_some(address)
}

/// A document as messages name it.
fn named(file: &str) -> &str {
    if link::is_link(file) { "the link" } else { file }
}

/// The document of a link.
fn linked(address: &str) -> Result<String, Stop> {
    let (text, steps) =
        link::document(address).map_err(|f| usage(view::words::link_fault(&f, Lang::En)))?;
    if steps > 0 {
        eprintln!(
            "The link also says what was done in the page (steps: {steps}). That is not played here: open the link in a browser to see it."
        );
    }
    Ok(text)
}

fn told(file: &str, diags: &[Diagnostic]) -> String {
    let file = named(file);
    diags.iter().map(|d| format!("{file}:{d}\n")).collect()
}

fn open(file: &str, chance: &Chance) -> Result<Session, Stop> {
    let text = read(file)?;
    Session::new(&text, chance.seed, !chance.cold).map_err(|diags| Stop(told(file, &diags), 1))
}

fn check(files: &[String]) -> Result<ExitCode, Stop> {
    let mut errors = 0;
    for file in files {
        let text = read(file)?;
        let diags = play::script::check(&text);
        print(&told(file, &diags))?;
        errors += diags.iter().filter(|d| d.severity == Severity::Error).count();
    }
    Ok(if errors > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn endpoint(text: &str) -> Result<(IpAddr, Option<u16>), Stop> {
    parse_endpoint(text).ok_or_else(|| {
        usage(format!("--endpoint {text:?}: write an address or address:port, such as 10.1.6.5:80"))
    })
}

/// Every ending of a request, with its probability.
fn outcomes(session: &Session, probe: &Probe, t: &Trace) -> Result<ExitCode, Stop> {
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
            "{:24} in branches that were not followed: there are too many\n",
            left.to_string()
        ))?;
    }
    print("Not followed: the source ports of VXLAN shells, and ports that masquerading draws.\n")?;
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// A document with its Script played; a document without one is only built.
fn played(file: &str) -> Result<(Session, Vec<Done>), Stop> {
    let text = read(file)?;
    let (script, diags) = Script::read(&text);
    if diags.iter().any(|d| d.severity == Severity::Error) {
        return Err(Stop(told(file, &diags), 1));
    }
    let script = script.unwrap_or(Script {
        seed: 0,
        start: play::Start::Known,
        steps: Vec::new(),
        places: Vec::new(),
    });
    script.play(&text).map_err(|diags| Stop(told(file, &diags), 1))
}

fn run_script(file: &str, lang: Language) -> Result<ExitCode, Stop> {
    let (session, done) = played(file)?;
    if done.is_empty() {
        return Err(usage(format!(
            "{} has nothing to play: write kind: Script, in a document of its own, with - send: below steps:",
            named(file)
        )));
    }
    let labels = view::Labels::new(session.cluster(), session.last());
    let mut failed = false;
    for d in &done {
        match (&d.action, &d.result) {
            (Action::Send(p), Outcome::Run(run)) => {
                failed |= run.verdict.ending == Ending::Failed;
                print(&format!("# {} to {}, at {} s\n", p.from, p.to, d.at))?;
                print(&view::trace::hops(
                    session.last(),
                    session.events(),
                    &labels,
                    run,
                    lang.into(),
                ))?;
                for s in &d.said {
                    print(&format!(
                        "{} s: {}$ {}\n{}",
                        s.at,
                        s.host,
                        s.line.trim_end(),
                        s.output.text
                    ))?;
                }
                let after = run.events.end..d.events.end;
                print(&view::trace::ops(
                    session.last(),
                    session.events(),
                    &labels,
                    after,
                    lang.into(),
                ))?;
            }
            (Action::Shell { host, line }, Outcome::Output(out)) => {
                failed |= out.status != 0;
                print(&format!("{host}$ {}\n{}", line.trim_end(), out.text))?;
                print(&view::trace::ops(
                    session.last(),
                    session.events(),
                    &labels,
                    d.events.clone(),
                    lang.into(),
                ))?;
            }
            _ => {}
        }
    }
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// What is sent to somebody, if it was not said.
fn protocol(session: &Session, to: &str, said: Option<Proto>) -> Protocol {
    match said {
        Some(Proto::Tcp) => Protocol::Tcp,
        Some(Proto::Udp) => Protocol::Udp,
        Some(Proto::Icmp) => Protocol::Icmp,
        None => usual_protocol(session.running(), to),
    }
}

/// The capture of a run, of the interfaces that were named.
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
            eprintln!("--interface {other}: no frame was seen there in this run");
            continue;
        }
        let all = all.into_iter().collect::<Vec<_>>().join(", ");
        return Err(usage(format!(
            "--interface {other:?}: there is no such interface; frames were seen at {all}"
        )));
    }
    let chosen = |name: &str| t.interface.is_empty() || t.interface.iter().any(|i| i == name);
    Ok(capture::pcapng(session.last(), events, &chosen))
}

fn trace(t: &Trace) -> Result<ExitCode, Stop> {
    let mut session = open(&t.file, &t.chance)?;
    let proto = protocol(&session, &t.to, t.proto);
    if t.ttl.is_some() && proto != Protocol::Icmp {
        return Err(usage(
            "--ttl is that of a ping: write --proto icmp, or leave it out".to_owned(),
        ));
    }
    if t.size.is_some() && proto == Protocol::Tcp {
        return Err(usage(
            "--size is that of a ping or datagram: write --proto icmp or udp, or leave it out"
                .to_owned(),
        ));
    }
    let mut probe = Probe::new(&t.from, &t.to);
    (probe.proto, probe.sport, probe.ttl, probe.size) = (proto, t.sport, t.ttl, t.size);
    probe.endpoint = t.endpoint.as_deref().map(endpoint).transpose()?;
    let warnings: Vec<_> =
        session.notes().iter().filter(|d| d.severity == Severity::Warning).cloned().collect();
    eprint!("{}", told(&t.file, &warnings));
    if t.outcomes {
        return outcomes(&session, &probe, t);
    }
    let run = session.send(&probe).map_err(|e| usage(e.to_string()))?;
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
    Ok(if run.verdict.ending == Ending::Answered { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
