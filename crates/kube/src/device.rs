//! Names of the devices that components create on a node.

/// The bridge of the CNI plugin.
pub const CNI_BRIDGE: &str = "cni0";
/// The bridge that dockerd creates at its start.
pub const DOCKER_BRIDGE: &str = "docker0";

/// The VXLAN device that flanneld creates, named after its VNI.
pub fn flannel(vni: u32) -> String {
    format!("flannel.{vni}")
}
