#!/usr/bin/env python3
"""Name servers that the server pushes: handed to a stand-in of resolvectl, which says what it was called with, and taken
back.  The client is one that calls the stand-in; that and nothing else is different from castswitch."""

import contextlib
import os
import re

import castnet
import casttest
from castnet import TAP, expect, wait_for
from castprobe import Mark, Pings, changed, read, write

DNS = 'dns = {"10.8.0.1", "fd08::1"} dns-domains = {"corp.example.org", "~."}'
SET = [f"dns {TAP} 10.8.0.1 fd08::1", f"domain {TAP} corp.example.org ~."]
BACK = [f"revert {TAP}"]
SERVERS = ["10.8.0.1", "fd08::1"]


class Resolvectl:
    """Appends its arguments to a file, and whether the interface is there."""

    def __init__(self, net):
        self.path, self.log = os.path.join(net.dir, "resolvectl"), os.path.join(net.dir, "resolvectl.log")
        self.script("")

    def script(self, more):
        write(self.log, "")
        write(self.path, f"""#!/bin/sh
ip link show dev $2 >/dev/null 2>&1 || echo "no $2:" >>{self.log}
echo "$@" >>{self.log}
{more}
""")
        os.chmod(self.path, 0o700)

    def calls(self):
        return read(self.log).splitlines()

    def take(self, want, timeout=5):
        """Until it was called so, and with nothing else."""
        wait_for(f"resolvectl is called with {want}", lambda: self.calls()[:len(want)] == want, timeout)
        expect(self.calls() == want, f"resolvectl was called with {self.calls()}")
        write(self.log, "")


def setup():
    """net.good is the server's configuration without name servers."""
    net = castnet.Net(clients=1)
    net.good = read(net.server.config)
    net.resolvectl = Resolvectl(net)
    os.environ["CASTNET_RESOLVECTL"] = net.resolvectl.path
    net.clients[0].binary = "tests/net/castswitch_dns"
    return net.start()


def reload(net, *changes):
    write(net.server.config, changed(net.good, *changes))
    net.server.castctl("reload")


@contextlib.contextmanager
def told(net, dns=DNS):
    """With these name servers for everybody, and again without any."""
    reload(net, ("peers {  }", f"peers {{ {dns} }}"))
    try:
        yield net.clients[0]
    finally:
        reload(net)


def servers(client):
    return client.status()["dns"]


# --- set and taken back


@casttest.case("they come with a reload of the server, change, and go; the session stays")
def by_reload(net):
    since = net.peers()["client1"]["since_s"]
    with told(net) as one:
        net.resolvectl.take(SET)
        expect(servers(one) == SERVERS, f"it says {servers(one)}")
        # The same once more is nothing new.
        reload(net, ("peers {  }", f"peers {{ {DNS} keepalive = 5s }}"))
        reload(net, ("peers {  }", 'peers { dns = {"192.0.2.53"} }'))
        net.resolvectl.take([f"dns {TAP} 192.0.2.53", f"domain {TAP} "])
        reload(net, ('peer "client1" {', 'peer "client1" { dns = {"10.8.0.2"} dns-domains = {"one.example.org"}'))
        net.resolvectl.take([f"dns {TAP} 10.8.0.2", f"domain {TAP} one.example.org"])
    net.resolvectl.take(BACK)
    expect(servers(one) == [], f"it says {servers(one)}")
    expect(net.peers()["client1"]["since_s"] > since, "a new session")


@casttest.case("pull dns = false: taken back by a reload, and set again")
def refused(net):
    with told(net) as one:
        good = read(one.config)
        net.resolvectl.take(SET)
        write(one.config, f"{good}\npull {{ dns = false }}\n")
        one.castctl("reload")
        net.resolvectl.take(BACK)
        write(one.config, good)
        one.castctl("reload")
        net.resolvectl.take(SET)
    net.resolvectl.take(BACK)


@casttest.case("the client ends: taken back while there is an interface; it comes again: they are set")
def ends(net):
    with told(net) as one:
        net.resolvectl.take(SET)
        expect(one.stop() == 0, "exit code")
        net.resolvectl.take(BACK, 0)
        one.start()
        one.wait_connected()
        net.resolvectl.take(SET)
        # A new session with the same server is nothing new.
        net.server.castctl("kick", one.name)
        one.wait_connected()
    net.resolvectl.take(BACK)


@casttest.case("the client is killed: the next start takes them back")
def killed(net):
    with told(net) as one:
        net.resolvectl.take(SET)
        one.kill()
        wait_for("the helper has ended", lambda: not os.path.exists(one.socket))
    expect(net.resolvectl.calls() == [], f"resolvectl was called with {net.resolvectl.calls()}")
    mark = Mark(one)
    one.start()
    mark.wait("castswitch: notice: took back name servers that were left behind")
    net.resolvectl.take(BACK)
    one.wait_connected()


# --- when that is not possible


@casttest.case("no resolvectl: a line says what is not set")
def missing(net):
    one = net.clients[0]
    os.rename(net.resolvectl.path, f"{net.resolvectl.path}.away")
    mark = Mark(one)
    try:
        with told(net):
            mark.wait("castswitch: warning: the server names name servers " + re.escape(
                f"(10.8.0.1, fd08::1 for corp.example.org ~.), but there is no {net.resolvectl.path} to set them"))
            expect(servers(one) == [], f"it says {servers(one)}")
    finally:
        os.rename(f"{net.resolvectl.path}.away", net.resolvectl.path)
    one.stop()
    one.start()
    one.wait_connected()
    expect(net.resolvectl.calls() == [], f"resolvectl was called with {net.resolvectl.calls()}")


@casttest.case("a resolvectl that fails is a line in the log")
def fails(net):
    one = net.clients[0]
    net.resolvectl.script('echo "no resolved here" >&2; exit 1')
    mark = Mark(one)
    with told(net):
        mark.wait("no resolved here")
        mark.wait(re.escape(f"castswitch: warning: {net.resolvectl.path}: exit status 1"))
    wait_for("all calls", lambda: net.resolvectl.calls() == SET + BACK)
    net.resolvectl.script("")


@casttest.case("a resolvectl that takes its time delays nothing")
def slow(net):
    net.resolvectl.script("sleep 0.5")
    with Pings(net.clients[0], net.server.addr4, limit_ms=400):
        with told(net):
            wait_for("it is called", net.resolvectl.calls)
        wait_for("all calls", lambda: net.resolvectl.calls() == SET + BACK)
    net.resolvectl.script("")


if __name__ == "__main__":
    casttest.main(setup)
