//! Tools that bring a tunnel up and down from a configuration file, and a `resolvconf` that writes down its calls.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::command::{Ended, finish};
use super::daemon::assert_nothing_left;
use super::host::journal;
use super::needs::adit;
use super::netns::{Netns, unique_interface};
use super::wait::{LONG, holds, until};

/// Which tool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Quick {
    /// The unmodified `wg-quick`, with adit as its userspace implementation.
    WgQuick,
    /// `adit up` and `adit down`.
    Adit,
}

/// A configuration file as a user keeps it, for one interface in one namespace.
pub(crate) struct Conf {
    pub interface: String,
    pub netns: Netns,
    quick: Quick,
    folder: TempDir,
    /// Where programs are looked for first.
    programs: Option<PathBuf>,
}

impl Conf {
    pub(crate) fn new(quick: Quick, netns: &Netns, text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let conf =
            Self { interface: unique_interface(), netns: netns.clone(), quick, folder, programs: None };
        fs::write(conf.file(), text).expect("our own folder");
        fs::set_permissions(conf.file(), fs::Permissions::from_mode(0o600)).expect("our own file");
        conf
    }

    /// Uses this `resolvconf` in place of the system's.
    pub(crate) fn with_resolvconf(mut self, resolvconf: &Resolvconf) -> Self {
        self.programs = Some(resolvconf.0.path().to_owned());
        self
    }

    /// Returns when the tunnel is set up.
    #[track_caller]
    pub(crate) fn up(&self) {
        self.try_run("up").success();
    }

    /// Takes it down, and fails if anything of it is left.
    #[track_caller]
    pub(crate) fn down(&self) {
        self.try_run("down").success();
        until("the daemon's process ends", LONG, || holds(self.netns.processes().is_empty()));
        assert_nothing_left(&self.netns, &self.interface);
        assert!(!journal(&self.interface).exists(), "the journal is left behind");
    }

    fn try_run(&self, verb: &str) -> Ended {
        let mut command = self.netns.command("timeout");
        command.args(["--kill-after=5", "60"]);
        match self.quick {
            Quick::WgQuick => command.arg("wg-quick").env("WG_QUICK_USERSPACE_IMPLEMENTATION", adit()),
            Quick::Adit => command.arg(adit()),
        };
        if let Some(folder) = &self.programs {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(folder.clone()).chain(std::env::split_paths(&path));
            command.env("PATH", std::env::join_paths(folders).expect("folders that PATH had"));
        }
        finish(command.arg(verb).arg(self.file()))
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(format!("{}.conf", self.interface))
    }
}

/// A program of this name that changes nothing: it writes down how it is called, and what is said to it.
pub(crate) struct Resolvconf(TempDir);

impl Resolvconf {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = folder.path().join("resolvconf");
        let calls = calls(folder.path());
        let script = format!(
            "#!/bin/sh\necho \"resolvconf $*\" >>{0}\n[ \"$1\" != -a ] || cat >>{0}\n",
            calls.display()
        );
        fs::write(&program, script).expect("our own folder");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("our own file");
        fs::write(calls, "").expect("our own folder");
        Self(folder)
    }

    /// What it has written down since the last time it was asked.
    pub(crate) fn calls(&self) -> String {
        let file = calls(self.0.path());
        let text = fs::read_to_string(&file).expect("our own file");
        fs::write(file, "").expect("our own folder");
        text
    }
}

fn calls(folder: &Path) -> PathBuf {
    folder.join("calls")
}
