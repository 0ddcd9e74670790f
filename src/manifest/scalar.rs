//! What an unquoted scalar is to other readers of YAML.
//!
//! kubectl reads YAML 1.1, we read 1.2: `No` is a boolean there and a text here. A manifest must mean the same to
//! both, so an unquoted scalar in a text field that either of them reads otherwise has to be quoted.

/// What an unquoted scalar is taken for, `None` if everybody reads a text.
pub(super) fn taken_for(text: &str) -> Option<&'static str> {
    if is_nothing(text) {
        Some("nothing")
    } else if is_boolean(text) {
        Some("a boolean")
    } else if is_number(text) {
        Some("a number")
    } else if text == "<<" || text == "=" {
        Some("a merge key")
    } else {
        None
    }
}

/// `~`, `null`, or no value at all.
pub(super) fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn is_boolean(text: &str) -> bool {
    text.len() <= 5
        && matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false"
        )
}

/// Integers (decimal, octal, hexadecimal, binary, with `_`), floats, base-60 numbers and the special floats.
fn is_number(text: &str) -> bool {
    const LONGEST: usize = 400;
    if text.len() > LONGEST {
        return false;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let Some(first) = unsigned.bytes().next() else { return false };
    if first == b'.' {
        let lower = unsigned.to_ascii_lowercase();
        return lower == ".inf" || lower == ".nan" || is_float(unsigned);
    }
    if !first.is_ascii_digit() {
        return false;
    }
    let plain: String = unsigned.chars().filter(|c| *c != '_').collect();
    let lower = plain.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        }
    }
    is_float(&plain) || is_base_60(&plain)
}

/// Digits with at most one point and an exponent; integers are among them.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// `12:30` is 750 in YAML 1.1.
fn is_base_60(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    !rest.is_empty()
        && !first.is_empty()
        && first.bytes().all(|byte| byte.is_ascii_digit())
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && rest
            .iter()
            .all(|part| matches!(part.len(), 1 | 2) && part.parse::<u8>().is_ok_and(|value| value < 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_reader_would_not_take_for_a_text_is_known() {
        for (texts, meaning) in [
            (&["", "~", "null", "NULL"][..], Some("nothing")),
            (&["y", "N", "Yes", "NO", "on", "Off", "true", "False"], Some("a boolean")),
            (
                &[
                    "0", "-1", "+12", "0123", "0x1F", "0o17", "0b1", "1_000", "1e3", "1.", ".5", "-.inf",
                    ".NaN",
                ],
                Some("a number"),
            ),
            (&["12:30", "1:02:03", "190:20:30.15"], Some("a number")),
            (&["<<", "="], Some("a merge key")),
            (
                &[
                    "yesterday",
                    "E-1001",
                    "1.2.3",
                    "5m",
                    "50%",
                    "12:61",
                    "2026-12-31",
                    "0x",
                    "e3",
                    "-",
                    "a:b",
                    "1e",
                    "01-02",
                ],
                None,
            ),
            (&["2026-12-31T18:00:00Z", "jane@example.com", "FULL"], None),
        ] {
            for text in texts {
                assert_eq!(taken_for(text), meaning, "{text}");
            }
        }
    }
}
