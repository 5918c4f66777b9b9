#!/usr/bin/env python3
"""The file of leases: a name has its address of the pool again after a restart and after a crash; a file that is no good
is kept aside; a directory that cannot be written to is no reason not to run."""

import json
import os
import re
import stat

import castnet
import casttest
from castnet import Failure, expect, wait_for
from castprobe import Mark, changed, read, write

POOL = 'pool = {"10.8.0.64/26", "fd08::/64"}'
WARNING = "castswitchd: warning: "


def lease_file(net):
    return os.path.join(net.dir, "state", "leases.json")


def setup():
    """Clients without addresses of their own."""
    net = castnet.Net(clients=2)
    os.mkdir(os.path.dirname(lease_file(net)))
    os.chmod(os.path.dirname(lease_file(net)), 0o777)  # for the account that the server runs as
    text = re.sub(r'peer "client\d" \{.*\}\n', "", read(net.server.config))
    net.good = changed(text, ("peers {  }", f'peers {{ lease-file = "{lease_file(net)}" {POOL} }}'))
    write(net.server.config, net.good)
    net.start_server()
    for client in net.clients:
        client.start()
        wait_leased(net, client)
    return net


def addresses(net, client):
    return net.peers()[client.name]["addresses"]


def wait_leased(net, client, timeout=15):
    """Until it has on its tap what the server says."""
    wait_for(f"{client.name} has its lease", lambda: client.name in net.peers() and
             set(addresses(net, client)) == set(client.ns.addresses(castnet.TAP)), timeout)


def had(net):
    return {c.name: addresses(net, c) for c in net.clients}


def in_file(net):
    """{name: addresses}"""
    return {x["name"]: x["addresses"] for x in json.loads(read(lease_file(net)))["leases"]}


def bare(addrs):
    return [a.partition("/")[0] for a in addrs]


def others_first(net, before):
    """Somebody else's place in the order: the second client comes first after the restart."""
    for client in reversed(net.clients):
        client.start()
        wait_leased(net, client)
    expect(had(net) == before, f"they had {before}, have {had(net)}")


@casttest.case("a new lease is in the file soon, and only for whom it concerns")
def written(net):
    want = {name: bare(addrs) for name, addrs in had(net).items()}
    wait_for(f"the file has {want}", lambda: in_file(net) == want)
    mode = os.stat(lease_file(net)).st_mode
    expect(not mode & (stat.S_IRWXO | stat.S_IWGRP), f"mode {mode:o}")


@casttest.case("the server ends and starts again: everybody has the same addresses, whoever comes first")
def restarted(net):
    before = had(net)
    for client in net.clients:
        client.stop()
    net.server.stop()
    mark = Mark(net.server)
    net.start_server()
    mark.wait(re.escape(f"castswitchd: info: 2 leases from {lease_file(net)}"))
    others_first(net, before)


@casttest.case("the same after a crash")
def killed(net):
    before = had(net)
    wait_for("the file is written", lambda: in_file(net).keys() == before.keys())
    for client in net.clients:
        client.stop()
    net.server.kill()
    net.start_server()
    others_first(net, before)


@casttest.case("the order in which they are not used any more is kept, too")
def order(net):
    one, two = net.clients
    for client in (two, one):
        client.stop()
        wait_for(f"{client.name} is gone", lambda c=client: c.name not in net.peers())
    net.server.stop()
    expect(list(in_file(net)) == [two.name, one.name], f"the file has {list(in_file(net))}")
    net.start_server()
    for client in net.clients:
        client.start()
        wait_leased(net, client)


@casttest.case("a reload does not touch it; another lease-file needs a restart")
def reloaded(net):
    before = had(net)
    out = net.server.castctl("reload")
    expect(out == "reloaded\n", out)
    write(net.server.config, changed(net.good, ("leases.json", "other.json")))
    out = net.server.castctl("reload")
    write(net.server.config, net.good)
    expect(out == "reloaded; needs a restart: lease-file\n", out)
    net.server.castctl("reload")
    expect(had(net) == before, f"they had {before}, have {had(net)}")
    expect(os.listdir(os.path.dirname(lease_file(net))) == ["leases.json"], "another file was made")


@casttest.case("another pool: leases that it cannot give are new")
def another_pool(net):
    before = had(net)
    for client in net.clients:
        client.stop()
    net.server.stop()
    write(net.server.config, changed(net.good, ("10.8.0.64/26", "10.8.0.128/26")))
    mark = Mark(net.server)
    net.start_server()
    mark.wait("castswitchd: notice: 2 leases are not possible any more")
    for client in net.clients:
        client.start()
        wait_leased(net, client)
    expect(not set(sum(had(net).values(), [])) & {a for a in sum(before.values(), []) if "." in a}, f"{had(net)}")
    for client in net.clients:
        client.stop()
    net.server.stop()
    write(net.server.config, net.good)
    net.start_server()
    for client in net.clients:
        client.start()
        wait_leased(net, client)


# --- files that are no good


def start_with(net, prepare):
    """The lines of a server that starts with what prepare() made of the file."""
    net.server.stop()
    prepare(lease_file(net))
    mark = Mark(net.server)
    net.start_server()
    for client in net.clients:
        wait_leased(net, client, 30)
    return mark


def put(text):
    def prepare(path):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    return prepare


@casttest.case("a file that is no good is kept aside with a word why, and all goes on with a new one", fresh=True)
def damaged(net):
    path = lease_file(net)
    mark = start_with(net, put('{"version": 1, "lea'))
    mark.wait(WARNING + re.escape(f"{path}: line 1: premature end of input near '\"lea'; it is {path}.bad now, all "
                                  "leases are new"))
    expect(read(f"{path}.bad") == '{"version": 1, "lea', "what was set aside is something else")
    wait_for("a new file", lambda: len(in_file(net)) == 2)
    mark = start_with(net, put("[]"))
    mark.wait(WARNING + re.escape(f"{path}: no list of leases of version 1; it is {path}.bad2 now, all leases are "
                                  "new"))
    expect(read(f"{path}.bad2") == "[]", "what was set aside is something else")

    def directory(name):
        os.unlink(name)
        os.mkdir(name)

    mark = start_with(net, directory)
    mark.wait(WARNING + re.escape(f"{path}: Invalid argument; it is {path}.bad3 now, all leases are new"))
    wait_for("a new file", lambda: len(in_file(net)) == 2)


@casttest.case("a directory that is not there, or not for the server: a warning, and it runs", fresh=True)
def no_directory(net):
    path = os.path.join(net.dir, "nowhere", "leases.json")
    write(net.server.config, changed(net.good, (lease_file(net), path)))
    mark = start_with(net, lambda _: None)
    mark.wait(WARNING + re.escape(f"{path}: No such file or directory; leases are not kept"))
    os.mkdir(os.path.dirname(path), 0o755)
    mark = start_with(net, lambda _: None)
    try:
        mark.wait(WARNING + re.escape(f"{path}: not written: Permission denied"))
    except Failure:
        # In a user namespace it is root's own directory.
        if not os.path.exists(path):
            raise


if __name__ == "__main__":
    casttest.main(setup)
