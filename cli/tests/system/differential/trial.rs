//! One configuration, tried by both tools, and what each of them has made of it.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::exceptions;
use crate::lab::command::{Ended, bounded, finish};
use crate::lab::daemon::socket;
use crate::lab::needs::adit;
use crate::lab::netns::{Netns, unique_interface};
use crate::lab::wait::{LONG, holds, until};

/// What came of a configuration.
pub(super) enum Outcome {
    /// Both have it up, alike.
    Accepted,
    /// Neither has.
    Refused,
    /// They differ, as it is known.
    Excepted(&'static str),
    /// They differ.
    Different(String),
}

/// Who tries.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Tool {
    WgQuick,
    Adit,
}

/// A tool's verdict.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// What it has made, and what its `strip` leaves of the text.
    Up { state: String, stripped: String },
    /// What it said.
    Refused(String),
}

/// A namespace for each tool, and the folder with their files.
pub(super) struct Twins {
    theirs: Netns,
    ours: Netns,
    /// What a namespace holds before anything is up.
    nothing: String,
    folder: TempDir,
}

/// Stands for `resolvconf`: keeps what it was told for an interface.
const RESOLVCONF: &str =
    "#!/bin/sh\ncase $1 in -a) cat >\"$DNS_FOLDER/$2\" ;; -d) rm -f \"$DNS_FOLDER/$2\" ;; esac\n";

impl Twins {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let resolvconf = folder.path().join("resolvconf");
        fs::write(&resolvconf, RESOLVCONF).expect("our folder");
        fs::set_permissions(&resolvconf, Permissions::from_mode(0o755)).expect("our file");
        let (theirs, ours) = (Netns::new(), Netns::new());
        let mut twins = Self { theirs, ours, nothing: String::new(), folder };
        twins.nothing = twins.around(Tool::Adit);
        assert_eq!(twins.around(Tool::WgQuick), twins.nothing);
        twins
    }

    /// Has both try, and leaves nothing of it.
    pub(super) fn compare(&self, text: &str) -> Outcome {
        let (theirs, ours) = (self.attempt(Tool::WgQuick, text), self.attempt(Tool::Adit, text));
        match (&theirs, &ours) {
            (Verdict::Up { .. }, Verdict::Up { .. }) if theirs == ours => return Outcome::Accepted,
            (Verdict::Refused(_), Verdict::Refused(_)) => return Outcome::Refused,
            _ => {}
        }
        // An exception is the only difference: in plain words there is none.
        let reason = match &ours {
            Verdict::Refused(_) => exceptions::refused_by_us_alone(text)
                .filter(|(_, plain)| self.agree(plain).is_some())
                .map(|(reason, _)| reason),
            Verdict::Up { state, .. } => exceptions::accepted_by_us_alone(text)
                .filter(|(_, plain)| self.agree(plain).as_ref() == Some(state))
                .map(|(reason, _)| reason),
        };
        let differ = || Outcome::Different(format!("wg-quick: {theirs:#?}\nadit: {ours:#?}"));
        reason.map_or_else(differ, Outcome::Excepted)
    }

    /// What both make of it alike.
    fn agree(&self, text: &str) -> Option<String> {
        let (theirs, ours) = (self.attempt(Tool::WgQuick, text), self.attempt(Tool::Adit, text));
        match ours {
            Verdict::Up { ref state, .. } if theirs == ours => Some(state.clone()),
            _ => None,
        }
    }

    /// Brings a configuration up and down again.
    fn attempt(&self, tool: Tool, text: &str) -> Verdict {
        let interface = unique_interface();
        let file = self.folder.path().join(format!("{interface}.conf"));
        fs::write(&file, text).expect("our folder");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("our file");
        let ended = self.run(tool, "up", &file);
        let verdict = match ended.status.success() {
            true => {
                let state = settled(&self.shell(tool, DEVICE, &interface)) + &self.around(tool);
                let stripped = self.run(tool, "strip", &file).success();
                self.down(tool, &interface, &file);
                Verdict::Up { state: state.replace(&interface, "IFACE"), stripped }
            }
            false => Verdict::Refused(ended.stderr),
        };
        until(&format!("the end of {tool:?}'s daemon for {text:?}"), LONG, || {
            holds(!socket(&interface).exists())
        });
        self.clear(tool, &verdict);
        for name in [format!("{interface}.conf"), interface] {
            // Name servers are there for some only.
            let _ = fs::remove_file(self.folder.path().join(name));
        }
        verdict
    }

    fn run(&self, tool: Tool, command: &str, file: &Path) -> Ended {
        let program = match tool {
            Tool::WgQuick => PathBuf::from("wg-quick"),
            Tool::Adit => adit(),
        };
        self.finish(tool, &[program.as_os_str(), command.as_ref(), file.as_os_str()])
    }

    /// Runs a program in the tool's namespace, which it gets from the thread that starts it: that takes less time
    /// than `ip netns exec`.
    fn finish(&self, tool: Tool, words: &[&OsStr]) -> Ended {
        let netns = match tool {
            Tool::WgQuick => &self.theirs,
            Tool::Adit => &self.ours,
        };
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = bounded();
        command
            .args(words)
            .env("PATH", format!("{}:{path}", self.folder.path().display()))
            .env("DNS_FOLDER", self.folder.path())
            .env("WG_QUICK_USERSPACE_IMPLEMENTATION", adit())
            .env("WG_ENDPOINT_RESOLUTION_RETRIES", "0");
        netns.inside(|| finish(&mut command))
    }

    fn shell(&self, tool: Tool, script: &str, interface: &str) -> String {
        self.finish(tool, &["sh", "-c", script, interface].map(OsStr::new)).success()
    }

    /// What is around the interface: rules, and the firewall.
    fn around(&self, tool: Tool) -> String {
        let text = self.shell(tool, AROUND, "");
        // A link-local address is another one each time.
        text.lines().filter(|line| !line.contains("fe80:")).map(|line| line.to_owned() + "\n").collect()
    }

    fn down(&self, tool: Tool, interface: &str, file: &Path) {
        if tool == Tool::WgQuick {
            // In less time than `wg-quick down` needs.
            self.shell(tool, "ip link delete dev $0", interface);
        } else if !self.run(tool, "down", file).status.success() && self.ours.has_interface(interface) {
            // Its own hooks hold it up, and those of another configuration do not.
            fs::write(file, "").expect("our file");
            self.run(tool, "down", file).success();
        }
    }

    /// `adit` has left nothing. What `wg-quick` has left is swept away.
    fn clear(&self, tool: Tool, verdict: &Verdict) {
        match (tool, verdict) {
            (Tool::Adit, _) => assert_eq!(self.around(tool), self.nothing, "adit has left this behind"),
            (Tool::WgQuick, Verdict::Up { state, .. }) if state.ends_with(&self.nothing) => {}
            (Tool::WgQuick, Verdict::Refused(said)) if !said.contains(" rule add ") => {}
            (Tool::WgQuick, _) => {
                self.shell(tool, SWEEP, "");
                assert_eq!(self.around(tool), self.nothing);
            }
        }
    }
}

/// What the device holds, and the system tells of its interface.
const DEVICE: &str = "wg show $0 dump &&
    if [ -e \"$DNS_FOLDER/$0\" ]; then sed 's/^/resolvconf\\t/' \"$DNS_FOLDER/$0\"; fi &&
    ip -o link show dev $0 && ip -o address show dev $0 &&
    ip -4 route show table all dev $0 && ip -6 route show table all dev $0";

const AROUND: &str = "ip -4 rule && ip -6 rule && nft list ruleset";

const SWEEP: &str = "nft flush ruleset && for family in -4 -6; do
    ip $family rule flush && ip $family rule add pref 32766 table main
    done && ip -4 rule add pref 32767 table default";

/// Without what is another one each time: the interface's number, a port or a link-local address that the system
/// chose, and counters.
fn settled(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().filter_map(settled_line).collect();
    // The device's own lines come first, in their order, and then the name servers.
    let rest = lines.iter().take_while(|line| line.contains('\t')).count();
    lines[rest..].sort_unstable();
    lines.join("\n") + "\n"
}

fn settled_line(line: &str) -> Option<String> {
    let mut fields: Vec<&str> = line.split('\t').collect();
    match fields.len() {
        4 if fields[2].parse().is_ok_and(|port: u16| (32_768..61_000).contains(&port)) => {
            fields[2] = "chosen"
        }
        8 => fields[4..7].fill("counted"),
        1 if line.contains("fe80:") => return None,
        1 => {
            // A number and a colon, where it is of a link or an address.
            let rest = line.split_once(": ").filter(|(number, _)| number.parse::<u32>().is_ok());
            let words = rest.map_or(line, |(_, rest)| rest).split_whitespace();
            // Until it is up, the system has not looked whether an address is another one's, too.
            return Some(words.filter(|word| *word != "tentative").collect::<Vec<_>>().join(" "));
        }
        _ => {}
    }
    Some(fields.join("\t"))
}
