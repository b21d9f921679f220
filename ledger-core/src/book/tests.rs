//! Tests of the book.

mod commands;
mod complete;
mod folding;
mod loading;
mod onboarding;
mod orders;
mod outside;
mod partial;
mod sight;
mod tiers;
mod undoing;
mod usage;
