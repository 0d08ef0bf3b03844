//! The documentation, tested: README.md, the pages of `web/docs`, CONTRIBUTING.md and the others
//! listed in `pages`.
//!
//! - A ```` ```yaml ```` block is a document. `file=NAME` writes it to a file for the commands of
//!   the page, below the text of another one with `after=OTHER`. `packetwalk check` accepts each,
//!   except those marked `invalid`.
//! - Each command of a ```` ```sh ```` block is run in a shell, in a folder of the page, if it is
//!   one of `packetwalk`. All others stand in `ELSEWHERE`.
//! - A block marked `output` that follows such a block is what its commands print, and ends with
//!   `exit=N` if the exit status is not 0. `…` stands for any lines, or for any part of a line.
//!   `BLESS=1 cargo test -p packetwalk --test docs` writes the output into the page.
//! - Relative links, paths in `code` and the tests that a page names exist.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{read, root};

/// The most words README.md may have.
const README_WORDS: usize = 900;

/// Commands that are not run here: how they begin, why, and a file that runs them, with the text
/// that does.
const ELSEWHERE: &[(&str, &str, &str, &str)] = &[
    ("cargo xtask serve", "serves until it is stopped", ".ci/run", "cargo xtask serve"),
    ("cargo xtask test", "runs this test", ".ci/run", "cargo xtask test"),
    ("cargo xtask full", "takes hours", "crates/xtask/src/main.rs", "run::full("),
    ("cargo xtask build", "minutes; a step of test", "crates/xtask/src/run.rs", "|| build(t)"),
    ("cargo xtask package", "minutes; a step of test", "crates/xtask/src/run.rs", "|| package(t)"),
    ("cargo xtask kernel", "needs root; a step of test", "crates/xtask/src/run.rs", "kernel(yes, "),
    ("cargo test", "a step of cargo xtask test", "crates/xtask/src/run.rs", "\"cargo test\""),
    ("BLESS=1 cargo test", "writes files", "crates/xtask/src/run.rs", "\"cargo test\""),
    (
        "cargo install --path crates/cli",
        "installs; the program itself is run here",
        "crates/cli/Cargo.toml",
        "name = \"packetwalk\"",
    ),
    ("sudo bash lab.sh", "needs root", "tests/kernel/live/observe.rs", "\"bash\""),
    ("tshark -r", "not installed everywhere", "tests/suite/captures.rs", "tshark"),
    ("npm install", "needs npm", "tests/e2e/package.test.mjs", "\"install\""),
    ("trunk serve --release", "serves until it is stopped", "crates/xtask/src/run.rs", "\"serve\""),
];

fn checkout() -> &'static Path {
    root().parent().expect("tests is in the checkout")
}

/// The pages, relative to the checkout.
fn pages() -> Vec<PathBuf> {
    let single = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "crates/engine/npm/README.md",
    ];
    let folder = std::fs::read_dir(checkout().join("web/docs")).expect("web/docs");
    let names = folder.flatten().map(|f| PathBuf::from("web/docs").join(f.file_name()));
    let mut pages: Vec<_> = names.filter(|p| p.extension().is_some_and(|e| e == "md")).collect();
    pages.sort();
    single.into_iter().map(PathBuf::from).chain(pages).collect()
}

/// A fenced block.
struct Block {
    /// Its language.
    language: String,
    /// The other words behind the fence.
    info: Vec<String>,
    text: String,
    /// The bytes of its text in the page.
    range: Range<usize>,
    /// Only empty lines stand between it and the block before.
    follows: bool,
}

impl Block {
    fn has(&self, word: &str) -> bool {
        self.info.iter().any(|w| w == word)
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.info.iter().find_map(|w| w.strip_prefix(key)?.strip_prefix('='))
    }
}

/// The fenced blocks of a page, and its text without them.
fn blocks(page: &str) -> (Vec<Block>, String) {
    let (mut blocks, mut prose) = (Vec::<Block>::new(), String::new());
    let (mut open, mut follows, mut at) = (None::<(String, usize)>, false, 0);
    for line in page.split_inclusive('\n') {
        let fence = line.strip_prefix("```").map(str::trim);
        match (&open, fence) {
            (None, Some(info)) => open = Some((info.to_owned(), at + line.len())),
            (Some((info, start)), Some(_)) => {
                let mut words = info.split_whitespace().map(str::to_owned);
                blocks.push(Block {
                    language: words.next().unwrap_or_default(),
                    info: words.collect(),
                    text: page[*start..at].to_owned(),
                    range: *start..at,
                    follows,
                });
                (open, follows) = (None, true);
            }
            (None, None) => {
                follows &= line.trim().is_empty();
                prose.push_str(line);
            }
            (Some(_), None) => {}
        }
        at += line.len();
    }
    assert!(open.is_none(), "a fence is not closed");
    (blocks, prose)
}

/// The commands of a block: `\` or `|` at the end of a line joins it with the next, and lines up to
/// a closing quote belong together.
fn commands(block: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut command = String::new();
    for line in block.lines() {
        command.push_str(line);
        if command.ends_with(['\\', '|']) || command.matches('\'').count() % 2 == 1 {
            command.push('\n');
            continue;
        }
        if !command.trim().is_empty() {
            all.push(command.clone());
        }
        command.clear();
    }
    all
}

/// The command with `packetwalk` for `cargo run -p packetwalk --`; none if it is not run here.
fn own(command: &str) -> Option<String> {
    let command = command
        .replace("cargo run --quiet -p packetwalk -- ", "packetwalk ")
        .replace("cargo run -q -p packetwalk -- ", "packetwalk ")
        .replace("cargo run -p packetwalk -- ", "packetwalk ");
    let own = command.split('|').any(|c| c.trim_start().starts_with("packetwalk "));
    own.then_some(command)
}

/// Runs a command in a folder: what it prints, and its exit status.
fn run(command: &str, folder: &Path) -> (String, i32) {
    let program = Path::new(env!("CARGO_BIN_EXE_packetwalk"));
    let path = std::env::vars().find(|(k, _)| k == "PATH").map(|(_, v)| v).unwrap_or_default();
    let own = program.parent().expect("a folder").display();
    let out = Command::new("bash")
        .args(["-o", "pipefail", "-c", &format!("exec 2>&1\n{command}")])
        .env("PATH", format!("{own}:{path}"))
        .current_dir(folder)
        .output()
        .expect("bash");
    (String::from_utf8_lossy(&out.stdout).into_owned(), out.status.code().unwrap_or(-1))
}

/// Whether a line is as expected; `…` stands for any part of it.
fn is_line(expected: &str, line: &str) -> bool {
    let parts: Vec<&str> = expected.trim_end().split('…').collect();
    let line = line.trim_end();
    let [first, middle @ .., last] = &parts[..] else { return parts == [line] };
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    for part in middle {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether lines are as expected; a line `…` stands for any lines.
fn is_output(expected: &[&str], lines: &[&str]) -> bool {
    match expected {
        [] => lines.is_empty(),
        ["…", rest @ ..] => (0..=lines.len()).any(|n| is_output(rest, &lines[n..])),
        [first, rest @ ..] => {
            lines.first().is_some_and(|l| is_line(first, l)) && is_output(rest, &lines[1..])
        }
    }
}

/// New output for a page: if it shows the first and last lines only, as many of each.
fn shortened(shown: &[&str], printed: &[&str]) -> String {
    let cut = shown.iter().position(|l| *l == "…").filter(|_| shown.len() < printed.len());
    let lines = match cut {
        Some(head) => {
            let tail = printed.len() - (shown.len() - head - 1);
            [&printed[..head], &["…"], &printed[tail..]].concat()
        }
        None => printed.to_vec(),
    };
    lines.iter().flat_map(|l| [l.trim_end(), "\n"]).collect()
}

fn lines(text: &str) -> Vec<&str> {
    text.trim_end().lines().collect()
}

/// What is wrong with the blocks of a page. With BLESS=1 the output is written into it instead.
fn faults(name: &Path, page: &str, bless: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let folder = std::env::temp_dir().join(
        format!("packetwalk-docs-{}-{}", std::process::id(), name.display()).replace('/', "-"),
    );
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let (blocks, _) = blocks(page);
    let mut blessed = page.to_owned();
    // From the last to the first, so that ranges stay right.
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for (i, block) in blocks.iter().enumerate() {
        let mut wrong = |what: String| {
            let line = page[..block.range.start].lines().count();
            faults.push(format!("{}:{line}: {what}", name.display()));
        };
        if block.language == "yaml" && !block.has("output") {
            let file = block.value("file").map_or_else(|| format!("block-{i}.yaml"), str::to_owned);
            let before = block.value("after").map(|f| read(&folder.join(f)) + "---\n");
            std::fs::write(folder.join(&file), before.unwrap_or_default() + &block.text)
                .expect("write");
            let (out, status) = run(&format!("packetwalk check {file}"), &folder);
            if (status != 0) != block.has("invalid") {
                wrong(format!("check {file}: exit status {status}\n{out}"));
            }
        }
        if block.language != "sh" {
            continue;
        }
        let all = commands(&block.text);
        let output = blocks.get(i + 1).filter(|b| b.follows && b.has("output"));
        let (mut printed, mut last) = (String::new(), 0);
        for command in &all {
            let Some(command) = own(command) else {
                let command = command.split('#').next().unwrap_or_default().trim();
                if !ELSEWHERE.iter().any(|(begin, ..)| command.starts_with(begin)) {
                    wrong(format!(
                        "{command:?} is neither of packetwalk nor on the list ELSEWHERE"
                    ));
                }
                continue;
            };
            if last != 0 {
                wrong(format!("exit status {last} before {command}\n{printed}"));
            }
            let (text, status) = run(&command, &folder);
            printed += &text;
            last = status;
        }
        let status =
            output.and_then(|b| b.value("exit")).map_or(0, |n| n.parse().expect("a number"));
        if last != status {
            wrong(format!("exit status {last}, not {status}: {all:?}\n{printed}"));
        }
        let Some(output) = output else { continue };
        if !is_output(&lines(&output.text), &lines(&printed)) {
            edits.push((output.range.clone(), shortened(&lines(&output.text), &lines(&printed))));
            if !bless {
                wrong(format!("{all:?} prints\n{printed}\nand not\n{}", output.text));
            }
        }
    }
    std::fs::remove_dir_all(&folder).expect("remove the temporary folder");
    if bless && !edits.is_empty() {
        for (range, text) in edits.into_iter().rev() {
            blessed.replace_range(range, &text);
        }
        std::fs::write(checkout().join(name), blessed).expect("write");
    }
    faults
}

#[test]
fn every_command_prints_what_its_page_shows() {
    let bless = std::env::vars().any(|(k, v)| k == "BLESS" && v == "1");
    let faults: Vec<String> =
        pages().iter().flat_map(|p| faults(p, &read(&checkout().join(p)), bless)).collect();
    assert!(
        faults.is_empty(),
        "\n{}\nIf this is meant: BLESS=1 cargo test -p packetwalk --test docs",
        faults.join("\n")
    );
}

#[test]
fn every_other_command_is_run_where_the_list_says_and_is_in_a_page() {
    let text: String = pages().iter().map(|p| read(&checkout().join(p))).collect();
    for (command, _, file, runs) in ELSEWHERE {
        assert!(text.contains(command), "no page has {command}: remove it from the list");
        assert!(read(&checkout().join(file)).contains(runs), "{file} does not run {command}");
    }
}

#[test]
fn every_word_of_xtask_is_in_its_usage() {
    let source = read(&checkout().join("crates/xtask/src/main.rs"));
    let usage = source.split("usage: cargo xtask [").nth(1).and_then(|t| t.split(']').next());
    let words: BTreeSet<&str> = usage.expect("the usage of xtask").split('|').collect();
    for page in pages() {
        let text = read(&checkout().join(&page));
        for behind in text.split("cargo xtask ").skip(1) {
            let end = behind.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(behind.len());
            let word = &behind[..end];
            assert!(words.contains(word), "{}: cargo xtask {word:?}", page.display());
        }
    }
}

#[test]
fn the_readme_is_short_and_leads_to_every_page() {
    let readme = read(&checkout().join("README.md"));
    let n = readme.split_whitespace().count();
    assert!(n <= README_WORDS, "README.md has {n} words, more than {README_WORDS}");
    for page in pages().iter().skip(1).filter(|p| !p.ends_with("engine/npm/README.md")) {
        let page = page.display().to_string();
        assert!(readme.contains(&format!("]({page})")), "README.md does not link to {page}");
    }
}

/// What a heading is called in an address (as GitHub does it).
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_and_picture_is_there() {
    for page in pages() {
        let text = read(&checkout().join(&page));
        let (_, prose) = blocks(&text);
        for target in prose.split("](").skip(1).filter_map(|t| t.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = checkout().join(&page);
            let path = if file.is_empty() { path } else { path.with_file_name("").join(file) };
            assert!(path.exists(), "{}: there is no {target}", page.display());
            let has = |text: &str| {
                text.lines()
                    .any(|l| l.starts_with('#') && anchor(l.trim_start_matches('#')) == heading)
            };
            let found = heading.is_empty() || has(&read(&path));
            assert!(found, "{}: {target} has no such heading", page.display());
        }
    }
}

/// The texts in backticks.
fn codes(prose: &str) -> impl Iterator<Item = &str> {
    prose.lines().flat_map(|l| l.split('`').skip(1).step_by(2))
}

/// The names that a path stands for: `folder/{a,b}.rs` are two files.
fn expanded(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let (middle, after) = rest.split_once('}').expect("a closing brace");
    middle.split(',').map(|m| format!("{before}{m}{after}")).collect()
}

#[test]
fn every_path_and_test_that_a_page_names_is_there() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = read(&checkout().join(&page));
        let (_, prose) = blocks(&text);
        let is_path =
            |c: &&str| ["crates/", "web/", "tests/", ".ci/"].iter().any(|t| c.starts_with(t));
        for path in codes(&prose).filter(is_path).flat_map(expanded) {
            if !checkout().join(&path).exists() {
                missing.push(format!("{}: {path}", page.display()));
            }
        }
        // Rows below the header File | Test name a test of a file.
        let mut is_test = false;
        for row in prose.lines() {
            is_test = row.ends_with("| File | Test |") || is_test && row.starts_with('|');
            let found: Vec<&str> = codes(row).collect();
            let [.., file, test] = found[..] else { continue };
            let path = checkout().join(file);
            if !is_test || !path.exists() {
                continue;
            }
            let source = read(&path);
            if ![format!("fn {test}("), format!("test(\"{test}\"")]
                .iter()
                .any(|t| source.contains(t))
            {
                missing.push(format!("{}: test {test} of {file}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "named, but not there:\n{}", missing.join("\n"));
}

#[test]
fn an_ellipsis_stands_for_anything() {
    for (expected, text, is) in [
        ("a\n…\nd", "a\nb\nc\nd", true),
        ("a\n…\nd", "a\nd", true),
        ("a\n…", "a\nb", true),
        ("…\nb", "a\nc", false),
        ("a…c", "abc", true),
        ("a…c", "abd", false),
        ("a", "ab", false),
    ] {
        assert_eq!(is_output(&lines(expected), &lines(text)), is, "{expected:?} {text:?}");
    }
}
