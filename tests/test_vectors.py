#!/usr/bin/env python3
"""The packets at the end of castswitch-protocol(7) are made and opened by another implementation of the ciphers than
ours, python3-cryptography, from what the page says about keys, nonces and additional data."""

import os
import re
import sys

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PAGE = os.path.join(TOP, "src", "man", "castswitch-protocol.7")
VECTORS = 8

try:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
except ImportError:
    print("1..0 # SKIP no python3-cryptography")
    sys.exit(0)

CIPHERS = {1: AESGCM, 2: ChaCha20Poly1305}


def read_page():
    """{"exported": bytes, "client": id, "server": id}, and for each packet a dictionary."""
    with open(PAGE, encoding="ascii") as f:
        section = f.read().partition("\n.SH TEST VECTORS\n")[2].partition("\n.SH ")[0]
    names = {"exported bytes": "exported", "client's receiver id": "client", "server's receiver id": "server"}
    about, packets, place, name = {}, [], None, None
    for line in section.splitlines():
        head = re.fullmatch(r"cipher (\d), (client|server) to (client|server), counter (\d+): .*", line)
        hexes = re.fullmatch(r" +(?:(sealed|datagram) +)?((?:[0-9a-f]{2})+)", line)
        if head:
            place = {"cipher": int(head[1]), "from": head[2], "to": head[3], "counter": int(head[4])}
            packets.append(place)
        elif line in names:
            place, name = about, names[line]
        elif hexes and place is not None:
            name = hexes[1] or name
            place[name] = place.get(name, b"") + bytes.fromhex(hexes[2])
    return about, packets


def keys(exported, sender):
    """(key, IV) of a direction: two keys, then two IVs, the client's first."""
    at = 0 if sender == "client" else 1
    return exported[32 * at:32 * at + 32], exported[64 + 12 * at:64 + 12 * at + 12]


def nonce(iv, counter):
    return iv[:4] + bytes(a ^ b for a, b in zip(iv[4:], counter.to_bytes(8, "big")))


def good(about, p):
    """Whether the datagram is what follows from the rest, and gives it back."""
    key, iv = keys(about["exported"], p["from"])
    header = b"\xc1" + about[p["to"]] + p["counter"].to_bytes(8, "big")
    cipher = CIPHERS[p["cipher"]](key)
    datagram = header + cipher.encrypt(nonce(iv, p["counter"]), p["sealed"], header)
    opened = cipher.decrypt(nonce(iv, p["counter"]), p["datagram"][13:], p["datagram"][:13])
    return datagram == p["datagram"] and opened == p["sealed"]


def main():
    about, packets = read_page()
    print(f"1..{VECTORS + 1}")
    failed = len(packets) != VECTORS
    print("not ok" if failed else "ok", "1 - the page has its packets")
    for i, p in enumerate(packets, 2):
        try:
            ok = good(about, p)
        except Exception as e:  # pylint: disable=broad-except
            print(f"# {e!r}")
            ok = False
        failed |= not ok
        print("ok" if ok else "not ok", f"{i} - cipher {p['cipher']}, from the {p['from']}, counter {p['counter']}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
