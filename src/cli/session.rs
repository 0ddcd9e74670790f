//! The way to one account, opened: credentials read, budget found, gateway made.

use super::embedded::Embedded;
use super::inputs::Reach;
use super::progress::Progress;
use super::{CliError, Output};
use crate::facts::{AccountId, Policy, RateLimit, World};
use crate::kore::{
    BaseUrl, Credentials, Gateway, HttpLimits, HttpTransport, Ledger, Parts, ReadRequest, Reader, SystemClock,
};
use crate::manifest::{AccountConnection, AccountServer, Compiled, SecretRef};
use crate::plan::{Context, Inputs, Memory, Plan};
use crate::sandbox;
use jiff::Timestamp;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open account.
pub(super) struct Session {
    /// Reads it.
    pub reader: Reader,
    /// Every request passes it.
    pub gateway: Gateway,
    /// Where it is, as people read it.
    pub host: String,
    /// Where this account's memory is, if anywhere.
    pub state: Option<PathBuf>,
    secret: SecretString,
    transport: Arc<HttpTransport>,
    progress: Arc<Progress>,
    embedded: Option<Embedded>,
}

impl Session {
    /// Reads credentials, finds the budget, and starts the sandbox where the account is one. Sends nothing.
    pub(super) async fn open(compiled: &Compiled, reach: &Reach, output: &Output) -> Result<Self, CliError> {
        let AccountConnection { name: _, endpoint, credentials: _, file: _ } = &compiled.account;
        let policy = &compiled.policy;
        let (base, credentials, embedded, host) = match endpoint {
            AccountServer::Host(host) => {
                let base = BaseUrl::parse(host)?;
                let host = base.to_string();
                (base, credentials(compiled)?, None, host)
            }
            AccountServer::Sandbox { data_dir } => {
                let account = policy.account_id.as_ref().map(AccountId::as_str);
                let embedded = Embedded::start(data_dir, account, limit_of(policy.rate)).await?;
                let credentials = Credentials {
                    client_id: embedded.client_id.clone(),
                    client_secret: embedded.client_secret.clone().into(),
                };
                let host = format!("the sandbox in {}", data_dir.display());
                (BaseUrl::parse(&embedded.url)?, credentials, Some(embedded), host)
            }
        };
        let state = state_folder(compiled, reach.state_dir.as_deref(), Some(&credentials.client_id));
        let ledger = match &state {
            Some(folder) => Ledger::in_file(&folder.join("budget"), policy.rate)
                .map_err(|source| CliError::State { path: folder.display().to_string(), source })?,
            None => Ledger::in_memory(policy.rate),
        };
        let transport = HttpTransport::new(base, HttpLimits::default())
            .map_err(|error| CliError::Unexpected(format!("TLS cannot be set up: {error}")))?;
        let transport = Arc::new(transport);
        let secret = credentials.client_secret.clone();
        let progress = Arc::new(Progress::new(output));
        let gateway = Gateway::new(Parts {
            transport: Arc::clone(&transport) as Arc<dyn crate::kore::Transport>,
            credentials,
            ledger: Arc::new(ledger),
            clock: Arc::new(SystemClock),
            observer: Arc::clone(&progress) as Arc<dyn crate::kore::Observer>,
            max_wait: reach.max_wait,
        });
        let reader = Reader::new(gateway.clone());
        Ok(Self { reader, gateway, host, state, secret, transport, progress, embedded })
    }

    /// Reads all that a plan needs, and makes sure that it is the account the manifest is about.
    pub(super) async fn observe(&self, compiled: &Compiled) -> Result<World, CliError> {
        let mut world =
            self.read(compiled, ReadRequest::for_plan(&compiled.desired, &compiled.policy)).await?;
        // Beside the read: the plan says nothing of it without the scope, or where its calls would have to wait.
        if self.gateway.room_within(jiff::SignedDuration::ZERO) >= Reader::SIGN_ON_CALLS {
            world.sign_on = Box::pin(self.reader.sign_on()).await.unwrap_or_default();
            self.progress.finish();
        }
        Ok(world)
    }

    /// Reads what is asked, and makes sure that it is the account the manifest is about.
    pub(super) async fn read(&self, compiled: &Compiled, ask: ReadRequest) -> Result<World, CliError> {
        let read = self.reader.read(&ask).await;
        self.progress.finish();
        let world = read?;
        check_account(&compiled.policy, world.account.as_ref())?;
        Ok(world)
    }

    /// Reads what a saved plan is about.
    pub(super) async fn observe_for(&self, plan: &Plan, compiled: &Compiled) -> Result<World, CliError> {
        let people = plan.changes.iter().filter_map(|change| change.key.email().cloned()).collect();
        self.read(compiled, ReadRequest::full(people)).await
    }

    /// The app's secret: plans are sealed under a key derived from it.
    pub(super) fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// Reads everything there is, everybody looked up.
    pub(super) async fn observe_everyone(&self, compiled: &Compiled) -> Result<World, CliError> {
        let known = compiled.desired.referenced.clone();
        let read =
            self.reader.read(&ReadRequest { look_up_everyone: true, ..ReadRequest::full(known) }).await;
        self.progress.finish();
        Ok(read?)
    }

    /// What a plan is made of, besides the worlds.
    pub(super) fn context(
        &self,
        compiled: &Compiled,
        inputs: Inputs,
        reach: &Reach,
        memory: Memory,
    ) -> Context {
        Context {
            account: compiled.account.name.to_string(),
            host: self.host.clone(),
            inputs,
            limits: reach.limits(),
            day: None,
            rewrite: reach.rewrite(&memory),
            look_up_size: self.reader.sizes().look_up,
            memory,
            now: Timestamp::now(),
        }
    }

    /// By how much the platform's clock is ahead of this machine's, as its answers say.
    pub(super) fn skew(&self) -> Option<jiff::SignedDuration> {
        self.transport.skew()
    }

    /// Clears the progress line, before something else is written.
    pub(super) fn quiet_down(&self) {
        self.progress.finish();
    }

    /// Ends the sandbox, where there is one.
    pub(super) async fn close(self) {
        self.progress.finish();
        if let Some(embedded) = self.embedded {
            embedded.end().await;
        }
    }
}

/// Makes sure that this is the account the manifest is about.
pub(super) fn check_account(policy: &Policy, seen: Option<&AccountId>) -> Result<(), CliError> {
    match policy.account_mismatch(seen) {
        Some((pinned, seen)) => Err(CliError::OtherAccount {
            seen: seen.to_string(),
            pinned: pinned.to_string(),
            place: policy.blame("accountId"),
        }),
        None => Ok(()),
    }
}

/// The sandbox allows what the manifest says the account allows, so that raising one raises both.
fn limit_of(rate: RateLimit) -> sandbox::RateLimit {
    sandbox::RateLimit::Windows { per_minute: rate.per_minute as usize, per_hour: rate.per_hour as usize }
}

fn credentials(compiled: &Compiled) -> Result<Credentials, CliError> {
    let Some(references) = &compiled.account.credentials else {
        return Err(CliError::Credential {
            what: "the client id",
            why: format!("the KoreAccount {} has no credentials", compiled.account.name),
            next: "add spec.credentials with clientId and clientSecret, each from env or file".to_owned(),
        });
    };
    Ok(Credentials {
        client_id: secret("the client id", &references.client_id)?,
        client_secret: secret("the client secret", &references.client_secret)?.into(),
    })
}

fn secret(what: &'static str, reference: &SecretRef) -> Result<String, CliError> {
    let missing = |why: String, next: String| Err(CliError::Credential { what, why, next });
    let text = match reference {
        SecretRef::Env(name) => match std::env::var(name) {
            Ok(text) => text,
            Err(_) => {
                return missing(
                    format!("the environment variable {name} is not set"),
                    format!("export {name}, as shown by the console under Security & Control > API Scopes"),
                );
            }
        },
        SecretRef::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                return missing(
                    format!("{} cannot be read: {error}", path.display()),
                    "put it there, or correct the path".to_owned(),
                );
            }
        },
        SecretRef::SecretKey { name, key } => {
            let why = format!("secretKeyRef {name}/{key} is for the controller");
            return missing(why, "use env or file on the command line".to_owned());
        }
    };
    let text = text.trim().to_owned();
    if text.is_empty() {
        return missing("it is empty".to_owned(), "set it to what the console shows".to_owned());
    }
    Ok(text)
}

/// One folder an account: named after its id where the manifest pins one, else after the app. A sandbox keeps its
/// memory beside its data unless told otherwise.
pub(super) fn state_folder(
    compiled: &Compiled,
    state_dir: Option<&Path>,
    client_id: Option<&str>,
) -> Option<PathBuf> {
    let name = compiled.policy.account_id.as_ref().map(AccountId::as_str).or(client_id)?;
    if let Some(folder) = state_dir {
        return Some(folder.join(name));
    }
    if let AccountServer::Sandbox { data_dir } = &compiled.account.endpoint {
        return Some(data_dir.join("state").join(name));
    }
    let home =
        |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let base =
        home("XDG_STATE_HOME").or_else(|| home("HOME").map(|home| home.join(".local").join("state")))?;
    Some(Path::new(&base).join("koreconcile").join(name))
}
