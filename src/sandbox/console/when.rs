//! A timestamp, as machines and as people read it.

use crate::sandbox::clock;
use jiff::Timestamp;

/// A timestamp on a page: `<time datetime="{{ machine }}">{{ people }}</time>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct When {
    pub(super) machine: String,
    pub(super) people: String,
}

impl When {
    pub(super) fn at(at: Timestamp) -> Self {
        Self { machine: clock::wire(at), people: clock::people(at) }
    }

    /// A timestamp as the store writes it.
    pub(super) fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::at)
    }

    /// A timestamp in milliseconds.
    pub(super) fn of_ms(ms: i64) -> Option<Self> {
        Timestamp::from_millisecond(ms).ok().map(Self::at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_by_people_and_machines() {
        let when = When::read("2026-03-02T09:05:00.000Z").unwrap();
        assert_eq!(
            (when.people.as_str(), when.machine.as_str()),
            ("2 Mar 2026, 09:05 UTC", "2026-03-02T09:05:00.000Z")
        );
        assert_eq!(When::read(""), None);
    }
}
