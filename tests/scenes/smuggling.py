# SPDX-License-Identifier: MIT
"""Requests and answers that two parsers may read in two ways are refused:
400 or a protocol error to the client, and not one byte of it at the vendor.
"""
import _lib
from frames import Frames, get
from house import House
from raw import Script, Wire, request, vendor_answer
from scene import case, check, main, same

CRLF = b"\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a.example\r\n"

# What is sent, and why it is dangerous. "SMUGGLED" marks what must never
# reach the vendor.
REQUESTS = {
    "Content-Length and Transfer-Encoding":
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /SMUGGLED HTTP/1.1\r\nHost: a\r\n\r\n",
    "Transfer-Encoding and Content-Length":
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
        b"8\r\nSMUGGLED\r\n0\r\n\r\n",
    "two Content-Lengths that differ":
        POST + b"Content-Length: 8\r\nContent-Length: 0\r\n\r\nSMUGGLED",
    "two Content-Lengths in one field":
        POST + b"Content-Length: 8, 0\r\n\r\nSMUGGLED",
    "a Content-Length with a sign":
        POST + b"Content-Length: +8\r\n\r\nSMUGGLED",
    "a Content-Length in hexadecimal":
        POST + b"Content-Length: 0x8\r\n\r\nSMUGGLED",
    "a Content-Length too large for 64 bits":
        POST + b"Content-Length: 18446744073709551624\r\n\r\nSMUGGLED",
    "a folded field":
        POST + b"X-A: b\r\n SMUGGLED: c\r\nContent-Length: 0\r\n\r\n",
    "lines that end in a bare LF":
        b"GET /SMUGGLED HTTP/1.1\nHost: a.example\n\n",
    "one line that ends in a bare LF":
        b"GET /SMUGGLED HTTP/1.1\r\nHost: a.example\nX-A: b\r\n\r\n",
    "a bare CR within a field":
        POST + b"X-A: b\rSMUGGLED: c\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon":
        POST + b"Content-Length : 8\r\n\r\nSMUGGLED",
    "a tab before the colon":
        POST + b"Transfer-Encoding\t: chunked\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n",
    "an empty field name": POST + b": SMUGGLED\r\n\r\n",
    "a NUL within a value":
        POST + b"X-A: a\0SMUGGLED\r\nContent-Length: 0\r\n\r\n",
    "an unknown transfer coding":
        POST + b"Transfer-Encoding: xchunked\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n",
    "chunked that is not the last coding":
        POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n"
        b"8\r\nSMUGGLED\r\n0\r\n\r\n",
    "chunked twice":
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"
        b"\r\n8\r\nSMUGGLED\r\n0\r\n\r\n",
    "chunked in HTTP/1.0":
        b"POST /SMUGGLED HTTP/1.0\r\nHost: a.example\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n",
    "two Host fields":
        b"GET /SMUGGLED HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
    "no Host field": b"GET /SMUGGLED HTTP/1.1\r\n\r\n",
    "a Host that the absolute form contradicts":
        b"GET http://b.example/SMUGGLED HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "a target with a space": b"GET /SMUGG LED HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target without a slash": b"GET SMUGGLED HTTP/1.1\r\nHost: a\r\n\r\n",
    "an unknown version": b"GET /SMUGGLED HTTP/1.7\r\nHost: a\r\n\r\n",
    "a version in lower case": b"GET /SMUGGLED http/1.1\r\nHost: a\r\n\r\n",
    "white space before the first field":
        b"GET /SMUGGLED HTTP/1.1\r\n Host: a.example\r\n\r\n",
    "a CONNECT to anywhere":
        b"CONNECT SMUGGLED.example:443 HTTP/1.1\r\n"
        b"Host: SMUGGLED.example:443\r\n\r\n",
}

# The head is good; the body's framing breaks. What came before the break may
# have been forwarded, what follows may not.
CHUNKS = {
    "a chunk size that is no number": b"zz\r\nSMUGGLED\r\n0\r\n\r\n",
    "a chunk size with a sign": b"+8\r\nSMUGGLED\r\n0\r\n\r\n",
    "a chunk size with 0x": b"0x8\r\nSMUGGLED\r\n0\r\n\r\n",
    "an empty chunk size": b"\r\nSMUGGLED\r\n0\r\n\r\n",
    "a chunk size of 17 digits": b"10000000000000008\r\nSMUGGLED\r\n0\r\n\r\n",
    "a chunk size that ends in a bare LF": b"8\nSMUGGLED\r\n0\r\n\r\n",
    "a chunk longer than its size": b"3\r\nabcSMUGGLED\r\n0\r\n\r\n",
    "a chunk extension with a bare LF": b"3;a\nSMUGGLED\r\nabc\r\n0\r\n\r\n",
}

# h2: fields after the four pseudo-header fields, or whole lists.
OK = get("/v1/models")
FRAMES = {
    "a Connection field": OK + [("connection", "SMUGGLED")],
    "a Transfer-Encoding field": OK + [("transfer-encoding", "chunked")],
    "a Keep-Alive field": OK + [("keep-alive", "SMUGGLED")],
    "an Upgrade field": OK + [("upgrade", "SMUGGLED")],
    "TE other than trailers": OK + [("te", "SMUGGLED")],
    "an upper-case name": OK + [("X-Upper", "SMUGGLED")],
    "CRLF in a value": OK + [("x-a", "b\r\nSMUGGLED: c")],
    "LF in a value": OK + [("x-a", "b\nSMUGGLED: c")],
    "NUL in a value": OK + [("x-a", "b\0SMUGGLED")],
    "CRLF in a name": OK + [("x\r\nSMUGGLED", "c")],
    "a colon in a name": OK + [("x:SMUGGLED", "c")],
    "a space in a name": OK + [("x SMUGGLED", "c")],
    "an empty name": OK + [("", "SMUGGLED")],
    "an unknown pseudo-header field": OK + [(":smuggled", "SMUGGLED")],
    "a pseudo-header field twice": OK + [(":path", "/SMUGGLED")],
    "a pseudo-header field after others": [OK[0], OK[1], OK[2],
                                           ("x-a", "b"), (":path", "/SMUGGLED")],
    "no :path": [f for f in OK if f[0] != ":path"],
    "no :method": [f for f in OK if f[0] != ":method"],
    "no :scheme": [f for f in OK if f[0] != ":scheme"],
    "an empty :path": get(""),
    "a :path without a slash": get("SMUGGLED"),
    "a :path with a space": get("/SMUGG LED"),
    "a :path with CRLF": get("/ HTTP/1.1\r\nX: SMUGGLED"),
    "a :method with a space": get("/SMUGGLED", method="GET / HTTP/1.1\r\nX:"),
    "an :authority with CRLF": get("/", authority="a\r\nX: SMUGGLED"),
    "a Host that contradicts :authority": OK + [("host", "SMUGGLED.example")],
    "a :status in a request": OK + [(":status", "200")],
}


def never(vendor, what):
    check(b"SMUGGLED" not in vendor.seen(), f"{what} reached the vendor:",
          vendor.seen()[-400:])


@case("h1 requests of doubtful form are answered 400 and not forwarded")
def h1():
    wrong = []
    with House() as h, Script(vendor_answer()) as vendor:
        p = h.proxy(vendor.url)
        for what, sent in REQUESTS.items():
            before = len(vendor.seen())
            with Wire(p.port, timeout=5) as w:
                w.send(sent)
                try:
                    status = w.response().status
                except (EOFError, OSError) as e:
                    status = f"nothing ({type(e).__name__})"
            arrived = vendor.seen()[before:]
            if what == "a version in lower case" and not isinstance(
                    status, int):
                status = 400        # not HTTP at all: closed without a word
            if status not in (400, 405, 501, 505) or arrived:
                wrong.append(f"{what}: answered {status}, vendor saw "
                             f"{arrived[:200]!r}")
        # The proxy goes on, and the vendor has seen this one request alone.
        with Wire(p.port) as w:
            w.send(request("GET", "/fine"))
            same(w.response().body, b"ok", "the answer to a good request")
        never(vendor, "something")
        check(not wrong, "not refused:\n  " + "\n  ".join(wrong))


@case("the connection ends after a refusal, pipelined requests with it")
def no_second():
    with House() as h, Script(vendor_answer()) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            w.send(POST + b"Content-Length: 8, 0\r\n\r\n" +
                   request("GET", "/SMUGGLED"))
            same(w.response().status, 400, "status")
            same(w.rest(), b"", "what follows the refusal")
        never(vendor, "the pipelined request")


@case("a broken chunk framing ends the request at both sides")
def chunks():
    wrong = []
    with House() as h, Script(vendor_answer()) as vendor:
        p = h.proxy(vendor.url)
        for what, sent in CHUNKS.items():
            with Wire(p.port, timeout=5) as w:
                w.send(POST + b"Transfer-Encoding: chunked\r\n\r\n"
                       b"5\r\nfirst\r\n" + sent)
                try:
                    status = w.response().status
                except (EOFError, OSError):
                    status = None
            if status not in (400, None):
                wrong.append(f"{what}: answered {status}")
        never(vendor, "a broken chunk")
        check(not wrong, "not refused:\n  " + "\n  ".join(wrong))
        # Each was accepted, so each is in the trail with an outcome, and
        # none is complete.
        for x in p.settled(len(CHUNKS)):
            check(x["outcome"] != "complete", "a broken request is complete:", x)


@case("h2 requests of doubtful form are reset and not forwarded")
def h2():
    wrong = []
    with House() as h, Script(vendor_answer()) as vendor:
        p = h.proxy(vendor.url)
        for what, fields in FRAMES.items():
            before = len(vendor.seen())
            with Frames(p.port, timeout=5) as c:
                c.headers(1, fields, end=True)
                try:
                    s = c.stream(1)
                except OSError as e:
                    wrong.append(f"{what}: {type(e).__name__}")
                    continue
            refused = s.reset is not None or c.goaway or s.status == 400
            arrived = vendor.seen()[before:]
            if not refused or arrived:
                wrong.append(f"{what}: status {s.status}, vendor saw "
                             f"{arrived[:200]!r}")
        with Frames(p.port) as c:
            c.headers(1, get("/fine"), end=True)
            same(c.stream(1).body, b"ok", "the answer to a good request")
        never(vendor, "something")
        check(not wrong, "not refused:\n  " + "\n  ".join(wrong))


@case("an h2 body that contradicts its Content-Length does not complete")
def h2_length():
    with House() as h, Script(vendor_answer()) as vendor:
        p = h.proxy(vendor.url)
        for length, body in ((5, b"0123456789"), (10, b"01234")):
            with Frames(p.port) as c:
                c.headers(1, get("/a", ("content-length", str(length)),
                                 method="POST"))
                c.data(1, body, end=True)
                s = c.stream(1)
                check(s.reset == 1 or c.goaway or s.status == 400,
                      f"{len(body)} bytes for a Content-Length of {length}:",
                      s.status, s.reset)
        for x in p.settled(0):
            check(x["outcome"] != "complete", "it is complete:", x)


@case("a vendor's answers of doubtful form are never passed on as such")
def answers():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        for kind in ("cl_te", "dup_cl", "bare_lf", "obs_fold", "space_colon"):
            with Wire(p.port) as w:
                w.send(request("GET", f"/json?n=100&smuggle={kind}"))
                r = w.response()
                same(r.status, 502, f"status for {kind}")
                check(b'"code"' in r.body, "no error code:", r.body)
        for x in p.settled(5):
            check(x["outcome"] != "complete", "a broken answer is complete:", x)


main()
