//! A plan in a file, to be applied later exactly as it was shown.
//!
//! The file is sealed: an HMAC under a key derived from the app's client secret, so that only who may apply could
//! have made it, and nobody has changed it since. It carries the ceilings it was made under; applying it obeys
//! them and the present ones, whichever are stricter.

use crate::facts::Safety;
use crate::plan::{Limits, Plan};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The version of this file.
const FORMAT: &str = "koreconcile.dev/saved-plan/v1";
/// What two clocks may differ by.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// A plan with what it was made under.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedPlan {
    /// When it was made.
    pub made_at: Timestamp,
    /// The plan, as it was shown.
    pub plan: Plan,
    /// Ceilings and protected people at that time.
    pub safety: Safety,
    /// What the run allowed beyond them.
    pub limits: Limits,
    /// Digest of the policies it was judged by; empty where there were none.
    #[serde(default)]
    pub policies: String,
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    format: String,
    seal: String,
    body: serde_json::Value,
}

/// Why a file is no plan that can be applied.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// Cut off, or something else altogether.
    #[error(
        "the file is no saved plan: {0}\n  it may have been cut off on the way; make it again with plan --out"
    )]
    NotAPlan(serde_json::Error),
    /// Of a later version.
    #[error(
        "the plan is of format {0}, and this program knows {FORMAT}\n  apply it with the version that made it, or make it again"
    )]
    OtherFormat(String),
    /// The seal does not fit.
    #[error(
        "the seal does not fit: the plan was changed after it was made, or made with another app's credentials\n  make it again with plan --out, and approve it again"
    )]
    Tampered,
    /// Made later than now.
    #[error(
        "the plan was made at {made_at}, which is later than now ({now})\n  one of the two machines' clocks is wrong; set it, and make the plan again"
    )]
    FromTheFuture {
        /// When it says it was made.
        made_at: Timestamp,
        /// What this machine says.
        now: Timestamp,
    },
}

impl SavedPlan {
    /// The file's content.
    ///
    /// # Errors
    /// None in practice: every part of a plan is plain data with text keys.
    pub fn seal(&self, secret: &SecretString) -> Result<String, serde_json::Error> {
        let body = serde_json::to_value(self)?;
        let envelope = Envelope { format: FORMAT.to_owned(), seal: hex::encode(seal(&body, secret)), body };
        serde_json::to_string_pretty(&envelope).map(|json| json + "\n")
    }

    /// Opens a file's content, if it is whole, of this version, and sealed with this secret.
    pub fn open(content: &str, secret: &SecretString, now: Timestamp) -> Result<Self, SavedPlanError> {
        let envelope: Envelope = serde_json::from_str(content).map_err(SavedPlanError::NotAPlan)?;
        let Envelope { format, seal: written, body } = envelope;
        if format != FORMAT {
            return Err(SavedPlanError::OtherFormat(format));
        }
        let expected = mac(&body, secret);
        let written = hex::decode(written).map_err(|_| SavedPlanError::Tampered)?;
        expected.verify_slice(&written).map_err(|_| SavedPlanError::Tampered)?;
        let saved: Self = serde_json::from_value(body).map_err(SavedPlanError::NotAPlan)?;
        if saved.made_at.duration_since(now) > CLOCK_SKEW {
            return Err(SavedPlanError::FromTheFuture { made_at: saved.made_at, now });
        }
        Ok(saved)
    }
}

fn seal(body: &serde_json::Value, secret: &SecretString) -> Vec<u8> {
    mac(body, secret).finalize().into_bytes().to_vec()
}

/// Over the body's compact JSON, under a key that serves nothing else.
#[allow(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(body: &serde_json::Value, secret: &SecretString) -> Hmac<Sha256> {
    let any_length = "HMAC takes keys of any length";
    let mut derive = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect(any_length);
    derive.update(FORMAT.as_bytes());
    let mut mac = Hmac::<Sha256>::new_from_slice(&derive.finalize().into_bytes()).expect(any_length);
    mac.update(body.to_string().as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Desired, Policy, World};
    use crate::plan::{self, Context};

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn sealed() -> String {
        let plan = plan::make(Desired::default(), &World::default(), &Policy::default(), &Context::default());
        let saved = SavedPlan {
            made_at: now(),
            plan,
            safety: Safety::default(),
            limits: Limits::default(),
            policies: String::new(),
        };
        saved.seal(&"secret".into()).unwrap()
    }

    #[test]
    fn a_sealed_plan_opens_with_the_same_secret_only() {
        assert!(SavedPlan::open(&sealed(), &"secret".into(), now()).is_ok());
        let other = SavedPlan::open(&sealed(), &"another".into(), now());
        assert!(matches!(other, Err(SavedPlanError::Tampered)), "{other:?}");
    }

    #[test]
    fn a_changed_cut_or_later_file_has_its_own_message() {
        let raised = sealed().replace("\"max_removals\": 10", "\"max_removals\": 99");
        assert_ne!(raised, sealed());
        let open =
            |content: &str, at| SavedPlan::open(content, &"secret".into(), at).unwrap_err().to_string();
        assert!(open(&raised, now()).contains("was changed after it was made"));
        assert!(open(&sealed()[..200], now()).contains("cut off"));
        assert!(open(&sealed().replace("/v1", "/v9"), now()).contains("v9"));
        let earlier = now() - SignedDuration::from_hours(1);
        assert!(open(&sealed(), earlier).contains("clocks is wrong"));
    }

    #[test]
    fn the_secret_is_not_in_the_file() {
        assert!(!sealed().contains("secret"));
    }
}
