//! Going live, falling behind and ending, step by step.

use super::*;

const WALLET: &str = "0190b8a2-5b7e-7c3d-8f00-000000000001";
const OTHER: &str = "0190b8a2-5b7e-7c3d-8f00-000000000002";

fn position(value: i64) -> Position {
    Position::START.plus(value)
}

fn wallet(id: &str) -> Channel {
    format!("wallet:{id}").parse().unwrap()
}

/// A freeze of a wallet, with this text in it.
fn event(at: i64, wallet: &str, event_type: &str, reason: &str) -> Publication {
    let json = format!(
        r#"{{"ledger":"main","position":{at},"recorded_at":"2026-01-31T12:00:00.000000Z","aggregate_type":"wallet","aggregate_id":"{wallet}","sequence":1,"type":"{event_type}","version":"1","data":{{"scope":"all","reason":"{reason}"}},"metadata":{{"command_id":"{WALLET}"}}}}"#
    );
    Publication::of_json(json).unwrap()
}

fn feed(events: usize) -> Feed {
    let settings = RingSettings {
        events,
        bytes: 1 << 20,
    };
    Feed::new("main".parse().unwrap(), "e.0", Position::START, settings)
}

fn peer(max_bytes: usize) -> Arc<Peer> {
    Arc::new(Peer::new(1, max_bytes, 8))
}

fn subscribe(
    feed: &Feed,
    peer: &Peer,
    channel: Channel,
    beginning: Beginning,
) -> Result<(), Refused> {
    let request = Request { id: None, channel };
    feed.subscribe(peer, request, beginning, &feed.epoch())
}

fn admit(feed: &Feed, positions: std::ops::RangeInclusive<i64>, wallet: &str) {
    for at in positions {
        assert!(feed.admit(event(at, wallet, "WalletFrozen", "x")));
    }
}

/// Everything that waits: `event <position> after <prev>` or the type of the message.
async fn waiting(peer: &Peer) -> Vec<String> {
    peer.close(schemas::CloseReason::Normal);
    let mut seen = Vec::new();
    while let Next::Send(items) = peer.next().await {
        for item in items {
            seen.push(match item {
                Item::Message { kind, .. } => kind.to_owned(),
                Item::Event { prev, event, .. } => format!("{} after {prev}", event.position),
                Item::Replayed { event, .. } => format!("{} again", event.position),
                Item::Ping => "ping".to_owned(),
            });
        }
    }
    seen
}

#[tokio::test]
async fn a_subscription_gets_what_is_in_the_ring_and_then_what_comes() {
    let (feed, peer) = (feed(10), peer(1 << 20));
    admit(&feed, 1..=2, WALLET);
    admit(&feed, 3..=3, OTHER);
    admit(&feed, 4..=4, WALLET);
    let channel = wallet(WALLET);
    subscribe(&feed, &peer, channel.clone(), Beginning::After(position(1))).unwrap();
    admit(&feed, 5..=5, WALLET);
    assert_eq!(feed.catch_up(&peer, &channel), Step::Done);
    admit(&feed, 6..=6, OTHER);
    admit(&feed, 7..=7, WALLET);
    assert_eq!(
        waiting(&peer).await,
        [
            "resumed",
            "2 after 1",
            "4 after 2",
            "5 after 4",
            "7 after 5"
        ]
    );
}

#[tokio::test]
async fn a_snapshot_ahead_of_the_feed_is_not_followed_by_what_it_includes() {
    let (feed, peer) = (feed(10), peer(1 << 20));
    let channel = wallet(WALLET);
    let snapshot = crate::Snapshot {
        as_of: position(2),
        balances: Vec::new(),
    };
    subscribe(&feed, &peer, channel.clone(), Beginning::Snapshot(snapshot)).unwrap();
    assert_eq!(feed.catch_up(&peer, &channel), Step::Done);
    admit(&feed, 1..=3, WALLET);
    assert_eq!(waiting(&peer).await, ["snapshot", "3 after 2"]);
}

#[tokio::test]
async fn a_full_queue_makes_a_subscription_fall_behind_and_catch_up_without_a_hole() {
    let (feed, peer) = (feed(100), peer(2_000));
    let channel = Channel::Ledger;
    subscribe(&feed, &peer, channel.clone(), Beginning::Head).unwrap();
    assert_eq!(feed.catch_up(&peer, &channel), Step::Done);
    admit(&feed, 1..=20, WALLET);
    assert!(peer.behind(&channel).is_some());
    let mut seen = Vec::new();
    while seen.len() < 21 {
        if let Next::Send(items) = peer.next().await {
            seen.extend(items);
        }
        feed.catch_up(&peer, &channel);
    }
    let mut last = Position::START;
    for item in &seen[1..] {
        let Item::Event { prev, event, .. } = item else {
            panic!("{item:?}");
        };
        assert_eq!((*prev, event.position), (last, last.next()));
        last = event.position;
    }
    while peer.behind(&channel).is_some() {
        feed.catch_up(&peer, &channel);
    }
    admit(&feed, 21..=21, WALLET);
    assert_eq!(waiting(&peer).await, ["21 after 20"]);
}

/// Without it a quiet channel that falls behind would look through everything since its last event.
#[tokio::test]
async fn falling_behind_goes_on_where_the_feed_was_and_not_at_the_last_event() {
    let (feed, peer) = (feed(100), peer(1_500));
    let channel = wallet(WALLET);
    for channel in [channel.clone(), Channel::Ledger] {
        subscribe(
            &feed,
            &peer,
            channel.clone(),
            Beginning::After(Position::START),
        )
        .unwrap();
        feed.catch_up(&peer, &channel);
    }
    admit(&feed, 1..=50, OTHER);
    admit(&feed, 51..=51, WALLET);
    assert_eq!(peer.behind(&channel).unwrap().cursor, position(50));
}

#[tokio::test]
async fn what_has_left_the_ring_is_asked_for() {
    let (feed, peer) = (feed(3), peer(1 << 20));
    admit(&feed, 1..=10, WALLET);
    subscribe(&feed, &peer, Channel::Ledger, Beginning::After(position(5))).unwrap();
    let step = feed.catch_up(&peer, &Channel::Ledger);
    assert_eq!(step, Step::Past(position(5)));
    assert!(feed.reaches_back_to(position(7)));
    assert!(!feed.reaches_back_to(position(6)));
}

#[tokio::test]
async fn another_history_ends_every_subscription_live_or_behind() {
    let (feed, peer) = (feed(10), peer(1 << 20));
    subscribe(&feed, &peer, Channel::Ledger, Beginning::Head).unwrap();
    feed.catch_up(&peer, &Channel::Ledger);
    let behind = wallet(WALLET);
    subscribe(
        &feed,
        &peer,
        behind.clone(),
        Beginning::After(Position::START),
    )
    .unwrap();
    feed.reset("e.1", position(4));
    assert_eq!(feed.catch_up(&peer, &behind), Step::Done);
    assert!(!peer.follows(&Channel::Ledger) && !peer.follows(&behind));
    assert!(feed.admit(event(5, WALLET, "WalletFrozen", "x")));
    assert_eq!(
        waiting(&peer).await,
        ["snapshot", "resumed", "error", "error"]
    );
}

#[tokio::test]
async fn an_event_of_an_unknown_type_ends_what_it_might_concern() {
    let (feed, peer) = (feed(10), peer(1 << 20));
    for channel in [Channel::Ledger, wallet(WALLET)] {
        subscribe(
            &feed,
            &peer,
            channel.clone(),
            Beginning::After(Position::START),
        )
        .unwrap();
        feed.catch_up(&peer, &channel);
    }
    assert!(feed.admit(event(1, OTHER, "WalletRenamed", "x")));
    assert!(peer.follows(&Channel::Ledger) && !peer.follows(&wallet(WALLET)));
    subscribe(
        &feed,
        &peer,
        wallet(OTHER),
        Beginning::After(Position::START),
    )
    .unwrap();
    assert_eq!(feed.catch_up(&peer, &wallet(OTHER)), Step::Done);
    assert!(!peer.follows(&wallet(OTHER)));
}

#[tokio::test]
async fn a_position_that_was_checked_in_another_history_begins_nothing() {
    let (feed, peer) = (feed(10), peer(1 << 20));
    let checked = feed.epoch();
    feed.reset("e.1", position(4));
    let request = Request {
        id: None,
        channel: Channel::Ledger,
    };
    let refused = feed.subscribe(&peer, request, Beginning::After(position(2)), &checked);
    assert_eq!(refused, Err(Refused::OtherHistory));
    assert!(!peer.follows(&Channel::Ledger));
}

#[tokio::test]
async fn an_event_that_does_not_follow_is_not_taken() {
    let feed = feed(10);
    admit(&feed, 1..=2, WALLET);
    assert!(!feed.admit(event(2, WALLET, "WalletFrozen", "again")));
    assert!(!feed.admit(event(4, WALLET, "WalletFrozen", "early")));
    assert_eq!(feed.head(), position(2));
}
