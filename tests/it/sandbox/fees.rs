//! Other fees: exactly the fees are others, rounded half to even.

use ledger_core::annotation::Metadata;
use ledger_core::money::parse_decimal;
use ledger_core::posting::RequestedPosting;
use ledger_core::transaction::{TransactionEvent, TransactionRequest};
use ledger_core::{Command, Event, Holder, PaymentId, TransactionId, WalletId};
use sandbox::{Fee, Rules};
use uuid::Uuid;

use super::limits::stands_as_told;
use super::support::{Built, fork, request};
use crate::harness::outside::{captured, new_payment};
use crate::harness::{Bench, TestDatabase};

fn post(lines: &[(Holder, Holder, &str, &str)]) -> Command {
    let postings = lines
        .iter()
        .map(|(source, destination, asset, amount)| RequestedPosting {
            source: *source,
            destination: *destination,
            asset: asset.parse().unwrap(),
            amount: parse_decimal(amount).unwrap(),
        });
    Command::PostTransaction {
        transaction: TransactionId::new(Uuid::now_v7()),
        request: TransactionRequest {
            postings: postings.collect(),
            effective_at: None,
            reference: None,
            metadata: Metadata::default(),
        },
    }
}

fn system(name: &str) -> Holder {
    Holder::System(name.parse().unwrap())
}

fn fee(percent: &str, fixed: Option<(&str, &str)>, tax: &str) -> Fee {
    let fixed =
        fixed.map(|(asset, amount)| (asset.parse().unwrap(), parse_decimal(amount).unwrap()));
    Fee {
        percent: parse_decimal(percent).unwrap(),
        fixed: fixed.into_iter().collect(),
        tax_percent: parse_decimal(tax).unwrap(),
    }
}

/// What the transactions of a fork moved into an account, in order.
async fn into(built: &Built, account: Holder) -> Vec<String> {
    let mut found = Vec::new();
    for event in built.log().await {
        if let Event::Transaction(TransactionEvent::TransactionPosted { postings, .. }) =
            event.decode().unwrap().event
        {
            let to = postings
                .iter()
                .filter(|posting| posting.destination == account);
            found.extend(to.map(|posting| format!("{} {}", posting.amount, posting.asset)));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_fee_is_worked_out_from_what_else_leaves() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let asha = bench.funded_wallet("10000.00").await;
    let bela = bench.wallet().await;
    let at = bench.head().await.value();
    let (asha, bela, fees) = (Holder::Wallet(asha), Holder::Wallet(bela), system("fees"));
    bench
        .carry_out([
            post(&[(asha, bela, "INR", "100.00"), (asha, fees, "INR", "2.00")]),
            // 2.5 % of 25.00 and of 25.40 are half-way: 0.625 and 0.635.
            post(&[(asha, bela, "INR", "25.00"), (asha, fees, "INR", "2.00")]),
            post(&[(asha, fees, "INR", "2.00"), (asha, bela, "INR", "25.40")]),
            // A fee that is of nothing stays; one that is the same is no difference.
            post(&[(asha, fees, "INR", "7.00")]),
            post(&[(asha, bela, "INR", "80.00"), (asha, fees, "INR", "2.00")]),
            post(&[(asha, bela, "INR", "5.00")]),
            // Two fees become one; another one's money is no base.
            post(&[
                (asha, bela, "INR", "40.00"),
                (asha, fees, "INR", "1.00"),
                (asha, fees, "INR", "1.00"),
                (bela, asha, "INR", "9.00"),
            ]),
        ])
        .await;
    let rules = Rules {
        account_fees: [("fees".parse().unwrap(), fee("2.5", None, "0"))].into(),
        ..Rules::default()
    };
    let built = fork(bench.database.pool(), &request("cheaper", at, rules)).await;
    assert_eq!(
        into(&built, fees).await,
        [
            "2.50 INR", "0.62 INR", "0.64 INR", "7.00 INR", "2.00 INR", "1.00 INR"
        ]
    );
    let changed = [1, 2, 3, 7].map(|number| format!("{} TransactionPosted changed", at + number));
    assert_eq!(built.outcomes(), changed);
    stands_as_told(&bench, &built).await;
    // A fixed part, and nothing at all.
    for (name, percent, fixed, all) in [
        ("fixed", "0", Some(("INR", "3.00")), "3.00 INR"),
        ("other_asset", "1", Some(("USD", "3.00")), "1.00 INR"),
    ] {
        let rules = Rules {
            account_fees: [("fees".parse().unwrap(), fee(percent, fixed, "0"))].into(),
            ..Rules::default()
        };
        let built = fork(bench.database.pool(), &request(name, at, rules)).await;
        assert_eq!(into(&built, fees).await[0], all);
        stands_as_told(&bench, &built).await;
    }
    let rules = Rules {
        account_fees: [("fees".parse().unwrap(), fee("0", None, "0"))].into(),
        ..Rules::default()
    };
    let built = fork(bench.database.pool(), &request("free", at, rules)).await;
    assert_eq!(into(&built, fees).await, ["7.00 INR"]);
    stands_as_told(&bench, &built).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_fee_and_its_tax_are_others() {
    let bench = Bench::over(TestDatabase::create().await.database).await;
    let wallet: WalletId = bench.wallet().await;
    let at = bench.head().await.value();
    let payment = PaymentId::new(Uuid::now_v7());
    bench
        .carry_out([
            new_payment(payment, wallet, "123.45"),
            captured(payment, "pay_1", "123.45"),
        ])
        .await;
    let provider = crate::harness::outside::PROVIDER.parse().unwrap();
    let rules = Rules {
        provider_fees: [(provider, fee("2", Some(("INR", "3.00")), "18"))].into(),
        ..Rules::default()
    };
    let built = fork(bench.database.pool(), &request("dearer", at, rules)).await;
    assert_eq!(
        built.outcomes(),
        [format!("{} PaymentCaptured changed", at + 2)]
    );
    // 2 % of 123.45 is 2.469, with 3.00 5.469, rounded 5.47; 18 % of that is 0.9846.
    let book = super::support::book_of(&built.log().await);
    let of = |account: Holder| {
        let account = account.account("INR".parse().unwrap());
        book.totals(account).unwrap().posted.debits.to_string()
    };
    let provider: ledger_core::ProviderName = provider;
    assert_eq!(of(provider.fees()), "5.47");
    assert_eq!(of(provider.tax()), "0.98");
    stands_as_told(&bench, &built).await;
}
