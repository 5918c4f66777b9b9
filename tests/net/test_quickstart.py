#!/usr/bin/env python3
"""tools/quickstart: it passes, fails without snooping, and leaves nothing behind, also when it is interrupted."""

import contextlib
import glob
import os
import re
import signal
import subprocess
import sys

import castnet
import casttest
from castnet import expect, wait_for

SCRIPT = os.path.join(castnet.TOP, "tools", "quickstart.py")


class Quickstart:
    """A run of it, with its output in a file."""

    def __init__(self, net, *args):
        self.log = os.path.join(net.dir, "quickstart.log")
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen([sys.executable, "-B", SCRIPT, *args], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT)

    def output(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def wait(self, timeout):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            raise castnet.Failure(f"not done after {timeout} s:\n{self.output()}") from None

    def check_gone(self):
        """What it makes carries its process id, and its programs live in that."""
        pid = self.process.pid
        left = [f for f in os.listdir("/run/netns") if re.match(rf"cs{pid}\b", f)]
        left += glob.glob(f"/tmp/castswitch-{pid}-*")
        expect(not left, f"left behind: {left}")


def rows(text):
    """[{client: its row}] for each table."""
    tables = re.split(r"(?m)^ +client +subscribed.*$", text)[1:]
    return [{m[1]: m[0].split() for m in re.finditer(r"(?m)^ +(client\d) .*$", t.split("$ castctl")[0])}
            for t in tables]


@casttest.case("it shows two tables and says PASS")
def passes(net):
    q = Quickstart(net)
    code = q.wait(90)
    text = q.output()
    expect((code, text.splitlines()[-1]) == (0, "PASS"), f"exit code {code}:\n{text}")
    first, second = rows(text)
    expect(first["client1"][1:4] == ["yes", "9119", "0.00"], f"first table: {first}")
    expect(first["client2"][1:3] == ["no", "0"] and first["client3"][1:3] == ["no", "0"], f"first table: {first}")
    expect(second["client1"][1:3] == ["no", "0"] and second["client2"][1:6] == ["yes", "9119", "0.00", "%", "9119"],
           f"second table: {second}")
    expect(re.search(r"239\.1\.1\.1 +client1 .*\n(.*\n)*.*239\.1\.1\.1 +client2 ", text), f"castctl groups:\n{text}")
    q.check_gone()


@casttest.case("--flood says FAIL, because everybody gets everything")
def flood(net):
    q = Quickstart(net, "--flood")
    code = q.wait(90)
    text = q.output()
    expect((code, text.splitlines()[-1]) == (1, "FAIL"), f"exit code {code}:\n{text}")
    expect("client2 is not subscribed, but 13." in text, text)
    for row in (rows(text)[0]["client2"], rows(text)[0]["client3"]):
        expect(row[2] == "0", f"a socket that did not join got packets: {row}")
    q.check_gone()


def interrupted(net, signum):
    q = Quickstart(net)
    try:
        wait_for("the stream begins", lambda: "1. client1 joins" in q.output())
    finally:
        q.process.send_signal(signum)
    code = q.wait(20)
    expect(code == 128 + signum, f"exit code {code}")
    expect("PASS" not in q.output(), q.output())
    q.check_gone()


@casttest.case("Ctrl-C cleans up")
def ctrl_c(net):
    interrupted(net, signal.SIGINT)


@casttest.case("SIGTERM cleans up")
def sigterm(net):
    interrupted(net, signal.SIGTERM)


if __name__ == "__main__":
    casttest.main(lambda: castnet.Net(clients=0))
