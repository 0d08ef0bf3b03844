//! `systemctl start|stop|restart kube-proxy`. A start syncs all rules, which resets the counters of
//! kube-proxy's own chains.

use super::CommandOutput;
use crate::session::Session;
use net::NetnsId;

pub(super) fn systemctl(session: &mut Session, netns: NetnsId, args: &[&str]) -> CommandOutput {
    let (verb @ ("start" | "stop" | "restart"), "kube-proxy" | "kube-proxy.service") =
        (args.first().copied().unwrap_or(""), args.get(1).copied().unwrap_or(""))
    else {
        return CommandOutput::fail(
            1,
            "systemctl: not understood here; try: systemctl restart kube-proxy\n",
        );
    };
    let name = session.world().state().ns(netns).name.to_string();
    if !session.running().nodes.iter().any(|n| n.spec.name.value == name) {
        return CommandOutput::fail(
            5,
            format!("Failed to {verb} kube-proxy.service: Unit kube-proxy.service not found.\n"),
        );
    }
    let runs = !session.is_stopped(&name);
    if verb == "restart" || runs == (verb == "stop") {
        session.kube_proxy(netns, &name, verb != "stop");
    }
    CommandOutput::default()
}
