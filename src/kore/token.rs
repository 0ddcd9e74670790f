//! The token each request carries (kore-api 1.1).

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::fmt;

/// Seconds a token lives. The vendor allows an hour at most where single use is enforced (1.3).
const LIFE: i64 = 300;

/// An app of the account: client id and secret. The pair alone selects the account (kore-api 1.2).
#[derive(Clone)]
pub struct Credentials {
    /// `cs-…`
    pub client_id: String,
    /// The literal text that the console shows; it looks like base64 and is not decoded.
    pub client_secret: SecretString,
}

/// A credential as it was saved by people and tools: without a byte order mark, line ends and blanks around it.
pub fn clean_secret(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0')
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenClaims<'a> {
    app_id: &'a str,
    sub: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
}

impl Credentials {
    /// A fresh token: HS256, valid for five minutes, with an id of its own, because an app may enforce that each id
    /// works once.
    ///
    /// # Errors
    /// When the signature cannot be made, which a text secret never causes.
    pub(super) fn token(&self, now: Timestamp) -> Result<SecretString, jsonwebtoken::errors::Error> {
        let iat = now.as_second();
        let claims = TokenClaims {
            app_id: &self.client_id,
            // The vendor's instructions put a placeholder here; nothing is known to check it.
            sub: &self.client_id,
            iat,
            exp: iat + LIFE,
            jti: uuid::Uuid::new_v4().to_string(),
        };
        let key = EncodingKey::from_secret(self.client_secret.expose_secret().as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map(SecretString::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation, decode};
    use serde_json::Value;

    const CLIENT: &str = "cs-00000000-0000-5000-8000-000000000001";
    const SECRET: &str = "c2FuZGJveC1jbGllbnQtc2VjcmV0LTAwMDAwMDAwMDE=";
    const VECTOR: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwiYXBwSWQiOiJjcy0wMDAwMDAwMC0wMDAwLTUwMDAtODAwMC0wMDAwMDAwMDAwMDEifQ.lev9cy6VwKESJuX-LgdKvbo2DpKinqtYkmiSJ7tg7ls";

    fn verify(token: &str, secret: &str) -> Option<(Header, Value)> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        let token = decode::<Value>(token, &DecodingKey::from_secret(secret.as_bytes()), &rules).ok()?;
        Some((token.header, token.claims))
    }

    /// The key is the secret's text: the same key must verify the vendor-shaped vector and our own tokens.
    #[test]
    fn kore_client_1_1_the_secret_is_the_key_as_text() {
        let (_, claims) = verify(VECTOR, SECRET).unwrap();
        assert_eq!(claims["appId"], CLIENT);
        let credentials = Credentials { client_id: CLIENT.into(), client_secret: SECRET.into() };
        let now = Timestamp::from_second(1_767_268_800).unwrap();
        let token = credentials.token(now).unwrap();
        let (header, claims) = verify(token.expose_secret(), SECRET).unwrap();
        assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::HS256, Some("JWT")));
        assert_eq!(claims["appId"], CLIENT);
        assert_eq!(
            (claims["iat"].as_i64(), claims["exp"].as_i64()),
            (Some(1_767_268_800), Some(1_767_269_100))
        );
        let again = credentials.token(now).unwrap();
        assert_ne!(verify(again.expose_secret(), SECRET).unwrap().1["jti"], claims["jti"]);
        assert!(verify(token.expose_secret(), "another").is_none());
    }

    #[test]
    fn the_secret_is_not_in_debug_output() {
        let credentials = Credentials { client_id: CLIENT.into(), client_secret: SECRET.into() };
        assert!(!format!("{credentials:?}").contains(SECRET));
    }
}
