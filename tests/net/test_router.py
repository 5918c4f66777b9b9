#!/usr/bin/env python3
"""Multicast routers beyond a port of the switch: smcroute, which routes streams in and out, joins groups and announces
itself by MRD; and FRR, which does so by PIM."""

import contextlib
import os
import shutil
import signal
import socket

import castnet
import casttest
from castgm import group_mac, igmp_frame, igmp_general_query, queries
from castlab import Ears, Lab, SHORT, Wire, mac_bytes, sending
from castnet import Program, Skip, expect, wait_for
from castprobe import drops, write
from casttraffic import Pump, Tapped, family_of

FRR = "/usr/lib/frr"
DOWN = ("239.6.1.1", "ff15::6:1")  # from upstream into the switch
UP = ("239.6.2.1", "ff15::6:2")    # from a host to upstream, joined by smcroute
MRD_ADVERTISEMENT, MRD_TERMINATION = 0x30, 0x32  # RFC 4286 7
MORE = "239.6.3.1"                 # the same, but nobody joins it
SMCROUTE = f"""phyint eth0 enable
phyint eth1 enable
mroute from eth0 group {DOWN[0]} to eth1
mroute from eth0 group {DOWN[1]} to eth1
mgroup from eth1 group {UP[0]}
mgroup from eth1 group {UP[1]}
mroute from eth1 group {UP[0]} to eth0
mroute from eth1 group {UP[1]} to eth0
mroute from eth1 group {MORE} to eth0
"""


class Upstream:
    """The far side of the router: a host that sends and receives."""

    name, device = "upstream", "eth0"
    addr4, addr6 = "10.20.0.2", "fd20::2"

    def __init__(self, lab):
        self.ns = lab.add_namespace(self.name)

    def addr(self, family):
        return self.addr6 if family == socket.AF_INET6 else self.addr4


class PortOf:
    """The router's interface at the switch, as a host."""

    name, device = "router", "eth1"

    def __init__(self, router):
        self.ns = router.ns


class Router:
    """A namespace with eth0 to upstream and eth1 to the switch."""

    name = "router"

    def __init__(self, lab):
        self.lab = lab
        self.ns = lab.add_namespace(self.name)
        self.upstream = Upstream(lab)
        self.ns.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.upstream.ns.name)
        self.port = lab.add_port(self.ns, "eth1")
        for ns, device, address4, address6 in ((self.ns, "eth0", "10.20.0.1/24", "fd20::1/64"),
                                               (self.ns, "eth1", "10.9.0.250/24", "fd09::250/64"),
                                               (self.upstream.ns, "eth0", "10.20.0.2/24", "fd20::2/64")):
            ns.ip("addr", "add", address4, "dev", device)
            ns.ip("addr", "add", address6, "dev", device, "nodad")
            ns.ip("link", "set", device, "up")
        self.upstream.ns.ip("route", "add", "default", "via", "10.20.0.1")
        for path in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            self.ns.sysctl(path, 1)
        self.programs = []
        lab.closers.append(self.stop)

    def mac(self):
        return self.ns.ip_json("link", "show", "dev", "eth1")[0]["address"]

    def file(self, name):
        return os.path.join(self.lab.dir, name)

    def run(self, *argv):
        program = Program(os.path.basename(argv[0]), argv, self.ns, self.file("router.log"))
        self.programs.append(program)
        return program

    def stop(self):
        while self.programs:
            program = self.programs.pop()
            program.signal(signal.SIGTERM)
            program.wait()

    def smcroute(self, config=SMCROUTE):
        smcrouted = shutil.which("smcrouted")
        if not smcrouted:
            raise Skip("no smcrouted command (package smcroute)")
        path = write(self.file("smcroute.conf"), config)
        return self.run(smcrouted, "-n", "-N", "-f", path, "-P", self.file("smcroute.pid"),
                        "-u", self.file("smcroute.sock"))

    def output(self):
        with open(self.file("router.log"), encoding="utf-8", errors="replace") as f:
            return f.read()


@contextlib.contextmanager
def routing(lab, start):
    """start() starts the router's programs; they end with the block."""
    start()
    try:
        yield
    except castnet.Failure as e:
        raise castnet.Failure(f"{e}\nthe router said:\n{lab.router.output()}") from e
    finally:
        lab.router.stop()


def setup():
    lab = Lab(hosts=2, snooping=SHORT)
    lab.router = Router(lab)
    lab.always = lab.add_station("router = always", name="always")
    lab.never = lab.add_station("router = never", name="never")
    lab.pump = Pump()
    lab.closers.append(lab.pump.close)
    return lab.start()


@contextlib.contextmanager
def tapped(lab, *hosts):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Tapped(lab.pump, h)) for h in hosts]


@casttest.case("smcroute: a stream from upstream flows to the host that joined, and to no other")
def downstream(lab):
    h1, h2 = lab.stations[:2]
    with routing(lab, lab.router.smcroute), sending(lab.pump, [lab.router.upstream], *DOWN) as streams, \
            tapped(lab, h2, lab.never, lab.always) as (other, never, always):
        for group, (s,) in zip(DOWN, streams):
            # That smcroute routes shows at the port where everything unregistered goes.
            wait_for(f"{group} is routed", lambda s=s: always.of(s).packets > 20)
            with Ears(lab, h1, group) as ears:
                expect(not ears.tapped.of(s).packets, f"{group} comes before it is asked for")
                ears.receiver.join()
                ears.expect_flow((s,), (True,), "has joined")
                expect(ears.receiver.of(s).sources == {lab.router.upstream.addr(family_of(group))}, "wrong source")
                ears.receiver.leave()
                ears.expect_flow((s,), (False,), "has left")
            expect(not other.of(s).packets and not never.of(s).packets, f"{group} comes to another host")


@casttest.case("smcroute: groups that it joins flow to it and are routed upstream")
def upstream(lab):
    h1, h2 = lab.stations[:2]
    with routing(lab, lab.router.smcroute), sending(lab.pump, [h1], *UP, MORE) as streams, \
            tapped(lab, lab.router.upstream, h2) as (far, other):
        for group, (s,) in zip(UP, streams):
            lab.wait_members(group, lab.router)
            wait_for(f"{group} is routed upstream", lambda s=s: far.of(s).packets > 20)
            expect(not other.of(s).packets, f"{group} comes to another host")
        expect(not far.of(streams[2][0]).packets, f"{MORE} goes to a port without a router")
        expect(lab.router.port not in lab.routers(), f"routers: {lab.routers()}")
    for group in UP:
        lab.wait_members(group)


@casttest.case("smcroute announces itself by MRD: its port has a router, until a termination")
def mrd(lab):
    h1, h2 = lab.stations[:2]
    config = SMCROUTE.replace("phyint eth1 enable", "phyint eth1 enable mrdisc")
    with sending(lab.pump, [h1], MORE) as ((stream,),), tapped(lab, lab.router.upstream, h2) as (far, other), \
            Wire(h2) as wire:
        with routing(lab, lambda: lab.router.smcroute(config)):
            row = wait_for("its port has a router", lambda: lab.routers().get(lab.router.port))
            announced, = wire.wait("it announces itself", lambda f: f[:6] == mac_bytes(group_mac("224.0.0.106")) and
                                   f[38] == MRD_ADVERTISEMENT)  # behind the router alert
            # RFC 4286 3.2.2: three times the interval that it tells.
            expect(row["kind"] == "learned" and 0 < row["expires_s"] <= 3 * announced[39], f"{row}, {announced.hex()}")
            wait_for(f"{MORE} is routed upstream", lambda: far.of(stream).packets > 20)
            expect(not other.of(stream).packets, f"{MORE} comes to a host")
        # smcroute ends without a word; others say goodbye.
        expect(lab.router.port in lab.routers(), "a router that fell silent is forgotten at once")
        with Wire(PortOf(lab.router)) as own:
            own.send(igmp_frame(lab.router.mac(), "10.9.0.250", "224.0.0.106", bytes((MRD_TERMINATION, 0, 0, 0))))
        wait_for("its port has no router any more", lambda: lab.router.port not in lab.routers(), 2)
        with tapped(lab, lab.always) as (always,):
            wait_for("the stream goes on", lambda: always.of(stream).packets > 20)
        count = far.of(stream).packets
        with tapped(lab, lab.always) as (always,):
            wait_for("the stream goes on", lambda: always.of(stream).packets > 20)
        expect(far.of(stream).packets == count, f"{MORE} still goes there")


@casttest.case("FRR announces itself by PIM: its port has a router until it ends")
def pim(lab):
    if not os.access(f"{FRR}/pimd", os.X_OK):
        raise Skip(f"no {FRR}/pimd (package frr)")
    if castnet.INSIDE in os.environ:
        raise Skip("FRR wants to be root")
    h1, h2 = lab.stations[:2]
    router = lab.router

    def start():
        os.chmod(lab.dir, 0o711)  # FRR becomes its own user
        own = router.file("frr")
        os.mkdir(own)
        shutil.chown(own, "frr")
        for name, config in (("zebra", ""), ("pimd", "interface eth1\n ip pim\n ip pim hello 1 4\n")):
            shutil.chown(write(f"{own}/{name}.conf", config), "frr")
            router.run(f"{FRR}/{name}", "-P", "0", "-z", f"{own}/zserv", "--vty_socket", own, "-i", f"{own}/{name}.pid",
                       "-f", f"{own}/{name}.conf")
            wait_for("zebra answers", lambda: os.path.exists(f"{own}/zserv"))

    with sending(lab.pump, [h1], MORE) as ((stream,),), Wire(h2) as wire, tapped(lab, h2) as (other,):
        with routing(lab, start):
            row = wait_for("its port has a router", lambda: lab.routers().get(router.port), 20)
            expect(row["kind"] == "learned" and 0 < row["expires_s"] <= 4, f"{row}")
            with tapped(lab, PortOf(router)) as (at_router,):
                wait_for(f"{MORE} comes to it", lambda: at_router.of(stream).packets > 20)
            expect(not other.of(stream).packets, f"{MORE} comes to a host")
            wire.wait("its hellos come to all", lambda f: f[:6] == mac_bytes(group_mac("224.0.0.13")))
        wait_for("its port has no router any more", lambda: router.port not in lab.routers(), 6)


@casttest.case("router = always and never: unregistered streams and reports, or nothing and no belief in queries")
def fixed(lab):
    h1, h2 = lab.stations[:2]
    rows = lab.routers()
    expect({p: r["kind"] for p, r in rows.items()} == {lab.always.port: "static"}, f"routers: {rows}")
    with sending(lab.pump, [h1], "239.6.4.1") as ((stream,),), \
            tapped(lab, lab.always, lab.never, h2) as (always, never, other):
        wait_for("unregistered goes to the router", lambda: always.of(stream).packets > 20)
        expect(not never.of(stream).packets and not other.of(stream).packets, "it goes elsewhere, too")
    report = mac_bytes(group_mac("224.0.0.22"))
    with Wire(lab.always) as always, Wire(lab.never) as never, Wire(h1) as one, Ears(lab, h2, "239.6.4.2") as ears:
        ears.receiver.join()
        always.wait("the report goes to the router", lambda f: f[:6] == report and b"\xef\x06\x04\x02" in f)
        expect(not [f for w in (never, one) for f in w.update() if f[:6] == report], "a report goes to a host")
    with Wire(lab.never) as never, Wire(h1) as one:
        never.send(igmp_general_query(lab.never.mac, "10.9.0.1"))
        wait_for("it is counted", lambda: drops(lab.server).get((lab.never.port, "query-guard")) == 1)
        expect(lab.querier("igmp")["state"] == "querier", f"{lab.querier('igmp')}")
        expect("10.9.0.1" not in {q.src for q in queries(one.update())}, "the query goes to others")


if __name__ == "__main__":
    casttest.main(setup)
