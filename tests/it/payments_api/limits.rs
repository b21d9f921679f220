//! Tiers and limits as administrators, compliance and customers see them.

use identity::permission::Role;
use serde_json::{Value, json};

use super::desk::{Desk, wallet_of};
use crate::harness::outside;

/// A tier that lets so much out in a day, and so much be held.
fn rules(out_per_day: &str, held: &str) -> Value {
    json!({ "other_assets": "forbidden",
            "assets": [{ "asset": "INR", "outgoing": { "per_day": out_per_day },
                         "balance": held }] })
}

impl Desk {
    async fn set_tier(&self, name: &str, rules: Value) {
        let path = format!("/tiers/{name}");
        self.put(&path, &self.doors.admin, rules).await.expect(200);
    }

    /// Everybody is in this tier to whom none is granted.
    async fn limit_everybody(&self, name: &str, rules: Value) -> i64 {
        self.set_tier(name, rules).await;
        let default = json!({ "tier": name });
        let set = self.put("/default-tier", &self.doors.admin, default).await;
        set.expect(200).position()
    }

    /// What Asha may do and has done, no less fresh than a position.
    async fn limits_after(&self, position: i64) -> Value {
        let owner = &self.asha.person;
        let path = format!("/owners/{owner}/limits?min_position={position}");
        self.get(&path, &self.asha.access).await.expect(200).body
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_beyond_the_limit_says_what_is_used_what_is_left_and_when_it_frees() {
    let desk = Desk::open().await;
    desk.fund("500.00").await;
    let beneficiary = desk.beneficiary().await;
    let position = desk.limit_everybody("basic", rules("100", "1000.00")).await;
    let before = desk.limits_after(position).await;
    assert_eq!(before["in_force"]["name"], "basic");
    assert_eq!(before["grants"], json!([]));
    let known = &before["in_force"]["assets"][0];
    assert_eq!(
        known["outgoing"]["per_day"],
        json!({ "allowed": "100.00", "used": "0.00", "left": "100.00" })
    );
    assert_eq!(
        known["balance"],
        json!({ "allowed": "1000.00", "used": "500.00", "left": "500.00" })
    );

    let ask = |amount: &str| {
        let body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": amount,
                           "beneficiary": beneficiary });
        desk.post("/payouts", &desk.asha.access, body)
    };
    let first = ask("60").await.expect(201);
    let refused = ask("40.01").await.expect(422);
    assert_eq!(refused.code(), "period_limit_exceeded");
    assert_eq!(refused.body["retryable"], true);
    let said = &refused.body["context"];
    assert_eq!(
        [&said["limit"], &said["flow"], &said["tier"]],
        ["per_day", "outgoing", "basic"]
    );
    assert_eq!(
        [
            &said["allowed"],
            &said["used"],
            &said["left"],
            &said["requested"]
        ],
        ["100.00", "60.00", "40.00", "40.01"]
    );
    let limits = desk.limits_after(first.position()).await;
    assert_eq!(said["frees_at"], limits["in_force"]["day_ends_at"]);
    let out = &limits["in_force"]["assets"][0]["outgoing"]["per_day"];
    assert_eq!(out["left"], "40.00");

    let cancel = format!("/payouts/{}/cancel", first.id());
    let cancelled = desk.post(&cancel, &desk.asha.access, json!({})).await;
    let limits = desk.limits_after(cancelled.expect(200).position()).await;
    let out = &limits["in_force"]["assets"][0]["outgoing"]["per_day"];
    assert_eq!(out["left"], "100.00");
}

/// What would be too much is refused before anybody pays; what has arrived waits in suspense.
#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_beyond_the_limit_is_refused_or_waits_in_suspense() {
    let desk = Desk::open().await;
    let (one, other) = (desk.deposit("60.00").await, desk.deposit("60.00").await);
    desk.limit_everybody("basic", rules("100", "100.00")).await;
    let body = json!({ "wallet": desk.wallet, "asset": "INR", "amount": "100.01" });
    let refused = desk.post("/deposits", &desk.asha.access, body).await;
    assert_eq!(refused.expect(422).code(), "balance_limit_exceeded");

    desk.hear(outside::captured(one, "pay_1", "60.00")).await;
    let second = desk.hear(outside::captured(other, "pay_2", "60.00")).await;
    assert_eq!(desk.balance_after(&second).await, "60.00");
    let waiting = desk.deposit_after(other, &second).await;
    assert_eq!(
        [&waiting["suspense_reason"], &waiting["suspense_detail"]],
        ["wallet_cannot_receive", "balance_limit_exceeded"]
    );

    // Staff raise the limit, and what waits is credited.
    let credit = format!("/deposits/{other}/credit");
    let body = json!({ "wallet": desk.wallet });
    let early = desk.post(&credit, &desk.doors.admin, body.clone()).await;
    assert_eq!(early.expect(422).code(), "balance_limit_exceeded");
    desk.set_tier("full_kyc", rules("100", "5000.00")).await;
    let vera = desk.colleague("vera@example.org", Role::Compliance).await;
    let grant = format!("/owners/{}/tier", desk.asha.person);
    let tier = json!({ "tier": "full_kyc", "reason": "seen in person" });
    desk.put(&grant, &vera.access, tier).await.expect(200);
    let credited = desk.post(&credit, &desk.doors.admin, body).await;
    let position = credited.expect(200).position();
    let limits = desk.limits_after(position).await;
    assert_eq!(limits["in_force"]["name"], "full_kyc");
    assert_eq!(
        limits["grants"],
        json!([{ "tier": "full_kyc", "source": "staff" }])
    );
    assert_eq!(limits["in_force"]["assets"][0]["balance"]["used"], "120.00");

    let withdraw = format!("{grant}/withdraw");
    let body = json!({ "reason": "by mistake" });
    let withdrawn = desk.post(&withdraw, &vera.access, body).await.expect(200);
    let limits = desk.limits_after(withdrawn.position()).await;
    assert_eq!(limits["in_force"]["name"], "basic");
    let held = &limits["in_force"]["assets"][0]["balance"];
    assert_eq!([&held["used"], &held["left"]], ["120.00", "0.00"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_see_their_own_limits_and_set_none() {
    let desk = Desk::open().await;
    let position = desk.limit_everybody("basic", rules("100", "1000.00")).await;
    let ravi = desk.doors.customer("ravi@example.org").await;
    desk.doors.step_up(&ravi).await;
    wallet_of(&desk.doors, &ravi).await;
    let others = format!("/owners/{}/limits", desk.asha.person);
    let hidden = desk.get(&others, &ravi.access).await;
    assert!([403, 404].contains(&hidden.status), "{}", hidden.status);
    let tiers = format!("/tiers?min_position={position}");
    let listed = desk.get(&tiers, &ravi.access).await.expect(200).body;
    assert_eq!(listed["items"][0]["name"], "basic");
    assert_eq!(listed["items"][0]["is_default"], true);
    assert_eq!(
        listed["items"][0]["assets"][0]["outgoing"],
        json!({ "per_day": "100.00" })
    );
    let own = format!("/owners/{}/tier", ravi.person);
    for (path, body) in [
        ("/tiers/basic", rules("900", "900")),
        ("/default-tier", json!({ "tier": "basic" })),
        (own.as_str(), json!({ "tier": "basic" })),
    ] {
        let refused = desk.put(path, &ravi.access, body).await;
        assert_eq!(refused.expect(403).code(), "forbidden", "{path}");
    }
    // Compliance grants tiers but does not write them, and only with a fresh second factor.
    let vera = desk.doors.customer("vera@example.org").await;
    desk.doors.employ(&vera, Role::Compliance).await;
    let grant = json!({ "tier": "basic" });
    let tired = desk.put(&own, &vera.access, grant.clone()).await;
    assert_eq!(tired.expect(403).code(), "second_factor_needed");
    let mira = desk.colleague("mira@example.org", Role::Compliance).await;
    desk.put(&own, &mira.access, grant).await.expect(200);
    let refused = desk
        .put("/tiers/basic", &mira.access, rules("900", "900"))
        .await;
    assert_eq!(refused.expect(403).code(), "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_tier_is_checked() {
    let desk = Desk::open().await;
    let admin = &desk.doors.admin;
    let asset = |more: Value| {
        let mut limits = json!({ "asset": "INR" });
        let known = limits.as_object_mut().unwrap();
        known.extend(more.as_object().unwrap().clone());
        json!({ "other_assets": "forbidden", "assets": [limits] })
    };
    for (body, pointer, code) in [
        (json!({}), "/other_assets", "missing_field"),
        (
            json!({ "other_assets": "some" }),
            "/other_assets",
            "not_allowed",
        ),
        (
            json!({ "other_assets": "forbidden", "utc_offset_minutes": 841 }),
            "/utc_offset_minutes",
            "out_of_range",
        ),
        (
            json!({ "other_assets": "forbidden", "operations": ["steal"] }),
            "/operations/0",
            "not_allowed",
        ),
        (
            asset(json!({ "balance": "-1" })),
            "/assets/0/balance",
            "amount_not_positive",
        ),
        (
            asset(json!({ "incoming": { "per_day": 5 } })),
            "/assets/0/incoming/per_day",
            "wrong_type",
        ),
        (
            asset(json!({ "incoming": { "per_year": "5" } })),
            "/assets/0/incoming/per_year",
            "unknown_field",
        ),
        (
            json!({ "other_assets": "forbidden",
                    "assets": [{ "asset": "INR" }, { "asset": "INR" }] }),
            "/assets/1/asset",
            "conflicting_fields",
        ),
    ] {
        let refused = desk.put("/tiers/basic", admin, body.clone()).await;
        let refused = refused.expect(400);
        let error = &refused.body["errors"][0];
        assert_eq!(
            [&error["pointer"], &error["code"]],
            [pointer, code],
            "{body}"
        );
    }
    for (body, code, status) in [
        (
            asset(json!({ "balance": "0.001" })),
            "tier_not_an_amount",
            422,
        ),
        (
            json!({ "other_assets": "forbidden", "assets": [{ "asset": "POINTS" }] }),
            "asset_not_found",
            404,
        ),
    ] {
        let refused = desk.put("/tiers/basic", admin, body).await;
        assert_eq!(refused.expect(status).code(), code);
    }
    let nowhere = json!({ "tier": "gold" });
    for path in ["/default-tier", "/owners/asha/tier"] {
        let refused = desk.put(path, admin, nowhere.clone()).await;
        assert_eq!(refused.expect(404).code(), "tier_not_found", "{path}");
    }
    let missing = desk.get("/tiers/gold", admin).await;
    assert_eq!(missing.expect(404).code(), "tier_not_found");
    let nobody = desk.get("/owners/nobody/limits", admin).await;
    assert_eq!(nobody.expect(404).code(), "owner_not_found");
    let named = desk.put("/tiers/Gold", admin, rules("1", "1")).await;
    assert_eq!(named.expect(400).code(), "invalid_request");
}
