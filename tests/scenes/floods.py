# SPDX-License-Identifier: MIT
"""Clients that mean harm cost them more than us: memory stays bounded, and
others are served meanwhile."""
import _lib
import socket
import struct
import time

from clients import curl
from frames import (CONT, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE,
                    SETTINGS, WINDOW, Frames, frame, get, literal)
from house import House
from raw import Wire, request
from scene import case, check, main, same, sanitized, slack

MB = 1 << 20
TIMEOUT = 180


def bounded(p, before, what, limit=32 * MB):
    grown = p.rss() - before
    check(grown < limit or sanitized(),
          f"{what}: memory grew by {grown / MB:.1f} MB")
    same(curl(p.url + "/json?n=10").status, 200, f"another client, {what}")


def flood(c, data, seconds):
    """Sends `data` again and again until cut off; True if it was."""
    c.s.settimeout(0.5)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            c.s.sendall(data)
    except (TimeoutError, socket.timeout):
        return False            # not read any more: bounded as well
    except OSError:
        return True
    return False


@case("rapid reset: streams opened and reset in a hurry")
def rapid_reset():
    with House() as h:
        v = h.vendor()
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            curl(p.url + "/json?n=10")
            before = p.rss()
            c = Frames(p.port)
            block = literal(get("/stream?n=100&pace=1"))
            n, cut = 1, False
            c.s.settimeout(1)
            end = time.monotonic() + 3
            while time.monotonic() < end and not cut and n < 100000:
                batch = b""
                for _ in range(100):
                    batch += frame(HEADERS, END_HEADERS | END_STREAM, n, block)
                    batch += frame(3, 0, n, struct.pack(">I", 8))
                    n += 2
                try:
                    c.s.sendall(batch)
                except OSError:
                    cut = True
            print(f"    HTTP/{up}: {n // 2} streams before "
                  f"{'it was cut off' if cut else 'we stopped'}", flush=True)
            bounded(p, before, "rapid reset")
            c.close()
            for x in p.settled(1, 30):
                # `blocked` is the connection's own end, for the flood.
                check(x["outcome"] in ("complete", "reset_by_client",
                                       "blocked"), "outcome:", x)
            p.stop()


@case("a CONTINUATION flood")
def continuation():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        curl(p.url + "/json?n=10")
        before = p.rss()
        with Frames(p.port) as c:
            c.send(frame(HEADERS, END_STREAM, 1, literal(get("/"))))
            piece = frame(CONT, 0, 1, literal([("x-a", "b" * 8000)]))
            cut = flood(c, piece, 15)
            check(cut, "it was never cut off")
            bounded(p, before, "CONTINUATION flood")
        with Frames(p.port) as c:
            c.send(frame(HEADERS, END_STREAM, 1, literal(get("/"))))
            check(flood(c, frame(CONT, 0, 1, b"") * 100, 15),
                  "empty CONTINUATIONs were never cut off")
            bounded(p, before, "empty CONTINUATION flood")


@case("floods of SETTINGS, PING, empty DATA and WINDOW_UPDATE")
def small_frames():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        curl(p.url + "/json?n=10")
        before = p.rss()
        floods = {
            "SETTINGS": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535)),
            "PING": frame(PING, 0, 0, b"8 bytes."),
            "unknown frames": frame(0xfe, 0, 0, b"x" * 100),
            "PRIORITY": frame(2, 0, 1, b"\0\0\0\0\1"),
        }
        for what, one in floods.items():
            c = Frames(p.port)
            flood(c, one * 500, 2)          # and never reads the answers
            bounded(p, before, what)
            c.close()
        c = Frames(p.port)
        c.headers(1, get("/sink", method="POST"))
        flood(c, frame(0, 0, 1, b"") * 500, 2)
        bounded(p, before, "empty DATA")
        c.close()


@case("a header bomb: one small block that unpacks into a large head")
def hpack_bomb():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--max-head", "64K")
        curl(p.url + "/json?n=10")
        before = p.rss()
        with Frames(p.port) as c:
            # A field of 4,000 bytes goes into the table once (0x40), then is
            # named by one byte (0xbe) a few thousand times.
            block = literal(get("/")) + b"\x40\x03x-a" + b"\x7f" + \
                b"\xa1\x1e" + b"y" * 4000 + b"\xbe" * 8000
            c.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, block))
            s = c.stream(1)
            check(s.status in (0, 431), "status:", s.status)
            bounded(p, before, "HPACK bomb")


@case("slowloris: heads that never end are cut off, others served")
def slowloris():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        curl(p.url + "/json?n=10")
        before = p.rss()
        slow = []
        for _ in range(300):
            s = socket.create_connection(("127.0.0.1", p.port))
            s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ")
            slow.append(s)
        idle = [socket.create_connection(("127.0.0.1", p.port))
                for _ in range(100)]
        for _ in range(5):
            for s in slow:
                try:
                    s.sendall(b"b")
                except OSError:
                    pass
            time.sleep(0.1)
        bounded(p, before, "slowloris")
        for s in slow + idle:
            s.close()


@case("a head that takes too long is answered 408 or cut off", slow=True)
def head_timeout():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        with Wire(p.port, timeout=120) as w:
            w.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
            started = time.monotonic()
            got = w.rest()
            check(time.monotonic() - started < 100, "no time limit on heads")
            check(got == b"" or b" 408 " in got, "answer:", got[:100])


@case("a thousand connections that say nothing")
def idle():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        curl(p.url + "/json?n=10")
        before = p.rss()
        held = []
        for _ in range(900):
            held.append(socket.create_connection(("127.0.0.1", p.port)))
        bounded(p, before, "idle connections")
        for s in held:
            s.close()


@case("out of file descriptors, it goes on when there are some again")
def descriptors():
    import resource
    with House() as h:
        v = h.vendor()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            p = h.proxy(v.url)
            resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (64, 64))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        held = [socket.create_connection(("127.0.0.1", p.port))
                for _ in range(150)]
        time.sleep(0.5)
        cpu = p.cpu()
        time.sleep(1)
        check(p.cpu() - cpu < 0.8, "it spins:", p.cpu() - cpu)
        for s in held:
            s.close()
        time.sleep(0.3)
        same(curl(p.url + "/json?n=10").status, 200, "afterwards")


main()
