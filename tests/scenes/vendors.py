# SPDX-License-Identifier: MIT
"""A vendor that cannot be reached: 502 or 504 in the OpenAI error shape, an
exchange with its outcome, and the proxy goes on."""
import _lib
import json
import socket
import ssl
import subprocess
import threading
import time

from clients import curl
from frames import Frames, get
from house import House, free_port
from raw import Script, Wire, request
from scene import case, check, main, same, slack


def refusal(p, status, path="/v1/models", more=()):
    """Asks by h1 and by h2; returns the error's code, checks its shape."""
    codes = set()
    for option in ("--http1.1", "--http2-prior-knowledge"):
        got = curl(p.url + path, option, *more)
        same(got.status, status, "status")
        check(b"content-type: application/json" in got.head.lower(),
              "content type:", got.head)
        error = json.loads(got.body)["error"]
        check(len(error["message"]) > 20, "the reason in words:", error)
        for key in ("message", "type", "code", "param"):
            check(key in error, f"no {key}:", error)
        codes.add(error["code"])
    same(len(codes), 1, "codes by h1 and h2")
    return codes.pop(), error["message"]


def unreachable(p, n=2):
    rows = p.settled(n)
    same([(x["outcome"], x["path"]) for x in rows],
         [("vendor_unreachable", "/v1/models")] * n, "in the trail")
    return rows


@case("a vendor that refuses connections is 502")
def refused():
    with House() as h:
        p = h.proxy(f"http://127.0.0.1:{free_port()}")
        code, text = refusal(p, 502)
        check("refused" in (code + text).lower(), "the reason:", code, text)
        for x in unreachable(p):
            same(x["status"], 502, "recorded status")


@case("a name that does not resolve is 502")
def unresolved():
    with House() as h:
        p = h.proxy("http://no-such-host.invalid:80")
        code, text = refusal(p, 502)
        check("no-such-host.invalid" in text, "the reason:", code, text)
        unreachable(p)


@case("a vendor that does not accept in time is 504")
def slow_accept():
    # A full backlog: further SYNs are dropped.
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(0)
    fill = []
    for _ in range(4):
        c = socket.socket()
        c.setblocking(False)
        try:
            c.connect(s.getsockname())
        except BlockingIOError:
            pass
        fill.append(c)
    with House() as h:
        p = h.proxy(f"http://127.0.0.1:{s.getsockname()[1]}",
                    "--connect-timeout", "500ms")
        started = time.monotonic()
        code, text = refusal(p, 504)
        check(0.9 < time.monotonic() - started < slack(6), "it took",
              time.monotonic() - started)
        unreachable(p)


@case("a vendor that accepts and never finishes TLS is 504")
def slow_tls():
    with House() as h, Script(lambda c: c.rest()) as vendor:
        p = h.proxy(f"https://127.0.0.1:{vendor.port}",
                    "--connect-timeout", "500ms")
        refusal(p, 504)
        unreachable(p)


@case("a certificate that nobody we trust has signed is 502")
def untrusted():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.tls_url)                  # without --upstream-ca
        code, text = refusal(p, 502)
        check("tls" in code or "cert" in code, "the code:", code, text)
        unreachable(p)


@case("a certificate for another name is 502, nothing was sent")
def wrong_name():
    with House() as h:
        cert, key = h.certificate()
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", h.path("o.key"), "-out", h.path("o.pem"), "-days",
             "2", "-subj", "/CN=other.example", "-addext",
             "subjectAltName=DNS:other.example"], check=True,
            capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(h.path("o.pem"), h.path("o.key"))
        listener = socket.create_server(("127.0.0.1", 0))
        got = []

        def serve():
            while True:
                try:
                    s, _ = listener.accept()
                except OSError:
                    return
                try:
                    got.append(context.wrap_socket(s, server_side=True)
                               .recv(1000))
                except OSError:
                    pass
        threading.Thread(target=serve, daemon=True).start()
        p = h.proxy(f"https://localhost:{listener.getsockname()[1]}",
                    ca=h.path("o.pem"))
        code, text = refusal(p, 502)
        check("name" in text.lower() or "cert" in text.lower(), "reason:", text)
        unreachable(p)
        check(not any(got), "bytes were sent to it:", got)
        listener.close()


@case("a vendor that speaks clear where TLS is asked is 502")
def not_tls():
    with House() as h:
        v = h.vendor()
        p = h.proxy(f"https://127.0.0.1:{v.clear}")
        refusal(p, 502)
        unreachable(p)


@case("the proxy goes on, and a vendor that comes back is used")
def back():
    with House() as h:
        port = free_port()
        p = h.proxy(f"http://127.0.0.1:{port}")
        same(curl(p.url + "/a").status, 502, "while it is down")
        listener = socket.create_server(("127.0.0.1", port))

        def serve():
            s, _ = listener.accept()
            s.recv(10000)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            s.close()
        threading.Thread(target=serve, daemon=True).start()
        same(curl(p.url + "/b").body, b"ok", "once it is up")
        same([x["outcome"] for x in p.settled(2)],
             ["vendor_unreachable", "complete"], "outcomes")
        listener.close()


@case("many at once against a vendor that is down")
def many():
    with House() as h:
        p = h.proxy(f"http://127.0.0.1:{free_port()}")
        with Frames(p.port) as c:
            for i in range(100):
                c.headers(1 + 2 * i, get("/v1/models"), end=True)
            same({c.stream(1 + 2 * i).status for i in range(100)}, {502},
                 "statuses")
        unreachable(p, 100)


@case("a request's body is not needed for a clear refusal")
def with_body():
    with House() as h:
        p = h.proxy(f"http://127.0.0.1:{free_port()}")
        with Wire(p.port) as w:
            w.send(request("POST", "/v1/models", b"x" * 300000))
            same(w.response().status, 502, "status")
        got = curl(p.url + "/v1/models", data=b"y" * 300000)
        same(got.status, 502, "curl's status")
        unreachable(p)


main()
