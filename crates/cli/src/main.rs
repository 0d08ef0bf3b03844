//! The command line, `packetwalk`.
//!
//! **Architecture invariant.** This crate parses arguments, reads and writes files, and prints. It
//! makes no decision about networking or about how a result is presented.
//!
//! Exit status: 0 if every request was answered and nothing is wrong, 1 if not, 2 if the command
//! line is wrong or a file cannot be read.
#![forbid(unsafe_code)]

mod files;
mod page;

use crate::files::{Documents, each, linked, named, read, standard_input};
use clap::{Args, Parser, Subcommand, ValueEnum};
use kube::{Diagnostic, Severity};
use net::socket::Pmtudisc;
use play::presets::ALL;
use play::probe::{TCP_FLAGS, parse_endpoint, parse_flags};
use play::target::usual_protocol;
use play::{Ending, Probe, Protocol, ResultKind, Script, Session, Start, capture, lab, shell};
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use view::Lang;
use view::app::link;
use view::embed::{Shown, Snippet};

/// Follows packets through a Kubernetes cluster, and shows every decision that Linux makes.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
FILE is a path, - for standard input, preset:NAME, or a link to the page in quotes. It holds
Kubernetes manifests and, optionally, one Topology and one Script. FILES may include folders, which
stand for their *.yaml, *.yml and *.json files.

The Script of a file is played first. What the command line asks for comes last, in the same
session.

Exit status: 0 if every request was answered and nothing is wrong, 1 if not, 2 if the command line
is wrong or a file cannot be read. exec exits with the status of its command."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the built-in documents.
    Presets,
    /// Prints the errors and warnings of documents as FILE:LINE:COLUMN, with hints.
    Check {
        /// Documents, or folders of documents.
        #[arg(required = true)]
        files: Vec<String>,
        /// Lists each kind and field that is valid and not simulated, with its place.
        #[arg(long)]
        notes: bool,
    },
    /// Runs a command, such as `ip route`, on a node, pod or host.
    Exec {
        /// The document.
        file: String,
        /// The name of a node, pod or host.
        host: String,
        /// The command with its arguments, after --.
        #[arg(last = true, required = true)]
        command: Vec<String>,
        #[command(flatten)]
        chance: Chance,
    },
    /// Runs the commands in standard input, and prints them with their output.
    ///
    /// A command is a line `HOST$ COMMAND`. All others, such as the output of an earlier run, are
    /// ignored. The commands are run one after the other in one session.
    Shell {
        /// The document.
        file: String,
        /// Print nothing; exit with 1 if the output differs from that in standard input.
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        chance: Chance,
    },
    /// Follows a request and its reply, and prints a verdict: what the client got, and why.
    ///
    /// Without --from and --to it plays the Script of the document, and prints the result of every
    /// step, as `run` does.
    Trace(Trace),
    /// Prints a picture of one moment, or an animation of a whole run, as SVG.
    Svg(page::Picture),
    /// Writes a picture of every built-in document in each language; the build of the page uses it.
    Posters {
        /// The folder to write to.
        folder: PathBuf,
    },
    /// Plays the Script of a document, and prints the result of every step.
    Run {
        /// Documents, or folders of documents.
        #[arg(required = true)]
        files: Vec<String>,
        #[command(flatten)]
        chance: Chance,
        #[command(flatten)]
        output: Output,
    },
    /// Prints a link that opens the session in the page.
    ///
    /// The link contains the document and its Script. Nothing is uploaded.
    Link {
        #[command(flatten)]
        asked: page::Linked,
        /// The address of the page. Without it, only the part from # on is printed.
        #[arg(long, default_value = "", hide_default_value = true, value_parser = page::address)]
        page: String,
    },
    /// Prints a snippet that embeds the session in a page of documentation.
    Embed {
        #[command(flatten)]
        asked: page::Linked,
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
    /// Prints the file layouts/shortcodes/packetwalk.html, which snippets for Hugo need.
    Shortcode,
    /// Prints the file that a link contains: the document and its Script.
    Open {
        /// The link, from the page or from `packetwalk link`; - for standard input.
        link: String,
    },
    /// Prints a shell script that plays the session on a real Linux kernel.
    ///
    /// Run as root, the script builds the cluster from network namespaces, plays the Script, prints
    /// the results, and removes everything again. Steps that it leaves out are named on standard
    /// error, with the reason.
    Lab {
        /// The document.
        file: String,
        #[command(flatten)]
        chance: Chance,
    },
}

#[derive(Args)]
struct Chance {
    /// The seed of every random choice [default: that of the Script, or 0].
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Start with empty neighbour tables, so that ARP requests come first.
    #[arg(long)]
    cold: bool,
}

impl Chance {
    /// Whether one of the options is given.
    fn is_given(&self) -> bool {
        self.cold || self.seed.is_some()
    }

    /// A Script with the seed and the start of the options, as far as they are given.
    fn put(&self, script: Script) -> Script {
        Script {
            seed: self.seed.unwrap_or(script.seed),
            start: if self.cold { Start::Cold } else { script.start },
            ..script
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Proto {
    Tcp,
    Udp,
    Icmp,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line for each event.
    Text,
    /// One line for each hop, then the verdict.
    Hops,
    /// A Markdown table.
    Markdown,
    /// A Mermaid sequence diagram.
    Mermaid,
    /// JSON with every event; for several documents one line each, with the name as `file`.
    Json,
}

/// How a result is printed.
#[derive(Args)]
struct Output {
    /// The format of the output.
    #[arg(long, value_enum, default_value = "hops")]
    format: Format,
    /// The language of the output.
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
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
    #[arg(long, requires = "to")]
    from: Option<String>,
    /// The destination: an address, a Service, a host, node or pod; with :PORT if it has one.
    #[arg(long, requires = "from")]
    to: Option<String>,
    /// The protocol [default: icmp to an address without a port, udp to a Service that has only
    /// UDP ports, otherwise tcp].
    #[arg(long, value_enum, requires = "from")]
    proto: Option<Proto>,
    /// The source port; for a ping, its identifier.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..), requires = "from")]
    sport: Option<u16>,
    /// The IP time to live.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..), requires = "from")]
    ttl: Option<u8>,
    #[arg(long, value_parser = flags, requires = "from", help = format!(
        "TCP: one segment with these control bits, without a connection: {TCP_FLAGS}"
    ))]
    flags: Option<net::wire::TcpFlags>,
    /// Path MTU discovery: want sets DF unless a packet must be fragmented, do always, dont never.
    #[arg(long, value_parser = pmtudisc, requires = "from")]
    pmtudisc: Option<Pmtudisc>,
    /// The length of the data in a ping, datagram or segment, in bytes; for a TCP connection, of
    /// the data added to the request.
    #[arg(long, value_parser = clap::value_parser!(u16).range(..=i64::from(play::probe::MAX_SIZE)),
          requires = "from")]
    size: Option<u16>,
    /// The endpoint that the random rules of kube-proxy choose: IP or IP:PORT.
    #[arg(long, requires = "from")]
    endpoint: Option<String>,
    /// Follow every random choice both ways, and print each outcome with its exact probability.
    #[arg(long, requires = "from", conflicts_with_all = ["endpoint", "pcap", "format"])]
    outcomes: bool,
    #[command(flatten)]
    chance: Chance,
    #[command(flatten)]
    output: Output,
    /// Also write a capture file for Wireshark.
    #[arg(long, value_name = "OUT.pcapng")]
    pcap: Option<PathBuf>,
    /// Capture on this interface only; may be given several times.
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
        Command::Check { files, notes } => {
            each(&Documents::of(&files)?, None, |file| check(file, notes))
        }
        Command::Exec { file, host, command, chance } => {
            let mut session = open(&file, &chance)?;
            let out = shell::exec(&mut session, &host, &command.join(" "));
            if let Some(ResultKind::Invalid(e)) = session.results().last().map(|r| &r.kind) {
                return Err(usage(format!("{}: {e}", named(&file))));
            }
            print(&out.text)?;
            Ok(ExitCode::from(u8::try_from(out.status).unwrap_or(1)))
        }
        Command::Shell { file, check, chance } => {
            if file == "-" {
                return Err(usage("-: standard input has the commands; write the document's path"));
            }
            let mut session = open(&file, &chance)?;
            let input = standard_input()?;
            if !input.lines().any(|line| shell::prompt(line).is_some()) {
                return Err(usage("-: no command; write lines such as: worker-1$ ip route"));
            }
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
            let documents = Documents::of(&t.files)?;
            if t.pcap.is_some() && documents.files.len() > 1 {
                return Err(usage("--pcap: a capture is of one session; name one document"));
            }
            each(&documents, Some(t.output.format), |file| trace(file, &t))
        }
        Command::Svg(p) => page::picture(&p),
        Command::Posters { folder } => page::posters(&folder),
        Command::Run { files, chance, output } => {
            let documents = Documents::of(&files)?.with_script();
            each(&documents, Some(output.format), |file| {
                let session = scripted(file, &chance)?;
                Ok((told(&session, &output), view::session::is_good(&session)))
            })
        }
        Command::Link { asked, page } => page::address_of(&asked, &page),
        Command::Embed { asked, page, kind, view } => page::snippet(&asked, &page, &kind, &view),
        Command::Shortcode => {
            print(&view::embed::shortcode())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Open { link } => {
            let address = if link == "-" { standard_input()? } else { link };
            if !link::is_link(&address) {
                return Err(usage(format!(
                    "{:?}: not a link to the page; copy the whole address, with #v2: in it, and \
                     write it in quotes",
                    address.trim()
                )));
            }
            print(&linked(address.trim())?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Lab { file, chance } => {
            let lab = lab::script(&played(&file, &chance, Start::Known)?)
                .map_err(|e| usage(format!("{}: {e}", named(&file))))?;
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

/// Builds the cluster of a document and plays its Script. `start`: that of a document without one.
fn played(file: &str, chance: &Chance, start: Start) -> Result<Session, Stop> {
    let text = read(file)?;
    let wrong = |diags: &[Diagnostic]| Stop(report(file, diags), 1);
    let (script, diags) = Script::read(&text);
    if diags.iter().any(|d| d.severity == Severity::Error) {
        return Err(wrong(&play::script::check(&text)));
    }
    let script = script.unwrap_or_else(|| Script { start, ..Script::default() });
    chance.put(script).play(&text).map_err(|diags| wrong(&diags))
}

/// As [`played`], for a command of its own at the end. Prints what is wrong with the document and
/// its steps.
fn open(file: &str, chance: &Chance) -> Result<Session, Stop> {
    let session = played(file, chance, Start::Used)?;
    let mut warnings = session.notes().to_vec();
    warnings.retain(|d| d.severity == Severity::Warning);
    warnings.extend(play::script::complaints(&session));
    eprint!("{}", report(file, &warnings));
    Ok(session)
}

/// A run as text, with the release in force above its verdict.
fn dated(session: &Session, run: &str) -> String {
    let at = run.rfind("=> ").unwrap_or(run.len());
    let release = session.cluster().topology.version;
    format!("{}Kubernetes {release}\n{}", &run[..at], &run[at..])
}

/// The diagnostics of a document, and whether none of them is an error. With `notes`, each part of
/// a note that tells several.
fn check(file: &str, notes: bool) -> Result<(String, bool), Stop> {
    let diags = play::script::check(&read(file)?);
    let mut text = report(file, &diags);
    for (at, what) in diags.iter().flat_map(|d| &d.parts).filter(|_| notes) {
        let line = format!("{file}:{}:{}: note: {what} is not simulated\n", at.line, at.column);
        text.push_str(&printable(&line));
    }
    Ok((text, diags.iter().all(|d| d.severity != Severity::Error)))
}

fn endpoint(text: &str) -> Result<(IpAddr, Option<u16>), Stop> {
    parse_endpoint(text).ok_or_else(|| {
        usage(format!("--endpoint {text:?}: write an address or address:port, such as 10.1.6.5:80"))
    })
}

/// Every outcome of a request with its probability, and whether none is a failure.
fn outcomes(
    file: &str,
    session: &Session,
    probe: &Probe,
    lang: Lang,
) -> Result<(String, bool), Stop> {
    let found = play::outcomes::outcomes(session, probe)
        .map_err(|e| usage(format!("{}: {e}", named(file))))?;
    let labels = view::NetnsLabels::new(session.cluster(), session.last());
    let mut out = String::new();
    for e in &found.endings {
        let text = view::trace::verdict_text(&e.session, &labels, &e.run, lang);
        out += &format!("{:24} {text}\n", e.probability.to_string());
    }
    if let Some(left) = found.left {
        out += &format!(
            "{:24} in branches that were not followed, as there are too many\n",
            left.to_string()
        );
    }
    out += "Not followed: the source ports of VXLAN packets and of masquerading.\n";
    Ok((out, found.endings.iter().all(|e| e.run.verdict.ending != Ending::Failed)))
}

/// Plays the Script of a document, which must have steps. Prints which of them came late or were
/// not done.
fn scripted(file: &str, chance: &Chance) -> Result<Session, Stop> {
    let session = played(file, chance, Start::Used)?;
    if session.steps().is_empty() {
        return Err(usage(format!(
            "{}: no Script to play: add a YAML document with kind: Script and steps under spec, or \
             send one request with trace --from and --to",
            named(file)
        )));
    }
    eprint!("{}", report(file, &play::script::misplaced(&session)));
    Ok(session)
}

/// The result of every step.
fn told(session: &Session, output: &Output) -> String {
    let labels = view::NetnsLabels::new(session.cluster(), session.last());
    let lang = output.lang.into();
    match output.format {
        Format::Hops => view::session::text(session, &labels, view::trace::hops, lang),
        Format::Text => view::session::text(session, &labels, view::trace::text, lang),
        Format::Markdown => view::session::markdown(session, &labels, lang),
        Format::Mermaid => view::session::mermaid(session, &labels, lang),
        Format::Json => view::json::session(session, &labels, lang),
    }
}

/// The protocol of a probe: that of the option, or the usual one for the destination.
fn protocol(session: &Session, to: &str, given: Option<Proto>) -> Protocol {
    match given {
        Some(Proto::Tcp) => Protocol::Tcp,
        Some(Proto::Udp) => Protocol::Udp,
        Some(Proto::Icmp) => Protocol::Icmp,
        None => usual_protocol(session.running(), session.world(), to),
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

/// Writes the capture of --pcap, if it is given.
fn write_capture(session: &Session, events: &[net::Event], t: &Trace) -> Result<(), Stop> {
    let Some(path) = &t.pcap else { return Ok(()) };
    let bytes = captured(session, events, t)?;
    std::fs::write(path, bytes).map_err(|e| usage(format!("{}: {e}", path.display())))
}

/// The control bits of --flags.
fn flags(text: &str) -> Result<net::wire::TcpFlags, String> {
    parse_flags(text).ok_or_else(|| format!("write {TCP_FLAGS}"))
}

/// The setting of --pmtudisc.
fn pmtudisc(text: &str) -> Result<Pmtudisc, &'static str> {
    Pmtudisc::from_name(text).ok_or("write want, do or dont")
}

fn trace(file: &str, t: &Trace) -> Result<(String, bool), Stop> {
    let (Some(from), Some(to)) = (&t.from, &t.to) else {
        let session = scripted(file, &t.chance)?;
        write_capture(&session, session.events(), t)?;
        return Ok((told(&session, &t.output), view::session::is_good(&session)));
    };
    let mut session = open(file, &t.chance)?;
    let proto = protocol(&session, to, t.proto);
    if t.flags.is_some() && proto != Protocol::Tcp {
        return Err(usage("--flags requires TCP: add --proto tcp, or remove it"));
    }
    let mut probe = Probe::new(from, to);
    (probe.proto, probe.sport, probe.ttl, probe.size) = (proto, t.sport, t.ttl, t.size);
    (probe.flags, probe.pmtudisc) = (t.flags, t.pmtudisc.unwrap_or_default());
    probe.endpoint = t.endpoint.as_deref().map(endpoint).transpose()?;
    let lang = t.output.lang.into();
    if t.outcomes {
        return outcomes(file, &session, &probe, lang);
    }
    let run = session.send(&probe).map_err(|e| usage(format!("{}: {e}", named(file))))?;
    write_capture(&session, &session.events()[run.events.clone()], t)?;
    let (state, events) = (session.last(), session.events());
    let labels = view::NetnsLabels::new(session.cluster(), state);
    let step = session.steps().len() - 1;
    let below = || view::diagnosis::text(&session, step, lang);
    let text = match t.output.format {
        Format::Text => {
            dated(&session, &view::trace::text(state, events, &labels, &run, lang)) + &below()
        }
        Format::Hops => {
            dated(&session, &view::trace::hops(state, events, &labels, &run, lang)) + &below()
        }
        Format::Markdown => {
            let below = view::diagnosis::markdown(&session, step, lang);
            view::markdown::run(state, events, &labels, &run, lang) + &below
        }
        Format::Mermaid => view::mermaid::run(state, events, &labels, &run, lang),
        Format::Json => view::json::run(&session, &labels, &run, lang),
    };
    Ok((text, run.verdict.ending == Ending::Answered))
}
