//! `systemctl start|stop|restart` of kube-proxy, flanneld and the speaker. A start of kube-proxy
//! syncs all rules, which resets the counters of its own chains; one of flanneld writes the route,
//! the neighbour and the forwarding entry of every other node.

use super::CommandOutput;
use crate::session::Session;
use kube::fault::Daemon;
use net::NetnsId;

pub(super) fn systemctl(session: &mut Session, netns: NetnsId, args: &[&str]) -> CommandOutput {
    let unit = args.get(1).map_or("", |u| u.strip_suffix(".service").unwrap_or(u));
    let (Some(verb @ ("start" | "stop" | "restart")), Some(daemon), 2) =
        (args.first().copied(), Daemon::from_name(unit), args.len())
    else {
        return CommandOutput::fail(
            1,
            "systemctl: not understood here; try: systemctl restart kube-proxy, systemctl restart flanneld\n",
        );
    };
    let name = session.world().state().ns(netns).name.to_string();
    let is_node = session.running().nodes.iter().any(|n| n.spec.name.value == name);
    if !is_node || !session.running().daemons().contains(&daemon) {
        return CommandOutput::fail(
            5,
            format!("Failed to {verb} {unit}.service: Unit {unit}.service not found.\n"),
        );
    }
    if verb == "restart" || session.runs(&name, daemon) == (verb == "stop") {
        session.run_daemon(netns, &name, daemon, verb != "stop");
    }
    CommandOutput::default()
}
