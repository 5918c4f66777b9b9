"""Inputs of the targets of src/wire, and what the other modules build theirs from."""


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
SYN = be(4711, 2) + be(80, 2) + bytes(8) + b"\x80\x02" + bytes(6) + b"\x01\x02\x04\x05\xb4\x03\x03\x07\0\0\0\0"


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
        "syn4": plain(HOST, SRC, IPV4, ipv4(SYN, proto=6, dst="10.0.0.2")),
        "syn6": plain(HOST, SRC, b"\x81\0\0\7", IPV6, ipv6(SYN, proto=6, dst=S6), gso=600),
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
