# SPDX-License-Identifier: MIT
"""HTTP/1.1 and HTTP/2, clear and TLS, on either side: sixteen pairs, through
each of which bodies must pass byte for byte, compared with the vendor asked
directly. curl is the client.
"""
import _lib
import hashlib

from clients import DOWN, UP, curl
from house import House
from scene import case, check, main, same

TIMEOUT = 240

# 1 MB that no compressor shrinks and no text tool leaves alone.
BODY = b"".join(hashlib.sha512(b"%d" % i).digest() for i in range(16384))

# What is asked, and with which body.
ASKED = {
    "a length-framed answer": ("/bytes?n=1000003&seed=7", None),
    "an empty answer": ("/bytes?n=0", None),
    "a stream of 200 events": ("/stream?n=200&size=250", None),
    "a body of 1 MB, echoed": ("/echo?body=1", BODY),
    "an empty body, echoed": ("/echo?body=1", b""),
    "a body in a compressed answer": ("/json?n=5000&encoding=gzip", None),
    "an error": ("/json?n=100&status=429&retry_after=3", None),
}


@case("bodies pass byte for byte through all sixteen pairs")
def bodies():
    with House() as h:
        v = h.vendor()
        direct = {what: curl(v.url + path, "--http1.1", data=body)
                  for what, (path, body) in ASKED.items()}
        same(direct["a body of 1 MB, echoed"].body, BODY, "the vendor's echo")
        for up, (version, tls_up) in UP.items():
            for tls in (False, True):
                p = h.proxy(v.tls_url if tls_up else v.url, http=version,
                            ca=v.ca if tls_up else None, tls=tls)
                downs = [d for d in DOWN if d.endswith("+TLS") == tls]
                for down in downs:
                    one_pair(p, down, up, direct)
                rows = p.settled(len(downs) * len(ASKED))
                same(len(rows), len(downs) * len(ASKED), "exchanges")
                same({x["outcome"] for x in rows}, {"complete"}, "outcomes")
                recorded(p, rows[:len(ASKED)], direct)
                p.stop()


def one_pair(p, down, up, direct):
    version = "HTTP/1.1" if down.startswith("h1") else "HTTP/2"
    for what, (path, body) in ASKED.items():
        got = curl(p.url + path, DOWN[down], data=body,
                   cert=p.cert[0] if p.cert else None)
        name = f"{what}, {down} to {up}"
        same(got.version, version, f"{name}: the client's version")
        same(got.status, direct[what].status, f"{name}: status")
        same(got.body, direct[what].body, f"{name}: body")


def recorded(p, rows, direct):
    """The trail has the same bytes, and its counts say so."""
    for x, (what, (path, body)) in zip(rows, ASKED.items()):
        same(x["path"], path, "recorded path")
        same(x["status"], direct[what].status, f"{what}: recorded status")
        same(x["response_bytes"], len(direct[what].body), f"{what}: bytes")
        same(x["request_bytes"], len(body or b""), f"{what}: request bytes")
        same(p.body(x, "response"), direct[what].body, f"{what}: in the trail")
        same(p.body(x, "request"), body or b"", f"{what}: request in the trail")


@case("--upstream-http auto takes what the vendor offers by ALPN")
def alpn():
    with House() as h:
        both = h.vendor()
        old = h.vendor("--h1-only")
        for v, expected in ((both, "2"), (old, "1.1")):
            p = h.proxy(v.tls_url, ca=v.ca)
            got = curl(p.url + "/echo", "--http1.1")
            same(got.status, 200, "status")
            check(b'"version":"%s"' % expected.encode() in got.body,
                  f"the vendor was to see HTTP/{expected}:", got.body[:300])
            p.stop()


main()
