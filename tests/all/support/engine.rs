//! A whole engine on a sandbox in process: read, plan, apply, in virtual time.

use super::in_process::{InProcess, KillPoint, SharedClock};
use jiff::{SignedDuration, Timestamp};
use koreconcile::apply::{self, BeforeImageSource, Journal, Outcome, RepairError};
use koreconcile::facts::{ClockCheck, Desired, Email, Policy, RateLimit, World};
use koreconcile::kore::{
    Credentials, Gateway, Ledger, Parts, ReadRequest, Reader, Silent, VirtualClock, Writer,
};
use koreconcile::plan::{self, Context, Limits, Plan};
use koreconcile::sandbox::{self, Admin, App, Dialect, Options, Sandbox, Starter};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// The account every engine test is about.
pub const ACCOUNT: &str = "64b000000000000000000001";

pub struct Engine {
    pub sandbox: Sandbox,
    pub admin: Admin,
    pub clock: Arc<VirtualClock>,
    pub gateway: Gateway,
    pub reader: Reader,
    pub writer: Writer,
    pub policy: Policy,
    pub limits: Limits,
    pub state: Option<PathBuf>,
    /// Where the process dies.
    pub kill_point: Arc<KillPoint>,
    /// How the two clocks compare.
    pub clock_check: Arc<Mutex<ClockCheck>>,
    ledger: Arc<Ledger>,
}

fn gateway(transport: InProcess, app: App, ledger: &Arc<Ledger>, clock: &Arc<VirtualClock>) -> Gateway {
    Gateway::new(Parts {
        transport: Arc::new(transport),
        credentials: Credentials { client_id: app.client_id, client_secret: app.client_secret.into() },
        ledger: Arc::clone(ledger),
        clock: Arc::clone(clock) as Arc<dyn koreconcile::kore::Clock>,
        observer: Arc::new(Silent),
        max_wait: SignedDuration::from_hours(48),
    })
}

impl Engine {
    /// A bare account: the Primary Admin, the built-in roles, nothing else.
    pub fn bare(dialect: Dialect) -> Self {
        Self::start(Options { dialect, starter: Starter::Bare, ..Options::default() }, RateLimit::default())
    }

    /// Another process has sent so many calls within the hour, and none within the minute.
    pub fn spend(&self, calls: usize) {
        let now = self.gateway.now();
        self.ledger.count_sent(vec![now - SignedDuration::from_mins(10); calls], now);
    }

    pub fn start(options: Options, rate: RateLimit) -> Self {
        let clock = Arc::new(VirtualClock::starting(Timestamp::from_second(1_800_000_000).unwrap()));
        let options = Options { clock: Arc::new(SharedClock(Arc::clone(&clock))), ..options };
        let sandbox = Sandbox::in_memory(options).unwrap();
        let admin = sandbox.admin().unwrap();
        let app = admin.create_app("koreconcile", &["all"], true).unwrap();
        let (transport, ledger) = (InProcess::new(&sandbox), Arc::new(Ledger::in_memory(rate)));
        let kill_point = Arc::clone(&transport.kill_point);
        let clock_check = Arc::clone(&transport.clock_check);
        let gateway = gateway(transport, app, &ledger, &clock);
        let policy = Policy { account_id: Some(admin.account_id().into()), rate, ..Policy::default() };
        Self {
            reader: Reader::new(gateway.clone()),
            writer: Writer::new(gateway.clone()),
            sandbox,
            admin,
            clock,
            gateway,
            policy,
            limits: Limits { take_over: true, ..Limits::default() },
            state: None,
            kill_point,
            clock_check,
            ledger,
        }
    }

    /// Goes on with the credentials of a new app, and the same budget.
    pub fn rotate(&mut self) {
        let app = self.admin.create_app("koreconcile", &["all"], true).unwrap();
        let mut transport = InProcess::new(&self.sandbox);
        transport.kill_point = Arc::clone(&self.kill_point);
        transport.clock_check = Arc::clone(&self.clock_check);
        self.gateway = gateway(transport, app, &self.ledger, &self.clock);
        self.reader = Reader::new(self.gateway.clone());
        self.writer = Writer::new(self.gateway.clone());
    }

    pub fn unlimited(options: Options) -> Self {
        let rate = RateLimit { per_minute: 1_000_000, per_hour: 10_000_000, reserve: 0, read_share: 100 };
        Self::start(Options { rate: sandbox::RateLimit::Off, ..options }, rate)
    }

    pub async fn read(&self, desired: &Desired) -> World {
        self.reader.read(&ReadRequest::full(desired.referenced.clone())).await.unwrap()
    }

    pub async fn plan(&self, desired: &Desired) -> (Plan, World) {
        let world = self.read(desired).await;
        (self.plan_on(desired, &world), world)
    }

    pub fn plan_on(&self, desired: &Desired, world: &World) -> Plan {
        let context = Context {
            account: "acme".to_owned(),
            limits: self.limits,
            look_up_size: self.reader.sizes().look_up,
            ..Context::default()
        };
        plan::make(desired.clone(), world, &self.policy, &context)
    }

    pub async fn apply(&self, desired: &Desired) -> Outcome {
        let (plan, world) = self.plan(desired).await;
        self.apply_plan(plan, &world).await
    }

    pub async fn apply_plan(&self, plan: Plan, world: &World) -> Outcome {
        let now = koreconcile::kore::Clock::now(&*self.clock);
        let mut journal = match &self.state {
            Some(folder) => Journal::create(folder, now).unwrap(),
            None => Journal::none(),
        };
        apply::run(plan, world, &self.policy, &self.account(), &mut journal, CancellationToken::new()).await
    }

    /// What an earlier run has kept is restored.
    pub async fn repair(&self, kept: BeforeImageSource<'_>) -> Result<Vec<Email>, RepairError> {
        apply::repair(kept, &self.account(), &self.policy, &CancellationToken::new()).await
    }

    /// As the executor takes it.
    pub fn account(&self) -> apply::Account<'_> {
        apply::Account { reader: &self.reader, writer: &self.writer, gateway: &self.gateway }
    }
}
