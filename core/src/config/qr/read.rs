//! Reads a QR code from a picture's brightness.

use alloc::string::String;

use rxing::common::HybridBinarizer;
use rxing::helpers::detect_in_luma_slice_with_hints;
use rxing::qrcode::QRCodeReader;
use rxing::{BarcodeFormat, BinaryBitmap, DecodeHints, Exceptions, Luma8Source, Reader};
use zeroize::Zeroizing;

/// Why a picture gave no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The picture's description is not true.
    #[error("a picture of {width} by {height} pixels has not {octets} octets of brightness")]
    Size {
        /// Pixels in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// What came.
        octets: usize,
    },
    /// No QR code.
    #[error("there is no QR code in the picture")]
    NoCode,
    /// A QR code too blurred, too dirty or cut, or one that is not text.
    #[error("the QR code in the picture can't be read: come closer, and keep it flat and sharp")]
    Damaged,
}

/// The text of a QR code in a picture, dark on light or light on dark. `luma` is the brightness of each pixel, row
/// by row, without padding.
pub fn read(luma: &[u8], width: usize, height: usize) -> Result<Zeroizing<String>, Unreadable> {
    let octets = luma.len();
    let size = Unreadable::Size { width, height, octets };
    if width.checked_mul(height) != Some(octets) {
        return Err(size);
    }
    if octets == 0 {
        return Err(Unreadable::NoCode);
    }
    let (Ok(columns), Ok(rows)) = (width.try_into(), height.try_into()) else { return Err(size) };
    let mut hints = DecodeHints { TryHarder: Some(true), AlsoInverted: Some(true), ..DecodeHints::default() };
    let format = Some(BarcodeFormat::QR_CODE);
    match detect_in_luma_slice_with_hints(luma, columns, rows, format, &mut hints) {
        Ok(found) => Ok(Zeroizing::new(found.getText().into())),
        Err(_) => Err(why_not(luma, columns, rows, &hints)),
    }
}

/// Whether there is a code at all: the reader of many formats does not say.
fn why_not(luma: &[u8], columns: u32, rows: u32, hints: &DecodeHints) -> Unreadable {
    let Ok(source) = Luma8Source::new_with_slice(luma, columns, rows) else {
        return Unreadable::NoCode;
    };
    let mut picture = BinaryBitmap::new(HybridBinarizer::new(source));
    match QRCodeReader.decode_with_hints(&mut picture, hints) {
        Err(Exceptions::NotFoundException(_)) => Unreadable::NoCode,
        _ => Unreadable::Damaged,
    }
}
