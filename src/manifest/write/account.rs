//! `account.yaml`: the way to the account, and the rules a careful person starts with.

use super::MODELINE;
use super::yaml::{Page, scalar};
use crate::facts::{AccountId, Email, RateLimit};
use crate::manifest::compile::{AccountServer, CredentialRefs, SecretRef};
use crate::manifest::kinds::Kind;
use std::path::Path;

/// What an account's manifest says besides rules.
#[derive(Clone, Debug)]
pub struct AccountDocument<'a> {
    /// `metadata.name`
    pub name: &'a str,
    /// Where it is served. A data folder stands as it shall be written: relative to the file.
    pub endpoint: &'a AccountServer,
    /// Where the credentials are; files as they shall be written: relative to the file.
    pub credentials: Option<&'a CredentialRefs>,
    /// The tenant that answered.
    pub account_id: Option<&'a AccountId>,
    /// The Primary Master Admin, if known.
    pub primary_admin: Option<&'a Email>,
    /// The call budget; written where it is not the usual one.
    pub rate: RateLimit,
}

/// The text of `account.yaml`. No secret is in it, only where secrets are.
pub fn account(document: &AccountDocument<'_>) -> String {
    let AccountDocument { name, endpoint, credentials, account_id, primary_admin, rate } = document;
    let mut page = Page::default();
    page.line(0, MODELINE);
    page.comment(0, "The account, how to sign in, and what koreconcile may do to it.");
    page.document(Kind::Account, name, None, &[]);
    page.line(1, "endpoint:");
    match endpoint {
        // An origin is plain for every reader: its colons stand before no space.
        AccountServer::Host(host)
            if host.chars().all(|c| c.is_ascii_alphanumeric() || ":/.-".contains(c)) =>
        {
            page.line(2, &format!("host: {host}"));
        }
        AccountServer::Host(host) => page.field(2, "host", host),
        AccountServer::Sandbox { data_dir } => {
            page.line(2, "sandbox:");
            page.field(3, "dataDir", &path(data_dir));
        }
    }
    match account_id {
        Some(id) => {
            page.comment(1, "Id of the account. Nothing is sent to another one.");
            page.field(1, "accountId", id.as_str());
        }
        None => {
            page.comment(1, "No answer contained the id of the account. Removals need it here: accountId: …");
        }
    }
    if let Some(CredentialRefs { client_id, client_secret }) = credentials {
        page.line(1, "credentials:");
        secret(&mut page, "clientId", client_id);
        secret(&mut page, "clientSecret", client_secret);
    }
    page.comment(1, "All manifest files of the account. While one of them is not loaded, nothing is pruned.");
    page.line(1, "sources: [\"**/*.yaml\"]");
    page.comment(
        1,
        "What to do with facts that are not declared: Ignore, Report or Remove. Begin with Report.",
    );
    page.line(1, "ownership:");
    page.line(2, "users: Report");
    page.line(2, "roleBindings: Report");
    page.comment(2, "With Report, each plan reads the assignments of every user.");
    page.line(2, "botAssignments: Ignore");
    safety(&mut page, *primary_admin);
    let usual = RateLimit::default();
    if *rate != usual && *rate != RateLimit::NONE {
        let RateLimit { per_minute, per_hour, reserve, read_share } = *rate;
        page.line(1, "rateLimit:");
        page.line(2, &format!("perMinute: {per_minute}"));
        page.line(2, &format!("perHour: {per_hour}"));
        page.line(2, &format!("reserve: {reserve}"));
        page.line(2, &format!("readShare: {read_share}%"));
    }
    page.finish().0
}

fn safety(page: &mut Page, primary_admin: Option<&Email>) {
    page.line(1, "safety:");
    page.line(2, "maxRemovals: 10");
    page.line(2, "maxRemovalsPercent: 20");
    page.line(2, "minMasterAdmins: 2");
    if let Some(email) = primary_admin {
        page.comment(2, "The Primary Master Admin, which the API does not show: never changed.");
        page.field(2, "primaryAdmin", email.as_str());
    } else {
        page.comment(2, "Address of the Primary Master Admin, which the API does not show. Fill it in: that user is never changed,");
        page.comment(2, "and without it every change that removes Master Admin is refused.");
        page.line(2, "# primaryAdmin: admin@example.com");
    }
}

fn secret(page: &mut Page, field: &str, reference: &SecretRef) {
    page.line(2, &format!("{field}:"));
    match reference {
        SecretRef::Env(name) => page.field(3, "env", name),
        SecretRef::File(file) => page.field(3, "file", &path(file)),
        SecretRef::SecretKey { name, key } => {
            page.line(3, &format!("secretKeyRef: {{ name: {}, key: {} }}", scalar(name), scalar(key)));
        }
    }
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
