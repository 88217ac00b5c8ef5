//! `show --watch`: the same picture again every second. What is in it is not known here.

use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Duration;

use terminal_size::{Height, terminal_size};
use zeroize::Zeroizing;

use super::ShowError;

/// Between two pictures.
const PAUSE: Duration = Duration::from_secs(1);

/// Shows until the user ends it, or nobody reads on, or there is nothing to show any more. On a terminal each picture
/// takes the place of the one before; elsewhere they follow each other with `between` between them.
pub(super) fn repeat(
    out: &mut impl Write,
    between: &str,
    mut picture: impl FnMut(&mut Vec<u8>) -> Result<(), ShowError>,
) -> Result<(), ShowError> {
    let is_terminal = io::stdout().is_terminal();
    let mut is_first = true;
    loop {
        let mut text = Zeroizing::new(Vec::new());
        picture(&mut text)?;
        if is_terminal {
            draw(out, &text, rows(), is_first)?;
        } else {
            let between = if is_first { "" } else { between };
            out.write_all(between.as_bytes())?;
            out.write_all(&text)?;
        }
        out.flush()?;
        is_first = false;
        thread::sleep(PAUSE);
    }
}

/// The terminal's height now; one that does not tell has the usual one.
fn rows() -> usize {
    terminal_size().map_or(24, |(_, Height(rows))| rows.into())
}

const CLEAR_ALL: &str = "\x1b[2J";
const TO_THE_TOP: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// Writes over what is there, line by line, so that nothing flickers; what is beyond the last row is only counted.
fn draw(out: &mut impl Write, text: &[u8], rows: usize, is_first: bool) -> io::Result<()> {
    write!(out, "{}{TO_THE_TOP}", if is_first { CLEAR_ALL } else { "" })?;
    let lines: Vec<_> = text.split_inclusive(|octet| *octet == b'\n').collect();
    // The last row is the cursor's.
    let room = rows.saturating_sub(1);
    let shown = if lines.len() <= room { lines.len() } else { room.saturating_sub(1) };
    for line in &lines[..shown] {
        out.write_all(line.strip_suffix(b"\n").unwrap_or(line))?;
        writeln!(out, "{CLEAR_LINE}")?;
    }
    if shown < lines.len() {
        writeln!(out, "... and {} more lines{CLEAR_LINE}", lines.len() - shown)?;
    }
    write!(out, "{CLEAR_BELOW}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, rows: usize, is_first: bool) -> String {
        let mut out = Vec::new();
        draw(&mut out, text.as_bytes(), rows, is_first).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_picture_takes_the_place_of_the_one_before() {
        assert_eq!(drawn("a\nb\n", 24, true), "\x1b[2J\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J");
        assert_eq!(drawn("a\n", 24, false), "\x1b[Ha\x1b[K\n\x1b[J");
        assert_eq!(drawn("", 24, false), "\x1b[H\x1b[J");
    }

    #[test]
    fn what_a_terminal_has_no_room_for_is_counted() {
        assert_eq!(drawn("a\nb\nc\n", 4, false), "\x1b[Ha\x1b[K\nb\x1b[K\nc\x1b[K\n\x1b[J");
        assert_eq!(
            drawn("a\nb\nc\nd\n", 4, false),
            "\x1b[Ha\x1b[K\nb\x1b[K\n... and 2 more lines\x1b[K\n\x1b[J"
        );
        assert_eq!(drawn("a\nb\n", 0, false), "\x1b[H... and 2 more lines\x1b[K\n\x1b[J");
    }
}
