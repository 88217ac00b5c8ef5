//! What happens in a run: the ends, who knows whom, and a list of what befalls them. All of it follows from the seed,
//! and any of the list may be left out again, to find what a failure needs.

use std::fmt;
use std::time::Duration;

use crate::dice::Dice;

pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Networks of nobody's own, which are moved from peer to peer.
pub const NETWORKS: usize = 4;

#[derive(Clone)]
pub struct Plan {
    pub seed: u64,
    pub ends: Vec<EndPlan>,
    pub pairs: Vec<Pair>,
    /// Whether every link keeps the order of what it carries. It may still lose.
    pub is_orderly: bool,
    /// In the order of time.
    pub steps: Vec<Step>,
}

#[derive(Clone)]
pub struct EndPlan {
    /// Behind a NAT that forgets a mapping after so long a silence.
    pub nat: Option<Duration>,
    /// How much faster than the others' its clock runs, in millionths.
    pub drift: i64,
}

/// Two ends that are peers of each other.
#[derive(Clone)]
pub struct Pair {
    pub ends: [usize; 2],
    /// Of each end towards the other, in seconds.
    pub keepalives: [Option<u16>; 2],
    /// Which of them has something to send when all is well again.
    pub speaks: [bool; 2],
}

#[derive(Clone, Debug)]
pub struct Step {
    /// From the beginning.
    pub at: Duration,
    pub act: Act,
}

/// What an application's packets are for.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    End { end: usize, is_v6: bool },
    Network(usize),
}

/// How a link treats datagrams in one direction.
#[derive(Clone, Copy, Debug)]
pub struct Quality {
    pub latency: Duration,
    /// Added at random, which reorders.
    pub jitter: Duration,
    /// Of 100 datagrams.
    pub loss: u32,
    /// Of 100 datagrams.
    pub duplication: u32,
    /// Of 100 datagrams, one bit.
    pub corruption: u32,
    /// Octets in an IP packet at the most; what is larger is lost.
    pub mtu: usize,
}

impl Quality {
    pub const GOOD: Self = Self {
        latency: millis(20),
        jitter: Duration::ZERO,
        loss: 0,
        duplication: 0,
        corruption: 0,
        mtu: 1_500,
    };
}

#[derive(Clone, Debug)]
pub enum Act {
    /// Packets of an application, one every `pause`. Their source is the end's own, or in one of [`NETWORKS`].
    Send {
        from: usize,
        target: Target,
        source: Option<usize>,
        packets: usize,
        pause: Duration,
        size: usize,
    },
    /// The link from one end to another is so from now on.
    Link {
        from: usize,
        to: usize,
        quality: Quality,
    },
    /// Nothing passes in this direction until it is mended.
    Cut {
        from: usize,
        to: usize,
    },
    Mend {
        from: usize,
        to: usize,
    },
    /// The end's NAT forgets all mappings.
    Rebind {
        end: usize,
    },
    /// The end has another address; its engine may be told.
    Move {
        end: usize,
        is_told: bool,
    },
    /// The wall clock steps.
    StepClock {
        end: usize,
        seconds: i64,
    },
    Sleep {
        end: usize,
        how_long: Duration,
    },
    /// The end loses all that it does not have in its configuration, and is back after `how_long`.
    Restart {
        end: usize,
        how_long: Duration,
    },
    /// The peer is removed and added again.
    Renew {
        end: usize,
        peer: usize,
    },
    /// Both ends get another preshared key, or none.
    PresharedKey {
        ends: [usize; 2],
        key: Option<u8>,
    },
    Keepalive {
        end: usize,
        peer: usize,
        seconds: Option<u16>,
    },
    /// The peer's name is looked up again.
    Resolve {
        end: usize,
        peer: usize,
    },
    /// One of [`NETWORKS`] is this peer's from now on, or nobody's any more.
    Give {
        end: usize,
        peer: Option<usize>,
        network: usize,
    },
    /// A stranger repeats datagrams that were seen on the wire, by their senders' addresses or by its own.
    Replay {
        datagrams: usize,
        is_spoofed: bool,
    },
    /// A stranger changes datagrams that were seen on the wire, and sends noise.
    Junk {
        end: usize,
        datagrams: usize,
    },
    /// Strangers who know the end's public key begin handshakes from many addresses.
    Flood {
        end: usize,
        datagrams: usize,
    },
}

impl Plan {
    pub fn from_seed(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 0);
        let count = dice.pick(&[2, 2, 2, 3, 3, 4, 5]);
        let ends: Vec<_> = (0..count).map(|end| EndPlan::draw(end, &mut dice)).collect();
        let mut pairs = Vec::new();
        for b in 1..count {
            for a in 0..b {
                // Everybody knows the first end; two that are both behind NATs would never meet.
                if a == 0 || ends[a].nat.is_none() && dice.chance(50) {
                    pairs.push(Pair::draw([a, b], &ends, &mut dice));
                }
            }
        }
        let is_orderly = dice.chance(30);
        let mut plan = Self { seed, ends, pairs, is_orderly, steps: Vec::new() };
        let mut at = Duration::ZERO;
        for _ in 0..5 + dice.below(40) {
            at += match dice.below(10) {
                0..=3 => dice.up_to(millis(50)),
                4..=7 => dice.up_to(secs(8)),
                _ => dice.up_to(secs(150)),
            };
            let act = plan.draw_act(&mut dice);
            plan.steps.push(Step { at, act });
        }
        plan
    }

    fn draw_act(&self, dice: &mut Dice) -> Act {
        let [mut end, mut peer] = dice.pick(&self.pairs).ends;
        if dice.chance(50) {
            std::mem::swap(&mut end, &mut peer);
        }
        match dice.below(100) {
            0..=44 => self.draw_send(end, peer, dice),
            45..=52 => Act::Link { from: end, to: peer, quality: self.draw_quality(dice) },
            53..=57 => Act::Cut { from: end, to: peer },
            58..=64 => Act::Mend { from: end, to: peer },
            65..=67 => Act::Rebind { end },
            68..=71 => Act::Move { end, is_told: dice.chance(70) },
            72..=74 => {
                Act::StepClock { end, seconds: dice.pick(&[-86_400, -30, -1, 1, 45, 86_400, 40_000_000]) }
            }
            75..=78 => Act::Sleep { end, how_long: draw_absence(dice) },
            79..=81 => Act::Restart { end, how_long: dice.up_to(secs(20)) },
            82 => Act::Renew { end, peer },
            83..=84 => Act::PresharedKey { ends: [end, peer], key: dice.pick(&[None, Some(1), Some(2)]) },
            85..=86 => {
                Act::Keepalive { end, peer, seconds: dice.pick(&[None, Some(1), Some(25), Some(180)]) }
            }
            87..=88 => Act::Resolve { end, peer },
            89..=92 => {
                Act::Give { end, peer: dice.chance(80).then_some(peer), network: dice.below(NETWORKS) }
            }
            // What was lost and comes by a stranger later breaks the order.
            93..=95 if !self.is_orderly => {
                Act::Replay { datagrams: 1 + dice.below(30), is_spoofed: dice.chance(50) }
            }
            93..=98 => Act::Junk { end, datagrams: 1 + dice.below(20) },
            _ => Act::Flood { end, datagrams: 100 + dice.below(100) },
        }
    }

    fn draw_send(&self, from: usize, to: usize, dice: &mut Dice) -> Act {
        let target = match dice.below(8) {
            0..=3 => Target::End { end: to, is_v6: false },
            4..=5 => Target::End { end: to, is_v6: true },
            // Of an end that may be no peer.
            6 => Target::End { end: dice.below(self.ends.len()), is_v6: false },
            _ => Target::Network(dice.below(NETWORKS)),
        };
        let (packets, pause) = match dice.below(10) {
            0..=3 => (1, Duration::ZERO),
            4..=5 => (2 + dice.below(40), Duration::ZERO),
            6 => (150 + dice.below(50), Duration::ZERO),
            _ => (2 + dice.below(60), dice.up_to(secs(3))),
        };
        let source = dice.chance(10).then(|| dice.below(NETWORKS));
        Act::Send { from, target, source, packets, pause, size: dice.pick(&[0, 1, 16, 100, 1_350]) }
    }

    fn draw_quality(&self, dice: &mut Dice) -> Quality {
        let loss = dice.pick(&[0, 1, 10, 30, 60, 90]);
        let mtu = dice.pick(&[1_500, 1_500, 1_500, 1_280]);
        if self.is_orderly {
            return Quality { loss, mtu, ..Quality::GOOD };
        }
        Quality {
            latency: dice.up_to(millis(400)),
            jitter: dice.pick(&[0, 0, 5, 100, 1_500]).min(10_000) * millis(1),
            loss,
            duplication: dice.pick(&[0, 0, 5, 50]),
            corruption: dice.pick(&[0, 0, 5, 30]),
            mtu,
        }
    }
}

impl EndPlan {
    /// The first end can be reached by all.
    fn draw(end: usize, dice: &mut Dice) -> Self {
        // With a keepalive of 25 s nothing may be sent for 35 s: what is received 24 s after the last packet is answered
        // 10 s later (behaviours 25 and 27).
        let nat = (end > 0 && dice.chance(40)).then(|| dice.pick(&[secs(40), secs(60), secs(180)]));
        Self { nat, drift: dice.pick(&[0, 0, -1_000, -50, 50, 1_000]) }
    }
}

impl Pair {
    fn draw(ends: [usize; 2], plans: &[EndPlan], dice: &mut Dice) -> Self {
        let keepalives = ends.map(|end| match plans[end].nat {
            Some(_) => dice.pick(&[None, Some(25)]),
            None => dice.pick(&[None, None, None, Some(25), Some(100)]),
        });
        Self { ends, keepalives, speaks: dice.pick(&[[true, true], [true, false], [false, true]]) }
    }
}

/// From a moment to a night.
fn draw_absence(dice: &mut Dice) -> Duration {
    let longest = dice.pick(&[secs(5), secs(60), secs(170), secs(200), secs(600), secs(30_000)]);
    dice.up_to(longest)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (end, EndPlan { nat, drift }) in self.ends.iter().enumerate() {
            writeln!(f, "  end {end}: NAT {nat:?}, drift {drift}")?;
        }
        for Pair { ends: [a, b], keepalives, speaks } in &self.pairs {
            writeln!(f, "  {a} and {b} are peers: keepalives {keepalives:?}, speak at last {speaks:?}")?;
        }
        if self.is_orderly {
            writeln!(f, "  links keep order")?;
        }
        for Step { at, act } in &self.steps {
            writeln!(f, "  {:>12.6} s  {act:?}", at.as_secs_f64())?;
        }
        Ok(())
    }
}
