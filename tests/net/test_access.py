#!/usr/bin/env python3
"""The access key: with the same one on both sides they connect and everything of the handshake is wrapped; whoever has
another one, or none, or garbage, gets no answer, a counter tells the server's administrator, and nobody else notices.
A reload changes the key of later handshakes."""

import contextlib
import hashlib
import hmac
import os
import random
import re
import socket

import castnet
import casttest
from castnet import expect, wait_for
from castprobe import (CONFIG, RUNTIME, Mark, Pings, Relay, call, changed, drops, expect_end, options, read,
                       wait_seconds, write)

KEY, OTHER = 32 * "5a", 32 * "c3"
SERVER = (castnet.SERVER_UNDER4, castnet.PORT)
WRAPPED, DATA = 0xC2, 0xC1
HEADER = 17
LONGEST = 1200
UNANSWERED = (r"castswitch: warning: \S+: not connected: no DTLS handshake within 10 s \(nothing came back: is the "
              r"server there, and has it the same access-key\?\); trying again in \d+\.\d s")


def with_key(text, server=None, client=None):
    """A configuration with this access key: of the server, or of a client; None: without one."""
    if server:
        return text + f'tunnel {{ access-key = "{server}" }}\n'
    return text + (f'tunnel {{ access-key = "{client}" }}\n' if client else "")


def setup():
    """The server has its key in a file, client 2 in its profile; client 1 is the one that does wrong."""
    net = castnet.Net(clients=2)
    net.key = write(os.path.join(net.dir, "access.key"), KEY + "\n")
    net.good = read(net.server.config)
    net.profiles = [read(c.config) for c in net.clients]
    write(net.server.config, with_key(net.good, server=net.key))
    write(net.clients[1].config, with_key(net.profiles[1], client=KEY))
    net.start_server()
    net.clients[1].start()
    net.clients[1].wait_connected()
    return net


def refusals(net):
    return sum(n for (_, reason), n in drops(net.server).items() if reason == "access-key")


def via(relay, profile):
    """The profile, by way of a relay."""
    return re.sub(r'remote = \{.*\}', f'remote = {{"{relay.remote}"}}', profile)


def named(net, profile):
    """The relay's address is none of the certificate's."""
    return changed(profile, ("identity {", f'identity {{\n\tserver-name = "{castnet.SERVER_NAME}"')) \
        if "server-name" not in profile else profile


@contextlib.contextmanager
def first_client(net, profile):
    """Client 1 with this profile."""
    one = net.clients[0]
    write(one.config, profile)
    mark = Mark(one)
    one.start()
    try:
        yield one, mark
    finally:
        if one.program:
            one.stop()
        wait_for("client 1 is gone", lambda: one.name not in net.peers())


@contextlib.contextmanager
def relayed(net, key):
    """Client 1 with this key, by way of a relay."""
    relay = Relay(net.clients[0])
    try:
        with first_client(net, with_key(named(net, via(relay, net.profiles[0])), client=key)) as (one, mark):
            yield one, mark, relay
    finally:
        relay.close()


def code(direction, datagram, key=KEY):
    return hmac.new(bytes.fromhex(key), bytes([direction]) + datagram, hashlib.sha256).digest()[:16]


@casttest.case("the same key: connected, and all of the handshake is wrapped, in 1,200 bytes at most")
def same(net):
    with relayed(net, KEY) as (one, _, relay):
        one.wait_connected()
        for direction, datagrams in ((0, relay.up), (1, relay.down)):
            handshake = [d for d in datagrams if d[0] != DATA]
            expect(len(handshake) >= 3 and {d[0] for d in handshake} == {WRAPPED}, f"{[d[0] for d in datagrams]}")
            for d in handshake:
                expect(20 <= d[HEADER] <= 63 and d[1:HEADER] == code(direction, d[HEADER:]), d.hex())
                expect(len(d) <= LONGEST, f"{len(d)} bytes")
        expect(any(d[0] == DATA for d in relay.up) and any(d[0] == DATA for d in relay.down), "no data packets")
    expect(one.log and not refusals(net), f"{drops(net.server)}")


def silent(net, key):
    """A client that the server does not answer; which says no word in its log."""
    server, before = Mark(net.server), refusals(net)
    with Pings(net.clients[1], net.server.addr4), relayed(net, key) as (one, client, relay):
        client.wait(UNANSWERED, 15)
        expect(len(relay.up) >= 3 and not relay.down, f"{len(relay.down)} answers to {len(relay.up)} datagrams")
        expect(one.status()["state"] != "connected" and one.name not in net.peers(), "it is connected")
        wait_for("the server counts them", lambda: refusals(net) >= before + 3)
    expect(not server.lines(), f"{server.lines()}")


@casttest.case("another key: no answer, a counter, no line")
def another(net):
    silent(net, OTHER)


@casttest.case("no key at the client: no answer, a counter, no line")
def none_here(net):
    silent(net, None)


@casttest.case("a key that the server does not have: no answer", fresh=True)
def none_there(net):
    write(net.server.config, net.good)
    net.server.castctl("reload")
    server, before = Mark(net.server), refusals(net)
    with relayed(net, KEY) as (_, client, relay):
        client.wait(UNANSWERED, 15)
        expect(not relay.down, f"{len(relay.down)} answers")
        expect(refusals(net) >= before + 3, f"{drops(net.server)}")
    expect(not server.lines(), f"{server.lines()}")


@casttest.case("garbage, cut, changed and reflected datagrams: no answer; a recorded one gets one, as the manual says")
def garbage(net):
    """From a socket of its own, so that each answer would come back here."""
    with relayed(net, KEY) as (one, _, relay):
        one.wait_connected()
        up = [d for d in relay.up if d[0] == WRAPPED]
        down = [d for d in relay.down if d[0] == WRAPPED]
    generator = random.Random(9)
    hello = up[0]
    bad = [hello[:n] for n in range(1, len(hello))]
    bad += [hello[:i] + bytes([hello[i] ^ 1 << generator.randrange(8)]) + hello[i + 1:] for i in range(1, len(hello))]
    bad += [hello[HEADER:], *down]
    bad += [bytes([WRAPPED]) + generator.randbytes(generator.randrange(300)) for _ in range(200)]
    bad += [bytes([WRAPPED]) + code(0, inner) + inner for inner in (b"", b"\xc1" + bytes(40), hello)]
    sock = net.clients[0].ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(SERVER)
    sock.settimeout(5)
    mark, before = Mark(net.server), refusals(net)
    with contextlib.closing(sock), Pings(net.clients[1], net.server.addr4):
        for n in range(0, len(bad), 32):
            for d in bad[n:n + 32]:
                sock.send(d)
            done = min(n + 32, len(bad))
            wait_for(f"{done} datagrams are counted", lambda want=before + done: refusals(net) >= want)
        expect(refusals(net) == before + len(bad), f"{refusals(net) - before} of {len(bad)} counted")
        sock.send(hello)
        answer = sock.recv(65536)
        # 3: HelloVerifyRequest
        expect(answer[0] == WRAPPED and answer[1:HEADER] == code(1, answer[HEADER:]) and answer[HEADER + 13] == 3,
               answer.hex())
        sock.settimeout(0.2)
        with contextlib.suppress(socket.timeout):
            more = sock.recv(65536)
            raise castnet.Failure(f"another answer: {more.hex()}")
    expect(not mark.lines(), f"{mark.lines()}")


# --- reload


@casttest.case("another key by a reload: who is connected stays, who comes needs it; its file is read without root",
               fresh=True)
def by_reload(net):
    two = net.clients[1]
    with first_client(net, with_key(net.profiles[0], client=KEY)) as (one, client):
        one.wait_connected()
        since = net.peers()[two.name]["since_s"]
        with Pings(two, net.server.addr4):
            write(net.key, OTHER + "\n")
            expect(net.server.castctl("reload") == "reloaded\n", "the reload")
            one.castctl("reload")
            wait_seconds(0.2)
            expect(set(net.peers()) == {one.name, two.name}, f"peers {sorted(net.peers())}")
            one.stop()
            before = refusals(net)
            one.start()
            wait_for("client 1 is not answered", lambda: refusals(net) > before + 1)
            expect(one.name not in net.peers(), "client 1 is back without the key")
            write(one.config, with_key(net.profiles[0], client=OTHER))
            expect(one.castctl("reload") == "reloaded\n", "the client's reload")
            # the handshake that is under way goes on with the new key
            one.wait_connected()
        expect(net.peers()[two.name]["since_s"] > since, "client 2 has a new session")
        expect(client.lines(), "client 1 said nothing")


@casttest.case("a mistake in the key's file: the reload changes nothing", fresh=True)
def bad_reload(net):
    two, text = net.clients[1], f"access-key {net.key}: not 64 hex digits (openssl rand -hex 32 makes a key)"
    with Pings(two, net.server.addr4):
        write(net.key, KEY[:-1] + "\n")
        expect_end(net, RUNTIME, f"castctl: {text}; nothing was changed\n", "castctl", "--socket", net.server.socket,
                   "reload")
    two.stop()
    two.start()
    two.wait_connected()


# --- --check


@casttest.case("--check: the key is not shown, a file that has none is named")
def check(net):
    for program, text in (("castswitchd", with_key(net.good, server=KEY)),
                          ("castswitch", with_key(net.profiles[0], client=KEY))):
        path = write(os.path.join(net.dir, f"check-{program}.conf"), text)
        status, out, err = call(net, program, "--check", "--config", path)
        expect(status == 0 and KEY not in out, f"{status}: {err}")
        line = options(out)["tunnel access-key"].strip()
        expect(line == 'access-key = "(inline)"', line)
        for value, says in (("/nowhere/key", "access-key /nowhere/key: No such file or directory"),
                            ("none", "access-key: neither 64 hex digits nor a file that can be read"),
                            (net.server.config, f"access-key {net.server.config}: not 64 hex digits "
                             "(openssl rand -hex 32 makes a key)")):
            write(path, changed(text, (f'access-key = "{KEY}"', f'access-key = "{value}"')))
            expect_end(net, CONFIG, f"{program}: {says}\n", program, "--check", "--config", path)
        write(path, changed(text, (KEY, KEY[2:])))
        status, out, err = call(net, program, "--check", "--config", path)
        expect(status == CONFIG and err.endswith(": access-key: 62 hex digits (allowed: a path, 64 hex digits)\n"),
               f"{status}: {err}")


if __name__ == "__main__":
    casttest.main(setup)
