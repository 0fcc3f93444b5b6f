# SPDX-License-Identifier: MIT
"""Heads go through as they came: names, order, duplicates, case; only
hop-by-hop fields and the authority change. The trail has both heads.
"""
import _lib
from frames import CONT, END_HEADERS, END_STREAM, HEADERS
from frames import Frames, frame, get, literal
from house import House
from raw import Script, Wire, fields_of, vendor_answer
from scene import case, check, main, same

FIELDS = [b"accept: */*", b"X-One: 1", b"x-one: 2", b"X-ONE:   3  ",
          b"Accept-Encoding: br, gzip, deflate, zstd", b"X-Empty:",
          b"User-Agent: t/1.0 (a, b)", b"X-Bytes: \xc3\xa4\xff",
          b"Cookie: a=1", b"Cookie: b=2"]


@case("h1 to h1: the request's fields arrive byte by byte, in order")
def h1_request():
    with House() as h, Script(vendor_answer()) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            w.send(b"GET /v1/models?a=b%20c&d HTTP/1.1\r\n" +
                   b"\r\n".join([FIELDS[0], b"Host: app.example"] + FIELDS[1:] +
                                [b"Connection: keep-alive, x-hop",
                                 b"X-Hop: gone", b"Keep-Alive: timeout=5"]) +
                   b"\r\n\r\n")
            same(w.response().status, 200, "status")
        head = vendor.seen()
        same(head.split(b"\r\n")[0], b"GET /v1/models?a=b%20c&d HTTP/1.1",
             "request line")
        seen = [f for f in fields_of(head) if f[0].lower() != b"connection"]
        same(seen, fields_of(b"\r\n" + b"\r\n".join(
            [FIELDS[0], b"Host: 127.0.0.1:%d" % vendor.port] + FIELDS[1:])),
            "fields at the vendor: as sent, with its own Host, without what "
            "concerns the hop")
        for word in (b"via", b"x-forwarded-for", b"forwarded"):
            check(word not in [n.lower() for n, _ in seen], "added:", word)

        # The record has the head as the client sent it.
        recorded = p.head(p.settled(1)[0], "request")
        same([n for n, _ in fields_of(recorded)],
             [n for n, _ in fields_of(b"\r\n" + b"\r\n".join(
                 [FIELDS[0], b"Host: app.example"] + FIELDS[1:] +
                 [b"Connection:", b"X-Hop:", b"Keep-Alive:"]))],
             "names in the record")


@case("h1 to h1: the answer's fields arrive byte by byte, with the reason")
def h1_response():
    lines = (b"X-One: 1\r\nx-one: 2\r\nX-ONE: 3\r\nSERVER: odd/0\r\n"
             b"Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nX-Empty:\r\n"
             b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nX-Bytes: \xc3\xa4\xff\r\n")

    def answer(c):
        c.until(b"\r\n\r\n")
        c.send(b"HTTP/1.1 299 Odd But Fine\r\ncontent-LENGTH: 2\r\n" + lines +
               b"\r\nok")
        c.rest()
    with House() as h, Script(answer) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            w.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            r = w.response()
        same(r.head.split(b"\r\n")[0], b"HTTP/1.1 299 Odd But Fine", "status")
        same([f for f in r.fields if f[0].lower() != b"connection"],
             fields_of(b"\r\ncontent-LENGTH: 2\r\n" + lines), "fields")
        x = p.settled(1)[0]
        same(x["status"], 299, "recorded status")
        check(b"x-one: 2\r\nX-ONE: 3" in p.head(x, "response"), "recorded head")


@case("the vendor's duplicates and odd cases pass in each pair of versions")
def vendor_duplicates():
    with House() as h:
        v = h.vendor()
        with Wire(v.clear) as w:
            w.send(b"GET /json?n=10&dup_headers=1 HTTP/1.1\r\nHost: a\r\n\r\n")
            direct = [f for f in w.response().fields
                      if f[0].lower() not in (b"connection", b"keep-alive")]
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            fold = (lambda fs: fs) if up == "1.1" else (
                lambda fs: [(n.lower(), x) for n, x in fs])
            with Wire(p.port) as w:
                w.send(b"GET /json?n=10&dup_headers=1 HTTP/1.1\r\n"
                       b"Host: a\r\n\r\n")
                seen = [f for f in w.response().fields if f[0].lower() not in
                        (b"connection", b"keep-alive", b"transfer-encoding")]
            same(_dateless(fold(seen)), _dateless(fold(direct)),
                 f"fields from an HTTP/{up} vendor to an h1 client")
            with Frames(p.port) as c:
                c.headers(1, get("/json?n=10&dup_headers=1"), end=True)
                fields = [(n.encode(), x.encode())
                          for n, x in c.stream(1).fields]
            same(_dateless(fields), _dateless(
                [(n.lower(), x) for n, x in direct]),
                f"fields from an HTTP/{up} vendor to an h2 client")


def _dateless(fields):
    return [(n, b"" if n.lower() in (b"date", b"x-request-id") else v)
            for n, v in fields]


@case("h2 to h1: cookies, host and order")
def h2_request():
    with House() as h, Script(vendor_answer()) as vendor:
        p = h.proxy(vendor.url)
        with Frames(p.port) as c:
            c.headers(1, get("/v1/models?x=1", ("x-one", "1"), ("b", "2"),
                             ("x-one", "3"), ("te", "trailers"),
                             ("a", "4")), end=True)
            same(c.stream(1).status, 200, "status")
        seen = vendor.seen()
        same(seen.split(b"\r\n")[0], b"GET /v1/models?x=1 HTTP/1.1", "line")
        same([f for f in fields_of(seen) if f[0] in (b"x-one", b"a", b"b")],
             [(b"x-one", b"1"), (b"b", b"2"), (b"x-one", b"3"), (b"a", b"4")],
             "fields in order")
        same([v for n, v in fields_of(seen) if n.lower() == b"host"],
             [b"127.0.0.1:%d" % vendor.port], "one Host, the vendor's")


@case("a head above --max-head is answered 431, one below passes")
def oversized():
    with House() as h, Script(vendor_answer()) as vendor:
        p = h.proxy(vendor.url, "--max-head", "16K")
        with Wire(p.port) as w:
            w.send(b"GET /big HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 20000 +
                   b"\r\n\r\n")
            same(w.response().status, 431, "a line of 20,000 bytes")
        with Wire(p.port) as w:
            w.send(b"GET /big HTTP/1.1\r\nHost: a\r\n" +
                   b"".join(b"X-%d: y\r\n" % i for i in range(3000)) + b"\r\n")
            same(w.response().status, 431, "3,000 fields")
        with Frames(p.port) as c:
            c.headers(1, get("/big", *[(f"x-{i}", "y" * 1500)
                                       for i in range(10)]), end=True)
            s = c.stream(1)
            check(s.status == 200, "15 KB of h2 fields:", s.status, s.reset)
        with Frames(p.port) as c:
            fields = [(f"x-{i}", "y" * 3000) for i in range(10)]
            block = literal(get("/big", *fields))
            c.send(frame(HEADERS, END_STREAM, 1, block[:16000]) +
                   frame(CONT, END_HEADERS, 1, block[16000:]))
            s = c.stream(1)
            check(s.status == 431 or s.reset is not None or c.goaway,
                  "30 KB of h2 fields:", s.status)
        same(vendor.seen().count(b"HTTP/1.1\r\n"), 1, "requests at the vendor")


@case("a head that comes byte by byte is one head")
def bytewise():
    with House() as h, Script(vendor_answer()) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            for byte in b"POST /slow HTTP/1.1\r\nHost: a\r\n" \
                        b"Content-Length: 3\r\n\r\nabc":
                w.send(bytes([byte]))
            same(w.response().status, 200, "status")
        x = p.settled(1)[0]
        same(p.body(x, "request"), b"abc", "recorded body")


main()
