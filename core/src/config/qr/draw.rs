//! Draws a QR code: in a terminal, as a vector picture, as a bitmap.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use qrcode::render::svg;
use qrcode::types::{Color, QrError};
use qrcode::{EcLevel, QrCode};
use zeroize::Zeroizing;

/// Light modules around a code, on each side: ISO/IEC 18004, section 6.3.8.
const QUIET_ZONE: usize = 4;

/// White on black, both from the fixed part of the 256 colours: a terminal's theme changes the first 16, and
/// readers want dark on light whatever the terminal's own background is.
const COLOURS: &str = "\x1b[38;5;231;48;5;16m";
const PLAIN: &str = "\x1b[0m";

/// The text is longer than the largest QR code holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{octets} octets do not fit into a QR code, which holds {max}")]
pub struct TooLong {
    /// Of the text.
    pub octets: usize,
    /// Of the largest code, version 40 at level L.
    pub max: usize,
}

/// A QR code, ready to be drawn.
pub struct Code(QrCode);

/// A picture, one octet a pixel, row by row: 0 is black, 255 is white.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitmap {
    /// Pixels in a row, and rows.
    pub size: usize,
    /// `size` times `size` of them. They are a private key in another form, so they are wiped.
    pub luma: Zeroizing<Vec<u8>>,
}

impl Code {
    /// The code of a text, at the lowest level of error correction, as `qrencode` has it: on a screen,
    /// larger modules are worth more.
    pub fn new(text: &str) -> Result<Self, TooLong> {
        // ISO/IEC 18004, table 7.
        const MAX: usize = 2953;
        match QrCode::with_error_correction_level(text, EcLevel::L) {
            Ok(code) => Ok(Self(code)),
            Err(QrError::DataTooLong) => Err(TooLong { octets: text.len(), max: MAX }),
            Err(other) => unreachable!("the library chooses version and mode by itself: {other}"),
        }
    }

    /// Lines for a terminal, two rows of modules in each, the quiet zone and the colours included.
    pub fn to_terminal(&self) -> Zeroizing<String> {
        let size = self.size();
        let mut text = Zeroizing::new(String::with_capacity(size * size * 2 + size * 32));
        for row in (0..size).step_by(2) {
            text.push_str(COLOURS);
            for column in 0..size {
                // Rows are odd in number: below the last one it is light, as around it.
                text.push(match (self.is_dark(column, row), self.is_dark(column, row + 1)) {
                    (false, false) => '█',
                    (false, true) => '▀',
                    (true, false) => '▄',
                    (true, true) => ' ',
                });
            }
            text.push_str(PLAIN);
            text.push('\n');
        }
        text
    }

    /// An SVG document, the quiet zone included.
    pub fn to_svg(&self) -> Zeroizing<String> {
        let colours = |dark, light| (svg::Color(dark), svg::Color(light));
        let (dark, light) = colours("#000000", "#ffffff");
        Zeroizing::new(self.0.render().dark_color(dark).light_color(light).quiet_zone(true).build())
    }

    /// A bitmap with this many pixels along a module's side, the quiet zone included.
    pub fn to_bitmap(&self, scale: core::num::NonZeroUsize) -> Bitmap {
        let scale = scale.get();
        let size = self.size() * scale;
        let mut luma = Zeroizing::new(vec![255; size * size]);
        for (index, pixel) in luma.iter_mut().enumerate() {
            if self.is_dark(index % size / scale, index / size / scale) {
                *pixel = 0;
            }
        }
        Bitmap { size, luma }
    }

    /// Modules along a side, the quiet zone included: columns in a terminal.
    pub fn size(&self) -> usize {
        self.0.width() + 2 * QUIET_ZONE
    }

    /// Whether a module is dark, counted from the corner of the quiet zone. All around the code is light.
    fn is_dark(&self, column: usize, row: usize) -> bool {
        let inside = QUIET_ZONE..QUIET_ZONE + self.0.width();
        inside.contains(&column)
            && inside.contains(&row)
            && self.0[(column - QUIET_ZONE, row - QUIET_ZONE)] == Color::Dark
    }
}
