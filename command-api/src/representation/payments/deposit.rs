//! Deposits: requests and the replies to them.

use identity::address::{EmailAddress, PhoneNumber};
use ledger_core::annotation::Reference;
use ledger_core::{AssetCode, PaymentId, ProviderName, RefundId, Timestamp, WalletId};
use poem_openapi::Object;
use serde::{Deserialize, Serialize};

use crate::checkouts::{OpenCheckout, PayerFacts};
use crate::choice::choice;
use crate::representation::annotation::MetadataField;
use crate::representation::payments::DepositStatusName;
use crate::representation::position::PositionNumber;
use crate::text::Text;
use crate::text_formats::{CountryCode, HolderName, RequestedAmount, WebAddress};

choice!(
    /// How the payer wants to pay.
    PaymentMethodName {
        /// By UPI.
        Upi => "upi",
        /// By card, on the provider's page.
        Card => "card",
        /// By their bank's website.
        Netbanking => "netbanking",
        /// By another wallet.
        Wallet => "wallet",
        /// By a bank transfer.
        BankTransfer => "bank_transfer",
    }
);

/// A deposit to begin.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct CreateDepositRequest {
    /// Its id, if the caller chooses it (UUID version 7 advised); also the idempotency key when there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<PaymentId>>,
    /// Whose wallet is to be credited.
    pub wallet: Text<WalletId>,
    /// Which asset.
    pub asset: Text<AssetCode>,
    /// How much the payer is to pay.
    pub amount: Text<RequestedAmount>,
    /// The one provider to ask; the platform's rules decide when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Text<ProviderName>>,
    /// How the payer wants to pay, for the rules that choose a provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<PaymentMethodName>,
    /// Where the payer is, for the rules that choose a provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Text<CountryCode>>,
    /// Until when the payer may pay; as long as the provider lets them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
    /// Who pays, where the provider asks; never written to the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<PayerRequest>,
    /// Where the payer's browser goes afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<Text<WebAddress>>,
    /// Where the payer's browser goes when they turn back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_url: Option<Text<WebAddress>>,
    /// The caller's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text<Reference>>,
    /// The caller's metadata.
    #[serde(default, skip_serializing_if = "MetadataField::is_empty")]
    pub metadata: MetadataField,
}

/// Who pays.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct PayerRequest {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<HolderName>>,
    /// The email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<EmailAddress>>,
    /// The phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text<PhoneNumber>>,
}

impl CreateDepositRequest {
    /// What the log must not hold.
    #[must_use]
    pub fn payer_facts(&self) -> PayerFacts {
        let payer = self.payer.as_ref();
        PayerFacts {
            name: payer
                .and_then(|payer| payer.name.as_ref())
                .map(|name| name.0.0.clone()),
            email: payer
                .and_then(|payer| payer.email.as_ref())
                .map(|email| email.0.to_string()),
            phone: payer
                .and_then(|payer| payer.phone.as_ref())
                .map(|phone| phone.0.to_string()),
            method: self.method.map(|method| method.as_str().to_owned()),
            country: self.country.as_ref().map(|country| country.0.0.clone()),
            return_url: self.return_url.as_ref().map(|url| url.0.0.clone()),
            cancel_url: self.cancel_url.as_ref().map(|url| url.0.0.clone()),
        }
    }
}

/// Where a deposit is paid; all of it is absent while there is no page.
#[derive(Debug, Default, Serialize, Object)]
pub struct CheckoutView {
    /// What the payer's browser opens to pay. Whoever has the address can pay and sees who pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkout_url: Option<String>,
    /// Until when the page can be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkout_expires_at: Option<Text<Timestamp>>,
}

impl From<Option<OpenCheckout>> for CheckoutView {
    fn from(open: Option<OpenCheckout>) -> Self {
        let Some(open) = open else {
            return Self::default();
        };
        let expires_at = open.expires_at;
        Self {
            checkout_url: Some(open.address),
            checkout_expires_at: expires_at
                .and_then(|time| Timestamp::try_new(time).ok())
                .map(Text),
        }
    }
}

/// A deposit that was begun. Without a `checkout_url`, ask for the deposit again in a moment.
#[derive(Debug, Serialize, Object)]
pub struct DepositCreated {
    /// Its id.
    pub id: Text<PaymentId>,
    /// `awaiting_payer` when there is a page, else `created`. A reply that is given again says how far the
    /// deposit has come by then.
    pub status: DepositStatusName,
    /// The position of the event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
    /// Where it is paid.
    #[serde(flatten)]
    #[oai(flatten)]
    pub checkout: CheckoutView,
}

/// A deposit that was changed.
#[derive(Debug, Serialize, Object)]
pub struct DepositChanged {
    /// Its id.
    pub id: Text<PaymentId>,
    /// The position of the last event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// Money of a deposit to give back.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct RefundRequest {
    /// The refund's id, if the caller chooses it; a second refund with it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<RefundId>>,
    /// How much; all that can be refunded when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Text<RequestedAmount>>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<Reference>>,
}

/// A refund that was asked for; its money is reserved.
#[derive(Debug, Serialize, Object)]
pub struct RefundRequested {
    /// The refund's id.
    pub id: Text<RefundId>,
    /// The deposit.
    pub deposit: Text<PaymentId>,
    /// The position of the last event.
    pub position: PositionNumber,
    /// When it was recorded.
    pub recorded_at: Text<Timestamp>,
}

/// Whose the money in suspense is.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
pub struct CreditDepositRequest {
    /// The wallet that gets it.
    pub wallet: Text<WalletId>,
}
