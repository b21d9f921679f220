//! What Daybook is compared with, measured in the same run.

pub mod insert;
pub mod pgbench;
pub mod row_lock;
pub mod stock;
