//! The words of the page itself.

use super::Lang;

macro_rules! texts {
    ($name:ident, $say:ident: $($variant:ident: $en:literal, $ja:literal;)*) => {
        /// A text of the page.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each says itself")]
        pub enum $name { $($variant,)* }
        /// A text of the page in a language.
        pub const fn $say(text: $name, lang: Lang) -> &'static str {
            match (text, lang) { $(($name::$variant, Lang::En) => $en, ($name::$variant, Lang::Ja) => $ja,)* }
        }
    };
}
pub(super) use texts;

texts! { Ui, ui:
    Manifests: "Manifests", "マニフェスト";
    From: "From", "送信元";
    Send: "send", "送るもの";
    To: "to", "宛先";
    Endpoint: "endpoint", "エンドポイント";
    Drawn: "drawn", "抽選";
    Chosen: "chosen", "指定";
    FromAfter: "", "から";
    SendAfter: "", "を";
    ToAfter: "", "へ";
    SendButton: "Send", "送信";
    Packet: "Packet", "パケット";
    Rules: "Rules", "ルール";
    Tables: "Tables", "テーブル";
    Events: "Events", "イベント";
    Diagram: "Diagram", "図";
    Text: "Text", "テキスト";
    Hops: "Hops", "ホップ";
    Decisions: "Decisions", "判断";
    EveryRule: "Every rule", "全ルール";
    Play: "Play", "再生";
    Pause: "Pause", "一時停止";
    StepForward: "Step forward", "一つ進む";
    StepBack: "Step back", "一つ戻る";
    ToStart: "To the start", "最初へ";
    ToEnd: "To the end", "最後へ";
    Position: "Position in the run", "再生位置";
    ThisPacket: "This packet", "このパケット";
    AllPackets: "All packets", "全パケット";
    NoProblems: "No problems", "問題なし";
    Problem: "problem", "件の問題";
    Warning: "warning", "件の警告";
    Warnings: "warnings", "件の警告";
    Service: "service", "Service";
    Focus: "Only what this packet touches", "このパケットが通る所だけ";
    Pod: "pod", "Pod";
    Before: "before it did not match", "個は不一致";
    Problems: "problems", "件の問題";
    Pods: "pods", "Pod";
    Services: "services", "Service";
    LastValid: "The diagram shows the last valid cluster.", "図は直前の正しいクラスターを表示しています。";
    ApplyFix: "Apply this fix", "この修正を適用";
    ReadyTitle: "Send a packet", "パケットを送ってみましょう";
    ReadyText: "Choose who sends and to whom, then press Send. Every step is computed by the engine.", "送信元と宛先を選び、送信を押してください。すべての手順はエンジンが計算します。";
    NoRules: "No table has looked at this packet yet.", "このパケットはまだどのテーブルも通っていません。";
    NoPacket: "No packet at this moment.", "この時点ではパケットがありません。";
    ShellTitle: "Put around it by flannel.1", "flannel.1 が付けた外側";
    PacketItself: "The packet itself", "パケット本体";
    Bytes: "bytes", "バイト";
    NotMatched: "did not match", "不一致";
    NothingFound: "No rule has these words.", "この語を含む規則はありません。";
    NotDrawn: "were not drawn", "抽選で外れた";
    Differs: "differs", "が異なる";
    InTheRule: "in the rule", "ルールの値";
    Been: "been", "通過済み";
    WillGo: "will go", "これから";
    InVxlan: "inside VXLAN", "VXLAN の中";
    Hooks: "netfilter hooks", "netfilter フック";
    Worker: "worker", "ワーカー";
    ControlPlane: "control plane", "コントロールプレーン";
    Client: "client", "クライアント";
    NoCarrier: "no carrier", "リンクなし";
    Language: "Language", "言語";
    Theme: "Light or dark", "明るさ";
    Preset: "Document", "文書";
    Yours: "Yours", "自分の文書";
    Bridged: "bridged", "ブリッジ";
    Verdict: "Verdict", "結果";
    Neighbours: "Cold ARP tables", "ARP テーブルを空から";
    LookedAt: "rules looked at, of", "個のルールを評価、全";
    Policy: "policy", "ポリシー";
    EndOfChain: "end of chain", "チェイン終端";
    Forced: "another endpoint is forced", "別のエンドポイントを指定";
    ForcedHere: "this endpoint is forced", "このエンドポイントを指定";
    Loading: "Loading the engine…", "エンジンを読み込んでいます…";
    Lost: "Lost here", "ここで破棄";
    Speed: "Speed", "速度";
    Close: "Close", "閉じる";
    Editor: "Manifests and topology, as YAML", "YAML のマニフェストとトポロジー";
    Edit: "Edit…", "編集…";
    Undo: "Undo", "元に戻す";
    Redo: "Redo", "やり直す";
    StartOver: "Start over, with other chances", "最初から（別の抽選で）";
    Open: "Open a file", "ファイルを開く";
    Save: "Save as a file", "ファイルに保存";
    Options: "Header fields", "ヘッダーの値";
    SourcePort: "source port", "送信元ポート";
    Identifier: "identifier", "識別子";
    Ttl: "ttl", "ttl";
    Size: "bytes of data", "データのバイト数";
    Count: "how many", "個数";
    DontFragment: "do not fragment", "断片化しない";
    AsUsual: "as usual", "通常どおり";
    Cold: "empty ARP tables at first", "ARP テーブルを空から始める";
    ZoomIn: "Zoom in", "拡大";
    ZoomOut: "Zoom out", "縮小";
    Fit: "Show all", "全体を表示";
    Add: "Add", "追加";
    AddNode: "Add a node", "ノードを追加";
    AddHost: "Add a host", "ホストを追加";
    AddDeployment: "Add a Deployment", "Deployment を追加";
    AddService: "Add a Service", "Service を追加";
    Remove: "Remove", "削除";
    Name: "name", "名前";
    Address: "address", "アドレス";
    Replicas: "replicas", "レプリカ数";
    Type: "type", "種類";
    FromTheBeginning: "In the text, from the beginning", "テキストに書く（最初から）";
    Now: "At this moment", "この時点で";
    DeletePod: "delete this pod", "この Pod を削除";
    SyncNow: "kube-proxy: sync", "kube-proxy: 同期";
    StopProxy: "kube-proxy: stop", "kube-proxy: 停止";
    Share: "Share, embed, save as files", "共有・埋め込み・書き出し";
    NotThere: "Not there at this moment", "この時点では存在しません";
    CableCut: "cable cut", "ケーブル切断";
    IsDown: "is down", "停止";
    StoppedWord: "stopped", "停止";
    TakeDown: "take down", "停止する";
    BringUp: "bring up", "起動する";
    PlaceReset: "back to its place", "元の位置へ";
    Terminal: "Terminal", "ターミナル";
    TypeHere: "a command, such as", "コマンド（例:";
    KnownWhenDone: "… (printed when it ends)", "…（終わったときに表示）";
    Drop: "Drop it", "捨てる";
    Delay: "Delay it 1 s", "1 秒遅らせる";
    Duplicate: "Double it", "複製する";
    Waits: "This packet waits for something: it can only be dropped.", "このパケットは何かを待っているので、捨てることしかできません。";
    NotInFlight: "This packet is not on its way at this moment.", "このパケットはこの時点で移動中ではありません。";
    PastNote: "You are in the past: what you do here replaces what came after. Undo brings it back.", "過去の時点です。ここで何かすると、この後の出来事は置き換わります。元に戻せます。";
    Delete: "Delete this entry now", "このエントリーを今削除";
    Used: "used", "使用";
    New: "new", "追加";
    Gone: "gone", "削除";
    All: "all", "全体";
    BroughtByCluster: "The cluster brings this itself; it is not in the text.", "クラスターが自ら用意するもので、テキストにはありません。";
    ToDiagram: "Show what the cursor is at on the diagram", "カーソル位置のものを図で表示";
    ShowInText: "Show in the text", "テキストで表示";
    Search: "Search the rules", "ルールを検索";
    Walk: "The walk", "評価の流れ";
    AllRules: "All rules", "全ルール";
    Difference: "Difference", "差分";
    RunDiff: "The run", "パケットの動き";
    NoRunDiff: "Every decision is the same.", "どの判断も同じです。";
    Release: "Kubernetes release", "Kubernetes のバージョン";
    NoDifference: "The rules are the same as before the last edit.", "ルールは直前の編集の前と同じです。";
    InFlight: "packets on their way", "個のパケットが移動中";
    Diff: "rules before and after the last edit", "直前の編集の前後のルール";
}
