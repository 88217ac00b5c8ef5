//! `adit qr` and `adit import`, as a shell runs them: what goes where, what is left out, and who may read it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const KEY: &str = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";

/// As `adit` itself would write it, and without a warning.
const CLIENT: &str = "\
[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
Address = 10.113.0.4/16

[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 10.113.0.0/16, 10.123.45.0/24, 1234:4567:89ab::/48
Endpoint = server.example:51820
PersistentKeepalive = 25
";

/// The same with what a phone does not take over.
fn with_commands() -> String {
    CLIENT.replace(
        "\n[Peer]",
        "# at home\nTable = 7\nFwMark = 0x10\nSaveConfig = true\nPostUp = wg set %i private-key <(echo \
         yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=)\n\n[Peer]",
    )
}

fn adit(args: &[&str], stdin: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adit"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read may have ended already.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

/// Its stdout and stderr, where nothing but success will do.
#[track_caller]
fn success(args: &[&str], stdin: &[u8]) -> (Vec<u8>, String) {
    let output = adit(args, stdin);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {said}");
    (output.stdout, said)
}

/// The one sentence that it fails with.
#[track_caller]
fn failure(args: &[&str], stdin: &[u8]) -> String {
    let output = adit(args, stdin);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
    assert!(said.starts_with("adit: ") && said.lines().count() == 1, "{args:?}: {said}");
    assert!(!said.contains(&KEY[..12]), "{args:?}: {said}");
    said
}

/// A file in a folder of its own.
struct Place(TempDir, PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(name);
        Self(folder, path)
    }

    fn path(&self) -> &str {
        self.1.to_str().unwrap()
    }

    #[track_caller]
    fn assert_private(&self) {
        assert_eq!(fs::metadata(&self.1).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_picture_is_its_owners_alone_and_reads_back() {
    let picture = Place::new("wg0.png");
    let (stdout, said) = success(&["qr", "-", "-o", picture.path()], CLIENT.as_bytes());
    assert_eq!((stdout, said.as_str()), (vec![], ""));
    picture.assert_private();

    let conf = Place::new("wg0.conf");
    let (stdout, said) = success(&["import", picture.path(), "-o", conf.path()], b"");
    assert_eq!((stdout, said.as_str()), (vec![], ""));
    conf.assert_private();
    assert_eq!(fs::read_to_string(conf.path()).unwrap(), CLIENT);

    let (stdout, _) = success(&["import", "-"], &fs::read(picture.path()).unwrap());
    assert_eq!(String::from_utf8(stdout).unwrap(), CLIENT);
}

#[test]
fn what_a_phone_does_not_take_is_left_out_with_a_warning() {
    let picture = Place::new("wg0.png");
    let (_, of_qr) = success(&["qr", "-", "-o", picture.path()], with_commands().as_bytes());
    let (_, of_import) = success(&["import", "-"], with_commands().as_bytes());
    for said in [of_qr, of_import] {
        assert_eq!(said.lines().count(), 4, "{said}");
        for line in ["Table = 7: dropped, because", "FwMark = 0x10: dropped,", "SaveConfig = true: dropped,"]
        {
            assert!(said.contains(&format!("adit: warning: {line}")), "{said}");
        }
        assert!(said.contains("adit: warning: PostUp = wg set %i private-key <(echo ****"), "{said}");
        assert!(!said.contains(&KEY[..12]), "{said}");
    }
    let (stdout, said) = success(&["import", picture.path()], b"");
    assert_eq!((String::from_utf8(stdout).unwrap().as_str(), said.as_str()), (CLIENT, ""));
}

#[test]
fn a_text_may_be_the_argument_itself() {
    let (stdout, said) = success(&["import", &with_commands()], b"");
    assert_eq!(String::from_utf8(stdout).unwrap(), CLIENT);
    assert_eq!(said.lines().count(), 4, "{said}");
    let (stdout, _) = success(&["import", "[Interface]"], b"");
    assert_eq!(stdout, b"[Interface]\n");
}

#[test]
fn what_is_hardly_meant_is_told() {
    let (_, said) = success(&["import", "-"], CLIENT.replace("10.123.45.0", "10.123.45.9").as_bytes());
    assert_eq!(
        said,
        "adit: warning: AllowedIPs takes `10.123.45.9/24` for 10.123.45.0/24: write that, or 10.123.45.9/32 for the \
         one address\n"
    );
    let picture = Place::new("wg0.svg");
    let (_, said) = success(&["qr", "-", "-o", picture.path()], b"[Interface]\nListenPort = 1\n");
    assert_eq!(said, "adit: warning: there is no PrivateKey in it, and a phone wants one\n");
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    for (name, command) in [("wg0.png", "qr"), ("wg0.conf", "import")] {
        let place = Place::new(name);
        fs::write(place.path(), "mine").unwrap();
        let said = failure(&[command, "-", "-o", place.path()], CLIENT.as_bytes());
        assert!(said.contains("exists already: remove it, or name another file"), "{said}");
        assert_eq!(fs::read(place.path()).unwrap(), b"mine");
    }
}

#[test]
fn what_cannot_be_drawn_is_one_sentence_and_leaves_no_file() {
    let jpeg = Place::new("wg0.jpg");
    let said = failure(&["qr", "-", "-o", jpeg.path()], CLIENT.as_bytes());
    assert!(said.contains("is neither a .png nor a .svg"), "{said}");

    let picture = Place::new("wg0.png");
    let said = failure(&["qr", "-", "-o", picture.path()], b"[Interface]\nPrivateKey = x\n");
    assert!(said.contains("stdin has an error, and `adit check` shows it: line 2: PrivateKey"), "{said}");

    let many =
        CLIENT.to_owned() + &"[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n".repeat(60);
    let said = failure(&["qr", "-", "-o", picture.path()], many.as_bytes());
    assert!(said.contains("do not fit into a QR code") && said.contains("leave peers out"), "{said}");

    for command in ["qr", "check"] {
        let said = failure(&[command, "/dev/zero"], b"");
        assert!(said.contains("/dev/zero is longer than 16 MiB"), "{said}");
    }
    let said = failure(&["qr", "/nonexistent/wg0.conf"], b"");
    assert!(said.contains("there is no /nonexistent/wg0.conf"), "{said}");
    assert!(!jpeg.1.exists() && !picture.1.exists());
}

#[test]
fn what_cannot_be_imported_is_one_sentence_and_leaves_no_file() {
    let conf = Place::new("wg0.conf");
    let key_alone = format!("PrivateKey = {KEY}");
    let cases: [(&str, &[u8], &str); 8] = [
        ("/nonexistent/a.png", b"", "cannot read /nonexistent/a.png: No such file"),
        ("/", b"", "cannot read /: "),
        (&key_alone, b"", "cannot read PrivateKey = ****"),
        ("-", b"", "stdin is empty"),
        ("-", b"https://example.com/", "stdin is neither a PNG or JPEG picture nor a configuration: line 1"),
        ("-", b"GIF89a", "stdin: it is a picture, but neither PNG nor JPEG"),
        ("-", b"\x89PNG\r\n\x1a\n", "stdin: the picture is damaged"),
        (
            "[Interface]\nMTU = x",
            b"",
            "the text is neither a PNG or JPEG picture nor a configuration: line 2: MTU",
        ),
    ];
    for (from, stdin, sentence) in cases {
        let said = failure(&["import", from, "-o", conf.path()], stdin);
        assert!(said.starts_with(&format!("adit: {sentence}")), "{from}: {said}");
    }
    assert!(!conf.1.exists());
}

#[test]
fn a_pipe_gets_the_terminals_drawing() {
    let (drawn, said) = success(&["qr", "-"], CLIENT.as_bytes());
    let drawn = String::from_utf8(drawn).unwrap();
    assert!(drawn.starts_with("\x1b[38;5;231;48;5;16m████") && drawn.ends_with("\x1b[0m\n"), "{drawn}");
    assert_eq!(said, "");
}
