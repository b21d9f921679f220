//! Streams and positions.

use crate::event::{AggregateType, DecodeError, Position, Stream};
use crate::fixtures::*;

#[test]
fn a_stream_is_read_back_from_its_stored_names() {
    for stream in [
        Stream::Ledger(parsed("main")),
        Stream::Wallet(wallet_id(1)),
        Stream::Transaction(transaction_id(2)),
        Stream::Hold(hold_id(3)),
        Stream::Payment(payment_id(4)),
        Stream::Payout(payout_id(5)),
        Stream::Beneficiary(beneficiary_id(6)),
        Stream::Settlement(settlement_id(7)),
        Stream::Owner(owner("somebody").key()),
        Stream::VerificationCase(case_id(7)),
        Stream::Onboarding(owner("somebody").key()),
    ] {
        let aggregate_type: AggregateType = stream.aggregate_type().as_str().parse().unwrap();
        assert_eq!(
            Stream::parse(aggregate_type, &stream.aggregate_id()).unwrap(),
            stream
        );
    }
    assert_eq!(Stream::Ledger(parsed("main")).to_string(), "ledger/main");
}

#[test]
fn names_of_no_stream_are_refused() {
    let unknown = "Wallet".parse::<AggregateType>();
    assert!(matches!(unknown, Err(DecodeError::UnknownAggregateType(_))));
    for aggregate_type in AggregateType::ALL {
        for id in ["", "Main", "1", "0190b8a25b7e7c3d8f00000000000001"] {
            let refused = Stream::parse(aggregate_type, id);
            assert!(
                matches!(refused, Err(DecodeError::AggregateId { .. })),
                "{id}"
            );
        }
    }
}

#[test]
fn aggregate_types_are_called_what_their_aggregates_are() {
    use cqrs_es::Aggregate;
    assert_eq!(
        AggregateType::ALL.map(AggregateType::as_str),
        [
            crate::ledger::Ledger::TYPE,
            crate::wallet::Wallet::TYPE,
            crate::transaction::Transaction::TYPE,
            crate::hold::Hold::TYPE,
            crate::payment::Payment::TYPE,
            crate::payout::Payout::TYPE,
            crate::beneficiary::Beneficiary::TYPE,
            crate::settlement::Settlement::TYPE,
            crate::owner::Owner::TYPE,
            crate::verification::VerificationCase::TYPE,
            crate::profile::Profile::TYPE,
            crate::onboarding::Onboarding::TYPE,
        ]
    );
}

#[test]
fn positions_count_from_the_start() {
    assert_eq!(Position::START.next().value(), 1);
    assert_eq!(
        Position::try_new(5).unwrap().plus(2),
        Position::try_new(7).unwrap()
    );
    assert_eq!(Position::try_new(-1), None);
}
