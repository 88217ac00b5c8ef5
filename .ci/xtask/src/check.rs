//! Checks that run nothing: what the core must not use, the platforms it must compile for, the oldest
//! compiler, and what comes in by way of dependencies.

use std::collections::HashMap;

use serde_json::Value;
use xshell::{Shell, cmd};

use crate::error::Error;
use crate::install::{self, Package};
use crate::shell::plain;
use crate::skip;

/// What an application on Android and on Apple's systems compiles the native interface for.
const PLATFORMS: [&str; 2] = ["aarch64-linux-android", "aarch64-apple-darwin"];

/// Packages that are shipped; what only tests need may ask for a newer compiler.
const SHIPPED: [&str; 3] = ["adit-core", "adit-cli", "adit-ffi"];

const CARGO_DENY: Package = Package {
    name: "cargo-deny",
    release: "0.20.2",
    program: "cargo-deny",
    why: "to check licences and duplicate crates",
};

pub(crate) fn everything(sh: &Shell) -> Result<(), Error> {
    rust_version(sh)?;
    no_std(sh)?;
    platforms(sh)
}

/// The engine without an operating system: a use of std in it fails here.
pub(crate) fn no_std(sh: &Shell) -> Result<(), Error> {
    build_std(sh, &["check", "-p", "adit-core"], &["x86_64-unknown-none"], "core,alloc")
}

/// The native interface, and the core with it, compiles for the phones, with the AEAD that needs no C compiler.
pub(crate) fn platforms(sh: &Shell) -> Result<(), Error> {
    let check = ["check", "-p", "adit-ffi", "--no-default-features"];
    build_std(sh, &check, &PLATFORMS, "std,panic_abort")
}

/// Gives cargo a command for platforms, with a standard library compiled on the spot.
pub(crate) fn build_std(sh: &Shell, command: &[&str], platforms: &[&str], crates: &str) -> Result<(), Error> {
    if !install::std_sources_folder(sh)?.join("Cargo.lock").exists() {
        let what = format!("cargo {} for {}", command.join(" "), platforms.join(", "));
        skip(&what, "the toolchain has no rust-src");
        return Ok(());
    }
    let targets = platforms.iter().flat_map(|platform| ["--target", platform]);
    // Build scripts ask whether the compiler is a nightly one, so what is built here is built apart.
    let _apart = sh.push_env("CARGO_TARGET_DIR", target_folder(sh)?.join("build-std"));
    let _unstable = sh.push_env("RUSTC_BOOTSTRAP", "1");
    let cargo = cmd!(sh, "cargo {command...} --locked -Zbuild-std={crates} {targets...}");
    Ok(plain(cargo).run()?)
}

/// `rust-version` is the newest that any dependency of what is shipped asks for, no older and no newer.
/// Clippy's `incompatible_msrv` watches our own use of the standard library.
pub(crate) fn rust_version(sh: &Shell) -> Result<(), Error> {
    let metadata = metadata(sh)?;
    let packages: HashMap<&str, &Value> = list(&metadata["packages"])
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect();
    let dependencies: HashMap<&str, Vec<&str>> = list(&metadata["resolve"]["nodes"])
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?, normal_dependencies(node))))
        .collect();

    let mut waiting: Vec<&str> = packages
        .iter()
        .filter(|(_, package)| SHIPPED.iter().any(|shipped| package["name"] == *shipped))
        .map(|(id, _)| *id)
        .collect();
    let declared = waiting.first().map(|id| release(packages[id])).unwrap_or_default();
    let mut seen = waiting.clone();
    let mut needed = (Release::default(), String::from("no dependency"));
    while let Some(id) = waiting.pop() {
        for dependency in &dependencies[id] {
            if seen.contains(dependency) {
                continue;
            }
            seen.push(dependency);
            waiting.push(dependency);
            needed = needed.max((release(packages[dependency]), name(packages[dependency])));
        }
    }
    if needed.0 == declared {
        println!("rust-version {} is what {} asks for", text(declared), needed.1);
        return Ok(());
    }
    Err(Error::RustVersion { declared: text(declared), needed: text(needed.0), by: needed.1 })
}

/// Major and minor number of a compiler; packages that name none work with any.
type Release = (u32, u32);

fn text((major, minor): Release) -> String {
    format!("{major}.{minor}")
}

fn name(package: &Value) -> String {
    let part = |key: &str| package[key].as_str().unwrap_or_default();
    format!("{} {}", part("name"), part("version"))
}

fn release(package: &Value) -> Release {
    let mut numbers = package["rust_version"].as_str().unwrap_or_default().split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        _ => Release::default(),
    }
}

/// Those that end up in the binary, and not only in its tests or its build.
fn normal_dependencies(node: &Value) -> Vec<&str> {
    list(&node["deps"])
        .iter()
        .filter(|dependency| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()))
        .filter_map(|dependency| dependency["pkg"].as_str())
        .collect()
}

/// Licences, sources and duplicate crates. Advisories need the network and are not asked for.
pub(crate) fn deny(sh: &Shell) -> Result<(), Error> {
    let program = install::cargo_program(sh, &CARGO_DENY)?;
    Ok(cmd!(sh, "{program} --offline --all-features --config .cargo/deny.toml check licenses bans sources")
        .run()?)
}

/// Where cargo builds.
pub(crate) fn target_folder(sh: &Shell) -> Result<std::path::PathBuf, Error> {
    match metadata(sh)?["target_directory"].as_str() {
        Some(folder) => Ok(folder.into()),
        None => Err(Error::Output { program: "cargo metadata", text: "no target_directory".into() }),
    }
}

fn metadata(sh: &Shell) -> Result<Value, Error> {
    let text = cmd!(sh, "cargo metadata --locked --all-features --format-version 1").quiet().read()?;
    serde_json::from_str(&text)
        .map_err(|error| Error::Output { program: "cargo metadata", text: error.to_string() })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
