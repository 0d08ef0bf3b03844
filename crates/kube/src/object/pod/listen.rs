//! Addresses at which a program listens, as people write them.

use std::net::Ipv4Addr;

/// An address at which a program listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenAddress {
    /// `TCP` or `UDP`.
    pub protocol: &'static str,
    /// The port, from 1 to 65535.
    pub port: u16,
    /// The address; `None` for every address of the network namespace.
    pub addr: Option<Ipv4Addr>,
}

impl ListenAddress {
    /// A port of every address.
    pub const fn any(protocol: &'static str, port: u16) -> Self {
        Self { protocol, port, addr: None }
    }

    /// Reads `80/tcp`, `127.0.0.1:9000/tcp`, `53/udp` or `:8080`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, protocol) = match text.rsplit_once('/') {
            Some((address, "tcp" | "TCP")) => (address, "TCP"),
            Some((address, "udp" | "UDP")) => (address, "UDP"),
            Some(_) => return None,
            None => (text, "TCP"),
        };
        let (host, port) = address.rsplit_once(':').unwrap_or(("", address));
        let port = port.parse().ok().filter(|p| *p > 0)?;
        Some(Self { protocol, port, addr: local(host)? })
    }
}

/// The address that a host in a listen address stands for: loopback, or `Some(None)` for every
/// address. `None` if it is the name of another machine.
pub(super) fn local(host: &str) -> Option<Option<Ipv4Addr>> {
    match host {
        "" | "*" | "[::]" | "::" | "+" => Some(None),
        "localhost" | "[::1]" => Some(Some(Ipv4Addr::LOCALHOST)),
        _ => host.parse::<Ipv4Addr>().ok().map(|a| a.is_loopback().then_some(a)),
    }
}

/// Reads the annotation `packetwalk.dev/listen`: addresses with spaces between them, or `none`.
pub(super) fn list(text: &str) -> Option<Vec<ListenAddress>> {
    if text.trim() == "none" {
        return Some(Vec::new());
    }
    let all: Option<Vec<_>> = text.split_whitespace().map(ListenAddress::parse).collect();
    all.filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_is_a_list_of_addresses() {
        let all = list("80/tcp 127.0.0.1:9000/tcp 53/udp").expect("addresses");
        let loopback = Some(Ipv4Addr::LOCALHOST);
        assert_eq!(all[1], ListenAddress { protocol: "TCP", port: 9000, addr: loopback });
        assert_eq!(
            (all[0], all[2]),
            (ListenAddress::any("TCP", 80), ListenAddress::any("UDP", 53))
        );
        assert_eq!(list("none"), Some(Vec::new()));
        assert_eq!(["", "80/sctp", "0", "web:80", "80 x"].map(list), [const { None }; 5]);
    }
}
