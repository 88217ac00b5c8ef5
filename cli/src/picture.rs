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
    /// More than a phone's camera makes.
    #[error("its {width} x {height} pixels take more memory than a photograph: make it smaller")]
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
const MOST_PIXELS: u64 = 25_000_000;

/// Octets of a decoded picture: three channels of 8 bits a pixel, as a JPEG has.
const MOST_OCTETS: u64 = MOST_PIXELS * 3;

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
    let too_large = PictureError::TooLarge { width, height };
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(too_large);
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_OCTETS);
    let mut reader = reader();
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| match error {
        ImageError::Limits(_) => too_large,
        error => error.into(),
    })?;
    Ok((on_white(&picture), width as usize, height as usize))
}

/// What is transparent shows the white of the paper: some draw codes with nothing between the dark modules.
fn on_white(picture: &DynamicImage) -> Zeroizing<Vec<u8>> {
    if !picture.color().has_alpha() {
        return Zeroizing::new(picture.to_luma8().into_raw());
    }
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

    /// A PNG that says it is this large, and has the little of another one in it.
    fn empty_png(small: &[u8], side: u32) -> Vec<u8> {
        let mut octets = small.to_vec();
        octets[16..20].copy_from_slice(&side.to_be_bytes());
        octets[20..24].copy_from_slice(&side.to_be_bytes());
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
        let grey = png(ExtendedColorType::L8, |luma| [luma]);
        let deep = png(ExtendedColorType::Rgba16, |luma| [luma; 8]);
        for (octets, side) in [(&grey, 1 << 20), (&grey, 5001), (&deep, 5000), (&deep, 3100)] {
            let refused = read_code(&empty_png(octets, side)).unwrap_err();
            assert!(matches!(refused, PictureError::TooLarge { .. }), "{side}: {refused}");
        }
        for (octets, side) in [(&grey, 5000), (&deep, 3000)] {
            let refused = read_code(&empty_png(octets, side)).unwrap_err();
            assert!(matches!(refused, PictureError::Damaged(_)), "{side}: {refused}");
        }
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
