//! A peer's keypairs: the one in use, the one before it that late packets still need, and the one that a
//! responder has made but may not use until the initiator has.

use alloc::boxed::Box;

use super::keypair::Keypair;
use crate::proto::limits::{MAX_JITTER, REKEY_TIMEOUT};
use crate::proto::time::Time;
use crate::proto::wire::message::ReceiverIndex;

/// Never more than these three (section 6.3).
#[derive(Default)]
pub(crate) struct Keyring {
    previous: Option<Box<Keypair>>,
    current: Option<Box<Keypair>>,
    next: Option<Box<Keypair>>,
    /// Whether the peer has sent by the current one when it should have confirmed `next` long ago: it goes on with what it
    /// has, and its handshake came to nothing.
    is_next_forsaken: bool,
}

/// Keypairs that fell out of the ring. Their indices are to be freed.
pub(crate) type Retired = [Option<Box<Keypair>>; 3];

impl Keyring {
    /// A handshake that we began is done: its keypair is used at once. An unconfirmed one of the peer's is kept to open what
    /// was sealed with it. If both were begun at once, it is kept beside the keypair before them, by which the peer sends
    /// until it sees one of the two.
    pub(crate) fn install_initiated(&mut self, keypair: Keypair) -> Retired {
        let is_needless = |next: &Keypair| {
            self.is_next_forsaken || self.current.as_ref().is_some_and(|current| next.crosses(current))
        };
        let needless = self.next.take_if(|next| is_needless(next));
        let unconfirmed = self.next.take_if(|next| !next.crosses(&keypair));
        let current = self.current.replace(Box::new(keypair));
        match unconfirmed {
            Some(unconfirmed) => [self.previous.replace(unconfirmed), current, None],
            None => [core::mem::replace(&mut self.previous, current), needless, None],
        }
    }

    /// A handshake that the peer began is answered: its keypair waits for the first message that confirms it.
    pub(crate) fn install_responded(&mut self, keypair: Keypair) -> Retired {
        self.is_next_forsaken = false;
        [self.next.replace(Box::new(keypair)), None, None]
    }

    /// The keypair that the peer names by this index.
    pub(crate) fn find(&mut self, index: ReceiverIndex) -> Option<&mut Keypair> {
        [&mut self.current, &mut self.next, &mut self.previous]
            .into_iter()
            .flatten()
            .map(|keypair| &mut **keypair)
            .find(|keypair| keypair.local() == index)
    }

    /// An authentic message came by this index. Some when it confirms the keypair that waited, which is now the
    /// current one.
    ///
    /// When both ends begin a handshake at once, each may end up sending by its own keypair. Then the end that `yields`
    /// follows the other, which does not: it sends by the one of the two that a message last came by. The other follows only
    /// when that one is its own and due to be renewed: it has not been heard all the while, and nobody else would.
    pub(crate) fn confirm(&mut self, index: ReceiverIndex, yields: bool, now: Time) -> Option<Retired> {
        if self.next.as_ref().is_some_and(|next| next.local() == index) {
            let current = core::mem::replace(&mut self.current, self.next.take());
            return Some([core::mem::replace(&mut self.previous, current), None, None]);
        }
        let is_by_current = self.current.as_ref().is_some_and(|current| current.local() == index);
        self.is_next_forsaken |=
            is_by_current && self.next.as_ref().is_some_and(|next| is_overdue(next, now));
        if let (Some(previous), Some(current)) = (&self.previous, &self.current)
            && previous.local() == index
            && previous.crosses(current)
            && (yields || previous.wants_rekey_on_receive(now))
        {
            core::mem::swap(&mut self.previous, &mut self.current);
        }
        None
    }

    /// The keypair to send with, if it may still be used.
    pub(crate) fn sending(&mut self, now: Time) -> Option<&mut Keypair> {
        self.current.as_deref_mut().filter(|keypair| keypair.can_seal(now))
    }

    /// Whether there is a keypair to send with.
    pub(crate) fn can_send(&self, now: Time) -> bool {
        self.current.as_ref().is_some_and(|current| current.can_seal(now))
    }

    /// Whether receiving has shown that a new handshake is due: a late packet by an older keypair does not.
    pub(crate) fn wants_rekey_on_receive(&self, now: Time) -> bool {
        self.current.as_ref().is_some_and(|current| current.wants_rekey_on_receive(now))
    }

    /// Whether a handshake that the peer began has come to nothing: its keypair should have been confirmed at once, and
    /// without our response the peer would have tried again by now. What we send by the current keypair the peer may not
    /// be able to open any more, and only after 15 s of silence would another timer notice (section 6.4). But where both
    /// began at once, the peer has ours, too, and one is enough.
    pub(crate) fn waits_in_vain(&self, now: Time) -> bool {
        self.next.as_ref().is_some_and(|next| {
            !self.is_next_forsaken
                && next.can_seal(now)
                && is_overdue(next, now)
                && !self.current.as_ref().is_some_and(|current| next.crosses(current))
        })
    }

    /// Forgets all keys, which wipes them.
    pub(crate) fn clear(&mut self) -> Retired {
        [self.previous.take(), self.current.take(), self.next.take()]
    }
}

/// Whether a keypair that waits should have been confirmed by now: the peer does so at once, and without our response it
/// would have tried again.
fn is_overdue(next: &Keypair, now: Time) -> bool {
    next.age(now) > REKEY_TIMEOUT + MAX_JITTER
}
