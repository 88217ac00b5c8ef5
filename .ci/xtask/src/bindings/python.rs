//! The native interface's test in Python.

use xshell::{Shell, cmd};

use super::{LAB, in_lab};
use crate::error::Error;
use crate::install::Tools;

/// A Python program with a real TUN descriptor and a foreign peer.
pub(crate) fn python(sh: &Shell, tools: &Tools) -> Result<(), Error> {
    in_lab(sh, tools, "the Python bindings' tests", |generated| {
        let _module = sh.push_env("PYTHONPATH", generated.join("python"));
        // No compiled modules beside the sources.
        let _clean = sh.push_env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(cmd!(sh, "{LAB} python3 bindings/tests/test_tunnel.py").run()?)
    })
}
