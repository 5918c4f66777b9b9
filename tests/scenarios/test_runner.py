#!/usr/bin/env python3
"""The scenario runner itself: what must fail does, at the right line and with the right words."""

import os
import subprocess
import sys
import tempfile

RUNNER = os.path.join(os.environ.get("top_builddir", "."), "tests", "scenarios", "scn")

SETUP = """switch igmp-address=10.0.0.254 mld=off
port eth0 nic
port alice peer
port bob peer
ignore queries
settle 40s
rx alice igmp2-report 239.1.1.1 src=10.0.0.2
"""
FIRST = SETUP.count("\n") + 1  # the line of a case's own first line

# name, the lines behind SETUP, then None for a scenario that passes, or (line counted from 0, what is printed)
CASES = [
    ("a sound one", "rx eth0 udp > 239.1.1.1 => alice", None),
    ("an expectation by itself", "rx eth0 udp > 239.1.1.1\nexpect alice udp > 239.1.1.1", None),
    ("sent but not expected", "rx eth0 udp > 239.1.1.1\nafter 1s", (0, "expect-at 40s alice udp 10.0.0.1 > 239.1.1.1")),
    ("sent but not expected, at the end", "rx eth0 udp > 239.1.1.1", (0, "more was sent than expected")),
    ("one port too few", "rx eth0 arp > 10.0.0.9 => alice", (0, "'bob' got the frame")),
    ("one port too many", "rx eth0 udp > 239.1.1.1 => alice,bob", (0, "'bob' did not get the frame")),
    ("nobody but somebody", "rx eth0 udp > 239.1.1.1 => nobody", (0, "'alice' got the frame")),
    ("expected but not sent", "rx eth0 udp > 239.1.1.2\nexpect alice udp > 239.1.1.2", (1, "was sent nothing more")),
    ("another group", "rx eth0 udp > 239.1.1.1\nexpect alice udp > 239.1.1.2", (1, "was sent something else")),
    ("another source", "rx eth0 udp > 239.1.1.1\nexpect alice udp 10.0.0.7 > 239.1.1.1", (1, "something else")),
    ("another size", "rx eth0 udp > 239.1.1.1\nexpect alice udp > 239.1.1.1 size=99", (1, "something else")),
    ("another number", "rx eth0 udp > 239.1.1.1 seq=4\nexpect alice udp > 239.1.1.1 seq=5", (1, "something else")),
    ("another MAC", "rx eth0 udp > 239.1.1.1\nexpect alice udp > 239.1.1.1 from=10.0.0.9", (1, "something else")),
    ("not a batch", "rx eth0 udp > 239.1.1.1 repeat=3\nexpect alice udp > 239.1.1.1 repeat=4", (1, "nothing more")),
    ("another time", "ignore none\nrx alice igmp2-leave 239.1.1.1 src=10.0.0.2\nexpect-after 1ms alice igmp-query "
     "group=239.1.1.1", (2, "at another time")),
    ("another absolute time", "ignore none\nrx alice igmp2-leave 239.1.1.1 src=10.0.0.2\nexpect-at 41s alice igmp-query "
     "group=239.1.1.1", (2, "at another time")),
    ("a query with sources is no group query", "ignore none\nrx alice igmp2-leave 239.1.1.1 src=10.0.0.2\n"
     "expect alice igmp-query group=239.1.1.1 sources=10.9.9.1", (2, "something else")),
    ("a group query is no general one", "ignore none\nrx alice igmp2-leave 239.1.1.1 src=10.0.0.2\n"
     "expect alice igmp-query", (2, "something else")),
    ("the S flag counts", "ignore none\nrx alice igmp2-leave 239.1.1.1 src=10.0.0.2\n"
     "expect alice igmp-query group=239.1.1.1 s-flag", (2, "something else")),
    ("max-resp counts", "ignore none\nrx alice igmp2-leave 239.1.1.1 src=10.0.0.2\n"
     "expect alice igmp-query group=239.1.1.1 max-resp=2s", (2, "something else")),
    ("the records of a report count", "reconfigure-port eth0 router=always\nrx alice igmp3-report src=10.0.0.2 "
     "{ is_in 239.1.1.1 10.9.9.1 }\nexpect eth0 igmp3-report { is_in 239.1.1.1 10.9.9.2 }", (2, "something else")),
    ("mode of a group", "group 239.1.1.1 alice include", (0, "there is: 239.1.1.1 alice exclude")),
    ("sources of a group", "group 239.1.1.1 alice exclude sources=10.9.9.1", (0, "the groups are not so")),
    ("blocked sources left out", "rx bob igmp3-report src=10.0.0.3 { is_ex 239.1.1.1 10.9.9.1 }\n"
     "group 239.1.1.1 bob exclude", (1, "blocked=10.9.9.1")),
    ("a source's timer", "rx bob igmp3-report src=10.0.0.3 { is_in 239.1.1.1 10.9.9.1 }\n"
     "group 239.1.1.1 bob include sources=10.9.9.1@301s", (1, "sources=10.9.9.1@300s")),
    ("a group's timer", "group 239.1.1.1 alice exclude expires=301s", (0, "expires=300s")),
    ("hosts of a group", "group 239.1.1.1 alice exclude hosts=10.0.0.3", (0, "hosts=02:04:0a:00:00:02")),
    ("one host too few", "group 239.1.1.1 alice exclude hosts=none", (0, "the groups are not so")),
    ("version of a group", "group 239.1.1.1 alice exclude version=3", (0, "version=2")),
    ("a group that is not there", "group 239.1.1.1 bob exclude", (0, "the groups are not so")),
    ("a group that is there", "no-group 239.1.1.1", (0, "there is such a group")),
    ("more groups than named", "groups\nend", (1, "there are more groups")),
    ("groups at all", "groups none", (0, "there are groups")),
    ("groups without end", "groups\n239.1.1.1 alice exclude", (1, "the 'end' of the groups is missing")),
    ("an address elsewhere", "fdb 10.0.0.2 bob", (0, "the MAC is at 'alice'")),
    ("an unknown address", "fdb 10.0.0.9 bob", (0, "the MAC is not known")),
    ("a known address", "no-fdb 10.0.0.2", (0, "the MAC is at 'alice'")),
    ("a drop that did not happen", "drops alice runt=1", (0, "runt=0")),
    ("a drop that is not named", "rx eth0 udp > 239.1.1.2\ndrops eth0", (1, "unregistered=1")),
    ("no router port", "router alice", (0, "is no router port")),
    ("a router port", "rx eth0 igmp-query src=10.0.0.3 => alice,bob\nno-router eth0", (1, "is a router port")),
    ("another querier", "querier igmp 10.0.0.1", (0, "the querier is self 10.0.0.254")),
    ("an event that was not", "after 1s\nevent leave alice 239.1.1.1", (1, "there was no such event")),
    ("an event that was", "after 300s\nno-event", (1, "event leave alice 239.1.1.1")),
    ("counts", "counts groups=2", (0, "groups=1")),
    ("a frame held for nobody", "hold udp > 239.1.1.1", (0, "no rx follows")),
    ("the past", "at 39s", (0, "that is past")),
    ("an unknown command", "frobnicate", (0, "there is no command 'frobnicate'")),
    ("an unknown option", "port carol peer fast=on", (0, "there is no option 'fast=on'")),
    ("an unknown choice", "port carol peer fast-leave=maybe", (0, "'maybe' is none of auto|on|off")),
    ("an unknown port", "rx carol udp > 239.1.1.1", (0, "there is no port 'carol'")),
    ("a port twice", "port alice peer", (0, "port 'alice'")),
    ("an unknown frame", "rx eth0 tcp > 239.1.1.1", (0, "'tcp' is no kind of frame")),
    ("words too many", "no-group 239.1.1.9 alice bob", (0, "what is 'bob'?")),
    ("no duration", "after 3", (0, "'3' is not a duration")),
    ("records without end", "rx alice igmp3-report { is_in 239.1.1.1", (0, "the } of the records is missing")),
    ("a line after a joined one", "drops \\\nalice\nfrobnicate", (2, "there is no command")),
    ("only comments", "# nothing\n   # at all\n", None),
]


def run(path):
    done = subprocess.run([RUNNER, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def fault(path, want):
    """What is wrong with the runner's answer, or None."""
    code, said = run(path)
    if want is None:
        return None if (code, said) == (0, "") else f"exit status {code}: {said}"
    line, words = want
    if code != 1:
        return f"exit status {code}: {said}"
    if not said.startswith(f"{path}:{FIRST + line}: ") or words not in said:
        return f"wanted line {FIRST + line} and {words!r}: {said}"
    return None


def directory_fault():
    """A directory speaks TAP, in order, one line a file."""
    with tempfile.TemporaryDirectory() as tree:
        for name, text in (("b.scn", "frobnicate\n"), ("a.scn", SETUP), ("c.txt", "no scenario\n")):
            with open(os.path.join(tree, name), "w", encoding="utf-8") as f:
                f.write(text)
        code, said = run(tree)
    lines = said.splitlines()
    if code != 1 or lines[:3] != ["1..2", "ok 1 - a.scn", "not ok 2 - b.scn"] or "b.scn:1: " not in lines[3]:
        return f"exit status {code}: {said}"
    return None


def main():
    results = []
    with tempfile.TemporaryDirectory() as tree:
        path = os.path.join(tree, "case.scn")
        for name, text, want in CASES:
            with open(path, "w", encoding="utf-8") as f:
                f.write(SETUP + text + "\n")
            results.append((name, fault(path, want)))
        code, said = run(os.path.join(tree, "none.scn"))
        results.append(("no such file", None if code == 1 and "No such file" in said else said))
    results.append(("a directory", directory_fault()))

    print(f"1..{len(results)}")
    for number, (name, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        if wrong:
            print("".join(f"# {line}\n" for line in wrong.splitlines()), end="")
    return 1 if any(wrong for _, wrong in results) else 0


if __name__ == "__main__":
    sys.exit(main())
