//! Nothing: the tests are in `browser.rs`.
//!
//! **Architecture invariant.** Nothing of the product depends on this.
