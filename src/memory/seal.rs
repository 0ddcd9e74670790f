//! Who may write a stored memory: an HMAC over its parts, with a key that only the runs have that write.

use super::Parts;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The keys of a seal: the present one, then the one before it, while it is being replaced.
#[derive(Clone, Debug, Default)]
pub struct Seal {
    keys: Vec<SecretString>,
}

/// A text was changed without the key, or the key is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its seal does not fit: it was changed without the key, or the key is another one")]
pub struct Tampered;

impl Seal {
    /// With these keys; the first seals, every one is accepted.
    pub fn new(keys: impl IntoIterator<Item = SecretString>) -> Self {
        Self { keys: keys.into_iter().collect() }
    }

    /// With the keys of the environment: [`KEY_VARIABLE`](super::KEY_VARIABLE) and the one before it.
    pub fn from_environment() -> Self {
        let names = [super::KEY_VARIABLE, super::PREVIOUS_KEY_VARIABLE];
        let keys = names.iter().filter_map(|name| std::env::var(name).ok().filter(|key| !key.is_empty()));
        Self::new(keys.map(SecretString::from))
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The seal over all names and texts; `None` without a key.
    pub fn over(&self, parts: &Parts) -> Option<String> {
        Some(hex::encode(mac(parts, self.keys.first()?).finalize().into_bytes()))
    }

    /// Checks a seal.
    ///
    /// # Errors
    /// When it fits with none of the keys.
    pub fn verify(&self, parts: &Parts, written: &str) -> Result<(), Tampered> {
        let written = hex::decode(written.trim()).unwrap_or_default();
        let fits = |key: &SecretString| mac(parts, key).verify_slice(&written).is_ok();
        if self.keys.iter().any(fits) { Ok(()) } else { Err(Tampered) }
    }
}

/// Over all names and texts, each with its length.
#[allow(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(parts: &Parts, key: &SecretString) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).expect("any length");
    for text in parts.iter().flat_map(|(name, text)| [name, text]) {
        mac.update(&(text.len() as u64).to_be_bytes());
        mac.update(text.as_bytes());
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(keys: &[&str]) -> Seal {
        Seal::new(keys.iter().map(|key| SecretString::from((*key).to_owned())))
    }

    #[test]
    fn fits_the_same_texts_and_the_same_key_only() {
        let parts = Parts::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        let moved = Parts::from([("a".to_owned(), "1b".to_owned()), (String::new(), "2".to_owned())]);
        let written = seal(&["key"]).over(&parts).unwrap();
        assert_eq!(seal(&["key"]).verify(&parts, &written), Ok(()));
        assert_eq!(seal(&["new", "key"]).verify(&parts, &written), Ok(()), "while it is being replaced");
        assert_eq!(seal(&["other"]).verify(&parts, &written), Err(Tampered));
        assert_eq!(seal(&["key"]).verify(&moved, &written), Err(Tampered));
        assert_eq!(seal(&["key"]).verify(&parts, "no hex"), Err(Tampered));
        assert_eq!(seal(&[]).over(&parts), None);
        assert_eq!(seal(&[]).verify(&parts, &written), Err(Tampered));
    }
}
