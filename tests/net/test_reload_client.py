#!/usr/bin/env python3
"""A new profile for a running client, by SIGHUP and by castctl reload: what is taken from the server, whom to believe,
what waits for a restart; and a profile with a mistake changes nothing."""

import contextlib
import itertools
import re
import signal

import castnet
import casttest
from castnet import SERVER_NAME, TAP, expect, wait_for
from castprobe import (RUNTIME, Certificate, Mark, Pings, call, changed, client_config, day, expect_end, identity,
                       options, pki, read, write)

NOTICE = "castswitch: notice: "
ERROR = "castswitch: error: "
LOST = "castswitch: warning: connection lost: "
AGAIN = r"; trying again in \d+\.\d s"
OVERLAY = 1320  # the server's; that of the profile is the default
PROFILE = 1400


def setup():
    """net.good is the profile that cases vary; its files can be changed while it runs."""
    net = castnet.Net(clients=1, mtu=OVERLAY)
    one = net.clients[0]
    net.own = Certificate(net, "own", one.name, "eku=clientAuth")
    block = identity(net.own.crt, net.own.key, pki(net, "ca.crt"), f'crl = "{pki(net, "ca.crl")}"',
                     f'server-name = "{SERVER_NAME}"')
    net.good = client_config(net, one, block) + "pull {  }\nswitch {  }\nlog { level = info }\n"
    net.hows = itertools.cycle((by_signal, by_castctl))
    write(one.config, net.good)
    return net.start()


# --- reloading


def by_signal(client, says):
    mark = Mark(client)
    client.program.signal(signal.SIGHUP)
    mark.wait(NOTICE + says)


def by_castctl(client, says):
    mark = Mark(client)
    out = client.castctl("reload")
    expect(re.fullmatch(f"{says}\n", out), f"castctl reload says {out!r}, not {says!r}")
    mark.wait(NOTICE + says)


def reload(net, *changes, says="reloaded"):
    """With changes of the good profile; by signal and by castctl in turn.  says: a pattern."""
    write(net.clients[0].config, changed(net.good, *changes))
    next(net.hows)(net.clients[0], says)


@contextlib.contextmanager
def same_session(net, pings=True):
    one = net.clients[0]
    before = net.peers()[one.name]["since_s"]
    with Pings(net.server, one.addr4) if pings else contextlib.nullcontext():
        yield
    after = net.peers()
    expect(one.name in after and after[one.name]["since_s"] > before, "it has a new session")


def mtu(client):
    """As the kernel has it and as the program says."""
    value = client.ns.ip_json("link", "show", "dev", TAP)[0]["mtu"]
    expect(client.status()["tap"]["mtu"] == value, f"{client.status()}, the interface has {value}")
    return value


def routes(client):
    found = {r["dst"] for v in ("-4", "-6") for r in client.ns.ip_json(v, "route", "show", "table", "all", "dev", TAP)
             if not r.get("protocol") == "kernel"}
    return {r.removeprefix("multicast ") for r in found} & {"224.0.0.0/4", "ff00::/8"}


BOTH = {"224.0.0.0/4", "ff00::/8"}


# --- what is taken from the server


@casttest.case("a reload without changes")
def nothing(net):
    with same_session(net):
        reload(net)
        reload(net)
        expect(mtu(net.clients[0]) == OVERLAY, "another MTU")


@casttest.case("pull address: what the server gave goes and comes again, the routes stay, the session is kept")
def addresses(net):
    one = net.clients[0]
    with same_session(net, pings=False):
        reload(net, ("pull {  }", "pull { address = false }"))
        expect(not one.ns.addresses(TAP), f"addresses {one.ns.addresses(TAP)}")
        expect(one.status()["addresses"] == [], f"{one.status()}")
        expect(routes(one) == BOTH, f"routes {routes(one)}")
        reload(net, ("pull {  }", "pull { address = false }"))
        reload(net)
        expect(set(one.ns.addresses(TAP)) == set(one.addresses), f"addresses {one.ns.addresses(TAP)}")
        expect(routes(one) == BOTH, f"routes {routes(one)}")
        net.server.ns.run("ping", "-n", "-c", "1", "-W", "2", one.addr4)


@casttest.case("pull multicast-route: the routes go and come again")
def multicast_route(net):
    one = net.clients[0]
    with same_session(net):
        expect(routes(one) == BOTH, f"routes {routes(one)}")
        reload(net, ("pull {  }", "pull { multicast-route = false }"))
        expect(not routes(one), f"routes {routes(one)}")
        expect(set(one.ns.addresses(TAP)) == set(one.addresses), f"addresses {one.ns.addresses(TAP)}")
        reload(net)
        expect(routes(one) == BOTH, f"routes {routes(one)}")


@casttest.case("pull mtu: the profile's, and the server's again")
def pull_mtu(net):
    one = net.clients[0]
    with same_session(net):
        expect(mtu(one) == OVERLAY, f"MTU {mtu(one)}")
        reload(net, ("pull {  }", "pull { mtu = false }"))
        expect(mtu(one) == PROFILE, f"MTU {mtu(one)}")
        reload(net)
        expect(mtu(one) == OVERLAY, f"MTU {mtu(one)}")


@casttest.case("without a server: what it said last counts", fresh=True)
def alone(net):
    one = net.clients[0]
    net.server.stop()
    wait_for("it has noticed", lambda: one.status()["state"] != "connected")
    reload(net, ("pull {  }", "pull { address = false multicast-route = false mtu = false }"))
    expect((one.ns.addresses(TAP), routes(one), mtu(one)) == ([], set(), PROFILE), "it keeps what the server said")
    reload(net)
    expect((set(one.ns.addresses(TAP)), routes(one), mtu(one)) == (set(one.addresses), BOTH, OVERLAY),
           "it does not know what the server said")
    net.start_server()
    one.wait_connected()


# --- whom to believe


@casttest.case("a revoked server is left with a word, and not come back to", fresh=True)
def revoked(net):
    one = net.clients[0]
    server, client = Mark(net.server), Mark(one)
    net.castpki("revoke", "--dir", net.pki, SERVER_NAME)
    expect(one.status()["state"] == "connected", "it is gone before the reload")
    reload(net)
    why = f"certificate of '{SERVER_NAME}' was revoked on {day(0)}"
    client.wait(re.escape(f"{LOST}certificate was revoked: {why}") + AGAIN)
    server.wait(re.escape(f"castswitchd: info: client1: disconnected: the other side said goodbye: certificate was "
                          f"revoked: {why}"))
    client.wait(rf"castswitch: warning: \S+: not connected: {re.escape(why)}{AGAIN}")
    expect(one.status()["state"] != "connected", "it is connected")
    reload(net, (f'\tcrl = "{pki(net, "ca.crl")}"\n', ""))
    one.wait_connected()


@casttest.case("another server-name: this server is left, since it may not be the one", fresh=True)
def server_name(net):
    one = net.clients[0]
    client = Mark(one)
    reload(net, (f'"{SERVER_NAME}"', '"other.example.org"'))
    client.wait(re.escape(f"{LOST}certificate is no longer believed: the server's certificate was for '{SERVER_NAME}', "
                          "wanted is 'other.example.org' now") + AGAIN)
    client.wait(rf"castswitch: warning: \S+: not connected: the server's certificate is for '{SERVER_NAME}', not for "
                rf"'other\.example\.org'{AGAIN}")
    reload(net)
    one.wait_connected()


@casttest.case("fingerprints instead of a CA: the session stays for one that is its server's, and ends for another",
               fresh=True)
def pins(net):
    one = net.clients[0]

    def pinned(fingerprint):
        return ((f'ca = "{pki(net, "ca.crt")}"', f'ca = ""\n\tfingerprints = {{"{fingerprint}"}}'),
                (f'\tcrl = "{pki(net, "ca.crl")}"\n', ""))

    right = castnet.run("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in",
                        pki(net, "server.crt")).partition("=")[2].strip()
    with same_session(net):
        reload(net, *pinned(right))
    client = Mark(one)
    reload(net, *pinned(net.own.fingerprint()))
    client.wait(re.escape(f"{LOST}certificate is no longer believed: certificate of '{SERVER_NAME}' is not pinned, and "
                          "there is no CA any more") + AGAIN)
    reload(net, *pinned(right))
    one.wait_connected()
    client = Mark(one)
    reload(net)
    client.wait(re.escape(f"{LOST}certificate is no longer believed: certificate of 'server' is no longer pinned")
                + AGAIN)
    one.wait_connected()


@casttest.case("a new certificate of its own is shown from the next connection on", fresh=True)
def new_certificate(net):
    one = net.clients[0]
    new = Certificate(net, "new", "renewed", "eku=clientAuth")
    for path, text in ((net.own.crt, read(new.crt)), (net.own.key, read(new.key))):
        write(path, text)
    with same_session(net):
        reload(net)
    net.server.castctl("kick", one.name)
    wait_for("it is another peer", lambda: "renewed" in net.peers())


# --- what does not apply


def unchanged(net, text, wrong):
    """castctl and SIGHUP with this profile: one line says why, and the running one stays."""
    one = net.clients[0]
    write(one.config, text)
    mark = Mark(one)
    expect_end(net, RUNTIME, f"castctl: {wrong}; nothing was changed\n", "castctl", "--socket", one.socket, "reload",
               ns=one.ns)
    lines = [f"{ERROR}{wrong}", f"{ERROR}nothing was changed"]
    wait_for("the log says it", lambda: mark.lines() == lines)
    mark = Mark(one)
    one.program.signal(signal.SIGHUP)
    wait_for(f"the log says {lines}", lambda: mark.lines() == lines)


@contextlib.contextmanager
def instead(path, text):
    good = read(path)
    write(path, text)
    try:
        yield
    finally:
        write(path, good)


def reconnects(net):
    """With what it has."""
    mark = Mark(net.clients[0])
    net.server.castctl("kick", net.clients[0].name)
    mark.wait(LOST + "the other side said goodbye: ended by the administrator" + AGAIN)
    net.clients[0].wait_connected()


@casttest.case("a mistake in the profile or in a certificate changes nothing and says why", fresh=True)
def mistakes(net):
    one, own = net.clients[0], net.own
    other = changed(net.good, ("pull {  }", "pull { address = false multicast-route = false mtu = false }"),
                    (f'"{SERVER_NAME}"', '"other.example.org"'), ("level = info", "level = error"))
    short = f"{net.dir}/short"
    castnet.run("openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=client1", "-days", "60",
                "-addext", "extendedKeyUsage=clientAuth", "-keyout", f"{short}.key", "-out", f"{short}.crt")
    with same_session(net):
        line = other[:other.index("switch {  }")].count("\n") + 1
        unchanged(net, changed(other, ("switch {  }", "switch { mtu = 12 }")),
                  f"{one.config}:{line}: mtu: '12' is out of range (allowed: 1280 to 8000 bytes)")
        with instead(own.key, read(pki(net, "ca.key"))):
            unchanged(net, other, f"key {own.key}: does not belong to certificate {own.crt}")
        with instead(pki(net, "ca.crl"), "none\n"):
            unchanged(net, other, f"CRL {pki(net, 'ca.crl')}: no CRL in PEM form in it")
        with instead(own.crt, read(f"{short}.crt")), instead(own.key, read(f"{short}.key")):
            unchanged(net, other, "OpenSSL does not take our certificate or key: ee key too small")
        expect((set(one.ns.addresses(TAP)), routes(one), mtu(one)) == (set(one.addresses), BOTH, OVERLAY),
               "what is taken from the server has changed")
    with instead(own.key, read(pki(net, "ca.key"))):
        unchanged(net, other, f"key {own.key}: does not belong to certificate {own.crt}")
        reconnects(net)


@casttest.case("what only a restart can change is named as long as it differs, and stays as it is")
def restart(net):
    one = net.clients[0]
    was = one.status()
    with same_session(net):
        for change, word in (((f'remote = {{"{one.remote}"}}', 'remote = {"192.0.2.99"}'), "remote"),
                             (("tap ", "remote-order = random\ntap "), "remote-order"),
                             ((f'tap "{TAP}"', 'tap "other0"'), "tap"),
                             ((f'tap "{TAP}" {{ }}', f'tap "{TAP}" {{ address = {{"10.8.0.99/24"}} }}'), "tap"),
                             (("switch {  }", "switch { mtu = 1300 }"), "mtu"),
                             (("switch {  }", 'switch { user = "root" }'), "user"),
                             ((one.socket, f"{one.socket}2"), "control")):
            for _ in range(3):
                reload(net, change, says=f"reloaded; needs a restart: {word}")
            reload(net)
        reload(net, ("switch {  }", 'switch { mtu = 1300 user = "root" }'), ("pull {  }", "pull { mtu = false }"),
               (one.socket, f"{one.socket}2"), says="reloaded; needs a restart: mtu, user, control")
        expect(mtu(one) == PROFILE, f"MTU {mtu(one)}, not that of the start")
        reload(net)
    now = one.status()
    expect(all(now[k] == was[k] for k in ("addresses", "remote", "tap")), f"was {was}, is {now}")


# For each option another value, and what the answer names; None: it applies.
OPTIONS = {
    "remote": ('{"192.0.2.99"}', "remote"), "remote-order": ("random", "remote-order"),
    "tap address": ('{"10.8.0.99/24"}', "tap"),
    "switch mtu": ("1300", "mtu"), "switch user": ('"root"', "user"),
    "identity certificate": (None, None), "identity key": (None, None), "identity ca": (None, None),
    "identity crl": ('""', None), "identity crl-strict": ("true", None),
    "identity fingerprints": (f'{{"{64 * "0"}"}}', None), "identity server-name": ('"192.0.2.99"', None),
    "identity require-eku": ("false", None),
    "snooping igmp": ("false", None), "snooping mld": ("false", None), "snooping query-interval": ("60s", None),
    "snooping query-response-interval": ("5s", None), "snooping last-member-query-interval": ("2s", None),
    "snooping last-member-query-count": ("3", None), "snooping robustness": ("3", None),
    "snooping membership-interval": ("60s", None), "snooping other-querier-interval": ("60s", None),
    "snooping unregistered": ("drop", None), "snooping strict-router-alert": ("true", None),
    "snooping non-ip-multicast": ("drop", None), "snooping strict-ssm": ("true", None),
    "snooping mrd-solicit": ("true", None), "snooping max-groups": ("99", None), "snooping max-sources": ("99", None),
    "snooping max-source-records": ("9999", None), "snooping max-hosts": ("9999", None),
    "tunnel dscp": ("46", None), "tunnel mss-clamp": ("1200", None),
    "tunnel dscp": ("none", None), "tunnel mss-clamp": ("off", None),
    "tunnel rekey": ("30s", None), "tunnel access-key": (f'"{64 * "0"}"', None),
    "pull address": ("false", None), "pull multicast-route": ("false", None), "pull mtu": ("false", None),
    "pull routes": ("false", None), "pull dns": ("false", None),
    "control socket": ('"/nowhere/socket"', "control"), "log level": ("debug", None),
}


@casttest.case("each option there is: applied, or named", fresh=True)
def every_option(net):
    one = net.clients[0]
    code, text, err = call(net, "castswitch", "--check", "--config", one.config)
    expect(code == 0, err)
    lines = options(text)
    expect(lines.keys() == OPTIONS.keys(), f"options {sorted(lines.keys() ^ OPTIONS.keys())}")
    net.good = text
    for name, (value, word) in OPTIONS.items():
        line = lines[name]
        # Files become text: after the start only those that were known then can be opened.
        value = value or f'"{read(line.split(chr(34))[1])}"'
        new = f"{line.partition('=')[0]}= {value}"
        expect(new != line, f"{name} has this value already")
        reload(net, (f"{line}\n", f"{new}\n"), says="reloaded" + (f"; needs a restart: {word}" if word else ""))
        reload(net)
    one.wait_connected()


if __name__ == "__main__":
    casttest.main(setup)
