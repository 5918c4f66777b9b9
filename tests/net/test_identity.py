#!/usr/bin/env python3
"""Who a client is, and for how long: fingerprints without any CA, leases by name, the same name from two places, the
end of a certificate."""

import re

import castnet
import casttest
from castnet import SERVER_NAME, TAP, expect, wait_for
from castprobe import DATE, Certificate, Mark, changed, client_config, identity, pki, read, write


def setup():
    return castnet.Net(clients=2).start()


def restarted(net):
    net.stop_programs()
    return net.start()


@casttest.case("fingerprints on both sides and no CA at all: the name is the title of the peer block", fresh=True)
def pinned(net):
    server = Certificate(net, "fp-server", "anything", ca=None)
    keys = [Certificate(net, f"fp-{c.name}", "anybody") for c in net.clients]
    text = read(net.server.config)
    block = re.search(r"identity \{.*?\n\}\n", text, re.S).group(0)
    text = text.replace(block, identity(server.crt, server.key, ""))
    for client, key in zip(net.clients, keys):
        peer = f'peer "{client.name}" {{ '
        text = changed(text, (peer, f'{peer}fingerprint = "{key.fingerprint()}" '))
        block = identity(key.crt, key.key, "", f'fingerprints = {{"{server.fingerprint()}"}}')
        write(client.config, client_config(net, client, block))
    write(net.server.config, text)
    restarted(net)
    expect(sorted(net.peers()) == sorted(c.name for c in net.clients), f"peers are {sorted(net.peers())}")
    for client in net.clients:
        expect(set(client.ns.addresses(TAP)) == set(client.addresses), f"{client.name} has {client.ns.addresses(TAP)}")


def start_leased(net, client):
    """Until it has on its tap what the server says."""
    client.start()
    wait_for(f"{client.name} has its lease", lambda: client.name in net.peers() and
             set(net.peers()[client.name]["addresses"]) == set(client.ns.addresses(TAP)))


@casttest.case("the pool gives a name the same address again, whoever comes between", fresh=True)
def leases(net):
    one, two = net.clients
    text = re.sub(r'peer "client\d" \{.*\}\n', "", read(net.server.config))
    write(net.server.config, changed(text, ("peers {  }", 'peers { lease-file = "" pool = {"10.8.0.64/29", "fd08::/64"} }')))
    net.stop_programs()
    net.start_server()
    for client in net.clients:
        start_leased(net, client)
    had = {c.name: net.peers()[c.name]["addresses"] for c in net.clients}
    expect(sorted(a for row in had.values() for a in row) ==
           ["10.8.0.65/24", "10.8.0.66/24", "fd08::2/64", "fd08::3/64"], f"addresses {had}")
    for client in net.clients:
        client.stop()
    wait_for("both are gone", lambda: not net.peers())
    for client in (two, one):
        start_leased(net, client)
    expect(had == {c.name: net.peers()[c.name]["addresses"] for c in net.clients}, f"addresses {net.peers()}")
    one.ns.run("ping", "-c", "1", "-W", "2", had[two.name][0].partition("/")[0])


@casttest.case("the same name from elsewhere takes over; the replaced one is told and waits", fresh=True)
def takeover(net):
    one, two = net.clients
    told = Mark(one)
    two.stop()
    socket = f'control {{ socket = "{two.socket}" }}\n'
    mine = read(two.config)
    write(two.config, re.sub(r"control \{.*\}\n", socket, read(one.config)))
    two.start()
    wait_for("the second is connected", lambda: two.status()["state"] == "connected")
    wait_for("one peer of that name, from the second's address",
             lambda: list(net.peers()) == [one.name] and one.status()["state"] != "connected")
    line = told.wait(r"castswitch: warning: connection lost: the other side said goodbye: .*; trying again in "
                     r"(\d+)\.\d s")
    expect("replaced" in str(line) or "another" in str(line) or "elsewhere" in str(line), f"told {line}")
    net.server.ns.run("ping", "-c", "1", "-W", "2", one.addr4)
    write(two.config, mine)


# --- the end of a certificate


SHORT = 8  # seconds


@casttest.case("a client whose certificate ends is told so then, and stays out; others stay", fresh=True)
def client_ends(net):
    one, two = net.clients
    one.stop()
    cert = Certificate(net, "short", one.name, "eku=clientAuth", f"ends={SHORT}")
    write(one.config, client_config(net, one, identity(cert.crt, cert.key, pki(net, "ca.crt"),
                                                       f'server-name = "{SERVER_NAME}"')))
    server, client = Mark(net.server), Mark(one)
    since = net.peers()[two.name]["since_s"]
    one.start()
    one.wait_connected()
    says = rf"certificate has expired: certificate of 'client1' has expired on {DATE}"
    server.wait(f"castswitchd: info: client1: disconnected: {says}", SHORT + 5)
    client.wait(rf"castswitch: warning: connection lost: the other side said goodbye: {says}; trying again in .*")
    client.wait(r"castswitch: warning: \S+: not connected: peer sent alert: certificate expired; trying again in .*")
    expect(net.peers().keys() == {two.name} and net.peers()[two.name]["since_s"] > since, f"peers {net.peers()}")


@casttest.case("a server whose certificate ends is left then; with a new one and a reload it is found again",
               fresh=True)
def server_ends(net):
    one, two = net.clients
    two.stop()
    net.server.stop()
    files = pki(net, "server.crt"), pki(net, "server.key")
    good = [read(f) for f in files]
    cert = Certificate(net, "short", SERVER_NAME, "eku=serverAuth", f"san=DNS:{SERVER_NAME}", f"ends={SHORT}")
    for path, text in zip(files, (read(cert.crt), read(cert.key))):
        write(path, text)
    net.start_server()
    one.wait_connected()
    server, client = Mark(net.server), Mark(one)
    says = rf"certificate has expired: certificate of '{SERVER_NAME}' has expired on {DATE}"
    client.wait(f"castswitch: warning: connection lost: {says}; trying again in .*", SHORT + 5)
    server.wait(f"castswitchd: info: client1: disconnected: the other side said goodbye: {says}")
    client.wait(rf"castswitch: warning: \S+: not connected: certificate of '{SERVER_NAME}' has expired on {DATE}; .*")
    for path, text in zip(files, good):
        write(path, text)
    net.server.castctl("reload")
    one.wait_connected()
    two.start()
    two.wait_connected()


def end_of(path):
    """Of a certificate, as the status shows it."""
    out = castnet.run("openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in", path)
    return out.partition("=")[2].strip().replace(" ", "T")


@casttest.case("the status shows our own certificate, and warns of its end, 30 days before", fresh=True)
def own(net):
    one = net.clients[0]
    shown = net.server.status()["identity"]
    expect(shown["name"] == SERVER_NAME and shown["expires"] == end_of(pki(net, "server.crt")), f"{shown}")
    expect("warning" not in shown and re.fullmatch("[0-9A-F]+", shown["serial"]), f"{shown}")
    expect(one.status()["identity"]["name"] == one.name, f"{one.status()}")
    c = Certificate(net, "ending", one.name, "eku=clientAuth", f"ends={30 * 86400 + 10}")
    mark = Mark(one)
    write(one.config, client_config(net, one, identity(read(c.crt), read(c.key), read(pki(net, "ca.crt")),
                                                       f'server-name = "{SERVER_NAME}"')))
    one.castctl("reload")
    shown = one.status()["identity"]
    expect(shown["expires"] == end_of(c.crt) and "warning" not in shown, f"{shown}")
    expect(not mark.matching(".*expires.*"), f"{mark.lines()}")
    says = f"our certificate expires on {end_of(c.crt)[:10]}"
    wait_for("the status warns", lambda: one.status()["identity"].get("warning") == says, 15)
    expect(re.search(rf"(?m)^identity\.warning +{says}$", one.castctl("status")), one.castctl("status"))
    one.castctl("reload")
    mark.wait(f"castswitch: warning: {says}")


if __name__ == "__main__":
    casttest.main(setup)
