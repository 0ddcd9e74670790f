//! Reads a listing to its end, without believing it (kore-api 2.0, "Pagination").
//!
//! Page 1; page 2 alone, which must share no entry with page 1; then the rest at once. `offset` is taken for a page number,
//! on alluserroles for a number of rows, and a server that counts otherwise, ignores it, clamps the size or lies about the
//! total is found out. The proof of
//! completeness is always the same: as many distinct entries as the first and the last page state.

use super::super::KoreError;
use super::super::gateway::{Call, IN_FLIGHT};
use super::super::wire::{Page, Paged};
use super::calls::Calls;
use crate::facts::Extent;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::HashSet;

/// Smallest page size worth asking for: what the vendor documents.
const SAFE_LIMIT: usize = 50;
/// Most pages read when no total says how many there are.
const MAX_PAGES_WITHOUT_TOTAL: usize = 200;

/// A listing as far as it was read.
pub(super) struct Listed<T> {
    /// Each entry once.
    pub(super) items: Vec<T>,
    /// Whether that is all.
    pub(super) extent: Extent,
}

impl Calls<'_> {
    /// Everything, in pages of the documented size.
    pub(super) async fn all<T: Paged>(&self) -> Result<Listed<T>, KoreError> {
        self.all_by(T::LIMIT).await.map(|(listed, _)| listed)
    }

    /// Everything, in pages of that size at first; also returns the size that was not refused.
    pub(super) async fn all_by<T: Paged>(&self, limit: usize) -> Result<(Listed<T>, usize), KoreError> {
        let (first, limit) = self.first::<T>(limit).await?;
        let mut listing = Listing::new();
        let Page { total, has_more, items } = first;
        listing.add(items);
        let end = match total {
            Some(total) => self.by_total(&mut listing, total, has_more).await,
            None => self.without_total(&mut listing, has_more).await,
        };
        Ok((listing.close(end)?, limit))
    }

    /// The first page, in the largest size that is neither refused nor answered with less than the safe size gives:
    /// some servers read a size over their maximum as none at all.
    async fn first<T: Paged>(&self, mut limit: usize) -> Result<(Page<T>, usize), KoreError> {
        loop {
            match self.fetch::<T>(0, limit).await {
                Err(KoreError::Refused { .. } | KoreError::Unreachable { is_connected: true, .. })
                    if limit > SAFE_LIMIT =>
                {
                    limit = (limit / 4).max(SAFE_LIMIT);
                }
                Ok(page) if limit > SAFE_LIMIT && page.is_short_of(SAFE_LIMIT) => limit = SAFE_LIMIT,
                reply => return reply.map(|page| (page, limit)),
            }
        }
    }

    /// The rest, when the first page states how many there are.
    async fn by_total<T: Paged>(
        &self,
        listing: &mut Listing<T>,
        total: usize,
        has_more: Option<bool>,
    ) -> Result<(), PageError> {
        let mut last = LastPage { total: Some(total), has_more, next: 1 };
        if listing.distinct() < total {
            let size = listing.items.len();
            if size == 0 {
                return Err(PageError::Refused(format!("0 of {total} came")));
            }
            let mut paging = match self.second(listing, size).await {
                Ok(paging) => paging,
                Err(PageError::Refused(why)) => return self.single_page(listing, total, why).await,
                Err(error) => return Err(error),
            };
            last = self.rest(listing, size, total.div_ceil(size), &paging).await?;
            if paging.is_presumed && listing.distinct() < total {
                // The page found at that row may have been a page of that number.
                if let Some(again) = Box::pin(self.second_by_number(listing, size)).await? {
                    paging = again;
                    last = Box::pin(self.rest(listing, size, total.div_ceil(size), &paging)).await?;
                }
            }
            if let Some(why) = paging.doubt {
                return Err(PageError::Refused(why));
            }
        }
        let LastPage { total: last_total, has_more, next } = last;
        let distinct = listing.distinct();
        if last_total != Some(total) {
            let moved = last_total.map_or("nothing".to_owned(), |total| total.to_string());
            return Err(PageError::Refused(format!(
                "the stated total moved from {total} to {moved} while reading"
            )));
        }
        if distinct != total {
            return Err(PageError::Refused(format!("{distinct} of {total} came")));
        }
        if has_more == Some(true) {
            // The flag contradicts the total; one more page decides.
            let size = listing.items.len().clamp(1, T::LIMIT);
            if let Some(page) = self.page(next, size).await.unless_refused()? {
                listing.add(page.items);
            }
            if listing.distinct() > distinct {
                return Err(PageError::Refused(format!("{total} are stated, and more came")));
            }
        }
        Ok(())
    }

    /// Fetches page 2 alone and finds out how `offset` counts: pages, or rows.
    async fn second<T: Paged>(&self, listing: &mut Listing<T>, size: usize) -> Result<Paging, PageError> {
        if T::COUNTS_ROWS
            && size > 1
            && let Some(page) = self.page::<T>(size, size).await.unless_refused()?
            && !page.items.is_empty()
        {
            let paging = listing.turn(page, size)?;
            return Ok(Paging { is_presumed: true, ..paging });
        }
        let second = self.page::<T>(1, size).await?;
        let is_shifted = size > 1
            && second.items.len() >= size - 1
            && listing.items[1..].iter().zip(&second.items).all(|(first, second)| first.id() == second.id());
        let (page, step) = if is_shifted { (self.page(size, size).await?, size) } else { (second, 1) };
        listing.turn(page, step)
    }

    /// Page 2 by its number, where `offset` was taken for rows; `None` where nothing new is on it.
    async fn second_by_number<T: Paged>(
        &self,
        listing: &mut Listing<T>,
        size: usize,
    ) -> Result<Option<Paging>, PageError> {
        let Some(page) = self.page::<T>(1, size).await.unless_refused()? else { return Ok(None) };
        let Page { total, has_more, items } = page;
        let came = items.len();
        let is_new = listing.add(items) < came;
        let last = LastPage { total, has_more, next: 2 };
        Ok(is_new.then_some(Paging { step: 1, is_presumed: false, doubt: None, last }))
    }

    /// Pages 3 to the last, several at once and kept in order; ends early at an empty page, because a total may be
    /// any number.
    async fn rest<T: Paged>(
        &self,
        listing: &mut Listing<T>,
        size: usize,
        pages: usize,
        paging: &Paging,
    ) -> Result<LastPage, PageError> {
        let mut last = paging.last;
        let offsets = (2..pages).map(|page| page * paging.step);
        let fetches = offsets.map(|offset| self.page::<T>(offset, size));
        let mut replies = stream::iter(fetches).buffered(IN_FLIGHT);
        while let Some(page) = replies.try_next().await? {
            let Page { total, has_more, items } = page;
            last = LastPage { total, has_more, next: last.next + paging.step };
            if items.is_empty() {
                break;
            }
            listing.add(items);
        }
        Ok(last)
    }

    /// Where pages can't be turned: everything on one page, if the server gives that much.
    async fn single_page<T: Paged>(
        &self,
        listing: &mut Listing<T>,
        total: usize,
        why: String,
    ) -> Result<(), PageError> {
        let mut seen_total = None;
        if let Some(page) = self.page::<T>(0, total).await.unless_refused()? {
            seen_total = page.total;
            listing.add(page.items);
        }
        let distinct = listing.distinct();
        let is_stable = seen_total == Some(total);
        if distinct == total && is_stable {
            Ok(())
        } else {
            Err(PageError::Refused(format!("{why}; {distinct} of {total} came")))
        }
    }

    /// Without a total nothing can be proved; what comes is still worth having.
    async fn without_total<T: Paged>(
        &self,
        listing: &mut Listing<T>,
        mut has_more: Option<bool>,
    ) -> Result<(), PageError> {
        let size = listing.items.len();
        let mut step = if T::COUNTS_ROWS { size } else { 1 };
        let mut number = 1;
        while number < MAX_PAGES_WITHOUT_TOTAL && size > 0 && has_more != Some(false) {
            let page = self.page::<T>(number * step, size).await.unless_refused()?;
            let page = page.filter(|page| !page.items.is_empty());
            if page.is_none() && number == 1 && step > 1 {
                // No such row: it may take page numbers.
                step = 1;
                continue;
            }
            let Some(page) = page else { break };
            has_more = page.has_more;
            number += 1;
            if listing.add(page.items) > 0 {
                break;
            }
        }
        Err(PageError::Refused(format!("{} came, and no total was stated", listing.distinct())))
    }

    /// A page. A refusal in the middle ends the listing, not the read.
    async fn page<T: Paged>(&self, offset: usize, limit: usize) -> Result<Page<T>, PageError> {
        self.fetch(offset, limit).await.map_err(|error| match error {
            KoreError::Refused { vendor, .. } => {
                PageError::Refused(format!("offset {offset} was refused: {vendor}"))
            }
            error => PageError::Failed(error),
        })
    }

    async fn fetch<T: Paged>(&self, offset: usize, limit: usize) -> Result<Page<T>, KoreError> {
        let mut call = Call::new(T::ENDPOINT).query("offset", offset).query("limit", limit);
        if limit > SAFE_LIMIT {
            // A large page may be what the server cannot do: two tries, then a smaller one.
            call.tries = 2;
        }
        self.read(call, T::page).await
    }
}

/// Why a page did not come or a listing is not complete.
enum PageError {
    /// The listing ends here, and what came is kept: the reason.
    Refused(String),
    /// The read ends here.
    Failed(KoreError),
}

impl From<KoreError> for PageError {
    fn from(error: KoreError) -> Self {
        Self::Failed(error)
    }
}

/// Where a refused page is no reason to end the listing.
trait UnlessRefused<T> {
    /// What came, or nothing where it was refused.
    fn unless_refused(self) -> Result<Option<T>, PageError>;
}

impl<T> UnlessRefused<T> for Result<T, PageError> {
    fn unless_refused(self) -> Result<Option<T>, PageError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(PageError::Refused(_)) => Ok(None),
            Err(failed @ PageError::Failed(_)) => Err(failed),
        }
    }
}

/// How pages are turned.
struct Paging {
    /// What `offset` grows by: 1, or the page size.
    step: usize,
    /// Whether that is what the vendor documents, and not what page 2 has shown.
    is_presumed: bool,
    /// Why the pages prove nothing even if all come.
    doubt: Option<String>,
    /// What page 2 stated.
    last: LastPage,
}

/// What the last page read so far stated.
#[derive(Clone, Copy)]
struct LastPage {
    total: Option<usize>,
    has_more: Option<bool>,
    /// The offset behind it.
    next: usize,
}

/// Entries as they come in, each id once.
struct Listing<T> {
    items: Vec<T>,
    ids: HashSet<String>,
    without_id: usize,
}

impl<T: Paged> Listing<T> {
    fn new() -> Self {
        Self { items: Vec::new(), ids: HashSet::new(), without_id: 0 }
    }

    fn distinct(&self) -> usize {
        self.ids.len()
    }

    /// Keeps what is new; returns how many were not.
    fn add(&mut self, items: Vec<T>) -> usize {
        let mut repeated = 0;
        for item in items {
            match item.id() {
                None => self.without_id += 1,
                Some(id) if self.ids.contains(id) => repeated += 1,
                Some(id) => {
                    self.ids.insert(id.to_owned());
                    self.items.push(item);
                }
            }
        }
        repeated
    }

    /// Takes page 2 in, and says how to turn the rest.
    fn turn(&mut self, page: Page<T>, step: usize) -> Result<Paging, PageError> {
        let Page { total, has_more, items } = page;
        let came = items.len();
        let repeated = self.add(items);
        if came == 0 {
            return Err(PageError::Refused("page 2 is empty".to_owned()));
        }
        if repeated == came {
            return Err(PageError::Refused("page 2 repeats page 1, so offset is ignored".to_owned()));
        }
        // Someone may have been added in between: the rest is worth having, but it is no proof.
        let doubt = (repeated > 0).then(|| format!("page 2 repeats {repeated} entries of page 1"));
        let last = LastPage { total, has_more, next: 2 * step };
        Ok(Paging { step, is_presumed: false, doubt, last })
    }

    /// A refusal makes it partial; a failure is the read's.
    fn close(self, end: Result<(), PageError>) -> Result<Listed<T>, KoreError> {
        let Self { items, ids: _, without_id } = self;
        let extent = match end {
            Err(PageError::Failed(error)) => return Err(error),
            Err(PageError::Refused(why)) => Extent::Partial(why),
            Ok(()) if without_id > 0 => Extent::Partial(format!("entries without id: {without_id}")),
            Ok(()) => Extent::Complete,
        };
        Ok(Listed { items, extent })
    }
}
