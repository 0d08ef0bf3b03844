//! What to do about a fault of a document or of what is to be sent. Of a document, the message is
//! in the words of the API server, in English; the hint says what to type. In Japanese a sentence
//! on the kind of fault precedes it.

use super::Lang;
use kube::Diagnostic;
use kube::diag::Code;
use play::ProbeError;

/// The hint of a diagnostic.
pub fn problem_hint(d: &Diagnostic, lang: Lang) -> String {
    match lang {
        Lang::En => d.hint.clone(),
        Lang::Ja => format!("{}（{}）", in_japanese(d.code), d.hint),
    }
}

/// What is wrong with what is to be sent, and what to write instead.
pub fn probe_error(e: &ProbeError, lang: Lang) -> (String, String) {
    if lang == Lang::En {
        return (e.message(), e.hint());
    }
    use ProbeError::{
        CannotResolve, ExternalName, Headless, Idle, Ipv6, ManyPods, ManyPorts, NoAddress,
        NoEndpoint, NoHostAddress, NoOwner, NoPodOf, NoPort, NoSender, NoService, NoTarget,
        NotAName, NotAPort, NotBalanced, Pending, TooLong,
    };
    let list = |what: &str, known: &[String]| match ProbeError::named(known) {
        (names, _) if names.is_empty() => {
            "候補がありません。Topology にノードかホストを追加してください".to_owned()
        }
        (names, 0) => format!("{what}: {names}"),
        (names, more) => format!("{what}: {names}（ほか {more} 件）"),
    };
    match e {
        NoPodOf(workload, known) => {
            (format!("{workload} の Pod はありません"), list("Pod のあるワークロード", known))
        }
        NotAName(name, why) => (
            format!("{name} はホスト名ではありません（{why}）"),
            "「アドレス:ポート」、または Service、ノード、ホスト、Pod の名前とポートを入力してください"
                .to_owned(),
        ),
        CannotResolve(name, place, service) => (
            format!("ホスト名 {name} を解決できません"),
            match service {
                Some(s) => format!("{place} はクラスターの DNS を使いません。{s} と入力してください"),
                None => format!(
                    "{place} にはネームサーバーがありません。アドレスか svc/NAME を入力してください"
                ),
            },
        ),
        Idle(pod, status, reason) => (
            format!("Pod {pod} は {status} です: {reason}"),
            "Pod が動くようにするか、別の送信元を選んでください".to_owned(),
        ),
        NoOwner(addr, known) => (
            format!("アドレス {addr} を持つノード、ホスト、Pod はありません"),
            list("送信元に指定できるもの", known),
        ),
        NoSender(name, known) => (
            format!("{name} という名前のノード、ホスト、Pod はありません"),
            list("送信元に指定できるもの", known),
        ),
        NoTarget(name) => (
            format!("{name} という名前のノード、ホスト、Pod はありません"),
            "「アドレス:ポート」、または Service、ノード、ホスト、Pod の名前とポートを入力してください"
                .to_owned(),
        ),
        ManyPods(name, pods) => (
            format!("名前が {name} で始まる Pod は {} 個あります", pods.len()),
            list("名前全体を入力してください", pods),
        ),
        NotAPort(text) => (
            format!("「{text}」はポート番号ではありません"),
            "コロンの後に 1 から 65535 までの数値を入力してください".to_owned(),
        ),
        Ipv6(addr) => (
            format!("{addr} は IPv6 アドレスで、シミュレーションの対象外です"),
            "IPv4 アドレスを入力してください".to_owned(),
        ),
        NoHostAddress(addr) => (
            format!(
                "{addr} はホストのアドレスではありません。ブロードキャストとマルチキャストは対象外です"
            ),
            "ホスト、ノード、Pod、Service のいずれかのアドレスを入力してください".to_owned(),
        ),
        NoService(name, namespace, known) => (
            format!("名前空間 {namespace} に Service {name} はありません"),
            list("指定できる Service", known),
        ),
        ExternalName(service, name) => (
            format!("{service} は ExternalName（DNS での {name} の別名）なので、アドレスがありません"),
            "アドレスを指定してください".to_owned(),
        ),
        Headless(service) => (
            format!("{service} は headless なので、アドレスがありません"),
            "Pod のいずれかを指定してください".to_owned(),
        ),
        NotBalanced(service) => (
            format!("{service} は type: LoadBalancer ではありません"),
            format!("{service} かノードポートを指定してください"),
        ),
        Pending(service) => (
            format!("{service} のロードバランサーのアドレスは <pending> です。アドレスを割り当てるものがありません"),
            "Topology の loadBalancer を layer2、servicelb、external のいずれかにするか、ノードポートに送って\
             ください"
                .to_owned(),
        ),
        ManyPorts(service, ports) => (
            format!("{service} には複数のポートがあります"),
            list("いずれかを指定してください", ports),
        ),
        NoAddress(name) => (
            format!("{name} にはアドレスがありません"),
            "NIC にアドレスを設定してください".to_owned(),
        ),
        NoPort(to) => {
            (format!("{to} にポートがありません"), format!("{to}:80 のように指定してください"))
        }
        NoEndpoint(endpoint, service, known) => (
            format!("{endpoint} は {service} のエンドポイントではありません"),
            if known.is_empty() {
                "エンドポイントがないので、endpoint の指定を外してください".to_owned()
            } else {
                format!("指定できるのは {} です", known.join("、"))
            },
        ),
        TooLong(size) => (
            format!("サイズ {size} は 1 つのセグメントに収まりません"),
            format!("0 から {} までの数値を入力してください", play::probe::MAX_SEGMENT),
        ),
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
        Code::NodeUnreachable => "flannel がノード間の経路を追加できません。",
        Code::NetworkOverlap => "ネットワークの範囲が重なっています。",
        Code::AddressTaken => "アドレスはすでに使われています。",
        Code::AddressesExhausted => "空きのアドレスまたはポートがありません。",
        Code::PodPending => "Pod を配置できるノードがありません。",
        Code::ProbeFails => "プローブの宛先ポートでは何も待ち受けていません。",
        Code::NoSuchNode => "その名前のノードやホストはありません。",
        Code::TargetPortUnknown => "targetPort の名前を持つポートが、選ばれた Pod にありません。",
        Code::TargetPortSilent => "選ばれた Pod は、targetPort で待ち受けていません。",
    }
}
