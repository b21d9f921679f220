//! Payment gateways: signatures, adapters against simulators, simulators against the providers' own
//! libraries.

pub mod client;
mod control;
mod instamojo;
mod instamojo_client;
mod instamojo_support;
mod instamojo_trouble;
mod instamojo_webhooks;
mod looked_up;
mod payu;
mod payu_pages;
mod payu_support;
mod payu_trouble;
mod payu_vectors;
mod payu_webhooks;
mod razorpay;
mod razorpay_client;
mod razorpay_out;
mod razorpay_pages;
mod razorpay_trouble;
mod razorpay_webhooks;
pub mod receiver;
mod seeded;
mod stripe;
mod stripe_client;
mod stripe_out;
mod stripe_trouble;
pub mod support;
pub mod vectors;
mod webhook_refusals;
