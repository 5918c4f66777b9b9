#!/usr/bin/env python3
"""Whoever comes to the server's port: other DTLS implementations, with what it takes and without; garbage, datagrams
cut short, datagrams recorded and sent again.  What is not ours leaves counters and a few lines, and nobody notices."""

import contextlib
import os
import random
import re
import shutil
import socket

import castnet
import casttest
from castnet import SERVER_NAME, Program, expect, wait_for
from castprobe import Certificate, Mark, Pings, Relay, drops, pki, read, write

HELLO_TIMEOUT = 5  # of the server
A_FEW = 8          # lines, whatever comes
SERVER = (castnet.SERVER_UNDER4, castnet.PORT)


def setup():
    net = castnet.Net(clients=2)
    net.start_server()
    net.clients[1].start()
    net.clients[1].wait_connected()
    return net


def at(client):
    address = client.ns.ip_json("-4", "addr", "show", "dev", client.under)[0]["addr_info"][0]["local"]
    return re.escape(address) + r":\d+"


@contextlib.contextmanager
def running(net, name, *argv):
    log = os.path.join(net.dir, f"{name}.log")
    with contextlib.suppress(OSError):
        os.remove(log)
    # A terminal that says nothing: both programs end with their input.
    near, far = os.openpty()
    program = Program(name, ["sh", "-c", f'exec "$@" < {os.ttyname(far)}', "sh", *argv], net.clients[0].ns, log)
    try:
        yield program
    finally:
        program.kill()
        os.close(near)
        os.close(far)


def s_client(net, *more):
    return running(net, "s_client", "openssl", "s_client", "-connect", "%s:%d" % SERVER, *more)


def gnutls(net, *more):
    if not shutil.which("gnutls-cli"):
        raise castnet.Skip("no gnutls-cli command")
    return running(net, "gnutls-cli", "gnutls-cli", "--udp", "--port", str(SERVER[1]),
                   f"--x509cafile={pki(net, 'ca.crt')}",
                   f"--sni-hostname={SERVER_NAME}", f"--verify-hostname={SERVER_NAME}", *more, SERVER[0])


def says(program, text, timeout=10):
    """Until a program that is not ours has written this pattern."""
    try:
        wait_for(f"{program.name} says {text}", lambda: re.search(text, program.output()), timeout)
    except castnet.Failure as e:
        raise castnet.Failure(f"{e}\nit said:\n{program.output()}") from None


@contextlib.contextmanager
def others_served(net):
    """And the log is not flooded."""
    mark = Mark(net.server)
    with Pings(net.clients[1], net.server.addr4):
        yield mark
    expect(len(mark.lines()) <= A_FEW, f"{len(mark.lines())} lines: {mark.lines()[:20]}")
    expect(set(net.peers()) == {net.clients[1].name}, f"peers are {list(net.peers())}")


def good(net):
    return Certificate(net, "good", "client1", "eku=clientAuth")


# --- DTLS, and no HELLO


def dropped_politely(net, mark, program):
    """After the handshake: the server says why, and forgets it."""
    mark.wait(rf"castswitchd: warning: {at(net.clients[0])} client1: not connected: no HELLO within {HELLO_TIMEOUT} s",
              HELLO_TIMEOUT + 3)
    says(program, f"no HELLO within {HELLO_TIMEOUT} s", 2)
    expect(len(mark.lines()) == 1, f"lines: {mark.lines()}")


@casttest.case("openssl s_client with a certificate: handshake, and dropped for lack of HELLO")
def openssl_good(net):
    c = good(net)
    with others_served(net) as mark:
        with s_client(net, "-dtls1_2", "-cert", c.crt, "-key", c.key, "-CAfile", pki(net, "ca.crt"),
                      "-verify_return_error", "-verify_hostname", SERVER_NAME) as program:
            says(program, r"Verify return code: 0 \(ok\)")
            says(program, r"New, TLSv1\.2, Cipher is ECDHE-ECDSA-")
            says(program, "Extended master secret: yes")
            dropped_politely(net, mark, program)


@casttest.case("gnutls-cli with a certificate: handshake, and dropped for lack of HELLO")
def gnutls_good(net):
    c = good(net)
    with others_served(net) as mark:
        with gnutls(net, f"--x509certfile={c.crt}", f"--x509keyfile={c.key}") as program:
            says(program, "Status: The certificate is trusted")
            says(program, r"Handshake was completed")
            dropped_politely(net, mark, program)


@casttest.case("without a certificate: refused")
def no_certificate(net):
    with others_served(net) as mark:
        with s_client(net, "-dtls1_2") as program:
            says(program, "alert handshake failure")
            mark.wait(rf"castswitchd: warning: {at(net.clients[0])}: not connected: peer sent no certificate")
        with gnutls(net) as program:
            says(program, "(?i)fatal alert|handshake (has )?failed")
            wait_for("the server says it again", lambda: len(mark.matching(".*peer sent no certificate")) == 2)


# --- what the server does not speak


def refused(net, server_says, client_says, *options):
    """Of openssl s_client with a good certificate, else."""
    c = good(net)
    mark = Mark(net.server)
    with s_client(net, "-cert", c.crt, "-key", c.key, *options) as program:
        mark.wait(rf"castswitchd: warning: {at(net.clients[0])}: not connected: {server_says}")
        says(program, client_says)


@casttest.case("suites without AEAD, or without forward secrecy: refused", fresh=True)
def wrong_suite(net):
    with others_served(net):
        for suite in ("ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA", "AES256-GCM-SHA384"):
            refused(net, "no shared cipher", "alert handshake failure", "-dtls1_2", "-cipher", f"{suite}:@SECLEVEL=0")


@casttest.case("DTLS 1.0: refused", fresh=True)
def old_version(net):
    with others_served(net):
        refused(net, r"peer does not speak DTLS 1\.2", "alert protocol version", "-dtls1", "-cipher",
                "ALL:@SECLEVEL=0")


@casttest.case("no extended master secret: refused", fresh=True)
def no_extended_master_secret(net):
    config = write(os.path.join(net.dir, "openssl.cnf"), "openssl_conf = top\n[top]\nssl_conf = ssl\n[ssl]\n"
                   "system_default = all\n[all]\nOptions = -ExtendedMasterSecret\n")
    os.environ["OPENSSL_CONF"] = config
    try:
        with others_served(net):
            refused(net, r"peer does not support the extended master secret \(RFC 7627\)",
                    "Extended master secret: no", "-dtls1_2")
    finally:
        del os.environ["OPENSSL_CONF"]


# --- datagrams of nobody


def delta(before, after):
    return {key: n - before.get(key, 0) for key, n in after.items() if n > before.get(key, 0)}


def counted(net, before, reason, at_least):
    """Until the server counts so many of a reason, wherever."""
    def enough():
        counts = delta(before, drops(net.server))
        return sum(n for (_, r), n in counts.items() if r == reason) >= at_least

    try:
        wait_for(f"{at_least} {reason}", enough)
    except castnet.Failure as e:
        raise castnet.Failure(f"{e}: {delta(before, drops(net.server))}") from None


def send(net, datagrams):
    """From a socket of client 1's host; what came back."""
    with contextlib.closing(net.clients[0].ns.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
        s.connect(SERVER)
        s.setblocking(False)
        answers = []
        for i, data in enumerate(datagrams):
            with contextlib.suppress(ConnectionRefusedError, BlockingIOError):
                s.send(data)
            if i % 16 == 15:  # so that the server's socket holds them all
                wait_for("the server answers", net.server.status)
        wait_for("the server answers", net.server.status)
        with contextlib.suppress(BlockingIOError):
            while True:
                answers.append(s.recv(65536))
        return answers


@casttest.case("garbage: counters, no answers, hardly a line")
def garbage(net):
    rng = random.Random(3)
    before = drops(net.server)
    unknown = [bytes([b]) + rng.randbytes(rng.randrange(100)) for b in range(256)
               if not 20 <= b <= 63 and b not in (0xc1, 0xc2)] + [b""]
    data = [b"\xc1" + rng.randbytes(rng.randrange(29, 1400)) for _ in range(200)]
    short = [b"\xc1" + rng.randbytes(n) for n in range(29)]
    dtls = [bytes([20 + i % 44]) + rng.randbytes(rng.randrange(1400)) for i in range(400)]
    # Records that look right, with garbage inside.
    dtls += [b"\x16\xfe\xfd" + bytes(8) + n.to_bytes(2, "big") + rng.randbytes(n) for n in range(200)]
    with others_served(net):
        answers = send(net, unknown + data + short + dtls + [b"\xc2" + rng.randbytes(n) for n in range(20)])
        counted(net, before, "unknown-datagram", len(unknown))
        counted(net, before, "unknown-receiver", len(data))
        counted(net, before, "short-datagram", len(short))
        counted(net, before, "handshake-stray", len(dtls) - 10)
        counted(net, before, "access-key", 20)
    expect(not answers, f"{len(answers)} answers")


@contextlib.contextmanager
def recorded(net):
    """Client 1 connected through a relay, which has the handshake and some data."""
    one = net.clients[0]
    relay = Relay(one)
    good_config = read(one.config)
    write(one.config, re.sub(r"(?m)^remote = .*$", f'remote = {{"{relay.remote}"}}', good_config))
    try:
        one.start()
        one.wait_connected()
        one.ns.run("ping", "-n", "-c", "10", "-i", "0.01", "-W", "2", net.server.addr4)
        yield one, relay
    finally:
        if one.program:
            one.stop()
        relay.close()
        write(one.config, good_config)
    wait_for("client 1 is gone", lambda: one.name not in net.peers())


def split(datagrams):
    return ([d for d in datagrams if d and 20 <= d[0] <= 63], [d for d in datagrams if d and d[0] == 0xc1])


@casttest.case("datagrams sent again from the same address: counters, and the session goes on")
def replayed(net):
    with others_served(net) as mark, recorded(net) as (one, relay):
        handshake, data = split(list(relay.up))
        expect(len(handshake) >= 3 and len(data) >= 10, f"{len(handshake)} and {len(data)} datagrams")
        session = net.peers()[one.name]["since_s"]
        before, lines = drops(net.server), len(mark.lines())
        with Pings(one, net.server.addr4):
            for _ in range(10):
                relay.again(data)
                wait_for("the server answers", net.server.status)
            counted(net, before, "replay", 10 * len(data))
            before = drops(net.server)
            for _ in range(10):
                relay.again(handshake)
                wait_for("the server answers", net.server.status)
            # The second ClientHello has this address's cookie, so it begins a handshake, which comes to nothing.
            counted(net, before, "handshake-stray", 10)
            down_handshake, down_data = split(list(relay.down))
            relay.again_down(down_handshake + down_data)
            wait_for("client 1 counts replays", lambda: sum(n for (_, r), n in drops(one).items() if r == "replay")
                     >= len(down_data) - 1)
        expect(net.peers()[one.name]["since_s"] > session, "it is another session")
        expect(len(mark.lines()) <= lines + 6, f"lines: {mark.lines()[lines:]}")


@casttest.case("datagrams sent again from another address, and cut short or changed on the way")
def stolen(net):
    with others_served(net) as mark, recorded(net) as (one, relay):
        handshake, data = split(list(relay.up))
        address, lines = net.peers()[one.name]["address"], len(mark.lines())
        with Pings(one, net.server.addr4):
            before = drops(net.server)
            send(net, data)
            counted(net, before, "replay", len(data))
            before = drops(net.server)
            answers = send(net, handshake)
            counted(net, before, "handshake-stray", len(handshake) - 2)
            # The first ClientHello is answered as anybody's (HelloVerifyRequest); the second one's cookie is another
            # address's, so it is answered in the same way.
            expect(len(answers) <= 2 and all(a[13] == 3 for a in answers), f"answers {answers}")
            expect(sum(map(len, answers)) <= sum(map(len, handshake)), "more bytes than were sent")
            before = drops(net.server)
            # Under a counter that was not used yet: the packet, cut at each place, and with a bit flipped at each.
            fresh = data[-1][:5] + (1 << 40).to_bytes(8, "big") + data[-1][13:]
            cut = [fresh[:n] for n in range(30, len(fresh))]
            send(net, cut)
            counted(net, before, "auth", len(cut))
            before = drops(net.server)
            flipped = [fresh[:n] + bytes([fresh[n] ^ 1]) + fresh[n + 1:] for n in range(13, len(fresh))]
            send(net, [fresh, *flipped])
            counted(net, before, "auth", 1 + len(flipped))
            send(net, [d[:n] for d in handshake for n in range(1, len(d), 7)])
        expect(net.peers()[one.name]["address"] == address, "the peer's address was changed")
        expect(len(mark.lines()) == lines, f"lines: {mark.lines()[lines:]}")


@casttest.case("a handshake cut short at any place, from many addresses: counters and a few lines")
def half_handshakes(net):
    with others_served(net) as mark:
        with recorded(net) as (_, relay):
            handshake, _ = split(list(relay.up))
        sockets = [net.clients[0].ns.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(100)]
        try:
            answers = []
            for s in sockets:
                s.connect(SERVER)
                s.settimeout(5)
                s.send(handshake[0])
                answers.append(s.recv(2048))
            expect(all(a[13] == 3 for a in answers), "not only HelloVerifyRequests")
            # With the right cookie in the place of the recorded one: these do begin a handshake.
            at_cookie = handshake[1].index(split(list(relay.down))[0][0][28:60])
            for s, a in zip(sockets, answers):
                s.send(handshake[1][:at_cookie] + a[28:60] + handshake[1][at_cookie + 32:])
            before = net.server.status()["peers"]
            expect(before == 1, f"{before} peers")
            wait_for("the server forgets them",
                     lambda: mark.matching(r".*not connected: no DTLS handshake within 10 s.*"), 15)
        finally:
            for s in sockets:
                s.close()


if __name__ == "__main__":
    casttest.main(setup)
