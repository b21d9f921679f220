//! Issuers outside: keys and their age, signing in, issuers that misbehave, and a real one.

mod keys;
mod local_issuer;
mod misbehaving;
mod provider;
mod real_issuer;
mod settings;
mod sign_in;
mod tls;
