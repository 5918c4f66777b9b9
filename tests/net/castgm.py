"""IGMP and MLD queries, taken apart: what is on the wire, by the RFCs and not by our own code."""

import dataclasses
import socket
import struct

from castlab import ETH_P_8021AD, ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6, checksum, ethernet, transport_checksum

IGMP, ICMPV6, HOP_BY_HOP = 2, 58, 0
IGMP_QUERY, MLD_QUERY = 0x11, 130
ROUTER_ALERT4 = bytes((0x94, 0x04, 0, 0))  # RFC 2113
ROUTER_ALERT6 = bytes((5, 2, 0, 0))        # RFC 2711, value 0: MLD


@dataclasses.dataclass
class Query:
    family: int
    eth_dst: str
    eth_src: str
    vlan: int          # of the tag, 0 without one
    src: str
    dst: str
    ttl: int
    router_alert: bool
    version: int
    group: str         # "" in a general query
    max_resp: float    # seconds
    suppress: bool
    qrv: int
    interval: int      # of the querier, seconds
    sources: list
    wrong: list        # what is malformed


def floating(code, mantissa_bits):
    """RFC 3376 4.1.1 and 4.1.7 (4 bits of mantissa), RFC 3810 5.1.3 (12 bits)."""
    if code < 1 << mantissa_bits + 3:
        return code
    mantissa = code & (1 << mantissa_bits) - 1
    exponent = code >> mantissa_bits & 7
    return (mantissa | 1 << mantissa_bits) << exponent + 3


def _layers(frame):
    """(VLAN, ethertype, packet)"""
    vlan, at = 0, 12
    kind, = struct.unpack_from("!H", frame, at)
    while kind in (ETH_P_8021Q, ETH_P_8021AD):
        vlan = struct.unpack_from("!H", frame, at + 2)[0] & 0xfff
        at += 4
        kind, = struct.unpack_from("!H", frame, at)
    return vlan, kind, frame[at + 2:]


def _text(family, raw):
    return socket.inet_ntop(family, raw) if any(raw) else ""


def _body(query, family, message):
    """From the group address on: what IGMPv3 and MLDv2 have in common."""
    size = 16 if family == socket.AF_INET6 else 4
    query.group = _text(family, message[:size])
    rest = message[size:]
    if not rest:
        return
    if len(rest) < 4:
        query.wrong.append(f"{len(rest)} bytes behind the group")
        return
    flags, qqic, count = struct.unpack_from("!BBH", rest)
    query.suppress, query.qrv, query.interval = bool(flags & 8), flags & 7, floating(qqic, 4)
    query.sources = [_text(family, rest[4 + i * size:4 + (i + 1) * size]) for i in range(count)]
    if len(rest) != 4 + count * size:
        query.wrong.append(f"{count} sources in {len(rest) - 4} bytes")
    if flags & 0xf0:
        query.wrong.append(f"reserved bits {flags:#x}")


def _igmp(frame, vlan, packet):
    header = (packet[0] & 15) * 4
    length, = struct.unpack_from("!H", packet, 2)
    message = packet[header:length]
    if packet[9] != IGMP or len(message) < 8 or message[0] != IGMP_QUERY:
        return None
    code = message[1]
    version = 3 if len(message) >= 12 else 2 if code else 1
    query = Query(socket.AF_INET, frame[:6].hex(":"), frame[6:12].hex(":"), vlan,
                  socket.inet_ntop(socket.AF_INET, packet[12:16]), socket.inet_ntop(socket.AF_INET, packet[16:20]),
                  packet[8], ROUTER_ALERT4 in packet[20:header], version, "",
                  (floating(code, 4) if version == 3 else code) / 10, False, 0, 0, [], [])
    if checksum(packet[:header]):
        query.wrong.append("IPv4 header checksum")
    if checksum(message):
        query.wrong.append("IGMP checksum")
    _body(query, socket.AF_INET, message[4:])
    return query


def _mld(frame, vlan, packet):
    length, = struct.unpack_from("!H", packet, 4)
    at, alert, next_header = 40, False, packet[6]
    if next_header == HOP_BY_HOP:
        end = at + 8 + 8 * packet[41]
        alert, next_header, at = ROUTER_ALERT6 in packet[42:end], packet[40], end
    message = packet[at:40 + length]
    if next_header != ICMPV6 or len(message) < 24 or message[0] != MLD_QUERY:
        return None
    code, = struct.unpack_from("!H", message, 4)
    version = 2 if len(message) >= 28 else 1
    query = Query(socket.AF_INET6, frame[:6].hex(":"), frame[6:12].hex(":"), vlan,
                  socket.inet_ntop(socket.AF_INET6, packet[8:24]), socket.inet_ntop(socket.AF_INET6, packet[24:40]),
                  packet[7], alert, version, "", (floating(code, 12) if version == 2 else code) / 1000, False, 0, 0,
                  [], [])
    if transport_checksum(packet):
        query.wrong.append("ICMPv6 checksum")
    if message[1] or message[6:8] != b"\0\0":
        query.wrong.append("code or reserved field not 0")
    _body(query, socket.AF_INET6, message[8:])
    return query


def query_of(frame):
    """The query that a frame is, or None."""
    vlan, kind, packet = _layers(frame)
    if kind == ETH_P_IP and len(packet) >= 28:
        return _igmp(frame, vlan, packet)
    if kind == ETH_P_IPV6 and len(packet) >= 64:
        return _mld(frame, vlan, packet)
    return None


def queries(frames):
    return [q for q in map(query_of, frames) if q]


def group_mac(group):
    """RFC 1112 6.4, RFC 2464 7"""
    if ":" in group:
        return (b"\x33\x33" + socket.inet_pton(socket.AF_INET6, group)[12:]).hex(":")
    raw = socket.inet_aton(group)
    return bytes((1, 0, 0x5e, raw[1] & 0x7f, raw[2], raw[3])).hex(":")


def igmp_frame(eth_src, src, dst, message):
    """The message with its checksum, TTL 1 and router alert."""
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    header = struct.pack("!BBHHHBBH4s4s", 0x46, 0xc0, 24 + len(message), 0, 0, 1, IGMP, 0, socket.inet_aton(src),
                         socket.inet_aton(dst)) + ROUTER_ALERT4
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return ethernet(group_mac(dst), eth_src, ETH_P_IP, header + message)


def igmp_general_query(eth_src, src):
    """IGMPv2, answers within a second."""
    return igmp_frame(eth_src, src, "224.0.0.1", struct.pack("!BBH4x", IGMP_QUERY, 10, 0))
