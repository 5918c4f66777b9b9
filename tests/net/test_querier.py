#!/usr/bin/env python3
"""The Linux bridge as the other querier: who asks is elected, both take over from each other, and reports reach who
asks."""

import contextlib
import socket
import time

import casttest
from castgm import queries
from castlab import Ears, KernelBridge, Lab, MEMBERSHIP, Renewal, Wire, exclude, sending
from castnet import expect, wait_for
from casttraffic import Pump, Tapped

FAMILIES = {"igmp": socket.AF_INET, "mld": socket.AF_INET6}
OURS = {"igmp": "10.9.0.100", "mld": "fe80::100"}
LOWER = {"igmp": "10.9.0.50", "mld": "fe80::50"}
HIGHER = {"igmp": "10.9.0.200", "mld": "fe80::200"}
GROUPS = {"igmp": "239.5.1.1", "mld": "ff15::5:1"}

# Memberships last 6.2 s by our timers, and 2.5 s by those of the bridge, which asks more often.  When we take over they
# have a quarter of a second left: answers to us come earlier.
TIMERS = """query-interval = 3s query-response-interval = 200ms startup-query-interval = 250ms
	last-member-query-interval = 200ms"""
ADDRESSES = f' querier-address = {{"{OURS["igmp"]}", "{OURS["mld"]}"}}'
BRIDGE = """mcast_snooping 1 mcast_querier 0 mcast_igmp_version 3 mcast_mld_version 2 mcast_query_use_ifaddr 1
	mcast_query_interval 100 mcast_query_response_interval 50 mcast_startup_query_interval 100
	mcast_last_member_interval 20"""
# A Linux bridge asks, whatever its address, only when it has heard nobody else for this time (in 1/100 s).
IMPATIENT, PATIENT = "mcast_querier_interval 100", "mcast_querier_interval 2000"
OTHER_QUERIER = 2 * 1 + 0.5 / 2  # RFC 3376 8.5, from the timers of the bridge


def setup():
    lab = Lab(hosts=2, snooping=TIMERS + ADDRESSES)
    lab.bridge = KernelBridge(lab, "bridge", BRIDGE)
    lab.behind = lab.add_station(behind=lab.bridge, name="behind")
    lab.pump = Pump()
    lab.closers.append(lab.pump.close)
    lab.start()
    wait_for("the startup queries are over", lambda: is_querier(lab))
    return lab


def set_addresses(bridge, addresses):
    bridge.ns.ip("addr", "flush", "dev", "br0")
    bridge.ns.ip("addr", "add", f"{addresses['igmp']}/24", "dev", "br0")
    bridge.ns.ip("addr", "add", f"{addresses['mld']}/64", "dev", "br0", "nodad")


@contextlib.contextmanager
def asking(lab, addresses):
    """The bridge asks, from these addresses."""
    set_addresses(lab.bridge, addresses)
    lab.bridge.set(IMPATIENT)
    lab.bridge.set("mcast_querier 1")
    try:
        yield
    finally:
        lab.bridge.set("mcast_querier 0")


def is_querier(lab, addresses=None):
    """Whether the switch asks itself in both families."""
    addresses = addresses or OURS
    return all(lab.querier(f) == {"state": "querier", "address": addresses[f]} for f in FAMILIES)


def yields(lab, addresses):
    """Whether the bridge asks instead, in both families."""
    return all(lab.querier(f) == {"state": "non-querier", "address": addresses[f], "port": lab.bridge.port}
               for f in FAMILIES)


def wait_takeover(lab, timeout=10):
    wait_for("the switch is the querier", lambda: is_querier(lab), timeout)


# --- the bridge is elected


@casttest.case("a bridge with lower addresses is elected, in IGMP and MLD: its port has a router, its queries count")
def lower(lab):
    h1, h2 = lab.stations[:2]
    with asking(lab, LOWER), contextlib.ExitStack() as stack:
        wait_for("the bridge is the querier", lambda: yields(lab, LOWER))
        wire = stack.enter_context(Wire(h2))
        router = lab.routers()
        expect(list(router) == [lab.bridge.port], f"routers: {router}")
        expect(router[lab.bridge.port]["kind"] == "learned" and
               0 < router[lab.bridge.port]["expires_s"] <= OTHER_QUERIER, f"routers: {router}")
        ears = [stack.enter_context(Ears(lab, h2, group)) for group in GROUPS.values()]
        for e in ears:
            e.receiver.join()
        for e in ears:
            e.expect_state(exclude(), "has joined")
            left = e.row()["expires_s"]
            expect(left <= MEMBERSHIP, f"{e.group} expires in {left} s: that is not by the timers of the bridge")
            wait_for(f"the report for {e.group} reaches the bridge", lambda e=e: (lab.bridge.device, e.group) in
                     lab.bridge.mdb())
        renewals = [Renewal(e) for e in ears]
        wait_for("its queries renew the membership", lambda: all([r.look() for r in renewals]))
        wait_for("the bridge asks", lambda: {q.src for q in queries(wire.update())} >= set(LOWER.values()))
        asked = queries(wire.frames)
        expect({q.src for q in asked} == set(LOWER.values()), f"these ask: {asked}")
        # Back and forth through both, and to the router.
        at_bridge = stack.enter_context(Tapped(lab.pump, lab.bridge))
        for group, e in zip(GROUPS.values(), ears):
            with sending(lab.pump, [h1, lab.behind], group) as (streams,):
                e.expect_flow(streams, (True, True), "has joined")
                expect(at_bridge.of(streams[0]).packets > 0, f"{group} does not go to the port with a router")


@casttest.case("what nobody asked for goes to the querier's port, and nowhere else")
def unregistered(lab):
    h1, h2 = lab.stations[:2]
    with asking(lab, LOWER), Tapped(lab.pump, lab.bridge) as at_bridge, Tapped(lab.pump, h2) as at_host:
        wait_for("the bridge is the querier", lambda: yields(lab, LOWER))
        with sending(lab.pump, [h1], "239.5.2.1", "ff15::5:2") as streams:
            for (s,) in streams:
                wait_for("it comes to the bridge", lambda s=s: at_bridge.of(s).packets > 20)
                expect(not at_host.of(s).packets, "it comes to a host as well")


@casttest.case("an old host leaves: the bridge asks about the group, and its question ends it")
def old_leave(lab):
    h1, h2 = lab.stations[:2]
    h2.force(socket.AF_INET, 2)
    h2.force(socket.AF_INET6, 1)
    with asking(lab, LOWER), contextlib.ExitStack() as stack:
        wait_for("the bridge is the querier", lambda: yields(lab, LOWER))
        streams = stack.enter_context(sending(lab.pump, [h1], "239.5.3.1", "ff15::5:3"))
        ears = [stack.enter_context(Ears(lab, h2, g)) for g in ("239.5.3.1", "ff15::5:3")]
        for e in ears:
            e.receiver.join()
        for e, s in zip(ears, streams):
            e.expect_flow(s, (True,), "has joined")
            wait_for("the bridge knows it", lambda e=e: (lab.bridge.device, e.group) in lab.bridge.mdb())
        wire = stack.enter_context(Wire(h2))
        for e in ears:
            e.receiver.leave()
        for e, s in zip(ears, streams):
            e.expect_state(None, "has left", 2)
            e.expect_flow(s, (False,), "has left")
        asked = [q for q in queries(wire.update()) if q.group]
        expect({(q.group, q.src) for q in asked} == {(e.group, a) for e, a in zip(ears, LOWER.values())},
               f"specific queries: {asked}")
    h2.force(socket.AF_INET, 0)
    h2.force(socket.AF_INET6, 0)


@casttest.case("the bridge stops asking: the switch takes over in time, and no packet is lost")
def takes_over(lab):
    h1, h2 = lab.stations[:2]
    with contextlib.ExitStack() as stack:
        ears = [stack.enter_context(Ears(lab, h2, group)) for group in GROUPS.values()]
        streams = [s for s, in stack.enter_context(sending(lab.pump, [h1], *GROUPS.values()))]
        with asking(lab, LOWER):
            wait_for("the bridge is the querier", lambda: yields(lab, LOWER))
            for e, s in zip(ears, streams):
                e.receiver.join()
                wait_for(f"{e.group} comes", lambda e=e, s=s: e.receiver.of(s).packets > 20)
            begin = [s.sent for s in streams]
            wire = stack.enter_context(Wire(h2))
        off = time.monotonic()
        wait_takeover(lab)
        took = time.monotonic() - off
        # Its last queries came up to a second before.
        casttest.note(f"after {took:.2f} s")
        expect(OTHER_QUERIER - 1.1 < took < OTHER_QUERIER + 2, f"it took {took:.2f} s")
        wait_for("our queries come", lambda: {q.src for q in queries(wire.update())} >= set(OURS.values()))
        wait_for("its port has no router any more", lambda: not lab.routers())
        for e, s, n in zip(ears, streams, begin):
            e.expect_lossless(s, n, "the querier changed")
            wait_for("our timers count again", lambda e=e: e.row()["expires_s"] > 2 * MEMBERSHIP, 3)
        expect(lab.bridge.routers() == {lab.bridge.device}, f"the bridge has routers at {lab.bridge.routers()}")


@casttest.case("the link to the elected bridge breaks: the switch asks at once")
def link_breaks(lab):
    with Wire(lab.stations[1]) as wire:
        with asking(lab, LOWER):
            wait_for("the bridge is the querier", lambda: yields(lab, LOWER))
            lab.bridge.ns.ip("link", "set", lab.bridge.device, "down")
            begin = time.monotonic()
            wait_takeover(lab, OTHER_QUERIER)
            took = time.monotonic() - begin
            expect(took < OTHER_QUERIER - 1.1, f"it took {took:.2f} s")
            wait_for("we ask", lambda: {q.src for q in queries(wire.update())} >= set(OURS.values()), 1)
            expect(not lab.routers(), f"routers: {lab.routers()}")
        lab.bridge.ns.ip("link", "set", lab.bridge.device, "up")
        lab.wait_port(lab.bridge.port, "up")


# --- we are


@casttest.case("a bridge with higher addresses gives way, and sends reports to us")
def higher(lab):
    wait_takeover(lab)
    with asking(lab, HIGHER), contextlib.ExitStack() as stack:
        wire = stack.enter_context(Wire(lab.stations[1]))
        wait_for("the bridge asks", lambda: {q.src for q in queries(wire.update())} >= set(HIGHER.values()))
        expect(is_querier(lab), f"queriers: {[lab.querier(f) for f in FAMILIES]}")
        lab.bridge.set(PATIENT)
        wire.frames.clear()
        wait_for("we ask", lambda: {q.src for q in queries(wire.update())} >= set(OURS.values()))
        expect(lab.bridge.routers() == {lab.bridge.device}, f"the bridge has routers at {lab.bridge.routers()}")
        wire.frames.clear()
        ears = [stack.enter_context(Ears(lab, lab.behind, group)) for group in GROUPS.values()]
        for e in ears:
            e.receiver.join()
            e.expect_state(exclude(), "the host behind the bridge has joined")
        with sending(lab.pump, [lab.stations[0]], *GROUPS.values()) as streams:
            for e, s in zip(ears, streams):
                e.expect_flow(s, (True,), "the host behind the bridge has joined")
            wait_for("its port has no router any more", lambda: not lab.routers())
            renewals = [Renewal(e) for e in ears]
            wait_for("our queries renew memberships behind the bridge", lambda: all([r.look() for r in renewals]), 12)
        asked = {q.src for q in queries(wire.update())}
        expect(asked <= set(OURS.values()), f"these ask: {asked}")


@casttest.case("a bridge that asks from 0.0.0.0 is never elected, and its port has no router")
def without_address(lab):
    wait_takeover(lab)
    lab.bridge.set("mcast_query_use_ifaddr 0")
    with asking(lab, LOWER), Wire(lab.stations[1]) as wire:
        wait_for("it asks", lambda: "0.0.0.0" in {q.src for q in queries(wire.update())})
        # The bridge asks in MLD from its address, where there is nothing else.
        wait_for("it is elected in MLD", lambda: lab.querier("mld")["state"] == "non-querier")
        expect(lab.querier("igmp") == {"state": "querier", "address": OURS["igmp"]}, f"{lab.querier('igmp')}")
    lab.bridge.set("mcast_query_use_ifaddr 1")


@casttest.case("a switch without an address gives way to any querier, and asks from 0.0.0.0 again when it is gone")
def no_address_of_ours(_lab):
    with contextlib.closing(Lab(hosts=1, snooping=TIMERS)) as lab:
        lab.bridge = KernelBridge(lab, "bridge", BRIDGE)
        lab.start()
        wait_for("it is the querier", lambda: lab.querier("igmp") == {"state": "querier", "address": "0.0.0.0"})
        own = lab.querier("mld")["address"]
        expect(own.startswith("fe80::"), f"it asks in MLD from {own}")
        with asking(lab, HIGHER):
            wait_for("the bridge is the querier in IGMP", lambda: lab.querier("igmp") ==
                     {"state": "non-querier", "address": HIGHER["igmp"], "port": lab.bridge.port})
        wait_for("it is the querier again", lambda: is_querier(lab, {"igmp": "0.0.0.0", "mld": own}))


if __name__ == "__main__":
    casttest.main(setup)
