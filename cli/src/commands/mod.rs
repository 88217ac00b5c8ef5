//! One room for each command.

pub(crate) mod check;
pub(crate) mod configure;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod qr;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod strip;
