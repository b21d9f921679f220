//! An event on its way into the log and out of it: writing its payload, reading it back.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has no result")]

use std::hint::black_box;

use chrono::DateTime;
use criterion::{Criterion, criterion_group, criterion_main};
use event_store::StoredEvent;
use ledger_core::AggregateType;
use ledger_core::Event;
use ledger_core::event::EventMetadata;
use uuid::Uuid;

/// A transfer as it stands in logs.
const TRANSFER: &str = include_str!("../../schemas/samples/TransactionPosted.v1.json");

fn transfer() -> Event {
    Event::from_payload(
        AggregateType::Transaction,
        "TransactionPosted",
        "1",
        TRANSFER,
    )
    .unwrap()
}

fn stored() -> StoredEvent {
    let metadata = EventMetadata {
        command_id: Uuid::from_u128(8),
        actor: Some("bench".to_owned()),
        correlation_id: None,
        causation_id: None,
        idempotency: None,
    };
    StoredEvent {
        position: 1,
        aggregate_type: AggregateType::Transaction.to_string(),
        aggregate_id: Uuid::from_u128(7).to_string(),
        sequence: 1,
        event_type: transfer().name().to_owned(),
        event_version: transfer().version().to_owned(),
        payload: transfer().to_payload().unwrap(),
        metadata: serde_json::to_string(&metadata).unwrap(),
        recorded_at: DateTime::UNIX_EPOCH,
    }
}

fn write_payload(criterion: &mut Criterion) {
    let event = transfer();
    let mut buffer = Vec::new();
    criterion.bench_function("events/write_payload", |bencher| {
        bencher.iter(|| {
            buffer.clear();
            event.write_payload(&mut buffer).unwrap();
            black_box(buffer.len())
        });
    });
}

fn decode(criterion: &mut Criterion) {
    let stored = stored();
    criterion.bench_function("events/decode", |bencher| {
        bencher.iter(|| black_box(&stored).decode().unwrap());
    });
}

criterion_group!(benches, write_payload, decode);
criterion_main!(benches);
