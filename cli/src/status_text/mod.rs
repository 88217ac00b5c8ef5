//! A device's status as text: for people and for scripts as `wg` prints it, byte for byte, and as JSON. Where the
//! status comes from is not known here.

mod address;
mod conf;
mod field;
mod json;
mod pretty;
#[cfg(test)]
mod sample;

use std::env;
use std::io::{self, IsTerminal};

pub(crate) use conf::write_conf;
pub(crate) use field::{Field, Prefix, write_field};
pub(crate) use json::Json;
pub(crate) use pretty::write_pretty;

/// How `wg`'s variables of the environment ask for the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// WG_COLOR_MODE: `always`, `never`, or else whether stdout is a terminal.
    pub(crate) colour: bool,
    /// Private and preshared keys are shown only with WG_HIDE_KEYS=never.
    pub(crate) hide_keys: bool,
}

impl Style {
    /// Reads the environment and looks at stdout.
    pub(crate) fn from_environment() -> Self {
        let colour = match env::var("WG_COLOR_MODE").as_deref() {
            Ok("always") => true,
            Ok("never") => false,
            _ => io::stdout().is_terminal(),
        };
        let hide_keys = env::var("WG_HIDE_KEYS").as_deref() != Ok("never");
        Self { colour, hide_keys }
    }
}
