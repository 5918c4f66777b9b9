#!/usr/bin/env python3
"""Many clients: what a peer costs, that the memory comes back, and that a server with nothing to do does nothing."""

import os
import subprocess

import castnet
import casttest
from castnet import expect, wait_for
from castprobe import cpu_seconds, edit, memory, sanitized, wait_seconds

COUNT = 500
SOURCES = "10.77.0.0"     # /16: each client has an address of its own
BEYOND_SWITCH = 8 * 1024  # bytes a peer may cost besides its port of the switch
KEPT = 0.05               # of the memory after the first round
ROUNDS = 3
FEW = 16                  # tests/net/manypeers has so many handshakes at a time
IDLE = 5.0                # seconds of measuring


class Many:
    """tests/net/manypeers in client 1's place: COUNT clients without taps."""

    def __init__(self, net, count=COUNT):
        one = net.clients[0]
        self.net, self.count = net, count
        with open(os.path.join(net.dir, "manypeers.log"), "ab") as log, one.ns:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", castnet.binary("tests/net/manypeers"), net.pki,
                 castnet.SERVER_UNDER4, str(castnet.PORT), str(count), SOURCES], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log, text=True, bufsize=1, start_new_session=True)
        net.closers.append(self.close)

    def tell(self, command):
        self.process.stdin.write(f"{command}\n")
        answer = self.process.stdout.readline().split()
        expect(len(answer) > 1 and int(answer[1]) == self.count, f"{command}: {answer}")
        return answer

    def up(self):
        seconds = float(self.tell("up")[2])
        wait_for(f"{self.count} peers", lambda: len(self.net.peers()) == self.count)
        return seconds

    def down(self, command="down"):
        self.tell(command)
        wait_for("no peers", lambda: self.net.server.status()["peers"] == 0)

    def close(self):
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def setup():
    net = castnet.Net(clients=1)
    # They have no addresses, so that nothing is measured but sessions; and they are quiet.
    edit(net.server.config, ("peers {  }", "peers { multicast-route = false }"))
    net.start_server()
    one = net.clients[0]
    one.ns.ip("route", "add", "local", f"{SOURCES}/16", "dev", "lo")
    net.server.ns.ip("route", "add", f"{SOURCES}/16", "via", "198.51.100.6")
    return net


def sizes():
    return {name: int(n) for name, n in
            (line.split() for line in castnet.run(castnet.binary("tests/net/printsizes")).splitlines())}


@casttest.case(f"{COUNT} sessions: memory of a peer, memory after they are gone, and idle")
def many(net):
    """A handshake takes 50 KB while it lasts, which a peer does not cost: some clients come and go first, as many at a
    time as later, so that this is there already."""
    pid = net.server.program.pid
    net.server.status()
    casttest.note(f"at the start: {told(pid)}")
    few = Many(net, FEW)
    few.up()
    few.down()
    few.close()
    begin = memory(pid)
    casttest.note(f"after {FEW} clients: {told(pid)}")
    clients = Many(net)
    up, down = [], []
    for i in range(ROUNDS):
        took = clients.up()
        casttest.note(f"round {i + 1}: {COUNT} connected in {took:.1f} s: {told(pid)}")
        up.append(memory(pid))
        if i == 0:
            idle(net, pid)
        clients.down()
        casttest.note(f"round {i + 1}: all gone: {told(pid)}")
        down.append(memory(pid))
    if sanitized(pid):
        raise castnet.Skip("memory of a program with sanitizers says nothing")
    switch = sizes()["switch-port"]
    each = (sum(up[0]) - sum(begin)) / COUNT
    casttest.note(f"a peer: {each:.0f} bytes, {switch} of which are its port of the switch (struct sw_port), so "
                  f"{each - switch:.0f} beyond; its session (struct session) has {sizes()['session']}")
    for i in range(1, ROUNDS):
        was, is_ = sum(down[0]), sum(down[i])
        expect(abs(is_ - was) <= KEPT * was, f"after round {i + 1} it has {is_} bytes, after the first {was}")
    expect(each - switch < BEYOND_SWITCH, f"a peer costs {each - switch:.0f} bytes beyond its port of the switch")


def told(pid):
    anonymous, files = memory(pid)
    return f"{anonymous / 1024:.0f} KiB of its own, {files / 1024:.0f} KiB of files"


def idle(net, pid):
    """Keepalives of 500 peers are all there is to do."""
    before = cpu_seconds(pid)
    wait_seconds(IDLE)
    used = (cpu_seconds(pid) - before) / IDLE
    casttest.note(f"idle with {COUNT} peers: {used * 100:.1f} % of a CPU")
    expect(used < 0.05 or sanitized(pid), f"it uses {used * 100:.1f} % of a CPU")


@casttest.case(f"{COUNT} clients that are gone without a word: forgotten after three keepalives", fresh=True)
def gone(net):
    edit(net.server.config, ("peers { multicast-route", "peers { keepalive = 2s multicast-route"))
    net.server.castctl("reload")
    clients = Many(net)
    clients.up()
    clients.down("drop")


if __name__ == "__main__":
    casttest.main(setup)
