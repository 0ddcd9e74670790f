//! Self sign-up (3.2): people from the e-mail domain of an account's owner ask to join, and an administrator, or the
//! account's settings, let them in.

pub(in crate::sandbox::console) mod ask;
pub(in crate::sandbox::console) mod requests;

use super::user_settings::{SelfSignUp, UserSettings};
use crate::sandbox::admin::edit::Editor;
use crate::sandbox::console::reply::PageError;
use crate::sandbox::store::accounts::{self, Account};
use crate::sandbox::store::join_requests::{self, JoinRequest};
use crate::sandbox::store::{people, users};
use jiff::Timestamp;
use rusqlite::Connection;

fn domain(email: &str) -> Option<String> {
    email.rsplit_once('@').map(|(_, domain)| domain.to_lowercase())
}

/// The domain from which people may ask to join; `None`: nobody may.
fn open_domain(conn: &Connection, account: &Account) -> rusqlite::Result<Option<String>> {
    let is_open = UserSettings::load(conn, account.seq)?.self_sign_up != SelfSignUp::Block;
    Ok(if is_open { domain(&account.primary_admin) } else { None })
}

/// The accounts that a user, by lower-case address, may ask to join.
fn open_accounts(conn: &Connection, email: &str) -> rusqlite::Result<Vec<Account>> {
    let mut open = Vec::new();
    for account in accounts::all(conn)? {
        let may_ask = open_domain(conn, &account)?.is_some_and(|own| Some(own) == domain(email));
        if may_ask
            && users::by_email(conn, account.seq, email, false)?.is_none_or(|user| !user.state.has_joined())
        {
            open.push(account);
        }
    }
    Ok(open)
}

/// Whether any account takes requests: whether to offer it at all.
pub(super) fn is_offered(conn: &Connection) -> Result<bool, PageError> {
    for account in accounts::all(conn)? {
        if open_domain(conn, &account)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes whoever asked an active person of the account, with what new people start with; the request is settled.
fn admit(editor: &Editor<'_>, request: &JoinRequest, now: Timestamp) -> Result<(), PageError> {
    let conn = editor.conn;
    let account = editor.account.seq;
    match users::by_email(conn, account, &request.email, false)? {
        None => {
            let newcomer = UserSettings::load(conn, account)?.newcomer(&request.email);
            let (first_name, last_name) = (request.first_name.clone(), request.last_name.clone());
            editor.add_user(&crate::sandbox::NewUser { first_name, last_name, ..newcomer })?;
        }
        // Was invited, too.
        Some(user) if !user.state.has_joined() => {
            let (first, last) = (request.first_name.as_str(), request.last_name.as_str());
            users::set_names(conn, user.seq, Some(first), Some(last), &serde_json::Map::new())?;
            editor.accept(&user.email, now)?;
        }
        Some(_) => {}
    }
    let has_password = people::by_email(conn, &request.email)?.is_some_and(|one| one.password.is_some());
    if let Some(hash) = &request.password
        && !has_password
    {
        people::set_password(conn, &request.email, hash, &editor.now)?;
    }
    Ok(join_requests::settle(conn, request)?)
}
