//! Probabilities as `statistic` keeps them, parts of 2^31, in decimal: rounded as C's `printf`
//! rounds, half to even, without a float.

use std::fmt;

/// A part of 2^31, with so many digits behind the point.
#[derive(Clone, Copy, Debug)]
pub struct Fraction(pub u32, pub u32);

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, digits) = *self;
        let ten = 10_u64.pow(digits);
        let exact = u128::from(value) * u128::from(ten);
        let (whole, rest) = ((exact >> 31) as u64, (exact & 0x7fff_ffff) as u64);
        let up = rest > 1 << 30 || (rest == 1 << 30 && whole % 2 == 1);
        let n = whole + u64::from(up);
        write!(f, "{}.{:0width$}", n / ten, n % ten, width = digits as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn a_fraction_is_printed_as_a_float_is() {
        let mut r = Rng::new(1);
        let drawn = (0..20_000).map(|_| (r.next_u64() >> 33) as u32);
        let few = (0..31).map(|n| 1 << n).chain((0..2_000).map(|n| n << 19)).chain([0, 1 << 31]);
        for value in drawn.chain(few) {
            for digits in [3, 5, 11] {
                let float = format!("{:.*}", digits as usize, f64::from(value) / 2_147_483_648.0);
                assert_eq!(Fraction(value, digits).to_string(), float, "{value}");
            }
        }
    }
}
