//! Payment gateways: signatures, adapters against simulators, simulators against the providers' own
//! libraries.

mod client;
mod control;
mod razorpay;
mod razorpay_client;
mod razorpay_out;
mod razorpay_pages;
mod razorpay_trouble;
mod razorpay_webhooks;
mod receiver;
mod seeded;
mod stripe;
mod stripe_client;
mod stripe_out;
mod stripe_trouble;
mod support;
mod vectors;
mod webhook_refusals;
