"""What the tests of mistakes, reloads and ends need besides castnet: certificates of every kind, the log's lines, pings
without a gap, programs that end by themselves, datagrams caught on their way."""

import contextlib
import datetime
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

import castnet
from castnet import Failure, expect, wait_for

OK, RUNTIME, USAGE, CONFIG, PRIVILEGE = range(5)
BARE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")  # root by name only
DATE = r"\d{4}-\d\d-\d\d"
SOON = 10


# --- files


def write(path, text):
    """Mode 0600; replaced at once, as an editor does it."""
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)
    return path


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def changed(text, *changes):
    """The text with changes, each (old, new)."""
    for old, new in changes:
        expect(old in text, f"{old!r} is not in {text!r}")
        text = text.replace(old, new)
    return text


def edit(path, *changes):
    return write(path, changed(read(path), *changes))


def options(text):
    """What --check prints, option by option: {"block option": its line}; a named block is called by its kind."""
    found, block = {}, ""
    for line in text.splitlines():
        if line.endswith("{"):
            block = line.split()[0] + " "
        elif line == "}":
            block = ""
        else:
            found.setdefault(block + line.split()[0], line)
    return found


# --- certificates


def pki(net, name):
    """A file of the network's castpki."""
    return os.path.join(net.pki, name)


def day(offset):
    """A date as it stands in messages, so many days from now."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=offset)).strftime("%Y-%m-%d")


class Certificate:
    """Made by tests/net/makecert: options as there.  Files .crt and .key in the network's directory."""

    def __init__(self, net, file, name, *options, ca=None):
        prefix = os.path.join(net.dir, file)
        ca = ca or os.path.join(net.pki, "ca")
        castnet.run(castnet.binary("tests/net/makecert"), "-" if "ca" in options else ca, prefix, name, *options)
        self.prefix = prefix
        self.crt, self.key = f"{prefix}.crt", f"{prefix}.key"

    def fingerprint(self):
        out = castnet.run("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", self.crt)
        return out.partition("=")[2].strip()


def identity(crt, key, ca, *more):
    lines = "".join(f"\t{line}\n" for line in (f'certificate = "{crt}"', f'key = "{key}"', f'ca = "{ca}"', *more))
    return "identity {\n" + lines + "}\n"


def client_config(net, client, block, remote=None, control=None, tap=castnet.TAP):
    """The configuration of a castswitch in a client's place."""
    return (f'remote = {{"{remote or client.remote}"}}\ntap "{tap}" {{ }}\n{block}'
            f'control {{ socket = "{control or client.socket}" }}\n')


# --- programs that end by themselves


def call(net, name, *args, ns=None, wrapper=(), timeout=20):
    """(exit code, output, errors)"""
    with ns or net.server.ns:
        r = subprocess.run([*wrapper, castnet.binary(name), *args], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, timeout=timeout, check=False, cwd=net.dir)
    return r.returncode, r.stdout, r.stderr


def expect_end(net, want, errors, name, *args, **kwargs):
    """The exit code, and all that it says: a text, or a compiled pattern."""
    code, _, err = call(net, name, *args, **kwargs)
    told = f"{name} {' '.join(args)}: exit code {code}, errors:\n{err}\nexpected: {want},\n"
    if isinstance(errors, re.Pattern):
        expect(code == want and errors.fullmatch(err), told + errors.pattern)
    else:
        expect(code == want and err == errors, told + errors)


# --- log lines


class Mark:
    """The lines that a host's program writes from now on."""

    def __init__(self, host):
        self.host = host
        self.at = os.path.getsize(host.log) if os.path.exists(host.log) else 0

    def lines(self):
        if not os.path.exists(self.host.log):
            return []
        with open(self.host.log, "rb") as f:
            f.seek(self.at)
            return f.read().decode("utf-8", "replace").splitlines()

    def matching(self, pattern):
        return [line for line in self.lines() if re.fullmatch(pattern, line)]

    def wait(self, pattern, timeout=SOON):
        """The first line that matches as a whole."""
        try:
            return wait_for(f"{self.host.name} says {pattern}", lambda: self.matching(pattern), timeout)[0]
        except Failure as e:
            raise Failure("\n".join([str(e), "it said:", *self.lines()])) from None


# --- being served throughout


class Pings:
    """Pings until it is asked for its losses; `with Pings(...) as p` fails when one was lost or late."""

    def __init__(self, host, to, interval=0.02, limit_ms=None):
        self.host, self.limit_ms, self.worst_ms, self.count = host, limit_ms, 0.0, 0
        with host.ns:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "ping", "-n", "-i", str(interval), to],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                start_new_session=True)
        self.out = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.out.append(line)

    def _seen(self):
        found = [re.search(r"icmp_seq=(\d+) .*time=([\d.]+) ms", line) for line in list(self.out)]
        return [(int(m[1]), float(m[2])) for m in found if m]

    def more(self, n=10):
        """Until n more have come back."""
        before = len(self._seen())
        wait_for(f"{n} more pings of {self.host.name}", lambda: len(self._seen()) >= before + n)

    def stop(self):
        """Numbers missing before the last one that arrived; those still under way do not count."""
        self.more(5)
        self.kill()
        seen = self._seen()
        self.count = len(seen)
        self.worst_ms = max(ms for _, ms in seen)
        return sorted(set(range(1, seen[-1][0] + 1)) - {n for n, _ in seen})

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(5)
        self.process.stdout.close()

    def __enter__(self):
        try:
            self.more(3)
        except Failure:
            self.kill()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.kill()
            return
        lost = self.stop()
        expect(not lost, f"{self.host.name}: of {self.count} pings these were lost: {lost[:10]}")
        expect(not self.limit_ms or self.worst_ms < self.limit_ms,
               f"{self.host.name}: a ping took {self.worst_ms} ms, allowed are {self.limit_ms}")


# --- a place on the path


class Relay(threading.Thread):
    """A UDP port of a host that passes datagrams on to the server, both ways, and keeps them: `up` and `down`."""

    def __init__(self, host, server=(castnet.SERVER_UNDER4, castnet.PORT)):
        super().__init__(name="relay", daemon=True)
        self.near, self.far = (host.ns.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.near.bind(("127.0.0.1", 0))
        self.far.connect(server)
        self.remote = f"127.0.0.1:{self.near.getsockname()[1]}"
        self.up, self.down = [], []
        self._client = None
        self._wake, self._woken = socket.socketpair()
        self.start()

    def run(self):
        while True:
            ready, _, _ = select.select([self.near, self.far, self._woken], [], [])
            if self._woken in ready:
                return
            with contextlib.suppress(OSError):
                if self.near in ready:
                    data, self._client = self.near.recvfrom(65536)
                    self.up.append(data)
                    self.far.send(data)
                if self.far in ready:
                    data = self.far.recv(65536)
                    self.down.append(data)
                    self.near.sendto(data, self._client)

    def again(self, datagrams):
        """Sends datagrams to the server once more, from the same address."""
        for data in datagrams:
            with contextlib.suppress(OSError):
                self.far.send(data)

    def again_down(self, datagrams):
        for data in datagrams:
            self.near.sendto(data, self._client)

    def close(self):
        self._wake.send(b"x")
        self.join(10)
        for s in (self.near, self.far, self._wake, self._woken):
            s.close()


# --- counters


def drops(host):
    """{(where, reason): count}"""
    counts = {}
    for row in host.control("drops"):
        key = (row["where"], row["reason"])
        counts[key] = counts.get(key, 0) + row["count"]
    return counts


def memory(pid):
    """Resident anonymous bytes and the rest (files, shared) of a process."""
    values = dict(re.findall(r"(\w+):\s+(\d+) kB", read(f"/proc/{pid}/status")))
    return int(values["RssAnon"]) * 1024, (int(values["RssFile"]) + int(values["RssShmem"])) * 1024


def cpu_seconds(pid):
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sanitized(pid):
    """Of gcc's sanitizers the program names the functions, clang's are in it: both have the name."""
    with open(f"/proc/{pid}/exe", "rb") as f:
        return b"__asan_init" in f.read()


def wait_seconds(seconds):
    """For measuring over a while, not for hoping."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        select.select([], [], [], max(0.0, deadline - time.monotonic()))
