//! Pictures to the text of the QR code in them. Which text that is, is not known here. Whatever comes is a
//! stranger's, so its size is known before memory is taken for it.

use std::io::Cursor;

use adit_core::config::qr::{self, Unreadable};
use image::{DynamicImage, ImageError, ImageFormat, ImageReader, Limits};
use zeroize::Zeroizing;

/// Why a picture gave no text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PictureError {
    /// Another kind of picture.
    #[error("it is a picture, but neither PNG nor JPEG: save it as one of them")]
    Format,
    /// More pixels than any camera makes.
    #[error("it has {width} x {height} pixels, more than {} million: make it smaller", MOST_PIXELS / 1_000_000)]
    TooLarge {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Cut or damaged.
    #[error("the picture is damaged: {0}")]
    Damaged(#[from] ImageError),
    /// No text.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Of a picture that is read.
const MOST_PIXELS: u64 = 64_000_000;

/// Octets of a decoded picture: four channels of 16 bits a pixel.
const MOST_OCTETS: u64 = MOST_PIXELS * 8;

/// Whether octets are a picture at all, of whatever kind.
pub(crate) fn is_picture(octets: &[u8]) -> bool {
    image::guess_format(octets).is_ok()
}

/// The text of the QR code in a picture.
pub(crate) fn read_code(octets: &[u8]) -> Result<Zeroizing<String>, PictureError> {
    let (luma, width, height) = brightness(octets)?;
    Ok(qr::read(&luma, width, height)?)
}

/// Each pixel's brightness, row by row, and how many there are in a row and in a column.
fn brightness(octets: &[u8]) -> Result<(Zeroizing<Vec<u8>>, usize, usize), PictureError> {
    let format = image::guess_format(octets)?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg) {
        return Err(PictureError::Format);
    }
    let reader = || ImageReader::with_format(Cursor::new(octets), format);
    let (width, height) = reader().into_dimensions()?;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(PictureError::TooLarge { width, height });
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_OCTETS);
    let mut reader = reader();
    reader.limits(limits);
    let picture = reader.decode()?;
    Ok((on_white(&picture), width as usize, height as usize))
}

/// What is transparent shows the white of the paper: some draw codes with nothing between the dark modules.
fn on_white(picture: &DynamicImage) -> Zeroizing<Vec<u8>> {
    let with_alpha = Zeroizing::new(picture.to_luma_alpha8().into_raw());
    let (pixels, _) = with_alpha.as_chunks();
    let blend = |[luma, alpha]: &[u8; 2]| {
        let (luma, alpha) = (u16::from(*luma), u16::from(*alpha));
        ((luma * alpha + 255 * (255 - alpha)) / 255) as u8
    };
    Zeroizing::new(pixels.iter().map(blend).collect())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use image::{ExtendedColorType, ImageEncoder};

    use super::*;

    const TEXT: &str = "[Interface]\nListenPort = 51820\n";

    /// A picture of a code, each pixel made of its brightness.
    fn png<const CHANNELS: usize>(colour: ExtendedColorType, pixel: fn(u8) -> [u8; CHANNELS]) -> Vec<u8> {
        let bitmap = qr::Code::new(TEXT).unwrap().to_bitmap(NonZeroUsize::new(4).unwrap());
        let pixels: Vec<u8> = bitmap.luma.iter().flat_map(|luma| pixel(*luma)).collect();
        let mut octets = Vec::new();
        let side = bitmap.size as u32;
        image::codecs::png::PngEncoder::new(&mut octets).write_image(&pixels, side, side, colour).unwrap();
        octets
    }

    /// A PNG that says it is this large, and has nothing in it.
    fn empty_png(width: u32, height: u32) -> Vec<u8> {
        let mut octets = png(ExtendedColorType::L8, |luma| [luma]);
        octets[16..20].copy_from_slice(&width.to_be_bytes());
        octets[20..24].copy_from_slice(&height.to_be_bytes());
        let sum = crc32(&octets[12..29]);
        octets[29..33].copy_from_slice(&sum.to_be_bytes());
        octets
    }

    /// PNG's own check sum (ISO/IEC 15948, annex D).
    fn crc32(octets: &[u8]) -> u32 {
        let sum = octets.iter().fold(u32::MAX, |sum, octet| {
            (0..8).fold(sum ^ u32::from(*octet), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
        });
        !sum
    }

    #[test]
    fn every_kind_of_pixel_is_read() {
        let read = |octets: &[u8]| read_code(octets).unwrap().to_string();
        assert_eq!(read(&png(ExtendedColorType::L8, |luma| [luma])), TEXT);
        assert_eq!(read(&png(ExtendedColorType::Rgb8, |luma| [luma / 4, luma, luma / 2])), TEXT);
        // Black on nothing.
        assert_eq!(read(&png(ExtendedColorType::La8, |luma| [0, 255 - luma])), TEXT);
        assert_eq!(read(&png(ExtendedColorType::Rgba8, |luma| [0, 0, 0, 255 - luma])), TEXT);
    }

    #[test]
    fn a_jpeg_is_read() {
        let bitmap = qr::Code::new(TEXT).unwrap().to_bitmap(NonZeroUsize::new(4).unwrap());
        let mut octets = Vec::new();
        let side = bitmap.size as u32;
        let encoder = image::codecs::jpeg::JpegEncoder::new(&mut octets);
        encoder.write_image(&bitmap.luma, side, side, ExtendedColorType::L8).unwrap();
        assert_eq!(*read_code(&octets).unwrap(), TEXT);
    }

    #[test]
    fn a_bomb_is_refused_before_it_takes_memory() {
        for (width, height) in [(1 << 20, 1 << 20), (8001, 8001)] {
            let refused = read_code(&empty_png(width, height)).unwrap_err();
            assert!(matches!(refused, PictureError::TooLarge { .. }), "{refused}");
        }
        let refused = read_code(&empty_png(8000, 8000)).unwrap_err();
        assert!(matches!(refused, PictureError::Damaged(_)), "{refused}");
    }

    #[test]
    fn what_is_no_picture_with_a_code_says_which() {
        let whole = png(ExtendedColorType::L8, |luma| [luma]);
        assert!(matches!(read_code(&whole[..whole.len() / 2]).unwrap_err(), PictureError::Damaged(_)));
        assert!(matches!(read_code(b"GIF89a").unwrap_err(), PictureError::Format));
        assert!(matches!(read_code(b"text").unwrap_err(), PictureError::Damaged(_)));
        let blank = png(ExtendedColorType::L8, |_| [255]);
        assert!(matches!(read_code(&blank).unwrap_err(), PictureError::Unreadable(Unreadable::NoCode)));
    }

    #[test]
    fn only_pictures_are_pictures() {
        assert!(is_picture(&png(ExtendedColorType::L8, |luma| [luma])) && is_picture(b"GIF89a"));
        assert!(!is_picture(TEXT.as_bytes()) && !is_picture(b""));
    }
}
