//! Sentences and labels in Japanese.

use super::{Context, answers_dns, coded, is_speaker, short, spoken, tried};
use net::dns::Failure;
use net::engine::Setting;
use net::event::{BridgeTo, EventKind};
use net::netfilter::{Policy, RuleEffect, WalkStep, fraction};
use net::route::Decision;
use net::skb::PktType;
use net::socket::Outcome;
use net::{DropReason, Event};

pub(super) fn sentence(c: &Context<'_>, e: &Event) -> String {
    let here = c.here(e);
    match &e.kind {
        EventKind::TimePassed => "時間が進みます。".to_owned(),
        EventKind::Asked { remote, .. } if remote.port == 0 => {
            format!("{here} が `{}` に ping を打ちます。", remote.addr)
        }
        EventKind::Asked { remote, .. } => format!("{here} が `{remote}` に接続します。"),
        EventKind::PacketMade { packet } => {
            format!(
                "{here} が `{}` から `{}` へのパケットを作ります。{} バイトです。",
                packet.src,
                packet.dst,
                packet.len()
            )
        }
        EventKind::FrameSent { dev, frame, .. } => {
            format!("フレームが `{}` から `{}` 宛てに出ていきます。", c.dev(e, *dev), frame.eth.dst)
        }
        EventKind::FrameReceived { dev, pkt_type, .. } => {
            let whom = match pkt_type {
                PktType::Host => "自分宛てです",
                PktType::Broadcast => "ブロードキャストです",
                PktType::Multicast => "マルチキャストです",
                PktType::OtherHost if c.is_port(e, *dev) => {
                    "ほかのホスト宛てですが、ブリッジのポートなので受け取ります"
                }
                PktType::OtherHost => "ほかのホスト宛てです",
            };
            format!("{here} の `{}` がフレームを受信します。{whom}。", c.dev(e, *dev))
        }
        EventKind::Walked { table, mark, step, .. } => walked(c, e, *table, *mark, step),
        EventKind::NatSkipped { .. } => {
            "nat テーブルは参照されません。この接続の変換はすでに決まっています。".to_owned()
        }
        EventKind::Tracked { id: None, .. } => {
            "どの接続にも属さないパケットです: `INVALID`。".to_owned()
        }
        EventKind::Tracked { new: true, .. } => {
            "conntrack から見て、新しい接続の最初のパケットです。".to_owned()
        }
        EventKind::Tracked { info, .. } => {
            format!("この接続はすでに追跡されています: `{}`。", info.map_or("", |i| i.name()))
        }
        EventKind::Confirmed { reply, .. } => {
            format!("接続が conntrack テーブルに登録されます。応答は `{reply}` になるはずです。")
        }
        EventKind::NatDecided { source: true, .. } => {
            "この接続の送信元の変換が決まりました。".to_owned()
        }
        EventKind::NatDecided { source: false, .. } => {
            "この接続の宛先の変換が決まりました。".to_owned()
        }
        EventKind::Translated { source, before, after, restored, .. } => {
            let what = if *source { "送信元" } else { "宛先" };
            if *restored {
                format!(
                    "ルールは見ず、追跡中の接続に従って{what} `{before}` を `{after}` に書き換えます。"
                )
            } else {
                format!("{what} `{before}` が `{after}` に変わります。")
            }
        }
        EventKind::Routed { dst, decision, again, .. } => {
            let again = if *again {
                "宛先が変わったので、経路を選び直します。"
            } else {
                ""
            };
            match decision {
                Decision::Local => format!("{again}`{dst}` は {here} 自身のアドレスです。"),
                Decision::Broadcast => {
                    format!("{again}`{dst}` はブロードキャストまたはマルチキャストのアドレスです。")
                }
                Decision::Out { route, .. } => format!(
                    "{again}`{dst}` に最も長く一致する経路は `{}` です。",
                    c.route(e, *route)
                ),
            }
        }
        EventKind::TtlDecremented { before, after } => {
            format!("{here} が転送するので、ttl が {before} から {after} に減ります。")
        }
        EventKind::NeighbourUsed { addr, lladdr, state, .. } => {
            format!("ARP テーブルに `{addr}` があります: `{lladdr} {}`。", state.name())
        }
        EventKind::NeighbourAwaited { addr, dev } => {
            format!(
                "`{addr}` の MAC アドレスがまだ分からないので、パケットは待ち、`{}` が ARP で尋ねます。",
                c.dev(e, *dev)
            )
        }
        EventKind::NeighbourLearned { addr, lladdr, .. } => {
            format!("{here} は `{addr}` の MAC アドレスが `{lladdr}` だと学習します。")
        }
        EventKind::NeighbourFailed { addr, .. } => {
            format!("3 回尋ねましたが、`{addr}` からは返事がありません。")
        }
        EventKind::NeighbourAged { addr, state, .. } => {
            format!("`{addr}` のエントリーは `{}` になりました。", state.name())
        }
        EventKind::FdbLearned { bridge, port, mac } => {
            format!(
                "`{}` は `{mac}` がポート `{}` の先にいると学習します。",
                c.dev(e, *bridge),
                c.dev(e, *port)
            )
        }
        EventKind::Bridged { bridge, to } => {
            let bridge = c.dev(e, *bridge);
            match to {
                BridgeTo::Port(p) => {
                    format!("`{bridge}` がフレームをポート `{}` から送り出します。", c.dev(e, *p))
                }
                BridgeTo::Flood(ports) => format!(
                    "`{bridge}` がフレームをすべてのポート ({} 個) から送り出します。",
                    ports.len()
                ),
                BridgeTo::Up => format!("`{bridge}` 自身宛てのフレームなので、ノードに渡します。"),
            }
        }
        EventKind::BridgedDnat { bridge } => {
            format!(
                "新しい宛先も `{}` の先にいるので、ルーティングせずブリッジします。ttl は減りません。",
                c.dev(e, *bridge)
            )
        }
        EventKind::VtepFound { mac, remote, .. } => {
            let owner = c.labels.owner(*remote).unwrap_or("ノード");
            format!(
                "`{mac} dst {remote}`: この VTEP は {owner} にあります。登録したのは flanneld です。"
            )
        }
        EventKind::Encapsulated { dev, inner_len, outer_len } => {
            format!(
                "`{}` がフレーム全体をノード間の UDP データグラムにカプセル化します。{inner_len} バイトが {outer_len} バイトになります。",
                c.dev(e, *dev)
            )
        }
        EventKind::Decapsulated { dev, vni } => {
            format!(
                "`{}` がデータグラムからフレームを取り出します。vni は {vni} です。",
                c.dev(e, *dev)
            )
        }
        EventKind::Fragmented { dev, mtu, n } => {
            format!(
                "パケットが MTU を超えるので、`{}` から {mtu} バイト以下の {n} 個のフラグメントに分けて送ります。",
                c.dev(e, *dev)
            )
        }
        EventKind::FragmentKept => format!("{here} は残りが届くまでフラグメントを保持します。"),
        EventKind::Reassembled { n, len } => {
            format!("{n} 個のフラグメントが揃い、{len} バイトのパケットに戻りました。")
        }
        EventKind::PathLearned { dst, gateway: Some(g), .. } => {
            format!("{here} は `{dst}` へは `{g}` を通るほうがよいと知らされました。")
        }
        EventKind::PathLearned { dst, mtu, .. } => {
            format!(
                "{here} は `{dst}` への経路の MTU が {} バイトだと知り、記憶します。",
                mtu.unwrap_or_default()
            )
        }
        EventKind::Configured { setting, by: None } => configured(c, e, setting),
        EventKind::Configured { setting, by: Some(by) } => match &**setting {
            Setting::Rules(_) => format!(
                "{here} の `{by}` がルールを書き込みます。書いたチェーンのカウンターは 0 から始まります。"
            ),
            Setting::Forget(_) => {
                format!("{here} の `{by}` が、古いルールによる conntrack エントリーを削除します。")
            }
            Setting::Services(all) if is_speaker(by) => match coded(&spoken(all)) {
                addrs if addrs.is_empty() => {
                    format!("{here} の `{by}` はどのロードバランサーの ARP にも応えなくなります。")
                }
                addrs => format!("これからは {here} の `{by}` が {addrs} への ARP に応えます。"),
            },
            setting => format!("`{by}`: {}", configured(c, e, setting)),
        },
        EventKind::Commanded { line } => {
            format!("{here} で `{}` を実行し、API サーバーが変更を保存します。", short(line))
        }
        EventKind::Daemon { name, runs: true } => format!("{here} の `{name}` を起動します。"),
        EventKind::Daemon { name, runs: false } if is_speaker(name) => {
            format!("{here} の `{name}` を止めます。")
        }
        EventKind::Daemon { name, runs: false } => {
            format!("{here} の `{name}` を止めます。書いたものはそのまま残ります。")
        }
        EventKind::NetnsAdded { name, by: Some(by) } => {
            format!("`{by}` が `{name}` とそのケーブルを作りました。")
        }
        EventKind::NetnsAdded { name, by: None } => {
            format!("`{name}` が {here} に接続されました。")
        }
        EventKind::NetnsDeleted { name, by: Some(by) } => {
            format!("`{by}` が `{name}` をケーブルとプロセスごと削除しました。")
        }
        EventKind::NetnsDeleted { name, by: None } => {
            format!("`{name}` は電源を切られ、{here} から外されました。")
        }
        EventKind::Delivered { local, .. }
            if !c.ns(e).is_some_and(|ns| ns.is_local(local.addr)) =>
        {
            format!("ARP が `{}` を尋ねていますが、ここにはありません。", local.addr)
        }
        EventKind::Delivered { local, .. } if local.port == 0 => {
            format!("パケットが `{}` に届きました。", local.addr)
        }
        EventKind::Delivered { local, .. } => format!("パケットが `{local}` に届きました。"),
        EventKind::Queried { server, name, kinds, .. } => {
            format!(
                "{here} が DNS サーバー `{server}` に `{name:#}` を問い合わせます：{}。",
                coded(kinds)
            )
        }
        EventKind::Resolved { name, addrs, .. } if addrs.is_empty() => {
            format!("DNS で `{name:#}` が見つかりました。")
        }
        EventKind::Resolved { name, addrs, .. } => {
            format!("DNS で `{name:#}` が見つかりました：{}。", coded(addrs))
        }
        EventKind::Accepted { peer, .. } => {
            format!("サーバーが接続を受け入れます。サーバーから見た相手は `{peer}` です。")
        }
        EventKind::Wrote { bytes: 0, .. } => "プロセスが接続を閉じます。".to_owned(),
        EventKind::Wrote { bytes, .. } => format!("プロセスが {bytes} バイトを書き込みます。"),
        EventKind::Retransmitted { retry, .. } => {
            format!("返事がないので再送します。{retry} 回目です。")
        }
        EventKind::Delayed { by } => {
            format!("ユーザーがパケットを {} ms 遅らせます。", by.0 / 1_000_000)
        }
        EventKind::Duplicated { .. } => {
            "ユーザーがパケットを複製しました。これはその複製です。".to_owned()
        }
        EventKind::CableDuplicated { .. } => {
            "ケーブルがフレームを二重に届けます。これは 2 つのうち先の 1 つです。".to_owned()
        }
        EventKind::Dropped { reason: r, hook: Some(hook) } => {
            format!("{here} のフック `{hook}` で失われました: {}。", reason(*r))
        }
        EventKind::Dropped { reason: r, hook: None } => {
            format!("{here} で失われました: {}。", reason(*r))
        }
        EventKind::Ended { outcome: o, .. } => outcome(o),
    }
}

fn configured(c: &Context<'_>, e: &Event, setting: &Setting) -> String {
    let here = c.here(e);
    match setting {
        Setting::Rules(_) => {
            format!("{here} に別のルールを読み込みます。カウンターは 0 から始まります。")
        }
        Setting::FlushConntrack => format!("{here} がすべての conntrack エントリーを削除します。"),
        Setting::Forget(_) => format!("{here} が conntrack エントリーを 1 つ削除します。"),
        Setting::Services(all) if answers_dns(all) => {
            format!("{here} の DNS サーバーのデータが新しくなります。")
        }
        Setting::Sysctl(_) => format!("{here} の sysctl を変更します。"),
        Setting::Services(_) => format!("{here} で待ち受けるサーバーが変わります。"),
        Setting::Routes(_) => format!("{here} の経路を変更します。"),
        Setting::FlushCache => format!("{here} が宛先ごとに学習した経路情報を削除します。"),
        Setting::Neighbour { addr, to: Some(n), .. } => {
            format!(
                "`{addr}` のエントリーを `{} {}` にします。",
                n.lladdr.unwrap_or_default(),
                n.state.name()
            )
        }
        Setting::Neighbour { addr, to: None, .. } => format!("`{addr}` のエントリーを削除します。"),
        Setting::Fdb { mac, to: Some(_), .. } => format!("`{mac}` の FDB エントリーを追加します。"),
        Setting::Fdb { mac, to: None, .. } => format!("`{mac}` の FDB エントリーを削除します。"),
        Setting::Device { dev, .. } => format!("デバイス `{}` の設定を変えます。", c.dev(e, *dev)),
    }
}

fn walked(
    c: &Context<'_>,
    e: &Event,
    table: net::netfilter::TableName,
    mark: u32,
    step: &WalkStep,
) -> String {
    match step {
        WalkStep::Matched { chain, rule, effect, draws, from } => {
            let at = format!("`{}` のルール {}", c.chain(e, table, *chain), rule + 1);
            let before = match rule - from.min(rule) {
                0 => String::new(),
                n => format!("その前の {n} 個のルールには一致しませんでした。"),
            };
            let drawn = draws.iter().find(|d| d.rule == *rule).map(drawn).unwrap_or_default();
            let did = match effect {
                RuleEffect::Continue => "がパケットを数えます".to_owned(),
                RuleEffect::Jump(to) | RuleEffect::Goto(to) => {
                    format!("がパケットを `{to}` に送ります")
                }
                RuleEffect::Accept => "がパケットを通します".to_owned(),
                RuleEffect::Drop => "がパケットを破棄します".to_owned(),
                RuleEffect::Reject(with) => format!("が `{}` を返して拒否します", with.name()),
                RuleEffect::Mark(to) => format!("がマークを `{mark:#x}` から `{to:#x}` に変えます"),
                RuleEffect::Dnat { addr, port } => {
                    format!("が接続の宛先を `{}` に決めます", net::dump::endpoint(*addr, *port))
                }
                RuleEffect::Snat { addr } => format!("が接続の送信元を `{addr}` に決めます"),
                RuleEffect::Masquerade { .. } => {
                    "が接続の送信元を、出ていくデバイスのアドレスに決めます".to_owned()
                }
            };
            format!("{at} {did}。{drawn}{before}")
        }
        WalkStep::Returned { chain, rule: Some(rule), .. } => {
            format!("`{}` のルール {} は `RETURN` です。", c.chain(e, table, *chain), rule + 1)
        }
        WalkStep::Returned { chain, rule: None, .. } => {
            format!(
                "`{}` にはもう一致するルールがないので、呼び出し元に戻ります。",
                c.chain(e, table, *chain)
            )
        }
        WalkStep::Policy { chain, n_rules: 0, policy, .. } => {
            format!(
                "テーブル `{table}` の `{}` は空なので、ポリシー `{}` に従います。",
                c.chain(e, table, *chain),
                policy.name()
            )
        }
        WalkStep::Policy { chain, policy: Policy::Accept, .. } => {
            format!(
                "`{}` のどのルールでも決まらないので、ポリシー `ACCEPT` に従います。",
                c.chain(e, table, *chain)
            )
        }
        WalkStep::Policy { chain, .. } => {
            format!(
                "`{}` のどのルールも通さないので、ポリシー `DROP` に従います。",
                c.chain(e, table, *chain)
            )
        }
        WalkStep::Unsupported { chain, rule } => {
            format!(
                "`{}` のルール {} はシミュレートできません。ここで止まります。",
                c.chain(e, table, *chain),
                rule + 1
            )
        }
    }
}

fn drawn(d: &net::netfilter::Draw) -> String {
    if d.forced {
        return "エンドポイントが指定されているので、抽選はしていません。".to_owned();
    }
    format!(
        "乱数は {} で、確率 {} を下回りました。",
        fraction(d.value, 3),
        fraction(d.probability, 5)
    )
}

pub(super) fn outcome(o: &Outcome) -> String {
    match o {
        Outcome::Answered { bytes, from, ttl: Some(ttl), took_ns, .. } => {
            format!(
                "`{from}` から ping の応答がありました: {bytes} バイト、ttl {ttl}、{} µs。",
                took_ns / 1000
            )
        }
        Outcome::Answered { bytes, from, .. } => {
            format!("クライアントは `{from}` から {bytes} バイトの応答を受け取りました。")
        }
        Outcome::Segment { flags, from, ttl } => {
            let flags = play::probe::flags_text(*flags).to_uppercase();
            format!("`{from}` からセグメントで応答がありました: `{flags}`、ttl {ttl}。")
        }
        Outcome::Closed => "サーバーは応答せずに接続を閉じました。".to_owned(),
        Outcome::Reset => "RST が返り、接続を拒否されました。".to_owned(),
        Outcome::Unreachable { from, kind: 11, .. } => {
            format!("`{from}` が ttl 切れを知らせました。")
        }
        Outcome::Unreachable { from, code: 3, .. } => {
            format!("`{from}` が、待ち受けがないと知らせました。接続は拒否されました。")
        }
        Outcome::Unreachable { from, code: 4, .. } => {
            format!("`{from}` が、パケットが大きすぎると知らせました。")
        }
        Outcome::Unreachable { from, .. } => {
            format!("`{from}` が、ホストに到達できないと知らせました。")
        }
        Outcome::Unresolved(why) => {
            let what = match why.tried.last().map(|t| t.failure) {
                Some(Failure::TimedOut) => "DNS サーバーから応答がなく",
                Some(Failure::Refused) => "DNS サーバーへの問い合わせが拒否され",
                _ if why.temporary => "DNS サーバーが名前を見つけられず",
                _ => "DNS にこの名前がなく",
            };
            format!("{what}、名前を解決できませんでした。試した名前：{}。", tried(why))
        }
        Outcome::TimedOut => "クライアントは応答を得られず、タイムアウトしました。".to_owned(),
        Outcome::Killed => {
            "Pod かマシンがなくなり、クライアントは応答を得る前に終了しました。".to_owned()
        }
        Outcome::NotSent(r) => format!("パケットを送ることもできませんでした: {}。", reason(*r)),
    }
}

pub(super) const fn reason(r: DropReason) -> &'static str {
    match r {
        DropReason::NetfilterDrop => "ルールまたはポリシーが破棄しました",
        DropReason::NetfilterReject => "ルールが拒否しました（REJECT）",
        DropReason::OtherHost => "別の MAC アドレス宛てのフレームです",
        DropReason::NoSocket => "そのポートでは何も待ち受けていません",
        DropReason::IpRpFilter => {
            "リバースパスフィルターが破棄しました（応答は別のデバイスから出ることになります）"
        }
        DropReason::IpMartianSource => {
            "martian です（ループバックのアドレスか、自分と同じ送信元アドレス）"
        }
        DropReason::IpOutNoRoutes => "宛先への経路がありません",
        DropReason::NotForwarding => "自分宛てではなく、転送は無効です",
        DropReason::IpTtlExceeded => "ttl を使い切りました",
        DropReason::PktTooBig => "出口の MTU より大きいパケットです",
        DropReason::FragTimeout => "パケットの残りのフラグメントが届きませんでした",
        DropReason::FragNotSent => {
            "前のフラグメントをデバイスが受け付けなかったので、残りは送られません"
        }
        DropReason::NeighFailed => "ネクストホップが ARP に応答しません",
        DropReason::NeighQueueFull => "ARP の応答を待つパケットが多すぎます",
        DropReason::VxlanNoRemote => "FDB にその MAC アドレスの VTEP がありません",
        DropReason::VxlanVniNotFound => "その vni を持つ VXLAN デバイスがありません",
        DropReason::BridgeSamePort => {
            "入ってきたポートから出ることになりますが、hairpin モードが無効です"
        }
        DropReason::DevReady => "デバイスがダウンしているか、リンクがありません",
        DropReason::NatNoPort => "変換に使える空きポートがありません",
        DropReason::Unsupported => "シミュレートできないので、ここで止まります",
        DropReason::CableLoss => "ケーブルで失われました",
        DropReason::PortBlocked => "セキュリティグループが宛先ポートを許可していません",
        DropReason::ByHand => "ユーザーが破棄しました",
        DropReason::Budget => "イベント数の上限に達しました。ループしています",
    }
}
