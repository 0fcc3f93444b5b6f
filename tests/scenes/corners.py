# SPDX-License-Identifier: MIT
"""Ends and waits that meet: a deadline while a connection is being made, a
half-closed client, a tunnel whose ends end apart, a full ring and slow
clients."""
import _lib
import socket
import sqlite3
import struct
import time

from frames import Frames, frame, get
from house import House
from raw import Script, Wire, request
from scene import case, check, main, same, slack, until


@case("a deadline while a connection is being made answers once, in full")
def late_dial():
    """The vendor takes the connection and never speaks TLS."""
    with House() as h, Script(lambda c: c.rest()) as vendor:
        p = h.proxy(vendor.url.replace("http:", "https:"),
                    "--idle-timeout", "1", "--connect-timeout", "6")
        with Wire(p.port) as w:
            w.send(b"POST /a HTTP/1.1\r\nHost: a\r\n"
                   b"Content-Length: 10\r\n\r\n12345")
            same(w.response().status, 504, "the first")
            w.send(b"67890")
            w.send(request("GET", "/b"))
            same(w.response().status, 504, "the next on the connection")
            check(w.silent(slack(6)), "no second answer")
        rows = p.settled(2)
        same([x["outcome"] for x in rows], ["timeout"] * 2, "outcomes")
        head = p.head(rows[0], "response")
        check(head.startswith(b"HTTP/1.1 504 ") and b"content-type" in head,
              "the recorded head of assay's own answer:", head)


@case("a client that stalls in its body is not waited for twice")
def stalled_body():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--idle-timeout", "1")
        with Wire(p.port) as w:
            w.send(b"POST /json HTTP/1.1\r\nHost: a\r\n"
                   b"Content-Length: 10\r\n\r\n12345")
            r = w.response()
            same(r.status, 408, "the answer")
            check(b"the vendor" not in r.body, "accuses the vendor:", r.body)
            same(p.settled(1, 6)[0]["outcome"], "timeout", "outcome")


@case("a half-closed client is not blamed for what the vendor does")
def half_closed():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, http="2")
        for _ in range(2):
            with Wire(p.port) as w:
                w.send(request("GET", "/stream?n=100&pace=100&reset=700"))
                w.half_close()
                w.rest()
        for x in p.settled(2):
            same(x["outcome"], "reset_by_vendor", "outcome")


@case("a tunnel's reset reaches a client after the vendor's half-close")
def tunnel():
    def answer(c):
        c.until(b"\r\n\r\n")
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
               b"Connection: Upgrade\r\n\r\nhello")
        c.s.shutdown(socket.SHUT_WR)
        c.until(b"ping")
        c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                       struct.pack("ii", 1, 0))
    with House() as h, Script(answer) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            w.send(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n"
                   b"Connection: Upgrade\r\n\r\n")
            w.until(b"hello")
            same(w.rest(), b"", "the vendor's half ends")
            w.send(b"ping")

            def refused():
                try:
                    w.send(b"x")
                except OSError:
                    return True
            until(refused, slack(4), "the reset to reach the client", 0.2)
        x = p.settled(1)[0]
        same(x["outcome"], "reset_by_vendor", "outcome")


def refuses(c):
    """An h2 vendor that refuses each stream unread."""
    c.exactly(24)
    c.send(frame(4))
    while True:
        head = c.exactly(9)
        c.exactly(int.from_bytes(head[:3], "big"))
        if head[3] == 1:
            c.send(frame(3, 0, int.from_bytes(head[5:], "big"),
                         (7).to_bytes(4, "big")))


@case("attempts that were not sent have rows and marks of their own")
def attempts():
    with House() as h, Script(refuses) as vendor:
        p = h.proxy(vendor.url, http="2")
        with Wire(p.port) as w:
            w.send(request("POST", "/a", b"x" * 1000))
            r = w.response()
            same(r.status, 502, "an h1 client hears why")
            check(b"refused" in r.body, "the words:", r.body)
        with Frames(p.port) as c:
            c.headers(1, get("/b"), end=True)
            s = c.stream(1)
            same(s.reset, 7, "an h2 client's code")
        rows = p.settled(6)
        same([x["outcome"] for x in rows[:3]],
             ["vendor_unreachable"] * 2 + ["reset_by_vendor"], "outcomes")
        same([x["request_bytes"] for x in rows[:3]], [1000] * 3, "bodies")
        p.stop()
        db = sqlite3.connect(p.trail)
        for ready, sent in db.execute(
                "select vendor_ready_ns, request_sent_ns from exchange"):
            check(not sent or (ready and sent >= ready),
                  "sent before there was a connection:", ready, sent)


main()
