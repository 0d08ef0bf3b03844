// Help about the fields of Kubernetes kinds, in English and Japanese, by the kind of the document;
// `*` for all. Fields of Topology and Script come from the engine's table.
const words = {
  "*": {
    apiVersion: [
      "API group and version of the kind: apps/v1 for a Deployment, v1 for a Service.",
      "API グループとバージョン。Deployment は apps/v1、Service は v1。",
    ],
    kind: [
      "The kind of object that this document describes.",
      "このドキュメントが定義するオブジェクトの種類。",
    ],
    metadata: ["Name, namespace and labels.", "名前、名前空間、ラベル。"],
    name: [
      "Lower-case letters, digits, hyphens and dots; unique within its kind and namespace.",
      "英小文字、数字、ハイフン、ドット。同じ種類・同じ Namespace の中で一意。",
    ],
    namespace: ["Defaults to default.", "省略時は default。"],
    labels: ["Key and value pairs that selectors match.", "セレクターが照合するキーと値の組。"],
    items: ["The objects of a List.", "List に含まれるオブジェクト。"],
    spec: ["The desired state.", "望ましい状態。"],
  },
  Deployment: {
    Deployment: ["Keeps a number of identical pods running.", "同じ Pod を指定した数だけ動かす。"],
    replicas: ["Number of pods. Defaults to 1.", "Pod の数。省略時は 1。"],
    selector: [
      "Selects the pods of this Deployment; must match the labels of the template.",
      "この Deployment の Pod を選ぶ。テンプレートのラベルと一致させること。",
    ],
    matchLabels: [
      "A pod matches if it has all of these labels with these values.",
      "すべてのラベルが同じ値で付いている Pod が該当する。",
    ],
    template: [
      "The template from which each pod is created.",
      "Pod を作成するためのテンプレート。",
    ],
    containers: [
      "The containers of a pod share one network namespace: one eth0, one address.",
      "Pod のコンテナは 1 つのネットワーク名前空間を共有する（eth0 もアドレスも 1 つ）。",
    ],
    image: [
      "A known image listens on its own ports, such as 80 of nginx; any other on those under ports.",
      "よく知られたイメージは固有のポートで待ち受ける（nginx は 80）。その他のイメージは ports に書いたポートで待ち受けるとみなす。",
    ],
    ports: [
      "Informational. An image that is not known is assumed to listen on these ports.",
      "参考情報。未知のイメージは、このポートで待ち受けるとみなす。",
    ],
    containerPort: ["1 to 65535.", "1〜65535。"],
    protocol: ["TCP (the default), UDP or SCTP.", "TCP（省略時）、UDP、SCTP。"],
    nodeName: [
      "The node that runs the pods. By default they are spread over the nodes.",
      "Pod を実行するノード。省略時は各ノードに分散する。",
    ],
  },
  Service: {
    Service: [
      "One address for a set of pods. kube-proxy writes iptables rules for it on every node.",
      "複数の Pod に対する 1 つのアドレス。kube-proxy が各ノードに iptables ルールを書き込む。",
    ],
    type: [
      "ClusterIP (the default): reachable inside the cluster. NodePort: also at a port of every node.",
      "ClusterIP（省略時）はクラスター内から到達できる。NodePort は全ノードのポートからも到達できる。",
    ],
    ClusterIP: [
      "An address that no device has: DNAT replaces it with that of a pod.",
      "どのデバイスにも付いていないアドレス。DNAT で Pod のアドレスに変換される。",
    ],
    NodePort: [
      "A port of every node. The range is serviceNodePortRange, by default 30000 to 32767.",
      "全ノードのポート。範囲は serviceNodePortRange（省略時は 30000〜32767）。",
    ],
    clusterIP: [
      "An address of serviceCIDR, assigned by default. None: a headless Service, which has no rules.",
      "serviceCIDR 内のアドレス。省略時は自動で割り当てる。None なら headless Service になり、ルールは作られない。",
    ],
    selector: [
      "The endpoints are the pods that have all these labels.",
      "このラベルをすべて持つ Pod がエンドポイントになる。",
    ],
    ports: ["Each port has its own KUBE-SVC-… chain.", "ポートごとに KUBE-SVC-… チェーンがある。"],
    port: ["The Service's own port.", "Service 自身のポート。"],
    targetPort: [
      "The pod's port, a number or a name. Defaults to port.",
      "Pod のポート（番号または名前）。省略時は port と同じ。",
    ],
    nodePort: [
      "A port of serviceNodePortRange, assigned by default.",
      "serviceNodePortRange 内のポート。省略時は自動で割り当てる。",
    ],
    protocol: ["TCP (the default), UDP or SCTP.", "TCP（省略時）、UDP、SCTP。"],
  },
};

/** The help for the word at `pos`, with the range of the word; null if there is none. */
export function helpAt(doc, pos, japanese) {
  const line = doc.lineAt(pos);
  let from = pos - line.from;
  let to = from;
  const part = /[\w.-]/;
  while (from > 0 && part.test(line.text[from - 1])) from--;
  while (to < line.text.length && part.test(line.text[to])) to++;
  const word = line.text.slice(from, to);
  if (!word || /(^|\s)#/.test(line.text.slice(0, from))) return null;
  const known = words[kindAt(doc, line.number)]?.[word] ?? words["*"][word];
  if (!known) return null;
  // A word in lower case is a field only if a colon follows.
  if (/^[a-z]/.test(word) && !/^["']?\s*:/.test(line.text.slice(to))) return null;
  return { from: line.from + from, to: line.from + to, text: known[japanese ? 1 : 0] };
}

/** The kind of the document that a line belongs to. */
function kindAt(doc, number) {
  const kind = (n) => /^[\s-]*["']?kind["']?:\s*["']?(\w+)/.exec(doc.line(n).text)?.[1];
  const border = (n) => /^---/.test(doc.line(n).text);
  let found = kind(number);
  for (let n = number; !found && n > 1 && !border(n); n--) found = kind(n - 1);
  for (let n = number; !found && n < doc.lines && !border(n + 1); n++) found = kind(n + 1);
  return found;
}

/** Whether a place is in a document of one of our own kinds. */
export function isOwn(doc, pos) {
  return ["Topology", "Script"].includes(kindAt(doc, doc.lineAt(pos).number));
}
