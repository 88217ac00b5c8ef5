//! Draws findings under the text they are about, for a terminal. What is found, and in what kind of text, is not
//! known here; the text is shown as it comes, so secrets must be masked before.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal};
use std::ops::Range;

use adit_core::config::is_printable;
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};
use zeroize::Zeroizing;

pub(crate) use miette::Severity;

/// How a terminal wants it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    colour: bool,
    unicode: bool,
    /// Whether sentences are broken at the terminal's edge; whoever reads a pipe breaks lines himself.
    wraps: bool,
    columns: usize,
}

impl Look {
    /// Looks at stdout: colours on a terminal, unless NO_COLOR or a dumb one forbids; lines of Unicode where the
    /// locale's letters are.
    pub(crate) fn of_stdout() -> Self {
        const WITHOUT_TERMINAL: usize = 100;
        const NARROWEST: usize = 40;
        let says = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let is_dumb = says("TERM").is_some_and(|term| term == "dumb");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(says).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let is_terminal = io::stdout().is_terminal();
        let size = terminal_size::terminal_size_of(io::stdout()).filter(|_| is_terminal);
        Self {
            colour: is_terminal && !is_dumb && says("NO_COLOR").is_none(),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
            wraps: is_terminal,
            columns: size.map_or(WITHOUT_TERMINAL, |(width, _)| usize::from(width.0)).max(NARROWEST),
        }
    }

    fn handler(self) -> GraphicalReportHandler {
        let characters = if self.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() };
        let styles = if self.colour { ThemeStyles::ansi() } else { ThemeStyles::none() };
        GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
            .with_width(self.columns)
            .with_wrap_lines(self.wraps)
    }
}

/// Something to tell about a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) sentence: String,
    /// What to do.
    pub(crate) help: Option<String>,
    /// Where, in octets of the text, and what to say there. `None` is about the text as a whole.
    pub(crate) place: Option<(Range<usize>, String)>,
}

/// A text, ready to be shown.
pub(crate) struct Source {
    name: String,
    text: Zeroizing<String>,
    /// Where it begins: behind the byte order mark, which no editor shows.
    start: usize,
}

impl Source {
    /// What a terminal would not show where it stands is replaced, octet by octet.
    pub(crate) fn new(name: &str, text: &str) -> Self {
        const BYTE_ORDER_MARK: char = '\u{feff}';
        let start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        Self { name: printable(name).to_string(), text: printable(text), start }
    }

    /// The finding, drawn.
    pub(crate) fn draw(&self, finding: &Finding, look: Look) -> Zeroizing<String> {
        let excerpt = finding.place.as_ref().map(|(place, label)| self.excerpt(place, label, look));
        let mut drawn = Zeroizing::new(String::new());
        let written = look.handler().render_report(&mut *drawn, &Drawn { finding, excerpt });
        written.expect("the label is within the excerpt, and a string takes all");
        drawn
    }

    /// The line of this place, with its neighbours; of a long line the part around it.
    fn excerpt(&self, place: &Range<usize>, label: &str, look: Look) -> Excerpt {
        let text = self.text.as_str();
        let place = place.start.max(self.start)..place.end.max(self.start);
        let begins = |end: usize| text[..end].rfind('\n').map_or(self.start, |newline| newline + 1);
        let ends = |start: usize| text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let (start, end) = (begins(place.start), ends(place.start));
        let mut cut = Cut::new(look);
        let before = start.checked_sub(1).filter(|before| *before > self.start);
        if let Some(before) = before {
            cut.neighbour(&text[begins(before)..before]);
        }
        let at = cut.line(&text[start..end], place.start - start..place.end.min(end) - start);
        if end + 1 < text.len() {
            cut.neighbour(&text[end + 1..ends(end + 1)]);
        }
        let first_line = text[..before.unwrap_or(start)].matches('\n').count();
        let column = text[start..place.start].chars().count();
        let label = Some(label).filter(|label| !label.is_empty()).map(str::to_owned);
        Excerpt {
            name: self.name.clone(),
            text: cut.text,
            first_line,
            column,
            label: LabeledSpan::new_primary_with_span(label, at),
        }
    }
}

/// White space of the odd kinds becomes spaces, and other letters that are not shown as many `?` as they have
/// octets.
fn printable(text: &str) -> Zeroizing<String> {
    let mut shown = Zeroizing::new(String::with_capacity(text.len()));
    for letter in text.chars() {
        match letter {
            '\r' | '\u{b}' | '\u{c}' => shown.push(' '),
            '\n' | '\t' => shown.push(letter),
            _ if is_printable(letter) => shown.push(letter),
            _ => shown.extend(std::iter::repeat_n('?', letter.len_utf8())),
        }
    }
    shown
}

/// Lines, each cut to what fits.
struct Cut {
    text: Zeroizing<String>,
    widest: usize,
    ellipsis: &'static str,
}

impl Cut {
    fn new(look: Look) -> Self {
        /// Of line numbers, their border and two ellipses.
        const MARGIN: usize = 16;
        let ellipsis = if look.unicode { "\u{2026}" } else { "..." };
        Self { text: Zeroizing::new(String::new()), widest: look.columns - MARGIN, ellipsis }
    }

    /// A line that is shown for orientation.
    fn neighbour(&mut self, line: &str) {
        self.line(line, 0..0);
    }

    /// The line that matters, around this place in it. Gives the place in the whole text.
    fn line(&mut self, line: &str, place: Range<usize>) -> SourceSpan {
        let line = &line[..line.trim_end().len().max(place.end)];
        let letters: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
        let first = letters.partition_point(|at| *at < place.start);
        // Some of what stands before it, and as much of it as fits.
        let from = if letters.len() > self.widest { first.saturating_sub(self.widest / 3) } else { 0 };
        let from = if from <= self.ellipsis.len() { 0 } else { from };
        let to = (from + self.widest).min(letters.len() - 1);
        let (from, to) = (letters[from], letters[to]);
        if from > 0 {
            self.text.push_str(self.ellipsis);
        }
        let start = self.text.len() + place.start - from;
        self.text.push_str(&line[from..to]);
        if to < line.len() {
            self.text.push_str(self.ellipsis);
        }
        self.text.push('\n');
        (start, place.end.min(to) - place.start).into()
    }
}

/// A few lines of a text, which miette takes for the text.
#[derive(Debug)]
struct Excerpt {
    name: String,
    text: Zeroizing<String>,
    /// Of the text, counted from 0.
    first_line: usize,
    /// The label's, in letters, counted from 0.
    column: usize,
    label: LabeledSpan,
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = self.text.as_bytes().read_span(span, lines_before, lines_after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            read.data(),
            *read.span(),
            self.first_line + read.line(),
            self.column,
            read.line_count(),
        )))
    }
}

/// A finding as miette wants it.
#[derive(Debug)]
struct Drawn<'f> {
    finding: &'f Finding,
    excerpt: Option<Excerpt>,
}

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.sentence)
    }
}

impl std::error::Error for Drawn<'_> {}

impl Diagnostic for Drawn<'_> {
    fn severity(&self) -> Option<Severity> {
        Some(self.finding.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.finding.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|excerpt| excerpt as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.excerpt.as_ref().map(|excerpt| Box::new(std::iter::once(excerpt.label.clone())) as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { colour: false, unicode: true, wraps: false, columns: 60 };

    fn draw(text: &str, place: Range<usize>) -> String {
        let place = Some((place, "here".to_owned()));
        let finding = Finding { severity: Severity::Error, sentence: "wrong".into(), help: None, place };
        Source::new("name", text).draw(&finding, LOOK).to_string()
    }

    /// Texts of three pieces that are each hard to draw.
    fn texts() -> impl Iterator<Item = String> {
        let long = "a".repeat(70) + "\u{4e2d}" + &"\u{fc}".repeat(70);
        let pieces: Vec<String> =
            ["", "\n", "\r\n", "a", "\t", "\u{4e2d}", "e\u{301}", "\x1b", "\r"].map(String::from).into();
        let pieces: Vec<String> = pieces.into_iter().chain([long]).collect();
        let count = pieces.len();
        (0..count.pow(3)).map(move |number| {
            [number / count / count, number / count % count, number % count]
                .map(|at| pieces[at].as_str())
                .concat()
        })
    }

    #[test]
    fn every_place_of_every_text_can_be_drawn() {
        for text in texts().flat_map(|text| [format!("\u{feff}{text}"), text]) {
            let starts =
                (0..=text.len()).filter(|at| text.is_char_boundary(*at) && (*at < 8 || at % 31 == 0));
            for start in starts.chain([text.len()]) {
                let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
                for end in [start, line_end] {
                    let drawn = draw(&text, start..end);
                    assert!(
                        drawn.contains("here") && drawn.contains("[name:"),
                        "{text:?} {start} {end}: {drawn}"
                    );
                    assert!(!drawn.contains(['\x1b', '\r']), "{text:?} {start} {end}: {drawn:?}");
                }
            }
        }
    }

    #[test]
    fn the_place_is_counted_in_lines_and_letters() {
        for (text, at, place) in [
            ("a", 0, "[name:1:1]"),
            ("\u{feff}ab", 4, "[name:1:2]"),
            ("\u{fc}\u{4e2d}b\nc", 5, "[name:1:3]"),
            ("a\n\n\tb", 4, "[name:3:2]"),
            ("a\r\nb", 3, "[name:2:1]"),
            ("a\nb\nc\nd", 6, "[name:4:1]"),
        ] {
            let drawn = draw(text, at..at + 1);
            assert!(drawn.contains(place), "{text:?}: {drawn}");
        }
    }

    #[test]
    fn the_neighbouring_lines_are_shown_and_no_others() {
        let drawn = draw("one\ntwo\nthree\nfour\nfive\n", 8..13);
        for (word, is_shown) in
            [("one", false), ("two", true), ("three", true), ("four", true), ("five", false)]
        {
            assert_eq!(drawn.contains(word), is_shown, "{word}: {drawn}");
        }
    }
}
