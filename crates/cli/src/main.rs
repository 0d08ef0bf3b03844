//! `packetwalk`: arguments, files and printing; everything else is decided below.
//!
//! **Architecture invariant.** This crate knows nothing but arguments, files and printing.
//!
//! Exit status: 0 answered, 1 the document has errors or nobody answered, 2 bad usage.
#![forbid(unsafe_code)]

use clap::{Args, Parser, Subcommand, ValueEnum};
use kube::{Diagnostic, Severity};
use play::presets::{ALL, Preset};
use play::probe::{parse_endpoint, usual_protocol};
use play::script::{Done, Outcome, Script};
use play::{Action, Ending, Probe, Protocol, Session, capture, lab, shell};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use view::Lang;
use view::app::{Action as Step, App, Theme, link, update};
use view::embed::{Shown, Snippet};
use view::export::{self, Export};
use view::svg;

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
    Svg(Picture),
    /// Writes a still picture of every built-in document, in both languages, for the embeds of a page.
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
    /// Prints a link that opens the document in the page. Everything is in the link: nothing is sent anywhere.
    Link {
        /// The document.
        file: String,
        /// The address of the page, before #.
        #[arg(long, default_value = "")]
        page: String,
    },
    /// Prints what an author pastes to have the document in a page of documentation.
    Embed {
        /// The document; of a link, the moment and what was done are taken too.
        file: String,
        /// The address of the page that the embed comes from.
        #[arg(long)]
        page: String,
        /// For what kind of page.
        #[arg(long = "for", value_parser = Snippet::ALL.map(Snippet::word), default_value = "iframe")]
        kind: String,
        /// What is shown.
        #[arg(long, value_parser = Shown::ALL.map(Shown::name), default_value = "diagram")]
        view: String,
        /// Prints Hugo's shortcode instead, for layouts/shortcodes/packetwalk.html.
        #[arg(long)]
        shortcode: bool,
    },
    /// Prints the document that a link holds.
    Open {
        /// The link, from the page or from `packetwalk link`; - for standard input.
        link: String,
    },
    /// Prints a shell script that builds the cluster on a real Linux kernel and plays the Script there.
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

#[derive(Args)]
struct Picture {
    /// The document. Of a link, the moment and what was done are taken too.
    file: String,
    /// Who sends. Without --from and --to it is the picture of the cluster, or of the link's moment.
    #[arg(long, requires = "to")]
    from: Option<String>,
    /// To whom: an address, svc/NAME, a host, node or pod; a port stands behind a colon.
    #[arg(long, requires = "from")]
    to: Option<String>,
    /// What is sent.
    #[arg(long, value_enum)]
    proto: Option<Proto>,
    /// The endpoint every draw falls on: IP or IP:PORT.
    #[arg(long)]
    endpoint: Option<String>,
    #[command(flatten)]
    chance: Chance,
    /// The moment: the number of an event, as `trace --format text` prints it. The last one if not written.
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
enum Colours {
    Auto,
    Light,
    Dark,
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
            let line = input.lines().zip(out.lines()).position(|(a, b)| a.trim_end() != b.trim_end());
            let line = line.or((input.lines().count() != out.lines().count()).then(|| input.lines().count().min(out.lines().count())));
            match line {
                None => Ok(ExitCode::SUCCESS),
                Some(n) => {
                    let (old, new) = (input.lines().nth(n).unwrap_or("(nothing)"), out.lines().nth(n).unwrap_or("(nothing)"));
                    Err(Stop(format!("line {}: the transcript differs\n- {old}\n+ {new}", n + 1), 1))
                }
            }
        }
        Command::Trace(t) => trace(&t),
        Command::Svg(p) => picture(&p),
        Command::Posters { folder } => posters(&folder),
        Command::Run { file, lang } => run_script(&file, lang),
        Command::Link { file, page } => {
            let mut app = App::new(Lang::En, file.strip_prefix("preset:").unwrap_or_default());
            update(&mut app, Step::Opened(read(&file)?));
            let link = link::link(&app).ok_or_else(too_long)?;
            print(&format!("{}{link}\n", page.split('#').next().unwrap_or_default()))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Embed { shortcode: true, .. } => {
            print(&view::embed::shortcode())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Embed { file, page, kind, view, .. } => {
            let app = session(&file, App::new(Lang::En, file.strip_prefix("preset:").unwrap_or_default()))?;
            let link = link::link(&app).ok_or_else(too_long)?;
            let kind = Snippet::ALL.into_iter().find(|s| s.word() == kind).unwrap_or(Snippet::Iframe);
            print(&kind.text(&page, &link, &view::embed::title(&app), Shown::named(&view).unwrap_or_default()))?;
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
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(usage(format!("standard output: {e}"))),
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
        return Preset::named(name)
            .map(Preset::document)
            .ok_or_else(|| usage(format!("no preset {name:?}; the presets are {}", names.join(", "))));
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
    std::io::stdin().read_to_string(&mut text).map_err(|e| usage(format!("standard input: {e}")))?;
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
    let (text, steps) = link::document(address).map_err(|f| usage(view::words::link_fault(&f, Lang::En)))?;
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
    parse_endpoint(text).ok_or_else(|| usage(format!("--endpoint {text:?}: write an address or address:port, such as 10.1.6.5:80")))
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
        print(&format!("{:24} in branches that were not followed: there are too many\n", left.to_string()))?;
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
    let script = script.unwrap_or(Script { seed: 0, start: play::Start::Known, steps: Vec::new(), places: Vec::new() });
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
                print(&view::trace::hops(session.last(), session.events(), &labels, run, lang.into()))?;
                for s in &d.said {
                    print(&format!("{} s: {}$ {}\n{}", s.at, s.host, s.line.trim_end(), s.output.text))?;
                }
                let after = run.events.end..d.events.end;
                print(&view::trace::deeds(session.last(), session.events(), &labels, after, lang.into()))?;
            }
            (Action::Shell { host, line }, Outcome::Output(out)) => {
                failed |= out.status != 0;
                print(&format!("{host}$ {}\n{}", line.trim_end(), out.text))?;
                print(&view::trace::deeds(session.last(), session.events(), &labels, d.events.clone(), lang.into()))?;
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

fn too_long() -> Stop {
    usage(format!("the document is too long for a link, which holds {} KiB", link::MOST_KIB))
}

/// The page with a document, or with the session of a link.
fn session(file: &str, mut app: App) -> Result<App, Stop> {
    let given = written(file)?;
    match only_link(&given) {
        Some(address) => app = link::open(address, &app).map_err(|f| usage(view::words::link_fault(&f, Lang::En)))?,
        None => _ = update(&mut app, Step::Opened(given)),
    }
    if app.errors() > 0 { Err(Stop(told(file, &app.diags), 1)) } else { Ok(app) }
}

/// A moment or a run as SVG.
fn picture(p: &Picture) -> Result<ExitCode, Stop> {
    let mut app = App::new(p.lang.into(), p.file.strip_prefix("preset:").unwrap_or_default());
    (app.seed, app.cold) = (p.chance.seed, p.chance.cold);
    app.theme = match p.theme {
        Colours::Auto => Theme::System,
        Colours::Light => Theme::Light,
        Colours::Dark => Theme::Dark,
    };
    let mut app = session(&p.file, app)?;
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
        update(&mut app, Step::SeekEvent(at));
    }
    let what = if p.animate { Export::Film } else { Export::Svg };
    let file = export::file(&app, what, &BTreeSet::new()).map_err(usage)?;
    print(&String::from_utf8_lossy(&file.bytes))?;
    Ok(ExitCode::SUCCESS)
}

/// `NAME.LANGUAGE.svg` for every preset, and a list of them.
fn posters(folder: &Path) -> Result<ExitCode, Stop> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| usage(format!("{}: {e}", path.display())))
    };
    std::fs::create_dir_all(folder).map_err(|e| usage(format!("{}: {e}", folder.display())))?;
    for p in &ALL {
        for lang in [Lang::En, Lang::Ja] {
            write(&format!("{}.{}.svg", p.name, lang.tag()), &svg::poster(p, lang).unwrap_or_default())?;
        }
    }
    let titles: Vec<String> = ALL.iter().map(|p| format!("{:?}: [{:?}, {:?}]", p.name, p.title, p.title_ja)).collect();
    write("posters.json", &format!("{{{}}}\n", titles.join(", ")))?;
    Ok(ExitCode::SUCCESS)
}

/// Sends what was said, and goes to the last moment.
fn send(app: &mut App, from: &str, to: &str, p: &Picture) -> Result<(), Stop> {
    if let Some(l) = &app.loaded {
        app.proto = protocol(&l.session, to, p.proto);
    }
    from.clone_into(&mut app.from);
    update(app, Step::To(to.to_owned()));
    app.force(p.endpoint.as_deref().unwrap_or_default()).map_err(usage)?;
    update(app, Step::Send);
    update(app, Step::SeekStep(usize::MAX));
    Ok(())
}

/// The capture of a run, of the interfaces that were named.
fn captured(session: &Session, events: &[net::Event], t: &Trace) -> Result<Vec<u8>, Stop> {
    let all = capture::interfaces(session.last(), events);
    if let Some(other) = t.interface.iter().find(|i| !all.contains(*i)) {
        let all = all.into_iter().collect::<Vec<_>>().join(", ");
        return Err(usage(format!("--interface {other:?}: no frame was seen there; the interfaces of this run are {all}")));
    }
    let chosen = |name: &str| t.interface.is_empty() || t.interface.iter().any(|i| i == name);
    Ok(capture::pcapng(session.last(), events, &chosen))
}

fn trace(t: &Trace) -> Result<ExitCode, Stop> {
    let mut session = open(&t.file, &t.chance)?;
    let proto = protocol(&session, &t.to, t.proto);
    if t.ttl.is_some() && proto != Protocol::Icmp {
        return Err(usage("--ttl is that of a ping: write --proto icmp, or leave it out".to_owned()));
    }
    if t.size.is_some() && proto == Protocol::Tcp {
        return Err(usage("--size is that of a ping or datagram: write --proto icmp or udp, or leave it out".to_owned()));
    }
    let mut probe = Probe::new(&t.from, &t.to);
    (probe.proto, probe.sport, probe.ttl, probe.size) = (proto, t.sport, t.ttl, t.size);
    probe.endpoint = t.endpoint.as_deref().map(endpoint).transpose()?;
    let warnings: Vec<_> = session.notes().iter().filter(|d| d.severity == Severity::Warning).cloned().collect();
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
