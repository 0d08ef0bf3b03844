//! Seeded pseudo-random numbers (SplitMix64) and a keyed hash: equal on every machine.

/// A pseudo-random generator; equal seeds give equal sequences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(u64);

impl Rng {
    /// A generator that starts at `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, of 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// The next number, of 31 bits: the range that `xt_statistic` compares with.
    pub fn next_u31(&mut self) -> u32 {
        (self.next_u64() >> 33) as u32
    }

    /// A number from 0 to `n - 1`; 0 if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.next_u64() % n }
    }
}

/// A hash of `words` under the key `seed`.
pub fn hash(seed: u64, words: &[u64]) -> u64 {
    words.iter().fold(mix(seed ^ 0x5851_f42d_4c95_7f2d), |h, w| {
        mix(h ^ w.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    })
}

/// A hash of the bytes of `text` under the key `seed`.
pub fn hash_str(seed: u64, text: &str) -> u64 {
    text.bytes().fold(mix(seed ^ 0x2545_f491_4f6c_dd1d), |h, b| mix(h ^ u64::from(b)))
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_draws() {
        let draw = |seed| {
            let mut r = Rng::new(seed);
            [r.next_u64(), r.next_u64(), u64::from(r.next_u31())]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn draws_below_stay_below() {
        let mut r = Rng::new(1);
        assert!((0..1000).all(|_| r.below(3) < 3));
        assert_eq!(r.below(0), 0);
    }
}
