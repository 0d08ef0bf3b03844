//! Devices and cables that are broken from the start.

use crate::fault::Fault;
use crate::topology::Topology;
use net::spec::Spec;

/// Takes devices down once everything is configured. A stopped daemon's part was never configured.
pub(super) fn apply(spec: &mut Spec, t: &Topology) {
    let segment = |name: &str| {
        let machine = t.machines().find(|(n, ..)| n.value == name);
        &t.segments[machine.map_or(0, |(_, nics, _)| nics[0].segment)].name
    };
    for fault in &t.faults {
        let (owner, dev) = match fault {
            // The switch's port goes down, so that the NIC loses its carrier.
            Fault::Cut(name) => (segment(name), super::switch_port(name)),
            Fault::Down(name, dev) => (name, dev.clone()),
            Fault::Stopped(..) => continue,
        };
        let Some(ns) = spec.netns.iter_mut().find(|ns| ns.name == *owner) else { continue };
        if let Some(d) = ns.devices.iter_mut().find(|d| d.name == dev) {
            d.up = false;
            // The kernel removes the routes and neighbours of a device that goes down.
            ns.routes.retain(|r| r.dev != dev);
            ns.neighbours.retain(|n| n.dev != dev);
        }
    }
}
