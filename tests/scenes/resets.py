# SPDX-License-Identifier: MIT
"""Clients that go away: the vendor hears of it at once, the trail says whose
doing it was, and others go on."""
import _lib
import socket
import time

from clients import curl
from frames import Frames, get
from house import House
from raw import Script, Wire, request
from scene import case, check, main, same, slack, until

LONG = "/stream?n=1000&size=250&pace=100"


@case("a client's reset, in each pair of versions")
def resets():
    with House() as h:
        v = h.vendor()
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            with Wire(p.port) as w:              # TCP reset
                w.send(request("GET", LONG))
                w.exactly(3000)
                w.abort()
            with Wire(p.port) as w:              # an ordinary close
                w.send(request("GET", LONG))
                w.exactly(3000)
            with Frames(p.port) as c:            # RST_STREAM
                c.headers(1, get(LONG), end=True)
                while len(c.streams.get(1).body if 1 in c.streams
                          else b"") < 3000:
                    c.next()
                c.rst(1)
                c.headers(3, get("/json?n=10"), end=True)
                same(c.stream(3).status, 200, "another stream after it")
            with Frames(p.port) as c:            # the whole connection
                c.headers(1, get(LONG), end=True)
                while not c.streams.get(1) or not c.streams[1].body:
                    c.next()
            rows = [x for x in p.settled(5) if x["path"] == LONG]
            same([x["outcome"] for x in rows], ["reset_by_client"] * 4,
                 f"outcomes, HTTP/{up}")
            for x in rows:
                check(x["response_bytes"] >= 250, "bytes before it:", x)
                check(x["duration_ns"] < slack(5e9), "it went on:", x)
            p.stop()


@case("the vendor's side ends within a moment of the client's")
def propagated():
    """A reset is heard of at once. A FIN may be a half-close, after which an
    answer is still wanted: it is known for an end when the next byte to the
    client is refused."""
    ended = []

    def answer(c):
        c.until(b"\r\n\r\n")
        c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"5\r\nhello\r\n")
        if len(ended) == 1:
            for _ in range(100):
                if not c.silent(0.1):       # until the proxy closes
                    break
                c.send(b"1\r\n.\r\n")
        else:
            c.rest()
        ended.append(time.monotonic())
    with House() as h, Script(answer) as vendor:
        p = h.proxy(vendor.url)
        for n, way in enumerate(("abort", "close")):
            w = Wire(p.port)
            w.send(request("GET", "/"))
            w.until(b"hello")
            gone = time.monotonic()
            getattr(w, way)()
            until(lambda: len(ended) > n, slack(3),
                  f"the vendor to hear of the {way}")
            check(ended[-1] - gone < slack(1), "it took", ended[-1] - gone)
        same([x["outcome"] for x in p.settled(2)], ["reset_by_client"] * 2,
             "outcomes")


@case("a client that goes away in mid-upload")
def mid_upload():
    with House() as h:
        v = h.vendor()
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            w = Wire(p.port)
            w.send(b"POST /sink HTTP/1.1\r\nHost: a\r\n"
                   b"Content-Length: 1000000\r\n\r\n" + b"x" * 30000)
            time.sleep(0.2)
            w.abort()
            c = Frames(p.port)
            c.headers(1, get("/sink", method="POST"))
            c.data(1, b"y" * 20000)
            time.sleep(0.2)
            c.rst(1)
            c.drain(0.2)
            c.close()
            rows = p.settled(2)
            same([x["outcome"] for x in rows], ["reset_by_client"] * 2,
                 f"outcomes, HTTP/{up}")
            same([x["request_bytes"] for x in rows], [30000, 20000],
                 "bytes that came")
            same(p.body(rows[0], "request"), b"x" * 30000, "in the trail")
            p.stop()


@case("a client that goes away while the vendor thinks")
def while_thinking():
    with House() as h:
        v = h.vendor()
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            w = Wire(p.port)
            w.send(request("GET", "/json?n=10&delay_ms=3000"))
            time.sleep(0.3)
            w.abort()
            with Frames(p.port) as c:
                c.headers(1, get("/json?n=10&delay_ms=3000"), end=True)
                c.drain(0.3)
                c.rst(1)
                c.drain(0.1)
            for x in p.settled(2, 2):
                same(x["outcome"], "reset_by_client", "outcome")
                same(x["response_bytes"], 0, "bytes")
            p.stop()


@case("an h2 client's GOAWAY lets its streams end")
def client_goaway():
    from frames import GOAWAY, frame
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        with Frames(p.port) as c:
            c.headers(1, get("/stream?n=20&pace=40"), end=True)
            c.send(frame(GOAWAY, 0, 0, b"\0" * 8))
            s = c.stream(1)
            same((s.ended, len(s.body)), (True, 20 * 250), "the stream")
        same(p.settled(1)[0]["outcome"], "complete", "outcome")


@case("many resets at once leave nothing behind")
def many():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, http="2")
        for _ in range(5):
            ends = []
            for _ in range(40):
                w = Wire(p.port)
                w.send(request("GET", LONG))
                ends.append(w)
            for w in ends[::2]:
                w.exactly(300)
            for w in ends:
                w.abort()
        rows = p.settled(200, 20)
        same(len(rows), 200, "exchanges")
        check({x["outcome"] for x in rows} <= {"reset_by_client"},
              "outcomes:", {x["outcome"] for x in rows})
        same(curl(p.url + "/json?n=10").status, 200, "afterwards")
        same(p.settled(201)[-1]["outcome"], "complete", "outcome")


main()
