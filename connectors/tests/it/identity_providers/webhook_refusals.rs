//! Webhooks that are not taken, and genuine ones that cannot be read.

use chrono::Utc;
use connectors::identity_providers::digio::DigioProvider;
use connectors::identity_providers::onfido::OnfidoProvider;
use connectors::identity_providers::sumsub::{SumsubDigest, SumsubProvider, SumsubSettings};
use connectors::identity_providers::{
    CaseStatus, IdentityProvider, MAX_WEBHOOK_BYTES, Provider, Reported, WebhookContent,
    WebhookDelivery, WebhookFacts, WebhookRejection,
};
use connectors::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::{HeaderMap, HeaderValue};
use sha2::Sha256;

use super::support::{
    WEBHOOK_SECRET, digio_settings, known, observation, onfido_settings, sumsub_settings,
};

const SUMSUB: &str = r#"{"applicantId":"5cb56e8e0a975a35f333cb83","inspectionId":"5cb56e8e0a975a35f333cb84","applicantType":"individual","correlationId":"req-1","levelName":"basic kyc-level","sandboxMode":true,"externalUserId":"reference-1","type":"applicantReviewed","reviewResult":{"moderationComment":"A comment.","clientComment":"Not for them.","reviewAnswer":"RED","rejectLabels":["BAD_PHOTO"],"reviewRejectType":"RETRY"},"reviewStatus":"completed","createdAt":"2026-01-01 00:00:00+0000","createdAtMs":"2026-01-01 00:00:00.123"}"#;

const ONFIDO: &str = r#"{"payload":{"resource_type":"workflow_run","action":"workflow_run.completed","object":{"id":"0fc1a1b0-0000-4000-8000-000000000001","status":"approved","completed_at_iso8601":"2026-01-01T00:00:00Z","href":"https://api.eu.onfido.com/v3.6/workflow_runs/0fc1a1b0"},"resource":{"id":"0fc1a1b0-0000-4000-8000-000000000001","workflow_id":"0fc1a1b0-0000-4000-8000-0000000000ff","customer_user_id":"reference-1","status":"approved","reasons":["a b"],"output":{"first_name":"Asha"}}}}"#;

const DIGIO: &str = r#"{"entities":["kyc_request"],"payload":{"kyc_request":{"id":"KID00000000000001","status":"approved","reference_id":"reference-1"}},"id":"WHN000000000001","created_at":1767225600000,"event":"kyc.request.approved"}"#;

fn signature(secret: &str, signed: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed);
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn adapter(provider: Provider) -> Box<dyn IdentityProvider> {
    let url = "http://127.0.0.1:9";
    let secrets = ["the-next-one", WEBHOOK_SECRET];
    match provider {
        Provider::Sumsub => {
            Box::new(SumsubProvider::try_new(sumsub_settings(url, &secrets)).unwrap())
        }
        Provider::Onfido => {
            Box::new(OnfidoProvider::try_new(onfido_settings(url, &secrets)).unwrap())
        }
        Provider::Digio => Box::new(DigioProvider::try_new(digio_settings(url, &secrets)).unwrap()),
    }
}

fn genuine(provider: Provider) -> &'static str {
    match provider {
        Provider::Sumsub => SUMSUB,
        Provider::Onfido => ONFIDO,
        Provider::Digio => DIGIO,
    }
}

fn header(provider: Provider) -> &'static str {
    match provider {
        Provider::Sumsub => "x-payload-digest",
        Provider::Onfido => "x-sha2-signature",
        Provider::Digio => "x-digio-checksum",
    }
}

type Outcome = Result<WebhookFacts, WebhookRejection>;

fn given(provider: Provider, body: &[u8], pairs: &[(&'static str, &str)]) -> Outcome {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    if provider == Provider::Sumsub {
        headers
            .entry("x-payload-digest-alg")
            .or_insert(HeaderValue::from_static("HMAC_SHA256_HEX"));
    }
    adapter(provider).verify_webhook(&WebhookDelivery {
        body,
        headers: &headers,
        received_at: Utc::now(),
    })
}

/// Signed rightly, whatever it says.
fn signed(provider: Provider, body: &[u8]) -> Outcome {
    let signature = signature(WEBHOOK_SECRET, body);
    let json = ("content-type", "application/json");
    given(provider, body, &[json, (header(provider), &signature)])
}

#[test]
fn genuine_ones_are_taken() {
    for provider in Provider::ALL {
        let body = genuine(provider).as_bytes();
        let facts = signed(provider, body).unwrap();
        let case = observation(&facts);
        assert_eq!(case.reference.as_ref().unwrap().as_str(), "reference-1");
        assert_eq!(case.occurred_at, facts.occurred_at);
        assert_eq!(case.occurred_at.unwrap().timestamp(), 1_767_225_600);
        // A replay verifies, for nothing in the signature tells the time: it has the same id and digest.
        assert_eq!(signed(provider, body).unwrap(), facts);
        let id = match provider {
            Provider::Sumsub => {
                "applicantReviewed/5cb56e8e0a975a35f333cb83/2026-01-01 00:00:00.123"
            }
            Provider::Onfido => {
                "workflow_run.completed/0fc1a1b0-0000-4000-8000-000000000001/2026-01-01T00:00:00Z"
            }
            Provider::Digio => "WHN000000000001",
        };
        assert_eq!(facts.event_id, id);
        // Spaces are other bytes, and the same event.
        let spaced = genuine(provider).replacen(':', ": ", 1);
        let spaced = signed(provider, spaced.as_bytes()).unwrap();
        assert_eq!(spaced.event_id, facts.event_id);
        assert_ne!(spaced.body_digest, facts.body_digest);
    }
}

#[test]
fn others_are_refused() {
    use WebhookRejection::{ContentType, MalformedSignature, NotSigned, TooLong, WrongSignature};
    for provider in Provider::ALL {
        let body = genuine(provider).as_bytes();
        let name = header(provider);
        let json = ("content-type", "application/json");
        let right = signature(WEBHOOK_SECRET, body);
        let (wrong, upper) = (signature("another", body), right.to_ascii_uppercase());
        let (spaced, longer) = (format!(" {right}"), format!("{right}00"));
        for (pairs, expected) in [
            (vec![json], NotSigned),
            (vec![json, (name, "")], NotSigned),
            (vec![json, (name, &right), (name, &right)], NotSigned),
            (vec![json, (name, &right), (name, &wrong)], NotSigned),
            (vec![json, (name, &right[..63])], MalformedSignature),
            (vec![json, (name, &spaced)], MalformedSignature),
            (vec![json, (name, &longer)], MalformedSignature),
            (vec![json, (name, &upper)], WrongSignature),
            (vec![json, (name, &wrong)], WrongSignature),
            (vec![(name, &right)], ContentType),
            (
                vec![("content-type", "text/plain"), (name, &right)],
                ContentType,
            ),
            (
                vec![
                    ("content-type", "application/x-www-form-urlencoded"),
                    (name, &right),
                ],
                ContentType,
            ),
            (
                vec![json, ("content-type", "text/plain"), (name, &right)],
                ContentType,
            ),
        ] {
            let outcome = given(provider, body, &pairs);
            assert_eq!(outcome, Err(expected), "{provider} {pairs:?}");
        }
        let pairs = [json, (name, &*right)];
        let tampered = genuine(provider)
            .replace("approved", "declined")
            .replace("RETRY", "FINAL");
        for changed in [
            tampered.as_bytes(),
            &body[..body.len() - 1],
            &[],
            &[body, b"\n"].concat(),
        ] {
            assert_eq!(
                given(provider, changed, &pairs),
                Err(WrongSignature),
                "{provider}"
            );
        }
        let huge = vec![b' '; MAX_WEBHOOK_BYTES + 1];
        assert_eq!(signed(provider, &huge), Err(TooLong));
    }
}

/// The header says which digest; only the one of the settings is taken, once.
#[test]
fn sumsub_does_not_choose_its_digest() {
    let body = SUMSUB.as_bytes();
    let json = ("content-type", "application/json");
    let right = signature(WEBHOOK_SECRET, body);
    let digest = ("x-payload-digest", &*right);
    let name = "x-payload-digest-alg";
    for algorithms in [
        vec!["HMAC_SHA1_HEX"],
        vec!["HMAC_SHA512_HEX"],
        vec!["hmac_sha256_hex"],
        vec!["NONE"],
        vec![""],
        vec!["HMAC_SHA256_HEX", "HMAC_SHA256_HEX"],
    ] {
        let mut pairs = vec![json, digest];
        pairs.extend(algorithms.iter().map(|algorithm| (name, *algorithm)));
        let outcome = given(Provider::Sumsub, body, &pairs);
        assert_eq!(
            outcome,
            Err(WebhookRejection::MalformedSignature),
            "{algorithms:?}"
        );
    }
    let settings = SumsubSettings {
        webhook_digest: SumsubDigest::Sha512,
        ..sumsub_settings("http://127.0.0.1:9", &[WEBHOOK_SECRET])
    };
    let provider = SumsubProvider::try_new(settings).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [json, digest, (name, "HMAC_SHA256_HEX")] {
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let outcome = provider.verify_webhook(&WebhookDelivery {
        body,
        headers: &headers,
        received_at: Utc::now(),
    });
    assert_eq!(outcome, Err(WebhookRejection::MalformedSignature));
}

#[test]
fn genuine_ones_that_cannot_be_read_are_told() {
    for provider in Provider::ALL {
        let whole = genuine(provider);
        let id = match provider {
            Provider::Sumsub => "5cb56e8e0a975a35f333cb83",
            Provider::Onfido => "0fc1a1b0-0000-4000-8000-000000000001",
            Provider::Digio => "KID00000000000001",
        };
        let mut bodies = vec![
            String::new(),
            "{".to_owned(),
            "[]".to_owned(),
            "null".to_owned(),
            "7".to_owned(),
            whole[..whole.len() - 20].to_owned(),
            "[".repeat(100_000),
            whole.replace(id, "../../v1"),
            whole.replace(&format!("\"{id}\""), "7"),
            whole.replace(&format!("\"{id}\""), "\"\""),
        ];
        if provider == Provider::Digio {
            bodies.push(whole.replace("kyc_request\":{", "mandate\":{"));
        }
        for body in bodies {
            let facts = signed(provider, body.as_bytes()).unwrap();
            let WebhookContent::NotUnderstood { reason } = &facts.content else {
                panic!("{provider} {body}: {facts:?}");
            };
            assert!(
                !reason.contains("reference-1") && !reason.contains(id),
                "{reason}"
            );
            assert!(!facts.event_id.is_empty());
        }
    }
}

#[test]
fn words_that_nobody_documents_are_told() {
    for (provider, from, to, expected) in [
        (
            Provider::Sumsub,
            "\"completed\"",
            "\"vanished\"",
            "vanished/RED/RETRY",
        ),
        (
            Provider::Sumsub,
            "\"RED\"",
            "\"BLUE\"",
            "completed/BLUE/RETRY",
        ),
        (
            Provider::Sumsub,
            "\"RETRY\"",
            "\"LATER\"",
            "completed/RED/LATER",
        ),
        (
            Provider::Sumsub,
            "applicantReviewed",
            "applicantEaten",
            "applicantEaten",
        ),
        (
            Provider::Onfido,
            "\"status\":\"approved\"",
            "\"status\":\"vanished\"",
            "vanished",
        ),
        (
            Provider::Onfido,
            "workflow_run.completed",
            "workflow_run.eaten",
            "workflow_run.eaten",
        ),
        (Provider::Digio, "\"approved\"", "\"vanished\"", "vanished"),
        (
            Provider::Digio,
            "kyc.request.approved",
            "kyc.request.eaten",
            "kyc.request.eaten",
        ),
    ] {
        let body = genuine(provider).replace(from, to);
        let facts = signed(provider, body.as_bytes()).unwrap();
        let status = &observation(&facts).status;
        assert_eq!(
            *status,
            Reported::Unknown(expected.to_owned()),
            "{provider} {to}"
        );
    }
}

#[test]
fn what_is_not_about_cases_is_of_no_concern() {
    for (provider, from, to) in [
        (
            Provider::Sumsub,
            "applicantReviewed",
            "applicantTagsChanged",
        ),
        (
            Provider::Sumsub,
            "applicantReviewed",
            "applicantActionReviewed",
        ),
        (Provider::Sumsub, "\"individual\"", "\"company\""),
        (
            Provider::Onfido,
            "workflow_run.completed",
            "check.completed",
        ),
        (
            Provider::Onfido,
            "workflow_run.completed",
            "workflow_task.completed",
        ),
        (Provider::Digio, "kyc.request.approved", "doc.signed"),
        (
            Provider::Digio,
            "kyc.request.approved",
            "kyc.action.completed",
        ),
    ] {
        let body = genuine(provider).replace(from, to);
        let facts = signed(provider, body.as_bytes()).unwrap();
        assert_eq!(
            facts.content,
            WebhookContent::OfNoConcern,
            "{provider} {to}"
        );
    }
}

/// Nobody is checked in the sandbox, so that its approvals are worth nothing elsewhere.
#[test]
fn the_sandbox_approves_nobody_in_production() {
    let outcome = |token: &str, body: &str| {
        let settings = SumsubSettings {
            app_token: Secret::new(token),
            ..sumsub_settings("http://127.0.0.1:9", &[WEBHOOK_SECRET])
        };
        let provider = SumsubProvider::try_new(settings).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/json"),
            ("x-payload-digest-alg", "HMAC_SHA256_HEX"),
            (
                "x-payload-digest",
                &signature(WEBHOOK_SECRET, body.as_bytes()),
            ),
        ] {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let facts = provider.verify_webhook(&WebhookDelivery {
            body: body.as_bytes(),
            headers: &headers,
            received_at: Utc::now(),
        });
        facts.unwrap().content
    };
    let green = SUMSUB.replace("\"RED\"", "\"GREEN\"");
    let real = green.replace("\"sandboxMode\":true", "\"sandboxMode\":false");
    let approved = |content: WebhookContent| match content {
        WebhookContent::Observations(told) => known(&told[0]) == CaseStatus::Approved,
        WebhookContent::CannotBeConfirmed(_)
        | WebhookContent::OfNoConcern
        | WebhookContent::NotUnderstood { .. } => false,
    };
    assert!(approved(outcome("sbx:ours", &green)));
    assert!(approved(outcome("prd:ours", &real)));
    assert!(approved(outcome("sbx:ours", &real)));
    assert!(!approved(outcome("prd:ours", &green)));
}
