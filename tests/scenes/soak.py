# SPDX-License-Identifier: MIT
"""Minutes of mixed traffic: memory stays where it was, everything is there
once. In the slow tier only."""
import _lib
import threading
import time

from house import House
from raw import Wire, request
from scene import case, check, main, same, sanitized

ALONE = True
TIMEOUT = 200
MB = 1 << 20


@case("three minutes of mixed traffic in steady memory", slow=True)
def soak():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--record", "strict", "--workers", 2)
        over, counts = time.monotonic() + 180, []

        def client(k):
            n = 0
            paths = [f"/json?n=800&k={k}", f"/stream?n=30&pace=300&k={k}",
                     f"/bytes?n=60000&seed={k}", f"/json?n=9&status=429&k={k}",
                     f"/stream?n=50&truncate=3000&k={k}"]
            while time.monotonic() < over:
                try:
                    with Wire(p.port) as w:
                        for path in paths:
                            w.send(request("GET", path))
                            n += 1
                            w.response()
                            time.sleep(0.05)
                except EOFError:
                    pass
            counts.append(n)
        crowd = [threading.Thread(target=client, args=(k,)) for k in range(8)]
        for t in crowd:
            t.start()
        time.sleep(40)
        early = p.rss()
        for t in crowd:
            t.join()
        late = p.rss()
        n = sum(counts)
        print(f"    {n} exchanges; memory {early / MB:.1f} MB after 40 s, "
              f"{late / MB:.1f} MB at the end", flush=True)
        rows = p.settled(n, 60)
        same(len(rows), n, "exchanges")
        check(sanitized() or late < early + 8 * MB, "memory grew",
              early, late)


main()
