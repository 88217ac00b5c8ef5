//! `save`: the interface as it stands, written over its configuration.

use std::fs::{self, File};
use std::io;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use adit_core::config::{self, AllowedIp, AllowedIpChange, Config, Endpoint, Interface, Peer};
use adit_core::uapi::{DeviceStatus, PeerStatus};

use super::error::{QuickError, system};
use super::netlink::{self, Address, Kernel};
use super::{Daemon, block_on, require_privilege, sockets};
use crate::conf_file;
use crate::interface_name::InterfaceName;
use crate::new_file;
use crate::uapi_client;

/// Saves the interface of a configuration.
pub(crate) fn save(conf: &str) -> Result<(), QuickError> {
    require_privilege("save")?;
    let path = conf_file::locate(conf);
    let config = super::read(&path)?;
    let interface = conf_file::interface(&path)?;
    block_on(async {
        // The journal is left to others: a hook of `up` may save, too.
        let kernel = Kernel::connect().map_err(system("ask the kernel for its interfaces"))?;
        save_to(&kernel, &interface, &config, &path).await
    })
}

/// Saves what the device and the kernel say; what they do not know, such as hooks, stays as the file says it.
pub(super) async fn save_to(
    kernel: &Kernel,
    interface: &InterfaceName,
    config: &Config,
    path: &Path,
) -> Result<(), QuickError> {
    // A daemon of the same name in another network namespace has other keys.
    let index = netlink::index_of(interface.as_str()).filter(|_| Daemon::here(interface).is_some());
    let index = index.ok_or_else(|| match Daemon::of(interface) {
        Some(_) => QuickError::Elsewhere { interface: interface.clone() },
        None => QuickError::NotRunning { interface: interface.clone() },
    })?;
    let status = uapi_client::status(sockets(), interface)?;
    let addresses = kernel.addresses(index).await.map_err(system("list the addresses"))?;
    let mtu = kernel.mtu(index).await.map_err(system("ask for the MTU"))?;
    let current = current(config, &status, &addresses, mtu);
    let text = config::write(&current)?;
    let path = path.canonicalize().map_err(system(format!("save {}", path.display())))?;
    replace(&path, text.as_bytes())
}

fn current(config: &Config, status: &DeviceStatus, addresses: &[Address], mtu: Option<u32>) -> Config {
    let written = &config.interface.addresses;
    // The kernel makes up another link-local address at the next `up`; saved ones would pile up.
    let kept = addresses.iter().filter(|own| !own.is_generated || written.contains(&own.network));
    Config {
        interface: Interface {
            private_key: status.private_key.clone(),
            listen_port: NonZeroU16::new(status.listen_port),
            fwmark: status.fwmark,
            addresses: kept.map(|own| own.network).collect(),
            mtu: config.interface.mtu.and(mtu).and_then(|mtu| u16::try_from(mtu).ok()),
            ..config.interface.clone()
        },
        peers: status.peers.iter().map(peer).collect(),
    }
}

fn peer(status: &PeerStatus) -> Peer {
    let listed = |network: &_| AllowedIp { network: *network, change: AllowedIpChange::Listed };
    Peer {
        public_key: status.public_key,
        preshared_key: status.preshared_key.clone(),
        allowed_ips: status.allowed_ips.iter().map(listed).collect(),
        endpoint: status.endpoint.map(Endpoint::Address),
        persistent_keepalive: status.persistent_keepalive,
    }
}

/// Whoever reads the file meanwhile, or after a power failure, finds the old text or the new one. Of several who
/// replace it at once, one wins.
fn replace(path: &Path, text: &[u8]) -> Result<(), QuickError> {
    let action = || system(format!("save {}", path.display()));
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| action()(io::Error::other(error.to_string())))?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:016x}.tmp", u64::from_ne_bytes(random)));
    let new = PathBuf::from(name);
    new_file::create(&new, text)?;
    let rename = || {
        fs::rename(&new, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    rename().map_err(|error| {
        // It holds keys; the first failure is the one to tell.
        let _ = fs::remove_file(&new);
        action()(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::thread;

    #[test]
    fn a_file_is_replaced_whole_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wg0.conf");
        fs::write(&path, "old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_several_at_once_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wg0.conf");
        let texts: Vec<String> = (0..8).map(|number| number.to_string().repeat(100_000)).collect();
        thread::scope(|scope| {
            let savers: Vec<_> =
                texts.iter().map(|text| scope.spawn(|| replace(&path, text.as_bytes()))).collect();
            savers.into_iter().for_each(|saver| saver.join().unwrap().unwrap());
        });
        assert!(texts.contains(&fs::read_to_string(&path).unwrap()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_addresses_that_the_kernel_made_up_are_left_out() {
        let own = |network: &str, is_generated| Address { network: network.parse().unwrap(), is_generated };
        let addresses = [own("10.0.0.1/24", false), own("fe80::1/64", true), own("fe80::2/64", true)];
        let config = config::parse("[Interface]\nAddress = fe80::2/64\nMTU = 1400\n").unwrap().config;
        let status = DeviceStatus { private_key: None, listen_port: 7, fwmark: None, peers: Vec::new() };
        let saved = current(&config, &status, &addresses, Some(1390)).interface;
        assert_eq!(saved.addresses, [addresses[0].network, addresses[2].network]);
        assert_eq!((saved.mtu, saved.listen_port), (Some(1390), NonZeroU16::new(7)));
        let unsaid = current(&Config::default(), &status, &addresses, Some(1390)).interface;
        assert_eq!(unsaid.mtu, None);
    }
}
