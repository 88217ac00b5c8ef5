//! The numbers of the protocol, each with its unit and its source: the WireGuard paper, or the Linux kernel's
//! implementation where the paper leaves the number open.

use core::time::Duration;

/// Messages after which a keypair's initiator begins a new handshake. Section 6.1.
pub const REKEY_AFTER_MESSAGES: u64 = 1 << 60;
/// Messages after which a keypair seals and opens nothing more. Section 6.1.
pub const REJECT_AFTER_MESSAGES: u64 = u64::MAX - (1 << 13);
/// Age at which a keypair's initiator begins a new handshake when it sends. Section 6.1.
pub const REKEY_AFTER_TIME: Duration = Duration::from_secs(120);
/// Age at which a keypair seals and opens nothing more. Section 6.1.
pub const REJECT_AFTER_TIME: Duration = Duration::from_secs(180);
/// How long one attempt at a handshake goes on. Section 6.1.
pub const REKEY_ATTEMPT_TIME: Duration = Duration::from_secs(90);
/// How long an initiation waits for its response. Section 6.1.
pub const REKEY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long received data may stay unanswered. Section 6.1.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Age at which a keypair's initiator begins a new handshake when it receives. Section 6.2.
pub const REKEY_ON_RECEIVE_AFTER_TIME: Duration = Duration::from_secs(180 - 10 - 5);
/// How long sent data may stay unanswered before the session is thought broken. Section 6.4.
pub const NEW_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10 + 5);
/// Age of the last new session at which every key is wiped. Section 6.3.
pub const WIPE_AFTER_TIME: Duration = Duration::from_secs(3 * 180);
/// The most that is added at random to a retry, so that two ends do not collide for ever. Section 6.1; the kernel's
/// figure.
pub const MAX_JITTER: Duration = Duration::from_millis(333);

/// Least time between two initiations of ours, even when the network changes again and again: of two within
/// [`MIN_INITIATION_INTERVAL`] the peer takes one, and its answer may be to the other.
pub const INITIATION_SPACING: Duration = Duration::from_millis(100);

/// How long a cookie and the secret behind it are good. Section 5.4.7.
pub const COOKIE_LIFETIME: Duration = Duration::from_secs(120);
/// How long the device counts as under load after the last sign of it. Section 5.3; the kernel's figure.
pub const UNDER_LOAD_TIME: Duration = Duration::from_secs(1);
/// Least time between two initiations that are accepted from one peer. Section 5.1; the kernel's figure.
pub const MIN_INITIATION_INTERVAL: Duration = Duration::from_millis(20);

/// Handshakes a second that one address may have worked off under load. Section 5.3; the kernel's figure.
pub const HANDSHAKES_PER_SECOND: u32 = 20;
/// Handshakes that one address may have worked off at once under load. The kernel's figure.
pub const HANDSHAKE_BURST: u32 = 5;

/// Peers whose timers are served at once: as many initiations are about 10 ms of work.
pub const PEERS_PER_TIMEOUT: usize = 64;
/// Packets that wait for one peer's handshake. The kernel's figure.
pub const MAX_STAGED: usize = 128;
/// Handshakes that wait to be worked off: about 0.2 s of work on a phone.
pub const MAX_QUEUED_HANDSHAKES: usize = 1024;
/// Waiting handshakes that count as load: the kernel's figure. With less, a trickle of them would cost everybody's
/// handshake another 5 s.
pub const UNDER_LOAD_HANDSHAKES: usize = MAX_QUEUED_HANDSHAKES / 2;

/// Transport payloads are padded to a multiple of this many octets. Section 5.4.6.
pub const PADDING_MULTIPLE: usize = 16;
