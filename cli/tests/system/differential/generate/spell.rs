//! How configurations come to be written: in every odd way that people have, and with their slips.

use super::{Generator, Line, Section, ZEROS};

/// Values that are right for some key and wrong for most.
const WRONG_VALUES: &[&str] = &[
    "",
    "0",
    "-1",
    "+1",
    "1",
    "0x10",
    "0X10",
    "010",
    "off",
    "Off",
    "auto",
    "true",
    "maybe",
    "1.5",
    "99999",
    "65535",
    "65536",
    "4294967296",
    "10.0.0.1",
    "10.0.0.0/8",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0",
    "010.0.0.0/8",
    "fd00::1",
    "fd00::/129",
    "::/0",
    "1:2:3:4:5:6:7::/64",
    ",",
    "10.0.0.0/8,",
    "192.0.2.1:51820",
    "[::1]:51820",
    "localhost:7",
    "[fe80::1%lo]:7",
    "vpn.example.com:51820",
    ":51820",
    "x",
    "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBml=",
    "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk",
    "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=",
    ZEROS,
];

const STRAY_LINES: &[&str] = &[
    "x",
    "; a comment",
    "// a comment",
    "=",
    "= 1",
    "[",
    "[]",
    "[Interface",
    "[Device]",
    "Peer]",
    "[Interface] ListenPort = 1",
    "Colour = blue",
    "AllowedIPs",
    "PublicKey",
    "Address",
];

impl Generator<'_> {
    /// Spoils one place of the sections.
    pub(super) fn spoil(&mut self, sections: &mut Vec<Section>) {
        let section = self.rng.usize(..sections.len());
        let lines = sections[section].lines.len();
        let line = if lines == 0 { 0 } else { self.rng.usize(..lines) };
        match self.rng.u8(..10) {
            0..=2 if lines != 0 => sections[section].lines[line].value = Some(self.pick(WRONG_VALUES).into()),
            3 if lines != 0 => {
                let moved = sections[section].lines.remove(line);
                let other = self.rng.usize(..sections.len());
                sections[other].lines.push(moved);
            }
            4 if lines != 0 => drop(sections[section].lines.remove(line)),
            5 if lines != 0 => {
                let twice = sections[section].lines[line].clone();
                sections[section].lines.push(twice);
            }
            6 => {
                let header =
                    self.pick(&["", "[peer", "[Peers]", "Interface]", "[ Peer ]", "[Inter face]", "[Peer]"]);
                sections[section].header = header.into();
            }
            7 if lines != 0 => {
                let value = sections[section].lines[line].value.take().unwrap_or_default();
                let half = value.chars().take(value.chars().count() / 2).collect();
                sections[section].lines[line].value = Some(half);
            }
            8 => {
                let twice = sections[section].clone();
                sections.push(twice);
            }
            _ => {
                let key = self.pick(STRAY_LINES).into();
                sections[section].lines.insert(line, Line { key, value: None });
            }
        }
    }

    /// Writes the sections in one of the ways in which people write them.
    pub(super) fn spell(&mut self, sections: &[Section]) -> String {
        let end = if self.one_in(10) { "\r\n" } else { "\n" };
        let is_odd = self.one_in(3);
        let mut text = String::new();
        if self.one_in(40) {
            text.push('\u{feff}');
        }
        for section in sections {
            text += &self.word(&section.header, is_odd);
            text += &self.tail(is_odd);
            text += end;
            for line in &section.lines {
                text += &self.line(line, is_odd);
                text += end;
            }
            text += if self.one_in(2) { end } else { "" };
        }
        if self.one_in(8) { text.trim_end().to_owned() } else { text }
    }

    fn line(&mut self, line: &Line, is_odd: bool) -> String {
        let Some(value) = &line.value else { return line.key.clone() };
        let equals = if is_odd { self.pick(&["=", " =", "= ", "  =\t", " = "]) } else { " = " };
        let indent = if is_odd { self.pick(&["", "", "\t", "  "]) } else { "" };
        let is_hook = line.key.starts_with("Pre") || line.key.starts_with("Post");
        let tail = if is_hook { String::new() } else { self.tail(is_odd) };
        format!("{indent}{}{equals}{value}{tail}", self.word(&line.key, is_odd))
    }

    /// A key or a section's name, in any case, and sometimes in pieces.
    fn word(&mut self, word: &str, is_odd: bool) -> String {
        if !is_odd {
            return word.into();
        }
        match self.rng.u8(..8) {
            0 | 1 => word.to_lowercase(),
            2 => word.to_uppercase(),
            3 => word
                .chars()
                .map(|letter| if self.rng.bool() { letter.to_ascii_uppercase() } else { letter })
                .collect(),
            4 if self.one_in(6) && word.len() > 4 => format!("{} {}", &word[..4], &word[4..]),
            _ => word.into(),
        }
    }

    /// What may follow a value.
    fn tail(&mut self, is_odd: bool) -> String {
        if is_odd {
            self.pick(&["", "", " ", "\t", " # a comment", "# = [Peer]", " \u{b}\u{c}"]).into()
        } else {
            String::new()
        }
    }

    /// A slip of the pen: one letter lost, twice, in its neighbour's place or too many.
    pub(super) fn slip(&mut self, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        if letters.len() < 2 {
            return text.into();
        }
        let place = self.rng.usize(..letters.len() - 1);
        match self.rng.u8(..5) {
            0 => drop(letters.remove(place)),
            1 => letters.insert(place, letters[place]),
            2 => letters.swap(place, place + 1),
            3 => letters.insert(
                place,
                self.pick(&["x", "1", " ", "=", "\n", "#", ",", "[", "-", ".", ":", "/", "\u{e9}"])
                    .chars()
                    .next()
                    .unwrap_or('x'),
            ),
            _ => letters.truncate(place),
        }
        letters.into_iter().collect()
    }
}
