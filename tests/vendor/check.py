#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the practice vendor by raw bytes: check.py PATH-OF-VENDOR"""
import gzip
import hashlib
import json
import os
import re
import socket
import struct
import sys
import time
import traceback

import check_chat  # noqa: F401 (these register their tests)
import check_h2  # noqa: F401
from speak import TESTS, Vendor, Wire, chunks, get, head, splitmix, test

CHAT = json.dumps({"model": "m", "stream": True, "messages": [
    {"role": "user", "content": "hello"}]}).encode()

# ---- HTTP/1.1 ----


@test
def bytes_and_lengths(v):
    w = get(v, "/bytes?n=100001&seed=9")
    status, fields = head(w)
    assert status == 200 and ("content-length", "100001") in fields
    assert w.take(100001) == splitmix(9, 100001)
    w = get(v, "/json?n=77")
    head(w)
    assert len(json.dumps(json.loads(w.take(77)), separators=(",", ":"))) == 77
    for n in (0, 1, 2, 19, 20, 21):
        w = get(v, "/json?n=%d" % n, "connection: close")
        assert ("content-length", str(n)) in head(w)[1]
        body = w.rest()
        assert len(body) == n and (n == 0 or json.loads(body) is not None)


@test
def stream_sizes_stamps_groups(v):
    for size in (8, 9, 50, 182, 183, 184, 250, 70000):
        w = get(v, "/stream?n=3&size=%d" % size)
        head(w)
        got = chunks(w)[0]
        assert [len(c) for c in got] == [size] * 3, (size, got)
        assert all(c.startswith(b"data: ") and c.endswith(b"\n\n")
                   for c in got)
        if size >= 200:
            json.loads(got[2][6:])
    w = get(v, "/stream?n=5&size=40&stamp=1&pace=100&group=2")
    head(w)
    got = chunks(w)[0]
    assert [len(c) for c in got] == [80, 80, 40]
    stamps = [int(x) for x in re.findall(rb"data: (\d{20}) ", b"".join(got))]
    assert len(stamps) == 5 and 30e6 < stamps[4] - stamps[0] < 80e6, stamps


@test
def echo_and_sink(v):
    body = os.urandom(300000)
    w = get(v, "/echo?a=%C3", "X-One: 1", "x-one:  \xff2 ", body=body)
    status, fields = head(w)
    told = json.loads(w.take(int(dict(fields)["content-length"])))
    assert told["method"] == "POST" and told["target"] == "/echo?a=%C3"
    assert told["fields"][1:3] == [["X-One", "1"], ["x-one", "\xff2"]]
    assert told["body_sha256"] == hashlib.sha256(body).hexdigest()
    w = get(v, "/echo?body=1", body=body)
    head(w)
    assert w.take(len(body)) == body
    w = Wire(v)
    w.send("POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n"
           "\r\n5;x=y\r\nhello\r\n", "1\r\n!\r\n0\r\nX-T: 1\r\n\r\n")
    told = json.loads(w.take(int(dict(head(w)[1])["content-length"])))
    assert told["trailers"] == [["X-T", "1"]] and told["body_length"] == 6


@test
def pipelining_head_and_old_version(v):
    w = Wire(v)
    one = "GET /json?n=30 HTTP/1.1\r\nhost: t\r\n"
    w.send(*[one + "\r\n"] * 3, "HEAD /json?n=30 HTTP/1.1\r\nhost: t\r\n\r\n",
           one + "connection: close\r\n\r\n")
    for i in range(5):
        status, fields = head(w)
        assert status == 200 and dict(fields)["content-length"] == "30"
        assert i == 3 or len(w.take(30)) == 30
    assert w.rest() == b"" and w.end == "fin"
    w = Wire(v)
    w.send("GET /stream?n=2&size=20 HTTP/1.0\r\n\r\n")
    fields = head(w)[1]
    assert ("connection", "close") in fields and len(w.rest()) == 40
    for i in range(1, 60):  # any split of a request
        w = Wire(v)
        text = (one + "content-length: 3\r\n\r\nabc").encode()
        w.send(text[:i])
        time.sleep(0.0005)
        w.send(text[i:])
        assert head(w)[0] == 200


@test
def refusals(v):
    host = "host: t\r\n"
    for text in (
            "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\n" + host + "\n",
            "GET / HTTP/1.1\r\n" + host + host + "\r\n",
            "GET / HTTP/1.1\r\n" + host + "a : b\r\n\r\n",
            "GET / HTTP/1.1\r\n" + host + "a: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\n" + host + "a: b\nc: d\r\n\r\n",
            "GET / HTTP/1.1\r\n" + host + "a: b\rc\r\n\r\n",
            "GET / HTTP/1.1\r\n" + host + "a: b\0\r\n\r\n",
            "GET  / HTTP/1.1\r\n" + host + "\r\n",
            "GET / HTTP/1.2\r\n" + host + "\r\n",
            "POST / HTTP/1.1\r\n" + host + "content-length: 1\r\n"
            "transfer-encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\n" + host + "content-length: 1\r\n"
            "content-length: 1\r\n\r\na",
            "POST / HTTP/1.1\r\n" + host + "content-length: +1\r\n\r\na",
            "POST / HTTP/1.1\r\n" + host + "transfer-encoding: gzip\r\n\r\n",
            "POST / HTTP/1.1\r\n" + host + "transfer-encoding: chunked\r\n\r\n"
            "0x1\r\na\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\n" + host + "transfer-encoding: chunked\r\n\r\n"
            "1\r\nab\r\n0\r\n\r\n"):
        w = Wire(v)
        w.send(text)
        assert head(w)[0] == 400, text
        w.rest()
        assert w.end == "fin"


@test
def truncate(v):
    w = get(v, "/bytes?n=1000&truncate=10")
    assert ("content-length", "1000") in head(w)[1]
    assert len(w.rest()) == 10 and w.end == "fin"
    w = get(v, "/stream?n=9&size=20", vendor="truncate=45")
    head(w)
    assert w.rest().count(b"14\r\n") == 2 and w.end == "fin"
    assert w.b.endswith(b"5\r\ndata:\r\n"), w.b
    w = get(v, "/bytes?n=10&truncate=0")
    head(w)
    assert w.rest() == b""
    w = get(v, "/v1/chat/completions", body=CHAT, vendor="truncate=300")
    head(w)
    assert b"[DONE]" not in w.rest()
    w = get(v, "/bytes?n=10&truncate=10&encoding=gzip")
    head(w)
    assert not w.rest().endswith(b"0\r\n\r\n")


@test
def reset(v):
    for n in (0, 10, 500000):
        w = get(v, "/bytes?n=1000000&reset=%d" % n)
        head(w)
        assert len(w.rest()) == n and w.end == "rst", (n, len(w.b), w.end)


@test
def stall(v):
    w = get(v, "/bytes?n=100&stall=10")
    head(w)
    assert len(w.take(10)) == 10 and w.quiet(0.2)
    start = time.monotonic()
    w = get(v, "/bytes?n=100&stall=10&stall_ms=150")
    head(w)
    assert len(w.take(100)) == 100 and time.monotonic() - start > 0.14
    w = get(v, "/json?hang=1")
    assert w.quiet(0.2)
    w.s.shutdown(socket.SHUT_WR)
    assert w.rest() == b""
    start = time.monotonic()
    w = get(v, "/json?delay_ms=150")
    assert head(w)[0] == 200 and time.monotonic() - start > 0.14


@test
def one_byte(v):
    w = get(v, "/bytes?n=50&seed=1&onebyte=1")
    head(w)
    got = chunks(w)[0]
    assert [len(c) for c in got] == [1] * 50
    assert b"".join(got) == splitmix(1, 50)


@test
def encodings(v):
    for target in ("/stream?n=4&size=100", "/bytes?n=200000"):
        plain = get(v, target, "connection: close")
        head(plain)
        raw = get(v, target + "&encoding=gzip")
        assert ("content-encoding", "gzip") in head(raw)[1]
        body = b"".join(chunks(raw)[0])
        if "bytes" in target:
            assert gzip.decompress(body) == plain.rest()
        for other in ("br", "zstd", "deflate"):
            raw = get(v, target + "&encoding=" + other)
            assert ("content-encoding", other) in head(raw)[1]
            assert len(b"".join(chunks(raw)[0])) > 50
    w = get(v, "/stream?n=3&size=100&pace=20&encoding=zstd")
    head(w)
    assert len(chunks(w)[0]) == 3
    w = get(v, "/v1/chat/completions", "content-encoding: gzip",
            body=gzip.compress(CHAT))
    assert head(w)[0] == 200


@test
def trailers_and_extensions(v):
    w = get(v, "/bytes?n=5000&trailers=1&chunk_ext=1")
    assert dict(head(w)[1])["trailer"] == "x-body-sha256, x-trailer"
    got, ext, trailers = chunks(w)
    digest = hashlib.sha256(b"".join(got)).hexdigest()
    assert trailers == ["x-body-sha256: " + digest, "x-trailer: practice"]
    assert ext[0] == b"practice=yes"


@test
def interims_and_continue(v):
    w = get(v, "/json?n=30&interim=103+102&interim=100")
    assert [head(w)[0] for _ in range(4)] == [103, 102, 100, 200]
    for knob, first in (("", 100), ("no_continue=1", 200)):
        w = Wire(v)
        w.send("POST /sink HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\n"
               "content-length: 3\r\nx-vendor: %s\r\n\r\n" % knob)
        assert first == 100 or w.quiet(0.1)
        w.send("" if first == 100 else "abc")
        assert head(w)[0] == first
        if first == 100:
            w.send("abc")
            assert head(w)[0] == 200


@test
def errors(v):
    w = get(v, "/json?status=429&retry_after=7")
    status, fields = head(w)
    assert status == 429 and ("retry-after", "7") in fields
    told = json.loads(w.take(int(dict(fields)["content-length"])))
    assert told["error"]["code"] == "practice_fault"
    w = get(v, "/v1/messages", body=b"{}", vendor="status=529")
    status, fields = head(w)
    told = json.loads(w.take(int(dict(fields)["content-length"])))
    assert status == 529 and told["error"]["type"] == "overloaded_error"
    assert head(get(v, "/json?status=204&n=5"))[0] == 204
    for target, status in (("/no", 404), ("/v1/messages", 405), ("/ws", 426)):
        assert head(get(v, target))[0] == status
    assert head(get(v, "/json", vendor="bogus=1"))[0] == 400
    assert head(get(v, "/json?bogus=1"))[0] == 200


@test
def odd_heads(v):
    fields = head(get(v, "/json?dup_headers=1&big_head=100000"))[1]
    names = [n for n, _ in fields]
    at = names.index("X-Dup")
    assert names[at:at + 7] == ["X-Dup", "x-DUP", "Set-Cookie",
                                "vIA-oDD-cASE", "set-cookie", "x-dup",
                                "X-Empty"]
    assert len(dict(fields)["x-filler"]) == 100000

    def raw(knob):
        return get(v, "/json?n=20&connection&" + knob).until(b"\r\n\r\n")
    assert b"content-length: 27\r\ntransfer-encoding: chunked" in \
        raw("smuggle=cl_te")
    assert raw("smuggle=dup_cl").count(b"content-length: 2") == 2
    assert b"x-odd: a\nx-smuggled" in raw("smuggle=bare_lf")
    assert b"x-odd: a\r\n b" in raw("smuggle=obs_fold")
    assert b"x-odd : a" in raw("smuggle=space_colon")


@test
def lengths_that_lie(v):
    w = get(v, "/json?n=100&bad_length=more")
    assert ("content-length", "110") in head(w)[1]
    assert len(w.rest()) == 100 and w.end == "fin"
    w = get(v, "/json?n=100&bad_length=less")
    assert ("content-length", "50") in head(w)[1] and len(w.rest()) == 100


@test
def ends(v):
    w = get(v, "/json?n=100&close=1")
    fields = dict(head(w)[1])
    assert "content-length" not in fields and len(w.rest()) == 100
    assert w.end == "fin"
    for knob, end in (("close=1", "fin"), ("no_notify=1", "bare"),
                      ("truncate=9", "fin"),
                      ("truncate=9&no_notify=1", "bare")):
        w = get(v, "/json?n=100&" + knob, tls=True)
        head(w)
        w.rest()
        assert w.end == end, (knob, w.end)
    w = get(v, "/json?no_response=1")
    assert w.rest() == b"" and w.end == "fin"
    for when in ("before", "during", "after"):
        w = get(v, "/json?n=20&goaway=" + when)
        said = dict(head(w)[1]).get("connection") == "close"
        assert said == (when == "before")
        assert len(w.rest()) == 20 and w.end == "fin"


@test
def garbage(v):
    w = get(v, "/json?garbage=head")
    assert w.until(b"\r\n").startswith(b"\x16\x03\x01") and head(w)[0] == 200
    w = get(v, "/stream?n=3&size=20&garbage=chunk")
    head(w)
    w.until(b"\r\n")
    assert w.take(22).endswith(b"\n\n\r\n") and w.take(2) == b"zz"
    w = get(v, "/json?n=20&garbage=late")
    head(w)
    w.take(20)
    assert w.take(3) == b"\x16\x03\x01"


@test
def early_and_slow(v):
    w = Wire(v)
    w.send("POST /sink?early=1 HTTP/1.1\r\nhost: t\r\n"
           "content-length: 1000000\r\n\r\n")
    status, fields = head(w)
    assert status == 413 and ("connection", "close") in fields
    for tls in (False, True):
        body = os.urandom(20000)
        start = time.monotonic()
        w = get(v, "/sink?slow_read=100000", body=body, tls=tls)
        assert head(w)[0] == 200
        assert 0.1 < time.monotonic() - start < 1, time.monotonic() - start
        assert hashlib.sha256(body).hexdigest().encode() in w.until(b"}")


@test
def half_close(v):
    w = get(v, "/stream?n=5&size=20&pace=50")
    w.s.shutdown(socket.SHUT_WR)
    head(w)
    assert len(chunks(w)[0]) == 5
    assert w.rest() == b"" and w.end == "fin"


def frame(op, payload, fin=True):
    n = len(payload)
    ext = b"" if n < 126 else struct.pack(">H" if n < 65536 else ">Q", n)
    size = n if n < 126 else 126 if n < 65536 else 127
    key = b"\1\2\3\4"
    masked = bytes(c ^ key[i & 3] for i, c in enumerate(payload))
    return bytes([fin << 7 | op, 128 | size]) + ext + key + masked


@test
def websocket_and_tunnel(v):
    w = get(v, "/ws", "connection: Upgrade", "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==")
    status, fields = head(w)
    assert status == 101
    assert ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") in fields
    for n in (0, 5, 125, 126, 65535, 65536, 300000):
        payload = os.urandom(n)
        whole = frame(2, payload)
        w.send(whole[:3])
        w.send(whole[3:])
        lead = w.take(2)
        size = {126: 2, 127: 8}.get(lead[1], 0)
        w.take(size)
        assert lead[0] == 0x82 and w.take(n) == payload
    w.send(frame(9, b"hi"))
    assert w.take(4) == b"\x8a\x02hi"
    w.send(frame(8, b"\x03\xe8"))
    assert w.take(4) == b"\x88\x02\x03\xe8" and w.rest() == b""
    w = get(v, "/tunnel", "connection: upgrade", "upgrade: echo")
    assert head(w)[0] == 101
    data = os.urandom(200000)
    w.send(data)
    assert w.take(len(data)) == data
    w.s.shutdown(socket.SHUT_WR)
    assert w.rest() == b"" and w.end == "fin"


@test
def the_same_answer_twice(v):
    def ask(**more):
        w = get(v, "/v1/chat/completions", "connection: close",
                body=json.dumps(dict(json.loads(CHAT), **more)).encode())
        fields = dict(head(w)[1])
        if "transfer-encoding" in fields:
            return b"".join(chunks(w)[0])
        return w.rest()
    assert ask() == ask() and ask(n=2) != ask()
    text = "".join(
        d["choices"][0]["delta"].get("content", "")
        for d in (json.loads(e[6:]) for e in ask().split(b"\n\n")[:-2]))
    whole = json.loads(ask(stream=False))
    assert whole["choices"][0]["message"]["content"] == text


@test
def no_h2_when_told_so(v):
    only = Vendor(sys.argv[1], "--h1-only", "--fault", "delay_ms=50")
    try:
        w = Wire(only, True, ["h2", "http/1.1"])
        assert w.s.selected_alpn_protocol() == "http/1.1"
        start = time.monotonic()
        assert head(get(only, "/json"))[0] == 200
        assert time.monotonic() - start > 0.04
    finally:
        only.stop()


def main():
    v = Vendor(sys.argv[1], "--seed", "1", "--threads", "2")
    failed = 0
    for f in TESTS:
        try:
            f(v)
        except Exception as e:
            failed += 1
            traceback.print_exc()
            print("FAILED", f.__name__, type(e).__name__)
    v.stop()
    print("%d passed, %d failed" % (len(TESTS) - failed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
