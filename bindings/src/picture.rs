//! QR codes as pictures: what a camera saw, and what another device is to scan.

use adit_core::config::qr;

use crate::caught::{DEFECT, Panicked, caught};
use crate::config::Config;
use crate::error::ConfigError;
use crate::text::to_quick;

/// A picture gave no text, or a configuration no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum QrError {
    /// There is no QR code in the picture.
    #[error("{reason}")]
    NoCode {
        /// One sentence.
        reason: String,
    },
    /// There is one that cannot be read: too blurred, too dirty or cut.
    #[error("{reason}")]
    Damaged {
        /// One sentence.
        reason: String,
    },
    /// The picture has more or fewer pixels than its width and height say.
    #[error("{reason}")]
    Size {
        /// One sentence.
        reason: String,
    },
    /// The configuration does not fit into a QR code.
    #[error("{reason}")]
    TooLong {
        /// One sentence.
        reason: String,
        /// Octets of its text.
        octets: u32,
        /// Octets that fit.
        max: u32,
    },
    /// The record is no configuration.
    #[error("{reason}")]
    Config {
        /// One sentence.
        reason: String,
    },
    /// A defect of Adit.
    #[error("{reason}")]
    Internal {
        /// One sentence.
        reason: String,
    },
}

impl From<Panicked> for QrError {
    fn from(_: Panicked) -> Self {
        Self::Internal { reason: DEFECT.to_owned() }
    }
}

impl From<qr::Unreadable> for QrError {
    fn from(error: qr::Unreadable) -> Self {
        let reason = error.to_string();
        match error {
            qr::Unreadable::Size { .. } => Self::Size { reason },
            qr::Unreadable::NoCode => Self::NoCode { reason },
            qr::Unreadable::Damaged => Self::Damaged { reason },
        }
    }
}

impl From<qr::TooLong> for QrError {
    fn from(error: qr::TooLong) -> Self {
        let (octets, max) = (crate::error::count(error.octets), crate::error::count(error.max));
        Self::TooLong { reason: error.to_string(), octets, max }
    }
}

impl From<ConfigError> for QrError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Internal { reason } => Self::Internal { reason },
            error => Self::Config { reason: error.to_string() },
        }
    }
}

/// The text of the first QR code in a picture, dark on light or light on dark. `luma` is the brightness of each pixel,
/// row by row, without padding.
#[uniffi::export]
pub fn decode_qr_image(luma: Vec<u8>, width: u32, height: u32) -> Result<String, QrError> {
    caught(|| Ok(qr::read(&luma, width as usize, height as usize)?.to_string()))
}

/// A configuration as an SVG document that another device can scan.
#[uniffi::export]
pub fn qr_svg(config: Config) -> Result<String, QrError> {
    caught(|| {
        let text = zeroize::Zeroizing::new(to_quick(config)?);
        Ok(qr::Code::new(&text)?.to_svg().to_string())
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::text::parse_config;

    #[test]
    fn a_code_that_was_drawn_is_read() {
        let bitmap = qr::Code::new("hello").unwrap().to_bitmap(NonZeroUsize::new(4).unwrap());
        let size = bitmap.size as u32;
        assert_eq!(decode_qr_image(bitmap.luma.to_vec(), size, size).as_deref(), Ok("hello"));
        let wrong = decode_qr_image(bitmap.luma.to_vec(), size, size + 1);
        assert!(matches!(wrong, Err(QrError::Size { .. })));
        assert!(matches!(decode_qr_image(vec![255; 100], 10, 10), Err(QrError::NoCode { .. })));
    }

    #[test]
    fn a_configuration_becomes_a_picture_unless_it_is_too_long() {
        let mut config = parse_config("[Interface]\n".to_owned()).unwrap().config;
        assert!(qr_svg(config.clone()).unwrap().contains("<svg"));
        config.interface.post_up = vec!["x".repeat(3000)];
        assert!(matches!(qr_svg(config), Err(QrError::TooLong { max: 2953, .. })));
    }
}
