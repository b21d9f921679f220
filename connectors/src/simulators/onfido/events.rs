//! Events and the webhooks that tell of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::account::{Account, instant};
use crate::providers::signature::hmac_sha256;
use crate::simulators::webhook_sender::{Outgoing, Signing};

impl Account {
    /// Tasks are named by their run here, which is all that is wanted of them.
    pub(super) fn tell(&mut self, action: &'static str, place: usize, now: DateTime<Utc>) {
        let (Some(target), Some(run)) = (&self.webhook, self.runs.get(place)) else {
            return;
        };
        let kind = action.split('.').next().unwrap_or_default();
        let status = match action {
            "workflow_run.completed" => run.status.as_str(),
            _ => "completed",
        };
        let mut resource = run.shown();
        if let Some(fields) = resource.as_object_mut() {
            fields.remove("sdk_token");
        }
        let body = json!({"payload": {
            "resource_type": kind,
            "action": action,
            "object": {
                "id": run.id,
                "status": status,
                "completed_at_iso8601": instant(now),
                "href": format!("{}/v3.6/workflow_runs/{}", self.base_url, run.id),
            },
            "resource": resource,
        }});
        let token = target.secret.clone();
        self.outbox.push(Outgoing {
            url: target.url.clone(),
            event_id: format!("{action}/{}", run.id),
            event_type: action.to_owned(),
            content_type: "application/json; charset=utf-8",
            body: body.to_string().into(),
            forged_body: None,
            sign: Arc::new(move |body, signing| {
                let token = match signing {
                    Signing::Right => token.as_str(),
                    Signing::Wrong => "token-of-somebody-else",
                };
                vec![("x-sha2-signature", hmac_sha256(token, &[body]))]
            }),
        });
    }
}
