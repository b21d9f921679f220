//! The whole of Daybook, used as its users use it: over HTTP, over WebSocket, from the command line.

mod bad_input;
mod demo;
mod expiry;
mod first_minute;
mod process;
mod queries;
mod readme;
mod schemas;
mod trouble;
