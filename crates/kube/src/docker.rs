//! docker 1.13 on a node: docker0 and its rules (`libnetwork/drivers/bridge/setup_ip_tables.go`).

use net::netfilter::{AddrType, CtStates, Hook, IfName, Match, Negatable, Policy, Rule, RulesetBuilder, TableName, Target};

/// docker0's network.
pub const NETWORK: &str = "172.17.0.1/16";

fn dev(negated: bool) -> Option<Negatable<IfName>> {
    Some(Negatable { negated, value: IfName("docker0".into()) })
}

/// Its chains and rules. FORWARD's policy is DROP: docker switched forwarding on itself.
pub fn write(b: &mut RulesetBuilder) {
    use TableName::{Filter, Nat};
    let net = |text: &str| text.parse::<ipnet::Ipv4Net>().expect("invariant: a literal network");
    let local = || Match::AddrType { src: None, dst: Some(Negatable::plain(AddrType::Local)) };
    let docker = || Target::Jump("DOCKER".into());
    b.append(Nat, "DOCKER", Rule { in_dev: dev(false), ..Rule::to(Target::Return) });
    b.append(Nat, "PREROUTING", Rule { matches: vec![local()], ..Rule::to(docker()) });
    b.append(Nat, "OUTPUT", Rule { matches: vec![local()], ..Rule::to(docker()) }.to_net(true, net("127.0.0.0/8")));
    b.append(
        Nat,
        "POSTROUTING",
        Rule { out_dev: dev(true), ..Rule::to(Target::Masquerade { random_fully: false }) }.from_net(false, net("172.17.0.0/16")),
    );
    b.policy(Filter, Hook::Forward, Policy::Drop);
    b.new_chain(Filter, "DOCKER");
    b.append(Filter, "DOCKER-ISOLATION", Rule::to(Target::Return));
    b.append(Filter, "FORWARD", Rule::to(Target::Jump("DOCKER-ISOLATION".into())));
    b.append(Filter, "FORWARD", Rule { out_dev: dev(false), ..Rule::to(docker()) });
    let related = Match::CtState(Negatable::plain(CtStates::RELATED.with(CtStates::ESTABLISHED)));
    b.append(Filter, "FORWARD", Rule { out_dev: dev(false), matches: vec![related], ..Rule::to(Target::Accept) });
    b.append(Filter, "FORWARD", Rule { in_dev: dev(false), out_dev: dev(true), ..Rule::to(Target::Accept) });
    b.append(Filter, "FORWARD", Rule { in_dev: dev(false), out_dev: dev(false), ..Rule::to(Target::Accept) });
}
