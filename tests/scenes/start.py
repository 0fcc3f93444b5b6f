# SPDX-License-Identifier: MIT
"""What a user sees at the start: the greeting, and for each mistake one
clear sentence and exit status 2."""
import _lib
import json
import os
import signal
import socket
import subprocess

from clients import curl
from house import House, assay, free_port, run_assay
from scene import Skip, case, check, main, same, until

GOOD = ["--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"]


def refuses(words, *args, cwd=None, sentence=True, timeout=20):
    """The command must end with status 2 and say each of `words`."""
    r = run_assay(*args, cwd=cwd, timeout=timeout)
    said = r.stderr.decode()
    same(r.returncode, 2, f"exit status of {args}; it said {said!r}")
    check("Sanitizer" not in said, "a sanitizer spoke:", said)
    for word in words:
        check(word.lower() in said.lower(), f"{word!r} is not in:", said)
    if sentence:
        lines = [x for x in said.splitlines() if x.strip()]
        check(len(lines) <= 2, "more than one sentence:", said)
    return said


@case("the greeting says where it listens, sends and records, and what to export")
def greeting():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        said = p.out() + p.err()
        for word in (f"127.0.0.1:{p.port}", v.url, p.trail,
                     f"OPENAI_BASE_URL=http://127.0.0.1:{p.port}/v1"):
            check(word in said, f"{word!r} is not in:", said)
        check("\x1b" not in said, "colours into a file:", said)


@case("--quiet says nothing")
def quiet():
    with House() as h:
        port = free_port()
        child = h.process("quiet", [
            assay(), "proxy", "--upstream", "http://127.0.0.1:9", "--listen",
            f"127.0.0.1:{port}", "--trail", h.path("q.db"), "--quiet"])

        def up():
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return True
            except OSError:
                return False
        until(up, 10, "the listener")
        child.signal(signal.SIGTERM)
        same(child.wait(10), 0, "exit status")
        same(child.out() + child.err(), "", "what it said")


@case("help and version, of assay and of each command")
def helps():
    for args in (["--help"], ["proxy", "--help"], ["replay", "--help"],
                 ["replay", "ls", "--help"], ["replay", "show", "--help"],
                 ["replay", "verify", "--help"]):
        r = run_assay(*args)
        same(r.returncode, 0, f"exit status of {args}")
        check(len(r.stdout) > 100, "too short:", r.stdout)
        for line in r.stdout.decode().splitlines():
            check(len(line) <= 80, f"{args}: a line too wide:", line)
    said = run_assay("proxy", "--help").stdout.decode()
    for name in ("upstream", "listen", "tls-cert", "tls-key", "upstream-ca",
                 "upstream-http", "trail", "record", "spool-size", "spool-dir",
                 "workers", "max-head", "connect-timeout", "idle-timeout",
                 "drain", "redact", "config", "quiet", "verbose", "allow"):
        check("--" + name in said, f"--{name} is not in proxy --help")
    r = run_assay("--version")
    same((r.returncode, r.stdout[:5]), (0, b"assay"), "--version")


@case("no command, or one that is none, says what there is")
def commands():
    r = run_assay()
    check(r.returncode == 2 and b"proxy" in r.stderr + r.stdout, "no command:",
          r)
    refuses(["prxy", "proxy"], "prxy", sentence=False)
    refuses(["lst", "ls"], "replay", "lst", sentence=False)


@case("wrong options: the nearest name, what is wanted instead")
def options():
    refuses(["--upstrem", "--upstream"], "proxy", "--upstrem", "http://a")
    refuses(["--lsten", "--listen"], "proxy", *GOOD, "--lsten=1")
    refuses(["upstream"], "proxy")
    refuses(["trail"], "proxy", *GOOD, "--trail")
    refuses(["workers", "many"], "proxy", *GOOD, "--workers", "many")
    refuses(["workers"], "proxy", *GOOD, "--workers", "0")
    refuses(["record", "strict"], "proxy", *GOOD, "--record", "strickt")
    refuses(["spool-size"], "proxy", *GOOD, "--spool-size", "64Q")
    refuses(["spool-size"], "proxy", *GOOD, "--spool-size", "1K")
    refuses(["drain"], "proxy", *GOOD, "--drain", "soon")
    refuses(["upstream-http", "1.1"], "proxy", *GOOD, "--upstream-http", "3")
    refuses(["extra"], "proxy", *GOOD, "extra")
    refuses(["tls-key"], "proxy", *GOOD, "--tls-cert", "/dev/null")
    for url in ("ftp://a", "http://", "api.vendor.example", "http://a:99999",
                "http://a b/", "=http://a", "x/y=http://a"):
        refuses(["upstream"], "proxy", "--upstream", url)
    refuses(["twice"], "proxy", "--upstream", "http://a", "--upstream",
            "b=http://b", "--upstream", "b=http://c")
    for place in ("127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "nowhere:1",
                  "[::1:80", ":::80"):
        refuses(["listen"], "proxy", "--upstream", "http://a", "--listen",
                place)
    refuses(["allow"], "proxy", *GOOD, "--allow", "10.0.0.0/99")
    refuses(["since"], "replay", "ls", "--since", "whenever")
    refuses(["outcome"], "replay", "ls", "--outcome", "fine")


@case("a listener beyond loopback needs --allow")
def beyond():
    refuses(["0.0.0.0", "--allow"], "proxy", "--upstream", "http://a",
            "--listen", "0.0.0.0:0")
    refuses(["--allow"], "proxy", "--upstream", "http://a", "--listen",
            "[::]:0")


@case("a port in use")
def in_use():
    with House() as h, socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        refuses([str(port), "in use"], "proxy", "--upstream", "http://a",
                "--listen", f"127.0.0.1:{port}", "--trail", h.path("a.db"))


@case("an address that this machine does not have")
def no_address():
    with House() as h:
        refuses(["203.0.113.1"], "proxy", "--upstream", "http://a", "--listen",
                "203.0.113.1:0", "--allow", "203.0.113.0/24", "--trail",
                h.path("a.db"))


@case("certificates that are missing, foreign or do not match")
def certificates():
    with House() as h:
        cert, key = h.certificate()
        junk = h.write("junk.pem", "not a certificate\n")
        trail = ["--trail", h.path("a.db")]
        refuses(["none.pem"], "proxy", *GOOD, *trail, "--tls-cert",
                h.path("none.pem"), "--tls-key", key)
        refuses(["junk.pem"], "proxy", *GOOD, *trail, "--tls-cert", junk,
                "--tls-key", key)
        subprocess.run(["openssl", "ecparam", "-genkey", "-name", "prime256v1",
                        "-noout", "-out", h.path("other.key")], check=True,
                       capture_output=True)
        refuses(["key"], "proxy", *GOOD, *trail, "--tls-cert", cert,
                "--tls-key", h.path("other.key"))
        refuses(["upstream-ca", "none.pem"], "proxy", "--upstream",
                "https://a", "--listen", "127.0.0.1:0", *trail,
                "--upstream-ca", h.path("none.pem"))


@case("a configuration file: the same names; its mistakes have a place")
def config():
    with House() as h:
        v = h.vendor()
        good = h.write("good.json", json.dumps(
            {"upstream": [v.url, "b=" + v.url], "listen": "127.0.0.1:0",
             "trail": h.path("c.db"), "workers": 1, "drain": "3s",
             "record": "strict", "spool-size": "8M"}))
        p = h.proxy(None, "--config", good)
        p.trail = h.path("c.db")
        same(curl(p.url + "/b/json?n=10").status, 200, "by the second upstream")
        p.settled(1)
        p.stop()
        for text, words in (
                ("{", ["bad.json"]), ("[]", ["bad.json"]),
                ('{"upstraem": "http://a"}', ["upstraem", "upstream"]),
                ('{"workers": "x", "upstream": "http://a"}', ["workers"]),
                ('{"upstream": {"a": 1}}', ["upstream"]),
                ("{" * 100000, ["bad.json"])):
            refuses(words, "proxy", "--config", h.write("bad.json", text))
        refuses(["none.json"], "proxy", "--config", h.path("none.json"))


@case("a spool that does not fit")
def spool():
    with House() as h:
        small = h.tmpfs("small", "10m")
        said = refuses(["spool", "32"], "proxy", *GOOD, "--trail",
                       h.path("a.db"), "--spool-dir", small,
                       "--spool-size", "32M")
        check("small" in said or "space" in said, "it does not say where:",
              said)
        kept = sum(os.stat(os.path.join(small, n)).st_blocks * 512
                   for n in os.listdir(small))
        check(kept < 1 << 20, "what did not fit was kept:", kept)
        refuses(["none"], "proxy", *GOOD, "--trail", h.path("a.db"),
                "--spool-dir", h.path("none"))


@case("a default spool shrinks to what fits, and says so")
def spool_shrinks():
    with House() as h:
        v = h.vendor()
        small = h.tmpfs("shm", "20m")
        child = h.process("shrunk", [
            assay(), "proxy", "--upstream", v.url, "--listen", "127.0.0.1:0",
            "--trail", h.path("s.db"), "--spool-dir", small])
        until(lambda: "_BASE_URL" in child.out() + child.err() or
              not child.running(), 10, "the greeting")
        said = child.out() + child.err()
        check(child.running(), "it did not start:", said)
        check("spool" in said.lower() or "ring" in said.lower(),
              "the greeting does not mention it:", said)
        child.signal(signal.SIGTERM)
        same(child.wait(10), 0, "exit status")


main()
