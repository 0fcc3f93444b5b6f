# SPDX-License-Identifier: MIT
"""Where requests come in and where they go: several upstreams, prefixes,
IPv6, TLS at the front, --allow, several listeners."""
import _lib
import os
import socket
import subprocess
import sys

from clients import curl
from frames import Frames, get
from house import House, free_port
from raw import Script, Wire, request, vendor_answer
from scene import Skip, case, check, main, same


@case("/NAME/ chooses an upstream and is cut off; all else goes to the first")
def names():
    with House() as h, Script(vendor_answer(b"first")) as a, \
            Script(vendor_answer(b"second")) as b, \
            Script(vendor_answer(b"third")) as c:
        p = h.proxy([a.url, "kimi=" + b.url, "other=" + c.url + "/base/v9/"])
        for path, body, seen, script in (
                ("/v1/models", b"first", b"GET /v1/models HTTP", a),
                ("/kimi/v1/models?x=1", b"second", b"GET /v1/models?x=1 ", b),
                ("/kimi", b"second", b"GET / ", b),
                ("/kimi/", b"second", b"GET / ", b),
                ("/kimi?x=2", b"second", b"GET /?x=2 ", b),
                ("/kimix/v1", b"first", b"GET /kimix/v1 ", a),
                ("/Kimi/v1", b"first", b"GET /Kimi/v1 ", a),
                ("/other/models", b"third", b"GET /base/v9/models ", c),
                ("/other", b"third", b"GET /base/v9", c),
                ("/x/kimi/v1", b"first", b"GET /x/kimi/v1 ", a)):
            got = curl(p.url + path, "--path-as-is")
            same(got.body, body, path)
            check(seen in script.seen(), f"{path}: {seen!r} is not in",
                  script.seen()[-300:])
        rows = p.settled(10)
        same([x["route"] for x in rows],
             ["default", "kimi", "kimi", "kimi", "kimi", "default", "default",
              "other", "other", "default"], "routes in the trail")
        same(rows[1]["path"], "/kimi/v1/models?x=1", "the path as asked")


@case("by h2 too")
def names_h2():
    with House() as h, Script(vendor_answer(b"first")) as a, \
            Script(vendor_answer(b"second")) as b:
        p = h.proxy([a.url + "/pre", "kimi=" + b.url])
        with Frames(p.port) as c:
            c.headers(1, get("/v1/models"), end=True)
            c.headers(3, get("/kimi/v1/models"), end=True)
            same((c.stream(1).body, c.stream(3).body), (b"first", b"second"),
                 "answers")
        check(b"GET /pre/v1/models HTTP" in a.seen(), "prefix:", a.seen())


@case("OPTIONS * and the absolute form")
def forms():
    with House() as h, Script(vendor_answer(b"first")) as a:
        p = h.proxy(a.url)
        with Wire(p.port) as w:
            w.send(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
            check(w.response().status in (200, 400), "OPTIONS *")
        with Wire(p.port) as w:
            w.send(b"GET http://a.example/v1/models HTTP/1.1\r\n"
                   b"Host: a.example\r\n\r\n")
            r = w.response()
            check(r.status in (200, 400), "absolute form:", r.status)
            check(b"a.example" not in a.seen(), "the client's name went on")


@case("IPv6 at the front and behind")
def ipv6():
    if not socket.has_ipv6:
        raise Skip("no IPv6")
    try:
        port = free_port("::1")
    except OSError as e:
        raise Skip(f"no IPv6 loopback: {e}")
    with House() as h:
        v = h.vendor("--listen", "[::1]:" + str(port))
        p = h.proxy(f"http://[::1]:{port}", listens=("[::1]:0",
                                                     "127.0.0.1:0"))
        same(len(p.ports), 2, "listeners in the greeting")
        same(curl(f"http://[::1]:{p.ports[0]}/json?n=10").status, 200, "::1")
        same(curl(f"http://127.0.0.1:{p.ports[1]}/json?n=10").status, 200,
             "127.0.0.1")
        p.settled(2)


@case("--allow lets in whom it names, and nobody else")
def allow():
    """In a network of its own, where 192.0.2.1 and .2 are this machine."""
    if os.environ.get("OWN_NETWORK") != "1":
        in_own_network("lets in whom it names")
        return
    for address in ("192.0.2.1", "192.0.2.2"):
        subprocess.run(["ip", "address", "add", address + "/32", "dev", "lo"],
                       check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--allow", "192.0.2.2/32", listens=("0.0.0.0:0",))
        for own, good in (("127.0.0.1", True), ("192.0.2.2", True),
                          ("192.0.2.1", False)):
            got = curl(f"http://192.0.2.1:{p.port}/json?n=10", "--interface",
                       own, ok=False, timeout=5)
            if good:
                same(got.status, 200, f"from {own}")
            else:
                check(got.code != 0 or got.status == 403, "it was let in:",
                      got.status)
        p.settled(2)


def in_own_network(title):
    r = subprocess.run(["unshare", "-n", sys.executable, __file__, title],
                       env=dict(os.environ, OWN_NETWORK="1"),
                       capture_output=True, text=True)
    if "unshare" in r.stderr or "ip:" in r.stderr:
        raise Skip("a network namespace needs root: " + r.stderr.strip())
    check(r.returncode == 0, "in its own network:\n" + r.stdout + r.stderr)


@case("TLS at the front: ALPN decides; without ALPN it is HTTP/1.1")
def tls():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, tls=True)
        cert = p.cert[0]
        same(curl(p.url + "/json?n=10", "--http2", cert=cert).version,
             "HTTP/2", "by ALPN h2")
        same(curl(p.url + "/json?n=10", "--http1.1", cert=cert).version,
             "HTTP/1.1", "by ALPN http/1.1")
        with Wire(p.port, tls=cert) as w:
            w.send(request("GET", "/json?n=10"))
            same(w.response().status, 200, "without ALPN")
        with Wire(p.port) as w:                 # clear bytes at a TLS port
            w.send(request("GET", "/json?n=10"))
            got = w.rest()
            check(b"200" not in got[:20], "clear HTTP was served:", got[:50])
        p.settled(3)


main()
