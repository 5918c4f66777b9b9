#!/usr/bin/env python3
"""The Linux kernel as host that asks for sources: it gets exactly those, through each call that there is for it."""

import contextlib
import socket

import casttest
from castlab import (EXCLUDE, Ears, INCLUDE, Lab, MEMBERSHIP, Renewal, SHORT, block, exclude, include, sending,
                     set_filter, set_filter4, source_membership)
from castnet import expect, wait_for
from casttraffic import Pump, family_of, join


def setup():
    """Two senders, a host, and two behind a dumb switch."""
    lab = Lab(hosts=0, snooping=SHORT)
    lab.senders = [lab.add_station(name=f"s{n}") for n in (1, 2)]
    lab.host = lab.add_station(name="host")
    dumb = lab.add_dumb_switch()
    lab.pair = [lab.add_station(behind=dumb, name=f"pair{n}") for n in "ab"]
    lab.pump = Pump()
    lab.closers.append(lab.pump.close)
    return lab.start()


def sources_of(lab, group):
    return [s.addr(family_of(group)) for s in lab.senders]


@contextlib.contextmanager
def listening(lab, group, *hosts):
    """(both streams, ears of each host)"""
    with sending(lab.pump, lab.senders, group) as (streams,), contextlib.ExitStack() as stack:
        yield streams, *(stack.enter_context(Ears(lab, h, group)) for h in hosts or (lab.host,))


# --- one source more or less


def add_and_drop(lab, group, change):
    """change(ears, source, drop)"""
    one, two = sources_of(lab, group)
    with listening(lab, group) as (streams, ears):
        for source, drop, state, flow in ((one, False, include(one), (True, False)),
                                          (two, False, include(one, two), (True, True)),
                                          (one, True, include(two), (False, True)),
                                          (two, True, None, (False, False))):
            what = f"{'drops' if drop else 'adds'} {source}"
            change(ears, source, drop)
            ears.expect_state(state, what)
            ears.expect_flow(streams, flow, what)


@casttest.case("sources are added and dropped: MCAST_JOIN_SOURCE_GROUP, IPv4 and IPv6")
def join_source_group(lab):
    for group in ("232.4.1.1", "239.4.1.1", "ff35::4:1", "ff15::4:1"):
        add_and_drop(lab, group, lambda e, source, drop: (e.receiver.leave if drop else e.receiver.join)(source))


@casttest.case("sources are added and dropped: IP_ADD_SOURCE_MEMBERSHIP")
def add_source_membership(lab):
    add_and_drop(lab, "232.4.2.1", lambda e, source, drop: source_membership(e.host, e.socket, e.group, source, drop))


@casttest.case("sources are blocked and unblocked, IPv4 and IPv6")
def block_and_unblock(lab):
    for group in ("239.4.3.1", "ff15::4:3"):
        one, two = sources_of(lab, group)
        with listening(lab, group) as (streams, ears):
            ears.receiver.join()
            ears.expect_state(exclude(), "has joined")
            ears.expect_flow(streams, (True, True), "has joined")
            for source, unblock, state, flow in ((one, False, exclude(one), (False, True)),
                                                 (two, False, exclude(one, two), (False, False)),
                                                 (one, True, exclude(two), (True, False)),
                                                 (two, True, exclude(), (True, True))):
                what = f"{'un' * unblock}blocks {source}"
                block(ears.host, ears.socket, group, source, unblock)
                ears.expect_state(state, what)
                ears.expect_flow(streams, flow, what)
            ears.receiver.leave()
            ears.expect_state(None, "has left")
            ears.expect_flow(streams, (False, False), "has left")


# --- the whole filter


def expect_host(ears, mode, sources, what):
    """The host itself, below the state of its port."""
    host, = ears.row()["hosts"]
    version = 2 if family_of(ears.group) == socket.AF_INET6 else 3
    got = host["mac"], host["mode"], sorted(host["sources"]), host["version"]
    want = ears.host.mac, "include" if mode == INCLUDE else "exclude", sorted(sources), version
    expect(got == want, f"{ears.host.name}, {what}: the host is {host}")


def filter_changes(lab, group, change):
    """From each kind of filter to each other: change(host, socket, group, mode, sources)"""
    one, two = sources_of(lab, group)
    steps = ((INCLUDE, [one], (True, False)), (EXCLUDE, [one], (False, True)), (EXCLUDE, [two], (True, False)),
             (INCLUDE, [two], (False, True)), (INCLUDE, [one, two], (True, True)),
             (EXCLUDE, [one, two], (False, False)),
             (EXCLUDE, [], (True, True)), (INCLUDE, [one], (True, False)), (EXCLUDE, [two], (True, False)),
             (INCLUDE, [one, two], (True, True)), (INCLUDE, [two], (False, True)))
    with listening(lab, group) as (streams, ears):
        ears.receiver.join()
        ears.expect_state(exclude(), "has joined")
        for mode, sources, flow in steps:
            what = f"asks for {'include' if mode == INCLUDE else 'exclude'} {sources}"
            change(ears.host, ears.socket, group, mode, sources)
            ears.expect_state((include if mode == INCLUDE else exclude)(*sources), what)
            ears.expect_flow(streams, flow, what)
            expect_host(ears, mode, sources, what)
        change(ears.host, ears.socket, group, INCLUDE, [])
        ears.expect_state(None, "asks for nothing")
        ears.expect_flow(streams, (False, False), "asks for nothing")


@casttest.case("MCAST_MSFILTER: filters change from INCLUDE to EXCLUDE and back, IPv4")
def msfilter_ipv4(lab):
    filter_changes(lab, "239.4.4.1", set_filter)


@casttest.case("MCAST_MSFILTER: filters change from INCLUDE to EXCLUDE and back, IPv6")
def msfilter_ipv6(lab):
    filter_changes(lab, "ff15::4:4", set_filter)


@casttest.case("IP_MSFILTER: filters change from INCLUDE to EXCLUDE and back")
def msfilter_old(lab):
    filter_changes(lab, "239.4.4.2", set_filter4)


@casttest.case("as many sources as a kernel takes, in one report")
def many_sources(lab):
    for group, count in (("232.4.5.1", 10), ("ff35::4:5", 60)):
        others = [f"10.9.1.{n}" if family_of(group) == socket.AF_INET else f"fd09::1:{n:x}" for n in range(1, count)]
        wanted = [sources_of(lab, group)[1], *others]
        with listening(lab, group) as (streams, ears):
            ears.receiver.join(wanted[0])
            set_filter(lab.host, ears.socket, group, INCLUDE, wanted)
            ears.expect_state(include(*wanted), "asks for many")
            ears.expect_flow(streams, (False, True), "asks for many")
            expect_host(ears, INCLUDE, wanted, "asks for many")
            wait_for("all are renewed", Renewal(ears).look, 3 * MEMBERSHIP)
            set_filter(lab.host, ears.socket, group, INCLUDE, others)
            ears.expect_state(include(*others), "asks for all but one")
            ears.expect_flow(streams, (False, False), "asks for all but one")
        ears.expect_state(None, "asks for nothing")


# --- two at once


@casttest.case("two sockets of a host: what either wants comes")
def two_sockets(lab):
    for group in ("239.4.6.1", "ff15::4:6"):
        one, two = sources_of(lab, group)
        ifindex = lab.host.ns.ifindex(lab.host.device)
        with listening(lab, group) as (streams, ears), \
                lab.host.ns.socket(family_of(group), socket.SOCK_DGRAM) as other:
            ears.receiver.join(one)
            ears.expect_state(include(one), "first socket")
            join(other, group, ifindex, two)
            ears.expect_state(include(one, two), "second socket")
            join(other, group, ifindex, two, leave=True)
            join(other, group, ifindex)
            block(lab.host, other, group, one)
            # EXCLUDE {one} and INCLUDE {one} together are EXCLUDE {}.
            ears.expect_state(exclude(), "first wants one, second all but that")
            ears.expect_flow(streams, (True, True), "first wants one, second all but that")
            ears.receiver.leave(one)
            ears.expect_state(exclude(one), "second wants all but one")
            ears.expect_flow(streams, (False, True), "second wants all but one")
        ears.expect_state(None, "both are closed")


@casttest.case("two hosts at one port with different sources: each leave ends only what nobody wants any more")
def pair_sources(lab):
    a, b = lab.pair
    for group in ("239.4.7.1", "ff15::4:7"):
        one, two = sources_of(lab, group)
        with listening(lab, group, a, b) as (streams, first, second):
            first.receiver.join(one)
            second.receiver.join(two)
            second.expect_state(include(one, two), "one each")
            second.expect_flow(streams, (True, True), "one each")
            begin = streams[1].sent
            first.receiver.leave(one)
            second.expect_state(include(two), "the first has left")
            second.expect_flow(streams, (False, True), "the first has left")
            first.receiver.join(two)
            wait_for("both are known", lambda: len(second.row()["hosts"]) == 2)
            first.receiver.leave(two)
            second.expect_flow(streams, (False, True), "the first has left what both had")
            first.receiver.join()
            second.expect_state(exclude(), "the first wants all")
            second.expect_flow(streams, (True, True), "the first wants all")
            first.receiver.leave()
            second.expect_state(include(two), "the first wants nothing any more")
            second.expect_flow(streams, (False, True), "the first wants nothing any more")
            second.expect_lossless(streams[1], begin, "its source")
            hosts = [h["mac"] for h in second.row()["hosts"]]
            expect(hosts == [b.mac], f"hosts: {hosts}")
            second.receiver.leave(two)
            second.expect_state(None, "both have left")
            second.expect_flow(streams, (False, False), "both have left")


@casttest.case("two hosts at one port, one blocks a source that the other wants: it comes")
def pair_block(lab):
    a, b = lab.pair
    for group in ("239.4.8.1", "ff15::4:8"):
        one, two = sources_of(lab, group)
        with listening(lab, group, a, b) as (streams, first, second):
            first.receiver.join()
            second.receiver.join(one)
            wait_for("both are known", lambda: len((second.row() or {"hosts": []})["hosts"]) == 2)
            second.expect_flow(streams, (True, True), "has joined")
            begin = streams[0].sent
            block(a, first.socket, group, one)
            block(a, first.socket, group, two)
            second.expect_state(exclude(two), "the first blocks both")
            second.expect_flow(streams, (True, False), "the first blocks both")
            second.expect_lossless(streams[0], begin, "its source")
            second.receiver.leave(one)
            second.expect_state(exclude(one, two), "the second has left")
            second.expect_flow(streams, (False, False), "the second has left")
            first.receiver.leave()
            second.expect_state(None, "both have left")


if __name__ == "__main__":
    casttest.main(setup)
