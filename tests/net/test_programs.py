#!/usr/bin/env python3
"""The programs as an administrator meets them: options, exit codes, messages, castctl, and what is left at the end."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess

import castnet
import casttest
from castnet import TAP, expect, wait_for
from casttraffic import Pump, Receiver

DAEMONS = ("castswitchd", "castswitch")
PROGRAMS = DAEMONS + ("castctl", "castpki")
OK, RUNTIME, USAGE, CONFIG, PRIVILEGE = range(5)
GROUP4, GROUP6, SSM = "239.1.1.1", "ff15::1:1", "232.1.1.1"


def setup():
    net = castnet.Net(clients=2)
    net.pump = Pump()
    net.closers.append(net.pump.close)
    return net.start()


def call(net, name, *args, ns=None, wrapper=()):
    """(exit code, output, errors) of a program that ends by itself."""
    with ns or net.server.ns:
        r = subprocess.run([*wrapper, castnet.binary(name), *args], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, timeout=20, check=False, cwd=net.dir)
    return r.returncode, r.stdout, r.stderr


def expect_call(net, want, name, *args, says=None, **kwargs):
    """Runs it and compares the exit code and, as a pattern, the errors, which are lines that begin with its name."""
    code, out, err = call(net, name, *args, **kwargs)
    told = f"{name} {' '.join(args)}: exit code {code}, not {want}; output {out!r}, errors {err!r}"
    expect(code == want, told)
    if says is not None:
        expect(re.search(says, err), f"{told}; expected is {says!r}")
    if want != OK:
        expect(err and all(line.startswith(f"{name}: ") for line in err.splitlines()), told)
    return out, err


def variant(net, source, name, *changes):
    """A copy of a configuration with changes, each (old, new)."""
    with open(source, encoding="utf-8") as f:
        text = f.read()
    for old, new in changes:
        expect(old in text, f"{old!r} is not in {source}")
        text = text.replace(old, new)
    path = os.path.join(net.dir, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def second_server(net, *changes):
    """The configuration of another server that would fit beside the first."""
    return variant(net, net.server.config, "second.conf", (f'"{TAP}"', '"cast9"'), ("10.8.0.", "10.9.0."),
                   ("fd08::", "fd09::"), (f"port = {castnet.PORT}", "port = 22425"), ("server.sock", "second.sock"),
                   *changes)


# --- options


@casttest.case("--help and --version")
def help_and_version(net):
    versions = set()
    for name in PROGRAMS:
        out, err = expect_call(net, OK, name, "--help")
        expect(out.startswith(("usage: ", f"{name} - ")) and not err, f"{name} --help: {out!r}, errors {err!r}")
        expect(max(map(len, out.splitlines())) <= 120, f"{name} --help is too wide")
        out, err = expect_call(net, OK, name, "--version")
        match = re.fullmatch(rf"{name} (\d+\.\d+\.\d+)\n", out)
        expect(match and not err, f"{name} --version: {out!r}, errors {err!r}")
        versions.add(match[1])
    expect(len(versions) == 1, f"different versions: {versions}")


@casttest.case("mistakes on the command line: exit code 2, and what is wrong")
def usage(net):
    for name in DAEMONS:
        expect_call(net, USAGE, name, "--bad", says="--bad")
        expect_call(net, USAGE, name, "word", says="word")
        expect_call(net, USAGE, name, "--config", says="--config")
    for args in ((), ("groop",), ("--bad", "status"), ("status", "groups")):
        code, _, err = call(net, "castctl", *args)
        told = f"castctl {args}: exit code {code}, {err!r}"
        expect(code == USAGE and "castctl: " in err and re.search("usage: |--help", err), told)
        expect("groop" not in args or "groop" in err, told)
    expect_call(net, USAGE, "castpki", says="command")
    expect_call(net, USAGE, "castpki", "init", says="--dir")


# --- configuration


@casttest.case("--check prints every effective value, which is a configuration again")
def check(net):
    for name, config in ((DAEMONS[0], net.server.config), (DAEMONS[1], net.clients[0].config)):
        out, err = expect_call(net, OK, name, "--check", "--config", config)
        expect(not err and "query-interval = 125s" in out, f"{name} --check: {out!r}, errors {err!r}")
        if name == "castswitchd":
            path = os.path.join(net.dir, "again.conf")
            with open(path, "w", encoding="utf-8") as f:
                f.write(out)
            again, _ = expect_call(net, OK, name, "--check", "--config", path)
            expect(again == out, "what --check prints is another configuration")


@casttest.case("--check makes nothing, and needs no privilege")
def check_only(net):
    config = second_server(net)
    before = net.server.ns.devices()
    nobody = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
    expect_call(net, OK, "castswitchd", "--check", "--config", config, wrapper=nobody)
    expect(net.server.ns.devices() == before, f"interfaces are now {net.server.ns.devices()}")
    expect(not os.path.exists(os.path.join(net.dir, "second.sock")), "a control socket was made")


@casttest.case("mistakes in the configuration: exit code 3, with file and line")
def mistakes(net):
    for name, good in ((DAEMONS[0], net.server.config), (DAEMONS[1], net.clients[0].config)):
        expect_call(net, CONFIG, name, "--config", "/nonexistent.conf", says=r"/nonexistent\.conf: ")
        bad = variant(net, good, "bad.conf", (f'tap "{TAP}"', f'nonsense = 1\ntap "{TAP}"'))
        expect_call(net, CONFIG, name, "--config", bad, says=r"bad\.conf:\d+: .*nonsense")
        expect_call(net, CONFIG, name, "--check", "--config", bad, says=r"bad\.conf:\d+: .*nonsense")
    bad = variant(net, net.server.config, "bad.conf", ("mtu = 1400", "mtu = 12"))
    expect_call(net, CONFIG, "castswitchd", "--config", bad, says=r"bad\.conf:\d+: .*mtu")


@casttest.case("certificates that are missing, or belong to somebody else: exit code 3")
def certificates(net):
    bad = variant(net, net.server.config, "bad.conf", ("server.crt", "missing.crt"))
    expect_call(net, CONFIG, "castswitchd", "--config", bad, says=r"missing\.crt: No such file")
    bad = variant(net, net.server.config, "bad.conf", ("server.key", "ca.key"))
    expect_call(net, CONFIG, "castswitchd", "--check", "--config", bad, says="key")


# --- starting where it can't


@casttest.case("without the privilege to make an interface: exit code 4")
def privilege(net):
    nobody = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
    expect_call(net, PRIVILEGE, "castswitchd", "--config", second_server(net), wrapper=nobody, says="CAP_NET_ADMIN")
    config = variant(net, net.clients[0].config, "second.conf", (f'tap "{TAP}"', 'tap "cast9"'))
    expect_call(net, PRIVILEGE, "castswitch", "--config", config, wrapper=nobody, says="CAP_NET_ADMIN")


@casttest.case("port, socket or interface in use: exit code 1, a message that says which, and nothing is left")
def in_use(net):
    before = net.server.ns.devices()
    config = second_server(net, ("22425", str(castnet.PORT)))
    expect_call(net, RUNTIME, "castswitchd", "--config", config, says=rf":{castnet.PORT}: .*in use")
    config = second_server(net, ("second.sock", "server.sock"))
    expect_call(net, RUNTIME, "castswitchd", "--config", config, says=r"another .*running.*server\.sock")
    expect(net.server.status()["peers"] == 2, "the running server was disturbed")
    config = second_server(net, ("cast9", TAP))
    expect_call(net, RUNTIME, "castswitchd", "--config", config, says=rf"{TAP}: .*exists")
    expect(net.server.ns.devices() == before, f"interfaces are now {net.server.ns.devices()}")


@casttest.case("a killed program's control socket is removed; one that was left all the same is taken over")
def stale_socket(net):
    one = net.clients[0]
    one.kill()
    wait_for("the socket of a killed program is gone", lambda: not os.path.exists(one.socket))
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(one.socket)
    one.start()
    one.wait_connected()


# --- castctl


@contextlib.contextmanager
def listening(net):
    """Client 1 listens to groups of both families, client 2 to one source, the server's host to one group."""
    one, two = net.clients
    with contextlib.ExitStack() as stack:
        for host, group, source in ((one, GROUP4, None), (one, GROUP6, None), (two, SSM, net.server.addr4),
                                    (net.server, GROUP4, None)):
            stack.enter_context(Receiver(net.pump, host, group)).join(source)
        net.wait_members(GROUP4, one, net.server)
        net.wait_members(GROUP6, one)
        net.wait_members(SSM, two)
        yield


def table(text):
    """Rows of a table of castctl: each cell begins where its column's title does, or ends where that ends."""
    lines = text.rstrip("\n").splitlines()
    return lines[0].split(), [re.split(r"  +", line.strip()) for line in lines[1:]]


@casttest.case("castctl groups: who listens to what, as text and as JSON")
def groups(net):
    one, two = net.clients
    with listening(net):
        head, rows = table(net.server.castctl("groups"))
        expect(head == ["GROUP", "PORT", "MODE", "EXPIRES", "SOURCES", "HOSTS", "WANT", "VERSION", "AGE"], f"columns {head}")
        got = {(*r[:3], r[4].split()[0], *r[5:8]) for r in rows}
        want = {(GROUP4, one.name, "exclude", "-", one.addr4, "all", "3"),
                (GROUP4, TAP, "exclude", "-", net.server.addr4, "all", "3"),
                (SSM, two.name, "include", net.server.addr4, two.addr4, net.server.addr4, "3")}
        expect(want <= got and len(got) == 4, f"rows are {got}")
        expect({(r[0], r[1]) for r in rows if r[0] == GROUP6} == {(GROUP6, one.name)}, f"rows are {got}")
        result = json.loads(net.server.castctl("--json", "groups"))
        row = next(g for g in result if (g["group"], g["port"]) == (GROUP4, one.name))
        expect(row["mode"] == "exclude" and row["version"] == 3 and 200 < row["expires_s"] <= 260, f"row is {row}")
        expect([(h["mac"], h["ip"]) for h in row["hosts"]] == [(one.mac(), one.addr4)], f"row is {row}")
        row = next(g for g in result if g["group"] == SSM)
        expect([(s["source"], s["state"]) for s in row["sources"]] == [(net.server.addr4, "forward")], f"row is {row}")
    for group in (GROUP4, GROUP6, SSM):
        net.wait_members(group)
    _, rows = table(net.server.castctl("groups"))
    expect(not rows, f"after all left: {rows}")


class Watch:
    """castctl groups --watch, and what it printed."""

    def __init__(self, host, *args):
        self.process = subprocess.Popen([castnet.binary("castctl"), "--socket", host.socket, "groups", "--watch", *args],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def read(self):
        self.text += (self.process.stdout.read() or b"").decode()
        return self.text

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


@casttest.case("castctl groups --watch: joins and leaves as they happen, on the server and on the client")
def watch(net):
    one = net.clients[0]
    with Watch(net.server, GROUP4) as text, Watch(net.server, "--json", "--port", one.name) as objects, \
            Watch(one) as client:
        # castctl says nothing once it watches, so it is asked until it shows something.
        def shown(event):
            joined = f" {event} +{{}} +{re.escape(GROUP4)} +{one.mac()}\n"
            return re.search(joined.format(one.name), text.read()) and re.search(joined.format(TAP), client.read())

        def joins_and_leaves():
            with Receiver(net.pump, one, GROUP4) as r:
                r.join()
                net.wait_members(GROUP4, one)
            net.wait_members(GROUP4)
            return shown("join") and shown("leave")

        wait_for("a join and a leave are shown", joins_and_leaves)
        events = [json.loads(line) for line in objects.read().splitlines()]
        expect({e["event"] for e in events if e.get("group") == GROUP4} == {"join", "leave"}, f"{events}")
        expect({e["port"] for e in events} == {one.name}, f"{events}")
        one.stop()
        expect(client.process.wait(10) == RUNTIME, "castctl ends with the program")
        err = client.process.stderr.read().decode()
        expect(err.startswith(f"castctl: {one.socket} closed the connection (has castswitch"), err)
    one.start()
    one.wait_connected()


@casttest.case("castctl peers: who is connected")
def peers(net):
    head, rows = table(net.server.castctl("peers"))
    expect(head[:3] == ["NAME", "ADDRESS", "STATE"], f"columns {head}")
    expect(sorted(r[0] for r in rows) == [c.name for c in net.clients], f"rows {rows}")
    rows = {p["name"]: p for p in json.loads(net.server.castctl("--json", "peers"))}
    for client in net.clients:
        p = rows[client.name]
        address = client.ns.ip_json("addr", "show", "dev", client.under)[0]["addr_info"][0]["local"]
        expect(p["address"].rpartition(":")[0] == address, f"{p} comes from {address}")
        expect(p["state"] == "established" and p["endpoint"], f"{p}")
        expect(p["addresses"] == list(client.addresses), f"{p}")
        expect(p["rx_packets"] > 0 and p["tx_packets"] > 0, f"{p}")
    before = rows["client1"]["rx_bytes"]
    net.clients[0].ns.run("ping", "-n", "-c", "1", "-W", "2", "-s", "1000", net.server.addr4)
    after = net.peers()["client1"]["rx_bytes"]
    expect(1000 < after - before < 3000, f"a ping of 1000 bytes counted as {after - before}")


@casttest.case("castctl status of server and client")
def status(net):
    text = net.server.castctl("status")
    expect(re.search(r"(?m)^program +castswitchd$", text) and re.search(r"(?m)^peers +2$", text), text)
    s = json.loads(net.server.castctl("--json", "status"))
    expect((s["program"], s["peers"], s["ports"]) == ("castswitchd", 2, 3), f"{s}")
    expect(s["listen"] == [f"0.0.0.0:{castnet.PORT}", f"[::]:{castnet.PORT}"], f"{s}")
    expect(s["querier"]["igmp"] == {"state": "querier", "address": net.server.addr4}, f"{s}")
    expect(s["querier"]["mld"]["address"].startswith("fe80::"), f"{s}")
    expect(s["tap"] == {"name": TAP, "mac": net.server.mac(), "mtu": net.mtu}, f"{s}")
    one = net.clients[0]
    text = one.castctl("status")
    expect(re.search(r"(?m)^state +connected$", text), text)
    s = json.loads(one.castctl("--json", "status"))
    expect((s["program"], s["state"], s["server"]) == ("castswitch", "connected", castnet.SERVER_NAME), f"{s}")
    expect(s["remote"] == f"{castnet.SERVER_UNDER4}:{castnet.PORT}", f"{s}")
    expect(s["addresses"] == list(one.addresses), f"{s}")


@casttest.case("castctl ports, fdb and drops agree with what there is")
def others(net):
    for client in net.clients:
        client.ns.run("ping", "-n", "-c", "1", "-W", "2", net.server.addr4)
    for command in ("ports", "fdb", "drops"):
        table(net.server.castctl(command))
    ports = {p["name"]: p for p in json.loads(net.server.castctl("--json", "ports"))}
    expect({n: p["kind"] for n, p in ports.items()} == {TAP: "tap", "client1": "peer", "client2": "peer"}, f"{ports}")
    fdb = {row["mac"]: row["port"] for row in json.loads(net.server.castctl("--json", "fdb"))}
    for host in net.hosts:
        expect(fdb.get(host.mac()) == (TAP if host is net.server else host.name), f"{host.name} in {fdb}")
    for row in json.loads(net.server.castctl("--json", "drops")):
        expect(row["count"] > 0 and row["text"], f"{row}")


@casttest.case("castctl without a program: exit code 1 and a hint")
def nobody_there(net):
    expect_call(net, RUNTIME, "castctl", "--socket", os.path.join(net.dir, "none"), "status", says="running")


@casttest.case("the control socket is not for everybody")
def socket_mode(net):
    for host in net.hosts:
        mode = stat.S_IMODE(os.stat(host.socket).st_mode)
        expect(mode == 0o660, f"{host.socket} has mode {mode:o}")


# --- strangers


@casttest.case("a client of another CA is refused, and says so")
def stranger(net):
    pki, one = os.path.join(net.dir, "other-pki"), net.clients[0]
    net.castpki("init", "--dir", pki, "--name", castnet.SERVER_NAME)
    profile = net.castpki("client", "--dir", pki, one.name, "--remote", one.remote)
    good = one.config + ".good"
    shutil.copy(one.config, good)
    one.stop()
    try:
        with open(one.config, "w", encoding="utf-8") as f:
            f.write(f'{profile}\ncontrol {{ socket = "{one.socket}" }}\n')
        with open(one.log, "rb") as f:
            size = f.seek(0, os.SEEK_END)
        one.start()
        wait_for("it tells of a certificate", lambda: "certificate" in one.program.output().encode()[size:].decode())
        expect(one.status()["state"] != "connected", "it is connected")
        expect(one.name not in net.peers(), "it is a peer")
    finally:
        one.stop()
        shutil.move(good, one.config)
        one.start()
    one.wait_connected()


# --- the end


def ends_clean(net, host, signum):
    program = host.program
    program.signal(signum)
    code = program.wait()
    host.program = None
    expect(code == 0, f"{host.name}: exit code {code}")
    expect(TAP not in host.ns.devices(), f"{host.name} left {TAP}")
    expect(not os.path.exists(host.socket), f"{host.name} left its control socket")
    for version in ("-4", "-6"):
        routes = [r for r in host.ns.ip_json(version, "route", "show", "table", "all") if r.get("dev") == TAP]
        expect(not routes, f"{host.name} left routes: {routes}")


@casttest.case("SIGTERM and SIGINT: exit code 0, and interfaces, routes and sockets are gone", fresh=True)
def ends(net):
    one, two = net.clients
    routes = {r["dst"] for r in one.ns.ip_json("-4", "route", "show", "dev", TAP)}
    expect("224.0.0.0/4" in routes, f"routes {routes}")
    routes = {r["dst"]: r for r in one.ns.ip_json("-6", "route", "show", "table", "all", "dev", TAP)}
    expect("ff00::/8" in routes or "multicast ff00::/8" in routes, f"routes {routes}")
    ends_clean(net, one, signal.SIGTERM)
    ends_clean(net, two, signal.SIGINT)
    ends_clean(net, net.server, signal.SIGTERM)
    # The port is free again at once.
    with contextlib.closing(net.server.ns.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
        s.bind(("0.0.0.0", castnet.PORT))
    net.start_server()
    ends_clean(net, net.server, signal.SIGINT)


@casttest.case("a client that never found its server ends as well", fresh=True)
def ends_alone(net):
    net.server.stop()
    wait_for("client 1 has noticed", lambda: net.clients[0].status()["state"] != "connected")
    ends_clean(net, net.clients[0], signal.SIGTERM)


if __name__ == "__main__":
    casttest.main(setup)
