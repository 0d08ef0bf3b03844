//! What to do about a fault of a document. The message is in the words of the API server, in
//! English; the hint says what to type. In Japanese a sentence on the kind of fault precedes it.

use super::Lang;
use kube::Diagnostic;
use kube::diag::Code;

/// The hint of a diagnostic.
pub fn problem_hint(d: &Diagnostic, lang: Lang) -> String {
    match lang {
        Lang::En => d.hint.clone(),
        Lang::Ja => format!("{}（{}）", in_japanese(d.code), d.hint),
    }
}

fn in_japanese(code: Code) -> &'static str {
    match code {
        Code::YamlSyntax => "YAML の構文が正しくありません。",
        Code::YamlAlias => "エイリアスに対応するアンカーがありません。",
        Code::DuplicateKey => "同じキーが 2 回書かれています。",
        Code::WrongType => "値の型が違います。",
        Code::MissingField => "必須のフィールドがありません。",
        Code::UnknownField => "存在しないフィールドです。",
        Code::NotSimulated => "シミュレーションの対象外です。",
        Code::UnknownKind => "存在しない種類またはバージョンです。",
        Code::DuplicateObject => "同じ名前のオブジェクトがすでにあります。",
        Code::InvalidName => "使えない名前です。",
        Code::UnsupportedValue => "指定できない値です。",
        Code::OutOfRange => "範囲外の数値です。",
        Code::SelectorMismatch => "セレクターがテンプレートのラベルと一致していません。",
        Code::SelectorMatchesNothing => "セレクターに一致する Pod がありません。",
        Code::NodePortRange => "nodePort がクラスターの範囲外です。",
        Code::NodePortTaken => "nodePort はすでに使われています。",
        Code::NodePortForbidden => "この種類の Service に nodePort は指定できません。",
        Code::ClusterIpRange => "clusterIP がクラスターの範囲外です。",
        Code::ClusterIpTaken => "clusterIP はすでに使われています。",
        Code::InvalidAddress => "ここでは使えないアドレスです。",
        Code::DuplicateValue => "同じ値が重複しています。",
        Code::NetworkOverlap => "ネットワークの範囲が重なっています。",
        Code::AddressTaken => "アドレスはすでに使われています。",
        Code::AddressesExhausted => "空きのアドレスまたはポートがありません。",
        Code::PodPending => "スケジューラーが Pod を置けるノードを見つけられません。",
        Code::ProbeFails => "プローブの宛先ポートでは何も待ち受けていません。",
        Code::NoSuchNode => "その名前のノードやホストはありません。",
        Code::TargetPortUnknown => "targetPort の名前を持つポートが、選ばれた Pod にありません。",
        Code::TargetPortSilent => "選ばれた Pod は、targetPort で待ち受けていません。",
    }
}
