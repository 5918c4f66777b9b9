#!/usr/bin/env python3
"""Two clients with one name: the later replaces the earlier, or is refused while that answers."""

import contextlib
import time

import castnet
import casttest
from castnet import TAP, expect, wait_for
from castprobe import Mark, changed, edit, read, write
from casttrack import Track
from casttraffic import Pump, Stream

GROUP = "239.1.1.1"
REFUSED = "not connected: refused: name is already connected: "


def setup():
    """Client 2 is a clone of client 1, and not started yet."""
    net = castnet.Net(clients=2, peers="duplicates = replace")
    one, two = net.clients
    net.good = read(net.server.config)
    write(two.config, changed(read(one.config), (one.socket, two.socket)))
    net.pump = Pump()
    net.closers.append(net.pump.close)
    net.start_server()
    one.start()
    one.wait_connected()
    return net


def state(host):
    return host.status()["state"]


def address(net):
    """Where the one peer is, as the server sees it."""
    peers = net.server.control("peers")
    return peers[0]["address"].rsplit(":", 1)[0] if len(peers) == 1 else None


def under(client):
    return f"198.51.100.{4 * client.number + 2}"


@contextlib.contextmanager
def second(net, wait=True):
    two = net.clients[1]
    two.start()
    wait_for("the second runs", lambda: state(two))
    try:
        if wait:
            wait_for("the second is connected", lambda: state(two) == "connected")
        yield two
    finally:
        two.stop()


@casttest.case("replace: the second takes the place of the first, and the first keeps still", fresh=True)
def replace(net):
    one, two = net.clients
    server, first = Mark(net.server), Mark(one)
    with second(net):
        wait_for("the server knows", lambda: address(net) == under(two))
        expect(state(one) == "waiting", f"the first is {state(one)}")
        server.wait("castswitchd: info: client1: disconnected: replaced by a newer connection of the same name")
        first.wait(r"castswitch: warning: connection lost: the other side said goodbye: replaced by a newer connection "
                   r"of the same name; trying again in (6\d|7[0-5])\.\d s")
        begin = time.monotonic()
        wait_for("three seconds", lambda: time.monotonic() - begin > 3)
        expect(address(net) == under(two) and state(one) == "waiting", "the first has come again")


@casttest.case("what the name listened to goes on with the second", fresh=True)
def stream_goes_on(net):
    one, two = net.clients
    with Track(net.pump, one, GROUP) as receiver:
        receiver.join()
        wait_for("it is a member", lambda: one.name in net.members(GROUP))
        stream = Stream(net.pump, net.server, GROUP, bits=1_000_000)
        try:
            wait_for("the stream flows", lambda: receiver.of(stream).packets > 20)
            before = net.server.control("ports")
            with second(net):
                expect(TAP in two.ns.devices(), "no tap")
                with Track(net.pump, two, GROUP) as other:
                    other.join()
                    wait_for("the stream flows to the second", lambda: other.of(stream).packets > 20)
                    after = net.server.control("ports")
                    expect(len(after) == len(before), f"{before}, now {after}")
        finally:
            stream.stop()


@casttest.case("replace: three times within a minute, and the next is refused", fresh=True)
def too_often(net):
    one = net.clients[0]
    server = Mark(net.server)
    for _ in range(3):
        one.kill()
        one.start()
        one.wait_connected()
    server.wait("castswitchd: warning: client1: replaced 3 times within a minute: do two have this name?.*")
    client = Mark(one)
    one.kill()
    one.start()
    client.wait(f"castswitch: warning: .*{REFUSED}it was replaced 3 times within a minute; trying again in .*")
    # Who was there is dead, and is forgotten as any other; then the name is free.
    edit(net.server.config, ("peers { ", "peers { keepalive = 1s "))
    net.server.castctl("reload")
    wait_for("the dead one is forgotten, and the next let in", lambda: state(one) == "connected", 60)


@casttest.case("refuse: who answers stays, undisturbed", fresh=True)
def refuse(net):
    one, two = net.clients
    write(net.server.config, changed(net.good, ("duplicates = replace", "duplicates = refuse")))
    net.server.castctl("reload")
    age = one.status()["since_s"]
    client, server = Mark(two), Mark(net.server)
    with second(net, wait=False):
        client.wait(f"castswitch: warning: .*{REFUSED}it answers at its other address; trying again in .*")
        server.wait(f"castswitchd: warning: .* client1: {REFUSED}it answers at its other address")
        expect(state(one) == "connected" and one.status()["since_s"] > age, "the first was disturbed")
        expect(address(net) == under(one), f"the server says {net.server.control('peers')}")
        # New keys are no second client.
        edit(net.server.config, ("peers { ", "tunnel { rekey = 1s }\npeers { "))
        net.server.castctl("reload")
        keys = Mark(one)
        keys.wait(r"castswitch: info: new keys .*", 5)


@casttest.case("refuse: who is dead does not", fresh=True)
def refuse_the_dead(net):
    one, two = net.clients
    write(net.server.config, changed(net.good, ("duplicates = replace", "duplicates = refuse")))
    net.server.castctl("reload")
    one.kill()
    begin = time.monotonic()
    with second(net):
        took = time.monotonic() - begin
        casttest.note(f"connected after {took:.1f} s")
        expect(took > 1.9, "nobody asked the first")
        expect(took < 4, "that took long")
        wait_for("the server knows", lambda: address(net) == under(two))
    one.start()
    one.wait_connected()


if __name__ == "__main__":
    casttest.main(setup)
