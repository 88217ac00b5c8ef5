//! Sleep: a daemon that has nothing to do does nothing at all. These tests mostly wait, and give the cores up to the
//! others meanwhile.

use std::thread::sleep;
use std::time::Duration;

use crate::lab::daemon::HiddenSocket;
use crate::lab::daemon::Kind::Adit;
use crate::lab::needs::Need;
use crate::lab::process::{Activity, next_timer};
use crate::lab::trace::Trace;
use crate::lab::tunnel::{Family, Lab, Tunnel};
use crate::lab::wait::{LONG, holds, until};
use crate::{Case, cores};

pub(crate) const CASES: &[Case] = &[Case {
    name: "a_silent_session_makes_no_system_call_in_a_minute",
    needs: &[
        Need::Root,
        Need::Program("wg"),
        Need::Program("ping"),
        Need::Program("sysctl"),
        Need::Program("strace"),
    ],
    run: a_silent_session,
}];

const MINUTE: Duration = Duration::from_secs(60);

/// Passive keepalives go 10 s after the last data, and what was armed before them runs out 5 s later.
const SILENCE: Duration = Duration::from_secs(60);

fn a_silent_session() {
    let busy = cores();
    let lab = Lab::new();
    for netns in [&lab.left, &lab.right] {
        // The system would ask for routers again and again, with packets like others.
        netns.run("sysctl -q -w net.ipv6.conf.default.router_solicitations=0");
    }
    let Tunnel { left, right } = Tunnel::new(&lab, Adit, Adit, Family::V4);
    left.ping(right.addresses.inside(Family::V4));
    right.ping(left.addresses.inside(Family::V4));
    let ends = [&left, &right];
    let hidden = ends.map(|end| HiddenSocket::of(&end.daemon));
    drop(busy);

    for end in ends {
        let process = end.daemon.process();
        until("nothing is due for more than a minute", SILENCE, || {
            holds(next_timer(process).is_none_or(|next| next > MINUTE + 2 * LONG))
        });
    }
    let traces = ends.map(|end| Trace::attach(end.daemon.process()));
    let calls = || traces.each_ref().map(Trace::text);
    let activity = || ends.map(|end| Activity::of(end.daemon.process()));
    let before = (calls(), activity());
    sleep(MINUTE);
    assert_eq!((calls(), activity()), before, "system calls, and context switches and processor time");

    // The session stands, and the traces would have told.
    let _busy = cores();
    drop(hidden);
    left.ping(right.addresses.inside(Family::V4));
    for (now, then) in calls().iter().zip(before.0) {
        assert!(now.len() > then.len(), "a ping is in the trace");
    }
}
