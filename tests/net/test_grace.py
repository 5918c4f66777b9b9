#!/usr/bin/env python3
"""A client that vanished without a word has its streams again as soon as it is back, before anybody there has asked for
them; one that said goodbye, or is back too late, hasn't."""

import contextlib

import castnet
import casttest
from castnet import TAP, expect, wait_for
from castprobe import changed, read, write
from casttraffic import MSEC, Pump, Receiver, Stream, Tapped, now

GROUPS = ("239.8.1.1", "ff15::8:1")
NOTICED = 8    # seconds until a dead session is given up: three keepalives, and a machine that is busy
AT_ONCE = 700  # ms from the connection to the stream
ASKED = 6      # seconds until two queries without an answer end what was kept
GRACE = "grace = 2m"


def setup():
    net = castnet.Net(clients=2, snooping=GRACE, peers="keepalive = 1s")
    net.pump = Pump()
    net.closers.append(net.pump.close)
    return net.start()


@contextlib.contextmanager
def streaming(net):
    """From the server to each group, slowly."""
    streams = [Stream(net.pump, net.server, g, bits=1_000_000, size=500) for g in GROUPS]
    try:
        yield streams
    finally:
        for s in streams:
            s.stop()


def is_suspended(net, client):
    return [p["state"] for p in net.server.control("ports") if p["name"] == client.name] == ["suspended"]


@contextlib.contextmanager
def watching(net, client, streams):
    """It listens to all streams; what it has joined ends with the block, unless its interface did before."""
    with contextlib.ExitStack() as stack:
        for group, stream in zip(GROUPS, streams):
            r = stack.enter_context(Receiver(net.pump, client, group))
            r.join()
            wait_for(f"{client.name} is a member of {group}", lambda g=group: client.name in net.members(g))
            wait_for(f"{group} comes", lambda r=r, s=stream: r.of(s).packets > 5)
        yield


def vanish(net, client, streams):
    """It is killed while it watches, and the server notices."""
    with watching(net, client, streams):
        client.kill()
    wait_for("the server gives it up", lambda: client.name not in net.peers(), NOTICED)


@contextlib.contextmanager
def back(net, client):
    """It starts again; (all that comes to its new interface, when it was connected).  Nothing there asks for streams:
    the sockets that did have joined on an interface that is gone."""
    client.start()
    wait_for("its interface is there", lambda: TAP in client.ns.devices())
    with Tapped(net.pump, client) as tapped:
        wait_for("it is connected", lambda: client.name in net.peers(), 15)
        yield tapped, now()


def expect_at_once(tapped, streams, connected):
    for s in streams:
        wait_for(f"{s.to[0]} comes", lambda s=s: tapped.of(s).packets > 3, 2)
        took = (tapped.of(s).first - connected) / MSEC
        casttest.note(f"{s.to[0]} came {took:.0f} ms after the connection")
        expect(took < AT_ONCE, f"{s.to[0]} came {took:.0f} ms after the connection")


def expect_nothing(net, tapped, streams):
    sent = [s.sent for s in streams]
    wait_for("the streams flow on", lambda: all(s.sent > n + 200 for s, n in zip(streams, sent)))
    for s in streams:
        expect(not tapped.of(s).packets, f"{tapped.of(s).packets} packets of {s.to[0]} came, which nobody asked for")
    for group in GROUPS:
        expect(not net.members(group), f"members of {group}: {net.members(group)}")


@casttest.case("killed, and back within the grace: its streams come at once, and end when nobody asks for them")
def killed(net):
    one, two = net.clients
    with streaming(net) as streams, Receiver(net.pump, two, GROUPS[0]) as other:
        other.join()
        net.wait_members(GROUPS[0], two)
        wait_for("it comes", lambda: other.of(streams[0]).packets > 5)
        begin = streams[0].sent
        vanish(net, one, streams)
        expect(is_suspended(net, one), f"ports: {net.server.control('ports')}")
        for group in GROUPS:
            expect(one.name in net.members(group), f"members of {group}: {net.members(group)}")
        expect(one.name in [m["port"] for m in net.server.control("fdb")], "its MAC address is forgotten")
        with back(net, one) as (tapped, connected):
            expect_at_once(tapped, streams, connected)
            expect(not is_suspended(net, one), "its port is still suspended")
            for group in GROUPS:
                wait_for(f"{group} ends", lambda g=group: one.name not in net.members(g), ASKED)
            counts = [tapped.of(s).packets for s in streams]
            end = streams[0].sent
            wait_for("the streams flow on", lambda: streams[0].sent > end + 100)
            late = [tapped.of(s).packets - n for s, n in zip(streams, counts)]
            expect(max(late) < 20, f"{late} packets came after the end")
        lost = other.of(streams[0]).missing(begin, end)
        expect(lost == 0, f"{two.name} lost {lost} packets meanwhile")
        with watching(net, one, streams):
            pass


@casttest.case("killed, and back before anybody noticed: the same")
def not_noticed(net):
    client = net.clients[0]
    with streaming(net) as streams:
        with watching(net, client, streams):
            client.kill()
        with back(net, client) as (tapped, _):
            # The server may still show the session before: the streams tell when the new one is there.
            for s in streams:
                wait_for(f"{s.to[0]} comes", lambda s=s: tapped.of(s).packets > 3, 5)
            client.wait_connected()
            for group in GROUPS:
                wait_for(f"{group} ends", lambda g=group: not net.members(g), ASKED)


@casttest.case("the path is cut and mended: the streams are back with the connection")
def cut_off(net):
    client = net.clients[0]
    with streaming(net) as streams, Tapped(net.pump, client) as tapped:
        with watching(net, client, streams):
            client.ns.ip("link", "set", client.under, "down")
        # What it told about leaving was lost.
        wait_for("the server gives it up", lambda: is_suspended(net, client), NOTICED)
        begin = {s: s.sent for s in streams}
        client.ns.ip("link", "set", client.under, "up")
        client.ns.ip("route", "replace", "default", "via", f"198.51.100.{4 * client.number + 1}")
        wait_for("it is connected", lambda: client.name in net.peers(), 20)
        connected = now()
        for s in streams:
            wait_for(f"{s.to[0]} comes", lambda s=s: any(n >= begin[s] for n in tapped.of(s).numbers), 2)
            expect(now() - connected < AT_ONCE * MSEC, f"{s.to[0]} came late")
        for group in GROUPS:
            wait_for(f"{group} ends", lambda g=group: not net.members(g), ASKED)


@casttest.case("a goodbye ends everything at once")
def goodbye(net):
    client = net.clients[0]
    with streaming(net) as streams:
        with watching(net, client, streams):
            client.stop()
        wait_for("it is gone", lambda: client.name not in [p["name"] for p in net.server.control("ports")], 2)
        for group in GROUPS:
            expect(not net.members(group), f"members of {group}: {net.members(group)}")
        with back(net, client) as (tapped, _):
            expect_nothing(net, tapped, streams)


@casttest.case("the grace is over: port and memberships are gone")
def too_late(net):
    client = net.clients[0]
    set_grace(net, "grace = 1s")
    with streaming(net) as streams:
        vanish(net, client, streams)
        wait_for("its port is gone", lambda: client.name not in [p["name"] for p in net.server.control("ports")], 5)
        with back(net, client) as (tapped, _):
            expect_nothing(net, tapped, streams)
    set_grace(net, GRACE)


@casttest.case("without grace nothing is kept")
def no_grace(net):
    client = net.clients[0]
    set_grace(net, "grace = 0s")
    with streaming(net) as streams:
        vanish(net, client, streams)
        expect(client.name not in [p["name"] for p in net.server.control("ports")], "its port is kept")
        for group in GROUPS:
            expect(not net.members(group), f"members of {group}: {net.members(group)}")
        with back(net, client) as (tapped, _):
            expect_nothing(net, tapped, streams)
    set_grace(net, GRACE)


def set_grace(net, text):
    now_set = next(t for t in (GRACE, "grace = 1s", "grace = 0s") if t in read(net.server.config))
    write(net.server.config, changed(read(net.server.config), (now_set, text)))
    net.server.castctl("reload")


if __name__ == "__main__":
    casttest.main(setup)
