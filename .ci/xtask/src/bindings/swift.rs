//! The Swift package of `apple`: what it is made of beside its own sources, and its tests.

use std::path::Path;

use xshell::{Shell, cmd};

use super::{LAB, generate, guide, in_lab, library_folder};
use crate::check;
use crate::error::Error;
use crate::install::{self, Tools};
use crate::shell::{plain, quietly};
use crate::skip;

/// Starts a command in the folder that has Swift.
const ENTER: &str = ".ci/enter.sh";

/// The package's sources are formatted as apple/.swift-format says. Given whole paths, the program loses their start.
const LINT: &str = "cd /project/apple; swift format lint --strict --recursive Package.swift Sources Tests";

/// Where the package has what is not committed.
const GENERATED: &str = "apple/Generated";

/// What an app runs on: iPhones, their simulator on a Mac, Macs.
const PLATFORMS: [&str; 3] = ["aarch64-apple-ios", "aarch64-apple-ios-sim", "aarch64-apple-darwin"];

/// The package's tests, with a real TUN descriptor and a foreign peer.
pub(crate) fn swift(sh: &Shell, tools: &Tools) -> Result<(), Error> {
    in_lab(sh, tools, "the Swift bindings' tests", |generated| {
        let Some(root) = install::swift(sh)? else {
            return Ok(());
        };
        sources(sh, &generated.join("swift"))?;
        let build = sh.create_dir(check::target_folder(sh)?.join("swift"))?;
        let folders = &[root, sh.current_dir(), library_folder(sh)?, build];
        let package =
            ["--package-path", "/project/apple", "--scratch-path", "/build", "-Xlinker", "-L/library"];
        quietly("swift build", cmd!(sh, "{ENTER} {folders...} swift build --build-tests {package...}"))?;
        quietly("swift format", cmd!(sh, "{ENTER} {folders...} sh -euc {LINT}"))?;
        let _library = sh.push_env("LD_LIBRARY_PATH", "/library");
        let tests = cmd!(sh, "{LAB} {ENTER} {folders...} /build/debug/AditPackageTests.xctest");
        let said = quietly("a test in Swift", tests)?;
        println!("{}", said.trim_end().lines().last().unwrap_or_default().trim());
        Ok(())
    })
}

/// For Xcode, and so on a Mac only: the core as one framework for all of Apple's platforms, and the sources.
pub(crate) fn xcframework(sh: &Shell) -> Result<(), Error> {
    if !cfg!(target_os = "macos") {
        skip("the framework", "only Apple's xcodebuild makes one");
        return Ok(());
    }
    let target = check::target_folder(sh)?;
    plain(cmd!(sh, "cargo build --locked -p adit-bindgen")).run()?;
    let mut libraries = Vec::new();
    for platform in PLATFORMS {
        plain(cmd!(sh, "cargo build --locked --release -p adit-ffi --target {platform}")).run()?;
        libraries.extend(["-library".into(), target.join(platform).join("release/libadit_ffi.a")]);
        libraries.extend(["-headers".into(), Path::new(GENERATED).join("AditFFI")]);
    }
    let out = target.join("bindings");
    generate(sh, &target.join("aarch64-apple-darwin/release"), &out)?;
    sources(sh, &out.join("swift"))?;
    let framework = Path::new(GENERATED).join("AditFFI.xcframework");
    sh.remove_path(&framework)?;
    Ok(cmd!(sh, "xcodebuild -create-xcframework {libraries...} -output {framework}").run()?)
}

/// Puts the generated sources, and the guide's program, where the package looks for them.
fn sources(sh: &Shell, generated: &Path) -> Result<(), Error> {
    let package = Path::new(GENERATED);
    for (from, to) in [
        ("Adit.swift", "Adit/Adit.swift"),
        ("AditFFI.h", "AditFFI/AditFFI.h"),
        ("AditFFI.modulemap", "AditFFI/module.modulemap"),
    ] {
        put(sh, &package.join(to), &sh.read_file(generated.join(from))?)?;
    }
    put(sh, &package.join("Guide/Guide.swift"), &guide(sh, "swift")?)
}

/// Leaves a file alone that says the same already, so that it is not compiled again.
fn put(sh: &Shell, file: &Path, text: &str) -> Result<(), Error> {
    if sh.read_file(file).is_ok_and(|there| there == text) {
        return Ok(());
    }
    Ok(sh.write_file(file, text)?)
}
