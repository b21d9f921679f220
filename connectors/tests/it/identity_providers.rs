//! Identity providers: signatures, adapters against simulators, simulators against the providers' own
//! libraries.

mod control;
mod digio;
mod flows;
mod intake;
mod onfido;
mod onfido_client;
mod pages;
mod privacy;
mod sumsub;
mod sumsub_documents;
mod support;
mod trouble;
pub mod vectors;
mod webhook_refusals;
mod webhooks;
