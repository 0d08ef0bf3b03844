//! What to draw and what to say about a session: all of it computed from events, none of it
//! scripted.
//!
//! ```text
//! session + cursor ─▶ story (steps) ─▶ words (sentences, en and ja)
//!                  ─▶ layout ─▶ scene (boxes, trail, capsule) ─▶ picture (SVG elements)
//!                  ─▶ rule_panel, packet, tables
//!                  ─▶ trace, markdown, mermaid, json (a run as text), svg (a moment or a run as a file)
//! index: what each moment looks up in the events, worked out once
//! app: state + action ─▶ state + effects, the whole logic of the page without a page
//! embed: what an author pastes; export: every file that is written
//! app::link: a session and its moment as the fragment of an address, and back
//! ```
//!
//! **Architecture invariant.** This crate knows neither Yew, nor the DOM, nor JavaScript; what it
//! computes can be drawn by anybody. It is pure.
#![forbid(unsafe_code)]

pub mod app;
pub mod embed;
pub mod export;
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
pub mod stamp;
pub mod story;
pub mod svg;
pub mod tables;
pub mod trace;
pub mod words;

pub use labels::Labels;
pub use words::Lang;
