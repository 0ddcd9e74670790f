//! `controller`: the same engine in a cluster.

use super::telemetry::{LogFormat, Telemetry};
use super::{CliError, Exit, Output};
use crate::controller::{self, LeaseOptions, Options};
use clap::Args;
use std::net::SocketAddr;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Run in a Kubernetes cluster and keep accounts as their objects declare them.
#[derive(Debug, Args)]
pub(super) struct ControllerArgs {
    /// Namespace to watch; repeatable. Without it: all namespaces, which needs a cluster-wide role
    #[arg(long = "namespace", value_name = "NAME")]
    namespaces: Vec<String>,
    /// Host that accounts may use; repeatable. Without it: any https host
    #[arg(long = "allowed-host", value_name = "HOST")]
    allowed_hosts: Vec<String>,
    /// Namespace of the Lease for leader election
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE", default_value = "default")]
    lease_namespace: String,
    /// Name of the Lease
    #[arg(long, value_name = "NAME", default_value = "koreconcile")]
    lease_name: String,
    /// Identity of this replica [default: the name of the host]
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    identity: Option<String>,
    /// Time without renewal after which another replica may take over
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    lease_duration: Duration,
    /// Time between renewals
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    renew_every: Duration,
    /// Timeout of one call to the Admin API; with two renewals it must be shorter than the lease
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    call_timeout: Duration,
    /// Quiet time after an edit before a pass starts
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time)]
    debounce: Duration,
    /// Time between polls of the account's audit log, one call each
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    audit_poll_interval: Duration,
    /// After a start, take away what was never declared, and what unseen deletions leave, only after this time
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = time)]
    quiet_start: Duration,
    /// Address that serves /metrics
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Address that serves /healthz and /readyz
    #[arg(long, value_name = "ADDRESS")]
    health_listen: Option<SocketAddr>,
    /// Send traces to this OTLP endpoint over HTTP, such as <http://collector:4318>
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
    /// Log format
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
            audit_poll_interval: self.audit_poll_interval,
            quiet_start: self.quiet_start,
        })
    }
}

/// Runs until it is told to end.
pub(super) async fn run(args: &ControllerArgs, output: &Output) -> Result<Exit, CliError> {
    let options = args.options()?;
    let cancel = CancellationToken::new();
    let output = *output;
    let listener = tokio::spawn({
        let cancel = cancel.clone();
        async move {
            ended().await;
            output.note("ending after the calls in flight");
            cancel.cancel();
        }
    });
    let outcome = controller::run_in_cluster(options, cancel).await;
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
