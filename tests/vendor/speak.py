# SPDX-License-Identifier: MIT
"""How the checks of the practice vendor speak to it: by raw bytes.

HTTP/2 is spoken frame by frame; of HPACK only literals are written, and
only indexed statuses are read. Needs nothing but Python.
"""
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time

TESTS = []


def test(f):
    TESTS.append(f)
    return f


class Vendor:
    def __init__(self, path, *args):
        self.dir = tempfile.mkdtemp()
        ports = os.path.join(self.dir, "ports")
        self.ca = os.path.join(self.dir, "ca.pem")
        self.p = subprocess.Popen(
            [path, "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0",
             "--write-ca", self.ca, "--port-file", ports, "--quiet", *args])
        while not os.path.exists(ports):
            assert self.p.poll() is None, "the vendor did not start"
            time.sleep(0.01)
        with open(ports) as f:
            self.__dict__.update(json.load(f))

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        assert self.p.wait(10) == 0, "SIGTERM ended in failure"


class Wire:
    """A socket that reads until a mark, a count or the end."""

    def __init__(self, v, tls=False, alpn=None):
        self.s = socket.create_connection(("127.0.0.1", v.tls if tls
                                           else v.clear), timeout=5)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            ctx = ssl.create_default_context(cafile=v.ca)
            # Some builds of Python hide that close_notify did not come.
            ctx.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
            ctx.set_alpn_protocols(alpn or ["http/1.1"])
            self.s = ctx.wrap_socket(self.s, server_hostname="localhost",
                                     suppress_ragged_eofs=False)
        self.b = b""
        self.end = None

    def send(self, *what):
        self.s.sendall(b"".join(w.encode("latin-1") if isinstance(w, str)
                                else w for w in what))

    def more(self):
        try:
            got = self.s.recv(65536)
            self.end = None if got else "fin"
        except ssl.SSLError as e:
            if e.reason != "UNEXPECTED_EOF_WHILE_READING":
                raise
            got, self.end = b"", "bare"
        except ConnectionResetError:
            got, self.end = b"", "rst"
        self.b += got
        return bool(got)

    def take(self, n):
        while len(self.b) < n and self.more():
            pass
        got, self.b = self.b[:n], self.b[n:]
        return got

    def until(self, mark):
        while mark not in self.b and self.more():
            pass
        assert mark in self.b, (mark, self.b)
        got, _, self.b = self.b.partition(mark)
        return got

    def rest(self):
        while self.more():
            pass
        return self.b

    def quiet(self, seconds):
        self.s.settimeout(seconds)
        try:
            return not self.more() and False
        except TimeoutError:
            return True
        finally:
            self.s.settimeout(5)


def get(v, target, *fields, body=None, method=None, tls=False, vendor=None):
    w = Wire(v, tls)
    fields = list(fields)
    if vendor:
        fields.append("x-vendor: " + vendor)
    if body is not None:
        fields.append("content-length: %d" % len(body))
    w.send("%s %s HTTP/1.1\r\nhost: t\r\n" % (
        method or ("GET" if body is None else "POST"), target),
        *(f + "\r\n" for f in fields), "\r\n", body or b"")
    return w


def head(w):
    text = w.until(b"\r\n\r\n").decode("latin-1")
    line, *fields = text.split("\r\n")
    return int(line.split()[1]), [tuple(f.split(": ", 1)) for f in fields]


def chunks(w):
    """The chunks, their extensions, and the trailer lines."""
    out, ext = [], []
    while True:
        line = w.until(b"\r\n")
        size, _, e = line.partition(b";")
        ext.append(e)
        if int(size, 16) == 0:
            break
        out.append(w.take(int(size, 16)))
        assert w.take(2) == b"\r\n"
    trailers = []
    while line := w.until(b"\r\n"):
        trailers.append(line.decode())
    return out, ext, trailers


def splitmix(seed, n):
    m = 2**64 - 1
    out = []
    for i in range((n + 7) // 8):
        z = (seed + (i + 1) * 0x9E3779B97F4A7C15) & m
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & m
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & m
        out.append(struct.pack("<Q", z ^ (z >> 31)))
    return b"".join(out)[:n]


DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8


class H2(Wire):
    def __init__(self, v, tls=False):
        super().__init__(v, tls, ["h2"])
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                  self.frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 24)),
                  self.frame(WINDOW, 0, 0, struct.pack(">I", 1 << 24)))

    @staticmethod
    def frame(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
            struct.pack(">I", stream) + payload

    def ask(self, stream, target, *fields, ends=True):
        fields = [(":method", "GET" if ends else "POST"), (":scheme", "http"),
                  (":path", target), (":authority", "t"), *fields]
        block = b"".join(
            b"\0" + bytes([len(n)]) + n.encode() + bytes([len(x)]) + x.encode()
            for n, x in fields)
        self.send(self.frame(HEADERS, 5 if ends else 4, stream, block))

    def read(self):
        """The next frame but SETTINGS, WINDOW_UPDATE; None at the end."""
        while True:
            lead = self.take(9)
            if len(lead) < 9:
                return None
            n = int.from_bytes(lead[:3], "big")
            if n > 16384:
                return "garbage", 0, 0, lead
            payload = self.take(n)
            kind, flags = lead[3], lead[4]
            if kind == SETTINGS and not flags:
                self.send(self.frame(SETTINGS, 1, 0))
            if kind not in (SETTINGS, WINDOW):
                stream = int.from_bytes(lead[5:], "big")
                return kind, flags, stream, payload

    def frames(self, stream=None):
        """Up to the end of that stream, or of the connection."""
        out = []
        while f := self.read():
            out.append(f)
            if f[2] == stream and (f[1] & 1 or f[0] == RST):
                break
        return out


def h2(v, target, *fields, tls=False):
    c = H2(v, tls)
    c.ask(1, target, *fields)
    return c


def kinds(frames):
    return [f[0] for f in frames]


def body_of(frames, stream=1):
    return b"".join(f[3] for f in frames if f[0] == DATA and f[2] == stream)
