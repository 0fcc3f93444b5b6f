# SPDX-License-Identifier: MIT
"""Reload by SIGHUP and the control socket: status, reload, drain."""
import _lib
import json
import os
import signal
import socket
import stat
import time

from clients import curl
from house import House
from raw import Script, Wire, request, vendor_answer
from scene import case, check, main, same, slack, until


def talk(path, *lines, timeout=10):
    """Sends raw lines, returns the lines that come back."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(slack(timeout))
        s.connect(path)
        got = b""
        try:
            s.sendall(b"".join(lines))
            s.shutdown(socket.SHUT_WR)
            while more := s.recv(65536):
                got += more
        except ConnectionError:     # cut off in the middle of our line
            pass
        return got.splitlines()


@case("status: what runs, in figures")
def status():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        mode = os.stat(p.trail + ".sock")
        check(stat.S_ISSOCK(mode.st_mode), "no socket")
        same(mode.st_mode & 0o777, 0o600, "its mode")
        curl(p.url + "/json?n=100")
        p.settled(1)
        got = p.control("status")
        check(got["ok"], "status:", got)
        same(got["result"]["pid"], p.pid, "pid")
        text = json.dumps(got["result"])
        for word in ("complete", "gap", "lag"):
            check(word in text, f"{word} is not in the status:", got)


@case("what is no verb, or no JSON, is answered and harms nothing")
def nonsense():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        sock = p.trail + ".sock"
        for line, word in ((b'{"verb":"stauts"}\n', b"status"),
                           (b"hello\n", b"false"), (b"{}\n", b"false"),
                           (b'{"verb":1}\n', b"false"), (b"[]\n", b"false"),
                           (b"\xff\xfe\n", b"false"),
                           (b"{" * 30000 + b"\n", b"false")):
            got = talk(sock, line)
            check(got and word in got[0], f"{line[:30]!r} was answered", got)
        got = talk(sock, b"x" * 200000 + b"\n")
        check(not got or b"false" in got[0], "a line too long:", got)
        got = talk(sock, b'{"verb":"status"}\n' * 3)
        same(len(got), 3, "answers to three lines at once")
        # One that connects and says nothing, and many at once.
        mute = []
        for _ in range(40):
            s = socket.socket(socket.AF_UNIX)
            s.connect(sock)
            mute.append(s)
        time.sleep(0.2)
        for s in mute:
            s.close()
        check(p.control("status")["ok"], "status afterwards")
        same(curl(p.url + "/json?n=10").status, 200, "traffic afterwards")


@case("drain by the control socket ends it as SIGTERM does")
def drain():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        w = Wire(p.port)
        w.send(request("GET", "/stream?n=20&pace=20"))
        w.until(b"\r\n\r\n")
        check(p.control("drain")["ok"], "drain was refused")
        check(w.rest().endswith(b"0\r\n\r\n"), "the open stream")
        same(p.wait(10), 0, "exit status")
        p.stop()
        check(not os.path.exists(p.trail + ".sock"), "the socket is left")


@case("reload: a new upstream for new requests, open streams go on")
def reload():
    with House() as h, Script(vendor_answer(b"new one")) as fresh:
        v = h.vendor()

        def write(url):
            return h.write("c.json", json.dumps({
                "upstream": url, "listen": "127.0.0.1:0",
                "trail": h.path("proxy.db")}))
        for how in ("SIGHUP", "control"):
            path = write(v.url)
            p = h.proxy(None, "--config", path, name="proxy")
            p.trail = h.path("proxy.db")
            done = len(p.ls())
            w = Wire(p.port)
            w.send(request("GET", "/stream?n=40&size=250&pace=20"))
            w.until(b"\r\n\r\n")
            write(fresh.url)
            if how == "SIGHUP":
                p.signal(signal.SIGHUP)
            else:
                check(p.control("reload")["ok"], "reload was refused")
            until(lambda: curl(p.url + "/x", ok=False).body == b"new one", 5,
                  "the new upstream")
            w.until(b"\r\n0\r\n\r\n")       # the open stream's end
            old = until(lambda: [x for x in p.ls()[done:]
                                 if x["path"].startswith("/stream")
                                 and x["outcome"] == "complete"], 10,
                        "the old stream in the trail")
            same(old[0]["response_bytes"], 40 * 250, "the old stream")
            p.stop()


@case("a bad configuration changes nothing and is explained")
def bad():
    with House() as h:
        v = h.vendor()
        good = {"upstream": v.url, "listen": "127.0.0.1:0",
                "trail": h.path("proxy.db")}
        path = h.write("c.json", json.dumps(good))
        p = h.proxy(None, "--config", path)
        p.trail = h.path("proxy.db")
        for text, word in (("{", "c.json"),
                           (json.dumps({**good, "upstraem": "x"}), "upstraem"),
                           (json.dumps({**good, "upstream": "ftp://x"}),
                            "upstream"),
                           (json.dumps({**good, "trail": h.path("o.db")}),
                            "trail"),
                           (json.dumps({**good, "workers": 2}), "workers")):
            h.write("c.json", text)
            before = len(p.out() + p.err())
            p.signal(signal.SIGHUP)
            until(lambda: len(p.out() + p.err()) > before, 5, "a word on it")
            said = p.out() + p.err()
            check(word in said, f"{word!r} is not in:", said)
            got = p.control("reload")
            check(not got["ok"] and word in json.dumps(got), "reload:", got)
            same(curl(p.url + "/json?n=10").status, 200, "the old one serves")
        h.write("c.json", json.dumps({**good, "drain": "2s"}))
        check(p.control("reload")["ok"], "a good one afterwards")
        p.settled(5)


@case("SIGHUP without a configuration file changes nothing")
def nothing():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        p.signal(signal.SIGHUP)
        time.sleep(0.3)
        same(curl(p.url + "/json?n=10").status, 200, "it goes on")
        p.settled(1)


main()
