# SPDX-License-Identifier: MIT
"""How it ends: SIGTERM and Ctrl-C let open streams finish within --drain,
cut the rest off, complete the trail and print a summary."""
import _lib
import re
import signal
import socket
import threading
import time

from clients import curl
from frames import Frames, get
from house import House
from raw import Wire, request
from scene import case, check, main, same, slack


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
        return False
    except OSError:
        return True


@case("open streams finish, new connections are not taken")
def finish():
    with House() as h:
        v = h.vendor()
        for number in (signal.SIGTERM, signal.SIGINT):
            p = h.proxy(v.url, "--drain", "10s")
            w = Wire(p.port)
            w.send(request("GET", "/stream?n=40&size=250&pace=25"))
            c = Frames(p.port)
            c.headers(1, get("/stream?n=40&size=250&pace=25"), end=True)
            idle = Wire(p.port)
            w.until(b"\r\n\r\n")
            time.sleep(0.4)
            started = time.monotonic()
            p.signal(number)
            time.sleep(0.3)
            check(refused(p.port), "it still listens")
            same(idle.rest(), b"", "an idle connection")
            s = c.stream(1)
            same((s.ended, len(s.body)), (True, 40 * 250), "the h2 stream")
            check(c.goaway is not None, "no GOAWAY to the h2 client")
            body = w.rest()
            check(body.endswith(b"0\r\n\r\n"), "the h1 stream:", body[-20:])
            p.stop()
            check(time.monotonic() - started < slack(6), "it waited for --drain")
            same([x["outcome"] for x in p.ls()], ["complete"] * 2, "outcomes")


@case("after --drain open streams are cut, and the trail says so")
def cut():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--drain", "1s")
        w = Wire(p.port)
        w.send(request("GET", "/stream?n=4000&pace=10"))
        c = Frames(p.port)
        c.headers(1, get("/stream?n=4000&pace=10"), end=True)
        w.until(b"\r\n\r\n")
        time.sleep(0.3)
        started = time.monotonic()
        p.stop(8)
        spent = time.monotonic() - started
        check(0.8 < spent < slack(5), "the drain took", spent)
        s = c.stream(1)
        check(not s.ended, "the cut h2 stream looks complete")
        check(not w.rest().endswith(b"0\r\n\r\n"), "the h1 stream does")
        rows = p.ls()
        same([x["outcome"] for x in rows], ["interrupted"] * 2, "outcomes")
        check(all(x["response_bytes"] > 0 for x in rows), "bytes", rows)


@case("a second signal ends it at once")
def twice():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--drain", "60s")
        w = Wire(p.port)
        w.send(request("GET", "/stream?n=4000&pace=10"))
        w.until(b"\r\n\r\n")
        p.signal(signal.SIGTERM)
        time.sleep(0.5)
        check(p.running(), "it ended at the first signal")
        p.signal(signal.SIGTERM)
        p.stop(5)


@case("the summary: exchanges by outcome, bytes, gaps, the recorder's lag")
def summary():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        for _ in range(3):
            curl(p.url + "/json?n=100")
        curl(p.url + "/bytes?n=50000&truncate=100", ok=False)
        p.settled(4)
        p.stop()
        said = p.out() + p.err()
        for pattern in (r"3\s+complete|complete\D{0,4}3",
                        r"1\s+truncated|truncated\D{0,4}1", r"gap", r"lag",
                        r"bytes|KB|kB|MB| B\b"):
            check(re.search(pattern, said), f"{pattern!r} is not in:", said)


@case("requests in the middle of the drain: h2 streams refused, h1 closed")
def during():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--drain", "5s")
        c = Frames(p.port)
        c.headers(1, get("/stream?n=30&pace=20"), end=True)
        w = Wire(p.port)
        w.send(request("GET", "/stream?n=30&pace=20"))
        w.until(b"\r\n\r\n")
        p.signal(signal.SIGTERM)
        time.sleep(0.3)
        try:
            c.headers(3, get("/json?n=10"), end=True)
        except OSError:
            pass
        same((c.stream(1).ended, len(c.stream(1).body)), (True, 30 * 250),
             "the open one")
        w.rest()
        p.stop()
        check(len(p.ls()) in (2, 3), "exchanges:", p.ls())


@case("a drain under load completes each exchange it had accepted")
def under_load():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--drain", "10s")
        whole, stop = [], threading.Event()

        def client():
            try:
                while not stop.is_set():
                    with Wire(p.port, timeout=15) as w:
                        for _ in range(10):
                            w.send(request("GET", "/json?n=2000&delay_ms=5"))
                            if len(w.response().body) == 2000:
                                whole.append(1)
            except (OSError, EOFError):
                pass
        crowd = [threading.Thread(target=client, daemon=True)
                 for _ in range(16)]
        for t in crowd:
            t.start()
        time.sleep(1)
        p.stop()
        stop.set()
        for t in crowd:
            t.join(20)
        rows = p.ls()
        complete = sum(x["outcome"] == "complete" for x in rows)
        check(complete >= len(whole), "more answers than complete exchanges:",
              len(whole), complete)
        bad = {x["outcome"] for x in rows} - {"complete", "reset_by_client"}
        check(not bad, "outcomes:", bad)


main()
