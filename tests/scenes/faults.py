# SPDX-License-Identifier: MIT
"""What a vendor can do wrong on the wire: what the client then sees, and the
outcome that the trail gives it."""
import _lib
import time

from clients import curl
from frames import ERRORS, Frames, get
from house import House
from raw import Script, Wire, request
from scene import case, check, main, same, slack

TIMEOUT = 240


def ask_h1(p, path, timeout=10):
    """(status, body so far, did it end well)"""
    with Wire(p.port, timeout=timeout) as w:
        w.send(request("GET", path))
        try:
            r = w.response()
            return r.status, r.body, True
        except EOFError:
            return 0, b"", False
        except OSError as e:
            return 0, b"", type(e).__name__


def ask_h2(p, path):
    with Frames(p.port, timeout=10) as c:
        c.headers(1, get(path), end=True)
        s = c.stream(1)
        return s.status, s.body, s.ended and s.reset is None


# path, {vendor's HTTP: outcome}; None: not applicable there.
BOTH = ("1.1", "2")
CUT = {
    "a body that ends too early": ("/bytes?n=50000&truncate=20000",
                                   "truncated", BOTH),
    "a stream that ends in mid-chunk":
        ("/stream?n=50&truncate=3000", "truncated", BOTH),
    "a Content-Length that says more":
        ("/bytes?n=1000&bad_length=more", "truncated", ("1.1",)),
    "a reset in the body": ("/bytes?n=50000&reset=20000",
                            "reset_by_vendor", BOTH),
    "a reset of a stream": ("/stream?n=50&reset=3000", "reset_by_vendor", BOTH),
}


@case("an answer cut short is cut short for the client, and the trail says so")
def cut():
    with House() as h:
        v = h.vendor()
        for up in BOTH:
            p = h.proxy(v.url, http=up)
            n = 0
            for what, (path, outcome, versions) in CUT.items():
                if up not in versions:
                    continue
                for ask in (ask_h1, ask_h2):
                    _, _, good = ask(p, path)
                    n += 1
                    name = f"{what}, HTTP/{up}, {ask.__name__[4:]}"
                    check(good is not True, f"{name}: the client saw a "
                          "complete answer")
                    x = p.settled(n)[-1]
                    allowed = {outcome}
                    if up == "2" and outcome == "truncated":
                        allowed.add("reset_by_vendor")
                    check(x["outcome"] in allowed, f"{name}: outcome", x)
                    check(x["response_bytes"] <= 20000, "bytes:", x)
            # And it goes on.
            same(ask_h1(p, "/json?n=10")[2], True, "an answer afterwards")
            p.stop()


@case("no answer at all is 502 with a code, and the next request is served")
def no_response():
    with House() as h:
        v = h.vendor()
        for up in BOTH:
            p = h.proxy(v.url, http=up)
            for ask in (ask_h1, ask_h2):
                status, body, _ = ask(p, "/json?n=10&no_response=1")
                same(status, 502, f"status, HTTP/{up}")
                check(b'"code"' in body and b'"message"' in body,
                      "no code in the error:", body)
                same(ask(p, "/json?n=10")[0], 200, "the next")
            for x in p.settled(4)[::2]:
                check(x["outcome"] in ("truncated", "reset_by_vendor",
                                       "vendor_unreachable"), "outcome:", x)
            p.stop()


@case("garbage instead of a head, of a chunk, of a frame")
def garbage():
    with House() as h:
        v = h.vendor()
        for up, kinds in (("1.1", ("head", "chunk")), ("2", ("frame",))):
            p = h.proxy(v.url, http=up)
            for kind in kinds:
                for ask in (ask_h1, ask_h2):
                    status, body, good = ask(
                        p, f"/stream?n=20&garbage={kind}")
                    if kind == "head":
                        same(status, 502, "status for a garbage head")
                    else:
                        check(good is not True or status == 502,
                              f"garbage {kind} looked complete")
            for x in p.settled(2 * len(kinds)):
                check(x["outcome"] not in ("complete", "reset_by_client"),
                      "outcome:", x)
            same(ask_h1(p, "/json?n=10")[0], 200, "the next")
            p.stop()


@case("garbage after a complete answer does not become part of the next")
def late_garbage():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        with Wire(p.port) as w:
            for _ in range(5):
                w.send(request("GET", "/json?n=100&garbage=late"))
                r = w.response()
                same((r.status, len(r.body)), (200, 100), "the answer")
                time.sleep(0.05)
                w.send(request("GET", "/json?n=100"))
                r = w.response()
                same((r.status, len(r.body)), (200, 100), "the next")
        same({x["outcome"] for x in p.settled(10)}, {"complete"}, "outcomes")


@case("a vendor that stalls holds nothing of what came before")
def stall():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--idle-timeout", "1s")
        for ask in (ask_h1, ask_h2):
            started = time.monotonic()
            status, body, good = ask(p, "/stream?n=50&stall=2500")
            check(good is not True, "a stalled stream looked complete")
            check(time.monotonic() - started < slack(5),
                  "--idle-timeout 1s did not end it")
        for x in p.settled(2):
            same((x["outcome"], x["response_bytes"]), ("timeout", 2500),
                 "outcome and bytes")


@case("without --idle-timeout a stall is waited out")
def patient():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        status, body, good = ask_h1(p, "/stream?n=50&stall=2500&stall_ms=2500")
        same((status, len(body), good), (200, 50 * 250, True), "the stream")
        check(p.settled(1)[0]["duration_ns"] > 2.4e9, "duration")


@case("a vendor that hangs is 504 after --idle-timeout")
def hang():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--idle-timeout", "1s")
        for ask in (ask_h1, ask_h2):
            status, body, _ = ask(p, "/json?n=10&hang=1")
            same(status, 504, "status")
            check(b'"code"' in body, "no code:", body)
        same([x["outcome"] for x in p.settled(2)], ["timeout"] * 2, "outcome")


@case("one byte a chunk: the bytes are the same and each arrival is kept")
def onebyte():
    with House() as h:
        v = h.vendor()
        with Wire(v.clear) as w:
            w.send(request("GET", "/stream?n=4&size=100"))
            expected = w.response().body
        for up in BOTH:
            p = h.proxy(v.url, http=up)
            for ask in (ask_h1, ask_h2):
                same(ask(p, "/stream?n=4&size=100&onebyte=1")[1], expected,
                     f"body, HTTP/{up}")
            for x in p.settled(2):
                same(p.body(x, "response"), expected, "in the trail")
                check(x["chunks"] > 1, "arrivals", x)
            p.stop()


@case("compressed bodies pass as they are, and show decodes them")
def compressed():
    with House() as h:
        v = h.vendor()
        plain = curl(v.url + "/json?n=4000").body
        p = h.proxy(v.url)
        for coding in ("gzip", "br", "zstd", "deflate"):
            path = f"/json?n=4000&encoding={coding}"
            direct = curl(v.url + path)
            got = curl(p.url + path)
            check(direct.body != plain, f"{coding}: not compressed")
            same(got.body, direct.body, coding)
            check(f"content-encoding: {coding}".encode() in got.head.lower(),
                  "content-encoding:", got.head)
        rows = p.settled(4)
        for x in rows:
            raw = p.body(x, "response")
            check(raw != plain, "--raw decoded it")
            shown = p.show(x, "--response")
            check(b'"pad"' in shown, "show did not decode it:", shown[:300])
        # Streams, flushed at each event.
        for coding in ("gzip", "br", "zstd"):
            path = f"/stream?n=20&encoding={coding}"
            same(curl(p.url + path).status, 200, coding)


@case("chunk extensions and padded frames change nothing")
def extensions():
    with House() as h:
        v = h.vendor()
        for up in BOTH:
            p = h.proxy(v.url, http=up)
            expected = ask_h1(p, "/stream?n=20")[1]
            for ask in (ask_h1, ask_h2):
                same(ask(p, "/stream?n=20&chunk_ext=1")[1], expected,
                     f"HTTP/{up}")
            p.settled(3)
            p.stop()


@case("a missing close_notify is recorded; a length says whether it was whole")
def no_notify():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.tls_url, ca=v.ca, http="1.1")
        status, body, _ = ask_h1(p, "/bytes?n=5000&no_notify=1")
        same((status, len(body)), (200, 5000), "what the client got")
        x = p.settled(1)[0]
        # A body that only the connection's end delimits, without TLS's own
        # goodbye, may have been cut by anyone.
        same(x["outcome"], "truncated", "outcome")


@case("GOAWAY before, during and after a stream loses no request")
def goaway():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, http="2")
        for when in ("before", "during", "after"):
            good = 0
            for _ in range(5):
                status, body, whole = ask_h1(p, f"/bytes?n=3000&goaway={when}")
                good += (status, len(body), whole) == (200, 3000, True)
            if when == "before":
                # Refused by each new connection: no answer, but a clear one.
                check(good or status in (502, 503), "status:", status)
            else:
                same(good, 5, f"whole answers with GOAWAY {when}")
            same(ask_h1(p, "/json?n=10")[0], 200, "the next")
        p.settled(18)


@case("a request that the vendor never read is sent again, once, elsewhere")
def unsent():
    """An idle h1 connection that the vendor closes just as it is used."""
    seen = []

    def answer(c):
        c.until(b"\r\n\r\n")
        seen.append(1)
        c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        time.sleep(0.05)            # then closes, without having said so
    with House() as h, Script(answer) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            for i in range(10):
                w.send(request("GET", f"/{i}"))
                same(w.response().status, 200, f"answer {i}")
                time.sleep(0.1)
        same(len(seen), 10, "requests at the vendor")
        same(len(p.settled(10)), 10, "exchanges")


@case("a huge vendor head is refused, a large one passes")
def big_head():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--max-head", "32K")
        same(ask_h1(p, "/json?n=10&big_head=20000")[0], 200, "20 KB")
        same(ask_h1(p, "/json?n=10&big_head=100000")[0], 502, "100 KB")
        rows = p.settled(2)
        check(rows[1]["outcome"] != "complete", "outcome", rows[1])


@case("the vendor's errors pass unchanged, Retry-After with them")
def statuses():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        for status in (400, 401, 404, 408, 413, 429, 500, 502, 503, 529):
            path = f"/json?n=10&status={status}&retry_after=7"
            direct, got = curl(v.url + path), curl(p.url + path)
            same((got.status, got.body), (status, direct.body), "answer")
            check(b"retry-after: 7" in got.head.lower(), "Retry-After:",
                  got.head)
        rows = p.settled(10)
        same({x["outcome"] for x in rows}, {"complete"}, "outcomes")


@case("a vendor's RST_STREAM code and its GOAWAY reach the trail")
def codes():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, http="2")
        with Frames(p.port) as c:
            c.headers(1, get("/stream?n=50&reset=3000&code=11"), end=True)
            s = c.stream(1)
            same(s.reset is not None and ERRORS[s.reset], "ENHANCE_YOUR_CALM",
                 "the code at the client")
        x = p.settled(1)[0]
        same(x["outcome"], "reset_by_vendor", "outcome")
        check(b"11" in p.show(x, "--json"), "the code in the trail")


main()
