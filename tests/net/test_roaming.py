#!/usr/bin/env python3
"""Clients that move: a NAT forgets them, their address changes.  The session goes on without a handshake; and nobody
who records or copies datagrams gets it."""

import contextlib
import select
import time

import castnet
import casttest
from castnet import expect, wait_for
from castprobe import Mark, drops
from castrelay import ALL, Numbers, RelayedNet, settled
from casttraffic import MSEC, Pump, Reference, now

MBIT = 8
GAP = 200 * MSEC   # from the first datagram on the new path
SILENT = 1000 * MSEC  # for who sends nothing
CHALLENGE = 64     # bytes; data is longer by far
ATTACK = 5         # seconds


def setup():
    net = RelayedNet(clients=2, over_ipv6=(2,))
    net.pump = Pump()
    net.closers.append(net.pump.close)
    net.reference = Reference(net.pump, net)
    net.start()
    return net


def peer(net, client):
    return net.peers()[client.name]


def host_of(net, client):
    """Where the server thinks it is, without the port."""
    return peer(net, client)["address"].rpartition(":")[0].strip("[]")


@contextlib.contextmanager
def same_session(net, client):
    """No handshake, and nobody says that anything is wrong."""
    marks = [Mark(client), Mark(net.server)]
    before, mono = peer(net, client)["since_s"], time.monotonic()
    yield
    after, passed = peer(net, client)["since_s"], time.monotonic() - mono
    expect(abs(after - before - passed) < 1,
           f"{client.name}: the session of {before} s is one of {after} s after {passed} s")
    for mark in marks:
        expect(not mark.matching(r".*(connect|warning|error).*"), f"{mark.host.name} says {mark.lines()}")


@contextlib.contextmanager
def playing(net, client, up=MBIT, down=MBIT):
    """(stream's end at the client, at the server), while both flow that should."""
    with Numbers(net, client, net.server, up) as one, Numbers(net, net.server, client, down) as other:
        one.go()
        other.go()
        for sends, receiver in ((up, other), (down, one)):
            wait_for("the stream flows", lambda s=sends, r=receiver: not s or r.stats()["received"] > 100)
        yield one, other


def wait_new_path(relay):
    """(first datagram up, first datagram down) of the present mapping."""
    stats = wait_for("an answer by the new path", lambda: (s := relay.stats())["first_down"] and s, 5)
    return stats["first_up"], stats["first_down"]


# --- a NAT


def rebinding(net, client):
    """Both ways; what goes up is delivered whatever path it takes."""
    relay = client.relay

    def measure():
        relay.rebind()
        at, answered = wait_new_path(relay)
        # What comes down on the new path first is a challenge.
        first = wait_for("the stream is back", lambda: one.after(answered), 5)
        wait_for("the server knows the new path", lambda: host_of(net, client) == relay.source)
        return at, first

    with playing(net, client) as (one, other), same_session(net, client):
        before = relay.stats()
        for i in range(3):
            casttest.timely(f"{client.name}, rebinding {i + 1}: from the first datagram to the stream", GAP, measure,
                            net.reference)
        one.stop()
        sent, got = settled(one, other)
        after = relay.stats()
    expect(got["end"] == sent and got["lost"] == got["full"], f"up: {got} of {sent} sent")
    casttest.note(f"{after['stale_packets'] - before['stale_packets']} datagrams went to the old paths")


@casttest.case("NAT rebinding while a stream plays both ways: no handshake, no loss up, a gap below 200 ms down")
def rebinding_ipv4(net):
    rebinding(net, net.clients[0])


@casttest.case("the same over IPv6")
def rebinding_ipv6(net):
    rebinding(net, net.clients[1])


@casttest.case("a client that only receives is rebound silently: its stream is back within 1 s")
def silent(net):
    client = net.clients[0]
    relay = client.relay

    def measure():
        before, begin = relay.stats()["up_in"], now()
        relay.rebind()
        _, answered = wait_new_path(relay)
        first = wait_for("the stream is back", lambda: one.after(answered), 5)
        wait_for("the server knows the new path", lambda: host_of(net, client) == relay.source)
        casttest.note(f"the client sent {relay.stats()['up_in'] - before} datagrams")
        return begin, first

    with playing(net, client, up=0) as (one, _), same_session(net, client):
        for _ in range(3):
            casttest.timely("from the rebinding to the stream", SILENT, measure, net.reference)


@casttest.case("rebinding on a path that loses 5 %: no handshake")
def rebinding_lossy(net):
    client = net.clients[0]
    relay = client.relay
    relay.set(loss=5)
    try:
        with playing(net, client) as (one, _), same_session(net, client):
            for _ in range(5):
                relay.rebind()
                _, answered = wait_new_path(relay)
                wait_for("the server knows the new path", lambda: host_of(net, client) == relay.source)
                wait_for("the stream is back", lambda a=answered: one.after(a), 5)
    finally:
        relay.clean()


# --- its own address


def moved(net, client, move):
    relay = client.relay

    def measure():
        before = relay.stats()["mappings"]
        move()
        wait_for("the relay has seen the new address", lambda: relay.stats()["mappings"] > before, 5)
        at, answered = wait_new_path(relay)
        return at, wait_for("the stream is back", lambda: one.after(answered), 5)

    with playing(net, client) as (one, _), same_session(net, client):
        casttest.timely("from the first datagram to the stream", GAP, measure, net.reference)


@casttest.case("the client's address changes: no handshake")
def address(net):
    client = net.clients[0]
    addresses = [f"198.18.{client.number}.{i}/24" for i in range(2, 20)]

    def move():
        old = addresses.pop(0)
        client.ns.ip("addr", "del", old, "dev", client.under)
        client.ns.ip("addr", "add", addresses[0], "dev", client.under)
        client.ns.ip("route", "replace", "default", "via", f"198.18.{client.number}.1")

    moved(net, client, move)


@casttest.case("another interface with another address takes over: no handshake")
def interface(net):
    """From a cable to a hotspot, and back."""
    client = net.clients[0]
    n = client.number
    client.relay_ns.ip("link", "add", "near2", "type", "veth", "peer", "name", "hotspot", "netns", client.ns.name)
    for ns, device, last in ((client.relay_ns, "near2", 1), (client.ns, "hotspot", 2)):
        ns.sysctl(f"ipv6/conf/{device}/disable_ipv6", 1)
        ns.ip("addr", "add", f"198.19.{n}.{last}/24", "dev", device)
        ns.ip("link", "set", device, "up")

    def away():
        client.ns.ip("link", "set", client.under, "down")
        client.ns.ip("route", "replace", "default", "via", f"198.19.{n}.1")

    def back():
        client.ns.ip("link", "set", client.under, "up")
        client.ns.ip("link", "del", "hotspot")
        client.ns.ip("route", "replace", "default", "via", f"198.18.{n}.1")

    moved(net, client, away)
    moved(net, client, back)


# --- who wants a session that is not his


@casttest.case("datagrams replayed from elsewhere: the session stays where it is, nothing goes there")
def replayed(net):
    client = net.clients[0]
    relay = client.relay
    with playing(net, client) as (one, other), same_session(net, client):
        home = peer(net, client)["address"]
        before, drops_before = relay.stats(), drops(net.server).get((client.name, "replay"), 0)
        relay.foreign()
        count = 0
        for _ in range(20):
            count += relay.replay(100)  # more at once may be more than the kernel queues between namespaces
            wait_for("the stream goes on", lambda e=other.stats()["end"]: other.stats()["end"] > e + 50)
            expect(peer(net, client)["address"] == home, f"the session went to {peer(net, client)['address']}")
        after = relay.stats()
        one.stop()
        other.stop()
        for way, sender, receiver in (("up", one, other), ("down", other, one)):
            sent, got = settled(sender, receiver)
            expect(got["end"] == sent and got["lost"] == got["full"] and got["twice"] == 0,
                   f"{way}: {got} of {sent} sent")
    expect(after["foreign_up"] - before["foreign_up"] == count, f"of {count} only {after} were replayed")
    expect(after["foreign_down"] == before["foreign_down"], "the server answered to where replays came from")
    counted = drops(net.server)[(client.name, "replay")] - drops_before
    expect(counted >= count * 0.9, f"of {count} replays {counted} were counted")


def watch_attack(net, client, attacker):
    """(share of the time that the attacker had the session, longest time in a row in s), for a while."""
    end = time.monotonic() + ATTACK
    longest, since, looks, his = 0.0, None, 0, 0
    while time.monotonic() < end:
        looks += 1
        if host_of(net, client) == attacker:
            his += 1
            since = since or time.monotonic()
            longest = max(longest, time.monotonic() - since)
        else:
            since = None
        select.select([], [], [], 0.01)
    return his / looks, longest


def attacked(net, mode, delay):
    """Each datagram of the client is there from the attacker's address first."""
    client = net.clients[0]
    relay = client.relay
    wait_for("nothing of another attack is under way", lambda: host_of(net, client) == relay.source)
    relay.set(delay=delay)
    try:
        with playing(net, client) as (one, other), same_session(net, client):
            before = relay.stats()
            attacker = relay.foreign()
            relay.copy(mode)
            share, longest = watch_attack(net, client, attacker)
            relay.copy(0)
            wait_for("the session is the client's", lambda: host_of(net, client) == relay.source)
            after = relay.stats()
            at = now()
            wait_for("the stream goes on", lambda: one.after(at), 5)
            one.stop()
            other.stop()
            sent, got = settled(one, other)
    finally:
        relay.clean()
    told = {n: after[f"foreign_{n}"] - before[f"foreign_{n}"] for n in ("up", "up_bytes", "down", "down_bytes")}
    casttest.note(f"the attacker had the session {share * 100:.0f} % of the time, at most {longest * 1e3:.0f} ms in a "
                  f"row; to {told['up']} datagrams he got {told['down']} answers, {told['down_bytes']} bytes")
    expect(got["twice"] == 0 and got["lost"] <= got["full"] and got["end"] == sent, f"up: {got} of {sent} sent")
    return share, longest, told, after["foreign_down_max"]


@casttest.case("an attacker sends a copy of each datagram first: the session stays, he gets challenges only")
def copied(net):
    """He cannot answer: what goes to him ends there."""
    share, _, told, most = attacked(net, 1, 20)
    expect(share == 0, "he had the session")
    expect(told["down"] > 0, "he was never challenged, so this shows nothing")
    expect(most <= CHALLENGE, f"he got {most} bytes in a datagram")
    expect(told["down"] <= 10 * ATTACK, f"he got {told['down']} challenges in {ATTACK} s")


@casttest.case("an attacker is a relay that is faster than the path, both ways: the session stays")
def relayed(net):
    share, *_ = attacked(net, 2, 20)
    expect(share == 0, "he had the session")


@casttest.case("an attacker is a relay, and the path is slow: he does not keep the session")
def relayed_slowly(net):
    """Round trips of 300 ms: the server can't wait that long for each client that really moved."""
    share, longest, *_ = attacked(net, 2, 150)
    expect(longest < 1 and share < 0.2, f"he had the session {share * 100:.0f} % of the time, {longest:.1f} s in a row")


@casttest.case("only an attacker's copies arrive: he gets no session, and the client has its own back afterwards")
def cut_off(net):
    client = net.clients[0]
    relay = client.relay
    with playing(net, client) as (one, _), same_session(net, client):
        before = relay.stats()
        home = peer(net, client)["address"]
        attacker = relay.foreign()
        relay.set(block=ALL)
        relay.copy(1)
        wait_for("he was challenged", lambda: relay.stats()["foreign_down"] > before["foreign_down"])
        end = time.monotonic() + 2
        while time.monotonic() < end:
            expect(host_of(net, client) != attacker, "he has the session")
            select.select([], [], [], 0.01)
        relay.clean()
        at = now()
        wait_for("the stream is back", lambda: one.after(at), 5)
        expect(peer(net, client)["address"] == home, f"it is at {peer(net, client)['address']} now, not at {home}")
        after = relay.stats()
    got, sent = (after[n] - before[n] for n in ("foreign_down_bytes", "foreign_up_bytes"))
    casttest.note(f"he sent {sent} bytes and got {got}, at most {after['foreign_down_max']} in a datagram")
    expect(after["foreign_down_max"] <= CHALLENGE and got <= 3 * sent, "he got more than challenges")


if __name__ == "__main__":
    casttest.main(setup)
