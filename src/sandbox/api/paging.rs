//! `limit` and `offset`: the page rules of 2.0, and what remains open of them.

use super::{ApiError, Call};
use crate::sandbox::dialect::{OffsetCounts, OverLimit};

/// Which rows a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageRange {
    pub(crate) skip: usize,
    pub(crate) take: usize,
}

impl PageRange {
    /// Reads `size_name` and `offset` of the query.
    pub(crate) fn new(
        call: &Call<'_>,
        size_name: &str,
        max: usize,
        offset_counts: OffsetCounts,
    ) -> Result<Self, ApiError> {
        let default = call.dialect.page_default.min(max);
        let number = |name: &str| {
            call.query
                .get(name)
                .map(|text| text.parse::<usize>())
                .transpose()
                .map_err(|_| ApiError::invalid_arguments())
        };
        let take = match number(size_name)? {
            None | Some(0) => default,
            Some(asked) if asked <= max => asked,
            Some(_) => match call.dialect.over_limit {
                OverLimit::Clamped => max,
                OverLimit::DefaultSize => default,
                OverLimit::Refused => {
                    return Err(ApiError::bad_request(format!("{size_name} is over {max}")));
                }
            },
        };
        let offset = number("offset")?.unwrap_or(0);
        let skip = match offset_counts {
            OffsetCounts::Pages => offset.saturating_mul(take),
            OffsetCounts::Rows => offset,
            OffsetCounts::Nothing => 0,
        };
        // SQLite counts in i64.
        Ok(Self { skip: skip.min(1 << 40), take })
    }

    /// Whether rows follow this page.
    pub(crate) fn more(self, total: usize) -> bool {
        self.skip + self.take < total
    }

    /// The `total` to show: the true one, unless the dialect or a fault bends it.
    pub(crate) fn shown_total(self, call: &Call<'_>, total: usize) -> i64 {
        let moved = i64::from(call.dialect.total_moves && self.skip > 0);
        i64::try_from(total).unwrap_or(i64::MAX).saturating_add(moved).saturating_add(call.total_off_by)
    }
}
