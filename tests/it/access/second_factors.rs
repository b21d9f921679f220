//! A second factor of another kind, plugged in by a deployment.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use identity::second_factor::{SecondFactorFault, SecondFactorKind};
use serde_json::json;
use uuid::Uuid;

use super::support::{Doors, PASSWORD, SignedIn};

/// Words on a list that people were given, each good once.
#[derive(Debug, Default)]
struct WordList {
    words: Mutex<Vec<(Uuid, String)>>,
}

#[async_trait]
impl SecondFactorKind for WordList {
    fn name(&self) -> &'static str {
        "word_list"
    }

    async fn is_enrolled(&self, person: Uuid) -> Result<bool, SecondFactorFault> {
        let words = self.words.lock().unwrap();
        if words
            .iter()
            .any(|(owner, word)| *owner == person && word == "broken")
        {
            return Err(SecondFactorFault {
                kind: self.name(),
                source: "the list is lost".into(),
            });
        }
        Ok(words.iter().any(|(owner, _)| *owner == person))
    }

    async fn is_right(&self, person: Uuid, answer: &str) -> Result<bool, SecondFactorFault> {
        let mut words = self.words.lock().unwrap();
        let place = words
            .iter()
            .position(|(owner, word)| *owner == person && word == answer);
        Ok(place.map(|place| words.swap_remove(place)).is_some())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_kind_of_factor_is_asked_for_and_counts() {
    let kind = Arc::new(WordList::default());
    let plugged = Arc::clone(&kind);
    let doors = Doors::with(move |access| access.second_factors = vec![plugged]).await;
    let asha = doors.customer("asha@example.org").await;
    let person: Uuid = asha.person.parse().unwrap();
    let give = |word: &str| kind.words.lock().unwrap().push((person, word.to_owned()));
    give("heron");
    give("maple");
    give("quartz");

    let needed = doors.sign_in("asha@example.org", PASSWORD).await;
    assert_eq!(needed.expect(401).code(), "second_factor_required");
    let with = |kind: &str, answer: &str| {
        let body = json!({ "email": "asha@example.org", "password": PASSWORD,
                           "second_factor": { "kind": kind, "answer": answer } });
        doors.ask("/v1/sessions", body)
    };
    let wrong = with("word_list", "cedar").await;
    assert_eq!(wrong.expect(401).code(), "invalid_credentials");
    let unknown = with("passkey", "heron").await;
    assert_eq!(unknown.expect(409).code(), "authenticator_not_enrolled");
    let signed_in = SignedIn::of(&with("word_list", "heron").await.expect(201));
    let again = with("word_list", "heron").await;
    assert_eq!(again.expect(401).code(), "invalid_credentials");
    let me = doors.get("/v1/me", &signed_in.access).await.expect(200);
    assert!(me.body["second_factor_at"].is_string());

    let step_up = |body| doors.post("/v1/me/step-up", &asha.access, body);
    let both = json!({ "totp": "123456", "second_factor": { "kind": "word_list", "answer": "x" } });
    assert_eq!(step_up(both).await.expect(400).code(), "invalid_request");
    let one = json!({ "second_factor": { "kind": "word_list", "answer": "maple" } });
    step_up(one).await.expect(204);

    // A kind that cannot say keeps people out, and nobody else.
    give("broken");
    let fault = doors.sign_in("asha@example.org", PASSWORD).await;
    assert_eq!(fault.expect(500).code(), "internal_fault");
    doors.customer("ravi@example.org").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_any_kind_are_counted_together() {
    let kind = Arc::new(WordList::default());
    let plugged = Arc::clone(&kind);
    let doors = Doors::with(move |access| access.second_factors = vec![plugged]).await;
    let asha = doors.customer("asha@example.org").await;
    let person: Uuid = asha.person.parse().unwrap();
    kind.words
        .lock()
        .unwrap()
        .push((person, "heron".to_owned()));
    let guess = |answer: &str| {
        let body = json!({ "second_factor": { "kind": "word_list", "answer": answer } });
        doors.post("/v1/me/step-up", &asha.access, body)
    };
    for _ in 0..5 {
        assert_eq!(
            guess("cedar").await.expect(401).code(),
            "invalid_credentials"
        );
    }
    let locked = guess("heron").await.expect(429);
    assert_eq!(locked.code(), "too_many_attempts");
    assert!(locked.headers.contains_key("retry-after"));
}
