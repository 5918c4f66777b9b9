#!/usr/bin/env python3
"""castpki: what it makes and revokes, that openssl agrees, file modes, and one clear line for each mistake."""

import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("top_builddir") or "."
CASTPKI = os.path.abspath(os.path.join(BUILD, "castpki"))
NAME_RULE = "(allowed: 1 to 63 of A-Z a-z 0-9 . _ @ -)"


def run(*args, stdout=subprocess.PIPE, umask=0o022, **kw):
    done = subprocess.run([CASTPKI, *args], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True,
                          umask=umask, timeout=60, **kw)
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


def day(days):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86400))


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

    def revoke(self, *more, days=3650):
        """What was done, a line a certificate; then the file and the next step, which are checked here."""
        code, out, err = run("revoke", "--dir", self.dir, *more)
        equal((code, err), (0, ""))
        lines = out.splitlines()
        true(lines[-2].startswith(f"{self.path('ca.crl')}: written, number {self.crl_number()}, "), lines[-2])
        true(lines[-2].endswith(f", valid until {day(days)}"), lines[-2])
        equal(lines[-1], "next: put ca.crl where identity { crl = ... } of the server points and run: castctl reload")
        return lines[:-2]

    def crl_number(self):
        code, out = openssl("crl", "-in", self.path("ca.crl"), "-noout", "-crlnumber")
        equal(code, 0)
        return int(out.strip().split("=")[1], 16)

    def revoked(self):
        """The serials in ca.crl, in order of issue."""
        code, out = openssl("crl", "-in", self.path("ca.crl"), "-noout", "-text", "-verify", "-CAfile",
                            self.path("ca.crt"))
        equal(code, 0)
        true("verify OK" in out and "Version 2 (0x1)" in out, out)
        serials = re.findall(r"^    Serial Number: ([0-9A-F]+)$", out, re.M)
        return sorted(serials, key=[row[0] for row in self.index()].index)

    def listed(self):
        """The rows below the heading as (name, serial, until, state, fingerprint)."""
        code, out, err = run("list", "--dir", self.dir)
        equal((code, err), (0, ""))
        lines = out.splitlines()
        equal(lines[0].split(), ["NAME", "SERIAL", "VALID-UNTIL", "STATE", "FINGERPRINT"])
        at = [lines[0].index(word) for word in lines[0].split()] + [None]
        return [tuple(line[a:b].rstrip() for a, b in zip(at, at[1:])) for line in lines[1:]]

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
    true(f"{c.dir}/ca.crl: the revoked certificates, none yet" in out, "the list is not told")
    equal(sorted(os.listdir(c.dir)), ["ca.crl", "ca.crt", "ca.key", "index.txt", "server.crt", "server.key"])
    equal(os.listdir(c.top), ["pki"])  # no temporary directory is left


def case_modes_in_spite_of_umask(c):
    for umask in (0o000, 0o777):
        code, _, err = run("init", "--dir", c.dir, "--name", "a", umask=umask)
        equal((code, err), (0, ""))
        equal(mode(c.dir), "0o700")
        for name, want in (("ca.key", "0o600"), ("server.key", "0o600"), ("index.txt", "0o600"), ("ca.crt", "0o644"),
                           ("server.crt", "0o644"), ("ca.crl", "0o644")):
            equal((name, mode(c.path(name))), (name, want))
        shutil.rmtree(c.dir)


def case_profile_mode(c):
    c.init()
    path = os.path.join(c.top, "alice.conf")
    with open(path, "w", encoding="ascii") as f:
        os.fchmod(f.fileno(), 0o644)
        equal(run("client", "--dir", c.dir, "alice", stdout=f)[0], 0)
    equal(mode(path), "0o600")


def case_profile_in_a_file(c):
    c.init()
    path = os.path.join(c.top, "alice.conf")
    for umask in (0o000, 0o777):
        equal(run("client", "--dir", c.dir, "--again", "alice", "--out", path, umask=umask),
              (0, f"{path}: the profile with the private key; next, on the client: castswitch --config {path}\n", ""))
        equal(mode(path), "0o600")
        with open(path, encoding="ascii") as f:
            text = f.read()
        true(text.startswith('# castswitch client profile: "alice"') and text.endswith("}\n"), text)
        os.unlink(path)
    equal(run("client", "--dir", c.dir, "bob", "--out=bob.conf", cwd=c.top)[0], 0)
    equal(sorted(os.listdir(c.top)), ["bob.conf", "pki"])


def case_profile_is_never_overwritten(c):
    c.init()
    path, link = os.path.join(c.top, "alice.conf"), os.path.join(c.top, "link.conf")
    os.symlink("nowhere", link)
    for name in (c.write("alice.conf", "a good profile"), link, c.dir):
        for again in ((), ("--again",)):
            fails(1, f"{name} exists already: nothing is overwritten, choose another --out", "client", "--dir", c.dir,
                  "alice", "--out", name, *again)
    with open(path, encoding="ascii") as f:
        equal(f.read(), "a good profile\n")
    equal(len(c.index()), 1)  # and no certificate was made for nothing
    equal(sorted(os.listdir(c.top)), ["alice.conf", "link.conf", "pki"])


def case_profile_cannot_be_made(c):
    """Neither a file nor a certificate is left."""
    c.init()
    path = os.path.join(c.top, "a.conf")
    fails(1, f"{path}/x: Not a directory", "client", "--dir", c.dir, "a", "--out", c.write("a.conf", "") + "/x")
    os.unlink(path)
    fails(1, f"{c.top}/no/a.conf: No such file or directory", "client", "--dir", c.dir, "a", "--out",
          f"{c.top}/no/a.conf")
    fails(2, "--out is empty", "client", "--dir", c.dir, "a", "--out", "")
    equal(len(c.index()), 1)
    c.client("a")
    until = c.index()[1][2][:10]
    fails(1, f"'a' has a certificate already (until {until}): --again makes another", "client", "--dir", c.dir, "a",
          "--out", path)
    equal(os.listdir(c.top), ["pki"])


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


def verifies(c, path):
    """Whether openssl takes the certificate with ca.crl, and why not."""
    code, out = openssl("verify", "-crl_check", "-CAfile", c.path("ca.crt"), "-CRLfile", c.path("ca.crl"), path)
    return "" if code == 0 else re.search(r"error \d+ at 0 depth lookup: (.*)", out).group(1)


def case_empty_crl(c):
    c.init()
    equal(c.revoked(), [])
    equal(c.crl_number(), 1)
    equal(verifies(c, c.path("server.crt")), "")
    code, out = openssl("crl", "-in", c.path("ca.crl"), "-noout", "-nextupdate", "-dateopt", "iso_8601")
    equal((code, out[:21]), (0, "nextUpdate=" + day(3650)))


def case_revoke(c):
    c.init()
    alice, bob = (c.write(name, c.client(name)[0]["certificate"]) for name in ("alice", "bob"))
    serial, _, until, _ = c.index()[1]
    equal(c.revoke("alice"), [f"alice, serial {serial}: revoked, would have been valid until {until[:10]}"])
    equal(c.revoked(), [serial])
    equal(c.crl_number(), 2)
    equal((verifies(c, alice), verifies(c, bob)), ("certificate revoked", ""))
    equal(c.revoke("bob")[0][:4], "bob,")
    equal(len(c.revoked()), 2)
    equal(c.crl_number(), 3)
    equal((verifies(c, alice), verifies(c, bob), verifies(c, c.path("server.crt"))),
          ("certificate revoked", "certificate revoked", ""))


def case_revoke_again(c):
    """The second time changes nothing but the list's number and dates."""
    c.init()
    c.client("alice")
    c.revoke("alice")
    index, serials = c.index(), c.revoked()
    line = f"alice, serial {serials[0]}: was revoked on {day(0)} already"
    equal(c.revoke("alice"), [line])
    equal(c.revoke("--serial", serials[0], "--days", "7", days=7), [line])
    equal((c.index(), c.revoked(), c.crl_number()), (index, serials, 4))


def case_revoke_all_of_a_name(c):
    c.init()
    c.client("alice")
    c.client("alice2")
    c.client("alice", "--again")
    first, second = (row[0] for row in c.index() if row[1] == "alice")
    equal([line.split(": ")[1][:7] for line in c.revoke("alice")], ["revoked", "revoked"])
    equal(c.revoked(), [first, second])
    equal([row[3][:7] for row in c.listed()], ["valid", "revoked", "valid", "revoked"])


def case_revoke_by_serial(c):
    c.init()
    for _ in range(3):
        c.client("alice", "--again")
    serials = [row[0] for row in c.index()[1:]]
    with_colons = ":".join(serials[1][i:i + 2] for i in range(0, len(serials[1]), 2)).lower()
    true(c.revoke("--serial", with_colons)[0].startswith(f"alice, serial {serials[1]}: revoked"), "not this one")
    equal(c.revoked(), [serials[1]])
    c.revoke("alice", "--serial", "00" + serials[2])
    equal(c.revoked(), serials[1:])
    lines = c.revoke("alice")
    equal([line.split(": ")[1][:7] for line in lines], ["revoked", "was rev", "was rev"])
    equal(c.revoked(), serials)


def case_revoke_unknown(c):
    c.init()
    c.client("alice")
    serial = c.index()[1][0]
    see = f"see castpki list --dir {c.dir}"
    fails(1, f"'bob' has no certificate of this CA: {see}", "revoke", "--dir", c.dir, "bob")
    fails(1, f"this CA has no certificate with serial 12AB: {see}", "revoke", "--dir", c.dir, "--serial", "12AB")
    fails(1, f"'bob' has no certificate with serial {serial}: {see}", "revoke", "--dir", c.dir, "bob", "--serial",
          serial)
    for text in ("", "0", "xyz", "12 34", "-1", "0x12", "1" * 64):
        fails(2, f"--serial '{text}': not a serial number in hex", "revoke", "--dir", c.dir, "--serial", text)
    fails(2, f"'a b' cannot be a client's name {NAME_RULE}", "revoke", "--dir", c.dir, "a b")
    fails(2, "--days 3651: not a number from 1 to 3650", "revoke", "--dir", c.dir, "alice", "--days", "3651")
    equal((c.revoked(), c.crl_number(), len(c.index())), ([], 1, 2))


def set_index(c, rows):
    with open(c.path("index.txt"), "w", encoding="ascii") as f:
        f.writelines(" ".join(row) + "\n" for row in rows)


def case_revoke_expired(c):
    """One that has expired is not revoked, and no error; its other one is."""
    c.init()
    c.client("alice")
    c.client("alice", "--again")
    rows = c.index()
    rows[1][2] = "2020-02-29T00:00:00Z"
    set_index(c, rows)
    old, new = rows[1][0], rows[2][0]
    equal([row[2:4] for row in c.listed()[1:]], [("2020-02-29", "expired"), (rows[2][2][:10], "valid")])
    lines = c.revoke("alice")
    equal(lines[0], f"alice, serial {old}: has expired on 2020-02-29, nothing to revoke")
    true(lines[1].startswith(f"alice, serial {new}: revoked"), lines[1])
    equal(c.revoked(), [new])
    equal(c.revoke("--serial", old), lines[:1])
    equal(c.revoked(), [new])


def case_revoke_server(c):
    c.init()
    lines = c.revoke("vpn.example.org")
    equal(len(lines), 2)
    equal(lines[1], "note: this is the server's certificate; a client only sees that when its own profile has "
          "identity { crl = ... }")
    equal(verifies(c, c.path("server.crt")), "certificate revoked")


def case_new_certificate_after_revocation(c):
    """A revoked certificate is none: no --again is needed."""
    c.init()
    c.client("alice")
    c.revoke("alice")
    alice = c.write("alice", c.client("alice")[0]["certificate"])
    equal(verifies(c, alice), "")
    until = c.index()[-1][2][:10]
    fails(1, f"'alice' has a certificate already (until {until}): --again makes another", "client", "--dir", c.dir,
          "alice")
    equal([row[3] for row in c.listed() if row[0] == "alice"], [f"revoked on {day(0)}", "valid"])


def case_crl_file(c):
    """Replaced as a whole, with its mode; one that is missing or damaged is made anew with a higher number."""
    c.init()
    c.client("alice")
    for umask in (0o000, 0o777):
        code, _, err = run("revoke", "--dir", c.dir, "alice", umask=umask)
        equal((code, err, mode(c.path("ca.crl"))), (0, "", "0o644"))
    before = c.crl_number()
    with open(c.path("ca.crl.new"), "w", encoding="ascii") as f:
        f.write("of a run that was interrupted")
    with open(c.path("ca.crl"), encoding="ascii") as old:
        c.revoke("alice")
        equal(old.read().count("BEGIN X509 CRL"), 1)  # whoever has it open keeps the old one
    equal(c.crl_number(), before + 1)
    equal(sorted(os.listdir(c.dir)), ["ca.crl", "ca.crt", "ca.key", "index.txt", "server.crt", "server.key"])
    for damage in (lambda: os.unlink(c.path("ca.crl")), lambda: open(c.path("ca.crl"), "w", encoding="ascii").close()):
        damage()
        c.revoke("alice")
        true(c.crl_number() > before + 1, "the number went back")
        equal(len(c.revoked()), 1)


def case_crl_cannot_be_written(c):
    """The revocation is in the index by then; the next run makes up for it."""
    c.init()
    c.client("alice")
    os.mkdir(c.path("ca.crl.new"))
    fails(1, f"{c.dir}/ca.crl: File exists (the index is done: run this again)", "revoke", "--dir", c.dir, "alice")
    equal(c.revoked(), [])
    os.rmdir(c.path("ca.crl.new"))
    true("was revoked on" in c.revoke("alice")[0], "not recorded")
    equal(len(c.revoked()), 1)


def case_list(c):
    c.init()
    profile, _ = c.client("alice")
    c.client("n" * 63, "--days", "1")
    c.revoke("alice")
    rows = c.listed()
    equal([(row[0], row[2], row[3]) for row in rows],
          [("vpn.example.org", day(730), "valid"), ("alice", day(730), f"revoked on {day(0)}"),
           ("n" * 63, day(1), "valid")])
    equal([row[1] for row in rows], [row[0] for row in c.index()[:3]])
    out = openssl("x509", "-in", c.write("a", profile["certificate"]), "-noout", "-fingerprint", "-sha256")[1]
    equal(rows[1][4], out.strip().split("=")[1].replace(":", "").lower())
    for name in ("ca.key", "ca.crt", "ca.crl"):
        os.unlink(c.path(name))
    equal(c.listed(), rows)


def case_revoke_and_list_without_a_ca(c):
    for args in (("revoke", "--dir", c.dir, "a"), ("list", "--dir", c.dir)):
        fails(1, f"{c.dir} does not exist: make it with castpki init", *args)
    c.init()
    os.unlink(c.path("ca.key"))
    fails(1, f"key {c.dir}/ca.key: No such file or directory", "revoke", "--dir", c.dir, "a")
    os.unlink(c.path("index.txt"))
    fails(1, f"{c.dir}/index.txt: No such file or directory", "list", "--dir", c.dir)


def case_damaged_index(c):
    """A revocation that was cut short was none; lines that make no sense are shown as damaged and hurt nobody."""
    c.init()
    c.client("alice")
    alice = c.index()[1]
    cut = " ".join(alice + [f"{day(0)}T0"])
    with open(c.path("index.txt"), "a", encoding="ascii") as f:
        f.write("\n  \n00AA bob\n" + "x" * 300 + "\n\x00\x01\n00AC carol 2099-01-01T00:00:00Z 0123abcd\n" +
                cut)
    rows = c.listed()
    equal([row[0] for row in rows], ["vpn.example.org", "alice", "?", "bob", "?", "?", "carol"])
    equal([row[3] for row in rows], ["valid", "valid"] + ["damaged"] * 5)
    fails(1, f"'bob' has no certificate of this CA: see castpki list --dir {c.dir}", "revoke", "--dir", c.dir, "bob")
    c.revoke("alice")
    equal(c.revoked(), [alice[0]])
    equal(c.listed()[1][3], f"revoked on {day(0)}")
    with open(c.path("index.txt"), "a", encoding="ascii") as f:
        f.write(cut)
    equal(c.listed()[1][3], f"revoked on {day(0)}")  # a cut line doesn't undo it
    c.client("alice")  # the line that was cut does not stand in the way


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
    equal((code, err), (2, "castpki: a profile holds a private key: write it to a file (--out alice.conf)\n"))
    equal(len(c.index()), 1)


def case_full_disk(c):
    c.init()
    with open("/dev/full", "w", encoding="ascii") as full:
        code, _, err = run("client", "--dir", c.dir, "alice", stdout=full)
    equal((code, err), (1, "castpki: writing the profile (issue it again with --again): No space left on device\n"))


def case_full_disk_for_a_file(c):
    """What would be half a profile is no profile; a limit stands for the disk."""
    c.init()
    path = os.path.join(c.top, "a.conf")
    code, _, err = run("client", "--dir", c.dir, "a", "--out", path, restore_signals=False,
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500)))
    equal((code, err), (1, f"castpki: {path}: writing the profile (issue it again with --again): File too large\n"))
    equal(os.listdir(c.top), ["pki"])


def case_usage(c):
    fails(2, "a command is missing: init, client, revoke or list (see castpki --help)")
    fails(2, "frob: unknown command (init, client, revoke, list; see castpki --help)", "frob")
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
    fails(2, "init takes no --serial", "init", "--dir", c.dir, "--name", "a", "--serial=1")
    fails(2, "init takes no --out", "init", "--dir", c.dir, "--name", "a", "--out", "b")
    fails(2, "client takes no --serial", "client", "--dir", c.dir, "a", "--serial", "1")
    fails(2, "revoke takes no --name: write NAME alone", "revoke", "--dir", c.dir, "--name", "a")
    fails(2, "revoke takes no --again", "revoke", "--dir", c.dir, "a", "--again")
    fails(2, "revoke takes no --remote", "revoke", "--dir", c.dir, "a", "--remote", "b")
    fails(2, "NAME is missing: whose certificates are to be revoked? (or --serial HEX for one)", "revoke", "--dir",
          c.dir)
    fails(2, "--dir is missing: which directory?", "revoke", "a")
    fails(2, "b: one argument too many", "revoke", "--dir", c.dir, "a", "b")
    fails(2, "list takes no a", "list", "--dir", c.dir, "a")
    fails(2, "list takes no --name", "list", "--dir", c.dir, "--name", "a")
    fails(2, "list takes no --days", "list", "--dir", c.dir, "--days", "1")
    fails(2, "--dir is missing: which directory?", "list")
    fails(2, "client takes no --name: write NAME alone", "client", "--dir", c.dir, "--name", "a")
    equal(os.listdir(c.top), [])


def case_help(_):
    code, out, err = run("--help")
    equal((code, err), (0, ""))
    true(out.startswith("usage: castpki init --dir DIR --name HOST"), out)
    for command in ("client --dir DIR NAME", "revoke --dir DIR NAME", "list --dir DIR"):
        true("\n       castpki " + command in out, command)
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
