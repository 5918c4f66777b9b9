#!/usr/bin/env python3
"""What the switch itself sends, as others read it: captured by tcpdump at the hosts, decoded by tcpdump, by tshark
where there is one, and byte by byte against the RFCs."""

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess

import castnet
import casttest
from castgm import group_mac, igmp_frame, queries
from castlab import (EXCLUDE, ETH_P_TEST, Ears, INCLUDE, Lab, Wire, block, ethernet, include, mac_bytes, sending,
                     set_filter, tag)
from castnet import Failure, expect, run, wait_for
from casttraffic import Pump, family_of

BASE = "startup-query-interval = 250ms last-member-query-interval = 200ms"
SOON = "query-interval = 1s query-response-interval = 500ms " + BASE
RARE = "query-interval = 300s query-response-interval = 40s " + BASE
ALL_HOSTS = {socket.AF_INET: "224.0.0.1", socket.AF_INET6: "ff02::1"}
PCAP_MAGIC, PCAP_ETHERNET = 0xa1b2c3d4, 1
UNKNOWN = (f"ethertype Unknown (0x{ETH_P_TEST:04x})", "unknown icmp6 type (152)")  # our marker; RFC 4286
COMPLAINTS = ("bad ", "[|", "wrong", "incorrect", "truncated", "invalid", "malformed", "unknown")


class Capture:
    """tcpdump of what comes in at a station, into a file."""

    def __init__(self, lab, station):
        self.station = station
        self.path = os.path.join(lab.dir, f"{station.name}.pcap")
        self.frames = []
        with station.ns:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "tcpdump", "-i", station.device, "-Q", "in", "-U",
                 "--immediate-mode", "-s", "0", "-Z", "root", "-w", self.path],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        lab.closers.append(self.stop)
        while b"listening on" not in (line := self.process.stderr.readline()):
            expect(line, "tcpdump ended")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(10)
        self.process.stderr.close()

    def holds(self, text):
        with open(self.path, "rb") as f:
            return text in f.read()

    def read(self):
        """Sets frames to all of them, from the file."""
        with open(self.path, "rb") as f:
            data = f.read()
        magic, _, _, _, _, _, link = struct.unpack_from("=IHHiIII", data)
        expect((magic, link) == (PCAP_MAGIC, PCAP_ETHERNET), f"not a capture of Ethernet: {data[:24].hex()}")
        at = 24
        while at < len(data):
            _, _, length, whole = struct.unpack_from("=IIII", data, at)
            expect(length == whole, "a frame was cut")
            self.frames.append(data[at + 16:at + 16 + length])
            at += 16 + length


@contextlib.contextmanager
def captured(snooping, switch=""):
    """(lab that is not yet started, captures of its hosts); the captures are complete and decoded behind the block."""
    with contextlib.closing(Lab(hosts=3, snooping=snooping, switch=switch)) as lab, \
            contextlib.closing(Pump()) as lab.pump:
        captures = [Capture(lab, s) for s in lab.stations]
        yield lab, captures
        marker = os.urandom(16)
        with Wire(lab.stations[0]) as one, Wire(lab.stations[1]) as two:
            for wire, other in ((one, lab.stations[0]), (two, lab.stations[1])):
                wire.send(ethernet("ff:ff:ff:ff:ff:ff", other.mac, ETH_P_TEST, marker.ljust(46)))
            for c in captures:
                wait_for(f"all is captured at {c.station.name}", lambda c=c: c.holds(marker))
        for c in captures:
            c.stop()
            c.read()
            decode(c)


def decode(capture):
    out = run("tcpdump", "-r", capture.path, "-n", "-e", "-vv")
    # A frame that it knows nothing of comes as hex and text, and bytes may look like anything.
    found = [line for line in out.splitlines() if any(word in line.lower() for word in COMPLAINTS)
             and not any(text in line for text in UNKNOWN) and not line.startswith("\t0x")]
    expect(not found, "tcpdump complains:\n" + "\n".join(found[:10]))
    if not shutil.which("tshark"):
        casttest.note("no tshark here")
        return
    out = run("tshark", "-n", "-r", capture.path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y",
              "_ws.malformed or _ws.expert.severity == error or ip.checksum.status == bad or "
              "igmp.checksum.status == bad or icmpv6.checksum.status == bad or udp.checksum.status == bad")
    expect(not out, f"tshark complains:\n{out}")


def ours(captures):
    """Queries with the switch's own source MAC, of all captures."""
    hosts = {mac_bytes(c.station.mac) for c in captures}
    frames = [f for c in captures for f in c.frames if f[6:12] not in hosts]
    found = queries(frames)
    expect(found, "the switch asked nothing")
    expect(len({q.eth_src for q in found}) == 1, f"it asks from {({q.eth_src for q in found})}")
    return found, frames


def check_form(q, versions, sources, qrv=2):
    """What every query must be."""
    def need(condition, what):
        if not condition:
            raise Failure(f"{what}: {q}")

    need(not q.wrong, f"malformed ({', '.join(q.wrong)})")
    need(q.ttl == 1, "TTL or hop limit is not 1")
    need(q.router_alert, "no router alert")
    need(q.dst == (q.group or ALL_HOSTS[q.family]), "wrong destination")
    need(q.eth_dst == group_mac(q.dst), "wrong destination MAC")
    need(q.src == sources[q.family], "wrong source")
    need(q.version == versions[q.family], "wrong version")
    if q.version == {socket.AF_INET: 3, socket.AF_INET6: 2}[q.family]:
        need(q.qrv == qrv, "wrong QRV")


def eui64(mac):
    """RFC 4291 appendix A"""
    raw = bytes.fromhex(mac.replace(":", ""))
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + bytes((raw[0] ^ 2,)) + raw[1:3] + b"\xff\xfe" +
                            raw[3:])


def exchange(lab, groups):
    """Hosts join, take sources and give them up, leave while others stay; a stream flows meanwhile."""
    sender, h2, h3 = lab.stations
    with sending(lab.pump, [sender], *groups) as streams, contextlib.ExitStack() as stack:
        for group, (s,) in zip(groups, streams):
            one, two = (stack.enter_context(Ears(lab, h, group)) for h in (h2, h3))
            for e in (one, two):
                e.receiver.join()
                e.expect_flow((s,), (True,), "has joined")
            source = sender.addr(family_of(group))
            block(h2, one.socket, group, source)
            one.expect_flow((s,), (False,), "blocks the source")
            set_filter(h2, one.socket, group, INCLUDE, [source, *other_sources(group)])
            one.expect_flow((s,), (True,), "wants sources")
            set_filter(h2, one.socket, group, INCLUDE, [source])
            one.expect_state(include(source), "wants one source")
            set_filter(h2, one.socket, group, EXCLUDE, [])
            set_filter(h2, one.socket, group, INCLUDE, [source])
            one.receiver.leave(source)
            one.expect_state(None, "has left")
            two.receiver.leave()
            two.expect_state(None, "has left")


def other_sources(group):
    return [f"10.9.2.{n}" if family_of(group) == socket.AF_INET else f"fd09::2:{n}" for n in range(1, 6)]


# --- cases


@casttest.case("IGMPv3 and MLDv2: all queries of an exchange with hosts that join, take sources and leave")
def new(_net):
    groups = ("239.7.1.1", "ff15::7:1")
    with captured(SOON + " querier-address = {\"10.9.0.254\", \"fe80::254\"}") as (lab, captures):
        # Fast leave would spare the questions.
        for name in lab.nics:
            lab.nics[name] = "fast-leave = off"
        lab.start()
        exchange(lab, groups)
    found, _ = ours(captures)
    for q in found:
        check_form(q, {socket.AF_INET: 3, socket.AF_INET6: 2}, {socket.AF_INET: "10.9.0.254",
                                                                socket.AF_INET6: "fe80::254"})
        expect(q.interval == 1, f"wrong interval: {q}")
        expect(q.max_resp == (0.2 if q.group else 0.5), f"wrong response time: {q}")
    for group in groups:
        family = family_of(group)
        about = [q for q in found if q.group == group]
        expect([q for q in found if q.family == family and not q.group], f"no general query: {found}")
        expect([q for q in about if not q.sources], f"no query about {group}: {about}")
        source = lab.stations[0].addr(family)
        expect([q for q in about if source in q.sources], f"no query about a source of {group}: {about}")
        lists = [q for q in about if set(other_sources(group)) <= set(q.sources)]
        expect(lists, f"no query about many sources of {group}: {about}")
        # RFC 3376 6.6.3.1: it is repeated.
        expect(len([q for q in about if q.sources and not q.suppress]) >= 2, f"asked only once: {about}")


@casttest.case("IGMPv2 and MLDv1: queries of the old versions")
def old(_net):
    groups = ("239.7.2.1", "ff15::7:2")
    with captured(SOON + " igmp-version = 2 mld-version = 1") as (lab, captures):
        for s in lab.stations:
            s.force(socket.AF_INET, 2)
            s.force(socket.AF_INET6, 1)
        lab.start()
        with contextlib.ExitStack() as stack:
            for group in groups:
                ears = stack.enter_context(Ears(lab, lab.stations[1], group))
                ears.receiver.join()
                wait_for("it has joined", ears.state)
                ears.receiver.leave()
                ears.expect_state(None, "has left")
    found, _ = ours(captures)
    for q in found:
        check_form(q, {socket.AF_INET: 2, socket.AF_INET6: 1}, {socket.AF_INET: "0.0.0.0",
                                                                socket.AF_INET6: eui64(q.eth_src)})
        expect(q.max_resp == (0.2 if q.group else 0.5), f"wrong response time: {q}")
    expect({q.group for q in found} == {"", *groups}, f"asked about {({q.group for q in found})}")


@casttest.case("long intervals: floating-point codes, QRV, and answers soon at a new port")
def long_intervals(_net):
    with captured(RARE + " robustness = 5 startup-query-count = 3") as (lab, captures):
        lab.start()
        with Wire(lab.stations[1]) as wire:
            lab.stations[1].down()
            lab.wait_port("p2", "down")
            lab.stations[1].up()
            wait_for("the port is asked again", lambda: {q.family for q in queries(wire.update())} == set(ALL_HOSTS))
    found, _ = ours(captures)
    for q in found:
        check_form(q, {socket.AF_INET: 3, socket.AF_INET6: 2}, {socket.AF_INET: "0.0.0.0",
                                                                socket.AF_INET6: eui64(q.eth_src)}, 5)
        # 300 has no code: 288 and 304 have (RFC 3376 4.1.7).
        expect(q.interval in (288, 304), f"wrong interval: {q}")
        expect(q.max_resp in (1, 40) and not q.group, f"wrong response time: {q}")
    for family in ALL_HOSTS:
        times = {q.max_resp for q in found if q.family == family}
        expect(times == {1, 40}, f"response times are {times}")


@casttest.case("VLANs: queries carry the tag of their VLAN")
def vlans(_net):
    with captured(SOON, switch="vlan-aware = true") as (lab, captures):
        lab.nics["p2"] = "fast-leave = off"
        lab.start()
        # A host of VLAN 7 behind p2: IGMPv2 report and leave of 239.7.4.1, since this kernel has no VLAN interfaces.
        group = socket.inet_aton("239.7.4.1")
        with Wire(lab.stations[1]) as wire:
            wire.send(tag(igmp_frame(lab.stations[1].mac, "10.9.7.2", "239.7.4.1", b"\x16\0\0\0" + group), 7, 5))
            row = wait_for("it has joined", lambda: lab.row("239.7.4.1", "p2"))
            expect(row["vlan"] == 7, f"{row}")
            wire.send(tag(igmp_frame(lab.stations[1].mac, "10.9.7.2", "224.0.0.2", b"\x17\0\0\0" + group), 7))
            wait_for("it has left", lambda: not lab.row("239.7.4.1", "p2"))
            wait_for("VLAN 7 is asked", lambda: {q.family for q in queries(wire.update()) if q.vlan == 7 and
                                                 not q.group} == set(ALL_HOSTS))
    found, _ = ours(captures)
    for q in found:
        check_form(q, {socket.AF_INET: 3, socket.AF_INET6: 2}, {socket.AF_INET: "0.0.0.0",
                                                                socket.AF_INET6: eui64(q.eth_src)})
    expect({q.vlan for q in found} == {0, 7}, f"VLANs {({q.vlan for q in found})}")
    about = [q for q in found if q.group]
    expect(about and {(q.vlan, q.group) for q in about} == {(7, "239.7.4.1")}, f"asked about {about}")


@casttest.case("solicitations of routers are well formed, and nothing else comes from the switch")
def solicitations(_net):
    with captured(SOON + " mrd-solicit = true") as (lab, captures):
        lab.start()
        with Wire(lab.stations[0]) as wire:
            wait_for("it asks", lambda: queries(wire.update()))
    found, frames = ours(captures)
    own = mac_bytes(found[0].eth_src)
    others = [f for f in frames if f[6:12] == own and not queries([f])]
    expect(others, "no solicitation")
    for f in others:
        # RFC 4286 4: IGMP type 0x31 to 224.0.0.2, ICMPv6 type 152 to ff02::2, TTL 1, router alert.
        if f[12:14] == b"\x08\x00":
            good = (f[:6] == mac_bytes(group_mac("224.0.0.2")) and f[22] == 1 and f[34:38] == b"\x94\x04\0\0" and
                    f[38] == 0x31)
        else:
            good = (f[:6] == mac_bytes(group_mac("ff02::2")) and f[20] == 0 and f[21] == 1 and
                    b"\x05\x02\0\0" in f[54:62] and f[62] == 152)
        expect(good, f"neither a query nor a solicitation: {f.hex()}")
    expect({f[12:14] for f in others} == {b"\x08\x00", b"\x86\xdd"}, "solicitations of one family only")


@casttest.case("what others would call malformed is noticed by these tests, too")
def control(_net):
    good = igmp_frame("02:00:00:00:00:09", "10.9.0.9", "224.0.0.1", bytes.fromhex("110500000000000002010000"))
    expect(not queries([good])[0].wrong, f"{queries([good])[0]}")
    with contextlib.closing(castnet.Network()) as net:
        for at, what in ((16, "length"), (24, "header checksum"), (41, "IGMP checksum"), (49, "number of sources")):
            bad = good[:at] + bytes((good[at] ^ 1,)) + good[at + 1:]
            capture = File(net, bad)
            found = queries([bad])
            expect(not found or found[0].wrong, f"a wrong {what} passes: {found}")
            try:
                decode(capture)
            except Failure:
                continue
            raise Failure(f"a wrong {what} is no complaint to tcpdump or tshark")


class File:
    """A capture of one frame."""

    def __init__(self, net, frame):
        self.path = os.path.join(net.dir, "frame.pcap")
        with open(self.path, "wb") as f:
            f.write(struct.pack("=IHHiIII", PCAP_MAGIC, 2, 4, 0, 0, 65535, PCAP_ETHERNET))
            f.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame)


def setup():
    if not shutil.which("tcpdump"):
        raise castnet.Skip("no tcpdump command")
    if castnet.INSIDE in os.environ:
        raise castnet.Skip("tcpdump gives up root, which it can't in a user namespace")
    return castnet.Network()


if __name__ == "__main__":
    casttest.main(setup)
