//! How many requests are worked on at a time; the others wait without a thread. Each thread keeps memory of its own, so it is
//! the machine that sets the number. Strangers, people and the API do not wait for each other.

use tokio::sync::{Semaphore, SemaphorePermit};

/// For each processor; one may wait for the disk while the other works.
const PER_CORE: usize = 2;

#[derive(Debug)]
pub(crate) struct Desks {
    strangers: Semaphore,
    people: Semaphore,
    api: Semaphore,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visitor {
    /// Nobody who has signed in.
    Stranger,
    /// A person with a session.
    Person,
    Api,
}

impl Default for Desks {
    fn default() -> Self {
        let seats = std::thread::available_parallelism().map_or(2, usize::from) * PER_CORE;
        let desk = || Semaphore::new(seats);
        Self { strangers: desk(), people: desk(), api: desk() }
    }
}

impl Desks {
    /// Waits for a seat, which is free again when the answer goes. `None` only when the server ends.
    pub(crate) async fn seat(&self, visitor: Visitor) -> Option<SemaphorePermit<'_>> {
        let desk = match visitor {
            Visitor::Stranger => &self.strangers,
            Visitor::Person => &self.people,
            Visitor::Api => &self.api,
        };
        desk.acquire().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn one_kind_of_visitor_leaves_the_seats_of_the_others() {
        let desks = Desks::default();
        let mut taken = Vec::new();
        while let Some(seat) = desks.seat(Visitor::Stranger).now_or_never() {
            taken.push(seat.unwrap());
            assert!(taken.len() <= 4096, "strangers may take any number of seats");
        }
        assert!(taken.len() >= PER_CORE);
        for other in [Visitor::Person, Visitor::Api] {
            assert!(desks.seat(other).now_or_never().is_some(), "{other:?}");
        }
        taken.pop();
        assert!(desks.seat(Visitor::Stranger).now_or_never().is_some());
    }
}
