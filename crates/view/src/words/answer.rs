//! What came of the steps of a session, in a few words.

use super::{Lang, probe_error};
use kube::cluster::Origin;
use net::socket::Outcome;
use play::script::anchor_tree;
use play::{Assumption, NotDone, ResultKind, Session, Step, StepResult};
use std::borrow::Cow;

/// What the client of a probe got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An answer arrived.
    Answered,
    /// Answers to some of its requests: to how many, of how many.
    Partly(u16, u16),
    /// A reset, or "port unreachable".
    Refused,
    /// Another ICMP error than "port unreachable".
    Unreachable,
    /// The server closed the connection without an answer.
    Closed,
    /// No answer within the client's time limit.
    TimedOut,
    /// The name of its destination was not found.
    NotFound,
    /// Its own host could not send.
    NotSent,
    /// It was ended from outside.
    Killed,
    /// Its sender or target is not there.
    NoTarget,
    /// The probe was not sent: its moment did not come.
    NotDone,
}

impl Answer {
    /// What the client of a step got.
    pub fn of(result: &StepResult) -> Self {
        let run = match &result.kind {
            ResultKind::Sent { run, .. } => run,
            ResultKind::NotDone(_) => return Self::NotDone,
            _ => return Self::NoTarget,
        };
        match &run.verdict.outcome {
            Some(Outcome::Answered { .. } | Outcome::Segment { .. }) => {
                match (run.verdict.answered, run.verdict.requests) {
                    (some, all) if some < all => Self::Partly(some, all),
                    _ => Self::Answered,
                }
            }
            Some(Outcome::Closed) => Self::Closed,
            Some(Outcome::Reset | Outcome::Unreachable { kind: 3, code: 3, .. }) => Self::Refused,
            Some(Outcome::Unreachable { .. }) => Self::Unreachable,
            Some(Outcome::NotSent(_)) => Self::NotSent,
            Some(Outcome::Unresolved(_)) => Self::NotFound,
            Some(Outcome::Killed) => Self::Killed,
            Some(Outcome::TimedOut) | None => Self::TimedOut,
        }
    }

    fn word(self, lang: Lang) -> Cow<'static, str> {
        if let Self::Partly(some, all) = self {
            return partly(some, all, lang).into();
        }
        let words = match self {
            Self::Answered | Self::Partly(..) => ("answered", "応答あり"),
            Self::Refused => ("refused", "接続拒否"),
            Self::Closed => ("closed without an answer", "応答なしで切断"),
            Self::Unreachable => ("unreachable", "到達不能"),
            Self::TimedOut => ("no answer", "応答なし"),
            Self::NotFound => ("name not found", "名前解決不可"),
            Self::NotSent => ("could not be sent", "送信不可"),
            Self::Killed => ("killed", "強制終了"),
            Self::NoTarget => ("no such sender or target", "送信元または宛先なし"),
            Self::NotDone => ("not sent", "未送信"),
        };
        match lang {
            Lang::En => words.0.into(),
            Lang::Ja => words.1.into(),
        }
    }
}

/// That some requests were answered and some were not.
pub(super) fn partly(some: u16, all: u16, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{some} of {all} answered"),
        Lang::Ja => format!("{all} 件中 {some} 件に応答あり"),
    }
}

/// What an answer depends on that only a pod's program knows.
pub(super) fn assumed(a: &Assumption, lang: Lang) -> String {
    let Assumption { pod, port, .. } = a;
    let (why, reason) = match a.origin {
        Origin::Target => ("the port that a Service targets", "Service の targetPort"),
        Origin::Probe => ("the port of its probe", "プローブのポート"),
        _ => ("the port that it declares", "宣言された containerPort"),
    };
    match lang {
        Lang::En => format!("Assumed: {pod} listens on {port}, {why}."),
        Lang::Ja => format!("{pod} は {port} で待ち受けているとみなしています（{reason}）。"),
    }
}

/// What an answer to a URL with https says.
pub(super) const fn without_tls(lang: Lang) -> &'static str {
    match lang {
        Lang::En => {
            "TLS is not simulated: the TCP connection works; the handshake and its certificates \
             were not tried."
        }
        Lang::Ja => {
            "TLS はシミュレートされません。TCP 接続は成功しましたが、ハンドシェイクと証明書は\
             確認していません。"
        }
    }
}

/// How an edit of the text changed what the client of the last probe gets.
pub fn answer_changed(was: Answer, is: Answer, lang: Lang) -> String {
    let (was, is) = (was.word(lang), is.word(lang));
    match lang {
        Lang::En => format!("This edit changed the result of the last request: {was} → {is}."),
        Lang::Ja => format!("この編集で、最後の送信の結果が変わりました：{was} → {is}。"),
    }
}

/// Who sent to whom, and when.
pub fn sent_at(from: &str, to: &str, at: net::Instant, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{from} to {to}, at {at} s"),
        Lang::Ja => format!("{from} から {to} へ、{at} 秒"),
    }
}

/// How many of a table's rules were evaluated.
pub fn evaluated((looked, of): (usize, usize), lang: Lang) -> String {
    match (lang, looked) {
        (Lang::En, _) if of == 0 => "the table has no rules".to_owned(),
        (Lang::Ja, _) if of == 0 => "ルールのないテーブルです".to_owned(),
        (Lang::En, 1) => format!("1 rule evaluated, of {of}"),
        (Lang::En, _) => format!("{looked} rules evaluated, of {of}"),
        (Lang::Ja, _) => format!("{of} 個のルールのうち {looked} 個を評価"),
    }
}

/// Why a file cannot be opened: `kind` is what it is, if that is known.
pub fn not_text(name: &str, kind: Option<&str>, lang: Lang) -> String {
    match (lang, kind) {
        (Lang::En, Some(kind)) => {
            format!("{name} is a {kind} file: open a YAML or JSON document in UTF-8.")
        }
        (Lang::En, None) => format!("{name} is not UTF-8 text: open a YAML or JSON document."),
        (Lang::Ja, Some(kind)) => {
            format!("{name} は {kind} ファイルです。UTF-8 の YAML または JSON を開いてください。")
        }
        (Lang::Ja, None) => {
            format!("{name} は UTF-8 のテキストではありません。YAML または JSON を開いてください。")
        }
    }
}

/// A request that can be sent: who to whom.
pub fn request(from: &str, to: &str, lang: Lang) -> String {
    match lang {
        Lang::En => format!("From `{from}` to `{to}`"),
        Lang::Ja => format!("`{from}` から `{to}` へ"),
    }
}

/// What a step was and what came of it, in a line.
pub fn step_result(step: &Step, result: &StepResult, lang: Lang) -> String {
    let title = crate::session::title(step);
    let said = match (&result.kind, lang) {
        (ResultKind::Sent { .. }, _) => Answer::of(result).word(lang).into_owned(),
        (ResultKind::Printed(out) | ResultKind::Applied(out), _) if out.status == 0 => {
            return title;
        }
        (ResultKind::Printed(out) | ResultKind::Applied(out), _) => exit_status(out.status, lang),
        (ResultKind::Handled, Lang::En) => "done".to_owned(),
        (ResultKind::Handled, Lang::Ja) => "実行済み".to_owned(),
        (ResultKind::Invalid(e), _) => {
            let (message, hint) = probe_error(e, lang);
            match lang {
                Lang::En => format!("refused: {message}; {hint}"),
                Lang::Ja => format!("拒否: {message}。{hint}"),
            }
        }
        (ResultKind::NotDone(why), _) => not_done(step, *why, lang),
    };
    format!("{title}: {said}")
}

/// The exit status of a command.
pub fn exit_status(status: i32, lang: Lang) -> String {
    match lang {
        Lang::En => format!("exit status {status}"),
        Lang::Ja => format!("終了ステータス {status}"),
    }
}

/// Why a step was not performed.
pub fn not_done(step: &Step, why: NotDone, lang: Lang) -> String {
    if lang == Lang::En {
        return format!("not done: {}", play::script::not_done(step, why));
    }
    let anchor = anchor_tree(&step.anchor).flow();
    let why = match why {
        NotDone::NotReached => format!("{anchor} は起きませんでした"),
        NotDone::TooLate => format!("{anchor} はすでに起きていました"),
        NotDone::NotInFlight => "そのパケットは転送中ではありません".to_owned(),
        NotDone::Queued => "そのパケットはキューで待機中のため、破棄しかできません".to_owned(),
    };
    format!("未実行: {why}")
}

/// That a step was not performed, with its number, the line that it is read from, and why.
pub fn not_done_step(n: usize, step: &Step, why: NotDone, lang: Lang) -> String {
    let (line, said) = (step.span.line, not_done(step, why, lang));
    match lang {
        Lang::En => format!("step {n} (line {line}) was {said}"),
        Lang::Ja => format!("ステップ {n}（{line} 行目）: {said}"),
    }
}

/// The steps of a session that were refused or not done, with their numbers; `None` if there are
/// none.
pub fn undone(session: &Session, lang: Lang) -> Option<String> {
    let all = (1..).zip(session.steps().iter().zip(session.results()));
    let undone = all.filter(|(_, (_, result))| !result.is_done());
    let lines: Vec<String> = undone
        .map(|(n, (step, result))| {
            let line = step_result(step, result, lang);
            if lang == Lang::Ja {
                format!("ステップ {n}: {line}")
            } else {
                format!("Step {n}: {line}")
            }
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join(" · "))
}
