//! The page: renders what `view` computes, and turns input events into actions.
//!
//! One stateful component, [`root::Root`], holds the state [`view::app::App`] in a
//! [`page_context::PageContext`]. Everything below it is a function from that state to markup,
//! rendered again when its input changes. Work outside the markup (editor, storage, timers) is an
//! effect, run in [`effects`].
//!
//! **Architecture invariant.** This crate makes no decisions: it creates no sentence, arrow or
//! address. It runs under a content security policy without inline scripts and styles.
#![deny(unsafe_code)]

mod bindings;
pub mod components;
pub mod effects;
pub mod embedded;
pub mod interop;
pub mod message;
pub mod page_context;
pub mod root;
pub mod viewport;
