# SPDX-License-Identifier: MIT
"""The n-th disk write fails, the n-th allocation fails: nothing that was
committed is harmed, nothing is there twice, and it goes on (or, without
memory, ends and can be started again).

tests/lib/failing.c is loaded into the proxy and does the failing.
"""
import _lib
import os
import subprocess
import time

from clients import curl
from house import ROOT, House
from raw import Wire, request
from scene import Skip, case, check, main, same, sanitized, slack, until

TIMEOUT = 300


def preload(h, **knobs):
    if sanitized():
        raise Skip("sanitizers want to be loaded first")
    so = h.path("failing.so")
    r = subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", so,
                        os.path.join(ROOT, "tests/lib/failing.c"), "-ldl"],
                       capture_output=True)
    check(r.returncode == 0, "cc:", r.stderr)
    return dict(os.environ, LD_PRELOAD=so, FAIL_NAME=".db",
                FAIL_ARMED=h.path("armed"), **knobs)


def traffic(p, n, tag):
    """n requests, or as many as are answered; their paths and bodies."""
    out = {}
    try:
        with Wire(p.port, timeout=10) as w:
            for i in range(n):
                path = f"/bytes?n={1000 + i * 37}&seed={i}&tag={tag}.{i}"
                w.send(request("GET", path))
                out[path] = w.response().body
    except (OSError, EOFError):
        pass
    return out


@case("the n-th write to the trail fails, for n = 1 to 40")
def nth_write():
    with House() as h:
        v = h.vendor()
        for n in range(1, 41, 3):
            env = preload(h, FAIL_WRITE=f"{n}+{1 + n % 4}")
            p = h.proxy(v.url, env=env, name=f"n{n}")
            same(len(traffic(p, 5, "before")), 5, "answers before")
            p.settled(5)
            h.write("armed", "")
            sent = traffic(p, 40, "during")
            same(len(sent), 40, f"answers with write {n} failing")
            rows = {x["path"]: x for x in p.settled(45, 20)}
            same(len(rows), 45, f"exchanges with write {n} failing")
            for path, body in sent.items():
                x = rows[path]
                kept = p.body(x, "response") if n % 9 == 1 else body
                same(kept, body, f"{path} with write {n} failing")
            p.stop(30)
            os.remove(h.path("armed"))


@case("the disk fails for a while, then works again")
def a_while():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, env=preload(h, FAIL_WRITE="1+30"))
        traffic(p, 5, "before")
        p.settled(5)
        h.write("armed", "")
        same(len(traffic(p, 100, "during")), 100, "answers")
        until(lambda: p.ls()[-1]["path"].endswith("during.99"), slack(30),
              "the recorder to come back", 0.3)
        same(len(p.settled(105, 20)), 105, "exchanges")
        p.stop(30)


@case("out of memory at the n-th allocation: it ends, and can go on")
def nth_alloc():
    with House() as h:
        v = h.vendor()
        p, died = None, 0
        for n in (1, 2, 3, 5, 9, 17, 40, 90, 200, 500, 1200, 3000):
            env = preload(h, FAIL_ALLOC=str(n))
            if os.path.exists(h.path("armed")):
                os.remove(h.path("armed"))
            p = h.proxy(v.url, "--spool-dir", h.dir, env=env, name="starved")
            same(len(traffic(p, 3, f"{n}.before")), 3, "answers before")
            h.write("armed", "")
            sent = traffic(p, 200, f"{n}.during")
            time.sleep(0.2)
            if p.running():
                p.stop()
            else:
                died += 1
                p.checked = True
            os.remove(h.path("armed"))
            q = h.proxy(v.url, "--spool-dir", h.dir, name="starved")
            rows = {}
            for x in q.ls():
                check(x["path"] not in rows, "twice:", x)
                rows[x["path"]] = x
            for path in sent:
                check(path in rows, f"allocation {n}: lost:", path)
            q.stop()
        print(f"    it died {died} times of 12", flush=True)
        check(died > 3, "the failing allocations were never reached")


main()
