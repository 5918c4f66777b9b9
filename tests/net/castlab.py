"""A lab bridge in namespaces: castswitchd without clients, whose ports are NICs with hosts behind them.

    namespace SERVER: castswitchd                      namespace H1
      p1  ---------------- veth ---------------------    eth0  10.9.0.1/24, fd09::1/64, 02:00:00:00:00:01
      p2  ---------------- veth ---------------------  namespace H2 ...
      p3  ---- veth ---- namespace DUMB, a kernel bridge that floods ---- veth ---- several hosts

And what those do on the wire: source filters of the kernel's hosts, what of two sources comes to a host, frames made
by hand, checksums.
"""

import collections
import contextlib
import json
import select
import socket
import struct
import time

import castnet
from castnet import Failure, expect, wait_for
from casttraffic import (ETH_P_ALL, PACKET_OUTGOING, Receiver, Stream, Tapped, family_of, sockaddr_storage)

INCLUDE, EXCLUDE = 1, 0  # MCAST_INCLUDE, MCAST_EXCLUDE

# Not in Python's socket module.
MCAST_BLOCK_SOURCE = 43
MCAST_UNBLOCK_SOURCE = 44
MCAST_MSFILTER = 48
IP_UNBLOCK_SOURCE = 37
IP_BLOCK_SOURCE = 38
IP_ADD_SOURCE_MEMBERSHIP = 39
IP_DROP_SOURCE_MEMBERSHIP = 40
IP_MSFILTER = 41
SOL_PACKET = 263
PACKET_AUXDATA = 8
TP_STATUS_VLAN_VALID = 0x10
TP_STATUS_VLAN_TPID_VALID = 0x40

ETH_P_IP, ETH_P_IPV6, ETH_P_8021Q, ETH_P_8021AD, ETH_P_TEST = 0x0800, 0x86dd, 0x8100, 0x88a8, 0x88b5

# Timers for people who don't wait.  MEMBERSHIP is RFC 3376 8.4: 2 x query-interval + query-response-interval.
SHORT = """query-interval = 1s query-response-interval = 500ms startup-query-interval = 250ms
	last-member-query-interval = 200ms"""
MEMBERSHIP = 2.5


class Station:
    """A host behind a NIC of the switch; what Stream, Receiver and Tapped need of a host."""

    device = "eth0"

    def __init__(self, lab, number, name):
        self.name = name
        self.number = number
        self.ns = lab.add_namespace(name)
        self.port = None  # of the switch
        self.addr4, self.addr6 = f"10.9.0.{number}", f"fd09::{number:x}"
        self.mac = f"02:00:00:00:00:{number:02x}"

    def addr(self, family):
        return self.addr6 if family == socket.AF_INET6 else self.addr4

    def configure(self):
        """Addresses and routes of its interface, when that is there."""
        self.ns.ip("link", "set", self.device, "address", self.mac)
        self.up()

    def up(self):
        """Also when it was down: then its IPv6 address and its routes are gone."""
        self.ns.ip("addr", "replace", f"{self.addr4}/24", "dev", self.device)
        self.ns.ip("link", "set", self.device, "up")
        self.ns.ip("addr", "replace", f"{self.addr6}/64", "dev", self.device, "nodad")
        self.ns.ip("route", "replace", "224.0.0.0/4", "dev", self.device)

    def down(self):
        self.ns.ip("link", "set", self.device, "down")

    def force(self, family, version):
        """The version of IGMP or MLD that its kernel speaks; 0 is as it likes."""
        name = "ipv6/conf/{}/force_mld_version" if family == socket.AF_INET6 else "ipv4/conf/{}/force_igmp_version"
        self.ns.sysctl(name.format(self.device), version)


class Lab(castnet.Network):
    """What is passed as snooping, switch and extra goes into the configuration.  Without `flood` what nobody asked for
    goes nowhere from the start, not only when the hosts have had time to answer."""

    def __init__(self, hosts=3, snooping="", switch="", extra="", flood=False):
        super().__init__()
        self.add(castnet.Host(self, "server", "castswitchd", None))
        self.flood = flood
        self.snooping, self.switch, self.extra = snooping, switch, extra
        self.nics = {}  # name: its options
        self.stations = []
        for _ in range(hosts):
            self.add_station()

    # --- building it

    def add_port(self, ns, device="eth0", options=""):
        """A NIC of the switch, with a cable to a device in that namespace.  Its name."""
        name = f"p{len(self.nics) + 1}"
        self.nics[name] = options
        self.plug(name, ns, device)
        return name

    def plug(self, port, ns, device):
        """A veth pair as a cable."""
        server = self.server.ns
        server.ip("link", "add", port, "type", "veth", "peer", "name", device, "netns", ns.name)
        server.sysctl(f"ipv6/conf/{port}/disable_ipv6", 1)
        server.ip("link", "set", port, "up")
        ns.ip("link", "set", device, "up")

    def add_station(self, options="", behind=None, name=None):
        """A host at a port of its own, or behind a dumb switch."""
        number = len(self.stations) + 1
        station = Station(self, number, name or f"h{number}")
        self.stations.append(station)
        if behind:
            station.port = behind.port
            behind.attach(station)
        else:
            station.port = self.add_port(station.ns, station.device, options)
        station.configure()
        return station

    def add_dumb_switch(self, options=""):
        """It floods all multicast."""
        return KernelBridge(self, f"dumb{len(self.nics) + 1}", "mcast_snooping 0", options)

    # --- running it

    def configure(self):
        nics = "".join(f'nic "{name}" {{ {options} }}\n' for name, options in self.nics.items())
        flood = "" if self.flood else "flood-until-querier = false"
        with open(self.server.config, "w", encoding="utf-8") as f:
            f.write(f"{nics}switch {{ {self.switch} }}\nsnooping {{ {flood}\n\t{self.snooping}\n}}\n"
                    f'control {{ socket = "{self.server.socket}" }}\n{self.extra}\n')

    def start(self):
        self.configure()
        self.start_server()
        for name in self.nics:
            self.wait_port(name, "up")
        return self

    def ports(self):
        """{name: row of `castctl ports`}"""
        return {p["name"]: p for p in self.server.control("ports")}

    def wait_port(self, name, state):
        wait_for(f"port {name} is {state}", lambda: self.ports()[name]["state"] == state)

    def row(self, group, port):
        """The row of `castctl groups` of a group at a port, or None."""
        return next((g for g in self.groups(group) if g["port"] == port), None)

    def querier(self, family="igmp"):
        return self.server.status()["querier"][family]

    def routers(self):
        """{port: row of `castctl routers`}"""
        return {r["port"]: r for r in self.server.control("routers")}


class KernelBridge:
    """A Linux bridge behind one port of the switch; its device there is the port that others see it through."""

    device = "uplink"

    def __init__(self, lab, name, bridge_options, nic_options=""):
        self.name = name
        self.ns = lab.add_namespace(name)
        self.ports = 0
        self.ns.ip("link", "add", "br0", "type", "bridge", "forward_delay", "0", *bridge_options.split())
        self.ns.ip("link", "set", "br0", "addrgenmode", "none")
        self.port = lab.add_port(self.ns, self.device, nic_options)
        self._enslave(self.device)
        self.ns.ip("link", "set", "br0", "up")

    def _enslave(self, device):
        self.ns.sysctl(f"ipv6/conf/{device}/disable_ipv6", 1)
        self.ns.ip("link", "set", device, "master", "br0", "up")

    def attach(self, station):
        """Another host behind the same port of the switch."""
        self.ports += 1
        device = f"d{self.ports}"
        self.ns.ip("link", "add", device, "type", "veth", "peer", "name", station.device, "netns", station.ns.name)
        self._enslave(device)

    def set(self, options):
        self.ns.ip("link", "set", "br0", "type", "bridge", *options.split())

    def _show(self):
        return json.loads(castnet.run("bridge", "-j", "-d", "-n", self.ns.name, "mdb", "show"))[0]

    def mdb(self):
        """{(port, group)}"""
        return {(entry["port"], entry["grp"]) for entry in self._show()["mdb"]}

    def routers(self):
        """Its ports behind which it has heard a querier with an address, or another router."""
        return {port["port"] for port in self._show()["router"].get("br0", [])}


# --- what a host asks its kernel for


def group_req(ifindex, *addresses):
    """struct group_req, group_source_req"""
    head = struct.pack("@I", ifindex).ljust(struct.calcsize("@P"), b"\0")
    return head + b"".join(sockaddr_storage(a) for a in addresses)


def level_of(group):
    return socket.IPPROTO_IPV6 if family_of(group) == socket.AF_INET6 else socket.IPPROTO_IP


def block(station, sock, group, source, unblock=False):
    """RFC 3678: no more of this source; MCAST_BLOCK_SOURCE, and IP_BLOCK_SOURCE where there is one."""
    if family_of(group) == socket.AF_INET:
        value = b"".join(socket.inet_aton(a) for a in (group, station.addr4, source))
        sock.setsockopt(socket.IPPROTO_IP, IP_UNBLOCK_SOURCE if unblock else IP_BLOCK_SOURCE, value)
    else:
        sock.setsockopt(level_of(group), MCAST_UNBLOCK_SOURCE if unblock else MCAST_BLOCK_SOURCE,
                        group_req(station.ns.ifindex(station.device), group, source))


def source_membership(station, sock, group, source, drop=False):
    """The older call of IPv4 for casttraffic.join() with a source."""
    sock.setsockopt(socket.IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP if drop else IP_ADD_SOURCE_MEMBERSHIP,
                    b"".join(socket.inet_aton(a) for a in (group, station.addr4, source)))


def set_filter(station, sock, group, mode, sources):
    """MCAST_MSFILTER: the whole filter of a socket, at once."""
    value = group_req(station.ns.ifindex(station.device), group) + struct.pack("@II", mode, len(sources)) + \
        b"".join(sockaddr_storage(s) for s in sources)
    sock.setsockopt(level_of(group), MCAST_MSFILTER, value)


def set_filter4(station, sock, group, mode, sources):
    """IP_MSFILTER: the same in its older form, for IPv4."""
    value = socket.inet_aton(group) + socket.inet_aton(station.addr4) + struct.pack("@II", mode, len(sources)) + \
        b"".join(socket.inet_aton(s) for s in sources)
    sock.setsockopt(socket.IPPROTO_IP, IP_MSFILTER, value)


# --- what of two sources comes to a host


SIZE, RATE = 256, 400  # of streams: bytes, packets a second
WINDOW = 25            # packets that tell whether a stream flows


@contextlib.contextmanager
def sending(pump, senders, *groups):
    """Every sender to each group: [(stream of sender 1, stream of sender 2), ...]"""
    streams = []
    try:
        for group in groups:
            streams.append(tuple(Stream(pump, s, group, bits=SIZE * 8 * RATE, size=SIZE) for s in senders))
        yield streams
    finally:
        for stream in sum(streams, ()):
            stream.stop()


def include(*sources):
    return "include", sorted(sources), []


def exclude(*sources):
    return "exclude", [], sorted(sources)


class Ears:
    """A host's socket for a group, all frames that come to the host, and what the switch thinks of it."""

    def __init__(self, lab, host, group):
        self.lab, self.host, self.group = lab, host, group
        self.receiver, self.tapped = Receiver(lab.pump, host, group), Tapped(lab.pump, host)
        self.socket = self.receiver.socket

    def close(self):
        self.receiver.close()
        self.tapped.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _flowing(self, streams, want, patience):
        """Which streams come to the host: True, False, or None when some packets do.  Those that are wanted have some
        time to arrive."""
        begin = [s.sent for s in streams]
        wait_for("the senders go on", lambda: all(s.sent >= b + WINDOW for s, b in zip(streams, begin)))
        with contextlib.suppress(Failure):
            wait_for("", lambda: all(b + WINDOW - 1 in self.tapped.of(s).numbers
                                     for s, b, w in zip(streams, begin, want) if w), patience)
        counts = [self.tapped.of(s).within(b, b + WINDOW) for s, b in zip(streams, begin)]
        return tuple({0: False, WINDOW: True}.get(n) for n in counts)

    def expect_flow(self, streams, want, what, timeout=3):
        """Until it is as wanted; and then it stays so."""
        told = f"{self.host.name}, {what}: of the sources of {self.group} come"
        wait_for(f"{told} {want}", lambda: self._flowing(streams, want, 0.1) == want, timeout)
        again = self._flowing(streams, want, 1)
        expect(again == want, f"{told} {again} instead of {want}")

    def row(self):
        return self.lab.row(self.group, self.host.port)

    def state(self):
        """(mode, sources that are forwarded, sources that are not) of castctl groups; None without a membership."""
        row = self.row()
        if not row or row["mode"] == "include" and not row["sources"]:
            return None
        return (row["mode"], *(sorted(s["source"] for s in row["sources"] if s["state"] == state)
                               for state in ("forward", "blocked")))

    def expect_state(self, want, what, timeout=3):
        """Sources that are asked about in EXCLUDE mode, and forwarded until the answer, don't count."""
        def is_wanted():
            state = self.state()
            if state and state[0] == "exclude":
                state = (state[0], [], state[2])
            return state == want

        try:
            wait_for("", is_wanted, timeout)
        except Failure:
            raise Failure(f"{self.host.name}, {what}: {self.group} is {self.row()} instead of {want}") from None

    def expect_lossless(self, stream, begin, what):
        """Its socket got all from number begin to now."""
        end = stream.sent
        wait_for("the stream goes on", lambda: stream.sent > end + WINDOW)
        wait_for("the last packet", lambda: end - 1 in self.receiver.of(stream).numbers)
        lost = self.receiver.of(stream).missing(begin, end)
        expect(lost == 0, f"{self.host.name}, {what}: lost {lost} of {end - begin} packets")


class Renewal:
    """Whether the times of a membership and of all its sources went up again, from one look to the next: twice, since
    once a host may repeat its first report without being asked."""

    def __init__(self, ears):
        self.ears, self.last, self.renewed = ears, {}, collections.Counter()

    def look(self):
        row = self.ears.row()
        expect(row, f"{self.ears.host.name} is no member of {self.ears.group} any more")
        now = {s["source"]: s["expires_s"] for s in row["sources"] if "expires_s" in s}
        if "expires_s" in row:
            now["group"] = row["expires_s"]
        self.renewed.update(s for s in now if now[s] > self.last.get(s, MEMBERSHIP) + 0.3)
        self.last = now
        return all(self.renewed[s] >= 2 for s in now)


# --- frames by hand


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def ethernet(dst, src, ethertype, payload):
    return mac_bytes(dst) + mac_bytes(src) + struct.pack("!H", ethertype) + payload


def tag(frame, vid, pcp=0, tpid=ETH_P_8021Q):
    return frame[:12] + struct.pack("!HH", tpid, pcp << 13 | vid) + frame[12:]


def checksum(data):
    """RFC 1071; 0 over data that holds its right checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def ip_packet(packet):
    """(protocol, source, destination, payload) of an IPv4 or IPv6 packet without fragments; a hop-by-hop header is
    skipped."""
    if packet[0] >> 4 == 4:
        length, = struct.unpack_from("!H", packet, 2)
        return packet[9], packet[12:16], packet[16:20], packet[(packet[0] & 15) * 4:length]
    length, = struct.unpack_from("!H", packet, 4)
    protocol, payload = packet[6], packet[40:40 + length]
    if protocol == 0:
        protocol, payload = payload[0], payload[8 + 8 * payload[1]:]
    return protocol, packet[8:24], packet[24:40], payload


def transport_checksum(packet):
    """0 when the UDP, TCP or ICMPv6 checksum of an IP packet is right."""
    protocol, source, destination, payload = ip_packet(packet)
    return checksum(source + destination + struct.pack("!IxxxB", len(payload), protocol) + payload)


class Wire:
    """A packet socket on an interface: sends frames as they are, and keeps all that come in, with the VLAN tag that
    the kernel takes off put back."""

    def __init__(self, station):
        self.name = station.name
        with station.ns:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.bind((station.device, ETH_P_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setblocking(False)
        self.frames = []

    def send(self, *frames):
        for frame in frames:
            self.socket.send(frame)

    def _receive(self):
        data, ancillary, _, address = self.socket.recvmsg(65536, 256)
        for level, kind, value in ancillary:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, _, _, _, _, tci, tpid = struct.unpack("@IIIHHHH", value)
                if status & TP_STATUS_VLAN_VALID:
                    tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else ETH_P_8021Q
                    data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
        if address[2] != PACKET_OUTGOING:
            self.frames.append(data)

    def update(self):
        """All frames so far."""
        try:
            while True:
                self._receive()
        except BlockingIOError:
            return self.frames

    def wait(self, what, matches, count=1, timeout=5):
        """The frames that match, when there are as many."""
        deadline = time.monotonic() + timeout
        while True:
            found = [f for f in self.update() if matches(f)]
            if len(found) >= count:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise Failure(f"{self.name}: {len(found)} of {count} frames: {what}")
            select.select([self.socket], [], [], left)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
