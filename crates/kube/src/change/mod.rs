//! Edits of a cluster, as its diagram and kubectl make them. Each becomes a few edits of the text;
//! all other bytes stay as they are.

mod apply;
mod editor;
mod find;
mod form;
mod remove;
mod rename;
mod templates;
#[cfg(test)]
mod tests;

pub use apply::{Applied, applied};
pub use find::{Object, node_at, objects, thing_at};
pub use form::{FormField, FormGroup, Input, form};
pub use rename::renamed;

use crate::fault::Fault;
use crate::release::Release;
use crate::yaml::Tree;
use crate::yaml::edit::{EditError, PathPart};
use editor::Editor;
use std::fmt;

/// A named part of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A node.
    Node(String),
    /// A host outside the cluster, or a router.
    Host(String),
    /// A Deployment: namespace, name.
    Deployment(String, String),
    /// A Service: namespace, name.
    Service(String, String),
    /// A segment.
    Segment(String),
}

impl Thing {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Node(n)
            | Self::Host(n)
            | Self::Segment(n)
            | Self::Deployment(_, n)
            | Self::Service(_, n) => n,
        }
    }
}

/// A field of a NIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NicField {
    /// `address`, with its prefix length.
    Address,
    /// `mac`.
    Mac,
    /// `mtu`, in bytes.
    Mtu,
}

/// An edit of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterChange {
    /// Adds a worker.
    AddNode,
    /// Adds a host outside the cluster.
    AddHost,
    /// Adds a Deployment of nginx.
    AddDeployment,
    /// Adds a Service for a Deployment: namespace, name.
    AddService(String, String),
    /// Removes it and every reference to it.
    Remove(Thing),
    /// Renames it, and every reference to it.
    Rename(Thing, String),
    /// Sets the replicas of a Deployment: namespace, name, number.
    Scale(String, String, u32),
    /// Sets the type of a Service: namespace, name, `ClusterIP` or `NodePort`.
    ServiceType(String, String, &'static str),
    /// Sets a field of the NIC of a node or host.
    Nic(Thing, NicField, String),
    /// Sets a sysctl of a node: node, key, value.
    Sysctl(String, &'static str, u8),
    /// Sets a field of an object, by its path, or removes it.
    Set(Thing, Vec<PathPart>, Option<Tree>),
    /// Adds an item to a list of an object, by the path of the list.
    AddItem(Thing, Vec<PathPart>),
    /// Adds a fault, or removes it.
    Fault(Fault, bool),
    /// Sets the release of Kubernetes.
    Version(Release),
    /// Sets the offset of a node or host in the diagram, in pixels, or removes it.
    Move(Thing, Option<(i32, i32)>),
}

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// The text cannot be edited.
    Text(EditError),
    /// The text does not define it: a component creates it.
    NotWritten(String),
    /// No address is left on the segment.
    NoAddress,
    /// Segments are not removed: machines are attached to them.
    SegmentStays,
}

impl From<EditError> for ChangeError {
    fn from(e: EditError) -> Self {
        Self::Text(e)
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(e) => e.fmt(f),
            Self::NotWritten(name) => {
                write!(f, "{name} is not defined in the text: a component creates it")
            }
            Self::SegmentStays => f.write_str(
                "a segment can be renamed here, not removed: edit the text, with the machines on it",
            ),
            Self::NoAddress => f.write_str("no address is left on the segment"),
        }
    }
}

/// The text after a change.
///
/// # Errors
/// The change concerns something that the text does not define, or that cannot be edited.
pub fn change(text: &str, change: &ClusterChange) -> Result<String, ChangeError> {
    let mut e = Editor::new(text);
    e.change(change)?;
    Ok(e.text)
}
