# SPDX-License-Identifier: MIT
"""A full disk: strict mode holds the relay and says so, besteffort records
gaps and says so, and both recover by themselves when there is room again."""
import _lib
import hashlib
import os
import threading
import time

from clients import curl
from house import House
from raw import Wire, request
from scene import case, check, main, same, slack, until

ALONE = True
TIMEOUT = 180
MB = 1 << 20


def fill(folder, leave):
    """Takes the disk's room but for `leave` bytes."""
    s = os.statvfs(folder)
    n = s.f_bavail * s.f_frsize - leave
    with open(os.path.join(folder, "ballast"), "wb") as f:
        f.write(b"\0" * max(0, n))


def house(h, mode):
    v = h.vendor()
    disk = h.tmpfs("disk", "48m")
    os.makedirs(h.path("spool"))
    p = h.proxy(v.url, "--record", mode, "--spool-dir", h.path("spool"),
                "--spool-size", "8M", "--config",
                h.write("c.json", '{"listen": "127.0.0.1:0", "trail": "%s"}'
                        % os.path.join(disk, "proxy.db")))
    p.trail = os.path.join(disk, "proxy.db")
    return p, disk


@case("besteffort: traffic goes on, gaps are counted, recording comes back")
def besteffort():
    with House() as h:
        p, disk = house(h, "besteffort")
        curl(p.url + "/bytes?n=1000&seed=1")
        p.settled(1)
        fill(disk, 64 * 1024)
        # 60 x 1 MB that nothing compresses: more than disk and ring hold.
        for i in range(60):
            got = curl(p.url + f"/bytes?n=1000000&seed={i}", timeout=20)
            same(len(got.body), 1000000, f"answer {i}")
        said = p.out() + p.err()
        check("full" in said or "space" in said or "room" in said,
              "nothing was said:", said)
        status = p.control("status")
        check(status["ok"], "status", status)
        os.remove(os.path.join(disk, "ballast"))
        time.sleep(1)

        def recording():
            curl(p.url + "/json?n=77")
            time.sleep(0.2)
            rows = p.ls("--limit", "1")
            return rows and rows[-1]["path"] == "/json?n=77"
        until(recording, slack(20), "recording to come back", 0.3)
        p.stop(30)
        summary = p.out() + p.err()
        check("gap" in summary, "no gap in the summary:", summary)
        import sqlite3
        db = sqlite3.connect(f"file:{p.trail}?mode=ro", uri=True)
        check(db.execute("select count(*) from gap").fetchone()[0] > 0,
              "no gap in the trail")
        db.close()


@case("strict: the relay is held, says so, and goes on when there is room")
def strict():
    with House() as h:
        p, disk = house(h, "strict")
        curl(p.url + "/bytes?n=1000&seed=1")
        p.settled(1)
        fill(disk, 64 * 1024)
        done, bodies = [], {}

        def client():
            for i in range(30):
                w = Wire(p.port, timeout=60)
                w.send(request("GET", f"/bytes?n=1000000&seed={i}&strict"))
                bodies[f"/bytes?n=1000000&seed={i}&strict"] = w.response().body
                done.append(i)
                w.close()
        t = threading.Thread(target=client, daemon=True)
        t.start()
        time.sleep(4)
        held = len(done)
        check(held < 30, "it was never held: 30 MB went through a ring of 8")
        time.sleep(1)
        check(len(done) <= held + 1, "it is not held:", held, len(done))
        said = p.out() + p.err()
        check("full" in said or "space" in said or "room" in said,
              "nothing was said:", said)
        os.remove(os.path.join(disk, "ballast"))
        t.join(slack(40))
        same(len(done), 30, "answers once there was room again")
        rows = [x for x in p.settled(31, 20) if "strict" in x["path"]]
        same(len(rows), 30, "exchanges")
        for x in rows:
            same(hashlib.sha256(p.body(x, "response")).digest(),
                 hashlib.sha256(bodies[x["path"]]).digest(), "the body")
        p.stop(30)
        import sqlite3
        db = sqlite3.connect(f"file:{p.trail}?mode=ro", uri=True)
        same(db.execute("select count(*) from gap").fetchone()[0], 0,
             "gaps in strict mode")
        db.close()


@case("a ring that overflows: besteffort loses bytes and counts each")
def overflow():
    """The clerk is stopped by a full disk; the ring takes 8 MB, the rest are
    gaps, and request plus gaps make up what was relayed."""
    with House() as h:
        p, disk = house(h, "besteffort")
        curl(p.url + "/json?n=10")
        p.settled(1)
        fill(disk, 32 * 1024)
        got = curl(p.url + "/bytes?n=40000000&seed=5", timeout=60)
        same(len(got.body), 40000000, "the answer")
        os.remove(os.path.join(disk, "ballast"))
        rows = until(lambda: [x for x in p.ls() if x["outcome"] and
                              "40000000" in x["path"]], slack(20),
                     "the exchange", 0.3)
        same(rows[0]["response_bytes"], 40000000, "bytes on the wire")
        kept = p.body(rows[0], "response")
        import sqlite3
        db = sqlite3.connect(f"file:{p.trail}?mode=ro", uri=True)
        lost = db.execute("select coalesce(sum(len), 0) from gap where "
                          "exchange = ?", [rows[0]["id"]]).fetchone()[0]
        db.close()
        same(len(kept) + lost, 40000000, "kept and lost together")
        check(lost > 0, "nothing was lost: is the disk full at all?")


@case("a disk that is full at the end: the drain does not hang")
def at_the_end():
    with House() as h:
        p, disk = house(h, "besteffort")
        curl(p.url + "/json?n=10")
        p.settled(1)
        fill(disk, 16 * 1024)
        for i in range(5):
            curl(p.url + f"/bytes?n=1000000&seed={i}")
        import signal
        p.signal(signal.SIGTERM)
        p.checked = True
        code = p.wait(30)
        check(code in (0, 1, 2), "exit status:", code)
        p.clean()
        os.remove(os.path.join(disk, "ballast"))


@case("strict: bytes that were read for slow clients wait for room, too")
def slow_clients():
    with House() as h:
        v = h.vendor()
        disk = h.tmpfs("disk", "400m")
        os.makedirs(h.path("spool"))
        p = h.proxy(v.url, "--record", "strict", "--spool-size", "8M",
                    "--spool-dir", h.path("spool"), "--config",
                    h.write("c.json", '{"listen": "127.0.0.1:0", '
                            '"trail": "%s"}' % os.path.join(disk, "proxy.db")),
                    http="2")
        p.trail = os.path.join(disk, "proxy.db")
        slow, n = [], 8 * MB
        for i in range(20):
            w = Wire(p.port, rcvbuf=4096, timeout=60)
            w.send(request("GET", f"/bytes?n={n}&seed={i}"))
            slow.append(w)
        time.sleep(slack(3))            # until all are stuck
        fill(disk, 64 * 1024)
        filler = Wire(p.port)
        filler.send(request("GET", f"/bytes?n={20 * MB}&seed=99"))
        ends = threading.Thread(target=filler.response, daemon=True)
        ends.start()
        until(lambda: p.control("status")["result"]["reads_held"], slack(10),
              "the relay to be held")
        lengths = [0] * len(slow)

        def read(i):
            lengths[i] = len(slow[i].response().body)
        readers = [threading.Thread(target=read, args=(i,), daemon=True)
                   for i in range(len(slow))]
        for t in readers:
            t.start()
        time.sleep(2)
        same(p.control("status")["result"]["gaps"], 0, "gaps while held")
        os.remove(os.path.join(disk, "ballast"))
        for t in (ends, *readers):
            t.join(slack(60))
        same(lengths, [n] * len(slow), "what the slow clients got")
        for w in (filler, *slow):
            w.close()
        same(p.control("status")["result"]["gaps"], 0, "gaps")


main()
