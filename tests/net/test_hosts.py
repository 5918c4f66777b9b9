#!/usr/bin/env python3
"""The Linux kernel as host, in every version of IGMP and MLD: it joins, answers queries, leaves and vanishes; and two
hosts behind one port don't disturb each other."""

import contextlib
import socket

import casttest
from castlab import (Ears, INCLUDE, Lab, MEMBERSHIP, RATE, Renewal, SHORT, WINDOW, exclude, include,
                     sending, set_filter)
from castnet import expect, wait_for
from casttraffic import Pump, family_of

OLD, NEW = (2, 1), (3, 2)  # of IGMP and MLD
GROUPS = ("239.3.1.1", "ff15::3:1")


def setup():
    """Two senders, hosts of each version with ports of their own, and pairs of each kind behind dumb switches.  The
    versions are set before there are queries: a host of a new one answers these even when it has become an old one."""
    lab = Lab(hosts=0, snooping=SHORT)
    lab.senders = [lab.add_station(name=f"s{n}") for n in (1, 2)]
    lab.single = [with_version(lab.add_station(name=f"v{v[0]}"), v) for v in ((1, 1), OLD, NEW)]
    lab.pairs = []
    for number, kind in enumerate(((OLD, OLD), (NEW, NEW), (OLD, NEW), (NEW, OLD)), 1):
        dumb = lab.add_dumb_switch()
        lab.pairs.append([with_version(lab.add_station(behind=dumb, name=f"pair{number}{name}"), v)
                          for name, v in zip("ab", kind)])
    lab.pump = Pump()
    lab.closers.append(lab.pump.close)
    return lab.start()


def with_version(host, version):
    host.version = dict(zip((socket.AF_INET, socket.AF_INET6), version))
    for family, v in host.version.items():
        host.force(family, v)
    return host


def expect_member(ears):
    """Who listens, as castctl groups says."""
    family = family_of(ears.group)
    version = ears.host.version[family]
    row = wait_for("it is a member", ears.row, 3)
    expect((row["mode"], row["version"], row["sources"]) == ("exclude", version, []), f"{row}")
    expect(0 < row["expires_s"] <= MEMBERSHIP, f"{row}")
    hosts = [(h["mac"], h["mode"], h["sources"], h["version"]) for h in row["hosts"]]
    expect(hosts == [(ears.host.mac, "exclude", [], version)], f"hosts are {row['hosts']}")
    ip = row["hosts"][0]["ip"]
    expect(ip == ears.host.addr4 if family == socket.AF_INET else ip.startswith("fe80::"), f"hosts are {row['hosts']}")


# --- one host


@casttest.case("hosts of IGMPv1, v2, v3 and MLDv1, v2 join, answer queries, and leave or expire")
def all_versions(lab):
    with sending(lab.pump, lab.senders, *GROUPS) as streams, contextlib.ExitStack() as stack:
        ears = [(stack.enter_context(Ears(lab, h, g)), s) for h in lab.single for g, s in zip(GROUPS, streams)]
        for e, _ in ears:
            e.receiver.join()
        for e, s in ears:
            expect_member(e)
            e.expect_flow(s, (True, True), "has joined")
        # A v1 host takes up to ten seconds for its answer, whatever it is told; and nothing tells that it leaves.
        (silent, to_silent), others = ears[0], ears[1:]
        renewals = [Renewal(e) for e, _ in others]
        wait_for("all are renewed by their reports", lambda: all([r.look() for r in renewals]), 3 * MEMBERSHIP)
        for e, _ in ears:
            e.receiver.leave()
        for e, s in others:
            e.expect_state(None, "has left", 2)
            e.expect_flow(s, (False, False), "has left")
        silent.expect_state(None, "has expired", MEMBERSHIP + 2)
        silent.expect_flow(to_silent, (False, False), "has expired")


@casttest.case("what a v1 host listens to ends when it expires, not earlier")
def expiry(lab):
    host = lab.single[0]
    with sending(lab.pump, lab.senders, "239.3.2.1") as (streams,), Ears(lab, host, "239.3.2.1") as ears:
        ears.receiver.join()
        ears.expect_flow(streams, (True, True), "has joined")
        ears.receiver.leave()
        left = ears.row()["expires_s"]
        begin, seen = streams[0].sent, ears.tapped.of(streams[0])
        ears.expect_state(None, "has expired", MEMBERSHIP + 2)
        came = max(seen.numbers) - begin
        # Half a second for whatever lies between the question and the answer.
        expect(came > (left - 0.5) * RATE, f"it went on for {came / RATE:.1f} s, of {left} s")


@casttest.case("twenty groups of each family are all renewed by the reports of one host")
def many_groups(lab):
    host = lab.single[2]
    groups = [f"239.3.3.{n}" for n in range(1, 21)] + [f"ff15::3:3:{n:x}" for n in range(1, 21)]
    with contextlib.ExitStack() as stack:
        ears = [stack.enter_context(Ears(lab, host, g)) for g in groups]
        for e in ears:
            e.receiver.join()
        wait_for("all are members", lambda: all(e.state() == exclude() for e in ears))
        renewals = [Renewal(e) for e in ears]
        wait_for("all are renewed", lambda: all([r.look() for r in renewals]), 3 * MEMBERSHIP)
    wait_for("all are gone", lambda: not any(e.state() for e in ears))


@casttest.case("a switch that asks in IGMPv2 and MLDv1 has hosts that speak these")
def old_queries(_lab):
    with contextlib.closing(Lab(hosts=1, snooping=SHORT + " igmp-version = 2 mld-version = 1")) as lab, \
            contextlib.closing(Pump()) as lab.pump:
        host = lab.stations[0]
        host.version = {socket.AF_INET: 2, socket.AF_INET6: 1}
        lab.start()
        wait_for("an IGMPv2 query is heard", lambda: "V2" in host.ns.run("grep", host.device, "/proc/net/igmp"))
        with contextlib.ExitStack() as stack:
            ears = [stack.enter_context(Ears(lab, host, g)) for g in GROUPS]
            for e in ears:
                e.receiver.join()
            # Nothing but its reports tells which version of MLD a host has heard.
            wait_for("it speaks the old version", lambda: all(
                (e.row() or {}).get("version") == host.version[family_of(e.group)] for e in ears))
            renewals = [Renewal(e) for e in ears]
            wait_for("it is renewed", lambda: all([r.look() for r in renewals]), 3 * MEMBERSHIP)
            for e in ears:
                e.receiver.leave()
            for e in ears:
                e.expect_state(None, "has left", 2)


@casttest.case("a host of IGMPv2 or MLDv1 that wants one source gets the group, its kernel takes the source")
def source_of_old_host(lab):
    for group in ("239.3.4.1", "ff15::3:4"):
        wanted = lab.senders[0].addr(family_of(group))
        with sending(lab.pump, lab.senders, group) as (streams,), Ears(lab, lab.single[1], group) as ears:
            ears.receiver.join(wanted)
            ears.expect_state(exclude(), "wants one source")
            ears.expect_flow(streams, (True, True), "wants one source")
            got = [ears.receiver.of(s).packets > 0 for s in streams]
            expect(got == [True, False], f"its socket gets {got} of two sources")
            ears.receiver.leave(wanted)
            ears.expect_state(None, "has left")


# --- two hosts behind one port


@casttest.case("two hosts behind one port, old, new and mixed: one leaves again and again, the other loses nothing")
def one_leaves(lab):
    with sending(lab.pump, lab.senders[:1], *GROUPS) as streams, contextlib.ExitStack() as stack:
        leavers, stayers = [[(stack.enter_context(Ears(lab, pair[i], g)), s) for pair in lab.pairs
                             for g, s in zip(GROUPS, streams)] for i in range(2)]
        for e, _ in leavers + stayers:
            e.receiver.join()
        all_arrive(leavers + stayers)
        begin = [s.sent for s, in streams]
        for _ in range(3):
            for e, _ in leavers:
                e.receiver.leave()
            # Longer than the last member queries take.
            sent = streams[0][0].sent
            wait_for("time passes", lambda n=sent: streams[0][0].sent > n + RATE * 7 // 10)
            for e, _ in leavers:
                e.receiver.join()
        for e, (s,) in stayers:
            e.expect_lossless(s, begin[GROUPS.index(e.group)], "the other left")
            e.expect_state(exclude(), "the other left")
        for e, _ in leavers + stayers:
            e.receiver.leave()
        for e, _ in stayers:
            e.expect_state(None, "both have left", 2)
        for e, s in stayers[-2:]:
            e.expect_flow(s, (False,), "both have left")


def all_arrive(ears):
    """Each of (ears, (stream,)) gets its stream, and its host is known to the switch."""
    for e, (s,) in ears:
        wait_for(f"{e.group} comes to {e.host.name}", lambda e=e, s=s: e.receiver.of(s).packets > WINDOW)
        wait_for(f"{e.group} has {e.host.name}", lambda e=e: e.host.mac in [h["mac"] for h in e.row()["hosts"]])


@casttest.case("one of two joins and leaves ten times at once, the other loses nothing")
def leaves_at_once(lab):
    groups = ("239.3.5.1", "ff15::3:5")
    with sending(lab.pump, lab.senders[:1], *groups) as streams, contextlib.ExitStack() as stack:
        leavers, stayers = [[(stack.enter_context(Ears(lab, pair[i], g)), s) for pair in lab.pairs
                             for g, s in zip(groups, streams)] for i in range(2)]
        for e, _ in stayers:
            e.receiver.join()
        all_arrive(stayers)
        begin = [s.sent for s, in streams]
        for _ in range(10):
            for e, _ in leavers:
                e.receiver.join()
            for e, _ in leavers:
                e.receiver.leave()
        sent = streams[0][0].sent
        wait_for("time passes", lambda: streams[0][0].sent > sent + RATE * 7 // 10)
        for e, (s,) in stayers:
            e.expect_lossless(s, begin[groups.index(e.group)], "the other joined and left")


@casttest.case("a host that vanishes is forgotten in time, the other one of its port goes on")
def vanishes(lab):
    a, b = lab.pairs[1]
    group = "232.3.6.1"
    one, two = (s.addr4 for s in lab.senders)
    with sending(lab.pump, lab.senders, group) as (streams,), Ears(lab, a, group) as first, \
            Ears(lab, b, group) as second:
        first.receiver.join(one)
        second.receiver.join(two)
        second.expect_flow(streams, (True, True), "one each")
        set_filter(b, second.socket, group, INCLUDE, [two])
        begin = streams[1].sent
        a.down()
        second.expect_state(include(two), "the first has vanished", MEMBERSHIP + 2)
        second.expect_flow(streams, (False, True), "the first has vanished")
        second.expect_lossless(streams[1], begin, "its source")
        hosts = [h["mac"] for h in second.row()["hosts"]]
        expect(hosts == [b.mac], f"hosts: {hosts}")
    a.up()


if __name__ == "__main__":
    casttest.main(setup)
