//! Payments on a real log: one webhook, one effect; whole appends; cold caches; several nodes.

use event_store::executor::{ExecutorSettings, IdempotencyKey, Outcome, Submission};
use event_store::{Database, LogReader};
use ledger_core::annotation::Metadata;
use ledger_core::book::Book;
use ledger_core::identifier::ProviderReference;
use ledger_core::money::parse_decimal;
use ledger_core::payment::{
    DisputeObservation, DisputePhase, NewPayment, ObservedDispute, ObservedMoney, ObservedPayment,
    ObservedRefund, Payment, PaymentAction, PaymentObservation, PaymentStatus, RefundObservation,
};
use ledger_core::provider::{Candidate, Route};
use ledger_core::{
    AccountId, Command, Holder, PaymentId, Position, ProviderName, RefundId, TransactionId,
    WalletId,
};
use projections::verify;
use uuid::Uuid;

use crate::harness::{Bench, Projected, TestDatabase, submission};

fn razorpay() -> ProviderName {
    "razorpay".parse().unwrap()
}

fn reference(text: &str) -> ProviderReference {
    text.parse().unwrap()
}

fn rupees(amount: &str) -> ObservedMoney {
    ObservedMoney {
        asset: "INR".parse().unwrap(),
        amount: parse_decimal(amount).unwrap(),
    }
}

fn of(payment: PaymentId, action: PaymentAction) -> Command {
    Command::Payment {
        payment,
        action: Box::new(action),
    }
}

fn create(payment: PaymentId, wallet: WalletId) -> Command {
    let candidate = Candidate {
        provider: razorpay(),
        excluded: None,
    };
    let route = Route {
        provider: razorpay(),
        candidates: vec![candidate],
        rule: "upi.v1".parse().unwrap(),
        reason: "the first that is healthy".parse().unwrap(),
        fallback: None,
    };
    let new = NewPayment {
        wallet,
        asset: "INR".parse().unwrap(),
        amount: parse_decimal("100").unwrap(),
        route,
        expires_at: None,
        reference: None,
        metadata: Metadata::default(),
    };
    of(payment, PaymentAction::Create(new))
}

fn new_transaction() -> TransactionId {
    TransactionId::new(Uuid::now_v7())
}

fn captured(payment: PaymentId, attempt: &str) -> Command {
    let attempt = reference(attempt);
    let action = PaymentAction::Observe {
        transaction: new_transaction(),
        observation: PaymentObservation {
            provider: razorpay(),
            order: None,
            status: ObservedPayment::Captured {
                attempt,
                money: rupees("100"),
                fees: None,
            },
        },
    };
    of(payment, action)
}

fn refunded(payment: PaymentId, refund: RefundId, status: ObservedRefund) -> Command {
    let action = PaymentAction::ObserveRefund {
        refund,
        observation: RefundObservation {
            provider: razorpay(),
            attempt: reference("pay_1"),
            provider_refund: reference(&format!("rfnd_{}", refund.as_uuid().simple())),
            money: rupees("40"),
            status,
            bank_reference: None,
            reason: None,
        },
        transaction: new_transaction(),
    };
    of(payment, action)
}

fn disputed(payment: PaymentId, status: ObservedDispute) -> Command {
    let action = PaymentAction::ObserveDispute {
        observation: DisputeObservation {
            provider: razorpay(),
            attempt: reference("pay_1"),
            dispute: reference("disp_1"),
            phase: DisputePhase::Chargeback,
            status,
            money: rupees("60"),
            fees: None,
            reason: None,
            respond_by: None,
        },
        transaction: new_transaction(),
    };
    of(payment, action)
}

fn by_event(command: Command, event: &str) -> Submission {
    Submission {
        idempotency: Some(IdempotencyKey::of_provider_event(razorpay(), event)),
        ..submission(command)
    }
}

async fn accept(bench: &Bench, submission: Submission) -> Outcome {
    let outcome = bench.submit(submission).await.unwrap();
    assert_eq!(outcome.refusal(), None);
    outcome
}

async fn accepted(bench: &Bench, command: Command) -> Outcome {
    accept(bench, submission(command)).await
}

fn balance(book: &Book, holder: Holder) -> String {
    let account: AccountId = holder.account("INR".parse().unwrap());
    let standing = book.standing(account);
    let balance = standing.map_or_else(Default::default, |standing| standing.balance().unwrap());
    balance.value().normalize().to_string()
}

async fn begun(bench: &Bench) -> (PaymentId, WalletId) {
    let (payment, wallet) = (PaymentId::new(Uuid::now_v7()), bench.wallet().await);
    accepted(bench, create(payment, wallet)).await;
    (payment, wallet)
}

/// The same webhook ten times at two nodes, and what a fetch says besides.
#[tokio::test(flavor = "multi_thread")]
async fn race_a_webhook_that_is_delivered_ten_times_credits_once() {
    let first = Bench::over(TestDatabase::create().await.database).await;
    let second = Bench::over(first.database.clone()).await;
    let (payment, wallet) = begun(&first).await;
    let deliveries = (0..10).map(|number| {
        let node = if number % 2 == 0 { &first } else { &second };
        node.submit(by_event(captured(payment, "pay_1"), "evt_1"))
    });
    let outcomes = futures_util::future::join_all(deliveries).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.as_ref().unwrap().refusal().is_none())
    );
    let head = first.head().await;
    // The same fact by another event, and by a fetch, which has none.
    for node in [&first, &second] {
        accept(node, by_event(captured(payment, "pay_1"), "evt_2")).await;
        accepted(node, captured(payment, "pay_1")).await;
    }
    assert_eq!(first.head().await, head);
    let book = first.book().await;
    assert_eq!(balance(&book, Holder::Wallet(wallet)), "100");
    assert_eq!(balance(&book, razorpay().clearing()), "100");
    assert_eq!(
        book.payment(payment).status(),
        Some(PaymentStatus::Captured)
    );
}

/// An event's id is of its provider's own: two providers may use the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_answered_again_as_it_was_and_of_its_own_provider() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (payment, _) = begun(&bench).await;
    let first = accept(&bench, by_event(captured(payment, "pay_1"), "evt_1")).await;
    // Delivered again with other bytes, so with another transaction's id.
    let again = accept(&bench, by_event(captured(payment, "pay_1"), "evt_1")).await;
    assert!(again.replayed);
    assert_eq!(
        (again.position, again.commands),
        (first.position, first.commands)
    );
    let mut other = by_event(captured(payment, "pay_1"), "evt_1");
    let stripe = "stripe".parse().unwrap();
    other.idempotency = Some(IdempotencyKey::of_provider_event(stripe, "evt_1"));
    assert!(!accept(&bench, other).await.replayed);
}

/// A captured payment is a credited wallet: there is no position between the two.
#[tokio::test(flavor = "multi_thread")]
async fn a_capture_and_its_transaction_are_one_append() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (payment, _) = begun(&bench).await;
    let before = bench.head().await;
    accepted(&bench, captured(payment, "pay_1")).await;
    let reader = LogReader::new(bench.database.pool().clone());
    let events = reader.read(bench.ledger, before, 10).await.unwrap();
    let names: Vec<&str> = events
        .iter()
        .map(|event| event.event_type.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "PaymentCaptured",
            "SystemAccountOpened",
            "TransactionPosted"
        ]
    );
    for event in &events {
        assert_eq!(event.recorded_at, events[0].recorded_at);
        assert_eq!(event.metadata, events[0].metadata);
    }
}

/// A cache that holds almost nothing, on two nodes in turn, decides as one that holds everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_goes_on_where_another_node_left_it() {
    let settings = ExecutorSettings {
        cached_entities: 1,
        cached_keys: 1,
        ..ExecutorSettings::default()
    };
    let database: Database = TestDatabase::create().await.database;
    let first = Bench::with_settings(database.clone(), settings.clone()).await;
    let second = Bench::with_settings(database, settings).await;
    for _ in 0..5 {
        let (payment, wallet) = begun(&first).await;
        let refund = RefundId::new(Uuid::now_v7());
        accepted(&second, captured(payment, "pay_1")).await;
        let request = PaymentAction::RequestRefund {
            refund,
            amount: parse_decimal("40").ok(),
            reason: None,
        };
        accepted(&first, of(payment, request)).await;
        accepted(&second, refunded(payment, refund, ObservedRefund::Pending)).await;
        accepted(&first, refunded(payment, refund, ObservedRefund::Succeeded)).await;
        accepted(&second, disputed(payment, ObservedDispute::Open)).await;
        accepted(&first, disputed(payment, ObservedDispute::Lost)).await;
        let head = first.head().await;
        for node in [&first, &second] {
            accepted(node, disputed(payment, ObservedDispute::Open)).await;
            accepted(node, refunded(payment, refund, ObservedRefund::Pending)).await;
        }
        assert_eq!(first.head().await, head);
        let book = second.book().await;
        assert_eq!(balance(&book, Holder::Wallet(wallet)), "0");
        assert_eq!(balance(&book, razorpay().clearing()), "0");
        assert_eq!(
            book.payment(payment).status(),
            Some(PaymentStatus::Disputed)
        );
    }
}

/// Stock `postgres-es` reads a payment through the ledger's view, and comes to the same state.
#[tokio::test(flavor = "multi_thread")]
async fn stock_postgres_es_reads_a_payment() {
    use cqrs_es::EventStore;
    use cqrs_es::persist::PersistedEventStore;
    use postgres_es::PostgresEventRepository;
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let (payment, _) = begun(&bench).await;
    accepted(&bench, captured(payment, "pay_1")).await;
    accepted(&bench, disputed(payment, ObservedDispute::Open)).await;
    let repository = PostgresEventRepository::new(bench.database.pool().clone())
        .with_tables("ledger_events.main", "no_snapshots");
    let payments = PersistedEventStore::<_, Payment>::new_event_store(repository);
    let context = payments.load_aggregate(&payment.to_string()).await.unwrap();
    assert_eq!(context.aggregate, *bench.book().await.payment(payment));
}

/// Read models count what moved, and the audit finds nothing to say.
#[tokio::test(flavor = "multi_thread")]
async fn read_models_and_the_audit_agree_with_payments() {
    let node = Projected::start(TestDatabase::create().await.database).await;
    let bench = &node.bench;
    let (payment, wallet) = begun(bench).await;
    accepted(bench, captured(payment, "pay_1")).await;
    let refund = RefundId::new(Uuid::now_v7());
    accepted(bench, refunded(payment, refund, ObservedRefund::Succeeded)).await;
    // Money of nobody we know.
    let stranger = PaymentId::new(Uuid::now_v7());
    accepted(bench, captured(stranger, "pay_9")).await;
    let head = node.settled().await;
    assert!(head > Position::START);
    let verified = verify::verify(&node.database, node.ledger, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(verified.position, head);
    let book = bench.book().await;
    assert_eq!(balance(&book, Holder::Wallet(wallet)), "60");
    assert_eq!(
        balance(&book, Holder::System("suspense".parse().unwrap())),
        "100"
    );
}
