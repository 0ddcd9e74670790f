//! Lists: search terms and pages, the same on every page that shows many things.

use super::request_context::RequestContext;

/// Rows on a page.
pub(super) const ROWS: usize = 25;
/// Search starts with so many characters,
const SEARCH_FROM: usize = 3;
/// and of every term so many count (3.3).
const TERM_COUNTS: usize = 20;
/// Terms beyond so many are not looked at.
const TERMS: usize = 10;

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    /// As it was typed.
    pub(super) text: String,
    /// What has to occur, in lower case; nothing when there is nothing to search for.
    pub(super) terms: Vec<String>,
    /// Something was typed, but too little: everything is listed.
    pub(super) is_too_short: bool,
}

impl Search {
    /// The search in the query's field `search`.
    pub(super) fn new(context: &RequestContext<'_>) -> Self {
        Self::parse(context.query("search"))
    }

    pub(super) fn parse(text: &str) -> Self {
        let is_long_enough = text.trim().chars().count() >= SEARCH_FROM;
        let term = |word: &str| word.to_lowercase().chars().take(TERM_COUNTS).collect();
        Self {
            text: text.to_owned(),
            terms: if is_long_enough {
                text.split_whitespace().take(TERMS).map(term).collect()
            } else {
                Vec::new()
            },
            is_too_short: !is_long_enough && !text.trim().is_empty(),
        }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListPage {
    /// From 1.
    number: usize,
    total: usize,
    /// The field of the query that sets it.
    field: &'static str,
    path: String,
    query: Vec<(String, String)>,
}

impl ListPage {
    /// The page in the query's field `page`.
    pub(super) fn new(context: &RequestContext<'_>) -> Self {
        Self::in_field(context, "page")
    }

    /// The page in that field, where there is more than one list.
    pub(super) fn in_field(context: &RequestContext<'_>, field: &'static str) -> Self {
        let number = context.query(field).parse().unwrap_or(1).clamp(1, 1_000_000);
        let query = context.incoming.query.0.iter().filter(|(name, _)| name != field).cloned().collect();
        Self { number, total: 0, field, path: context.incoming.path.clone(), query }
    }

    pub(super) fn skip(&self) -> usize {
        (self.number - 1) * ROWS
    }

    /// With how many things there are.
    pub(super) fn with_total(self, total: usize) -> Self {
        Self { total, ..self }
    }

    /// `26–50 of 312`, or what there is instead.
    pub(super) fn summary(&self) -> String {
        if self.total == 0 {
            return "Nothing to show".to_owned();
        }
        let first = self.skip() + 1;
        if first > self.total {
            return format!("Nothing on this page; there are {}", self.total);
        }
        format!("{first}–{} of {}", (self.skip() + ROWS).min(self.total), self.total)
    }

    /// The address of the page before.
    pub(super) fn previous(&self) -> Option<String> {
        (self.number > 1).then(|| self.address(self.number - 1))
    }

    /// The address of the page after.
    pub(super) fn next(&self) -> Option<String> {
        (self.skip() + ROWS < self.total).then(|| self.address(self.number + 1))
    }

    fn address(&self, number: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query).append_pair(self.field, &number.to_string());
        format!("{}?{}", self.path, query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_starts_at_three_characters_and_counts_twenty_of_each_term() {
        assert!(Search::parse("ab").is_too_short && Search::parse("ab").terms.is_empty());
        assert!(!Search::parse("").is_too_short);
        let search = Search::parse("ABCDEFGHIJKLMNOPQRSTUVWXYZ doe");
        assert_eq!(search.terms, ["abcdefghijklmnopqrst", "doe"]);
        assert_eq!(Search::parse(&"abc ".repeat(6_000)).terms.len(), TERMS);
    }

    #[test]
    fn pages_keep_the_query_and_end_where_the_list_ends() {
        let query = vec![("search".to_owned(), "a b".to_owned())];
        let page = ListPage { number: 2, total: 60, field: "page", path: "/Admin/users".to_owned(), query };
        assert_eq!(page.summary(), "26–50 of 60");
        assert_eq!(page.previous().unwrap(), "/Admin/users?search=a+b&page=1");
        assert_eq!(page.next().unwrap(), "/Admin/users?search=a+b&page=3");
        let last = ListPage { number: 3, ..page.clone() };
        assert_eq!((last.summary().as_str(), last.next()), ("51–60 of 60", None));
        assert_eq!(ListPage { number: 9, ..page }.summary(), "Nothing on this page; there are 60");
    }
}
