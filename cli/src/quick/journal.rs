//! What `up` did and `down` has to undo, on disk before it is done, so that even `kill -9` leaves a way back. A journal
//! is a stack of lines, locked while somebody works on it; what its steps mean is not known here.

use std::fmt::Display;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use serde::{Deserialize, Serialize};

use super::undo::Undo;
use crate::interface_name::InterfaceName;

/// Where the journals are. It is gone after a reboot, as all is that they speak of.
pub(super) const DIRECTORY: &str = "/run/adit";

const SUFFIX: &str = ".journal";

/// How often a lock is tried that somebody holds: the child that a killed process was starting holds it for a moment.
const PATIENCE: u32 = 20;
const REST: Duration = Duration::from_millis(50);

/// Why there is no journal to write to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// Another process works on it.
    #[error(
        "{interface} already exists, and another adit is bringing it up or down now; wait until that has ended"
    )]
    Busy {
        /// Whose journal it is.
        interface: InterfaceName,
    },
    /// A line that says nothing to this version.
    #[error("{path} is not a journal of this version: {source}; remove it, and what it names, by hand")]
    Foreign {
        /// Where.
        path: PathBuf,
        /// What is wrong with the line.
        source: serde_json::Error,
    },
    /// The system refused.
    #[error("cannot keep the journal {path}: {source}; run it as root, with {DIRECTORY} writable")]
    System {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// The first line.
    Begun(Begun),
    /// A step is about to be made; this takes it back.
    Undo(Undo),
    /// The interface was made, and has this index.
    Made(u32),
    /// Every step was made.
    Up,
    /// The step whose entry has this number, from 0, is taken back.
    Done(usize),
}

impl Entry {
    fn place(&self) -> Option<&Place> {
        match self {
            Self::Begun(begun) => Some(&begun.place),
            _ => None,
        }
    }
}

/// Where an `up` began, and the hooks of its end, which must run although the configuration may be gone by then. Like
/// the configuration, the journal is for root's eyes alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    pub place: Place,
    pub pre_down: Vec<String>,
    pub post_down: Vec<String>,
}

/// A network namespace of one boot of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub boot: String,
    /// Device and inode.
    pub netns: (u64, u64),
}

impl Place {
    /// This process's own.
    pub(super) fn here() -> io::Result<Self> {
        Self::of("self")
    }

    /// That of a process.
    pub(super) fn of(process: impl Display) -> io::Result<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim_end().to_owned();
        let netns = fs::metadata(format!("/proc/{process}/ns/net"))?;
        Ok(Self { boot, netns: (netns.dev(), netns.ino()) })
    }
}

/// The journal of one interface, this process's alone. Its file is there only while it has entries.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Flock<File>,
    /// Each with the length of its line.
    entries: Vec<(Entry, u64)>,
}

impl Journal {
    /// Opens an interface's journal, an empty one if there is none.
    pub(super) fn open(directory: &Path, interface: &InterfaceName) -> Result<Self, JournalError> {
        let path = directory.join(format!("{interface}{SUFFIX}"));
        let system = |source| JournalError::System { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(system)?;
        let mut patience = 0..PATIENCE;
        loop {
            let file = options().create(true).open(&path).map_err(system)?;
            let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(file) => file,
                Err((_, Errno::EWOULDBLOCK)) if patience.next().is_some() => {
                    thread::sleep(REST);
                    continue;
                }
                Err((_, Errno::EWOULDBLOCK)) => {
                    return Err(JournalError::Busy { interface: interface.clone() });
                }
                Err((_, errno)) => return Err(system(errno.into())),
            };
            // Whoever had locked it before may have removed it meanwhile.
            if is_at(&path, &file).map_err(system)? {
                let entries = read(&file, &path)?;
                let mut journal = Self { path, file, entries };
                journal.truncate(journal.entries.len())?;
                return Ok(journal);
            }
        }
    }

    /// What it holds, the oldest first.
    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().map(|(entry, _)| entry)
    }

    /// Where an `up` began, unless this journal is empty.
    pub(super) fn begun(&self) -> Option<&Begun> {
        self.entries().find_map(|entry| match entry {
            Entry::Begun(begun) => Some(begun),
            _ => None,
        })
    }

    /// Whether an `up` came to its end and no `down` has begun.
    pub(super) fn is_up(&self) -> bool {
        self.entries().next_back() == Some(&Entry::Up)
    }

    /// The index of the interface that was made; of several, the last one's.
    pub(super) fn made(&self) -> Option<u32> {
        self.entries().rev().find_map(|entry| match entry {
            Entry::Made(index) => Some(*index),
            _ => None,
        })
    }

    /// What is still to be taken back, each with its number, the oldest first.
    pub(super) fn undos(&self) -> Vec<(usize, Undo)> {
        let is_done = |number| self.entries().any(|entry| *entry == Entry::Done(number));
        let undos = self.entries().enumerate().filter_map(|(number, entry)| match entry {
            Entry::Undo(undo) => Some((number, undo.clone())),
            _ => None,
        });
        undos.filter(|(number, _)| !is_done(*number)).collect()
    }

    /// From now on this interface is being taken down.
    pub(super) fn begin_down(&mut self) -> Result<(), JournalError> {
        if self.is_up() { self.truncate(self.entries.len() - 1) } else { Ok(()) }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The locked file: a process that inherits it holds the lock on where this one is killed.
    pub(super) fn share(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Keeps what it holds for its own place, and is empty then.
    pub(super) fn set_aside(&mut self, interface: &InterfaceName) -> Result<(), JournalError> {
        let (Some(begun), Some(directory)) = (self.begun(), self.path.parent()) else { return Ok(()) };
        let directory = directory.to_owned();
        let aside = directory.join(aside(interface, &begun.place));
        fs::rename(&self.path, aside).map_err(|error| self.system(error))?;
        *self = Self::open(&directory, interface)?;
        Ok(())
    }

    /// Takes up again what was set aside of this place, where this journal holds nothing else.
    pub(super) fn take_up(&mut self, interface: &InterfaceName, here: &Place) -> Result<(), JournalError> {
        let (true, Some(directory)) = (self.entries.is_empty(), self.path.parent()) else { return Ok(()) };
        let directory = directory.to_owned();
        match fs::rename(directory.join(aside(interface, here)), &self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.system(error)),
            Ok(()) => {
                // The file that it was is gone: the one in its place is another one's to remove.
                *self = Self::open(&directory, interface)?;
                Ok(())
            }
        }
    }

    /// Adds an entry, on disk before this returns.
    pub(super) fn push(&mut self, entry: Entry) -> Result<(), JournalError> {
        let line = serde_json::to_string(&entry).map_err(|error| self.system(error.into()))? + "\n";
        self.file.write_all(line.as_bytes()).map_err(|error| self.system(error))?;
        self.entries.push((entry, line.len() as u64));
        Ok(())
    }

    /// Takes away the newest entries for which there is no more use: all from this number on.
    pub(super) fn truncate(&mut self, count: usize) -> Result<(), JournalError> {
        let length = self.entries.iter().take(count).map(|(_, length)| length).sum();
        self.file.set_len(length).map_err(|error| self.system(error))?;
        self.entries.truncate(count);
        Ok(())
    }

    fn system(&self, source: io::Error) -> JournalError {
        JournalError::System { path: self.path.clone(), source }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if self.entries.is_empty() && is_at(&self.path, &self.file).unwrap_or_default() {
            // It is locked still, so it is this one; an empty one left behind hurts nobody.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The name of a journal of another place, which no interface's own has.
fn aside(interface: &InterfaceName, place: &Place) -> String {
    format!("{interface}@{}-{}{SUFFIX}", place.netns.0, place.netns.1)
}

/// Each entry with the length of its line.
fn read(mut file: &File, path: &Path) -> Result<Vec<(Entry, u64)>, JournalError> {
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|source| JournalError::System { path: path.to_owned(), source })?;
    // The writer of a line without an end was killed before it took the step that the line announces.
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines
        .map(|line| Ok((serde_json::from_str(line)?, line.len() as u64)))
        .collect::<Result<_, _>>()
        .map_err(|source| JournalError::Foreign { path: path.to_owned(), source })
}

/// The entries of every other interface's journal of the same place, whoever works on them at this moment.
pub(super) fn others(directory: &Path, own: &Journal) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for file in fs::read_dir(directory)? {
        let path = file?.path();
        if path == own.path || path.extension() != Some(SUFFIX[1..].as_ref()) {
            continue;
        }
        // It may be gone by now, or end in a line that is being written.
        let text = fs::read_to_string(&path).unwrap_or_default();
        let entries: Vec<Entry> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let place = entries.iter().find_map(Entry::place);
        if place.is_some() && place == own.entries().find_map(Entry::place) {
            found.extend(entries);
        }
    }
    Ok(found)
}

/// Waits until no other process chooses what must be this interface's alone, such as a table, and keeps others
/// waiting until it is dropped. No hook may run meanwhile: it may bring up another interface.
pub(super) fn choose_alone(directory: &Path) -> io::Result<Flock<File>> {
    Flock::lock(File::open(directory)?, FlockArg::LockExclusive).map_err(|(_, errno)| errno.into())
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    options
}

fn is_at(path: &Path, file: &File) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn open(folder: &tempfile::TempDir) -> Result<Journal, JournalError> {
        Journal::open(&folder.path().join("adit"), &"wg0".parse().unwrap())
    }

    fn begun() -> Entry {
        let place = Place::here().unwrap();
        Entry::Begun(Begun { place, pre_down: vec!["echo \"a\nb\"".into()], post_down: Vec::new() })
    }

    #[test]
    fn what_was_pushed_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let entries = [begun(), Entry::Undo(Undo::Interface), Entry::Made(7), Entry::Up];
        let mut journal = open(&folder).unwrap();
        for entry in &entries {
            journal.push(entry.clone()).unwrap();
        }
        let path = journal.path().to_owned();
        drop(journal);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);

        let mut journal = open(&folder).unwrap();
        assert!(journal.entries().eq(&entries));
        assert!(journal.is_up() && journal.made() == Some(7));
        journal.truncate(2).unwrap();
        journal.push(Entry::Made(8)).unwrap();
        drop(journal);
        let journal = open(&folder).unwrap();
        assert!(journal.entries().eq(&[begun(), Entry::Undo(Undo::Interface), Entry::Made(8)]));
    }

    #[test]
    fn a_line_cut_off_is_no_step() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(&folder).unwrap();
        journal.push(begun()).unwrap();
        let path = journal.path().to_owned();
        drop(journal);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"undo\":\"interf").unwrap();

        let mut journal = open(&folder).unwrap();
        assert!(journal.entries().eq(&[begun()]));
        journal.push(Entry::Made(1)).unwrap();
        drop(journal);
        assert!(open(&folder).unwrap().entries().eq(&[begun(), Entry::Made(1)]));
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(&folder).unwrap();
        journal.push(begun()).unwrap();
        let refused = open(&folder).unwrap_err();
        assert!(matches!(refused, JournalError::Busy { .. }), "{refused}");
        drop(journal);
        open(&folder).unwrap();
    }

    #[test]
    fn an_empty_one_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(&folder).unwrap();
        let path = journal.path().to_owned();
        assert!(path.exists());
        journal.push(begun()).unwrap();
        journal.truncate(0).unwrap();
        drop(journal);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_done_is_not_to_be_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(&folder).unwrap();
        let entries = [
            begun(),
            Entry::Undo(Undo::Interface),
            Entry::Made(7),
            Entry::Undo(Undo::SrcValidMark),
            Entry::Up,
        ];
        for entry in entries {
            journal.push(entry).unwrap();
        }
        assert!(journal.is_up());
        journal.begin_down().unwrap();
        assert!(!journal.is_up());
        assert_eq!(journal.undos(), [(1, Undo::Interface), (3, Undo::SrcValidMark)]);
        journal.push(Entry::Done(1)).unwrap();
        drop(journal);
        let journal = open(&folder).unwrap();
        assert_eq!((journal.undos(), journal.made()), (vec![(3, Undo::SrcValidMark)], Some(7)));
    }

    #[test]
    fn a_journal_of_another_place_is_kept_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let (interface, here) = ("wg0".parse().unwrap(), Place::here().unwrap());
        let elsewhere = Place { netns: (0, 0), ..here.clone() };
        let mut journal = open(&folder).unwrap();
        journal.push(begun()).unwrap();
        journal.set_aside(&interface).unwrap();
        assert!(journal.begun().is_none());
        journal.take_up(&interface, &elsewhere).unwrap();
        assert!(journal.begun().is_none());
        journal.take_up(&interface, &here).unwrap();
        assert!(journal.entries().eq(&[begun()]));
        let path = journal.path().to_owned();
        drop(journal);
        assert!(path.exists());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_foreign_line_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = open(&folder).unwrap().path().to_owned();
        fs::write(&path, "{\"later\":1}\n").unwrap();
        let refused = open(&folder).unwrap_err();
        assert!(matches!(refused, JournalError::Foreign { .. }), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"later\":1}\n");
    }

    #[test]
    fn others_of_the_same_place_are_read_without_a_lock() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path();
        let open = |interface: &str, place: Place, index| {
            let mut journal = Journal::open(directory, &interface.parse().unwrap()).unwrap();
            let begun = Begun { place, pre_down: Vec::new(), post_down: Vec::new() };
            journal.push(Entry::Begun(begun)).unwrap();
            journal.push(Entry::Made(index)).unwrap();
            journal
        };
        let own = open("wg0", Place::here().unwrap(), 4);
        let _other = open("wg1", Place::here().unwrap(), 3);
        let _elsewhere = open("wg2", Place { netns: (0, 0), ..Place::here().unwrap() }, 2);
        let found = others(directory, &own).unwrap();
        assert!(found.contains(&Entry::Made(3)));
        assert!(!found.contains(&Entry::Made(4)) && !found.contains(&Entry::Made(2)));
    }
}
