//! `controller`: the same engine in a cluster.

use super::telemetry::{LogFormat, Telemetry};
use super::{CliError, Exit, Output};
use crate::apply;
use crate::controller::{self, LeaseOptions, Options};
use clap::Args;
use std::net::SocketAddr;
use std::time::Duration;

/// Run in a cluster: keep accounts as their objects declare them.
#[derive(Debug, Args)]
pub(super) struct ControllerArgs {
    /// A namespace to look after; repeat it for several. None: all, which takes a cluster-wide role
    #[arg(long = "namespace", value_name = "NAME")]
    namespaces: Vec<String>,
    /// A host that accounts may name; repeat it for several. None: any https host
    #[arg(long = "allowed-host", value_name = "HOST")]
    allowed_hosts: Vec<String>,
    /// Namespace of the Lease by which replicas agree on who writes
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE", default_value = "default")]
    lease_namespace: String,
    /// Name of that Lease
    #[arg(long, value_name = "NAME", default_value = "koreconcile")]
    lease_name: String,
    /// Who this replica is; the host's name if left out
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    identity: Option<String>,
    /// After this long without renewal another replica may take over
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    lease_duration: Duration,
    /// Time between renewals
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    renew_every: Duration,
    /// The longest one call to the Admin API may take; below the lease by a few renewals
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    call_timeout: Duration,
    /// Quiet time after an edit before a pass starts
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time)]
    debounce: Duration,
    /// Time between looks at the account's audit log, one call each
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    hint_every: Duration,
    /// Serve /metrics here
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Serve /healthz and /readyz here
    #[arg(long, value_name = "ADDRESS")]
    health_listen: Option<SocketAddr>,
    /// Send traces to this OTLP endpoint over HTTP, such as <http://collector:4318>
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
    /// How logs look
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

impl ControllerArgs {
    /// Where logs and traces go.
    pub(super) fn telemetry(&self) -> Telemetry {
        Telemetry { format: self.log_format, otlp: self.otlp_endpoint.clone() }
    }

    fn options(&self) -> Result<Options, CliError> {
        if self.call_timeout + self.renew_every + self.renew_every >= self.lease_duration {
            return Err(CliError::Lease {
                lease: self.lease_duration.as_secs_f64(),
                call: self.call_timeout.as_secs_f64(),
                renew: self.renew_every.as_secs_f64(),
            });
        }
        let host = || std::fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned());
        let identity = self.identity.clone().or_else(host).filter(|name| !name.is_empty());
        // Two replicas of one name would both believe that they hold the Lease.
        let identity = format!(
            "{}-{}",
            identity.unwrap_or_else(|| "koreconcile".to_owned()),
            uuid::Uuid::new_v4().simple()
        );
        Ok(Options {
            namespaces: self.namespaces.clone(),
            allowed_hosts: self.allowed_hosts.clone(),
            lease: LeaseOptions {
                namespace: self.lease_namespace.clone(),
                name: self.lease_name.clone(),
                identity,
                duration: self.lease_duration,
                renew_every: self.renew_every,
                call_timeout: self.call_timeout,
            },
            metrics: self.metrics_listen,
            health: self.health_listen,
            debounce: self.debounce,
            hint_every: self.hint_every,
        })
    }
}

/// Runs until it is told to end.
pub(super) async fn run(args: &ControllerArgs, output: &Output) -> Result<Exit, CliError> {
    let options = args.options()?;
    let (stopper, stop) = apply::stop();
    let output = *output;
    let listener = tokio::spawn(async move {
        ended().await;
        output.note("ending after the calls in flight");
        stopper.stop();
    });
    let outcome = controller::run_in_cluster(options, stop).await;
    listener.abort();
    outcome?;
    Ok(Exit::Done)
}

/// Ctrl-C, or what a kubelet sends.
async fn ended() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// A time as manifests write it, or with a fraction of a second in milliseconds.
fn time(text: &str) -> Result<Duration, String> {
    if let Some(milliseconds) = text.strip_suffix("ms").and_then(|number| number.parse().ok()) {
        return Ok(Duration::from_millis(milliseconds));
    }
    let time = super::inputs::time(text)?;
    Duration::try_from(time).map_err(|error| error.to_string())
}
