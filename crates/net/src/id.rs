//! The numbers by which namespaces, devices and packets are known.
//!
//! Each is given once in the life of a world, so that an event still names what it was about after
//! that is gone.

/// A network namespace: its index in [`State::netns`](crate::State::netns).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetnsId(pub u32);

/// A device: its index in the `devices` of its network namespace, from 0 (not the ifindex).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DevId(pub u32);

/// A packet. It keeps its number on its whole way, encapsulated or not; every copy of a flooded
/// frame and every fragment gets a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(pub u32);
