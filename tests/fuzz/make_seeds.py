#!/usr/bin/env python3
"""Writes the hand-made inputs of the fuzz targets into tests/fuzz/corpus/<target>/.

usage: make_seeds.py [DIRECTORY]

The files are committed: they are sources.  A seed's name says what it is; files named by 40 hexadecimal digits beside
them were found by a fuzzer and are not touched.  Each target's layout of input is told at the top of fuzz_<target>.c.
"""

import json
import os
import sys

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def be(value, size):
    return value.to_bytes(size, "big")


def csum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(data[i] << 8 | data[i + 1] for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def with_csum(data, at, start=b""):
    return data[:at] + be(csum(start + data), 2) + data[at + 2:]


def ip4(text):
    return bytes(map(int, text.split(".")))


def ip6(head, tail=b""):
    return head + bytes(16 - len(head) - len(tail)) + tail


# --- frames

HOST = bytes.fromhex("020000000002")
SRC = bytes.fromhex("020000000001")
GROUP4 = bytes.fromhex("01005e010203")
GROUP6 = bytes.fromhex("333300001234")
IPV4, IPV6, ARP = b"\x08\x00", b"\x86\xdd", b"\x08\x06"
LINK_LOCAL = ip6(b"\xfe\x80", b"\x01")
ALERT4 = b"\x94\4\0\0"
ALERT6 = b"\5\2\0\0\1\0"


def ipv4(payload, proto=17, dst="239.1.2.3", src="10.0.0.1", options=b"", ttl=1, fragment=0):
    length = 20 + len(options)
    header = bytes([0x40 | length // 4, 0xB8]) + be(length + len(payload), 2) + be(0, 2) + be(fragment, 2)
    header += bytes([ttl, proto, 0, 0]) + ip4(src) + ip4(dst) + options
    return with_csum(header, 10) + payload


def ipv6(payload, proto=17, dst=ip6(b"\xff\x3e", b"\x12\x34"), src=LINK_LOCAL, hops=1):
    return b"\x6b\x81\x23\x45" + be(len(payload), 2) + bytes([proto, hops]) + src + dst + payload


def extension(following, body):
    return bytes([following, (len(body) + 2) // 8 - 1]) + body


def igmp(payload, dst, options=ALERT4, **rest):
    return ipv4(with_csum(payload, 2), proto=2, dst=dst, options=options, **rest)


def mld(payload, dst, src=LINK_LOCAL, alert=True):
    pseudo = src + dst + be(len(payload), 4) + be(58, 4)
    message = with_csum(payload, 2, pseudo)
    return ipv6(extension(58, ALERT6) + message, proto=0, dst=dst, src=src)


UDP = be(5000, 2) + be(5001, 2) + be(12, 2) + be(0, 2) + b"data"
TCP = be(80, 2) + be(4711, 2) + bytes(8) + b"\x50\x10" + bytes(6) + b"x" * 40


def igmp3_record(kind, group, sources=(), aux=b""):
    return bytes([kind, len(aux) // 4]) + be(len(sources), 2) + ip4(group) + b"".join(map(ip4, sources)) + aux


def mld2_record(kind, group, sources=(), aux=b""):
    return bytes([kind, len(aux) // 4]) + be(len(sources), 2) + group + b"".join(sources) + aux


G4 = "239.1.2.3"
G6 = ip6(b"\xff\x3e", b"\x12\x34")
S6 = ip6(b"\x20\x01\x0d\xb8", b"\x09")

# Messages without checksum: name -> (family is MLD, destination, bytes)
MESSAGES = {
    "igmp1-query": (False, "224.0.0.1", b"\x11\0\0\0" + bytes(4)),
    "igmp2-query": (False, "224.0.0.1", b"\x11\x64\0\0" + bytes(4)),
    "igmp2-query-group": (False, G4, b"\x11\x0a\0\0" + ip4(G4)),
    "igmp3-query": (False, "224.0.0.1", b"\x11\x64\0\0" + bytes(4) + b"\x02\x7d\0\0"),
    "igmp3-query-sources": (False, G4, b"\x11\xff\0\0" + ip4(G4) + b"\x0f\xff\0\2" + ip4("10.0.0.9") + ip4("10.0.0.8")),
    "igmp3-query-cut": (False, G4, b"\x11\x0a\0\0" + ip4(G4) + b"\x02\x7d"),
    "igmp1-report": (False, G4, b"\x12\0\0\0" + ip4(G4)),
    "igmp2-report": (False, G4, b"\x16\0\0\0" + ip4(G4)),
    "igmp2-leave": (False, "224.0.0.2", b"\x17\0\0\0" + ip4(G4)),
    "igmp3-report": (False, "224.0.0.22", b"\x22\0\0\0\0\0\0\3" + igmp3_record(4, G4) +
                     igmp3_record(1, "232.1.1.1", ["10.0.0.9", "10.0.0.8"]) +
                     igmp3_record(6, G4, ["10.0.0.7"], b"auxi")),
    "igmp3-report-aux": (False, "224.0.0.22", b"\x22\0\0\0\0\0\0\2" +
                         igmp3_record(4, G4, ["10.0.0.7"], b"auxiliary da") + igmp3_record(3, G4, ["10.0.0.7"])),
    "igmp3-query-lies": (False, G4, b"\x11\x0a\0\0" + ip4(G4) + b"\x02\x7d\0\2" + ip4("10.0.0.9")),
    "igmp3-report-lies": (False, "224.0.0.22", b"\x22\0\0\0\0\0\0\2" + igmp3_record(4, G4)),
    "igmp-dvmrp": (False, "224.0.0.4", b"\x13\1\0\0" + bytes(4)),
    "igmp-mrd": (False, "224.0.0.106", b"\x30\x14\0\0" + bytes(4)),
    "mld1-query": (True, ip6(b"\xff\2", b"\1"), b"\x82\0\0\0\x27\x10\0\0" + bytes(16)),
    "mld1-report": (True, G6, b"\x83\0\0\0" + bytes(4) + G6),
    "mld1-done": (True, ip6(b"\xff\2", b"\2"), b"\x84\0\0\0" + bytes(4) + G6),
    "mld2-query": (True, ip6(b"\xff\2", b"\1"), b"\x82\0\0\0\x27\x10\0\0" + bytes(16) + b"\x02\x7d\0\0"),
    "mld2-query-sources": (True, G6, b"\x82\0\0\0\x83\xe8\0\0" + G6 + b"\x0a\x8d\0\1" + S6),
    "mld2-report": (True, ip6(b"\xff\2", b"\x16"), b"\x8f\0\0\0\0\0\0\2" + mld2_record(3, G6, [S6], b"auxi") +
                    mld2_record(4, ip6(b"\xff\2", b"\xfb"))),
    "mld2-report-mapped": (True, ip6(b"\xff\2", b"\x16"), b"\x8f\0\0\0\0\0\0\1" +
                           mld2_record(4, ip6(b"", b"\xff\xff" + ip4(G4)), [ip6(b"", b"\xff\xff\x0a\0\0\1")])),
    "mld-mrd": (True, ip6(b"\xff\2", b"\x6a"), b"\x97\x14\0\0" + bytes(4)),
}


def frame_seeds():
    def plain(*parts, gso=0, flags=0):
        return be(gso, 2) + bytes([flags]) + b"".join(parts)

    hop = extension(17, ALERT6)
    chain = extension(60, bytes(6)) + extension(43, bytes(6)) + extension(44, bytes(6)) + b"\x11\0\0\0\0\0\0\1" + UDP
    tcp4, udp6 = ipv4(TCP, proto=6, dst="10.0.0.2"), ipv6(UDP)
    long4 = tcp4[:2] + b"\xff\xf5" + tcp4[4:]
    long6 = udp6[:4] + b"\xff\xff" + udp6[6:]
    seeds = {
        "arp": plain(b"\xff" * 6, SRC, ARP, bytes(28)),
        "empty": plain(),
        "runt": plain(HOST, SRC, b"\x08"),
        "group-source": plain(HOST, GROUP4, ARP),
        "reserved": plain(bytes.fromhex("0180c2000000"), SRC, b"\0\x27", bytes(39)),
        "udp4": plain(GROUP4, SRC, IPV4, ipv4(UDP)),
        "udp4-cut": plain(GROUP4, SRC, IPV4, ipv4(UDP)[:-1]),
        "udp4-cut-unicast": plain(HOST, SRC, IPV4, ipv4(UDP)[:-1]),
        "udp6-cut-payload": plain(HOST, SRC, IPV6, ipv6(UDP)[:-1]),
        "tag-cut": plain(GROUP4, SRC, b"\x81\0\x60"),
        "udp4-padded": plain(GROUP4, SRC, IPV4, ipv4(UDP), bytes(18)),
        "udp4-options": plain(GROUP4, SRC, IPV4, ipv4(UDP, options=b"\1\1\x07\6\4abc\0\0\0\0"[:12])),
        "udp4-options-lie": plain(GROUP4, SRC, IPV4, ipv4(UDP, options=b"\x94\6\0\0")),
        "udp4-option-short": plain(GROUP4, SRC, IPV4, ipv4(UDP, options=b"\7\1\0\0")),
        "udp4-fragment": plain(GROUP4, SRC, IPV4, ipv4(UDP, fragment=0x2000)),
        "udp4-fragment-last": plain(GROUP4, SRC, IPV4, ipv4(UDP, fragment=100)),
        "bad-ip4": plain(GROUP4, SRC, IPV4, b"\x44" + bytes(19)),
        "bad-ip6": plain(GROUP6, SRC, IPV6, b"\x60" + bytes(20)),
        "tagged": plain(GROUP4, SRC, b"\x81\0\x60\x64", IPV4, ipv4(UDP)),
        "tagged-twice": plain(GROUP6, SRC, b"\x88\xa8\0\x64\x81\0\0\x65", IPV6, ipv6(UDP)),
        "bad-vlan": plain(GROUP4, SRC, b"\x81\0\x0f\xff", IPV4, ipv4(UDP)),
        "udp6": plain(GROUP6, SRC, IPV6, ipv6(UDP)),
        "udp6-hop": plain(GROUP6, SRC, IPV6, ipv6(hop + UDP, proto=0)),
        "udp6-chain": plain(GROUP6, SRC, IPV6, ipv6(chain, proto=60)),
        "udp6-hops": plain(GROUP6, SRC, IPV6, ipv6(extension(0, ALERT6) + extension(17, ALERT6) + UDP, proto=0)),
        "udp6-hop-pad1": plain(GROUP6, SRC, IPV6, ipv6(extension(17, b"\0\0\1\2\0\0") + UDP, proto=0)),
        "udp6-fragment": plain(GROUP6, SRC, IPV6, ipv6(b"\x11\0\0\x69\0\0\0\1" + UDP, proto=44)),
        "udp6-many": plain(GROUP6, SRC, IPV6, ipv6(extension(60, bytes(6)) * 9 + UDP, proto=60)),
        "udp6-hop-cut": plain(GROUP6, SRC, IPV6, ipv6(b"\x11\x07" + bytes(6), proto=0)),
        "udp6-extension-cut": plain(GROUP6, SRC, IPV6, ipv6(b"\x11\0" + bytes(5), proto=60)),
        "udp6-cut": plain(GROUP6, SRC, IPV6, ipv6(b"\x11\x07" + bytes(6), proto=60)),
        "esp6": plain(GROUP6, SRC, IPV6, ipv6(UDP, proto=51)),
        "pim4": plain(GROUP4, SRC, IPV4, ipv4(b"\x20\0\xdf\xff", proto=103, dst="224.0.0.13")),
        "pim6": plain(GROUP6, SRC, IPV6, ipv6(b"\x20\0\xdf\xff", proto=103, dst=ip6(b"\xff\2", b"\x0d"))),
        "tcp4-gso": plain(HOST, SRC, IPV4, ipv4(TCP, proto=6, dst="10.0.0.2"), gso=16),
        "tcp4-gso-cut": plain(HOST, SRC, IPV4, ipv4(TCP[:10], proto=6, dst="10.0.0.2"), gso=4),
        "udp4-gso": plain(HOST, SRC, IPV4, ipv4(UDP + bytes(60), dst="10.0.0.2"), gso=20),
        "tcp4-gso-long": plain(HOST, SRC, IPV4, long4, gso=1400, flags=2),
        "udp6-gso-long": plain(HOST, SRC, IPV6, long6, gso=1400, flags=2),
        "arp-gso": plain(HOST, SRC, ARP, bytes(28), gso=10),
    }
    for name, (is_mld, dst, message) in MESSAGES.items():
        packet = mld(message, dst) if is_mld else igmp(message, dst)
        seeds[name] = plain(GROUP6 if is_mld else GROUP4, SRC, IPV6 if is_mld else IPV4, packet)
    query = MESSAGES["igmp2-query"]
    seeds["igmp-no-alert"] = plain(GROUP4, SRC, IPV4, igmp(query[2], query[1], options=b""), flags=1)
    seeds["igmp-empty"] = plain(GROUP4, SRC, IPV4, ipv4(b"", proto=2))
    seeds["igmp-ttl2"] = plain(GROUP4, SRC, IPV4, igmp(query[2], query[1], ttl=2))
    seeds["igmp-fragment"] = plain(GROUP4, SRC, IPV4, igmp(query[2], query[1], fragment=0x2000))
    seeds["igmp-unicast-copy"] = plain(HOST, SRC, IPV4, igmp(query[2], query[1]))
    seeds["igmp-reserved-mac"] = plain(bytes.fromhex("0180c2000000"), SRC, IPV4, igmp(query[2], query[1]))
    return seeds


def gm_seeds():
    seeds = {name: bytes([is_mld]) + message for name, (is_mld, _, message) in MESSAGES.items()}
    for n in range(1, 4):
        seeds[f"igmp2-report-source{n}"] = bytes([n << 1]) + MESSAGES["igmp2-report"][2]
        seeds[f"mld2-report-source{n}"] = bytes([1 | n << 1]) + MESSAGES["mld2-report"][2]
    for n in range(1, 5):
        seeds[f"igmp2-leave-to{n}"] = bytes([n << 3]) + MESSAGES["igmp2-leave"][2]
        seeds[f"mld1-done-to{n}"] = bytes([1 | n << 3]) + MESSAGES["mld1-done"][2]
    for name in ("igmp3-report", "mld2-report"):
        seeds[name + "-no-alert"] = bytes([MESSAGES[name][0] | 0x40]) + MESSAGES[name][2]
    seeds["igmp3-report-no-alert-strict"] = b"\xc0" + MESSAGES["igmp3-report"][2]
    seeds["igmp3-many"] = b"\0\x22\0\0\0\0\0\0\x20" + igmp3_record(3, G4, ["10.0.0.9"]) * 32
    mapped = ip6(b"", b"\xff\xff\x0a\0\0\1")
    seeds["mld2-query-mapped"] = b"\1" + b"\x82\0\0\0\x83\xe8\0\0" + G6 + b"\x0a\x8d\0\1" + mapped
    seeds["igmp2-report-link-local"] = b"\0\x16\0\0\0\xe0\0\0\xfb"
    seeds["igmp2-report-no-group"] = b"\0\x16\0\0\0\x0a\0\0\xfb"
    return seeds


# --- the tunnel's messages

def tlv(kind, value):
    return be(kind, 2) + be(len(value), 2) + value


def client_hello(random=bytes(range(32)), cookie=b"", epoch=0, offset=0):
    body = b"\xfe\xfd" + random + b"\0" + bytes([len(cookie)]) + cookie + b"\0\2\xc0\x2b\1\0\0\0"
    handshake = b"\1" + be(len(body), 3) + be(0, 2) + be(offset, 3) + be(len(body), 3) + body
    return b"\x16\xfe\xff" + be(epoch, 2) + be(0, 6) + be(len(handshake), 2) + handshake


def tmsg_seeds():
    must = tlv(1, be(1, 2)) + tlv(2, be(0x01020304, 4)) + tlv(6, b"\1\2")
    rest = tlv(3, be(7, 4)) + tlv(4, be(1, 4)) + tlv(5, be(0, 4)) + tlv(7, b"castswitch 0.1\x1b[m")
    push = tlv(32, b"\4\x18" + ip4("10.8.0.20")) + tlv(32, b"\6\x40" + S6) + tlv(33, be(1400, 2)) + tlv(34, b"\1")
    push += tlv(35, be(15000, 4))
    bye = tlv(16, be(6, 2)) + tlv(17, b"replaced")
    data = b"\xc1" + be(0x01020304, 4) + be(1, 8)
    return {
        "hello": b"\1" + must + rest,
        "hello-least": b"\1" + must,
        "hello-unknown-tlv": b"\1" + must + tlv(999, b"what"),
        "hello-twice": b"\1" + must + tlv(6, b"\2") + tlv(7, b"a" * 64) + tlv(7, b"b"),
        "hello-cut": b"\1" + must + rest[:-1],
        "hello-no-aead": b"\1" + must[:-6],
        "hello-many-aeads": b"\1" + must[:-6] + tlv(6, bytes(range(1, 9))),
        "hello-too-many-aeads": b"\1" + must[:-6] + tlv(6, bytes(range(1, 10))),
        "hello-long-software": b"\1" + must + tlv(7, b"a" * 65),
        "welcome": b"\2" + must + rest,
        "refuse": b"\3" + bye,
        "refuse-empty": b"\3",
        "refuse-long": b"\3" + tlv(17, b"x" * 128),
        "control-ack": be(7, 4) + b"\0",
        "control-push": be(1, 4) + b"\1" + push,
        "control-push-full": be(1, 4) + b"\1" + tlv(32, b"\4\x20" + ip4("10.8.0.20")) * 8,
        "control-push-too-many": be(1, 4) + b"\1" + tlv(32, b"\4\x20" + ip4("10.8.0.20")) * 9,
        "control-push-mapped": be(1, 4) + b"\1" + tlv(32, b"\6\x80" + ip6(b"", b"\xff\xff\x0a\0\0\1")),
        "control-push-prefix": be(1, 4) + b"\1" + tlv(32, b"\4\x21" + ip4("10.8.0.20")),
        "control-push-flag": be(1, 4) + b"\1" + tlv(34, b"\2"),
        "control-bye": be(2, 4) + b"\2" + bye,
        "control-unknown": be(2, 4) + b"\x7f" + b"anything",
        "control-too-long": be(2, 4) + b"\2" + tlv(999, bytes(1200)),
        "data": data + bytes(17),
        "data-short": data + bytes(16),
        "pad": b"\1" + be(0x1122334455667788, 8),
        "pad-zeros": b"\2" + be(1, 8) + bytes(20),
        "client-hello": client_hello(),
        "client-hello-cookie": client_hello(cookie=bytes(32)),
        "client-hello-epoch": client_hello(epoch=1),
        "client-hello-offset": client_hello(offset=1),
        "client-hello-cut": client_hello()[:50],
        "empty": b"",
    }


# --- configuration

IDENTITY = 'identity { certificate = a key = b ca = c }\n'
REMOTE = 'remote = {"vpn.example.org:4711", 192.0.2.7, "[2001:db8::7]", "2001:db8::8", h}\n'
PIN = "0123456789abcdefABCDEF" + "0" * 42
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
SNOOPING = """snooping {
	igmp = yes mld = off igmp-version = 2 mld-version = 1 querier = on querier-address = {10.0.0.1, fe80::1}
	query-interval = 2m query-response-interval = 2500ms startup-query-interval = auto startup-query-count = 3
	last-member-query-interval = 100ms last-member-query-count = auto robustness = 7 membership-interval = 1h
	other-querier-interval = 10 unregistered = drop flood-until-querier = false strict-router-alert = true
	non-ip-multicast = drop max-groups = 16 max-sources = 65535 grace = 0
}
"""
PEERS = """peers {
	max = 4000 router = auto max-macs = 0 max-groups = 1 max-hosts = 1048576 protect-macs = no
	flood-unknown-unicast = false flood-broadcast = false multicast-route = false keepalive = 600s fast-leave = off
	pool = {10.8.0.0/24, "fd08::/64"}
}
peer bob { address = {10.8.0.21, "fd08::21/64"} disabled = true fingerprint = %s }
peer "alice@example.org" { max-macs = 5 router = always address = {"10.8.0.20/24",} }
""" % PIN
TAP = 'tap "cast0" { address = {"10.8.0.1/24", "fd08::1/64"} fast-leave = on router = never }\n'


def conf_seeds():
    server = TAP + "switch { aging = 1 max-macs = 16 mtu = 8000 user = nobody }\n"
    server += "listen { address = {0.0.0.0} port = 1 }\n" + IDENTITY + SNOOPING + PEERS
    server += "control { socket = '/a b/c' }\nlog { level = debug }\n"
    client = REMOTE + "remote-order = random\n" + TAP.split("fast")[0] + "}\nswitch { mtu = 1280 }\n" + SNOOPING
    client += "identity { certificate = '" + PEM + "' key = \"" + PEM + "\" ca = /x "
    client += "crl = '/y' crl-strict = yes server-name = n require-eku = off fingerprints = {" + PIN + ", '"
    client += ":".join(["5a"] * 32) + "'} }\n"
    client += "pull { address = no multicast-route = no mtu = no }\ncontrol { socket = s }\nlog { level = error }\n"
    least = REMOTE + IDENTITY + "tap t { }\n"
    seeds = {
        "server": server,
        "client": client,
        "client-least": least,
        "client-without": "log { level = info }\n",
        "empty": "",
        "comments": "# one\n// two\n/* three\n*/ log { /* four */ level = info # five\n}\n",
        "comment-open": "log { } /* never",
        "escapes": 'control { socket = "a\\"b\\\\c" }\n' + least.replace("= a ", '= "tab\\there" '),
        "escape-newline": 'control { socket = "a\\\nb" }\n',
        "escape-bad": 'control { socket = "a\\x41" }\n',
        "escape-end": 'control { socket = "a\\',
        "dollar": 'control { socket = "${HOME}" }\ncontrol { socket = $HOME }\n',
        "newline": 'control { socket = "a\\nb" }\ntap "a\nb" { }\n',
        "quote-open": "control { socket = 'abc",
        "backslash": "control { socket = a\\b }\n",
        "slashes": "control { socket = a//b }\n",
        "not-text": "log { level = in\x01fo }\n",
        "delete": "log { level = 'in\x7ffo' }\n",
        "unknown-option": "colour = red\nlog { colour = red }\nremotes = {a}\n",
        "unknown-block": "colour { x = {y} }\nlog { level = info }\n",
        "block-as-option": "log = info\n",
        "block-twice": "log { }\nlog { level = info }\n",
        "block-title": 'log "x" { }\ntap { }\n',
        "block-open": "log { level = info\n",
        "block-missing-brace": "log level = info\n",
        "block-never-closed": "log { level = info\nswitch { mtu = 1400 }\n",
        "option-twice": "log { level = info level = debug }\nremote = {a}\nremote = {b}\n",
        "option-no-value": "log { level = }\n",
        "option-braces": "log { level = {info} }\n",
        "list-no-braces": "remote = a\n" + TAP.replace("{\"", "\"").replace("64\"}", "64\""),
        "list-commas": "remote = {a b}\nlisten { address = {,} }\n",
        "list-empty": "remote = {}\nlisten { address = {} }\n",
        "list-long": "remote = {" + "a," * 65 + "}\n",
        "list-twice": IDENTITY + "listen { address = {1.2.3.4, 1.2.3.4} }\n" +
                      TAP.replace("fd08::1", "::ffff:10.8.0.1"),
        "plus": "remote += {a}\nlog (x)\n",
        "numbers": "switch { mtu = 99999999999999999999 max-macs = -1 aging = 1.5h }\n",
        "numbers-too": "switch { mtu = 0x500 max-macs = 15 aging = 99999999999h }\n",
        "booleans": "snooping { igmp = maybe mld = TRUE unregistered = Flood }\n",
        "addresses": "listen { address = {1.2.3, ::1::, '1.2.3.4/8'} }\ntap t { address = {10.0.0.1, 10.0.0.1/33} }\n",
        "remotes": "remote = {'', ':1', 'a:', 'a:0', 'a:65536', '[::1', '[::1]x', '[1.2.3.4]', 'a b', 'ä'}\n",
        "tap-addresses": "tap t { address = {10.0.0.0/24, 10.0.0.255/24, 0.0.0.0/0, ff02::1/64, ::/0, 10.0.0.1/31} }\n",
        "tap-name": "tap 'a/b' { }\n",
        "tap-name-long": "tap abcdefghijklmnop { }\n",
        "tap-name-dots": "tap .. { }\n",
        "listen-without": "listen { }\nidentity { }\n",
        "listen-multicast": IDENTITY + "listen { address = {224.0.0.1, fe80::1} }\n",
        "response-too-long": "snooping { query-interval = 10s query-response-interval = 10s }\n",
        "response-old": "snooping { query-interval = 200s query-response-interval = 100s igmp-version = 1 "
                        "mld-version = 1 }\n",
        "querier-addresses": "snooping { querier-address = {224.0.0.1, 10.0.0.1} }\n",
        "querier-global": "snooping { querier-address = {2001:db8::1} }\n",
        "peer-names": "peer '' { }\npeer 'a b' { }\npeer a { }\npeer a { }\npeer b { }\npeer a { max-macs = 1 }\n",
        "peer-is-tap": TAP + "peer cast0 { }\n",
        "peer-addresses": TAP + "peer a { address = {10.9.0.1, 10.8.0.1, 10.8.0.255} }\n"
                          "peer b { address = {10.8.0.2} }\npeer c { address = {10.8.0.2} }\n",
        "peer-no-tap": "peer a { address = {10.8.0.2, fd08::2} }\n",
        "pem-lines": "identity { certificate = \"two\nlines\" key = '" + PEM + "' ca = '' }\n",
        "server-name-long": "identity { certificate = a key = b ca = c server-name = " + "n" * 254 + " }\n",
        "pins": "identity { certificate = a key = b fingerprints = {zz, " + PIN + ", " + PIN + "} }\n"
                "peer a { fingerprint = 00 }\n" + "".join("peer %s { fingerprint = %s }\n" % (n, PIN) for n in "bc"),
        "crl-without": "identity { certificate = a key = b crl = c crl-strict = true }\n",
        "crl-strict-without": IDENTITY.replace("}", "crl-strict = true }"),
        "no-authority": "identity { certificate = a key = b }\nlisten { }\n",
        "pool": TAP + "peers { pool = {10.8.0.1/24, 10.9.0.0/16, 10.8.0.0/24, 0.0.0.0/0, fd09::/64, 224.0.0.0/4} }\n",
        "user": "switch { user = '' }\nswitch { user = 'a b' }\n",
        "user-long": "switch { user = " + "u" * 40 + " }\n",
        "parentheses": "log ( )\n",
        "escape-control": 'control { socket = "a\\\1" }\n',
        "ends-in-list": "remote = {a,",
        "ends-in-option": "log { level",
        "ends-in-value": "log { level =",
        "socket-long": "control { socket = " + "s" * 108 + " }\n",
    }
    return {name: text.encode() for name, text in seeds.items()}


# --- what comes to the UDP port

DTLS, CLIENT, REFUSE, PUSH = 1, 2, 4, 8
READY, FAILED, CLOSED = b"\1", b"\2", b"\3"
OLD, FORGED = 0x40, 0x80


def raw(who, content):
    return bytes([who << 3]) + be(len(content), 2) + content


def time(ms):
    return b"\1" + be(ms, 2)


def hello_step(who, random):
    return bytes([2 | who << 3, random])


def record(who, kind, content):
    return bytes([3 | who << 3, kind]) + be(len(content), 2) + content


def data_step(which, content, who=0):
    return bytes([4 | who << 3, which]) + be(len(content), 2) + content


def local(which, what):
    return bytes([5, which, what])


def trap(n):
    return bytes([6, n])


def handshake_seeds():
    hello = tmsg_seeds()["hello"]
    other = tmsg_seeds()["hello-least"]
    welcome = b"\2" + tlv(1, be(1, 2)) + tlv(2, be(9, 4)) + tlv(6, b"\1")
    pad, reply = b"\4\1" + be(7, 8), b"\4\2" + be(7, 8)
    frame = b"\0" + HOST + SRC + ARP + bytes(28)
    shake = hello_step(0, 1) + record(0, 22, READY)
    greeted = shake + record(0, 23, hello + b"\0")
    server = greeted + data_step(0, pad)
    client = bytes([CLIENT]) + record(0, 22, READY) + record(0, 23, welcome + b"\0") + data_step(0, reply)
    wire = tmsg_seeds()
    none = bytes([0])
    asking = bytes([CLIENT]) + record(0, 22, READY)
    real = bytes([DTLS])
    begun = real + hello_step(0, 0) + hello_step(0, 1)
    return {
        "empty": b"",
        "stray": none + record(0, 22, b"x") + raw(1, b"\xc1" + bytes(40)) + raw(2, b"\xc1") + raw(3, b"?") +
                 raw(4, b""),
        "established": none + server + data_step(0, frame) + data_step(OLD, frame) + data_step(FORGED, frame),
        "established-other-address": none + server + data_step(0, frame, who=5) + data_step(0, b"\0short"),
        "handshake-fails": none + hello_step(0, 1) + record(0, 22, FAILED),
        "handshake-closed": none + shake + record(0, 21, CLOSED),
        "handshake-times-out": none + hello_step(0, 1) + time(250) + time(9749) + time(1) + time(1),
        "hello-times-out": none + shake + time(4999) + time(1),
        "hello-twice": none + greeted + record(0, 23, hello + b"\0") + record(0, 23, other + b"\0"),
        "hello-malformed": none + shake + record(0, 23, hello[:-1] + b"\0"),
        "hello-version": none + shake + record(0, 23, hello[:5] + b"\0\2" + hello[7:] + b"\0"),
        "hello-aead": none + shake + record(0, 23, wire["hello-least"][:-2] + b"\7\7\0"),
        "hello-refused": bytes([REFUSE]) + greeted,
        "hello-and-close": none + shake + record(0, 23, hello + CLOSED),
        "welcome-from-client": none + shake + record(0, 23, welcome + b"\0"),
        "refuse-from-client": none + shake + record(0, 23, wire["refuse"] + b"\0"),
        "unknown-message": none + shake + record(0, 23, b"\x7fwhat\0"),
        "confirm-times-out": none + greeted + time(10000),
        "confirm-by-frame": none + greeted + data_step(0, frame) + data_step(0, b"\3" + wire["control-unknown"]),
        "control": none + server + b"".join(data_step(0, b"\3" + wire[k]) for k in
                                            ("control-ack", "control-push", "control-unknown", "control-bye")),
        "control-malformed": none + server + data_step(0, b"\3") + data_step(0, b"\3\0\0\0\0\0"),
        "kinds": none + server + b"".join(data_step(0, bytes([k]) + bytes(16)) for k in (1, 2, 5, 0x80)) +
                 data_step(0, b""),
        "push": bytes([PUSH]) + server + time(250) + time(500) + data_step(0, b"\3" + be(1, 4) + b"\0") + local(0, 0),
        "push-unanswered": bytes([PUSH]) + server + b"".join(time(4000) + data_step(0, pad) for _ in range(12)),
        "keepalive": none + server + time(15000) + time(10000) + time(10000) + time(10001),
        "local-early": none + hello_step(0, 1) + local(0, 2) + local(0, 12) + local(0, 3),
        "local": none + server + b"".join(local(0, what) for what in (0, 2, 12, 3, 4, 252, 1)),
        "close-early": none + hello_step(0, 1) + local(0, 1) + hello_step(0, 3) + time(1),
        "trap-first-flight": none + trap(1) + hello_step(0, 1) + hello_step(0, 3),
        "trap-welcome": none + trap(4) + greeted,
        "trap-confirm": bytes([PUSH]) + trap(5) + server,
        "replace": none + hello_step(0, 1) + hello_step(0, 1) + hello_step(0, 3) + hello_step(0, 2),
        "prefix-limit": none + b"".join(hello_step(8 * n, 1) for n in range(4)) + time(10000),
        "prefix-limit-6": none + b"".join(hello_step(4 + n % 2 + 8 * (n // 2), 1) for n in range(4)) + hello_step(6, 1),
        "handshake-limit": none + b"".join(hello_step(n, 1) for n in range(8)) + time(1),
        "full": none + b"".join(hello_step(n, 1) + record(n, 22, READY) + record(n, 23, hello + b"\0") +
                                data_step(n, pad) for n in range(8)) + b"".join(data_step(n, pad) for n in range(8)),
        "scopes": none + hello_step(7, 1) + hello_step(23, 1) + record(7, 22, READY) + record(23, 22, FAILED),
        "client": client + data_step(0, b"\3" + wire["control-push"]) + data_step(0, frame) + time(250) + time(500) +
                  time(1000) + time(2000),
        "client-keepalive": client + time(15000) + data_step(0, reply) + time(15000) + time(10000) + time(10000),
        "client-bye": client + data_step(0, b"\3" + wire["control-bye"]),
        "client-path-error": client + local(0, 3) + time(500) + time(1000) + time(2000),
        "client-repeats": bytes([CLIENT]) + time(250) + record(0, 22, READY) + time(500) +
                          record(0, 23, welcome + b"\0") + time(250) + record(0, 23, welcome + b"\0") +
                          record(0, 23, wire["welcome"] + b"\0"),
        "client-refused": asking + record(0, 23, wire["refuse"] + b"\0"),
        "client-refused-malformed": asking + record(0, 23, b"\3\0\0"),
        "client-welcome-version": asking + record(0, 23, welcome[:5] + b"\0\2" + welcome[7:] + b"\0"),
        "client-welcome-aead": asking + record(0, 23, welcome[:-1] + b"\7\0"),
        "client-welcome-malformed": asking + record(0, 23, welcome[:-1] + b"\0"),
        "client-hello": asking + record(0, 23, hello + b"\0"),
        "dtls-verify": real + hello_step(0, 0) + time(1) + hello_step(1, 2),
        "dtls-handshake": begun + record(0, 22, b"\x0b\0\0\3\0\2\0\0\0\0\0\3\0\0\0") + time(300),
        "dtls-alert": begun + record(0, 21, b"\2\x28") + time(2000),
        "dtls-garbage": begun + record(0, 23, b"early") + record(0, 20, b"\1") +
                        raw(0, client_hello()[:40]) + record(0, 22, b"\x10\0\0\1\0\2\0\0\0\0\0\1\0"),
        "dtls-raw-hello": real + raw(0, client_hello()) + raw(0, client_hello(cookie=bytes(32))) +
                          raw(1, client_hello(epoch=1)),
        "dtls-again": begun + hello_step(0, 1) + hello_step(0, 3) + hello_step(0, 2),
        "dtls-cookie-expires": real + hello_step(0, 0) + time(60000) + time(60000) + time(1) + hello_step(0, 1) +
                               hello_step(1, 0) + time(60000) * 5 + hello_step(1, 1),
        "dtls-reload": begun + b"\7" + hello_step(1, 0) + b"\7" + hello_step(1, 1),
        "dtls-short-cookie": real + raw(0, client_hello(cookie=b"x")),
    }


# --- the control socket

def ctl_seeds():
    def lines(*text, chunk=0, times=0, flags=0):
        return bytes([chunk, times, flags]) + b"".join(t + b"\n" for t in text)

    echo = b'{"command":"echo","value":[1,-2.5e3,true,null,{"a":"\\u00e9\\n"}]}'
    fail = b'{"command":"fail","value":"\xc3\xa9\\n\\u001b[m"}'
    return {
        "echo": lines(echo),
        "echo-nothing": lines(b'{"command":"echo"}'),
        "fail": lines(fail, b'{"command":"fail"}'),
        "unknown": lines(b'{"command":"no\\nne\x7f"}', b'{"command":"' + b"x" * 300 + b'"}'),
        "no-command": lines(b"{}", b'{"command":1}', b'{"command":null}'),
        "not-object": lines(b"[]", b"[1,2]"),
        "not-json": lines(b"groups", b'{"command"', b"\xff\xfe", b"{}{}", b'{"a":1,"a":2}', b"1", b'"x"',
                          b'{"a":"\\u0000"}'),
        "blank": lines(b"", b" \t\r", b"\0", b"{}\r"),
        "many": lines(*[echo] * 20),
        "many-times": lines(echo, fail, times=3),
        "bytes": lines(echo, fail, chunk=1),
        "pieces": lines(echo, fail, chunk=7),
        "unfinished": lines(echo) + b'{"command":',
        "hang-up": lines(*[echo] * 20, flags=1),
        "hang-up-unfinished": lines(chunk=3, flags=1) + b'{"command":',
        "program-ends": lines(*[echo] * 20, flags=2),
        "long": lines(times=0xff) + b"x",
        "long-pieces": lines(times=0xff, chunk=255) + b'{"command":"',
        "deep": lines(b'{"command":"echo","value":' + b"[" * 500 + b"]" * 500 + b"}"),
        "deeper": lines(b'{"command":"echo","value":' + b"[" * 2047 + b"]" * 2047 + b"}"),
    }


def castctl_seeds():
    peer = {"name": "alice", "address": "192.0.2.7:4711", "state": "established", "since_s": 12.3, "endpoint": True,
            "aead": "aes-256-gcm", "software": "castswitch 0.1.0", "rx_bytes": 1536, "tx_bytes": 99999999999999999,
            "addresses": ["10.8.0.20/24", 1, "x"]}
    group = {"vlan": 0, "group": "239.1.1.1", "port": "alice", "mode": "exclude", "expires_s": 259.1,
             "sources": [{"source": "10.0.0.9", "state": "blocked"}, {"source": "::1"}],
             "hosts": [{"mac": "02:00:00:00:00:02", "ip": "10.8.0.20"}, {"mac": "02:00:00:00:00:03"}]}
    port = {"name": "cast0", "kind": "tap", "state": "up", "router": True, "rx_frames": 1, "tx_frames": -1, "drops": 0}
    mac = {"vlan": 5, "mac": "02:00:00:00:00:01", "port": "alice", "age_s": 90000, "static": True}
    drop = {"where": "switch", "reason": "replay", "count": 3, "text": "what it means"}
    status = {"program": "castswitchd", "uptime_s": 12.34, "peers": 3, "ok": True, "no": False, "none": None,
              "querier": {"igmp": {"state": "querier"}, "mld": {}}, "listen": ["0.0.0.0:22424", "[::]:22424"],
              "odd": [[1, [2]], {"a": 1}]}
    times = (0, 59, 60, 3599, 3600, 86399, 86400, 1e15, 1e300, -1, 1023, 1024, 2**63 - 1, "x")
    control = "\x1b[2J\x9b\u202e\n\x7f\u20ac\u2028\u0085\U0001f600"
    seeds = {
        "peers": [peer],
        "groups": [group],
        "groups-vlan": [group, dict(group, vlan=5)],
        "ports": [port],
        "fdb": [mac],
        "drops": [drop],
        "status": status,
        "units": [{"age_s": t, "since_s": t, "rx_bytes": t} for t in times],
        "empty-list": [],
        "empty-object": {},
        "not-rows": [1, [], None],
        "text": "x",
        "terminal": [{"name": control, "address": control, "group": control}],
        "terminal-status": {control: "a", "a": [control]},
    }
    texts = {name: json.dumps(value) for name, value in seeds.items()}
    texts["status-deep"] = '{"a":' * 20 + "1" + "}" * 20
    return {name: text.encode() for name, text in texts.items()}


# --- the switch

NO_QUERIER, SMALL, UNREG_FLOOD, UNREG_DROP, OLD_QUERIES, OFF, STRICT, BEFORE = (1 << n for n in range(8))
TAP_PORT, NIC, ALICE, BOB = range(4)
V6, UNICAST, S_FLAG, OLDER = 0x80, 0x40, 0x40, 0x20
DOWN, UP, DELETE, ROUTER, LIMITS, FAST_LEAVE, STATIC, FLOODS = (n << 4 for n in range(8))


def sw_raw(port, content):
    return bytes([port << 3]) + be(len(content), 2) + content


def sw_wrap(port, host, name):
    is_mld, _, message = MESSAGES[name]
    return bytes([1 | port << 3, is_mld, host, len(message)]) + message


def sw_report(port, host, kind, group, *sources):
    return bytes([2 | port << 3, host, kind, group, len(sources), *sources])


def sw_query(port, host, group, *sources):
    return bytes([3 | port << 3, host, group, len(sources), *sources])


def sw_data(port, host, to):
    return bytes([4 | port << 3, host, to])


def sw_time(seconds):
    return b"\5" + be(int(seconds * 50), 2)


def sw_port(port, how):
    return bytes([6 | port << 3, how])


def sw_settings(mode):
    return bytes([7, mode])


def switch_seeds():
    def script(*steps, mode=0):
        return bytes([mode]) + b"".join(steps)

    joined = sw_report(ALICE, 1, 4, 1) + sw_report(BOB, 2, 4, 1) + sw_report(NIC, 3, 4, V6 | 1)
    every = b"".join(sw_report(port, 10 + port, kind, group, *range(kind & 3)) for port in range(4)
                     for kind in range(16) for group in (1, V6 | 2))
    return {
        "empty": script(),
        "members": script(sw_time(15), joined, sw_data(TAP_PORT, 9, 1), sw_data(NIC, 9, V6 | 1), sw_data(NIC, 9, 5)),
        "expire": script(joined, sw_time(300), sw_data(TAP_PORT, 9, 1)),
        "leave": script(joined, sw_report(ALICE, 1, 3, 1), sw_report(BOB, 2, 3, 1), sw_time(3),
                        sw_data(TAP_PORT, 9, 1)),
        "sources": script(sw_report(ALICE, 1, 1, 1, 1, 2), sw_report(ALICE, 2, 2, 1, 2, 3),
                          sw_report(ALICE, 1, 6, 1, 1), sw_report(ALICE, 1, 5, 1, 4), sw_time(2),
                          *(sw_data(TAP_PORT, s, 1) for s in range(6))),
        "every-record": script(every, sw_time(5), every),
        "every-record-small": script(every, sw_time(5), every, mode=SMALL),
        "every-record-backwards": script(every[::-1], every),
        "older": script(sw_report(NIC, 1, 0, 1), sw_report(NIC, 2, 8, 1), sw_report(NIC, 3, 4, 1),
                        sw_report(NIC, 1, 7, 1), sw_report(NIC, 1, 0, V6 | 1), sw_report(NIC, 1, 7, V6 | 1),
                        sw_time(300)),
        "queriers": script(sw_query(NIC, 1, 0), sw_query(NIC, 1, V6), sw_query(TAP_PORT, 200, 0), sw_time(300)),
        "queriers-of-peers": script(sw_query(ALICE, 1, 0), sw_port(ALICE, ROUTER), sw_query(ALICE, 1, 0), sw_time(300)),
        "specific-queries": script(joined, sw_query(NIC, 1, 0), sw_query(NIC, 1, 1), sw_query(NIC, 1, 1 | S_FLAG),
                                   sw_query(NIC, 1, 1, 1, 2), sw_query(NIC, 1, V6 | 1 | OLDER), sw_time(12)),
        "no-querier": script(sw_data(NIC, 1, 1), joined, sw_query(NIC, 1, 0), sw_data(NIC, 1, 1), mode=NO_QUERIER),
        "unregistered-flood": script(sw_time(20), sw_data(NIC, 1, 9), mode=UNREG_FLOOD),
        "unregistered-drop": script(sw_time(20), sw_data(NIC, 1, 9), mode=UNREG_DROP | BEFORE),
        "old-queries": script(joined, sw_report(ALICE, 1, 3, 1), sw_time(300), mode=OLD_QUERIES),
        "not-snooped": script(joined, sw_data(NIC, 1, 1), sw_data(NIC, 1, V6 | 1), mode=OFF),
        "router-ports": script(sw_port(ALICE, ROUTER | 2), joined, sw_data(NIC, 1, 7), sw_port(ALICE, ROUTER | 1)),
        "router-port-unasked": script(sw_port(NIC, ROUTER | 2), sw_data(TAP_PORT, 9, 7)),
        "macs": script(*(sw_data(p, h, UNICAST | h + 1) for p in range(4) for h in range(8)), sw_time(300), mode=SMALL),
        "macs-move": script(sw_data(TAP_PORT, 1, UNICAST | 2), sw_data(ALICE, 1, UNICAST | 2), sw_time(11),
                            sw_data(ALICE, 1, UNICAST | 2), sw_data(BOB, 3, UNICAST | 1),
                            sw_data(ALICE, 3, UNICAST | 1)),
        "macs-static": script(sw_port(NIC, STATIC | 1), sw_port(NIC, STATIC | 2), sw_data(BOB, 1, UNICAST | 2),
                              sw_data(BOB, 2, UNICAST | 1)),
        "ports": script(joined, sw_port(ALICE, DOWN), sw_data(NIC, 1, 1), sw_port(ALICE, UP), sw_port(BOB, DELETE),
                        sw_data(BOB, 1, 1), sw_port(BOB, 0), sw_time(2)),
        "port-limits": script(sw_port(ALICE, LIMITS | 1), *(sw_report(ALICE, h, 4, h) for h in range(4)),
                              sw_port(ALICE, LIMITS)),
        "port-settings": script(joined, sw_port(ALICE, FAST_LEAVE | 1), sw_report(ALICE, 1, 3, 1),
                                sw_port(BOB, FAST_LEAVE | 2), sw_report(BOB, 2, 3, 1), sw_time(3),
                                *(sw_port(NIC, FLOODS | n) for n in (0, 3, 8, 15))),
        "settings": script(joined, *(sw_settings(1 << n) + sw_time(1) + sw_data(NIC, 1, 1) for n in range(8)), every),
        "wrapped": script(*(sw_wrap(port, 1, name) for name in MESSAGES for port in (NIC, ALICE)), sw_time(3)),
        "frames": script(*(sw_raw(NIC, content[3:]) for content in list(frame_seeds().values())[:30])),
        "pim": script(sw_raw(NIC, frame_seeds()["pim4"][3:]), sw_raw(TAP_PORT, frame_seeds()["pim6"][3:]),
                      sw_data(ALICE, 1, 1)),
    }


# --- addresses

def addr_seeds():
    texts = """aa:bb:cc:dd:ee:ff AA-BB-CC-DD-EE-FF aa:bb:cc:dd:ee aa:bb:cc:dd:ee:ff:00 a:b:c:d:e:f 10.0.0.1 010.0.0.1
        255.255.255.255 256.0.0.1 1.2.3 1.2.3.4.5 :: ::1 1:: 1:2:3:4:5:6:7:8 1::8 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8
        1:2:3:4:5:6:7:8:9 1::2::3 ::ffff:10.0.0.1 ::ffff:a00:1 ::10.0.0.1 1:2:3:4:5:6:1.2.3.4 fe80::1%2 ff02::1:ff00:1
        ff3e::1234 239.1.2.3 224.0.0.251 232.1.1.1 12345:: :1 1: 10.0.0.1/24 10.0.0.1/33 10.0.0.1/ 10.0.0.1/024 ::/0
        fd08::1/64 fd08::1/129 ::ffff:1.2.3.4/120 192.0.2.1:22424 192.0.2.1:0 192.0.2.1:65536 [2001:db8::1]:22424
        [fe80::1%2]:22424 [fe80::1%0]:1 [fe80::1%4294967296]:1 [::1] [::ffff:1.2.3.4]:5 [1.2.3.4]:5 [2001:db8::1%2]:1
        2001:db8:0:0:1:0:0:1 2001:db8:0:1:1:1:1:1 2001:0:0:1:0:0:0:1""".split()
    seeds = {f"text-{n:02}": text.encode() for n, text in enumerate(texts)}
    return dict(seeds, empty=b"", nul=b"1.2.3.4\0x", bytes=G6)


SEEDS = {
    "addr": addr_seeds,
    "castctl": castctl_seeds,
    "conf": conf_seeds,
    "ctl": ctl_seeds,
    "frame": frame_seeds,
    "gm": gm_seeds,
    "handshake": handshake_seeds,
    "switch": switch_seeds,
    "tmsg": tmsg_seeds,
}


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else CORPUS
    for target, make in SEEDS.items():
        folder = os.path.join(top, target)
        os.makedirs(folder, exist_ok=True)
        for name, content in make().items():
            with open(os.path.join(folder, name), "wb") as f:
                f.write(content)


if __name__ == "__main__":
    main()
