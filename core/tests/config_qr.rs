//! Configurations from QR codes, links and clipboards: nothing of them runs here, and what is drawn can be read.

use adit_core::config::qr::from_untrusted;
use adit_core::config::{Attribute, Config, parse};

const CLIENT: &str = "\
[Interface]
Address = 10.113.0.4/16
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 10.113.0.0/16, 10.123.45.0/24, 1234:4567:89ab::/48
Endpoint = server.example:51820
PersistentKeepalive = 25
";

#[test]
fn a_harmless_text_is_taken_whole() {
    let imported = from_untrusted(CLIENT).unwrap();
    assert_eq!(imported.config, parse(CLIENT).unwrap().config);
    assert_eq!(imported.dropped, []);
}

#[test]
fn what_could_run_or_bend_is_dropped_with_a_warning() {
    let text = "[Interface]\nPreUp = a\nPostUp = rm -rf / # now\nPreDown = b\nPostDown = c\nTable = off\n\
                FwMark = 0x1\nSaveConfig = true\nMTU = 1280\n";
    let imported = from_untrusted(text).unwrap();

    let mut left = Config::default();
    left.interface.mtu = Some(1280);
    assert_eq!(imported.config, left);

    let keys: Vec<_> = imported.dropped.iter().map(|dropped| dropped.key).collect();
    use Attribute::*;
    assert_eq!(keys, [PreUp, PostUp, PreDown, PostDown, Table, FwMark, SaveConfig]);
    let hook = &imported.dropped[1];
    assert_eq!(&text[hook.span.clone()], "rm -rf / # now");
    assert_eq!(
        hook.to_string(),
        "PostUp = rm -rf / # now: dropped, because an imported configuration runs no commands"
    );
}

#[test]
fn a_faulty_text_is_refused() {
    assert!(from_untrusted("https://example.com/").is_err());
}

#[cfg(feature = "qr")]
mod pictures {
    use std::num::NonZeroUsize;

    use adit_core::config::qr::{Bitmap, Code, TooLong, Unreadable, read};
    use proptest::prelude::*;

    use super::CLIENT;

    fn bitmap(text: &str, scale: usize) -> Bitmap {
        Code::new(text).unwrap().to_bitmap(NonZeroUsize::new(scale).unwrap())
    }

    #[test]
    fn a_bitmap_is_read_in_any_size() {
        for scale in [2, 3, 8] {
            let picture = bitmap(CLIENT, scale);
            assert_eq!(*read(&picture.luma, picture.size, picture.size).unwrap(), CLIENT, "scale {scale}");
        }
    }

    #[test]
    fn light_on_dark_is_read_too() {
        let picture = bitmap(CLIENT, 4);
        let inverted: Vec<u8> = picture.luma.iter().map(|luma| 255 - luma).collect();
        assert_eq!(*read(&inverted, picture.size, picture.size).unwrap(), CLIENT);
    }

    #[test]
    fn the_terminals_drawing_is_read() {
        let drawing = Code::new(CLIENT).unwrap().to_terminal();
        let (luma, width, height) = photograph(&drawing, 4);
        assert_eq!(*read(&luma, width, height).unwrap(), CLIENT);
    }

    #[test]
    fn the_terminals_drawing_sets_its_own_colours_on_every_line() {
        for line in Code::new(CLIENT).unwrap().to_terminal().lines() {
            assert!(line.starts_with("\x1b[38;5;231;48;5;16m████"), "{line:?}");
            assert!(line.ends_with("████\x1b[0m"), "{line:?}");
        }
    }

    #[test]
    fn the_vector_picture_is_read() {
        let svg = Code::new(CLIENT).unwrap().to_svg();
        let (luma, size) = rasterise(&svg);
        assert_eq!(*read(&luma, size, size).unwrap(), CLIENT);
    }

    #[test]
    fn a_text_that_is_too_long_is_refused() {
        assert!(Code::new(&"\u{e9}".repeat(1476)).is_ok());
        let refused = Code::new(&"\u{e9}".repeat(1477)).err();
        assert_eq!(refused, Some(TooLong { octets: 2954, max: 2953 }));
    }

    #[test]
    fn a_picture_without_a_readable_code_says_which() {
        assert_eq!(read(&[0; 5], 2, 2), Err(Unreadable::Size { width: 2, height: 2, octets: 5 }));
        assert_eq!(
            read(&[], usize::MAX, 2),
            Err(Unreadable::Size { width: usize::MAX, height: 2, octets: 0 })
        );
        assert_eq!(read(&[], 0, 7), Err(Unreadable::NoCode));
        assert_eq!(read(&[255; 10_000], 100, 100), Err(Unreadable::NoCode));

        let mut torn = bitmap(CLIENT, 4);
        let (from, to) = (torn.size * torn.size * 2 / 5, torn.size * torn.size * 3 / 5);
        torn.luma[from..to].fill(255);
        assert_eq!(read(&torn.luma, torn.size, torn.size), Err(Unreadable::Damaged));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_is_drawn_can_be_read(text in "[ -~\n\u{e0}-\u{fc}]{0,400}") {
            let picture = bitmap(&text, 3);
            prop_assert_eq!(read(&picture.luma, picture.size, picture.size).map(|read| read.to_string()), Ok(text));
        }

        #[test]
        fn no_damaged_code_panics(
            text in "[ -~]{1,300}|[0-9]{1,300}|[A-Z0-9 $%*+./:-]{1,300}",
            scale in 1..4_usize,
            flipped in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
            (left, top, side, luma) in (0..200_usize, 0..200_usize, 0..60_usize, any::<u8>()),
            kept in 1..=100_usize,
        ) {
            let mut picture = bitmap(&text, scale);
            for place in flipped {
                *place.get_mut(&mut picture.luma) ^= 0xff;
            }
            let size = picture.size;
            for row in top.min(size)..(top + side).min(size) {
                picture.luma[row * size + left.min(size)..row * size + (left + side).min(size)].fill(luma);
            }
            let rows = (size * kept / 100).max(1);
            let _ = read(&picture.luma[..rows * size], size, rows);
        }

        #[test]
        fn no_picture_panics(luma in prop::collection::vec(any::<u8>(), 0..4096), width in 1..80_usize) {
            let height = luma.len() / width;
            let _ = read(&luma[..width * height], width, height);
        }
    }

    /// What a camera sees of half blocks: their colours as brightness, `scale` pixels a module.
    fn photograph(drawing: &str, scale: usize) -> (Vec<u8>, usize, usize) {
        let mut rows = Vec::new();
        for line in drawing.lines() {
            let blocks: Vec<char> = line.chars().filter(|letter| "█▀▄ ".contains(*letter)).collect();
            for light in ["█▀", "█▄"] {
                let row: Vec<u8> =
                    blocks.iter().map(|block| 255 * u8::from(light.contains(*block))).collect();
                rows.push(row);
            }
        }
        let (width, height) = (rows[0].len() * scale, rows.len() * scale);
        let luma =
            (0..width * height).map(|pixel| rows[pixel / width / scale][pixel % width / scale]).collect();
        (luma, width, height)
    }

    /// Fills the rectangles of a path of `Mx yhWvHH-WV..z`, the only thing in our documents.
    fn rasterise(svg: &str) -> (Vec<u8>, usize) {
        let width = svg.split("viewBox=\"0 0 ").nth(1).unwrap();
        let size: usize = width.split(' ').next().unwrap().parse().unwrap();
        let mut luma = vec![255; size * size];
        let path = svg.split(" d=\"").last().unwrap().split('"').next().unwrap();
        for rectangle in path.split('M').skip(1) {
            let numbers: Vec<usize> = rectangle
                .split(|letter: char| !letter.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            let [left, top, width, height, ..] = numbers[..] else { panic!("{rectangle}") };
            for row in top..top + height {
                luma[row * size + left..row * size + left + width].fill(0);
            }
        }
        (luma, size)
    }
}
