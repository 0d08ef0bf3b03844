//! Addresses as Kubernetes parses them.

use ipnet::IpNet;
use std::net::IpAddr;

/// An address as kube-proxy reads it: IPv4 octets may have leading zeros
/// (`k8s.io/utils/net/parse.go`, `ParseIPSloppy`).
pub fn sloppy_ip(text: &str) -> Option<IpAddr> {
    let plain = text.trim();
    if plain.contains(':') {
        return plain.parse().ok();
    }
    let octets: Vec<u8> = plain
        .split('.')
        .map(|p| if p.starts_with('+') { None } else { p.parse().ok() })
        .collect::<Option<_>>()?;
    <[u8; 4]>::try_from(octets).ok().map(IpAddr::from)
}

/// A network as kube-proxy reads it (`ParseCIDRSloppy`).
pub fn sloppy_net(text: &str) -> Option<IpNet> {
    let (addr, length) = text.trim().split_once('/')?;
    IpNet::new(sloppy_ip(addr)?, length.parse().ok()?).ok()
}
