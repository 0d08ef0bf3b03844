//! Sentences and labels in English.

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
        EventKind::TimePassed => "Time goes on.".to_owned(),
        EventKind::Asked { remote, .. } if remote.port == 0 => {
            format!("{here} pings `{}`.", remote.addr)
        }
        EventKind::Asked { remote, .. } => format!("{here} connects to `{remote}`."),
        EventKind::PacketMade { packet } => {
            format!(
                "{here} makes a packet from `{}` to `{}`, {} bytes.",
                packet.src,
                packet.dst,
                packet.len()
            )
        }
        EventKind::FrameSent { dev, frame, .. } => {
            format!("The frame leaves by `{}` for `{}`.", c.dev(e, *dev), frame.eth.dst)
        }
        EventKind::FrameReceived { dev, pkt_type, .. } => {
            let whom = match pkt_type {
                PktType::Host => "addressed to it",
                PktType::Broadcast => "for everybody",
                PktType::Multicast => "for a group",
                PktType::OtherHost if c.is_port(e, *dev) => {
                    "for another host, which a bridge port accepts all the same"
                }
                PktType::OtherHost => "for another host",
            };
            format!("`{}` of {here} receives the frame, {whom}.", c.dev(e, *dev))
        }
        EventKind::Walked { table, mark, step, .. } => walked(c, e, *table, *mark, step),
        EventKind::NatSkipped { .. } => {
            "The nat table is not asked: the connection is decided already.".to_owned()
        }
        EventKind::Tracked { id: None, .. } => {
            "The packet belongs to no known connection: `INVALID`.".to_owned()
        }
        EventKind::Tracked { new: true, .. } => {
            "Connection tracking sees the first packet of a new connection.".to_owned()
        }
        EventKind::Tracked { info, .. } => format!(
            "Connection tracking knows the connection: `{}`.",
            info.map_or("", |i| i.name())
        ),
        EventKind::Confirmed { reply, .. } => {
            format!("The connection is entered into the table. An answer will be `{reply}`.")
        }
        EventKind::NatDecided { source, .. } => format!(
            "The connection gets another {}.",
            if *source { "source" } else { "destination" }
        ),
        EventKind::Translated { source, before, after, restored, .. } => {
            let what = if *source { "source" } else { "destination" };
            if *restored {
                format!(
                    "The connection alone says it, no rule is asked: {what} `{before}` becomes `{after}`."
                )
            } else {
                format!("The {what} `{before}` becomes `{after}`.")
            }
        }
        EventKind::Routed { dst, decision, again, .. } => {
            let again =
                if *again { "The destination changed, so it is routed again. " } else { "" };
            match decision {
                Decision::Local => format!("{again}`{dst}` is one of {here}'s own addresses."),
                Decision::Broadcast => {
                    format!("{again}`{dst}` is a broadcast or multicast address.")
                }
                Decision::Out { route, .. } => {
                    format!("{again}`{}` is the longest match for `{dst}`.", c.route(e, *route))
                }
            }
        }
        EventKind::TtlDecremented { before, after } => {
            format!("{here} forwards the packet: ttl {before} becomes {after}.")
        }
        EventKind::NeighbourUsed { addr, lladdr, state, .. } => {
            format!("The neighbour table knows `{addr}`: `{lladdr} {}`.", state.name())
        }
        EventKind::NeighbourAwaited { addr, dev } => {
            format!(
                "Nobody knows the MAC of `{addr}` yet: the packet waits, and `{}` asks by ARP.",
                c.dev(e, *dev)
            )
        }
        EventKind::NeighbourLearned { addr, lladdr, .. } => {
            format!("{here} learns that `{addr}` is at `{lladdr}`.")
        }
        EventKind::NeighbourFailed { addr, .. } => {
            format!("Nobody answered for `{addr}`, asked three times.")
        }
        EventKind::NeighbourAged { addr, state, .. } => {
            format!("The entry of `{addr}` is now `{}`.", state.name())
        }
        EventKind::FdbLearned { bridge, port, mac } => {
            format!(
                "`{}` learns that `{mac}` is behind port `{}`.",
                c.dev(e, *bridge),
                c.dev(e, *port)
            )
        }
        EventKind::Bridged { bridge, to } => {
            let bridge = c.dev(e, *bridge);
            match to {
                BridgeTo::Port(p) => {
                    format!("`{bridge}` sends the frame out of port `{}`.", c.dev(e, *p))
                }
                BridgeTo::Flood(ports) => {
                    format!("`{bridge}` sends the frame out of every port: {}.", ports.len())
                }
                BridgeTo::Up => {
                    format!("The frame is for `{bridge}` itself: it goes up to the node.")
                }
            }
        }
        EventKind::BridgedDnat { bridge } => {
            format!(
                "The new destination is on `{}` too: the frame is bridged on, not routed, and ttl stays.",
                c.dev(e, *bridge)
            )
        }
        EventKind::VtepFound { mac, remote, .. } => {
            let owner = c.labels.owner(*remote).unwrap_or("a node");
            format!(
                "`{mac} dst {remote}`: that VTEP sits on {owner}. flanneld put this entry there."
            )
        }
        EventKind::Encapsulated { dev, inner_len, outer_len } => {
            format!(
                "`{}` puts the whole frame into a UDP datagram between nodes: {inner_len} bytes become {outer_len}.",
                c.dev(e, *dev)
            )
        }
        EventKind::Decapsulated { dev, vni } => {
            format!("`{}` takes the frame out of the datagram, vni {vni}.", c.dev(e, *dev))
        }
        EventKind::Fragmented { dev, mtu, n } => {
            format!(
                "The packet exceeds the MTU: it leaves by `{}` in {n} fragments of at most {mtu} bytes.",
                c.dev(e, *dev)
            )
        }
        EventKind::FragmentKept => {
            format!("{here} keeps the fragment until the rest of its packet arrives.")
        }
        EventKind::Reassembled { n, len } => {
            format!("All {n} fragments have arrived: the packet is reassembled, {len} bytes.")
        }
        EventKind::PathLearned { dst, gateway: Some(g), .. } => {
            format!("{here} learns a better next hop for `{dst}`: `{g}`.")
        }
        EventKind::PathLearned { dst, mtu, .. } => {
            format!(
                "{here} learns that the path MTU to `{dst}` is {} bytes.",
                mtu.unwrap_or_default()
            )
        }
        EventKind::Configured { setting, by: None } => configured(c, e, setting),
        EventKind::Configured { setting, by: Some(by) } => match &**setting {
            Setting::Rules(_) => format!(
                "`{by}` on {here} writes its rules; the counters of what it writes begin at zero."
            ),
            Setting::Forget(_) => {
                format!("`{by}` on {here} deletes a conntrack entry that older rules made.")
            }
            Setting::Services(all) if is_speaker(by) => match coded(&spoken(all)) {
                addrs if addrs.is_empty() => {
                    format!("`{by}` on {here} answers ARP for no load balancer any more.")
                }
                addrs => format!("`{by}` on {here} answers ARP for {addrs} from now on."),
            },
            setting => format!("`{by}`: {}", configured(c, e, setting)),
        },
        EventKind::Commanded { line } => {
            format!("`{}` on {here}: the API server stores the change.", short(line))
        }
        EventKind::Daemon { name, runs: true } => format!("`{name}` on {here} is started."),
        EventKind::Daemon { name, runs: false } if is_speaker(name) => {
            format!("`{name}` on {here} is stopped.")
        }
        EventKind::Daemon { name, runs: false } => {
            format!("`{name}` on {here} is stopped: what it wrote stays as it is.")
        }
        EventKind::NetnsAdded { name, by: Some(by) } => {
            format!("`{by}` created `{name}` and its cable.")
        }
        EventKind::NetnsAdded { name, by: None } => format!("`{name}` is plugged into {here}."),
        EventKind::NetnsDeleted { name, by: Some(by) } => {
            format!("`{by}` deleted `{name}`, with its cable and its processes.")
        }
        EventKind::NetnsDeleted { name, by: None } => {
            format!("`{name}` is switched off and unplugged from {here}.")
        }
        EventKind::Delivered { local, .. }
            if !c.ns(e).is_some_and(|ns| ns.is_local(local.addr)) =>
        {
            format!("ARP asks for `{}`, which is not here.", local.addr)
        }
        EventKind::Delivered { local, .. } if local.port == 0 => {
            format!("The packet has arrived at `{}`.", local.addr)
        }
        EventKind::Delivered { local, .. } => format!("The packet has arrived at `{local}`."),
        EventKind::Queried { server, name, kinds, .. } => {
            format!("{here} asks the DNS server `{server}` for `{name:#}`: {}.", coded(kinds))
        }
        EventKind::Resolved { name, addrs, .. } if addrs.is_empty() => {
            format!("DNS found `{name:#}`.")
        }
        EventKind::Resolved { name, addrs, .. } => {
            format!("DNS resolved `{name:#}`: {}.", coded(addrs))
        }
        EventKind::Accepted { peer, .. } => {
            format!("The server accepts the connection. It sees the client as `{peer}`.")
        }
        EventKind::Wrote { bytes: 0, .. } => "The process closes its end.".to_owned(),
        EventKind::Wrote { bytes, .. } => format!("The process writes {bytes} bytes."),
        EventKind::Retransmitted { retry, .. } => {
            format!("Nothing came back: the packet is sent again, try {retry}.")
        }
        EventKind::Delayed { by } => {
            format!("The packet is held up by hand, for {} ms.", by.0 / 1_000_000)
        }
        EventKind::Duplicated { .. } => {
            "The packet is doubled by hand: this is the second of two.".to_owned()
        }
        EventKind::CableDuplicated { .. } => {
            "The cable delivers the frame twice: this is the first of two.".to_owned()
        }
        EventKind::Dropped { reason: r, hook: Some(hook) } => {
            format!("Lost in {here}, hook `{hook}`: {}.", reason(*r))
        }
        EventKind::Dropped { reason: r, hook: None } => format!("Lost in {here}: {}.", reason(*r)),
        EventKind::Ended { outcome: o, .. } => outcome(o),
    }
}

fn configured(c: &Context<'_>, e: &Event, setting: &Setting) -> String {
    let here = c.here(e);
    match setting {
        Setting::Rules(_) => {
            format!("New rules are loaded on {here}; their counters begin at zero.")
        }
        Setting::FlushConntrack => format!("{here} deletes every conntrack entry."),
        Setting::Forget(_) => format!("{here} deletes one conntrack entry."),
        Setting::Services(all) if answers_dns(all) => {
            format!("{here} answers DNS queries from new data.")
        }
        Setting::Sysctl(_) => format!("A sysctl of {here} is changed."),
        Setting::Services(_) => format!("The listening sockets of {here} are changed."),
        Setting::Routes(_) => format!("The routes of {here} are changed."),
        Setting::FlushCache => {
            format!("{here} forgets the path MTUs and redirects that it learned.")
        }
        Setting::Neighbour { addr, to: Some(n), .. } => {
            format!(
                "The entry of `{addr}` is now `{} {}`.",
                n.lladdr.unwrap_or_default(),
                n.state.name()
            )
        }
        Setting::Neighbour { addr, to: None, .. } => format!("The entry of `{addr}` is removed."),
        Setting::Fdb { mac, to: Some(_), .. } => {
            format!("A forwarding entry for `{mac}` is added.")
        }
        Setting::Fdb { mac, to: None, .. } => {
            format!("The forwarding entry of `{mac}` is removed.")
        }
        Setting::Device { dev, .. } => format!("Device `{}` is reconfigured.", c.dev(e, *dev)),
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
            let at = format!("`{}` rule {}", c.chain(e, table, *chain), rule + 1);
            let skipped = rule - from.min(rule);
            let before = match skipped {
                0 => String::new(),
                1 => " One rule before it did not match.".to_owned(),
                n => format!(" {n} rules before it did not match."),
            };
            let drawn = draws.iter().find(|d| d.rule == *rule).map(drawn).unwrap_or_default();
            let did = match effect {
                RuleEffect::Continue => "counts the packet".to_owned(),
                RuleEffect::Jump(to) | RuleEffect::Goto(to) => {
                    format!("sends the packet to `{to}`")
                }
                RuleEffect::Accept => "accepts the packet".to_owned(),
                RuleEffect::Drop => "drops the packet".to_owned(),
                RuleEffect::Reject(with) => format!("refuses the packet with `{}`", with.name()),
                RuleEffect::Mark(to) => format!("changes the mark from `{mark:#x}` to `{to:#x}`"),
                RuleEffect::Dnat { addr, port } => format!(
                    "gives the connection the destination `{}`",
                    net::dump::endpoint(*addr, *port)
                ),
                RuleEffect::Snat { addr } => format!("gives the connection the source `{addr}`"),
                RuleEffect::Masquerade { .. } => {
                    "gives the connection the address of the device it leaves by".to_owned()
                }
            };
            format!("{at} {did}.{drawn}{before}")
        }
        WalkStep::Returned { chain, rule: Some(rule), .. } => {
            format!("`{}` rule {} says `RETURN`.", c.chain(e, table, *chain), rule + 1)
        }
        WalkStep::Returned { chain, rule: None, .. } => {
            format!(
                "No further rule of `{}` matched: back to where it was called.",
                c.chain(e, table, *chain)
            )
        }
        WalkStep::Policy { chain, n_rules: 0, policy, .. } => {
            format!(
                "`{}` of table `{table}` is empty: policy `{}`.",
                c.chain(e, table, *chain),
                policy.name()
            )
        }
        WalkStep::Policy { chain, policy: Policy::Accept, .. } => {
            format!("No rule of `{}` decided: policy `ACCEPT`.", c.chain(e, table, *chain))
        }
        WalkStep::Policy { chain, .. } => {
            format!("No rule of `{}` accepted it: policy `DROP`.", c.chain(e, table, *chain))
        }
        WalkStep::Unsupported { chain, rule } => {
            format!(
                "`{}` rule {} has a match or target that is not simulated. The walk stops here.",
                c.chain(e, table, *chain),
                rule + 1
            )
        }
    }
}

fn drawn(d: &net::netfilter::Draw) -> String {
    if d.forced {
        return " The endpoint was forced, nothing was drawn.".to_owned();
    }
    format!(" The draw was {}, below {}.", fraction(d.value, 3), fraction(d.probability, 5))
}

pub(super) fn outcome(o: &Outcome) -> String {
    match o {
        Outcome::Answered { bytes, from, ttl: Some(ttl), took_ns, .. } => {
            format!("`{from}` answered the ping: {bytes} bytes, ttl {ttl}, {} µs.", took_ns / 1000)
        }
        Outcome::Answered { bytes, from, .. } => {
            format!("The client has its answer: {bytes} bytes from `{from}`.")
        }
        Outcome::Segment { flags, from, ttl } => {
            let flags = play::probe::flags_text(*flags).to_uppercase();
            format!("`{from}` answered with a segment: `{flags}`, ttl {ttl}.")
        }
        Outcome::Closed => "The server closed the connection without an answer.".to_owned(),
        Outcome::Reset => "The client was refused: a reset came back.".to_owned(),
        Outcome::Unreachable { from, kind: 11, .. } => {
            format!("`{from}` says that ttl was used up.")
        }
        Outcome::Unreachable { from, code: 3, .. } => {
            format!("`{from}` says that nobody listens there: connection refused.")
        }
        Outcome::Unreachable { from, code: 4, .. } => {
            format!("`{from}` says that the packet is too large.")
        }
        Outcome::Unreachable { from, .. } => {
            format!("`{from}` says that the host cannot be reached.")
        }
        Outcome::Unresolved(why) => {
            let what = match why.tried.last().map(|t| t.failure) {
                Some(Failure::TimedOut) => "No DNS server answered",
                Some(Failure::Refused) => "The DNS server refused the query",
                _ if why.temporary => "The DNS server could not find the name",
                _ => "DNS does not know the name",
            };
            format!("{what}: the client could not resolve its host. Tried {}.", tried(why))
        }
        Outcome::TimedOut => "The client heard nothing and gave up.".to_owned(),
        Outcome::Killed => {
            "The client was killed before it had an answer: its pod or machine is gone.".to_owned()
        }
        Outcome::NotSent(r) => format!("The packet could not even be sent: {}.", reason(*r)),
    }
}

pub(super) const fn reason(r: DropReason) -> &'static str {
    match r {
        DropReason::NetfilterDrop => "a rule or a policy dropped it",
        DropReason::NetfilterReject => "rejected by a rule (REJECT)",
        DropReason::OtherHost => "the frame is for another MAC",
        DropReason::NoSocket => "nothing listens on that port",
        DropReason::IpRpFilter => {
            "the reverse path filter: an answer would leave by another device"
        }
        DropReason::IpMartianSource => {
            "a martian: a loopback address, or the machine's own as the source"
        }
        DropReason::IpOutNoRoutes => "there is no route to the destination",
        DropReason::NotForwarding => "it is not this host's, and forwarding is off",
        DropReason::IpTtlExceeded => "ttl was used up",
        DropReason::PktTooBig => "it is larger than the MTU of the outgoing device",
        DropReason::FragTimeout => "the other fragments of its packet did not come",
        DropReason::FragNotSent => {
            "the device refused the fragment before it, so the rest is not sent"
        }
        DropReason::NeighFailed => "nobody answered ARP for the next hop",
        DropReason::NeighQueueFull => "too many packets wait for that neighbour",
        DropReason::VxlanNoRemote => "the forwarding table has no VTEP for that MAC",
        DropReason::VxlanVniNotFound => "no VXLAN device has that vni",
        DropReason::BridgeSamePort => {
            "it would leave by the port it came from, and hairpin mode is off"
        }
        DropReason::DevReady => "the device is down or has no link",
        DropReason::NatNoPort => "no free port was left for the translation",
        DropReason::Unsupported => "this is not simulated, so the walk stops",
        DropReason::CableLoss => "the cable lost it",
        DropReason::PortBlocked => "a security group blocks its destination port",
        DropReason::ByHand => "dropped by the user",
        DropReason::Budget => "the run reached its limit of events: a loop",
    }
}
