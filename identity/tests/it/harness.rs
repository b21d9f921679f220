//! What tests share: tokens to order, clocks that are set, servers on the loopback interface.

pub mod clock;
pub mod server;
pub mod tokens;
