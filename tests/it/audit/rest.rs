//! Checkpoints, keys, proofs and tiles over REST, and where checkpoints are kept besides.

use std::time::Duration;

use audit::checkpoint::Checkpoint;
use audit::keys::{PublicKey, Signed};
use audit::proof::{ProofFile, check_inclusion};
use audit::tree::{Tree, leaf_hash};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::harness::TestDatabase;
use crate::harness::node::{TestNode, new_ledger_name, options};
use crate::harness::servers::{new_folder, shared_nats_url};

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_checks_the_log_over_http() {
    let node = TestNode::start().await;
    for _ in 0..3 {
        node.funded("asha", "10.00").await;
    }
    node.get("/checkpoints").await.expect(200);
    let early = node.get("/events/1/proof").await;
    let file = node.get("/log/checkpoint").await;
    let sealed = node.post("/checkpoints", json!({})).await.expect(200).body;
    if early.status == 404 {
        assert_eq!(early.code(), "not_sealed");
        assert_eq!(file.expect(404).code(), "not_sealed");
    }
    let keys = node.get("/checkpoint-keys").await.expect(200).body;
    let key: PublicKey = keys["items"][0]["verifier_key"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let checkpoint: Checkpoint = sealed["note"].as_str().unwrap().parse().unwrap();
    assert_eq!(key.has_signed(&checkpoint.note), Signed::Yes);
    assert_eq!(sealed["size"], json!(checkpoint.head.size));
    let file = node.get("/log/checkpoint").await.expect(200).body;
    assert_eq!(file.as_str().unwrap(), checkpoint.text);

    // The lines of the replay are the leaves.
    let events = node.client.get(node.at("/events")).send().await.unwrap();
    let events = events.text().await.unwrap();
    let mut tree = Tree::default();
    for line in events.lines() {
        tree.push(leaf_hash(line.as_bytes()), &mut |_| {});
    }
    assert_eq!(tree.size(), checkpoint.head.size);
    assert_eq!(tree.root().unwrap(), checkpoint.head.root);
    let tile = format!("/log/tile/0/000.p/{}", tree.size());
    let tile = node.client.get(node.at(&tile)).send().await.unwrap();
    assert_eq!(tile.status(), 200);
    assert_eq!(tile.bytes().await.unwrap(), tree.partial_tile(0));
    for none in [
        "0/001",
        "0/000",
        "9/000",
        "0/0",
        "0/000.p/0",
        "x",
        "0/x001/000",
    ] {
        node.get(&format!("/log/tile/{none}")).await.expect(404);
    }

    let proof = node.get("/events/2/proof").await.expect(200).body;
    let file = ProofFile::read(proof["file"].as_str().unwrap()).unwrap();
    let line = events.lines().nth(1).unwrap();
    check_inclusion(&checkpoint.head, 1, leaf_hash(line.as_bytes()), &file.path).unwrap();
    node.get("/events/100000/proof").await.expect(404);
    node.get("/events/0/proof").await.expect(404);
    node.get("/events/x/proof").await.expect(400);
    let proof = node.get("/consistency-proof?from=2").await.expect(200).body;
    assert_eq!(
        proof["to_root"],
        json!(STANDARD.encode(checkpoint.head.root))
    );
    node.get("/consistency-proof?from=9&to=2").await.expect(404);

    let made = node
        .post("/checkpoint-keys", json!({ "replaces": 1 }))
        .await
        .expect(200)
        .body;
    let again = node
        .post("/checkpoint-keys", json!({ "replaces": 1 }))
        .await
        .expect(200)
        .body;
    assert_eq!((&made, &made["number"]), (&again, &json!(2)));
    let wrong = node
        .post("/checkpoint-keys", json!({ "replaces": 9 }))
        .await;
    assert_eq!(wrong.expect(409).code(), "checkpoint_key_not_current");
    node.post("/checkpoint-keys", json!({ "replaces": 0 }))
        .await
        .expect(409);
    let all = node.get("/checkpoints?limit=1").await.expect(200).body;
    assert_eq!(all["items"][0]["key_number"], 2);
    let nowhere = node
        .client
        .post(node.url("/v1/ledgers/nowhere/checkpoints"));
    assert_eq!(
        node.send(nowhere).await.expect(404).code(),
        "ledger_not_found"
    );
    node.node.stop().await;
}

/// The part that seals does so by itself, and others keep what it signs.
#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_go_to_nats_and_into_a_folder() {
    let url = TestDatabase::create().await.url;
    let nats = tokio::task::spawn_blocking(shared_nats_url).await.unwrap();
    let folder = new_folder("checkpoints");
    let mut options = options(&url, nats);
    options.audit.seals.interval = Duration::from_millis(50);
    options.audit.folder = Some(folder.clone());
    let node = TestNode::named(options, None, &new_ledger_name()).await;
    node.funded("asha", "10.00").await;
    let sealed = node.post("/checkpoints", json!({})).await.expect(200).body;
    let (size, note) = (
        sealed["size"].as_u64().unwrap(),
        sealed["note"].as_str().unwrap(),
    );
    let file = folder
        .join(&node.ledger)
        .join(format!("{size:020}-1.checkpoint"));
    let client = async_nats::connect(nats).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let found = async {
        loop {
            let kept = std::fs::read_to_string(&file).is_ok_and(|text| text == note);
            let subject = format!("daybook_checkpoints.{}", node.ledger);
            if let Ok(stream) = jetstream.get_stream("DAYBOOK_CHECKPOINTS").await
                && let Ok(message) = stream.get_last_raw_message_by_subject(&subject).await
                && message.payload == note.as_bytes()
                && kept
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found)
        .await
        .unwrap();
    node.node.stop().await;
}
