# SPDX-License-Identifier: MIT
"""Streams are never held: what arrives is on its way out in the same turn.

The vendor stamps each event with CLOCK_MONOTONIC as it sends it; the client
reads the same clock when it comes. Both are on this machine.
"""
import _lib
import statistics
import time

from frames import Frames, get
from house import House
from raw import Wire, request
from scene import case, check, main, same, sanitized, slack

EVENTS, PACE = 100, 50


def stamps(body):
    """The vendor's times in a body of events, each 20 digits."""
    import re
    return [int(x) for x in re.findall(rb"\d{20}", body)]


def delays_h1(port):
    out = []
    with Wire(port) as w:
        w.send(request("GET", f"/stream?n={EVENTS}&size=250&pace={PACE}"
                              "&stamp=1"))
        w.until(b"\r\n\r\n")
        while len(out) < EVENTS and (w.buf or w._more()):
            at = time.monotonic_ns()
            out += [at - sent for sent in stamps(w.buf)]
            w.buf = b""
    return out


def delays_h2(port):
    with Frames(port) as c:
        c.headers(1, get(f"/stream?n={EVENTS}&size=250&pace={PACE}&stamp=1"),
                  end=True)
        s = c.stream(1)
    out, at = [], 0
    for arrived, n in s.arrivals:
        out += [arrived - sent for sent in stamps(s.body[at:at + n])]
        at += n
    return out


def judge(name, delays, direct):
    same(len(delays), EVENTS, f"{name}: events")
    ms = sorted(d / 1e6 for d in delays)
    median, p90 = ms[len(ms) // 2], ms[int(len(ms) * 0.9)]
    base = sorted(d / 1e6 for d in direct)[len(direct) // 2]
    print(f"    {name}: median {median:.2f} ms, p90 {p90:.2f} ms "
          f"(direct {base:.2f} ms)", flush=True)
    # Held until the next event it would be 1000 / PACE = 20 ms and more.
    check(median < slack(5), f"{name}: the median delay is {median:.1f} ms")
    check(p90 < slack(15), f"{name}: a tenth waited for {p90:.1f} ms or more")


@case("each event arrives within milliseconds, in all pairs of versions")
def held():
    with House() as h:
        v = h.vendor()
        direct = delays_h1(v.clear)
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            judge(f"h1 to HTTP/{up}", delays_h1(p.port), direct)
            judge(f"h2 to HTTP/{up}", delays_h2(p.port), direct)
            for x in p.settled(2):
                check(x["chunks"] >= EVENTS * 0.9, "chunks recorded:", x)
                check(0 < x["added_ns"] < slack(50e6), "added_ns:", x)
                # The last event is sent (EVENTS - 1) / PACE = 1.98 s after
                # the first.
                check(1.9e9 < x["duration_ns"] < slack(6e9), "duration:", x)
                check(x["first_byte_ns"] < slack(1e9), "first byte:", x)
            p.stop()


@case("the head comes before the first event, comments and pings unchanged")
def first():
    from raw import Script

    def answer(c):
        c.until(b"\r\n\r\n")
        c.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n")
        for piece in (b": keep-alive\n\n", b"event: ping\ndata: {}\n\n",
                      b"\n", b"data: [DONE]\n\n"):
            time.sleep(0.3)
            c.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        c.send(b"0\r\n\r\n")
    with House() as h, Script(answer) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            started = time.monotonic()
            w.send(request("GET", "/"))
            w.until(b"\r\n\r\n")
            check(time.monotonic() - started < 0.25 or sanitized(),
                  "the head waited for the body")
            times = []
            body = b""
            while not body.endswith(b"0\r\n\r\n"):
                if not w.buf:
                    w._more()
                times.append(time.monotonic() - started)
                body, w.buf = body + w.buf, b""
        same(body, b"e\r\n: keep-alive\n\n\r\n16\r\nevent: ping\ndata: {}\n\n"
             b"\r\n1\r\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
             "the chunks as they came")
        check(times[0] < slack(0.45), "the comment came late:", times)


@case("half of an event is passed on without waiting for the rest")
def half_event():
    from raw import Script

    def answer(c):
        c.until(b"\r\n\r\n")
        c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"13\r\ndata: {\"a\"")         # 10 of 19 bytes of a chunk
        time.sleep(0.5)
        c.send(b": \"bcd\"}\n\r\n0\r\n\r\n")
    with House() as h, Script(answer) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            started = time.monotonic()
            w.send(request("GET", "/"))
            w.until(b'data: {"a"')
            check(time.monotonic() - started < slack(0.4),
                  "it waited for the chunk's end")
            w.until(b"0\r\n\r\n")
        x = p.settled(1)[0]
        same(p.body(x, "response"), b'data: {"a": "bcd"}\n', "recorded")


main()
