#!/usr/bin/env python3
"""All that is not a stream passes as on a LAN: ARP, neighbour discovery, ping, TCP, broadcast, mDNS.  Client 3 reaches
the server over IPv6."""

import contextlib
import hashlib
import itertools
import json
import re
import shutil
import socket
import struct
import subprocess
import threading

import castnet
import casttest
from castnet import expect, wait_for
from casttraffic import Pump, Receiver, Stream, Tapped, multicast_listener, multicast_sender

TCP_BYTES = 16 << 20
TIMEOUT = 10


def setup():
    net = castnet.Net(over_ipv6=(3,))
    net.pump = Pump()
    net.closers.append(net.pump.close)
    return net.start()


def pairs(net):
    """Client to client, server to client, client to server; each over IPv4 and over IPv6 underlays."""
    server, (one, two, three) = net.server, net.clients
    return [(one, two), (two, three), (server, one), (server, three), (one, server), (three, server)]


# --- one packet to one host


@casttest.case("ping, IPv4 and IPv6, between all hosts")
def ping(net):
    for a, b in pairs(net):
        for address in (b.addr4, b.addr6):
            out = a.ns.run("ping", "-n", "-c", "3", "-i", "0.02", "-W", "2", address)
            expect(" 0% packet loss" in out, f"{a.name} to {address}: {out}")
            expect("DUP!" not in out, f"{a.name} to {address}, answered twice: {out}")


@casttest.case("ping of full size, without fragments")
def ping_full(net):
    for a, b in pairs(net):
        a.ns.run("ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", str(net.mtu - 28), b.addr4)
        a.ns.run("ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", str(net.mtu - 48), b.addr6)


@casttest.case("ARP and neighbour discovery find the right MAC address")
def neighbours(net):
    for a, b in pairs(net):
        for version, address in (("-4", b.addr4), ("-6", b.addr6)):
            a.ns.ip(version, "neigh", "flush", "dev", castnet.TAP)
            a.ns.run("ping", "-n", "-c", "1", "-W", "2", address)
            rows = {n["dst"]: n for n in a.ns.ip_json(version, "neigh", "show", "dev", castnet.TAP)}
            got = rows.get(address, {}).get("lladdr")
            expect(got == b.mac(), f"{a.name} has {got} for {address}, not {b.mac()}: {rows}")


@casttest.case("ARP requests are answered by the one that is asked, once")
def arping(net):
    if not shutil.which("arping"):
        raise castnet.Skip("no arping")
    for a, b in pairs(net):
        out = a.ns.run("arping", "-I", castnet.TAP, "-c", "2", "-w", "5", b.addr4)
        macs = [m.lower() for m in re.findall(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", out)]
        expect(macs == [b.mac()] * 2, f"{a.name} asked for {b.addr4}, which is {b.mac()}: {out}")


@casttest.case("nobody answers for an address that nobody has, and questions don't come back")
def nobody(net):
    a = net.clients[0]
    with contextlib.closing(Tapped(net.pump, a)) as tapped:
        before = tapped.others
        with a.ns:
            r = subprocess.run(["ping", "-n", "-c", "1", "-W", "1", "10.8.0.99"], capture_output=True, text=True,
                               timeout=TIMEOUT, check=False)
        expect(r.returncode == 1, f"10.8.0.99 answers: {r.stdout}{r.stderr}")
        expect(tapped.others - before < 5, f"{tapped.others - before} frames came in while nothing was sent to it")


# --- TCP


def tcp_listen(host, address, family):
    s = host.ns.socket(family, socket.SOCK_STREAM)
    s.settimeout(TIMEOUT)
    s.bind((address, 0))
    s.listen()
    return s


def tcp_connect(host, to, family):
    s = host.ns.socket(family, socket.SOCK_STREAM)
    s.settimeout(TIMEOUT)
    s.connect(to)
    return s


def pattern(seed):
    """Endless bytes that are easy to compute and different everywhere."""
    block = hashlib.shake_128(str(seed).encode()).digest(65536)
    for i in itertools.count():
        yield struct.pack("!Q", i) + block[8:]


class Transfer(threading.Thread):
    """Sends on a socket what it hashes, or hashes what it reads, in the background."""

    def __init__(self, sock, seed=None):
        super().__init__(daemon=True)
        self.sock, self.seed = sock, seed
        self.hash = hashlib.sha256()
        self.bytes = 0
        self.error = None
        self.start()

    def run(self):
        try:
            if self.seed is None:
                while data := self.sock.recv(1 << 18):
                    self.count(data)
            else:
                for data in itertools.islice(pattern(self.seed), TCP_BYTES >> 16):
                    self.sock.sendall(data)
                    self.count(data)
                self.sock.shutdown(socket.SHUT_WR)
        except OSError as e:
            self.error = e

    def count(self, data):
        self.hash.update(data)
        self.bytes += len(data)


def bulk(a, b, family):
    """Both ways at the same time, 16 MB each."""
    with contextlib.closing(tcp_listen(b, b.addr(family), family)) as listening:
        with contextlib.closing(tcp_connect(a, listening.getsockname()[:2], family)) as near:
            far, _ = listening.accept()
            far.settimeout(TIMEOUT)
            with contextlib.closing(far):
                work = {"sent by " + a.name: Transfer(near, 1), "read by " + b.name: Transfer(far),
                        "sent by " + b.name: Transfer(far, 2), "read by " + a.name: Transfer(near)}
                for name, t in work.items():
                    t.join(3 * TIMEOUT)
                    expect(not t.is_alive(), f"{name}: not done, {t.bytes} bytes so far")
                    expect(not t.error, f"{name}: {t.error}, {t.bytes} bytes so far")
                out, into, back, home = work.values()
                for x, y in ((out, into), (back, home)):
                    expect(x.bytes == y.bytes == TCP_BYTES, f"{x.bytes} bytes became {y.bytes}")
                    expect(x.hash.digest() == y.hash.digest(), "bytes were changed on the way")


@casttest.case("TCP, 16 MB both ways at once: client to client, IPv4")
def tcp_clients(net):
    bulk(net.clients[0], net.clients[1], socket.AF_INET)


@casttest.case("TCP, 16 MB both ways at once: client to server, IPv6")
def tcp_server(net):
    bulk(net.clients[2], net.server, socket.AF_INET6)


@casttest.case("iperf3, client to server, both ways")
def iperf3(net):
    if not shutil.which("iperf3"):
        raise castnet.Skip("no iperf3")
    server = castnet.Program("iperf3", ["iperf3", "-s", "-B", net.server.addr4], net.server.ns,
                             f"{net.dir}/iperf3.log")
    try:
        for flag in ((), ("-R",)):
            out = wait_for("the iperf3 server answers", lambda flag=flag: iperf3_client(net, flag))
            bits = out["end"]["sum_received"]["bits_per_second"]
            casttest.note(f"{' '.join(flag) or 'up'}: {bits / 1e6:.0f} Mbit/s")
            expect(bits > 10e6, f"only {bits / 1e6} Mbit/s")
    finally:
        server.kill()


def iperf3_client(net, flags):
    """Its result; an error is one that wait_for() forgives until its deadline: the server may not be there yet, or busy
    with the end of the run before."""
    argv = ["iperf3", "-c", net.server.addr4, "-t", "1", "-J", *flags]
    with net.clients[0].ns:
        r = subprocess.run(argv, capture_output=True, text=True, timeout=2 * TIMEOUT, check=False)
    out = json.loads(r.stdout)
    if "sum_received" not in out.get("end", {}):
        raise ValueError(out.get("error", r.stdout + r.stderr))
    return out


# --- one packet to all hosts


def heard_by(listeners, text):
    """Which of {name: socket} got the text within a second; a second copy is a failure."""
    heard = set()
    for name, s in listeners.items():
        s.settimeout(1)
        with contextlib.suppress(socket.timeout):
            while s.recv(2048) != text:
                pass
            heard.add(name)
    for name in heard:
        listeners[name].setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                expect(listeners[name].recv(2048) != text, f"{name} got it twice")
    return heard


@contextlib.contextmanager
def sockets(hosts, make):
    with contextlib.ExitStack() as stack:
        yield {h.name: stack.enter_context(contextlib.closing(make(h))) for h in hosts}


def broadcast_socket(host, port):
    s = host.ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, castnet.TAP.encode())
    s.bind(("", port))
    return s


@casttest.case("broadcasts reach all others")
def broadcast(net):
    for sender in net.hosts:
        others = [h for h in net.hosts if h is not sender]
        with sockets(others, lambda h: broadcast_socket(h, 7777)) as ears:
            for to in ("10.8.0.255", "255.255.255.255"):
                text = f"{sender.name} to {to}".encode()
                with contextlib.closing(broadcast_socket(sender, 0)) as s:
                    s.sendto(text, (to, 7777))
                heard = heard_by(ears, text)
                expect(heard == set(ears), f"{text.decode()}: heard by {sorted(heard)} only")


@casttest.case("a DHCP client without address reaches the server, and its answer comes back")
def dhcp(net):
    client, server = net.clients[1], net.server
    frame = dhcp_frame(bytes.fromhex(client.mac().replace(":", "")), b"discover from nowhere")
    with client.ns:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        raw.bind((castnet.TAP, 0))
    with contextlib.closing(raw), contextlib.closing(broadcast_socket(server, 67)) as far, \
            contextlib.closing(broadcast_socket(client, 68)) as near:
        raw.send(frame)
        expect(heard_by({"server": far}, b"discover from nowhere"), "the server did not hear the client")
        far.sendto(b"offer to all", ("255.255.255.255", 68))
        expect(heard_by({"client": near}, b"offer to all"), "the client did not hear the server")


def dhcp_frame(mac, text):
    """From 0.0.0.0 port 68 to 255.255.255.255 port 67, as a host sends it that has no address yet."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0x10, 28 + len(text), 0, 0, 128, 17, 0, bytes(4), b"\xff" * 4)
    total = sum(struct.unpack("!10H", ip))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + ip[12:]
    return b"\xff" * 6 + mac + b"\x08\x00" + ip + struct.pack("!4H", 68, 67, 8 + len(text), 0) + text


def always_flooded(net, group, port):
    """Link-local multicast reaches the tap of every host, and every socket that joined it."""
    for sender in net.hosts:
        others = [h for h in net.hosts if h is not sender]
        with contextlib.ExitStack() as stack:
            ears = {h: (stack.enter_context(Receiver(net.pump, h, group, port)),
                        stack.enter_context(Tapped(net.pump, h))) for h in others}
            ears[others[0]][0].join()
            stream = Stream(net.pump, sender, group, port, size=200, packets=5)
            stream.wait()
            for host, (_, tapped) in ears.items():
                wait_for(f"{group} from {sender.name} reaches {host.name}",
                         lambda t=tapped, s=stream: t.of(s).missing(0, 5) == 0, 2)
            wait_for(f"{others[0].name}, which has joined, hears {sender.name}",
                     lambda e=ears, o=others, s=stream: e[o[0]][0].of(s).missing(0, 5) == 0, 2)
            for host, (_, tapped) in ears.items():
                expect(tapped.of(stream).packets == 5, f"{host.name} got {tapped.of(stream).packets} packets, not 5")


@casttest.case("IPv4 link-local groups reach everybody: all hosts, LLMNR's, mDNS")
def link_local_ipv4(net):
    for group, port in (("224.0.0.251", 5353), ("224.0.0.1", 5001), ("224.0.0.252", 5355)):
        always_flooded(net, group, port)


@casttest.case("mDNS over IPv4 and IPv6: a question reaches all responders, the answer the one who asked")
def mdns(net):
    for group in ("224.0.0.251", "ff02::fb"):
        for asker in net.hosts:
            others = [h for h in net.hosts if h is not asker]
            with contextlib.ExitStack() as stack:
                ears = {h: stack.enter_context(Receiver(net.pump, h, group, 5353)) for h in net.hosts}
                for ear in ears.values():
                    ear.join()
                question = Stream(net.pump, asker, group, 5353, size=100, packets=3)
                question.wait()
                for h in others:
                    wait_for(f"{asker.name}'s question to {group} reaches {h.name}",
                             lambda h=h, e=ears, q=question: e[h].of(q).missing(0, 3) == 0, 2)
                answer = Stream(net.pump, others[-1], group, 5353, size=100, packets=3)
                answer.wait()
                wait_for(f"the answer of {others[-1].name} to {group} reaches {asker.name}",
                         lambda a=asker, e=ears, s=answer: e[a].of(s).missing(0, 3) == 0, 2)
                expect(ears[asker].of(answer).packets == 3, f"{asker.name} got answers twice")


@casttest.case("all nodes, ff02::1, reach everybody")
def all_nodes(net):
    always_flooded(net, "ff02::1", 5001)


@casttest.case("SSDP: who joined 239.255.255.250 hears the search, the others don't")
def ssdp(net):
    group, port = "239.255.255.250", 1900
    one, two, three = net.clients
    with sockets((one, two, net.server), lambda h: multicast_listener(h.ns, socket.AF_INET, port)) as ears, \
            contextlib.closing(multicast_sender(three.ns, castnet.TAP, socket.AF_INET, three.addr4)) as s:
        for host in (one, net.server):
            ears[host.name].setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                       struct.pack("@4s4si", socket.inet_aton(group), bytes(4),
                                                   host.ns.ifindex(castnet.TAP)))
        net.wait_members(group, one, net.server)
        s.sendto(b"M-SEARCH", (group, port))
        heard = heard_by(ears, b"M-SEARCH")
        expect(heard == {one.name, net.server.name}, f"heard by {sorted(heard)}")


if __name__ == "__main__":
    casttest.main(setup)
