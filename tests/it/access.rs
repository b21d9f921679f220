//! Who may do what: people, sessions, machines, roles, through the doors they use.

mod machines;
mod matrix;
mod oauth;
mod own;
mod people;
mod sessions;
mod stream_ends;
mod streams;
mod support;
mod tickets;
