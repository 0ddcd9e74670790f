//! Asking a run to end: the call in flight is finished, nothing after it is sent.

use tokio::sync::watch;

/// The end that asks.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// The end that listens.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Two ends of one request to stop.
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Asks.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Never asks: for runs that nobody watches.
    pub fn never() -> Self {
        Self(watch::channel(false).1)
    }

    /// Whether somebody has asked.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when somebody asks; never, if nobody can any more.
    pub async fn asked(&mut self) {
        if self.0.wait_for(|is_asked| *is_asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
