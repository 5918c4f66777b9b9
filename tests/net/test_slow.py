#!/usr/bin/env python3
"""A peer behind a slow link, whose stream does not fit through: the others notice nothing, and it keeps its session."""

import contextlib
import re
import time

import castnet
import casttest
from castnet import expect, run, wait_for
from castprobe import Mark, Pings, edit, read, wait_seconds
from casttraffic import MSEC, Pump, Receiver, Reference, Stream, now

GROUP = "239.1.1.1"
BITS = 10_000_000
SLOW = "1mbit"
SECONDS = 6
RTT = 20  # ms of the others' pings; what stalls the switch stalls them


def setup():
    net = castnet.Net(clients=3, peers="keepalive = 1s")
    net.pump = Pump()
    net.closers.append(net.pump.close)
    net.reference = Reference(net.pump, net)
    return net.start()


@contextlib.contextmanager
def slow_link(ns, device, queue):
    """What leaves by this interface; queue in bytes.  Yields a function that tells what was dropped there."""
    run("tc", "-n", ns.name, "qdisc", "add", "dev", device, "root", "tbf", "rate", SLOW, "burst", "5kb", "limit",
        str(queue))

    def dropped():
        out = run("tc", "-n", ns.name, "-s", "qdisc", "show", "dev", device)
        return int(re.search(r"dropped (\d+)", out)[1])

    try:
        yield dropped
    finally:
        run("tc", "-n", ns.name, "qdisc", "del", "dev", device, "root")


def worst_ping(net, what, begin, pings):
    """None was lost, and none was late unless the machine was."""
    lost = pings.stop()
    stall = net.reference.worst(begin, now()) / MSEC
    casttest.note(f"{what}: {pings.count} pings, the longest took {pings.worst_ms} ms (a plain veth pair meanwhile: "
                  f"{stall:.1f} ms)")
    expect(not lost, f"{what}: pings {lost[:10]} of {pings.count} were lost")
    expect(pings.worst_ms < max(RTT, 4 * stall), f"{what}: a ping took {pings.worst_ms} ms")


@contextlib.contextmanager
def watched(net):
    """The two other clients ping each other and the server, and nobody's session ends."""
    slow, fast, other = net.clients
    marks = [Mark(net.server), Mark(slow)]
    began, at = net.peers()[slow.name]["since_s"], time.monotonic()
    begin = now()
    with contextlib.ExitStack() as stack:
        pings = {}
        for what, to in (("to the server", net.server), ("to another client", other)):
            pings[what] = Pings(fast, to.addr4, interval=0.01)
            stack.callback(pings[what].kill)
        yield
        for what, p in pings.items():
            worst_ping(net, what, begin, p)
    row = net.peers()[slow.name]
    expect(abs(row["since_s"] - began - (time.monotonic() - at)) < 1, f"{slow.name} has another session: {row}")
    expect(slow.status()["state"] == "connected", f"{slow.name}: {slow.status()}")
    for mark in marks:
        expect(not mark.matching(".*(connected|warning|error).*"), f"{mark.host.name} says {mark.lines()}")


@contextlib.contextmanager
def subscribed(net, *hosts):
    with contextlib.ExitStack() as stack:
        receivers = [stack.enter_context(Receiver(net.pump, h, GROUP)) for h in hosts]
        for receiver in receivers:
            receiver.join()
        net.wait_members(GROUP, *hosts)
        yield receivers


def stream_past_slow(net, sender, queue):
    slow, fast, _ = net.clients
    with slow_link(net.server.ns, f"under{slow.number}", queue) as dropped, watched(net), \
            subscribed(net, slow, fast) as (at_slow, at_fast):
        stream = Stream(net.pump, sender, GROUP, bits=BITS)
        try:
            wait_for("the stream flows", lambda: at_fast.of(stream).packets > 100, 5)
            begin, packets = stream.sent, at_slow.of(stream).packets
            wait_seconds(SECONDS)
            end, got = stream.sent, at_slow.of(stream).packets - packets
            wait_for("the last one", lambda: end - 1 in at_fast.of(stream).numbers, 2)
        finally:
            stream.stop()
        lost = at_fast.of(stream).missing(begin, end)
        casttest.note(f"of {end - begin} datagrams {fast.name} lost {lost}, {slow.name} got {got}, and its link "
                      f"dropped {dropped()}")
        expect(lost == 0, f"{fast.name} lost {lost} of {end - begin}")
        expect(stream.refused == 0, f"the sender's kernel refused {stream.refused}")
        expect(0 < got < (end - begin) * 0.3, f"{slow.name} got {got} of {end - begin} through {SLOW}")
        expect(dropped() > (end - begin) * 0.5, f"the slow link dropped {dropped()} only")


@casttest.case("a stream from the server; the slow link queues 50 ms")
def from_server(net):
    stream_past_slow(net, net.server, 6250)


@casttest.case("a stream from a client; the slow link queues 100 packets")
def from_client(net):
    """More than a second is under way then.  All of that is charged to the server's socket, which serves the others,
    too; where we may not enlarge its buffer that has room for twice as many."""
    stream_past_slow(net, net.clients[2], 150_000)


def has_route(client):
    return "224.0.0.0/4" in client.ns.ip("route", "show", "table", "all", "dev", castnet.TAP)


@casttest.case("what the server tells a peer arrives over a link that is full")
def control(net):
    """After a reload; it is told again until the client has said that it knows."""
    slow, fast, _ = net.clients
    mark = Mark(net.server)
    with slow_link(net.server.ns, f"under{slow.number}", 6250), subscribed(net, slow, fast) as (at_slow, _):
        stream = Stream(net.pump, net.server, GROUP, bits=2_000_000)
        try:
            wait_for("the stream flows", lambda: at_slow.of(stream).packets > 100, 5)
            for want in (False, True):
                text = f"keepalive = 1s multicast-route = {str(want).lower()}"
                edit(net.server.config, (re.search("keepalive = 1s[^}]*", read(net.server.config))[0], text))
                net.server.castctl("reload")
                for client in (fast, slow):
                    begin = time.monotonic()
                    wait_for(f"{client.name}: the route is {want}", lambda c=client, w=want: has_route(c) == w, 10)
                    casttest.note(f"{client.name} knows after {time.monotonic() - begin:.2f} s")
        finally:
            stream.stop()
    expect(not mark.matching(".*connected.*"), f"the server says {mark.lines()}")


@casttest.case("a client behind a slow link sends more than fits: its own pings are late, nobody else's")
def slow_up(net):
    slow, fast, other = net.clients
    with slow_link(slow.ns, slow.under, 6250) as dropped, watched(net), subscribed(net, fast) as (at_fast,):
        stream = Stream(net.pump, slow, GROUP, bits=BITS)
        side = Stream(net.pump, other, GROUP, bits=BITS // 2)
        try:
            wait_for("both streams flow", lambda: at_fast.of(stream).packets and at_fast.of(side).packets > 100, 5)
            begin = side.sent
            wait_seconds(SECONDS)
            end = side.sent
            wait_for("the last one", lambda: end - 1 in at_fast.of(side).numbers, 2)
        finally:
            stream.stop()
            side.stop()
        lost = at_fast.of(side).missing(begin, end)
        casttest.note(f"of {stream.sent} datagrams {dropped()} were dropped by the slow link; of {end - begin} of "
                      f"another client {lost} were lost")
        expect(dropped() > 0, "the link was not slow")
        expect(lost == 0, f"{lost} of {end - begin} of {other.name} were lost")


if __name__ == "__main__":
    casttest.main(setup)
