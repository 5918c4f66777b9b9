"""Multicast streams and those who listen to them, for castnet.

One thread, the Pump, sends and receives for all namespaces: a socket belongs to the namespace it was made in.  Arrival
times are the kernel's, so they are right even when the pump comes late; all times are CLOCK_MONOTONIC in nanoseconds.

Each datagram of a stream begins with magic, stream number, sequence number, its own length and when it was sent, so
that a receiver can tell streams apart, count what is missing and find the segments in a coalesced packet.

As a program:  casttraffic.py listen GROUP PORT [DEVICE [SOURCE]]   joins and prints what arrives each second
               casttraffic.py send GROUP PORT                       sends 10 Mbit/s until it is ended
               casttraffic.py echo ADDRESS PORT                     returns datagrams to their senders
"""

import collections
import contextlib
import errno
import itertools
import os
import select
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time

TAP = "cast0"
STREAM_PORT = 5004
STREAM_BITS = 10_000_000
STREAM_SIZE = 1316  # seven packets of an MPEG transport stream
DATAGRAM = struct.Struct("!4sIIHxxQ")
MAGIC = b"cstr"
MSEC = 1_000_000
SEC = 1_000_000_000

# Not in Python's socket module.
SO_TIMESTAMPNS_NEW = 64
SO_RCVBUFFORCE = 33
MCAST_JOIN_SOURCE_GROUP = 46
MCAST_LEAVE_SOURCE_GROUP = 47
ETH_P_ALL = 3
PACKET_OUTGOING = 4
IP_MULTICAST_ALL = 49

RECEIVE_BUFFER = 8 << 20


def now():
    return time.monotonic_ns()


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def sockaddr_storage(address):
    """As in struct group_source_req, with port 0."""
    if family_of(address) == socket.AF_INET:
        raw = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_pton(socket.AF_INET, address))
    else:
        raw = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, address), 0)
    return raw.ljust(128, b"\0")


def join(sock, group, ifindex, source=None, leave=False):
    """Makes the kernel of the socket's namespace join (or leave) a group, all of it or one source."""
    level = socket.IPPROTO_IPV6 if family_of(group) == socket.AF_INET6 else socket.IPPROTO_IP
    if source:
        option = MCAST_LEAVE_SOURCE_GROUP if leave else MCAST_JOIN_SOURCE_GROUP
        value = struct.pack("@I", ifindex).ljust(struct.calcsize("@P"), b"\0") + sockaddr_storage(group) + \
            sockaddr_storage(source)
    elif level == socket.IPPROTO_IPV6:
        option = socket.IPV6_LEAVE_GROUP if leave else socket.IPV6_JOIN_GROUP
        value = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", ifindex)
    else:
        option = socket.IP_DROP_MEMBERSHIP if leave else socket.IP_ADD_MEMBERSHIP
        value = socket.inet_pton(socket.AF_INET, group) + struct.pack("@4si", bytes(4), ifindex)
    sock.setsockopt(level, option, value)


def multicast_sender(ns, device, family, address, hops=8):
    """A UDP socket that sends multicast out of a device, from that address."""
    with ns:
        s = socket.socket(family, socket.SOCK_DGRAM)
        ifindex = socket.if_nametoindex(device)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, ifindex)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, hops)
    else:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", bytes(4), bytes(4), ifindex))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, hops)
    s.bind((address, 0))
    return s


def multicast_listener(ns, family, port):
    """A UDP socket on a port.  It has joined nothing, and gets what anybody on its host has joined."""
    s = ns.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    else:
        s.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 1)
    s.bind(("", port))
    return s


# --- the pump


class Pump(threading.Thread):
    """Add and remove things with a `fileno()` and `ready()`, and senders with `tick()` and `due`."""

    def __init__(self):
        super().__init__(name="pump", daemon=True)
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._calls = collections.deque()
        self._senders = []
        self._ending = False
        self.start()

    def run(self):
        while not self._ending:
            due = min((s.due for s in self._senders), default=None)
            wait = None if due is None else max(0, due - now()) / SEC
            for key, _ in self._selector.select(wait):
                if key.data:
                    key.data.ready()
                else:
                    self._run_calls()
            for sender in list(self._senders):
                if sender.due <= now():
                    sender.tick()
                if sender.due is None:
                    self._senders.remove(sender)

    def _run_calls(self):
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
        while self._calls:
            function, done = self._calls.popleft()
            function()
            done.set()

    def _call(self, function):
        """Runs it in the pump's thread and waits for that."""
        done = threading.Event()
        self._calls.append((function, done))
        self._wake.send(b"x")
        if not done.wait(10):
            raise RuntimeError("the pump is stuck")

    def add_reader(self, reader):
        self._call(lambda: self._selector.register(reader.socket, selectors.EVENT_READ, reader))

    def remove_reader(self, reader):
        self._call(lambda: self._selector.unregister(reader.socket))

    def add_sender(self, sender):
        self._call(lambda: self._senders.append(sender))

    def remove_sender(self, sender):
        self._call(lambda: self._senders.remove(sender) if sender in self._senders else None)

    def close(self):
        def end():
            self._ending = True

        if self.is_alive():
            self._call(end)
            self.join(10)
        self._selector.close()
        self._wake.close()
        self._woken.close()


# --- streams


class Stream:
    """Sends datagrams at a steady rate until it is stopped or has sent `packets`."""

    _numbers = itertools.count(1)
    BURST = 8  # at most so many at once when the pump came late

    def __init__(self, pump, host, group, port=STREAM_PORT, bits=STREAM_BITS, size=STREAM_SIZE, packets=None):
        self.pump = pump
        self.host = host
        self.to = (group, port)
        self.family = family_of(group)
        self.size = size
        self.packets = packets
        self.interval = size * 8 * SEC // bits
        self.number = next(self._numbers)
        self.sent = 0
        self.refused = 0  # by the kernel: no route, no interface, queue full
        self.finished = threading.Event()
        self.socket = None
        self._open()
        self.next = self.due = now()  # of the schedule, and of the next tick()
        pump.add_sender(self)

    def _open(self):
        if self.socket:
            self.socket.close()
            self.socket = None
        self.socket = multicast_sender(self.host.ns, self.host.device, self.family, self.host.addr(self.family))
        self.socket.setblocking(False)

    def tick(self):
        for _ in range(self.BURST):
            self._send()
            if self.sent == self.packets:
                self.finished.set()
                self.due = None
                return
            self.next += self.interval
            if self.next > now():
                self.due = self.next
                return
        # Later than a burst can mend: the rest follows a millisecond on, but not a whole second's worth.
        self.next = max(self.next, now() - SEC)
        self.due = now() + MSEC

    def _send(self):
        head = DATAGRAM.pack(MAGIC, self.number, self.sent & 0xffffffff, self.size, now())
        try:
            self.socket.sendto(head.ljust(self.size, b"\0"), self.to)
        except OSError as e:
            self.refused += 1
            if e.errno in (errno.ENODEV, errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.ENXIO, errno.EBADF):
                self._reopen()
            return
        except AttributeError:
            self._reopen()
            return
        self.sent += 1

    def _reopen(self):
        """The interface went away; perhaps it is back."""
        with contextlib.suppress(OSError):
            self._open()

    def wait(self):
        """Until all packets are sent."""
        seconds = self.packets * self.interval / SEC
        if not self.finished.wait(seconds * 2 + 10):
            raise RuntimeError(f"only {self.sent} of {self.packets} datagrams could be sent")
        self.close()

    def stop(self):
        self.pump.remove_sender(self)
        self.finished.set()
        self.close()

    def close(self):
        if self.socket:
            self.socket.close()


class Seen:
    """What arrived of one stream."""

    def __init__(self):
        self.numbers = set()
        self.packets = 0
        self.first = 0
        self.last = 0
        self.slowest = 0  # longest time from sendto() to arrival
        self.sources = set()

    def add(self, number, sent, arrived, source):
        if not self.packets:
            self.first = arrived
        self.packets += 1
        self.numbers.add(number)
        self.last = max(self.last, arrived)
        self.slowest = max(self.slowest, arrived - sent)
        self.sources.add(source)

    def missing(self, begin, end):
        """How many of the numbers begin..end-1 never arrived."""
        return sum(1 for n in range(begin, end) if n not in self.numbers)

    def within(self, begin, end):
        """How many arrived of begin..end-1."""
        return (end - begin) - self.missing(begin, end)


class _Reader:
    """A socket with the kernel's arrival times, read by the pump."""

    def __init__(self, pump, sock):
        self.pump = pump
        self.socket = sock
        self.seen = collections.defaultdict(Seen)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1)
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        except OSError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.setblocking(False)
        pump.add_reader(self)

    def ready(self):
        to_monotonic = time.monotonic_ns() - time.time_ns()
        for _ in range(128):
            try:
                data, ancillary, _, address = self.socket.recvmsg(65536, 64)
            except OSError:
                return
            arrived = time.monotonic_ns()
            for level, kind, value in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW):
                    sec, nsec = struct.unpack("@qq", value[:16])
                    arrived = sec * SEC + nsec + to_monotonic
            self.take(data, arrived, address)

    def take(self, data, arrived, address):
        raise NotImplementedError

    def take_payload(self, payload, arrived, source):
        while len(payload) >= DATAGRAM.size:
            magic, stream, number, size, sent = DATAGRAM.unpack_from(payload)
            if magic != MAGIC or size < DATAGRAM.size:
                return
            self.seen[stream].add(number, sent, arrived, source)
            payload = payload[size:]

    def of(self, stream):
        """What arrived of a stream so far."""
        return self.seen.get(stream.number) or Seen()

    def close(self):
        if self.socket.fileno() >= 0:
            self.pump.remove_reader(self)
            self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Receiver(_Reader):
    """A UDP socket on a port.  It has joined nothing yet, and gets what anybody on its host has joined."""

    def __init__(self, pump, host, group, port=STREAM_PORT):
        self.host = host
        self.group = group
        super().__init__(pump, multicast_listener(host.ns, family_of(group), port))

    def join(self, source=None, by_route=False):
        """Returns when (just before).  by_route: the kernel's routes decide where, not the host's device."""
        ifindex = 0 if by_route else self.host.ns.ifindex(self.host.device)
        at = now()
        join(self.socket, self.group, ifindex, source)
        return at

    def leave(self, source=None):
        ifindex = self.host.ns.ifindex(self.host.device)
        at = now()
        join(self.socket, self.group, ifindex, source, leave=True)
        return at

    def take(self, data, arrived, address):
        self.take_payload(data, arrived, address[0])


class Tapped(_Reader):
    """All that the interface of a host hands to its kernel, wanted or not: `seen` of streams, and the number of other
    frames."""

    def __init__(self, pump, host):
        with host.ns:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            s.bind((host.device, ETH_P_ALL))
        self.others = 0
        super().__init__(pump, s)

    def take(self, data, arrived, address):
        if address[2] == PACKET_OUTGOING:
            return
        before = self.others
        kind = data[12:14]
        if kind == b"\x08\x00" and data[23:24] == b"\x11":
            header = 14 + (data[14] & 15) * 4
            self.take_payload(data[header + 8:], arrived, socket.inet_ntop(socket.AF_INET, data[26:30]))
        elif kind == b"\x86\xdd" and data[20:21] == b"\x11":
            self.take_payload(data[62:], arrived, socket.inet_ntop(socket.AF_INET6, data[22:38]))
        else:
            self.others = before + 1


# --- how well the machine itself keeps time


class Reference:
    """Datagrams each 5 ms over a plain veth pair to a program that returns them.  Where these are late, nothing else on
    this machine can be on time."""

    INTERVAL = 5 * MSEC
    FAR, NEAR, PORT = "203.0.113.2", "203.0.113.1", 7

    def __init__(self, pump, net):
        self.pump = pump
        self.pings = []  # [sent, round trip or None]
        near, far = net.server.ns, net.add_namespace("reference")
        near.ip("link", "add", "ref", "type", "veth", "peer", "name", "ref", "netns", far.name)
        for ns, address in ((near, self.NEAR), (far, self.FAR)):
            ns.sysctl("ipv6/conf/ref/disable_ipv6", 1)
            ns.ip("addr", "add", f"{address}/30", "dev", "ref")
            ns.ip("link", "set", "ref", "up")
        with far:
            self.echo = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, os.path.abspath(__file__), "echo", self.FAR,
                 str(self.PORT)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
        net.closers.append(self.close)
        self.echo.stdout.readline()
        self.socket = near.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect((self.FAR, self.PORT))
        self.due = now()
        pump.add_reader(self)
        pump.add_sender(self)

    def tick(self):
        self.pings.append([now(), None])
        with contextlib.suppress(OSError):
            self.socket.send(struct.pack("@Q", len(self.pings) - 1))
        self.due = now() + self.INTERVAL

    def ready(self):
        with contextlib.suppress(OSError):
            while True:
                ping = self.pings[struct.unpack("@Q", self.socket.recv(64))[0]]
                ping[1] = now() - ping[0]

    def worst(self, begin, end):
        """Longest stall within a time, in ns: a late answer, or a late question."""
        stall, last = 0, None
        for sent, took in self.pings:
            if begin - 4 * self.INTERVAL <= sent <= end:
                stall = max(stall, now() - sent if took is None else took)
                if last:
                    stall = max(stall, sent - last - self.INTERVAL)
                last = sent
        return stall

    def close(self):
        if self.due is not None:
            self.pump.remove_sender(self)
            self.pump.remove_reader(self)
            self.socket.close()
            self.due = None
        self.echo.kill()
        self.echo.wait()
        self.echo.stdout.close()


# --- as a program


class _HereNamespace:
    """Where we are; stands in for castnet.Namespace."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    @staticmethod
    def socket(*args):
        return socket.socket(*args)

    @staticmethod
    def ifindex(device):
        return socket.if_nametoindex(device)


class _Here:
    ns = _HereNamespace()

    def __init__(self, device=TAP):
        self.device = device

    @staticmethod
    def addr(family):
        return "::" if family == socket.AF_INET6 else "0.0.0.0"


def _listen(group, port, device=TAP, source=None):
    pump = Pump()
    receiver = Receiver(pump, _Here(device), group, int(port))
    receiver.join(source)
    print(f"joined {group}, listening on port {port}", flush=True)
    before = 0
    while True:
        select.select([], [], [], 1)
        packets = sum(s.packets for s in receiver.seen.values())
        sources = sorted(set().union(*(s.sources for s in receiver.seen.values())))
        print(f"{packets - before} packets, {(packets - before) * STREAM_SIZE * 8 / 1e6:.1f} Mbit/s",
              "from " + " ".join(sources) if packets > before else "", flush=True)
        before = packets


def _send(group, port):
    stream = Stream(Pump(), _Here(), group, int(port))
    print(f"sending 10 Mbit/s to {group} port {port}", flush=True)
    stream.finished.wait()


def _echo(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, int(port)))
    print("ready", flush=True)
    while True:
        s.sendto(*s.recvfrom(2048))


def main(args):
    commands = {"listen": (_listen, 2, 4), "send": (_send, 2, 2), "echo": (_echo, 2, 2)}
    function, least, most = commands.get(args[0] if args else "", (None, 0, 0))
    if not function or not least <= len(args) - 1 <= most:
        print(__doc__[__doc__.index("As a program"):].strip(), file=sys.stderr)
        return 2
    try:
        function(*args[1:])
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
