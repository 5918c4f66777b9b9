#!/usr/bin/env python3
"""Clients whose own address changes, with the interface that they reach the server by: the session goes on, and so do the
streams.  (For a NAT that forgets them see test_roaming.py.)"""

import contextlib
import itertools

import castnet
import casttest
from castnet import expect, wait_for
from casttrack import Track
from casttraffic import MSEC, Pump, Stream

GROUPS = ("239.1.1.1", "ff15::1:1")
# From when the stream falls silent, in ms: it is by that silence that a client finds out.
BACK = 1000


def setup():
    net = castnet.Net(clients=3, over_ipv6=(2,))
    net.pump = Pump()
    net.closers.append(net.pump.close)
    return net.start()


class Mover:
    """Gives a client addresses in other networks, one after the other."""

    _numbers = itertools.count(1)

    def __init__(self, net, client):
        self.net = net
        self.client = client
        self.far = f"under{client.number}"
        self.six = ":" in client.remote

    def own(self):
        want = 6 if self.six else 4
        return [a for a in self.client.ns.addresses(self.client.under) if (6 if ":" in a else 4) == want]

    def move(self):
        """The new address and the way over it first, then the old address goes."""
        number = next(self._numbers)
        if self.six:
            near, far, length = f"2001:db8:aa{number:02x}::2", f"2001:db8:aa{number:02x}::1", 64
        else:
            near, far, length = f"203.0.113.{4 * number + 2}", f"203.0.113.{4 * number + 1}", 30
        extra = ["nodad"] if self.six else []
        old, server = self.own(), self.net.server.ns
        server.ip("addr", "add", f"{far}/{length}", "dev", self.far, *extra)
        self.client.ns.ip("addr", "add", f"{near}/{length}", "dev", self.client.under, *extra)
        self.client.ns.ip("route", "replace", "default", "via", far)
        for address in old:
            self.client.ns.ip("addr", "del", address, "dev", self.client.under)
        return near


def address_of(net, client):
    """Where the server believes the client to be."""
    found = [p for p in net.server.control("peers") if p["name"] == client.name]
    return found[0]["address"].rsplit(":", 1)[0].strip("[]") if found else None


def age(client):
    return client.status()["since_s"]


@contextlib.contextmanager
def streaming(net, sender, member, group):
    with Track(net.pump, member, group) as receiver:
        receiver.join()
        net.wait_members(group, member)
        stream = Stream(net.pump, sender, group, bits=2_000_000)
        try:
            wait_for("the stream flows", lambda: receiver.of(stream).packets > 50, 5)
            yield stream, receiver
        finally:
            stream.stop()


def moves(net, client, sender, receiver_host, group, limit):
    """Three times; each time the stream comes back in 'limit' ms."""
    mover = Mover(net, client)
    with streaming(net, sender, receiver_host, group) as (stream, receiver):
        for _ in range(3):
            before, since = age(client), len(receiver.arrivals)
            begin = receiver.arrivals[-1]
            address = mover.move()
            wait_for("the server knows the new address", lambda a=address: address_of(net, client) == a, 5)
            wait_for("the stream is back",
                     lambda s=since, b=begin: (len(receiver.arrivals) > s + 100 and
                                               receiver.arrivals[-1] > b + 1500 * MSEC), 5)
            gap = receiver.longest_gap(begin)
            casttest.note(f"moved to {address}: the longest gap is {gap:.0f} ms")
            expect(gap < limit, f"a gap of {gap:.0f} ms, allowed are {limit} ms")
            expect(age(client) > before, "there was a new session")
        expect(receiver.of(stream).packets > 100, "hardly anything arrived")


@casttest.case("a client that only receives gets another address: its stream is back within a second")
def receiver_moves(net):
    moves(net, net.clients[0], net.server, net.clients[0], GROUPS[0], BACK)


@casttest.case("the same over IPv6")
def receiver_moves_v6(net):
    moves(net, net.clients[1], net.server, net.clients[1], GROUPS[1], BACK)


@casttest.case("a client that sends gets another address")
def sender_moves(net):
    moves(net, net.clients[2], net.clients[2], net.clients[0], GROUPS[0], BACK)


@casttest.case("an address that goes and comes again: the session stays where it is")
def address_comes_again(net):
    one = net.clients[0]
    with streaming(net, net.server, one, GROUPS[0]) as (stream, receiver):
        before, address = age(one), address_of(net, one)
        routes = one.ns.ip_json("route", "show", "default")
        held = Mover(net, one).own()
        for a in held:
            one.ns.ip("addr", "del", a, "dev", one.under)
        wait_for("the stream is gone", lambda: receiver.of(stream).last < stream.next - 300 * MSEC, 5)
        for a in held:
            one.ns.ip("addr", "add", a, "dev", one.under)
        one.ns.ip("route", "replace", "default", "via", routes[0]["gateway"])
        count = receiver.of(stream).packets
        wait_for("the stream is back", lambda: receiver.of(stream).packets > count + 50, 5)
        expect(address_of(net, one) == address, f"the server believes it to be at {address_of(net, one)}")
        expect(age(one) > before, "there was a new session")


if __name__ == "__main__":
    casttest.main(setup)
