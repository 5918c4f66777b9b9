#!/usr/bin/env python3
"""What the server's configuration says for good, groups and MAC addresses at ports, and how long the groups of a lost
peer stay."""

import itertools
import socket
import struct

import castnet
import casttest
from castnet import TAP, expect, wait_for
from castprobe import changed, drops, read, write
from casttraffic import join

ETH_P_ALL, EXPERIMENTAL, VLAN = 3, 0x88b5, 7
PACKET_OUTGOING = 4
BROADCAST = "ff:ff:ff:ff:ff:ff"
STATIC = """
static-group "239.9.9.9" { ports = {"client1"} }
static-group "232.9.9.9" { ports = {"client1"} source = "10.8.0.12" }
static-group "239.9.9.7" { ports = {"client1"} vlan = 7 }
static-group "03:00:00:00:00:01" { ports = {"client1"} }
static-mac "02:00:00:00:00:63" { port = "client1" sticky = true }
static-mac "02:00:00:00:00:64" { port = "client1" vlan = 7 }
static-mac "02:00:00:00:00:65" { port = "client1" }
"""


def setup():
    net = castnet.Net(clients=2, snooping="flood-until-querier = false", extra=STATIC)
    net.good = changed(read(net.server.config), (
        "mtu = 1400", "mtu = 1400 vlan-aware = true"), ('peer "client2" { ', 'peer "client2" { protect-macs = false '))
    write(net.server.config, net.good)
    return net.start()


# --- frames


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def group_mac(group):
    """RFC 1112 6.4"""
    return (b"\x01\x00\x5e" + (struct.unpack("!I", socket.inet_aton(group))[0] & 0x7fffff).to_bytes(3, "big")).hex(":")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def ethernet(src, dst, payload, kind=EXPERIMENTAL, vlan=None):
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    return (mac_bytes(dst) + mac_bytes(src) + tag + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def datagram(src, ip_src, group, payload, vlan=None):
    def header(check):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 8, 17, check, socket.inet_aton(ip_src),
                           socket.inet_aton(group))

    udp = struct.pack("!HHHH", 9, 9, 8 + len(payload), 0) + payload
    return ethernet(src, group_mac(group), header(checksum(header(0))) + udp, 0x0800, vlan)


class Ear:
    """What the tap of a host hands to its kernel."""

    def __init__(self, host):
        self.host = host
        with host.ns:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.bind((TAP, ETH_P_ALL))
        self.socket.setblocking(False)
        self.heard = b""

    def has(self, text):
        while True:
            try:
                data, address = self.socket.recvfrom(65536)
            except BlockingIOError:
                return text in self.heard
            if address[2] != PACKET_OUTGOING:
                self.heard += data + b"|"

    def close(self):
        self.socket.close()


_numbers = itertools.count(1)


def who_hears(net, make):
    """Names of the hosts that get the frame make(payload) which client 2 sends; a broadcast behind it tells when all
    that come have come."""
    sender, others = net.clients[1], [net.server, net.clients[0]]
    ears = [Ear(host) for host in others]
    with sender.ns, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((TAP, 0))
        number = next(_numbers)
        text, end = (f"<{word} {number}>".encode() for word in ("frame", "end"))
        s.send(make(text))
        s.send(ethernet(sender.mac(), BROADCAST, end))
    try:
        for ear in ears:
            wait_for(f"{ear.host.name} hears the end", lambda ear=ear: ear.has(end), 5)
        return {ear.host.name for ear in ears if text in ear.heard}
    finally:
        for ear in ears:
            ear.close()


def expect_heard(net, names, make):
    heard = who_hears(net, make)
    expect(heard == set(names), f"{make(b'')[:40].hex()}: heard by {sorted(heard)}, not by {sorted(names)}")


def to_group(net, group, ip_src=None, vlan=None):
    me = net.clients[1]
    return lambda text: datagram(me.mac(), ip_src or me.addr4, group, text, vlan)


def to_mac(net, dst, vlan=None):
    return lambda text: ethernet(net.clients[1].mac(), dst, text, vlan=vlan)


# --- cases


@casttest.case("static groups: who never asked gets them, from that source and in that VLAN")
def groups(net):
    expect_heard(net, ["client1"], to_group(net, "239.9.9.9"))
    expect_heard(net, [], to_group(net, "239.9.9.8"))
    expect_heard(net, ["client1"], to_group(net, "232.9.9.9"))
    expect_heard(net, [], to_group(net, "232.9.9.9", ip_src="10.8.0.99"))
    expect_heard(net, ["client1"], to_group(net, "239.9.9.7", vlan=VLAN))
    expect_heard(net, [], to_group(net, "239.9.9.7"))
    expect_heard(net, [], to_group(net, "239.9.9.9", vlan=VLAN))
    expect_heard(net, ["client1"], to_mac(net, "03:00:00:00:00:01"))
    expect_heard(net, ["client1", "server"], to_mac(net, "03:00:00:00:00:02"))


@casttest.case("static MAC addresses: where they are, in that VLAN, and not elsewhere when sticky")
def macs(net):
    expect_heard(net, ["client1"], to_mac(net, "02:00:00:00:00:63"))
    expect_heard(net, ["client1", "server"], to_mac(net, "02:00:00:00:00:62"))
    expect_heard(net, ["client1"], to_mac(net, "02:00:00:00:00:64", vlan=VLAN))
    expect_heard(net, ["client1", "server"], to_mac(net, "02:00:00:00:00:64"))
    before = drops(net.server).get(("client2", "protected-mac"), 0)
    expect_heard(net, ["client1", "server"], lambda text: ethernet("02:00:00:00:00:65", BROADCAST, text))
    ports = [row["port"] for row in net.server.control("fdb") if row["mac"] == "02:00:00:00:00:65"]
    expect(ports == ["client1"], f"it moved to {ports}")
    expect_heard(net, [], lambda text: ethernet("02:00:00:00:00:63", BROADCAST, text))
    after = drops(net.server).get(("client2", "protected-mac"), 0)
    expect(after == before + 1, f"{after - before} frames were counted as protected-mac")


@casttest.case("a reload takes static groups and MAC addresses away and brings them back")
def reload(net):
    write(net.server.config, net.good.replace(STATIC, ""))
    net.server.castctl("reload")
    expect_heard(net, [], to_group(net, "239.9.9.9"))
    expect_heard(net, ["client1", "server"], to_mac(net, "02:00:00:00:00:64", vlan=VLAN))
    expect_heard(net, ["client1", "server"], to_mac(net, "03:00:00:00:00:01"))
    write(net.server.config, net.good)
    net.server.castctl("reload")
    expect_heard(net, ["client1"], to_group(net, "239.9.9.9"))
    expect_heard(net, ["client1"], to_mac(net, "02:00:00:00:00:64", vlan=VLAN))
    expect_heard(net, ["client1"], to_mac(net, "03:00:00:00:00:01"))


def lose_member(net, group):
    """Client 1 joins and is gone without a word."""
    client = net.clients[0]
    client.start()
    client.wait_connected()
    with client.ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        join(s, group, client.ns.ifindex(TAP))
        net.wait_members(group, client)
        client.kill()
        wait_for("the server gives it up", lambda: client.name not in net.peers(), 20)


@casttest.case("grace: how long the groups of a peer that was lost stay", fresh=True)
def grace(net):
    net.stop_programs()
    text = changed(net.good, ("snooping { ", "snooping { grace = 10m "),
                   ('peer "client1" { ', 'peer "client1" { keepalive = 1s '))
    write(net.server.config, text)
    net.start_server()
    lose_member(net, "239.1.2.3")
    expect(net.members("239.1.2.3") == {"client1"}, f"members are {net.members('239.1.2.3')}")
    write(net.server.config, changed(text, ("grace = 10m", "grace = 0s")))
    net.server.castctl("reload")
    lose_member(net, "239.1.2.4")
    net.wait_members("239.1.2.4")


if __name__ == "__main__":
    casttest.main(setup)
