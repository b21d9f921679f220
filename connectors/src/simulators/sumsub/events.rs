//! Events and the webhooks that tell of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::account::Account;
use crate::simulators::cases::random_hexadecimal;
use crate::simulators::webhook_sender::{Outgoing, Signing};

impl Account {
    pub(super) fn tell(&mut self, kind: &'static str, place: usize, now: DateTime<Utc>) {
        let correlation = random_hexadecimal(&mut self.dice, 32);
        let (Some(target), Some(applicant)) = (&self.webhook, self.applicants.get(place)) else {
            return;
        };
        let mut body = json!({
            "applicantId": applicant.id,
            "inspectionId": applicant.inspection_id,
            "applicantType": "individual",
            "correlationId": format!("req-{correlation}"),
            "levelName": applicant.level,
            "sandboxMode": self.settings.app_token.reveal().starts_with("sbx:"),
            "externalUserId": applicant.external_user_id,
            "type": kind,
            "reviewStatus": applicant.status,
            "createdAt": now.format("%Y-%m-%d %H:%M:%S+0000").to_string(),
            "createdAtMs": now.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
            "clientId": "simulated.client",
        });
        if let Some(result) = &applicant.result {
            body["reviewResult"] = result.clone();
        }
        let secret = target.secret.clone();
        let digest = self.settings.webhook_digest;
        self.outbox.push(Outgoing {
            url: target.url.clone(),
            event_id: format!("req-{correlation}"),
            event_type: kind.to_owned(),
            content_type: "application/json",
            body: body.to_string().into(),
            forged_body: None,
            sign: Arc::new(move |body, signing| {
                let secret = match signing {
                    Signing::Right => secret.as_str(),
                    Signing::Wrong => "secret-of-somebody-else",
                };
                vec![
                    ("x-payload-digest", digest.of(secret, body)),
                    ("x-payload-digest-alg", digest.as_str().to_owned()),
                ]
            }),
        });
    }
}
