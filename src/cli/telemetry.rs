//! Logs to stderr, and traces to an OTLP collector where one is named.

use super::CliError;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// The log format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// One line of text per event
    Text,
    /// One JSON object per line
    Json,
}

/// Where logs and traces go.
#[derive(Debug, Clone)]
pub(super) struct Telemetry {
    /// The log format.
    pub format: LogFormat,
    /// Where traces go, if anywhere.
    pub otlp: Option<String>,
}

/// Sends what is left when it goes.
#[derive(Debug, Default)]
pub(super) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Sends what is left, and waits for it.
    pub(super) fn flush(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// Sets both up.
pub(super) fn start(telemetry: &Telemetry, filter: EnvFilter) -> Result<Traces, CliError> {
    let provider = telemetry.otlp.as_deref().map(provider).transpose()?;
    let traces = provider.as_ref().map(|provider| {
        // Our own spans only: what the HTTP clients trace would trace the sending of traces.
        let ours = EnvFilter::new("off,koreconcile=info");
        tracing_opentelemetry::layer().with_tracer(provider.tracer("koreconcile")).with_filter(ours)
    });
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let logs = match telemetry.format {
        LogFormat::Text => logs.boxed(),
        LogFormat::Json => logs.json().flatten_event(true).with_span_list(false).boxed(),
    };
    // A second call, in tests, changes nothing.
    let _ = tracing_subscriber::registry().with(logs.with_filter(filter)).with(traces).try_init();
    Ok(Traces(provider))
}

/// The exporter blocks on a thread of its own, and may not be made on one of the runtime's.
fn provider(endpoint: &str) -> Result<SdkTracerProvider, CliError> {
    let failed = |why: String| CliError::Traces { endpoint: endpoint.to_owned(), why };
    let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let made = std::thread::spawn(move || {
        SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(url).build()
    });
    let exporter = made
        .join()
        .map_err(|_| failed("the exporter could not be made".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    let service = opentelemetry_sdk::Resource::builder().with_service_name("koreconcile").build();
    Ok(SdkTracerProvider::builder().with_resource(service).with_batch_exporter(exporter).build())
}
