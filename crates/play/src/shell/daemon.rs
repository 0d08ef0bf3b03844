//! `systemctl start|stop|restart kube-proxy`, and `speaker`. A start of kube-proxy syncs all rules,
//! which resets the counters of kube-proxy's own chains.

use super::CommandOutput;
use crate::session::Session;
use kube::fault::Daemon;
use net::NetnsId;

pub(super) fn systemctl(session: &mut Session, netns: NetnsId, args: &[&str]) -> CommandOutput {
    let unit = args.get(1).map_or("", |u| u.strip_suffix(".service").unwrap_or(u));
    let daemon = Daemon::from_name(unit).filter(|d| *d != Daemon::Flanneld);
    let (verb @ ("start" | "stop" | "restart"), Some(daemon)) =
        (args.first().copied().unwrap_or(""), daemon)
    else {
        return CommandOutput::fail(
            1,
            "systemctl: not understood here; try: systemctl restart kube-proxy\n",
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
    let runs = !session.is_stopped(&name, daemon);
    if verb == "restart" || runs == (verb == "stop") {
        session.set_daemon(netns, &name, daemon, verb != "stop");
    }
    CommandOutput::default()
}
