//! The fields of `kind: Script`.

use super::{DURATION, Field, Format, Kind, TEXT, Type, Unit, field};

/// The most data of an IPv4 packet behind its header and that of ICMP or UDP, in bytes: 65535 less
/// 20 and 8.
pub const MAX_SIZE: u16 = 65_507;

/// The most data of a TCP segment with no options, in bytes: 65535 less 20 and 20.
pub const MAX_SEGMENT: u16 = 65_495;

/// The control bits that `flags` takes.
pub const TCP_FLAGS: &str = "syn, ack, fin, rst, psh separated by commas, or none";

/// The most pings or datagrams of a probe.
pub const MAX_COUNT: u16 = 100;

/// `kind: Script`.
pub static SCRIPT: Kind = Kind {
    name: "Script",
    help: [
        "What is done in the cluster, step by step.",
        "クラスターに対して行う操作を順に記述する。",
    ],
    fields: &[
        field(
            "metadata",
            Type::Object(&[field("name", Type::Text(&TEXT), ["A title.", "名称。"])]),
            ["The name of the script.", "スクリプトの名前。"],
        ),
        field("spec", Type::Object(SPEC), ["The script itself.", "スクリプトの内容。"]).required(),
    ],
};

static HOST: Format = Format {
    names: ["host: a node, host, pod/NAME, deploy/NAME or address", "ホスト"],
    example: "node01",
    pattern: None,
    number: false,
};
static HOST_HEADER: Format = Format {
    names: ["Host header", "Host ヘッダー"],
    example: "example.org",
    pattern: None,
    number: false,
};
static TARGET: Format = Format {
    names: [
        "ADDRESS[:PORT], svc/SERVICE[:PORT], NAME[:PORT] or http://NAME[:PORT]/PATH",
        "アドレス[:ポート]、ノード・ホスト・Pod の名前:ポート、または Service[:ポート]",
    ],
    example: "192.168.120.226:30080",
    pattern: None,
    number: false,
};
static ENDPOINT: Format = Format {
    names: ["ADDRESS or ADDRESS:PORT", "アドレスまたはアドレス:ポート"],
    example: "10.1.6.5:80",
    pattern: None,
    number: false,
};
static FLAGS: Format = Format {
    names: [TCP_FLAGS, "TCP フラグ（syn、ack、fin、rst、psh をコンマ区切り、または none）"],
    example: "syn",
    pattern: None,
    number: false,
};
static MANIFESTS: Format = Format {
    names: ["manifests", "マニフェスト"],
    example: "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}",
    pattern: None,
    number: false,
};
static COMMAND: Format = Format {
    names: ["command", "コマンド"],
    example: "conntrack -F",
    pattern: None,
    number: false,
};

static TIME: Type = Type::Text(&DURATION);
static PACKET_OP: Type = Type::Word(&["drop", "duplicate"]);

const SPEC: &[Field] = &[
    field(
        "seed",
        Type::Integer(0, i64::MAX),
        [
            "Seed of every random choice while the script runs.",
            "実行中のすべてのランダムな選択のシード。",
        ],
    )
    .default("0"),
    field(
        "start",
        Type::Word(&["used", "known", "cold"]),
        [
            "Neighbour tables at the start: filled by earlier traffic, entered by hand, or empty.",
            "開始時の ARP テーブル。used は通信済み、known は手動登録、cold は空。",
        ],
    )
    .default("used"),
    field(
        "steps",
        Type::Variants(STEP, &[&["send"], &["on", "run"], &["apply"], &["packet"]]),
        ["What is done, in order.", "順に行う操作。"],
    )
    .required(),
    field(
        "view",
        Type::Ignored,
        ["How the page showed the session, in links.", "リンクにおけるページの表示状態。"],
    ),
];

const STEP: &[Field] = &[
    AT,
    field("send", Type::Object(SEND), ["Send a request or ping.", "リクエストや ping を送る。"]),
    ON,
    RUN,
    field(
        "apply",
        Type::Text(&MANIFESTS),
        [
            "Manifests that are applied to the running cluster, as by kubectl apply.",
            "kubectl apply と同じく、稼働中のクラスターに適用するマニフェスト。",
        ],
    ),
    field(
        "packet",
        Type::Either(&PACKET_OP, PACKET, &[&["delay"]]),
        [
            "What is done to the packet that at names: drop, duplicate, or {delay: 20ms}.",
            "at が示すパケットへの操作。drop、duplicate、または {delay: 20ms}。",
        ],
    ),
];

/// `at` of a step: when it is done.
pub const AT: Field = field(
    "at",
    Type::Either(&TIME, ANCHOR, &[&["after"], &["marker"]]),
    [
        "When: a time since the start of the session, or a moment of a probe.",
        "実行する時点。セッション開始からの時間、またはプローブの時点。",
    ],
)
.default_rule(["when nothing is under way", "進行中のものがなくなった時点"]);

const ANCHOR: &[Field] = &[
    field(
        "probe",
        Type::Integer(0, u32::MAX as i64),
        [
            "The number of the probe, counted from 1 over all steps that send; 0 is the start of \
             the session.",
            "プローブの番号。送信するステップを 1 から数える。0 はセッションの開始。",
        ],
    )
    .required(),
    field(
        "after",
        Type::Text(&DURATION),
        [
            "A time since the probe was sent; instead of marker.",
            "プローブ送信からの時間。marker の代わりに書く。",
        ],
    ),
    field(
        "direction",
        Type::Word(&["request", "reply", "arp", "error", "other"]),
        [
            "Which packets of the probe count; all of them by default.",
            "対象とするパケットの向きまたは種類。省略するとすべて。",
        ],
    ),
    field(
        "packet",
        Type::Integer(1, u32::MAX as i64),
        [
            "The number of the packet in its direction, from 1.",
            "その向きで何番目のパケットか（1 から）。",
        ],
    )
    .default("1"),
    field(
        "marker",
        Type::Word(net::marker::NAMES),
        ["The kind of event, as traces name it.", "イベントの種類。トレースでの名前。"],
    ),
    field(
        "occurrence",
        Type::Integer(1, u32::MAX as i64),
        ["Which of these events, from 1.", "該当するイベントのうち何番目か（1 から）。"],
    )
    .default("1"),
];

const PACKET: &[Field] = &[field(
    "delay",
    Type::Text(&DURATION),
    ["How long the packet is delayed.", "パケットを遅らせる時間。"],
)];

const ON: Field = field(
    "on",
    Type::Text(&HOST),
    ["The node, host or pod that runs a command.", "コマンドを実行するノード、ホスト、Pod。"],
);

const RUN: Field = field(
    "run",
    Type::Text(&COMMAND),
    ["A command of the emulated shell.", "エミュレートしたシェルのコマンド。"],
);

const SEND: &[Field] = &[
    field(
        "from",
        Type::Text(&HOST),
        [
            "The sender: a node, host, pod or deploy/NAME.",
            "送信元。ノード、ホスト、Pod、または deploy/名前。",
        ],
    )
    .required(),
    field("to", Type::Text(&TARGET), ["The destination.", "宛先。"]).required(),
    field("proto", Type::Word(&["tcp", "udp", "icmp"]), ["The protocol.", "プロトコル。"])
        .default("tcp"),
    field(
        "sport",
        Type::Integer(1, 65_535),
        ["The source port; the identifier of a ping.", "送信元ポート。ping では識別子。"],
    )
    .default_rule(["an ephemeral port", "エフェメラルポート"]),
    field(
        "flags",
        Type::Text(&FLAGS),
        [
            "TCP only: sends one segment with these control bits, without a connection.",
            "TCP のみ。コネクションを張らず、このフラグのセグメントを 1 個だけ送る。",
        ],
    )
    .default_rule(["a connection with a request", "接続してリクエストを送る"]),
    field("ttl", Type::Integer(1, 255), ["The IP time to live.", "IP の TTL。"]).default("64"),
    field(
        "size",
        Type::Integer(0, MAX_SIZE as i64),
        [
            "Data of a ping, datagram or segment; for a TCP connection, data added to the request.",
            "ping、データグラム、セグメントのデータ長。TCP 接続ではリクエストに加えるデータ長。",
        ],
    )
    .unit(Unit::Bytes)
    .default_rule(["56 for a ping, 30 for UDP, 0 for TCP", "ping は 56、UDP は 30、TCP は 0"]),
    field(
        "pmtudisc",
        Type::Word(&["want", "do", "dont"]),
        [
            "Path MTU discovery, as IP_MTU_DISCOVER: do always sets DF, dont never.",
            "Path MTU 探索（IP_MTU_DISCOVER）。do は常に DF を立て、dont は立てない。",
        ],
    )
    .default("want"),
    field(
        "checksum",
        Type::Boolean,
        ["Whether the UDP checksum is computed.", "UDP チェックサムを計算するか。"],
    )
    .default("true"),
    field(
        "endpoint",
        Type::Text(&ENDPOINT),
        [
            "The endpoint that the random rules choose.",
            "ランダムなルールに選ばせるエンドポイント。",
        ],
    )
    .default_rule(["drawn at random", "ランダム"]),
    field(
        "count",
        Type::Integer(1, MAX_COUNT as i64),
        ["Number of pings or datagrams.", "ping またはデータグラムの数。"],
    )
    .default("1"),
    field(
        "interval",
        Type::Text(&DURATION),
        ["Time between two pings or datagrams.", "ping またはデータグラムの間隔。"],
    )
    .default("1s"),
    field(
        "timeout",
        Type::Text(&DURATION),
        ["How long the client waits for an answer.", "クライアントが応答を待つ時間。"],
    )
    .default_rule([
        "10s for a ping, 5s for UDP; TCP retransmits until it gives up",
        "ping は 10s、UDP は 5s、TCP は再送をあきらめるまで",
    ]),
    field(
        "settle",
        Type::Text(&DURATION),
        [
            "How long the simulation continues after the client has finished.",
            "クライアント終了後にシミュレーションを続ける時間。",
        ],
    )
    .default_rule(["until no packet is under way", "パケットがなくなるまで"]),
    field(
        "pause",
        Type::Text(&DURATION),
        [
            "How long the client waits between connecting and sending its request.",
            "接続してからリクエストを送るまでの待ち時間。",
        ],
    )
    .default("0s"),
    field(
        "seq",
        Type::Integer(0, 65_535),
        ["The ICMP sequence number of the first ping.", "最初の ping の ICMP シーケンス番号。"],
    )
    .default("1"),
    field(
        "host",
        Type::Text(&HOST_HEADER),
        ["The Host header of the request.", "リクエストの Host ヘッダー。"],
    )
    .default_rule(["the destination", "宛先"]),
];
