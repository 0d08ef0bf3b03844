// Help about the fields of Kubernetes kinds, in English and Japanese, by the kind of the document; `*`
// for all. Fields of Topology and Script come from the engine's table.
const words = {
  "*": {
    apiVersion: [
      "Group and version of the kind: apps/v1 for a Deployment, v1 for a Service.",
      "種類のグループとバージョン。Deployment は apps/v1、Service は v1。",
    ],
    kind: ["What this document describes.", "この文書が記述するもの。"],
    metadata: ["Name, namespace and labels.", "名前、名前空間、ラベル。"],
    name: [
      "Lower-case letters, digits, hyphens and dots; unique among its kind.",
      "英小文字・数字・ハイフン・ドット。同じ種類の中で一意。",
    ],
    namespace: ["default if it is not written.", "省略時は default。"],
    labels: ["Words by which selectors find it.", "セレクターが探すための語。"],
    items: ["The documents of a List.", "List に含まれる文書。"],
    spec: ["What is wanted.", "望む状態。"],
  },
  Deployment: {
    Deployment: ["Keeps a number of equal pods running.", "同じ Pod を指定した数だけ動かす。"],
    replicas: ["How many pods; 1 if it is not written.", "Pod の数。省略時は 1。"],
    selector: [
      "The pods that belong to it; must agree with the template's labels.",
      "属する Pod。テンプレートのラベルと一致させる。",
    ],
    matchLabels: [
      "All of these labels must be there, with these values.",
      "すべてのラベルが同じ値で付いていること。",
    ],
    template: ["What each of its pods looks like.", "それぞれの Pod のひな型。"],
    containers: [
      "A pod's containers share one network namespace: one eth0, one address.",
      "Pod のコンテナは一つの netns を共有する（eth0 もアドレスも一つ）。",
    ],
    image: [
      "nginx answers on port 80. Any other image answers on the ports written with it.",
      "nginx は 80 番で応答する。他のイメージは併記したポートで応答する。",
    ],
    ports: [
      "In a cluster only a note of what the container listens on. Here an image other than nginx listens on them.",
      "クラスターでは待ち受けポートの覚え書き。ここでは nginx 以外のイメージがこのポートで待ち受ける。",
    ],
    containerPort: ["1 to 65535.", "1〜65535。"],
    protocol: ["TCP (if it is not written), UDP or SCTP.", "TCP（省略時）、UDP、SCTP。"],
    nodeName: [
      "The node its pods run on; else they are spread.",
      "Pod を動かすノード。省略時は分散する。",
    ],
  },
  Service: {
    Service: [
      "One address for many pods. kube-proxy writes iptables rules for it on every node.",
      "多数の Pod に対する一つのアドレス。kube-proxy が各ノードに iptables 規則を書く。",
    ],
    type: [
      "ClusterIP (if it is not written): reached inside the cluster. NodePort: also at a port of every node.",
      "ClusterIP（省略時）はクラスター内から、NodePort は全ノードのポートからも届く。",
    ],
    ClusterIP: [
      "An address that no device has: DNAT replaces it by a pod's.",
      "どの装置も持たないアドレス。DNAT で Pod のアドレスに置き換わる。",
    ],
    NodePort: [
      "A port of every node, 30000 to 32767 unless serviceNodePortRange says otherwise.",
      "全ノードのポート。serviceNodePortRange がなければ 30000〜32767。",
    ],
    clusterIP: [
      "From serviceCIDR; chosen if it is not written. None makes a headless Service, without rules.",
      "serviceCIDR の中。省略時は自動。None なら規則のない headless。",
    ],
    selector: [
      "The endpoints are the pods that have all these labels.",
      "このラベルをすべて持つ Pod がエンドポイントになる。",
    ],
    ports: ["Each port has its own chains, KUBE-SVC-…", "ポートごとに KUBE-SVC-… チェーンがある。"],
    port: ["The Service's own port.", "Service 自身のポート。"],
    targetPort: [
      "The pod's port, a number or a name; the same as port if it is not written.",
      "Pod のポート（番号か名前）。省略時は port と同じ。",
    ],
    nodePort: ["Chosen from the range if it is not written.", "省略時は範囲から選ばれる。"],
    protocol: ["TCP (if it is not written), UDP or SCTP.", "TCP（省略時）、UDP、SCTP。"],
  },
};

/** What the word at `pos` means, where it begins and ends; null if nothing is known of it. */
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
  // A name that is also a field is only a field with its colon.
  if (/^[a-z]/.test(word) && !/^["']?\s*:/.test(line.text.slice(to))) return null;
  return { from: line.from + from, to: line.from + to, text: known[japanese ? 1 : 0] };
}

/** The kind of the document around a line. */
function kindAt(doc, number) {
  const kind = (n) => /^[\s-]*["']?kind["']?:\s*["']?(\w+)/.exec(doc.line(n).text)?.[1];
  const border = (n) => /^---/.test(doc.line(n).text);
  let found = kind(number);
  for (let n = number; !found && n > 1 && !border(n); n--) found = kind(n - 1);
  for (let n = number; !found && n < doc.lines && !border(n + 1); n++) found = kind(n + 1);
  return found;
}
