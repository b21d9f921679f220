//! Cases that are handed to identity providers: whole nodes against the real simulators, over HTTP.

mod crashes;
mod erasure;
mod happy;
mod own;
mod several;
mod staff;
mod support;
mod trouble;
mod turns;
mod webhooks;
