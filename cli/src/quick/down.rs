//! `down`: takes back what the journal tells of, or, of an interface that `wg-quick` or `adit run` made, what the
//! device shows. A configuration that is gone or broken stops nobody from getting back on the net.

use adit_core::config::{Config, Table};

use super::dns::Dns;
use super::error::{QuickError, system};
use super::firewall::Firewall;
use super::hooks::{self, HookError, When};
use super::interrupt::Interrupts;
use super::journal::{Begun, Entry, Place};
use super::netlink::{Family, Lookup};
use super::undo::Undo;
use super::{Daemon, Site, block_on, find, require_privilege, save, warn};

/// Takes the interface of a configuration down.
pub(crate) fn down(conf: &str) -> Result<(), QuickError> {
    require_privilege("down")?;
    let (path, interface) = find(conf)?;
    let config = super::read(&path);
    block_on(async {
        let mut site = Site::open(interface)?;
        let state = State::of(&mut site)?;
        let config = match (config, state) {
            (Err(missing @ QuickError::File(_)), State::Absent) => return Err(missing),
            (_, State::Absent) => return Err(QuickError::NotRunning { interface: site.interface.clone() }),
            (Ok(config), _) => Some(config),
            (Err(error), _) => {
                warn(&format!(
                    "{error}; taking {} down as it was brought up, without saving it",
                    site.interface
                ));
                None
            }
        };
        let mut interrupts = Interrupts::listen().map_err(system("listen for signals"))?;
        let hooks = Hooks::of(&site, config.as_ref());
        let ran = hooks.run(When::PreDown, &site, state, &mut interrupts).await;
        ran.map_err(|source| QuickError::BeforeDown { interface: site.interface.clone(), source })?;
        if let Some(config) = config.as_ref().filter(|config| config.interface.save_config)
            && state != State::Dead
        {
            save::save_to(&site.kernel, &site.interface, config, &path).await?;
        }
        if state == State::Unknown {
            note_what_is_there(&mut site, config.as_ref(), &mut interrupts).await?;
        }
        site.take_back(&mut interrupts).await?;
        let ran = hooks.run(When::PostDown, &site, state, &mut interrupts).await;
        site.journal.truncate(0)?;
        ran.map_err(|source| QuickError::AfterDown { interface: site.interface.clone(), source })
    })
}

/// What there is to take down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing.
    Absent,
    /// What `up` made, all of it.
    Up,
    /// What is left of an `up` or `down` that was killed, or of a daemon that ended.
    Dead,
    /// An interface that somebody else made.
    Unknown,
}

impl State {
    fn of(site: &mut Site) -> Result<Self, QuickError> {
        let (is_there, is_served) = (site.index().is_some(), Daemon::of(&site.interface).is_some());
        let unknown = |site: &Site| match (is_there, is_served) {
            (true, true) if site.is_served_here() => Ok(Self::Unknown),
            (_, true) => Err(QuickError::Elsewhere { interface: site.interface.clone() }),
            (true, false) => Err(QuickError::NotWireguard { interface: site.interface.clone() }),
            (false, false) => Ok(Self::Absent),
        };
        let Some(begun) = site.journal.begun() else { return unknown(site) };
        let here = Place::here().map_err(system("find this network namespace"))?;
        let is_elsewhere = begun.place != here;
        if begun.place.boot != here.boot {
            site.journal.truncate(0)?;
            return unknown(site);
        }
        if is_elsewhere && site.is_served_here() {
            // What it speaks of has died there, and somebody has made another one here since.
            site.journal.set_aside(&site.interface)?;
            return unknown(site);
        }
        if is_elsewhere && is_served {
            return Err(QuickError::Elsewhere { interface: site.interface.clone() });
        }
        if is_elsewhere {
            let journal = site.journal.path().to_owned();
            return Err(QuickError::LeftElsewhere { interface: site.interface.clone(), journal });
        }
        Ok(match (site.is_served_here(), site.is_own()) {
            // Somebody has made another one, whether or not all of the first is gone.
            (true, false) => Self::Unknown,
            (true, true) if site.journal.is_up() => Self::Up,
            _ => Self::Dead,
        })
    }
}

/// The hooks of the configuration as it is now, or, where it cannot be read, as it was at `up`.
struct Hooks {
    pre_down: Vec<String>,
    post_down: Vec<String>,
}

impl Hooks {
    fn of(site: &Site, config: Option<&Config>) -> Self {
        match (config, site.journal.begun()) {
            (Some(Config { interface, .. }), _) => {
                Self { pre_down: interface.pre_down.clone(), post_down: interface.post_down.clone() }
            }
            (None, Some(begun)) => {
                Self { pre_down: begun.pre_down.clone(), post_down: begun.post_down.clone() }
            }
            (None, None) => Self { pre_down: Vec::new(), post_down: Vec::new() },
        }
    }

    /// The hooks of this moment, one after another. Where there is only debris to clear away, one that fails stops
    /// nothing.
    async fn run(
        &self,
        when: When,
        site: &Site,
        state: State,
        interrupts: &mut Interrupts,
    ) -> Result<(), HookError> {
        let hooks = if when == When::PreDown { &self.pre_down } else { &self.post_down };
        for hook in hooks {
            match hooks::run(when, hook, &site.interface, interrupts).await {
                Err(error) if state == State::Dead => warn(&error.to_string()),
                outcome => outcome?,
            }
        }
        Ok(())
    }
}

/// Writes into the journal what has to be taken back of an interface that is not in it, as `wg-quick` would find it,
/// behind what is left of another one of its name.
async fn note_what_is_there(
    site: &mut Site,
    config: Option<&Config>,
    interrupts: &mut Interrupts,
) -> Result<(), QuickError> {
    let gone = || QuickError::NotRunning { interface: site.interface.clone() };
    let index = site.index().ok_or_else(gone)?;
    let place = Place::here().map_err(system("find this network namespace"))?;
    let mut steps = vec![Undo::Interface];
    if config.is_some_and(|config| !config.interface.dns_servers.is_empty()) {
        steps.extend(Dns::find(&site.interface).map(Undo::Dns));
    }
    if config.is_none_or(|config| config.interface.table == Table::Auto) {
        steps.extend(rules_of_default_routes(site).await?);
    }
    steps.extend(Firewall::found(&site.interface, interrupts).await.into_iter().map(Undo::Firewall));
    if site.journal.begun().is_none() {
        site.journal.push(Entry::Begun(Begun { place, pre_down: Vec::new(), post_down: Vec::new() }))?;
    }
    site.journal.push(Entry::Made(index))?;
    for step in steps {
        site.journal.push(Entry::Undo(step))?;
    }
    Ok(())
}

/// The rules of the device's table, each with the one that was added after it and so is asked before it. Those of
/// another interface stay.
async fn rules_of_default_routes(site: &Site) -> Result<Vec<Undo>, QuickError> {
    let status = site.status()?;
    let has_default = status.peers.iter().any(|peer| peer.allowed_ips.iter().any(|ip| ip.prefix_len() == 0));
    let Some(table) = status.fwmark.filter(|_| has_default) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for family in [Family::V4, Family::V6] {
        let rules = site.kernel.rules(family).await.map_err(system("list the routing rules"))?;
        for (place, rule) in rules.iter().enumerate() {
            if rule.lookup != Lookup::Unmarked(table.get()) {
                continue;
            }
            let before = place.checked_sub(1).map(|place| rules[place]);
            found.extend(before.filter(|other| other.lookup == Lookup::MainButDefault).map(Undo::Rule));
            found.push(Undo::Rule(*rule));
        }
    }
    Ok(found)
}
