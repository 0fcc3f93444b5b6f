# SPDX-License-Identifier: MIT
"""kill -9 at any moment under load: after a restart every byte that a client
had received is in the trail, nothing is there twice, and what was open is
`interrupted`.

Each client asks for a path of its own and keeps what it has received; each
round kills the proxy at a random moment, starts it again on the same trail
and spool, and compares byte for byte.
"""
import _lib
import os
import random
import subprocess
import threading
import time

from house import House
from raw import Wire, request
from scene import case, check, main, same, sanitized, until

ALONE = True
TIMEOUT = 420
ROUNDS = 60


class Client(threading.Thread):
    """Asks again and again until the proxy is gone; notes, for each path,
    the body's bytes received and whether it came whole."""

    def __init__(self, port, name, rng, kinds):
        super().__init__(daemon=True)
        self.port, self.name_, self.kinds = port, name, kinds
        self.rng = random.Random(rng.random())
        self.got = {}               # path: (bytes, whole)
        self.start()

    def run(self):
        n = 0
        while True:
            try:
                w = Wire(self.port, timeout=30)
                for _ in range(20):
                    n += 1
                    self.ask(w, self.rng.choice(self.kinds).format(
                        tag=f"{self.name_}.{n}", seed=self.rng.randrange(1000)))
                w.close()
            except (OSError, EOFError):
                return

    def ask(self, w, path):
        # What the kernel took may still be lost with the process: a path
        # counts only once a byte of its answer has come.
        w.send(request("GET", path))
        head = w.until(b"\r\n\r\n")
        self.got[path] = (b"", False)
        if b"chunked" in head.lower():
            whole = self.chunks(w, path)
        else:
            whole = self.length(w, path, int(
                [x.split(b":")[1] for x in head.split(b"\r\n")
                 if x.lower().startswith(b"content-length")][0]))
        if not whole:
            raise EOFError

    def length(self, w, path, n):
        body = bytearray()
        try:
            while len(body) < n and (w.buf or w._more()):
                take = n - len(body)
                body += w.buf[:take]
                w.buf = w.buf[take:]
        finally:
            self.got[path] = (bytes(body), len(body) == n)
        return len(body) == n

    def chunks(self, w, path):
        """De-chunks as bytes come, so that half a chunk counts too."""
        body, left, raw, whole = bytearray(), None, b"", False
        try:
            while not whole and (w.buf or w._more()):
                raw, w.buf = raw + w.buf, b""
                while True:
                    if left is None:            # a size line is next
                        if b"\r\n" not in raw:
                            break
                        size, raw = raw.split(b"\r\n", 1)
                        left = int(size.split(b";")[0], 16)
                        if left == 0:
                            left = -1
                    if left == -1:              # the last line is next
                        if len(raw) >= 2:
                            whole, w.buf = True, raw[2:]
                        break
                    body += raw[:left]
                    raw, left = raw[left:], left - len(raw[:left])
                    if left or len(raw) < 2:
                        break
                    raw, left = raw[2:], None
        finally:
            self.got[path] = (bytes(body), whole)
        return whole


def compare(p, received, round_):
    """The trail against what clients have; returns (bodies, bytes)."""
    rows = {}
    for x in p.ls():
        check(x["outcome"], f"round {round_}: still open:", x)
        if "tag=" in x["path"]:
            check(x["path"] not in rows, f"round {round_}: twice:",
                  x, rows.get(x["path"]))
            rows[x["path"]] = x
    total = 0
    for path, (body, whole) in received.items():
        check(path in rows, f"round {round_}: not in the trail: {path}, of "
              f"which {len(body)} bytes were received")
        x = rows[path]
        total += len(body)
        if whole:
            check(x["response_bytes"] >= len(body), f"round {round_}: bytes",
                  x, len(body))
        kept = p.body(x, "response")
        check(kept.startswith(body), f"round {round_}: {path}: the client "
              f"has {len(body)} bytes, the trail {len(kept)}, and not the "
              "same")
        check(x["outcome"] in ("complete", "interrupted", "reset_by_client"),
              f"round {round_}: outcome", x)
    return len(received), total


def rounds(n, kinds, seed, clients, *args):
    rng = random.Random(seed)
    bodies = bytes_ = interrupted = 0
    with House() as h:
        v = h.vendor()
        os.makedirs(h.path("spool"))
        p = h.proxy(v.url, "--spool-dir", h.path("spool"), "--spool-size",
                    "8M", *args, name="killed")
        for i in range(n):
            crowd = [Client(p.port, f"r{i}c{k}", rng, kinds)
                     for k in range(clients)]
            time.sleep(0.05 + rng.random() ** 2 * 0.8)
            p.kill()
            for c in crowd:
                c.join(20)
            received = {}
            for c in crowd:
                received.update(c.got)
            p = h.again(p)
            a, b = compare(p, received, i)
            bodies, bytes_ = bodies + a, bytes_ + b
            if i % 10 == 9:
                print(f"    {i + 1} kills: {bodies} answers, "
                      f"{bytes_ / 1e6:.1f} MB compared", flush=True)
        interrupted = sum(x["outcome"] == "interrupted" for x in p.ls())
        print(f"    {n} kills, {bodies} answers, {bytes_ / 1e6:.1f} MB, "
              f"{interrupted} interrupted", flush=True)
        check(interrupted > 0, "no exchange was ever open at a kill")


SMALL = ["/json?n=300&tag={tag}", "/stream?n=40&size=120&pace=200&tag={tag}",
         "/bytes?n=9000&seed={seed}&tag={tag}"]
LARGE = ["/bytes?n=3000000&seed={seed}&tag={tag}",
         "/stream?n=3000&size=900&tag={tag}"]


@case("small answers and streams, killed 40 times")
def small():
    rounds(8 if sanitized() else 40, SMALL, 1, 8)


@case("large answers that wrap the ring, killed 20 times")
def large():
    rounds(4 if sanitized() else 20, LARGE + SMALL, 2, 4, "--record", "strict")


@case("several workers, killed 10 times")
def workers():
    rounds(3 if sanitized() else 10, SMALL + LARGE, 3, 6, "--workers", "2",
           "--record", "strict")


@case("killed right after the start and during recovery")
def during_recovery():
    rng = random.Random(4)
    with House() as h:
        v = h.vendor()
        os.makedirs(h.path("spool"))
        p = h.proxy(v.url, "--spool-dir", h.path("spool"), name="killed")
        crowd = [Client(p.port, f"c{k}", rng, SMALL) for k in range(6)]
        time.sleep(1)
        p.kill()
        received = {}
        for c in crowd:
            c.join(20)
            received.update(c.got)
        for i in range(15):
            child = subprocess.Popen(p.argv, cwd=h.dir,
                                     stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            time.sleep(rng.random() * 0.08 * (5 if sanitized() else 1))
            child.kill()
            child.wait()
        p = h.again(p)
        compare(p, received, 0)
        check(len(received) > 20, "too little was sent:", len(received))


@case("a machine that goes down loses the ring, not what was committed")
def without_ring():
    with House() as h:
        v = h.vendor()
        os.makedirs(h.path("spool"))
        p = h.proxy(v.url, "--spool-dir", h.path("spool"), name="killed")
        with Wire(p.port) as w:
            for i in range(20):
                w.send(request("GET", f"/json?n=300&i={i}"))
                w.response()
        p.settled(20)
        p.kill()
        for name in os.listdir(h.path("spool")):
            os.remove(os.path.join(h.path("spool"), name))
        p = h.again(p)
        same(len(p.ls()), 20, "exchanges")


main()
