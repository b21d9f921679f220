//! What connects Daybook with systems outside, one module per system.
//!
//! * [`beancount`]: whole books kept in beancount's plain-text files.

pub mod beancount;
