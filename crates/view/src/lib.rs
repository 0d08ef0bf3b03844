//! What to draw and what to say about a session, computed from its events.
//!
//! ```text
//! session + cursor ─▶ story (steps) ─▶ words (sentences, en and ja)
//!                  ─▶ layout ─▶ scene (boxes, trail, capsule) ─▶ picture (SVG elements)
//!                  ─▶ rule_panel, packet, tables
//!                  ─▶ trace, markdown, mermaid, json (a run as text)
//!                  ─▶ session (every step with its result, as text)
//! picture ─▶ svg (a moment or a run as a file), and the page
//! index: what drawing a moment looks up in the events
//! app: state + action ─▶ state + effects: the logic of the page
//! app::link: a session and its moment as the fragment of an address, and back
//! embed: snippets for pages of documentation; export: the files
//! ```
//!
//! **Architecture invariant.** This crate is pure: it knows neither Yew, nor the DOM, nor
//! JavaScript.
#![forbid(unsafe_code)]

pub mod app;
pub mod diagnosis;
pub mod embed;
pub mod export;
pub mod files;
pub mod index;
pub mod json;
pub mod labels;
pub mod layout;
pub mod markdown;
pub mod mermaid;
pub mod packet;
pub mod picture;
pub mod px;
pub mod rule_list;
pub mod rule_panel;
pub mod run_diff;
pub mod scene;
pub mod session;
pub mod stamp;
pub mod story;
pub mod svg;
pub mod tables;
pub mod thing;
pub mod trace;
pub mod words;

pub use labels::NetnsLabels;
pub use words::Lang;
