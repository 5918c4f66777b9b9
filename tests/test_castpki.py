#!/usr/bin/env python3
"""castpki: what it makes, that openssl agrees, file modes, and one clear line for each mistake."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

BUILD = os.environ.get("top_builddir") or "."
CASTPKI = os.path.abspath(os.path.join(BUILD, "castpki"))
NAME_RULE = "(allowed: 1 to 63 of A-Z a-z 0-9 . _ @ -)"


def run(*args, stdout=subprocess.PIPE, umask=0o022, cwd=None):
    done = subprocess.run([CASTPKI, *args], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True,
                          umask=umask, cwd=cwd, timeout=60)
    return done.returncode, done.stdout, done.stderr


def openssl(*args, text=None):
    done = subprocess.run(["openssl", *args], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60)
    return done.returncode, done.stdout


def equal(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


def true(what, message):
    if not what:
        raise AssertionError(message)


def mode(path):
    return oct(stat.S_IMODE(os.lstat(path).st_mode))


def fails(code, line, *args, **kw):
    """One line on stderr, nothing on stdout."""
    equal(run(*args, **kw), (code, "", "castpki: " + line + "\n"))


class Case:
    """Each case gets an empty directory, and a CA for vpn.example.org in it when it asks for one."""

    def __init__(self, top):
        self.top = top
        self.dir = os.path.join(top, "pki")

    def init(self, *more):
        code, out, err = run("init", "--dir", self.dir, "--name", "vpn.example.org", *more)
        equal((code, err), (0, ""))
        return out

    def client(self, name, *more):
        """The profile as (options of its identity block, whole text)."""
        code, out, err = run("client", "--dir", self.dir, name, *more)
        equal((code, err), (0, ""))
        return dict(re.findall(r'^\t([a-z-]+) = "([^"]*)"$', out, re.M)), out

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        path = os.path.join(self.top, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text + "\n")
        return path

    def index(self):
        with open(self.path("index.txt"), encoding="ascii") as f:
            return [line.split(" ") for line in f.read().splitlines()]


def case_init(c):
    out = c.init()
    true(f"castpki client --dir {c.dir} NAME" in out, "the next step is not told")
    equal(sorted(os.listdir(c.dir)), ["ca.crt", "ca.key", "index.txt", "server.crt", "server.key"])
    equal(os.listdir(c.top), ["pki"])  # no temporary directory is left


def case_modes_in_spite_of_umask(c):
    for umask in (0o000, 0o777):
        code, _, err = run("init", "--dir", c.dir, "--name", "a", umask=umask)
        equal((code, err), (0, ""))
        equal(mode(c.dir), "0o700")
        for name, want in (("ca.key", "0o600"), ("server.key", "0o600"), ("index.txt", "0o600"), ("ca.crt", "0o644"),
                           ("server.crt", "0o644")):
            equal((name, mode(c.path(name))), (name, want))
        shutil.rmtree(c.dir)


def case_profile_mode(c):
    c.init()
    path = os.path.join(c.top, "alice.conf")
    with open(path, "w", encoding="ascii") as f:
        os.fchmod(f.fileno(), 0o644)
        equal(run("client", "--dir", c.dir, "alice", stdout=f)[0], 0)
    equal(mode(path), "0o600")


def case_chain_verifies(c):
    c.init()
    profile, _ = c.client("alice")
    alice = c.write("alice.crt", profile["certificate"])
    ca = c.write("ca.crt", profile["ca"])
    with open(c.path("ca.crt"), encoding="ascii") as f:
        equal(f.read(), profile["ca"] + "\n")
    strict = ("verify", "-x509_strict", "-CAfile", ca)
    equal(openssl(*strict, "-purpose", "sslclient", alice), (0, f"{alice}: OK\n"))
    server = c.path("server.crt")
    equal(openssl(*strict, "-purpose", "sslserver", "-verify_hostname", "vpn.example.org", server), (0, f"{server}: OK\n"))
    # and neither in the other's place
    equal(openssl(*strict, "-purpose", "sslserver", alice)[0], 2)
    equal(openssl(*strict, "-purpose", "sslclient", server)[0], 2)
    equal(openssl(*strict, "-verify_hostname", "www.example.org", server)[0], 2)


def case_keys_belong(c):
    c.init()
    profile, _ = c.client("alice")
    pairs = [(c.write("a.crt", profile["certificate"]), c.write("a.key", profile["key"]))]
    pairs += [(c.path(f"{n}.crt"), c.path(f"{n}.key")) for n in ("ca", "server")]
    for crt, key in pairs:
        code, public = openssl("pkey", "-in", key, "-pubout")
        equal(code, 0)
        equal(openssl("x509", "-in", crt, "-noout", "-pubkey"), (0, public))
        true("P-256" in openssl("pkey", "-in", key, "-noout", "-text")[1], f"{key} is not on P-256")


def extensions(path):
    """{name: value} as openssl prints them."""
    code, out = openssl("x509", "-in", path, "-noout", "-ext", "basicConstraints,keyUsage,extendedKeyUsage,subjectAltName,"
                        "subjectKeyIdentifier,authorityKeyIdentifier")
    equal(code, 0)
    lines = out.splitlines()
    return {a.strip().rstrip(":").replace(": critical", "!"): b.strip() for a, b in zip(lines[::2], lines[1::2])}


def case_extensions(c):
    c.init()
    profile, _ = c.client("alice")
    ca, server = extensions(c.path("ca.crt")), extensions(c.path("server.crt"))
    alice = extensions(c.write("alice.crt", profile["certificate"]))
    ca_id = ca.pop("X509v3 Subject Key Identifier")
    equal(ca, {"X509v3 Basic Constraints!": "CA:TRUE, pathlen:0", "X509v3 Key Usage!": "Certificate Sign, CRL Sign"})
    for cert in (server, alice):
        true(cert.pop("X509v3 Subject Key Identifier") != ca_id, "the key of the CA")
        equal(cert.pop("X509v3 Authority Key Identifier"), ca_id)
        equal(cert.pop("X509v3 Basic Constraints!"), "CA:FALSE")
        equal(cert.pop("X509v3 Key Usage!"), "Digital Signature")
    equal(server, {"X509v3 Extended Key Usage": "TLS Web Server Authentication",
                   "X509v3 Subject Alternative Name": "DNS:vpn.example.org"})
    equal(alice, {"X509v3 Extended Key Usage": "TLS Web Client Authentication"})
    equal(openssl("x509", "-in", c.path("server.crt"), "-noout", "-subject")[1], "subject=CN = vpn.example.org\n")


def valid_for(path, days):
    """Valid a minute before the end of 'days' from now, and not a minute after."""
    seconds = days * 86400
    equal(openssl("x509", "-in", path, "-noout", "-checkend", str(seconds - 60))[0], 0)
    equal(openssl("x509", "-in", path, "-noout", "-checkend", str(seconds + 60))[0], 1)


def case_days(c):
    c.init()
    valid_for(c.path("ca.crt"), 3650)
    valid_for(c.path("server.crt"), 730)
    valid_for(c.write("a", c.client("a")[0]["certificate"]), 730)
    valid_for(c.write("b", c.client("b", "--days", "1")[0]["certificate"]), 1)
    valid_for(c.write("c", c.client("c", "--days", "3650")[0]["certificate"]), 3650)
    shutil.rmtree(c.dir)
    c.init("--days", "90")
    valid_for(c.path("ca.crt"), 3650)
    valid_for(c.path("server.crt"), 90)


def case_bad_days(c):
    c.init()
    for days in ("0", "3651", "-1", "1x", "", "99999999999999999999", "0x10", " 7"):
        fails(2, f"--days {days}: not a number from 1 to 3650", "client", "--dir", c.dir, "a", "--days", days)


def case_index(c):
    c.init()
    profile, _ = c.client("alice")
    rows = c.index()
    equal([row[1] for row in rows], ["vpn.example.org", "alice"])
    for row, crt in zip(rows, (c.path("server.crt"), c.write("a.crt", profile["certificate"]))):
        equal(len(row), 4)
        serial = openssl("x509", "-in", crt, "-noout", "-serial")[1].strip().split("=")[1]
        equal(row[0], serial)
        true(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row[2]), row[2])
        end = openssl("x509", "-in", crt, "-noout", "-enddate", "-dateopt", "iso_8601")[1]
        equal(end.strip(), "notAfter=" + row[2].replace("T", " "))
        fingerprint = openssl("x509", "-in", crt, "-noout", "-fingerprint", "-sha256")[1]
        equal(row[3], fingerprint.strip().split("=")[1].replace(":", "").lower())
    true(rows[0][0] != rows[1][0], "the same serial twice")
    true(20 < len(rows[0][0]) <= 32, f"serial {rows[0][0]} is not one of 128 bits")


def case_issued_already(c):
    c.init()
    c.client("alice")
    until = c.index()[1][2][:10]
    line = f"'alice' has a certificate already (until {until}): --again makes another"
    fails(1, line, "client", "--dir", c.dir, "alice")
    fails(1, line.replace("alice", "vpn.example.org"), "client", "--dir", c.dir, "vpn.example.org")
    equal(len(c.index()), 2)
    c.client("alic")
    c.client("alice2")
    c.client("alice", "--again")
    equal([row[1] for row in c.index()], ["vpn.example.org", "alice", "alic", "alice2", "alice"])


def case_index_cut_short(c):
    """A last line that a full disk cut short must not swallow the next one."""
    c.init()
    with open(c.path("index.txt"), "a", encoding="ascii") as f:
        f.write("00AA bob")
    c.client("alice")
    equal([row[1] for row in c.index()], ["vpn.example.org", "bob", "alice"])
    fails(1, "'bob' has a certificate already (until ?): --again makes another", "client", "--dir", c.dir, "bob")


def case_profile(c):
    c.init()
    profile, text = c.client("alice@home")
    equal(sorted(profile), ["ca", "certificate", "key", "server-name"])
    equal(profile["server-name"], "vpn.example.org")
    lines = text.splitlines()
    true(lines[0].startswith("# ") and "alice@home" in lines[0], lines[0])
    true('remote = {"vpn.example.org:22424"}' in lines, "no remote")
    true('tap "cast0" {' in lines, "no tap")
    for option in ("certificate", "key", "ca"):
        true(re.fullmatch(r"-----BEGIN ([A-Z ]+)-----\n[A-Za-z0-9+/=\n]+\n-----END \1-----", profile[option]), option)
    equal(text.count("PRIVATE KEY"), 2)
    with open(c.path("ca.key"), encoding="ascii") as f:
        true(f.read().splitlines()[1] not in text, "the CA's key is in the profile")


def case_keys_are_fresh(c):
    c.init()
    true(c.client("a")[0]["key"] != c.client("b")[0]["key"], "the same key twice")


def case_remotes(c):
    c.init()
    _, text = c.client("a", "--remote", "192.0.2.7", "--remote", "[2001:db8::1]:443", "--remote", "2001:db8::2",
                       "--remote", "x.example:1", "--remote", "[fe80::1]")
    true('remote = {"192.0.2.7:22424", "[2001:db8::1]:443", "[2001:db8::2]:22424", "x.example:1", "[fe80::1]:22424"}'
         in text, text.split("tap")[0])


def case_bad_remotes(c):
    c.init()
    for remote in ("", ":1", "x:", "x:0", "x:65536", "x:01", "x:1x", "a b", "-x", "x-.y", "x..y", 'a"b', "a\nb", "[::1", "[::1]x",
                   "[]:1", "1.2.3.4.5", "300.1.1.1", "x" * 64, "::1:x"):
        fails(2, f"--remote '{remote}': not HOST, HOST:PORT or [IPV6]:PORT", "client", "--dir", c.dir, "a",
              "--remote", remote)
    equal(len(c.index()), 1)
    c.client("max", "--remote", "x:65535", *["--remote", "y"] * 31)
    fails(2, "--remote: at most 32", "client", "--dir", c.dir, "a", *["--remote", "y"] * 33)


def case_server_by_address(c):
    for host, remote, subject in (("192.0.2.7", "192.0.2.7:22424", "192.0.2.7"),
                                  ("2001:db8::7", "[2001:db8::7]:22424", "server")):
        equal(run("init", "--dir", c.dir, "--name", host)[0], 0)
        profile, text = c.client("alice")
        equal(profile["server-name"], host)
        true(f'remote = {{"{remote}"}}' in text, text.split("tap")[0])
        crt = c.path("server.crt")
        equal(openssl("verify", "-CAfile", c.path("ca.crt"), "-verify_ip", host, crt), (0, f"{crt}: OK\n"))
        equal(openssl("x509", "-in", crt, "-noout", "-subject")[1], f"subject=CN = {subject}\n")
        shutil.rmtree(c.dir)


def case_long_host(c):
    """A DNS name that is too long for a CN."""
    host = ".".join(["n" * 60] * 4)
    equal(run("init", "--dir", c.dir, "--name", host)[0], 0)
    equal(c.client("alice")[0]["server-name"], host)


def case_bad_hosts(c):
    for host in ("", "a b", "a/b", "-a", "a-", ".a", "a.", "a..b", "*.example.org", "a_b", "1.2.3", "256.1.1.1", "n" * 64,
                 ".".join(["n" * 63] * 4), "\u00e4.example", "a\nb"):
        fails(2, f"--name '{host[:200]}': neither a DNS name nor an IP address", "init", "--dir", c.dir, "--name", host)
    equal(os.listdir(c.top), [])


def case_bad_names(c):
    c.init()
    for name in ("", "a b", "a/b", "a\"b", "a\nb", "n" * 64, "\u00e4"):
        fails(2, f"'{name}' cannot be a client's name {NAME_RULE}", "client", "--dir", c.dir, name)
    c.client("n" * 63)
    c.client("A-Z_0.9@x")
    equal(len(c.index()), 3)


def case_existing_dir(c):
    line = f"{c.dir} exists already: nothing is overwritten, choose another --dir"
    os.mkdir(c.dir)
    fails(1, line, "init", "--dir", c.dir, "--name", "a")
    fails(1, line, "init", "--dir", c.dir + "/", "--name", "a")
    equal(os.listdir(c.dir), [])
    os.rmdir(c.dir)
    c.init()
    with open(c.path("ca.key"), encoding="ascii") as f:
        before = f.read()
    fails(1, line, "init", "--dir", c.dir, "--name", "a")
    with open(c.path("ca.key"), encoding="ascii") as f:
        equal(f.read(), before)
    os.symlink("/nonexistent/target", os.path.join(c.top, "link"))
    fails(1, f"{c.top}/link exists already: nothing is overwritten, choose another --dir", "init", "--dir",
          c.top + "/link", "--name", "a")
    equal(sorted(os.listdir(c.top)), ["link", "pki"])


def case_missing_dir(c):
    fails(1, f"{c.dir}/x: the directory it should be in does not exist", "init", "--dir", c.dir + "/x", "--name", "a")
    fails(1, f"{c.dir} does not exist: make it with castpki init", "client", "--dir", c.dir, "a")
    os.mkdir(c.dir)
    fails(1, f"CA {c.dir}/ca.crt: No such file or directory", "client", "--dir", c.dir, "a")


def case_damaged_dir(c):
    c.init()
    shutil.copy(c.path("server.key"), c.path("ca.key"))
    fails(1, f"{c.dir}/ca.key does not belong to ca.crt", "client", "--dir", c.dir, "a")
    os.unlink(c.path("ca.key"))
    fails(1, f"key {c.dir}/ca.key: No such file or directory", "client", "--dir", c.dir, "a")
    shutil.rmtree(c.dir)
    c.init()
    os.unlink(c.path("index.txt"))
    fails(1, f"{c.dir}/index.txt: No such file or directory", "client", "--dir", c.dir, "a")


def case_relative_dir(c):
    equal(run("init", "--dir", "pki", "--name", "a", cwd=c.top)[0], 0)
    equal(run("client", "--dir", "pki", "bob", cwd=c.top)[0], 0)


def case_terminal(c):
    """A private key does not go to a terminal."""
    c.init()
    primary, secondary = os.openpty()
    with os.fdopen(primary), os.fdopen(secondary, "w") as terminal:
        code, _, err = run("client", "--dir", c.dir, "alice", stdout=terminal)
    equal((code, err), (2, "castpki: a profile holds a private key: write it to a file (> alice.conf)\n"))
    equal(len(c.index()), 1)


def case_full_disk(c):
    c.init()
    with open("/dev/full", "w", encoding="ascii") as full:
        code, _, err = run("client", "--dir", c.dir, "alice", stdout=full)
    equal((code, err), (1, "castpki: writing the profile (issue it again with --again): No space left on device\n"))


def case_usage(c):
    fails(2, "a command is missing: init or client (see castpki --help)")
    fails(2, "frob: unknown command (init, client; see castpki --help)", "frob")
    fails(2, "--dir is missing: which directory?", "init", "--name", "a")
    fails(2, "--dir is missing: which directory?", "client", "a")
    fails(2, "--dir is empty", "init", "--dir", "", "--name", "a")
    fails(2, "--name is missing: which host do clients connect to?", "init", "--dir", c.dir)
    fails(2, "NAME is missing: whom is the profile for?", "client", "--dir", c.dir)
    fails(2, "--dir: its argument is missing", "init", "--name", "a", "--dir")
    fails(2, "--frob: unknown option", "init", "--frob")
    fails(2, "b: one argument too many", "client", "--dir", c.dir, "a", "b")
    fails(2, "init takes no a", "init", "--dir", c.dir, "--name", "a", "a")
    fails(2, "init takes no --again", "init", "--dir", c.dir, "--name", "a", "--again")
    fails(2, "init takes no --remote", "init", "--dir", c.dir, "--name", "a", "--remote", "b")
    fails(2, "client takes no --name: write NAME alone", "client", "--dir", c.dir, "--name", "a")
    equal(os.listdir(c.top), [])


def case_help(_):
    code, out, err = run("--help")
    equal((code, err), (0, ""))
    true(out.startswith("usage: castpki init --dir DIR --name HOST"), out)
    equal(run("client", "--help"), (code, out, err))
    code, out, err = run("--version")
    equal((code, err), (0, ""))
    true(re.fullmatch(r"castpki \d+\.\d+\S*\n", out), out)


def main():
    cases = [(name, fn) for name, fn in globals().items() if name.startswith("case_")]
    if not shutil.which("openssl"):
        print("1..0 # SKIP no openssl command")
        return 0
    print(f"1..{len(cases)}")
    failed = 0
    for number, (name, fn) in enumerate(cases, 1):
        title = name[5:].replace("_", " ")
        with tempfile.TemporaryDirectory(prefix="test_castpki.") as top:
            try:
                fn(Case(top))
                print(f"ok {number} - {title}")
            except AssertionError as e:
                failed += 1
                print(f"not ok {number} - {title}\n# {str(e)[:2000]!r}")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
