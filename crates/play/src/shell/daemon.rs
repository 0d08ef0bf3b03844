//! `systemctl start|restart kube-proxy`: a whole sync, as an event. Packets before it meet the rules
//! that were there; the counters of kube-proxy's own chains begin at zero, as every sync writes them anew.

use super::Output;
use crate::Session;
use net::NetnsId;
use net::engine::Setting;

pub(super) fn systemctl(session: &mut Session, netns: NetnsId, args: &[&str]) -> Output {
    let ("start" | "restart", "kube-proxy" | "kube-proxy.service") =
        (args.first().copied().unwrap_or(""), args.get(1).copied().unwrap_or(""))
    else {
        return Output::fail(1, "systemctl: not understood here; try: systemctl restart kube-proxy\n");
    };
    let cluster = session.cluster();
    let ns = session.world().state().ns(netns);
    let Some(node) = cluster.nodes.iter().position(|n| *n.spec.name.value == *ns.name) else {
        return Output::fail(5, "Failed to restart kube-proxy.service: Unit kube-proxy.service not found.\n");
    };
    let settings = kube::plan::proxy_settings(cluster, node);
    let restored = kube::proxy::synced(&ns.rules, &kube::plan::proxy_sync(cluster, node, &settings, false));
    session.configure(netns, Setting::Rules(Box::new(restored)));
    Output::default()
}
