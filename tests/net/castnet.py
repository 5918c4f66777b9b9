"""A castswitch network in namespaces: what the network tests and tools/quickstart build on.

    namespace SERVER                               namespace CLIENT N
      castswitchd                                    castswitch
        cast0   10.8.0.1/24, fd08::1/64                cast0  10.8.0.1N/24, fd08::1N/64 (told by the server)
      lo        192.0.2.1/32, 2001:db8::1/128
      underN    198.51.100.(4N+1)/30  ---- veth ----   under  198.51.100.(4N+2)/30, default route to the server

So an underlay interface carries the tunnel of one client and nothing else.  The namespaces are called csPID-server,
csPID-client1, ... and everything that is made here is removed again: by Net.close(), which also runs at exit, on
Ctrl-C and on SIGTERM.  Programs are known by their process id and die with us.

Nothing here sleeps for luck: wait_for() polls a condition until a deadline and says what was missing.
"""

import atexit
import contextlib
import ctypes
import errno
import ipaddress
import itertools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.environ.get("top_srcdir") or os.path.join(HERE, "..", ".."))
BUILD = os.path.abspath(os.environ.get("top_builddir") or os.path.join(TOP, "build"))

TAP = "cast0"
PORT = 22424
SERVER_NAME = "vpn.example.org"
SERVER_UNDER4 = "192.0.2.1"
SERVER_UNDER6 = "2001:db8::1"

CLONE_NEWNET = 0x40000000
INSIDE = "CASTNET_INSIDE"  # set in the environment of a copy of us that runs in a user namespace

os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"
libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """What was expected did not happen."""


class Skip(Exception):
    """The test can't be run, and why."""


def expect(condition, text):
    if not condition:
        raise Failure(text)


def wait_for(what, condition, timeout=10.0):
    """Polls until the condition returns something true, and returns that; errors of a program that is not there yet
    count as false."""
    deadline = time.monotonic() + timeout
    last = None
    while True:
        try:
            value = condition()
        except (OSError, ValueError, KeyError) as e:
            value, last = None, e
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Failure(f"after {timeout:g} s still not: {what}" + (f" ({last})" if last else ""))
        select.select([], [], [], 0.005)


def run(*argv, timeout=20, **kwargs):
    """Runs a command to its end and returns its output; raises Failure with its errors."""
    r = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL,
                       **kwargs)
    if r.returncode != 0:
        raise Failure(f"{' '.join(argv)}: exit code {r.returncode}: {(r.stderr or r.stdout).strip()}")
    return r.stdout


def binary(name):
    path = os.path.join(BUILD, name)
    if not os.access(path, os.X_OK):
        raise Failure(f"{path} was not built")
    return path


# --- being allowed to


def _can_add_namespace():
    name = f"cs{os.getpid()}-try"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode != 0:
        return False
    run("ip", "netns", "del", name)
    return True


def prepare():
    """Makes sure that namespaces can be made: as root, or else as a copy of this program in a user namespace (does not
    return then).  Returns the reason when neither can be had, else None."""
    for tool in ("ip", "unshare", "setpriv"):
        if not shutil.which(tool):
            return f"no {tool} command"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "no access to /dev/net/tun"
    if os.geteuid() == 0 and _can_add_namespace():
        return None
    if os.environ.get(INSIDE) == "new":
        # iproute2 keeps the names of namespaces in /run/netns, which is root's; this one is ours alone.
        os.environ[INSIDE] = "yes"
        run("mount", "-t", "tmpfs", "castnet", "/run")
        os.mkdir("/run/netns")
        if _can_add_namespace():
            return None
    if os.environ.get(INSIDE) or subprocess.run(["unshare", "-rnm", "true"], capture_output=True,
                                                check=False).returncode != 0:
        return "not permitted to make network namespaces"
    os.environ[INSIDE] = "new"
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", "-rnm", sys.executable, *sys.argv])


# --- cleaning up

_open_nets = []


def open_nets():
    return _open_nets


def close_all():
    """Runs to its end even when the user is impatient."""
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, signal.SIG_IGN)
    while _open_nets:
        with contextlib.suppress(OSError, Failure, subprocess.SubprocessError):
            _open_nets[-1].close()


def clean_up_at_exit():
    """SIGTERM and SIGHUP become SystemExit, as Ctrl-C becomes KeyboardInterrupt; either way atexit runs."""
    def leave(signum, _frame):
        raise SystemExit(128 + signum)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    atexit.register(close_all)


# --- namespaces


class Namespace:
    """A named network namespace.  `with ns:` runs a block of the calling thread inside: sockets made and programs
    started there belong to it for ever."""

    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
        self._outer = threading.local()
        self.ip("link", "set", "lo", "up")
        # Addresses work at once, and nobody asks for routers, so that little is on the wire besides what is tested.
        for conf in ("all", "default"):
            self.sysctl(f"ipv6/conf/{conf}/accept_dad", 0)
            self.sysctl(f"ipv6/conf/{conf}/dad_transmits", 0)
            self.sysctl(f"ipv6/conf/{conf}/router_solicitations", 0)
            self.sysctl(f"ipv6/conf/{conf}/accept_ra", 0)

    def __enter__(self):
        self._outer.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._setns(self.fd)
        return self

    def __exit__(self, *_):
        self._setns(self._outer.fd)
        os.close(self._outer.fd)

    @staticmethod
    def _setns(fd):
        if libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def delete(self):
        os.close(self.fd)
        run("ip", "netns", "del", self.name)

    def ip(self, *args):
        return run("ip", "-n", self.name, *args)

    def ip_json(self, *args):
        return json.loads(run("ip", "-n", self.name, "-j", *args) or "[]")

    def run(self, *argv, **kwargs):
        with self:
            return run(*argv, **kwargs)

    def sysctl(self, path, value):
        with self, open(f"/proc/sys/net/{path}", "w", encoding="ascii") as f:
            f.write(str(value))

    def socket(self, *args):
        with self:
            return socket.socket(*args)

    def ifindex(self, device):
        with self:
            return socket.if_nametoindex(device)

    def devices(self):
        with self:
            return [name for _, name in socket.if_nameindex()]

    def counters(self, device):
        """{"rx_bytes", "rx_packets", "rx_dropped", "tx_..."} of an interface."""
        with self, open("/proc/thread-self/net/dev", encoding="ascii") as f:
            lines = dict(line.split(":", 1) for line in f.read().splitlines()[2:])
        v = [int(n) for n in {name.strip(): rest for name, rest in lines.items()}[device].split()]
        return {"rx_bytes": v[0], "rx_packets": v[1], "rx_dropped": v[3],
                "tx_bytes": v[8], "tx_packets": v[9], "tx_dropped": v[11]}

    def addresses(self, device):
        """["10.8.0.11/24", ...] without link-local ones; none when the device is gone."""
        if device not in self.devices():
            return []
        return [f"{a['local']}/{a['prefixlen']}" for link in self.ip_json("addr", "show", "dev", device)
                for a in link["addr_info"] if a["scope"] == "global"]


# --- programs


class Program:
    """One program in a namespace, with its output in a file."""

    def __init__(self, name, argv, ns, log, detach=False):
        self.name = name
        self.log = log
        self.argv = list(argv) if detach else ["setpriv", "--pdeathsig", "KILL", "--", *argv]
        with open(log, "ab") as out, ns:
            # Its own session, so that Ctrl-C reaches us only and we end it in order.
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                            start_new_session=True)
        self.pid = self.process.pid

    def running(self):
        return self.process.poll() is None

    def signal(self, signum):
        if self.running():
            self.process.send_signal(signum)

    def wait(self, timeout=10):
        """Its exit code."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {timeout} s") from None

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait()

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()


class ControlError(ValueError):
    """The program answered that it won't."""


def control(path, command, timeout=5, **request):
    """Asks the control socket of a program, see include/castswitch/ctl.h."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(timeout)
        s.connect(path)
        s.sendall(json.dumps({"command": command, **request}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = s.recv(65536)
            if not part:
                raise ConnectionResetError(errno.ECONNRESET, f"{path}: closed in the middle of an answer")
            answer += part
    answer = json.loads(answer)
    if not answer["ok"]:
        raise ControlError(answer["error"])
    return answer["result"]


# --- hosts


class Host:
    """A namespace with one castswitch program, its configuration and its addresses in the tunnel."""

    def __init__(self, net, name, program, addresses):
        self.net = net
        self.name = name
        self.ns = net.add_namespace(name)
        self.device = TAP
        self.port = name  # what the switch calls it
        self.addresses = addresses  # "10.8.0.1/24", "fd08::1/64", or None
        self.addr4, self.addr6 = (a.split("/")[0] for a in addresses or ("", ""))
        self.binary = program
        self.config = os.path.join(net.dir, f"{name}.conf")
        self.socket = os.path.join(net.dir, f"{name}.sock")
        self.log = os.path.join(net.dir, f"{name}.log")
        self.program = None

    def addr(self, family):
        return self.addr6 if family == socket.AF_INET6 else self.addr4

    def start(self):
        expect(not self.program or not self.program.running(), f"{self.name} runs already")
        self.program = Program(self.name, [binary(self.binary), "--config", self.config], self.ns, self.log,
                               self.net.detach)

    def stop(self):
        """SIGTERM; returns the exit code."""
        program, self.program = self.program, None
        program.signal(signal.SIGTERM)
        try:
            return program.wait()
        except Failure:
            program.kill()
            raise

    def kill(self):
        program, self.program = self.program, None
        program.kill()

    def control(self, command, **request):
        return control(self.socket, command, **request)

    def status(self):
        return self.control("status")

    def mac(self):
        return self.ns.ip_json("link", "show", "dev", TAP)[0]["address"]

    def castctl(self, *args):
        return run(binary("castctl"), "--socket", self.socket, *args)


class Client(Host):
    def __init__(self, net, number, over_ipv6):
        super().__init__(net, f"client{number}", "castswitch", (f"10.8.0.{10 + number}/24", f"fd08::{10 + number}/64"))
        self.number = number
        self.under = "under"
        self.remote = SERVER_UNDER6 if over_ipv6 else SERVER_UNDER4
        self._wire(over_ipv6)

    def _wire(self, over_ipv6):
        server, far = self.net.server.ns, f"under{self.number}"
        server.ip("link", "add", far, "type", "veth", "peer", "name", self.under, "netns", self.ns.name)
        base = ipaddress.ip_address("198.51.100.0") + 4 * self.number
        for ns, device, address in ((server, far, base + 1), (self.ns, self.under, base + 2)):
            if not over_ipv6:
                ns.sysctl(f"ipv6/conf/{device}/disable_ipv6", 1)
            ns.ip("addr", "add", f"{address}/30", "dev", device)
            ns.ip("link", "set", device, "up")
        self.ns.ip("route", "add", "default", "via", str(base + 1))
        if over_ipv6:
            prefix = f"2001:db8:{self.number}::"
            server.ip("addr", "add", f"{prefix}1/64", "dev", far, "nodad")
            self.ns.ip("addr", "add", f"{prefix}2/64", "dev", self.under, "nodad")
            self.ns.ip("route", "add", "default", "via", f"{prefix}1")

    def connected(self):
        """Its own view, the kernel's, and the server's."""
        return (self.status()["state"] == "connected" and
                set(self.addresses) <= set(self.ns.addresses(TAP)) and
                self.name in self.net.peers())

    def wait_connected(self, timeout=15):
        wait_for(f"{self.name} is connected", self.connected, timeout)


# --- the whole


class Network:
    """Namespaces, programs and a directory for their files.  The first of the hosts is the server: it has the switch
    whose members are asked for here."""

    _numbers = itertools.count()

    def __init__(self, detach=False):
        number = next(self._numbers)
        self.prefix = f"cs{os.getpid()}" + (f".{number}" if number else "")
        self.detach = detach
        self.hosts = []
        self.namespaces = []
        self.closers = []  # called first by close(), last one first
        self.dir = tempfile.mkdtemp(prefix=f"castswitch-{os.getpid()}-", dir="/tmp")
        _open_nets.append(self)

    def add(self, host):
        self.hosts.append(host)
        return host

    def add_namespace(self, name):
        ns = Namespace(f"{self.prefix}-{name}")
        self.namespaces.append(ns)
        return ns

    def forget(self):
        """Leaves everything as it is when we end."""
        _open_nets.remove(self)

    @property
    def server(self):
        return self.hosts[0]

    def start_server(self):
        self.server.start()
        wait_for("the server answers on its control socket", self.server.status)

    # --- memberships

    def groups(self, group=None):
        """Rows of `castctl groups`, of one group or of all."""
        return [g for g in self.server.control("groups") if group in (None, g["group"])]

    def members(self, group):
        """Names of the ports with a member of the group; a row without anything wanted is none."""
        return {g["port"] for g in self.groups(group)
                if g["mode"] == "exclude" or any(s["state"] == "forward" for s in g.get("sources", []))}

    def wait_members(self, group, *hosts):
        """Until exactly these hosts are members."""
        want = {h.port for h in hosts}
        wait_for(f"members of {group} are {sorted(want)}", lambda: self.members(group) == want, 5)

    # --- the end

    def logs(self, lines=60):
        """The last lines of each program's output."""
        for host in self.hosts:
            with contextlib.suppress(OSError), open(host.log, encoding="utf-8", errors="replace") as f:
                for line in f.read().splitlines()[-lines:]:
                    yield f"{host.name}: {line}"

    def stop_programs(self):
        """Clients first; returns what went wrong, one line each."""
        wrong = []
        for host in [*self.hosts[1:], *self.hosts[:1]]:
            if host.program:
                try:
                    code = host.stop()
                    if code != 0:
                        wrong.append(f"{host.name} ended with exit code {code}")
                except Failure as e:
                    wrong.append(str(e))
        return wrong

    def close(self):
        """Returns what went wrong, one line each; the second time does nothing."""
        if self not in _open_nets:
            return []
        _open_nets.remove(self)
        for closer in reversed(self.closers):
            closer()
        wrong = self.stop_programs()
        for ns in self.namespaces:
            ns.delete()
        shutil.rmtree(self.dir, ignore_errors=True)
        return wrong


class Net(Network):
    """A server and clients.  What is passed as snooping, peers and extra goes into the server's configuration."""

    def __init__(self, clients=3, snooping="", peers="", extra="", over_ipv6=(), detach=False, mtu=1400):
        super().__init__(detach)
        self.mtu = mtu
        self.add(Host(self, "server", "castswitchd", ("10.8.0.1/24", "fd08::1/64")))
        self.server.port = TAP
        self.server.ns.ip("addr", "add", f"{SERVER_UNDER4}/32", "dev", "lo")
        self.server.ns.ip("addr", "add", f"{SERVER_UNDER6}/128", "dev", "lo", "nodad")
        self.clients = [self.add(self.make_client(n, n in over_ipv6)) for n in range(1, clients + 1)]
        self._make_keys()
        self._configure_server(snooping, peers, extra)
        for client in self.clients:
            self.configure_client(client)

    def make_client(self, number, over_ipv6):
        return Client(self, number, over_ipv6)

    # --- configuration

    def castpki(self, *args):
        return run(binary("castpki"), *args)

    def _make_keys(self):
        self.pki = os.path.join(self.dir, "pki")
        self.castpki("init", "--dir", self.pki, "--name", SERVER_NAME)

    def _configure_server(self, snooping, peers, extra):
        blocks = "".join(f'peer "{c.name}" {{ address = {{"{c.addr4}", "{c.addr6}"}} }}\n' for c in self.clients)
        text = f"""tap "{TAP}" {{ address = {{"{self.server.addresses[0]}", "{self.server.addresses[1]}"}} }}
switch {{ mtu = {self.mtu} }}
listen {{ address = {{"0.0.0.0", "::"}} port = {PORT} }}
identity {{
	certificate = "{self.pki}/server.crt"
	key = "{self.pki}/server.key"
	ca = "{self.pki}/ca.crt"
}}
snooping {{ {snooping} }}
peers {{ {peers} }}
{blocks}control {{ socket = "{self.server.socket}" }}
{extra}
"""
        with open(self.server.config, "w", encoding="utf-8") as f:
            f.write(text)

    def configure_client(self, client):
        """The profile as castpki writes it, and where this client's control socket is."""
        profile = self.castpki("client", "--dir", self.pki, client.name, "--remote", client.remote)
        with open(os.open(client.config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            f.write(f'{profile}\ncontrol {{ socket = "{client.socket}" }}\n')

    # --- running it

    def start(self):
        self.start_server()
        for client in self.clients:
            client.start()
        for client in self.clients:
            client.wait_connected()
        return self

    def peers(self):
        """{name: row} of those whose tunnel is up."""
        return {p["name"]: p for p in self.server.control("peers") if p["state"] == "established"}
