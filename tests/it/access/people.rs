//! Registering, codes, passwords, lockout: nobody learns who has an account.

use identity::permission::Role;
use reqwest::Method;
use serde_json::json;

use super::support::{Doors, PASSWORD, SignedIn};

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_and_not_for_ever_tried() {
    let doors = Doors::open().await;
    let person = doors.register("asha@example.org").await;
    let code = doors.codes.take("asha@example.org").await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    // Not verified: no signing in, and it is not said why.
    let refused = doors.sign_in("asha@example.org", PASSWORD).await;
    assert_eq!(refused.expect(401).body["code"], "invalid_credentials");
    for _ in 0..4 {
        let refused = doors.verify(&person, wrong).await;
        assert_eq!(refused.expect(422).body["code"], "invalid_code");
    }
    doors.verify(&person, &code).await.expect(204);
    let again = doors.verify(&person, &code).await;
    assert_eq!(again.expect(422).body["code"], "invalid_code");

    let other = doors.register("ravi@example.org").await;
    let code = doors.codes.take("ravi@example.org").await;
    for _ in 0..5 {
        doors.verify(&other, wrong).await.expect(422);
    }
    doors.verify(&other, &code).await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn race_two_who_use_one_code_at_the_same_time() {
    let doors = Doors::open().await;
    let person = doors.register("asha@example.org").await;
    let code = doors.codes.take("asha@example.org").await;
    let (one, other) = tokio::join!(doors.verify(&person, &code), doors.verify(&person, &code));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422]);
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_a_taken_address_looks_like_any_other() {
    let doors = Doors::open().await;
    doors.customer("asha@example.org").await;
    let again = doors.register("ASHA@example.org").await;
    let refused = doors.verify(&again, "123456").await;
    assert_eq!(refused.expect(422).body["code"], "invalid_code");
    // As often as a new one, too.
    let mut answers = Vec::new();
    for email in ["asha@example.org", "new@example.org"] {
        let body = json!({ "email": email, "password": PASSWORD });
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(doors.ask("/v1/people", body.clone()).await.status);
        }
        answers.push(statuses);
    }
    // One code was sent to the first when its owner registered, one was counted above.
    assert_eq!(answers, [vec![202, 429, 429], vec![202, 202, 202]]);
    let left = doors.codes.to("asha@example.org");
    assert_eq!(left, 0, "the owner of the address is left alone");
    for email in ["asha@example.org", "nobody@example.org"] {
        let asked = doors
            .ask("/v1/password-resets", json!({ "email": email }))
            .await;
        asked.expect(204);
        let refused = doors.sign_in(email, "wrong horse battery staple").await;
        assert_eq!(refused.expect(401).body["code"], "invalid_credentials");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down_alike_with_and_without_an_account() {
    let doors = Doors::open().await;
    doors.customer("asha@example.org").await;
    for email in ["asha@example.org", "nobody@example.org"] {
        for _ in 0..5 {
            doors
                .sign_in(email, "wrong horse battery staple")
                .await
                .expect(401);
        }
        let slowed = doors.sign_in(email, PASSWORD).await.expect(429);
        assert_eq!(slowed.body["code"], "too_many_attempts");
        let wait: u64 = slowed.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn race_guesses_at_the_same_time_do_not_slip_through() {
    let doors = Doors::open().await;
    doors.customer("asha@example.org").await;
    let guesses = (0..12).map(|_| doors.sign_in("asha@example.org", "wrong horse battery"));
    let replies = futures_util::future::join_all(guesses).await;
    let judged = replies.iter().filter(|reply| reply.status == 401).count();
    assert_eq!(judged, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_forgotten_is_set_anew() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let email = json!({ "email": "asha@example.org" });
    doors.ask("/v1/password-resets", email).await.expect(204);
    let code = doors.codes.take("asha@example.org").await;
    let confirm = |code: &str, password: &str| json!({ "email": "asha@example.org", "code": code, "password": password });
    let path = "/v1/password-resets/confirmation";
    let weak = doors.ask(path, confirm(&code, "password1")).await;
    assert_eq!(weak.expect(422).body["code"], "password_guessable");
    let new = "nine boats beneath a bridge";
    doors.ask(path, confirm(&code, new)).await.expect(204);
    doors.ask(path, confirm(&code, new)).await.expect(422);
    doors.get("/v1/me", &asha.access).await.expect(401);
    doors.refresh(&asha.refresh).await.expect(401);
    doors
        .sign_in("asha@example.org", PASSWORD)
        .await
        .expect(401);
    doors.sign_in("asha@example.org", new).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_blocked_is_out_at_once_and_stays_out() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    doors.get("/v1/me", &asha.access).await.expect(200);
    let path = format!("/v1/people/{}/block", asha.person);
    doors
        .call(Method::POST, &path, Some(&doors.admin), None)
        .await
        .expect(204);
    let refused = doors.get("/v1/me", &asha.access).await.expect(401);
    assert_eq!(refused.body["code"], "credential_invalid");
    doors.refresh(&asha.refresh).await.expect(401);
    doors
        .sign_in("asha@example.org", PASSWORD)
        .await
        .expect(401);
    let path = format!("/v1/people/{}/unblock", asha.person);
    doors
        .call(Method::POST, &path, Some(&doors.admin), None)
        .await
        .expect(204);
    doors
        .sign_in("asha@example.org", PASSWORD)
        .await
        .expect(201);
    let records = doors.records(&asha.subject()).await;
    for kind in [
        "registered",
        "address_verified",
        "signed_in",
        "blocked",
        "session_ended",
        "sign_in_failed",
        "unblocked",
    ] {
        assert!(
            records.iter().any(|found| found == kind),
            "{kind}: {records:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_registrations_are_named() {
    let doors = Doors::open().await;
    for (body, code) in [
        (json!({ "password": PASSWORD }), "invalid_request"),
        (
            json!({ "email": "a@example.org", "phone": "+919876543210", "password": PASSWORD }),
            "invalid_request",
        ),
        (
            json!({ "email": "a@b", "password": PASSWORD }),
            "invalid_request",
        ),
        (
            json!({ "phone": "98765", "password": PASSWORD }),
            "invalid_request",
        ),
        (
            json!({ "email": "a@example.org", "password": "" }),
            "invalid_request",
        ),
        (
            json!({ "email": "a@example.org", "password": "short" }),
            "password_too_short",
        ),
        (
            json!({ "email": "a@example.org", "password": "ab".repeat(70) }),
            "password_too_long",
        ),
        (
            json!({ "email": "a@example.org", "password": "iloveyou1" }),
            "password_guessable",
        ),
    ] {
        let refused = doors.ask("/v1/people", body.clone()).await;
        assert_eq!(refused.body["code"], code, "{body}: {}", refused.body);
        assert!(!refused.body.to_string().contains("iloveyou1"));
    }
    assert_eq!(doors.codes.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_once_it_is_confirmed() {
    let doors = Doors::open().await;
    let asha = doors.customer("asha@example.org").await;
    let enrolled = doors
        .post("/v1/me/authenticator", &asha.access, json!({}))
        .await
        .expect(201);
    let secret = enrolled.body["secret"].as_str().unwrap();
    assert!(enrolled.body["uri"].as_str().unwrap().contains(secret));
    let code = totp_now(secret);
    let confirm = json!({ "code": code });
    let path = "/v1/me/authenticator/confirmation";
    let confirmed = doors.post(path, &asha.access, confirm).await.expect(201);
    let recovery = confirmed.body["codes"][0].as_str().unwrap().to_owned();

    let needed = doors
        .sign_in("asha@example.org", PASSWORD)
        .await
        .expect(401);
    assert_eq!(needed.body["code"], "second_factor_required");
    let with = |totp: Option<&str>, recovery: Option<&str>| {
        let mut body = json!({ "email": "asha@example.org", "password": PASSWORD });
        if let Some(totp) = totp {
            body["totp"] = totp.into();
        }
        if let Some(recovery) = recovery {
            body["recovery_code"] = recovery.into();
        }
        body
    };
    // The step that confirmed it is spent.
    let replayed = doors.ask("/v1/sessions", with(Some(&code), None)).await;
    assert_eq!(replayed.expect(401).body["code"], "invalid_credentials");
    let recovered = doors.ask("/v1/sessions", with(None, Some(&recovery))).await;
    let recovered = SignedIn::of(&recovered.expect(201));
    doors
        .ask("/v1/sessions", with(None, Some(&recovery)))
        .await
        .expect(401);
    let me = doors.get("/v1/me", &recovered.access).await.expect(200);
    assert!(me.body["second_factor_at"].is_string());
    // The session from before has not given it, and may not remove it.
    let refused = doors
        .call(
            Method::DELETE,
            "/v1/me/authenticator",
            Some(&asha.access),
            None,
        )
        .await;
    assert_eq!(refused.expect(403).body["code"], "second_factor_needed");
    doors
        .call(
            Method::DELETE,
            "/v1/me/authenticator",
            Some(&recovered.access),
            None,
        )
        .await
        .expect(204);
    doors
        .sign_in("asha@example.org", PASSWORD)
        .await
        .expect(201);
}

/// What an authenticator shows now.
pub fn totp_now(secret: &str) -> String {
    let output = std::process::Command::new("python3")
        .args(["-c", TOTP, secret])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// RFC 6238 in Python's standard library: not our own code.
const TOTP: &str = "\
import base64, hashlib, hmac, struct, sys, time
text = sys.argv[1]
key = base64.b32decode(text + '=' * (-len(text) % 8))
digest = hmac.new(key, struct.pack('>Q', int(time.time()) // 30), hashlib.sha1).digest()
place = digest[-1] & 15
print('%06d' % ((struct.unpack('>I', digest[place:place + 4])[0] & 0x7fffffff) % 1000000))";

#[tokio::test(flavor = "multi_thread")]
async fn support_acts_on_customers_and_only_administrators_on_who_works_here() {
    let doors = Doors::open().await;
    let support = doors.node.key(&[Role::Support]).await;
    let asha = doors.customer("asha@example.org").await;
    let boss = doors.customer("boss@example.org").await;
    doors.employ(&boss, Role::Auditor).await;
    let act = |who: &SignedIn, method: Method, what: &str| {
        let path = format!("/v1/people/{}/{what}", who.person);
        let (doors, support) = (&doors, &support);
        async move { doors.call(method, &path, Some(support), None).await }
    };
    for (method, what) in [
        (Method::POST, "block"),
        (Method::POST, "unblock"),
        (Method::DELETE, "sessions"),
    ] {
        let refused = act(&boss, method.clone(), what).await.expect(403);
        assert_eq!(refused.code(), "staff_protected", "{what}");
        act(&asha, method, what).await.expect(204);
    }
    doors.get("/v1/me", &boss.access).await.expect(200);
    let path = format!("/v1/people/{}/block", boss.person);
    doors
        .call(Method::POST, &path, Some(&doors.admin), None)
        .await
        .expect(204);
    // The record says who ended the sessions.
    let path = format!(
        "/v1/access-records?kind=session_ended&about={}",
        asha.subject()
    );
    let records = doors.get(&path, &doors.admin).await.expect(200);
    let actor = records.body["items"][0]["actor"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(actor.starts_with("machine:"), "{actor}");
}
