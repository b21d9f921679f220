//! Tiers to limit owners with.

use ledger_core::annotation::Metadata;
use ledger_core::limit::{
    OtherAssets, RequestedAssetLimits, RequestedFlowLimits, RequestedTier, UtcOffset,
};
use ledger_core::money::parse_decimal;
use ledger_core::{Command, WalletId};

use super::{Bench, submission};

/// A tier of rupees: so much out and in per day, and so much held.
pub fn tier(out_per_day: &str, in_per_day: Option<&str>, balance: Option<&str>) -> RequestedTier {
    let amount = |text: &str| parse_decimal(text).unwrap();
    let flow = |per_day: Option<&str>| RequestedFlowLimits {
        per_transaction: None,
        per_day: per_day.map(amount),
        per_month: None,
    };
    let limits = RequestedAssetLimits {
        operations: None,
        incoming: flow(in_per_day),
        outgoing: flow(Some(out_per_day)),
        balance: balance.map(amount),
    };
    RequestedTier {
        operations: None,
        assets: [("INR".parse().unwrap(), limits)].into(),
        other_assets: OtherAssets::Forbidden,
        utc_offset_minutes: UtcOffset::default(),
    }
}

/// Everybody in this ledger has this tier from now on.
pub fn limit_everybody(rules: RequestedTier) -> [Command; 2] {
    let tier = "basic".parse().unwrap();
    [
        Command::SetTier {
            tier,
            rules: Box::new(rules),
        },
        Command::SetDefaultTier { tier },
    ]
}

pub fn begin_wallet_of(wallet: WalletId, owner: &str) -> Command {
    Command::OpenWallet {
        wallet,
        owner: owner.parse().unwrap(),
        overdraft: Vec::new(),
        reference: None,
        metadata: Metadata::default(),
    }
}

impl Bench {
    /// Carries out what nothing refuses.
    pub async fn carry_out(&self, commands: impl IntoIterator<Item = Command>) {
        for command in commands {
            let outcome = self.submit(submission(command.clone())).await.unwrap();
            assert_eq!(outcome.refusal(), None, "{command:?}");
        }
    }
}
