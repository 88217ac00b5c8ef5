"""The native interface from outside: a program that drives a tunnel through the generated module, against a foreign
peer. Runs in lab.sh, which says what the environment holds, with the module in PYTHONPATH."""

import asyncio
import fcntl
import gc
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import weakref

import adit

CONFIG = os.environ["ADIT_LAB_CONFIG"]
CONFIG_2 = os.environ["ADIT_LAB_CONFIG_2"]
PEER_NAME = os.environ["ADIT_LAB_PEER_NAME"]
PEER_ADDRESS = os.environ["ADIT_LAB_PEER_ADDRESS"]
INSIDE = os.environ["ADIT_LAB_INSIDE"]
INSIDE_2 = os.environ["ADIT_LAB_INSIDE_2"]
TRAP = pathlib.Path(os.environ["ADIT_LAB_TRAP"])

# Longer than anything takes; a test that waits so long has failed.
PATIENCE = 20

# linux/if_tun.h
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000

# linux/udp.h
UDP_GRO = 104

INTERFACE = "tun0"


class Service(adit.PlatformHooks, adit.TunnelObserver):
    """An app's service: it holds the tunnel, and is the tunnel's hooks and observer."""

    def __init__(self):
        self.tunnel = adit.Tunnel()
        self.protected = []
        self.asked_for = []
        self.events = []

    def protect(self, socket_fd):
        # Android's VpnService needs an open socket, and so does this.
        os.fstat(socket_fd)
        self.protected.append(socket_fd)

    def resolve(self, host):
        self.asked_for.append(host)
        return [PEER_ADDRESS]

    def on_event(self, event):
        self.events.append(event)

    def start(self, config, tun):
        return self.tunnel.start(config, tun, self, self)

    def seen(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


class Refuses(Service):
    def protect(self, socket_fd):
        raise PermissionError("no VPN permission")


class KnowsNoNames(Service):
    def resolve(self, host):
        raise adit.HookError.Failed("no network")


class Hangs(Service):
    """Looks for a name until it is let go."""

    def __init__(self):
        super().__init__()
        self.entered = threading.Event()
        self.released = threading.Event()

    def resolve(self, host):
        self.entered.set()
        self.released.wait(PATIENCE)
        return [PEER_ADDRESS]


def open_tun():
    """A TUN descriptor, as a VPN API hands it over."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", INTERFACE.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def set_up(settings):
    """What a VPN API does with the settings."""
    for address in settings.addresses:
        ip("address", "add", f"{address.address}/{address.prefix_length}", "dev", INTERFACE)
    ip("link", "set", INTERFACE, "mtu", str(settings.mtu), "up")
    for route in settings.included_routes:
        ip("route", "replace", f"{route.address}/{route.prefix_length}", "dev", INTERFACE)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def answers(address, count=3):
    """Whether the system's ping gets every answer."""
    ping = ["ping", "-c", str(count), "-i", "0.05", "-W", "5", address]
    said = subprocess.run(ping, capture_output=True, text=True).stdout
    return f"{count} packets transmitted, {count} received" in said


def descriptors():
    """What this process has open. The folder itself is open only while it is read."""
    opened = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            opened[int(number)] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            pass
    return opened


def coalescing():
    """Whether each of this process's UDP sockets takes runs of datagrams as one."""
    found = []
    for number, target in descriptors().items():
        if not target.startswith("socket:"):
            continue
        with socket.socket(fileno=os.dup(number)) as held:
            if held.family in (socket.AF_INET, socket.AF_INET6) and held.type == socket.SOCK_DGRAM:
                found.append(held.getsockopt(socket.IPPROTO_UDP, UDP_GRO) == 1)
    return found


def threads():
    """The tunnel's threads by name."""
    names = []
    for thread in pathlib.Path("/proc/self/task").iterdir():
        try:
            names.append((thread / "comm").read_text().strip())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return [name for name in names if name.startswith("adit")]


def until(what, condition):
    """Asks again and again until it is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {PATIENCE} s")
        time.sleep(0.02)


def is_gone(reference):
    gc.collect()
    return reference() is None


def by_address(text):
    """The same configuration without a name in it."""
    return text.replace(PEER_NAME, PEER_ADDRESS)


class TunnelTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        # The tests ping while the loop waits, and are not to be told so.
        asyncio.get_running_loop().slow_callback_duration = PATIENCE
        # The first event loop of a process opens descriptors that are never closed.
        with open(os.devnull) as no_tun, self.assertRaises(adit.TunnelError.TunDescriptor):
            tun = adit.TunFd.BORROWED(fd=no_tun.fileno())
            await Service().start(adit.parse_qr(by_address(CONFIG)).config, tun)
        until("no thread", lambda: not threads())
        gc.collect()
        self.before = descriptors()

    def assert_nothing_is_left(self, service):
        """Takes the test's own reference as a list of one, which it empties."""
        reference = weakref.ref(service.pop())
        until("nobody holds the service", lambda: is_gone(reference))
        until("no thread is left", lambda: not threads())
        self.assertEqual(descriptors(), self.before)

    async def test_from_a_qr_code_to_the_stop(self):
        parsed = adit.parse_qr(CONFIG)
        self.assertEqual([warning.kind for warning in parsed.warnings], [adit.WarningKind.DROPPED])
        self.assertNotIn(CONFIG.split("PrivateKey = ")[1][:44], repr(parsed) + str(parsed))
        service = Service()
        tunnel = service.tunnel
        tun = open_tun()
        settings = adit.network_settings(parsed.config, adit.Platform.ANDROID)
        set_up(settings)
        await service.start(parsed.config, adit.TunFd.OWNED(fd=tun))

        self.assertTrue(answers(INSIDE))
        self.assertFalse(answers(INSIDE_2, count=1))
        self.assertEqual(service.asked_for, [PEER_NAME])
        self.assertEqual(len(service.protected), 2)
        until("connected", lambda: service.seen(adit.Event.CONNECTED))
        endpoints = [event.endpoint for event in service.seen(adit.Event.RESOLVED)]
        self.assertEqual(endpoints, [f"{PEER_ADDRESS}:51820"])
        [peer] = tunnel.stats().peers
        self.assertEqual(peer.public_key, parsed.config.peers[0].public_key)
        self.assertEqual(peer.endpoint, f"{PEER_ADDRESS}:51820")
        self.assertGreater(peer.received_octets, 3 * 84)
        self.assertIsNotNone(peer.latest_handshake)

        # Another allowed IP, while it runs: the session stays.
        changed = adit.parse_qr(CONFIG_2).config
        await tunnel.set_config(changed)
        set_up_again = adit.network_settings(changed, adit.Platform.ANDROID)
        for route in set_up_again.included_routes:
            ip("route", "replace", f"{route.address}/{route.prefix_length}", "dev", INTERFACE)
        self.assertTrue(answers(INSIDE))
        self.assertTrue(answers(INSIDE_2))
        self.assertEqual(tunnel.stats().peers[0].latest_handshake, peer.latest_handshake)
        self.assertEqual(len(service.seen(adit.Event.CONNECTED)), 1)

        # Another network: new sockets, the same tunnel.
        tunnel.network_changed()
        self.assertEqual(len(service.protected), 4)
        self.assertTrue(answers(INSIDE))

        await tunnel.stop()
        with self.assertRaises(adit.TunnelError.InvalidState):
            tunnel.stats()
        self.assertFalse(pathlib.Path(f"/sys/class/net/{INTERFACE}").exists())
        self.assertFalse(TRAP.exists())
        self.assertEqual(service.seen(adit.Event.FAILED), [])
        await tunnel.stop()
        del tunnel
        held = [service]
        del service
        self.assert_nothing_is_left(held)

    async def test_an_app_can_switch_offload_off(self):
        config = adit.parse_qr(by_address(CONFIG)).config
        for offload, expected in [
            (None, [True, True]),
            (adit.Offload(udp=False), [False, False]),
            (adit.Offload(tun=False), [True, True]),
        ]:
            with self.subTest(offload=offload):
                service = Service()
                if offload is not None:
                    service.tunnel.set_offload(offload)
                tun = open_tun()
                set_up(adit.network_settings(config, adit.Platform.ANDROID))
                await service.start(config, adit.TunFd.OWNED(fd=tun))
                self.assertEqual(coalescing(), expected)
                self.assertTrue(answers(INSIDE))
                await service.tunnel.stop()

    async def test_a_failed_start_holds_nothing(self):
        config = adit.parse_qr(CONFIG).config
        cases = [
            (Service, lambda: os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC), adit.TunnelError.TunDescriptor),
            (Service, lambda: -1, adit.TunnelError.TunDescriptor),
            (Refuses, open_tun, adit.TunnelError.Protect),
            (KnowsNoNames, open_tun, adit.TunnelError.Resolve),
        ]
        for kind, open_descriptor, expected in cases:
            held = [kind()]
            with self.assertRaises(expected) as caught:
                await held[0].start(config, adit.TunFd.OWNED(fd=open_descriptor()))
            self.assertTrue(caught.exception.reason)
            del caught
            reference = weakref.ref(held.pop())
            until("nobody holds the service", lambda: is_gone(reference))
        until("no thread is left", lambda: not threads())
        self.assertEqual(descriptors(), self.before)

    async def test_an_exception_of_the_app_is_told_in_its_words(self):
        config = adit.parse_qr(CONFIG).config
        with self.assertRaisesRegex(adit.TunnelError.Protect, "no VPN permission"):
            await Refuses().start(config, adit.TunFd.OWNED(fd=open_tun()))
        with self.assertRaisesRegex(adit.TunnelError.Resolve, "no network") as caught:
            await KnowsNoNames().start(config, adit.TunFd.OWNED(fd=open_tun()))
        self.assertEqual(caught.exception.host, PEER_NAME)

    async def test_a_stop_ends_a_start_that_waits_for_a_name(self):
        service = Hangs()
        start = asyncio.create_task(service.start(adit.parse_qr(CONFIG).config, adit.TunFd.OWNED(fd=open_tun())))
        await asyncio.to_thread(service.entered.wait, PATIENCE)
        await service.tunnel.stop()
        with self.assertRaises(adit.TunnelError.InvalidState):
            await start
        self.assertFalse(pathlib.Path(f"/sys/class/net/{INTERFACE}").exists())
        service.released.set()
        del start
        held = [service]
        del service
        self.assert_nothing_is_left(held)

    async def test_a_cancelled_start_leaves_nothing_and_may_be_followed_by_another(self):
        service = Hangs()
        config = adit.parse_qr(CONFIG).config
        start = asyncio.create_task(service.start(config, adit.TunFd.OWNED(fd=open_tun())))
        await asyncio.to_thread(service.entered.wait, PATIENCE)
        start.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await start
        await service.tunnel.stop()
        self.assertFalse(pathlib.Path(f"/sys/class/net/{INTERFACE}").exists())

        service.released.set()
        await service.start(config, adit.TunFd.OWNED(fd=open_tun()))
        with self.assertRaises(adit.TunnelError.InvalidState):
            await service.start(config, adit.TunFd.BORROWED(fd=0))
        await service.tunnel.stop()
        del start
        held = [service]
        del service
        self.assert_nothing_is_left(held)

    async def test_an_interface_that_is_deleted_is_told_and_everything_is_released(self):
        service = Service()
        await service.start(adit.parse_qr(CONFIG).config, adit.TunFd.OWNED(fd=open_tun()))
        ip("link", "delete", INTERFACE)
        until("told", lambda: service.seen(adit.Event.FAILED))
        self.assertEqual(service.events[-1].cause, adit.FailedCause.TUN_GONE)
        held = [service]
        del service
        self.assert_nothing_is_left(held)

    def test_the_guide_s_program_runs(self):
        guide = pathlib.Path(__file__).parent.parent / "README.md"
        [program] = re.findall(r"```python\n(.*?)```", guide.read_text(), re.DOTALL)
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / "guide.py"
            script.write_text(program)
            ran = subprocess.run(
                [sys.executable, str(script)],
                input=by_address(CONFIG),
                capture_output=True,
                text=True,
                timeout=3 * PATIENCE,
            )
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("connected", ran.stdout)
        self.assertEqual(ran.stderr, "")


class TextTest(unittest.TestCase):
    def test_an_error_has_fields(self):
        with self.assertRaises(adit.ConfigError.Text) as caught:
            adit.parse_config("[Interface]\nListenPort = 65536\n")
        error = caught.exception
        self.assertEqual((error.line, error.key, error.text), (2, "ListenPort", "65536"))
        self.assertTrue(error.rule.is_INVALID_NUMBER())

    def test_keys_are_objects_that_do_not_print_secrets(self):
        private_key = adit.generate_private_key()
        text = private_key.to_base64()
        self.assertEqual(private_key, adit.PrivateKey.from_base64(text))
        self.assertNotIn(text, f"{private_key} {private_key!r}")
        public_key = adit.public_key(private_key)
        self.assertEqual({public_key: 1}[adit.PublicKey.from_base64(str(public_key))], 1)
        with self.assertRaises(adit.KeysError.InvalidKey):
            adit.PublicKey.from_base64("no key")

    def test_a_configuration_becomes_text_and_a_picture(self):
        config = adit.parse_qr(CONFIG).config
        self.assertEqual(adit.parse_config(adit.to_quick(config)).config, config)
        self.assertIn("<svg", adit.qr_svg(config))


if __name__ == "__main__":
    unittest.main(verbosity=2)
