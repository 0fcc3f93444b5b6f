# SPDX-License-Identifier: MIT
"""Several workers and one clerk: everything is recorded once, in order, and
the threads do not step on one another (the scene for TSan)."""
import _lib
import threading
import time

from clients import curl
from frames import Frames, get
from house import House
from raw import Wire, request
from scene import case, check, main, same, slack

TIMEOUT = 180


def seconds(moment):
    """Of the hour; of RFC 3339 with nanoseconds."""
    return int(moment[14:16]) * 60 + float(moment[17:29])


def crowd(p, n, each, version="h1"):
    """n clients with `each` requests; returns the paths answered."""
    answered, lock = [], threading.Lock()

    def one(k):
        mine = []
        if version == "h1":
            with Wire(p.port, timeout=60) as w:
                for i in range(each):
                    path = f"/echo?body=1&who={k}.{i}"
                    body = b"%d.%d " % (k, i) * 40
                    w.send(request("POST", path, body))
                    same(w.response().body, body, path)
                    mine.append(path)
        else:
            with Frames(p.port, timeout=60) as c:
                for i in range(each):
                    c.headers(1 + 2 * i, get(f"/bytes?n={500 + i}&who={k}.{i}"),
                              end=True)
                for i in range(each):
                    same(len(c.stream(1 + 2 * i).body), 500 + i, "body")
                    mine.append(f"/bytes?n={500 + i}&who={k}.{i}")
        with lock:
            answered.extend(mine)
    threads = [threading.Thread(target=one, args=(k,)) for k in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same(len(answered), n * each, "answers")
    return answered


@case("two and four workers: each exchange once, ids in order of time")
def workers():
    with House() as h:
        v = h.vendor()
        for n in (2, 4):
            p = h.proxy(v.url, "--workers", n, "--spool-size", "8M")
            paths = crowd(p, 16, 40) + crowd(p, 8, 40, "h2")
            rows = p.settled(len(paths), 30)
            same(sorted(x["path"] for x in rows), sorted(paths), "paths")
            same([x["id"] for x in rows], list(range(1, len(paths) + 1)), "ids")
            # Nearly: ids go by the moment when a head was whole and taken,
            # `started` by its first byte.
            starts = [seconds(x["started"]) for x in rows]
            back = max(a - b for a, b in zip(starts, starts[1:]))
            check(back < slack(0.05), "ids go back in time by seconds:", back)
            p.stop()


@case("workers share the load")
def share():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--workers", 2, "--spool-size", "8M")
        used = set()
        for _ in range(40):
            curl(p.url + "/json?n=10")
        # Threads by their processor time; the main thread and clerk too.
        import os
        for task in os.listdir(f"/proc/{p.pid}/task"):
            name = open(f"/proc/{p.pid}/task/{task}/comm").read().strip()
            used.add(name)
        check(len(os.listdir(f"/proc/{p.pid}/task")) >= 4, "threads:", used)
        p.settled(40)


@case("readers, control socket, reloads and traffic at the same time")
def everything():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--workers", 2, "--spool-size", "8M")
        over = threading.Event()
        troubles = []

        def poke():
            import signal
            while not over.is_set():
                try:
                    check(p.control("status")["ok"], "status")
                    p.signal(signal.SIGHUP)
                    p.ls("--limit", "5")
                except Exception as e:
                    troubles.append(e)
                    return
                time.sleep(0.05)
        t = threading.Thread(target=poke)
        t.start()
        try:
            crowd(p, 12, 40)
            crowd(p, 6, 40, "h2")
        finally:
            over.set()
            t.join()
        check(not troubles, "the poker:", troubles)
        p.settled(12 * 40 + 6 * 40, 30)


main()
