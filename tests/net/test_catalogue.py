#!/usr/bin/env python3
"""The error catalogue, first part: where a program can't start.  Each thing that goes wrong in practice has one clear
line, the whole of which is compared here, and an exit code.  (What goes wrong with peers is in test_refused.py.)"""

import os

import castnet
import casttest
from castnet import TAP, SERVER_NAME
from castprobe import (BARE, CONFIG, PRIVILEGE, RUNTIME, Certificate, call, changed, client_config, day, edit,
                       expect_end, identity, pki, read, write)

DAEMONS = ("castswitchd", "castswitch")
OTHER_PORT = 22425


def setup():
    net = castnet.Net(clients=1)
    edit(net.server.config, (f'ca = "{net.pki}/ca.crt"', f'ca = "{net.pki}/ca.crt"\n\tcrl = "{net.pki}/ca.crl"'))
    net.start_server()
    return net


def second(net, *changes):
    """The configuration of another server that would fit beside the first.  As root: a machine need not have the
    user."""
    text = changed(read(net.server.config), ("mtu = 1400", 'mtu = 1400 user = "root"'), (f'"{TAP}"', '"cast9"'),
                   ("10.8.0.", "10.9.0."), ("fd08::", "fd09::"),
                   (f"port = {castnet.PORT}", f"port = {OTHER_PORT}"), ("server.sock", "second.sock"), *changes)
    return write(os.path.join(net.dir, "second.conf"), text)


def second_client(net, crt, key, ca=None):
    return write(os.path.join(net.dir, "second-client.conf"), client_config(
        net, net.clients[0], identity(crt, key, ca or pki(net, "ca.crt")) + 'switch { user = "root" }\n',
        control=f"{net.dir}/second.sock", tap="cast9"))


def both(net, code, text, wrapper=(), server=None, client=None):
    """Both programs end with this code and line."""
    good = Certificate(net, "good", "client1", "eku=clientAuth")
    configs = (server or second(net), client or second_client(net, good.crt, good.key))
    for name, config in zip(DAEMONS, configs):
        expect_end(net, code, f"{name}: {text}\n", name, "--config", config, wrapper=wrapper,
                   ns=net.clients[0].ns if name == "castswitch" else net.server.ns)


# --- what the programs need of their machine


@casttest.case("port in use")
def port_in_use(net):
    config = second(net, (str(OTHER_PORT), str(castnet.PORT)))
    expect_end(net, RUNTIME, f"castswitchd: 0.0.0.0:{castnet.PORT}: address already in use\n", "castswitchd",
               "--config", config)
    config = second(net, (str(OTHER_PORT), str(castnet.PORT)), ('"0.0.0.0", ', ""))
    expect_end(net, RUNTIME, f"castswitchd: [::]:{castnet.PORT}: address already in use\n", "castswitchd", "--config",
               config)


@casttest.case("address that this host does not have")
def foreign_address(net):
    config = second(net, ('"0.0.0.0", "::"', '"192.0.2.77"'))
    expect_end(net, RUNTIME, f"castswitchd: 192.0.2.77:{OTHER_PORT}: cannot assign requested address\n", "castswitchd",
               "--config", config)


@casttest.case("tap name in use")
def tap_in_use(net):
    ns = net.clients[0].ns
    ns.ip("tuntap", "add", "cast9", "mode", "tap")
    net.server.ns.ip("tuntap", "add", "cast9", "mode", "tap")
    try:
        both(net, RUNTIME, "cast9: an interface of that name exists already")
    finally:
        ns.ip("link", "del", "cast9")
        net.server.ns.ip("link", "del", "cast9")


@casttest.case("no /dev/net/tun")
def no_tun(net):
    hide = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh")
    both(net, RUNTIME, "cast9: there is no /dev/net/tun (is the kernel module tun loaded?)", wrapper=hide)


@casttest.case("/dev/net/tun that may not be opened")
def closed_tun(net):
    shut = ("unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev/net && touch /dev/net/tun && chmod 0 /dev/net/tun "
            '&& exec setpriv --bounding-set=-dac_override,-dac_read_search -- "$@"', "sh")
    both(net, PRIVILEGE, "cast9: can't open /dev/net/tun: Permission denied", wrapper=shut)


@casttest.case("no privilege: exit code 4")
def no_privilege(net):
    both(net, PRIVILEGE, "cast9: not allowed to create a network interface (start it as root, or with CAP_NET_ADMIN)",
         wrapper=BARE)
    ordinary = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
    if call(net, "castpki", "--version", wrapper=ordinary)[0] != 0:
        casttest.note("no other user to be here, or it may not run what was built")
        return
    for host in (net.server, net.clients[0]):
        expect_end(net, CONFIG, f"{host.binary}: {host.config}: Permission denied\n", host.binary, "--config",
                   host.config, wrapper=ordinary)


@casttest.case("control socket: another program, a file in its place, no directory")
def control_socket(net):
    config = second(net, ("second.sock", "server.sock"))
    expect_end(net, RUNTIME, f"castswitchd: another castswitchd is running (socket {net.server.socket})\n",
               "castswitchd", "--config", config)
    config = second(net, ("second.sock", "server.conf"))
    expect_end(net, RUNTIME, f"castswitchd: {net.server.config} exists and is not a socket\n", "castswitchd",
               "--config", config)
    config = second(net, ("second.sock", "none/second.sock"))
    expect_end(net, RUNTIME, f"castswitchd: cannot open socket {net.dir}/none/second.sock: No such file or directory\n",
               "castswitchd", "--config", config)


@casttest.case("user that does not exist")
def no_user(net):
    if castnet.INSIDE in os.environ:
        raise castnet.Skip("in a user namespace there are no other users")
    config = second(net, ('user = "root"', 'user = "nobody-here"'))
    expect_end(net, PRIVILEGE, "castswitchd: user 'nobody-here' does not exist (create it: useradd --system "
               "--no-create-home nobody-here; or set switch { user = \"root\" })\n", "castswitchd", "--config", config)


# --- keys and certificates of one's own


def own(net, crt, key, text, ca=None, wrapper=()):
    """Both programs refuse to start with these files."""
    config = second(net, (pki(net, "server.crt"), crt), (pki(net, "server.key"), key),
                    (f'ca = "{pki(net, "ca.crt")}"', f'ca = "{ca or pki(net, "ca.crt")}"'))
    both(net, CONFIG, text, wrapper=wrapper, server=config, client=second_client(net, crt, key, ca))


@casttest.case("missing, unreadable and empty key")
def key_files(net):
    crt, key, none = pki(net, "server.crt"), pki(net, "server.key"), os.path.join(net.dir, "none.key")
    own(net, crt, none, f"key {none}: No such file or directory")
    own(net, none, key, f"certificate {none}: No such file or directory")
    write(none, "")
    own(net, crt, none, f"key {none}: no private key in PEM form in it")
    own(net, none, key, f"certificate {none}: no certificate in PEM form in it")
    os.chmod(none, 0)
    own(net, crt, none, f"key {none}: Permission denied", wrapper=BARE)
    os.remove(none)
    own(net, crt, net.dir, f"key {net.dir}: Is a directory")


@casttest.case("key of another certificate")
def other_key(net):
    crt, key = pki(net, "server.crt"), pki(net, "ca.key")
    own(net, crt, key, f"key {key}: does not belong to certificate {crt}")


@casttest.case("key with a passphrase, damaged key")
def passphrase(net):
    c = Certificate(net, "secret", SERVER_NAME, "passphrase=secret")
    own(net, c.crt, c.key,
        f"key {c.key}: is protected by a passphrase, which nobody is there to type: store it without")
    key = write(os.path.join(net.dir, "damaged.key"), read(pki(net, "server.key"))[:-60])
    own(net, pki(net, "server.crt"), key, f"key {key}: the PEM text is damaged")


@casttest.case("own certificate expired, not yet valid")
def own_dates(net):
    c = Certificate(net, "old", SERVER_NAME, "from=-20", "to=-10")
    own(net, c.crt, c.key, f"certificate {c.crt}: has expired on {day(-10)}")
    c = Certificate(net, "young", SERVER_NAME, "from=10", "to=20")
    own(net, c.crt, c.key, f"certificate {c.crt}: is not valid before {day(10)}: is the clock right?")


@casttest.case("CA that is missing, no CA, or expired")
def bad_ca(net):
    crt, key, none = pki(net, "server.crt"), pki(net, "server.key"), os.path.join(net.dir, "none.crt")
    own(net, crt, key, f"CA {none}: No such file or directory", ca=none)
    own(net, crt, key, f"CA {crt}: certificate of '{SERVER_NAME}' is not a CA's", ca=crt)
    old = Certificate(net, "old-ca", "old", "ca", "from=-20", "to=-10")
    own(net, crt, key, f"CA {old.crt}: has expired on {day(-10)}", ca=old.crt)


@casttest.case("list of revoked certificates: missing, of another CA")
def bad_crl(net):
    none = os.path.join(net.dir, "none.crl")
    config = second(net, (pki(net, "ca.crl"), none))
    expect_end(net, CONFIG, f"castswitchd: CRL {none}: No such file or directory\n", "castswitchd", "--config", config)
    config = second(net, (pki(net, "ca.crl"), pki(net, "ca.crt")))
    expect_end(net, CONFIG, f"castswitchd: CRL {pki(net, 'ca.crt')}: no CRL in PEM form in it\n", "castswitchd",
               "--config", config)


# --- mistakes in the configuration (tests/unit/conf_errors.golden has many more)


def wrong_line(net, host, change, text):
    path = os.path.join(net.dir, "wrong.conf")
    content = changed(read(host.config), change)
    write(path, content)
    line = content[:content.index(change[1])].count("\n") + 1
    for more in ((), ("--check",)):
        expect_end(net, CONFIG, f"{host.binary}: {path}:{line}: {text}\n", host.binary, "--config", path, *more)


MISTAKES = (
    ("mtu = 1400", "mut = 1400",
     "mut: unknown option (allowed: aging, max-macs, vlan-aware, forward-reserved, mtu, user)"),
    ("mtu = 1400", "mtu = 12", "mtu: '12' is out of range (allowed: 1280 to 8000 bytes)"),
    ("mtu = 1400", "mtu = lots", "mtu: 'lots' is not a number (allowed: 1280 to 8000 bytes)"),
    ('"0.0.0.0", "::"', '"0.0.0.256"', "address: '0.0.0.256' is not an address (allowed: such as 10.8.0.1, fd08::1)"),
    ('"10.8.0.11"', '"10.99.0.11"',
     "address: 10.99.0.11 is in no network of the tap (allowed: an address in one)"),
    ("snooping {  }", "snooping { querier = maybe }", "querier: 'maybe' is unknown (allowed: auto, on, off)"),
    ("peers {  }", "peers { keepalive = 3x }", "keepalive: '3x' is not a duration (allowed: 1s to 10m)"),
    ("peers {  }", 'peers { pool = "10.8.0.0/24" }',
     "pool: a list without braces (allowed: pool = {VALUE, ...})"),
)
CLIENT_MISTAKE = "tap: not an interface name (allowed: 1 to 15 of A-Z a-z 0-9 . _ -)"


@casttest.case("mistakes in the configuration")
def mistakes(net):
    none = os.path.join(net.dir, "none.conf")
    for host in net.hosts:
        expect_end(net, CONFIG, f"{host.binary}: {none}: No such file or directory\n", host.binary, "--config", none)
    for old, new, text in MISTAKES:
        wrong_line(net, net.server, (old, new), text)
    wrong_line(net, net.clients[0], (f'tap "{TAP}"', 'tap "longer-than-interfaces"'), CLIENT_MISTAKE)


if __name__ == "__main__":
    casttest.main(setup)
