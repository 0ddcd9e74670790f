//! Looks people up by address (kore-api 2.4) in as few calls as the server allows.
//!
//! The vendor states no batch limit. The first batch goes alone and large; a refusal or a clamped reply makes the
//! batches smaller, and the size that worked is remembered. Who is missing from a reply is asked again in a smaller batch,
//! within a bound on calls, and otherwise stays unanswered: that proves nothing about them.

use super::super::gateway::Call;
use super::super::wire::UserElement;
use super::super::{Endpoint, KoreError};
use super::calls::Calls;
use super::{Reader, Sizes};
use futures::future::join_all;
use std::collections::{HashMap, VecDeque};

/// The first and largest batch.
pub(super) const LARGEST_BATCH: usize = 1_000;
/// The batch every server should take: it sets the bound on calls, and a bad person makes later batches no smaller.
const SAFE_BATCH: usize = 50;
/// Calls beyond that bound for hunting down what is missing.
const SPARE_CALLS: usize = 24;
/// People refused one by one, with nobody answered, after which the endpoint itself is at fault.
const MAX_REFUSALS: usize = 3;

/// What the platform replied about each spelling looked up; a spelling that is not in here got no reply.
pub(super) type LookUpResults = HashMap<String, LookUpResult>;

/// What the platform replied about one spelling.
pub(super) enum LookUpResult {
    /// It knows the person.
    Found(Box<UserElement>),
    /// It does not.
    NotFound,
}

impl LookUpResult {
    pub(super) fn found(self) -> Option<UserElement> {
        match self {
            Self::Found(element) => Some(*element),
            Self::NotFound => None,
        }
    }
}

/// Whether a role is among the results that may come through a group and does not show it (kore-api section 4, row 48).
/// Whoever is in no group holds their roles directly.
pub(super) fn leave_out_groups(results: &mut LookUpResults) -> bool {
    let mut is_left_out = false;
    for result in results.values_mut() {
        let LookUpResult::Found(element) = result else { continue };
        if element.groups.as_ref().is_some_and(Vec::is_empty) {
            element.hold_directly();
        }
        is_left_out |= element.both_roles().is_some() && !element.shows_groups_of_roles();
    }
    is_left_out
}

/// Leaves out the roles of people of whom it is not said through which groups they hold them: nothing is proved then.
pub(super) fn without_unplaced_roles(results: &mut LookUpResults) {
    for result in results.values_mut() {
        if let LookUpResult::Found(element) = result
            && !element.shows_groups_of_roles()
        {
            element.roles = None;
        }
    }
}

/// Who is still to be asked.
#[derive(Default)]
struct Queue {
    /// Never asked.
    fresh: VecDeque<String>,
    /// Batches to ask again.
    again: Vec<Vec<String>>,
    size: usize,
    /// Whether a batch of this size came back in full, so that the rest may go at once.
    is_proven: bool,
    /// The smallest batch that was refused in full.
    refused_at: Option<usize>,
    /// Whether a batch of the full size came back in full.
    is_stretched: bool,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.again.is_empty()
    }

    /// The next batches: one until the size is proved, then all.
    fn wave(&mut self, most: usize) -> Vec<Vec<String>> {
        let most = if self.is_proven { most } else { 1 };
        let mut wave = Vec::new();
        while wave.len() < most && !self.is_empty() {
            if self.fresh.is_empty() {
                wave.extend(self.again.pop());
            } else {
                let count = self.size.min(self.fresh.len());
                wave.push(self.fresh.drain(..count).collect());
            }
        }
        wave
    }

    /// The batch was too large: these people go back among those not asked yet, for smaller ones.
    fn start_over(&mut self, people: Vec<String>, size: usize) {
        if size < self.size {
            self.size = size.max(1);
            self.is_proven = false;
        }
        for person in people.into_iter().rev() {
            self.fresh.push_front(person);
        }
    }

    /// Something about these people, not about the size: they go in batches of their own.
    fn ask_again(&mut self, people: &[String], size: usize) {
        self.again.extend(people.chunks(size.max(1)).map(<[String]>::to_vec));
    }
}

impl Sizes {
    /// What a read says about the size for the next one. A batch that failed because of one bad address says little, so it
    /// costs no more than falling back to the safe size; sizes that went well grow again, but never to one that was refused.
    fn learn(&mut self, queue: &Queue, was_a_person: bool) {
        let before = self.look_up;
        if queue.size < before {
            let is_telling = !was_a_person && queue.size >= SAFE_BATCH;
            self.look_up = if is_telling { queue.size } else { queue.size.max(SAFE_BATCH).min(before) };
            if !was_a_person {
                self.too_large = queue.refused_at.or(self.too_large);
            }
        } else if queue.is_stretched {
            let larger = (before * 2).min(LARGEST_BATCH);
            if self.too_large.is_none_or(|refused| larger < refused) {
                self.look_up = larger;
            }
        }
    }
}

impl Reader {
    /// Asks about each spelling once or, where the reply leaves a user out, a few times.
    pub(super) async fn look_up(
        &self,
        spellings: impl Iterator<Item = &String>,
        calls: &Calls<'_>,
    ) -> Result<LookUpResults, KoreError> {
        let fresh: VecDeque<String> = spellings.cloned().collect();
        let bound = 2 * fresh.len().div_ceil(SAFE_BATCH) + SPARE_CALLS;
        let size = self.sizes().look_up;
        let mut queue = Queue { fresh, size, ..Queue::default() };
        let (mut results, mut asked, mut refused) = (LookUpResults::new(), 0, 0);
        while !queue.is_empty() && asked < bound {
            let wave = queue.wave(bound - asked);
            asked += wave.len();
            let outcomes = join_all(wave.iter().map(|batch| fetch_batch(batch, calls))).await;
            for (batch, outcome) in wave.into_iter().zip(outcomes) {
                match outcome {
                    Ok(elements) => take(batch, elements, &mut queue, &mut results),
                    Err(error) if !error.may_succeed_with_smaller_batch() => return Err(error),
                    Err(_) if batch.len() > 1 => {
                        // Down to the safe size first, then below it.
                        let half = batch.len().div_ceil(2);
                        let half = if batch.len() > SAFE_BATCH { half.max(SAFE_BATCH) } else { half };
                        queue.refused_at = Some(batch.len()).min(queue.refused_at.or(Some(usize::MAX)));
                        if queue.is_proven {
                            queue.ask_again(&batch, half);
                        } else {
                            queue.start_over(batch, half);
                        }
                    }
                    Err(error) => {
                        refused += 1;
                        if results.is_empty() && (refused >= MAX_REFUSALS || queue.is_empty()) {
                            return Err(error);
                        }
                    }
                }
            }
        }
        if !results.is_empty() {
            self.update_sizes(|sizes| sizes.learn(&queue, refused > 0));
        }
        Ok(results)
    }
}

async fn fetch_batch(batch: &[String], calls: &Calls<'_>) -> Result<Vec<UserElement>, KoreError> {
    let mut call = Call::new(Endpoint::UsersInfo).json(&serde_json::json!({ "emailIds": batch }));
    if batch.len() > 1 {
        call.tries = 2;
    }
    calls.read(call, UserElement::list).await
}

/// Sorts one reply: who is found, who is not, who is missing and how to ask again.
fn take(batch: Vec<String>, elements: Vec<UserElement>, queue: &mut Queue, results: &mut LookUpResults) {
    let asked = batch.len();
    let mut missing = Vec::new();
    let (mut last_answered, mut first_missing) = (0, asked);
    for (place, (spelling, element)) in pair(batch, elements).into_iter().enumerate() {
        match element {
            Some(element) if !element.is_trouble() => {
                last_answered = place + 1;
                let is_failure = element.is_failure();
                let result =
                    if is_failure { LookUpResult::NotFound } else { LookUpResult::Found(Box::new(element)) };
                results.insert(spelling, result);
            }
            Some(_) | None => {
                first_missing = first_missing.min(place);
                missing.push(spelling);
            }
        }
    }
    if missing.is_empty() {
        queue.is_proven = true;
        queue.is_stretched |= asked == queue.size;
    } else if asked > 1 {
        // Most of it cut off at the end: the batch was too large. Gaps, or a few at the end: just those people.
        let is_cut = first_missing == last_answered && missing.len() > asked / 2;
        if is_cut && missing.len() > 1 && !queue.is_proven {
            queue.start_over(missing, if last_answered > 0 { last_answered } else { asked / 2 });
        } else {
            queue.is_proven = true;
            queue.ask_again(&missing, asked / 2);
        }
    }
}

/// Gives each spelling its element: by the exact spelling, else by the spelling in another case, else by position where
/// an element names nobody.
fn pair(batch: Vec<String>, elements: Vec<UserElement>) -> Vec<(String, Option<UserElement>)> {
    let is_aligned = batch.len() == elements.len();
    let mut slots: Vec<Option<UserElement>> = batch.iter().map(|_| None).collect();
    let exact: HashMap<&str, usize> =
        batch.iter().enumerate().map(|(place, spelling)| (spelling.as_str(), place)).collect();
    let mut in_other_case = Vec::new();
    for (position, element) in elements.into_iter().enumerate() {
        let place = match element.user_info.email_id.get() {
            Some(email) => exact.get(email).copied(),
            None if is_aligned => Some(position),
            None => continue,
        };
        match place {
            Some(place) if slots[place].is_none() => slots[place] = Some(element),
            _ => in_other_case.push(element),
        }
    }
    if !in_other_case.is_empty() {
        let mut folded: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, spelling) in batch.iter().enumerate().rev() {
            if slots[place].is_none() {
                folded.entry(spelling.to_ascii_lowercase()).or_default().push(place);
            }
        }
        for element in in_other_case {
            let email = element.user_info.email_id.get().unwrap_or_default().to_ascii_lowercase();
            if let Some(place) = folded.get_mut(&email).and_then(Vec::pop) {
                slots[place] = Some(element);
            }
        }
    }
    batch.into_iter().zip(slots).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(email: &str, status: &str) -> UserElement {
        let json = serde_json::json!({ "userInfo": { "emailId": email, "status": status } });
        serde_json::from_value(json).unwrap()
    }

    fn statuses(batch: &[&str], elements: Vec<UserElement>) -> Vec<Option<String>> {
        let batch = batch.iter().map(|spelling| (*spelling).to_owned()).collect();
        pair(batch, elements).into_iter().map(|(_, element)| element?.status()).collect()
    }

    #[test]
    fn an_exact_spelling_is_served_before_one_in_another_case() {
        let answered = vec![element("a@example.com", "failure"), element("A@example.com", "active")];
        let found = statuses(&["A@example.com", "a@example.com"], answered);
        assert_eq!(found, [Some("active".into()), Some("failure".into())]);
    }

    #[test]
    fn a_reply_in_the_accounts_spelling_finds_whoever_asked() {
        assert_eq!(
            statuses(&["a@example.com"], vec![element("A@Example.com", "active")]),
            [Some("active".into())]
        );
        assert_eq!(statuses(&["a@example.com"], vec![element("b@example.com", "active")]), [None]);
    }

    #[test]
    fn a_nameless_element_counts_by_its_position_only_when_all_are_there() {
        assert_eq!(statuses(&["a@example.com"], vec![element("", "failure")]), [Some("failure".into())]);
        assert_eq!(statuses(&["a@example.com", "b@example.com"], vec![element("", "failure")]), [None, None]);
    }
}
