//! Where assignments are kept while they are cleared and sent anew, when there is no folder: the status of an object in a
//! cluster.

use async_trait::async_trait;
use std::fmt::Debug;

/// A place that outlives the process.
#[async_trait]
pub trait BeforeImageStore: Debug + Send + Sync {
    /// Keeps this text, in place of what was kept; `None`: nothing any more. When it returns, the text is safe.
    ///
    /// # Errors
    /// Why it could not be kept. Nothing is cleared then.
    async fn keep(&self, text: Option<String>) -> Result<(), String>;
}
