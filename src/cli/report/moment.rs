//! A time as people give it for a report.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// RFC 3339, or a day, which means its last second in UTC.
pub(in crate::cli) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let end = text
        .parse::<Date>()
        .ok()
        .filter(|_| text.len() == "2030-12-31".len())
        .and_then(|day| day.at(23, 59, 59, 999_999_999).to_zoned(TimeZone::UTC).ok());
    end.map(|end| end.timestamp()).ok_or_else(|| {
        "not a time: write a day, such as 2030-12-31, or RFC 3339, such as 2030-12-31T18:00:00Z".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_with_its_last_second_and_a_time_is_a_time() {
        for (text, at) in [
            ("2030-12-31", "2030-12-31T23:59:59.999999999Z"),
            ("2030-12-31T18:00:00Z", "2030-12-31T18:00:00Z"),
            ("2030-12-31T18:00:00+02:00", "2030-12-31T16:00:00Z"),
        ] {
            assert_eq!(moment(text).unwrap().to_string(), at);
        }
        for text in ["yesterday", "", "2030-13-01", "2030-02-30", "31.12.2030", "2030-12-31T18:00", "2030"] {
            assert!(moment(text).unwrap_err().contains("2030-12-31T18:00:00Z"), "{text}");
        }
    }
}
