//! Text to a configuration and back: of a file, which may say anything, and of a QR code, which a stranger may have
//! made.

use std::fmt::Display;
use std::ops::Range;

use adit_core::config::{self, Parsed, qr};
use zeroize::Zeroizing;

use crate::caught::caught;
use crate::config::Config;
use crate::error::{ConfigError, TextSpan, count};

/// A configuration, and what its author or its user should look at.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ParsedConfig {
    /// What the text says.
    pub config: Config,
    /// In the order of the text.
    pub warnings: Vec<ConfigWarning>,
}

/// No error, but something to look at.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ConfigWarning {
    /// What it is.
    pub kind: WarningKind,
    /// One sentence.
    pub message: String,
    /// Counted from 1.
    pub line: u32,
    /// Where it is, in octets of the text in UTF-8.
    pub span: TextSpan,
}

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum WarningKind {
    /// A line of a scanned configuration was not taken over, since it could run a command or bend this machine's
    /// routing.
    Dropped,
    /// There is no PrivateKey, and no hook that gives one.
    NoPrivateKey,
    /// An entry of AllowedIPs is an address within its network.
    HostBits,
    /// Two peers have the same entry of AllowedIPs.
    SameAllowedIp,
    /// The peer is this end.
    OwnPublicKey,
    /// Two sections are one peer.
    SamePublicKey,
    /// Neither end knows where the other is.
    NobodyCanBegin,
    /// All of IPv4 or of IPv6 goes through the tunnel, and the other does not.
    HalfDefaultRoute,
    /// Names are looked up outside the tunnel.
    DnsOutside,
    /// IPv6 does not work with so small an MTU.
    MtuTooSmallForIpv6,
    /// A NAT on the way forgets this end when it is silent.
    NoKeepalive,
}

impl From<&config::WarningKind> for WarningKind {
    fn from(kind: &config::WarningKind) -> Self {
        use config::WarningKind as Kind;
        match kind {
            Kind::NoPrivateKey => Self::NoPrivateKey,
            Kind::HostBits { .. } => Self::HostBits,
            Kind::SameAllowedIp { .. } => Self::SameAllowedIp,
            Kind::OwnPublicKey => Self::OwnPublicKey,
            Kind::SamePublicKey { .. } => Self::SamePublicKey,
            Kind::NobodyCanBegin { .. } => Self::NobodyCanBegin,
            Kind::HalfDefaultRoute { .. } => Self::HalfDefaultRoute,
            Kind::DnsOutside { .. } => Self::DnsOutside,
            Kind::MtuTooSmallForIpv6 => Self::MtuTooSmallForIpv6,
            Kind::NoKeepalive { .. } => Self::NoKeepalive,
        }
    }
}

/// Reads the text of a file that its user trusts.
#[uniffi::export]
pub fn parse_config(text: String) -> Result<ParsedConfig, ConfigError> {
    let text = Zeroizing::new(text);
    caught(|| Ok(with_warnings(&text, config::parse(&text)?, Vec::new())))
}

/// Reads the text of a QR code, a link or a clipboard: its commands, Table, FwMark and SaveConfig are dropped, each
/// with a warning.
#[uniffi::export]
pub fn parse_qr(text: String) -> Result<ParsedConfig, ConfigError> {
    let text = Zeroizing::new(text);
    caught(|| {
        let qr::Imported { config, spans, dropped } = qr::from_untrusted(&text)?;
        let dropped = dropped
            .into_iter()
            .map(|dropped| warning(&text, WarningKind::Dropped, &dropped, dropped.span.clone()))
            .collect();
        Ok(with_warnings(&text, Parsed { config, spans }, dropped))
    })
}

/// What the core warns of, besides what is known already.
fn with_warnings(text: &str, parsed: Parsed, mut warnings: Vec<ConfigWarning>) -> ParsedConfig {
    let found = config::lint(text, &parsed);
    warnings.extend(
        found.into_iter().map(|found| warning(text, (&found.kind).into(), &found, found.span.clone())),
    );
    warnings.sort_by_key(|warning| warning.span.start);
    ParsedConfig { config: parsed.config.into(), warnings }
}

fn warning(text: &str, kind: WarningKind, message: &impl Display, span: Range<usize>) -> ConfigWarning {
    let line = count(text[..span.start].matches('\n').count() + 1);
    ConfigWarning { kind, message: message.to_string(), line, span: span.into() }
}

/// The text of a configuration, as `wg-quick save` orders it. It holds the private key, in a string that nobody wipes.
#[uniffi::export]
pub fn to_quick(config: Config) -> Result<String, ConfigError> {
    caught(|| Ok(config::write(&config.try_into()?)?.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ConfigRule, ConfigSection};

    const TEXT: &str = "\
[Interface]
PrivateKey = dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=
FwMark = 1
PostUp = rm -rf /
[Peer]
PublicKey = hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=
";

    #[test]
    fn a_file_is_taken_as_it_is_and_a_code_without_its_commands() {
        let file = parse_config(TEXT.to_owned()).unwrap();
        assert_eq!(file.config.interface.post_up, ["rm -rf /"]);
        assert_eq!(file.config.interface.fwmark, Some(1));

        let code = parse_qr(TEXT.to_owned()).unwrap();
        assert_eq!(code.config.interface.post_up, [""; 0]);
        assert_eq!(code.config.interface.fwmark, None);
        let [mark, command, peer] = &code.warnings[..] else { panic!("{:?}", code.warnings) };
        assert_eq!((mark.kind, command.kind), (WarningKind::Dropped, WarningKind::Dropped));
        assert_eq!((peer.kind, peer.line), (WarningKind::OwnPublicKey, 6), "the key above is its own");
        assert_eq!((mark.line, command.line), (3, 4));
        assert!(command.message.contains("runs no commands"), "{}", command.message);
        let TextSpan { start, end } = command.span;
        assert_eq!(&TEXT[start as usize..end as usize], "rm -rf /");
    }

    #[test]
    fn an_error_says_where_and_what_was_meant() {
        let text = format!("{TEXT}Endpint = 192.0.2.1:1\n");
        let Err(ConfigError::Text { rule, section, text, line, columns, .. }) = parse_config(text) else {
            panic!()
        };
        assert_eq!(rule, ConfigRule::UnknownAttribute { nearest: Some("Endpoint".to_owned()) });
        assert_eq!(section, Some(ConfigSection::Peer { number: 1 }));
        assert_eq!(text.as_deref(), Some("Endpint"));
        assert_eq!((line, columns), (7, TextSpan { start: 1, end: 8 }));
    }

    #[test]
    fn a_configuration_becomes_text_that_says_the_same() {
        let config = parse_config(TEXT.to_owned()).unwrap().config;
        let text = to_quick(config.clone()).unwrap();
        assert_eq!(parse_config(text).unwrap().config, config);

        let mut smuggler = config;
        smuggler.interface.dns_search = vec!["a\nPostUp = rm -rf /".to_owned()];
        assert!(matches!(to_quick(smuggler), Err(ConfigError::Value { .. })));
    }
}
