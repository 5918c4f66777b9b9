#!/usr/bin/env python3
"""New keys beside the running session: nobody notices, and when they can't be had, the old ones go on."""

import contextlib

import castnet
import casttest
from castnet import SERVER_NAME, expect, wait_for
from castprobe import Certificate, Mark, changed, client_config, identity, pki, read, write
from casttrack import Track
from casttraffic import Pump, Stream

GROUPS = ("239.1.1.1", "239.1.1.2")
FAST = 100_000_000
REKEYS = 5


def setup():
    """Keys serve 2 s; clients of a longer time go by the server's, client 3 by its own."""
    net = castnet.Net(clients=3, extra="tunnel { rekey = 2s }")
    net.own = Certificate(net, "own", net.clients[1].name, "eku=clientAuth")
    block = identity(net.own.crt, net.own.key, pki(net, "ca.crt"), f'server-name = "{SERVER_NAME}"')
    net.good = client_config(net, net.clients[1], block)
    write(net.clients[1].config, net.good)
    net.pump = Pump()
    net.closers.append(net.pump.close)
    return net.start()


def keys(host, who=None):
    """How often there were new ones, by its log."""
    text = f"info: {who}: new keys" if who else "info: new keys"
    return sum(1 for line in host.program.output().splitlines() if text in line)


@contextlib.contextmanager
def streaming(net, sender, member, group, bits):
    with Track(net.pump, member, group) as receiver:
        receiver.join()
        net.wait_members(group, member)
        stream = Stream(net.pump, sender, group, bits=bits)
        try:
            wait_for("the stream flows", lambda: receiver.of(stream).packets > 50, 5)
            yield stream, receiver
        finally:
            stream.stop()


def undisturbed(net, sender, member, group, bits, during):
    """Nothing of a stream is lost, doubled or overtaken meanwhile."""
    with streaming(net, sender, member, group, bits) as (stream, receiver):
        begin = max(receiver.of(stream).numbers)
        during()
        end = stream.sent
        wait_for("the last of it is there", lambda: max(receiver.of(stream).numbers) >= end - 1, 5)
        seen = receiver.of(stream)
        casttest.note(f"{end - begin} datagrams, {seen.missing(begin, end)} missing, {receiver.overtaken} overtaken, "
                      f"{receiver.copies} twice")
        expect(seen.missing(begin, end) == 0, f"{seen.missing(begin, end)} of {end - begin} datagrams are missing")
        expect(receiver.overtaken == receiver.copies == 0, "some came twice or late")


def rekeys(net, client, count=REKEYS):
    """Waits for so many."""
    before, told = keys(client), keys(net.server, client.name)
    wait_for(f"{client.name} has new keys {count} times", lambda: keys(client) >= before + count, 4 * count)
    wait_for("the server, too", lambda: keys(net.server, client.name) >= told + count, 2)


def ages(net):
    return {c.name: net.peers()[c.name]["since_s"] for c in net.clients}


@casttest.case("100 Mbit/s down, with new keys every 2 s")
def down(net):
    one = net.clients[0]
    before = ages(net)
    undisturbed(net, net.server, one, GROUPS[0], FAST, lambda: rekeys(net, one))
    after = ages(net)
    expect(all(after[name] > before[name] for name in before), f"sessions are new: {before} {after}")


@casttest.case("100 Mbit/s up")
def up(net):
    undisturbed(net, net.clients[0], net.server, GROUPS[1], FAST, lambda: rekeys(net, net.clients[0]))


@casttest.case("what has been counted goes on, and nobody was told or asked anything")
def nobody_notices(net):
    one = net.clients[0]
    with streaming(net, net.server, one, GROUPS[0], 1_000_000):
        marks = Mark(net.server), Mark(one)
        row = net.peers()[one.name]
        joined = net.members(GROUPS[0])
        rekeys(net, one, 2)
        after = net.peers()[one.name]
        for counter in ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes"):
            expect(after[counter] > row[counter], f"{counter} went from {row[counter]} to {after[counter]}")
        expect(after["addresses"] == row["addresses"] and net.members(GROUPS[0]) == joined, f"{row}, now {after}")
        for mark in marks:
            odd = [line for line in mark.lines() if "new keys" not in line]
            expect(not odd, f"somebody has noticed: {odd}")


@casttest.case("a client's own interval, and its reload")
def own_interval(net):
    two = net.clients[1]
    write(two.config, changed(net.good, ("control {", f"tunnel {{ rekey = 3s }}\ncontrol {{")))
    two.castctl("reload")
    rekeys(net, two, 1)  # the server's is the shorter one
    write(two.config, changed(net.good, ("control {", "tunnel { rekey = 1s }\ncontrol {")))
    two.castctl("reload")
    before = keys(two)
    wait_for("four in 5 s", lambda: keys(two) >= before + 4, 5)


@casttest.case("without a certificate that is believed there are no new keys, and the old ones go on")
def refused(net):
    two = net.clients[1]
    ca = Certificate(net, "otherca", "Another CA", "ca")
    bad = Certificate(net, "bad", two.name, "eku=clientAuth", ca=ca.prefix)
    own, key = read(net.own.crt), read(net.own.key)
    with streaming(net, net.server, two, GROUPS[0], 1_000_000) as (stream, receiver):
        write(net.own.crt, read(bad.crt))
        write(net.own.key, read(bad.key))
        mark, age = Mark(two), ages(net)[two.name]
        write(two.config, net.good)
        two.castctl("reload")
        mark.wait(r"castswitch: warning: no new keys: .*; trying again in \d+\.\d s", 10)
        begin = stream.sent
        mark.wait(r"castswitch: warning: no new keys: .*; trying again in \d+\.\d s", 15)
        end = stream.sent
        wait_for("the last of it is there", lambda: max(receiver.of(stream).numbers) >= end - 1, 5)
        expect(receiver.of(stream).missing(begin, end) == 0, "datagrams are missing")
        expect(receiver.copies == receiver.overtaken == 0, "some came twice or late")
        write(net.own.crt, own)
        write(net.own.key, key)
        two.castctl("reload")
        rekeys(net, two, 2)
        expect(ages(net)[two.name] > age, "it is a new session")


if __name__ == "__main__":
    casttest.main(setup)
