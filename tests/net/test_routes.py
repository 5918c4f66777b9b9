#!/usr/bin/env python3
"""Routes that the server pushes: there while they are told and the client takes them, gone afterwards.  Those that
cover the server itself leave it where it is, also when the underlay's routes change."""

import contextlib
import os
import re
import time

import castnet
import casttest
from castnet import SERVER_UNDER4, SERVER_UNDER6, TAP, expect, wait_for
from castprobe import Mark, Pings, changed, edit, read, write

# Hosts behind the server.
FAR4, FAR6 = "10.99.0.1", "fd99::1"
ROUTES = 'routes = {"10.99.0.0/16", "fd99::/48"}'
ALL = 'routes = {"0.0.0.0/0", "::/0"}'
HALVES4, HALVES6 = {"0.0.0.0/1", "128.0.0.0/1"}, {"::/1", "8000::/1"}
# A second underlay of client 1.
OTHER = "other"
PING = 0.02  # between two pings
LOST = 1.0   # seconds of them in which the session moves, twice


def setup():
    """net.good is the server's configuration without routes."""
    net = castnet.Net(clients=2, over_ipv6=(2,))
    server = net.server
    net.good = read(server.config)
    for address in (f"{FAR4}/32", f"{FAR6}/128"):
        server.ns.ip("addr", "add", address, "dev", "lo")
    write(server.config, changed(net.good, ("peers {  }", f"peers {{ {ROUTES} }}")))
    for client in net.clients:
        client.before = table(client)
    second_underlay(net)
    return net.start()


def second_underlay(net):
    """Not used until it has a route."""
    one, server = net.clients[0], net.server.ns
    server.ip("link", "add", "other1", "type", "veth", "peer", "name", OTHER, "netns", one.ns.name)
    for ns, device, address in ((server, "other1", "203.0.113.1/30"), (one.ns, OTHER, "203.0.113.2/30")):
        ns.sysctl(f"ipv6/conf/{device}/disable_ipv6", 1)
        ns.ip("addr", "add", address, "dev", device)
        ns.ip("link", "set", device, "up")
    one.before = table(one)


# --- what the kernel has


def rows(client, family):
    return client.ns.ip_json(f"-{family}", "route", "show", "table", "main")


def table(client):
    """All of its routes but those into the tap."""
    return sorted(str(r) for family in (4, 6) for r in rows(client, family) if r.get("dev") != TAP)


def pushed(client):
    """{destination: gateway} of those into the tap that are not the kernel's own."""
    return {r["dst"]: r.get("gateway") for family in (4, 6) for r in rows(client, family)
            if r.get("dev") == TAP and r.get("protocol") == "static" and r["dst"] != "224.0.0.0/4"}


def host_route(client, server=SERVER_UNDER4):
    """(device, gateway) of the host route to the server, or None."""
    family = 6 if ":" in server else 4
    found = [r for r in rows(client, family) if r["dst"] == server]
    expect(len(found) < 2, f"host routes {found}")
    return (found[0].get("type") == "unreachable" or found[0]["dev"], found[0].get("gateway")) if found else None


def reaches(client, *addresses):
    for address in addresses:
        client.ns.run("ping", "-n", "-c", "1", "-W", "2", address)


def reload(net, text):
    write(net.server.config, text)
    net.server.castctl("reload")


@contextlib.contextmanager
def told(net, routes):
    """With these routes for everybody, and again without any."""
    reload(net, changed(net.good, ("peers {  }", f"peers {{ {routes} }}")))
    try:
        yield
    finally:
        reload(net, net.good)
        for client in net.clients:
            if client.program:
                wait_for(f"{client.name} has no pushed routes", lambda c=client: not pushed(c))
                expect(table(client) == client.before, f"it had {client.before}, has {table(client)}")


BOTH = {"10.99.0.0/16": "10.8.0.1", "fd99::/48": "fd08::1"}


# --- ordinary routes


@casttest.case("routes come with the session, by the server's address on the tap, and are shown")
def simple(net):
    for client in net.clients:
        wait_for(f"{client.name} has the routes", lambda c=client: pushed(c) == BOTH)
        expect(sorted(client.status()["routes"]) == sorted(BOTH), f"it says {client.status()['routes']}")
        expect(host_route(client) is None and host_route(client, SERVER_UNDER6) is None, "a host route for nothing")
        reaches(client, FAR4, FAR6)


@casttest.case("a reload of the server: routes come and go, for all or for one, and sessions stay")
def by_reload(net):
    one, two = net.clients
    since = {c.name: net.peers()[c.name]["since_s"] for c in net.clients}
    with told(net, 'routes = {"10.99.0.0/16"}'):
        wait_for("one of two has gone", lambda: pushed(one) == {"10.99.0.0/16": "10.8.0.1"} == pushed(two))
        own = changed(net.good, ('peer "client1" {', 'peer "client1" { routes = {"10.99.0.0/16", "fd99::/48"}'))
        reload(net, own)
        wait_for("the routes of its own", lambda: pushed(one) == BOTH and not pushed(two))
        reload(net, changed(own, ("peers {  }", 'peers { routes = {"10.98.0.0/16"} }')))
        wait_for("that of all others", lambda: pushed(two) == {"10.98.0.0/16": "10.8.0.1"} and pushed(one) == BOTH)
    expect(all(net.peers()[n]["since_s"] > s for n, s in since.items()), "a new session")


@casttest.case("pull routes = false: none, also by a reload, and again")
def refused(net):
    one = net.clients[0]
    good = read(one.config)
    with told(net, ROUTES):
        wait_for("it has the routes", lambda: pushed(one) == BOTH)
        write(one.config, f"{good}\npull {{ routes = false }}\n")
        one.castctl("reload")
        expect(not pushed(one) and one.status()["routes"] == [], f"it has {pushed(one)}")
        write(one.config, good)
        one.castctl("reload")
        expect(pushed(one) == BOTH, f"it has {pushed(one)}")


@casttest.case("other addresses of the client: its routes stay")
def addresses(net):
    one = net.clients[0]
    block = f'peer "client1" {{ address = {{"{one.addr4}", "{one.addr6}"}} }}'
    with told(net, ROUTES):
        wait_for("it has the routes", lambda: pushed(one) == BOTH)
        reload(net, changed(net.good, (block, f'peer "client1" {{ {ROUTES} address = {{"10.8.0.77", "fd08::77"}} }}')))
        wait_for("it has moved", lambda: set(one.ns.addresses(TAP)) == {"10.8.0.77/24", "fd08::77/64"})
        wait_for("it has the routes", lambda: pushed(one) == BOTH)
        reaches(one, FAR4, FAR6)
    one.wait_connected()


@casttest.case("a route that is there already is left alone, also at the end")
def taken(net):
    one = net.clients[0]
    for route in (["10.99.0.0/16", "via", "198.51.100.5"], ["192.0.2.0/24", "via", "198.51.100.5"]):
        one.ns.ip("route", "add", *route)
    mark, before = Mark(one), table(one)
    write(net.server.config, changed(net.good, ("peers {  }", f"peers {{ {ROUTES} }}")))
    net.server.castctl("reload")
    mark.wait(r"castswitch: warning: cast0: can't add route 10\.99\.0\.0/16: File exists")
    wait_for("the other one", lambda: pushed(one) == {"fd99::/48": "fd08::1"})
    reload(net, net.good)
    wait_for("it is gone", lambda: not pushed(one))
    expect(table(one) == before, f"it had {before}, has {table(one)}")
    for route in ("10.99.0.0/16", "192.0.2.0/24"):
        one.ns.ip("route", "del", route)


# --- those that cover the server


@casttest.case("everything into the tunnel: but for the server, and the underlay's default route stays")
def everything(net):
    one, two = net.clients
    with told(net, ALL):
        wait_for("client 1 has both halves", lambda: set(pushed(one)) == HALVES4 | HALVES6)
        wait_for("client 2 has both halves", lambda: set(pushed(two)) == HALVES4 | HALVES6)
        expect(host_route(one) == ("under", "198.51.100.5"), f"host route {host_route(one)}")
        expect(host_route(two, SERVER_UNDER6) == ("under", "2001:db8:2::1"),
               f"host route {host_route(two, SERVER_UNDER6)}")
        for client in net.clients:
            expect(set(client.before) < set(table(client)), f"routes {table(client)}, before {client.before}")
            reaches(client, FAR4, FAR6, "10.8.0.1", "fd08::1")
            sent = client.ns.counters(TAP)["tx_packets"]
            reaches(client, FAR4)
            expect(client.ns.counters(TAP)["tx_packets"] - sent < 10, "packets go round in the tunnel")


@casttest.case("a route to just the server is left out")
def itself(net):
    one = net.clients[0]
    mark = Mark(one)
    with told(net, f'routes = {{"{SERVER_UNDER4}/32", "10.99.0.0/16"}}'):
        mark.wait(r"castswitch: warning: route 192\.0\.2\.1/32: left out, for that is the server itself")
        wait_for("the other one", lambda: pushed(one) == {"10.99.0.0/16": "10.8.0.1"})
        reaches(one, FAR4)


@casttest.case("the client ends: the host route goes with it; it comes again: all is as before")
def ends(net):
    with told(net, ALL):
        for client in net.clients:
            wait_for(f"{client.name} has both halves", lambda c=client: set(pushed(c)) == HALVES4 | HALVES6)
            client.stop()
            expect(table(client) == client.before, f"it had {client.before}, left {table(client)}")
            client.start()
            client.wait_connected()
            wait_for(f"{client.name} has both halves", lambda c=client: set(pushed(c)) == HALVES4 | HALVES6)
            reaches(client, FAR4, FAR6)


@casttest.case("another server takes over, its address is covered as well")
def another(net):
    """The same one, by its IPv6 address."""
    two = net.clients[1]
    good = read(two.config)
    with told(net, ALL):
        two.stop()
        edit(two.config, (f'remote = {{"[{SERVER_UNDER6}]:22424"}}',
                          f'remote = {{"{SERVER_UNDER4}", "{SERVER_UNDER6}"}}'))
        two.start()
        two.wait_connected()
        wait_for("a host route to the first", lambda: host_route(two) == ("under", "198.51.100.9"))
        # From now on the first one is gone for this client.
        two.ns.ip("route", "add", "blackhole", f"{SERVER_UNDER4}/32", "metric", "7")
        net.server.ns.ip("addr", "del", f"{SERVER_UNDER4}/32", "dev", "lo")
        try:
            net.server.castctl("kick", two.name)
            wait_for("a host route to the second", lambda: host_route(two, SERVER_UNDER6), 30)
            wait_for("it is connected", lambda: two.status()["state"] == "connected", 30)
        finally:
            net.server.ns.ip("addr", "add", f"{SERVER_UNDER4}/32", "dev", "lo")
            two.ns.ip("route", "del", "blackhole", f"{SERVER_UNDER4}/32", "metric", "7")
        wait_for("none to the first any more", lambda: host_route(two) is None)
        reaches(two, FAR4, FAR6)
        write(two.config, good)
        two.stop()
        two.start()
        two.wait_connected()


def kill(client):
    """Also its helper has ended then."""
    client.kill()
    wait_for("the control socket is gone", lambda: not os.path.exists(client.socket))


@casttest.case("the client is killed: its host route stays behind, and the next start removes it")
def killed(net):
    one, two = net.clients
    with told(net, ALL):
        for client, server in ((one, SERVER_UNDER4), (two, SERVER_UNDER6)):
            wait_for(f"{client.name} has both halves", lambda c=client: set(pushed(c)) == HALVES4 | HALVES6)
            kill(client)
            expect(host_route(client, server) is not None and not pushed(client), f"{table(client)}")
    for client in net.clients:
        mark = Mark(client)
        client.start()
        mark.wait(r"castswitch: notice: removed the route to the server \S+ that was left behind")
        client.wait_connected()
        expect(table(client) == client.before, f"it had {client.before}, has {table(client)}")
        # Once is enough.
        kill(client)
        mark = Mark(client)
        client.start()
        client.wait_connected()
        expect(not mark.matching(".*left behind.*"), f"it says {mark.lines()}")
        expect(client.stop() == 0, "exit code")
        left = [name for name in os.listdir(net.dir) if name.startswith(f"{client.name}.sock")]
        expect(not left, f"it left {left}")
        client.start()
        client.wait_connected()


@casttest.case("killed, and what it wrote down is no good: a word about it, and nothing is touched")
def scribbled(net):
    one = net.clients[0]
    with told(net, ALL):
        wait_for("both halves", lambda: set(pushed(one)) == HALVES4 | HALVES6)
        kill(one)
    write(f"{one.socket}.undo", "way 192.0.2.1 dev 2\n")
    mark = Mark(one)
    one.start()
    mark.wait(re.escape(f"castswitch: warning: {one.socket}.undo: it is not understood, nothing is taken back"))
    one.wait_connected()
    expect(host_route(one) == ("under", "198.51.100.5"), f"host route {host_route(one)}")
    one.ns.ip("route", "del", f"{SERVER_UNDER4}/32")


# --- the underlay


@contextlib.contextmanager
def by_the_other(net):
    """The default route by the second underlay."""
    one = net.clients[0]
    one.ns.ip("route", "add", "default", "via", "203.0.113.1", "metric", "1")
    one.ns.ip("route", "del", "default", "via", "198.51.100.5")
    try:
        yield
    finally:
        one.ns.ip("route", "add", "default", "via", "198.51.100.5")
        one.ns.ip("route", "del", "default", "via", "203.0.113.1")


@casttest.case("another default route of the underlay: the host route and the session follow it at once")
def follows(net):
    one = net.clients[0]
    with told(net, ALL):
        wait_for("both halves", lambda: set(pushed(one)) == HALVES4 | HALVES6)
        since = net.peers()[one.name]["since_s"]
        pings = Pings(one, FAR4)
        try:
            with by_the_other(net):
                begin = time.monotonic()
                wait_for("the host route by the other", lambda: host_route(one) == (OTHER, "203.0.113.1"), 2)
                wait_for("the server sees it", lambda: net.peers()[one.name]["address"].startswith("203.0.113.2:"), 2)
                casttest.note(f"after {(time.monotonic() - begin) * 1e3:.0f} ms")
            wait_for("the host route by the first", lambda: host_route(one) == ("under", "198.51.100.5"), 2)
            wait_for("the server sees it", lambda: net.peers()[one.name]["address"].startswith("198.51.100.6:"), 2)
        finally:
            lost = pings.stop()
        # The server believes a new address only when the client has answered there.
        expect(len(lost) * PING < LOST, f"of {pings.count} pings these were lost: {lost}")
        expect(net.peers()[one.name]["since_s"] > since, "a new session")


@casttest.case("no underlay at all: nothing goes round in the tunnel; it comes back: so does the tunnel", fresh=True)
def down(net):
    one = net.clients[0]
    with told(net, ALL):
        wait_for("both halves", lambda: set(pushed(one)) == HALVES4 | HALVES6)
        one.ns.ip("link", "set", "under", "down")
        wait_for("the host route refuses", lambda: host_route(one) == (True, None), 2)
        before = one.ns.counters(TAP)
        wait_for("it has noticed", lambda: one.status()["state"] != "connected", 15)
        after = one.ns.counters(TAP)
        expect(after["tx_packets"] - before["tx_packets"] < 50, f"into the tap: before {before}, after {after}")
        one.ns.ip("link", "set", "under", "up")
        one.ns.ip("route", "replace", "default", "via", "198.51.100.5")
        one.wait_connected(45)
        expect(host_route(one) == ("under", "198.51.100.5"), f"host route {host_route(one)}")
        reaches(one, FAR4)


if __name__ == "__main__":
    casttest.main(setup)
