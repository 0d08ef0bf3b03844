//! Random edits of ten texts in ten YAML styles. An edit changes the parsed values as intended and
//! keeps every other byte and every comment; undoing it restores the text.
//!
//! `FUZZ=N cargo test --test edits` runs N times as many.

use kube::yaml::edit::{Edit, EditError, PathPart, YamlPath, apply, edit, inverse, spliced};
use kube::yaml::{Tree, parse};
use net::rng::Rng;
use std::path::Path;

/// The number of sequences, and of edits in each.
const SEQUENCES: u64 = 1_000;
const EDITS: usize = 12;

fn texts() -> Vec<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("edits/texts");
    let files = std::fs::read_dir(&dir).expect("texts").flatten().map(|f| f.path());
    let read = |p: std::path::PathBuf| {
        (
            p.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            std::fs::read_to_string(&p).expect("a text"),
        )
    };
    let mut all: Vec<_> = files.map(read).collect();
    all.sort();
    all
}

fn trees(text: &str) -> Vec<Tree> {
    let (docs, diags) = parse(text);
    assert_eq!(diags, [], "\n{text}");
    docs.iter().map(Tree::from).collect()
}

/// Every place in a tree, with what stands there.
fn places<'t>(tree: &'t Tree, at: YamlPath, out: &mut Vec<(YamlPath, &'t Tree)>) {
    out.push((at.clone(), tree));
    match tree {
        Tree::Scalar { .. } => {}
        Tree::Seq(items) => {
            items.iter().enumerate().for_each(|(i, t)| places(t, at.clone().item(i), out));
        }
        Tree::Map(pairs) => {
            for (k, v) in pairs {
                if let Tree::Scalar { text, .. } = k {
                    places(v, at.clone().key(text), out);
                }
            }
        }
    }
}

fn word(r: &mut Rng) -> String {
    const WORDS: [&str; 12] = [
        "nginx",
        "a b",
        "1.10",
        "true",
        "",
        "it's",
        "say \"x\"",
        "- no",
        "k: v",
        "00:50:56:98:c1:7a",
        "三",
        "x\ny",
    ];
    WORDS[r.below(12) as usize].to_owned()
}

fn value(r: &mut Rng, depth: u64) -> Tree {
    match r.below(if depth > 2 { 3 } else { 5 }) {
        0 => Tree::plain(r.below(40_000)),
        1 | 2 => Tree::text(word(r)),
        3 => Tree::Seq((0..r.below(3)).map(|_| value(r, depth + 1)).collect()),
        _ => Tree::Map(
            (0..r.below(3)).map(|i| (Tree::text(format!("k{i}")), value(r, depth + 1))).collect(),
        ),
    }
}

fn random(r: &mut Rng, docs: &[Tree]) -> Edit {
    let mut all = Vec::new();
    docs.iter().enumerate().for_each(|(i, t)| places(t, YamlPath::root(i), &mut all));
    if all.is_empty() {
        return Edit::AddDocument(Tree::map([("a", value(r, 0))]));
    }
    let (place, there) = &all[r.below(all.len() as u64) as usize];
    let place = place.clone();
    let key = matches!(place.parts.last(), Some(PathPart::Key(_)));
    match (r.below(12), there) {
        (0, _) if docs.len() < 6 => {
            Edit::AddDocument(Tree::map([("kind", Tree::text(word(r))), ("spec", value(r, 0))]))
        }
        (1, _) if docs.len() > 1 => Edit::RemoveDocument(place.document),
        (2 | 3, _) if !place.parts.is_empty() => Edit::Remove(place),
        (4, _) if key => Edit::Rename(place, format!("renamed-{}", r.below(1000))),
        (5 | 6, Tree::Seq(_)) => Edit::Push(place, value(r, 0)),
        (7 | 8, Tree::Map(_)) => {
            Edit::Set(place.key(&format!("new-{}", r.below(1000))), value(r, 0))
        }
        (9, Tree::Map(_)) => {
            Edit::Push(place.key("more").key(&format!("l{}", r.below(1000))), value(r, 1))
        }
        (_, Tree::Map(_)) if place.parts.is_empty() => Edit::Set(place.key("top"), value(r, 0)),
        (_, Tree::Seq(_)) if place.parts.is_empty() => Edit::Push(place, value(r, 0)),
        _ => Edit::Set(place, value(r, 0)),
    }
}

fn comments(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|l| {
            l.find('#').filter(|i| *i == 0 || l[..*i].ends_with([' ', '\t'])).map(|i| &l[i..])
        })
        .collect()
}

/// Whether an edit removes at most a scalar.
fn takes_nothing(e: &Edit, docs: &[Tree]) -> bool {
    match e {
        Edit::Push(..) | Edit::Rename(..) | Edit::AddDocument(_) => true,
        Edit::Set(p, _) => {
            let mut all = Vec::new();
            docs.iter().enumerate().for_each(|(i, t)| places(t, YamlPath::root(i), &mut all));
            all.iter().find(|(q, _)| q == p).is_none_or(|(_, t)| matches!(t, Tree::Scalar { .. }))
        }
        _ => false,
    }
}

#[test]
fn a_thousand_random_sequences_of_edits() {
    let texts = texts();
    assert_eq!(texts.len(), 10);
    let times: u64 =
        std::env::vars().find(|(k, _)| k == "FUZZ").and_then(|(_, v)| v.parse().ok()).unwrap_or(1);
    let (mut done, mut refused, mut bytes) = (0, Vec::new(), 0);
    for sequence in 0..SEQUENCES * times {
        let mut r = Rng::new(sequence);
        let (name, first) = &texts[(sequence % 10) as usize];
        let mut text = first.clone();
        let mut undo = Vec::new();
        for _ in 0..EDITS {
            let docs = trees(&text);
            let e = random(&mut r, &docs);
            let told = || format!("sequence {sequence}, {name}: {e:?}\n--- before\n{text}");
            let mut wanted = docs.clone();
            apply(&mut wanted, &e).unwrap_or_else(|why| panic!("{why}\n{}", told()));
            let splices = match edit(&text, &e) {
                Ok(s) => s,
                Err(EditError::SideEffect(_)) => {
                    refused.push(told());
                    continue;
                }
                Err(why) => panic!("{why}\n{}", told()),
            };
            let mut end = 0;
            for s in &splices {
                assert!(
                    s.range.start >= end
                        && s.range.end >= s.range.start
                        && s.range.end <= text.len(),
                    "{splices:?}\n{}",
                    told()
                );
                end = s.range.end;
                bytes += s.range.len();
            }
            let new = spliced(&text, &splices);
            wanted.retain(|t| !t.is_null());
            assert_eq!(trees(&new), wanted, "{}\n--- after\n{new}", told());
            if takes_nothing(&e, &docs) {
                assert_eq!(comments(&new), comments(&text), "{}\n--- after\n{new}", told());
            }
            let back = inverse(&text, &splices);
            assert_eq!(spliced(&new, &back), text, "{}", told());
            undo.push(back);
            text = new;
            done += 1;
        }
        for back in undo.iter().rev() {
            text = spliced(&text, back);
        }
        assert_eq!(&text, first, "sequence {sequence}, {name}");
    }
    println!("{done} edits, {bytes} bytes replaced, {} refused", refused.len());
    assert!(refused.is_empty(), "{} edits were refused, such as\n{}", refused.len(), refused[0]);
}
