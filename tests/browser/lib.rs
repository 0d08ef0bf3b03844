//! An empty library; the tests are in `browser.rs`.
//!
//! **Architecture invariant.** The product does not depend on this crate.
