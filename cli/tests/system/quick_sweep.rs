//! `kill -9` at every moment of `up` and of `down`: whatever was left, `down` clears away, and so does the next `up`; an
//! interface of the same name in another namespace is never touched.

use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

use crate::Case;
use crate::lab::command::Ended;
use crate::lab::daemon::socket;
use crate::lab::host::{Host, QUICK, journal};
use crate::lab::wait::{LONG, holds, until};

pub(crate) const CASES: &[Case] = &[
    Case { name: "up_killed_at_any_moment_can_be_cleared_away", needs: QUICK, run: || sweep("up") },
    Case { name: "down_killed_at_any_moment_can_be_cleared_away", needs: QUICK, run: || sweep("down") },
];

/// How many are killed of each command, and how much later each time.
const KILLS: u32 = 20;
const STEP: Duration = Duration::from_millis(7);

fn sweep(killed: &str) {
    let host = Host::new();
    host.configure("", "0.0.0.0/0, ::/0, 10.77.0.0/16");
    let before = host.state();
    let elsewhere = Host::new();
    elsewhere.netns.run(&format!("ip link add {} type veth peer name other", host.interface));
    let stranger = elsewhere.state();
    for kill in 0..KILLS {
        if killed == "down" {
            host.adit("up").success();
        }
        let child = host.start(killed);
        sleep(STEP * kill);
        kill_at_once(child);
        if kill % 2 == 1 {
            match host.adit("up") {
                up if up.status.success() => {}
                // It had come to its end before it was killed.
                up => assert!(up.stderr.contains("already exists") && is_whole(&host), "kill {kill}: {up:?}"),
            }
            host.adit("down").success();
        } else {
            let down = host.adit("down");
            assert!(down.status.success() || was_not_up(&down), "kill {kill}: {down:?}");
        }
        until("a daemon without its command ends", LONG, || holds(host.netns.processes().is_empty()));
        assert_eq!(host.state(), before, "kill {kill}");
        assert!(!journal(&host.interface).exists() && !socket(&host.interface).exists(), "kill {kill}");
        assert_eq!(elsewhere.state(), stranger, "kill {kill}");
    }
}

fn kill_at_once(mut child: Child) {
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().expect("our child");
}

fn was_not_up(down: &Ended) -> bool {
    down.stderr.contains("is not running here")
}

/// `up` had made everything.
fn is_whole(host: &Host) -> bool {
    std::fs::read_to_string(journal(&host.interface)).is_ok_and(|text| text.ends_with("\"up\"\n"))
}
