//! Japanese.

use super::super::{Context, coded, ja};
use super::{bare, shown};
use play::cause::{EntryKind, Fact, Link, Missing, RuleRef, Silence};

fn rule(r: &RuleRef) -> String {
    format!("テーブル `{}` の `{}` のルール {}（`{}`）", r.table.name(), r.chain, r.number, bare(r))
}

pub(super) fn fact(c: &Context<'_>, l: &Link) -> String {
    let here = c.labels.name(l.netns);
    match &l.fact {
        Fact::Destination { before, after, remembered: false } => {
            let (before, after) = (shown(before), shown(after));
            format!("{here} が `{before}` を `{after}` に書き換え、応答のために記録しました。")
        }
        Fact::Destination { before, after, remembered: true } => {
            let (before, after) = (shown(before), shown(after));
            format!(
                "{here} の古い conntrack エントリーが `{before}` を `{after}` に書き換えました。ルールは参照されていません。"
            )
        }
        Fact::Source { before, after, rule: Some(r) } => {
            let (before, after) = (shown(before), shown(after));
            format!(
                "サーバーから見た送信元は `{before}` ではなく `{after}` です。{here} の{}が置き換えました。",
                rule(r)
            )
        }
        Fact::Source { before, after, rule: None } => {
            let (before, after) = (shown(before), shown(after));
            format!(
                "サーバーから見た送信元は `{before}` ではなく `{after}` です。{here} の古い conntrack エントリーが置き換えました。"
            )
        }
        Fact::OtherNode { first } => {
            format!("応答は {here} から来ました。要求が届いたのは {} です。", c.labels.name(*first))
        }
        Fact::Replied { from } => format!("{here} が `{}` から応答しました。", shown(from)),
        Fact::Refused { rule: r, with: None } => format!("{here} の{}が破棄しました。", rule(r)),
        Fact::Refused { rule: r, with: Some(with) } => {
            format!("{here} の{}が `{}` で拒否しました。", rule(r), with.name())
        }
        Fact::Policy { table, chain, rules } => format!(
            "{here} のテーブル `{}` の `{chain}` では {rules} 個のルールのどれも決めず、ポリシーは `DROP` です。",
            table.name()
        ),
        Fact::Marked(r) => format!("{here} の{}が破棄対象としてマークしました。", rule(r)),
        Fact::Unknown { rule: r, what } => format!(
            "{here} の{}は `{what}` を使いますが、これはシミュレートされないため、その先は分かりません。",
            rule(r)
        ),
        Fact::NoListener { at, protocol, listens } if listens.is_empty() => {
            format!("{here} では `{}/{protocol}` も、ほかのどのポートも開いていません。", at.port)
        }
        Fact::NoListener { at, protocol, listens } => format!(
            "{here} では `{}/{protocol}` で待ち受けているものがありません。開いているのは {} です。",
            at.port,
            coded(listens)
        ),
        Fact::Silent(at) => {
            format!("{here} は `{at}` で要求を受け取りましたが、応答しませんでした。")
        }
        Fact::Switched { bridge, expected } => format!(
            "{here} の {bridge} が netfilter を通さずに応答を転送した（`net.bridge.bridge-nf-call-iptables = 0`）ため、conntrack は `{expected}` に戻せませんでした。"
        ),
        Fact::Bypassed { node, expected } => format!(
            "{here} からの応答は {} を通りませんでした。`{expected}` に戻せるのはそこだけです。",
            c.labels.name(*node)
        ),
        Fact::Forgotten { expected } => format!(
            "応答が来たとき {here} は接続をもう覚えておらず、`{expected}` に戻せませんでした。"
        ),
        Fact::NotMasqueraded { src } => format!(
            "{here} は宛先を書き換えましたが、`POSTROUTING` のどのルールも送信元 `{src}` を置き換えなかったため、応答は {here} に戻りません。"
        ),
        Fact::Unexpected { from, expected } => {
            format!("{here} は `{expected}` を待っており、`{from}` との接続を知りません。")
        }
        Fact::Entry { kind, entry, truth } => {
            let (table, what) = match kind {
                EntryKind::Neighbour => ("ARP エントリー", "実際の MAC アドレスは"),
                EntryKind::Fdb => ("FDB エントリー", "その MAC アドレスを持つのは"),
            };
            match truth {
                Some(t) => format!("{here} の{table}は `{entry}` ですが、{what} `{t}` です。"),
                None => format!(
                    "{here} の{table}は `{entry}` ですが、そのアドレスを持つものはありません。"
                ),
            }
        }
        Fact::NotMine { dev, got, own } => format!(
            "{here} の {dev} に `{got}` 宛てのフレームが届きましたが、自分の MAC アドレスは `{own}` なので無視しました。"
        ),
        Fact::NoVtep { dev, mac } => {
            format!("{here} の {dev} の FDB に `{mac}` のエントリーがありません。")
        }
        Fact::NoTunnel { port, vni: None } => {
            format!("{here} の UDP `{port}` 番で VXLAN を受け取るものがありません。")
        }
        Fact::NoTunnel { port, vni: Some(vni) } => {
            format!("{here} の UDP `{port}` 番に VNI `{vni}` の VXLAN デバイスがありません。")
        }
        Fact::NoRoute(to) => format!("{here} には `{to}` への経路がありません。"),
        Fact::Astray { to, route, truth } => {
            let took = if route.is_empty() {
                format!("{here} には `{to}` への経路がありません。")
            } else {
                format!("{here} は `{to}` 宛てを経路 `{route}` で送りました。")
            };
            match truth {
                Some(t) => format!("{took}正しい経路は `{t}` です。"),
                None if route.is_empty() => took,
                None => format!("{took}この経路は宛先へ通じていません。"),
            }
        }
        Fact::NoNeighbour { dev, addr, owner: None } => format!(
            "{here} は {dev} で `{addr}` を尋ねましたが、応答がありません。このアドレスを持つものはありません。"
        ),
        Fact::NoNeighbour { dev, addr, owner: Some(owner) } => format!(
            "{here} は {dev} で `{addr}` を尋ねましたが、それを持つ {} が応答しませんでした。",
            c.labels.name(*owner)
        ),
        Fact::Down(dev) => format!("{here} の {dev} はダウンしています。"),
        Fact::NoCarrier(dev) => {
            format!("{here} の {dev} にはキャリアがありません。ケーブルが切れています。")
        }
        Fact::NotForwarding(to) => format!(
            "{here} は転送しない設定（`net.ipv4.ip_forward = 0`）なので、`{to}` 宛てを破棄しました。"
        ),
        Fact::ReversePath { dev, src, back: Some(back) } => format!(
            "{here} は {dev} から入った `{src}` からのパケットを破棄しました。応答が `{back}` から出ることになるためです（`rp_filter`）。"
        ),
        Fact::ReversePath { dev, src, back: None } => format!(
            "{here} は {dev} から入った `{src}` からのパケットを破棄しました。戻る経路がないためです（`rp_filter`）。"
        ),
        Fact::TooBig { dev, mtu, len } => format!(
            "{here} は {len} バイトを {dev} から送れません。MTU が `{mtu}` で、フラグメント化も許されていません。"
        ),
        Fact::Hairpin { port } => format!(
            "フレームは入ってきたポート {port} から {here} を出ることになりますが、hairpin モードが無効です。"
        ),
        Fact::Lost(r) => format!("パケットは {here} で失われました: {}。", ja::reason(*r)),
        Fact::Error { from, icmp: None } => format!("{here} が `{from}` から RST を返しました。"),
        Fact::Error { from, icmp: Some((kind, code)) } => format!(
            "{here} が `{from}` からクライアントに知らせました（ICMP タイプ {kind}、コード {code}）。"
        ),
        Fact::SetBy(line) => {
            format!("{here} でのコマンド `{}` がそう設定しました。", super::super::short(line))
        }
        Fact::NoRule { service, to, runs: true } => {
            format!("{here} には Service `{service}` の `{to}` のルールがありません。")
        }
        Fact::NoRule { service, to, runs: false } => format!(
            "kube-proxy が動いていないため、{here} には Service `{service}` の `{to}` のルールがありません。"
        ),
        Fact::Stopped(daemon) => format!(
            "{here} では {} が動いていないため、エントリーがないか、古いままです。",
            daemon.name()
        ),
        Fact::NoEndpoints { service, why } => {
            format!("Service `{service}` にはエンドポイントがありません。{}", missing(why))
        }
        Fact::LocalOnly { service, field, nodes } if nodes.is_empty() => format!(
            "`{service}` の `{field}: Local` は {here} のエンドポイントしか許しませんが、一つもありません。"
        ),
        Fact::LocalOnly { service, field, nodes } => format!(
            "`{service}` の `{field}: Local` は {here} のエンドポイントしか許しませんが、あるのは {} だけです。",
            nodes.join("、")
        ),
        Fact::SourceRanges { service, ranges } => format!(
            "`{service}` の `loadBalancerSourceRanges` が許すのは {} だけです。",
            coded(ranges)
        ),
        Fact::NoSuchPort { service, ports } if ports.is_empty() => {
            format!("Service `{service}` はこのアドレスにそのポートを持ちません。")
        }
        Fact::NoSuchPort { service, ports } => {
            format!("Service `{service}` が応答するのは {} だけです。", coded(ports))
        }
        Fact::OutsideOfCluster { service, node_port: Some(p), .. } => format!(
            "`{service}` のアドレスはノードと Pod の中にしかありません。外からはノードの `{p}` 番が開いています。"
        ),
        Fact::OutsideOfCluster { service, node_port: None, .. } => format!(
            "`{service}` のアドレスはノードと Pod の中にしかなく、{here} はどちらでもありません。"
        ),
        Fact::Unannounced { service, to, why } => {
            let why = match why {
                Silence::Stopped(node) => format!("{node} の speaker が停止している"),
                Silence::NoNode => "アナウンスできるノードがない".to_owned(),
                Silence::NoSpeaker => "アナウンスしているものがない".to_owned(),
            };
            format!(
                "Service `{service}` の `{to}` について ARP に応答するマシンがありません。{why}ためです。"
            )
        }
        Fact::TranslatedOnce { port, service } => format!(
            "エンドポイントが `{service}` の NodePort `{port}` になっていますが、{here} が宛先を書き換えるのは一度だけです。Pod を直接指定してください。"
        ),
        Fact::NoSuchNodePort(port) => format!("NodePort `{port}` の Service はありません。"),
        Fact::NoSuchAddress(addr) => format!("アドレス `{addr}` を持つマシンも Pod もありません。"),
        Fact::NoSuchName { tried } => format!("DNS は {} のどれも知りません。", coded(tried)),
    }
}

fn missing(why: &Missing) -> String {
    match why {
        Missing::Selected { selector, nearest: Some((owner, labels)) } => format!(
            "セレクター `{selector}` に合う Pod がありません。最も近い `{owner}` の Pod のラベルは `{labels}` です。"
        ),
        Missing::Selected { selector, nearest: None } => {
            format!("セレクター `{selector}` に合う Pod がなく、この名前空間に Pod はありません。")
        }
        Missing::PortName(_) => {
            "選ばれた Pod に、`targetPort` の名前のポートがありません。".to_owned()
        }
        Missing::Ready { pod, why: Some(why) } => {
            format!("`{pod}` が Ready ではありません: {why}。")
        }
        Missing::Ready { pod, why: None } => format!("`{pod}` が Ready ではありません。"),
        Missing::Runs { pod, why } => format!("`{pod}` が動いていません: {why}。"),
        Missing::Slice => "セレクターがなく、EndpointSlice もありません。".to_owned(),
    }
}
