//! One room for each command.

pub(crate) mod check;
pub(crate) mod keys;
pub(crate) mod run;
pub(crate) mod show;
