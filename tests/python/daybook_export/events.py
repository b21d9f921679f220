"""Which events there are, and the members of each: the table in "The rules" of docs/AUDIT.md."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple, Optional

from .values import (
    ASSET,
    HOLDER,
    LEDGER,
    OWNER,
    REFERENCE,
    SYSTEM_ACCOUNT,
    TIER,
    UUID,
    Reader,
    choice_of,
    list_of,
    map_of,
    matching,
    object_of,
    one_of,
    read_amount,
    read_any,
    read_day,
    read_text,
    read_time,
    whole_of,
)

# Aggregate types whose events move nothing here, and these events.
OTHER_EVENTS = {
    "payment": """PaymentCreated PaymentRerouted PaymentAwaitingPayer PaymentAuthorized PaymentReleased
        PaymentFailed PaymentExpired PaymentCaptured UnexpectedPaymentCaptured PaymentFeesRecorded
        PaymentCredited RefundRequested RefundPending RefundSucceeded RefundDiscovered RefundMatched
        RefundFailed DisputeOpened DisputeClosed DisputeWon DisputeLost DisputeFeesRecorded""",
    "payout": """PayoutRequested PayoutApproved PayoutDeclined PayoutCancelled PayoutSubmitted
        PayoutNotAccepted PayoutProcessing PayoutSucceeded PayoutFeesRecorded PayoutFailed
        PayoutReturned""",
    "beneficiary": "BeneficiaryAdded BeneficiaryVerified BeneficiaryRemoved",
    "settlement": "SettlementRecorded SettlementBreakFound SettlementBreakResolved",
    "verification_case": """CaseOpened DocumentsRequested DocumentReceived DocumentRemoved
        CaseSubmitted FindingNoted CaseReviewStarted CaseApproved CaseRejected CaseExpired CaseReset
        ReverificationDue""",
    "onboarding": """OnboardingStarted OnboardingContactVerified OnboardingContactRemoved
        OnboardingVerificationSeen OnboardingOwnerAwaited OnboardingReminderSent OnboardingCompleted
        OnboardingRejected OnboardingExpired OnboardingCancelled OnboardingResumed""",
    "profile": "ProfileRecorded ProfileErased",
}


class Usage(NamedTuple):
    """What counts towards limits: entries are (owner, flow, asset, units, day)."""

    counted: tuple[tuple[str, str, str, int, date], ...] = ()
    given_back: tuple[tuple[str, str, str, int, date], ...] = ()


def usage_reader() -> Reader:
    entry = object_of(
        {
            "owner": matching(UUID),
            "flow": one_of("incoming", "outgoing"),
            "asset": matching(ASSET),
            "amount": read_amount,
            "day": read_day,
        }
    )
    lists = object_of({}, {"counted": list_of(entry), "given_back": list_of(entry)})

    def entries(values: Optional[list[dict[str, Any]]]) -> tuple[Any, ...]:
        return tuple((e["owner"], e["flow"], e["asset"], e["amount"].units, e["day"]) for e in values or ())

    def read(value: Any) -> Usage:
        usage = lists(value)
        return Usage(entries(usage["counted"]), entries(usage["given_back"]))

    return read


def event_readers() -> dict[str, dict[str, Reader]]:
    """By aggregate type and event type, what reads the payload."""
    holder, asset, an_id, tier = matching(HOLDER), matching(ASSET), matching(UUID), matching(TIER)
    owner, reference, usage = matching(OWNER), matching(REFERENCE), usage_reader()
    words = {"reference": reference, "metadata": map_of(read_text, read_text)}
    account = object_of({"name": matching(SYSTEM_ACCOUNT), "normal_side": one_of("debit", "credit")})
    overdraft = choice_of(("forbidden", "unlimited"), read_amount, "up_to")
    operations = list_of(one_of("deposit", "withdrawal", "send", "receive", "conversion", "payout"))
    bounds = object_of({}, dict.fromkeys(("per_transaction", "per_day", "per_month"), read_amount))
    rules = object_of(
        {"other_assets": one_of("forbidden", "unlimited")},
        {
            "operations": operations,
            "assets": map_of(
                asset,
                object_of(
                    {}, {"operations": operations, "incoming": bounds, "outgoing": bounds, "balance": read_amount}
                ),
            ),
            "utc_offset_minutes": whole_of(-720, 840),
        },
    )
    posting = object_of({"source": holder, "destination": holder, "asset": asset, "amount": read_amount})
    cause = choice_of(("request",), an_id, "revert", "capture", "payment", "payout", "settlement")
    manager = choice_of((), an_id, "payment", "payout")
    source = choice_of(("staff",), an_id, "case")
    grant = object_of({"owner": owner, "tier": tier, "source": source}, {"by": read_text, "reason": reference})
    registered = {"code": asset, "scale": whole_of(0, (1 << 32) - 1), "kind": one_of("currency", "crypto", "custom")}
    released = {"source": holder, "asset": asset, "released": read_amount}
    reason = {"reason": reference}
    return {
        "ledger": {
            "LedgerOpened": object_of({"name": matching(LEDGER), "system_accounts": list_of(account)}),
            "AssetRegistered": object_of({"asset": object_of(registered)}),
            "SystemAccountOpened": object_of({"account": account}),
            "TierSet": object_of({"tier": tier, "rules": rules}),
            "DefaultTierSet": object_of({"tier": tier}),
            "PaymentPolicySet": read_any,
        },
        "wallet": {
            "WalletOpened": object_of({"owner": owner}, {"overdraft": map_of(asset, overdraft), **words}),
            "WalletFrozen": object_of({"scope": one_of("debits", "credits", "all")}, reason),
            "WalletUnfrozen": object_of({}, reason),
            "WalletOverdraftSet": object_of({"asset": asset, "overdraft": overdraft}),
            "WalletClosed": object_of({}, reason),
        },
        "transaction": {
            "TransactionPosted": object_of(
                {"postings": list_of(posting), "effective_at": read_time}, {"cause": cause, "usage": usage, **words}
            ),
            "TransactionReverted": object_of({"reverting_transaction": an_id}),
        },
        "hold": {
            "HoldPlaced": object_of(
                {"source": holder, "asset": asset, "amount": read_amount},
                {"destination": holder, "expires_at": read_time, "manager": manager, "usage": usage, **words},
            ),
            "HoldCaptured": object_of(
                {
                    "source": holder,
                    "asset": asset,
                    "destination": holder,
                    "amount": read_amount,
                    "transaction": an_id,
                },
                {"released": read_amount, "remaining": read_amount, "usage": usage},
            ),
            "HoldVoided": object_of(released, {"usage": usage, **reason}),
            "HoldExpired": object_of(released, {"usage": usage}),
        },
        "owner": {"TierGranted": grant, "TierWithdrawn": grant},
        **{kind: dict.fromkeys(names.split(), read_any) for kind, names in OTHER_EVENTS.items()},
    }
