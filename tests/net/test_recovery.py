#!/usr/bin/env python3
"""Programs that die, and programs that end: the other side notices, the client comes back by itself, and streams go on
for those who had joined."""

import contextlib
import time

import castnet
import casttest
from castnet import expect, wait_for
from casttraffic import Pump, Receiver, Stream

GROUPS = ("239.1.1.1", "ff15::1:1")
# Keepalive is 1 s here: silence is noticed after three unanswered ones.
NOTICED = 8
# A client that found out tries again at least so often.
BACK = 15
# What is told need not be noticed.
TOLD = 2


def setup():
    net = castnet.Net(peers="keepalive = 1s")
    net.pump = Pump()
    net.closers.append(net.pump.close)
    return net.start()


@contextlib.contextmanager
def streaming(net, sender=None, member=None):
    """[(stream, receiver)] of an IPv4 and an IPv6 group that flow to client 1."""
    member = member or net.clients[0]
    with contextlib.ExitStack() as stack:
        flows = []
        for group in GROUPS:
            receiver = stack.enter_context(Receiver(net.pump, member, group))
            receiver.join()
            stream = Stream(net.pump, sender or net.server, group, bits=2_000_000)
            stack.callback(stream.stop)
            flows.append((stream, receiver))
        wait_flowing(flows)
        yield flows


def wait_flowing(flows, timeout=5):
    for stream, receiver in flows:
        before = receiver.of(stream).packets
        wait_for(f"{receiver.group} flows to {receiver.host.name}",
                 lambda s=stream, r=receiver, b=before: r.of(s).packets > b + 20, timeout)


def timed(what, condition, timeout):
    begin = time.monotonic()
    wait_for(what, condition, timeout)
    casttest.note(f"{what}: after {time.monotonic() - begin:.2f} s")


def state(host):
    return host.status()["state"]


# --- the client goes


@casttest.case("the client is killed: the server notices; it is started again: the stream resumes")
def client_killed(net):
    one = net.clients[0]
    with streaming(net):
        one.kill()
        expect(castnet.TAP not in one.ns.devices(), "the tap of a dead client is still there")
        timed("the server noticed that the client is dead", lambda: one.name not in net.peers(), NOTICED)
        ports = {p["name"]: p["state"] for p in net.server.control("ports")}
        expect(ports[one.name] == "suspended", f"ports are {ports}: what a client that fell silent asked for is kept")
        one.start()
        one.wait_connected(BACK)
        # A new tap knows nothing of the old joins, so nobody answers for them.
        for group in GROUPS:
            wait_for(f"{one.name} is no member of {group} any more", lambda g=group: one.name not in net.members(g))
    # Programs on it join again.
    with streaming(net):
        pass


@casttest.case("the client is killed and started at once: the new one takes the old one's place")
def client_replaced(net):
    one = net.clients[0]
    one.kill()
    one.start()
    one.wait_connected()
    expect(sorted(net.peers()) == sorted(c.name for c in net.clients), f"peers are {sorted(net.peers())}")
    with streaming(net):
        pass


@casttest.case("the client ends on SIGTERM: the server forgets it at once")
def client_ends(net):
    one = net.clients[0]
    with streaming(net):
        begin = time.monotonic()
        code = one.stop()
        expect(code == 0, f"exit code {code}")
        wait_for("the server has forgotten it", lambda: one.name not in net.peers(), TOLD)
        casttest.note(f"ended and forgotten after {(time.monotonic() - begin) * 1e3:.0f} ms")
        for group in GROUPS:
            expect(one.name not in net.members(group), f"it still is a member of {group}")
        fdb = [row for row in net.server.control("fdb") if row["port"] == one.name]
        expect(not fdb, f"its MAC addresses are still known: {fdb}")
    one.start()
    one.wait_connected()


@casttest.case("a client that is stopped and continued after it was given up comes back, and so does its stream")
def client_frozen(net):
    one = net.clients[0]
    with streaming(net) as flows:
        one.program.signal(castnet.signal.SIGSTOP)
        try:
            timed("the server gave up the frozen client", lambda: one.name not in net.peers(), NOTICED)
        finally:
            one.program.signal(castnet.signal.SIGCONT)
        one.wait_connected(BACK)
        wait_flowing(flows)


# --- the server goes


@casttest.case("the server is killed: the client notices, comes back by itself, the stream resumes")
def server_killed(net):
    one = net.clients[0]
    with streaming(net, sender=net.clients[2]) as flows:
        net.server.kill()
        timed("the client noticed that the server is dead", lambda: state(one) != "connected", NOTICED)
        net.start_server()
        begin = time.monotonic()
        for client in net.clients:
            client.wait_connected(BACK)
        # Nobody joins again: the kernels answer the new server's first query.
        wait_flowing(flows)
        casttest.note(f"connected again and all streams flow {time.monotonic() - begin:.2f} s after the server is back")


@casttest.case("the server is killed and started at once: its own stream resumes, too")
def server_restarted(net):
    with streaming(net) as flows:
        net.server.kill()
        net.start_server()
        begin = time.monotonic()
        for client in net.clients:
            client.wait_connected(NOTICED + BACK)
        wait_flowing(flows)
        casttest.note(f"the stream resumed after {time.monotonic() - begin:.2f} s")


@casttest.case("the server ends on SIGTERM: clients know at once, keep trying and come back")
def server_ends(net):
    with streaming(net, sender=net.clients[1]) as flows:
        begin = time.monotonic()
        code = net.server.stop()
        expect(code == 0, f"exit code {code}")
        for client in net.clients:
            wait_for(f"{client.name} knows", lambda c=client: state(c) != "connected", TOLD)
        casttest.note(f"ended and known after {(time.monotonic() - begin) * 1e3:.0f} ms")
        net.start_server()
        for client in net.clients:
            client.wait_connected(BACK)
        wait_flowing(flows)


@casttest.case("the clients are there before the server")
def client_first(net):
    for client in net.clients:
        client.stop()
    net.server.stop()
    for client in net.clients:
        client.start()
    for client in net.clients:
        wait_for(f"{client.name} runs", lambda c=client: state(c) != "connected")
    net.start_server()
    for client in net.clients:
        client.wait_connected(BACK)
    with streaming(net):
        pass


# --- the path goes


@casttest.case("the underlay is down for a while: the tunnel comes back, the stream resumes")
def underlay_down(net):
    one = net.clients[0]
    with streaming(net) as flows:
        net.server.ns.ip("link", "set", f"under{one.number}", "down")
        try:
            timed("the server gave up the client", lambda: one.name not in net.peers(), NOTICED)
            timed("the client gave up the server", lambda: state(one) != "connected", NOTICED)
        finally:
            net.server.ns.ip("link", "set", f"under{one.number}", "up")
        one.wait_connected(BACK)
        wait_flowing(flows)


if __name__ == "__main__":
    casttest.main(setup)
