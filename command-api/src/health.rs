//! Whether the process lives, and whether it can serve.

use std::sync::Arc;
use std::time::Duration;

use event_store::ErrorChain;
use poem::http::{StatusCode, header};
use poem::{Endpoint, Request, Response, Result};
use serde::Serialize;
use sqlx::postgres::PgPool;

/// How long the database may take to answer.
const DATABASE_PATIENCE: Duration = Duration::from_secs(2);

/// How a part of the service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComponentStatus {
    /// It works.
    Ready,
    /// It works late or not at all, and requests are served all the same (the relay without NATS,
    /// a projector that is catching up).
    Degraded,
    /// Requests cannot be served.
    Failed,
}

/// A part of the service.
#[derive(Debug, Clone, Serialize)]
pub struct Component {
    /// Its name, such as `projector.accounts` or `relay`.
    pub name: String,
    /// How it is.
    pub status: ComponentStatus,
    /// Why, if it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How far it is behind the log, in positions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_positions: Option<i64>,
}

/// What knows how the parts beside the database are; must not wait.
pub trait ReadinessSource: Send + Sync {
    /// Every part.
    fn components(&self) -> Vec<Component>;
}

impl<F: Fn() -> Vec<Component> + Send + Sync> ReadinessSource for F {
    fn components(&self) -> Vec<Component> {
        self()
    }
}

#[derive(Debug, Serialize)]
struct Readiness {
    status: ComponentStatus,
    components: Vec<Component>,
}

/// `GET /health/live`: the process answers.
pub struct Live;

impl Endpoint for Live {
    type Output = Response;

    async fn call(&self, _request: Request) -> Result<Response> {
        Ok(json(
            StatusCode::OK,
            &serde_json::json!({ "status": "live" }),
        ))
    }
}

/// `GET /health/ready`: 200 when requests can be served, 503 when they cannot.
pub struct Ready {
    pool: PgPool,
    source: Arc<dyn ReadinessSource>,
}

impl Ready {
    /// Asks the database itself, and `source` about the rest.
    #[must_use]
    pub fn new(pool: PgPool, source: Arc<dyn ReadinessSource>) -> Self {
        Self { pool, source }
    }

    async fn database(&self) -> Component {
        let asked = sqlx::query("SELECT 1").execute(&self.pool);
        let detail = match tokio::time::timeout(DATABASE_PATIENCE, asked).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => {
                tracing::warn!(
                    error = %ErrorChain(&error),
                    "the database cannot be reached"
                );
                Some("cannot be reached")
            }
            Err(_) => Some("does not answer in time"),
        };
        Component {
            name: "database".to_owned(),
            status: if detail.is_none() {
                ComponentStatus::Ready
            } else {
                ComponentStatus::Failed
            },
            detail: detail.map(str::to_owned),
            lag_positions: None,
        }
    }
}

impl Endpoint for Ready {
    type Output = Response;

    async fn call(&self, _request: Request) -> Result<Response> {
        let mut components = vec![self.database().await];
        components.extend(self.source.components());
        let readiness = Readiness {
            status: overall(&components),
            components,
        };
        let status = match readiness.status {
            ComponentStatus::Ready | ComponentStatus::Degraded => StatusCode::OK,
            ComponentStatus::Failed => StatusCode::SERVICE_UNAVAILABLE,
        };
        Ok(json(status, &readiness))
    }
}

fn overall(components: &[Component]) -> ComponentStatus {
    let any = |status| {
        components
            .iter()
            .any(|component| component.status == status)
    };
    if any(ComponentStatus::Failed) {
        ComponentStatus::Failed
    } else if any(ComponentStatus::Degraded) {
        ComponentStatus::Degraded
    } else {
        ComponentStatus::Ready
    }
}

fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .body(serde_json::to_vec(body).unwrap_or_default())
}
