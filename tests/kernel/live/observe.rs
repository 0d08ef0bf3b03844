//! Plays the lab of a session on the running kernel and reads what was observed.

use net::wire::Frame;
use play::{Session, lab};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use support::frames::frame_text;
use support::kernel::{checksums, mask_ports};

/// What was observed on a kernel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observation {
    /// The results of the clients.
    pub(crate) results: Vec<String>,
    /// Every frame: number, namespace, device, direction, frame.
    pub(crate) frames: Vec<String>,
    /// The counters of each node: `table chain rule packets bytes`.
    pub(crate) counters: BTreeMap<String, Vec<String>>,
    /// The conntrack entries of each node.
    pub(crate) conntrack: BTreeMap<String, Vec<String>>,
}

/// Waits for a child process, and kills it after `seconds`.
fn wait(child: &mut Child, seconds: u64) -> Result<(), String> {
    for _ in 0..seconds * 50 {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("the lab ended with {status}")),
            Ok(None) => thread::sleep(std::time::Duration::from_millis(20)),
            Err(e) => return Err(e.to_string()),
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(format!("the lab did not end within {seconds} s"))
}

/// The nodes: the namespaces with rules.
pub(crate) fn nodes(session: &Session) -> Vec<String> {
    let spec = session.spec().netns.iter();
    spec.filter(|n| n.rules.tables_in_use().next().is_some()).map(|n| n.name.clone()).collect()
}

/// Builds a session on the kernel, plays it, and reads what was observed. `dir` holds its files.
pub(crate) fn observe(session: &Session, cpu: usize, dir: &Path) -> Result<Observation, String> {
    let lab = lab::script(session).map_err(|e| e.to_string())?;
    // Neither changes anything; leaving out anything else would make another session.
    let harmless = |l: &str| l.contains(" is refused, ") || l.contains(" only prints; ");
    if let Some(what) = lab.left_out.iter().find(|l| !harmless(l)) {
        return Err(what.clone());
    }
    let script = lab.script;
    let path = dir.join("lab.sh");
    std::fs::write(&path, script).map_err(|e| e.to_string())?;
    let names = lab::lab_names(session);
    let spec = &session.spec().netns;
    let list = |keep: &dyn Fn(&net::spec::NetnsSpec) -> bool| {
        spec.iter()
            .zip(&names)
            .filter(|(n, _)| keep(n))
            .map(|(_, name)| name.clone())
            .collect::<Vec<_>>()
            .join(",")
    };
    let observer = support::root().join("kernel/observe.py");
    let file = |name: &str| std::fs::File::create(dir.join(name)).map_err(|e| e.to_string());
    // If this program is killed, the lab and everything it created goes with it.
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "taskset", "--cpu-list", &cpu.to_string(), "bash"])
        .arg(&path)
        .args(["with", "python3"])
        .arg(observer)
        .args([list(&|n| n.tapped), list(&|n| n.rules.tables_in_use().next().is_some())])
        .stdin(Stdio::null())
        .stdout(file("observed.txt")?)
        .stderr(file("errors.txt")?)
        .spawn()
        .map_err(|e| format!("setpriv: {e}"))?;
    let text = |name: &str| std::fs::read_to_string(dir.join(name)).map_err(|e| e.to_string());
    if let Err(why) = wait(&mut child, 90) {
        return Err(format!("{why}\n{}", text("errors.txt")?));
    }
    let text = text("observed.txt")?;
    parse(&text, &names.iter().zip(spec).map(|(name, n)| (name.clone(), n.name.clone())).collect())
}

fn parse(text: &str, names: &BTreeMap<String, String>) -> Result<Observation, String> {
    let mut out = Observation::default();
    let mut section = Vec::new();
    let (mut table, mut counts): (String, BTreeMap<String, u32>) = (String::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("## ") {
            section = head.split(' ').collect();
            continue;
        }
        let node = || section.get(1).and_then(|n| names.get(*n)).cloned().unwrap_or_default();
        match section.first().copied() {
            Some("results") => out.results.push(line.to_owned()),
            Some("packets") => out.frames.extend(frame(line, names, out.frames.len() + 1)?),
            Some("counters") => {
                if let Some(name) = line.strip_prefix('*') {
                    name.clone_into(&mut table);
                    counts.clear();
                } else {
                    let rows = out.counters.entry(node()).or_default();
                    rows.extend(counter(line, &table, &mut counts));
                }
            }
            Some("conntrack") => {
                let used = line.rfind(" use=").unwrap_or(line.len());
                out.conntrack.entry(node()).or_default().push(line[..used].to_owned());
            }
            Some("lost") => return Err("the tap lost a frame".to_owned()),
            _ => {}
        }
    }
    Ok(out)
}

/// Parses one frame of the taps. IGMP and IPv6, which the kernel sends by itself, are skipped.
fn frame(
    line: &str,
    names: &BTreeMap<String, String>,
    number: usize,
) -> Result<Option<String>, String> {
    let words: Vec<&str> = line.split(' ').collect();
    let [netns, device, direction, sums, hex] = words.as_slice() else {
        return Err(format!("not a frame: {line}"));
    };
    let byte = |i: usize| {
        u8::from_str_radix(hex.get(i..i + 2).unwrap_or("zz"), 16).map_err(|e| e.to_string())
    };
    let bytes = (0..hex.len()).step_by(2).map(byte).collect::<Result<Vec<_>, _>>()?;
    if bytes.get(12..14) == Some(&[0x86, 0xdd])
        || (bytes.get(12..14) == Some(&[8, 0]) && bytes.get(23) == Some(&2))
    {
        return Ok(None);
    }
    let name = names.get(*netns).map_or(*netns, String::as_str);
    let text = match Frame::parse(&bytes) {
        Ok(frame) => {
            frame_text(&frame, checksums(&bytes, *sums == "partial"), &mut |_| "S".to_owned())
        }
        Err(e) => format!("{e}: {hex}"),
    };
    Ok(Some(format!("{number} {name} {device} {direction} {text}")))
}

/// Parses a non-zero counter from a line of `iptables-save -c`.
fn counter(line: &str, table: &str, counts: &mut BTreeMap<String, u32>) -> Option<String> {
    let number = |text: &str| {
        text.trim_matches(['[', ']']).split_once(':').map(|(p, b)| (p.to_owned(), b.to_owned()))
    };
    let words: Vec<&str> = line.split(' ').collect();
    let (chain, rule, (packets, bytes)) = match words.as_slice() {
        [chain, policy, count] if chain.starts_with(':') && *policy != "-" => {
            (chain[1..].to_owned(), "policy".to_owned(), number(count)?)
        }
        [count, "-A", chain, ..] => {
            let n = counts.entry((*chain).to_owned()).or_default();
            *n += 1;
            ((*chain).to_owned(), n.to_string(), number(count)?)
        }
        _ => return None,
    };
    (packets != "0").then(|| format!("{table} {chain} {rule} {packets} {bytes}"))
}

/// Masks the random ports in lists of lines.
pub(crate) fn masked(lines: &[String], known: &[u16]) -> Vec<String> {
    mask_ports(lines.to_vec(), known)
}
