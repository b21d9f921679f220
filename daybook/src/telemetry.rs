//! Logs to standard error, traces to an OTLP endpoint when one is configured.

use std::io::IsTerminal;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::settings::{LogFormat, TelemetrySettings};

/// Libraries that log what passes through them when they are asked to say more than this: messages on live
/// streams have tokens in them.
const CARRIERS: [(&str, Level); 1] = [("tungstenite", Level::INFO)];

/// Why logging cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("telemetry.filter cannot be read")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// The endpoint cannot be used.
    #[error("telemetry.otlp_endpoint cannot be used")]
    Endpoint(#[source] ExporterBuildError),
    /// Something logs already.
    #[error("logging has already begun")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// Keeps traces flowing; what is left is sent when it is dropped.
#[derive(Debug)]
pub struct Telemetry {
    tracer: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Begins logging.
    ///
    /// # Errors
    /// [`TelemetryError`].
    pub fn start(settings: &TelemetrySettings) -> Result<Self, TelemetryError> {
        let filter = EnvFilter::try_new(&settings.filter).map_err(TelemetryError::Filter)?;
        let colours = std::io::stderr().is_terminal();
        let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
        let lines = match settings.format {
            LogFormat::Text => lines.with_target(false).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let tracer = exporter(&settings.otlp_endpoint)?;
        let spans = tracer
            .as_ref()
            .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("daybook")));
        tracing_subscriber::registry()
            .with(filter)
            .with(filter_fn(tells_no_secrets))
            .with(lines)
            .with(spans)
            .try_init()
            .map_err(TelemetryError::Twice)?;
        Ok(Self { tracer })
    }
}

/// Whatever the filter says: nobody who looks for a fault has tokens written to a file.
fn tells_no_secrets(metadata: &Metadata<'_>) -> bool {
    !CARRIERS
        .iter()
        .any(|(library, most)| metadata.target().starts_with(library) && metadata.level() > most)
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(tracer) = &self.tracer
            && let Err(error) = tracer.shutdown()
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

fn exporter(endpoint: &str) -> Result<Option<SdkTracerProvider>, TelemetryError> {
    if endpoint.is_empty() {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(endpoint)
        .build()
        .map_err(TelemetryError::Endpoint)?;
    let resource = Resource::builder().with_service_name("daybook").build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build();
    Ok(Some(provider))
}
