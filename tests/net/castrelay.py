"""A castswitch network whose clients reach the server through relays (tests/net/udprelay.c), and numbered streams at
rates that are too high for Python (tests/net/udpnumbers.c).

    namespace SERVER                     namespace RELAY N                        namespace CLIENT N
      lo      192.0.2.1, 2001:db8::1       udprelay, a NAT on its way
      underN  203.0.113.(4N+1)/30  ------  far   203.0.113.(4N+2)/30
              2001:db8:aN::1/64                  2001:db8:aN::2/64
                                           lo    100.64.N.0/24, 2001:db8:bN::/64
                                             (a mapping has an address of these)
                                                 192.0.2.(100+N), 2001:db8::(100+N)
                                             (what the client has as its remote)
                                           near  198.18.N.1/24  ----------------    under  198.18.N.2/24, default route
                                                 2001:db8:cN::1/64                         2001:db8:cN::2/64
"""

import os
import select
import subprocess
import time

import castnet
from castnet import Failure, expect

DTLS, DATA, OTHERS = 1, 2, 4  # kinds that a relay can block
ALL = DTLS | DATA | OTHERS


class Tool:
    """One of our helpers in a namespace: each line that it is told is answered by one line."""

    def __init__(self, net, ns, name, *args):
        self.name = name
        with open(os.path.join(net.dir, f"{name}.log"), "ab") as log, ns:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", castnet.binary(f"tests/net/{name}"), *map(str, args)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        self._buffer = b""
        net.closers.append(self.close)
        expect(self._line() == "ready", f"{name} {args} does not start")

    def _line(self, timeout=20):
        deadline = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            if not select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise Failure(f"{self.name} does not answer")
            part = os.read(self.process.stdout.fileno(), 65536)
            if not part:
                raise Failure(f"{self.name} has ended")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def tell(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        answer = self._line()
        expect(not answer.startswith("error"), f"{self.name}: {command}: {answer}")
        return answer

    def stats(self):
        """{name: number}"""
        return {name: int(number) for name, number in (w.split("=") for w in self.tell("stats").split()[1:])}

    def close(self):
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Relay(Tool):
    """The one in front of a client; see udprelay.c for what its numbers mean."""

    def __init__(self, net, ns, near, server, sources, seed=1):
        super().__init__(net, ns, "udprelay", near, castnet.PORT, server, castnet.PORT, sources[0], seed)
        self.source = sources[0]  # of the client's mapping
        self.sources = iter(sources[1:])

    def set(self, way="both", **rules):
        self.tell(f"set {way} " + " ".join(f"{k}={v}" for k, v in rules.items()))

    def clean(self):
        """As it was at first."""
        self.set(loss=0, dup=0, reorder=0, delay=0, jitter=0, mtu=0, rate=0, block=0)
        self.tell("copy 0")

    def seed(self, number):
        self.tell(f"seed {number}")

    def rebind(self):
        """The mappings get another source address and port."""
        self.source = next(self.sources)
        self.tell(f"rebind {self.source}")

    def foreign(self):
        """An attacker with an address of its own."""
        address = next(self.sources)
        self.tell(f"foreign {address}")
        return address

    def copy(self, mode):
        self.tell(f"copy {mode}")

    def replay(self, count):
        return int(self.tell(f"replay {count}").split()[1])


class RelayedClient(castnet.Client):
    def _wire(self, over_ipv6):
        n = self.number
        self.over_ipv6 = over_ipv6
        self.relay_ns = self.net.add_namespace(f"relay{n}")
        server, relay, client = self.net.server.ns, self.relay_ns, self.ns
        server.ip("link", "add", f"under{n}", "type", "veth", "peer", "name", "far", "netns", relay.name)
        relay.ip("link", "add", "near", "type", "veth", "peer", "name", self.under, "netns", client.name)
        base = 4 * n
        self._address(server, f"under{n}", f"203.0.113.{base + 1}/30", f"2001:db8:a{n}::1/64")
        self._address(relay, "far", f"203.0.113.{base + 2}/30", f"2001:db8:a{n}::2/64")
        self._address(relay, "near", f"198.18.{n}.1/24", f"2001:db8:c{n}::1/64")
        self._address(client, self.under, f"198.18.{n}.2/24", f"2001:db8:c{n}::2/64")
        self._address(relay, "lo", f"192.0.2.{100 + n}/32", f"2001:db8::{100 + n}/128")
        self.remote = f"2001:db8::{100 + n}" if over_ipv6 else f"192.0.2.{100 + n}"
        self.sources = [f"2001:db8:b{n}::{i:x}" if over_ipv6 else f"100.64.{n}.{i}" for i in range(1, 250)]
        self._routes(f"100.64.{n}.0/24", f"203.0.113.{base + 1}", f"203.0.113.{base + 2}", f"198.18.{n}.1")
        if over_ipv6:
            relay.sysctl("ipv6/ip_nonlocal_bind", 1)
            self._routes(f"2001:db8:b{n}::/64", f"2001:db8:a{n}::1", f"2001:db8:a{n}::2", f"2001:db8:c{n}::1")
        self.relay = Relay(self.net, relay, self.remote, castnet.SERVER_UNDER6 if over_ipv6 else castnet.SERVER_UNDER4,
                           self.sources, seed=n)

    def _address(self, ns, device, v4, v6):
        if not self.over_ipv6 and device != "lo":
            ns.sysctl(f"ipv6/conf/{device}/disable_ipv6", 1)
        ns.ip("addr", "add", v4, "dev", device)
        ns.ip("link", "set", device, "up")
        if self.over_ipv6:
            ns.ip("addr", "add", v6, "dev", device, "nodad")

    def _routes(self, sources, server, far, near):
        family = "-6" if ":" in near else "-4"
        self.relay_ns.ip(family, "route", "add", "local", sources, "dev", "lo")
        self.relay_ns.ip(family, "route", "add", "default", "via", server)
        self.net.server.ns.ip(family, "route", "add", sources, "via", far)
        self.ns.ip(family, "route", "add", "default", "via", near)


class RelayedNet(castnet.Net):
    """As castnet.Net; client.relay is what its datagrams go through."""

    def make_client(self, number, over_ipv6):
        return RelayedClient(self, number, over_ipv6)


class Numbers(Tool):
    """One end of a numbered stream between two hosts' addresses in the tunnel."""

    PORT, SIZE = 5005, 1300

    def __init__(self, net, host, peer, mbit, size=SIZE, port=PORT):
        super().__init__(net, host.ns, "udpnumbers", host.addr4, port, peer.addr4, int(mbit * 1e6), size)

    def go(self):
        self.tell("go")

    def stop(self):
        self.tell("stop")

    def after(self, at):
        """When the first datagram arrived at or after that time; 0 = none did."""
        return int(self.tell(f"after {at}"))

    def gap(self, begin, end):
        """Longest time without an arrival in between, ns."""
        return int(self.tell(f"gap {begin} {end}"))

    @staticmethod
    def pair(net, one, other, mbit, back=None, **kwargs):
        """Both ends of a stream each way, or of different rates."""
        return (Numbers(net, one, other, mbit, **kwargs),
                Numbers(net, other, one, mbit if back is None else back, **kwargs))


def settled(sender, receiver):
    """What came, once a stream that has been stopped has arrived as far as it will: nothing new for a while."""
    sent = sender.stats()["sent"]
    last, since = None, time.monotonic()
    while True:
        got = receiver.stats()
        if got["end"] >= sent and got["lost"] == 0:
            return sent, got
        if got != last:
            last, since = got, time.monotonic()
        elif time.monotonic() - since > 0.5:
            return sent, got
        select.select([], [], [], 0.02)
