//! Text that is to be shown to people: secrets masked, control characters harmless. Which text that is, and where
//! it is shown, is not known here.

use alloc::string::String;
use core::fmt::{self, Write};

use zeroize::Zeroizing;

use super::Attribute;
use super::span::is_space;
use crate::key::PublicKey;

/// What stands for an octet of a secret.
const MASK: char = '*';

/// The text with `*` for each octet of what is a key or may be one, so that spans fit as before. A private or
/// preshared key is found by its line's name, misspelt too, and by its looks; public keys stay.
pub fn mask(text: &str) -> Zeroizing<String> {
    let mut shown = Zeroizing::new(String::with_capacity(text.len()));
    for line in text.split_inclusive('\n') {
        mask_line(line, &mut shown);
    }
    shown
}

fn mask_line(line: &str, shown: &mut String) {
    let code_len = line.find('#').unwrap_or(line.len());
    let (code, comment) = line.split_at(code_len);
    match code.split_once('=') {
        Some((name, _)) => match Attribute::nearest(&without_spaces(name)) {
            Some(key) if key.is_secret() => {
                shown.push_str(&line[..=name.len()]);
                mask_all(&line[name.len() + 1..], shown);
            }
            Some(key) => mask_value(key, line, name.len() + 1, shown),
            None => {
                mask_words(code, is_plain_word, shown);
                mask_comment(comment, shown);
            }
        },
        None => {
            mask_words(code, is_plain_word, shown);
            mask_comment(comment, shown);
        }
    }
}

/// A line of a key that is no secret; its value begins at this octet.
fn mask_value(key: Attribute, line: &str, start: usize, shown: &mut String) {
    let (name, value) = line.split_at(start);
    shown.push_str(name);
    if key == Attribute::PublicKey {
        shown.push_str(value);
    } else if key.is_hook() {
        mask_words(value, is_no_key, shown);
    } else {
        let (value, comment) = value.split_at(value.find('#').unwrap_or(value.len()));
        if PublicKey::from_base64(&without_spaces(value)).is_ok() {
            mask_all(value, shown);
        } else {
            mask_words(value, is_no_key, shown);
        }
        mask_comment(comment, shown);
    }
}

/// A comment may be a line that was put out of use.
fn mask_comment(comment: &str, shown: &mut String) {
    let secret = comment.split_once('=').filter(|(name, _)| {
        let name = without_spaces(name.trim_start_matches('#'));
        Attribute::nearest(&name).is_some_and(Attribute::is_secret)
    });
    match secret {
        Some((name, value)) => {
            shown.push_str(&comment[..=name.len()]);
            mask_all(value, shown);
        }
        None => mask_words(comment, is_no_key, shown),
    }
}

fn mask_all(text: &str, shown: &mut String) {
    mask_words(text, |_| false, shown);
}

/// Masks the words, runs of base64's letters and of what is not ASCII, that may not be shown.
fn mask_words(text: &str, may_be_shown: fn(&str) -> bool, shown: &mut String) {
    let is_of_word = |letter: char| {
        letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '=' | '-' | '_') || !letter.is_ascii()
    };
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find(is_of_word).unwrap_or(rest.len());
        let (between, begun) = rest.split_at(start);
        let end = begun.find(|letter| !is_of_word(letter)).unwrap_or(begun.len());
        let (word, after) = begun.split_at(end);
        shown.push_str(between);
        if may_be_shown(word) {
            shown.push_str(word);
        } else {
            shown.extend(core::iter::repeat_n(MASK, word.len()));
        }
        rest = after;
    }
}

/// Whether it does not look like a key or most of one: 30 letters in both cases, or 60 hexadecimal digits.
fn is_no_key(word: &str) -> bool {
    const MOST_OF_BASE64: usize = 30;
    const MOST_OF_HEX: usize = 60;
    let has = |is: fn(&u8) -> bool| word.bytes().any(|octet| is(&octet));
    let is_base64 =
        word.len() >= MOST_OF_BASE64 && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    let is_hex = word.len() >= MOST_OF_HEX && word.bytes().all(|octet| octet.is_ascii_hexdigit());
    !is_base64 && !is_hex
}

/// Whether it is a word of prose, a name or a short number, and no piece of a key: where a line says nothing that
/// is known, a key may have been broken over two lines.
fn is_plain_word(word: &str) -> bool {
    const LONGEST_NAME: usize = 20;
    const LONGEST_NUMBER: usize = 5;
    let name = word.trim_end_matches('=');
    (name.len() <= LONGEST_NAME && name.bytes().all(|octet| octet.is_ascii_alphabetic() || octet == b'-'))
        || (name.len() <= LONGEST_NUMBER)
        || Attribute::find(name).is_some()
        || !name.is_ascii() && name.chars().all(|letter| !letter.is_ascii_digit())
}

/// The text as `wg` reads it. It may be a secret's.
pub(super) fn without_spaces(text: &str) -> Zeroizing<String> {
    let mut joined = Zeroizing::new(String::with_capacity(text.len()));
    joined.extend(text.chars().filter(|letter| !is_space(*letter)));
    joined
}

/// A stranger's text within a sentence: control characters as escapes, and not too long.
pub struct Shown<'t> {
    text: &'t str,
    may_be_shown: fn(&str) -> bool,
}

impl<'t> Shown<'t> {
    /// Masks what looks like a key.
    pub fn masked(text: &'t str) -> Self {
        Self { text, may_be_shown: is_no_key }
    }

    /// Masks nothing.
    pub(super) fn whole(text: &'t str) -> Self {
        Self { text, may_be_shown: |_| true }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 80;
        let mut shown = Zeroizing::new(String::with_capacity(self.text.len()));
        mask_words(self.text, self.may_be_shown, &mut shown);
        for letter in shown.chars().take(LONGEST) {
            match is_printable(letter) {
                true => f.write_char(letter)?,
                false => write!(f, "{}", letter.escape_default())?,
            }
        }
        if shown.chars().nth(LONGEST).is_some() { f.write_str("...") } else { Ok(()) }
    }
}

/// Whether a terminal shows it where it stands: neither a control character nor one that turns the direction of
/// the letters around it.
pub fn is_printable(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    const KEY: &str = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";

    /// Whether any twelve letters of the key in a row are in the text.
    fn leaks(text: &str) -> bool {
        (0..=KEY.len() - 12).any(|start| text.contains(&KEY[start..start + 12]))
    }

    #[test]
    fn a_secret_is_found_wherever_it_stands() {
        let broken = &KEY[..40];
        let spaced = format!("{} {}", &KEY[..20], &KEY[20..]);
        let hex = "c80a7be5317e9575c9b5ed78b638b7ce530dabe85ddab61422024180".to_string() + "1ddf0669";
        for text in [
            format!("PrivateKey = {KEY}"),
            format!("PrivateKey = {KEY} # {KEY}"),
            format!("  pRIVATEkEY={broken}"),
            format!("Private Key = {spaced}"),
            format!("PrivatKey = {KEY}"),
            format!("PresharedKey = \"{KEY}\""),
            format!("Presharedkeys = {spaced}"),
            format!("PrivateKey {KEY}"),
            format!("PrivateKey: {KEY}"),
            format!("Secret = {KEY}"),
            format!("Secret = {}", &KEY[..22]),
            format!("{}\n{}", &KEY[..22], &KEY[22..]),
            format!("PrivateKey = {}\n{}", &KEY[..22], &KEY[22..]),
            format!("[{KEY}]"),
            format!("Address = {KEY}"),
            format!("Address = {spaced}"),
            format!("Endpoint = {KEY}:51820"),
            format!("AllowedIPs = 10.0.0.0/8,{broken}"),
            format!("PostUp = wg set %i private-key <(echo {KEY})"),
            format!("# PrivateKey = {broken}"),
            format!("ListenPort = 1 # PrivateKey = {spaced}"),
            format!("# the old one: {KEY}"),
        ] {
            let shown = mask(&text);
            assert!(!leaks(&shown), "{text}: {}", *shown);
            assert_eq!(shown.len(), text.len(), "{text}");
        }
        assert!(!mask(&format!("PostUp = echo {hex}")).contains(&hex[..12]));
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "[Interface]\r\n# client foo, since 2024-01-02\n\tAddress = 10.113.0.4/16, fd00::1/64 # ours\n",
            "[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nEndpoint = server.example:51820\n",
            "PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8D\n",
            "PostUp = iptables -A FORWARD -i %i -j ACCEPT; iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE\n",
            "PostUp = /usr/local/lib/wireguard/scripts/when-up.sh --with some-name # and a comment\n",
            "ExcludedApplications = org.example.browser\n",
            "Adress = 10.0.0.1/24\n",
            "Colour = red\n",
            "KillSwitch = on\n",
            "hello, this is no configuration\n",
            "DNS = b\u{fc}cher.example\n",
            "",
        ] {
            assert_eq!(*mask(text), text);
        }
    }

    #[test]
    fn every_octet_keeps_its_place() {
        let text = "PrivateKey = \u{fc}\u{4e2d} x\nAddress = 10.0.0.1";
        let shown = mask(text);
        assert_eq!(*shown, "PrivateKey = ***** *\nAddress = 10.0.0.1");
    }

    #[test]
    fn a_sentence_is_one_line_and_not_too_long() {
        let shown = |text: &str| Shown::masked(text).to_string();
        assert_eq!(shown("a\x1b[31m\u{202e}b\r"), "a\\u{1b}[31m\\u{202e}b\\r");
        assert_eq!(shown(&"x.".repeat(60)).len(), 83);
        assert_eq!(shown(&format!("echo {KEY}")), format!("echo {}", "*".repeat(44)));
        assert_eq!(shown("10.0.0.0/8"), "10.0.0.0/8");
        assert_eq!(Shown::whole(KEY).to_string(), KEY);
    }
}
