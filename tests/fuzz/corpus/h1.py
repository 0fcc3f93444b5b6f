#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the corpus of fuzz_h1: every sample in both roles and manners."""
import hashlib
import pathlib

REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\nGET /x?y HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.1",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    b"GET /2 HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    b"Expect: 100-continue\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\n\r\n\x81\x02hi",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: x, te\r\nTE: trailers"
    b"\r\nX: 1\r\n\r\n",
    b"GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/1.1\r\nHost : a\r\n b\r\n\r\n",
    b"GET / HTTP/2.0\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" * 3,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 2100 + b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\n"
    b"Upgrade: websocket\r\n\r\n\x81\x02hi",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nextra",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"HTTP/1.1 100 Go\r\n\r\n" * 1010,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"7fffffffffffffff\r\nx",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\nContent-Length: 3\r\n\r\n",
    b"garbage\r\n\r\n",
]

here = pathlib.Path(__file__).parent / "h1"
here.mkdir(exist_ok=True)
for role, samples in ((0, REQUESTS), (1, ANSWERS)):
    for n, sample in enumerate(samples):
        for manners in (0, 2):
            for seed in (7, 99):
                data = bytes([role | manners, seed + n]) + sample
                name = hashlib.sha256(data).hexdigest()[:16]
                (here / name).write_bytes(data)
