# SPDX-License-Identifier: MIT
"""HTTP/1.1 by hand: exact bytes out, exact bytes in."""
import re
import socket
import ssl
import struct
import threading
import time

from scene import slack


class Wire:
    """A connection whose bytes the scene writes itself.

        w = Wire(p.port)
        w.send(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
        r = w.response()            # .status .head .fields .body .interim
    """

    def __init__(self, port, tls=None, alpn=None, host="127.0.0.1",
                 timeout=20, rcvbuf=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.s = socket.socket(family)
        if rcvbuf:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.s.settimeout(slack(timeout))
        self.s.connect((host, port))
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.create_default_context(cafile=tls)
            if alpn:
                context.set_alpn_protocols(alpn)
            self.s = context.wrap_socket(self.s, server_hostname="localhost")
        self.buf = b""
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.s.sendall(data)

    def _more(self):
        """Reads once; False at the end of the connection."""
        try:
            got = self.s.recv(1 << 16)
        except ConnectionResetError:
            got = b""
            self.reset = True
        if not got:
            self.ended = True
            return False
        self.buf += got
        return True

    reset = False

    def until(self, mark):
        while mark not in self.buf:
            if not self._more():
                raise EOFError(f"ended before {mark!r}: {self.buf[-300:]!r}")
        at = self.buf.index(mark) + len(mark)
        got, self.buf = self.buf[:at], self.buf[at:]
        return got

    def exactly(self, n):
        while len(self.buf) < n:
            if not self._more():
                raise EOFError(f"{len(self.buf)} of {n} bytes, then the end")
        got, self.buf = self.buf[:n], self.buf[n:]
        return got

    def rest(self):
        """All bytes until the connection ends."""
        while self._more():
            pass
        got, self.buf = self.buf, b""
        return got

    def silent(self, seconds):
        """True if nothing at all arrives in that time."""
        if self.buf:
            return False
        old = self.s.gettimeout()
        self.s.settimeout(seconds)
        try:
            return not (self._more() or True)
        except (TimeoutError, socket.timeout, ssl.SSLWantReadError):
            return True
        finally:
            self.s.settimeout(old)

    def response(self, head_only=False):
        """One response, 1xx included; de-chunked, raw pieces kept."""
        r = Response()
        while True:
            head = self.until(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            if status >= 200 or status == 101:
                break
            r.interim.append(head)
        r.status, r.head = status, head
        r.fields = fields_of(head)
        if head_only or status in (101, 204, 304):
            return r
        coding = r.get(b"transfer-encoding")
        length = r.get(b"content-length")
        if coding and coding.lower().endswith(b"chunked"):
            self._chunked(r)
        elif length is not None:
            r.body = self.exactly(int(length))
        else:
            r.body = self.rest()
        return r

    def _chunked(self, r):
        while True:
            size = self.until(b"\r\n")
            n = int(size.split(b";")[0], 16)
            if n == 0:
                break
            r.chunks.append(self.exactly(n))
            r.body += r.chunks[-1]
            self.exactly(2)
        line = self.until(b"\r\n")
        while line != b"\r\n":
            r.trailers.append(tuple(
                x.strip() for x in line.rstrip(b"\r\n").split(b":", 1)))
            line = self.until(b"\r\n")

    def half_close(self):
        self.s.shutdown(socket.SHUT_WR)

    def abort(self):
        """A TCP reset instead of an end."""
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))
        self.s.close()

    def close(self):
        try:
            self.s.close()
        except OSError:
            pass


class Response:
    def __init__(self):
        self.status, self.head, self.fields = 0, b"", []
        self.body, self.chunks, self.trailers, self.interim = b"", [], [], []

    def get(self, name):
        for n, v in self.fields:
            if n.lower() == name:
                return v
        return None

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name]


def fields_of(head):
    """[(name, value)] of a head, in order, names in the case they came."""
    return [tuple(x.strip() for x in line.split(b":", 1))
            for line in head.split(b"\r\n")[1:] if line]


def request(method, target, body=b"", fields=(), host=b"a.example"):
    """A request's bytes, with a Content-Length if there is a body."""
    lines = [b"%s %s HTTP/1.1" % (method.encode(), target.encode()),
             b"Host: " + host]
    lines += [f.encode() if isinstance(f, str) else f for f in fields]
    if body or method in ("POST", "PUT"):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + \
        b"0\r\n\r\n"


class Script:
    """A vendor of a few lines: keeps every byte that arrives, and answers
    each connection by a function of the scene's.

        with Script(lambda c: c.send(b"HTTP/1.1 200 OK\\r\\n...")) as s:
            p = h.proxy(s.url)
            ...
            s.seen()                # all bytes, of all connections
    """

    def __init__(self, answer=None):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.logs, self.lock = [], threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            c = Wire.__new__(Wire)
            c.s, c.buf, c.ended = s, b"", False
            s.settimeout(slack(30))
            c.log = bytearray()
            self.logs.append(c.log)
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _serve(self, c):
        plain = c._more

        def more():
            before = len(c.buf)
            went_on = plain()
            c.log += c.buf[before:]
            return went_on
        c._more = more
        try:
            if self.answer:
                self.answer(c)
            else:
                c.rest()
        except (OSError, EOFError):
            pass
        finally:
            c.close()

    def seen(self):
        return b"".join(bytes(x) for x in self.logs)


def vendor_answer(body=b"ok", status=200, extra=b"", times=100):
    """An answer function for Script: reads length-framed or chunked requests
    and gives each the same answer."""
    def answer(c):
        for _ in range(times):
            head = c.until(b"\r\n\r\n")
            m = re.search(rb"content-length:\s*(\d+)", head, re.I)
            if m:
                c.exactly(int(m.group(1)))
            elif re.search(rb"transfer-encoding:\s*chunked", head, re.I):
                while c.until(b"\r\n") != b"0\r\n":
                    pass
                c.until(b"\r\n")
            c.send(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s" %
                   (status, len(body), extra, body))
    return answer


def now():
    return time.monotonic()
