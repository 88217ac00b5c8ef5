//! The engine.
pub mod outbox;
pub mod path;
pub mod time;
pub mod tunnel;
