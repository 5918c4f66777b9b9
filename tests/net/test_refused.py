#!/usr/bin/env python3
"""The error catalogue, second part: peers that can't come in.  The line of the server and the line of the client are
compared as a whole, and the others do not notice: client 2 pings through all of it and loses nothing.

Each case has a network of its own because the server suppresses lines when many of this kind come."""

import contextlib
import os
import re

import castnet
import casttest
from castnet import TAP, SERVER_NAME, Program, expect, wait_for
from castprobe import (CONFIG, DATE, Certificate, Mark, Pings, call, client_config, day, edit, identity, pki, read,
                       write)

OTHER_PORT = 22425
BAD_CERTIFICATE = r"peer sent alert: bad certificate \(it refuses our certificate; its log says why\)"
AGAIN = r"; trying again in \d+\.\d s"
SERVER = f"{castnet.SERVER_UNDER4}:{castnet.PORT}".replace(".", r"\.")


def setup():
    """Client 1 is the one that does wrong, so it is not started."""
    net = castnet.Net(clients=2, extra='peer "gone" { disabled = true }')
    edit(net.server.config, (f'ca = "{net.pki}/ca.crt"', f'ca = "{net.pki}/ca.crt"\n\tcrl = "{net.pki}/ca.crl"'))
    net.start_server()
    net.clients[1].start()
    net.clients[1].wait_connected()
    return net


@contextlib.contextmanager
def wrong_peer(net, config, binary="castswitch"):
    """Runs client 1 with another configuration (a text), while client 2 must be served; ((server's lines), (its
    lines))."""
    one = net.clients[0]
    path = write(os.path.join(net.dir, "wrong-peer.conf"), config)
    marks = Mark(net.server), Mark(one)
    with Pings(net.clients[1], net.server.addr4), contextlib.ExitStack() as stack:
        program = Program("wrong peer", [castnet.binary(binary), "--config", path], one.ns, one.log)
        stack.callback(lambda: program.running() and program.kill())
        yield marks
        expect(program.running(), f"it ended with {program.process.poll()}: {marks[1].lines()}")
        expect(one.name not in net.peers(), "it is a peer")
        program.signal(15)
        expect(program.wait() == 0, "its exit code is not 0")


def at(client):
    """How the server's log calls an address of a client."""
    address = client.ns.ip_json("-4", "addr", "show", "dev", client.under)[0]["addr_info"][0]["local"]
    return re.escape(address) + r":\d+"


def refused(net, config, server_says, client_says, binary="castswitch"):
    """Patterns of what both say."""
    with wrong_peer(net, config, binary) as (server, client):
        server.wait(rf"castswitchd: warning: {at(net.clients[0])}{server_says}")
        client.wait(rf"castswitch: warning: {SERVER}: not connected: {client_says}{AGAIN}")
        # One line a try; another try comes after half a second.
        expect(len(server.lines()) <= 2 + len(client.lines()), f"too many lines: {server.lines()}")


def config_with(net, c, ca=None, *more, remote=None):
    return client_config(net, net.clients[0], identity(c.crt, c.key, ca or pki(net, "ca.crt"), *more), remote=remote)


@casttest.case("client of another CA", fresh=True)
def wrong_ca(net):
    other = Certificate(net, "other-ca", "other", "ca")
    c = Certificate(net, "stranger", "client1", "eku=clientAuth", ca=other.prefix)
    refused(net, config_with(net, c, None, f'server-name = "{SERVER_NAME}"'),
            ": not connected: peer's certificate is not signed by our CA", "peer sent alert: unknown CA")


@casttest.case("server of another CA", fresh=True)
def wrong_server_ca(net):
    other = Certificate(net, "other-ca", "other", "ca")
    c = Certificate(net, "good", "client1", "eku=clientAuth")
    refused(net, config_with(net, c, other.crt, f'server-name = "{SERVER_NAME}"'),
            ": not connected: peer sent alert: unknown CA", "peer's certificate is not signed by our CA")


@casttest.case("client's certificate that expires while it waits", fresh=True)
def expired(net):
    one = net.clients[0]
    c = Certificate(net, "ending", "client1", "eku=clientAuth", "ends=2")
    config = config_with(net, c, None, f'server-name = "{SERVER_NAME}"')
    one.ns.ip("link", "set", one.under, "down")
    try:
        with wrong_peer(net, config) as (server, client):
            client.wait(rf"castswitch: warning: our certificate expires on {DATE}")
            wait_for("the certificate has expired", lambda: call(
                net, "castswitch", "--check", "--config", os.path.join(net.dir, "wrong-peer.conf"))[0] == CONFIG)
            one.ns.ip("link", "set", one.under, "up")
            one.ns.ip("route", "replace", "default", "via", "198.51.100.5")
            server.wait(rf"castswitchd: warning: {at(one)}: not connected: certificate of 'client1' has expired on "
                        + DATE)
            client.wait(rf"castswitch: warning: {SERVER}: not connected: peer sent alert: certificate expired{AGAIN}")
    finally:
        one.ns.ip("link", "set", one.under, "up")
        one.ns.ip("route", "replace", "default", "via", "198.51.100.5")


@casttest.case("client's certificate that is not yet valid", fresh=True)
def not_yet(net):
    """The program itself would not start with it."""
    c = Certificate(net, "young", "client1", "eku=clientAuth", "from=10", "to=20")
    server = Mark(net.server)
    with Pings(net.clients[1], net.server.addr4):
        program = Program("s_client", ["openssl", "s_client", "-dtls1_2", "-connect",
                                       f"{castnet.SERVER_UNDER4}:{castnet.PORT}", "-cert", c.crt, "-key", c.key],
                          net.clients[0].ns, os.path.join(net.dir, "s_client.log"))
        try:
            server.wait(rf"castswitchd: warning: {at(net.clients[0])}: not connected: certificate of 'client1' is not "
                        rf"valid before {day(10)}")
            wait_for("it got an alert", lambda: "alert bad certificate" in program.output())
        finally:
            program.kill()


@casttest.case("revoked client", fresh=True)
def revoked(net):
    one = net.clients[0]
    net.castpki("client", "--dir", net.pki, "client1", "--remote", one.remote, "--again")
    config = read(one.config)
    net.castpki("revoke", "--dir", net.pki, "client1")
    net.server.castctl("reload")
    refused(net, config, rf": not connected: certificate of 'client1' was revoked on {day(0)}",
            "peer sent alert: certificate revoked")


@casttest.case("server's certificate used as a client's", fresh=True)
def server_as_client(net):
    block = identity(pki(net, "server.crt"), pki(net, "server.key"), pki(net, "ca.crt"),
                     f'server-name = "{SERVER_NAME}"')
    with wrong_peer(net, client_config(net, net.clients[0], block)) as (server, client):
        client.wait(r"castswitch: warning: our certificate is not for a client \(extended key usage\): peers may "
                    "refuse it")
        server.wait(rf"castswitchd: warning: {at(net.clients[0])}: not connected: certificate of '{SERVER_NAME}' is "
                    r"not for a client \(extended key usage\)")
        client.wait(rf"castswitch: warning: {SERVER}: not connected: peer sent alert: unsupported certificate{AGAIN}")


@contextlib.contextmanager
def other_server(net, block, more=""):
    """Another server, with this identity; its log as a mark."""
    host = castnet.Host.__new__(castnet.Host)
    host.name, host.log = "other server", os.path.join(net.dir, "other-server.log")
    mark = Mark(host)
    text = (f'listen {{ address = {{"{castnet.SERVER_UNDER4}"}} port = {OTHER_PORT} }}\n{block}{more}'
            f'control {{ socket = "{net.dir}/other.sock" }}\n')
    path = write(os.path.join(net.dir, "other-server.conf"), text)
    program = Program("other server", [castnet.binary("castswitchd"), "--config", path], net.server.ns, host.log)
    try:
        mark.wait(r"castswitchd: notice: castswitchd \S+ is ready")
        yield mark
        expect(program.running(), "it ended")
    finally:
        program.kill()


def other_refused(net, block, config, server_says, client_says, more=""):
    with other_server(net, block, more) as server, wrong_peer(net, config) as (_, client):
        server.wait(rf"castswitchd: warning: {at(net.clients[0])}: not connected: {server_says}")
        there = SERVER.replace(str(castnet.PORT), str(OTHER_PORT))
        client.wait(rf"castswitch: warning: {there}: not connected: {client_says}{AGAIN}")


def other_client(net, *more, ca=None):
    c = Certificate(net, "good", "client1", "eku=clientAuth")
    return config_with(net, c, ca, *more, remote=f"{castnet.SERVER_UNDER4}:{OTHER_PORT}")


@casttest.case("client's certificate that says nothing of its purpose", fresh=True)
def no_purpose(net):
    c = Certificate(net, "plain", "client1")
    refused(net, config_with(net, c, None, f'server-name = "{SERVER_NAME}"'),
            r": not connected: certificate of 'client1' is not for a client \(extended key usage\)",
            "peer sent alert: unsupported certificate")


@casttest.case("certificate of an authority used as a client's", fresh=True)
def authority_as_client(net):
    refused(net, client_config(net, net.clients[0], identity(pki(net, "ca.crt"), pki(net, "ca.key"), pki(net, "ca.crt"),
                                                             f'server-name = "{SERVER_NAME}"')),
            r": not connected: certificate of '.*' is a CA's, which no peer may use", "peer sent alert: unknown CA")


@casttest.case("server without extended master secret", fresh=True)
def no_extended_master_secret(net):
    """Another implementation: castswitchd always has it."""
    config = write(os.path.join(net.dir, "openssl.cnf"), "openssl_conf = top\n[top]\nssl_conf = ssl\n[ssl]\n"
                   "system_default = all\n[all]\nOptions = -ExtendedMasterSecret\n")
    # It ends with its input.
    silence = os.path.join(net.dir, "silence")
    os.mkfifo(silence)
    keeper = os.open(silence, os.O_RDWR)
    program = Program("s_server", ["env", f"OPENSSL_CONF={config}", "sh", "-c", f'exec "$@" < {silence}', "sh",
                                   "openssl", "s_server", "-dtls1_2", "-accept",
                                   f"{castnet.SERVER_UNDER4}:{OTHER_PORT}", "-cert", pki(net, "server.crt"), "-key",
                                   pki(net, "server.key"), "-CAfile", pki(net, "ca.crt"), "-Verify", "1"],
                      net.server.ns, os.path.join(net.dir, "s_server.log"))
    try:
        with wrong_peer(net, other_client(net, f'server-name = "{SERVER_NAME}"')) as (_, client):
            there = SERVER.replace(str(castnet.PORT), str(OTHER_PORT))
            client.wait(rf"castswitch: warning: {there}: not connected: peer does not support the extended master "
                        rf"secret \(RFC 7627\){AGAIN}")
    finally:
        program.kill()
        os.close(keeper)


@casttest.case("client's certificate used as a server's", fresh=True)
def client_as_server(net):
    c = Certificate(net, "liar", SERVER_NAME, "eku=clientAuth", f"san=DNS:{SERVER_NAME}")
    other_refused(net, identity(c.crt, c.key, pki(net, "ca.crt")), other_client(net, f'server-name = "{SERVER_NAME}"'),
                  "peer sent alert: unsupported certificate",
                  rf"certificate of '{SERVER_NAME}' is not for a server \(extended key usage\)")


@casttest.case("server of another name", fresh=True)
def server_name(net):
    c = Certificate(net, "elsewhere", "www.example.org", "eku=serverAuth", "san=DNS:www.example.org")
    other_refused(net, identity(c.crt, c.key, pki(net, "ca.crt")), other_client(net, f'server-name = "{SERVER_NAME}"'),
                  BAD_CERTIFICATE,
                  rf"the server's certificate is for 'www\.example\.org', not for '{SERVER_NAME}'")


@casttest.case("client that is not among the fingerprints", fresh=True)
def unpinned_client(net):
    known, good = Certificate(net, "known", "known"), Certificate(net, "good", "client1", "eku=clientAuth")
    config = config_with(net, good, None, f'server-name = "{SERVER_NAME}"',
                         remote=f"{castnet.SERVER_UNDER4}:{OTHER_PORT}")
    shown = good.fingerprint().replace(":", "").lower()
    other_refused(net, identity(pki(net, "server.crt"), pki(net, "server.key"), ""), config,
                  rf"peer's certificate is not one of the pinned ones \(fingerprint {shown}\)",
                  BAD_CERTIFICATE,
                  more=f'peer "known" {{ fingerprint = "{known.fingerprint()}" }}\n')


@casttest.case("server that is not among the fingerprints", fresh=True)
def unpinned_server(net):
    known, good = Certificate(net, "known", "known"), Certificate(net, "good", "client1", "eku=clientAuth")
    out = castnet.run("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", pki(net, "server.crt"))
    shown = out.partition("=")[2].strip().replace(":", "").lower()
    block = identity(good.crt, good.key, "", f'fingerprints = {{"{known.fingerprint()}"}}')
    refused(net, client_config(net, net.clients[0], block), ": not connected: " + BAD_CERTIFICATE,
            rf"peer's certificate is not one of the pinned ones \(fingerprint {shown}\)")


# --- those that the server knows and does not take


@casttest.case("client of another version of the protocol", fresh=True)
def version(net):
    c = Certificate(net, "good", "client1", "eku=clientAuth")
    text = "refused: no common protocol version: server speaks protocol 1, client 2"
    refused(net, config_with(net, c, None, f'server-name = "{SERVER_NAME}"'), f" client1: not connected: {text}", text,
            binary="tests/net/castswitch_newer")


def not_taken(net, name, text):
    c = Certificate(net, "known", name, "eku=clientAuth")
    refused(net, config_with(net, c, None, f'server-name = "{SERVER_NAME}"'),
            f" {re.escape(name)}: not connected: {text}", text)


@casttest.case("disabled peer, peer with the tap's name", fresh=True)
def disabled(net):
    not_taken(net, "gone", "refused: peer is disabled")
    not_taken(net, TAP, "refused: certificate name cannot be a peer name: the name is an interface of the server")


@casttest.case("name that can't be a peer's", fresh=True)
def bad_name(net):
    c = Certificate(net, "odd", "not a name", "eku=clientAuth")
    refused(net, config_with(net, c, None, f'server-name = "{SERVER_NAME}"'),
            r": not connected: certificate's name 'not a name' cannot be a peer's \(allowed: 1 to 63 of A-Z a-z 0-9 "
            r"\. _ @ -\)", BAD_CERTIFICATE)


@casttest.case("too many peers", fresh=True)
def too_many(net):
    edit(net.server.config, ("peers {  }", "peers { max = 1 }"))
    net.server.castctl("reload")
    try:
        not_taken(net, "one-more", "refused: no room for another peer: too many peers")
    finally:
        edit(net.server.config, ("peers { max = 1 }", "peers {  }"))
        net.server.castctl("reload")


@casttest.case("address pool exhausted", fresh=True)
def exhausted(net):
    """Of the four addresses one is the network's, one the broadcast's; client 1 holds none, the other two are
    reserved."""
    pool = 'peers { lease-file = "" pool = {"10.8.0.8/30"} }'
    edit(net.server.config, ("peers {  }", pool + '\npeer "holder" { address = {"10.8.0.9", "10.8.0.10"} }'))
    net.server.castctl("reload")
    try:
        not_taken(net, "late", "refused: no room for another peer: the address pool is exhausted")
    finally:
        edit(net.server.config, (pool + '\npeer "holder" { address = {"10.8.0.9", "10.8.0.10"} }', "peers {  }"))
        net.server.castctl("reload")


# --- tunnels inside of themselves


@casttest.case("server that is reached through the client's own interface", fresh=True)
def own_tap(net):
    one = net.clients[0]
    c = Certificate(net, "good", "client1", "eku=clientAuth")
    config = config_with(net, c, None, f'server-name = "{SERVER_NAME}"', remote="203.0.113.9")
    with wrong_peer(net, config) as (_, client):
        client.wait(r"castswitch: notice: connecting to 203\.0\.113\.9 .*")
        one.ns.ip("route", "add", "203.0.113.9/32", "dev", TAP)
        client.wait(r"castswitch: warning: 203\.0\.113\.9(:\d+)?: not connected: it would be reached through the "
                    f"tunnel itself{AGAIN}", 20)


@casttest.case("client that is reached through the server's own interface", fresh=True)
def through_server(net):
    """A second client on a host that is connected, which takes the server's address in the tunnel."""
    two = net.clients[1]
    c = Certificate(net, "inner", "inner", "eku=clientAuth")
    path = write(os.path.join(net.dir, "inner.conf"), client_config(
        net, two, identity(c.crt, c.key, pki(net, "ca.crt"), f'server-name = "{SERVER_NAME}"'),
        remote=net.server.addr4, control=f"{net.dir}/inner.sock", tap="cast9"))
    server, client = Mark(net.server), Mark(two)
    text = "refused: the way there leads through the tunnel itself"
    with Pings(two, net.server.addr4):
        program = Program("inner", [castnet.binary("castswitch"), "--config", path], two.ns, two.log)
        try:
            server.wait(rf"castswitchd: warning: {re.escape(two.addr4)}:\d+ inner: not connected: {text}")
            there = f"{re.escape(net.server.addr4)}:{castnet.PORT}"
            client.wait(rf"castswitch: warning: {there}: not connected: {text}{AGAIN}")
            expect("inner" not in net.peers(), "it is a peer")
        finally:
            program.kill()


# --- nobody there


@casttest.case("no server there, no such host", fresh=True)
def nobody(net):
    """Both at once, a resolver may take a while."""
    c = Certificate(net, "good", "client1", "eku=clientAuth")
    path = write(os.path.join(net.dir, "lost.conf"), client_config(
        net, net.clients[0], identity(c.crt, c.key, pki(net, "ca.crt")), remote="no-such-host.invalid",
        control=f"{net.dir}/lost.sock", tap="cast9"))
    with wrong_peer(net, config_with(net, c, remote=f"{castnet.SERVER_UNDER4}:9")) as (_, client):
        program = Program("lost", [castnet.binary("castswitch"), "--config", path], net.clients[0].ns,
                          net.clients[0].log)
        try:
            client.wait(r"castswitch: warning: no-such-host\.invalid: not connected: .+" + AGAIN, 20)
            client.wait(r"castswitch: warning: 192\.0\.2\.1:9: not connected: the other side is not reachable: "
                        "Connection refused" + AGAIN)
        finally:
            program.kill()


if __name__ == "__main__":
    casttest.main(setup)
