//! `adit check` on faulty configurations: what a user reads, one snapshot each. After a change that is meant, run
//! them with INSTA_UPDATE=always and read every snapshot that differs, as a user would.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PRIVATE: &str = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
/// Of the private key.
const OWN: &str = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=";
const FOO: &str = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
const BAR: &str = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";

/// A text with short names for keys.
fn text(short: &str) -> String {
    let names = [
        ("<private>", PRIVATE),
        ("<own>", OWN),
        ("<foo>", FOO),
        ("<bar>", BAR),
        ("<first-half>", &PRIVATE[..22]),
        ("<second-half>", &PRIVATE[22..]),
    ];
    names.iter().fold(short.to_owned(), |text, (name, key)| text.replace(name, key))
}

fn check(conf: &str, input: &[u8], variables: &[(&str, &str)]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_adit"))
        .args(["check", conf])
        .env("LC_ALL", "C.UTF-8")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// All that a user gets, with the exit status.
fn said(output: &Output) -> String {
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    let mut said = text(&output.stdout);
    for line in text(&output.stderr).lines() {
        said += &format!("stderr: {line}\n");
    }
    said + &format!("exit: {}\n", output.status.code().unwrap())
}

#[track_caller]
fn assert_hides_the_key(said: &str) {
    const PIECE: usize = 10;
    for start in 0..=PRIVATE.len() - PIECE {
        assert!(!said.contains(&PRIVATE[start..start + PIECE]), "{said}");
    }
    assert!(!said.contains('\x1b'), "no control character comes through: {said:?}");
}

fn assert_report(name: &str, input: &[u8]) {
    let said = said(&check("-", input, &[]));
    assert_hides_the_key(&said);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, said);
    });
}

/// A test for each text, named like its snapshot.
macro_rules! reports {
    ($($name:ident: $text:expr;)*) => {
        $(
            #[test]
            fn $name() {
                assert_report(stringify!($name), text($text).as_bytes());
            }
        )*
        const TEXTS: &[&str] = &[$(stringify!($name)),*];
    };
}

/// The same for octets that are no string.
macro_rules! reports_of_octets {
    ($($name:ident: $octets:expr;)*) => {
        $(
            #[test]
            fn $name() {
                assert_report(stringify!($name), $octets.as_ref());
            }
        )*
        const OCTETS: &[&str] = &[$(stringify!($name)),*];
    };
}

reports! {
    // Keys.
    key_of_43_characters: "[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk\nListenPort = 51820\n";
    key_with_a_wrong_letter: "[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq-hd2rYUIgJBgB3fBmk=\n";
    key_in_quotation_marks: "[Interface]\nPrivateKey = \"<private>\"\n";
    key_that_is_missing: "[Interface]\nPrivateKey =\nListenPort = 51820\n";
    key_with_a_colon: "[Interface]\nPrivateKey: <private>\n";
    key_without_an_equals_sign: "[Interface]\nPrivateKey <private>\n";
    key_with_a_misspelt_name: "[Interface]\nPrivatKey = <private>\nListenPort = 51820\n";
    key_under_an_unknown_name: "[Interface]\nSecret = <private>\n";
    key_broken_over_two_lines: "[Interface]\nPrivateKey = <first-half>\n<second-half>\nListenPort = 51820\n";
    key_in_a_comment_beside_a_fault: "[Interface]\n# PrivateKey = <private>\nListenPort = port\n# old: <private>\n";
    key_of_another_key: "[Interface]\nListenPort = <private>\nAddress = 10.0.0.1, <private>\n";
    key_in_a_header: "[<private>]\n";
    preshared_key_that_is_short: "[Peer]\nPublicKey = <foo>\nPresharedKey = <first-half>\nAllowedIPs = 10.0.0.2\n";
    public_key_that_is_short: "[Peer]\n# client foo\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8D=\n";
    public_key_of_a_second_peer_is_missing: "[Interface]\nPrivateKey = <private>\nListenPort = 51820\n\n[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.2/32\n\n[Peer]\n# client bar\nAllowedIPs = 10.0.0.3/32\n";

    // Numbers and values.
    port_too_large: "[Interface]\nListenPort = 70000\n";
    port_by_name: "[Interface]\nListenPort = wireguard\n";
    port_that_is_missing: "[Interface]\nListenPort = # 51820\n";
    fwmark_that_is_no_number: "[Interface]\nFwMark = 0xzz\n";
    mtu_with_a_unit: "[Interface]\nMTU = 1420 bytes\n";
    table_by_an_unknown_name: "[Interface]\nTable = vpn\n";
    save_config_yes: "[Interface]\nSaveConfig = yes\n";
    address_with_too_long_a_prefix: "[Interface]\nAddress = 10.0.0.1/24, fd00::1/129\n";
    address_by_name: "[Interface]\nAddress = server.example\n";
    dns_that_is_cut: "[Interface]\nDNS = 9.9.9.9, 1.1.1\n";
    applications_without_commas: "[Interface]\nExcludedApplications = org.example.a org.example.b\n";
    applications_of_both_kinds: "[Interface]\nIncludedApplications = org.example.a\nExcludedApplications = org.example.b\n";
    allowed_ips_with_too_long_a_prefix: "[Peer]\nPublicKey = <foo>\nAllowedIPs = ::/0, 10.0.0.0/33\n";
    allowed_ips_without_commas: "[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.0/8 fd00::/8\n";
    allowed_ips_with_a_comma_too_many: "[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.0/8,\n";
    allowed_ips_with_a_netmask: "[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.0/255.0.0.0\n";
    allowed_ips_by_name: "[Peer]\nPublicKey = <foo>\nAllowedIPs = server.example\n";
    endpoint_without_a_port: "[Peer]\nPublicKey = <foo>\nEndpoint = vpn.example.com\n";
    endpoint_with_a_port_too_large: "[Peer]\nPublicKey = <foo>\nEndpoint = vpn.example.com:518200\n";
    endpoint_that_is_a_link: "[Peer]\nPublicKey = <foo>\nEndpoint = https://vpn.example.com:51820\n";
    endpoint_with_a_bad_address: "[Peer]\nPublicKey = <foo>\nEndpoint = 192.0.2.400:51820\n";
    keepalive_with_a_unit: "[Peer]\nPublicKey = <foo>\nPersistentKeepalive = 25s\n";

    // Names, sections, syntax.
    name_misspelt: "[Interface]\nAdress = 10.0.0.1/24\n";
    name_of_the_other_section: "[Interface]\nPrivateKey = <private>\nEndpoint = vpn.example.com:51820\n";
    name_in_a_peer_that_belongs_to_the_interface: "[Peer]\nPublicKey = <foo>\nDNS = 9.9.9.9\n";
    name_unknown_in_the_interface: "[Interface]\nColour = red\n";
    name_unknown_in_a_peer: "[Peer]\nPublicKey = <foo>\nColour = red\n";
    no_section: "Address = 10.0.0.1/24\nListenPort = 51820\n[Peer]\nPublicKey = <foo>\n";
    section_misspelt: "[Interfaces]\nAddress = 10.0.0.1/24\n[Pear]\nPublicKey = <foo>\n";
    section_unknown: "[Client]\nAddress = 10.0.0.1/24\n";
    section_not_closed: "[Interface\nAddress = 10.0.0.1/24\n";
    comment_of_another_language: "[Interface]\n; the office\n// and this\n";
    prose: "hello, this is no configuration\n";
    web_page: "<!DOCTYPE html>\n<html lang=\"en\">\n<title>404</title>\n";

    // How the text is made.
    several_errors: "[Interface]\nPrivateKey = <first-half>\nListenPort = port\nAdress = 10.0.0.1/24\n\n[Peer]\nEndpoint = vpn.example.com\nAllowedIPs = 10.0.0.0/33\n";
    tabs_before_the_fault: "[Interface]\n\tAddress\t=\t10.0.0.1/24,\t10.0.0.2/33\t# ours\n";
    wide_letters_before_the_fault: "[Interface]\nDNS = \u{4e2d}\u{6587}.example, \u{dc}ber.example, 1.2.3\n";
    windows_line_ends: "[Interface]\r\nListenPort = 70000\r\nMTU = x\r\n";
    byte_order_mark: "\u{feff}[Client]\nListenPort = 51820\n";
    last_line_without_its_end: "[Interface]\nListenPort = 51820\nMTU =x";
    last_line_empty_value: "[Interface]\nSaveConfig =";
    control_characters: "[Interface]\nTable = \x1b[31mred\x1b[0m\u{202e}\nDNS = 1.2.3\x07\n";

    // Warnings.
    empty_file: "";
    only_comments: "# nothing yet\n";
    warning_no_private_key: "[Interface]\nListenPort = 51820\n";
    warning_host_bits: "[Interface]\nPrivateKey = <private>\nListenPort = 51820\n[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.1.0/24, 10.0.0.2/24\n";
    warning_same_allowed_ip: "[Interface]\nPrivateKey = <private>\nListenPort = 51820\n[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.2/32\n[Peer]\nPublicKey = <bar>\nAllowedIPs = 10.0.0.2/32\n";
    warning_own_public_key: "[Interface]\nPrivateKey = <private>\nListenPort = 51820\n[Peer]\nPublicKey = <own>\nAllowedIPs = 10.0.0.2/32\n";
    warning_same_public_key: "[Interface]\nPrivateKey = <private>\nListenPort = 51820\n[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.2/32\n[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.3/32\n";
    warning_nobody_can_begin: "[Interface]\nPrivateKey = <private>\nAddress = 10.0.0.1/24\n[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.2/32\n";
    warning_ipv6_leak: "[Interface]\nPrivateKey = <private>\nAddress = 10.0.0.2/32\nDNS = 10.0.0.1\n[Peer]\nPublicKey = <foo>\nAllowedIPs = 0.0.0.0/0\nEndpoint = vpn.example.com:51820\n";
    warning_ipv4_leak: "[Interface]\nPrivateKey = <private>\nAddress = fd00::2/128\n[Peer]\nPublicKey = <foo>\nAllowedIPs = ::/0\nEndpoint = vpn.example.com:51820\n";
    warning_dns_leak: "[Interface]\nPrivateKey = <private>\nAddress = 10.0.0.2/32\nDNS = 9.9.9.9, lan\n[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.1.0.0/16\nEndpoint = vpn.example.com:51820\n";
    warning_small_mtu: "[Interface]\nPrivateKey = <private>\nAddress = 10.0.0.2/32, fd00::2/128\nMTU = 1200\n[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.1.0.0/16\nEndpoint = vpn.example.com:51820\n";
    warning_no_keepalive: "[Interface]\nPrivateKey = <private>\nAddress = 10.0.0.2/24\n[Peer]\nPublicKey = <foo>\nAllowedIPs = 10.0.0.0/24\nEndpoint = vpn.example.com:51820\n";
    no_fault: "[Interface]\nPrivateKey = <private>\nAddress = 10.0.0.2/32\n[Peer]\nPublicKey = <foo>\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = vpn.example.com:51820\n";
}

reports_of_octets! {
    latin_1_letter_in_a_hook: b"[Interface]\nPostUp = echo Stra\xdfe\nMTU = 1280\n";
    utf_16: "\u{feff}[Interface]\r\nListenPort = 70000\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    utf_16_that_is_cut: b"\xff\xfe[\x00I\x00n";
    binary_file: b"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\xff\xfe";
    picture: b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR";
    long_line_with_the_fault_at_its_beginning: long_line("10.0.0.0/33, ", "");
    long_line_with_the_fault_within: long_line("", "10.0.0.0/33");
    long_line_with_the_fault_at_its_end: [long_line("", "").trim_ascii_end(), b", x\n"].concat();
}

/// 400 networks in one line, with something before and something amid them.
fn long_line(before: &str, amid: &str) -> Vec<u8> {
    let networks =
        |third: u8| (0..200).map(move |last| format!("10.0.{third}.{last}")).collect::<Vec<_>>().join(", ");
    let amid = if amid.is_empty() { ", ".to_owned() } else { format!(", {amid}, ") };
    let line = format!("AllowedIPs = {before}{}{amid}{}", networks(0), networks(1));
    format!("[Peer]\nPublicKey = {FOO}\n{line}\n").into_bytes()
}

#[test]
fn of_very_many_errors_the_first_are_shown() {
    let said = said(&check("-", "x\n".repeat(3000).as_bytes(), &[]));
    assert!(said.contains("stdin:100:1") && !said.contains("stdin:101:1"), "{said}");
    assert!(said.contains("stdin has 100 errors or more"), "{said}");
}

#[test]
fn of_very_many_warnings_the_first_are_shown() {
    let peer = format!("[Peer]\nPublicKey = {FOO}\nAllowedIPs = ");
    let networks: Vec<_> = (0..250).map(|third| format!("10.0.{third}.1/24")).collect();
    let input =
        text("[Interface]\nPrivateKey = <private>\nListenPort = 51820\n") + &peer + &networks.join(", ");
    let said = said(&check("-", input.as_bytes(), &[]));
    assert!(said.contains("\nand 150 more\n") && said.contains("no errors, 250 warnings"), "{said}");
}

#[test]
fn no_snapshot_is_left_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    for file in fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let case = name.strip_suffix(".snap").unwrap_or(&name);
        assert!(TEXTS.contains(&case) || OCTETS.contains(&case), "{name} belongs to no test");
    }
}

#[test]
fn a_file_that_everybody_may_open_is_told() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wg0.conf");
    fs::write(&file, text("[Interface]\nPrivateKey = <private>\nListenPort = 51820\n")).unwrap();
    let allow = |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    allow(folder.path(), 0o755);
    let conf = file.to_str().unwrap();

    allow(&file, 0o644);
    let open = said(&check(conf, b"", &[]));
    assert!(open.contains("everybody on this machine can open"), "{open}");
    assert!(open.contains(&format!("chmod 600 {conf}")), "{open}");
    assert!(open.ends_with("no errors, 1 warning\nexit: 0\n"), "{open}");

    allow(&file, 0o600);
    let closed = said(&check(conf, b"", &[]));
    assert_eq!(closed, format!("{conf}: no errors, no warnings\nexit: 0\n"));
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let said = said(&check("/nonexistent/wg0.conf", b"", &[]));
    assert!(said.starts_with("stderr: adit: there is no /nonexistent/wg0.conf"), "{said}");
    assert!(said.ends_with("exit: 1\n"), "{said}");
}

#[test]
fn a_locale_without_unicode_gets_plain_letters() {
    let said = said(&check("-", b"[Interface]\nMTU = x\n", &[("LC_ALL", "C")]));
    assert!(said.is_ascii() && said.contains("MTU = x"), "{said}");
}
