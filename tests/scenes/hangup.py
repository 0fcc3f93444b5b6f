# SPDX-License-Identifier: MIT
"""A client that closes its half: the vendor hears of it, and judges itself."""

import _lib
from house import House
from raw import Script, Wire, request
from scene import case, check, main, same


@case("a vendor that stops when the client hangs up is not to blame")
def stops():
    heard = []

    def answer(c):
        c.until(b"\r\n\r\n")
        c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"5\r\nhello\r\n")
        heard.append(c.rest())  # until the proxy's FIN; then it closes too
    with House() as h, Script(answer) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            w.send(request("GET", "/"))
            w.until(b"hello")
            w.half_close()
            w.rest()
        row = p.settled(1)[0]
        same(heard, [b""], "what the vendor heard after the request")
        same(row["outcome"], "reset_by_client", "outcome")
        same(row["response_bytes"], 5, "bytes before it")


@case("a vendor that goes on is relayed to the end")
def goes_on():
    def answer(c):
        c.until(b"\r\n\r\n")
        c.rest()
        c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    with House() as h, Script(answer) as vendor:
        p = h.proxy(vendor.url)
        with Wire(p.port) as w:
            w.send(request("GET", "/"))
            w.half_close()
            check(w.rest().endswith(b"\r\n\r\nhello"), "the answer")
        same(p.settled(1)[0]["outcome"], "complete", "outcome")


@case("a client that leaves with the whole answer leaves it complete")
def whole():
    """The vendor's stream never says that it ends (stall), but its
    Content-Length does: 1,000 bytes, and the client has them all."""
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, http="2")
        with Wire(p.port) as w:
            w.send(request("GET", "/bytes?n=1000&stall=1000"))
            same(len(w.response().body), 1000, "the answer")
            w.abort()
        row = p.settled(1)[0]
        same(row["outcome"], "complete", "outcome")
        same(row["response_bytes"], 1000, "bytes")


main()
