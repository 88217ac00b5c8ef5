//! A run from its begin to its end, and what must be true when all is well again and when all is silent.

use std::time::Duration;

use crate::oracle::Violation;
use crate::plan::{Pair, Plan, Target, millis, secs};
use crate::world::{Cause, Summary, World};

/// After the network has healed, traffic flows again within this time.
const HEALED_WITHIN: Duration = secs(10);
/// Where a session was lost that the other end still sends by, the protocol notices it after 15 s and a jitter of 1/3 s
/// (section 6.4), and no sooner: nobody can tell a stranger's word from the peer's.
const NOTICED_WITHIN: Duration = millis(16_500);
/// Who receives data answers it within this time, and so keeps its NAT's mapping.
const ANSWERED_WITHIN: Duration = secs(11);
/// No session is older, clocks' drift included.
const SESSION_LIFE: Duration = secs(190);

const SPEAKING: Duration = secs(20);
const PAUSE: Duration = millis(200);
/// The last keys are wiped after an attempt of 90 s, perhaps, and 540 s.
const SILENCE: Duration = secs(1_000);

pub fn run(plan: &Plan) -> Result<Summary, Violation> {
    let mut world = World::new(plan);
    let last = plan.steps.last().map_or(Duration::ZERO, |step| step.at);
    // Time for the processor to work off what strangers have sent.
    world.advance(last + millis(100))?;
    all_is_well(&mut world)?;
    all_is_silent(&mut world)?;
    Ok(world.summary())
}

/// Traffic flows again wherever either end has something to send and a way to the other.
fn all_is_well(world: &mut World) -> Result<(), Violation> {
    world.heal()?;
    world.advance(world.now + millis(1))?;
    let begin = world.now;
    let mut expected = Vec::new();
    for Pair { ends, speaks, .. } in world.plan.pairs.clone() {
        let (within, silent) = match world.has_forgotten(ends, SESSION_LIFE) {
            true => (NOTICED_WITHIN, NOTICED_WITHIN),
            false => (HEALED_WITHIN, ANSWERED_WITHIN),
        };
        let [a, b] = ends;
        let calls = [speaks[0] && world.reaches(a, b, silent), speaks[1] && world.reaches(b, a, silent)];
        for (from, to, speaks) in [(a, b, speaks[0]), (b, a, speaks[1])] {
            if !speaks {
                continue;
            }
            let left = (SPEAKING.as_millis() / PAUSE.as_millis()) as usize;
            let target = Target::End { end: to, is_v6: false };
            world.schedule(
                begin,
                Cause::Packets { from, target, source: None, left, pause: PAUSE, size: 100 },
            );
            if calls.contains(&true) {
                expected.push((from, to, within));
            }
        }
    }
    world.advance(begin + SPEAKING + secs(1))?;
    for (from, to, within) in expected {
        match world.oracle.missing(from, to, begin + within, begin + SPEAKING) {
            0 => {}
            missing => {
                let what = format!(
                    "{missing} packets from {from} to {to} are lost that were sent {within:?} after the network healed"
                );
                return Err(world.violation(what));
            }
        }
    }
    Ok(())
}

/// Whoever has nothing to do sleeps for ever, and holds nothing.
fn all_is_silent(world: &mut World) -> Result<(), Violation> {
    world.fall_silent();
    world.advance(world.now + SILENCE)?;
    for (number, end) in world.ends.iter().enumerate() {
        let Some(tunnel) = &end.tunnel else { continue };
        if tunnel.poll_timeout().is_some() || tunnel.receiver_indices() > 0 {
            return Err(world.violation(format!("end {number} still waits for something, or holds keys")));
        }
    }
    if world.now - world.sent_at < secs(100) {
        return Err(world.violation("somebody has something to say after all are silent"));
    }
    Ok(())
}
