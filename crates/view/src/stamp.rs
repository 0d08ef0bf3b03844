//! A number that stands for something: another one when it changed.

use std::hash::{Hash, Hasher};

/// FNV-1a.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The stamp of something. It is for comparing within one run of the page, not to be stored.
pub fn stamp(of: impl Hash) -> u64 {
    let mut fnv = Fnv(0xcbf2_9ce4_8422_2325);
    of.hash(&mut fnv);
    fnv.finish()
}
