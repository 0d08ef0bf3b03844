//! The texts of the user interface.

use super::Lang;

macro_rules! texts {
    ($name:ident, $say:ident: $($variant:ident: $en:literal, $ja:literal;)*) => {
        /// A text of the page.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each says itself")]
        pub enum $name { $($variant,)* }
        impl $name {
            /// Every text, with its name.
            pub const ALL: &[(&str, Self)] = &[$((stringify!($variant), Self::$variant),)*];
        }
        /// A text of the page in a language.
        pub const fn $say(text: $name, lang: Lang) -> &'static str {
            match (text, lang) {
                $(($name::$variant, Lang::En) => $en,
                ($name::$variant, Lang::Ja) => $ja,)*
            }
        }
    };
}
pub(super) use texts;

texts! { Ui, ui:
    Manifests: "Manifests", "マニフェスト";
    From: "From", "送信元";
    Send: "send", "プロトコル";
    To: "to", "宛先";
    Endpoint: "endpoint", "エンドポイント";
    Drawn: "random", "ランダム";
    Chosen: "forced", "指定";
    FromAfter: "", "から";
    SendAfter: "", "を";
    ToAfter: "", "へ";
    SendButton: "Send", "送信";
    Packet: "Packet", "パケット";
    Rules: "Rules", "ルール";
    Tables: "Tables", "テーブル";
    Events: "Events", "イベント";
    Diagram: "Diagram", "図";
    Details: "Details", "詳細";
    Text: "Text", "テキスト";
    FoldPane: "Fold this pane", "このペインをたたむ";
    Resize: "Resize", "サイズを変更";
    NothingSent: "Nothing is on the wire", "まだ何も流れていません";
    Building: "Building the cluster…", "クラスターを構築しています…";
    MoreTools: "More tools", "その他の操作";
    Hops: "Hops", "ホップ";
    Decisions: "Decisions", "判断";
    EveryRule: "Every rule", "全ルール";
    Play: "Play", "再生";
    Pause: "Pause", "一時停止";
    StepForward: "Step forward", "1 ステップ進む";
    StepBack: "Step back", "1 ステップ戻る";
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
    Focus: "Only the nodes on the packet's path", "パケットが通るノードだけ";
    Pod: "pod", "Pod";
    Problems: "problems", "件の問題";
    Pods: "pods", "Pod";
    Services: "services", "Service";
    NotSentStale: "Not sent: the document has errors, and the diagram still shows the last valid one. Correct or undo them first.", "送信していません。ドキュメントにエラーがあり、図はエラーのなかった直前の内容のままです。先にエラーを修正するか、元に戻してください。";
    Keys: "Keys", "キー操作";
    KeyPlay: "play or pause", "再生・一時停止";
    KeyStep: "step", "1 ステップ";
    KeyHop: "to the next or previous device", "次・前のデバイスへ";
    KeyMarker: "to the next or previous decision about this packet", "このパケットの次・前の判断へ";
    KeyEnds: "to the start or end", "最初・最後へ";
    KeyGrain: "hops, decisions, every rule", "ホップ・判断・全ルール";
    KeyFork: "keep this session, and continue without what follows", "このセッションを残し、以降を除いて続ける";
    KeyFocus: "only the nodes on the packet's path, or all", "パケットが通るノードだけ・全ノード";
    KeyFind: "find a node, pod or Service", "ノード・Pod・Service を検索";
    KeyZoom: "zoom in, zoom out, show all", "拡大・縮小・全体を表示";
    KeyUndo: "undo, redo", "元に戻す・やり直す";
    KeyArrows: "on the diagram: to the next element; Enter selects it", "図の中では隣の要素へ（Enter で選択）";
    KeyList: "this list", "この一覧";
    Find: "Find a node, pod or Service", "ノード・Pod・Service を検索";
    NotFound: "Nothing has this name or address.", "該当するものはありません。";
    LastValid: "The diagram shows the last valid document.", "図には、エラーのなかった直前の内容を表示しています。";
    ApplyFix: "Apply this fix", "この修正を適用";
    ReadyTitle: "Send a packet", "パケットを送ってみましょう";
    ReadyText: "Choose a sender and a destination, then press Send. Every step is simulated.", "送信元と宛先を選び、「送信」を押してください。すべてのステップをシミュレートします。";
    NoRules: "This packet has not traversed any table yet.", "このパケットはまだどのテーブルも通っていません。";
    LeftTable: "The packet has left this table.", "パケットはこのテーブルを通過しました。";
    NoPacket: "There is no packet at this moment.", "この時点ではパケットがありません。";
    ShellTitle: "Outer headers, added by flannel.1", "外側のヘッダー（flannel.1 が付加）";
    PacketItself: "Inner packet", "内側のパケット";
    Bytes: "bytes", "バイト";
    NotMatched: "did not match", "不一致";
    NothingFound: "No rule contains this text.", "該当するルールはありません。";
    NotDrawn: "not chosen (random)", "確率により不一致";
    Differs: "differs", "が異なる";
    InTheRule: "in the rule", "ルールの値";
    Been: "traversed", "通過済み";
    WillGo: "ahead", "これから";
    InVxlan: "inside VXLAN", "VXLAN の中";
    Hooks: "netfilter hooks", "netfilter フック";
    Worker: "worker", "ワーカー";
    ControlPlane: "control plane", "コントロールプレーン";
    Client: "client", "クライアント";
    Router: "router", "ルーター";
    NoCarrier: "no carrier", "リンクなし";
    Theme: "Light or dark", "テーマ";
    Preset: "Document", "ドキュメント";
    Yours: "Yours", "自分のドキュメント";
    OtherTab: "open in another tab", "別のタブで表示中";
    NoLongerKept: "The browser no longer keeps this session.", "このセッションはブラウザーに残っていません。";
    StorageFull: "The browser's storage is full. What you do here is lost when this tab is closed. Save it as a file, or free some space.", "ブラウザーの保存領域がいっぱいです。このタブを閉じると、ここでの作業は失われます。ファイルに保存するか、空き容量を増やしてください。";
    StorageRefused: "The browser does not allow this page to store anything. What you do here is lost when this tab is closed. Save it as a file.", "ブラウザーの設定により、このページはデータを保存できません。このタブを閉じると、ここでの作業は失われます。ファイルに保存してください。";
    Forget: "Forget everything", "すべて消去";
    ForgetNote: "Deletes what this page keeps in this browser: the documents and sessions of all tabs, language, theme and panes, and the offline copy of the page. This cannot be undone.", "このページがこのブラウザーに保存したものをすべて削除します。全タブのドキュメントとセッション、言語・テーマ・ペインの設定、オフライン用のコピーが対象です。元に戻すことはできません。";
    Bridged: "bridged", "ブリッジ";
    Policy: "policy", "ポリシー";
    EndOfChain: "end of chain", "チェーン終端";
    Forced: "another endpoint is forced", "別のエンドポイントを指定";
    ForcedHere: "this endpoint is forced", "このエンドポイントを指定";
    Loading: "Loading the engine…", "エンジンを読み込んでいます…";
    Speed: "Speed", "速度";
    Close: "Close", "閉じる";
    Editor: "Manifests and topology, as YAML", "YAML のマニフェストとトポロジー";
    Undo: "Undo", "元に戻す";
    Redo: "Redo", "やり直す";
    StartOver: "Start over with a new seed", "最初から（シードを変更）";
    Open: "Open a file", "ファイルを開く";
    Save: "Save as a file", "ファイルに保存";
    Options: "Header fields", "ヘッダーフィールド";
    SourcePort: "source port", "送信元ポート";
    Identifier: "identifier", "識別子";
    Ttl: "ttl", "ttl";
    Size: "bytes of data", "データのバイト数";
    Count: "number", "個数";
    Sequence: "sequence number", "シーケンス番号";
    Fragments: "DF (path MTU discovery)", "DF（Path MTU 探索）";
    FragmentsWant: "set, unless a packet must be fragmented", "セットする（フラグメント化が必要な場合を除く）";
    FragmentsDo: "always set", "常にセットする";
    FragmentsDont: "never set", "セットしない";
    TcpFlags: "TCP flags", "TCP フラグ";
    Connection: "connect and GET /", "接続して GET /";
    NoFlags: "none", "なし";
    AsUsual: "default", "既定値";
    Cold: "start with empty ARP tables", "ARP テーブルを空にして開始";
    ZoomIn: "Zoom in", "拡大";
    ZoomOut: "Zoom out", "縮小";
    Stations: "The packet's path", "パケットの経路";
    ToPacket: "Go to the packet", "パケットへ移動";
    Fit: "Show all", "全体を表示";
    Add: "Add", "追加";
    AddNode: "Add a node", "ノードを追加";
    AddHost: "Add a host", "ホストを追加";
    AddDeployment: "Add a Deployment", "Deployment を追加";
    AddService: "Add a Service", "Service を追加";
    Remove: "Remove", "削除";
    Name: "name", "名前";
    Address: "address", "アドレス";
    AllServices: "Services", "Service";
    NetworkFields: "Network and cluster", "ネットワークとクラスター";
    Replicas: "replicas", "レプリカ数";
    Type: "type", "種類";
    FromTheBeginning: "In the document, from the start", "ドキュメントを編集（開始時から有効）";
    Now: "At this moment", "この時点で変更";
    DeletePod: "delete this pod", "この Pod を削除";
    SyncNow: "kube-proxy: sync", "kube-proxy: 同期";
    StopProxy: "kube-proxy: stop", "kube-proxy: 停止";
    Share: "Share, embed or export", "共有・埋め込み・エクスポート";
    NotThere: "Does not exist at this moment", "この時点では存在しません";
    CableCut: "cable cut", "ケーブル切断";
    IsDown: "is down", "ダウン";
    StoppedWord: "stopped", "停止";
    TakeDown: "set down", "ダウンさせる";
    BringUp: "set up", "アップさせる";
    PlaceReset: "restore position", "位置をリセット";
    Terminal: "Terminal", "ターミナル";
    Script: "Script", "Script";
    ScriptNote: "The steps of this session. Save writes them below the document, as kind: Script.", "このセッションの操作手順です。保存すると、kind: Script としてドキュメントの下に書き込まれます。";
    HashNote: "A hash of all events: wherever this session is played, it is the same.", "全イベントのハッシュです。このセッションをどこで再生しても同じになります。";
    TypeHere: "a command, such as", "コマンド（例:";
    KnownWhenDone: "… (printed when it ends)", "…（終了時に表示）";
    Drop: "Drop", "破棄する";
    Delay: "Delay by 1 s", "1 秒遅らせる";
    Duplicate: "Duplicate", "複製する";
    NotInFlight: "This packet is not in flight at this moment.", "このパケットはこの時点では転送中ではありません。";
    PastNote: "This is an earlier moment: a change here replaces everything after it. Undo restores it.", "過去の時点を表示しています。ここで操作すると以降の内容は破棄されますが、元に戻せます。";
    Delete: "Delete this entry now", "このエントリーを今すぐ削除";
    Used: "used", "使用";
    New: "new", "追加";
    Gone: "gone", "削除";
    BroughtByCluster: "The cluster creates this object itself; it is not in the document.", "クラスターが自動で作成するオブジェクトです。ドキュメントには含まれません。";
    ToDiagram: "Show the object at the cursor on the diagram", "カーソル位置のオブジェクトを図で表示";
    ShowInText: "Show in the document", "ドキュメントで表示";
    Search: "Search the rules", "ルールを検索";
    Walk: "Evaluation", "評価の流れ";
    AllRules: "All rules", "全ルール";
    Difference: "Changes", "変更点";
    RunDiff: "The run", "パケットの動き";
    NoRunDiff: "Every decision is the same.", "すべての判断が同じです。";
    Release: "Kubernetes release", "Kubernetes のバージョン";
    NoDifference: "The rules are the same as before the last edit.", "ルールは直前の編集の前と同じです。";
    Diff: "rules before and after the last edit", "直前の編集の前後のルール";
}
