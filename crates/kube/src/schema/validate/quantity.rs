//! Quantities as numbers (`k8s.io/apimachinery/pkg/api/resource`).

/// A quantity in billionths. None if the text is no quantity, or too large.
pub(super) fn nano(text: &str) -> Option<i128> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let part = &part[..part.len().min(9)];
    let digits: i128 = format!("0{whole}{part}").parse().ok()?;
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().position(|s| *s == suffix);
    let decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"].iter();
    let thousands = decimal.clone().position(|s| *s == suffix);
    let exponent = suffix.strip_prefix(['e', 'E']).and_then(|e| e.parse::<u32>().ok());
    let scale = match (binary, thousands, exponent) {
        (Some(i), ..) => 1024i128.checked_pow(i as u32 + 1)?.checked_mul(1_000_000_000)?,
        (_, Some(i), _) => 1000i128.checked_pow(i as u32)?,
        (_, _, Some(e)) => 10i128.checked_pow(e.checked_add(9)?)?,
        _ => return None,
    };
    Some(sign * digits.checked_mul(scale)? / 10i128.pow(part.len() as u32))
}

#[cfg(test)]
mod tests {
    use super::nano;

    #[test]
    fn quantities_compare_in_whatever_unit_they_are_written() {
        let same =
            [["1", "1000m"], ["1Gi", "1024Mi"], ["1.5", "1500m"], ["2e3", "2k"], ["0", "-0"]];
        for [a, b] in same {
            assert_eq!(nano(a), nano(b), "{a} {b}");
        }
        assert!(nano("-1") < nano("0") && nano("100m") < nano("0.2"));
        assert_eq!(nano("1 Gi"), None);
    }
}
