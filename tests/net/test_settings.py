#!/usr/bin/env python3
"""Settings of the programs that no other network test is about, each with another value than its default."""

import re

import castnet
import casttest
from castnet import SERVER_UNDER4, TAP, expect, wait_for
from castprobe import PRIVILEGE, Mark, changed, expect_end, read, write


def setup():
    return castnet.Net(clients=1).start()


def mtu(host):
    return host.ns.ip_json("link", "show", "dev", TAP)[0]["mtu"]


def with_client(net, *changes):
    """The client started again with another profile."""
    client = net.clients[0]
    client.stop()
    write(client.config, changed(read(client.config), *changes))
    client.start()
    return client


@casttest.case("listen: one address and another port", fresh=True)
def listen(net):
    net.stop_programs()
    write(net.server.config, changed(read(net.server.config), (f"port = {castnet.PORT}", "port = 22999"),
                                     ('address = {"0.0.0.0", "::"}', f'address = {{"{SERVER_UNDER4}"}}')))
    net.start_server()
    now = net.server.status()["listen"]
    expect(now == [f"{SERVER_UNDER4}:22999"], f"it listens on {now}")
    client = net.clients[0]
    write(client.config, re.sub(r"(?m)^remote = .*$", f'remote = {{"{SERVER_UNDER4}:22999"}}', read(client.config)))
    client.start()
    client.wait_connected()


@casttest.case("a client's own MTU, and addresses besides those that it is given", fresh=True)
def own(net):
    client = with_client(net, (f'tap "{TAP}" {{', f'switch {{ mtu = 1300 }}\npull {{ mtu = false }}\ntap "{TAP}" {{\n'
                               'address = {"10.8.0.77/24"}\n'))
    client.wait_connected()
    expect(mtu(client) == 1300 and mtu(net.server) == 1400, f"MTU {mtu(client)}, server {mtu(net.server)}")
    expect(set(client.ns.addresses(TAP)) == {"10.8.0.77/24", *client.addresses},
           f"addresses {client.ns.addresses(TAP)}")
    client.ns.run("ping", "-c", "1", "-W", "2", net.server.addr4)


@casttest.case("a client whose tap is made a port of a bridge is no endpoint when it connects the next time", fresh=True)
def bridged(net):
    client = net.clients[0]
    client.wait_connected()
    expect(net.peers()[client.name]["endpoint"], "it was one before")
    client.ns.ip("link", "add", "br0", "up", "type", "bridge", "mcast_snooping", "0")
    client.ns.ip("link", "set", TAP, "master", "br0")
    net.server.control("kick", name=client.name)
    wait_for("it is back", lambda: client.name in net.peers() and not net.peers()[client.name]["endpoint"])


PORTS = list(range(9, 17))  # where nobody is


def tried(net, how):
    """The ports of remotes in the order in which the client finds nobody there."""
    client = net.clients[0]
    mark = Mark(client)
    client.start()
    try:
        pattern = rf"castswitch: warning: {re.escape(SERVER_UNDER4)}:(\d+): not connected: .*"
        lines = wait_for(f"all remotes are tried ({how})", lambda: len(mark.matching(pattern)) >= len(PORTS) and
                         mark.matching(pattern), 60)
        return [int(re.fullmatch(pattern, line)[1]) for line in lines[:len(PORTS)]]
    finally:
        client.kill()


@casttest.case("remote-order: one after the other, or random", fresh=True)
def order(net):
    client = net.clients[0]
    client.stop()
    text = re.sub(r"(?m)^remote = .*$", "remote = {" + ", ".join(f'"{SERVER_UNDER4}:{p}"' for p in PORTS) + "}",
                  read(client.config))
    write(client.config, text)
    expect(tried(net, "order") == PORTS, "they are not tried in their order")
    write(client.config, f"remote-order = random\n{text}")
    once = tried(net, "random")
    # The order of the file is one of 40,320.
    expect(sorted(once) == PORTS and (once != PORTS or tried(net, "random") != PORTS), f"tried in the order {once}")


@casttest.case("a client that is only to tell of errors", fresh=True)
def quiet(net):
    mark = Mark(net.clients[0])
    with_client(net, ("control {", "log { level = error }\ncontrol {")).wait_connected()
    lines = [line for line in mark.lines() if "SIGTERM" not in line and "nobody asks" not in line]
    expect(not lines, f"it says {lines}")


@casttest.case("a client's user that does not exist", fresh=True)
def user(net):
    client = net.clients[0]
    path = write(f"{net.dir}/user.conf", f'switch {{ user = "nobody-here" }}\n{read(client.config)}')
    client.stop()
    expect_end(net, PRIVILEGE, re.compile(r"castswitch: user 'nobody-here' does not exist .*\n"),
               "castswitch", "--config", path, ns=client.ns)


if __name__ == "__main__":
    casttest.main(setup)
