//! Limits count exactly, fill evenly, stay apart and stay small.

use std::net::IpAddr;
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use identity::subject::Subject;
use poem::http::{HeaderMap, Method};
use uuid::Uuid;

use super::group::{CODES, SIGN_IN};
use super::limiter::Limiter;
use super::visit::partition;
use super::*;
use crate::access::TABLE;

const THREE_IN_SIX_SECONDS: Allowance = Allowance {
    requests: 3,
    seconds: 6,
};

fn limiter(
    allowance: Allowance,
    remembered: usize,
) -> (Limiter<u32, FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    let limiter = Limiter::by_clock("address.sign_in", allowance, remembered, clock.clone());
    (limiter.unwrap(), clock)
}

/// Remaining, seconds to the reset, and how long to wait.
fn counted(limiter: &Limiter<u32, FakeRelativeClock>, key: u32) -> (u32, u64, Option<u64>) {
    let standing = limiter.count(&key);
    let wait = standing.wait.map(|wait| wait.as_secs());
    (standing.remaining, standing.reset_seconds, wait)
}

#[test]
fn a_bucket_takes_exactly_what_it_holds_and_fills_evenly() {
    let (limiter, clock) = limiter(THREE_IN_SIX_SECONDS, 10);
    assert_eq!(counted(&limiter, 1), (2, 2, None));
    assert_eq!(counted(&limiter, 1), (1, 4, None));
    assert_eq!(counted(&limiter, 1), (0, 6, None));
    // Refusals take nothing, however many there are.
    for _ in 0..50 {
        assert_eq!(counted(&limiter, 1), (0, 2, Some(2)));
    }
    clock.advance(Duration::from_millis(1_999));
    let almost = limiter.count(&1);
    assert_eq!(
        (almost.wait, almost.reset_seconds),
        (Some(Duration::from_millis(1)), 1)
    );
    clock.advance(Duration::from_millis(1));
    assert_eq!(counted(&limiter, 1), (0, 6, None));
    assert_eq!(counted(&limiter, 1), (0, 2, Some(2)));
    clock.advance(Duration::from_secs(60));
    assert_eq!(counted(&limiter, 1), (2, 2, None));
}

#[test]
fn keys_have_their_own_buckets() {
    let (limiter, _) = limiter(THREE_IN_SIX_SECONDS, 10);
    for _ in 0..3 {
        assert_eq!(limiter.count(&1).wait, None);
    }
    assert!(limiter.count(&1).wait.is_some());
    assert_eq!(counted(&limiter, 2), (2, 2, None));
}

#[test]
fn many_threads_take_no_more_than_the_bucket_holds() {
    let allowance = Allowance {
        requests: 1_000,
        seconds: 60,
    };
    let (limiter, _) = limiter(allowance, 10);
    let taken: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..500)
                        .filter(|_| limiter.count(&1).wait.is_none())
                        .count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(taken, 1_000);
}

#[test]
fn a_flood_of_keys_is_forgotten_and_memory_is_bounded() {
    const MOST: usize = 1_000;
    let (limiter, clock) = limiter(THREE_IN_SIX_SECONDS, MOST);
    let faithful = u32::MAX;
    for _ in 0..3 {
        limiter.count(&faithful);
    }
    for key in 0..1_000_000 {
        limiter.count(&key);
        // Whoever keeps coming stays known, also when they are only refused.
        if key % 400 == 0 {
            assert!(limiter.count(&faithful).wait.is_some(), "{key}");
        }
        assert!(limiter.remembered() <= MOST);
    }
    assert!(limiter.remembered() > MOST / 2);
    // Buckets that are not full yet are kept by the timer, full ones are not.
    limiter.forget_full();
    assert!(limiter.remembered() > MOST / 2);
    clock.advance(Duration::from_secs(9));
    limiter.forget_full();
    assert_eq!(limiter.remembered(), 0);
}

#[test]
fn forgetting_full_buckets_changes_nothing_for_anybody() {
    let (limiter, clock) = limiter(THREE_IN_SIX_SECONDS, 10);
    for _ in 0..3 {
        limiter.count(&1);
    }
    clock.advance(Duration::from_secs(3));
    limiter.forget_full();
    assert_eq!(counted(&limiter, 1), (0, 6, None));
    assert_eq!(limiter.count(&1).remaining, 0);
    assert!(limiter.count(&1).wait.is_some());
}

#[test]
fn one_network_of_ipv6_is_one_address() {
    let of = |text: &str| partition(text.parse::<IpAddr>().unwrap()).to_string();
    assert_eq!(of("2001:db8:1:2:aaaa:bbbb:cccc:dddd"), "2001:db8:1:2::");
    assert_eq!(of("2001:db8:1:2::1"), "2001:db8:1:2::");
    assert_ne!(of("2001:db8:1:3::1"), of("2001:db8:1:2::1"));
    assert_eq!(of("198.51.100.7"), "198.51.100.7");
    assert_eq!(of("::ffff:198.51.100.7"), "198.51.100.7");
}

#[test]
fn every_operation_with_a_strict_limit_exists() {
    for operation in SIGN_IN.iter().chain(CODES) {
        assert!(TABLE.iter().any(|(id, _)| id == operation), "{operation}");
        let group = Group::of(operation, &Method::POST);
        assert!([Group::SignIn, Group::Codes].contains(&group));
    }
    assert_eq!(Group::of("get_wallet", &Method::GET), Group::Queries);
    assert_eq!(
        Group::of("post_transaction", &Method::POST),
        Group::Commands
    );
    assert_eq!(
        Group::of("end_my_session", &Method::DELETE),
        Group::Commands
    );
}

fn settings() -> LimitSettings {
    let mut settings = LimitSettings::OFF;
    settings.address.queries = THREE_IN_SIX_SECONDS;
    settings.account.queries = Allowance {
        requests: 2,
        seconds: 60,
    };
    settings
}

fn told(visit: &Visit) -> Vec<String> {
    let mut headers = HeaderMap::new();
    visit.tell(&mut headers);
    ["ratelimit-policy", "ratelimit"]
        .iter()
        .filter_map(|name| headers.get(*name))
        .map(|value| value.to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn responses_say_every_limit_that_was_counted_and_nothing_of_those_that_are_off() {
    let limits = Arc::new(Limits::new(&settings()));
    let visit = || Visit::new(Arc::clone(&limits), Some([198, 51, 100, 1].into()));
    let (person, machine) = (Subject::Person(Uuid::nil()), Subject::Machine(Uuid::nil()));

    let of_nobody = visit();
    assert!(told(&of_nobody).is_empty());
    of_nobody.count_address(Group::Queries).unwrap();
    let policy = r#""address.queries";q=3;w=6"#;
    assert_eq!(told(&of_nobody), [policy, r#""address.queries";r=2;t=2"#]);

    let of_person = visit();
    of_person.count_address(Group::Queries).unwrap();
    of_person
        .count_party(Group::Queries, Party::of(person))
        .unwrap();
    assert_eq!(
        told(&of_person),
        [
            r#""address.queries";q=3;w=6, "account.queries";q=2;w=60"#,
            r#""address.queries";r=1;t=4, "account.queries";r=1;t=30"#,
        ]
    );

    let of_machine = visit();
    of_machine.count_address(Group::Queries).unwrap();
    of_machine
        .count_party(Group::Queries, Party::of(machine))
        .unwrap();
    assert_eq!(told(&of_machine), [policy, r#""address.queries";r=0;t=6"#]);

    let other_group = visit();
    other_group.count_address(Group::Commands).unwrap();
    assert!(told(&other_group).is_empty());

    let problem = visit().count_address(Group::Queries).unwrap_err();
    assert_eq!(problem.code(), "too_many_requests");
    assert_eq!(problem.retry_after(), Some(Duration::from_secs(2)));
}

#[test]
fn limits_that_make_no_sense_are_named() {
    type Change = fn(&mut LimitSettings);
    let refused = |change: Change| {
        let mut settings = settings();
        change(&mut settings);
        settings.check().map_err(|fault| fault.to_string())
    };
    assert_eq!(refused(|_| {}), Ok(()));
    assert_eq!(refused(|all| all.key.codes = Allowance::OFF), Ok(()));
    let changes: [(Change, &str); 4] = [
        (
            |all| all.address.sign_in.seconds = 0,
            "limits.address.sign_in must be for 1 to 86400 seconds",
        ),
        (
            |all| all.account.streams.seconds = 86_401,
            "limits.account.streams must be for 1 to 86400 seconds",
        ),
        (
            |all| all.key.commands.requests = 1_000_000_001,
            "limits.key.commands must allow at most 1000000000 requests",
        ),
        (|all| all.remembered = 999, "limits.remembered must be"),
    ];
    for (change, start) in changes {
        let fault = refused(change).unwrap_err();
        assert!(fault.starts_with(start), "{fault}");
    }
}
