//! The way to one account, opened: credentials read, budget found, gateway made.

use super::embedded::Embedded;
use super::inputs::Reach;
use super::lock::RunLock;
use super::memory::MemoryStore;
use super::network;
use super::progress::Progress;
use super::secret::credentials;
use super::{CliError, Output};
use crate::facts::{AccountId, ClockCheck, Policy, RateLimit, World};
use crate::kore::{
    BaseUrl, Credentials, Gateway, HttpLimits, HttpTransport, KoreError, Ledger, Parts, ReadRequest, Reader,
    SystemClock,
};
use crate::manifest::{AccountConnection, AccountServer, Compiled};
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
    /// What was asked for.
    pub memory: MemoryStore,
    /// Where this account's journals and budget are, if anywhere.
    pub state: Option<PathBuf>,
    /// The same where it can be written.
    pub writable: Option<PathBuf>,
    /// Why it cannot be written.
    pub state_problem: Option<String>,
    secret: SecretString,
    transport: Arc<HttpTransport>,
    progress: Arc<Progress>,
    embedded: Option<Embedded>,
}

impl Session {
    /// Reads credentials, finds the budget, and starts the sandbox where the account is one. Sends nothing. Reads need
    /// no memory that can be written: with one warning they go on without.
    pub(super) async fn open(compiled: &Compiled, reach: &Reach, output: &Output) -> Result<Self, CliError> {
        let session = Self::open_any(compiled, reach, output).await?;
        if let Some(problem) = &session.state_problem {
            output.warn(format_args!(
                "warning: {problem}; going on without it: calls of earlier runs are not counted\n  choose another with --state-dir"
            ));
        }
        Ok(session)
    }

    /// The same for what writes to the account: without a journal and a memory nothing is sent.
    pub(super) async fn open_to_write(
        compiled: &Compiled,
        reach: &Reach,
        output: &Output,
    ) -> Result<Self, CliError> {
        let session = Self::open_any(compiled, reach, output).await?;
        match &session.state_problem {
            Some(problem) => {
                let problem = problem.clone();
                session.close().await;
                Err(CliError::State { problem })
            }
            None => Ok(session),
        }
    }

    async fn open_any(compiled: &Compiled, reach: &Reach, output: &Output) -> Result<Self, CliError> {
        let AccountConnection { name: _, endpoint, credentials: _, file: _, memory: _ } = &compiled.account;
        let policy = &compiled.policy;
        let (base, credentials, embedded, host) = match endpoint {
            AccountServer::Host(host) => {
                let base = BaseUrl::parse(host)?;
                let host = base.to_string();
                (base, credentials(compiled, output)?, None, host)
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
        let (ledger, state_problem) = ledger(state.as_deref(), policy.rate);
        let writable = state.clone().filter(|_| state_problem.is_none());
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
        let memory = MemoryStore::open(compiled, state.as_deref());
        Ok(Self {
            reader,
            gateway,
            host,
            memory,
            state,
            writable,
            state_problem,
            secret,
            transport,
            progress,
            embedded,
        })
    }

    /// Reads all that a plan needs, and makes sure that it is the account the manifest is about.
    pub(super) async fn observe(&self, compiled: &Compiled, memory: &Memory) -> Result<World, CliError> {
        let mut request = ReadRequest::for_plan(&compiled.desired, &compiled.policy);
        request.look_up.extend(memory.people().cloned());
        let mut world = self.read(compiled, request).await?;
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
        let world = read.map_err(|error| self.located(error))?;
        check_account(&compiled.policy, world.account.as_ref())?;
        Ok(world)
    }

    /// Whose account answers, in one call.
    pub(super) async fn account(&self, compiled: &Compiled) -> Result<Option<AccountId>, CliError> {
        let seen = self.reader.account().await;
        self.progress.finish();
        let seen = seen.map_err(|error| self.located(error))?;
        check_account(&compiled.policy, seen.as_ref())?;
        Ok(seen)
    }

    /// Reads what a saved plan is about.
    pub(super) async fn observe_for(&self, plan: &Plan, compiled: &Compiled) -> Result<World, CliError> {
        let people = plan.changes.iter().filter_map(|change| change.key.email().cloned()).collect();
        self.read(compiled, ReadRequest::full(people)).await
    }

    /// The platform's error, with the host and what is between here and there where it cannot be reached.
    fn located(&self, error: KoreError) -> CliError {
        match error {
            KoreError::Unreachable { .. } if self.embedded.is_none() => {
                let network = network::described(&self.host, &error.to_string());
                CliError::Unreachable { host: self.host.clone(), error: Box::new(error), network }
            }
            error => CliError::Kore(error),
        }
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
        read.map_err(|error| self.located(error))
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
            rewrite: reach.rewrite(&memory),
            look_up_size: self.reader.sizes().look_up,
            memory,
            now: Timestamp::now(),
            clock: self.clock_check(),
            ..Context::default()
        }
    }

    /// Keeps other runs on this account and its memory away; waits for one that is under way.
    pub(super) fn lock(
        &self,
        max_wait: jiff::SignedDuration,
        output: &Output,
    ) -> Result<RunLock<'_>, CliError> {
        RunLock::take_within(self.state.as_deref(), &self.memory, max_wait.unsigned_abs(), || {
            self.progress.finish();
            output.note("another run on this account is under way; waiting for it to end");
        })
    }

    /// By how much the platform's clock is ahead of this machine's, as its answers say.
    pub(super) fn skew(&self) -> Option<jiff::SignedDuration> {
        self.transport.skew()
    }

    /// How this machine's clock compares with the platform's. A sandbox in this process has no other clock.
    pub(super) fn clock_check(&self) -> ClockCheck {
        if self.embedded.is_some() { ClockCheck::NotCompared } else { self.gateway.clock_check() }
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

/// The call budget in the state folder; where that cannot be used, one of this process, and why.
fn ledger(state: Option<&Path>, rate: RateLimit) -> (Ledger, Option<String>) {
    match state.map(|folder| (folder, Ledger::in_file(&folder.join("budget"), rate))) {
        Some((_, Ok(ledger))) => (ledger, None),
        Some((folder, Err(error))) => {
            let problem = format!("the state folder {} cannot be used: {error}", folder.display());
            (Ledger::in_memory(rate), Some(problem))
        }
        None => (Ledger::in_memory(rate), None),
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
