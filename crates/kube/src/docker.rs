//! docker on a node: docker0 and its rules (`libnetwork/drivers/bridge/setup_ip_tables.go`); docker
//! 1.13 with Kubernetes 1.10 and 1.11, later 18.06 to 20.10.

use crate::device::DOCKER_BRIDGE;
use crate::release::Release;
use ipnet::Ipv4Net;
use net::netfilter::{
    AddrType, CtStates, Hook, IfName, Match, Negatable, Policy, Rule, RulesetBuilder, TableName,
    Target,
};
use std::net::Ipv4Addr;

/// The address of docker0 with its network, docker's default (172.17.0.1/16).
pub(crate) fn network() -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(172, 17, 0, 1), 16)
}

/// docker0 as a rule's interface.
fn dev(negated: bool) -> Option<Negatable<IfName>> {
    Some(Negatable { negated, value: IfName(DOCKER_BRIDGE.into()) })
}

/// Writes docker's chains and rules. The policy of FORWARD becomes DROP, as docker sets it when it
/// enables `ip_forward` itself.
pub(crate) fn write(b: &mut RulesetBuilder, release: Release) {
    use TableName::{Filter, Nat};
    let loopback = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    let local = || Match::AddrType { src: None, dst: Some(Negatable::plain(AddrType::Local)) };
    let docker = || Target::Jump("DOCKER".into());
    b.append(Nat, "DOCKER", Rule { in_dev: dev(false), ..Rule::to(Target::Return) });
    b.append(Nat, "PREROUTING", Rule { matches: vec![local()], ..Rule::to(docker()) });
    b.append(
        Nat,
        "OUTPUT",
        Rule { matches: vec![local()], ..Rule::to(docker()) }.to_net(true, loopback),
    );
    b.append(
        Nat,
        "POSTROUTING",
        Rule { out_dev: dev(true), ..Rule::to(Target::Masquerade { random_fully: false }) }
            .from_net(false, network().trunc()),
    );
    b.policy(Filter, Hook::Forward, Policy::Drop);
    b.new_chain(Filter, "DOCKER");
    let related = Match::CtState(Negatable::plain(CtStates::RELATED.with(CtStates::ESTABLISHED)));
    let answers = Rule { out_dev: dev(false), matches: vec![related], ..Rule::to(Target::Accept) };
    let own = Rule { out_dev: dev(false), ..Rule::to(docker()) };
    let jump = |to: &str| Rule::to(Target::Jump(to.into()));
    if release.docker_stages() {
        let leaves =
            Rule { in_dev: dev(false), out_dev: dev(true), ..jump("DOCKER-ISOLATION-STAGE-2") };
        b.append(Filter, "DOCKER-ISOLATION-STAGE-1", leaves);
        b.append(Filter, "DOCKER-ISOLATION-STAGE-1", Rule::to(Target::Return));
        b.append(
            Filter,
            "DOCKER-ISOLATION-STAGE-2",
            Rule { out_dev: dev(false), ..Rule::to(Target::Drop) },
        );
        b.append(Filter, "DOCKER-ISOLATION-STAGE-2", Rule::to(Target::Return));
        b.append(Filter, "DOCKER-USER", Rule::to(Target::Return));
        for rule in [jump("DOCKER-USER"), jump("DOCKER-ISOLATION-STAGE-1"), answers, own] {
            b.append(Filter, "FORWARD", rule);
        }
    } else {
        b.append(Filter, "DOCKER-ISOLATION", Rule::to(Target::Return));
        for rule in [jump("DOCKER-ISOLATION"), own, answers] {
            b.append(Filter, "FORWARD", rule);
        }
    }
    b.append(
        Filter,
        "FORWARD",
        Rule { in_dev: dev(false), out_dev: dev(true), ..Rule::to(Target::Accept) },
    );
    b.append(
        Filter,
        "FORWARD",
        Rule { in_dev: dev(false), out_dev: dev(false), ..Rule::to(Target::Accept) },
    );
}
