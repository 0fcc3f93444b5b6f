# SPDX-License-Identifier: MIT
"""How messages are framed and follow one another: keep-alive, pipelining,
multiplexing, chunked and close-delimited bodies, HEAD, trailers, 1xx and
Expect, Upgrade.
"""
import _lib
import base64
import os
import struct
import threading
import time

from frames import Frames, get
from house import House
from raw import Script, Wire, chunked, request, vendor_answer
from scene import case, check, main, same, until


@case("many requests on one connection, and few connections to the vendor")
def keep_alive():
    with House() as h:
        accepted = []

        def answer(c):
            accepted.append(1)
            vendor_answer(b"hello")(c)
        with Script(answer) as vendor:
            p = h.proxy(vendor.url)
            with Wire(p.port) as w:
                for i in range(50):
                    w.send(request("POST", f"/{i}", b"x" * i))
                    same(w.response().body, b"hello", f"answer {i}")
            rows = p.settled(50)
            same([x["path"] for x in rows], [f"/{i}" for i in range(50)],
                 "the paths in the trail")
            same([x["request_bytes"] for x in rows], list(range(50)), "bytes")
            check(len(accepted) <= 2, "connections to the vendor:",
                  len(accepted))


@case("pipelined requests are answered one by one and in order")
def pipelining():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        with Wire(p.port) as w:
            # The first is the slowest: order must not come from speed.
            w.send(request("GET", "/json?n=1000&delay_ms=300") +
                   request("POST", "/echo?body=1", b"second") +
                   request("HEAD", "/json?n=50") +
                   request("POST", "/echo?body=1", b"fourth"))
            same(len(w.response().body), 1000, "the first")
            same(w.response().body, b"second", "the second")
            w.response(head_only=True)
            same(w.response().body, b"fourth", "the fourth")
        same([x["method"] for x in p.settled(4)],
             ["GET", "POST", "HEAD", "POST"], "methods in the trail")


@case("a hundred streams of one h2 connection at once")
def multiplexing():
    for up in ("1.1", "2"):
        with House() as h:
            v = h.vendor()
            p = h.proxy(v.url, http=up)
            with Frames(p.port) as c:
                for i in range(100):
                    c.headers(1 + 2 * i, get(f"/bytes?n={5000 + i}&seed={i}"
                                             f"&delay_ms={i % 7 * 20}"),
                              end=True)
                for i in range(100):
                    s = c.stream(1 + 2 * i)
                    same((s.status, len(s.body)), (200, 5000 + i),
                         f"stream {i}")
            rows = p.settled(100)
            same(sorted(x["response_bytes"] for x in rows),
                 [5000 + i for i in range(100)], "bytes in the trail")


@case("a chunked request passes, its chunks as they came")
def chunked_request():
    with House() as h:
        v = h.vendor()
        pieces = [b"a" * n for n in (1, 10, 1000, 70000)]
        body = b"".join(pieces)
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            with Wire(p.port) as w:
                w.send(b"POST /echo?body=1 HTTP/1.1\r\nHost: a\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n" + chunked(*pieces))
                same(w.response().body, body, f"the echo by HTTP/{up}")
            x = p.settled(1)[0]
            same(p.body(x, "request"), body, "the request in the trail")
            p.stop()


@case("a body that ends with the vendor's connection ends for the client too")
def close_delimited():
    with House() as h:
        v = h.vendor()
        with Wire(v.clear) as w:
            w.send(request("GET", "/bytes?n=5000&seed=3&close=1"))
            direct = w.response().body
        same(len(direct), 5000, "the vendor's body")
        p = h.proxy(v.url)
        with Wire(p.port) as w:
            w.send(request("GET", "/bytes?n=5000&seed=3&close=1"))
            same(w.response().body, direct, "to an h1 client")
        with Frames(p.port) as c:
            c.headers(1, get("/bytes?n=5000&seed=3&close=1"), end=True)
            s = c.stream(1)
            same((s.body, s.ended), (direct, True), "to an h2 client")
        for x in p.settled(2):
            same(x["outcome"], "complete", "outcome")
            same(p.body(x, "response"), direct, "in the trail")


@case("an HTTP/1.0 client gets a body that ends with the connection")
def http10():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        with Wire(p.port) as w:
            w.send(b"GET /stream?n=5&size=100 HTTP/1.0\r\nHost: a\r\n\r\n")
            r = w.response()
        same(r.status, 200, "status")
        check(not r.get(b"transfer-encoding"), "chunked towards HTTP/1.0")
        check(r.body.endswith(b"\n\n"), "the body's end:", r.body[-40:])


@case("the answer to HEAD has the length and no body; the connection lives")
def head():
    with House() as h:
        v = h.vendor()
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            with Wire(p.port) as w:
                for _ in range(2):
                    w.send(request("HEAD", "/bytes?n=12345"))
                    r = w.response(head_only=True)
                    same((r.status, r.get(b"content-length")),
                         (200, b"12345"), f"HEAD by HTTP/{up}")
                w.send(request("GET", "/bytes?n=5"))
                same(len(w.response().body), 5, "a GET after it")
            same([x["response_bytes"] for x in p.settled(3)], [0, 0, 5],
                 "bytes in the trail")
            p.stop()


@case("204 and 304 have no body and keep the connection")
def no_body():
    with House() as h:
        def answer(c):
            for status in (204, 304, 200):
                c.until(b"\r\n\r\n")
                c.send(b"HTTP/1.1 %d X\r\n%s\r\n" % (
                    status, b"Content-Length: 0\r\n" if status == 200 else
                    b"ETag: \"a\"\r\n"))
        with Script(answer) as vendor:
            p = h.proxy(vendor.url)
            with Wire(p.port) as w:
                for status in (204, 304, 200):
                    w.send(request("GET", f"/{status}"))
                    same(w.response().status, status, "status")
            same([x["outcome"] for x in p.settled(3)], ["complete"] * 3,
                 "outcomes")


@case("trailers pass in each pair of versions and are recorded")
def trailers():
    with House() as h:
        v = h.vendor()
        with Wire(v.clear) as w:
            w.send(request("GET", "/stream?n=3&trailers=1",
                           fields=["TE: trailers"]))
            direct = w.response()
        check(direct.trailers, "the vendor sends no trailers")
        expected = sorted((n.lower(), x) for n, x in direct.trailers)
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            with Wire(p.port) as w:
                w.send(request("GET", "/stream?n=3&trailers=1",
                               fields=["TE: trailers"]))
                r = w.response()
                same(sorted((n.lower(), x) for n, x in r.trailers), expected,
                     f"trailers, HTTP/{up} to h1")
                same(r.body, direct.body, "body")
            with Frames(p.port) as c:
                c.headers(1, get("/stream?n=3&trailers=1",
                                 ("te", "trailers")), end=True)
                s = c.stream(1)
                same(sorted((n.encode(), x.encode()) for n, x in s.trailers),
                     expected, f"trailers, HTTP/{up} to h2")
            for x in p.settled(2):
                shown = p.show(x, "--json")
                check(expected[0][1] in shown, "no trailers in the record:",
                      shown)
            p.stop()


@case("request trailers reach the vendor")
def request_trailers():
    got = []

    def answer(c):
        c.until(b"\r\n\r\n")
        got.append(c.until(b"\r\n0\r\n") + c.until(b"\r\n\r\n"))
        c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    with House() as h, Script(answer) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            w.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
                   b"\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\n"
                   b"X-Sum: 1234\r\n\r\n")
            same(w.response().status, 200, "status")
        check(got and b"X-Sum: 1234" in got[0], "the vendor got:", got)


@case("1xx answers arrive before the final one, in order")
def interim():
    with House() as h:
        v = h.vendor()
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            with Wire(p.port) as w:
                w.send(request("GET", "/json?n=10&interim=103%2B102"
                               .replace("%2B", "+")))
                r = w.response()
                same([x.split(b" ")[1] for x in r.interim], [b"103", b"102"],
                     f"interim answers, HTTP/{up} to h1")
                same(r.status, 200, "status")
            with Frames(p.port) as c:
                c.headers(1, get("/json?n=10&interim=103+102"), end=True)
                s = c.stream(1)
                same([dict(x)[":status"] for x in s.heads],
                     ["103", "102", "200"], f"heads, HTTP/{up} to h2")
            for x in p.settled(2):
                same((x["status"], x["outcome"]), (200, "complete"), "record")
            p.stop()


@case("Expect: 100-continue goes to the vendor, its 100 comes back")
def expect():
    order = []

    def answer(c):
        head = c.until(b"\r\n\r\n")
        order.append(b"100-continue" in head.lower())
        time.sleep(0.3)
        order.append(c.silent(0.05))        # no body before our 100
        c.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        order.append(c.exactly(5))
        c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with House() as h, Script(answer) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            w.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                   b"Expect: 100-continue\r\n\r\n")
            started = time.monotonic()
            same(w.until(b"\r\n\r\n").split(b" ")[1], b"100", "interim")
            waited = time.monotonic() - started
            w.send(b"abcde")
            same(w.response().body, b"ok", "answer")
        same(order, [True, True, b"abcde"], "what the vendor saw, in order")
        check(waited > 0.25, "the 100 came before the vendor's:", waited)


@case("a final answer instead of 100 reaches the client, nothing is sent on")
def expect_refused():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        with Wire(p.port) as w:
            w.send(b"POST /sink?early=1 HTTP/1.1\r\nHost: a\r\n"
                   b"Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n")
            same(w.response().status, 413, "status")
        same(p.settled(1)[0]["status"], 413, "in the trail")


@case("a client that sends without waiting for 100 is served all the same")
def expect_impatient():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        for fault in ("", "&no_continue=1"):
            with Wire(p.port) as w:
                w.send(b"POST /echo?body=1" + fault.encode() + b" HTTP/1.1\r\n"
                       b"Host: a\r\nContent-Length: 5\r\n"
                       b"Expect: 100-continue\r\n\r\nabcde")
                same(w.response().body, b"abcde", "echo" + fault)
        p.settled(2)


@case("an answer that comes before the request's end passes at once")
def early():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        with Wire(p.port) as w:
            w.send(b"POST /sink?early=1 HTTP/1.1\r\nHost: a\r\n"
                   b"Content-Length: 1000000\r\n\r\n" + b"x" * 1000)
            same(w.response().status, 413, "status")
        x = p.settled(1)[0]
        same(x["status"], 413, "in the trail")


def ws_frame(opcode, payload, mask=True):
    head = bytes([0x80 | opcode])
    n = len(payload)
    bit = 0x80 if mask else 0
    head += bytes([bit | n]) if n < 126 else bytes([bit | 126]) + \
        struct.pack(">H", n)
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


@case("an Upgrade becomes a pipe of bytes both ways, and is recorded")
def upgrade():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        with Wire(p.port) as w:
            w.send(request("GET", "/ws", fields=[
                "Connection: Upgrade", "Upgrade: websocket",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " +
                base64.b64encode(os.urandom(16)).decode()]))
            r = w.response()
            same(r.status, 101, "status")
            same(r.get(b"upgrade").lower(), b"websocket", "Upgrade field")
            sent = b""
            for text in (b"one", b"two" * 100, b"three"):
                sent += ws_frame(1, text)
                w.send(sent[-len(ws_frame(1, text)):])
                head = w.exactly(2)
                n = head[1] & 127
                if n == 126:
                    n = struct.unpack(">H", w.exactly(2))[0]
                same(w.exactly(n), text, "the echo")
            last = ws_frame(8, struct.pack(">H", 1000))
            sent += last
            w.send(last)
            w.rest()
        x = p.settled(1)[0]
        same((x["status"], x["outcome"]), (101, "complete"), "in the trail")
        same(p.body(x, "request"), sent, "the client's bytes in the trail")
        check(b"two" * 100 in p.body(x, "response"), "the vendor's bytes")


@case("an Upgrade that the vendor declines is an ordinary answer")
def upgrade_declined():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        with Wire(p.port) as w:
            w.send(request("GET", "/json?n=10", fields=[
                "Connection: Upgrade", "Upgrade: websocket"]))
            r = w.response()
            same((r.status, len(r.body)), (200, 10), "answer")
            w.send(request("GET", "/json?n=11"))
            same(len(w.response().body), 11, "the next one")


@case("half-closed clients get their answers")
def half_close():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        with Wire(p.port) as w:
            w.send(request("POST", "/echo?body=1&delay_ms=300", b"abc"))
            w.half_close()
            same(w.response().body, b"abc", "the answer after a half-close")
        same(p.settled(1)[0]["outcome"], "complete", "outcome")


main()
