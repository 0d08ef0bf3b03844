//! Coordinates in a picture, and how they are printed.

use std::fmt;

/// Pixels, printed with one decimal. A picture needs no more, and the result is the same natively
/// and as wasm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Px(pub f32);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = (self.0 * 10.0 + 0.5).floor() as i32;
        let sign = if n < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{}", n.unsigned_abs() / 10, n.unsigned_abs() % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::Px;

    #[test]
    fn one_digit_is_printed() {
        let all =
            [0.0, 0.04, 0.06, -0.04, -0.06, 12.34, 99.97, -7.5, 1234.5].map(|x| Px(x).to_string());
        assert_eq!(all, ["0.0", "0.0", "0.1", "0.0", "-0.1", "12.3", "100.0", "-7.5", "1234.5"]);
    }
}
