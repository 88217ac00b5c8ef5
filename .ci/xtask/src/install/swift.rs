//! Swift's toolchain: Debian has it only in a newer release than it may be installed on, so that it gets a folder of
//! its own, which a command enters by chroot.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use super::{apt, find};
use crate::error::Error;
use crate::shell::quietly;
use crate::skip;

/// The toolchain, what it links with, and what the tests ask of the system.
const PACKAGES: [&str; 9] = [
    "swiftlang",
    "libswiftlang",
    "swiftlang-dev",
    "libc6-dev",
    "libstdc++-14-dev",
    "binutils",
    "gcc",
    "iproute2",
    "iputils-ping",
];

/// Written into the folder when all else is there: what it was made of.
const STAMP: &str = "etc/adit-packages";

/// The folder, made if it is not there yet; `.ci/enter.sh` enters it. `None` if this machine cannot; it has said why.
pub(crate) fn swift(sh: &Shell) -> Result<Option<PathBuf>, Error> {
    let root = sh.create_dir("target/tools")?.join("swift");
    let packages = PACKAGES.join(",");
    if sh.read_file(root.join(STAMP)).is_ok_and(|made_of| made_of == packages) {
        return Ok(Some(root));
    }
    println!("needed: Swift's toolchain, for the native interface from Swift");
    if let Err(why) = apt::usable() {
        skip("installing it", why);
        return Ok(None);
    }
    if !apt::is_debian(sh)? {
        skip("installing it", "it is made of Debian's packages, and this is another system");
        return Ok(None);
    }
    if find("debootstrap").is_none() {
        println!("needed: debootstrap, which puts it into a folder of its own");
        apt::update(sh)?;
        apt::install(sh, &["debootstrap"])?;
    }
    make(sh, &root, &packages)?;
    Ok(Some(root))
}

/// Under another name until it is whole.
fn make(sh: &Shell, root: &Path, packages: &str) -> Result<(), Error> {
    let (suite, mirror) = (apt::STABLE, apt::mirror(sh)?);
    println!(
        "putting it into {}, from {mirror}: 550 MB to fetch, 2.6 GB on the disk, a minute or more",
        root.display()
    );
    let partial = root.with_extension("partial");
    sh.remove_path(&partial)?;
    // What debootstrap mounts and starts ends with it, and it ends with this program.
    let bounds = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let make = ["debootstrap", "--variant=minbase", "--include", packages, suite];
    let make = cmd!(sh, "setpriv --pdeathsig KILL unshare {bounds...} {make...} {partial} {mirror}");
    quietly("debootstrap", make)?;
    // What it fetched and does not need again.
    sh.remove_path(partial.join("var/cache/apt/archives"))?;
    sh.remove_path(partial.join("var/lib/apt/lists"))?;
    for mount_point in ["project", "library", "build"] {
        sh.create_dir(partial.join(mount_point))?;
    }
    sh.write_file(partial.join(STAMP), packages)?;
    sh.remove_path(root)?;
    Ok(cmd!(sh, "mv {partial} {root}").quiet().run()?)
}
