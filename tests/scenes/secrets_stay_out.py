# SPDX-License-Identifier: MIT
"""Credentials reach the vendor and nothing else: not the trail, its journal,
the spool, the logs, nor what the readers print."""
import _lib
import glob
import os
import sqlite3
import time

from clients import curl
from frames import Frames, get
from house import House, run_assay
from raw import Script, Wire, request
from scene import case, check, main, same, until

KEY = b"sk-proj-" + b"Zq9" * 16 + b"END"


def search(h, p, secrets, where=""):
    """No file of the house, open ring or log has it, in no usual form."""
    import base64
    forms = []
    for s in secrets:
        forms += [s, base64.b64encode(s), s.hex().encode(), s[:24], s[-24:]]
    paths = [os.path.join(d, n) for d, _, names in os.walk(h.dir)
             for n in names]
    # The ring: in --spool-dir, or in shared memory; also if it is unlinked.
    paths += glob.glob("/dev/shm/*assay*") + glob.glob("/dev/shm/*/*")
    if p.running():
        paths += [f for f in glob.glob(f"/proc/{p.pid}/fd/*")
                  if os.path.isfile(f)]
    for path in paths:
        try:
            data = open(path, "rb").read()
        except OSError:
            continue
        for form in forms:
            check(form not in data,
                  f"{form!r} is in {os.path.realpath(path)} {where}")


def whole_record(p):
    """Everything that readers print of a trail."""
    out = b""
    for x in p.ls():
        for side in ("--request", "--response"):
            out += p.show(x, side) + p.show(x, side, "--raw") + \
                p.show(x, side, "--head", "--raw")
        out += p.show(x, "--json") + p.show(x, "--timing")
    return out + run_assay("replay", "ls", "--trail", p.trail).stdout


@case("credential fields go to the vendor as they are and nowhere else")
def fields():
    named = [b"Authorization: Bearer " + KEY, b"x-api-key: " + KEY + b"1",
             b"api-key: " + KEY + b"2", b"X-Goog-Api-Key: " + KEY + b"3",
             b"Proxy-Authorization: Basic " + KEY + b"4",
             b"Cookie: session=" + KEY + b"5",
             b"Sec-WebSocket-Protocol: realtime, "
             b"openai-insecure-api-key." + KEY + b"6",
             b"X-Own: " + KEY + b"7"]
    with House() as h:
        def answer(c):
            c.until(b"\r\n\r\n")
            c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                   b"Set-Cookie: id=" + KEY + b"8; Path=/\r\n\r\nok")
            c.rest()
        with Script(answer) as vendor:
            p = h.proxy(vendor.url, "--redact", "X-Own", "--verbose",
                        "--spool-dir", h.dir)
            with Wire(p.port) as w:
                w.send(request("GET", "/v1/models?key=" + KEY.decode() + "9" +
                               "&api_key=" + KEY.decode() + "A&model=plain",
                               fields=named))
                r = w.response()
            check(KEY + b"8" in r.get(b"set-cookie"), "the client's cookie:",
                  r.head)
            for field in named:
                if not field.startswith(b"Proxy-"):
                    check(field in vendor.seen(), "not at the vendor:", field)
            x = p.settled(1)[0]
            secrets = [KEY]
            search(h, p, secrets, "while it runs")
            shown = whole_record(p)
            check(KEY not in shown, "a reader prints it:", shown)
            check(b"model=plain" in shown, "the rest of the query is gone")
            check("key=" in x["path"], "the query's names are gone:", x)
            p.stop()
            search(h, p, secrets, "at the end")


@case("the same key has the same mark, another key another")
def fingerprints():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        for key in ("sk-aaaaaaaaaaaaaaaaaaaaaaaa", "sk-aaaaaaaaaaaaaaaaaaaaaaaa",
                    "sk-bbbbbbbbbbbbbbbbbbbbbbbb"):
            curl(p.url + "/json?n=10", "-H", "Authorization: Bearer " + key)
        marks = []
        for x in p.settled(3):
            head = p.head(x, "request")
            marks.append([line for line in head.split(b"\r\n")
                          if line.lower().startswith(b"authorization")][0])
        same(marks[0], marks[1], "the mark of one key")
        check(marks[0] != marks[2], "two keys have one mark:", marks[0])


@case("a key echoed in the body is masked, wherever chunks split it")
def echoed():
    with House() as h:
        pieces = [KEY[:n] for n in (1, 5, 20, len(KEY) - 1)]
        bodies = []
        for first in pieces:
            bodies.append([b'{"error": "Incorrect API key: ' + first,
                           KEY[len(first):] + b'."}'])
        bodies.append([bytes([b]) for b in b"key " + KEY + b" end"])

        def answer(c):
            for body in bodies:
                c.until(b"\r\n\r\n")
                c.send(b"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n")
                for piece in body:
                    c.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                    time.sleep(0.02)
                c.send(b"0\r\n\r\n")
        with Script(answer) as vendor:
            p = h.proxy(vendor.url, "--spool-dir", h.dir)
            with Wire(p.port) as w:
                for body in bodies:
                    w.send(request("GET", "/", fields=[
                        b"Authorization: Bearer " + KEY]))
                    same(w.response().body, b"".join(body),
                         "the client gets the vendor's very bytes")
            rows = p.settled(len(bodies))
            search(h, p, [KEY])
            for x, body in zip(rows, bodies):
                shown = p.body(x, "response")
                check(KEY[:12] not in shown and KEY[-12:] not in shown,
                      "in the record:", shown)
                whole = b"".join(body)
                at = whole.index(KEY)
                same(shown[:at], whole[:at], "what stands before it")
                tail = whole[at + len(KEY):]
                check(shown.endswith(tail), "what follows it:", shown)
                same(x["response_bytes"], len(whole), "bytes on the wire")
            p.stop()
            search(h, p, [KEY], "at the end")


@case("a key in the request's own body is masked too")
def in_request():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--spool-dir", h.dir)
        body = b'{"model": "m", "metadata": {"k": "' + KEY + b'"}}'
        got = curl(p.url + "/echo?body=1", "-H",
                   "Authorization: Bearer " + KEY.decode(), data=body)
        same(got.body, body, "the echo")
        x = p.settled(1)[0]
        check(b'"model": "m"' in p.body(x, "request"), "the rest of the body")
        search(h, p, [KEY])


@case("h2 credentials and userinfo in the upstream's URL")
def h2():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--spool-dir", h.dir, "--verbose", http="2")
        with Frames(p.port) as c:
            c.headers(1, get("/json?n=10&access_token=" + KEY.decode(),
                             ("authorization", b"Bearer " + KEY),
                             ("x-api-key", KEY)), end=True)
            same(c.stream(1).status, 200, "status")
        p.settled(1)
        search(h, p, [KEY])
        check(KEY not in whole_record(p), "a reader prints it")


@case("files are for their owner alone, the mark's key lies outside the trail")
def modes():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, "--spool-dir", h.path("spool"), env=dict(
            os.environ, HOME=h.dir, XDG_CONFIG_HOME="", XDG_STATE_HOME="",
            XDG_DATA_HOME="")) if os.makedirs(h.path("spool")) is None else None
        curl(p.url + "/json?n=10", "-H", "Authorization: Bearer x" * 1)
        p.settled(1)
        for name in os.listdir(h.dir):
            path = h.path(name)
            if name.startswith("proxy.db"):
                mode = os.stat(path).st_mode & 0o777
                check(mode & 0o077 == 0, f"{name} has mode {mode:o}")
        check(os.path.exists(p.trail + ".sock"), "no control socket")
        # Core dumps are off.
        limits = open(f"/proc/{p.pid}/limits").read()
        line = [x for x in limits.splitlines() if "core file" in x][0]
        check(line.split()[4] == "0", "core dumps:", line)


main()
