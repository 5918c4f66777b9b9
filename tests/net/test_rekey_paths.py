#!/usr/bin/env python3
"""New keys every 2 s on paths that are full, bad, cut off or moving: the session and its streams go on.  (For what is
asked for and told see test_rekey.py.)"""

import contextlib
import os
import time

import castnet
import casttest
from castnet import expect, wait_for
from castprobe import Mark, edit, wait_seconds
from castrelay import DTLS, Numbers, RelayedNet, settled
from casttraffic import now

ALL = bool(os.environ.get("CASTSWITCH_TEST_ALL"))
SECONDS = 60 if ALL else 10
REKEY = 2
FULL = (100, 50, 20, 10)  # Mbit/s each way: the most of these that this machine carries without a loss
MBIT = 8
VERIFY = 60  # bytes of a HelloVerifyRequest


def setup():
    net = RelayedNet(clients=1, extra=f"tunnel {{ rekey = {REKEY}s }}")
    return net.start()


def keys(net):
    """How often there were new ones, as the client and the server say."""
    one = net.clients[0]
    return (sum("info: new keys" in line for line in one.program.output().splitlines()),
            sum(f"info: {one.name}: new keys" in line for line in net.server.program.output().splitlines()))


def wait_keys(net, count, timeout):
    before = keys(net)
    wait_for(f"new keys {count} times", lambda: all(k >= b + count for k, b in zip(keys(net), before)), timeout)


@contextlib.contextmanager
def same_session(net, but="new keys"):
    """Nobody says anything else."""
    one = net.clients[0]
    marks = [Mark(one), Mark(net.server)]
    begin, at = net.peers()[one.name]["since_s"], time.monotonic()
    yield
    end = net.peers()[one.name]["since_s"]
    expect(abs(end - begin - (time.monotonic() - at)) < 1, f"the session of {begin} s is one of {end} s")
    for mark in marks:
        odd = [line for line in mark.lines() if but not in line and ": moved from" not in line]
        expect(not odd, f"{mark.host.name} says {odd}")


@contextlib.contextmanager
def flowing(net, mbit):
    """(name, sender, receiver) of a stream each way."""
    one = net.clients[0]
    with Numbers(net, one, net.server, mbit) as up, Numbers(net, net.server, one, mbit) as down:
        ways = (("up", up, down), ("down", down, up))
        for _, sender, _ in ways:
            sender.go()
        for way, _, receiver in ways:
            wait_for(f"the stream flows {way}", lambda r=receiver: r.stats()["received"] > 100)
        yield ways


def ended(ways):
    """{way: (sent, what came of it)}"""
    for _, sender, _ in ways:
        sender.stop()
    return {way: settled(sender, receiver) for way, sender, receiver in ways}


def lost(sent, got):
    return sent - (got["received"] - got["twice"])


def in_order(results):
    for way, (sent, got) in results.items():
        expect(got["twice"] == 0, f"{way}: {got['twice']} of {sent} came twice")
        expect(got["overtaken"] == 0, f"{way}: {got['overtaken']} of {sent} were overtaken")


def set_rekey(net, time_):
    """By a reload, which tells the clients."""
    begin, end = "tunnel { rekey = ", " }"
    with open(net.server.config, encoding="utf-8") as f:
        old = f.read().partition(begin)[2].partition(end)[0]
    edit(net.server.config, (begin + old + end, begin + time_ + end))
    net.server.castctl("reload")


def carries(net, mbit):
    """Whether this machine does so without a loss while keys stay."""
    with flowing(net, mbit) as ways:
        wait_seconds(3)
        return all(lost(*result) == 0 for result in ended(ways).values())


@casttest.case(f"as much as this machine carries, both ways at once, for {SECONDS} s: nothing lost, nothing overtaken")
def full(net):
    set_rekey(net, "1h")
    mbit = next((m for m in FULL if carries(net, m)), None)
    if not mbit:
        raise castnet.Skip(f"this machine loses of {FULL[-1]} Mbit/s each way without new keys, too")
    set_rekey(net, f"{REKEY}s")
    with same_session(net), flowing(net, mbit) as ways:
        before = keys(net)
        wait_seconds(SECONDS)
        results = ended(ways)
        count = keys(net)[1] - before[1]
    casttest.note(f"{mbit} Mbit/s each way, {count} times new keys: " +
                  ", ".join(f"{lost(*r)} of {r[0]} {way} lost" for way, r in results.items()))
    expect(count >= SECONDS // REKEY - 2, f"there were new keys only {count} times")
    in_order(results)
    for way, result in results.items():
        expect(lost(*result) <= result[1]["full"], f"{way}: {lost(*result)} of {result[0]} lost")


@casttest.case("handshakes don't get through: the session works, and has new keys when they do again")
def cut_off(net):
    one = net.clients[0]
    mark = Mark(one)
    wait_keys(net, 1, 3 * REKEY)
    with same_session(net, but="new keys"), flowing(net, MBIT) as ways:
        one.relay.set(block=DTLS)
        try:
            for _ in range(2):
                mark.wait(r"castswitch: warning: no new keys: .*; trying again in [\d.]+ s", 20)
                mark = Mark(one)
        finally:
            one.relay.clean()
        wait_keys(net, 2, 30)
        results = ended(ways)
    blocked = one.relay.stats()["up_blocked"]
    casttest.note(f"{blocked} datagrams of handshakes were lost; " +
                  ", ".join(f"{sent} {way}, {lost(sent, got)} lost" for way, (sent, got) in results.items()))
    expect(blocked > 0, "no handshake was tried")
    in_order(results)
    for way, (sent, got) in results.items():
        expect(lost(sent, got) <= got["full"], f"{way}: {lost(sent, got)} of {sent} lost")


@casttest.case(f"1 % loss, 5 % reordering, duplication for {SECONDS} s: nothing twice, nothing else lost")
def bad_path(net):
    one = net.clients[0]
    with same_session(net), flowing(net, MBIT) as ways:
        before, relayed = keys(net), one.relay.stats()
        one.relay.set(loss=1, reorder=5, dup=2, delay=10, jitter=5, hold=30)
        try:
            wait_seconds(SECONDS)
            results, path = ended(ways), one.relay.stats()
        finally:
            one.relay.clean()
        count = keys(net)[1] - before[1]
    casttest.note(f"new keys {count} times; " + ", ".join(
        f"{way}: the path lost {path[way + '_lost'] - relayed[way + '_lost']}, the stream {lost(*r)} of {r[0]}"
        for way, r in results.items()))
    expect(count >= SECONDS // REKEY - 3, f"there were new keys only {count} times")
    for way, (sent, got) in results.items():
        expect(got["twice"] == 0, f"{way}: {got['twice']} of {sent} came twice")
        expect(got["overtaken"] > 0, f"{way}: nothing was overtaken, so this shows nothing")
        expect(lost(sent, got) <= path[f"{way}_lost"] - relayed[f"{way}_lost"] + got["full"],
               f"{way}: {lost(sent, got)} of {sent} lost")


@casttest.case("a NAT that forgets the client again and again meanwhile: no handshake but those for keys")
def moving(net):
    one = net.clients[0]
    with same_session(net), flowing(net, MBIT) as ways:
        before = keys(net)
        end = time.monotonic() + SECONDS
        moves = 0
        while time.monotonic() < end:
            one.relay.rebind()
            stats = wait_for("an answer by the new path", lambda: (s := one.relay.stats())["first_down"] and s, 5)
            wait_for("the stream is back", lambda s=stats: ways[1][2].after(s["first_down"]), 5)
            moves += 1
            wait_seconds(0.35)  # so that moves and new keys meet in every way
        count = keys(net)[1] - before[1]
        results = ended(ways)
    casttest.note(f"{moves} moves, {count} times new keys")
    expect(count >= SECONDS // REKEY - 3, f"there were new keys only {count} times")
    in_order(results)
    sent, got = results["up"]
    casttest.note(f"up: {lost(sent, got)} of {sent} lost")
    expect(lost(sent, got) <= got["full"], f"up: {lost(sent, got)} of {sent} lost")


@casttest.case("what was recorded under old keys comes to nothing")
def recorded(net):
    """Of handshakes, too: anybody gets a HelloVerifyRequest for a ClientHello, and there it ends."""
    one = net.clients[0]
    with same_session(net), flowing(net, MBIT) as ways:
        one.relay.foreign()
        home = net.peers()[one.name]["address"]
        for _ in range(3):
            before = one.relay.stats()["up_in"]
            wait_for("more datagrams", lambda b=before: one.relay.stats()["up_in"] > b + 200)
            wait_keys(net, 1, 3 * REKEY)
            count = one.relay.replay(1000)
            at = now()
            wait_for("the stream goes on", lambda a=at: ways[0][2].after(a))
            expect(count >= 200, f"only {count} datagrams were replayed")
            expect(net.peers()[one.name]["address"] == home, f"it is at {net.peers()[one.name]['address']} now")
        results = ended(ways)
    stats = one.relay.stats()
    casttest.note(f"{stats['foreign_up']} replayed, {stats['foreign_down']} answers")
    expect(stats["foreign_down_max"] <= VERIFY, f"an answer had {stats['foreign_down_max']} bytes")
    in_order(results)


if __name__ == "__main__":
    casttest.main(setup)
