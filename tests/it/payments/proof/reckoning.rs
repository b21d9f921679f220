//! What wallets and clearing accounts should hold, by what really happened at the gateways.

use std::collections::BTreeMap;

use connectors::simulators::books::Books;
use sqlx::PgPool;

use super::gateways::{Gateways, LEDGER};

/// Whose a thing at a provider is, by the provider's own id of its checkout or our reference of a payout.
#[derive(Debug, Default)]
pub struct Owners {
    /// By provider and checkout.
    pub checkouts: BTreeMap<(String, String), String>,
    /// By payout.
    pub payouts: BTreeMap<String, String>,
}

/// Minor units by wallet.
pub type Balances = BTreeMap<String, i128>;

/// What each wallet should hold, besides what it was given at the beginning.
pub fn expected(
    gateways: &Gateways,
    owners: &Owners,
    payouts: &BTreeMap<(String, String), String>,
) -> Balances {
    let mut balances = Balances::new();
    for (provider, gateway) in gateways.all() {
        let books = gateway.books();
        let owner = |checkout: &str| {
            let at = (provider.to_owned(), checkout.to_owned());
            owners
                .checkouts
                .get(&at)
                .unwrap_or_else(|| panic!("nobody's checkout: {at:?}"))
        };
        for payment in books.payments.iter().filter(|payment| payment.captured > 0) {
            let taken = disputed(&books, &payment.payment_id);
            let left = i128::from(payment.captured) - i128::from(payment.refunded) - taken;
            *balances
                .entry(owner(&payment.checkout_id).clone())
                .or_default() += left;
        }
        for payout in books
            .payouts
            .iter()
            .filter(|payout| payout.is_with_beneficiary)
        {
            let at = (
                provider.to_owned(),
                payout.reference.clone().unwrap_or_default(),
            );
            let ours = payouts
                .get(&at)
                .unwrap_or_else(|| panic!("nobody's payout: {payout:?}"));
            *balances.entry(owners.payouts[ours].clone()).or_default() -= i128::from(payout.amount);
        }
    }
    balances
}

fn disputed(books: &Books, payment: &str) -> i128 {
    let of_payment = books
        .disputes
        .iter()
        .filter(|dispute| dispute.payment_id == payment);
    of_payment.map(|dispute| i128::from(dispute.deducted)).sum()
}

/// Our payouts by the references that providers have of them: provider and reference.
pub async fn payouts(pool: &PgPool) -> BTreeMap<(String, String), String> {
    let rows: Vec<(String, String, uuid::Uuid)> = sqlx::query_as(
        "SELECT provider, provider_id, aggregate_id FROM workflows.provider_link \
         WHERE ledger = $1 AND kind = 'payout_reference'",
    )
    .bind(LEDGER)
    .fetch_all(pool)
    .await
    .unwrap();
    let named = rows.into_iter();
    named
        .map(|(provider, reference, ours)| ((provider, reference), ours.to_string()))
        .collect()
}

/// An amount of rupees in paise.
pub fn minor(text: &str) -> i128 {
    let amount: rust_decimal::Decimal = text.parse().unwrap();
    (amount * rust_decimal::Decimal::ONE_HUNDRED)
        .normalize()
        .mantissa()
}
