//! Repairs in words: a title each, and the edit as a diff or as commands.

use super::Lang;
use play::repair::{Edit, Repair, Repairs, What};
use std::fmt::{self, Write};

/// What a repair does.
pub fn title(what: What, lang: Lang) -> &'static str {
    let (en, ja) = match what {
        What::Selector => ("Select the pods that are there", "存在する Pod を選ぶ"),
        What::Label => ("Give the pods the label", "Pod にラベルを付ける"),
        What::TargetPort => ("Send to a port that is open", "開いているポートへ送る"),
        What::Port => ("Add the port to the Service", "Service にポートを追加する"),
        What::NodePort => ("Open the node port", "NodePort を開く"),
        What::Protocol => ("Change the protocol of the port", "ポートのプロトコルを変える"),
        What::Name => {
            ("Rename the Service as the client calls it", "クライアントが使う名前に変える")
        }
        What::Slice => ("Correct the EndpointSlice", "EndpointSlice を直す"),
        What::Policy => ("Admit endpoints of all nodes", "全ノードのエンドポイントを使う"),
        What::Ranges => ("Let the client in", "クライアントを許可する"),
        What::Publish => ("Publish pods that are not ready", "Ready でない Pod も公開する"),
        What::Replicas => ("Run a pod", "Pod を動かす"),
        What::Schedule => ("Let the pods be scheduled", "Pod を配置できるようにする"),
        What::Readiness => ("Let the pods become ready", "Pod が Ready になれるようにする"),
        What::Command => ("Run the image's own server", "イメージ本来のサーバーを動かす"),
        What::HostNetwork => ("Run the pods on the node's network", "ノードのネットワークで動かす"),
        What::Option => ("Remove the option", "オプションを外す"),
        What::Fault => ("Repair what is broken from the start", "最初からの故障を直す"),
        What::Release => ("Use a later release", "新しいリリースを使う"),
        What::Sysctl => ("Set the kernel parameter", "カーネルパラメーターを設定する"),
        What::Mtu => ("Change the MTU", "MTU を変える"),
        What::Up => ("Bring the device up", "デバイスをアップさせる"),
        What::HairpinMode => ("Switch hairpin mode", "hairpin モードを切り替える"),
        What::Route => ("Correct the route", "経路を直す"),
        What::Neighbour => ("Correct the neighbour entry", "ARP エントリーを直す"),
        What::Fdb => ("Correct the forwarding entry", "FDB エントリーを直す"),
        What::Conntrack => {
            ("Delete the old conntrack entry", "古い conntrack エントリーを削除する")
        }
        What::DeleteRule => ("Delete the rule", "ルールを削除する"),
        What::MoveRule => ("Move the rule", "ルールの位置を変える"),
        What::AddRule => ("Add the missing rule", "足りないルールを追加する"),
        What::Exception => ("Make the narrowest exception", "最小の例外を設ける"),
        What::ChainPolicy => ("Change the chain's policy", "チェーンのポリシーを変える"),
        What::Daemon => ("Start the daemon", "デーモンを起動する"),
        What::Sync => {
            ("Let the daemon write its entries again", "デーモンにエントリーを書き直させる")
        }
    };
    match lang {
        Lang::En => en,
        Lang::Ja => ja,
    }
}

/// What else passes after a repair of this kind.
fn opens(what: What, lang: Lang) -> Option<&'static str> {
    let (en, ja) = match what {
        What::DeleteRule => (
            "Also opens: everything that only this rule kept out.",
            "ほかに通るもの: このルールだけが止めていたすべて。",
        ),
        What::ChainPolicy => (
            "Also opens: everything that no rule of the chain decides.",
            "ほかに通るもの: チェーンのどのルールでも決まらないすべて。",
        ),
        What::MoveRule => {
            ("Also opens: what the moved rule accepts.", "ほかに通るもの: 移したルールが許すもの。")
        }
        What::Exception => (
            "Opens only: this sender to this address and port.",
            "通るもの: この送信元からこの宛先とポートへのものだけ。",
        ),
        What::Ranges => (
            "Also opens: all ports of the Service to every client that is let in.",
            "ほかに通るもの: 許可した送信元から Service の全ポート。",
        ),
        What::Policy => (
            "Also changes: endpoints of other nodes may see the node instead of the client.",
            "ほかに変わる点: 他ノードのエンドポイントからは、クライアントではなくノードが見えることがあります。",
        ),
        What::Publish => (
            "Also opens: pods that are not ready get connections.",
            "ほかに通るもの: Ready でない Pod への接続。",
        ),
        _ => return None,
    };
    Some(match lang {
        Lang::En => en,
        Lang::Ja => ja,
    })
}

/// What else passes after a repair, each said once.
pub fn opened(r: &Repair, lang: Lang) -> Vec<&'static str> {
    let mut all: Vec<_> = r.what.iter().filter_map(|w| opens(*w, lang)).collect();
    all.dedup();
    all
}

/// How many were tried, and how many work.
pub fn summary(r: &Repairs, lang: Lang) -> String {
    let (tried, n) = (r.tried, r.found.len());
    let unknown = r.unknown.as_ref().map_or_else(String::new, |what| match lang {
        Lang::En => format!(" `{what}` is not simulated."),
        Lang::Ja => format!(" `{what}` はシミュレートされません。"),
    });
    let text = match (lang, n) {
        (Lang::En, 0) => format!("{tried} tried, none works."),
        (Lang::En, 1) => format!("{tried} tried, 1 works:"),
        (Lang::En, n) => format!("{tried} tried, {n} work:"),
        (Lang::Ja, 0) => format!("{tried} 件を試しましたが、どれでも直りません。"),
        (Lang::Ja, n) => format!("{tried} 件を試し、{n} 件で直ります:"),
    };
    text + &unknown
}

/// The mark of a repair that makes an exception to what is kept out on purpose.
pub const fn control(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "A deliberate control",
        Lang::Ja => "意図された制限",
    }
}

/// A repair's title: of several faults, all of them.
pub fn heading(r: &Repair, lang: Lang) -> String {
    let mut all: Vec<&str> = r.what.iter().map(|w| title(*w, lang)).collect();
    all.dedup();
    all.join(if lang == Lang::En { ", then: " } else { "、次に" })
}

/// A line of an edit as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line of the manifests that goes: its number and text.
    Old(usize, String),
    /// A line that comes instead.
    New(usize, String),
    /// A command, with where it is typed.
    Command(String, String),
}

/// Between two ways to do the same.
pub const fn or(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "or",
        Lang::Ja => "または",
    }
}

/// `17 - old`, `17 + new`, `node01$ command`.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Old(n, text) => write!(f, "{n:4} - {text}"),
            Self::New(n, text) => write!(f, "{n:4} + {text}"),
            Self::Command(host, line) => write!(f, "{host}$ {line}"),
        }
    }
}

/// The edits of a repair, line by line.
pub fn lines(r: &Repair) -> Vec<Line> {
    edited(&r.edits)
}

/// Edits, line by line.
pub fn edited(edits: &[Edit]) -> Vec<Line> {
    let mut out = Vec::new();
    for e in edits {
        match e {
            Edit::Command { host, line } => out.push(Line::Command(host.clone(), line.clone())),
            Edit::Text { before, after } => diff(before, after, &mut out),
        }
    }
    out
}

/// The lines in which two texts differ. Equal lines are found again where a change ends.
fn diff(before: &str, after: &str, out: &mut Vec<Line>) {
    let (a, b): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
            continue;
        }
        // The nearest pair of equal lines, three in a row unless a text ends.
        let same = |x: usize, y: usize| {
            (0..3).all(|n| match (a.get(x + n), b.get(y + n)) {
                (Some(p), Some(q)) => p == q,
                (None, None) => true,
                _ => n > 0,
            })
        };
        let far = a.len() - i + b.len() - j;
        let next = (0..=far).find_map(|sum| {
            (0..=sum)
                .map(|x| (i + x, j + sum - x))
                .find(|(x, y)| *x <= a.len() && *y <= b.len() && same(*x, *y))
        });
        let (x, y) = next.unwrap_or((a.len(), b.len()));
        out.extend((i..x).map(|n| Line::Old(n + 1, a[n].to_owned())));
        out.extend((j..y).map(|n| Line::New(n + 1, b[n].to_owned())));
        (i, j) = (x, y);
    }
}

/// The repairs as plain text.
pub fn text(r: &Repairs, lang: Lang) -> String {
    let mut out = summary(r, lang).replace('`', "") + "\n";
    for (repair, n) in r.found.iter().zip(1..) {
        let mark = if repair.control { format!(" ({})", control(lang)) } else { String::new() };
        let _ = writeln!(out, "{n}. {}{mark}", heading(repair, lang));
        for l in lines(repair) {
            let _ = writeln!(out, "   {l}");
        }
        if !repair.or.is_empty() {
            let _ = writeln!(out, "   {}", or(lang));
        }
        for l in edited(&repair.or) {
            let _ = writeln!(out, "   {l}");
        }
        for opens in opened(repair, lang) {
            let _ = writeln!(out, "   {opens}");
        }
    }
    out
}
