# SPDX-License-Identifier: MIT
"""`assay replay ls` and `show`: what they print, for people and programs."""
import _lib
import json
import os
import pty
import re
import subprocess
import time

from clients import curl
from house import House, assay, run_assay
from raw import Script, Wire, request
from scene import Skip, case, check, main, same

FIELDS = {"id", "parent", "kind", "route", "method", "path", "status",
          "outcome", "started", "first_byte_ns", "duration_ns", "added_ns",
          "request_bytes", "response_bytes", "chunks"}


def lines(p, *args):
    r = run_assay("replay", "ls", "--trail", p.trail, *args)
    same(r.returncode, 0, f"ls {args}: {r.stderr}")
    return r.stdout.decode().splitlines()


@case("ls --json: one object a line with the promised members")
def ls_json():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        curl(p.url + "/stream?n=20&pace=50&x=%20y", data=b"abc")
        p.settled(1)
        x = json.loads(lines(p, "--json")[0])
        check(FIELDS <= set(x), "missing members:", FIELDS - set(x))
        same((x["id"], x["kind"], x["route"], x["method"], x["path"],
              x["status"], x["outcome"], x["request_bytes"],
              x["response_bytes"]),
             (1, "client", "default", "POST", "/stream?n=20&pace=50&x=%20y",
              200, "complete", 3, 20 * 250), "its values")
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z",
                           x["started"]), "started:", x["started"])
        # 20 events at 50 a second: the first at once, the last 0.38 s later.
        check(0 < x["first_byte_ns"] < x["duration_ns"], "times:", x)
        check(0.3e9 < x["duration_ns"] < 20e9, "duration:", x)
        check(x["chunks"] >= 15, "chunks:", x)


@case("ls filters: since, status, outcome, route, path, kind, limit")
def filters():
    with House() as h:
        v = h.vendor()
        p = h.proxy([v.url, "other=" + v.url])
        for path in ("/json?n=1", "/json?n=2&status=429",
                     "/json?n=3&status=503", "/other/json?n=4",
                     "/bytes?n=50000&truncate=100", "/healthz"):
            curl(p.url + path, ok=False)
        p.settled(6)

        def ids(*args):
            return [json.loads(x)["id"] for x in lines(p, "--json", *args)]
        same(ids(), [1, 2, 3, 4, 5, 6], "all")
        same(ids("--status", "429"), [2], "--status 429")
        same(ids("--status", "5xx"), [3], "--status 5xx")
        same(ids("--outcome", "truncated"), [5], "--outcome")
        same(ids("--route", "other"), [4], "--route")
        same(ids("--path", "/healthz"), [6], "--path")
        same(ids("--path", "/json*"), [1, 2, 3], "--path with a star")
        same(ids("--kind", "client"), [1, 2, 3, 4, 5, 6], "--kind client")
        same(ids("--kind", "canary"), [], "--kind canary")
        same(ids("--limit", "2"), [5, 6], "--limit: the newest")
        same(ids("--since", "1h"), [1, 2, 3, 4, 5, 6], "--since 1h")
        time.sleep(1.1)
        same(ids("--since", "1s"), [], "--since 1s")
        row = json.loads(lines(p, "--json", "--limit", "1")[0])
        same(ids("--since", row["started"]), [6], "--since a moment")
        same(ids("--status", "429", "--route", "other"), [], "two filters")


@case("ls for people: a table that fits, no colours into a pipe")
def table():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        curl(p.url + "/json?n=100&" + "x" * 300)
        curl(p.url + "/json?n=100")
        p.settled(2)
        out = lines(p)
        check(any("/json?n=100" in x for x in out), "no path:", out)
        check("\x1b" not in "\n".join(out), "colours into a pipe")
        for width in (40, 80, 120):
            wide = on_terminal(["replay", "ls", "--trail", p.trail], width)
            for line in plain(wide).splitlines():
                check(len(line) <= width, f"wider than {width}:", line)


def on_terminal(args, width=80):
    """Runs assay with a terminal of that width; what it wrote."""
    import fcntl
    import struct
    import termios
    try:
        leader, follower = pty.openpty()
    except OSError as e:
        raise Skip(f"no terminal to be had: {e}")
    fcntl.ioctl(follower, termios.TIOCSWINSZ,
                struct.pack("HHHH", 24, width, 0, 0))
    child = subprocess.Popen([assay(), *args], stdin=follower, stdout=follower,
                             stderr=follower, close_fds=True, env=dict(
                                 os.environ, TERM="xterm-256color",
                                 COLUMNS=str(width), PAGER="cat"))
    os.close(follower)
    out = b""
    while True:
        try:
            got = os.read(leader, 65536)
        except OSError:
            break
        if not got:
            break
        out += got
    child.wait()
    os.close(leader)
    return out.decode("utf-8", "replace").replace("\r\n", "\n")


def plain(text):
    """Without the colours that assay itself may use."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@case("show: heads, bodies, a timeline; --raw is exact")
def show():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        sent = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
        got = curl(p.url + "/v1/chat/completions", "-H",
                   "content-type: application/json", "-H", "X-Mine: 1",
                   data=sent)
        same(got.status, 200, "status")
        x = p.settled(1)[0]
        whole = p.show(x).decode()
        for word in ("/v1/chat/completions", "X-Mine", "200", "messages"):
            check(word in whole, f"{word!r} is not shown:", whole)
        same(p.show(x, "--response", "--raw"), got.body, "--response --raw")
        same(p.show(x, "--request", "--raw"), sent, "--request --raw")
        check(p.head(x, "response").startswith(b"HTTP/1.1 200"), "head --raw")
        check(p.head(x, "request").startswith(
            b"POST /v1/chat/completions HTTP/1.1\r\n"), "request head --raw")
        check(p.head(x, "request").endswith(b"\r\n\r\n"), "its empty line")
        check("response head arrived" in p.show(x, "--timing").decode(),
              "--timing")
        same(json.loads(p.show(x, "--json"))["id"], 1, "--json")
        r = run_assay("replay", "show", "99", "--trail", p.trail)
        check(r.returncode == 2 and b"99" in r.stderr, "an id that is none:",
              r.stderr)


EVIL = (b"\x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b[0m\x9b31m\xc2\x9b31m"
        b"\x08\x08\r\x7f\x00\xe2\x80\xae\xff\xfe")


@case("vendor text cannot send terminal escapes")
def escapes():
    def answer(c):
        for _ in range(3):
            c.until(b"\r\n\r\n")
            c.send(b"HTTP/1.1 200 \xc2\x9b31mOdd\r\nX-Evil: a\xc2\x9b31mb\xff\r\n"
                   b"Content-Type: application/json\r\nContent-Length: %d\r\n"
                   b"\r\n" % len(EVIL) + EVIL)
    with House() as h, Script(answer) as vendor:
        p = h.proxy(vendor.url, "--verbose")
        with Wire(p.port) as w:
            w.send(request("GET", "/a%1b[2J?b=\xc2\x9b".replace("\xc2", "")
                           .replace("\x9b", "")))
            same(w.response().body, EVIL, "the client gets the very bytes")
            w.send(request("GET", "/stream"))
            w.response()
        x = p.settled(2)[0]
        same(p.body(x, "response"), EVIL, "--raw into a pipe")
        for args in (["ls"], ["show", "1"], ["show", "1", "--response"],
                     ["show", "1", "--head"], ["show", "1", "--timing"],
                     ["show", "2"]):
            args = ["replay", *args, "--trail", p.trail]
            text = plain(on_terminal(args))
            for bad in ("\x1b", "\x9b", "\x07", "\x08", "\x7f", "\x00",
                        "\u202e"):
                check(bad not in text, f"{args}: {bad!r} reached a terminal:",
                      text)
            piped = run_assay(*args).stdout
            check(b"\x1b" not in piped and b"\x07" not in piped,
                  f"{args}: an escape in a pipe")
        said = p.out() + p.err()
        check("\x1b" not in said and "\x07" not in said, "in the log")


@case("readers work while the proxy records")
def meanwhile():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        w = Wire(p.port)
        w.send(request("GET", "/stream?n=50&pace=25"))
        w.until(b"\r\n\r\n")
        for i in range(5):
            curl(p.url + f"/json?n={i + 1}")
            time.sleep(0.1)
            same(p.verify().returncode, 0, "verify while it records")
            p.ls()
        w.until(b"0\r\n\r\n")
        p.settled(6)


@case("the trail can be read by sqlite3 as the README says")
def sqlite():
    import sqlite3
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        curl(p.url + "/json?n=100")
        p.settled(1)
        p.stop()
        db = sqlite3.connect(f"file:{p.trail}?mode=ro", uri=True)
        names = {r[0] for r in db.execute("select name from sqlite_master")}
        for table in ("meta", "conn", "exchange", "part", "gap", "checkpoint"):
            check(table in names, f"no table {table}:", names)
        same(db.execute("select count(*), max(status) from exchange")
             .fetchone(), (1, 200), "a count")
        same(db.execute("pragma integrity_check").fetchone(), ("ok",),
             "integrity")
        db.close()


main()
