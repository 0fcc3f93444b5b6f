# SPDX-License-Identifier: MIT
"""nghttp and h2load, the reference HTTP/2 clients, in clear and over TLS."""
import _lib
import re
import subprocess

from clients import tool
from house import House
from scene import case, check, main, same, slack


@case("nghttp: streams, uploads, trailers")
def nghttp():
    with House() as h:
        v = h.vendor()
        body = h.write("body", b"0123456789" * 20000)
        for tls in (False, True):
            for up in ("1.1", "2"):
                p = h.proxy(v.url, http=up, tls=tls)
                r = subprocess.run(
                    [tool("nghttp"), "--no-verify-peer", p.url +
                     "/stream?n=30"], capture_output=True, timeout=slack(30))
                same(len(r.stdout), 30 * 250, "a stream's bytes")
                r = subprocess.run(
                    [tool("nghttp"), "--no-verify-peer", "-d", body,
                     p.url + "/echo?body=1"], capture_output=True,
                    timeout=slack(30))
                same(r.stdout, b"0123456789" * 20000, "an echo")
                r = subprocess.run(
                    [tool("nghttp"), "--no-verify-peer", "--trailer",
                     "x-sum: 1", "-d", body, p.url + "/sink"],
                    capture_output=True, timeout=slack(30))
                same(r.returncode, 0, "an upload with trailers")
                same({x["outcome"] for x in p.settled(3)}, {"complete"},
                     "outcomes")
                p.stop()


@case("h2load: 20,000 requests, each answered and recorded once")
def h2load():
    with House() as h:
        v = h.vendor()
        for tls, up, option in ((False, "1.1", "--h1"), (False, "2", "-m20"),
                                (True, "1.1", "-m20")):
            p = h.proxy(v.url, "--record", "strict", http=up, tls=tls)
            n = 2000 if slack(1) > 1 else 20000 // 3
            r = subprocess.run(
                [tool("h2load"), "-n", str(n), "-c", "20", option,
                 p.url + "/json?n=300"], capture_output=True, text=True,
                timeout=slack(100))
            m = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored",
                          r.stdout)
            same(m and m.groups(), (str(n), "0", "0"), "h2load's count")
            rows = p.settled(n, 60)
            same(len(rows), n, "exchanges")
            same({(x["outcome"], x["response_bytes"]) for x in rows},
                 {("complete", 300)}, "what they are")
            p.stop(40)


main()
