//! QR codes between `adit` and others: zbarimg reads what `adit qr` draws, and `adit import` reads what qrencode
//! draws.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::Case;
use crate::lab::command::{Ended, bounded, feed, finish};
use crate::lab::needs::{Need, adit};

const ZBAR: Need = Need::Program("zbarimg");
const QRENCODE: Need = Need::Program("qrencode");
const RSVG: Need = Need::Program("rsvg-convert");

pub(crate) const CASES: &[Case] = &[
    Case { name: "zbarimg_reads_our_png", needs: &[ZBAR], run: zbarimg_reads_our_png },
    Case { name: "zbarimg_reads_our_svg", needs: &[ZBAR, RSVG], run: zbarimg_reads_our_svg },
    Case { name: "zbarimg_reads_our_terminal", needs: &[ZBAR], run: zbarimg_reads_our_terminal },
    Case { name: "we_read_qrencode_in_every_size", needs: &[QRENCODE], run: we_read_qrencode_in_every_size },
    Case {
        name: "we_read_qrencode_in_odd_colours",
        needs: &[QRENCODE],
        run: we_read_qrencode_in_odd_colours,
    },
    Case {
        name: "we_read_the_line_ends_of_windows",
        needs: &[QRENCODE],
        run: we_read_the_line_ends_of_windows,
    },
    Case { name: "a_code_of_something_else_is_refused", needs: &[QRENCODE], run: something_else_is_refused },
    Case { name: "qr_and_import_undo_each_other", needs: &[], run: qr_and_import_undo_each_other },
];

/// As `adit` itself would write it.
const CLIENT: &str = "\
[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
Address = 10.113.0.4/16
DNS = 10.113.0.1, b\u{fc}ro.example

[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 10.113.0.0/16, 10.123.45.0/24, 1234:4567:89ab::/48
Endpoint = server.example:51820
PersistentKeepalive = 25
";

/// A client of as many peers, as a larger code has them.
fn client(peers: usize) -> String {
    let (interface, peer) = CLIENT.split_once("\n[Peer]\n").expect("it has a peer");
    let peer =
        |number: usize| format!("\n[Peer]\n{}", peer.replace("10.123.45", &format!("10.123.{number}")));
    interface.to_owned() + &(0..peers).map(peer).collect::<String>()
}

fn run_adit(arguments: &[&str]) -> Ended {
    finish(bounded().arg(adit()).args(arguments))
}

/// Gives a path in a folder as text.
fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).into_os_string().into_string().expect("temporary folders have plain names")
}

/// Draws a configuration into a file of its own.
fn draw(folder: &TempDir, text: &str, name: &str) -> String {
    let (conf, picture) = (path(folder, &format!("{name}.conf")), path(folder, name));
    fs::write(&conf, text).unwrap();
    run_adit(&["qr", &conf, "-o", &picture]).success();
    picture
}

/// The text that zbarimg finds in a picture.
#[track_caller]
fn zbarimg(picture: &str) -> String {
    let mut command = bounded();
    command.args([
        "zbarimg",
        "--quiet",
        "--nodbus",
        "--raw",
        "-Sbinary",
        "-Sdisable",
        "-Sqrcode.enable",
        picture,
    ]);
    finish(&mut command).success()
}

/// Makes qrencode draw a text.
fn qrencode(folder: &TempDir, text: &str, options: &[&str]) -> String {
    let picture = path(folder, "theirs.png");
    feed(&[&["qrencode", "-o", &picture], options].concat(), text).success();
    picture
}

fn zbarimg_reads_our_png() {
    let folder = TempDir::new().unwrap();
    for peers in [1, 3, 8] {
        let text = client(peers);
        assert_eq!(zbarimg(&draw(&folder, &text, &format!("{peers}.png"))), text, "{peers} peers");
    }
}

fn zbarimg_reads_our_svg() {
    let folder = TempDir::new().unwrap();
    let drawn = draw(&folder, &client(2), "ours.svg");
    let pixels = path(&folder, "pixels.png");
    finish(bounded().args(["rsvg-convert", "--output", &pixels, &drawn])).success();
    assert_eq!(zbarimg(&pixels), client(2));
}

fn zbarimg_reads_our_terminal() {
    let folder = TempDir::new().unwrap();
    let conf = path(&folder, "wg0.conf");
    fs::write(&conf, client(2)).unwrap();
    let drawn = run_adit(&["qr", &conf]).success();
    let picture = path(&folder, "terminal.pgm");
    photograph(&drawn, Path::new(&picture));
    assert_eq!(zbarimg(&picture), client(2));
}

/// What a camera sees of half blocks, white on black: a PGM of four pixels a module.
fn photograph(drawn: &str, picture: &Path) {
    const SCALE: usize = 4;
    let rows: Vec<Vec<u8>> = drawn
        .lines()
        .flat_map(|line| {
            let blocks: Vec<char> = line.chars().filter(|letter| "█▀▄ ".contains(*letter)).collect();
            ["█▀", "█▄"].map(|light| {
                let brightness = |block: &char| 255 * u8::from(light.contains(*block));
                blocks.iter().flat_map(|block| [brightness(block); SCALE]).collect()
            })
        })
        .collect();
    let mut octets = format!("P5 {} {} 255\n", rows[0].len(), rows.len() * SCALE).into_bytes();
    for row in rows {
        octets.extend(row.repeat(SCALE));
    }
    fs::write(picture, octets).unwrap();
}

fn we_read_qrencode_in_every_size() {
    let folder = TempDir::new().unwrap();
    for peers in [1, 5] {
        for size in ["1", "2", "3", "8"] {
            for level in ["L", "M", "Q", "H"] {
                let picture = qrencode(&folder, &client(peers), &["-s", size, "-l", level]);
                let imported = run_adit(&["import", &picture]).success();
                assert_eq!(imported, client(peers), "{peers} peers, {size} pixels a module, level {level}");
            }
        }
    }
}

fn we_read_qrencode_in_odd_colours() {
    let folder = TempDir::new().unwrap();
    for colours in [
        ["--foreground=FFFFFF", "--background=000000"],
        ["--foreground=000000", "--background=FFFFFF00"],
        ["--foreground=1B3A6B", "--background=F2D9A0"],
    ] {
        let picture = qrencode(&folder, CLIENT, &colours);
        assert_eq!(run_adit(&["import", &picture]).success(), CLIENT, "{colours:?}");
    }
}

fn we_read_the_line_ends_of_windows() {
    let folder = TempDir::new().unwrap();
    let picture = qrencode(&folder, &CLIENT.replace('\n', "\r\n"), &[]);
    assert_eq!(run_adit(&["import", &picture]).success(), CLIENT);
}

fn something_else_is_refused() {
    let folder = TempDir::new().unwrap();
    let key = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
    for text in ["https://example.com/", "[Interface]\nListenPort = x\n", key, &format!("PrivateKey = {key}")]
    {
        let said = run_adit(&["import", &qrencode(&folder, text, &[])]).failure();
        assert!(
            said.starts_with("adit: the QR code in ") && said.contains(" is no configuration: line "),
            "{said}"
        );
        assert!(!said.contains(&key[..10]), "{said}");
    }
}

fn qr_and_import_undo_each_other() {
    let folder = TempDir::new().unwrap();
    let drawn = draw(&folder, &client(4), "ours.png");
    let conf = path(&folder, "imported.conf");
    assert_eq!(run_adit(&["import", &drawn, "-o", &conf]).success(), "");
    assert_eq!(fs::read_to_string(&conf).unwrap(), client(4));
}
