# SPDX-License-Identifier: MIT
"""Large bodies and many streams in bounded memory."""
import _lib
import hashlib
import resource
import selectors
import socket
import threading
import time

from clients import DOWN, UP, curl
from frames import Frames, get
from house import House
from raw import Wire, request
from scene import case, check, main, same, sanitized, until

ALONE = True
TIMEOUT = 300
MB = 1 << 20


class Watch(threading.Thread):
    """The most memory that a process had while we looked."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.most, self.on = process, 0, True
        self.first = process.rss()
        self.start()

    def run(self):
        while self.on:
            try:
                self.most = max(self.most, self.process.rss())
            except (OSError, AttributeError):
                return
            time.sleep(0.02)

    def grown(self):
        self.on = False
        self.join()
        return self.most - self.first


def upload(p, n, seed=b"x"):
    """Sends n bytes to /sink by h1, in pieces; returns its answer and the
    sha256 of what was sent."""
    piece = hashlib.shake_256(seed).digest(MB)
    digest = hashlib.sha256()
    with Wire(p.port, timeout=120) as w:
        w.send(b"POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
               % n)
        sent = 0
        while sent < n:
            part = piece[:n - sent]
            w.send(part)
            digest.update(part)
            sent += len(part)
        return w.response(), digest.hexdigest()


def download(p, n):
    """Reads n bytes; returns their count and digest."""
    digest, got = hashlib.sha256(), 0
    with Wire(p.port, timeout=120) as w:
        w.send(request("GET", f"/bytes?n={n}&seed=11"))
        w.until(b"\r\n\r\n")
        while got < n:
            if not w.buf and not w._more():
                break
            digest.update(w.buf)
            got, w.buf = got + len(w.buf), b""
    return got, digest.hexdigest()


def moved(up, n):
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--record", "strict", "--spool-size", "32M",
                    http=up)
        upload(p, MB)
        watch = Watch(p)
        answer, sent = upload(p, n)
        same(answer.status, 200, "the upload's status")
        check(sent.encode() in answer.body or str(n).encode() in answer.body,
              "the vendor's count or digest of what came:", answer.body[:300])
        got, digest = download(p, n)
        same(got, n, "bytes that came down")
        same(digest, download(v, n)[1], "their digest")
        grown = watch.grown()
        print(f"    {n // MB} MB each way by HTTP/{up}: memory grew by "
              f"{grown / MB:.1f} MB", flush=True)
        check(grown < 64 * MB or sanitized(),
              f"memory grew by {grown / MB:.0f} MB")
        rows = p.settled(3, 60)
        big = [x for x in rows if x["response_bytes"] == n]
        same(len(big), 1, "the download in the trail")
        same(hashlib.sha256(p.body(big[0], "response")).hexdigest(), digest,
             "its digest in the trail")
        up_row = [x for x in rows if x["request_bytes"] == n][0]
        same(hashlib.sha256(p.body(up_row, "request")).hexdigest(), sent,
             "the upload's digest in the trail")


@case("200 MB up and down by h1 in bounded memory", sanitizer=False)
def big_h1():
    moved("1.1", 200 * MB)


@case("200 MB up and down by h1 to an h2 vendor", sanitizer=False)
def big_h2():
    moved("2", 200 * MB)


@case("20 MB up and down, for sanitizers")
def smaller():
    moved("1.1", 20 * MB)


@case("40 MB up and down by h2 with curl")
def by_h2():
    with House() as h:
        v = h.vendor()
        body = hashlib.shake_256(b"h2").digest(MB) * 40
        for up, (version, _) in (("h1", UP["h1"]), ("h2c", UP["h2c"])):
            p = h.proxy(v.url, "--record", "strict", http=version)
            got = curl(p.url + "/echo?body=1", DOWN["h2c"], data=body,
                       timeout=100)
            same(got.body, body, f"the echo, h2 to {up}")
            x = p.settled(1, 60)[0]
            same(x["request_bytes"], len(body), "request bytes")
            same(p.body(x, "response"), body, "the echo in the trail")
            p.stop()


def slow_streams(n, up, per_connection):
    """n streams at one event each 2 s; what a stream costs in memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4 * n + 500:
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (min(hard, 4 * n + 500), hard))
    with House() as h:
        v = h.vendor("--h2-streams", 4000)
        p = h.proxy(v.url, http=up)
        before = p.rss()
        ends = []
        path = "/stream?n=6&size=250&pace=1"
        if per_connection == 1:
            for _ in range(n):
                s = socket.create_connection(("127.0.0.1", p.port))
                s.sendall(request("GET", path))
                ends.append(s)
        else:
            for _ in range(n // per_connection):
                c = Frames(p.port)
                for i in range(per_connection):
                    c.headers(1 + 2 * i, get(path), end=True)
                ends.append(c)
        time.sleep(2)
        cost = (p.rss() - before) / n
        print(f"    {n} streams, HTTP/{up} vendor: {cost / 1024:.1f} KB each",
              flush=True)
        whole = 0
        if per_connection == 1:
            selector = selectors.DefaultSelector()
            got = {}
            for s in ends:
                s.setblocking(False)
                selector.register(s, selectors.EVENT_READ)
                got[s] = b""
            limit = time.monotonic() + 60
            while got and time.monotonic() < limit:
                for key, _ in selector.select(1):
                    s = key.fileobj
                    data = s.recv(65536)
                    got[s] += data
                    if not data or got[s].endswith(b"0\r\n\r\n"):
                        whole += got.pop(s).endswith(b"0\r\n\r\n")
                        selector.unregister(s)
                        s.close()
        else:
            for c in ends:
                for i in range(per_connection):
                    s = c.stream(1 + 2 * i)
                    whole += s.ended and len(s.body) == 6 * 250
                c.close()
        same(whole, n, "streams that came whole")
        rows = p.settled(n, 60)
        same({x["outcome"] for x in rows}, {"complete"}, "outcomes")
        return cost


@case("2,000 slow streams at once by h1", sanitizer=False)
def many_h1():
    check(slow_streams(2000, "1.1", 1) < 64 * 1024, "memory a stream")


@case("2,000 slow streams at once by h2 on both sides", sanitizer=False)
def many_h2():
    check(slow_streams(2000, "2", 100) < 64 * 1024, "memory a stream")


@case("300 slow streams at once")
def fewer():
    slow_streams(300, "1.1", 1)
    slow_streams(300, "2", 100)


def stalled_reader(up, down):
    """One client that does not read, beside others that do."""
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--spool-size", "32M", http=up)
        download(p, MB)
        watch = Watch(p)
        n = 300 * MB if down == "h1" else 100 * MB
        if down == "h1":
            lazy = Wire(p.port, rcvbuf=65536)
            lazy.send(request("GET", f"/bytes?n={n}&seed=1"))
        else:
            lazy = Frames(p.port)           # never grants more window
            lazy.credit = False
            lazy.headers(1, get(f"/bytes?n={n}&seed=1"), end=True)
        time.sleep(1)
        for _ in range(5):
            started = time.monotonic()
            got, _ = download(p, 4 * MB)
            same(got, 4 * MB, "another client's bytes")
            check(time.monotonic() - started < 15, "another client waited")
        with Frames(p.port) as c:
            c.headers(1, get("/bytes?n=200000"), end=True)
            same(len(c.stream(1).body), 200000, "an h2 client's bytes")
        grown = watch.grown()
        check(grown < 48 * MB or sanitized(),
              f"memory grew by {grown / MB:.0f} MB")
        lazy.close()
        rows = p.settled(8, 20)
        same([x["outcome"] for x in rows if x["path"].endswith("seed=1")],
             ["reset_by_client"], "the lazy one's outcome")


@case("a client that does not read stops its own stream alone")
def backpressure():
    for up in ("1.1", "2"):
        for down in ("h1", "h2"):
            stalled_reader(up, down)


@case("streams of one client connection do not stall one another")
def within_connection():
    with House() as h:
        v = h.vendor()
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            with Frames(p.port, window=1 << 30) as c:
                c.credit = False
                c.headers(1, get("/bytes?n=50000000&seed=1"), end=True)
                c.drain(0.5)
                c.headers(3, get("/bytes?n=10000&seed=2"), end=True)
                s = c.stream(3)
                same(len(s.body), 10000, "the second stream")
                check(c.streams[1].got <= 65535,
                      "more than the window of the first:", c.streams[1].got)
                # Now the first goes on.
                for _ in range(200):
                    c.window(1, 1 << 20)
                same(len(c.stream(1).body), 50000000, "the first stream")
            p.settled(2)
            p.stop()


@case("a vendor that reads slowly slows its client, not memory")
def slow_vendor():
    with House() as h:
        v = h.vendor()
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            watch = Watch(p)
            w = Wire(p.port, timeout=3)
            w.send(b"POST /sink?slow_read=100000 HTTP/1.1\r\nHost: a\r\n"
                   b"Content-Length: 500000000\r\n\r\n")
            piece, sent = b"z" * 65536, 0
            w.s.settimeout(2)
            over = time.monotonic() + 4
            try:
                while time.monotonic() < over:
                    w.send(piece)
                    sent += len(piece)
            except (TimeoutError, socket.timeout):
                pass
            check(sent < 100 * MB, "the client was not slowed:", sent)
            grown = watch.grown()
            check(grown < 32 * MB or sanitized(),
                  f"memory grew by {grown / MB:.0f} MB")
            w.abort()
            same([x["outcome"] for x in p.settled(1)], ["reset_by_client"],
                 "outcome")
            p.stop()


main()
