//! Tests of the book.

mod commands;
mod complete;
mod folding;
mod loading;
mod partial;
mod sight;
mod undoing;
