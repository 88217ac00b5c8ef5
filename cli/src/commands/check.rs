//! `check`: what is wrong with a configuration, drawn under the faulty text, with its secrets masked.

mod advice;

use std::io::{self, Write};
use std::path::Path;

use adit_core::config::{ConfigError, Warning, decode, diagnose, lint, mask};
use zeroize::Zeroizing;

use crate::conf_file;
use crate::input::{self, Input, InputError};
use crate::picture;
use crate::report::{Finding, Look, Severity, Source};

/// More than anybody mends at once.
const MOST_SHOWN: usize = 100;

/// Why a configuration does not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    /// There is none.
    #[error(transparent)]
    Input(#[from] InputError),
    /// It has errors, which have been told.
    #[error("{name} has {}: mend what is marked, and check again", count(*errors, "error"))]
    Faulty {
        /// What was checked.
        name: String,
        /// How many errors were told.
        errors: usize,
    },
    /// Nobody to write to.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Tells every error of a configuration; without errors, what else its author should look at.
pub(crate) fn check(conf: &str, out: &mut impl Write) -> Result<(), CheckError> {
    let Input { name, path, octets } = input::read(conf)?;
    let (text, mut findings) = examine(&octets);
    findings.splice(0..0, path.as_deref().and_then(readers));
    let source = Source::new(&name, &mask(&text));
    let look = Look::of_stdout();
    for finding in findings.iter().take(MOST_SHOWN) {
        writeln!(out, "{}", *source.draw(finding, look))?;
    }
    if findings.len() > MOST_SHOWN {
        writeln!(out, "and {} more\n", findings.len() - MOST_SHOWN)?;
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    if errors > 0 {
        out.flush()?;
        return Err(CheckError::Faulty { name, errors });
    }
    writeln!(out, "{name}: no errors, {}", count(findings.len(), "warning"))?;
    Ok(out.flush()?)
}

/// The text, and what is to be told about it: errors, or else warnings, for what is read wrongly has no meaning yet.
fn examine(octets: &[u8]) -> (Zeroizing<String>, Vec<Finding>) {
    let text = match decode(octets) {
        Ok(text) => text,
        Err(error) => return unreadable(octets, &error),
    };
    let findings = match diagnose(&text) {
        Err(errors) => errors.iter().map(|error| advice::of_error(error, &text)).collect(),
        Ok(parsed) => lint(&text, &parsed).into_iter().map(of_warning).collect(),
    };
    (text, findings)
}

/// What is not text is shown only where it is nearly text.
fn unreadable(octets: &[u8], error: &ConfigError) -> (Zeroizing<String>, Vec<Finding>) {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let is_binary = octets.contains(&0);
    let shown = if is_binary { &[] } else { octets.strip_prefix(MARK).unwrap_or(octets) };
    let text = Zeroizing::new(String::from_utf8_lossy(shown).into_owned());
    let is_there =
        text.get(error.span.start..).is_some_and(|rest| rest.starts_with(char::REPLACEMENT_CHARACTER));
    let place = is_there.then(|| error.span.start..error.span.start + char::REPLACEMENT_CHARACTER.len_utf8());
    let is_utf16 = octets.starts_with(b"\xff\xfe") || octets.starts_with(b"\xfe\xff");
    let help = match picture::is_picture(octets) {
        true => "it is a picture: `adit import` reads the QR code in it",
        false if is_binary && !is_utf16 => "it is no text at all: look whether it is the file that you mean",
        false => "save it as UTF-8, as editors do by themselves",
    };
    let finding = Finding {
        severity: Severity::Error,
        sentence: if place.is_some() { error.fault().to_string() } else { error.to_string() },
        help: Some(help.to_owned()),
        place: place.map(|place| (place, "not UTF-8".to_owned())),
    };
    (text, vec![finding])
}

fn of_warning(warning: Warning) -> Finding {
    let place = Some((warning.span, String::new())).filter(|(span, _)| !span.is_empty());
    Finding { severity: Severity::Warning, sentence: warning.kind.to_string(), help: None, place }
}

/// A file with keys that everybody may open.
fn readers(path: &Path) -> Option<Finding> {
    conf_file::is_world_accessible(path).then(|| Finding {
        severity: Severity::Warning,
        sentence: format!("everybody on this machine can open {}, and keys are in it", path.display()),
        help: Some(format!("chmod 600 {}", path.display())),
        place: None,
    })
}

fn count(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        // The core gives no more of them.
        MOST_SHOWN => format!("{number} {what}s or more"),
        _ => format!("{number} {what}s"),
    }
}
