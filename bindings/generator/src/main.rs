//! Writes the Kotlin, Swift and Python sources of the native interface, from what the built library says of itself.
//! `cargo xtask bindings` runs it.

use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate};

fn main() -> ExitCode {
    let arguments: Vec<Utf8PathBuf> = std::env::args().skip(1).map(Utf8PathBuf::from).collect();
    let [library, out] = &arguments[..] else {
        eprintln!("usage: adit-bindgen LIBRARY OUT");
        return ExitCode::from(2);
    };
    let languages = [
        ("kotlin", TargetLanguage::Kotlin),
        ("swift", TargetLanguage::Swift),
        ("python", TargetLanguage::Python),
    ];
    for (folder, language) in languages {
        if let Err(error) = generate(options(library, &out.join(folder), language)) {
            eprintln!("adit-bindgen: {folder}: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn options(library: &Utf8Path, out: &Utf8Path, language: TargetLanguage) -> GenerateOptions {
    GenerateOptions {
        languages: vec![language],
        source: library.to_owned(),
        out_dir: out.to_owned(),
        crate_filter: Some("adit_ffi".to_owned()),
        // Formatters are other people's programs, which may or may not be installed.
        format: false,
        ..GenerateOptions::default()
    }
}
