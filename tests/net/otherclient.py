"""Another client, written from castswitch-protocol(7) alone: it stands in for all who read that page.  DTLS by libssl
through ctypes, packets by python3-cryptography; nothing of castswitch's code.

The DTLS object talks to one end of a pair of datagram sockets; what comes out of the other end is passed on to the UDP
socket, and wrapped on the way when there is an access key.
"""

import contextlib
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import select
import socket
import struct
import time

try:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
except ImportError:
    AESGCM = ChaCha20Poly1305 = None

HELLO, WELCOME, REFUSE = 1, 2, 3
FRAME, BUNDLE, FRAGMENT, CONTROL, PAD = range(5)
ACK, PUSH, BYE = range(3)
REQUEST, REPLY = 1, 2
CIPHERS = {1: AESGCM, 2: ChaCha20Poly1305}
LABEL = b"EXPORTER-castswitch-data-v1"
LONGEST = 1200


class Refused(Exception):
    """REFUSE or BYE: (reason, text)"""


# --- libssl


def library():
    """None when there is no libssl of a kind that is known here."""
    for name in ("libssl.so.3", ctypes.util.find_library("ssl")):
        with contextlib.suppress(OSError, TypeError):
            lib = ctypes.CDLL(name)
            for function in ("DTLS_client_method", "SSL_CTX_new", "SSL_new", "BIO_new_dgram", "BIO_ADDR_new"):
                getattr(lib, function).restype = ctypes.c_void_p
            lib.SSL_CTX_set_options.restype = ctypes.c_uint64
            return lib
    return None


SSL_ERROR_WANT_READ, PEM, VERIFY_PEER, NO_CLOSE = 2, 1, 1, 0
CTRL_SET_MTU, CTRL_HANDLE_TIMEOUT, DGRAM_SET_CONNECTED, NO_QUERY_MTU = 17, 74, 32, 0x1000


class Dtls:
    """A DTLS connection over `socket`, one end of a pair."""

    def __init__(self, crt, key, ca):
        self.lib = lib = library()
        nobody = ctypes.c_void_p(lib.BIO_ADDR_new())
        self.socket, self.inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.inner.setblocking(False)
        self.ctx = ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(lib.DTLS_client_method())))
        for good in (lib.SSL_CTX_use_certificate_file(self.ctx, crt.encode(), PEM),
                     lib.SSL_CTX_use_PrivateKey_file(self.ctx, key.encode(), PEM),
                     lib.SSL_CTX_load_verify_locations(self.ctx, ca.encode(), None)):
            assert good == 1
        lib.SSL_CTX_set_verify(self.ctx, VERIFY_PEER, None)
        lib.SSL_CTX_set_options(self.ctx, ctypes.c_uint64(NO_QUERY_MTU))
        self.ssl = ctypes.c_void_p(lib.SSL_new(self.ctx))
        bio = ctypes.c_void_p(lib.BIO_new_dgram(self.inner.fileno(), NO_CLOSE))
        lib.BIO_ctrl(bio, DGRAM_SET_CONNECTED, ctypes.c_long(0), nobody)
        lib.BIO_ADDR_free(nobody)
        lib.SSL_set_bio(self.ssl, bio, bio)
        lib.SSL_ctrl(self.ssl, CTRL_SET_MTU, ctypes.c_long(LONGEST - 17), None)
        lib.SSL_set_connect_state(self.ssl)

    def _done(self, result):
        if result == 1:
            return True
        error = self.lib.SSL_get_error(self.ssl, result)
        if error != SSL_ERROR_WANT_READ:
            raise ConnectionError(f"DTLS error {error}")
        return False

    def handshake(self):
        """True when it is complete."""
        self.lib.SSL_ctrl(self.ssl, CTRL_HANDLE_TIMEOUT, ctypes.c_long(0), None)
        return self._done(self.lib.SSL_do_handshake(self.ssl))

    def write(self, message):
        assert self.lib.SSL_write(self.ssl, message, len(message)) == len(message)

    def read(self):
        """A message, or None."""
        buf = ctypes.create_string_buffer(65536)
        n = self.lib.SSL_read(self.ssl, buf, len(buf))
        return buf.raw[:n] if n > 0 else None

    def export(self, context, length):
        out = ctypes.create_string_buffer(length)
        assert self.lib.SSL_export_keying_material(self.ssl, out, ctypes.c_size_t(length), LABEL,
                                                   ctypes.c_size_t(len(LABEL)), context,
                                                   ctypes.c_size_t(len(context)), 1) == 1
        return out.raw

    def close(self):
        self.lib.SSL_free(self.ssl)
        self.lib.SSL_CTX_free(self.ctx)
        self.socket.close()
        self.inner.close()


# --- messages


def tlv(kind, value):
    return struct.pack("!HH", kind, len(value)) + value


def tlvs(message):
    """[(type, value)]"""
    found = []
    while message:
        kind, length = struct.unpack_from("!HH", message)
        value, message = message[4:4 + length], message[4 + length:]
        assert len(value) == length
        found.append((kind, value))
    return found


def reason(message):
    values = dict(tlvs(message))
    return int.from_bytes(values.get(16, b"\0\0"), "big"), values.get(17, b"").decode()


class Direction:
    """Keys of packets one way."""

    def __init__(self, cipher, key, iv):
        self.aead, self.iv, self.counter, self.seen = CIPHERS[cipher](key), iv, 0, set()

    def _nonce(self, counter):
        return self.iv[:4] + bytes(a ^ b for a, b in zip(self.iv[4:], struct.pack("!Q", counter)))

    def seal(self, receiver, plain):
        self.counter += 1
        header = struct.pack("!BIQ", 0xC1, receiver, self.counter)
        return header + self.aead.encrypt(self._nonce(self.counter), plain, header)

    def open(self, datagram):
        """(counter, plain), or None."""
        counter, = struct.unpack_from("!Q", datagram, 5)
        if counter == 0 or counter in self.seen:
            return None
        try:
            plain = self.aead.decrypt(self._nonce(counter), datagram[13:], datagram[:13])
        except Exception:  # pylint: disable=broad-except
            return None
        self.seen.add(counter)
        return counter, plain


class Client:
    """One session.  make_socket() gives a UDP socket; `step()` works for a while, frames() are those that came."""

    def __init__(self, make_socket, server, crt, key, ca, access_key=None, ciphers=(1, 2), previous=None,
                 longest=65535):
        self.server, self.access_key, self.ciphers = server, access_key, ciphers
        self.previous = previous  # the session that this one has new keys for
        self.longest = longest    # as if the path carried nothing longer
        self.make_socket, self.socket = make_socket, None
        self.move()
        self.dtls = Dtls(crt, key, ca)
        self.receiver = int.from_bytes(os.urandom(4), "big") | 1
        self.server_receiver = self.cipher = self.tx = self.rx = None
        self.state, self.resend = "handshake", 0.0
        self.pushed, self.control_seen, self.answers = None, 0, []
        self.received, self.parts, self.kinds = [], {}, set()

    def move(self):
        """To another address: nobody is told."""
        if self.socket:
            self.socket.close()
        self.socket = self.make_socket()
        self.socket.connect(self.server)
        self.socket.setblocking(False)

    def close(self):
        for thing in (self.socket, self.dtls):
            if thing:
                thing.close()

    # --- datagrams

    def _code(self, direction, datagram):
        return hmac.new(self.access_key, bytes([direction]) + datagram, hashlib.sha256).digest()[:16]

    def _send(self, datagram):
        if datagram[0] != 0xC1 and self.access_key:
            datagram = b"\xc2" + self._code(0, datagram) + datagram
        assert datagram[0] == 0xC1 or len(datagram) <= LONGEST
        with contextlib.suppress(ConnectionError):
            self.socket.send(datagram)

    def _unwrapped(self, datagram):
        if datagram[0] == 0xC1 or not self.access_key:
            return datagram
        inner = datagram[17:]
        return inner if datagram[0] == 0xC2 and datagram[1:17] == self._code(1, inner) else b""

    def step(self, seconds=0.05):
        if self.dtls:
            self._run_dtls()
        self._repeat()
        self._flush_dtls()
        ready, _, _ = select.select([self.socket], [], [], seconds)
        while ready:
            try:
                datagram = self._unwrapped(self.socket.recv(65536))
            except BlockingIOError:
                return
            except ConnectionError:
                continue
            if len(datagram) > self.longest:
                continue
            if datagram[:1] == b"\xc1":
                self._data(datagram)
            elif self.dtls and datagram and 20 <= datagram[0] <= 63:
                self.dtls.socket.send(datagram)
                self._run_dtls()
                self._flush_dtls()

    def _flush_dtls(self):
        with contextlib.suppress(BlockingIOError):
            while self.dtls:
                self._send(self.dtls.socket.recv(65536))

    def wait(self, what, condition, timeout=10):
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {timeout} s still not: {what}; state {self.state}")
            self.step()

    # --- the way to a session

    def _run_dtls(self):
        if self.state == "handshake" and self.dtls.handshake():
            self.state = "hello"
        if self.state in ("hello", "confirm"):
            message = self.dtls.read()
            if message and message[0] == REFUSE:
                raise Refused(*reason(message[1:]))
            if message and message[0] == WELCOME and self.state == "hello":
                self._welcome(dict(tlvs(message[1:])))

    def _hello(self):
        message = bytes([HELLO]) + tlv(1, struct.pack("!H", 1)) + tlv(2, struct.pack("!I", self.receiver))
        message += tlv(6, bytes(self.ciphers)) + tlv(5, struct.pack("!I", 1)) + tlv(7, b"other client 1")
        if self.previous:
            message += tlv(3, struct.pack("!I", self.previous.server_receiver))
        # of a type that nobody knows
        return message + tlv(999, b"?")

    def _welcome(self, values):
        assert values[1] == b"\0\1"
        self.server_receiver, = struct.unpack("!I", values[2])
        self.cipher, = values[6]
        context = struct.pack("!BBII", 1, self.cipher, self.receiver, self.server_receiver)
        block = self.dtls.export(context, 88)
        self.tx = Direction(self.cipher, block[:32], block[64:76])
        self.rx = Direction(self.cipher, block[32:64], block[76:88])
        self.state, self.resend = "confirm", 0.0

    def _repeat(self):
        now = time.monotonic()
        if now < self.resend:
            return
        if self.state == "hello":
            self.resend = now + 0.5
            self.dtls.write(self._hello())
        elif self.state == "confirm":
            self.resend = now + 0.25
            self.request()

    # --- data packets

    def send(self, kind, payload):
        self._send(self.tx.seal(self.server_receiver, bytes([kind]) + payload))

    def request(self):
        self.send(PAD, bytes([REQUEST]) + os.urandom(8))

    def send_frame(self, frame, parts=1):
        """In so many FRAGMENTs, or as a FRAME."""
        if parts == 1:
            self.send(FRAME, frame)
            return
        size = -(-len(frame) // parts)
        for i in range(parts):
            self.send(FRAGMENT, bytes([i, parts]) + frame[i * size:(i + 1) * size])

    def send_bundle(self, frames):
        self.send(BUNDLE, b"".join(struct.pack("!H", len(f)) + f for f in frames))

    def bye(self, code=7):
        for _ in range(2):
            self.send(CONTROL, struct.pack("!IB", 1, BYE) + tlv(16, struct.pack("!H", code)))

    def frames(self):
        taken, self.received = self.received, []
        return taken

    def _data(self, datagram):
        if not self.rx or len(datagram) < 30 or struct.unpack_from("!I", datagram, 1)[0] != self.receiver:
            return
        opened = self.rx.open(datagram)
        if not opened:
            return
        counter, plain = opened
        if self.state == "confirm":
            self.state = "established"
            self.dtls.close()
            self.dtls = None
        kind, payload = plain[0], plain[1:]
        self.kinds.add(kind)
        if kind == FRAME:
            self.received.append(payload)
        elif kind == BUNDLE:
            while payload:
                length, = struct.unpack_from("!H", payload)
                self.received.append(payload[2:2 + length])
                payload = payload[2 + length:]
        elif kind == FRAGMENT:
            self._fragment(counter, payload[0], payload[1], payload[2:])
        elif kind == CONTROL:
            self._control(payload)
        elif kind == PAD and payload[0] & REQUEST:
            self.send(PAD, bytes([REPLY]) + payload[1:9])
        elif kind == PAD:
            self.answers.append(payload[1:9])

    def _fragment(self, counter, index, count, part):
        parts = self.parts.setdefault(counter - index, {})
        parts[index] = part
        if len(parts) == count:
            self.received.append(b"".join(parts[i] for i in range(count)))
            del self.parts[counter - index]

    def _control(self, payload):
        number, kind = struct.unpack_from("!IB", payload)
        if kind == BYE:
            raise Refused(*reason(payload[5:]))
        if kind == ACK or number > self.control_seen + 1:
            return
        self.send(CONTROL, struct.pack("!IB", number, ACK))
        if number == self.control_seen + 1:
            self.control_seen = number
            if kind == PUSH:
                self.pushed = tlvs(payload[5:])
