//! Tests of payouts.
