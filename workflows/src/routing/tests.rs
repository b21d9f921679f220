//! Decisions, given rules and what is known of providers.

use std::collections::BTreeMap;

use ledger_core::ProviderName;
use uuid::Uuid;

use super::rules::{Choice, Direction, RoutingRule, RoutingRules, RoutingRulesError};
use super::{RouteQuestion, Standing, decide};

fn provider(name: &str) -> ProviderName {
    name.parse().unwrap()
}

fn choice(name: &str, share: u32) -> Choice {
    Choice {
        provider: provider(name),
        share,
    }
}

fn rule(name: &str, choices: &[Choice]) -> RoutingRule {
    RoutingRule {
        name: name.to_owned(),
        direction: Direction::In,
        ledgers: Vec::new(),
        assets: Vec::new(),
        methods: Vec::new(),
        countries: Vec::new(),
        least: None,
        most: None,
        choices: choices.to_vec(),
    }
}

fn question() -> RouteQuestion {
    RouteQuestion {
        ledger: "main".parse().unwrap(),
        id: Uuid::from_u128(7),
        direction: Direction::In,
        asset: "INR".parse().unwrap(),
        amount: 100.into(),
        method: None,
        country: None,
        wanted: None,
        asked: Vec::new(),
        failure: None,
    }
}

fn standings(all: &[(&str, Standing)]) -> BTreeMap<ProviderName, Standing> {
    all.iter()
        .map(|(name, standing)| (provider(name), *standing))
        .collect()
}

fn both_well() -> BTreeMap<ProviderName, Standing> {
    standings(&[("razorpay", Standing::Well), ("stripe", Standing::Well)])
}

#[test]
fn the_first_rule_that_fits_decides() {
    let large = RoutingRule {
        least: Some(1_000.into()),
        ..rule("large", &[choice("stripe", 0)])
    };
    let cards = RoutingRule {
        methods: vec!["card".to_owned()],
        ..rule("cards", &[choice("stripe", 0)])
    };
    let rest = rule("rest", &[choice("razorpay", 0), choice("stripe", 0)]);
    let rules = RoutingRules::try_new("3", vec![large, cards, rest]).unwrap();
    let decided = |question: &RouteQuestion| {
        let route = decide(&rules, question, &both_well()).unwrap();
        assert_eq!(route.check(), Ok(()));
        (route.provider.to_string(), route.rule.to_string())
    };
    let small = question();
    assert_eq!(decided(&small), ("razorpay".into(), "rest/3".into()));
    let large = RouteQuestion {
        amount: 1_000.into(),
        ..question()
    };
    assert_eq!(decided(&large), ("stripe".into(), "large/3".into()));
    let card = RouteQuestion {
        method: Some("CARD".to_owned()),
        ..question()
    };
    assert_eq!(decided(&card), ("stripe".into(), "cards/3".into()));
}

#[test]
fn a_failure_leads_to_the_next_and_the_decision_says_so() {
    let rules = RoutingRules::try_new(
        "1",
        vec![rule("all", &[choice("razorpay", 0), choice("stripe", 0)])],
    );
    let asked = RouteQuestion {
        asked: vec![provider("razorpay")],
        failure: "gateway_failed".parse().ok(),
        ..question()
    };
    let rules = rules.unwrap();
    let route = decide(&rules, &asked, &both_well()).unwrap();
    assert_eq!(route.provider, provider("stripe"));
    let fallback = route.fallback.clone().unwrap();
    assert_eq!(fallback.from, provider("razorpay"));
    assert_eq!(fallback.reason.as_str(), "gateway_failed");
    assert_eq!(route.check(), Ok(()));
    let all_asked = RouteQuestion {
        asked: vec![provider("razorpay"), provider("stripe")],
        ..asked
    };
    let none = decide(&rules, &all_asked, &both_well()).unwrap_err();
    assert!(none.to_string().contains("asked before"), "{none}");
}

#[test]
fn an_unwell_provider_is_the_last_resort() {
    let rules = RoutingRules::default();
    let one = standings(&[("razorpay", Standing::Unwell), ("stripe", Standing::Well)]);
    let route = decide(&rules, &question(), &one).unwrap();
    assert_eq!(route.provider, provider("stripe"));
    let none = standings(&[
        ("razorpay", Standing::Unwell),
        ("stripe", Standing::Unable("it does not take the currency")),
    ]);
    let route = decide(&rules, &question(), &none).unwrap();
    assert_eq!(route.provider, provider("razorpay"));
    assert!(route.reason.as_str().contains("nobody else"));
    assert_eq!(route.check(), Ok(()));
}

#[test]
fn shares_are_kept_over_many_payments_and_one_payment_has_one_answer() {
    let shared = rule("shared", &[choice("razorpay", 3), choice("stripe", 1)]);
    let rules = RoutingRules::try_new("1", vec![shared]).unwrap();
    let mut of_stripe = 0;
    for number in 0..4_000_u128 {
        let question = RouteQuestion {
            id: Uuid::from_u128(number),
            ..question()
        };
        let route = decide(&rules, &question, &both_well()).unwrap();
        assert_eq!(route, decide(&rules, &question, &both_well()).unwrap());
        of_stripe += u32::from(route.provider == provider("stripe"));
    }
    assert!((900..1_100).contains(&of_stripe), "{of_stripe} of 4000");
}

#[test]
fn what_the_caller_names_counts_and_nothing_else_is_taken() {
    let rules = RoutingRules::default();
    let named = RouteQuestion {
        wanted: Some(provider("stripe")),
        ..question()
    };
    let route = decide(&rules, &named, &both_well()).unwrap();
    assert_eq!(route.provider, provider("stripe"));
    let other = RouteQuestion {
        wanted: Some(provider("payu")),
        ..question()
    };
    assert!(decide(&rules, &other, &both_well()).is_err());
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let error = |rules| RoutingRules::try_new("1", rules).unwrap_err();
    assert!(matches!(
        error(vec![rule("empty", &[])]),
        RoutingRulesError::Choices { .. }
    ));
    let one = [choice("razorpay", 0)];
    assert!(matches!(
        error(vec![rule("twice", &one), rule("twice", &one)]),
        RoutingRulesError::Name { .. }
    ));
    let upside_down = RoutingRule {
        least: Some(2.into()),
        most: Some(1.into()),
        ..rule("none", &one)
    };
    assert!(matches!(
        error(vec![upside_down]),
        RoutingRulesError::Amounts { .. }
    ));
}
