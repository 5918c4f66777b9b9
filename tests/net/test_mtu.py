#!/usr/bin/env python3
"""An overlay of 1,500 bytes over paths that carry less: each side finds out how much, nothing is lost for its length,
and what a packet is marked with shows outside.

    server -- under1   far -- router A -- mid   mid -- router B -- near   under -- client
                1500               MTU of the path                    1500

So neither end sees the MTU in the middle on an interface of its own.  A router tells by ICMP that a packet was too
long, unless its own packets go nowhere: `ip rule add iif lo blackhole`.
"""

import contextlib
import hashlib
import random
import socket
import struct
import threading
import time

import castnet
import casttest
from castnet import expect, wait_for
from castprobe import drops, edit
from casttraffic import ETH_P_ALL, Pump, RECEIVE_BUFFER, Receiver, SO_RCVBUFFORCE, Stream

OVERLAY = 1500
PORT = 7000
VOLUME = 4_000_000
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2
HEADERS = {4: 28, 6: 48}  # IP and UDP around a datagram
OVERHEAD = 30             # of ours around a frame
ETHERNET = 14
CS6 = 0xc0
FOUND = 25  # seconds that a search may take, on a machine that does other things


class RoutedClient(castnet.Client):
    """Two routers between it and the server."""

    def _wire(self, over_ipv6):
        n = self.number
        self.version = 6 if over_ipv6 else 4
        self.near = self.net.add_namespace(f"near{n}")  # the client's router
        self.far = self.net.add_namespace(f"far{n}")    # the server's
        server, family = self.net.server.ns, f"-{self.version}"
        if over_ipv6:
            wires = [(f"2001:db8:{x}{n}::1", f"2001:db8:{x}{n}::2") for x in "abc"]
            nets, length, host = [f"2001:db8:{x}{n}::/64" for x in "abc"], 64, 128
        else:
            bases = [f"203.0.113.{4 * n}", f"198.18.{n}.0", f"198.51.100.{4 * n}"]
            wires = [tuple(b.rsplit(".", 1)[0] + f".{int(b.rsplit('.', 1)[1]) + i}" for i in (1, 2)) for b in bases]
            nets, length, host = [f"{b}/30" for b in bases], 30, 32
        server.ip("link", "add", f"under{n}", "type", "veth", "peer", "name", "server", "netns", self.far.name)
        self.far.ip("link", "add", "mid", "type", "veth", "peer", "name", "mid", "netns", self.near.name)
        self.near.ip("link", "add", "client", "type", "veth", "peer", "name", self.under, "netns", self.ns.name)
        ends = [(server, f"under{n}", wires[0][0]), (self.far, "server", wires[0][1]), (self.far, "mid", wires[1][0]),
                (self.near, "mid", wires[1][1]), (self.near, "client", wires[2][0]), (self.ns, self.under, wires[2][1])]
        for ns, device, address in ends:
            if not over_ipv6:
                ns.sysctl(f"ipv6/conf/{device}/disable_ipv6", 1)
            ns.ip("addr", "add", f"{address}/{length}", "dev", device, *(["nodad"] if over_ipv6 else []))
            ns.ip("link", "set", device, "up")
        for router in (self.near, self.far):
            router.sysctl("ipv6/conf/all/forwarding" if over_ipv6 else "ipv4/ip_forward", 1)
        self.ns.ip(family, "route", "add", "default", "via", wires[2][0])
        self.near.ip(family, "route", "add", f"{self.remote}/{host}", "via", wires[1][0])
        self.far.ip(family, "route", "add", f"{self.remote}/{host}", "via", wires[0][0])
        self.far.ip(family, "route", "add", nets[2], "via", wires[1][1])
        server.ip(family, "route", "add", nets[2], "via", wires[0][1])
        self.silent = False

    def path(self, mtu, silent=False):
        """The path carries packets of that size from now on; silent: routers don't say so."""
        for router in (self.near, self.far):
            router.ip("link", "set", "mid", "mtu", str(mtu))
            if silent != self.silent:
                router.ip(f"-{self.version}", "rule", "add" if silent else "del", "iif", "lo", "pref", "10",
                          "blackhole")
        self.silent = silent

    def carries(self, mtu):
        """The longest UDP payload in a packet of that size."""
        return mtu - HEADERS[self.version]

    def found(self):
        """What both sides think that the path carries."""
        return self.status()["path_mtu"], self.net.peers()[self.name]["path_mtu"]

    def wait_found(self, mtu, timeout=FOUND):
        want = (self.carries(mtu),) * 2
        began = time.monotonic()
        try:
            wait_for(f"{self.name} and the server find {want[0]}", lambda: self.found() == want, timeout)
        except castnet.Failure as e:
            raise castnet.Failure(f"{e}, but {self.found()}") from None
        casttest.note(f"{self.name}: {want[0]} after {time.monotonic() - began:.1f} s")

    def restart(self):
        self.stop()
        self.start()
        self.wait_connected()
        # Its tap is another one, with another MAC address.
        self.net.server.ns.ip("neigh", "flush", "dev", castnet.TAP)


class RoutedNet(castnet.Net):
    def make_client(self, number, over_ipv6):
        return RoutedClient(self, number, over_ipv6)


def setup():
    net = RoutedNet(clients=2, over_ipv6=(2,), mtu=OVERLAY)
    net.pump = Pump()
    net.closers.append(net.pump.close)
    return net.start()


@contextlib.contextmanager
def path(client, mtu, silent=False):
    """The client begins on such a path; it is a whole one again behind."""
    client.path(mtu, silent)
    try:
        client.restart()
        yield client
    finally:
        client.path(1500)


# --- what is sent through


def transfer(sender, receiver, family, volume=VOLUME):
    """Random bytes over TCP; they must arrive as they are.  Returns the sender's MSS."""
    content = random.Random(volume).randbytes(volume)
    listener = receiver.ns.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    digest, failure = hashlib.sha256(), []

    def receive():
        try:
            listener.settimeout(20)
            with contextlib.closing(listener.accept()[0]) as s:
                s.settimeout(20)
                while part := s.recv(1 << 16):
                    digest.update(part)
        except OSError as e:
            failure.append(e)

    with contextlib.closing(listener), contextlib.closing(sender.ns.socket(family, socket.SOCK_STREAM)) as s:
        listener.bind((receiver.addr(family), PORT))
        listener.listen(1)
        thread = threading.Thread(target=receive)
        thread.start()
        s.settimeout(20)
        s.connect((receiver.addr(family), PORT))
        mss = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        s.sendall(content)
        s.shutdown(socket.SHUT_WR)
        thread.join(60)
    expect(not failure and not thread.is_alive(), f"{sender.name} to {receiver.name}: {failure or 'does not end'}")
    expect(digest.digest() == hashlib.sha256(content).digest(), f"{receiver.name} got other bytes than were sent")
    return mss


def both_ways(net, client, family):
    return transfer(client, net.server, family), transfer(net.server, client, family)


def datagrams(sender, receiver, size, count=300):
    """UDP datagrams that the sender's stack must not fragment; all of them arrive, as they are."""
    family = socket.AF_INET
    with contextlib.closing(receiver.ns.socket(family, socket.SOCK_DGRAM)) as r, \
            contextlib.closing(sender.ns.socket(family, socket.SOCK_DGRAM)) as s:
        r.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        r.bind((receiver.addr(family), PORT))
        r.settimeout(5)
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        contents = [random.Random(i).randbytes(size) for i in range(count)]
        missing = set(contents)
        for i, content in enumerate(contents):
            s.sendto(content, (receiver.addr(family), PORT))
            if i % 4 == 3:
                missing.discard(r.recv(65536))
        with contextlib.suppress(TimeoutError):
            while missing:
                got = r.recv(65536)
                expect(got in missing, f"{receiver.name} got {len(got)} bytes that nobody sent, or twice")
                missing.discard(got)
        expect(not missing, f"{len(missing)} of {count} datagrams of {size} bytes did not arrive")


def samples(net, sender, receiver, group, count=40, size=65507):
    """Multicast samples as long as UDP allows, which the sender's stack cuts into some 45 IP fragments each."""
    family = socket.AF_INET6 if ":" in group else socket.AF_INET
    with Receiver(net.pump, receiver, group) as ears:
        ears.join()
        net.wait_members(group, receiver)
        stream = Stream(net.pump, sender, group, size=size, bits=size * 8 * 20, packets=count)
        stream.wait()
        with contextlib.suppress(castnet.Failure):
            wait_for("the last one arrives", lambda: ears.of(stream).packets >= count, 5)
        got = ears.of(stream)
        expect(stream.refused == 0, f"the sender's kernel refused {stream.refused} samples")
        expect(got.missing(0, count) == 0 and got.packets == count,
               f"{receiver.name} got {got.packets} samples, {got.missing(0, count)} of {count} are missing ({family})")
    net.wait_members(group)


# --- paths of 1,300 bytes


def narrow(net, client, silent):
    with path(client, 1300, silent):
        # Also while the search is still going on.
        datagrams(client, net.server, OVERLAY - 28)
        datagrams(net.server, client, OVERLAY - 28)
        client.wait_found(1300)
        room = client.carries(1300) - OVERHEAD - ETHERNET
        for family, headers in ((socket.AF_INET, 40), (socket.AF_INET6, 60)):
            for mss in both_ways(net, client, family):
                # Time stamps are taken off what was agreed.
                expect(mss in (room - headers, room - headers - 12), f"the MSS is {mss}, the path has room for "
                       f"{room - headers}")
        datagrams(client, net.server, OVERLAY - 28)
        datagrams(net.server, client, OVERLAY - 28)
        samples(net, net.server, client, "239.7.1.1")
        samples(net, client, net.server, "ff15::7:1", size=65000)
        for host in (client, net.server):
            lost = drops(host)
            expect(not any(k in str(lost) for k in ("bad-fragment", "bad-bundle")), f"{host.name}: {lost}")


@casttest.case("IPv4, 1,300 bytes, routers say so: TCP, 1,472-byte UDP, 64 KB samples")
def narrow_ipv4(net):
    narrow(net, net.clients[0], silent=False)


@casttest.case("IPv4, 1,300 bytes, a black hole")
def silent_ipv4(net):
    narrow(net, net.clients[0], silent=True)


@casttest.case("IPv6, 1,300 bytes, routers say so")
def narrow_ipv6(net):
    narrow(net, net.clients[1], silent=False)


@casttest.case("IPv6, 1,300 bytes, a black hole")
def silent_ipv6(net):
    narrow(net, net.clients[1], silent=True)


@casttest.case("a path of 1,500 bytes: only frames that are longer than it go in fragments")
def whole(net):
    client = net.clients[0]
    client.restart()
    client.wait_found(1500)
    datagrams(client, net.server, OVERLAY - 28)
    both_ways(net, client, socket.AF_INET)


# --- paths that change


@casttest.case("a path that becomes a black hole under a TCP connection, and the connection lives")
def shrinks(net):
    client = net.clients[0]
    client.restart()
    client.wait_found(1500)
    timer = threading.Timer(0.2, lambda: client.path(1300, silent=True))
    timer.start()
    try:
        # Slow enough to be in the middle of it.
        mss = transfer(client, net.server, socket.AF_INET, 40_000_000)
        timer.join()
        expect(mss > client.carries(1300) - OVERHEAD - ETHERNET - 40, f"the MSS was {mss} from the beginning")
        transfer(net.server, client, socket.AF_INET6, 4_000_000)
        # One that is not used need not know.
        datagrams(net.server, client, OVERLAY - 28)
        client.wait_found(1300)
    finally:
        timer.cancel()
        client.path(1500)


@casttest.case("a path that grows again is used again", fresh=True)
def grows(net):
    """A client whose raise timer is 2 s in the place of 600."""
    client = net.clients[0]
    client.binary = "tests/net/castswitch_eager"
    with path(client, 1300, silent=True):
        wait_for("the client finds 1,272", lambda: client.status()["path_mtu"] == client.carries(1300), FOUND)
        client.path(1400)
        wait_for("the client finds 1,372", lambda: client.status()["path_mtu"] == client.carries(1400), FOUND)
        client.path(1500)
        wait_for("the client finds 1,472", lambda: client.status()["path_mtu"] == client.carries(1500), FOUND)
        datagrams(client, net.server, OVERLAY - 28)


# --- what is seen outside


class Outside:
    """IPv4 packets that pass the server's router, from each side."""

    def __init__(self, client):
        self.client = client
        with client.far:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
            self.socket.bind(("server", ETH_P_ALL))
        self.socket.setblocking(False)
        self.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def clear(self):
        self.packets()

    def packets(self):
        """[(from the client, TOS, UDP payload)] since the last call."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, address = self.socket.recvfrom(65536)
                if address[1] == 0x0800 and len(packet) > 28 and packet[9] == socket.IPPROTO_UDP:
                    found.append((address[2] == socket.PACKET_OUTGOING, packet[1], packet[28:]))
        return found


def marks(net, client, outside, tos):
    """Outer TOS bytes of pings with this one, to the server and back."""
    outside.clear()
    with client.ns:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with contextlib.closing(s), contextlib.closing(net.server.ns.socket(socket.AF_INET, socket.SOCK_DGRAM)) as r:
        r.bind((net.server.addr4, PORT))
        r.settimeout(5)
        for end in (s, r):
            end.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
        s.sendto(b"x" * 321, (net.server.addr4, PORT))
        r.sendto(*r.recvfrom(1000))
        s.settimeout(5)
        s.recv(1000)
    length = 321 + 28 + ETHERNET + OVERHEAD
    seen = {up: tos for up, tos, payload in outside.packets() if len(payload) == length}
    return seen.get(True), seen.get(False)


@casttest.case("DSCP and ECN show outside, by each side's configuration; control packets are CS6", fresh=True)
def dscp(net):
    client = net.clients[0]
    with Outside(client) as outside:
        for tos in (0xb8, 0x02, 0xb9, 0):
            got = marks(net, client, outside, tos)
            expect(got == (tos, tos), f"TOS {tos:#x} became {got}")
        outside.clear()
        client.restart()
        client.wait_found(1500)
        for up, tos, payload in outside.packets():
            expect(tos == CS6 or payload[0] == 0xc1, f"{'from' if up else 'to'} the client: TOS {tos:#x} of a "
                   f"handshake datagram")
        edit(net.server.config, ("switch {", "tunnel { dscp = none mss-clamp = 1000 }" "\nswitch {"))
        edit(client.config, ("control {", "tunnel { dscp = 46 mss-clamp = off }" "\ncontrol {"))
        net.server.castctl("reload")
        client.castctl("reload")
        for tos in (0x28, 0x02, 0x2b):
            got = marks(net, client, outside, tos)
            expect(got == (0xb8 | tos & 3, tos & 3), f"TOS {tos:#x} became {got}, with 46 and none")
    for mss in both_ways(net, client, socket.AF_INET):
        expect(mss in (1000, 988), f"the MSS is {mss}")
    edit(net.server.config, ("mss-clamp = 1000", "mss-clamp = off"))
    net.server.castctl("reload")
    for mss in both_ways(net, client, socket.AF_INET):
        expect(mss in (1460, 1448), f"the MSS is {mss}, with the clamp off on both sides")


@casttest.case("small frames that are on their way together share datagrams")
def bundles(net):
    client, count, size = net.clients[0], 400, 100  # as many as the tap holds
    with contextlib.closing(net.server.ns.socket(socket.AF_INET, socket.SOCK_DGRAM)) as r, \
            contextlib.closing(client.ns.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
        r.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        r.bind((net.server.addr4, PORT))
        r.settimeout(2)
        s.connect((net.server.addr4, PORT))
        s.send(b"x" * size)  # so that the MAC address is known
        r.recv(1000)
        before = client.status()["tx_packets"]
        for i in range(count):
            s.send(struct.pack("!I", i).ljust(size, b"x"))
        got = []
        with contextlib.suppress(TimeoutError):
            while len(got) < count:
                got.append(struct.unpack("!I", r.recv(1000)[:4])[0])
        sent = client.status()["tx_packets"] - before
    casttest.note(f"{len(got)} of {count} frames in {sent} datagrams")
    expect(got == sorted(set(got)), "they came in another order")
    expect(len(got) == count, f"only {len(got)} of {count} came")
    expect(sent < len(got), f"{sent} datagrams for {len(got)} frames")


if __name__ == "__main__":
    casttest.main(setup)
