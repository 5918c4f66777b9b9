#!/usr/bin/env python3
"""NICs as ports of the switch: frames of all kinds cross it unharmed, streams reach who asked, and interfaces come and
go."""

import contextlib
import hashlib
import os
import re
import socket
import struct
import threading

import castnet
import casttest
from castlab import (ETH_P_8021AD, ETH_P_IP, ETH_P_IPV6, ETH_P_TEST, Lab, SHORT, Wire, ethernet, mac_bytes, tag,
                     transport_checksum)
from castnet import expect, run, wait_for
from castprobe import BARE, Mark, PRIVILEGE, drops, expect_end, write
from casttraffic import Pump, Receiver, Stream, Tapped

VOLUME = 8_000_000
UDP_SEGMENT = 103
QUIET_FRAMES = 40  # what else may pass an interface meanwhile: queries, reports, neighbours


def setup():
    lab = Lab(hosts=3, snooping=SHORT)
    lab.pump = Pump()
    lab.closers.append(lab.pump.close)
    return lab.start()


def ping(station, to):
    station.ns.run("ping", "-n", "-c", "3", "-i", "0.02", "-W", "5", to)


def everybody_pings(lab):
    for a in lab.stations:
        for b in lab.stations:
            if a is not b:
                ping(a, b.addr4)
                ping(a, b.addr6)


# --- frames


@casttest.case("ARP, neighbour discovery and ping between all hosts; castctl ports and fdb show them")
def pings(lab):
    everybody_pings(lab)
    ports = lab.ports()
    expect(sorted(ports) == ["p1", "p2", "p3"], f"ports: {sorted(ports)}")
    for name, port in ports.items():
        expect((port["kind"], port["state"], port["router"]) == ("nic", "up", False), f"{name}: {port}")
        expect(port["rx_frames"] >= 12 and port["tx_frames"] >= 12, f"{name} passed no pings: {port}")
    macs = {m["mac"]: m["port"] for m in lab.server.control("fdb") if not m["static"]}
    expect(macs == {s.mac: s.port for s in lab.stations}, f"fdb: {macs}")
    for command in ("ports", "fdb"):
        out = lab.server.castctl(command)
        expect(all(name in out for name in ports), f"castctl {command}:\n{out}")


def serve(listener, received):
    with contextlib.closing(listener), contextlib.closing(listener.accept()[0]) as s:
        s.settimeout(20)
        while data := s.recv(1 << 20):
            received.update(data)
            received.count += len(data)


class Digest:
    def __init__(self):
        self.hash, self.count = hashlib.sha256(), 0

    def update(self, data):
        self.hash.update(data)


def transfer(sender, receiver, family):
    """A TCP connection whose superframes are cut on the way; the contents must be the same."""
    content = os.urandom(VOLUME)
    listener = receiver.ns.socket(family, socket.SOCK_STREAM)
    listener.bind((receiver.addr(family), 0))
    listener.listen()
    received = Digest()
    thread = threading.Thread(target=serve, args=(listener, received), daemon=True)
    thread.start()
    with contextlib.closing(sender.ns.socket(family, socket.SOCK_STREAM)) as s:
        s.settimeout(20)
        s.connect((receiver.addr(family), listener.getsockname()[1]))
        s.sendall(content)
    thread.join(20)
    expect(received.count == VOLUME, f"{received.count} of {VOLUME} bytes arrived")
    expect(received.hash.digest() == hashlib.sha256(content).digest(), "other bytes arrived than were sent")


@casttest.case("TCP over IPv4 and IPv6: 8 MB each, the same bytes")
def tcp(lab):
    h1, h2, h3 = lab.stations
    before = h3.ns.counters(h3.device)["rx_packets"]
    for family in (socket.AF_INET, socket.AF_INET6):
        transfer(h1, h2, family)
        transfer(h2, h1, family)
    got = h3.ns.counters(h3.device)["rx_packets"] - before
    expect(got < QUIET_FRAMES, f"{got} frames of two other hosts came to {h3.name}")
    lost = {k: n for k, n in drops(lab.server).items() if k[1] in ("bad-gso", "truncated", "link-mtu")}
    expect(not lost, f"dropped: {lost}")


@casttest.case("TCP with offloads switched off at both hosts")
def tcp_plain(lab):
    h1, h2, _ = lab.stations
    flags = ("tso", "gso", "gro", "tx")
    for state in ("off", "on"):
        for h in (h1, h2):
            h.ns.run("ethtool", "-K", h.device, *(x for f in flags for x in (f, state)))
        if state == "off":
            transfer(h1, h2, socket.AF_INET)
            transfer(h2, h1, socket.AF_INET6)


def is_udp(frame, port):
    kind, = struct.unpack_from("!H", frame, 12)
    at = {ETH_P_IP: 14 + 20, ETH_P_IPV6: 14 + 40}.get(kind)
    protocol = frame[23 if kind == ETH_P_IP else 20]
    return at is not None and protocol == 17 and frame[at + 2:at + 4] == struct.pack("!H", port)


def udp(sender, receiver, family, payloads, segment=None):
    """Datagrams whose checksums the sender's kernel leaves to the interface; their frames as they arrive."""
    with contextlib.closing(receiver.ns.socket(family, socket.SOCK_DGRAM)) as r, \
            contextlib.closing(sender.ns.socket(family, socket.SOCK_DGRAM)) as s, Wire(receiver) as wire:
        r.bind((receiver.addr(family), 0))
        r.settimeout(5)
        to = r.getsockname()[:2]
        if segment:
            s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, segment)
            s.sendto(b"".join(payloads), to)
        else:
            for payload in payloads:
                s.sendto(payload, to)
        got = [r.recv(65536) for _ in payloads]
        expect(got == payloads, f"{len(got)} datagrams of {[len(g) for g in got]} bytes, or others than were sent")
        frames = wire.wait("datagrams", lambda f: is_udp(f, to[1]), len(payloads))
    for f in frames:
        expect(transport_checksum(f[14:]) == 0, f"a wrong checksum on the wire: {f.hex()}")


@casttest.case("UDP: half-done checksums are completed, superframes are cut")
def udp_checksums(lab):
    h1, h2, _ = lab.stations
    for family, most in ((socket.AF_INET, 1472), (socket.AF_INET6, 1452)):
        udp(h1, h2, family, [b"", b"x", b"xyz" * 100, os.urandom(most)])
        udp(h1, h2, family, [os.urandom(1000) for _ in range(20)] + [b"tail"], segment=1000)


@casttest.case("multicast with half-done checksums: the same copy for each port")
def multicast_checksums(lab):
    h1, h2, h3 = lab.stations
    for group in ("239.2.1.1", "ff15::2:1"):
        with Receiver(lab.pump, h2, group) as two, Receiver(lab.pump, h3, group) as three, Wire(h2) as wire:
            two.join()
            three.join()
            lab.wait_members(group, h2, h3)
            stream = Stream(lab.pump, h1, group, packets=20)
            stream.wait()
            for r in (two, three):
                wait_for("the stream arrives", lambda r=r: r.of(stream).missing(0, 20) == 0)
            for f in wire.wait("the stream", lambda f: is_udp(f, 5004), 20):
                expect(transport_checksum(f[14:]) == 0, f"a wrong checksum on the wire: {f.hex()}")


@casttest.case("frames with VLAN tags keep them: 802.1Q, priority, 802.1ad with a tag inside")
def vlan_tags(lab):
    h1, h2, h3 = lab.stations
    plain = ethernet(h2.mac, h1.mac, ETH_P_TEST, os.urandom(400))
    tagged = [tag(plain, 7), tag(plain, 4094, pcp=5), tag(plain, 0, pcp=7), tag(tag(plain, 9, 3), 100, 1, ETH_P_8021AD),
              tag(ethernet("ff:ff:ff:ff:ff:ff", h1.mac, ETH_P_TEST, os.urandom(1500)), 4)]
    with Wire(h1) as one, Wire(h2) as two, Wire(h3) as three:
        one.send(plain, *tagged)
        two.wait("the last frame", lambda f: f == tagged[-1])
        three.wait("the broadcast", lambda f: f == tagged[-1])
        for f in (plain, *tagged):
            expect(two.frames.count(f) == 1, f"not as it was sent: {f[:24].hex()}")
            expect(three.frames.count(f) == (f is tagged[-1]), f"also at {h3.name}: {f[:24].hex()}")
        expect(not [f for f in one.update() if f[6:12] == plain[6:12]], "a frame came back to its sender")


def set_mtu(lab, mtu, *ports):
    for station in lab.stations:
        if station.port in ports:
            lab.server.ns.ip("link", "set", station.port, "mtu", str(mtu))
            station.ns.ip("link", "set", station.device, "mtu", str(mtu))


@casttest.case("frames of every length from the shortest to the longest; one too long for a link is counted")
def lengths(lab):
    h1, h2, h3 = lab.stations
    plain = [ethernet(h2.mac, h1.mac, ETH_P_TEST, os.urandom(n)) for n in (0, 1, 46, 47, 1000, 1499, 1500)]
    plain.append(tag(plain[-1], 5))
    longest = tag(plain[-1], 6, tpid=ETH_P_8021AD)
    with Wire(h1) as one, Wire(h2) as two:
        set_mtu(lab, 1508, "p1", "p2")
        one.send(*plain, longest)
        two.wait("the longest", lambda f: f == longest)
        for f in plain:
            expect(two.frames.count(f) == 1, f"a frame of {len(f)} bytes was lost")
        before = drops(lab.server).get(("p3", "link-mtu"), 0)
        ping(h1, h3.addr4)
        one.send(mac_bytes(h3.mac) + longest[6:])
        wait_for("it is counted", lambda: drops(lab.server).get(("p3", "link-mtu"), 0) == before + 1)
        set_mtu(lab, 1500, "p1", "p2")


# --- streams


@casttest.case("a stream goes to the port that joined it, and to no other, IPv4 and IPv6")
def one_of_three(lab):
    h1, h2, h3 = lab.stations
    for group in ("239.2.2.1", "ff15::2:2"):
        with Receiver(lab.pump, h2, group) as member, Receiver(lab.pump, h3, group) as other, \
                Tapped(lab.pump, h3) as bystander:
            member.join()
            lab.wait_members(group, h2)
            out = lab.server.castctl("groups", "--json")
            expect(f'"{group}"' in out and '"p2"' in out, f"castctl groups:\n{out}")
            before = {h: h.ns.counters(h.device)["rx_packets"] for h in (h2, h3)}
            ports = lab.ports()
            stream = Stream(lab.pump, h1, group, packets=1000, bits=25_000_000)
            stream.wait()
            wait_for("the stream arrives", lambda: member.of(stream).missing(0, 1000) == 0, 3)
            got = {h: h.ns.counters(h.device)["rx_packets"] - before[h] for h in (h2, h3)}
            expect(member.of(stream).packets == 1000, f"{member.of(stream).packets} packets of 1000: some twice")
            expect(other.of(stream).packets == 0 and bystander.of(stream).packets == 0, f"{h3.name} got the stream")
            expect(got[h2] >= 1000 and got[h3] < QUIET_FRAMES, f"came in: {got[h2]} and {got[h3]} frames")
            sent = {p: lab.ports()[p]["tx_frames"] - ports[p]["tx_frames"] for p in ports}
            expect(sent["p2"] >= 1000 and sent["p3"] < QUIET_FRAMES and sent["p1"] < QUIET_FRAMES,
                   f"castctl ports says that went out: {sent}")


@casttest.case("what nobody asked for floods until the first query is answered, then it goes nowhere", fresh=True)
def until_the_querier(_lab):
    with contextlib.closing(Lab(hosts=2, snooping=SHORT, flood=True)) as lab, \
            contextlib.closing(Pump()) as pump:
        h1, h2 = lab.stations
        with Tapped(pump, h2) as tapped:
            stream = Stream(pump, h1, "239.2.2.9", bits=2_000_000)
            try:
                lab.start()
                wait_for("it floods", lambda: tapped.of(stream).packets > 5, 2)
                wait_for("it ends", lambda: stream.sent - 1 - max(tapped.of(stream).numbers) > 50, 5)
                end = max(tapped.of(stream).numbers)
                last = stream.sent
                wait_for("it goes on being sent", lambda: stream.sent > last + 100)
                expect(max(tapped.of(stream).numbers) == end, "it came back")
            finally:
                stream.stop()


# --- links


@casttest.case("a link that goes down takes its port's memberships and addresses, and asks for them when it is back")
def link_down(lab):
    h1, h2, h3 = lab.stations
    with Receiver(lab.pump, h2, "239.2.3.1") as two, Receiver(lab.pump, h3, "239.2.3.1") as three:
        two.join()
        three.join()
        lab.wait_members("239.2.3.1", h2, h3)
        ping(h2, h1.addr4)
        h2.down()
        lab.wait_port("p2", "down")
        expect(lab.members("239.2.3.1") == {"p3"}, f"members: {lab.members('239.2.3.1')}")
        expect(not [m for m in lab.server.control("fdb") if m["port"] == "p2"], "addresses of p2 are still known")
        expect(not [g for g in lab.groups() if g["port"] == "p2"], "groups of p2 are still known")
        stream = Stream(lab.pump, h1, "239.2.3.1", bits=5_000_000)
        try:
            wait_for("the other goes on", lambda: three.of(stream).packets > 20)
            h2.up()
            lab.wait_port("p2", "up")
            lab.wait_members("239.2.3.1", h2, h3)
            wait_for("the stream arrives again", lambda: two.of(stream).packets > 20)
            end = stream.sent
            wait_for("the stream flows", lambda: stream.sent > end + 20)
            expect(three.of(stream).missing(0, end) == 0, "the other lost packets meanwhile")
        finally:
            stream.stop()


@casttest.case("the switch's own side of a link goes down and up")
def own_side(lab):
    lab.server.ns.ip("link", "set", "p2", "down")
    lab.wait_port("p2", "down")
    ping(lab.stations[0], lab.stations[2].addr4)
    lab.server.ns.ip("link", "set", "p2", "up")
    lab.wait_port("p2", "up")
    everybody_pings(lab)


@casttest.case("an interface that disappears and comes again is a port again, with new memberships")
def reappears(lab):
    h1, _, h3 = lab.stations
    mark = Mark(lab.server)
    with Receiver(lab.pump, h3, "239.2.3.2") as before:
        before.join()
        lab.wait_members("239.2.3.2", h3)
        lab.server.ns.ip("link", "del", "p3")
        mark.wait("castswitchd: info: p3: gone")
    lab.wait_port("p3", "down")
    expect(not lab.members("239.2.3.2"), "the membership stayed")
    mark = Mark(lab.server)
    lab.plug("p3", h3.ns, h3.device)
    h3.configure()
    mark.wait("castswitchd: (info|notice): p3: is here.*")
    lab.wait_port("p3", "up")
    everybody_pings(lab)
    with Receiver(lab.pump, h3, "239.2.3.2") as again, Tapped(lab.pump, lab.stations[1]) as other:
        again.join()
        lab.wait_members("239.2.3.2", h3)
        stream = Stream(lab.pump, h1, "239.2.3.2", packets=50)
        stream.wait()
        wait_for("the stream arrives", lambda: again.of(stream).missing(0, 50) == 0)
        expect(not other.of(stream).packets, "the stream went to another port, too")


@casttest.case("an interface that takes another's name is the port from then on")
def renamed(lab):
    h2 = lab.stations[1]
    lab.server.ns.ip("link", "set", "p2", "down")
    lab.server.ns.ip("link", "set", "p2", "name", "old")
    lab.wait_port("p2", "down")
    lab.plug("p2", h2.ns, "new")
    lab.wait_port("p2", "up")
    h2.ns.ip("link", "set", h2.device, "down")
    h2.ns.ip("addr", "flush", "dev", h2.device)
    h2.ns.ip("link", "set", h2.device, "name", "was")
    h2.ns.ip("link", "set", "new", "down")
    h2.ns.ip("link", "set", "new", "name", h2.device)
    h2.ns.sysctl("ipv6/conf/was/disable_ipv6", 1)
    h2.configure()
    lab.wait_port("p2", "up")
    everybody_pings(lab)
    lab.server.ns.ip("link", "del", "old")
    everybody_pings(lab)


@casttest.case("who is lost of a burst is counted, and the port goes on")
def flood_of_frames(lab):
    h1, h2, _ = lab.stations
    frame = ethernet(h2.mac, h1.mac, ETH_P_TEST, bytes(46))
    last = ethernet(h2.mac, h1.mac, ETH_P_TEST, b"last".ljust(46))
    before = lab.ports()["p1"]["rx_frames"]
    with Wire(h1) as one, Wire(h2) as two:
        one.socket.setblocking(True)
        one.send(*[frame] * 20000)
        wait_for("it goes on", lambda: (one.send(last), last in two.update())[1])
    got = lab.ports()["p1"]["rx_frames"] - before
    lost = drops(lab.server).get(("p1", "nic-overrun"), 0)
    expect(20000 <= got + lost <= 20100, f"20000 frames were sent; {got} came in and {lost} were counted as lost")


# --- starting


def second(lab, name, text):
    """A configuration for another castswitchd in the same namespace."""
    path = os.path.join(lab.dir, f"{name}.conf")
    return write(path, f'{text}\ncontrol {{ socket = "{lab.dir}/{name}.sock" }}\n')


@contextlib.contextmanager
def another(lab, name, text):
    host = castnet.Host(lab, name, "castswitchd", None)
    write(host.config, f'{text}\ncontrol {{ socket = "{host.socket}" }}\n')
    host.start()
    try:
        yield host
        expect(host.stop() == 0, "its end is not 0")
    finally:
        if host.program:
            host.kill()


@casttest.case("an interface that isn't there at the start is waited for")
def not_there_yet(lab):
    with another(lab, "early", 'nic "e1" { }\nnic "e2" { }') as host:
        mark = Mark(host)
        mark.at = 0
        for name in ("e1", "e2"):
            mark.wait(f"castswitchd: notice: {name}: no such interface yet, waiting for it")
        wait_for("it answers", host.status)
        expect({p["state"] for p in host.control("ports")} == {"down"}, "a port is up without an interface")
        with contextlib.closing(castnet.Network()) as ends:
            a, b = ends.add_namespace("a"), ends.add_namespace("b")
            for name, ns, address in (("e1", a, "10.9.1.1/24"), ("e2", b, "10.9.1.2/24")):
                host.ns.ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", ns.name)
                host.ns.ip("link", "set", name, "up")
                ns.ip("addr", "add", address, "dev", "eth0")
                ns.ip("link", "set", "eth0", "up")
            wait_for("its ports are up", lambda: {p["state"] for p in host.control("ports")} == {"up"})
            a.run("ping", "-n", "-c", "3", "-i", "0.02", "-W", "5", "10.9.1.2")
        wait_for("its ports are down", lambda: {p["state"] for p in host.control("ports")} == {"down"})


@casttest.case("interfaces that aren't Ethernet are an error in the log, and no port")
def not_ethernet(lab):
    with another(lab, "strange", 'nic "lo" { }\nnic "tun7" { }') as host:
        mark = Mark(host)
        mark.at = 0
        mark.wait("castswitchd: error: lo: can't be a port: not an Ethernet interface")
        host.ns.ip("tuntap", "add", "tun7", "mode", "tun")
        mark.wait("castswitchd: error: tun7: can't be a port: not an Ethernet interface")
        host.ns.ip("link", "set", "tun7", "up")
        wait_for("it answers", host.status)
        ports = {p["name"]: p["state"] for p in host.control("ports")}
        expect(ports == {"lo": "down", "tun7": "down"}, f"ports: {ports}")
        host.ns.ip("link", "del", "tun7")


@casttest.case("an MTU that differs from the switch's is warned of, once")
def mtu(lab):
    lab.server.ns.ip("link", "set", "p1", "mtu", "1600")
    mark = Mark(lab.server)
    lab.server.ns.ip("link", "set", "p1", "mtu", "9000")
    mark.wait(r"castswitchd: warning: p1: its MTU is 9000, that of the switch 1500 .*")
    lab.server.ns.ip("link", "set", "p1", "mtu", "1500")
    ping(lab.stations[0], lab.stations[1].addr4)


@casttest.case("without CAP_NET_RAW: exit code 4, and why")
def no_capability(lab):
    config = second(lab, "bare", 'nic "p1" { }')
    expect_end(lab, PRIVILEGE, re.compile(r"castswitchd: .*p1: .*not permitted.*CAP_NET_RAW.*\n", re.S | re.I),
               "castswitchd", "--config", config, wrapper=BARE)


@casttest.case("after the end the interfaces are as they were: not promiscuous any more")
def leaves_nothing(lab):
    def promiscuous():
        return [name for name in lab.nics
                if lab.server.ns.ip_json("-d", "link", "show", "dev", name)[0]["promiscuity"]]

    expect(promiscuous() == ["p1", "p2", "p3"], f"promiscuous: {promiscuous()}")
    expect(lab.server.stop() == 0, "its end is not 0")
    expect(not promiscuous(), f"promiscuous: {promiscuous()}")
    left = run("ip", "-n", lab.server.ns.name, "-o", "link").splitlines()
    expect(len(left) == 4, f"interfaces: {left}")
    lab.start()


if __name__ == "__main__":
    casttest.main(setup)
