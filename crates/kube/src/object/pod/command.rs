//! What a container's command and arguments say about the ports it listens on.
//!
//! A command is a list of statements: the words of `command` and `args`, or what a shell runs with
//! `-c`. A flag is about a port that is listened on if all words of its name are: `--port`,
//! `--web.listen-address`, `-metrics-bind-address`, but not `--redis-port`.

use super::container::Container;
use super::listen::{ListenAddress, local};

/// The ports in a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandPorts {
    /// Those of the service itself: they stand for all others.
    pub(crate) main: Vec<ListenAddress>,
    /// Those of metrics, health checks and the like, which come in addition.
    pub(crate) side: Vec<ListenAddress>,
}

/// Programs that listen on nothing: they wait, prepare something, or are clients.
const QUIET: &[&str] = &[
    "sleep",
    "tail",
    "sh",
    "bash",
    "ash",
    "zsh",
    "cat",
    "true",
    "false",
    ":",
    "echo",
    "printf",
    "date",
    "wait",
    "trap",
    "while",
    "do",
    "done",
    "until",
    "for",
    "if",
    "then",
    "else",
    "fi",
    "exit",
    "pause",
    "[",
    "test",
    "read",
    "set",
    "export",
    "cd",
    "cp",
    "mv",
    "mkdir",
    "chmod",
    "chown",
    "ln",
    "rm",
    "touch",
    "apk",
    "apt",
    "apt-get",
    "yum",
    "dnf",
    "pip",
    "curl",
    "wget",
    "ping",
    "nslookup",
    "dig",
    "host",
    "hostname",
    "env",
    "ls",
    "seq",
    "redis-cli",
    "psql",
    "mysqladmin",
    "kubectl",
    "watch",
    "tcpdump",
    "hey",
    "ab",
    "wrk",
    "fortio-load",
];

/// Words that say that a flag is about an address or port of the program's own.
const PORT_WORDS: &[&str] = &["port", "ports", "listen", "bind", "addr", "address", "listener"];
/// Words beside those in the name of a flag about the port of the service itself, as in
/// `--http-port`.
const MAIN_WORDS: &[&str] = &[
    "http",
    "https",
    "web",
    "server",
    "serving",
    "tcp",
    "udp",
    "api",
    "grpc",
    "tls",
    "ssl",
    "secure",
    "insecure",
    "client",
    "peer",
    "url",
    "urls",
    "addresses",
    "rest",
    "app",
    "on",
];
/// Words of what listens beside the service itself.
const SIDE_WORDS: &[&str] = &[
    "metrics",
    "metric",
    "health",
    "healthz",
    "probe",
    "admin",
    "console",
    "status",
    "telemetry",
    "webhook",
    "profiling",
    "pprof",
    "debug",
    "readiness",
    "liveness",
    "monitoring",
    "prometheus",
];

/// The statements of a container's command, each a list of words.
pub(crate) fn statements(c: &Container) -> Vec<Vec<String>> {
    let words: Vec<String> = c.command.iter().chain(&c.args).map(|w| expanded(c, w)).collect();
    let shell = words.first().is_some_and(|w| matches!(base(w), "sh" | "bash" | "ash" | "zsh"));
    let is_c = |w: &String| w.starts_with('-') && !w.starts_with("--") && w.ends_with('c');
    match words.iter().position(is_c).filter(|_| shell) {
        Some(i) => words.get(i + 1).map(|script| split(c, script)).unwrap_or_default(),
        None if words.is_empty() => Vec::new(),
        None => vec![words],
    }
}

/// The program of a statement, without its path, `exec`, `nohup` and variables before it.
pub(crate) fn program(statement: &[String]) -> &str {
    let skipped = |w: &&String| {
        matches!(w.as_str(), "exec" | "nohup" | "sudo" | "time" | "do" | "then" | "else" | "--")
            || (w.contains('=') && !w.starts_with('-'))
            || matches!(base(w), "tini" | "dumb-init")
    };
    statement.iter().find(|w| !skipped(w)).map(|w| base(w)).unwrap_or_default()
}

/// Whether a command only waits, or only runs clients: nothing of it listens.
pub(crate) fn only_waits(c: &Container) -> bool {
    let all = statements(c);
    let quiet = |s: &Vec<String>| QUIET.contains(&program(s)) || program(s).is_empty();
    !all.is_empty() && all.iter().all(quiet)
}

/// The ports that a container's command and arguments name.
pub(crate) fn ports(c: &Container) -> CommandPorts {
    let mut out = CommandPorts::default();
    for statement in statements(c) {
        if !QUIET.contains(&program(&statement)) {
            of_statement(&statement, &mut out);
        }
    }
    out.main.dedup();
    out.side.dedup();
    out
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// A word with the variables of the container in it: `$(NAME)`.
fn expanded(c: &Container, word: &str) -> String {
    c.env.iter().fold(word.to_owned(), |w, (name, value)| w.replace(&format!("$({name})"), value))
}

/// The statements of a shell script.
fn split(c: &Container, script: &str) -> Vec<Vec<String>> {
    let script = c.env.iter().fold(script.to_owned(), |s, (name, value)| {
        s.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
    });
    let words = |s: &str| -> Vec<String> {
        let plain = s.split_whitespace().take_while(|w| !w.starts_with('#'));
        plain.map(|w| w.trim_matches(['"', '\'']).to_owned()).collect()
    };
    script
        .split([';', '&', '|', '\n'])
        .map(words)
        .filter(|words: &Vec<String>| !words.is_empty())
        .collect()
}

fn of_statement(words: &[String], out: &mut CommandPorts) {
    let program = program(words);
    own_syntax(program, words, out);
    let mut words = words.iter().skip_while(|w| base(w) != program).skip(1).peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix('-') else {
            if word.contains(':') {
                out.main.extend(address(word, "TCP", false));
            }
            continue;
        };
        let flag = flag.trim_start_matches('-');
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (flag, words.peek().map(|w| w.as_str()).filter(|w| !w.starts_with('-'))),
        };
        let short = matches!(name, "p" | "l" | "b");
        let words = if short { vec!["port".to_owned()] } else { name_words(name) };
        let is = |set: &[&str], w: &String| set.contains(&w.as_str());
        let known =
            words.iter().all(|w| is(PORT_WORDS, w) || is(MAIN_WORDS, w) || is(SIDE_WORDS, w));
        if !known || !words.iter().any(|w| is(PORT_WORDS, w)) {
            // An address without a host is one's own: `--validating-webhook=:8443`.
            let own = value.filter(|v| v.starts_with(':'));
            out.side.extend(own.and_then(|v| address(v, "TCP", false)));
            continue;
        }
        let protocol = if words.iter().any(|w| w == "udp") { "UDP" } else { "TCP" };
        let list =
            if words.iter().any(|w| is(SIDE_WORDS, w)) { &mut out.side } else { &mut out.main };
        let values = value.into_iter().flat_map(|v| v.split(','));
        list.extend(values.filter_map(|v| address(v, protocol, true)));
    }
}

/// The words of a flag's name, in lower case: `webPort` and `web.port` are `web`, `port`.
fn name_words(name: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut upper = true;
    for c in name.chars() {
        let starts = c.is_ascii_uppercase() && !upper;
        upper = c.is_ascii_uppercase();
        if matches!(c, '-' | '.' | '_') || starts {
            out.push(String::new());
        }
        if let Some(last) = out.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            last.push(c.to_ascii_lowercase());
        }
    }
    out.retain(|w| !w.is_empty());
    out
}

/// A listen address: `:8080`, `0.0.0.0:80`, `http://127.0.0.1:2379`, or a port alone if `plain`.
fn address(text: &str, protocol: &'static str, plain: bool) -> Option<ListenAddress> {
    let text = text.trim_matches(['"', '\'']);
    let text = text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/');
    let (host, port) = match text.rsplit_once(':') {
        Some(parts) => parts,
        None if plain => ("", text),
        None => return None,
    };
    let port = port.parse().ok().filter(|p| *p > 0)?;
    Some(ListenAddress { protocol, port, addr: local(host)? })
}

/// Programs that name their port in a way of their own.
fn own_syntax(program: &str, words: &[String], out: &mut CommandPorts) {
    let has = |w: &str| words.iter().any(|x| x == w);
    let number = |w: &String| w.parse::<u16>().ok().filter(|p| *p > 0);
    let after = |flag: &str| {
        let at = words.iter().position(|w| w == flag)?;
        words.get(at + 1).and_then(number)
    };
    let mut tcp = |port: u16| out.main.push(ListenAddress::any("TCP", port));
    match program {
        "python" | "python2" | "python3" if has("http.server") || has("SimpleHTTPServer") => {
            tcp(words.iter().rev().find_map(number).unwrap_or(8000));
        }
        "httpd" if has("-f") && after("-p").is_none() => tcp(80),
        "nc" | "ncat" | "netcat" => {
            let listens = |w: &&String| w.starts_with('-') && w.contains('l');
            let flag = words.iter().find(listens);
            let port =
                flag.and_then(|_| after("-p").or_else(|| words.iter().rev().find_map(number)));
            let udp = words.iter().any(|w| w.starts_with('-') && w.contains('u'));
            let protocol = if udp { "UDP" } else { "TCP" };
            let found = port.map(|p| ListenAddress::any(protocol, p));
            out.main.extend(found);
        }
        "socat" => {
            for word in words {
                let (kind, rest) = word.split_once(':').unwrap_or((word, ""));
                let protocol = match kind.to_ascii_uppercase().as_str() {
                    "TCP-LISTEN" | "TCP4-LISTEN" | "TCP-L" => "TCP",
                    "UDP-LISTEN" | "UDP4-LISTEN" | "UDP-RECVFROM" | "UDP4-RECVFROM" => "UDP",
                    _ => continue,
                };
                let port = rest.split(',').next().and_then(|p| p.parse().ok());
                out.main.extend(port.map(|p| ListenAddress::any(protocol, p)));
            }
        }
        "iperf3" if has("-s") && after("-p").is_none() => {
            out.main.extend(["TCP", "UDP"].map(|p| ListenAddress::any(p, 5201)));
        }
        "iperf" if has("-s") && after("-p").is_none() => tcp(5001),
        "php" if has("-S") => {
            let at = words.iter().position(|w| w == "-S").and_then(|i| words.get(i + 1));
            out.main.extend(at.and_then(|a| address(a, "TCP", false)));
        }
        "agnhost" | "netexec" if has("netexec") || program == "netexec" => {
            if !words.iter().any(|w| w.contains("http-port")) {
                tcp(8080);
            }
            if !words.iter().any(|w| w.contains("udp-port")) {
                out.main.push(ListenAddress::any("UDP", 8081));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &[&str]) -> Container {
        let command = command.iter().map(|w| (*w).to_owned()).collect();
        Container { command, env: vec![("PORT".into(), "3001".into())], ..Container::default() }
    }

    #[test]
    fn flags_about_own_ports_are_found_and_others_are_not() {
        let found = |command: &[&str]| {
            let p = ports(&of(command));
            (p.main.iter().map(|a| a.port).collect::<Vec<_>>(), p.side.len())
        };
        assert_eq!(found(&["/app/server", "--port=8080", "--redis-port=6379"]), (vec![8080], 0));
        assert_eq!(found(&["server", "-listen", ":8443", "-db", "postgres:5432"]), (vec![8443], 0));
        assert_eq!(found(&["p", "--web.listen-address=0.0.0.0:9091"]), (vec![9091], 0));
        assert_eq!(found(&["m", "--metrics-bind-address=:8080", "--leader-elect"]), (vec![], 1));
        assert_eq!(found(&["ingress", "--validating-webhook=:8443"]), (vec![], 1));
        assert_eq!(found(&["node", "x.js", "--port", "$(PORT)"]), (vec![3001], 0));
        assert_eq!(found(&["sh", "-c", "sleep 5; exec ./x --httpPort 81"]), (vec![81], 0));
        assert_eq!(found(&["sh", "-c", "curl http://127.0.0.1:80 -p 5"]), (vec![], 0));
        assert_eq!(found(&["python3", "-m", "http.server"]), (vec![8000], 0));
        assert_eq!(found(&["nc", "-lk", "-p", "9"]), (vec![9], 0));
        let etcd = [
            "etcd",
            "--listen-client-urls=http://127.0.0.1:2379,http://10.0.0.1:2379",
            "--advertise-client-urls=http://10.0.0.1:7",
        ];
        let all = ports(&of(&etcd)).main;
        assert_eq!(all.iter().map(|a| a.addr.is_some()).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn what_sleeps_or_asks_others_listens_on_nothing() {
        let quiet: [&[&str]; 5] = [
            &["sleep", "1d"],
            &["/bin/sh"],
            &["sh", "-c", "while true; do wget -qO- http://web; sleep 1; done"],
            &["/bin/bash", "-ec", "apt-get update && tail -f /dev/null"],
            &["tail", "-f", "/dev/null"],
        ];
        assert!(quiet.iter().all(|c| only_waits(&of(c))));
        let loud: [&[&str]; 3] =
            [&["node", "x.js"], &["sh", "-c", "echo hi; ./server"], &["redis-server"]];
        assert!(!loud.iter().any(|c| only_waits(&of(c))));
        assert!(!only_waits(&of(&[])));
    }
}
