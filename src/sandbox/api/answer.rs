//! Answers and refusals. The texts are the vendor's, bodies of 1.5 and 2.0 included.

use crate::sandbox::dialect::EncryptedAnswer;
use crate::sandbox::store::digest_of;
use serde::Serialize;
use serde_json::json;

/// An answer that was reached: what was written stays written.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// 200 with a JSON body.
    pub(crate) fn ok(body: &impl Serialize) -> Result<Self, ApiError> {
        Self::with_status(200, body)
    }

    /// What an app with payload encryption gets: nobody here can read it, and none of the documented keys is in it. The
    /// form is not documented (1.3).
    pub(crate) fn encrypted(&self, reading: EncryptedAnswer) -> Self {
        let cipher = digest_of(&String::from_utf8_lossy(&self.body));
        let body = match reading {
            EncryptedAnswer::Object => {
                json!({ "payload": cipher, "key": digest_of(&cipher), "meta": { "alg": "AES-256" } })
            }
            EncryptedAnswer::Text => json!(cipher),
        };
        Self { status: self.status, body: body.to_string().into_bytes() }
    }

    fn with_status(status: u16, body: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self { status, body: serde_json::to_vec(body).map_err(|e| ApiError::internal(&e))? })
    }
}

/// A call that was refused as a whole: nothing of it stays.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: u16,
    pub(crate) msg: String,
    /// Seconds of `Retry-After`.
    pub(crate) retry_after: Option<i64>,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: u16, msg: impl Into<String>) -> Self {
        Self { status, code, msg: msg.into(), retry_after: None }
    }

    /// No token, a wrong signature, an unknown app, an expired token.
    pub(crate) fn credentials() -> Self {
        Self::new(401, 4002, "Invalid SDK credentials")
    }

    /// Not a JWT at all.
    pub(crate) fn not_a_token() -> Self {
        Self::new(401, 4002, "Invalid JWT token")
    }

    /// The app lacks the scope: 401, not 403.
    pub(crate) fn scope() -> Self {
        Self::new(401, 4002, "Permission denied. Scope is incorrect!")
    }

    pub(crate) fn jti_expiry() -> Self {
        Self::new(401, 401, r#"error verifying the jwt: if "jti" claim "exp" must be <= 1 hour(s)"#)
    }

    pub(crate) fn replay() -> Self {
        Self::new(401, 401, "error verifying the jwt: possibly a replay")
    }

    pub(crate) fn method() -> Self {
        Self::new(405, 405, "Method Not Allowed")
    }

    /// A path that is none of the documented ones. The vendor's body for it is not known.
    pub(crate) fn no_such_path() -> Self {
        Self::new(404, 404, "Not Found")
    }

    pub(crate) fn invalid_arguments() -> Self {
        Self::new(412, 412, "Validation errors/ Invalid arguments")
    }

    pub(crate) fn bad_request(msg: impl Into<String>) -> Self {
        Self::new(400, 400, msg)
    }

    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!("the sandbox failed: {cause}");
        Self::new(500, 500, "Internal Server Error")
    }

    /// The refusal as an answer.
    pub(crate) fn body(&self) -> Vec<u8> {
        json!({ "errors": [{ "msg": self.msg, "code": self.code }] }).to_string().into_bytes()
    }
}

impl From<rusqlite::Error> for ApiError {
    fn from(e: rusqlite::Error) -> Self {
        Self::internal(&e)
    }
}
