#!/usr/bin/env python3
"""castctl against a fake program: every command as text and as JSON, what it says when something is wrong, exit codes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

UTC = {**os.environ, "TZ": "UTC"}
CASTCTL = os.path.join(os.environ.get("top_builddir") or ".", "castctl")

STATUS = {
    "program": "castswitchd", "version": "0.1.0", "uptime_s": 12.34, "peers": 3,
    "querier": {"igmp": {"state": "querier", "address": "10.8.0.1"}, "mld": {"state": "off"}},
    "listen": ["0.0.0.0:22424", "[::]:22424"], "tap": {"name": "cast0", "mtu": 1400}, "ready": True,
    "nics": [{"name": "eth1", "present": True}, {"name": "eth2", "present": False}],
    "vlans": [{"vlan": 100, "querier": {"igmp": {"state": "off"}}}], "nothing": [],
}
PEERS = [
    {"name": "alice", "address": "192.0.2.7:4711", "state": "established", "since_s": 59.4, "aead": "aes-256-gcm",
     "endpoint": True, "software": "castswitch 0.1.0", "rx_packets": 1, "rx_bytes": 1023, "tx_packets": 2,
     "tx_bytes": 1536, "addresses": ["10.8.0.20/24", "fd08::20/64"]},
    {"name": "bob", "address": "[2001:db8::9]:22", "state": "handshake", "since_s": 93784, "endpoint": False,
     "software": "evil \u001b[31m", "rx_packets": 0, "rx_bytes": 5 * 1024 ** 3, "tx_packets": 0, "tx_bytes": 0,
     "addresses": []},
]
GROUPS = [
    {"vlan": 0, "group": "239.1.1.1", "port": "alice", "mode": "exclude", "static": False,
     "sources": [{"source": "10.0.0.9", "state": "forward", "expires_s": 12.0},
                 {"source": "10.0.0.8", "state": "blocked"}],
     "expires_s": 259.1, "version": 3,
     "hosts": [{"mac": "02:00:00:00:00:01", "ip": "10.8.0.20", "mode": "exclude", "sources": [], "version": 3,
                "age_s": 1.2},
               {"mac": "02:00:00:00:00:02", "mode": "exclude", "sources": ["10.0.0.8", "10.0.0.7"], "version": 3,
                "age_s": 61},
               {"mac": "02:00:00:00:00:03", "ip": "fe80::1", "mode": "include", "sources": ["10.0.0.9", "10.0.0.6"],
                "version": 3, "age_s": 0}]},
    {"vlan": 0, "group": "239.1.1.2", "port": "cast0", "mode": "exclude", "sources": [], "expires_s": 9, "version": 1,
     "hosts": [{"mac": "02:00:00:00:00:01", "ip": "10.8.0.20", "mode": "exclude", "sources": [], "version": 1,
                "age_s": 1.2}]},
    {"vlan": 0, "group": "239.1.1.3", "port": "eth1", "mode": "include", "static": True, "version": 3, "hosts": [],
     "sources": [{"source": "10.0.0.9", "state": "forward"},
                 {"source": "10.0.0.10", "state": "forward", "expires_s": 3700}]},
    {"vlan": 0, "group": "ff05::1:3", "port": "cast0", "mode": "include", "sources": [], "hosts": [], "version": 1},
    {"vlan": 0, "group": "ff05::1:4", "port": "cast0", "mode": "include", "sources": [], "hosts": [], "version": 2},
]
EVENTS = [
    {"event": "join", "time_s": 1795446187.123, "vlan": 0, "port": "alice", "group": "239.1.1.1",
     "mac": "02:00:00:00:00:01"},
    {"event": "leave", "time_s": 1795446187.9996, "vlan": 100, "port": "site.example.org", "group": "ff05::1:3"},
    {"event": "router", "time_s": 1795446188, "vlan": 0, "port": "eth1"},
    {"event": "no-router", "time_s": 1795446188.05, "vlan": 7, "port": "eth1"},
    {"event": "querier", "time_s": 1795446189, "vlan": 0, "family": "igmp", "state": "querier", "address": "10.8.0.1"},
    {"event": "querier", "time_s": 1795446189, "vlan": 0, "family": "mld", "state": "non-querier",
     "address": "fe80::1", "port": "eth1"},
    {"event": "querier", "time_s": 1795446189, "vlan": 5, "family": "mld", "state": "off"},
    {"event": "lost", "time_s": 1795446190, "count": 12},
    {"event": "of a later version", "port": "evil \u001b[31m", "mac": 7},
]
EVENTS_TEXT = """\
15:03:07.123  join       alice            239.1.1.1        02:00:00:00:00:01
15:03:08.000  leave      site.example.org  vlan 100  ff05::1:3
15:03:08.000  router     eth1
15:03:08.050  no-router  eth1             vlan 7
15:03:09.000  querier    (self)           10.8.0.1         igmp
15:03:09.000  querier    eth1             fe80::1          mld
15:03:09.000  querier    -                vlan 5  nobody           mld
15:03:10.000  lost       12 events: read too slowly
-  of a later version  evil ?[31m
"""
PORTS = [
    {"name": "cast0", "kind": "tap", "state": "up", "router": True, "rx_frames": 10, "rx_bytes": 2048,
     "tx_frames": 12345, "tx_bytes": 3 * 1024 ** 2, "drops": 7},
    {"name": "alice", "kind": "peer", "state": "suspended", "router": False, "rx_frames": 0, "rx_bytes": 0,
     "tx_frames": 0, "tx_bytes": 0, "drops": 0},
]
FDB = [
    {"vlan": 0, "mac": "02:00:00:00:00:01", "port": "alice", "age_s": 3725.0, "static": False},
    {"vlan": 0, "mac": "02:00:00:00:00:02", "port": "cast0", "static": True, "sticky": False},
    {"vlan": 0, "mac": "02:00:00:00:00:03", "port": "cast0", "static": True, "sticky": True},
]
ROUTERS = [
    {"vlan": 0, "port": "eth1", "kind": "static"},
    {"vlan": 0, "port": "site.example.org", "kind": "learned", "expires_s": 254.6},
]
DROPS = [
    {"where": "alice", "reason": "replay", "count": 3, "text": "seen before"},
    {"where": "switch", "reason": "runt", "count": 1000, "text": "too short"},
]

STATUS_TEXT = """\
program                       castswitchd
version                       0.1.0
uptime_s                      12.3
peers                         3
querier.igmp.state            querier
querier.igmp.address          10.8.0.1
querier.mld.state             off
listen                        0.0.0.0:22424, [::]:22424
tap.name                      cast0
tap.mtu                       1400
ready                         yes
nics.eth1.present             yes
nics.eth2.present             no
vlans.100.querier.igmp.state  off
nothing                       -
"""
PEERS_TEXT = """\
NAME   ADDRESS           STATE        SINCE    RX    TX  AEAD         KIND    SOFTWARE          ADDRESSES
alice  192.0.2.7:4711    established    59s  1023  1.5K  aes-256-gcm  host    castswitch 0.1.0  10.8.0.20/24, fd08::20/64
bob    [2001:db8::9]:22  handshake    1d02h  5.0G     0  -            bridge  evil ?[31m        -
"""
GROUPS_TEXT = """\
GROUP      PORT   MODE        EXPIRES  SOURCES          HOSTS              WANT                  VERSION    AGE
239.1.1.1  alice  exclude       4m19s  10.0.0.9 12s     10.8.0.20          all                         3     1s
                                       !10.0.0.8        02:00:00:00:00:02  !10.0.0.8, !10.0.0.7        3  1m01s
                                                        fe80::1            10.0.0.9, 10.0.0.6          3     0s
239.1.1.2  cast0  exclude v1       9s  -                10.8.0.20          all                         1     1s
239.1.1.3  eth1   include      static  10.0.0.9 static  -                  -                           -      -
                                       10.0.0.10 1h01m
ff05::1:3  cast0  include v1        -  -                -                  -                           -      -
ff05::1:4  cast0  include           -  -                -                  -                           -      -
"""
VLAN_GROUPS_TEXT = """\
VLAN  GROUP      PORT   MODE        EXPIRES  SOURCES          HOSTS      WANT  VERSION  AGE
 100  239.1.1.3  eth1   include      static  10.0.0.9 static  -          -           -    -
                                             10.0.0.10 1h01m
   0  239.1.1.2  cast0  exclude v1       9s  -                10.8.0.20  all         1   1s
"""
PORTS_TEXT = """\
NAME   KIND  STATE      ROUTER  RX-FRAMES    RX  TX-FRAMES    TX  DROPS
cast0  tap   up         yes            10  2.0K      12345  3.0M      7
alice  peer  suspended  no              0     0          0     0      0
"""
FDB_TEXT = """\
MAC                PORT     AGE  KIND
02:00:00:00:00:01  alice  1h02m  learned
02:00:00:00:00:02  cast0      -  static
02:00:00:00:00:03  cast0      -  sticky
"""
VLAN_FDB_TEXT = """\
VLAN  MAC                PORT     AGE  KIND
   5  02:00:00:00:00:01  alice  1h02m  learned
   0  02:00:00:00:00:02  cast0      -  static
"""
ROUTERS_TEXT = """\
PORT              KIND     EXPIRES
eth1              static         -
site.example.org  learned    4m15s
"""
VLAN_ROUTERS_TEXT = """\
VLAN  PORT              KIND     EXPIRES
4094  eth1              static         -
   0  site.example.org  learned    4m15s
"""
DROPS_TEXT = """\
WHERE   REASON  COUNT  MEANING
alice   replay      3  seen before
switch  runt     1000  too short
"""

failed = 0
cases = 0


def check(name, good, *details):
    global failed, cases
    cases += 1
    print(("ok" if good else "not ok"), cases, "-", name)
    if not good:
        failed += 1
        for d in details:
            for line in str(d).splitlines() or [""]:
                print("#", line)


class Fake:
    """A program behind a control socket that gives one connection one answer, as bytes, and closes it."""

    def __init__(self, path, answer):
        self.path, self.answer, self.request = path, answer, b""
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        conn, _ = self.listener.accept()
        with conn:
            while not self.request.endswith(b"\n"):
                chunk = conn.recv(4096)
                if not chunk:
                    return
                self.request += chunk
            if self.answer:
                conn.sendall(self.answer)

    def close(self):
        self.thread.join(10)
        self.listener.close()
        os.unlink(self.path)


def castctl(*args, **kwargs):
    return subprocess.run([CASTCTL, *args], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=30, env=UTC,
                          **{"stdout": subprocess.PIPE, **kwargs})


def ask(path, answer, *args):
    fake = Fake(path, answer)
    try:
        return castctl("--socket", path, *args), fake
    finally:
        fake.close()


def ok(result):
    return json.dumps({"ok": True, "result": result}).encode() + b"\n"


def answers(path):
    empty = "castctl: {} gave an answer to {} that cannot be shown (try --json)\n"
    shown = [
        ("status", STATUS, STATUS_TEXT), ("peers", PEERS, PEERS_TEXT), ("groups", GROUPS, GROUPS_TEXT),
        ("groups", [{**GROUPS[2], "vlan": 100}, GROUPS[1]], VLAN_GROUPS_TEXT), ("ports", PORTS, PORTS_TEXT),
        ("fdb", FDB, FDB_TEXT), ("fdb", [{**FDB[0], "vlan": 5}, FDB[1]], VLAN_FDB_TEXT),
        ("routers", ROUTERS, ROUTERS_TEXT), ("routers", [{**ROUTERS[0], "vlan": 4094}, ROUTERS[1]], VLAN_ROUTERS_TEXT),
        ("routers", [], "PORT  KIND  EXPIRES\n"), ("drops", DROPS, DROPS_TEXT), ("drops", [], "no drops\n"),
        ("peers", PEERS[::-1], PEERS_TEXT),
        ("peers", [], "NAME  ADDRESS  STATE  SINCE  RX  TX  AEAD  KIND  SOFTWARE  ADDRESSES\n"),
    ]
    for command, result, text in shown:
        p, fake = ask(path, ok(result), command)
        got = p.stdout.decode()
        check(f"{command} as text", p.returncode == 0 and got == text and p.stderr == b"", got, p.stderr.decode())
        check(f"{command} is what was asked", json.loads(fake.request) == {"command": command}, fake.request)
        p, _ = ask(path, ok(result), "--json", command)
        expected = json.dumps(result, indent=2, sort_keys=True)
        check(f"{command} as JSON", p.returncode == 0 and json.loads(p.stdout) == result, p.stdout, p.stderr)
        check(f"{command} as JSON is indented and sorted", p.stdout.decode().lower() == expected.lower() + "\n",
              p.stdout.decode())
    for command, result in [("peers", {}), ("peers", [1]), ("status", []), ("drops", "x"), ("groups", None)]:
        p, _ = ask(path, ok(result), command)
        check(f"{command} of the wrong shape: {result}",
              p.returncode == 1 and p.stdout == b"" and p.stderr.decode() == empty.format(path, command), p.stderr)
    for command, result in [("routers", {}), ("reload", []), ("reload", 1)]:
        p, _ = ask(path, ok(result), command)
        check(f"{command} of the wrong shape: {result}",
              p.returncode == 1 and p.stdout == b"" and p.stderr.decode() == empty.format(path, command), p.stderr)
    names = ["b", "a", "", "B", "a-", "b"]
    rows = [{**PEERS[0], "name": name, "software": f"v{i}"} for i, name in enumerate(names)]
    p, _ = ask(path, ok(rows), "peers")
    got = [(line.split()[0], line.split()[-3]) for line in p.stdout.decode().splitlines()[1:]]
    check("peers by name, and as they come where it is the same", got == [
        ("-", "v2"), ("B", "v3"), ("a", "v1"), ("a-", "v4"), ("b", "v0"), ("b", "v5")], got, p.stderr)
    big = [{**DROPS[0], "text": "x" * 1000} for _ in range(5000)]
    p, _ = ask(path, ok(big), "drops")
    check("a long answer", p.returncode == 0 and p.stdout.count(b"\n") == 5001, len(p.stdout), p.stderr)


def lines(objects):
    return "".join(json.dumps(o) + "\n" for o in objects).encode()


class Live:
    """A program that sends events when it is told to, and castctl that watches."""

    def __init__(self, path, *args, **kwargs):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.castctl = subprocess.Popen([CASTCTL, "--socket", path, *args], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, env=UTC, **{"stdout": subprocess.PIPE, **kwargs})
        self.conn, _ = self.listener.accept()
        self.request = self.conn.makefile("rb").readline()
        self.conn.sendall(ok("events follow"))

    def close(self):
        self.conn.close()
        self.listener.close()
        os.unlink(self.path)
        self.castctl.kill()
        self.castctl.communicate()


def watching(path):
    ended = f"castctl: {path} closed the connection (has castswitchd ended?)\n"
    for args, request in [
            ((), {}), (("239.1.1.1",), {"group": "239.1.1.1"}), (("--port", "alice"), {"port": "alice"}),
            (("-p", "", "ff05::1:3"), {"group": "ff05::1:3", "port": ""})]:
        p, fake = ask(path, ok([]), "groups", *args)
        check(f"groups {args} is what was asked", json.loads(fake.request) == {"command": "groups", **request},
              fake.request, p.stderr)
        p, fake = ask(path, ok("events follow"), "groups", "--watch", *args)
        check(f"groups --watch {args} is what was asked", json.loads(fake.request) == {"command": "watch", **request},
              fake.request, p.stderr)
    p, _ = ask(path, ok("events follow") + lines(EVENTS), "groups", "-w")
    check("events as text", (p.returncode, p.stdout.decode(), p.stderr.decode()) == (1, EVENTS_TEXT, ended),
          p.stdout.decode(), p.stderr)
    p, _ = ask(path, ok("events follow") + lines(EVENTS), "-jw", "groups")
    expected = "".join(json.dumps(e, sort_keys=True, separators=(",", ":")) + "\n" for e in EVENTS)
    check("events as JSON, one a line", (p.returncode, p.stdout.decode().lower(), p.stderr.decode()) ==
          (1, expected.lower(), ended), p.stdout.decode(), p.stderr)
    for name, answer, text in [
            ("a program without watch", b'{"ok":false,"error":"unknown command \'watch\' (try help)"}\n',
             "unknown command 'watch' (try help)"),
            ("no answer", b"", f"{path} closed the connection without an answer"),
            ("half an event", ok("") + b'{"event":"join"', f"{path} closed the connection (has castswitchd ended?)"),
            ("an event that is not JSON", ok("") + b"hello\n", f"{path} gave an answer that cannot be understood"),
            ("an event that is a list", ok("") + b"[]\n", f"{path} gave an answer that cannot be understood"),
            ("an event without a name", ok("") + b"{}\n",
             f"{path} gave an event of groups that cannot be shown (try --json)")]:
        p, _ = ask(path, answer, "groups", "--watch")
        check(f"watching: {name}", p.returncode == 1 and p.stdout == b"" and p.stderr.decode() == f"castctl: {text}\n",
              p.stderr)
    many = [{**EVENTS[0], "vlan": i} for i in range(3000)]
    p, _ = ask(path, ok("") + lines(many), "-j", "groups", "-w")
    check("many events, across what is read at once", [json.loads(e)["vlan"] for e in p.stdout.splitlines()] ==
          list(range(3000)), p.stderr)


def live(path):
    """What comes is shown at once, and castctl ends when it is to."""
    w = Live(path, "groups", "--watch")
    for event, shown in zip(EVENTS[:3], EVENTS_TEXT.splitlines(True)):
        w.conn.sendall(lines([event]))
        line = w.castctl.stdout.readline().decode()
        check("an event is shown before the next one comes", line == shown, line)
    w.conn.sendall(lines([EVENTS[0]])[:30])
    w.conn.sendall(lines([EVENTS[0]])[30:])
    line = w.castctl.stdout.readline().decode()
    check("an event in two pieces", line == EVENTS_TEXT.splitlines(True)[0], line)
    w.castctl.send_signal(signal.SIGINT)
    check("Ctrl-C", w.castctl.wait(30) == -signal.SIGINT)
    w.close()
    w = Live(path, "groups", "--watch")
    w.castctl.stdout.close()
    check("nobody reads any more", w.castctl.wait(30) == 0 and w.castctl.stderr.read() == b"")
    w.close()
    with open("/dev/full", "wb") as full:
        w = Live(path, "groups", "--watch", stdout=full)
        w.conn.sendall(lines([EVENTS[0]]))
        check("an event that cannot be written", w.castctl.wait(30) == 1 and
              b"castctl: cannot write" in w.castctl.stderr.read())
        w.close()


def steering(path):
    """Arguments arrive in the request; texts are shown as they are."""
    for args, request, text, shown in [
            (["reload"], {}, "reloaded; needs a restart: tap", "reloaded; needs a restart: tap\n"),
            (["kick", "alice"], {"name": "alice"}, "alice is disconnected", "alice is disconnected\n"),
            (["kick", "--", "-b"], {"name": "-b"}, "first\nsecond\n", "first\nsecond\n"),
            (["kick", ""], {"name": ""}, "", ""),
            (["log", "debug"], {"level": "debug"}, "evil \x1b[31m\u202e \u00e4\n\nthe end", "evil ?[31m??? \u00e4\n\nthe end\n"),
    ]:
        p, fake = ask(path, ok(text), *args)
        asked = {"command": args[0], **request}
        check(f"{' '.join(args)} is what was asked", json.loads(fake.request) == asked, fake.request)
        check(f"{' '.join(args)} as text", p.returncode == 0 and p.stdout.decode() == shown, p.stdout, p.stderr)
        p, fake = ask(path, ok(text), "-j", *args)
        check(f"{' '.join(args)} as JSON", p.returncode == 0 and json.loads(p.stdout) == text and
              json.loads(fake.request) == asked, p.stdout, p.stderr)
    p, _ = ask(path, b'{"ok":false,"error":"no peer \'bob\' is connected"}\n', "kick", "bob")
    check("kick of nobody", p.returncode == 1 and p.stdout == b"" and
          p.stderr == b"castctl: no peer 'bob' is connected\n", p.stderr)
    p = castctl("-s", path, "kick", b"\xff")
    check("an argument that is not text", p.returncode == 1 and
          p.stderr == b"castctl: kick: the argument is not text\n", p.stderr)


def errors(path):
    table = [
        ("an error of the program", b'{"ok":false,"error":"no such thing"}\n', "no such thing"),
        ("no answer", b"", f"{path} closed the connection without an answer"),
        ("half an answer", b'{"ok":true', f"{path} closed the connection without an answer"),
        ("an answer that is not JSON", b"hello\n", f"{path} gave an answer that cannot be understood"),
        ("an answer that says nothing", b"{}\n", f"{path} gave an answer that cannot be understood"),
        ("an answer without a result", b'{"ok":true}\n', f"{path} gave an answer that cannot be understood"),
        ("an answer that is not an object", b"[]\n", f"{path} gave an answer that cannot be understood"),
    ]
    for name, answer, text in table:
        p, _ = ask(path, answer, "status")
        check(name, p.returncode == 1 and p.stdout == b"" and p.stderr.decode() == f"castctl: {text}\n", p.stderr)


def no_connection(path):
    p = castctl("--socket", path, "status")
    check("no socket", p.returncode == 1 and p.stderr.decode() ==
          f"castctl: cannot connect to {path}: no such file or directory (is castswitchd running?)\n", p.stderr)
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.close()
    p = castctl("-s", path, "status")
    check("nobody listens", p.returncode == 1 and p.stderr.decode() ==
          f"castctl: cannot connect to {path}: connection refused (is castswitchd running?)\n", p.stderr)
    os.unlink(path)
    long = "/tmp/" + "x" * 200
    p = castctl("-s", long, "status")
    check("a path that is too long", p.returncode == 1 and p.stderr.decode() ==
          f"castctl: cannot connect to {long}: file name too long\n", p.stderr)


def usage():
    tail = "castctl: try castctl --help\n"
    for args, text in [((), "castctl: no command given\n"), (("grops",), "castctl: unknown command 'grops'\n"),
                       (("grops", "x"), "castctl: unknown command 'grops'\n")]:
        p = castctl(*args)
        check(f"usage: {' '.join(args) or 'nothing'}", p.returncode == 2 and p.stdout == b"" and
              p.stderr.decode() == text + tail, p.returncode, p.stderr)
    for args, text in [(("peers", "groups"), "peers takes no argument (usage: castctl peers)"),
                       (("reload", "now", "please"), "reload takes no argument (usage: castctl reload)"),
                       (("kick",), "kick takes one argument (usage: castctl kick NAME)"),
                       (("kick", "alice", "bob"), "kick takes one argument (usage: castctl kick NAME)"),
                       (("log", "-j"), "log takes one argument (usage: castctl log LEVEL)"),
                       (("groups", "a", "b"), "groups takes at most one argument (usage: castctl groups [GROUP])"),
                       (("ports", "--port", "eth1"), "ports takes no --port"),
                       (("-w", "drops"), "drops takes no --watch")]:
        p = castctl(*args)
        check(f"usage: {' '.join(args)}", p.returncode == 2 and p.stdout == b"" and
              p.stderr.decode() == f"castctl: {text}\n", p.returncode, p.stderr)
    for args in [("--nonsense",), ("status", "--socket")]:
        p = castctl(*args)
        check(f"usage: {' '.join(args)}", p.returncode == 2 and p.stderr.decode().endswith(tail), p.stderr)
    p = castctl("--help")
    shown = [line[:16].rstrip() for line in p.stdout.decode().split("commands:\n")[1].split("\n\n")[0].splitlines()]
    check("help", p.returncode == 0 and shown == [f"  {name}" for name in (
        "status", "peers", "groups [GROUP]", "routers", "ports", "fdb", "drops", "reload", "kick NAME", "log LEVEL")], shown)
    p = castctl("--version")
    check("version", p.returncode == 0 and p.stdout.startswith(b"castctl ") and p.stdout.count(b"\n") == 1, p.stdout)
    with open("/dev/full", "wb") as full:
        p = castctl("--help", stdout=full)
    check("nothing can be written", p.returncode == 1 and b"castctl: cannot write" in p.stderr, p.stderr)


def main():
    folder = tempfile.mkdtemp(prefix="castctl.")
    try:
        path = os.path.join(folder, "sock")
        answers(path)
        watching(path)
        live(path)
        steering(path)
        errors(path)
        no_connection(path)
        usage()
    finally:
        shutil.rmtree(folder)
    print(f"1..{cases}")
    return 1 if failed else 0


sys.exit(main())
