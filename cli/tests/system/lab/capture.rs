//! What leaves a client at home, seen on the cable by tcpdump.

use std::fs::File;
use std::net::UdpSocket;
use std::os::unix::fs::FileExt;
use std::process::{Child, Stdio};

use super::internet::{CLIENT, HOME, Internet};
use super::netns::Netns;
use super::wait::{LONG, holds, until};

/// The discard port: what arrives there says that all before it has been seen.
const DISCARD: u16 = 9;

/// A running capture, at the router's end of the client's cable.
pub(crate) struct Capture {
    tcpdump: Child,
    output: File,
    router: Netns,
}

impl Capture {
    /// Begins to watch for packets of the client other than WireGuard's to this server. What machines on one cable
    /// must say to each other to find themselves is no leak.
    pub(crate) fn of_leaks(internet: &Internet, server: &str, port: u16) -> Self {
        let router = internet.router.clone();
        let filter = format!(
            "(ether src {} and not (udp and dst host {server} and dst port {port}) and not arp and not dst net ff02::/16 \
             and not (icmp6 and ip6[40] >= 133 and ip6[40] <= 136)) or {}",
            internet.client.run("cat /sys/class/net/eth0/address").trim_end(),
            mark_filter()
        );
        let output = tempfile::tempfile().expect("a file in the temporary folder");
        let writer = || Stdio::from(output.try_clone().expect("a second handle of our file"));
        let tcpdump = router
            .command("tcpdump")
            .args(["-n", "-l", "--immediate-mode", "-s", "256", "-i", HOME, &filter])
            .stdin(Stdio::null())
            .stdout(writer())
            .stderr(writer())
            .spawn()
            .expect("ip, of iproute2");
        let capture = Self { tcpdump, output, router };
        until("tcpdump listens", LONG, || holds(capture.text().contains("listening on")));
        capture
    }

    /// What has left until now, a line a packet.
    pub(crate) fn lines(self) -> Vec<String> {
        let [gateway, _] = CLIENT.router();
        self.router
            .inside(|| UdpSocket::bind((gateway, DISCARD))?.send_to(b"the end", (CLIENT.v4, DISCARD)))
            .expect("the client is on the same cable");
        let mark = format!("{gateway}.{DISCARD} > {}.{DISCARD}: UDP", CLIENT.v4);
        let text = until("tcpdump sees the mark", LONG, || {
            let text = self.text();
            text.contains(&mark).then_some(text)
        });
        let packets = text.lines().skip_while(|line| !line.contains("listening on")).skip(1);
        packets.take_while(|line| !line.contains(&mark)).map(str::to_owned).collect()
    }

    fn text(&self) -> String {
        let len = self.output.metadata().expect("our own file").len();
        let mut text = vec![0; usize::try_from(len).expect("a capture is small")];
        // Where tcpdump writes on, which has the same handle, is left alone.
        self.output.read_exact_at(&mut text, 0).expect("a file only grows");
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = self.tcpdump.kill();
        let _ = self.tcpdump.wait();
    }
}

fn mark_filter() -> String {
    let [gateway, _] = CLIENT.router();
    format!("(udp and src host {gateway} and dst port {DISCARD})")
}
