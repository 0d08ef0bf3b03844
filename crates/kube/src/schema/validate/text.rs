//! Names and addresses (`k8s.io/apimachinery/pkg/util/validation/validation.go`).

use super::{At, Faults};
use crate::address::{sloppy_ip, sloppy_net};
use crate::diag::Code;
use crate::schema::rules;
use std::net::IpAddr;

/// Why a name cannot be that of a port (`IsValidPortName`).
pub(super) fn port_name(name: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() > 15 {
        Some("must be no more than 15 characters")
    } else if !name.chars().all(allowed) {
        Some("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    } else if !name.contains(|c: char| c.is_ascii_lowercase()) {
        Some("must contain at least one letter (a-z)")
    } else if name.contains("--") {
        Some("must not contain consecutive hyphens")
    } else if name.starts_with('-') || name.ends_with('-') {
        Some("must not begin or end with a hyphen")
    } else {
        None
    }
}

impl Faults<'_> {
    /// A name with an optional domain: `example.com/name`.
    pub(super) fn qualified(&mut self, at: &At<'_>) {
        self.found.extend(rules::qualified_name(at.node, &at.path));
    }

    /// The value of a label.
    pub(super) fn label_value(&mut self, at: &At<'_>) {
        self.found.extend(rules::label_value(at.node, &at.path));
    }

    /// The name of a port.
    pub(super) fn port_name(&mut self, at: Option<At<'_>>) {
        let Some(at) = at else { return };
        if let Some(why) = port_name(at.node.text()) {
            let what = format!("Invalid value: {}: {why}", at.shown());
            let hint =
                "use at most 15 lower case letters, digits and '-', with a letter among them";
            self.add(Code::InvalidName, &at, what, hint);
        }
    }

    /// An address, which is returned if it is one.
    pub(super) fn ip(&mut self, at: &At<'_>) -> Option<IpAddr> {
        let ip = sloppy_ip(at.node.text());
        if ip.is_none() {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            self.bad_address(at, why, "write an address like 192.168.99.22");
        }
        ip
    }

    /// An address of another machine (`ValidateEndpointIP`).
    pub(super) fn foreign_ip(&mut self, at: &At<'_>) {
        let Some(ip) = self.ip(at) else { return };
        let (link, group) = match ip {
            IpAddr::V4(ip) => (ip.is_link_local(), ip.octets()[..3] == [224, 0, 0]),
            IpAddr::V6(ip) => {
                let first = ip.segments()[0];
                (first & 0xffc0 == 0xfe80, first == 0xff02)
            }
        };
        let why = if ip.is_unspecified() {
            "may not be unspecified (0.0.0.0 or ::)"
        } else if ip.is_loopback() {
            "may not be in the loopback range (127.0.0.0/8, ::1/128)"
        } else if link {
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
        } else if group {
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        } else {
            return;
        };
        self.bad_address(at, why, "write the address of another machine");
    }

    /// A network.
    pub(super) fn cidr(&mut self, at: &At<'_>) -> Option<ipnet::IpNet> {
        let net = sloppy_net(at.node.text());
        if net.is_none() {
            let why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
            self.bad_address(at, why, "write a network with its prefix length, like 10.9.8.0/24");
        }
        net
    }
}
