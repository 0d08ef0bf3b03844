//! Schedules of CronJobs (`github.com/robfig/cron/v3`, `ParseStandard`).

/// A field of a schedule: least and greatest value, and names from the least on.
type Field = (u32, u32, &'static [&'static str]);

const MONTHS: &[&str] =
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: [Field; 5] =
    [(0, 59, &[]), (0, 23, &[]), (1, 31, &[]), (1, 12, MONTHS), (0, 6, DAYS)];
const WORDS: [&str; 7] =
    ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// Why a text is no schedule.
pub(super) fn fault(text: &str) -> Option<String> {
    let zoned = text.starts_with("TZ=") || text.starts_with("CRON_TZ=");
    let spec = if zoned { text.split_once(' ').map_or("", |(_, rest)| rest.trim()) } else { text };
    if spec.starts_with('@') {
        let known = WORDS.contains(&spec) || spec.starts_with("@every ");
        return (!known).then(|| format!("unrecognized descriptor: {spec}"));
    }
    let fields: Vec<&str> = spec.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let list = fields.join(" ");
        return Some(format!("expected exactly 5 fields, found {}: [{list}]", fields.len()));
    }
    let of_field = |(text, field): (&str, &Field)| text.split(',').find_map(|r| range(r, field));
    fields.into_iter().zip(&FIELDS).find_map(of_field)
}

/// Why a text is no range of a field, such as `*/5`, `1-5` or `mon`.
fn range(text: &str, (least, greatest, names): &Field) -> Option<String> {
    let number = |word: &str| {
        let named = names.iter().position(|n| n.eq_ignore_ascii_case(word));
        match named {
            Some(i) => Ok(least + i as u32),
            None => word.parse::<u32>().map_err(|_| format!("failed to parse int from {word}")),
        }
    };
    let (span, step) = text.split_once('/').map_or((text, None), |(s, step)| (s, Some(step)));
    let (from, to) = span.split_once('-').map_or((span, None), |(a, b)| (a, Some(b)));
    let bounds = if matches!(from, "*" | "?") {
        Ok((*least, *greatest))
    } else {
        number(from).and_then(|a| {
            let last = if step.is_some() { *greatest } else { a };
            Ok((a, to.map(number).transpose()?.unwrap_or(last)))
        })
    };
    let (a, b) = match bounds {
        Ok(bounds) => bounds,
        Err(why) => return Some(why),
    };
    let step = step.map_or(Ok(1), number);
    if a < *least {
        Some(format!("beginning of range ({a}) below minimum ({least}): {text}"))
    } else if b > *greatest {
        Some(format!("end of range ({b}) above maximum ({greatest}): {text}"))
    } else if a > b {
        Some(format!("beginning of range ({a}) beyond end of range ({b}): {text}"))
    } else {
        match step {
            Ok(0) => Some(format!("step of range should be a positive number: {text}")),
            Ok(_) => None,
            Err(why) => Some(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn schedules_have_five_fields_in_their_ranges() {
        let fine =
            ["*/5 * * * *", "0 0 1,15 * mon-fri", "@hourly", "@every 1h30m", "5/15 3 * JAN ?"];
        for fine in fine {
            assert_eq!(fault(fine), None, "{fine}");
        }
        assert_eq!(fault("TZ=Asia/Tokyo 0 9 * * *"), None);
        for wrong in ["* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "*/0 * * * *", "@often"] {
            assert!(fault(wrong).is_some(), "{wrong}");
        }
        let why = fault("0 0 * * 7").expect("Sunday is 0");
        assert_eq!(why, "end of range (7) above maximum (6): 7");
    }
}
