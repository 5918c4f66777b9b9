#!/usr/bin/env python3
"""Bad paths, through a seeded relay: a client connects in time though datagrams are lost, and a session lives with
loss, reordering and duplication without delivering anything twice.

Ten seeds and ten seconds; with CASTSWITCH_TEST_ALL=1 a hundred seeds and a minute.
"""

import os
import time

import castnet
import casttest
from castnet import expect, wait_for
from castprobe import Mark, drops, wait_seconds
from castrelay import Numbers, RelayedNet, settled

ALL = bool(os.environ.get("CASTSWITCH_TEST_ALL"))
SEEDS = 100 if ALL else 10
SECONDS = 60 if ALL else 10
SOON, LATE = 3, 10  # seconds: for 95 of 100, and for all
MBIT = 8


def setup():
    net = RelayedNet(clients=2, over_ipv6=(2,))
    net.start_server()
    return net


# --- connecting


def connect_once(net, client, seed):
    """Seconds from the start of the program to the server's configuration on its tap."""
    client.relay.clean()
    client.relay.seed(seed)
    client.relay.set(loss=5)
    begin = time.monotonic()
    client.start()
    client.wait_connected(LATE + 5)
    took = time.monotonic() - begin
    client.relay.clean()
    client.stop()
    wait_for(f"the server has forgotten {client.name}", lambda: client.name not in net.peers())
    return took


@casttest.case(f"5 % loss: of {SEEDS} relay seeds 95 % connect within {SOON} s and all within {LATE} s")
def connecting(net):
    took = {}
    for seed in range(1, SEEDS + 1):
        took[seed] = connect_once(net, net.clients[seed % 2], seed)
    lost = sum(c.relay.stats()[f"{way}_lost"] for c in net.clients for way in ("up", "down"))
    inorder = sorted(took.values())
    late = {seed: round(t, 2) for seed, t in took.items() if t > SOON}
    casttest.note(f"{lost} datagrams were lost; seconds: median {inorder[len(inorder) // 2]:.2f}, longest "
                  f"{inorder[-1]:.2f}")
    expect(lost > 0, "the relay lost nothing")
    expect(len(late) <= SEEDS * 5 // 100, f"later than {SOON} s, by seed: {late}")
    expect(inorder[-1] < LATE, f"later than {LATE} s: {late}")


@casttest.case("the first ClientHello is lost: sent again after 250 ms")
def first_lost(net):
    client = net.clients[0]
    client.relay.clean()
    out, blocked = (client.relay.stats()[f"up_{n}"] for n in ("out", "blocked"))
    client.relay.set("up", block=7)
    client.start()
    wait_for("the first datagram is lost", lambda: client.relay.stats()["up_blocked"] > blocked)
    begin = time.monotonic()
    client.relay.set("up", block=0)
    wait_for("it comes again", lambda: client.relay.stats()["up_out"] > out, 2)
    took = time.monotonic() - begin
    client.wait_connected()
    client.stop()
    wait_for(f"the server has forgotten {client.name}", lambda: client.name not in net.peers())
    casttest.note(f"sent again after {took * 1e3:.0f} ms")
    expect(0.1 < took < 0.7, f"sent again after {took * 1e3:.0f} ms instead of 250")


# --- a session


def lossy_session(net, client):
    """Both ways between a client and the server's own tap."""
    relay = client.relay
    relay.clean()
    client.start()
    client.wait_connected()
    marks = [Mark(client), Mark(net.server)]
    before = net.peers()[client.name]
    with Numbers(net, client, net.server, MBIT) as up, Numbers(net, net.server, client, MBIT) as down:
        relay.seed(client.number)
        relay.set(loss=1, reorder=5, dup=2, delay=5, jitter=2, hold=20)
        up.go()
        down.go()
        wait_seconds(SECONDS)
        up.stop()
        down.stop()
        results = {"up": settled(up, down), "down": settled(down, up)}
    path = relay.stats()
    after = net.peers()[client.name]
    relay.clean()
    for way, (sent, got) in results.items():
        casttest.note(f"{client.name} {way}: the relay lost {path[way + '_lost']}, doubled "
                      f"{path[way + '_duplicated']} and held back {path[way + '_reordered']} of {path[way + '_in']}; "
                      f"of {sent} sent {got['lost']} lost, {got['overtaken']} overtaken, {got['twice']} twice")
        for what in ("lost", "duplicated", "reordered"):
            expect(path[f"{way}_{what}"] > 0, f"nothing was {what} {way}")
        expect(got["twice"] == 0, f"{way}: {got['twice']} of {sent} were delivered twice")
        expect(got["overtaken"] > 0, f"{way}: what was held back was not delivered")
        # What the relay lost, and nothing else; it may have lost keepalives, too.
        expect(got["lost"] + sent - got["end"] <= path[f"{way}_lost"] + path[f"{way}_errors"] + got["full"],
               f"{way}: lost {got['lost']} of {sent}, but the relay only {path[way + '_lost']}")
    for mark in marks:
        expect(not mark.matching(r".*connected.*"), f"{mark.host.name} says {mark.lines()}")
    expect(after["since_s"] > before["since_s"] + SECONDS - 1, f"the session is another one: {before}, {after}")
    expect(drops(net.server).get((client.name, "replay"), 0) > 0, f"no replays were counted: {drops(net.server)}")
    client.stop()


@casttest.case(f"1 % loss, 5 % reordering, duplication for {SECONDS} s: nothing twice, nothing torn down")
def session(net):
    lossy_session(net, net.clients[0])


@casttest.case("the same over IPv6")
def session_ipv6(net):
    lossy_session(net, net.clients[1])


if __name__ == "__main__":
    casttest.main(setup)
