//! Configuration to text that parses to the same configuration. What the language can't say is an error, so
//! that no string smuggles a line in.

use alloc::string::{String, ToString};
use core::fmt::{self, Display};

use zeroize::Zeroizing;

use super::span::is_space;
use super::value::{is_word, looks_like_address};
use super::{AllowedIp, AllowedIpChange, Applications, Attribute, Config, Interface, Peer, Table};
use crate::key::{PresharedKey, PrivateKey};
use crate::secret_text::SecretText;

/// A value that no text can say, as a command of two lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} cannot be written as text: `{text}`")]
pub struct Unwritable {
    /// The key it belongs to.
    pub key: Attribute,
    /// The value.
    pub text: String,
}

/// The text of a configuration, as `wg showconf` and `wg-quick save` order it. Defaults are left out.
pub fn write(config: &Config) -> Result<Zeroizing<String>, Unwritable> {
    let mut out = Writer { text: SecretText::default() };
    out.interface(&config.interface)?;
    for peer in &config.peers {
        out.peer(peer)?;
    }
    Ok(out.text.into_inner())
}

struct Writer {
    text: SecretText,
}

impl Writer {
    fn interface(&mut self, interface: &Interface) -> Result<(), Unwritable> {
        self.text.put(format_args!("[Interface]\n"));
        self.secret(Attribute::PrivateKey, interface.private_key.as_ref().map(PrivateKey::to_base64));
        self.optional(Attribute::ListenPort, interface.listen_port);
        if let Some(mark) = interface.fwmark {
            self.optional(Attribute::FwMark, Some(format_args!("{mark:#x}")));
        }
        self.list(Attribute::Address, interface.addresses.iter());
        self.dns(interface)?;
        // 0 would be read as no MTU.
        match interface.mtu {
            Some(0) => return Err(Unwritable { key: Attribute::Mtu, text: "0".to_string() }),
            mtu => self.optional(Attribute::Mtu, mtu),
        }
        match interface.table {
            Table::Auto => {}
            Table::Off => self.optional(Attribute::Table, Some("off")),
            Table::Number(number) => self.optional(Attribute::Table, Some(number)),
        }
        self.hooks(Attribute::PreUp, &interface.pre_up)?;
        self.hooks(Attribute::PostUp, &interface.post_up)?;
        self.hooks(Attribute::PreDown, &interface.pre_down)?;
        self.hooks(Attribute::PostDown, &interface.post_down)?;
        if interface.save_config {
            self.optional(Attribute::SaveConfig, Some(true));
        }
        match &interface.applications {
            Applications::All => Ok(()),
            Applications::Included(names) => self.applications(Attribute::IncludedApplications, names),
            Applications::Excluded(names) => self.applications(Attribute::ExcludedApplications, names),
        }
    }

    fn peer(&mut self, peer: &Peer) -> Result<(), Unwritable> {
        self.text.put(format_args!("\n[Peer]\n"));
        self.optional(Attribute::PublicKey, Some(peer.public_key));
        self.secret(Attribute::PresharedKey, peer.preshared_key.as_ref().map(PresharedKey::to_base64));
        // All in one line: a line of their own would give entries without a prefix another meaning.
        self.list(Attribute::AllowedIps, peer.allowed_ips.iter());
        if let Some(endpoint) = &peer.endpoint {
            let text = endpoint.to_string();
            let is_sayable = text.parse().as_ref() == Ok(endpoint);
            self.checked(Attribute::Endpoint, &text, is_sayable)?;
        }
        self.optional(Attribute::PersistentKeepalive, peer.persistent_keepalive);
        Ok(())
    }

    fn dns(&mut self, interface: &Interface) -> Result<(), Unwritable> {
        for domain in &interface.dns_search {
            check(Attribute::Dns, domain, is_word(domain) && !looks_like_address(domain))?;
        }
        let servers = interface.dns_servers.iter().map(|server| server as &dyn Display);
        let domains = interface.dns_search.iter().map(|domain| domain as &dyn Display);
        self.list(Attribute::Dns, servers.chain(domains));
        Ok(())
    }

    fn hooks(&mut self, key: Attribute, hooks: &[String]) -> Result<(), Unwritable> {
        for hook in hooks {
            let is_sayable = !hook.contains('\n') && hook.trim_matches(is_space) == hook;
            self.checked(key, hook, is_sayable)?;
        }
        Ok(())
    }

    fn applications(&mut self, key: Attribute, names: &[String]) -> Result<(), Unwritable> {
        // An empty list would be read as no list.
        check(key, "", !names.is_empty())?;
        for name in names {
            check(key, name, is_word(name))?;
        }
        self.list(key, names.iter());
        Ok(())
    }

    fn checked(&mut self, key: Attribute, text: &str, is_sayable: bool) -> Result<(), Unwritable> {
        check(key, text, is_sayable)?;
        self.optional(key, Some(text));
        Ok(())
    }

    fn optional(&mut self, key: Attribute, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text.put(format_args!("{key} = {value}\n"));
        }
    }

    fn secret(&mut self, key: Attribute, value: Option<String>) {
        self.optional(key, value.map(Zeroizing::new).as_deref());
    }

    fn list(&mut self, key: Attribute, values: impl Iterator<Item: Display>) {
        for (index, value) in values.enumerate() {
            match index {
                0 => self.text.put(format_args!("{key} = {value}")),
                _ => self.text.put(format_args!(", {value}")),
            }
        }
        if !self.text.as_str().ends_with('\n') {
            self.text.put(format_args!("\n"));
        }
    }
}

fn check(key: Attribute, text: &str, is_sayable: bool) -> Result<(), Unwritable> {
    if is_sayable { Ok(()) } else { Err(Unwritable { key, text: text.to_string() }) }
}

impl Display for AllowedIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.change {
            AllowedIpChange::Listed => "",
            AllowedIpChange::Add => "+",
            AllowedIpChange::Remove => "-",
        };
        write!(f, "{prefix}{}", self.network)
    }
}
