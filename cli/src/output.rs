//! Where a command's text goes, and whether somebody still reads it.

use std::io::{self, Write};

/// A writer that remembers when its reader, such as `head`, has seen enough and left.
#[derive(Debug)]
pub(crate) struct Output<W> {
    inner: W,
    is_cut_off: bool,
}

impl<W: Write> Output<W> {
    pub(crate) fn to(inner: W) -> Self {
        Self { inner, is_cut_off: false }
    }

    /// Whether the reader has left. That is no failure to tell anybody of.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    fn note<T>(&mut self, outcome: io::Result<T>) -> io::Result<T> {
        self.is_cut_off |= outcome.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        outcome
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let outcome = self.inner.write(octets);
        self.note(outcome)
    }

    fn flush(&mut self) -> io::Result<()> {
        let outcome = self.inner.flush();
        self.note(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_left_is_noticed() {
        let (reader, writer) = io::pipe().unwrap();
        let mut out = Output::to(writer);
        out.write_all(b"read").unwrap();
        assert!(!out.is_cut_off());
        drop(reader);
        out.write_all(b"unread").unwrap_err();
        assert!(out.is_cut_off());
    }

    #[test]
    fn a_full_disk_is_another_matter() {
        let mut room = [0; 1];
        let mut out = Output::to(&mut room[..]);
        out.write_all(b"more").unwrap_err();
        assert!(!out.is_cut_off());
    }
}
