//! The name of a network interface, checked once.

use std::fmt;
use std::str::FromStr;

/// Octets in the longest name: Linux's `IFNAMSIZ` less the closing zero; BSD's is the same.
const MAX_LEN: usize = 15;

/// A name that an interface may have and that is safe as the name of a file: what `wg-quick` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InterfaceName(String);

/// Why a text is not the name of an interface.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InterfaceNameError {
    /// Nothing was given.
    #[error("an interface needs a name, such as wg0")]
    Empty,
    /// Longer than the system allows.
    #[error("the name has {len} characters; shorten it to at most {MAX_LEN}")]
    TooLong {
        /// Octets in the name.
        len: usize,
    },
    /// A character that the system, a path or `wg-quick` would stumble over.
    #[error("the name must not hold {found:?}; use letters, digits and any of _ = + . -")]
    Character {
        /// The first such character.
        found: char,
    },
    /// A file of that name always exists.
    #[error("the name must not be only dots")]
    Dots,
}

impl InterfaceName {
    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InterfaceName {
    type Err = InterfaceNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_=+.-".contains(c);
        if text.is_empty() {
            return Err(InterfaceNameError::Empty);
        }
        if let Some(found) = text.chars().find(|&c| !is_allowed(c)) {
            return Err(InterfaceNameError::Character { found });
        }
        if text.len() > MAX_LEN {
            return Err(InterfaceNameError::TooLong { len: text.len() });
        }
        if text.chars().all(|c| c == '.') {
            return Err(InterfaceNameError::Dots);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_interfaces_have_are_taken() {
        for name in ["wg0", "a", "to_berlin", "x=1+2.3", "fifteen-letters"] {
            let taken: InterfaceName = name.parse().unwrap();
            assert_eq!(taken.as_str(), name);
        }
    }

    #[test]
    fn each_fault_is_named() {
        let fault = |name: &str| name.parse::<InterfaceName>().unwrap_err();
        assert_eq!(fault(""), InterfaceNameError::Empty);
        assert_eq!(fault("sixteen-letters!"), InterfaceNameError::Character { found: '!' });
        assert_eq!(fault("sixteen-letters-"), InterfaceNameError::TooLong { len: 16 });
        assert_eq!(fault("../wg0"), InterfaceNameError::Character { found: '/' });
        assert_eq!(fault("wg%d"), InterfaceNameError::Character { found: '%' });
        assert_eq!(fault("wg 0"), InterfaceNameError::Character { found: ' ' });
        assert_eq!(fault("wgü"), InterfaceNameError::Character { found: 'ü' });
        assert_eq!(fault(".."), InterfaceNameError::Dots);
    }
}
