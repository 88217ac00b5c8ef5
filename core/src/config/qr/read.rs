//! Reads a QR code from a picture's brightness.

use alloc::string::String;

use rqrr::PreparedImage;
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

/// The text of the first QR code in a picture that can be read, dark on light or light on dark. `luma` is the
/// brightness of each pixel, row by row, without padding.
pub fn read(luma: &[u8], width: usize, height: usize) -> Result<Zeroizing<String>, Unreadable> {
    let octets = luma.len();
    if width.checked_mul(height) != Some(octets) {
        return Err(Unreadable::Size { width, height, octets });
    }
    if octets == 0 {
        return Err(Unreadable::NoCode);
    }
    let as_it_is = read_dark(width, height, |pixel| luma[pixel]);
    if as_it_is.is_ok() {
        return as_it_is;
    }
    let inverted = read_dark(width, height, |pixel| !luma[pixel]);
    // The picture that had a code tells more than the one that had none.
    if inverted == Err(Unreadable::NoCode) { as_it_is } else { inverted }
}

/// Reads dark modules on a light ground.
fn read_dark(
    width: usize,
    height: usize,
    luma: impl Fn(usize) -> u8,
) -> Result<Zeroizing<String>, Unreadable> {
    let mut image = PreparedImage::prepare_from_greyscale(width, height, |x, y| luma(y * width + x));
    let grids = image.detect_grids();
    if grids.is_empty() {
        return Err(Unreadable::NoCode);
    }
    let text = grids.iter().find_map(|grid| grid.decode().ok());
    text.map(|(_, text)| Zeroizing::new(text)).ok_or(Unreadable::Damaged)
}
