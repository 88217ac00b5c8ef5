//! Configurations out of a seed: most of them say what people say, in every odd spelling that the tools take; others
//! are spoiled in one place or two. Nothing here knows which of them are accepted.

use fastrand::Rng;

/// Keys of every kind: a public key and a preshared key may be any 32 octets but zeros.
const KEYS: [&str; 6] = [
    "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=",
    "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
    "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=",
    "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA=",
    "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=",
    "/UwcSPg38hW/D9Y3tcS1FOV0K1wuURMbS0sesJEP5ak=",
];

const ZEROS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

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

/// A key with its value; without one it is all that the line says.
#[derive(Clone)]
struct Line {
    key: String,
    value: Option<String>,
}

#[derive(Clone)]
struct Section {
    header: String,
    lines: Vec<Line>,
}

/// The configuration of this number, whose port is unlike its neighbours'.
pub(super) fn configuration(seed: u64, number: u64) -> String {
    let mut rng = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number));
    let mut generator = Generator { rng: &mut rng, port: 20_000 + number % 10_000, addresses: 0 };
    let mut sections = generator.sections();
    if generator.one_in(4) {
        for _ in 0..generator.rng.usize(1..=2) {
            generator.spoil(&mut sections);
        }
    }
    let text = generator.spell(&sections);
    if generator.one_in(9) { generator.slip(&text) } else { text }
}

struct Generator<'r> {
    rng: &'r mut Rng,
    port: u64,
    /// How many were said.
    addresses: u8,
}

impl Generator<'_> {
    fn one_in(&mut self, chances: usize) -> bool {
        self.rng.usize(..chances) == 0
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.rng.usize(..choices.len())]
    }

    fn sections(&mut self) -> Vec<Section> {
        let mut sections = vec![self.interface()];
        for _ in 0..self.rng.usize(0..=3) {
            sections.push(self.peer());
        }
        if self.one_in(12) {
            let place = self.rng.usize(0..=sections.len());
            let more = self.interface();
            sections.insert(place, more);
        }
        if self.one_in(15) {
            self.rng.shuffle(&mut sections);
        }
        sections
    }

    fn interface(&mut self) -> Section {
        let mut lines = Vec::new();
        let mut say = |key: &str, value: String| lines.push(Line { key: key.into(), value: Some(value) });
        if !self.one_in(10) {
            say("PrivateKey", if self.one_in(30) { ZEROS.into() } else { self.pick(&KEYS).into() });
        }
        if self.one_in(2) {
            say("ListenPort", self.listen_port());
        }
        if self.one_in(5) {
            say(
                "FwMark",
                self.pick(&["off", "0", "51820", "0xca6c", "OFF", "010", "0xFFFFFFFF", "4294967295"]).into(),
            );
        }
        for _ in 0..self.rng.usize(0..=2) {
            say("Address", self.addresses());
        }
        if self.one_in(6) {
            say("DNS", self.dns());
        }
        if self.one_in(5) {
            say(
                "MTU",
                self.pick(&[
                    "1420", "1380", "1280", "1500", "9000", "65535", "", "0x5dc", "02600", "576", "68", "0",
                ])
                .into(),
            );
        }
        if self.one_in(5) {
            say(
                "Table",
                self.pick(&["off", "auto", "51820", "main", "123", "0x10", "010", "", "default", "Auto"])
                    .into(),
            );
        }
        if self.one_in(8) {
            say("SaveConfig", self.pick(&["true", "false", "True", "FALSE"]).into());
        }
        for key in ["PreUp", "PostUp", "PreDown", "PostDown"] {
            if self.one_in(6) {
                say(
                    key,
                    self.pick(&["true", ":", "echo x # y", "echo %i", "test %i = %i", "echo a=b", ""]).into(),
                );
            }
        }
        if self.one_in(40) {
            say(
                self.pick(&["PreUp", "PostUp"]),
                self.pick(&["false", "exit 3", "no-such-program-adit"]).into(),
            );
        }
        if self.one_in(25) {
            say(self.pick(&["IncludedApplications", "ExcludedApplications"]), "org.example.app".into());
        }
        if self.one_in(3) {
            self.rng.shuffle(&mut lines);
        }
        Section { header: "[Interface]".into(), lines }
    }

    fn peer(&mut self) -> Section {
        let mut lines = Vec::new();
        let mut say = |key: &str, value: String| lines.push(Line { key: key.into(), value: Some(value) });
        if !self.one_in(60) {
            say("PublicKey", self.pick(&KEYS).into());
        }
        if self.one_in(4) {
            say("PresharedKey", if self.one_in(8) { ZEROS.into() } else { self.pick(&KEYS).into() });
        }
        for _ in 0..self.rng.usize(0..=2) {
            say("AllowedIPs", self.allowed_ips());
        }
        if self.one_in(2) {
            say("Endpoint", self.endpoint());
        }
        if self.one_in(3) {
            say("PersistentKeepalive", self.pick(&["25", "off", "0", "65535", "OFF", "025", "1"]).into());
        }
        if self.one_in(3) {
            self.rng.shuffle(&mut lines);
        }
        Section { header: "[Peer]".into(), lines }
    }

    fn listen_port(&mut self) -> String {
        let port = self.port;
        match self.rng.u8(..12) {
            0 => "0".into(),
            1 => format!("0{port}"),
            2 => format!("+{port}"),
            3 => format!("{} {:03}", port / 1000, port % 1000),
            4 => self.pick(&["65536", "domain", "131073", "http"]).into(),
            _ => port.to_string(),
        }
    }

    /// One or more in a line. Each is said once, for no interface has an address twice, apart from slips.
    fn addresses(&mut self) -> String {
        let mut text = self.address();
        for _ in 1..self.rng.usize(1..=3) {
            text += self.pick(&[", ", ",", " ", ",,", " , "]);
            text += &self.address();
        }
        text
    }

    fn address(&mut self) -> String {
        if self.one_in(40) {
            return "10.0.0.1/24".into();
        }
        self.addresses += 1;
        let number = self.addresses;
        match self.rng.u8(..10) {
            0 => format!("10.{number}.0.1"),
            1 => format!("10.{number}.0.1/32"),
            2 => format!("192.168.{number}.1/255.255.255.0"),
            3 => format!("10.{number}.1/24"),
            4 => format!("fd00:{number}::1"),
            5 => format!("FD00:{number}::1/128"),
            6 => format!("fd00:{number}::10.0.0.1/96"),
            7 => format!("fd00:{number}::1/64"),
            _ => format!("10.{number}.0.1/24"),
        }
    }

    fn dns(&mut self) -> String {
        let servers =
            ["1.1.1.1", "10.0.0.53", "2606:4700:4700::1111", "corp.example", "lan", "1.2.3", "fe80::1%eth0"];
        // The last two are known to be taken otherwise, and rare.
        let usual = if self.one_in(10) { servers.len() } else { servers.len() - 2 };
        self.list(&servers[..usual], &[", ", ",", " "], 3)
    }

    fn allowed_ips(&mut self) -> String {
        if self.one_in(25) {
            return String::new();
        }
        let networks = [
            "10.0.0.0/8",
            "10.0.0.7/8",
            "10.9.0.0/16",
            "10.9.8.0/24",
            "192.0.2.77",
            "192.168.0.0 / 16",
            "172.16.0.0/0012",
            "fd00::/64",
            "fd00:9::/48",
            "fd00:9::7",
            "2001:db8::/32",
            "2001:DB8:1::/48",
            "::ffff:10.7.0.0/112",
            "100.64.0.0/10",
            "1:2:3:4:5:6:7:8/128",
        ];
        let default = ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1"];
        let mut text = self.list(&networks, &[", ", ",", " , "], 4);
        if self.one_in(6) {
            text = self.list(&default, &[", ", ","], 2);
        }
        if self.one_in(8) {
            let prefix = self.pick(&["+", "-", "+ "]);
            text = format!("{prefix}{text}");
        }
        text
    }

    fn endpoint(&mut self) -> String {
        self.pick(&[
            "192.0.2.1:51820",
            "192.0.2.1:0",
            "192.0.2.1 : 7",
            "[2001:db8::1]:51820",
            "2001:db8::1:51820",
            "[192.0.2.1]:51820",
            "[fe80::1%lo]:51820",
            "[fe80::1%1]:51820",
            "[FE80::1%lo]:00051820",
            "localhost:51820",
            "[localhost]:7",
            "127.1:51820",
            "0x7f000001:7",
            "2130706433:7",
            "127.0.0.1:+7",
            "192.0.2.1:65535",
            "[::ffff:192.0.2.1]:7",
        ])
        .into()
    }

    fn list(&mut self, choices: &[&str], separators: &[&str], most: usize) -> String {
        let mut text = self.pick(choices).to_owned();
        for _ in 1..self.rng.usize(1..=most) {
            text += self.pick(separators);
            text += self.pick(choices);
        }
        text
    }

    /// Spoils one place of the sections.
    fn spoil(&mut self, sections: &mut Vec<Section>) {
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
    fn spell(&mut self, sections: &[Section]) -> String {
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
    fn slip(&mut self, text: &str) -> String {
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
