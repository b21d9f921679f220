//! How long keys are kept, and how often an issuer is asked.

/// Keys are kept at least this long, whatever the issuer says.
pub(super) const SHORTEST_SECONDS: u64 = 5 * 60;
/// Keys are kept at most this long, whatever the issuer says.
pub(super) const LONGEST_SECONDS: u64 = 24 * 60 * 60;
/// How long keys are kept of which the issuer does not say it.
const USUAL_SECONDS: u64 = 60 * 60;
/// How long old keys are good while the issuer cannot be reached.
pub(super) const GRACE_SECONDS: u64 = 24 * 60 * 60;
/// How often an issuer is asked whose keys are known.
const INTERVAL_SECONDS: u64 = 30;
/// How often an issuer is asked whose keys are not known.
const FIRST_INTERVAL_SECONDS: u64 = 5;

/// How long keys are fresh, by the `Cache-Control` they came with (RFC 9111, section 5.2.2).
pub(super) fn lifetime_seconds(cache_control: Option<&str>) -> u64 {
    let directives = || {
        cache_control
            .unwrap_or_default()
            .split(',')
            .map(|directive| directive.trim().to_ascii_lowercase())
    };
    if directives().any(|directive| directive == "no-store" || directive == "no-cache") {
        return SHORTEST_SECONDS;
    }
    let max_age = directives().find_map(|directive| {
        let seconds = directive.strip_prefix("max-age=")?;
        let digits = seconds.trim_matches('"');
        // Digits that fit no number ask for longer than the longest.
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().unwrap_or(LONGEST_SECONDS))
    });
    max_age
        .unwrap_or(USUAL_SECONDS)
        .clamp(SHORTEST_SECONDS, LONGEST_SECONDS)
}

/// When keys were fetched and how long they are fresh, by the clock that never runs backwards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Age {
    pub fetched_at: u64,
    pub lifetime_seconds: u64,
}

impl Age {
    pub(super) fn is_fresh(self, now: u64) -> bool {
        now.saturating_sub(self.fetched_at) < self.lifetime_seconds
    }

    /// Whether the keys may be used when no newer ones can be had.
    pub(super) fn is_usable(self, now: u64) -> bool {
        now.saturating_sub(self.fetched_at) < self.lifetime_seconds + GRACE_SECONDS
    }
}

/// Whether an issuer may be asked that was last asked then.
pub(super) fn may_ask(last_asked_at: Option<u64>, has_usable_keys: bool, now: u64) -> bool {
    let interval = if has_usable_keys {
        INTERVAL_SECONDS
    } else {
        FIRST_INTERVAL_SECONDS
    };
    last_asked_at.is_none_or(|asked_at| now.saturating_sub(asked_at) >= interval)
}

#[cfg(test)]
mod tests {
    use super::{Age, lifetime_seconds, may_ask};

    #[test]
    fn the_issuer_decides_within_bounds() {
        for (cache_control, seconds) in [
            (None, 3_600),
            (Some(""), 3_600),
            (Some("public"), 3_600),
            (Some("max-age=600"), 600),
            (Some("public, Max-Age=\"900\", must-revalidate"), 900),
            (Some("max-age=0"), 300),
            (Some("max-age=299"), 300),
            (Some("max-age=86401"), 86_400),
            (Some("max-age=99999999999999999999999"), 86_400),
            (Some("max-age=-1"), 3_600),
            (Some("max-age="), 3_600),
            (Some("s-maxage=900"), 3_600),
            (Some("no-cache, max-age=600"), 300),
            (Some("no-store"), 300),
        ] {
            assert_eq!(
                lifetime_seconds(cache_control),
                seconds,
                "{cache_control:?}"
            );
        }
    }

    #[test]
    fn keys_age() {
        let age = Age {
            fetched_at: 1_000,
            lifetime_seconds: 300,
        };
        assert!(age.is_fresh(1_299) && !age.is_fresh(1_300));
        assert!(age.is_usable(1_300 + 86_399) && !age.is_usable(1_300 + 86_400));
    }

    #[test]
    fn an_issuer_is_not_asked_too_often() {
        assert!(may_ask(None, true, 0) && may_ask(None, false, 0));
        assert!(!may_ask(Some(100), true, 129) && may_ask(Some(100), true, 130));
        assert!(!may_ask(Some(100), false, 104) && may_ask(Some(100), false, 105));
    }
}
