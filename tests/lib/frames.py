# SPDX-License-Identifier: MIT
"""HTTP/2 by hand: frames out as the scene wants them, right or wrong, and
what comes back taken apart.

    c = Frames(p.port)                        # preface and SETTINGS sent
    c.headers(1, [(":method", "GET"), ...], end=True)
    got = c.stream(1)                         # .status .fields .body .reset
"""
import socket
import ssl
import struct
import time

import hpack

from scene import slack

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONT = \
    range(10)
END_STREAM, END_HEADERS, PADDED, ACK = 1, 4, 8, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ERRORS = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR",
          "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
          "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR",
          "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"]


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(
        ">BBI", kind, flags, stream) + payload


def literal(fields):
    """A header block without indexing or Huffman coding: the very bytes of
    each name and value, forbidden ones too."""
    def text(x):
        x = x.encode("latin-1") if isinstance(x, str) else x
        if len(x) < 127:
            return bytes([len(x)]) + x
        n, out = len(x) - 127, b"\x7f"
        while n >= 128:
            out += bytes([n & 127 | 128])
            n >>= 7
        return out + bytes([n]) + x
    return b"".join(b"\0" + text(n) + text(v) for n, v in fields)


def get(path, *more, method="GET", authority="a.example"):
    """The fields of a request."""
    return [(":method", method), (":scheme", "http"),
            (":authority", authority), (":path", path), *more]


class Stream:
    def __init__(self):
        self.heads, self._body, self.ended, self.reset = \
            [], bytearray(), False, None
        self.arrivals = []          # (CLOCK_MONOTONIC ns, bytes)

    @property
    def body(self):
        return bytes(self._body)

    @property
    def got(self):
        """How many bytes of body have come."""
        return len(self._body)

    @property
    def status(self):
        final = [h for h in self.heads if int(h[0][1]) >= 200]
        return int(final[0][0][1]) if final else 0

    @property
    def fields(self):
        return [h for h in self.heads if h[0][0] == ":status" and
                int(h[0][1]) >= 200][0][1:]

    @property
    def trailers(self):
        last = self.heads[-1] if self.heads else []
        return last if last and last[0][0] != ":status" else []

    def get(self, name):
        return next((v for n, v in self.fields if n == name), None)


class Frames:
    def __init__(self, port, tls=None, timeout=20, settings=(), hello=True,
                 window=None, host="127.0.0.1"):
        self.s = socket.create_connection((host, port))
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.s.settimeout(slack(timeout))
        if tls:
            context = ssl.create_default_context(cafile=tls)
            context.set_alpn_protocols(["h2"])
            self.s = context.wrap_socket(self.s, server_hostname="localhost")
        self.buf, self.decoder = b"", hpack.Decoder()
        self.streams, self.goaway, self.over = {}, None, False
        self.pings = self.settings_seen = 0
        self.credit = True
        if hello:
            self.send(PREFACE + frame(SETTINGS, 0, 0, b"".join(
                struct.pack(">HI", k, v) for k, v in settings)))
            if window:
                self.send(frame(WINDOW, 0, 0, struct.pack(">I", window)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.s.sendall(data)

    def headers(self, stream, fields, end=False, flags=END_HEADERS):
        self.send(frame(HEADERS, flags | (END_STREAM if end else 0), stream,
                        literal(fields)))

    def data(self, stream, body, end=False):
        """Without regard to the peer's window: keep it small."""
        pieces = [body[i:i + 16384] for i in range(0, len(body), 16384)] or [b""]
        for i, piece in enumerate(pieces):
            last = end and i == len(pieces) - 1
            self.send(frame(DATA, END_STREAM if last else 0, stream, piece))

    def rst(self, stream, code=8):
        self.send(frame(RST, 0, stream, struct.pack(">I", code)))

    def window(self, stream, n):
        self.send(frame(WINDOW, 0, stream, struct.pack(">I", n)))

    def next(self):
        """Reads one frame and takes it in; None at the connection's end."""
        while len(self.buf) < 9 or len(self.buf) < 9 + int.from_bytes(
                self.buf[:3], "big"):
            try:
                got = self.s.recv(1 << 17)
            except (ConnectionError, ssl.SSLError):
                got = b""
            if not got:
                self.over = True
                return None
            self.buf += got
        n = int.from_bytes(self.buf[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self.buf[3:9])
        payload, self.buf = self.buf[9:9 + n], self.buf[9 + n:]
        self._take(kind, flags, stream, payload)
        return kind, flags, stream, payload

    def _take(self, kind, flags, stream, payload):
        s = self.streams.setdefault(stream, Stream()) if stream else None
        if kind == HEADERS:
            block = payload
            while not flags & END_HEADERS:
                got = self.next()
                block, flags = block + got[3], flags | got[1]
            s.heads.append(self.decoder.decode(block))
        elif kind == DATA:
            pad = payload[0] + 1 if flags & PADDED else 0
            s._body += payload[1:len(payload) - pad + 1] if pad else payload
            s.arrivals.append((time.monotonic_ns(), len(payload)))
            if self.credit and payload:
                self._grant(stream, len(payload))
        elif kind == RST:
            s.reset = int.from_bytes(payload, "big")
        elif kind in (SETTINGS, PING) and not flags & ACK:
            self.settings_seen += kind == SETTINGS
            try:
                self.send(frame(kind, ACK, 0,
                                payload if kind == PING else b""))
            except OSError:
                pass
        elif kind == PING:
            self.pings += 1
        elif kind == GOAWAY:
            self.goaway = (int.from_bytes(payload[:4], "big") & 0x7fffffff,
                           int.from_bytes(payload[4:8], "big"), payload[8:])
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            s.ended = True

    def _grant(self, stream, n):
        """The window that was used up, back; the peer may be gone."""
        try:
            self.window(0, n)
            self.window(stream, n)
        except OSError:
            pass

    def stream(self, number):
        """Reads until this stream has ended or was reset, or the connection
        is over; returns it."""
        while True:
            s = self.streams.get(number)
            if s and (s.ended or s.reset is not None) or self.over:
                return s or Stream()
            self.next()

    def drain(self, seconds):
        """Takes in what comes within that time, or until the end."""
        end = time.monotonic() + seconds
        old = self.s.gettimeout()
        try:
            while not self.over and time.monotonic() < end:
                self.s.settimeout(max(0.01, end - time.monotonic()))
                self.next()
        except (TimeoutError, socket.timeout):
            pass
        finally:
            self.s.settimeout(old)

    def ping(self):
        """Is the other side alive? True after its answer."""
        before = self.pings
        try:
            self.send(frame(PING, 0, 0, b"12345678"))
            while self.pings == before and not self.over:
                self.next()
        except OSError:
            return False
        return self.pings > before

    def close(self):
        self.s.close()
