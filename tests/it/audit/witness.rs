//! Witnesses: what they cosign, what they refuse, and that nothing waits for one that is down.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use audit::checkpoint::{Checkpoint, Head};
use audit::cosignature::{WitnessKey, message};
use audit::keys::{PublicKey, Signed};
use audit::proof::check_consistency;
use audit::sinks::{CheckpointSink, SinkFault};
use audit::store::StoredCheckpoint;
use audit::verify::Trusted;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::outbound::BaseUrl;
use connectors::witness::WitnessClient;
use daybook::node::WitnessOverHttp;
use ed25519_dalek::{Signer, SigningKey};
use event_store::LogSignal;
use ledger_core::LedgerName;
use poem::endpoint::make;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Request, Response, Route, Server, post};
use sqlx::Executor;
use tokio_util::sync::CancellationToken;

use super::support::{Audited, check_with, findings, keep};
use crate::harness::deposit;

const NAME: &str = "witness.example/w1";

/// A witness that speaks C2SP tlog-witness.
struct SimulatedWitness {
    url: String,
    key: String,
    state: Arc<Mutex<State>>,
}

struct State {
    signing: SigningKey,
    /// The log that it knows, by its key.
    log: Option<PublicKey>,
    /// What it cosigned last.
    last: Option<Head>,
    /// The answers that it gave.
    answers: Vec<u16>,
}

impl SimulatedWitness {
    async fn start(log: Option<&str>) -> Self {
        let signing = SigningKey::from_bytes(
            &fastrand::u128(..)
                .to_be_bytes()
                .repeat(2)
                .try_into()
                .unwrap(),
        );
        let bytes = [&[4][..], signing.verifying_key().as_bytes()].concat();
        let id = signed_note::key_id(NAME, &bytes);
        let key = format!("{NAME}+{id:08x}+{}", STANDARD.encode(bytes));
        let state = Arc::new(Mutex::new(State {
            signing,
            log: log.map(|log| log.parse().unwrap()),
            last: None,
            answers: Vec::new(),
        }));
        let acceptor = TcpListener::bind("127.0.0.1:0")
            .into_acceptor()
            .await
            .unwrap();
        let address = acceptor.local_addr()[0]
            .as_socket_addr()
            .unwrap()
            .to_string();
        let shared = Arc::clone(&state);
        let answer = make(move |mut request: Request| {
            let state = Arc::clone(&shared);
            async move {
                let body = request.take_body().into_string().await?;
                let (status, content_type, text) = state.lock().unwrap().answer(&body);
                let response = Response::builder().status(status.try_into().unwrap());
                Ok::<_, poem::Error>(response.content_type(content_type).body(text))
            }
        });
        let routes = Route::new().at("/w/add-checkpoint", post(answer));
        tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
        Self {
            url: format!("http://{address}/w"),
            key,
            state,
        }
    }

    fn as_asked(&self) -> audit::witness::Witness {
        witness_at("w1", &self.url, &self.key)
    }

    fn answers(&self) -> Vec<u16> {
        std::mem::take(&mut self.state.lock().unwrap().answers)
    }

    fn known(&self) -> WitnessKey {
        self.key.parse().unwrap()
    }
}

fn witness_at(name: &str, url: &str, key: &str) -> audit::witness::Witness {
    let url: BaseUrl = url.parse().unwrap();
    audit::witness::Witness {
        name: name.to_owned(),
        key: key.parse().unwrap(),
        door: Arc::new(WitnessOverHttp(WitnessClient::try_new(&url).unwrap())),
    }
}

impl State {
    fn answer(&mut self, body: &str) -> (u16, &'static str, String) {
        let (status, content_type, text) = self.judge(body);
        self.answers.push(status);
        (status, content_type, text)
    }

    fn judge(&mut self, body: &str) -> (u16, &'static str, String) {
        let plain = |status| (status, "text/plain", String::new());
        let (proof, note) = body.split_once("\n\n").unwrap();
        let mut lines = proof.lines();
        let old: u64 = lines
            .next()
            .unwrap()
            .strip_prefix("old ")
            .unwrap()
            .parse()
            .unwrap();
        let path: Vec<[u8; 32]> = lines
            .map(|line| STANDARD.decode(line).unwrap().try_into().unwrap())
            .collect();
        let checkpoint = Checkpoint::read(note.as_bytes()).unwrap();
        let head = checkpoint.head.clone();
        let Some(log) = self.log.as_ref().filter(|log| log.origin() == head.origin) else {
            return plain(404);
        };
        if log.has_signed(&checkpoint.note) != Signed::Yes {
            return plain(403);
        }
        if old > head.size {
            return plain(400);
        }
        let size = self.last.as_ref().map_or(0, |last| last.size);
        if old != size {
            return (409, "text/x.tlog.size", format!("{size}\n"));
        }
        if let Some(last) = &self.last {
            if old == head.size && last.root != head.root {
                return plain(409);
            }
            if check_consistency(last, &head, &path).is_err() {
                return plain(422);
            }
        } else if !path.is_empty() {
            return plain(422);
        }
        self.last = Some(head);
        let time = 1_700_000_000_u64;
        let signature = self.signing.sign(&message(time, &checkpoint.note.text));
        let bytes = [&[4][..], self.signing.verifying_key().as_bytes()].concat();
        let id = signed_note::key_id(NAME, &bytes).to_be_bytes();
        let all = [&id[..], &time.to_be_bytes(), &signature.to_bytes()].concat();
        let line = format!("\u{2014} {NAME} {}\n", STANDARD.encode(all));
        (
            200,
            "text/plain",
            format!("\u{2014} another.example AAAAAAAAAAA=\n{line}"),
        )
    }
}

/// Sees what is given to others.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl CheckpointSink for Seen {
    fn name(&self) -> &'static str {
        "seen"
    }

    async fn last(&self, _ledger: LedgerName) -> Result<i64, SinkFault> {
        Ok(0)
    }

    async fn keep(&self, _: LedgerName, checkpoint: &StoredCheckpoint) -> Result<(), SinkFault> {
        self.0
            .lock()
            .unwrap()
            .push(checkpoint.checkpoint.text.clone());
        Ok(())
    }
}

/// Lets a node's sealer run until a checkpoint of everything was given away; that checkpoint.
async fn run(audited: &Audited, witnesses: Vec<audit::witness::Witness>) -> Checkpoint {
    let head = u64::try_from(audited.node.bench.head().await.value()).unwrap();
    let stop = CancellationToken::new();
    let signal = LogSignal::start(&audited.node.database, stop.clone());
    let seen = Seen::default();
    let sealer = audited.sealer.clone().with_witnesses(witnesses);
    let running = tokio::spawn(sealer.run(signal, vec![Arc::new(seen.clone())], stop.clone()));
    let given = async {
        loop {
            let last = seen.0.lock().unwrap().last().cloned();
            if let Some(last) = last {
                let checkpoint: Checkpoint = last.parse().unwrap();
                if checkpoint.head.size >= head {
                    return checkpoint;
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let given = tokio::time::timeout(std::time::Duration::from_secs(60), given);
    let given = given.await.unwrap();
    stop.cancel();
    running.await.unwrap();
    given
}

fn trusting(key: &str, witnesses: Vec<WitnessKey>, needed: Option<usize>) -> Trusted {
    Trusted {
        keys: vec![key.parse().unwrap()],
        witnesses,
        witnesses_needed: needed,
        ..Trusted::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_cosigns_what_goes_on_from_what_it_saw() {
    let audited = Audited::begin().await;
    audited.seal().await;
    let key = audited.key().await;
    let witness = SimulatedWitness::start(Some(&key)).await;
    let first = run(&audited, vec![witness.as_asked()]).await;
    assert_eq!(witness.answers(), [200]);
    assert!(first.text.contains(NAME));
    audited.node.bench.wallet().await;
    let second = run(&audited, vec![witness.as_asked()]).await;
    assert_eq!(witness.answers(), [200]);
    assert!(second.head.size > first.head.size);
    // What we knew of it is gone: it says where it is.
    let mut superuser = audited.superuser().await;
    superuser
        .execute("DELETE FROM audit.cosignature")
        .await
        .unwrap();
    audited.node.bench.wallet().await;
    run(&audited, vec![witness.as_asked()]).await;
    assert_eq!(witness.answers(), [409, 200]);

    // An export has the cosignature, and whoever trusts the witness asks for it.
    audited.node.settled().await;
    let (folder, _) = audited.export().await;
    let known = || witness.known();
    let found = |trusted: &Trusted| findings(&check_with(&folder, trusted));
    assert_eq!(found(&trusting(&key, vec![known()], None)), [""; 0]);
    let report = check_with(&folder, &trusting(&key, vec![known(), known()], None));
    assert_eq!(findings(&report), [""; 0]);
    assert_eq!(report.cosigned_by, Some(vec![witness.key.clone()]));
    let stranger = SimulatedWitness::start(None).await.known();
    let two = || vec![known(), stranger.clone()];
    assert_eq!(
        found(&trusting(&key, two(), None)),
        ["cosignatures_missing"]
    );
    assert_eq!(found(&trusting(&key, two(), Some(1))), [""; 0]);
    // A cosignature of another checkpoint.
    let file = folder.join("checkpoint");
    let text = std::fs::read_to_string(&file).unwrap();
    let line = |text: &str| {
        let line = text.lines().find(|line| line.contains(NAME)).unwrap();
        line.to_owned()
    };
    std::fs::write(&file, text.replacen(&line(&text), &line(&first.text), 1)).unwrap();
    assert_eq!(
        found(&trusting(&key, vec![known()], None)),
        ["cosignature_wrong", "cosignatures_missing"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_says_no_or_nothing_stops_no_sealing() {
    let audited = Audited::begin().await;
    audited.seal().await;
    let key = audited.key().await;
    let witness = SimulatedWitness::start(None).await;
    // Nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let both = || {
        vec![
            witness_at("nobody", &nobody, &witness.key),
            witness.as_asked(),
        ]
    };
    let given = run(&audited, both()).await;
    assert!(!given.text.contains(NAME));
    assert_eq!(witness.answers(), [404]);
    // It knows the log by another key, then by ours.
    let other = audit::keys::LogKey::generate("ledger.example/main").unwrap();
    let learn = |log: &str| witness.state.lock().unwrap().log = Some(log.parse().unwrap());
    learn(other.verifier_key());
    let given = run(&audited, vec![witness.as_asked()]).await;
    assert!(!given.text.contains(NAME));
    learn(&key);
    let given = run(&audited, vec![witness.as_asked()]).await;
    assert!(given.text.contains(NAME));
    assert_eq!(witness.answers(), [403, 200]);
    // It has seen another history, and a longer one: sealing goes on, without its word.
    for change in [
        |head: &mut Head| head.root[0] ^= 1,
        |head: &mut Head| head.size += 1_000,
    ] {
        {
            let mut state = witness.state.lock().unwrap();
            change(state.last.as_mut().unwrap());
        }
        audited.node.bench.wallet().await;
        let given = run(&audited, vec![witness.as_asked()]).await;
        assert!(!given.text.contains(NAME));
    }
    assert_eq!(witness.answers(), [422, 409]);
    keep(&given.text);
    audited
        .submit(deposit(audited.node.bench.wallet().await, "1.00"))
        .await;
    audited.seal().await;
}
