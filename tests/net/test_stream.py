#!/usr/bin/env python3
"""Streams reach those who asked, and nobody else: by socket, by tap and by the bytes on the underlay."""

import contextlib
import socket

import castnet
import casttest
from castnet import expect, wait_for
from casttraffic import MSEC, Pump, Receiver, Reference, STREAM_SIZE, Stream, Tapped, join, now

VOLUME = 12_000_000
QUIET_BYTES = 20_000  # what else may pass an underlay interface meanwhile
LIMIT = 100 * MSEC    # from a join to the first packet, from a leave to the last


def setup():
    net = castnet.Net()
    net.pump = Pump()
    net.closers.append(net.pump.close)
    net.reference = Reference(net.pump, net)
    return net.start()


def packets(volume):
    return -(-volume // STREAM_SIZE)


@contextlib.contextmanager
def listeners(net, group, hosts):
    """{host: (socket that has not joined, all that its tap delivers)}"""
    with contextlib.ExitStack() as stack:
        yield {h: (stack.enter_context(Receiver(net.pump, h, group)), stack.enter_context(Tapped(net.pump, h)))
               for h in hosts}


@contextlib.contextmanager
def flowing(net, host, group, **kwargs):
    """An endless stream that flows by the time the block begins."""
    stream = Stream(net.pump, host, group, **kwargs)
    try:
        wait_for(f"{host.name} sends", lambda: stream.sent > 20)
        yield stream
    finally:
        stream.stop()


def settle(stream, *seen):
    """Until what was sent last has arrived."""
    for s in seen:
        wait_for(f"packet {stream.sent - 1} arrives", lambda s=s: stream.sent - 1 in s.of(stream).numbers, 2)


# --- one of three


def one_of_three(net, sender, group, bits=10_000_000):
    """Client 1 joins; every other host but the sender listens on the port without joining."""
    member, count = net.clients[0], packets(VOLUME)
    hosts = [h for h in net.hosts if h is not sender]
    with listeners(net, group, hosts) as ears:
        ears[member][0].join()
        net.wait_members(group, member)
        before = {c: c.ns.counters(c.under) for c in net.clients}
        stream = Stream(net.pump, sender, group, packets=count, bits=bits)
        stream.wait()
        settle(stream, *ears[member])
        after = {c: c.ns.counters(c.under) for c in net.clients}
        check_member(stream, count, ears[member])
        for host in hosts:
            if host is not member:
                check_bystander(stream, host, ears[host])
    net.wait_members(group)
    for client in net.clients:
        got = after[client]["rx_bytes"] - before[client]["rx_bytes"]
        casttest.note(f"{client.name}: {got} bytes came in on its underlay interface")
        if client is member:
            expect(got > VOLUME, f"{client.name} got the stream, but only {got} bytes came in: not through the tunnel")
        else:
            expect(got < QUIET_BYTES, f"{client.name}: {got} bytes came in on its underlay interface")


def check_member(stream, count, ears):
    got = ears[0].of(stream)
    expect(stream.refused == 0, f"the kernel of the sender refused {stream.refused} datagrams")
    expect(got.missing(0, count) == 0, f"the subscriber lost {got.missing(0, count)} of {count}")
    expect(got.packets == count, f"the subscriber got {got.packets} packets of {count}: some twice")


def check_bystander(stream, host, ears):
    expect(ears[0].of(stream).packets == 0, f"a socket on {host.name} got {ears[0].of(stream).packets} packets")
    expect(ears[1].of(stream).packets == 0, f"the tap of {host.name} got {ears[1].of(stream).packets} packets")


@casttest.case("IPv4, from the server: one of three has joined, 12 MB at 10 Mbit/s")
def server_to_one(net):
    one_of_three(net, net.server, "239.1.1.1")


@casttest.case("IPv4, from a client: another has joined, 12 MB")
def client_to_one(net):
    one_of_three(net, net.clients[2], "239.1.1.2", 25_000_000)


@casttest.case("IPv6, from the server: one of three has joined, 12 MB")
def server_to_one_ipv6(net):
    one_of_three(net, net.server, "ff05::1:1", 25_000_000)


@casttest.case("IPv6, from a client: another has joined, 12 MB")
def client_to_one_ipv6(net):
    one_of_three(net, net.clients[2], "ff15::1:2", 25_000_000)


@casttest.case("with snooping switched off the same counters show a flood")
def control_flood(net):
    with contextlib.closing(castnet.Net(clients=2, snooping="igmp = false mld = false").start()) as flood:
        flood.pump = net.pump
        with listeners(flood, "239.1.1.3", flood.clients) as ears:
            ears[flood.clients[0]][0].join()
            before = flood.clients[1].ns.counters("under")
            stream = Stream(net.pump, flood.server, "239.1.1.3", packets=500)
            stream.wait()
            settle(stream, *ears[flood.clients[0]], ears[flood.clients[1]][1])
            got = flood.clients[1].ns.counters("under")["rx_bytes"] - before["rx_bytes"]
            expect(got > 500 * STREAM_SIZE, f"only {got} bytes of the flood came in")
            expect(ears[flood.clients[1]][0].of(stream).packets == 0, "who did not join got packets by socket")


# --- joining and leaving while it flows


def join_and_leave(net, sender, group, source=None):
    """Client 1 joins and leaves a stream that flows, and is on time."""
    client = net.clients[0]

    def measure_join():
        with listeners(net, group, [client]) as ears:
            receiver, tapped = ears[client]
            begin = receiver.join(source)
            wait_for("the stream arrives", lambda: receiver.of(stream).packets, 5)
            first = receiver.of(stream).first
            expect(tapped.of(stream).packets, "the socket got what the tap did not")
            expect(begin < first, f"the stream came {(begin - first) / 1e6} ms before the join")
        net.wait_members(group)
        return begin, first

    def measure_leave():
        with listeners(net, group, [client]) as ears:
            receiver, tapped = ears[client]
            receiver.join(source)
            net.wait_members(group, client)
            wait_for("the stream arrives", lambda: tapped.of(stream).packets > 50, 5)
            begin = receiver.leave(source)
            wait_for("the stream ends", lambda: now() - tapped.of(stream).last > 3 * LIMIT, 5)
            # What came after is still counted: the stream goes on for others.
            sent = stream.sent
            wait_for("it goes on", lambda: stream.sent > sent + 20)
            expect(stream.sent - 1 not in tapped.of(stream).numbers, "the stream came back after the leave")
            return begin, max(begin, tapped.of(stream).last)

    with flowing(net, sender, group) as stream:
        casttest.timely("from the join to the first packet", LIMIT, measure_join, net.reference)
        casttest.timely("from the leave to the last frame", LIMIT, measure_leave, net.reference)


@casttest.case("IPv4, from the server: join and leave within 100 ms")
def timely_server(net):
    join_and_leave(net, net.server, "239.1.2.1")


@casttest.case("IPv4, from a client: join and leave within 100 ms")
def timely_client(net):
    join_and_leave(net, net.clients[2], "239.1.2.2")


@casttest.case("IPv6, from the server: join and leave within 100 ms")
def timely_server_ipv6(net):
    join_and_leave(net, net.server, "ff15::2:1")


@casttest.case("IPv6, from a client: join and leave within 100 ms")
def timely_client_ipv6(net):
    join_and_leave(net, net.clients[2], "ff05::2:2")


@casttest.case("one source only: join and leave within 100 ms")
def timely_source(net):
    join_and_leave(net, net.server, "232.1.2.3", net.server.addr4)
    join_and_leave(net, net.clients[2], "ff35::2:3", net.clients[2].addr6)


@casttest.case("who leaves does not disturb who stays")
def leave_of_another(net):
    group, (one, two) = "239.1.2.4", net.clients[:2]
    with listeners(net, group, [one, two]) as ears, flowing(net, net.server, group) as stream:
        ears[one][0].join()
        ears[two][0].join()
        net.wait_members(group, one, two)
        begin = stream.sent
        for _ in range(3):
            ears[one][0].leave()
            net.wait_members(group, two)
            ears[one][0].join()
            net.wait_members(group, one, two)
        end = stream.sent
        wait_for("the stream goes on", lambda: stream.sent > end + 50)
        settle(stream, ears[two][0])
        lost = ears[two][0].of(stream).missing(begin, end)
        expect(lost == 0, f"{two.name} lost {lost} of {end - begin} packets")


@casttest.case("a client that has just connected gets nothing it did not ask for")
def just_connected(net):
    one, _, three = net.clients
    group, unregistered = "239.1.2.5", "239.1.2.6"
    with listeners(net, group, [one]) as ears, flowing(net, net.server, group) as wanted, \
            flowing(net, net.clients[1], unregistered) as unwanted:
        ears[one][0].join()
        net.wait_members(group, one)
        three.stop()
        before = three.ns.counters(three.under)
        begin = wanted.sent, unwanted.sent
        three.start()
        three.wait_connected()
        wait_for("the streams flow on", lambda: wanted.sent > begin[0] + 500 and unwanted.sent > begin[1] + 500)
        got = three.ns.counters(three.under)["rx_bytes"] - before["rx_bytes"]
    expect(got < QUIET_BYTES, f"{got} bytes came in on its underlay interface")


# --- the server's own host, and the routes


@casttest.case("the server's host joins what a client sends, and leaves")
def to_the_server(net):
    group = "239.1.3.1"
    with listeners(net, group, [net.server]) as ears, flowing(net, net.clients[0], group) as stream:
        receiver, tapped = ears[net.server]
        expect(not tapped.of(stream).packets, "the server's tap gets what nobody joined")
        receiver.join()
        wait_for("the stream arrives", lambda: receiver.of(stream).packets > 20, 5)
        receiver.leave()
        wait_for("the stream ends", lambda: now() - tapped.of(stream).last > 3 * LIMIT, 8)


@casttest.case("a join without an interface goes into the tunnel")
def join_by_route(net):
    for group in ("239.1.3.2", "ff15::3:2"):
        with listeners(net, group, [net.clients[1]]) as ears, flowing(net, net.server, group) as stream:
            ears[net.clients[1]][0].join(by_route=True)
            wait_for(f"{group} arrives", lambda: ears[net.clients[1]][0].of(stream).packets > 20, 5)


# --- sources


def only_its_source(net, group):
    """Server and client 3 send; client 1 wants the server's only, client 2 wants both."""
    one, two, three = net.clients
    wanted = net.server.addr(socket.AF_INET6 if ":" in group else socket.AF_INET)
    with listeners(net, group, [one, two]) as ears:
        ears[one][0].join(wanted)
        net.wait_members(group, one)
        ears[two][0].join()
        net.wait_members(group, one, two)
        good = Stream(net.pump, net.server, group, packets=300)
        other = Stream(net.pump, three, group, packets=300)
        good.wait()
        other.wait()
        settle(good, ears[one][0], ears[two][0])
        settle(other, ears[two][0])
        for stream, ear, name in ((good, ears[one][0], one.name), (good, ears[two][0], two.name),
                                  (other, ears[two][0], two.name)):
            expect(ear.of(stream).missing(0, 300) == 0, f"{name} lost {ear.of(stream).missing(0, 300)} packets")
        frames = ears[one][1].of(other).packets
        expect(frames == 0, f"{one.name} got {frames} frames of a source it did not ask for")
        expect(ears[one][1].of(good).sources == {wanted}, f"wrong sources: {ears[one][1].of(good).sources}")
    net.wait_members(group)


@casttest.case("IPv4: a join of one source gets only that")
def source_ipv4(net):
    only_its_source(net, "232.1.1.1")


@casttest.case("IPv6: a join of one source gets only that")
def source_ipv6(net):
    only_its_source(net, "ff35::1:1")


@casttest.case("a second source is added to the first and taken back")
def source_changes(net):
    group, one = "232.1.1.2", net.clients[0]
    first, second = net.server, net.clients[2]
    with listeners(net, group, [one]) as ears, flowing(net, first, group) as a, flowing(net, second, group) as b:
        receiver, tapped = ears[one]
        receiver.join(first.addr4)
        wait_for("the first source arrives", lambda: receiver.of(a).packets > 20)
        expect(not tapped.of(b).packets, "the second source arrives before it was asked for")
        receiver.join(second.addr4)
        wait_for("the second source arrives", lambda: receiver.of(b).packets > 20)
        receiver.leave(second.addr4)
        wait_for("the second source ends", lambda: now() - tapped.of(b).last > 3 * LIMIT)
        expect(now() - tapped.of(a).last < 3 * LIMIT, "the first source ended, too")


@casttest.case("two sockets of one host: the stream ends with the last of them")
def two_sockets(net):
    group, one = "239.1.4.1", net.clients[0]
    with listeners(net, group, [one]) as ears, flowing(net, net.server, group) as stream:
        receiver, tapped = ears[one]
        receiver.join()
        with contextlib.closing(one.ns.socket(socket.AF_INET, socket.SOCK_DGRAM)) as second:
            join(second, group, one.ns.ifindex(castnet.TAP))
            wait_for("the stream arrives", lambda: tapped.of(stream).packets > 20)
            receiver.leave()
            count = tapped.of(stream).packets
            wait_for("the stream goes on for the second", lambda: tapped.of(stream).packets > count + 100)
        wait_for("the stream ends", lambda: now() - tapped.of(stream).last > 3 * LIMIT)


if __name__ == "__main__":
    casttest.main(setup)
