//! `koreconcile sandbox`: serve, seed and administer the local account.

use super::exit::Exit;
use crate::facts::visible_lines;
use crate::sandbox::{
    Dialect, Mail, OffsetClock, Options, RateLimit, SCOPES, Sandbox, SandboxError, Seed, SystemClock,
};
use clap::{Args, Subcommand};
use jiff::SignedDuration;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A local Kore.ai account: the public Admin API over HTTP, from a folder.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    #[command(subcommand)]
    verb: SandboxVerb,
}

#[derive(Debug, Subcommand)]
enum SandboxVerb {
    /// Serve the accounts of a folder; folder and account are created if they are missing
    Serve(Serve),
    /// Add generated users, bots and groups; the same numbers always add the same ones
    Seed(SeedArgs),
    /// Create an API app and print its credentials as two lines for the shell
    App(AppArgs),
    /// Let an invited user join, without a browser
    Accept(Accept),
    /// Rename an account, as the console and its mails show it
    Rename(RenameArgs),
    /// Set the console password of a user: generated and printed, or read from standard input
    Password(PasswordArgs),
}

#[derive(Debug, Args)]
struct Serve {
    /// Data folder of the sandbox
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Address to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Listen on an address that other machines can reach; to them, the console answers under --public-url only
    #[arg(long)]
    allow_remote: bool,
    /// HTTPS origin of the TLS proxy in front of it, which sets X-Forwarded-For
    #[arg(long, value_name = "URL", value_parser = https_origin)]
    public_url: Option<String>,
    /// Calls per minute and hour, like 60/m,1800/h; or off
    #[arg(long, value_name = "LIMIT", default_value = "60/m,1800/h")]
    rate_limit: RateLimit,
    /// Behaviour that the vendor leaves undocumented: name=value,... or a JSON file
    #[arg(long, value_name = "SWITCHES", long_help = dialect_help())]
    dialect: Option<String>,
    /// Send mail to this SMTP server instead of writing it to DIR/mail
    #[arg(long, value_name = "URL")]
    smtp: Option<String>,
    /// Days after which invited users are reminded by mail, three times at most; 0: never
    #[arg(long, value_name = "DAYS", default_value_t = 3)]
    remind_days: u16,
    /// Account id; created if it is missing
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Serve /__test: faults, settable clock, request log, snapshot
    #[arg(long)]
    test_controls: bool,
}

#[derive(Debug, Args)]
struct SeedArgs {
    /// Data folder of the sandbox; created if it is missing
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Account id; created if it is missing
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Number of users to add
    #[arg(long, value_name = "N", default_value_t = 0)]
    users: usize,
    /// Number of bots to add
    #[arg(long, value_name = "B", default_value_t = 0)]
    bots: usize,
    /// Number of groups to add
    #[arg(long, value_name = "G", default_value_t = 0)]
    groups: usize,
}

#[derive(Debug, Args)]
struct AppArgs {
    /// Data folder of the sandbox
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Account id, when there are several
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Name of the app
    #[arg(long)]
    name: String,
    /// all, none, or a comma-separated list of scopes
    #[arg(long, value_name = "LIST", default_value = "all", long_help = scopes_help())]
    scopes: String,
    /// Refuse tokens without a fresh jti
    #[arg(long)]
    enforce_jti: bool,
}

#[derive(Debug, Args)]
struct Accept {
    /// Data folder of the sandbox
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Account id, when there are several
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// E-mail address of the invited user
    #[arg(value_name = "EMAIL")]
    email: String,
}

#[derive(Debug, Args)]
struct RenameArgs {
    /// Data folder of the sandbox
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Account id, when there are several
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The new name
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Debug, Args)]
struct PasswordArgs {
    /// Data folder of the sandbox
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Account id, when there are several
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Read the password from standard input, one line
    #[arg(long)]
    stdin: bool,
    /// E-mail address of the user
    #[arg(value_name = "EMAIL")]
    email: String,
}

fn https_origin(text: &str) -> Result<String, String> {
    let origin = text.trim_end_matches('/');
    let host = origin.strip_prefix("https://").unwrap_or_default();
    let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    if host.is_empty() || !host.chars().all(is_host) {
        return Err("not an origin of a TLS proxy, such as https://console.example.com".to_owned());
    }
    Ok(origin.to_owned())
}

/// Every switch with its default, as it is written on the command line.
fn dialect_help() -> String {
    let defaults = serde_json::to_value(Dialect::default()).unwrap_or_default();
    let switches = Dialect::FIELDS.iter().map(|name| {
        let default = &defaults[*name];
        format!("\n  {name}={}", default.as_str().map_or_else(|| default.to_string(), str::to_owned))
    });
    let intro = "Behaviour that the vendor leaves undocumented: name=value,... or a JSON file. Switches and defaults:";
    format!("{intro}{}", switches.collect::<String>())
}

fn scopes_help() -> String {
    format!("all, none, or a comma-separated list of scopes:\n  {}", SCOPES.join("\n  "))
}

/// Why a `sandbox` verb ended.
#[derive(Debug, thiserror::Error)]
pub enum SandboxCliError {
    /// The sandbox refused.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The address reaches beyond this machine.
    #[error(
        "refused to listen on {0}: other machines could reach it\n  it speaks plain HTTP: passwords and secrets would travel in the clear\n  listen on 127.0.0.1; or add --allow-remote for the API, and for the console --public-url https://HOST of a proxy that speaks TLS"
    )]
    NotLoopback(SocketAddr),
    /// Whoever can reach the address could control the sandbox.
    #[error(
        "refused to serve --test-controls with --allow-remote: everyone who reaches /__test controls the sandbox\n  leave out one of them"
    )]
    RemoteControls,
    /// The address cannot be had.
    #[error(
        "cannot listen on {address}: {source}\n  choose another --listen address; port 0 takes any free port"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The first password could not be written down.
    #[error("cannot write {}: {source}\n  set a password with: koreconcile sandbox password --data DIR EMAIL", path.display())]
    FirstPassword {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Standard input could not be read.
    #[error("cannot read the password from standard input: {0}")]
    Stdin(std::io::Error),
    /// Serving ended with an error.
    #[error("the server ended: {0}")]
    Serve(std::io::Error),
}

/// One line. A reader that has gone away is no error.
fn say(mut to: impl Write, line: std::fmt::Arguments<'_>) {
    let line = line.to_string();
    let _ = writeln!(to, "{}", visible_lines(&line)).and_then(|()| to.flush());
}

/// Runs the verb.
pub async fn run(args: SandboxArgs) -> Result<(), SandboxCliError> {
    match args.verb {
        SandboxVerb::Serve(serve) => run_serve(serve).await,
        SandboxVerb::Seed(seed) => run_seed(&seed),
        SandboxVerb::App(app) => run_app(&app),
        SandboxVerb::Accept(accept) => run_accept(&accept),
        SandboxVerb::Rename(rename) => run_rename(&rename),
        SandboxVerb::Password(password) => run_password(&password),
    }
}

async fn run_serve(serve: Serve) -> Result<(), SandboxCliError> {
    let Serve {
        data,
        listen,
        allow_remote,
        public_url,
        rate_limit,
        dialect,
        smtp,
        remind_days,
        account,
        test_controls,
    } = serve;
    if !listen.ip().is_loopback() && !allow_remote {
        return Err(SandboxCliError::NotLoopback(listen));
    }
    if test_controls && allow_remote {
        return Err(SandboxCliError::RemoteControls);
    }
    let dialect = dialect.map_or_else(|| Ok(Dialect::default()), |text| Dialect::default().with(&text))?;
    let at_address = |source| SandboxCliError::Listen { address: listen, source };
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(at_address)?;
    let address = listener.local_addr().map_err(at_address)?;
    let options = Options {
        dialect,
        rate: rate_limit,
        clock: if test_controls { Arc::new(OffsetClock::default()) } else { Arc::new(SystemClock) },
        test_controls,
        record_requests: test_controls,
        mail: smtp.map_or(Mail::Files, Mail::Smtp),
        public_url: public_url.unwrap_or_else(|| format!("http://{}", from_here(address))),
        remind_every: (remind_days > 0).then(|| SignedDuration::from_hours(24 * i64::from(remind_days))),
        account_id: account,
        ..Options::default()
    };
    let sandbox = Sandbox::open(&data, options)?;
    tell_of_folder(&data);
    tell_of_console(&sandbox, &data, address)?;
    // One line on stdout once requests are answered: scripts wait for it, and learn the port.
    super::output::print(&format!("http://{address}\n"));
    if super::output::written().is_err() {
        // Nobody learns the address; the caller reports why.
        return Ok(());
    }
    let accounts = sandbox.accounts()?.join(", ");
    say(
        std::io::stderr(),
        format_args!("accounts: {accounts}    rate limit: {rate_limit}    stop with Ctrl-C"),
    );
    let stop = async {
        interrupted().await;
        tokio::spawn(async {
            interrupted().await;
            // Asked twice: what is in flight is given up. The database keeps what was committed.
            std::process::exit(i32::from(Exit::Partial as u8));
        });
    };
    sandbox.serve(listener, stop).await.map_err(SandboxCliError::Serve)
}

/// Where this machine finds the server: an address that stands for all of them is none to be opened.
fn from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A folder that was there before may be open to others; what the sandbox writes into it is not.
fn tell_of_folder(data: &Path) {
    if let Some(mode) = Sandbox::data_open_to_others(data) {
        let data = data.display();
        say(
            std::io::stderr(),
            format_args!(
                "warning: other users of this machine can look into {data} (mode {mode})\nhelp: close it with: chmod 700 {data}"
            ),
        );
    }
}

const FIRST_PASSWORD: &str = "first-password.txt";

/// Where the console is and who gets in: for a folder that has no passwords yet a first one is made and written down.
fn tell_of_console(sandbox: &Sandbox, data: &Path, address: SocketAddr) -> Result<(), SandboxCliError> {
    let Options { public_url: url, mail, .. } = sandbox.options();
    let is_behind_tls = url.starts_with("https://");
    let is_here = from_here(address).ip().is_loopback();
    // The console answers this machine, or a proxy that speaks TLS; the mailbox this machine alone, and only what is kept here.
    let console = if is_behind_tls || is_here {
        format!("console: {url}/Admin")
    } else {
        "console: not served here; it needs --public-url https://HOST of a proxy that speaks TLS".to_owned()
    };
    let messages = if !is_behind_tls && is_here && *mail == Mail::Files {
        format!("    messages: {url}/mailbox")
    } else {
        String::new()
    };
    say(std::io::stderr(), format_args!("{console}{messages}"));
    let path = data.join(FIRST_PASSWORD);
    Sandbox::close_private(&path)
        .map_err(|source| SandboxCliError::FirstPassword { path: path.clone(), source })?;
    if let Some(password) = sandbox.first_password()? {
        Sandbox::write_private(&path, &format!("{password}\n"))
            .map_err(|source| SandboxCliError::FirstPassword { path: path.clone(), source })?;
        let path = path.display();
        say(std::io::stderr(), format_args!("sign in as owner@example.com with the password in {path}"));
    }
    Ok(())
}

/// Resolves at Ctrl-C, and where there is such a thing at a request to terminate.
async fn interrupted() {
    let interrupt = async {
        if let Err(e) = tokio::signal::ctrl_c().await {
            tracing::warn!("no signal handler, stop by killing: {e}");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! { () = interrupt => {}, _ = terminate.recv() => {} },
            Err(_) => interrupt.await,
        }
    }
    #[cfg(not(unix))]
    interrupt.await;
}

fn run_seed(args: &SeedArgs) -> Result<(), SandboxCliError> {
    let SeedArgs { data, account, users, bots, groups } = args;
    let sandbox = Sandbox::open(data, Options { account_id: account.clone(), ..Options::default() })?;
    let admin = sandbox.admin()?;
    admin.seed(Seed { users: *users, bots: *bots, groups: *groups })?;
    let account = admin.account_id();
    say(
        std::io::stderr(),
        format_args!("account {account}: added {users} users, {bots} bots, {groups} groups"),
    );
    Ok(())
}

fn run_app(args: &AppArgs) -> Result<(), SandboxCliError> {
    let AppArgs { data, account, name, scopes, enforce_jti } = args;
    let sandbox =
        Sandbox::open_existing(data, Options { account_id: account.clone(), ..Options::default() })?;
    let scopes: Vec<&str> = scopes.split(',').map(str::trim).collect();
    let app = sandbox.admin()?.create_app(name, &scopes, *enforce_jti)?;
    let (id, secret) = (app.client_id, app.client_secret);
    super::output::print(&format!("export KORE_CLIENT_ID={id}\nexport KORE_CLIENT_SECRET={secret}\n"));
    Ok(())
}

fn run_accept(args: &Accept) -> Result<(), SandboxCliError> {
    let Accept { data, account, email } = args;
    let sandbox =
        Sandbox::open_existing(data, Options { account_id: account.clone(), ..Options::default() })?;
    sandbox.admin()?.accept(email)?;
    say(std::io::stderr(), format_args!("{email} has joined"));
    Ok(())
}

fn run_rename(args: &RenameArgs) -> Result<(), SandboxCliError> {
    let RenameArgs { data, account, name } = args;
    let sandbox =
        Sandbox::open_existing(data, Options { account_id: account.clone(), ..Options::default() })?;
    let admin = sandbox.admin()?;
    admin.rename_account(name)?;
    say(std::io::stderr(), format_args!("account {} is called {name}", admin.account_id()));
    Ok(())
}

fn run_password(args: &PasswordArgs) -> Result<(), SandboxCliError> {
    let PasswordArgs { data, account, stdin, email } = args;
    let sandbox =
        Sandbox::open_existing(data, Options { account_id: account.clone(), ..Options::default() })?;
    let mut typed = String::new();
    if *stdin {
        std::io::stdin().read_line(&mut typed).map_err(SandboxCliError::Stdin)?;
    }
    let typed = typed.trim_end_matches(['\r', '\n']);
    let password = sandbox.admin()?.set_password(email, stdin.then_some(typed))?;
    if !stdin {
        super::output::print(&format!("{password}\n"));
    }
    say(std::io::stderr(), format_args!("the password of {email} is set; their sessions have ended"));
    Ok(())
}
