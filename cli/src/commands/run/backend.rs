//! A device as what a UAPI client reads and changes.

use adit_core::device::{Device, DeviceError};
use adit_core::uapi::{DeviceStatus, Set};
use nix::errno::Errno;

use crate::uapi_server::Backend;

impl Backend for Device {
    async fn status(&self) -> Result<DeviceStatus, Errno> {
        Device::status(self).await.map_err(|error| errno(&error))
    }

    async fn apply(&self, set: Set) -> Result<(), Errno> {
        Device::apply(self, set).await.map_err(|error| errno(&error))
    }
}

/// The number that says it best to a client which knows nothing but numbers.
fn errno(error: &DeviceError) -> Errno {
    match error {
        DeviceError::Bind { source, .. }
        | DeviceError::FwMark { source, .. }
        | DeviceError::System { source, .. } => source.raw_os_error().map_or(Errno::EIO, Errno::from_raw),
        DeviceError::Protect(_) => Errno::EPERM,
        DeviceError::Stopped => Errno::ENODEV,
        _ => Errno::EIO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn the_systems_own_number_is_passed_on() {
        let in_use = io::Error::from_raw_os_error(Errno::EADDRINUSE as i32);
        assert_eq!(errno(&DeviceError::Bind { port: 51820, source: in_use }), Errno::EADDRINUSE);
        assert_eq!(errno(&DeviceError::Stopped), Errno::ENODEV);
    }
}
