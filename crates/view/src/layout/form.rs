//! The two forms of a node: heights of its rows, and where each box stands in it. Nothing is
//! measured and nothing is shrunk: a text that has no room is shortened or left out.

use super::{Form, NicBox, NodeBox, PodBox, Point, Rect};
use crate::labels::{CommonAffixes, app_of};
use kube::Cluster;
use kube::cluster::Pod;
use kube::topology::{Nic, Role};
use net::netfilter::Hook;

/// The advance of a character of the mono face at 11 px.
pub(crate) const CHAR: f32 = 0.6 * 11.0;
/// The least width of a node.
pub(super) const LEAST_W: f32 = 348.0;
/// The width beyond which a node does not grow for long addresses.
const MOST_W: f32 = 440.0;
/// The width of a node that is drawn narrow.
pub(super) const FOLDED_W: f32 = 100.0;
/// The distance of boxes from the node's left and right edge.
const PAD: f32 = 12.0;
/// The widths of PREROUTING, FORWARD, POSTROUTING, INPUT and OUTPUT.
const HOOK_W: [f32; 5] = [84.0, 64.0, 92.0, 54.0, 66.0];
/// The radius of the circle of the routing decision.
const ROUTE_R: f32 = 12.0;
/// The distance of the VXLAN device from the node's edges, which leaves room for the lanes beside
/// it.
const VXLAN_INSET: f32 = 94.0;
/// The NIC's share of its row if docker0 is next to it.
const NIC_SHARE: f32 = 0.63;
/// The room of a text's box beyond the text itself.
const TEXT_PAD: f32 = 18.0;
/// The gap between NICs.
const NIC_GAP: f32 = 6.0;
/// The same of a pod's address.
const POD_PAD: f32 = 14.0;
/// The gap between pods.
const POD_GAP: f32 = 6.0;
const LEAST_POD_W: f32 = 74.0;
/// For this many pods a node grows; further pods are a number.
const ROW_OF_PODS: usize = 4;

/// The heights of a node's rows from top to bottom, in CSS pixels.
pub(super) struct Rows {
    head: f32,
    pods: f32,
    veth: f32,
    cni0: f32,
    /// The lane of the capsule.
    lane: f32,
    hooks: f32,
    gap: f32,
    hooks2: f32,
    gap2: f32,
    vxlan: f32,
    gap3: f32,
    nic: f32,
    pad: f32,
    /// From the node to the line of its segment.
    pub(super) above_lan: f32,
    /// From the line to the hosts, and to the next row of nodes.
    pub(super) below_lan: (f32, f32),
}

const TALL: Rows = Rows {
    head: 28.0,
    pods: 47.0,
    veth: 30.0,
    cni0: 28.0,
    lane: 66.0,
    hooks: 35.0,
    gap: 18.0,
    hooks2: 35.0,
    gap2: 17.0,
    vxlan: 36.0,
    gap3: 21.0,
    nic: 36.0,
    pad: 11.0,
    above_lan: 30.0,
    below_lan: (25.0, 25.0),
};

const SHORT: Rows = Rows {
    head: 24.0,
    pods: 34.0,
    veth: 10.0,
    cni0: 22.0,
    lane: 42.0,
    hooks: 34.0,
    gap: 12.0,
    hooks2: 34.0,
    gap2: 12.0,
    vxlan: 24.0,
    gap3: 12.0,
    nic: 24.0,
    pad: 7.0,
    above_lan: 12.0,
    below_lan: (19.0, 13.0),
};

impl Rows {
    /// The rows of a form.
    pub(super) const fn of(form: Form) -> &'static Self {
        match form {
            Form::Tall => &TALL,
            Form::Short => &SHORT,
        }
    }
    /// The height of a node.
    pub(super) const fn height(&self) -> f32 {
        let upper = self.head + self.pods + self.veth + self.cni0 + self.lane;
        let hooks = self.hooks + self.gap + self.hooks2 + self.gap2;
        upper + hooks + self.vxlan + self.gap3 + self.nic + self.pad
    }
}

/// What the nodes of a cluster have in common: their width, and the least width of a pod.
#[derive(Clone, Copy)]
pub(super) struct Widths {
    /// The width of a node.
    pub(super) node: f32,
    pod: f32,
}

impl Widths {
    /// The widths with which addresses stand next to the names of their devices and each node shows
    /// its first pods, unless fewer nodes would then stand side by side, or none be in view:
    /// `per_row` says how many of a width do.
    pub(super) fn of(cluster: &Cluster, per_row: impl Fn(f32) -> usize) -> Self {
        let text = |chars: usize| chars as f32 * CHAR + TEXT_PAD;
        let flannel = kube::device::flannel(cluster.topology.vni).len();
        let node = cluster.nodes.iter().map(|n| {
            let vxlan = flannel + 1 + n.pod_cidr.network().to_string().len() + 3;
            let nic = |n: &Nic| text(n.name.len() + 1 + n.address.value.to_string().len());
            let nics = n.spec.nics().map(nic).fold(0.0, f32::max);
            let count = n.spec.nics().count() as f32;
            let nics = nics * count + NIC_GAP * (count - 1.0);
            let share = if n.spec.docker { NIC_SHARE } else { 1.0 };
            (text(vxlan) + 2.0 * VXLAN_INSET).max(nics / share + 2.0 * PAD)
        });
        let ip = cluster.pods.iter().map(|p| p.ip.to_string().len()).max().unwrap_or(0);
        let pod = (ip as f32 * CHAR + POD_PAD).max(LEAST_POD_W);
        let mut pods = vec![0; cluster.nodes.len()];
        cluster.pods.iter().for_each(|p| pods[p.node] += 1);
        let most = pods.into_iter().max().unwrap_or(0).min(ROW_OF_PODS) as f32;
        let least = (most * (pod + POD_GAP) - POD_GAP + 2.0 * PAD).max(LEAST_W);
        let wide = node.fold(least, f32::max).min(MOST_W).ceil();
        let as_many = per_row(wide) >= per_row(LEAST_W).min(cluster.nodes.len()).max(1);
        Self { node: if as_many { wide } else { LEAST_W }, pod }
    }

    /// The number of pods that fit in a row.
    fn cells(self) -> usize {
        let inner = self.node - 2.0 * PAD;
        (((inner + POD_GAP) / (self.pod + POD_GAP)).floor() as usize).max(1)
    }
}

/// Whether a pod is not one of the cluster's own.
fn is_own(pod: &Pod) -> bool {
    !pod.namespace.starts_with("kube-")
}

/// A node with its left upper corner at `at`. `pods` are its pods, the most important first.
pub(super) fn node(
    cluster: &Cluster,
    pods: &[usize],
    i: usize,
    (x, y): Point,
    form: Form,
    widths: Widths,
) -> NodeBox {
    let n = &cluster.nodes[i];
    let (w, rows) = (widths.node, Rows::of(form));
    let (left, inner) = (x + PAD, w - 2.0 * PAD);
    let pods_y = y + rows.head;
    let cni0_y = pods_y + rows.pods + rows.veth;
    let lane_y = cni0_y + rows.cni0;
    let hooks_y = lane_y + rows.lane;
    let hooks2_y = hooks_y + rows.hooks + rows.gap;
    let vxlan_y = hooks2_y + rows.hooks2 + rows.gap2;
    let nic_y = vxlan_y + rows.vxlan + rows.gap3;

    let hosted: Vec<_> = cluster.host_pods.iter().filter(|p| p.node == i && is_own(p)).collect();
    let (most, gap) = (widths.cells() - usize::from(!hosted.is_empty()), POD_GAP);
    let drawn = if pods.len() > most { most.saturating_sub(1) } else { pods.len() };
    let before = drawn + usize::from(pods.len() > drawn);
    let cells = (before + usize::from(!hosted.is_empty())).max(1) as f32;
    let cell = ((inner - gap * (cells - 1.0)) / cells).min(140.0);
    let pod_rect = |k: usize| Rect::new(left + k as f32 * (cell + gap), pods_y, cell, rows.pods);
    let pod = |(k, p): (usize, &usize)| {
        let pod = &cluster.pods[*p];
        PodBox {
            pod: *p,
            rect: pod_rect(k),
            app: app_of(pod),
            suffix: pod.name.rsplit('-').next().unwrap_or_default().to_owned(),
            ip: pod.ip.to_string(),
            veth: pod.veth.clone(),
        }
    };

    let [pre, forward, post, input, output] = HOOK_W;
    // PREROUTING, the route circle, FORWARD and POSTROUTING share the row evenly.
    let space = (inner - pre - 2.0 * ROUTE_R - forward - post) / 3.0;
    let route = (left + pre + space + ROUTE_R, hooks_y + rows.hooks / 2.0);
    let post_x = left + inner - post;
    let cell = |x, y, w, h| Rect::new(x, y, w, h);
    let hooks = [
        (Hook::Prerouting, cell(left, hooks_y, pre, rows.hooks)),
        (Hook::Input, cell(route.0 - input / 2.0, hooks2_y, input, rows.hooks2)),
        (Hook::Forward, cell(route.0 + ROUTE_R + space, hooks_y, forward, rows.hooks)),
        (Hook::Output, cell(post_x - 4.0 - output, hooks2_y, output, rows.hooks2)),
        (Hook::Postrouting, cell(post_x, hooks_y, post, rows.hooks)),
    ];
    let nic_w = if n.spec.docker { (inner * NIC_SHARE).round() } else { inner };
    let count = n.spec.nics().count() as f32;
    let each = (nic_w + NIC_GAP) / count - NIC_GAP;
    let nic = |(k, nic): (usize, &Nic)| NicBox {
        rect: Rect::new(left + k as f32 * (each + NIC_GAP), nic_y, each, rows.nic),
        name: nic.name.clone(),
        address: nic.address.value.to_string(),
        mac: n.mac_of(&cluster.topology, k).to_string(),
        segment: nic.segment,
    };
    NodeBox {
        node: i,
        name: n.spec.name.value.clone(),
        control_plane: n.spec.role == Role::ControlPlane,
        rect: Rect::new(x, y, w, rows.height()),
        form,
        folded: false,
        tile: None,
        row: 0,
        pods: pods.iter().take(drawn).enumerate().map(pod).collect(),
        hosted: (!hosted.is_empty()).then(|| {
            let names = hosted.iter().map(|p| p.netns()).collect();
            (pod_rect(before), hosted.iter().map(|p| app_of(p)).collect(), names)
        }),
        more: (pods.len() > drawn).then(|| (pods.len() - drawn, pod_rect(drawn))),
        cni0: (
            Rect::new(left, cni0_y, inner, rows.cni0),
            format!("{}/{}", n.gateway(), n.pod_cidr.prefix_len()),
        ),
        lane: Rect::new(left, lane_y, inner, rows.lane),
        zone: Rect::new(
            x + 6.0,
            hooks_y - 15.0,
            w - 12.0,
            vxlan_y - hooks_y + 15.0 - rows.gap2 / 2.0,
        ),
        hooks,
        route: (route, ROUTE_R),
        vxlan: (
            Rect::new(x + VXLAN_INSET, vxlan_y, w - 2.0 * VXLAN_INSET, rows.vxlan),
            kube::device::flannel(cluster.topology.vni),
            format!("{}/32", n.pod_cidr.network()),
            format!("vni {} · udp {}", cluster.topology.vni, cluster.topology.vxlan_port),
        ),
        nics: n.spec.nics().enumerate().map(nic).collect(),
        docker0: n
            .spec
            .docker
            .then(|| Rect::new(left + nic_w + 8.0, nic_y, inner - nic_w - 8.0, rows.nic)),
    }
}

/// The narrow form of a node, with the same rows. `pods` is the number of its pods.
pub(super) fn folded(full: NodeBox, pods: usize) -> NodeBox {
    let (x, w) = (full.rect.x, full.rect.w);
    let narrow = |r: Rect| Rect::new(x + 8.0, r.y, FOLDED_W - 16.0, r.h);
    let (pods_y, pods_h) = (full.rect.y + Rows::of(full.form).head, Rows::of(full.form).pods);
    let mini = |r: Rect| {
        let middle = x + 8.0 + (r.cx() - x) * (FOLDED_W - 16.0) / w;
        Rect::new(middle - 9.0, r.cy() - 7.0, 18.0, 14.0)
    };
    let (row, count) = (narrow(full.nics[0].rect), full.nics.len() as f32);
    let each = (row.w + 4.0) / count - 4.0;
    let narrow_nics = full.nics.iter().enumerate().map(|(k, nic)| NicBox {
        rect: Rect { x: row.x + k as f32 * (each + 4.0), w: each, ..row },
        ..nic.clone()
    });
    let narrow_nics = narrow_nics.collect();
    NodeBox {
        rect: Rect { w: FOLDED_W, ..full.rect },
        folded: true,
        pods: Vec::new(),
        more: (pods > 0).then(|| (pods, Rect::new(x + 8.0, pods_y, FOLDED_W - 16.0, pods_h))),
        cni0: (narrow(full.cni0.0), full.cni0.1),
        lane: narrow(full.lane),
        zone: Rect { w: FOLDED_W - 12.0, ..full.zone },
        hooks: full.hooks.map(|(h, r)| (h, mini(r))),
        route: ((x + FOLDED_W / 2.0, full.route.0.1), 0.0),
        vxlan: (narrow(full.vxlan.0), full.vxlan.1, full.vxlan.2, full.vxlan.3),
        nics: narrow_nics,
        docker0: None,
        ..full
    }
}

/// A node as a tile: everything in it has the tile's box.
pub(super) fn tile(full: NodeBox, pods: usize, rect: Rect, names: CommonAffixes) -> NodeBox {
    let chars = ((rect.w - 14.0) / CHAR) as usize;
    NodeBox {
        rect,
        folded: true,
        tile: Some((pods, names.shorten(&full.name, chars))),
        pods: Vec::new(),
        more: None,
        cni0: (rect, full.cni0.1),
        lane: rect,
        zone: rect,
        hooks: full.hooks.map(|(h, _)| (h, rect)),
        route: ((rect.cx(), rect.cy()), 0.0),
        vxlan: (rect, full.vxlan.1, full.vxlan.2, full.vxlan.3),
        nics: full.nics.iter().map(|nic| NicBox { rect, ..nic.clone() }).collect(),
        docker0: None,
        ..full
    }
}
