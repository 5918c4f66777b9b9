#!/usr/bin/env python3
"""The part of tools/quickstart that runs when everything is built."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "net"))
# pylint: disable=wrong-import-position
import castnet  # noqa: E402
from castnet import Failure, wait_for  # noqa: E402
from casttraffic import MSEC, STREAM_SIZE, Pump, Receiver, Stream, Tapped, now  # noqa: E402

GROUP, PORT = "239.1.1.1", 5004
VOLUME = 12_000_000
PACKETS = -(-VOLUME // STREAM_SIZE)
QUIET_BYTES = 20_000
LIMIT = 100 * MSEC
KEPT = "/run/castswitch-quickstart.json"


def say(text=""):
    print(text, flush=True)


def size(n):
    if n < 1_000_000:
        return f"{n / 1000:.1f} KB"
    return f"{n / 1_000_000:.2f} MB"


def print_table(head, rows):
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        cells = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
        say("   " + "   ".join(cells).rstrip())


class Show:
    def __init__(self, net, flood):
        self.net = net
        self.flood = flood
        self.pump = Pump()
        net.closers.append(self.pump.close)
        self.ears = {c: Receiver(self.pump, c, GROUP, PORT) for c in net.clients}
        self.subscribed = set()
        self.faults = []

    def check(self, good, text):
        if not good:
            self.faults.append(text)

    # --- joining and leaving

    def join(self, client):
        self.subscribed.add(client)
        at = self.ears[client].join()
        self.wait_known()
        return at

    def leave(self, client):
        self.subscribed.discard(client)
        at = self.ears[client].leave()
        self.wait_known()
        return at

    def wait_known(self):
        """Until the server knows of each join and leave."""
        if not self.flood:
            self.net.wait_members(GROUP, *self.subscribed)

    def timed_join(self, client):
        """How long it takes until a stream that flows arrives, in ms."""
        with self.flowing() as stream:
            heard = self.ears[client].of
            begin = self.join(client)
            wait_for(f"the stream arrives at {client.name}", lambda: heard(stream).packets, 2)
            return (heard(stream).first - begin) / MSEC

    def timed_leave(self, client):
        """How long it takes until it arrives no more, in ms; None when it does not end."""
        with self.flowing() as stream, Tapped(self.pump, client) as tapped:
            wait_for(f"the stream arrives at {client.name}", lambda: tapped.of(stream).packets, 2)
            begin = self.leave(client)
            try:
                wait_for("it ends", lambda: now() - max(begin, tapped.of(stream).last) > 2 * LIMIT, 2)
            except Failure:
                return None
            return max(0, tapped.of(stream).last - begin) / MSEC

    @contextlib.contextmanager
    def flowing(self):
        stream = Stream(self.pump, self.net.server, GROUP, PORT)
        try:
            wait_for("the server sends", lambda: stream.sent > 20)
            yield stream
        finally:
            stream.stop()

    def change_over(self, comes, goes):
        """One joins and one leaves while the stream flows; a second try forgives a busy machine."""
        took = self.timed_join(comes)
        if took > LIMIT / MSEC:
            self.leave(comes)
            took = self.timed_join(comes)
        say(f"   {comes.name} joins: the stream arrives after {took:.0f} ms")
        self.check(took <= LIMIT / MSEC, f"{comes.name} joined and waited {took:.0f} ms for the stream")
        took = self.timed_leave(goes)
        if took is not None and took > LIMIT / MSEC:
            self.join(goes)
            took = self.timed_leave(goes)
        if took is None:
            say(f"   {goes.name} leaves: the stream keeps coming")
        else:
            say(f"   {goes.name} leaves: the stream ends after {took:.0f} ms")
        self.check(took is not None and took <= LIMIT / MSEC, f"{goes.name} left, and the stream did not end in time")

    # --- measuring

    def run_streams(self, *senders):
        """12 MB from each sender at the same time."""
        before = {c: c.ns.counters(c.under) for c in self.net.clients}
        streams = [Stream(self.pump, s, GROUP, PORT, packets=PACKETS) for s in senders]
        for stream in streams:
            stream.wait()
            for client in self.subscribed - {stream.host}:
                with contextlib.suppress(Failure):
                    wait_for("the end", lambda s=stream, c=client: PACKETS - 1 in self.ears[c].of(s).numbers, 1)
        after = {c: c.ns.counters(c.under) for c in self.net.clients}
        used = {c: {k: after[c][k] - before[c][k] for k in after[c]} for c in after}
        self.show_result(streams, used)
        for client in self.net.clients:
            self.judge(client, streams, used[client]["rx_bytes"])

    def show_result(self, streams, used):
        head = ["client", "subscribed"]
        for s in streams:
            head += [f"packets from {s.host.name}", "loss"]
        head += ["underlay in", "underlay out"]
        rows = []
        for client in self.net.clients:
            row = [client.name, "yes" if client in self.subscribed else "no"]
            for s in streams:
                row += self.cells(client, s)
            rows.append(row + [size(used[client]["rx_bytes"]), size(used[client]["tx_bytes"])])
        say()
        print_table(head, rows)
        say()
        say("   $ castctl groups")
        for line in self.net.server.castctl("groups").splitlines():
            say("   " + line)
        say()

    def cells(self, client, stream):
        if client is stream.host:
            return ["(sends)", "-"]
        got = self.ears[client].of(stream)
        if client not in self.subscribed:
            return [str(got.packets), "-"]
        return [str(got.packets), f"{100 * got.missing(0, PACKETS) / PACKETS:.2f} %"]

    def judge(self, client, streams, came_in):
        for s in streams:
            got = self.ears[client].of(s)
            if client is s.host:
                continue
            if client in self.subscribed:
                lost = got.missing(0, PACKETS)
                self.check(lost == 0, f"{client.name} is subscribed and lost {lost} packets of {s.host.name}")
            else:
                self.check(got.packets == 0, f"{client.name} is not subscribed, but its socket got {got.packets} "
                                             f"packets of {s.host.name}")
        if client not in self.subscribed:
            self.check(came_in < QUIET_BYTES, f"{client.name} is not subscribed, but {size(came_in)} came in on its "
                                              f"underlay interface (allowed: {size(QUIET_BYTES)})")

    def run(self):
        one, two, three = self.net.clients
        each = f"{PACKETS} datagrams of {STREAM_SIZE} bytes at 10 Mbit/s"
        say(f"1. {one.name} joins {GROUP} through its kernel; the server sends {each}")
        self.join(one)
        self.run_streams(self.net.server)
        say("2. while the stream flows")
        self.change_over(two, one)
        say(f"   now {three.name} sends to {GROUP} as well, from client to client")
        self.run_streams(self.net.server, three)


# --- keeping it


def keep(net):
    """Leaves the network to the user, with a stream and one who listens to it."""
    tool = os.path.join(castnet.HERE, "casttraffic.py")
    argv = [sys.executable, "-B", tool]
    programs = [castnet.Program("send", [*argv, "send", GROUP, str(PORT)], net.server.ns, f"{net.dir}/send.log", True),
                castnet.Program("listen", [*argv, "listen", GROUP, str(PORT)], net.clients[1].ns,
                                f"{net.dir}/listen.log", True)]
    programs += [h.program for h in net.hosts if h.program]
    state = {"dir": net.dir, "namespaces": [ns.name for ns in net.namespaces],
             "programs": [[p.pid, started(p.pid)] for p in programs]}
    with open(KEPT, "w", encoding="utf-8") as f:
        json.dump(state, f)
    net.forget()
    ctl = f"{os.path.relpath(castnet.BUILD)}/castctl --socket"
    tool = os.path.relpath(tool)
    server, one, two = net.server, net.clients[0], net.clients[1]
    say(f"""
It all keeps running: the server sends 10 Mbit/s to {GROUP}, {two.name} listens.

  {ctl} {server.socket} groups
        who listens to what; also: status, peers, ports, fdb, drops; for a client: {one.socket}
  ip netns exec {one.ns.name} tcpdump -ni {castnet.TAP}
        what reaches {one.name} through the tunnel
  ip netns exec {one.ns.name} python3 {tool} listen {GROUP} {PORT}
        {one.name} joins, too, until Ctrl-C
  ip -s -n {one.ns.name} link show {one.under}
        bytes on its underlay interface
  ls {net.dir}
        configurations and logs

Remove it with: tools/quickstart --stop""")


def started(pid):
    """When a process was started, so that its number is not mistaken for another's; None when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def stop():
    """Removes what keep() left."""
    try:
        with open(KEPT, encoding="utf-8") as f:
            state = json.load(f)
    except FileNotFoundError:
        say("there is nothing to stop")
        return 0
    programs = [(pid, since) for pid, since in state["programs"] if started(pid) == since]
    for signum, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        for pid, since in programs:
            if started(pid) == since:
                os.kill(pid, signum)
        with contextlib.suppress(Failure):
            wait_for("all programs end", lambda: all(started(p) != since for p, since in programs), seconds)
    for name in state["namespaces"]:
        subprocess.run(["ip", "netns", "del", name], check=False)
    shutil.rmtree(state["dir"], ignore_errors=True)
    os.unlink(KEPT)
    say("stopped and removed")
    return 0


# --- all of it


def show(flood, keeping):
    say()
    say("castswitch: a server, three clients with their own tunnels"
        + (", and snooping switched OFF, as in OpenVPN" if flood else ""))
    net = castnet.Net(snooping="igmp = false mld = false" if flood else "", detach=keeping)
    try:
        it = Show(net, flood)
        net.start()
        for _, p in sorted(net.peers().items()):
            say(f"   {p['name']} is connected from {p['address']} ({p['aead']})")
        say()
        it.run()
        for ear in it.ears.values():
            ear.close()
        faults = it.faults
    except (Failure, OSError, RuntimeError) as e:
        faults = [str(e)]
        for line in net.logs(20):
            say("   " + line)
    for fault in faults:
        say(f"   {fault}")
    if flood:
        say("   This was --flood: without snooping a client gets everything, asked for or not.")
    say("FAIL" if faults else "PASS")
    if keeping:
        keep(net)
    return 1 if faults else 0


def main(args):
    if "--stop" in args:
        return stop()
    keeping, flood = "--keep" in args, "--flood" in args
    if keeping and os.path.exists(KEPT):
        say("something is kept already: tools/quickstart --stop removes it")
        return 1
    reason = castnet.prepare()
    if keeping and os.environ.get(castnet.INSIDE):
        reason = "--keep needs root"
    if reason:
        say(f"FAIL: {reason}")
        return 1
    castnet.clean_up_at_exit()
    try:
        return show(flood, keeping)
    except (Failure, OSError) as e:
        say(f"FAIL: {e}")
        return 1
    except KeyboardInterrupt:
        say("\ninterrupted; removing everything")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
