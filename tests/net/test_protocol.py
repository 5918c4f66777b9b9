#!/usr/bin/env python3
"""castswitch-protocol(7) is enough to write a client from it: tests/net/otherclient.py is one, and here it meets the
real server.  Handshake, addresses, frames of every kind, keepalive, another address, new keys, goodbye."""

import contextlib
import ipaddress
import socket
import struct

import castnet
import casttest
import otherclient
from castlab import checksum
from castnet import SERVER_UNDER4, expect, wait_for
from castprobe import Certificate, Mark, pki, read, write

KEY = 32 * "5a"
MAC = bytes.fromhex("020000000077")
ARP, IPV4 = 0x0806, 0x0800


def setup():
    if not otherclient.AESGCM:
        raise castnet.Skip("no python3-cryptography")
    if not otherclient.library():
        raise castnet.Skip("no libssl that is known here")
    net = castnet.Net(clients=1)
    net.good = read(net.server.config)
    net.start_server()
    net.certificate = Certificate(net, "other", "client1", "eku=clientAuth")
    return net


@contextlib.contextmanager
def client(net, **options):
    c = net.certificate
    there = otherclient.Client(lambda: net.clients[0].ns.socket(socket.AF_INET, socket.SOCK_DGRAM),
                               (SERVER_UNDER4, castnet.PORT), c.crt, c.key, pki(net, "ca.crt"), **options)
    try:
        yield there
    finally:
        there.close()


@contextlib.contextmanager
def connected(net, **options):
    with client(net, **options) as there:
        there.wait("a session, and what to set up", lambda: there.state == "established" and there.pushed)
        wait_for("the server has it", lambda: "client1" in net.peers())
        yield there
        with contextlib.suppress(otherclient.Refused):
            there.bye()
    wait_for("it is gone", lambda: "client1" not in net.peers())


def server_mac(net):
    return bytes.fromhex(net.server.mac().replace(":", ""))


def own_address(there):
    return next(ipaddress.ip_address(v[2:]) for t, v in there.pushed if t == 32 and v[0] == 4).packed


def arp(there, operation, mac, ip):
    head = struct.pack("!HHHBBH", ARP, 1, IPV4, 6, 4, operation)
    return b"\xff" * 6 + MAC + head + MAC + own_address(there) + mac + ip


def ping(net, there, number, size):
    """An ICMP echo request to the server's address in the tunnel."""
    icmp = struct.pack("!BBHHH", 8, 0, 0, 77, number) + bytes(i & 0xFF for i in range(size))
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    target = socket.inet_aton(net.server.addr4)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(icmp), number, 0, 64, 1, 0) + own_address(there) + target
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return server_mac(net) + MAC + struct.pack("!H", IPV4) + ip + icmp


def expect_pong(net, there, number, size, send):
    """The answer comes back whole; the server's questions about our MAC are answered meanwhile."""
    want = ping(net, there, number, size)
    send(want)

    def pong():
        for f in there.frames():
            if f[12:14] == b"\x08\x06" and f[20:22] == b"\0\1" and f[38:42] == own_address(there):
                there.send_frame(arp(there, 2, f[22:28], f[28:32]))
            if f[12:14] == b"\x08\x00" and f[34] == 0 and f[38:42] == struct.pack("!HH", 77, number):
                expect(f[42:42 + size] == want[42:], f"the answer differs: {f.hex()}")
                return True
        return False

    there.wait(f"an answer to ping {number} of {size} bytes", pong)


@casttest.case("handshake, WELCOME, confirmation, PUSH; pings as FRAME, BUNDLE and FRAGMENTs")
def frames(net):
    with connected(net) as there:
        row = net.peers()["client1"]
        expect(row["software"] == "other client 1" and not row["endpoint"], f"{row}")
        expect({(v[0], str(ipaddress.ip_address(v[2:])), v[1]) for t, v in there.pushed if t == 32} ==
               {(4, net.clients[0].addr4, 24), (6, net.clients[0].addr6, 64)}, f"{there.pushed}")
        expect(dict(there.pushed)[33] == struct.pack("!H", net.mtu), f"{there.pushed}")
        there.send_frame(arp(there, 1, bytes(6), socket.inet_aton(net.server.addr4)))
        there.wait("an ARP reply", lambda: any(f[:6] == MAC and f[20:22] == b"\0\2" for f in there.frames()))
        expect_pong(net, there, 1, 56, there.send_frame)
        expect_pong(net, there, 2, 1300, lambda f: there.send_frame(f, 2))
        expect_pong(net, there, 3, 800, lambda f: there.send_frame(f, 8))
        expect_pong(net, there, 4, 56, lambda f: there.send_bundle([ping(net, there, 9, 10), f]))

        def bundled():
            there.send_bundle([ping(net, there, 100 + i, 20) for i in range(8)])
            return otherclient.BUNDLE in there.kinds

        there.wait("answers in a BUNDLE", bundled)


@casttest.case("a path of 1,200 bytes: the server's longer frames come in FRAGMENTs")
def short_path(net):
    with connected(net, longest=1200) as there:
        expect_pong(net, there, 1, 1100, there.send_frame)
        expect_pong(net, there, 2, 1300, lambda f: there.send_frame(f, 2))
        expect(otherclient.FRAGMENT in there.kinds, f"{there.kinds}")


@casttest.case("both ciphers")
def ciphers(net):
    for offered, name in (((1,), "aes-256-gcm"), ((2,), "chacha20-poly1305"), ((77, 2), "chacha20-poly1305")):
        with connected(net, ciphers=offered) as there:
            expect(net.peers()["client1"]["aead"] == name, f"{net.peers()['client1']}")
            expect_pong(net, there, 1, 100, there.send_frame)


@casttest.case("no cipher in common: REFUSE with reason 2")
def no_cipher(net):
    with client(net, ciphers=(77,)) as there:
        try:
            there.wait("an answer", lambda: there.state == "established")
            raise castnet.Failure("it is connected")
        except otherclient.Refused as e:
            expect(e.args == (2, "no common packet cipher"), f"{e.args}")


@casttest.case("its address changes: the server asks, and the session goes on by the new one")
def roams(net):
    with connected(net) as there:
        expect_pong(net, there, 1, 100, there.send_frame)
        before = net.peers()["client1"]
        there.move()
        there.request()
        there.wait("the server sends there", lambda: net.peers()["client1"]["address"] != before["address"], 3)
        expect(net.peers()["client1"]["since_s"] > before["since_s"], "it is another session")
        expect_pong(net, there, 2, 100, there.send_frame)


@casttest.case("new keys beside the session: it goes on, by either keys for a while")
def rekeys(net):
    with connected(net) as old:
        since = net.peers()["client1"]["since_s"]
        port = old.socket
        # From the same address, as a client does it: one socket for both.
        with client(net, previous=old) as new:
            new.socket.close()
            new.socket = port
            new.wait("the new keys are confirmed", lambda: new.state == "established")
            expect(new.pushed is None, "it was pushed again")
            new.pushed = old.pushed
            expect_pong(net, new, 1, 100, new.send_frame)
            # The answer comes by the new keys.
            expect_pong(net, new, 2, 100, old.send_frame)
            expect(net.peers()["client1"]["since_s"] > since, "another session")
            # A goodbye by the old keys is none of the session's.
            old.bye()
            expect_pong(net, new, 3, 100, new.send_frame)
            new.bye()
            wait_for("it is gone", lambda: "client1" not in net.peers())
            new.socket = None


@casttest.case("with an access key", fresh=True)
def access_key(net):
    write(net.server.config, net.good + f'tunnel {{ access-key = "{KEY}" }}\n')
    net.server.castctl("reload")
    with connected(net, access_key=bytes.fromhex(KEY)) as there:
        expect_pong(net, there, 1, 100, there.send_frame)
    with client(net) as there:
        try:
            there.wait("", lambda: there.state != "handshake", 1.5)
            raise castnet.Failure("answered without the key")
        except TimeoutError:
            pass


@casttest.case("a PAD request is answered by its id; BYE of the server comes with its reason")
def goodbye(net):
    mark = Mark(net.server)
    with connected(net) as there:
        there.answers.clear()
        there.send(otherclient.PAD, bytes([otherclient.REQUEST]) + b"12345678" + bytes(500))
        there.wait("the answer", lambda: b"12345678" in there.answers)
        net.server.castctl("kick", "client1")
        try:
            there.wait("a goodbye", lambda: False, 5)
        except otherclient.Refused as e:
            expect(e.args[0] == 8, f"{e.args}")
    mark.wait("castswitchd: info: client1: disconnected: ended by the administrator")


if __name__ == "__main__":
    casttest.main(setup)
