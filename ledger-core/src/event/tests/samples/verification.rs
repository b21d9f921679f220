//! Samples of tiers, owners, cases, and of what counts towards limits.

use super::*;
use crate::identifier::OwnerKey;
use crate::limit::{
    AssetLimits, CountedFlow, Flow, FlowLimits, Operation, OtherAssets, Tier, Usage, UtcOffset,
};
use crate::owner::{OwnerEvent, TierSource};
use crate::verification::{
    CaseDocument, CaseEvent, CaseSource, Finding, ObservedFinding, RemovalReason, Retry,
    ReviewCause,
};

fn counted(flow: Flow, text: &str) -> CountedFlow {
    CountedFlow {
        owner: OwnerKey::new(uuid::Uuid::from_u128(OTHER)),
        flow,
        asset: asset_code("INR"),
        amount: amount(text),
        day: parsed("2026-02-28"),
    }
}

/// What counted, or is given back.
pub(super) fn counts() -> Option<Box<Usage>> {
    Usage::counted(vec![
        counted(Flow::Outgoing, "12.50"),
        counted(Flow::Incoming, "12.50"),
    ])
}

pub(super) fn gives_back() -> Option<Box<Usage>> {
    Usage::given_back(vec![counted(Flow::Outgoing, "6.00")])
}

pub(super) fn ledger() -> Vec<(&'static str, LedgerEvent)> {
    let flow = |transaction, day, month| FlowLimits {
        per_transaction: Some(amount(transaction)),
        per_day: Some(amount(day)),
        per_month: Some(amount(month)),
    };
    let limits = AssetLimits {
        operations: Some([Operation::Deposit, Operation::Send].into()),
        incoming: flow("1000.00", "2000.00", "10000.00"),
        outgoing: flow("500.00", "1000.00", "5000.00"),
        balance: Some(amount("10000.00")),
    };
    let everything = [
        Operation::Deposit,
        Operation::Withdrawal,
        Operation::Send,
        Operation::Receive,
        Operation::Conversion,
        Operation::Payout,
    ];
    let minimal = Tier {
        operations: None,
        assets: BTreeMap::new(),
        other_assets: OtherAssets::Unlimited,
        utc_offset_minutes: UtcOffset::default(),
    };
    let full = Tier {
        operations: Some(everything.into()),
        assets: [
            (asset_code("INR"), limits),
            (asset_code("USD"), AssetLimits::default()),
        ]
        .into(),
        other_assets: OtherAssets::Forbidden,
        utc_offset_minutes: UtcOffset::try_new(330).unwrap(),
    };
    let set = |tier: &str, rules| LedgerEvent::TierSet {
        tier: parsed(tier),
        rules,
    };
    let default = |tier: &str| LedgerEvent::DefaultTierSet { tier: parsed(tier) };
    vec![
        ("minimal", set("full", minimal)),
        ("full", set("basic_2026", full)),
        ("minimal", default("a")),
        ("full", default("basic_2026")),
    ]
}

fn owners() -> Vec<(&'static str, OwnerEvent)> {
    let granted = |source, by, reason| OwnerEvent::TierGranted {
        owner: owner("customer-7"),
        tier: parsed("full"),
        source,
        by,
        reason,
    };
    let withdrawn = |source, by, reason| OwnerEvent::TierWithdrawn {
        owner: owner("customer-7"),
        tier: parsed("full"),
        source,
        by,
        reason,
    };
    let case = TierSource::Case(case_id(OTHER));
    let (by, why) = (Some(actor("meera")), Some(reference("ticket 7")));
    vec![
        ("minimal", granted(case, None, None)),
        ("full", granted(TierSource::Staff, by.clone(), why.clone())),
        ("minimal", withdrawn(TierSource::Staff, None, None)),
        ("full", withdrawn(case, by, why)),
    ]
}

fn observed(finding: Finding) -> ObservedFinding {
    ObservedFinding {
        provider: provider("sumsub"),
        reference: Some(theirs("5cb56e8e0a975a35f333cb83")),
        observed_at: at(3),
        finding,
    }
}

fn collecting() -> Vec<(&'static str, CaseEvent)> {
    let by = actor("meera");
    let opened = |expires_at| CaseEvent::CaseOpened {
        owner: owner("customer-7"),
        tier: parsed("full"),
        expires_at,
        by: by.clone(),
    };
    let requested = |kinds: &[&str], expires_at| CaseEvent::DocumentsRequested {
        kinds: kinds.iter().map(|kind| parsed(kind)).collect(),
        expires_at,
        by: by.clone(),
    };
    let received = |size_bytes| CaseEvent::DocumentReceived {
        document: CaseDocument {
            reference: theirs("vault/1"),
            kind: parsed("passport"),
            sha256: parsed(&"0a".repeat(32)),
            size_bytes,
        },
        by: by.clone(),
    };
    let removed = |reason| CaseEvent::DocumentRemoved {
        document: theirs("vault/1"),
        reason,
    };
    let submitted = |providers: &[&str], source| CaseEvent::CaseSubmitted {
        providers: providers.iter().map(|name| provider(name)).collect(),
        source,
    };
    let pending = CaseSource::Provider(observed(Finding::Pending));
    vec![
        ("minimal", opened(None)),
        ("full", opened(Some(at(86_400)))),
        ("minimal", requested(&["passport"], None)),
        ("full", requested(&["pan_card", "selfie"], Some(at(86_400)))),
        ("minimal", received(0)),
        ("full", received(u64::MAX)),
        ("minimal", removed(RemovalReason::Erasure)),
        ("full", removed(RemovalReason::Retention)),
        ("minimal", submitted(&["sumsub"], pending)),
        (
            "full",
            submitted(&["onfido", "sumsub"], CaseSource::Actor(by.clone())),
        ),
    ]
}

fn findings() -> Vec<(&'static str, CaseEvent)> {
    let noted = |observed| CaseEvent::FindingNoted { observed };
    let minimal = ObservedFinding {
        reference: None,
        ..observed(Finding::Pending)
    };
    let retry = Finding::Rejected {
        retry: Retry::Allowed,
        reasons: vec![],
    };
    let last = Finding::Rejected {
        retry: Retry::Final,
        reasons: vec![parsed("FORGERY"), parsed("fraud.v2:seen")],
    };
    vec![
        ("minimal", noted(minimal)),
        ("full", noted(observed(last))),
        ("review", noted(observed(Finding::Review))),
        (
            "approved",
            noted(observed(Finding::Approved { valid_until: None })),
        ),
        ("retry", noted(observed(retry))),
        ("expired", noted(observed(Finding::Expired))),
        ("reset", noted(observed(Finding::Reset))),
    ]
}

fn decisions() -> Vec<(&'static str, CaseEvent)> {
    let by = || CaseSource::Actor(actor("meera"));
    let why = || vec![parsed("DOCUMENT_EXPIRED"), parsed("kyc.v2:seen")];
    let provider = |finding| CaseSource::Provider(observed(finding));
    let green = Finding::Approved {
        valid_until: Some(at(9)),
    };
    let review = |cause, source, reasons| CaseEvent::CaseReviewStarted {
        cause,
        source,
        reasons,
    };
    let approved = |reverify_at, source, reasons| CaseEvent::CaseApproved {
        tier: parsed("full"),
        reverify_at,
        source,
        reasons,
    };
    let rejected = |retry, expires_at, source, reasons| CaseEvent::CaseRejected {
        retry,
        expires_at,
        source,
        reasons,
    };
    let reset = |source, reasons| CaseEvent::CaseReset { source, reasons };
    let due = |expires_at, source, reasons| CaseEvent::ReverificationDue {
        expires_at,
        source,
        reasons,
    };
    let expired = |source| CaseEvent::CaseExpired { source };
    let at_provider = provider(Finding::Review);
    vec![
        (
            "minimal",
            review(ReviewCause::AtProvider, at_provider, vec![]),
        ),
        ("full", review(ReviewCause::Requested, by(), why())),
        (
            "disagreement",
            review(ReviewCause::Disagreement, provider(green.clone()), vec![]),
        ),
        ("minimal", approved(None, by(), vec![])),
        ("full", approved(Some(at(9)), provider(green), why())),
        ("minimal", rejected(Retry::Final, None, by(), vec![])),
        ("full", rejected(Retry::Allowed, Some(at(9)), by(), why())),
        ("minimal", expired(CaseSource::Time)),
        ("full", expired(provider(Finding::Expired))),
        ("minimal", reset(by(), vec![])),
        ("full", reset(provider(Finding::Reset), why())),
        ("minimal", due(None, CaseSource::Time, vec![])),
        ("full", due(Some(at(9)), by(), why())),
    ]
}

pub(super) fn current() -> Vec<(&'static str, AggregateType, Event)> {
    let owners = owners().into_iter().map(|(name, event)| {
        let event = Event::Owner(Box::new(event));
        (name, AggregateType::Owner, event)
    });
    let cases = [collecting(), findings(), decisions()];
    let cases = cases.into_iter().flatten().map(|(name, event)| {
        let event = Event::VerificationCase(Box::new(event));
        (name, AggregateType::VerificationCase, event)
    });
    owners.chain(cases).collect()
}
