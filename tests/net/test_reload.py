#!/usr/bin/env python3
"""A new configuration for a running server, by SIGHUP and by castctl reload: what changed applies, nobody is dropped
who may stay, and a file with a mistake changes nothing.  And what else castctl steers: kick, log."""

import contextlib
import itertools
import os
import re
import select
import signal
import socket
import time

import castnet
import casttest
from castnet import TAP, expect, wait_for
from castprobe import RUNTIME, Mark, Pings, call, changed, day, expect_end, options, pki, read, write
from casttraffic import ETH_P_ALL, PACKET_OUTGOING, Pump, Receiver, Stream

GROUP = "239.1.1.1"
RELOADS = 20
NOTICE = "castswitchd: notice: "
ERROR = "castswitchd: error: "


def setup():
    """net.good is the configuration that cases vary."""
    net = castnet.Net(clients=2)
    text = changed(read(net.server.config), (f'ca = "{net.pki}/ca.crt"',
                                             f'ca = "{net.pki}/ca.crt"\n\tcrl = "{net.pki}/ca.crl"'))
    net.good = text + "log { level = info }\n"
    net.hows = itertools.cycle((by_signal, by_castctl))
    write(net.server.config, net.good)
    net.pump = Pump()
    net.closers.append(net.pump.close)
    return net.start()


# --- reloading


def by_signal(net, says):
    mark = Mark(net.server)
    net.server.program.signal(signal.SIGHUP)
    mark.wait(NOTICE + says)


def by_castctl(net, says):
    mark = Mark(net.server)
    out = net.server.castctl("reload")
    expect(re.fullmatch(f"{says}\n", out), f"castctl reload says {out!r}, not {says!r}")
    mark.wait(NOTICE + says)


def reload(net, *changes, says="reloaded"):
    """With changes of the good configuration; by signal and by castctl in turn.  says: a pattern."""
    write(net.server.config, changed(net.good, *changes))
    next(net.hows)(net, says)


@contextlib.contextmanager
def nobody_dropped(net, *hosts):
    """These (default: all clients) keep their sessions, and pings get through."""
    hosts = hosts or net.clients
    before = {h.name: net.peers()[h.name]["since_s"] for h in hosts}
    with contextlib.ExitStack() as stack:
        for h in hosts:
            stack.enter_context(Pings(h, net.server.addr4))
        yield
    after = net.peers()
    for h in hosts:
        expect(h.name in after and after[h.name]["since_s"] > before[h.name], f"{h.name} has a new session")


@contextlib.contextmanager
def same_sessions(net):
    """Whoever is connected, by whatever name."""
    before = net.peers()
    yield
    after = net.peers()
    expect(before.keys() == after.keys(), f"peers were {sorted(before)}, are {sorted(after)}")
    expect(all(after[n]["since_s"] > before[n]["since_s"] for n in after), f"a new session: {before}, {after}")


def block(client):
    return f'peer "{client.name}" {{ address = {{"{client.addr4}", "{client.addr6}"}} }}'


# --- what applies


def routes(host):
    return {r["dst"] for r in host.ns.ip_json("-4", "route", "show", "dev", TAP)}


@casttest.case("a reload without changes")
def nothing(net):
    with nobody_dropped(net):
        reload(net)
        reload(net)


@casttest.case("addresses of a peer: new ones on its interface, old ones gone, session kept")
def addresses(net):
    one, two = net.clients
    moved = ["10.8.0.77/24", "fd08::77/64"]
    with nobody_dropped(net, two):
        before = net.peers()[one.name]["since_s"]
        reload(net, (block(one), 'peer "client1" { address = {"10.8.0.77", "fd08::77"} }'))
        wait_for("client 1 has its new addresses", lambda: set(one.ns.addresses(TAP)) == set(moved))
        expect(one.status()["addresses"] == moved, f"{one.status()}")
        expect(net.peers()[one.name]["addresses"] == moved, f"{net.peers()[one.name]}")
        net.server.ns.run("ping", "-n", "-c", "1", "-W", "2", "10.8.0.77")
        expect("224.0.0.0/4" in routes(one), f"the multicast route went with the old address: {routes(one)}")
        reload(net)
        wait_for("client 1 has its old addresses", lambda: set(one.ns.addresses(TAP)) == set(one.addresses))
        expect(net.peers()[one.name]["since_s"] > before, "client 1 has a new session")
    expect(set(two.ns.addresses(TAP)) == set(two.addresses), f"client 2 has {two.ns.addresses(TAP)}")


@casttest.case("a pool instead of fixed addresses, and back")
def pool(net):
    one, two = net.clients
    with nobody_dropped(net, two):
        reload(net, (block(one), ""), ("peers {  }", 'peers { lease-file = "" pool = {"10.8.0.128/30"} }'))
        wait_for("client 1 has an address of the pool",
                 lambda: set(one.ns.addresses(TAP)) <= {"10.8.0.129/24", "10.8.0.130/24"} and one.ns.addresses(TAP))
        reload(net)
        wait_for("client 1 has its old addresses", lambda: set(one.ns.addresses(TAP)) == set(one.addresses))


@casttest.case("the multicast route of one peer")
def route(net):
    one, two = net.clients
    with nobody_dropped(net):
        expect("224.0.0.0/4" in routes(one), f"routes {routes(one)}")
        reload(net, (block(one), block(one).replace("{ address", "{ multicast-route = false address")))
        wait_for("client 1 has no multicast route", lambda: "224.0.0.0/4" not in routes(one))
        expect("224.0.0.0/4" in routes(two), f"client 2 has {routes(two)}")
        reload(net)
        wait_for("client 1 has a multicast route", lambda: "224.0.0.0/4" in routes(one))


@casttest.case("disabled: this peer ends and stays out, others stay")
def disabled(net):
    one, two = net.clients
    server, client = Mark(net.server), Mark(one)
    with nobody_dropped(net, two):
        reload(net, (block(one), 'peer "client1" { disabled = true }'))
        server.wait("castswitchd: info: client1: disconnected: peer is disabled")
        client.wait(r"castswitch: warning: connection lost: the other side said goodbye: peer is disabled; trying "
                    r"again in \d+\.\d s")
        client.wait(r"castswitch: warning: \S+ not connected: refused: peer is disabled; trying again in \d+\.\d s")
        expect(one.name not in net.peers(), "client 1 is a peer")
        reload(net)
        one.wait_connected()


@casttest.case("a revoked client ends and stays out, others stay", fresh=True)
def revoked(net):
    one, two = net.clients
    server, client = Mark(net.server), Mark(one)
    says = f"certificate was revoked: certificate of 'client1' was revoked on {day(0)}"
    with nobody_dropped(net, two):
        net.castpki("revoke", "--dir", net.pki, one.name)
        expect(one.name in net.peers(), "it is gone before the reload")
        reload(net)
        server.wait(re.escape(f"castswitchd: info: client1: disconnected: {says}"))
        client.wait("castswitch: warning: connection lost: the other side said goodbye: " + re.escape(says) +
                    r"; trying again in \d+\.\d s")
        client.wait(r"castswitch: warning: \S+ not connected: peer sent alert: certificate revoked; trying again in "
                    r"\d+\.\d s")
        expect(one.name not in net.peers(), "client 1 is a peer")


def fingerprint(net, client):
    """Of the certificate in its profile."""
    pem = re.search(r'certificate = "(.*?)"', read(client.config), re.S)[1]
    path = write(os.path.join(net.dir, f"{client.name}.pem"), pem)
    return castnet.run("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", path).partition("=")[2].strip()


@casttest.case("a fingerprint that moves to another peer block: the session ends and comes back by its new name",
               fresh=True)
def renamed(net):
    one, two = net.clients
    pin = f'{{ fingerprint = "{fingerprint(net, one)}" }}\n'
    with nobody_dropped(net, two):
        was = one.name
        for more, name in ((f'peer "alice" {pin}', "alice"), (f'peer "bob" {pin}', "bob"), ("", one.name)):
            server, client = Mark(net.server), Mark(one)
            reload(net, ("log {", f"{more}log {{"))
            says = re.escape(f"certificate is no longer believed: certificate of '{was}' is called '{name}' now")
            server.wait(f"castswitchd: info: {was}: disconnected: {says}")
            client.wait(f"castswitch: warning: connection lost: the other side said goodbye: {says}; trying again in "
                        r"\d+\.\d s")
            wait_for(f"it is {name}", lambda n=name: set(net.peers()) == {n, two.name})
            with same_sessions(net):
                reload(net, ("log {", f"{more}log {{"))
            was = name
        one.wait_connected()


# --- timers, on the wire


class Queries:
    """IGMP queries that reach a client's interface: [(when, QQIC)]."""

    def __init__(self, host):
        with host.ns:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.bind((TAP, ETH_P_ALL))
        self.socket.setblocking(False)

    def next(self, timeout):
        """(when, code) of the next general query, None when there is none."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            data, address = self.socket.recvfrom(2048)
            if address[2] == PACKET_OUTGOING or data[12:14] != b"\x08\x00" or data[23] != socket.IPPROTO_IGMP:
                continue
            igmp = data[14 + (data[14] & 15) * 4:]
            if igmp[0] == 0x11 and len(igmp) >= 12 and igmp[4:8] == bytes(4):
                return time.monotonic(), igmp[9]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


@casttest.case("query interval: on the wire at once")
def timers(net):
    with nobody_dropped(net), Queries(net.clients[0]) as queries:
        while queries.next(0.5):  # those of the start
            pass
        reload(net, ("snooping {  }",
                     "snooping { query-interval = 1s query-response-interval = 500ms }"))
        seen = [queries.next(3) for _ in range(4)]
        expect(all(seen), f"queries: {seen}")
        gaps = [b[0] - a[0] for a, b in zip(seen, seen[1:])]
        expect(all(code == 1 for _, code in seen), f"QQIC {[code for _, code in seen]}")
        expect(all(0.8 < gap < 1.5 for gap in gaps), f"times between queries: {gaps}")
        reload(net)
        last = queries.next(2)  # the one that was due
        expect(not last or (last[1] == 125 and not queries.next(2)), f"queries still come each second: {last}")


# --- log level


def joins(net, group):
    with Receiver(net.pump, net.clients[0], group) as r:
        r.join()
        net.wait_members(group, net.clients[0])
    net.wait_members(group)


@casttest.case("log level, by reload and by castctl log")
def log_level(net):
    with nobody_dropped(net):
        mark = Mark(net.server)
        joins(net, "239.1.2.1")
        mark.wait(r"castswitchd: info: client1: joins 239\.1\.2\.1")
        reload(net, ("level = info", "level = notice"))
        joins(net, "239.1.2.2")
        out = net.server.castctl("log", "info")
        expect(out == "log level info until the next reload\n", f"{out!r}")
        joins(net, "239.1.2.3")
        mark.wait(r"castswitchd: info: client1: joins 239\.1\.2\.3")
        expect(not mark.matching(r".*joins 239\.1\.2\.2"), "an info line at level notice")
        reload(net, ("level = info", "level = notice"))
        joins(net, "239.1.2.4")
        reload(net)
        joins(net, "239.1.2.5")
        mark.wait(r"castswitchd: info: client1: joins 239\.1\.2\.5")
        expect(not mark.matching(r".*joins 239\.1\.2\.4"), "an info line at level notice")
    expect_end(net, RUNTIME, "castctl: no log level 'loud' (allowed: error, warning, notice, info, debug)\n", "castctl",
               "--socket", net.server.socket, "log", "loud")


# --- all of that while something flows


@casttest.case(f"{RELOADS} reloads while a stream flows: nothing is lost")
def streaming(net):
    one, two = net.clients
    variants = ((), (("level = info", "level = warning"),), (("snooping {  }", "snooping { query-interval = 60s }"),),
                ((block(two), block(two).replace("{ address", "{ max-macs = 99 address")),),
                (("peers {  }", "peers { keepalive = 5s }"),))
    with contextlib.ExitStack() as stack:
        receiver = stack.enter_context(Receiver(net.pump, one, GROUP))
        receiver.join()
        net.wait_members(GROUP, one)
        stream = Stream(net.pump, net.server, GROUP)
        stack.callback(stream.stop)
        wait_for("it flows", lambda: receiver.of(stream).packets > 50)
        first = min(receiver.of(stream).numbers)
        with nobody_dropped(net):
            for i in range(RELOADS):
                at = receiver.of(stream).packets
                write(net.server.config, changed(net.good, *variants[i % len(variants)]))
                # The log may be at level warning.
                if i % 2:
                    net.server.program.signal(signal.SIGHUP)
                else:
                    net.server.castctl("reload")
                wait_for("it flows on", lambda a=at: receiver.of(stream).packets > a + 20)
        end = stream.sent
        wait_for("the last one arrives", lambda: end - 1 in receiver.of(stream).numbers)
        missing = receiver.of(stream).missing(first, end)
        expect(not missing, f"{missing} of {end - first} packets are missing")
    reload(net)


# --- what does not apply


def unchanged(net, text, wrong):
    """castctl and SIGHUP with this file: one line says why, and the running configuration stays."""
    write(net.server.config, text)
    mark = Mark(net.server)
    expect_end(net, RUNTIME, f"castctl: {wrong}; nothing was changed\n", "castctl", "--socket", net.server.socket,
               "reload")
    lines = [f"{ERROR}{wrong}", f"{ERROR}nothing was changed"]
    wait_for("the log says it", lambda: mark.lines() == lines)
    mark = Mark(net.server)
    net.server.program.signal(signal.SIGHUP)
    wait_for(f"the log says {lines}", lambda: mark.lines() == lines)


@contextlib.contextmanager
def instead(path, text):
    good = read(path)
    write(path, text)
    try:
        yield
    finally:
        write(path, good)


@casttest.case("a file with a mistake changes nothing and says why")
def mistakes(net):
    config, one = net.server.config, net.clients[0]
    addresses_of_one = set(one.ns.addresses(TAP))
    moved = changed(net.good, (block(one), 'peer "client1" { address = {"10.8.0.77"} }'))
    with nobody_dropped(net):
        line = moved[:moved.index("peers {  }")].count("\n") + 1
        unchanged(net, changed(moved, ("peers {  }", "peers { keepalive = 3x }")),
                  f"{config}:{line}: keepalive: '3x' is not a duration (allowed: 1s to 10m)")
        with instead(pki(net, "server.key"), read(pki(net, "ca.key"))):
            unchanged(net, moved, f"key {pki(net, 'server.key')}: does not belong to certificate "
                      + pki(net, "server.crt"))
        with instead(pki(net, "ca.crl"), "none\n"):
            unchanged(net, moved, f"CRL {pki(net, 'ca.crl')}: no CRL in PEM form in it")
        os.rename(config, config + ".away")
        try:
            expect_end(net, RUNTIME, f"castctl: {config}: No such file or directory; nothing was changed\n", "castctl",
                       "--socket", net.server.socket, "reload")
        finally:
            os.rename(config + ".away", config)
        expect(set(one.ns.addresses(TAP)) == addresses_of_one, "client 1 was told other addresses")
        reload(net)


@casttest.case("what only a restart can change is named, and the rest applies")
def restart(net):
    with nobody_dropped(net):
        for change, word in (((f"port = {castnet.PORT}", "port = 22999"), "listen"),
                             (("server.sock", "other.sock"), "control"),
                             (("mtu = 1400", 'mtu = 1400 user = "root"'), "user"),
                             (("mtu = 1400", "mtu = 1300"), "mtu"), (("10.8.0.1/24", "10.8.0.2/24"), "tap"),
                             ((f'tap "{TAP}"', 'tap "other0"'), "tap")):
            for _ in range(3):
                reload(net, change, says=f"reloaded; needs a restart: {word}")
            expect(all(h.ns.ip_json("link", "show", "dev", TAP)[0]["mtu"] == 1400 for h in net.hosts),
                   "an interface has another MTU without a restart")
            reload(net)
        joins(net, "239.1.3.1")
        mark = Mark(net.server)
        reload(net, (f"port = {castnet.PORT}", "port = 22999"), ("server.sock", "other.sock"), ("level = info",
                                                                                             "level = notice"),
               says="reloaded; needs a restart: listen, control")
        joins(net, "239.1.3.2")
        expect(not mark.matching(".*joins.*"), "the log level does not apply")
        expect(net.server.status()["listen"] == [f"0.0.0.0:{castnet.PORT}", f"[::]:{castnet.PORT}"], "it moved")
        reload(net)


# For each option another value, and what the answer names; None: it applies.
PUSHED = {"routes": '{"10.99.0.0/16"}', "dns": '{"10.8.0.2"}', "dns-domains": '{"example.org"}'}
SNOOPING = {
    "igmp": "false", "mld": "false", "igmp-version": "2", "mld-version": "1", "querier": "off",
    "querier-address": '{"10.8.0.1"}', "query-interval": "60s", "query-response-interval": "5s",
    "startup-query-interval": "5s", "startup-query-count": "3", "last-member-query-interval": "2s",
    "last-member-query-count": "3", "robustness": "3", "membership-interval": "60s", "other-querier-interval": "60s",
    "unregistered": "drop", "flood-until-querier": "false", "strict-router-alert": "true", "strict-ssm": "true",
    "mrd-solicit": "true", "non-ip-multicast": "drop", "max-groups": "99", "max-sources": "99",
    "max-source-records": "9999", "max-hosts": "9999", "grace": "5s",
}
PORT = {
    "fast-leave": "on", "router": "always", "learning": "false", "isolate": "true", "flood-unknown-unicast": "false",
    "flood-broadcast": "false", "flood-unregistered": "true", "flood-reports": "true", "max-macs": "99",
    "max-groups": "99", "max-hosts": "99", "max-source-records": "99", "report-rate": "99",
    "allow-groups": '{"239.0.0.0/8"}', "deny-groups": '{"239.9.9.9/32"}',
}
PEER = {**PORT, "protect-macs": "false", "multicast-route": "false", "keepalive": "20s",
        "duplicates": "refuse"}
OPTIONS = {
    "tap address": ('{"10.8.0.1/24", "fd08::1/64", "10.9.0.1/24"}', "tap"),
    **{f"tap {name}": (value, None) for name, value in {**PORT, "protect-macs": "true"}.items()},
    "switch aging": ("60s", None), "switch max-macs": ("999", None), "switch mtu": ("1300", "mtu"),
    "switch vlan-aware": ("true", None), "switch forward-reserved": ('{"01:80:c2:00:00:0e"}', None),
    "switch user": ('"root"', "user"),
    "listen address": ('{"127.0.0.1"}', "listen"), "listen port": ("22999", "listen"),
    "identity certificate": (None, None), "identity key": (None, None), "identity ca": (None, None),
    "identity crl": ('""', None), "identity crl-strict": ("true", None), "identity require-eku": ("false", None),
    **{f"snooping {name}": (value, None) for name, value in SNOOPING.items()},
    **{f"{block} {name}": (value, None) for block in ("peers", "peer") for name, value in {**PEER, **PUSHED}.items()},
    "tunnel dscp": ("46", None), "tunnel mss-clamp": ("1200", None),
    "tunnel dscp": ("none", None), "tunnel mss-clamp": ("off", None),
    "tunnel rekey": ("30s", None), "tunnel access-key": (f'"{64 * "0"}"', None),
    "peers max": ("99", None), "peers pool": ('{"10.8.0.128/25"}', None), "peers lease-file": ('""', None),
    "peer address": ('{"10.8.0.99/24"}', None), "peer disabled": ("true", None),
    "peer fingerprint": (f'"{64 * "0"}"', None),
    "control socket": ('"/nowhere/socket"', "control"), "log level": ("debug", None),
}


@casttest.case("each option there is: applied, or named", fresh=True)
def every_option(net):
    for client in net.clients:  # they are not to call this host's resolvectl
        write(client.config, f"{read(client.config)}\npull {{ dns = false }}\n")
        client.castctl("reload")
    write(net.server.config, changed(net.good, (block(net.clients[0]), block(net.clients[0]).replace(
        "{ ", f'{{ fingerprint = "{fingerprint(net, net.clients[0])}" ')), ("peers {", 'peers { lease-file = "/nowhere/leases" dns = {"10.8.0.1"} ')))
    code, text, err = call(net, "castswitchd", "--check", "--config", net.server.config)
    expect(code == 0, err)
    lines = options(text)
    expect(lines.keys() == OPTIONS.keys(), f"options {sorted(lines.keys() ^ OPTIONS.keys())}")
    net.good = text
    reload(net)
    for name, (value, word) in OPTIONS.items():
        # Files become text: after the start only those that were known then can be opened.
        value = value or f'"{read(lines[name].split(chr(34))[1])}"'
        new = f"{lines[name].partition('=')[0]}= {value}"
        expect(new != lines[name], f"{name} has this value already")
        reload(net, (f"{lines[name]}\n", f"{new}\n"), says="reloaded" + (f"; needs a restart: {word}" if word else ""))
        reload(net)
    for client in net.clients:
        client.wait_connected()


# --- kick


@casttest.case("castctl kick: this client ends, and comes again; others stay", fresh=True)
def kick(net):
    one, two = net.clients
    server, client = Mark(net.server), Mark(one)
    with nobody_dropped(net, two):
        before = net.peers()[one.name]["since_s"]
        out = net.server.castctl("kick", one.name)
        expect(out == 'client1 is disconnected (it may come again; "disabled" in its peer block keeps it out)\n', out)
        server.wait("castswitchd: info: client1: disconnected: ended by the administrator")
        client.wait(r"castswitch: warning: connection lost: the other side said goodbye: ended by the administrator; "
                    r"trying again in \d+\.\d s")
        one.wait_connected()
        expect(net.peers()[one.name]["since_s"] < before + 5, "it is the same session")
    expect_end(net, RUNTIME, "castctl: no peer 'nobody' is connected\n", "castctl", "--socket", net.server.socket,
               "kick", "nobody")


if __name__ == "__main__":
    casttest.main(setup)
