//! Endpoints to addresses, through the system's resolver, with the patience of `wg`: a machine that has just been
//! started may have no name server yet.

use std::env;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use adit_core::config::Endpoint;
use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};

/// Why an endpoint has no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    /// The resolver does not know the name, or is not there.
    #[error("the endpoint {endpoint} has no address: {source}; check the name and this machine's DNS")]
    Unresolved {
        /// Its name and port.
        endpoint: Endpoint,
        /// What the resolver said.
        source: io::Error,
    },
    /// The resolver knows the name, and no address.
    #[error("the endpoint {endpoint} has no address: its name has none")]
    NoAddress {
        /// Its name and port.
        endpoint: Endpoint,
    },
    /// The variable of the environment is neither of the two that it may be.
    #[error("{RETRIES} must be a number or `{FOREVER}`, not {text:?}")]
    Retries {
        /// What it is.
        text: String,
    },
}

/// The variable of the environment that says how often to ask again.
const RETRIES: &str = "WG_ENDPOINT_RESOLUTION_RETRIES";

const FOREVER: &str = "infinity";

/// Without the variable.
const DEFAULT_RETRIES: u32 = 15;

/// How often a resolver is asked again that cannot say now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retries {
    Forever,
    Left(u32),
}

impl Retries {
    fn read(text: Option<&str>) -> Result<Self, EndpointError> {
        match text {
            None => Ok(Self::Left(DEFAULT_RETRIES)),
            Some(FOREVER) => Ok(Self::Forever),
            Some(text) => {
                text.parse().map(Self::Left).map_err(|_| EndpointError::Retries { text: text.to_owned() })
            }
        }
    }

    /// One less, or `None` when there are none left.
    fn take(self) -> Option<Self> {
        match self {
            Self::Forever => Some(Self::Forever),
            Self::Left(left) => left.checked_sub(1).map(Self::Left),
        }
    }
}

/// Before the first repetition.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Pauses grow by a fifth, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// The address of an endpoint: the first one in the resolver's order, as `wg` takes it.
pub(crate) fn resolve(endpoint: &Endpoint) -> Result<SocketAddr, EndpointError> {
    let (host, port) = match endpoint {
        Endpoint::Address(address) => return Ok(*address),
        Endpoint::Name { host, port } => (host.as_str(), *port),
    };
    let retries = Retries::read(env::var(RETRIES).ok().as_deref())?;
    let tell_and_wait = |pause: Duration, why: &io::Error| {
        // Where stderr is closed, the wait is the same.
        let _ = writeln!(
            io::stderr(),
            "adit: the endpoint {endpoint} has no address yet: {why}; trying again in {:.2} seconds",
            pause.as_secs_f32()
        );
        thread::sleep(pause);
    };
    match persist(|| look_up(host, port), retries, tell_and_wait) {
        Ok(address) => address.ok_or_else(|| EndpointError::NoAddress { endpoint: endpoint.clone() }),
        Err(source) => Err(EndpointError::Unresolved { endpoint: endpoint.clone(), source }),
    }
}

/// Asks until there is an answer, or a failure that is final.
fn persist<T>(
    mut ask: impl FnMut() -> Result<T, LookupError>,
    mut retries: Retries,
    mut wait: impl FnMut(Duration, &io::Error),
) -> Result<T, io::Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        let failure = match ask() {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let is_final = is_final(&failure);
        let why = io::Error::from(failure);
        retries = match retries.take() {
            Some(left) if !is_final => left,
            _ => return Err(why),
        };
        wait(pause, &why);
        pause = (pause * 6 / 5).min(LONGEST_PAUSE);
    }
}

/// Whether another time would have the same answer. All that is not known to be final may pass.
fn is_final(failure: &LookupError) -> bool {
    matches!(failure.kind(), LookupErrorKind::NoName | LookupErrorKind::NoData | LookupErrorKind::Fail)
}

fn look_up(host: &str, port: u16) -> Result<Option<SocketAddr>, LookupError> {
    let hints = AddrInfoHints { socktype: SockType::DGram.into(), ..AddrInfoHints::default() };
    let mut found = getaddrinfo(Some(host), Some(&port.to_string()), Some(hints))?;
    Ok(found.find_map(|address| address.ok()).map(|address| address.sockaddr))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::libc::{EAI_AGAIN, EAI_FAIL, EAI_NONAME};

    #[test]
    fn an_address_is_its_own() {
        let resolved = |text: &str| resolve(&text.parse().unwrap()).unwrap().to_string();
        assert_eq!(resolved("192.0.2.1:51820"), "192.0.2.1:51820");
        assert_eq!(resolved("[2001:db8::1]:51820"), "[2001:db8::1]:51820");
    }

    #[test]
    fn a_name_that_the_system_knows_has_an_address() {
        let address = resolve(&"localhost:51820".parse().unwrap()).unwrap();
        assert!(address.ip().is_loopback() && address.port() == 51820, "{address}");
    }

    /// Asks a resolver that fails with these codes in turn, and then answers. Gives the outcome and the pauses.
    fn asked(codes: &[i32], retries: Retries) -> (bool, Vec<Duration>) {
        let (mut codes, mut pauses) = (codes.iter(), Vec::new());
        let ask = || codes.next().map_or(Ok(()), |code| Err(LookupError::new(*code)));
        let outcome = persist(ask, retries, |pause, _| pauses.push(pause));
        (outcome.is_ok(), pauses)
    }

    #[test]
    fn a_failure_that_may_pass_is_asked_again_with_growing_pauses() {
        let (is_found, pauses) = asked(&[EAI_AGAIN; 3], Retries::Left(15));
        assert!(is_found);
        assert_eq!(pauses, [1000, 1200, 1440].map(Duration::from_millis));
        let (_, pauses) = asked(&[EAI_AGAIN; 30], Retries::Forever);
        assert_eq!(pauses.len(), 30);
        assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
    }

    #[test]
    fn patience_ends() {
        assert_eq!(asked(&[EAI_AGAIN; 3], Retries::Left(2)).1.len(), 2);
        assert!(!asked(&[EAI_AGAIN; 3], Retries::Left(2)).0);
        assert_eq!(asked(&[EAI_AGAIN], Retries::Left(0)), (false, Vec::new()));
    }

    #[test]
    fn a_final_failure_is_final_at_once() {
        for code in [EAI_NONAME, EAI_FAIL] {
            assert_eq!(asked(&[code], Retries::Forever), (false, Vec::new()), "{code}");
        }
    }

    #[test]
    fn the_environment_says_how_often() {
        assert_eq!(Retries::read(None).unwrap(), Retries::Left(15));
        assert_eq!(Retries::read(Some("infinity")).unwrap(), Retries::Forever);
        assert_eq!(Retries::read(Some("0")).unwrap(), Retries::Left(0));
        for text in ["", "x", "-1", "1.5"] {
            assert!(Retries::read(Some(text)).unwrap_err().to_string().contains(text));
        }
    }
}
