#!/usr/bin/env python3
"""What is left when a program ends: nothing, however it ends.  And its control socket, as those meet it who write half
a line or read nothing: nobody else notices."""

import contextlib
import glob
import os
import re
import signal
import socket
import time

import castnet
import casttest
from castnet import TAP, expect, wait_for
from castprobe import Mark, Pings, sanitized

SLOW_MS = 100    # a ping may take so long while control clients misbehave (and all share this machine)
HALF_OPEN = 40   # more than a program takes


def setup():
    return castnet.Net(clients=2).start()


# --- what there is


def state(host):
    """Everything in a host's namespace that a program could leave; None stands for what it can't see."""
    ns = host.ns
    links = {link["ifname"]: sorted(f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"])
             for link in ns.ip_json("addr", "show")}
    routes = sorted(" ".join(f"{k}={r[k]}" for k in ("type", "dst", "gateway", "dev", "table") if k in r)
                    for version in ("-4", "-6") for r in ns.ip_json(version, "route", "show", "table", "all"))
    rules = sorted(ns.ip("-4", "rule").splitlines() + ns.ip("-6", "rule").splitlines())
    with ns:
        with open("/proc/thread-self/net/udp", encoding="ascii") as f:
            sockets = sorted(line.split()[1] for line in f.read().splitlines()[1:])
        with open("/proc/thread-self/net/udp6", encoding="ascii") as f:
            sockets += sorted(line.split()[1] for line in f.read().splitlines()[1:])
    return {"links": links, "routes": routes, "rules": rules, "udp": sockets}


def files(net):
    """Logs are ours."""
    return sorted(os.path.relpath(p, net.dir) for p in glob.glob(f"{net.dir}/**", recursive=True)
                  if not p.endswith(".log"))


def differences(before, after):
    return {key: (before[key], after[key]) for key in before if before[key] != after[key]}


def processes(host):
    """Ids of all processes in a host's namespace."""
    return castnet.run("ip", "netns", "pids", host.ns.name).split()


def ends_clean(net, host, how, code=0):
    """It ran; now it is as if it had not."""
    expect(TAP in host.ns.devices() and os.path.exists(host.socket), f"{host.name} does not run")
    program, host.program = host.program, None
    program.signal(how)
    got = program.wait()
    expect(got == code, f"{host.name} ended with {got}, not {code}")
    left = differences(host.before, state(host))
    expect(not left, f"{host.name} left (before, after): {left}")


def before_start(net):
    """A network of which nothing runs yet, that knows how it looks."""
    net.stop_programs()
    for host in net.hosts:
        wait_for(f"no process of {host.name} is left", lambda h=host: not processes(h), 5)
        host.before = state(host)
        expect(TAP not in host.before["links"], f"{host.name} has {TAP} before it starts")
    net.before = files(net)
    net.start()


def everything_is_gone(net):
    expect(files(net) == net.before, f"files before: {net.before}, after: {files(net)}")
    for host in net.hosts:
        wait_for(f"no process of {host.name} is left", lambda h=host: not processes(h), 5)


@casttest.case("SIGTERM and SIGINT: no interface, address, route, rule, socket, file or process is left", fresh=True)
def normal(net):
    before_start(net)
    one, two = net.clients
    ends_clean(net, one, signal.SIGTERM)
    ends_clean(net, two, signal.SIGINT)
    ends_clean(net, net.server, signal.SIGTERM)
    everything_is_gone(net)
    net.start_server()
    one.start()
    one.wait_connected()
    # The server first: its client has lost it when it ends.
    ends_clean(net, net.server, signal.SIGINT)
    wait_for("client 1 has noticed", lambda: one.status()["state"] != "connected")
    ends_clean(net, one, signal.SIGINT)
    everything_is_gone(net)


@casttest.case("ending at once after the start, at any time", fresh=True)
def early(net):
    before_start(net)
    for host in reversed(net.hosts):
        host.stop()
    for host in (net.server, net.clients[0]):
        mark = Mark(host)
        for delay_ms in (0, 2, 5, 10, 20, 40):
            host.start()
            wait_for("it is time", lambda end=time.monotonic() + delay_ms / 1000: time.monotonic() >= end)
            program, host.program = host.program, None
            program.signal(signal.SIGTERM)
            code = program.wait()
            # Until it has begun to handle signals it just ends, and only the file of its socket may be left.
            expect(code in (0, -signal.SIGTERM), f"{host.name} ended with {code}: {mark.lines()}")
            wait_for(f"no process of {host.name} is left", lambda h=host: not processes(h), 5)
            left = differences(host.before, state(host))
            expect(not left, f"{host.name} left after {delay_ms} ms: {left}")
            may = {os.path.basename(host.socket)} if code else set()
            wait_for(f"its files are gone (exit code {code}, {delay_ms} ms)",
                     lambda m=may: set(files(net)) - m == set(net.before))


@casttest.case("kill -9: the interface goes with the process, and the next start works", fresh=True)
def killed(net):
    before_start(net)
    one, two = net.clients
    for host in (one, net.server):
        host.kill()
        wait_for(f"what {host.name} had is gone", lambda h=host: not differences(h.before, state(h)), 5)
        wait_for(f"no process of {host.name} is left", lambda h=host: not processes(h), 5)
    wait_for("client 2 has noticed", lambda: two.status()["state"] != "connected", 60)
    for host in (net.server, one):
        # Also when a socket was left all the same.
        with contextlib.suppress(FileNotFoundError):
            os.remove(host.socket)
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(host.socket)
    net.start_server()
    one.start()
    for client in net.clients:
        client.wait_connected(40)
    net.server.ns.run("ping", "-n", "-c", "1", "-W", "2", one.addr4)
    for host in (one, two, net.server):
        ends_clean(net, host, signal.SIGTERM)
    everything_is_gone(net)


@casttest.case("what was there before is not touched", fresh=True)
def not_ours(net):
    """An address, a route and a group that somebody else made on another interface."""
    one = net.clients[0]
    net.stop_programs()
    one.ns.ip("tuntap", "add", "other", "mode", "tap")
    one.ns.ip("addr", "add", "10.8.0.200/32", "dev", "other")
    one.ns.ip("link", "set", "other", "up")
    one.ns.ip("route", "add", "232.0.0.0/8", "dev", "other")
    before_start(net)
    ends_clean(net, one, signal.SIGTERM)


# --- the control socket


@contextlib.contextmanager
def half_open(host, n=HALF_OPEN, text=b'{"command":"sta'):
    """Connections that never finish their line."""
    sockets = []
    try:
        for _ in range(n):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sockets.append(s)
            s.connect(host.socket)  # waits for its place in the queue
            s.settimeout(5)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                s.send(text)
        yield sockets
    finally:
        for s in sockets:
            s.close()


def limit(host):
    return None if sanitized(host.program.pid) else SLOW_MS


@casttest.case(f"{HALF_OPEN} connections with half a line: pings on time, and castctl is answered")
def half_lines(net):
    one = net.clients[0]
    for host in (net.server, one):
        with Pings(one, net.server.addr4, limit_ms=limit(net.server)), half_open(host):
            # The places of those who say nothing for a second go to others.
            wait_for("castctl is answered", lambda h=host: "version" in h.status(), 10)
            for _ in range(5):
                expect(re.search(r"(?m)^program ", host.castctl("status")), "castctl status")
        expect("version" in host.status(), "after they are gone")


@casttest.case("connections that ask much and read nothing: pings on time, and castctl is answered")
def deaf(net):
    one = net.clients[0]
    for host in (net.server, one):
        with Pings(one, net.server.addr4, limit_ms=limit(net.server)) as pings, half_open(host, 8, b"") as sockets:
            for s in sockets:
                s.setblocking(False)
                with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                    for _ in range(2000):
                        s.send(b'{"command":"ports"}\n{"command":"help"}\n' * 10)
            for _ in range(20):
                expect(re.search(r"(?m)^program ", host.castctl("status")), "castctl status")
            pings.more(20)


@casttest.case("one byte at a time, and lines without an end")
def slow(net):
    one = net.clients[0]
    for host in (net.server, one):
        with Pings(one, net.server.addr4, limit_ms=limit(net.server)), half_open(host, 2, b"") as (byte, endless):
            for b in b'{"command":"status"}\n':
                byte.send(bytes([b]))
                expect("version" in host.status(), "no answer")
            expect(b'"ok":true' in byte.recv(65536), "the slow one got no answer")
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(100):
                    endless.send(b"x" * 4096)
            with contextlib.suppress(ConnectionResetError):
                expect(b"line too long" in endless.recv(65536), "an endless line")


if __name__ == "__main__":
    casttest.main(setup)
