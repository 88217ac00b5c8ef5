//! Whose the TUN descriptor is. It is taken over while the app's call is still being read, before anything can fail or
//! be cancelled. One of the few rooms with unsafe code.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use adit_core::device::{self, DeviceError, TunError};

use crate::error::TunnelError;

/// A TUN descriptor, and who closes it.
#[derive(Debug, uniffi::Enum)]
pub enum TunFd {
    /// The tunnel owns it and closes it exactly once, on every path, errors included. An Android app hands over
    /// `ParcelFileDescriptor.detachFd()`.
    Owned {
        /// Its number. From the call on it is not the app's.
        fd: Descriptor,
    },
    /// The app keeps it: the tunnel duplicates it and closes only its duplicate.
    Borrowed {
        /// Its number. It stays open until the tunnel has started.
        fd: i32,
    },
}

/// A descriptor that was handed over by its number.
#[derive(Debug)]
pub struct Descriptor(Result<OwnedFd, NotOpen>);

/// There is no such descriptor, so that there is nothing to own.
#[derive(Debug)]
struct NotOpen {
    number: RawFd,
    source: io::Error,
}

uniffi::custom_type!(Descriptor, i32, {
    lower: |descriptor| descriptor.give_back(),
    try_lift: |number| Ok(Descriptor(take_over(number))),
});

fn take_over(number: RawFd) -> Result<OwnedFd, NotOpen> {
    if number < 0 {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "its number is negative");
        return Err(NotOpen { number, source });
    }
    // SAFETY: the number is not -1, all that the type asks for; whether it is open, the system checks in the one call
    // that is made with it.
    let opened = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned();
    opened.map_err(|source| NotOpen { number, source })?;
    // SAFETY: it is open, and with `TunFd::Owned` the app says that nobody else uses or closes it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

impl Descriptor {
    /// Gives it to the app, by its number.
    fn give_back(self) -> RawFd {
        match self.0 {
            Ok(fd) => fd.into_raw_fd(),
            Err(NotOpen { number, .. }) => number,
        }
    }
}

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Self {
        Self(Ok(fd))
    }
}

impl TryFrom<TunFd> for device::TunFd {
    type Error = TunnelError;

    fn try_from(tun: TunFd) -> Result<Self, TunnelError> {
        match tun {
            TunFd::Borrowed { fd } => Ok(Self::Borrowed(fd)),
            TunFd::Owned { fd: Descriptor(Ok(fd)) } => Ok(Self::Owned(fd)),
            TunFd::Owned { fd: Descriptor(Err(NotOpen { source, .. })) } => {
                Err(DeviceError::from(TunError::Unusable(source)).into())
            }
        }
    }
}
