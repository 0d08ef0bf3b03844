//! The addresses of load balancers (`status.loadBalancer` of Services), as MetalLB's controller
//! gives them from its pool (`controller/service.go`, 0.15).

use super::ControlPlane;
use crate::cluster::RunningService;
use crate::diag::{Code, Diagnostic};
use crate::object::{Service, ServiceType};
use crate::topology::Balancer;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

impl ControlPlane<'_> {
    /// Gives every Service of type LoadBalancer its addresses. Those in `status` stay, but with
    /// ServiceLB; without a balancer there are no others.
    pub(super) fn balancers(&mut self, services: &[&Service]) {
        match self.topology.load_balancer {
            Balancer::Layer2 | Balancer::External => self.pool_addresses(services),
            Balancer::ServiceLb => self.node_addresses(),
            Balancer::None => {}
        }
    }

    fn running(&mut self, s: &Service) -> Option<&mut RunningService> {
        let is_it = |r: &&mut RunningService| {
            r.name == s.meta.name.value && r.namespace == s.meta.namespace
        };
        self.services.iter_mut().find(is_it)
    }

    /// Addresses of the pool: those that are requested or in use first, then, for the other
    /// Services in the order of the text, the first one that is free. An address that a Service had
    /// is given up if the pool no longer has it.
    fn pool_addresses(&mut self, services: &[&Service]) {
        let has_none = |s: &&&Service| {
            s.kind == ServiceType::LoadBalancer && s.traffic.ingress.is_empty() && !s.headless
        };
        let waiting: Vec<&Service> =
            services.iter().filter(has_none).filter(|s| !s.ipv6_only).copied().collect();
        let given = self.services.iter().flat_map(|s| s.traffic.ingress.iter().map(|(a, _)| *a));
        let mut taken: BTreeSet<IpAddr> = given.collect();
        let mut rest = Vec::new();
        for s in waiting {
            let Some(requested) = &s.requested else {
                let kept = self.kept_balancer_ips(s);
                if kept.is_empty() || self.refused(&kept, &taken).is_some() {
                    rest.push(s);
                } else {
                    self.give(s, &kept, &mut taken);
                }
                continue;
            };
            let wanted: Vec<Ipv4Addr> = requested.iter().map(|a| a.value).collect();
            if let Some(why) = self.refused(&wanted, &taken) {
                let span = requested.first().map_or(s.meta.name.span, |a| a.span);
                let name = &s.meta.name.value;
                self.d.diags.push(Diagnostic::warning(
                    Code::AddressTaken,
                    span,
                    format!("{why}: the load balancer's address of {name:?} stays <pending>"),
                    "request a free address of the loadBalancerPool, or remove this line",
                ));
            } else {
                self.give(s, &wanted, &mut taken);
            }
        }
        for s in rest {
            let is_free = |a: &Ipv4Addr| !taken.contains(&IpAddr::from(*a));
            let free = self.topology.balancer_addresses().find(is_free);
            match free {
                Some(addr) => self.give(s, &[addr], &mut taken),
                None => self.d.diags.push(Diagnostic::warning(
                    Code::AddressesExhausted,
                    s.meta.name.span,
                    format!(
                        "no address is left in the loadBalancerPool: that of {:?} stays <pending>",
                        s.meta.name.value
                    ),
                    "write a larger loadBalancerPool in the Topology",
                )),
            }
        }
    }

    /// Why a Service cannot have these addresses. A pool that the text does not write has every
    /// address.
    fn refused(&self, wanted: &[Ipv4Addr], taken: &BTreeSet<IpAddr>) -> Option<String> {
        let pool = &self.topology.load_balancer_pool;
        let outside = |a: &&Ipv4Addr| !pool.is_empty() && !pool.iter().any(|r| r.contains(**a));
        if let Some(a) = wanted.iter().find(outside) {
            return Some(format!("{a} is not allowed in the loadBalancerPool"));
        }
        let used = wanted.iter().find(|a| taken.contains(&IpAddr::from(**a)))?;
        Some(format!("{used} is the address of another Service"))
    }

    fn give(&mut self, s: &Service, addrs: &[Ipv4Addr], taken: &mut BTreeSet<IpAddr>) {
        let addrs = addrs.iter().map(|a| IpAddr::from(*a));
        taken.extend(addrs.clone());
        if let Some(running) = self.running(s) {
            running.traffic.ingress = addrs.map(|a| (a, false)).collect();
        }
    }

    /// The addresses that a Service without a request has from the pool.
    fn kept_balancer_ips(&self, s: &Service) -> Vec<Ipv4Addr> {
        let Some(was) = self.previous_service(s) else { return Vec::new() };
        let ingress = was.traffic.ingress.iter().filter_map(|(a, _)| match a {
            IpAddr::V4(a) => Some(*a),
            IpAddr::V6(_) => None,
        });
        if was.kind == ServiceType::LoadBalancer { ingress.collect() } else { Vec::new() }
    }
}
