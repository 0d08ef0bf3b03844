//! The page: draws what the view computed, and tells it what a person did.
//!
//! One stateful component, [`root::Root`], holds [`view::app::App`] on a [`page`]; everything below
//! it is a function from that state to markup, drawn again when what it depends on changed. What
//! must be done outside the markup (the editor, storage, timers) is an effect, run in [`effects`].
//!
//! **Architecture invariant.** Nothing is decided here: no sentence, arrow or address is made in
//! this crate. It runs under a policy without inline scripts and styles.
#![deny(unsafe_code)]

pub mod components;
pub mod effects;
pub mod embedded;
pub mod interop;
pub mod page_context;
pub mod root;
pub mod viewport;
