//! What the chain of a cause says, link by link. Sentences are made of it elsewhere.

use kube::Span;
use kube::fault::Daemon;
use net::netfilter::{RejectWith, TableName};
use net::socket::AddrPort;
use net::wire::Mac;
use net::{DropReason, NetnsId};
use std::net::IpAddr;
use std::rc::Rc;

/// A link of a chain: what happened, at which event and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The event, as an index of the session's.
    pub event: usize,
    /// The network namespace that it is about.
    pub netns: NetnsId,
    /// What it says.
    pub fact: Fact,
    /// What in the text it comes from.
    pub origin: Option<Origin>,
}

/// A value of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The object: `Service default/web`.
    pub object: String,
    /// The field: `spec.selector`.
    pub field: String,
    /// Where it is.
    pub span: Span,
}

/// A rule as the tools name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRef {
    /// Its table.
    pub table: TableName,
    /// Its chain.
    pub chain: Rc<str>,
    /// Its number in the chain, from 1.
    pub number: u32,
    /// The rule, as `iptables-save` prints it.
    pub text: String,
    /// Its comment.
    pub comment: Option<String>,
}

/// Why a Service's port has no endpoint that gets connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Its selector selects no pod; the labels of the pods that come closest, if there is a pod.
    Selected {
        /// The selector: `app=web`.
        selector: String,
        /// The workload that comes closest, and its labels.
        nearest: Option<(String, String)>,
    },
    /// No selected pod has a port of the name that `targetPort` gives.
    PortName(String),
    /// The pods are not ready; the reason of the first.
    Ready {
        /// The first of them.
        pod: String,
        /// In kubelet's words.
        why: Option<String>,
    },
    /// The pods that it would select do not run; the first, its status and the reason.
    Runs {
        /// The first of them.
        pod: String,
        /// In the words of the scheduler's or kubelet's event.
        why: String,
    },
    /// It has no selector, and no slice of its own.
    Slice,
}

/// Why no machine answers ARP for the address of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The speaker of this node, which would be elected, is stopped.
    Stopped(String),
    /// No node may be elected: by its labels, its NIC or where the endpoints are.
    NoNode,
    /// There are no speakers for the address.
    NoSpeaker,
}

/// The table of an entry that leads a packet astray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A neighbour (`ip neigh`).
    Neighbour,
    /// A forwarding entry (`bridge fdb`).
    Fdb,
}

/// What a link says. Where nothing else is said, the place is the link's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The destination was translated.
    Destination {
        /// The address and port that the client asked for.
        before: AddrPort,
        /// The endpoint.
        after: AddrPort,
        /// By an entry of conntrack from before: no rule was asked.
        remembered: bool,
    },
    /// The source was replaced, by this rule if it was not remembered.
    Source {
        /// The sender's own address and port.
        before: AddrPort,
        /// What the server sees.
        after: AddrPort,
        /// The rule that asked for it.
        rule: Option<RuleRef>,
    },
    /// The answer came from a pod on another node than the packet arrived at.
    OtherNode {
        /// The node that it arrived at.
        first: NetnsId,
    },
    /// The server answered.
    Replied {
        /// Its own address and port.
        from: AddrPort,
    },
    /// A rule dropped the packet, or rejected it with this answer.
    Refused {
        /// The rule.
        rule: RuleRef,
        /// How it was answered; not at all if none.
        with: Option<RejectWith>,
    },
    /// The policy of a built-in chain dropped the packet: no rule of these decided.
    Policy {
        /// The table.
        table: TableName,
        /// The chain.
        chain: Rc<str>,
        /// The number of its rules.
        rules: u32,
    },
    /// A rule marked the packet, so that a later one drops it.
    Marked(RuleRef),
    /// A rule is of a kind that is not simulated: nobody knows what it does.
    Unknown {
        /// The rule.
        rule: RuleRef,
        /// The match or target.
        what: String,
    },
    /// Nothing listens there.
    NoListener {
        /// The address and port that the packet arrived for.
        at: AddrPort,
        /// The protocol's name.
        protocol: &'static str,
        /// What does listen: `80/TCP`.
        listens: Vec<String>,
    },
    /// The connection was accepted, or the datagram taken, and nobody answered.
    Silent(AddrPort),
    /// A bridge switched the answer without netfilter, so that conntrack did not restore its
    /// source.
    Switched {
        /// The bridge.
        bridge: Rc<str>,
        /// The source that it would have.
        expected: AddrPort,
    },
    /// The answer took another way than through the node that translated the request.
    Bypassed {
        /// The node that translated the request.
        node: NetnsId,
        /// The source that the answer would have.
        expected: AddrPort,
    },
    /// The node that translated the request no longer knew the connection.
    Forgotten {
        /// The source that the answer would have.
        expected: AddrPort,
    },
    /// The node that translated the destination did not replace the source, though a rule marked
    /// the packet for it: an answer will not come back to the node.
    NotMasqueraded {
        /// The source that it kept.
        src: IpAddr,
    },
    /// The client knows no connection to the answer's source.
    Unexpected {
        /// The answer's source.
        from: AddrPort,
        /// What the client waits for.
        expected: AddrPort,
    },
    /// An entry differs from what is true elsewhere.
    Entry {
        /// The table that it is in.
        kind: EntryKind,
        /// As the tool prints it.
        entry: String,
        /// What is true: the device's MAC address, or the address of the machine that has it.
        truth: Option<String>,
    },
    /// A frame was for another MAC address than the device's.
    NotMine {
        /// The device.
        dev: Rc<str>,
        /// The MAC address in the frame.
        got: Mac,
        /// Its own.
        own: Mac,
    },
    /// The forwarding table of a VXLAN device has no entry for a MAC address.
    NoVtep {
        /// The device.
        dev: Rc<str>,
        /// The MAC address.
        mac: Mac,
    },
    /// Nothing takes VXLAN datagrams of this kind.
    NoTunnel {
        /// The UDP port.
        port: u16,
        /// The network's number, if a device listens on the port.
        vni: Option<u32>,
    },
    /// No route leads to an address.
    NoRoute(IpAddr),
    /// A route leads a packet somewhere that is not the way to its destination.
    Astray {
        /// The destination.
        to: IpAddr,
        /// The route, as `ip route` prints it.
        route: String,
        /// The route that leads there, if a component would write one.
        truth: Option<String>,
    },
    /// The next hop did not answer ARP.
    NoNeighbour {
        /// The device that asked.
        dev: Rc<str>,
        /// The next hop.
        addr: IpAddr,
        /// Who has the address; none if nobody does.
        owner: Option<NetnsId>,
    },
    /// A device is down.
    Down(Rc<str>),
    /// A device has no carrier: its cable is cut or the other end is down.
    NoCarrier(Rc<str>),
    /// The node does not forward packets.
    NotForwarding(IpAddr),
    /// The reverse path filter: an answer to the source would leave by another device.
    ReversePath {
        /// The device that it came in by.
        dev: Rc<str>,
        /// The source.
        src: IpAddr,
        /// The route back, as `ip route` prints it.
        back: Option<String>,
    },
    /// The packet is larger than an MTU and must not be cut.
    TooBig {
        /// The device.
        dev: Rc<str>,
        /// Its MTU, or the path's.
        mtu: u32,
        /// The packet's length, in bytes of IP.
        len: u32,
    },
    /// A frame would leave by the port that it came in by.
    Hairpin {
        /// The bridge's port.
        port: Rc<str>,
    },
    /// It was lost for another reason.
    Lost(DropReason),
    /// The kernel answered with an error or a reset.
    Error {
        /// Its source.
        from: IpAddr,
        /// ICMP type and code; none for a reset.
        icmp: Option<(u8, u8)>,
    },
    /// A command changed this.
    SetBy(String),
    /// A node has no rule for a Service's address and port.
    NoRule {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
        /// The address and port.
        to: AddrPort,
        /// Whether its kube-proxy runs.
        runs: bool,
    },
    /// A daemon does not run.
    Stopped(Daemon),
    /// A Service's port has no endpoint that gets connections.
    NoEndpoints {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
        /// Why.
        why: Missing,
    },
    /// A traffic policy of the Service admits endpoints of this node only, and it has none.
    LocalOnly {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
        /// `externalTrafficPolicy` or `internalTrafficPolicy`.
        field: &'static str,
        /// The nodes that have endpoints.
        nodes: Vec<String>,
    },
    /// The load balancer's address admits other sources only.
    SourceRanges {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
        /// `loadBalancerSourceRanges`.
        ranges: Vec<String>,
    },
    /// The Service has no such port.
    NoSuchPort {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
        /// Those it has: `80/TCP`.
        ports: Vec<String>,
    },
    /// A cluster IP is used from outside, where no kube-proxy translates it.
    OutsideOfCluster {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
        /// A node port of the Service, which is reachable from outside.
        node_port: Option<u16>,
        /// The cluster IP.
        to: IpAddr,
    },
    /// No machine answers for an address of a load balancer, or an external IP, of a Service.
    Unannounced {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
        /// The address.
        to: IpAddr,
        /// Why no speaker does.
        why: Silence,
    },
    /// The endpoint is a node port of another Service, and a packet is translated once only.
    TranslatedOnce {
        /// The node port.
        port: u16,
        /// Its Service as `NAMESPACE/NAME`.
        service: String,
    },
    /// No Service has the node port.
    NoSuchNodePort(u16),
    /// No machine and no pod has the address.
    NoSuchAddress(IpAddr),
    /// DNS has no such name.
    NoSuchName {
        /// The names that were tried.
        tried: Vec<String>,
    },
}

impl Fact {
    /// Whether such packets are kept out on purpose.
    pub fn is_control(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::Policy { .. }
                | Self::LocalOnly { .. }
                | Self::SourceRanges { .. }
        )
    }
}
