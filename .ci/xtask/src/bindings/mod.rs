//! The native interface: its library with the Kotlin, Swift and Python sources that go with it, and what its tests from
//! outside have in common. Each language's test has a file of its own.

mod kotlin;
mod python;
mod swift;

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use crate::check;
use crate::error::Error;
use crate::install::{self, Tools};
use crate::shell::plain;
use crate::skip;

pub(crate) use kotlin::kotlin;
pub(crate) use python::python;
pub(crate) use swift::{swift, xcframework};

/// How an app embeds the core, with a program in each language.
const GUIDE: &str = "bindings/README.md";

/// Runs a command where a foreign peer waits for it.
const LAB: &str = "bindings/tests/lab.sh";

/// For apps: the library as it is shipped, and the sources, in `out` or `target/bindings`.
pub(crate) fn bindings(sh: &Shell, out: Option<&str>) -> Result<(), Error> {
    plain(cmd!(sh, "cargo build --locked --release -p adit-ffi")).run()?;
    plain(cmd!(sh, "cargo build --locked -p adit-bindgen")).run()?;
    let target = check::target_folder(sh)?;
    // Relative to where the developer is, and not to the workspace's top.
    let out = out.map(|out| std::path::absolute(out).unwrap_or_else(|_empty| PathBuf::from(out)));
    let out = out.unwrap_or_else(|| target.join("bindings"));
    generate(sh, &target.join("release"), &out)
}

/// Writes the sources for a library that is built. Python looks for the library beside its module.
fn generate(sh: &Shell, built: &Path, out: &Path) -> Result<(), Error> {
    let generator = check::target_folder(sh)?.join("debug/adit-bindgen");
    let name = format!("{}adit_ffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = built.join(name);
    sh.create_dir(out)?;
    cmd!(sh, "{generator} {library} {out}").run()?;
    sh.copy_file(&library, out.join("python"))?;
    println!("bindings: {}", out.display());
    Ok(())
}

/// Runs a test of the native interface from outside, or says why it does not. The test is told where the generated
/// sources are, starts itself with [`LAB`], and finds the library in the folder of [`library_folder`].
fn in_lab(
    sh: &Shell,
    tools: &Tools,
    what: &str,
    test: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    if !install::is_root(sh) {
        skip(what, "they make interfaces and namespaces, which needs root");
        return Ok(());
    }
    let Some(wireguard_go) = &tools.wireguard_go else {
        skip(what, "there is no wireguard-go to talk to");
        return Ok(());
    };
    // As the unit tests' step builds it, so that nothing is built a second time.
    plain(cmd!(sh, "cargo build --locked --workspace --all-features")).run()?;
    let generated = check::target_folder(sh)?.join("bindings-test");
    generate(sh, &library_folder(sh)?, &generated)?;
    let _path = sh.push_env("PATH", tools.path(sh));
    let _peer = sh.push_env("ADIT_TEST_WIREGUARD_GO", wireguard_go);
    test(&generated)
}

/// The guide's one program in a language, which that language's test compiles and runs.
fn guide(sh: &Shell, language: &str) -> Result<String, Error> {
    let readme = sh.read_file(GUIDE)?;
    let fence = format!("```{language}\n");
    let programs: Vec<&str> = readme.split(fence.as_str()).skip(1).collect();
    match programs[..] {
        [program] => Ok(program.split("```").next().unwrap_or_default().to_owned()),
        _ => {
            Err(Error::Output { program: GUIDE, text: format!("{} programs in {language}", programs.len()) })
        }
    }
}

/// Where the library is that the tests from outside load.
fn library_folder(sh: &Shell) -> Result<PathBuf, Error> {
    Ok(check::target_folder(sh)?.join("debug"))
}
