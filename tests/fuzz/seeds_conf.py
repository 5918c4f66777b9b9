"""Inputs of the configuration's target about ports: NICs, rules for groups, static groups and MAC addresses."""

PORT = """ router = always fast-leave = on learning = no isolate = yes protect-macs = off flood-unknown-unicast = no
	flood-broadcast = no flood-unregistered = yes flood-reports = yes max-macs = 1 max-groups = 2 max-hosts = 3
	max-source-records = 4 report-rate = 5 allow-groups = {239.0.0.0/8, ff05::/16, 239.1.2.3} deny-groups = {ff0e::1}
"""
NIC = "nic e { }\n"
VLANS = "switch { vlan-aware = true }\n"


def statics(kind, value, *titles):
    return NIC + "".join(f"{kind} \"{t}\" {{ {value} }}\n" for t in titles)


def groups(*titles, more=""):
    return statics("static-group", "ports = {e} " + more, *titles)


def macs(*titles, more=""):
    return statics("static-mac", "port = e " + more, *titles)


def conf_seeds():
    full = "tap t {" + PORT + "}\nnic a {" + PORT + "}\nnic 'b' { }\npeers {" + PORT + "}\npeer p {" + PORT + "}\n"
    full += "peer q { allow-groups = {} }\npeer r { }\n"
    full += "switch { vlan-aware = on forward-reserved = {01:80:c2:00:00:0e, '01-80-C2-00-00-00'} }\n"
    full += "snooping { strict-ssm = yes mrd-solicit = yes max-source-records = 1024 max-hosts = 1024 grace = 0 }\n"
    full += "static-group 239.1.2.3 { ports = {t, a, b} source = 192.0.2.1 vlan = 4094 }\n"
    full += "static-group 239.1.2.3 { ports = {a} }\nstatic-group '03:00:00:00:00:01' { ports = {a} vlan = 1 }\n"
    full += "static-mac '02:00:00:00:00:01' { port = b vlan = 7 sticky = yes }\n"
    full += "static-mac '02-00-00-00-00-01' { port = b }\n"
    seeds = {
        "ports": full,
        "nothing-to-switch": "switch { aging = 5m }\n",
        "nic-alone": NIC,
        "nic-mtu": NIC + "switch { mtu = 1400 }\n",
        "nic-names": "nic 'a b' { }\nnic '' { }\nnic .. { }\nnic { }\nnic 0123456789012345 { }\n",
        "nic-twice": NIC + NIC + "nic \"e\" { }\nnic 'e' { isolate = maybe }\n",
        "nic-many": "".join(f"nic e{i} {{}}\n" for i in range(65)),
        "nic-is-tap": NIC + "tap e { }\npeer e { }\n",
        "peer-is-nic": NIC + "peer e { }\n",
        "title-lines": "nic 'a\nb' { }\nstatic-group \"a\nb\" { }\nstatic-mac '\\'' { }\n",
        "reserved": NIC + "switch { forward-reserved = {01:80:c2:00:00:0e, 01:80:c2:00:00:10, '01-80-C2-00-00-0E', x}}",
        "groups": "nic e { allow-groups = {239.0.0.0/33, 224.0.0.0/3, fe00::/7, 10.0.0.0/8, 239.1.2.3/8, x,"
                  "240.0.0.0} }\n",
        "groups-edge": "nic e { allow-groups = {224.0.0.0/4, ff00::/8, 239.255.255.255, ff05::/16, ff05::/17} }\n",
        "groups-twice": "nic e { deny-groups = {239.1.2.3, 239.1.2.3/32} }\n",
        "group-titles": groups("", "239.1.2", "10.1.1.1", "224.0.0.1", "ff02::1", "239.1.2.0/24", "02:00:00:00:00:01"),
        "group-macs": groups("03:00:00:00:00:01", "01:00:5e:80:00:00", "01:00:5e:7f:ff:ff", "33:33:00:00:00:01",
                             "01:80:c2:00:00:0f", "01:80:c2:00:00:10", "ff:ff:ff:ff:ff:ff"),
        "group-without": NIC + "static-group 239.1.2.3 { }\nstatic-group { }\nstatic-group 239.1.2.4 { ports = {} }",
        "group-twice": VLANS + groups("ff05::1", "FF05:0::1", more="vlan = 5") +
                       "static-group ff05::1 { ports = {e} source = fd08::1 }\nstatic-group ff05::1 { ports = {e} }\n",
        "group-ports": NIC + "static-group 239.1.2.3 { ports = {e, f, 'a b', e} }\n",
        "group-peers": "listen { }\nidentity { certificate = a key = b ca = c }\n"
                       "static-group 239.1.2.3 { ports = {alice@example.org} }\n"
                       "static-mac 02:00:00:00:00:01 { port = b }\n",
        "group-no-peers": groups("239.1.2.3").replace("{e}", "{e, alice}"),
        "group-sources": groups("232.1.2.3", "ff35::1", "03:00:00:00:00:01", more="source = 192.0.2.1"),
        "group-no-hosts": groups("232.1.2.3", more="source = 255.255.255.255") +
                          groups("ff35::1", more="source = ::").replace(NIC, ""),
        "group-vlan": groups("239.1.2.3", more="vlan = 1"),
        "vlan-range": VLANS + groups("239.1.2.3", more="vlan = 0") + macs("02:00:00:00:00:01", more="vlan = 4095"),
        "mac-titles": macs("01:00:00:00:00:01", "00:00:00:00:00:00", "02:00:00:00:00", "239.1.2.3", "e"),
        "mac-without": NIC + "static-mac 02:00:00:00:00:01 { }\nstatic-mac { }\n",
        "mac-twice": VLANS + macs("02:00:00:00:00:0a", "02-00-00-00-00-0A") + "static-mac 02:00:00:00:00:0a "
                     "{ port = e vlan = 1 }\n",
        "mac-no-port": macs("02:00:00:00:00:01").replace("= e", "= f") +
                       "static-mac 02:00:00:00:00:02 { port = 'a b' }\n",
        "snooping-more": NIC + "snooping { strict-ssm = x grace = 2h max-hosts = 1 max-source-records = 0 }\n",
    }
    return {"port-" + name: text.encode() for name, text in seeds.items()}
