//! Any text as a configuration: what is read can be written and read again, errors and warnings point into the text and
//! tell no key, and nothing of a stranger's runs a command.
#![no_main]

use adit_core::config::{
    Attribute, ConfigError, Interface, Parsed, Table, diagnose, lint, mask, parse, parse_bytes, qr, write,
};
use adit_core::key::PublicKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let from_file = parse_bytes(file);
    let Ok(text) = std::str::from_utf8(file) else { return };
    let parsed = parse(text);
    check_mask(text);
    check_diagnosis(text, &parsed);
    match parsed {
        Ok(parsed) => {
            // Octets without a byte order mark are UTF-8, unless every other one of the first is zero.
            if !text.starts_with('\u{feff}') && !file.iter().take(2).any(|octet| *octet == 0) {
                assert_eq!(from_file.as_ref(), Ok(&parsed));
            }
            let written = write(&parsed.config).expect("what was read can be written");
            assert_eq!(
                parse(&written).map(|parsed| parsed.config).as_ref(),
                Ok(&parsed.config),
                "{}",
                *written
            );
            for warning in lint(text, &parsed) {
                assert!(text.get(warning.span.clone()).is_some(), "{warning:?}");
                assert_tells_no_key(&warning.to_string());
            }
            check_import(text, &parsed);
        }
        Err(error) => {
            check_error(text, &error);
            assert_eq!(qr::from_untrusted(text), Err(error));
        }
    }
});

/// A mask hides octets and moves none.
fn check_mask(text: &str) {
    let masked = mask(text);
    assert_eq!(masked.len(), text.len());
    assert!(masked.match_indices('\n').eq(text.match_indices('\n')));
}

/// All errors are given where parsing gives the first.
fn check_diagnosis(text: &str, parsed: &Result<Parsed, ConfigError>) {
    match (diagnose(text), parsed) {
        (Ok(diagnosed), parsed) => assert_eq!(Ok(&diagnosed), parsed.as_ref()),
        (Err(errors), Err(first)) => {
            assert!(errors.contains(first));
            errors.iter().for_each(|error| check_error(text, error));
        }
        (Err(errors), Ok(_)) => panic!("a diagnosis of what is well: {errors:?}"),
    }
}

fn check_error(text: &str, error: &ConfigError) {
    let place = text.get(error.span.clone()).expect("an error points into the text");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = text.split('\n').nth(error.line - 1).expect("an error has a line");
    let columns = error.columns.end - error.columns.start;
    assert!(line.chars().skip(error.columns.start - 1).take(columns).eq(place.chars()), "{error:?}");
    if error.key != Some(Attribute::PublicKey) {
        assert_tells_no_key(&error.to_string());
        assert_tells_no_key(&format!("{error:?}"));
    }
}

/// No word of it is a key: it would be a private one in a wrong place. Letters of one case only are none that anybody
/// will ever have; nor is the letter of an escaped tab one of a word that follows it.
fn assert_tells_no_key(sentence: &str) {
    let sentence =
        ["\\t", "\\r", "\\n"].iter().fold(sentence.to_owned(), |text, escape| text.replace(escape, " "));
    let is_of_key = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '=');
    for word in sentence.split(|letter| !is_of_key(letter)) {
        let has_both_cases = word.contains(char::is_uppercase) && word.contains(char::is_lowercase);
        assert!(!has_both_cases || PublicKey::from_base64(word).is_err(), "{sentence}");
    }
}

/// A stranger's configuration runs no command and bends no route; all else of it is left.
fn check_import(text: &str, parsed: &Parsed) {
    let imported = qr::from_untrusted(text).expect("what is a configuration can be imported");
    let interface = &parsed.config.interface;
    let harmless = Interface {
        fwmark: None,
        table: Table::Auto,
        pre_up: Vec::new(),
        post_up: Vec::new(),
        pre_down: Vec::new(),
        post_down: Vec::new(),
        save_config: false,
        ..interface.clone()
    };
    assert_eq!((&imported.config.interface, &imported.config.peers), (&harmless, &parsed.config.peers));

    let commands = [&interface.pre_up, &interface.post_up, &interface.pre_down, &interface.post_down];
    let hooks = imported.dropped.iter().filter(|dropped| dropped.key.is_hook());
    assert_eq!(hooks.count(), commands.iter().map(|commands| commands.len()).sum::<usize>());
    for dropped in &imported.dropped {
        assert_eq!(text.get(dropped.span.clone()), Some(dropped.value.as_str()));
        assert_tells_no_key(&dropped.to_string());
    }
}
