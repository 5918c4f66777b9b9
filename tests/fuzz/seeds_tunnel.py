"""Inputs of the handshake target: scripts of what comes to the UDP port."""

from seeds_wire import ARP, HOST, SRC, be, client_hello, tlv, tmsg_seeds

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
        "rate-limit": none + b"".join(hello_step(8 * n, 1) + record(8 * n, 22, FAILED) for n in range(4)) * 3 +
                      hello_step(1, 1) + time(1000) + hello_step(0, 1) + hello_step(0, 3),
        "rate-limit-replaced": none + b"".join(hello_step(0, 2 * n + 1) for n in range(12)) + time(999) + time(1),
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
