//! Packs the engine.

use lzma_rust2::{CheckType, XzOptions, XzWriter};
use std::io::{Result, Write};

/// A file's bytes in the format of xz. `preset`: 0 (fast) to 9 (small).
pub(crate) fn xz(bytes: &[u8], preset: u32) -> Result<Vec<u8>> {
    let mut options = XzOptions::with_preset(preset);
    // With four bits of the previous byte as context the engine is smaller than with three.
    options.lzma_options.lc = 4;
    options.set_check_sum_type(CheckType::Crc32);
    let mut writer = XzWriter::new(Vec::new(), options)?;
    writer.write_all(bytes)?;
    writer.finish()
}
