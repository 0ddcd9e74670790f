//! From the `auth` header to the app that signed it: sections 1.1, 1.3 and 1.5 of the `kore-api` notes.

use super::api::ApiError;
use super::store::apps::{self, RegisteredApp};
use super::store::{self, Store};
use jiff::Timestamp;
use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::{Algorithm, DecodingKey, Header, decode_header};
use serde::Deserialize;

/// What is read of a token. Other claims (`iss`, `aud`, `isAnonymous`, ...) are let through, and times may be
/// fractional: token services write both.
#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "appId")]
    app_id: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    jti: Option<String>,
}

/// Section 1.3: with `jti`, a token lives an hour at most.
const LONGEST_WITH_JTI: f64 = 3600.0;

/// The clock of whoever signs may be ahead by so many seconds.
const CLOCKS_DIFFER: f64 = 60.0;

/// Whether the head of a token asks for nothing beyond a plain HMAC: a receiver refuses what it does not implement
/// (RFC 7515, 4.1.11; RFC 7797, 6).
fn is_plain(header: &Header) -> bool {
    let is_encoded = header.extras.inner().get("b64").is_none_or(|value| *value == true);
    header.alg == Algorithm::HS256 && header.crit.is_none() && is_encoded
}

/// Whether [`identify`] would find an app, its `jti` aside. Uses nothing up.
pub(crate) fn is_known(store: &Store, header: Option<&str>, now: Timestamp) -> bool {
    signed(store, header, now).is_ok()
}

/// The app of a request, or the answer the request gets.
pub(crate) fn identify(
    store: &Store,
    header: Option<&str>,
    now: Timestamp,
) -> Result<RegisteredApp, ApiError> {
    let (app, claims) = signed(store, header, now)?;
    if app.enforce_jti {
        let short_lived = claims.exp.is_some_and(|exp| exp - seconds(now) <= LONGEST_WITH_JTI);
        let jti = claims.jti.as_deref().filter(|_| short_lived).ok_or_else(ApiError::jti_expiry)?;
        // Only a digest of it is kept: it may be as long as a header.
        let jti = store::digest_of(jti);
        let now_ms = now.as_millisecond();
        // A day more than the longest life: the clock may be set back.
        let over_ms = now_ms + 25 * 3_600_000;
        let is_fresh = store
            .write::<_, ApiError>(|conn| Ok(apps::use_jti(conn, &app.client_id, &jti, now_ms, over_ms)?))?;
        if !is_fresh {
            return Err(ApiError::replay());
        }
    }
    Ok(app)
}

/// The app that signed the token, and what else the token says, while it is valid.
fn signed(store: &Store, header: Option<&str>, now: Timestamp) -> Result<(RegisteredApp, Claims), ApiError> {
    let token = header.map(str::trim).filter(|token| !token.is_empty()).ok_or_else(ApiError::credentials)?;
    let claims = insecure_decode::<Claims>(token).map_err(|_| ApiError::not_a_token())?.claims;
    let client_id = claims.app_id.as_deref().ok_or_else(ApiError::credentials)?;
    let app = store
        .read::<_, ApiError>(|conn| Ok(apps::by_client_id(conn, client_id)?))?
        .ok_or_else(ApiError::credentials)?;
    let is_over = claims.exp.is_some_and(|exp| exp <= seconds(now));
    let is_early = claims.nbf.is_some_and(|nbf| nbf > seconds(now) + CLOCKS_DIFFER);
    if !is_signed_by(token, &app.secret) || is_over || is_early {
        return Err(ApiError::credentials());
    }
    Ok((app, claims))
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds of this century fit a double exactly")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// The secret is used as the text the console shows: it looks like base64, and is not decoded.
fn is_signed_by(token: &str, secret: &str) -> bool {
    if !decode_header(token).is_ok_and(|header| is_plain(&header)) {
        return false;
    }
    let Some((message, signature)) = token.rsplit_once('.') else { return false };
    let key = DecodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, Algorithm::HS256).unwrap_or(false)
}
