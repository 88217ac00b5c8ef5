//! The names of the language: its sections and its keys, where each belongs, and what its value is. Reading
//! values is done elsewhere.

use core::fmt;

use Attribute::*;

/// A section of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `[Interface]`.
    Interface,
    /// `[Peer]`, with its number in the text, counted from 1.
    Peer(usize),
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface => f.write_str("[Interface]"),
            Self::Peer(number) => write!(f, "[Peer] {number}"),
        }
    }
}

/// A key of a configuration, named as it is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "Config's fields say what each of them is for")]
pub enum Attribute {
    PrivateKey,
    ListenPort,
    FwMark,
    Address,
    Dns,
    Mtu,
    Table,
    PreUp,
    PostUp,
    PreDown,
    PostDown,
    SaveConfig,
    IncludedApplications,
    ExcludedApplications,
    PublicKey,
    PresharedKey,
    AllowedIps,
    Endpoint,
    PersistentKeepalive,
}

impl Attribute {
    /// Every key, `[Interface]`'s first, in the order in which they are written.
    pub const ALL: [Self; 19] = [
        PrivateKey,
        ListenPort,
        FwMark,
        Address,
        Dns,
        Mtu,
        Table,
        PreUp,
        PostUp,
        PreDown,
        PostDown,
        SaveConfig,
        IncludedApplications,
        ExcludedApplications,
        PublicKey,
        PresharedKey,
        AllowedIps,
        Endpoint,
        PersistentKeepalive,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            PrivateKey => "PrivateKey",
            ListenPort => "ListenPort",
            FwMark => "FwMark",
            Address => "Address",
            Dns => "DNS",
            Mtu => "MTU",
            Table => "Table",
            PreUp => "PreUp",
            PostUp => "PostUp",
            PreDown => "PreDown",
            PostDown => "PostDown",
            SaveConfig => "SaveConfig",
            IncludedApplications => "IncludedApplications",
            ExcludedApplications => "ExcludedApplications",
            PublicKey => "PublicKey",
            PresharedKey => "PresharedKey",
            AllowedIps => "AllowedIPs",
            Endpoint => "Endpoint",
            PersistentKeepalive => "PersistentKeepalive",
        }
    }

    /// What its value is, for a sentence: "must be ...".
    pub const fn expected(self) -> &'static str {
        match self {
            PrivateKey | PublicKey | PresharedKey => "44 characters of base64, ending in `=`",
            ListenPort => "a port from 0 to 65535",
            FwMark => "`off` or a number up to 0xffffffff",
            Address => "IP addresses, as in 10.0.0.2/24",
            Dns => "IP addresses and search domains",
            Mtu => "a number of octets up to 65535",
            Table => "`off`, `auto` or the number of a table",
            PreUp | PostUp | PreDown | PostDown => "a command, in UTF-8",
            SaveConfig => "`true` or `false`",
            IncludedApplications | ExcludedApplications => "package names with commas between them",
            AllowedIps => "networks with commas between them, as in 10.0.0.0/8, fd00::/8",
            Endpoint => "address:port, [IPv6]:port or name:port",
            PersistentKeepalive => "`off` or a number of seconds up to 65535",
        }
    }

    /// Whether this section may have it.
    pub const fn belongs_to(self, section: Section) -> bool {
        let is_peers = matches!(self, PublicKey | PresharedKey | AllowedIps | Endpoint | PersistentKeepalive);
        is_peers == matches!(section, Section::Peer(_))
    }

    /// Whether its value must never be shown.
    pub const fn is_secret(self) -> bool {
        matches!(self, PrivateKey | PresharedKey)
    }

    /// Whether its value is a command of the shell.
    pub const fn is_hook(self) -> bool {
        matches!(self, PreUp | PostUp | PreDown | PostDown)
    }

    /// Whether `wg` itself reads it: a setting of the daemon, and not of the machine around it.
    pub const fn is_wg(self) -> bool {
        matches!(self, PrivateKey | ListenPort | FwMark) || self.belongs_to(Section::Peer(1))
    }

    /// Whether every space in its line is ignored, within key and value too: `wg` does so; `wg-quick` and the
    /// apps, which read the other keys, do not.
    pub(super) const fn ignores_spaces(self) -> bool {
        self.is_wg()
    }

    /// The key of this name, without regard to case.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name().eq_ignore_ascii_case(name))
    }

    /// The key that was probably meant: at most a third of its letters are wrong, missing or too many.
    pub fn nearest(name: &str) -> Option<Self> {
        let (distance, key) = Self::ALL
            .into_iter()
            .map(|key| (edit_distance(name, key.name()), key))
            .min_by_key(|(d, _)| *d)?;
        (distance <= key.name().len() / 3).then_some(key)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many letters must be changed, added or left out to make one name of the other (Levenshtein), without
/// regard to case. `known` has at most [`LONGEST`] letters.
fn edit_distance(name: &str, known: &str) -> usize {
    let mut row: [usize; LONGEST + 1] = core::array::from_fn(|column| column);
    for (index, letter) in name.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in known.bytes().enumerate() {
            let replaced = diagonal + usize::from(!letter.eq_ignore_ascii_case(&other));
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[known.len()]
}

/// Letters in the longest key's name.
const LONGEST: usize = IncludedApplications.name().len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_by_its_name_in_any_case() {
        for key in Attribute::ALL {
            assert_eq!(Attribute::find(&key.name().to_uppercase()), Some(key));
            assert!(key.name().len() <= LONGEST);
        }
    }

    #[test]
    fn a_slip_of_the_pen_finds_the_key_that_was_meant() {
        for (slip, meant) in [
            ("PubliKey", PublicKey),
            ("AllowedIP", AllowedIps),
            ("adress", Address),
            ("PersistentKeepAlives", PersistentKeepalive),
            ("Endpoints", Endpoint),
            ("DNS1", Dns),
        ] {
            assert_eq!(Attribute::nearest(slip), Some(meant), "{slip}");
        }
        assert_eq!(Attribute::nearest("Colour"), None);
    }
}
