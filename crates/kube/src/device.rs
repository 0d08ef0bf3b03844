//! Names of the devices that components create on a node.

/// The bridge of the CNI plugin.
pub const CNI_BRIDGE: &str = "cni0";
/// docker's bridge.
pub const DOCKER_BRIDGE: &str = "docker0";

/// flannel's VXLAN device.
pub fn flannel(vni: u32) -> String {
    format!("flannel.{vni}")
}
