//! What happens when time passes and nothing else does (section 6).

use super::Tunnel;
use crate::proto::limits::PEERS_PER_TIMEOUT;
use crate::proto::outbox::Outbox;
use crate::proto::peer::PeerId;
use crate::proto::peer::timers::Timer;
use crate::proto::time::Now;

impl Tunnel {
    /// Does all that is due, for so many peers as do not stall data ([`PEERS_PER_TIMEOUT`]). Afterwards
    /// [`Self::poll_timeout`] is in the future, or None, or more peers are due: then it wants to be called again, after a
    /// look at what came meanwhile.
    pub fn handle_timeout(&mut self, now: Now, out: &mut Outbox) {
        for _ in 0..PEERS_PER_TIMEOUT {
            let Some((_, id)) = self.peers.next_deadline().filter(|(at, _)| *at <= now.mono) else { return };
            while let Some(timer) = self.peers[id].contact().timers.take_due(now.mono) {
                self.handle_timer(id, timer, now, out);
            }
            self.peers.reschedule(id);
        }
    }

    fn handle_timer(&mut self, id: PeerId, timer: Timer, now: Now, out: &mut Outbox) {
        match timer {
            Timer::RetryHandshake => self.retry_handshake(id, now, out),
            Timer::NewHandshake => {
                self.peers[id].forget_local_address();
                self.begin_handshake(id, now, out);
            }
            // The session may be over since: then there is nobody to reassure.
            Timer::PassiveKeepalive if self.peers[id].contact().keyring.sending(now.mono).is_none() => {}
            Timer::PassiveKeepalive => self.send_keepalive(id, now, out),
            Timer::PersistentKeepalive => self.send_persistent_keepalive(id, now, out),
            Timer::Wipe => self.wipe(id),
        }
    }

    /// Without anybody to send to there is nothing to wait for: an endpoint or a private key sets the timer again.
    fn send_persistent_keepalive(&mut self, id: PeerId, now: Now, out: &mut Outbox) {
        if self.us.is_none() || self.peers[id].endpoint.is_none() {
            return;
        }
        // Where there is no session to send by, a handshake begins and the next one is due in its turn.
        self.peers[id].note_sent(now.mono);
        self.send_keepalive(id, now, out);
    }

    /// No session for so long: the keys are forgotten, and the timers that were the session's with them.
    fn wipe(&mut self, id: PeerId) {
        let contact = self.peers[id].contact();
        contact.timers.clear(Timer::NewHandshake);
        contact.timers.clear(Timer::PassiveKeepalive);
        let retired = contact.keyring.clear();
        self.retire(retired);
    }
}
