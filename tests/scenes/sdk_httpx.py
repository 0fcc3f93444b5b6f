# SPDX-License-Identifier: MIT
"""httpx over HTTP/2 with TLS and over HTTP/1.1; requests; websockets."""
import _lib
import ssl

import httpx
import requests

from house import House
from scene import case, check, main, same


@case("httpx by h2 over TLS and by h1: the same bytes, streamed and not")
def both():
    with House() as h:
        v = h.vendor("--seed", 5)
        for up, url, ca in (("1.1", v.url, None), ("2", v.tls_url, v.ca)):
            p = h.proxy(url, http=up, ca=ca, tls=True)
            trust = ssl.create_default_context(cafile=p.cert[0])
            n = 0
            for h2 in (True, False):
                with httpx.Client(http2=h2, verify=trust, timeout=30,
                                  trust_env=False) as c, \
                        httpx.Client(timeout=30, trust_env=False) as direct:
                    for path in ("/json?n=20000", "/bytes?n=300000&seed=2",
                                 "/stream?n=100",
                                 "/json?n=9000&encoding=gzip",
                                 "/json?n=9000&encoding=br"):
                        got, want = c.get(p.url + path), direct.get(v.url + path)
                        same(got.http_version, "HTTP/2" if h2 else "HTTP/1.1",
                             "version")
                        same(got.content, want.content, path)
                        n += 1
                    with c.stream("GET", p.url + "/stream?n=50&pace=100") as r:
                        same(len(b"".join(r.iter_raw())), 50 * 250, "streamed")
                    body = bytes(range(256)) * 5000
                    same(c.post(p.url + "/echo?body=1", content=body).content,
                         body, "an echoed upload")
                    same(c.post(p.url + "/echo?body=1", content=(
                        body[i:i + 9999] for i in range(0, len(body), 9999)))
                         .content, body, "an upload without a length")
                    n += 3
            same({x["outcome"] for x in p.settled(n)}, {"complete"}, "outcomes")
            p.stop()


@case("requests, with a session")
def with_requests():
    with House() as h:
        v = h.vendor("--seed", 5)
        p = h.proxy(v.url)
        with requests.Session() as s:
            s.trust_env = False
            for i in range(5):
                r = s.post(p.url + "/echo?body=1", data=b"%d" % i * 1000)
                same(r.content, b"%d" % i * 1000, "echo")
        p.settled(5)


@case("websockets: a real client's frames both ways")
def ws():
    from websockets.sync.client import connect
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        with connect(p.url.replace("http", "ws") + "/ws", proxy=None) as w:
            for text in ("hello", "x" * 100000, "Grüße"):
                w.send(text)
                same(w.recv(timeout=10), text, "echo")
        x = p.settled(1)[0]
        same((x["status"], x["outcome"]), (101, "complete"), "in the trail")
        check(x["request_bytes"] > 100000 and x["response_bytes"] > 100000,
              "bytes of the tunnel:", x)


main()
