#!/bin/sh
# lab.sh COMMAND...: runs a test of the native interface, in whatever language, where a foreign peer waits for it. Needs
# root, iproute2, `wg`, and wireguard-go, named by ADIT_TEST_WIREGUARD_GO.
#
# The command runs in a network namespace of its own, with a cable to a second one where wireguard-go is the peer. No
# name server answers there: the app's own `resolve` must. It is told all it needs in the environment:
#
#   ADIT_LAB_CONFIG        a configuration as from a QR code, with a command in it that must not run
#   ADIT_LAB_CONFIG_2      the same peer with one more allowed IP, and no keepalive
#   ADIT_LAB_PEER_NAME     the host of both configurations' endpoint ...
#   ADIT_LAB_PEER_ADDRESS  ... and what it resolves to
#   ADIT_LAB_INSIDE        answers pings through the tunnel with either configuration
#   ADIT_LAB_INSIDE_2      answers with the second only
#   ADIT_LAB_TRAP          a file that is there if the command was run
#
# Whatever happens, nothing is left behind. The exit status is the command's.
set -eu

if [ $# -eq 0 ]; then
    echo "usage: lab.sh COMMAND..." >&2
    exit 2
fi
wireguard_go=${ADIT_TEST_WIREGUARD_GO:?the program wireguard-go}
app=adit-app-$$
far=adit-far-$$
# UAPI sockets are of the whole machine, whatever the namespace.
interface=adf$$
work=$(mktemp -d)
daemon=

clean_up() {
    trap - EXIT HUP INT TERM
    if [ -n "$daemon" ]; then kill "$daemon" 2>/dev/null || true; wait "$daemon" || true; fi
    for namespace in "$app" "$far"; do ip netns delete "$namespace" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# The cable.
for namespace in "$app" "$far"; do
    ip netns add "$namespace"
    ip -n "$namespace" link set lo up
done
ip -n "$app" link add eth0 type veth peer name eth0 netns "$far"
ip -n "$app" address add 192.0.2.1/24 dev eth0
ip -n "$far" address add 192.0.2.2/24 dev eth0
ip -n "$app" link set eth0 up
ip -n "$far" link set eth0 up

# The foreign peer.
umask 077
wg genkey >"$work/app.key"
wg genkey >"$work/far.key"
wg genpsk >"$work/shared.key"
far_key=$(wg pubkey <"$work/far.key")
LOG_LEVEL=error WG_PROCESS_FOREGROUND=1 ip netns exec "$far" "$wireguard_go" -f "$interface" >"$work/log" 2>&1 &
daemon=$!
tries=0
until wg show "$interface" >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 200 ]; then
        echo "lab.sh: wireguard-go did not start:" >&2
        cat "$work/log" >&2
        exit 1
    fi
    sleep 0.1
done
wg set "$interface" listen-port 51820 private-key "$work/far.key" \
    peer "$(wg pubkey <"$work/app.key")" preshared-key "$work/shared.key" allowed-ips 10.113.0.1/32
ip -n "$far" address add 10.113.0.2/24 dev "$interface"
ip -n "$far" address add 10.113.7.2/32 dev "$interface"
ip -n "$far" link set "$interface" mtu 1420 up

# What the test is told.
export ADIT_LAB_PEER_NAME=peer.lab.example
export ADIT_LAB_PEER_ADDRESS=192.0.2.2
export ADIT_LAB_INSIDE=10.113.0.2
export ADIT_LAB_INSIDE_2=10.113.7.2
export ADIT_LAB_TRAP="$work/trap"
peer="[Peer]
PublicKey = $far_key
PresharedKey = $(cat "$work/shared.key")
Endpoint = $ADIT_LAB_PEER_NAME:51820"
export ADIT_LAB_CONFIG="[Interface]
PrivateKey = $(cat "$work/app.key")
Address = 10.113.0.1/24
PostUp = touch $ADIT_LAB_TRAP

$peer
AllowedIPs = 10.113.0.2/32
PersistentKeepalive = 25
"
export ADIT_LAB_CONFIG_2="[Interface]
PrivateKey = $(cat "$work/app.key")
Address = 10.113.0.1/24

$peer
AllowedIPs = 10.113.0.2/32, 10.113.7.2/32
"
status=0
ip netns exec "$app" "$@" || status=$?
exit "$status"
