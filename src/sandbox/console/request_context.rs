//! What came over the wire, and what every page may ask for: fields, time, the store.

use super::reply::PageError;
use crate::sandbox::store::{self, sessions};
use crate::sandbox::{Inner, clock};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use std::net::{IpAddr, Ipv4Addr};

/// Pairs of name and value, in the order they came; names may repeat.
#[derive(Debug, Default)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of that name, trimmed; empty if there is none.
    pub(super) fn one(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.trim())
    }

    /// Every value of that name.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// An uploaded file.
#[derive(Debug, Default)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

/// A request, read to its end.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) path: String,
    /// Path and query.
    pub(super) target: String,
    /// What is in the place of `{name}` in the route's path.
    pub(super) params: Fields,
    pub(super) query: Fields,
    pub(super) form: Fields,
    pub(super) upload: Option<Upload>,
    /// `host[:port]`, as the browser wrote it.
    pub(super) host: String,
    pub(super) origin: Option<String>,
    pub(super) fetch_site: Option<String>,
    pub(super) referer: Option<String>,
    pub(super) device: String,
    /// The `If-None-Match`: what the browser has already.
    pub(super) known_tag: Option<String>,
    /// The caller's address; `None` for a call in process.
    pub(super) peer: Option<IpAddr>,
    /// The value of the session cookie.
    pub(super) cookie: Option<String>,
    /// The value of the cookie by which the browser is known to those who have signed in from it.
    pub(super) browser: Option<String>,
    /// The page that was asked for before sign-in.
    pub(super) next: Option<String>,
    /// The body was larger than this, in bytes, and was not read.
    pub(super) too_large: Option<usize>,
}

/// A request on its way through a page.
pub(super) struct RequestContext<'a> {
    pub(super) inner: &'a Inner,
    pub(super) incoming: &'a Incoming,
    pub(super) now: Timestamp,
    /// The browser's token: of its session, or of nobody's before it signs in.
    pub(super) token: String,
    /// Whether the browser has yet to be told its token.
    pub(super) is_new_token: bool,
}

impl<'a> RequestContext<'a> {
    pub(super) fn new(inner: &'a Inner, incoming: &'a Incoming) -> Self {
        let known = incoming.cookie.clone();
        let is_new_token = known.is_none();
        let token = known.unwrap_or_else(store::fresh_secret);
        Self { inner, incoming, now: inner.options.clock.now(), token, is_new_token }
    }

    /// A field of the query, trimmed; empty if there is none.
    pub(super) fn query(&self, name: &str) -> &str {
        self.incoming.query.one(name)
    }

    /// A field of the form, trimmed; empty if there is none.
    pub(super) fn field(&self, name: &str) -> &str {
        self.incoming.form.one(name)
    }

    /// A field of the form as it was typed: passwords may not be trimmed.
    pub(super) fn raw_field(&self, name: &str) -> &str {
        self.incoming.form.all(name).first().copied().unwrap_or_default()
    }

    /// Every value of a field of the form.
    pub(super) fn fields(&self, name: &str) -> Vec<&str> {
        self.incoming.form.all(name)
    }

    /// What is in the place of `{name}` in the route's path.
    pub(super) fn param(&self, name: &str) -> &str {
        self.incoming.params.one(name)
    }

    /// What every form of this browser carries. It follows from the token, so a session has one as long as it lives.
    pub(super) fn form_token(&self) -> String {
        store::digest_of(&format!("form {}", self.token))
    }

    /// `now` as the store writes it.
    pub(super) fn stamp(&self) -> String {
        clock::wire(self.now)
    }

    /// Whether browsers come through a proxy that speaks TLS.
    pub(super) fn is_behind_tls(&self) -> bool {
        self.inner.invites.public_url.starts_with("https://")
    }

    /// The caller's address; calls in process come from this machine.
    pub(super) fn ip(&self) -> IpAddr {
        self.incoming.peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// Whether the caller is on this machine, and no proxy in between that could be speaking for another client.
    pub(super) fn is_local(&self) -> bool {
        self.ip().is_loopback() && !self.is_behind_tls()
    }

    /// One unchanging view of the database.
    pub(super) fn read<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, PageError>,
    ) -> Result<T, PageError> {
        self.inner.store.read(question)
    }

    /// One transaction over what is not an account's: people and sessions. Changes to an account go through
    /// [`super::admin_context::AdminContext::change`].
    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, PageError>,
    ) -> Result<T, PageError> {
        self.inner.store.write(change)
    }

    /// The browser's session, idle or not, without counting this as activity.
    pub(super) fn session(&self) -> Result<Option<sessions::Session>, PageError> {
        if self.is_new_token {
            return Ok(None);
        }
        self.read(|conn| Ok(sessions::by_digest(conn, &store::digest_of(&self.token))?))
    }
}
