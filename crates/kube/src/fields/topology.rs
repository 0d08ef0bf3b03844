//! The fields of `kind: Topology`.

use super::{
    ADDRESS, ADDRESS_RANGE, DEVICE, DURATION, DefaultValue, Field, Format, INTERFACE, Kind, MAC,
    NAME, NETWORK, POD_ADDRESS, TEXT, Type, Unit, field,
};

/// `kind: Topology`.
pub static TOPOLOGY: Kind = Kind {
    name: "Topology",
    help: [
        "The machines and networks under the cluster, and the settings of its components.",
        "クラスターの土台となるマシンとネットワーク、各コンポーネントの設定。",
    ],
    fields: &[
        field(
            "metadata",
            Type::Object(&[
                field("name", Type::Text(&TEXT), ["A title.", "名称。"]).default("default")
            ]),
            ["The name of the topology.", "トポロジーの名前。"],
        ),
        field("spec", Type::Object(SPEC), ["The topology itself.", "トポロジーの内容。"])
            .required(),
    ],
};

static RELEASE: Format = Format {
    names: ["Kubernetes release", "Kubernetes のリリース"],
    example: "1.22",
    pattern: Some("^v?1\\.\\d+(\\.\\d+)?$"),
    number: true,
};
static PORT_RANGE: Format = Format {
    names: ["port range", "ポート範囲"],
    example: "30000-32767",
    pattern: Some("^\\d+-\\d+$"),
    number: false,
};
static NETWORK_OR_NONE: Format = Format {
    names: ["IPv4 network or \"\"", "IPv4 ネットワークまたは \"\""],
    example: "10.244.0.0/16, or \"\" for none",
    pattern: Some("^(\\d+\\.\\d+\\.\\d+\\.\\d+/\\d+)?$"),
    number: false,
};
static POD_SUFFIX: Format = Format {
    names: ["letters and digits", "英数字"],
    example: "x7k2p",
    pattern: None,
    number: false,
};
static DEVICE_OF: Format = Format {
    names: ["NODE/DEVICE", "ノード/デバイス"],
    example: "node01/flannel.1",
    pattern: Some("^[^/]+/[^/]+$"),
    number: false,
};
/// A chance.
pub static PERCENTAGE: Format = Format {
    names: ["percentage", "百分率"],
    example: "10%",
    pattern: Some("^\\d+(\\.\\d+)?%$"),
    number: false,
};
/// A destination port with its protocol.
pub static PORT_OF: Format = Format {
    names: ["port with protocol", "プロトコル付きポート"],
    example: "8472/udp",
    pattern: Some("^\\d+/(tcp|udp)$"),
    number: false,
};
static DESTINATION: Format = Format {
    names: ["IPv4 network or default", "IPv4 ネットワークまたは default"],
    example: "10.2.0.0/24",
    pattern: Some("^(default|\\d+\\.\\d+\\.\\d+\\.\\d+/\\d+)$"),
    number: false,
};
/// A command of iptables that adds to the rules.
pub static IPTABLES: Format = Format {
    names: ["arguments of iptables", "iptables の引数"],
    example: "-A FORWARD -p udp --dport 8472 -j DROP",
    pattern: None,
    number: false,
};
static DAEMON_OF: Format = Format {
    names: ["NODE/DAEMON", "ノード/デーモン"],
    example: "node01/kube-proxy",
    pattern: Some("^[^/]+/(kube-proxy|flanneld|speaker)$"),
    number: false,
};

const SPEC: &[Field] = &[
    field(
        "seed",
        Type::Integer(0, i64::MAX),
        [
            "Seed of everything that real components draw at random: MAC addresses, pod names, \
             the order of rules.",
            "実際のコンポーネントがランダムに決めるもの（MAC アドレス、Pod 名、ルールの順序）のシード。",
        ],
    )
    .default("0"),
    field(
        "kubernetes",
        Type::Object(KUBERNETES),
        ["Release and address ranges of the cluster.", "クラスターのリリースとアドレス範囲。"],
    ),
    field(
        "kubeProxy",
        Type::Object(KUBE_PROXY),
        ["Options of kube-proxy on every node.", "全ノードの kube-proxy の設定。"],
    ),
    field(
        "flannel",
        Type::Object(FLANNEL),
        ["Options of flannel, the pod network.", "Pod ネットワーク flannel の設定。"],
    ),
    field(
        "loadBalancer",
        Type::Word(&["layer2", "servicelb", "external", "none"]),
        [
            "Who answers for the addresses of Services of type LoadBalancer: a node elected by the \
             speakers, as with MetalLB; pods with host ports on every node, as in k3s; a host in \
             front of the nodes; or nobody.",
            "LoadBalancer の Service のアドレスに誰が応答するか。layer2 は speaker が選んだノード\
             （MetalLB）、servicelb は全ノードのホストポート Pod（k3s）、external はノードの手前の\
             ホスト、none は誰も応答しない。",
        ],
    )
    .default("layer2"),
    field(
        "loadBalancerHost",
        Type::Text(&NAME),
        [
            "With external: the host that has the addresses and forwards to node ports.",
            "external で、アドレスを持ちノードポートへ転送するホスト。",
        ],
    )
    .default("load-balancer"),
    field(
        "loadBalancerPool",
        Type::List(&ADDRESS_RANGE),
        [
            "With layer2 and external: the addresses of these Services, given in order to those \
             without one in status.",
            "layer2 と external で、status にアドレスのない Service に順に割り当てるアドレス。",
        ],
    )
    .default_rule([
        ".240 to .250 of a /24 segment; of a larger one, those of its first /24; of a smaller one, \
         its last sixteenth; none below /27",
        "/24 のセグメントでは .240〜.250、それより大きければ最初の /24 の同じ範囲、小さければ最後の 1/16、/27 より小さければなし",
    ]),
    field(
        "segments",
        Type::Objects(SEGMENT),
        [
            "The LANs that machines are attached to; by default there is one, named lan.",
            "マシンがつながる LAN。省略すると lan という名前のものが一つ。",
        ],
    ),
    field(
        "nodes",
        Type::Objects(NODE),
        ["The machines of the cluster.", "クラスターのマシン。"],
    )
    .required(),
    field(
        "hosts",
        Type::Objects(HOST),
        ["Machines outside the cluster.", "クラスター外のマシン。"],
    ),
    field(
        "routers",
        Type::Objects(ROUTER),
        [
            "Machines that forward packets between segments.",
            "セグメント間でパケットを転送するマシン。",
        ],
    ),
    field(
        "pods",
        Type::Objects(POD),
        [
            "Nodes and addresses of individual pods; pods without an entry are scheduled.",
            "個々の Pod のノードとアドレス。記載のない Pod はスケジューラーが配置する。",
        ],
    ),
    field(
        "faults",
        Type::Variants(FAULT, &[&["cut"], &["down"], &["stopped"]]),
        ["What is broken from the start.", "最初からある故障。"],
    ),
    field(
        "layout",
        Type::ByName(LAYOUT),
        [
            "Offsets of nodes, hosts and routers in the diagram, by name; nothing else depends on them.",
            "図の中のノード、ホスト、ルーターの移動量（名前ごと）。他には影響しない。",
        ],
    ),
];

const KUBERNETES: &[Field] = &[
    field(
        "version",
        Type::Text(&RELEASE),
        [
            "Minor release, 1.10 to 1.36: decides which rules kube-proxy, flannel, the CNI plugins \
             and docker write.",
            "マイナーリリース（1.10〜1.36）。kube-proxy、flannel、CNI プラグイン、docker のルールが決まる。",
        ],
    )
    .default("1.36"),
    field(
        "podCIDR",
        Type::Text(&NETWORK),
        [
            "Addresses of pods, /24 or larger: each node gets a /24 of it (--cluster-cidr of \
             kube-controller-manager).",
            "Pod のアドレス（/24 以上）。各ノードに /24 を割り当てる（kube-controller-manager の \
             --cluster-cidr）。",
        ],
    )
    .default("10.244.0.0/16"),
    field(
        "serviceCIDR",
        Type::Text(&NETWORK),
        [
            "Cluster IPs of Services, /28 or larger (--service-cluster-ip-range).",
            "Service の ClusterIP（/28 以上、--service-cluster-ip-range）。",
        ],
    )
    .default("10.96.0.0/12"),
    field(
        "serviceNodePortRange",
        Type::Text(&PORT_RANGE),
        [
            "Ports that Services of type NodePort may have (--service-node-port-range).",
            "NodePort に使えるポート（--service-node-port-range）。",
        ],
    )
    .default("30000-32767"),
];

const KUBE_PROXY: &[Field] = &[
    field("mode", Type::Word(&["iptables"]), ["The proxy mode.", "プロキシモード。"])
        .default("iptables"),
    field(
        "masqueradeAll",
        Type::Boolean,
        [
            "Masquerade all traffic to cluster IPs, even from pods (--masquerade-all).",
            "Pod からのものも含め ClusterIP 宛てをすべて MASQUERADE する（--masquerade-all）。",
        ],
    )
    .default("false"),
    field(
        "clusterCIDR",
        Type::Text(&NETWORK_OR_NONE),
        [
            "Sources inside the cluster, whose traffic to cluster IPs is not masqueraded \
             (--cluster-cidr); \"\" disables the check.",
            "クラスター内とみなす送信元。ClusterIP 宛てを MASQUERADE しない（--cluster-cidr）。\
             \"\" なら判定しない。",
        ],
    )
    .default_rule(["podCIDR", "podCIDR"]),
    field(
        "nodePortAddresses",
        Type::List(&NETWORK),
        [
            "Node addresses that accept node ports (--nodeport-addresses); all if empty.",
            "NodePort を受け付けるノードのアドレス（--nodeport-addresses）。空ならすべて。",
        ],
    ),
    field(
        "localhostNodePorts",
        Type::Boolean,
        [
            "Whether node ports are reachable at 127.0.0.1 \
             (--iptables-localhost-nodeports, since 1.26).",
            "127.0.0.1 でも NodePort に届くか（--iptables-localhost-nodeports、1.26 以降）。",
        ],
    )
    .default("true"),
];

const FLANNEL: &[Field] = &[
    field(
        "backend",
        Type::Word(&["vxlan", "host-gw"]),
        [
            "How packets reach pods of other nodes: encapsulated in VXLAN, or routed as they are.",
            "他ノードの Pod への運び方。vxlan はカプセル化、host-gw はそのままルーティング。",
        ],
    )
    .default("vxlan"),
    field(
        "directRouting",
        Type::Boolean,
        [
            "With vxlan: route without encapsulation to nodes on the same segment.",
            "vxlan で、同じセグメントのノードへはカプセル化せずルーティングする。",
        ],
    )
    .default("false"),
    field(
        "vni",
        // The device is named flannel.VNI, and a device name has at most 15 characters.
        Type::Integer(1, 9_999_999),
        ["VXLAN network identifier.", "VXLAN ネットワーク識別子（VNI）。"],
    )
    .default("1"),
    field(
        "iface",
        Type::Text(&DEVICE),
        [
            "The interface whose address flannel uses on every node (--iface).",
            "flannel が各ノードで使うアドレスを持つインターフェース（--iface）。",
        ],
    )
    .default_rule(["nic of the node", "ノードの nic"]),
    field("port", Type::Integer(1, 65_535), ["UDP port of VXLAN.", "VXLAN の UDP ポート。"])
        .default("8472"),
    field(
        "ipMasq",
        Type::Boolean,
        [
            "Masquerade traffic from pods to addresses outside the cluster (--ip-masq).",
            "Pod からクラスター外への通信を MASQUERADE する（--ip-masq）。",
        ],
    )
    .default("true"),
];

const SEGMENT: &[Field] = &[
    field(
        "name",
        Type::Text(&NAME),
        [
            "The segment's name; required from the second one on.",
            "セグメントの名前。二つ目からは必須。",
        ],
    )
    .default("lan"),
    field(
        "subnet",
        Type::Text(&NETWORK),
        [
            "The segment's network; required from the second one on.",
            "セグメントのネットワーク。二つ目からは必須。",
        ],
    )
    .default("192.168.1.0/24"),
    field(
        "gateway",
        Type::Text(&ADDRESS),
        [
            "Default gateway of every node and host on the segment.",
            "セグメント上の全ノードと全ホストのデフォルトゲートウェイ。",
        ],
    )
    .default_rule([
        "192.168.1.1 on the default subnet, otherwise the first router on it, if any",
        "既定の subnet では 192.168.1.1、それ以外では最初のルーター（あれば）",
    ]),
    field(
        "mtu",
        Type::Integer(576, 65_535),
        ["MTU of the interfaces on the segment.", "セグメント上のインターフェースの MTU。"],
    )
    .unit(Unit::Bytes)
    .default("1500"),
];

const NODE: &[Field] = &[
    field(
        "name",
        Type::Text(&NAME),
        [
            "The node's name; unique among machines and segments.",
            "ノードの名前。マシンとセグメントの中で一意。",
        ],
    )
    .required(),
    HOSTNAME,
    field(
        "role",
        Type::Word(&["worker", "control-plane"]),
        [
            "What the node runs: pods (worker), or the API server (control-plane).",
            "ノードで動かすもの。worker は Pod、control-plane は API サーバー。",
        ],
    )
    .default("worker"),
    field(
        "zone",
        Type::Text(&TEXT),
        [
            "The label topology.kubernetes.io/zone, for topology-aware routing.",
            "ラベル topology.kubernetes.io/zone（トポロジーを考慮したルーティング用）。",
        ],
    ),
    field(
        "docker",
        Type::Boolean,
        [
            "Whether docker runs on the node, with docker0 and its rules.",
            "docker が動いているか（docker0 とそのルール）。",
        ],
    )
    .default_rule(["true up to Kubernetes 1.23, then false", "1.23 までは true、以降は false"]),
    field("dockerMAC", Type::Text(&MAC), ["MAC address of docker0.", "docker0 の MAC アドレス。"])
        .default_rule(FROM_SEED),
    field(
        "vtepMAC",
        Type::Text(&MAC),
        ["MAC address of flannel's VXLAN device.", "flannel の VXLAN デバイスの MAC アドレス。"],
    )
    .default_rule(FROM_SEED),
    NIC_FIELD,
    INTERFACES,
    ROUTES,
    field(
        "sysctl",
        Type::Object(SYSCTL),
        ["Kernel settings of the node.", "ノードのカーネル設定。"],
    ),
    field("kernel", Type::Ignored, ["Not simulated.", "シミュレートしない。"]),
    field("tools", Type::Ignored, ["Not simulated.", "シミュレートしない。"]),
];

const FROM_SEED: [&str; 2] = ["derived from the seed", "シードから決まる"];

const HOSTNAME: Field = field(
    "hostname",
    Type::Text(&TEXT),
    ["What the machine's shell prints as its host name.", "シェルが表示するホスト名。"],
)
.default_rule(["name", "name と同じ"]);

const NIC_FIELD: Field = field(
    "nic",
    Type::Object(NIC),
    [
        "The machine's first interface, with its default route; of a node, also its InternalIP.",
        "マシンの最初のインターフェース。デフォルトルートと、ノードでは InternalIP を持つ。",
    ],
);

const INTERFACES: Field = field(
    "interfaces",
    Type::Objects(FURTHER_NIC),
    [
        "The machine's other interfaces, each on another segment.",
        "マシンの他のインターフェース。それぞれ別のセグメントにつながる。",
    ],
);

const ROUTES: Field = field(
    "routes",
    Type::Objects(ROUTE),
    [
        "Routes in addition to those to the machine's own segments.",
        "マシン自身のセグメントへの経路以外の経路。",
    ],
);

const ROUTE: &[Field] = &[
    field(
        "to",
        Type::Text(&DESTINATION),
        ["The network that the route leads to.", "経路の宛先ネットワーク。"],
    )
    .required(),
    field(
        "via",
        Type::Text(&ADDRESS),
        [
            "The gateway, on one of the machine's segments.",
            "ゲートウェイ。マシンのセグメント上にある。",
        ],
    )
    .required(),
];

/// The fields of an interface, whose name has this default.
const fn nic_fields(name: Field) -> [Field; 9] {
    [
        name,
        NIC_SEGMENT,
        NIC_ADDRESS,
        NIC_MAC,
        NIC_MTU,
        NIC_LOSS,
        NIC_DELAY,
        NIC_DUPLICATE,
        NIC_BLOCKED,
    ]
}

const NIC_NAME: Field = field("name", Type::Text(&DEVICE), ["The device's name.", "デバイス名。"]);

const NIC: &[Field] = &nic_fields(NIC_NAME.default("eth0"));
const FURTHER_NIC: &[Field] = &nic_fields(NIC_NAME.default_rule(["eth1, eth2, …", "eth1、eth2…"]));
const ROUTER_NIC: &[Field] = &nic_fields(NIC_NAME.default_rule(["eth0, eth1, …", "eth0、eth1…"]));

const NIC_SEGMENT: Field = field(
    "segment",
    Type::Text(&NAME),
    ["The segment that it is attached to.", "つながるセグメント。"],
)
.default_rule([
    "the one that contains the address, otherwise the first",
    "address を含むもの、なければ最初のもの",
]);

const NIC_ADDRESS: Field = field(
    "address",
    Type::Text(&INTERFACE),
    ["Its address on the segment.", "セグメント上のアドレス。"],
)
.default_rule([
    "nodes .10, .11, …, hosts .100, .101, … of the subnet; routers the gateway, or .1, .2, …",
    "ノードは .10、.11…、ホストは .100、.101…、ルーターは gateway、または .1、.2…",
]);

const NIC_MAC: Field =
    field("mac", Type::Text(&MAC), ["Its MAC address.", "MAC アドレス。"]).default_rule(FROM_SEED);

const NIC_MTU: Field = field(
    "mtu",
    Type::Integer(576, 65_535),
    [
        "Largest IP packet; VXLAN devices and pods get 50 bytes less.",
        "送れる最大の IP パケット。VXLAN デバイスと Pod では 50 バイト小さくなる。",
    ],
)
.unit(Unit::Bytes)
.default_rule(["mtu of the segment", "セグメントの mtu"]);

const NIC_LOSS: Field = field(
    "loss",
    Type::Text(&PERCENTAGE),
    [
        "Chance that its cable loses a frame, in each direction (tc netem loss).",
        "ケーブルがフレームを失う確率（双方向、tc netem の loss）。",
    ],
);

const NIC_DELAY: Field = field(
    "delay",
    Type::Text(&DURATION),
    [
        "Time that a frame takes on its cable, in each direction (tc netem delay).",
        "ケーブルでのフレームの遅延（双方向、tc netem の delay）。",
    ],
);

const NIC_DUPLICATE: Field = field(
    "duplicate",
    Type::Text(&PERCENTAGE),
    [
        "Chance that its cable delivers a frame twice, in each direction (tc netem duplicate).",
        "ケーブルがフレームを二重に届ける確率（双方向、tc netem の duplicate）。",
    ],
);

const NIC_BLOCKED: Field = field(
    "blocked",
    Type::List(&PORT_OF),
    [
        "Destination ports that the segment does not deliver to the machine, such as those \
             that a cloud's security group does not allow.",
        "セグメントがマシンへ届けない宛先ポート（クラウドのセキュリティグループが許可しないものなど）。",
    ],
);

const IP_FORWARD: Field = field(
    "net.ipv4.ip_forward",
    Type::Integer(0, 1),
    [
        "Whether the machine forwards packets between interfaces.",
        "インターフェース間でパケットを転送するか。",
    ],
)
.default("1");

const RP_FILTER: Field = field(
    "net.ipv4.conf.all.rp_filter",
    Type::Integer(0, 2),
    [
        "Reverse path filter: 0 off, 1 strict, 2 loose (RFC 3704).",
        "リバースパスフィルター。0 は無効、1 は strict、2 は loose（RFC 3704）。",
    ],
)
.default("1");

const SYSCTL: &[Field] = &[
    IP_FORWARD,
    field(
        "net.bridge.bridge-nf-call-iptables",
        Type::Integer(0, 1),
        [
            "Whether bridged frames pass iptables; kube-proxy relies on it.",
            "ブリッジのフレームも iptables を通るか。kube-proxy が必要とする。",
        ],
    )
    .default("1"),
    RP_FILTER,
];

const HOST: &[Field] = &[
    field(
        "name",
        Type::Text(&NAME),
        [
            "The host's name; unique among machines and segments.",
            "ホストの名前。マシンとセグメントの中で一意。",
        ],
    )
    .required(),
    HOSTNAME,
    NIC_FIELD,
    INTERFACES,
    ROUTES,
];

const ROUTER: &[Field] = &[
    field(
        "name",
        Type::Text(&NAME),
        [
            "The router's name; unique among machines and segments.",
            "ルーターの名前。マシンとセグメントの中で一意。",
        ],
    )
    .required(),
    HOSTNAME,
    field(
        "interfaces",
        Type::Objects(ROUTER_NIC),
        [
            "The router's interfaces, each on another segment.",
            "ルーターのインターフェース。それぞれ別のセグメントにつながる。",
        ],
    )
    .required(),
    ROUTES,
    field(
        "iptables",
        Type::List(&IPTABLES),
        [
            "iptables commands that fill its tables, in order: -A, -N or -P, in table filter \
             unless -t names another one.",
            "テーブルにルールを入れる iptables のコマンド（順に実行）。-A、-N、-P が使え、-t がなければ \
             filter テーブル。",
        ],
    ),
    field(
        "sysctl",
        Type::Object(ROUTER_SYSCTL),
        ["Kernel settings of the router.", "ルーターのカーネル設定。"],
    ),
];

const ROUTER_SYSCTL: &[Field] = &[IP_FORWARD, Field { default: Some(ZERO), ..RP_FILTER }];
const ZERO: DefaultValue = DefaultValue::Fixed("0");

const POD: &[Field] = &[
    field("of", Type::Text(&NAME), ["The pod's Deployment.", "Pod が属する Deployment。"])
        .required(),
    field("node", Type::Text(&NAME), ["The node it runs on.", "動作するノード。"]).required(),
    field(
        "ip",
        Type::Text(&POD_ADDRESS),
        ["Its address, in the node's pod network.", "ノードの Pod ネットワーク内のアドレス。"],
    )
    .required(),
    field(
        "suffix",
        Type::Text(&POD_SUFFIX),
        [
            "The end of its name, after the Deployment's name and the template hash; with a '-' it \
             contains the hash too.",
            "Pod 名の末尾（Deployment 名とテンプレートハッシュの後）。- を含むときはハッシュも兼ねる。",
        ],
    )
    .default_rule(FROM_SEED),
    field(
        "veth",
        Type::Text(&DEVICE),
        ["Name of its veth device on the node.", "ノード側の veth デバイスの名前。"],
    )
    .default_rule(["veth and the address in hex", "veth とアドレスの 16 進表記"]),
    field("vethMAC", Type::Text(&MAC), ["MAC address of that device.", "その MAC アドレス。"])
        .default_rule(FROM_SEED),
    field(
        "ready",
        Type::Boolean,
        [
            "Whether its readiness probe succeeds.",
            "readiness probe が成功しているか。",
        ],
    )
    .default("true"),
    field(
        "terminating",
        Type::Boolean,
        ["Whether it is being deleted.", "Pod が削除中か。"],
    )
    .default("false"),
];

const FAULT: &[Field] = &[
    field(
        "cut",
        Type::Text(&NAME),
        [
            "A node or host whose NIC has lost its carrier.",
            "NIC のケーブルが切れているノードまたはホスト。",
        ],
    ),
    field(
        "down",
        Type::Text(&DEVICE_OF),
        ["A device that is down.", "down になっているデバイス。"],
    ),
    field(
        "stopped",
        Type::Text(&DAEMON_OF),
        [
            "A daemon, kube-proxy, flanneld or speaker, that has not run since the node booted.",
            "ノードの起動後に一度も動いていないデーモン（kube-proxy、flanneld、speaker）。",
        ],
    ),
];

const LAYOUT: &[Field] = &[
    field("x", OFFSET, ["Offset to the right.", "右への移動量。"]).unit(Unit::Pixels).default("0"),
    field("y", OFFSET, ["Offset downwards.", "下への移動量。"]).unit(Unit::Pixels).default("0"),
];

const OFFSET: Type = Type::Integer(-20_000, 20_000);
