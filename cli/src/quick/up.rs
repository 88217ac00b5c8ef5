//! `up`: one step after another, each announced in the journal, all of them taken back when one fails.

use std::io;

use adit_core::config::{Config, Parsed};
use tokio::task::spawn_blocking;

use super::dns::Dns;
use super::error::{QuickError, system};
use super::hooks::{self, When};
use super::interrupt::Interrupts;
use super::journal::{Begun, Entry, Place};
use super::undo::Undo;
use super::{Daemon, Site, block_on, mtu, require_privilege, routes, sockets, warn};
use crate::change;
use crate::commands::run;
use crate::conf_file;
use crate::uapi_client::{self, ClientError};

/// Brings the interface of a configuration up.
pub(crate) fn up(conf: &str) -> Result<(), QuickError> {
    require_privilege("up")?;
    let path = conf_file::locate(conf);
    let file = super::read_with_spans(&path)?;
    let interface = conf_file::interface(&path)?;
    block_on(async {
        let mut site = Site::open(interface)?;
        let mut interrupts = Interrupts::listen().map_err(system("listen for signals"))?;
        clear_the_way(&mut site, &mut interrupts).await?;
        let Err(cause) = make(&mut site, &file, &mut interrupts).await else { return Ok(()) };
        if let Err(left) = site.take_back(&mut interrupts).await {
            warn(&cause.to_string());
            return Err(left);
        }
        site.journal.truncate(0)?;
        Err(QuickError::TakenBack(Box::new(cause)))
    })
}

/// Refuses where the interface is, and cleans up where one was that did not come to its `down`.
async fn clear_the_way(site: &mut Site, interrupts: &mut Interrupts) -> Result<(), QuickError> {
    let exists = QuickError::Exists { interface: site.interface.clone() };
    let Some(begun) = site.journal.begun() else {
        return if site.index().is_some() { Err(exists) } else { Ok(()) };
    };
    let here = Place::here().map_err(system("find this network namespace"))?;
    if begun.place.boot != here.boot {
        // All that it speaks of went with the reboot.
        site.journal.truncate(0)?;
    } else if begun.place != here {
        if Daemon::of(&site.interface).is_some() {
            return Err(QuickError::Elsewhere { interface: site.interface.clone() });
        }
        if site.index().is_some() {
            return Err(exists);
        }
        warn(&format!(
            "an earlier {0} has died in another network namespace; its rules stay there until `adit down {0}` there",
            site.interface
        ));
        site.take_back_from_afar(interrupts).await?;
    } else if site.index().is_some() && (site.journal.is_up() || !site.is_own()) {
        return Err(exists);
    } else {
        warn(&format!("cleaning up what an earlier {} left that was not taken down", site.interface));
        site.take_back(interrupts).await?;
        site.journal.truncate(0)?;
    }
    if site.index().is_some() { Err(exists) } else { Ok(()) }
}

async fn make(site: &mut Site, file: &Parsed, interrupts: &mut Interrupts) -> Result<(), QuickError> {
    let config = &file.config;
    let wanted = &config.interface;
    let index = start(site, config)?;
    for hook in &wanted.pre_up {
        hooks::run(When::PreUp, hook, &site.interface, interrupts).await?;
    }
    configure(site, file, interrupts).await?;
    for &address in &wanted.addresses {
        interrupts.check().await?;
        let added = site.kernel.add_address(index, address).await;
        let interface = &site.interface;
        added.map_err(|source| QuickError::Address { interface: interface.clone(), address, source })?;
    }
    set_mtu_and_up(site, config, index).await?;
    interrupts.check().await?;
    if !wanted.dns_servers.is_empty() {
        let dns = Dns::find(&site.interface).ok_or(QuickError::NoResolver)?;
        site.journal.push(Entry::Undo(Undo::Dns(dns.clone())))?;
        dns.set(&site.interface, wanted, interrupts).await?;
    }
    routes::add(site, index, wanted.table, interrupts).await?;
    for hook in &wanted.post_up {
        hooks::run(When::PostUp, hook, &site.interface, interrupts).await?;
    }
    interrupts.check().await?;
    Ok(site.journal.push(Entry::Up)?)
}

/// Makes the interface, as `adit run` does; gives its index.
fn start(site: &mut Site, config: &Config) -> Result<u32, QuickError> {
    let place = Place::here().map_err(system("find this network namespace"))?;
    site.journal.push(Entry::Begun(Begun {
        place,
        pre_down: config.interface.pre_down.clone(),
        post_down: config.interface.post_down.clone(),
    }))?;
    site.journal.push(Entry::Undo(Undo::Interface))?;
    let held = site.journal.share().map_err(system("share the journal"))?;
    if let Err(failure) = run::start(site.interface.clone(), held) {
        // It has left nothing; an interface of this name that is there now is somebody else's.
        site.journal.truncate(1)?;
        return Err(failure.into());
    }
    let index = site.index().ok_or_else(|| {
        system(format!("find the interface {}", site.interface))(io::ErrorKind::NotFound.into())
    })?;
    site.journal.push(Entry::Made(index))?;
    Ok(index)
}

/// Keys, port, mark and peers, beside those that a PreUp hook has set: so do the newest `wg-quick`s. A name that takes
/// long to resolve holds up no signal.
async fn configure(site: &Site, file: &Parsed, interrupts: &mut Interrupts) -> Result<(), QuickError> {
    let file = file.clone();
    let resolving = spawn_blocking(move || change::adding(&file));
    let set = tokio::select! {
        set = resolving => set.map_err(|error| system("resolve the endpoints")(error.into()))??,
        signal = interrupts.received() => return Err(signal.into()),
    };
    uapi_client::set(sockets(), &site.interface, &set).map_err(|error| match error {
        ClientError::Refused { interface, source } => QuickError::Configure { interface, source },
        other => other.into(),
    })
}

async fn set_mtu_and_up(site: &Site, config: &Config, index: u32) -> Result<(), QuickError> {
    let mtu = match config.interface.mtu {
        Some(mtu) => mtu.into(),
        None => mtu::of_path(&site.kernel, &site.status()?)
            .await
            .map_err(system("find the way to the endpoints"))?,
    };
    let action = format!("set {} up with an MTU of {mtu}", site.interface);
    site.kernel.set_mtu_and_up(index, mtu).await.map_err(system(action))
}
