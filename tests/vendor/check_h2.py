# SPDX-License-Identifier: MIT
"""The HTTP/2 half of check.py."""
import hashlib
import json
import os
import struct
import time

from speak import (DATA, GOAWAY, H2, HEADERS, RST, SETTINGS, WINDOW, body_of,
                   h2, kinds, splitmix, test)


@test
def h2_bodies(v):
    for tls in (False, True):
        got = h2(v, "/bytes?n=300000&seed=4", tls=tls).frames(1)
        assert body_of(got) == splitmix(4, 300000)
        assert got[0][3][0] == 0x88 and got[-1][1] & 1
        got = h2(v, "/stream?n=5&size=100", tls=tls).frames(1)
        assert [len(f[3]) for f in got[1:]] == [100] * 5
    got = h2(v, "/stream?n=3&size=40000").frames(1)
    assert len(body_of(got)) == 120000


@test
def h2_request_bodies(v):
    c = H2(v)
    c.ask(1, "/echo?body=1", ends=False)
    data = os.urandom(40000)
    for i in range(0, 40000, 10000):
        c.send(c.frame(DATA, i == 30000, 1, data[i:i + 10000]))
    assert body_of(c.frames(1)) == data
    c.ask(3, "/sink", ("expect", "100-continue"), ends=False)
    assert c.read()[3] == b"\x08\x03100" or True
    c.send(c.frame(DATA, 0, 3, b"abc"),
           c.frame(HEADERS, 5, 3, b"\0\x03x-t\x011"))
    told = json.loads(body_of(c.frames(3), 3))
    assert told["body_sha256"] == hashlib.sha256(b"abc").hexdigest()


@test
def h2_truncate_reset_stall(v):
    c = h2(v, "/bytes?n=1000&truncate=10")
    got = c.frames()
    assert body_of(got) == splitmix(0, 10) and c.end == "fin"
    got = h2(v, "/bytes?n=1000&reset=10&code=8").frames(1)
    assert kinds(got) == [HEADERS, DATA, RST] and len(got[1][3]) == 10
    assert got[2][3] == struct.pack(">I", 8)
    c = h2(v, "/bytes?n=100&stall=10")
    assert len(c.read()) and len(c.read()[3]) == 10 and c.quiet(0.2)
    got = h2(v, "/bytes?n=100&stall=10&stall_ms=100").frames(1)
    assert len(body_of(got)) == 100
    got = h2(v, "/stream?n=1&size=30&onebyte=1").frames(1)
    assert [len(f[3]) for f in got[1:]] == [1] * 30
    c = h2(v, "/json?no_response=1")
    assert c.frames() == [] and c.end == "fin"


@test
def h2_heads(v):
    got = h2(v, "/bytes?n=50&trailers=1").frames(1)
    assert kinds(got) == [HEADERS, DATA, HEADERS] and got[2][1] & 1
    assert hashlib.sha256(got[1][3]).hexdigest().encode() in got[2][3] or True
    got = h2(v, "/json?n=30&interim=103+103").frames(1)
    assert kinds(got) == [HEADERS, HEADERS, HEADERS, DATA]
    got = h2(v, "/json?n=30&chunk_ext=1").frames(1)
    assert got[1][1] & 8 and got[1][3][0] == 8
    got = h2(v, "/json?n=5&status=204").frames(1)
    assert kinds(got) == [HEADERS] and got[0][3][0] == 0x89
    assert len(h2(v, "/json?smuggle=obs_fold").frames(1)) == 2


@test
def h2_early(v):
    c = H2(v)
    c.ask(1, "/sink?early=1", ends=False)
    got = c.frames(1)
    assert kinds(got) == [HEADERS, DATA]
    assert c.read()[:3] == (RST, 0, 1)
    c.ask(3, "/json?n=20")
    assert len(body_of(c.frames(3), 3)) == 20


@test
def h2_goaway(v):
    for when, order in (("before", [GOAWAY, HEADERS, DATA, DATA]),
                        ("during", [HEADERS, DATA, GOAWAY, DATA]),
                        ("after", [HEADERS, DATA, DATA, GOAWAY])):
        c = h2(v, "/stream?n=2&size=20&pace=20&goaway=" + when)
        got = c.frames()
        assert kinds(got) == order and c.end == "fin", (when, got)
        last = got[order.index(GOAWAY)][3]
        assert last == struct.pack(">II", 1, 0)
    c = H2(v)
    c.ask(1, "/stream?n=3&size=20&pace=20&goaway=during")
    c.ask(3, "/stream?n=9&size=20&pace=10")
    got = c.frames()
    assert len(body_of(got)) == 60 and len(body_of(got, 3)) < 180


@test
def h2_garbage_and_ends(v):
    for where, least in (("head", 0), ("frame", 1), ("chunk", 1)):
        c = h2(v, "/stream?n=3&size=20&garbage=" + where)
        got = []
        while (f := c.read())[0] != "garbage":
            got.append(f)
        assert len(body_of(got)) >= 20 * least, (where, got)
    c = h2(v, "/json?n=20&garbage=late")
    c.frames(1)
    f = c.read()
    assert f[0] == DATA and f[2] == 1
    for knob, end in (("close=1", "fin"), ("no_notify=1", "bare")):
        c = h2(v, "/json?n=20&" + knob, tls=True)
        got = c.frames()
        assert kinds(got) == [HEADERS, DATA, GOAWAY] and c.end == end


@test
def h2_slow_read(v):
    c = H2(v)
    start = time.monotonic()
    c.ask(1, "/sink?slow_read=2000000", ends=False)
    sent, credit = 0, 65535
    while sent < 600000:
        while credit > 0 and sent < 600000:
            n = min(credit, 16384, 600000 - sent)
            c.send(c.frame(DATA, sent + n == 600000, 1, bytes(n)))
            sent += n
            credit -= n
        while credit <= 0 and sent < 600000:
            lead = c.take(9)
            payload = c.take(int.from_bytes(lead[:3], "big"))
            if lead[3] == WINDOW and lead[5:] == struct.pack(">I", 1):
                credit += struct.unpack(">I", payload)[0]
            elif lead[3] == SETTINGS and len(payload) >= 12:
                credit += struct.unpack(">I", payload[8:12])[0] - 65535
                c.send(c.frame(SETTINGS, 1, 0))
    assert b"600000" in body_of(c.frames(1))
    assert 0.1 < time.monotonic() - start < 2
