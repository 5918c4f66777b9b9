#!/usr/bin/env python3
"""Floods: from addresses that are not the sender's, at the server's port; and from a client with a good certificate.
What flows through established sessions goes on."""

import os
import socket
import time

import castnet
import casttest
from castnet import expect, wait_for
from castprobe import Mark, drops, memory, sanitized, wait_seconds
from castrelay import Numbers, Tool, settled
from casttraffic import ETH_P_ALL

ALL = bool(os.environ.get("CASTSWITCH_TEST_ALL"))
RATE = 30_000                # datagrams a second
STREAM = (100, 50, 20, 5)    # Mbit/s: the most of these that this machine carries
SECONDS = 10 if ALL else 3   # of each measurement
KIND_SECONDS = 3 if ALL else 1
ROUNDS = 3
SPARE = 0.01                 # loss that is the machine's own
MORE = 0.01                  # loss that the flood may add
SPOOFED = "10.66.0.0"        # /16
DTLS_HANDSHAKE, DATA = 22, 0xc1  # first bytes; the first datagram of a client is a ClientHello without a cookie
FOREIGN = 9999               # a port of nobody's
VERIFY = 5000                # HelloVerifyRequests a second
A_FEW = 20                   # lines in the log, whatever comes


def setup():
    net = castnet.Net(clients=3)
    net.start_server()
    one = net.clients[0]
    net.hello = os.path.join(net.dir, "hello")
    with open(net.hello, "wb") as f:
        f.write(caught(one, DTLS_HANDSHAKE, one.start))
    for client in net.clients[1:]:
        client.start()
    for client in net.clients:
        client.wait_connected()
    wire_attacker(net)
    return net


def caught(client, first, during=lambda: None):
    """A datagram that the client sends to the server, whose first byte is this."""
    with client.ns.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as s:
        s.bind((client.under, ETH_P_ALL))
        s.settimeout(20)
        during()
        packet = b""
        while packet[22:24] != castnet.PORT.to_bytes(2, "big") or packet[28] != first:
            packet = s.recv(2048)
    return packet[28:]


def wire_attacker(net):
    """Answers to the addresses that he claims come to him, and end there."""
    net.attacker = net.add_namespace("attacker")
    server = net.server.ns
    server.ip("link", "add", "crowd", "type", "veth", "peer", "name", "out", "netns", net.attacker.name)
    for ns, device, address in ((server, "crowd", "203.0.113.1/30"), (net.attacker, "out", "203.0.113.2/30")):
        ns.sysctl(f"ipv6/conf/{device}/disable_ipv6", 1)
        ns.ip("addr", "add", address, "dev", device)
        ns.ip("link", "set", device, "up")
    server.ip("route", "add", f"{SPOOFED}/16", "via", "203.0.113.2")
    net.attacker.ip("route", "add", "default", "via", "203.0.113.1")
    net.foreign = server.socket(socket.AF_INET, socket.SOCK_DGRAM)
    net.closers.append(net.foreign.close)
    net.foreign.bind((castnet.SERVER_UNDER4, FOREIGN))


class Flood(Tool):
    def __init__(self, net, port, rate=RATE, receiver=None):
        more = [f"{receiver:08x}"] if receiver else []
        super().__init__(net, net.attacker, "udpflood", castnet.SERVER_UNDER4, port, SPOOFED, rate, net.hello, *more)

    def go(self):
        self.tell("go")

    def stop(self):
        self.tell("stop")


# --- the port


def carried(net, mbit, flood=None, seconds=SECONDS):
    """Share of a stream between two clients that is lost."""
    one, two, _ = net.clients
    with Numbers(net, one, two, mbit) as sender, Numbers(net, two, one, 0) as receiver:
        if flood:
            flood.go()
        sender.go()
        wait_for("the stream flows", lambda: receiver.stats()["received"] > 50, 10)
        wait_seconds(seconds)
        sender.stop()
        if flood:
            flood.stop()
        sent, got = settled(sender, receiver)
        wanted = seconds * mbit * 1e6 / 8 / Numbers.SIZE
        expect(sent > 0.5 * wanted, f"only {sent} of {wanted:.0f} datagrams could be sent")
    return 1 - (got["received"] - got["twice"]) / sent


def sustainable(net, foreign):
    """Mbit/s that flow undisturbed while the flood goes elsewhere."""
    for mbit in STREAM:
        quiet, beside = carried(net, mbit), carried(net, mbit, foreign)
        casttest.note(f"{mbit} Mbit/s: {quiet * 100:.2f} % lost, {beside * 100:.2f} % while {RATE} datagrams a second "
                      f"go to a foreign socket")
        if max(quiet, beside) < SPARE:
            return mbit
    raise castnet.Skip(f"this machine can't carry {STREAM[-1]} Mbit/s beside such a flood")


def more(after, before):
    return {key: n - before.get(key, 0) for key, n in after.items() if n > before.get(key, 0)}


def flooded(net, ours):
    """The stream while the flood comes to us, and while it goes elsewhere; what the server dropped meanwhile, and its
    answers a second."""
    mark, before, answers, sending = Mark(net.server), drops(net.server), -net.attacker.counters("out")["rx_packets"], 0
    with Flood(net, FOREIGN) as foreign:
        mbit = sustainable(net, foreign)
        beside, within = [], []
        for _ in range(ROUNDS):
            beside.append(carried(net, mbit, foreign))
            begin = time.monotonic()
            within.append(carried(net, mbit, ours))
            sending += time.monotonic() - begin
    answers = (answers + net.attacker.counters("out")["rx_packets"]) / sending
    counted, sent = more(drops(net.server), before), ours.stats()["sent"]
    casttest.note(f"{sent} datagrams of the flood; the server answered {answers:.0f} a second and dropped {counted}")
    casttest.note(f"{mbit} Mbit/s: lost " +
                  ", ".join(f"{b * 100:.2f} -> {w * 100:.2f} %" for b, w in zip(beside, within)))
    expect(sent > 0.5 * RATE * SECONDS * ROUNDS, f"the flood was no flood: {sent}")
    expect(sorted(within)[ROUNDS // 2] <= sorted(beside)[ROUNDS // 2] + MORE,
           f"lost {within} under the flood, {beside} beside it")
    expect(len(mark.lines()) <= A_FEW, f"{len(mark.lines())} lines: {mark.lines()[:A_FEW]}")
    expect(len(net.peers()) == len(net.clients), f"peers are {list(net.peers())}")
    return sent, counted, answers


@casttest.case("ClientHellos and garbage from spoofed addresses: a stream loses at most 1 % more than beside them")
def spoofed(net):
    with Flood(net, castnet.PORT) as ours:
        sent, counted, answers = flooded(net, ours)
    expect(0 < answers < VERIFY * 1.2, f"{answers:.0f} answers a second")
    seen = sum(n for (where, reason), n in counted.items() if reason == "unknown-receiver")
    expect(seen > 0.2 * sent, f"the server has not seen it: {counted}")


@casttest.case("forged packets of the very session that carries the stream")
def forged(net):
    """To the session's number, which anybody on the path knows."""
    one = net.clients[0]
    receiver = int.from_bytes(caught(one, DATA)[1:5], "big")
    with Flood(net, castnet.PORT, receiver=receiver) as ours:
        sent, counted, _ = flooded(net, ours)
    expect(counted.get((one.name, "auth"), 0) > 0.2 * sent, f"the server has not seen it: {counted}")


# --- an authenticated peer

KINDS = ("control", "push", "fragment", "kind", "forged", "again", "ask", "runt")
BAD = "badpeer"


class BadPeer(Tool):
    """tests/net/badpeer in client 3's place, with a certificate of its own."""

    def __init__(self, net):
        super().__init__(net, net.clients[2].ns, "badpeer", net.pki, castnet.SERVER_UNDER4, castnet.PORT, BAD, RATE)
        self.kind = "all"
        wait_for("the bad peer is connected", lambda: BAD in net.peers())

    def go(self):
        self.tell(f"go {self.kind}")

    def stop(self):
        self.tell("stop")


@casttest.case("a peer floods with bad data, CONTROL and fragments: it costs only itself")
def bad_peer(net):
    """One kind after the other, and all of them."""
    mark, pid = Mark(net.server), net.server.program.pid
    others = {c.name: net.peers()[c.name]["since_s"] for c in net.clients}
    with Flood(net, FOREIGN) as foreign:
        mbit = sustainable(net, foreign)
    with BadPeer(net) as peer:
        begin = sum(memory(pid))
        for kind in (*KINDS, "all"):
            bad_kind(net, peer, kind, mbit)
        grown = sum(memory(pid)) - begin
        casttest.note(f"the server has {grown / 1024:.0f} KiB more")
        expect(grown < 4 << 20 or sanitized(pid), f"the server has {grown} bytes more")
    for name, since in others.items():
        expect(net.peers()[name]["since_s"] > since, f"{name} has another session")
    expect(len(mark.lines()) <= A_FEW, f"{len(mark.lines())} lines: {mark.lines()[:A_FEW]}")


def bad_kind(net, peer, kind, mbit):
    before, peer.kind, sent = drops(net.server), kind, peer.stats()["sent"]
    lost = carried(net, mbit, peer, KIND_SECONDS)
    counted, now = more(drops(net.server), before), peer.stats()
    sent = now["sent"] - sent
    casttest.note(f"{kind}: {sent} sent, {lost * 100:.2f} % of {mbit} Mbit/s lost; dropped: " +
                  ", ".join(f"{n} {reason} at {where}" for (where, reason), n in counted.items()))
    expect(now["up"] and BAD in net.peers(), f"{kind}: its session has ended")
    expect(sent > 0.5 * RATE * KIND_SECONDS, f"{kind}: only {sent} sent")
    expect(lost < SPARE + MORE, f"{kind}: others lost {lost * 100:.2f} %")
    others = [key for key in counted if key[0] in {c.name for c in net.clients}]
    expect(not others, f"{kind}: {counted}")


if __name__ == "__main__":
    casttest.main(setup)
