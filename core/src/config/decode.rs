//! Octets of a file to text: UTF-8 with or without a byte order mark, and UTF-16 of either order.

use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::error::{ConfigError, Reason};
use super::names::Attribute;
use super::span::is_space;

/// The text of a file, without its byte order mark. Spans of what is parsed from it belong to this text.
///
/// A comment may be in any encoding, as `wg` reads none; what is not UTF-8 there becomes U+FFFD.
pub fn decode(bytes: &[u8]) -> Result<Zeroizing<String>, ConfigError> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => decode_utf8(rest),
        [0xff, 0xfe, rest @ ..] => decode_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => decode_utf16(rest, u16::from_be_bytes),
        // A configuration begins with ASCII, so one of its two octets tells the order.
        [first, 0, ..] if *first != 0 => decode_utf16(bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => decode_utf16(bytes, u16::from_be_bytes),
        _ => decode_utf8(bytes),
    }
}

fn decode_utf8(bytes: &[u8]) -> Result<Zeroizing<String>, ConfigError> {
    // U+FFFD is three octets long, and stands for one: a string that never grows leaves no copies of keys.
    let mut text = Zeroizing::new(String::with_capacity(3 * bytes.len()));
    for line in bytes.split_inclusive(|octet| *octet == b'\n') {
        if let Err(error) = core::str::from_utf8(line)
            && !is_within_comment(line, error.valid_up_to())
        {
            text.push_str(&String::from_utf8_lossy(&line[..error.valid_up_to()]));
            return Err(not_text(text));
        }
        for chunk in line.utf8_chunks() {
            text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
    Ok(text)
}

/// Whether this octet of the line is a comment's. A hook has no comments: the shell reads them.
fn is_within_comment(line: &[u8], octet: usize) -> bool {
    let Ok(before) = core::str::from_utf8(&line[..octet]) else { return false };
    let Some((code, _)) = before.split_once('#') else { return false };
    let key = code.split('=').next().unwrap_or(code).trim_matches(is_space);
    !Attribute::find(key).is_some_and(Attribute::is_hook)
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Zeroizing<String>, ConfigError> {
    // A unit of two octets becomes three at most.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() / 2 * 3));
    let (pairs, odd) = bytes.as_chunks();
    let units: Zeroizing<Vec<u16>> = Zeroizing::new(pairs.iter().map(|pair| unit(*pair)).collect());
    for letter in char::decode_utf16(units.iter().copied()) {
        match letter {
            Ok(letter) => text.push(letter),
            Err(_) => return Err(not_text(text)),
        }
    }
    if odd.is_empty() { Ok(text) } else { Err(not_text(text)) }
}

/// The error that follows this much good text.
fn not_text(good: Zeroizing<String>) -> ConfigError {
    let end = good.len();
    ConfigError::new(&good, end..end, Reason::Encoding, None, None)
}
