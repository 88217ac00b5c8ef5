//! Configurations out of a seed: most of them say what people say, in every odd spelling that the tools take; others
//! are spoiled in one place or two. Nothing here knows which of them are accepted.

mod spell;

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

const FWMARKS: [&str; 8] = ["off", "0", "51820", "0xca6c", "OFF", "010", "0xFFFFFFFF", "4294967295"];

const MTUS: [&str; 12] =
    ["1420", "1380", "1280", "1500", "9000", "65535", "", "0x5dc", "02600", "576", "68", "0"];

const TABLES: [&str; 10] = ["off", "auto", "51820", "main", "123", "0x10", "010", "", "default", "Auto"];

/// Hooks that change nothing.
const COMMANDS: [&str; 7] = ["true", ":", "echo x # y", "echo %i", "test %i = %i", "echo a=b", ""];

const ENDPOINTS: [&str; 17] = [
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
];

const NETWORKS: [&str; 15] = [
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

/// A key with its value; without one it is all that the line says.
#[derive(Clone)]
struct Line {
    key: String,
    value: Option<String>,
}

impl Line {
    fn new(key: &str, value: String) -> Self {
        Self { key: key.into(), value: Some(value) }
    }
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
        if !self.one_in(10) {
            lines.push(Line::new("PrivateKey", self.key(30)));
        }
        if self.one_in(2) {
            lines.push(Line::new("ListenPort", self.listen_port()));
        }
        self.maybe(&mut lines, 5, "FwMark", &FWMARKS);
        for _ in 0..self.rng.usize(0..=2) {
            lines.push(Line::new("Address", self.addresses()));
        }
        if self.one_in(6) {
            lines.push(Line::new("DNS", self.dns()));
        }
        self.maybe(&mut lines, 5, "MTU", &MTUS);
        self.maybe(&mut lines, 5, "Table", &TABLES);
        self.maybe(&mut lines, 8, "SaveConfig", &["true", "false", "True", "FALSE"]);
        for key in ["PreUp", "PostUp", "PreDown", "PostDown"] {
            self.maybe(&mut lines, 6, key, &COMMANDS);
        }
        if self.one_in(40) {
            let key = self.pick(&["PreUp", "PostUp"]);
            lines.push(Line::new(key, self.pick(&["false", "exit 3", "no-such-program-adit"]).into()));
        }
        if self.one_in(25) {
            let key = self.pick(&["IncludedApplications", "ExcludedApplications"]);
            lines.push(Line::new(key, "org.example.app".into()));
        }
        if self.one_in(3) {
            self.rng.shuffle(&mut lines);
        }
        Section { header: "[Interface]".into(), lines }
    }

    fn peer(&mut self) -> Section {
        let mut lines = Vec::new();
        if !self.one_in(60) {
            lines.push(Line::new("PublicKey", self.pick(&KEYS).into()));
        }
        if self.one_in(4) {
            lines.push(Line::new("PresharedKey", self.key(8)));
        }
        for _ in 0..self.rng.usize(0..=2) {
            lines.push(Line::new("AllowedIPs", self.allowed_ips()));
        }
        self.maybe(&mut lines, 2, "Endpoint", &ENDPOINTS);
        self.maybe(&mut lines, 3, "PersistentKeepalive", &["25", "off", "0", "65535", "OFF", "025", "1"]);
        if self.one_in(3) {
            self.rng.shuffle(&mut lines);
        }
        Section { header: "[Peer]".into(), lines }
    }

    /// One time in so many, a line with one of these values.
    fn maybe(&mut self, lines: &mut Vec<Line>, chances: usize, key: &str, values: &[&str]) {
        if self.one_in(chances) {
            lines.push(Line::new(key, self.pick(values).into()));
        }
    }

    /// A key; one time in so many, the one that is none.
    fn key(&mut self, chances: usize) -> String {
        if self.one_in(chances) { ZEROS.into() } else { self.pick(&KEYS).into() }
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
        let default = ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1"];
        let mut text = self.list(&NETWORKS, &[", ", ",", " , "], 4);
        if self.one_in(6) {
            text = self.list(&default, &[", ", ","], 2);
        }
        if self.one_in(8) {
            let prefix = self.pick(&["+", "-", "+ "]);
            text = format!("{prefix}{text}");
        }
        text
    }

    fn list(&mut self, choices: &[&str], separators: &[&str], most: usize) -> String {
        let mut text = self.pick(choices).to_owned();
        for _ in 1..self.rng.usize(1..=most) {
            text += self.pick(separators);
            text += self.pick(choices);
        }
        text
    }
}
