//! A string for texts that hold keys. It grows without leaving copies behind; what it is filled with is not
//! known here.

#![forbid(unsafe_code)]

use alloc::string::String;
use core::fmt::{self, Write};

use zeroize::Zeroizing;

/// A string that is written to with `write!`, and wiped whenever its memory is given back.
#[derive(Default)]
pub(crate) struct SecretText(Zeroizing<String>);

impl SecretText {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Appends formatted text.
    pub(crate) fn put(&mut self, text: fmt::Arguments<'_>) {
        self.write_fmt(text).expect("writing to a string never fails");
    }

    pub(crate) fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

impl Write for SecretText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let needed = self.0.len() + text.len();
        if needed > self.0.capacity() {
            // String's own growth would move the text and leave the old one as it was.
            let mut larger = String::with_capacity(needed.max(2 * self.0.capacity()));
            larger.push_str(&self.0);
            self.0 = Zeroizing::new(larger);
        }
        self.0.push_str(text);
        Ok(())
    }
}
