//! English.

use super::super::{Context, coded, en};
use super::{bare, shown};
use play::cause::{EntryKind, Fact, Link, Missing, RuleRef, Silence};

fn rule(r: &RuleRef) -> String {
    format!("rule {} of `{}` in table `{}` (`{}`)", r.number, r.chain, r.table.name(), bare(r))
}

pub(super) fn fact(c: &Context<'_>, l: &Link) -> String {
    let here = c.labels.name(l.netns);
    match &l.fact {
        Fact::Destination { before, after, remembered: false } => {
            let (before, after) = (shown(before), shown(after));
            format!("{here} turned `{before}` into `{after}` and noted it for the answer.")
        }
        Fact::Destination { before, after, remembered: true } => {
            let (before, after) = (shown(before), shown(after));
            format!(
                "An old conntrack entry of {here} turned `{before}` into `{after}`; nat rules were skipped."
            )
        }
        Fact::Source { before, after, rule: Some(r) } => {
            let (before, after) = (shown(before), shown(after));
            format!(
                "The server saw `{after}` instead of `{before}`: {here} replaced the source by {}.",
                rule(r)
            )
        }
        Fact::Source { before, after, rule: None } => {
            let (before, after) = (shown(before), shown(after));
            format!(
                "The server saw `{after}` instead of `{before}`: an old conntrack entry of {here} \
             replaced the source."
            )
        }
        Fact::OtherNode { first } => format!(
            "The answer came from {here}; the request had arrived at {}.",
            c.labels.name(*first)
        ),
        Fact::Replied { from } => format!("{here} answered from `{}`.", shown(from)),
        Fact::Refused { rule: r, with: None } => {
            format!("On {here}, {} dropped it.", rule(r))
        }
        Fact::Refused { rule: r, with: Some(with) } => {
            format!("On {here}, {} rejected it with `{}`.", rule(r), with.name())
        }
        Fact::Policy { table, chain, rules } => format!(
            "On {here}, none of the {rules} rules of `{chain}` in table `{}` decided, and its \
             policy is `DROP`.",
            table.name()
        ),
        Fact::Marked(r) => format!("On {here}, {} marked it to be dropped.", rule(r)),
        Fact::Unknown { rule: r, what } => format!(
            "On {here}, {} asks for `{what}`, which is not simulated: what follows is not known.",
            rule(r)
        ),
        Fact::NoListener { at, protocol, listens } if listens.is_empty() => {
            format!("Nothing listens on `{}/{protocol}` in {here}, nor on any port.", at.port)
        }
        Fact::NoListener { at, protocol, listens } => format!(
            "Nothing listens on `{}/{protocol}` in {here}; open are {}.",
            at.port,
            coded(listens)
        ),
        Fact::Silent(at) => {
            format!("{here} accepted the request at `{at}` and never answered.")
        }
        Fact::Switched { bridge, expected } => format!(
            "{bridge} of {here} switched the answer without asking netfilter \
             (`net.bridge.bridge-nf-call-iptables = 0`), so conntrack did not restore `{expected}`."
        ),
        Fact::Bypassed { node, expected } => format!(
            "The answer from {here} did not pass {}, which alone could have restored `{expected}`.",
            c.labels.name(*node)
        ),
        Fact::Forgotten { expected } => format!(
            "{here} no longer knew the connection when the answer came, so it did not restore \
             `{expected}`."
        ),
        Fact::NotMasqueraded { src } => format!(
            "{here} translated the destination, but no rule of `POSTROUTING` replaced the source \
             `{src}`, so the answer does not come back to {here}."
        ),
        Fact::Unexpected { from, expected } => {
            format!("{here} waits for `{expected}` and knows no connection to `{from}`.")
        }
        Fact::Entry { kind, entry, truth } => {
            let (table, what) = match kind {
                EntryKind::Neighbour => ("neighbour entry", "the actual MAC address is"),
                EntryKind::Fdb => ("forwarding entry", "the machine with that MAC address is"),
            };
            match truth {
                Some(t) => format!("{here} has the {table} `{entry}`, but {what} `{t}`."),
                None => format!("{here} has the {table} `{entry}`, and nobody has that address."),
            }
        }
        Fact::NotMine { dev, got, own } => format!(
            "{dev} of {here} got a frame for `{got}`; its own MAC address is `{own}`, so it \
             ignored the frame."
        ),
        Fact::NoVtep { dev, mac } => {
            format!("The forwarding table of {dev} on {here} has no entry for `{mac}`.")
        }
        Fact::NoTunnel { port, vni: None } => {
            format!("Nothing receives VXLAN on UDP port `{port}` of {here}.")
        }
        Fact::NoTunnel { port, vni: Some(vni) } => {
            format!("No VXLAN device on UDP port `{port}` of {here} has the VNI `{vni}`.")
        }
        Fact::NoRoute(to) => format!("{here} has no route to `{to}`."),
        Fact::Astray { to, route, truth } => {
            let took = if route.is_empty() {
                format!("{here} has no route to `{to}`")
            } else {
                format!("{here} sent it to `{to}` by the route `{route}`")
            };
            match truth {
                Some(t) => format!("{took}; the right one is `{t}`."),
                None => format!("{took}, which does not lead there."),
            }
        }
        Fact::NoNeighbour { dev, addr, owner: None } => format!(
            "{here} asked for `{addr}` on {dev}, and nobody answered: no machine or pod has it."
        ),
        Fact::NoNeighbour { dev, addr, owner: Some(owner) } => format!(
            "{here} asked for `{addr}` on {dev}, and {}, which has it, did not answer.",
            c.labels.name(*owner)
        ),
        Fact::Down(dev) => format!("{dev} of {here} is down."),
        Fact::NoCarrier(dev) => format!("{dev} of {here} has no carrier: its cable is cut."),
        Fact::NotForwarding(to) => format!(
            "{here} does not forward (`net.ipv4.ip_forward = 0`), so it dropped what was for `{to}`."
        ),
        Fact::ReversePath { dev, src, back: Some(back) } => format!(
            "{here} dropped a packet from `{src}` that came in by {dev}, because an answer would \
             leave by `{back}` (`rp_filter`)."
        ),
        Fact::ReversePath { dev, src, back: None } => format!(
            "{here} dropped a packet from `{src}` that came in by {dev}, because it has no route \
             back (`rp_filter`)."
        ),
        Fact::TooBig { dev, mtu, len } => format!(
            "{here} cannot send {len} bytes by {dev}: the MTU is `{mtu}`, and the packet must not \
             be fragmented."
        ),
        Fact::Hairpin { port } => format!(
            "The frame would leave {here} by {port}, the port that it came in by, and hairpin mode \
             is off."
        ),
        Fact::Lost(r) => format!("The packet was lost in {here}: {}.", en::reason(*r)),
        Fact::Error { from, icmp: None } => format!("{here} sent a reset from `{from}`."),
        Fact::Error { from, icmp: Some((kind, code)) } => {
            format!("{here} told the client so from `{from}` (ICMP type {kind}, code {code}).")
        }
        Fact::SetBy(line) => {
            format!("A command on {here} set it so: `{}`.", super::super::short(line))
        }
        Fact::NoRule { service, to, runs: true } => {
            format!("{here} has no rule for `{to}` of the Service `{service}`.")
        }
        Fact::NoRule { service, to, runs: false } => format!(
            "{here} has no rule for `{to}` of the Service `{service}`, because kube-proxy does not \
             run there."
        ),
        Fact::Stopped(daemon) => {
            format!("{} does not run on {here}, so its entries are missing or old.", daemon.name())
        }
        Fact::NoEndpoints { service, why } => {
            format!("The Service `{service}` has no endpoint: {}", missing(why))
        }
        Fact::LocalOnly { service, field, nodes } if nodes.is_empty() => {
            format!(
                "`{field}: Local` of `{service}` admits endpoints of {here} only; there is none."
            )
        }
        Fact::LocalOnly { service, field, nodes } => format!(
            "`{field}: Local` of `{service}` admits endpoints of {here} only; there is none, they \
             are on {}.",
            nodes.join(", ")
        ),
        Fact::SourceRanges { service, ranges } => {
            format!("`loadBalancerSourceRanges` of `{service}` lets in {} only.", coded(ranges))
        }
        Fact::NoSuchPort { service, ports } if ports.is_empty() => {
            format!("The Service `{service}` has no such port at this address.")
        }
        Fact::NoSuchPort { service, ports } => {
            format!("The Service `{service}` answers on {} only.", coded(ports))
        }
        Fact::OutsideOfCluster { service, node_port: Some(p), .. } => format!(
            "The address of `{service}` exists only on nodes and in pods; from outside, a node's \
             port `{p}` is open."
        ),
        Fact::OutsideOfCluster { service, node_port: None, .. } => format!(
            "The address of `{service}` exists only on nodes and in pods, and {here} is neither."
        ),
        Fact::Unannounced { service, to, why } => {
            let why = match why {
                Silence::Stopped(node) => format!("the speaker on {node} is stopped"),
                Silence::NoNode => "no node is eligible to announce it".to_owned(),
                Silence::NoSpeaker => "nothing announces it".to_owned(),
            };
            format!("No machine answers ARP for `{to}` of the Service `{service}`: {why}.")
        }
        Fact::TranslatedOnce { port, service } => format!(
            "The endpoint is the node port `{port}` of `{service}`, and {here} translates a \
             destination only once: name the pods instead."
        ),
        Fact::NoSuchNodePort(port) => format!("No Service has the node port `{port}`."),
        Fact::NoSuchAddress(addr) => format!("No machine and no pod has the address `{addr}`."),
        Fact::NoSuchName { tried } => format!("DNS knows none of {}.", coded(tried)),
    }
}

fn missing(why: &Missing) -> String {
    match why {
        Missing::Selected { selector, nearest: Some((owner, labels)) } => format!(
            "its selector `{selector}` selects no pod; the closest, of `{owner}`, have `{labels}`."
        ),
        Missing::Selected { selector, nearest: None } => {
            format!("its selector `{selector}` selects no pod; there is none in the namespace.")
        }
        Missing::PortName(_) => {
            "no selected pod has a port with the name in `targetPort`.".to_owned()
        }
        Missing::Ready { pod, why: Some(why) } => format!("`{pod}` is not ready: {why}."),
        Missing::Ready { pod, why: None } => format!("`{pod}` is not ready."),
        Missing::Runs { pod, why } => format!("`{pod}` does not run: {why}."),
        Missing::Slice => "it has no selector, and there is no EndpointSlice for it.".to_owned(),
    }
}
