# SPDX-License-Identifier: MIT
"""The parts of a scene: practice vendor, proxy and trail, in one temp folder.

    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        ... talk to p.url ...
        x = p.settled(1)[0]         # what the trail says of it
        same(p.body(x, "response"), expected, "the recorded body")

When the block ends, each proxy that still runs is drained by SIGTERM and
must have exited 0 without a sanitizer's report, every exchange in its trail
must have an outcome, `assay replay verify` must pass, and judging the trail
offline must give exactly the findings of the live audit.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from scene import Skip, check, same, slack, until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD",
                                       os.path.join(ROOT, "build-tests/plain")))
TOOLS = os.path.join(ROOT, "build-tests")

OUTCOMES = {"complete", "truncated", "reset_by_vendor", "reset_by_client",
            "vendor_unreachable", "timeout", "interrupted", "blocked",
            "answered_from_trail"}
BAD_WORDS = re.compile(r"Sanitizer|runtime error:|Assertion|assert", re.I)


def _binary(*places):
    for place in places:
        path = os.path.join(BUILD, place)
        if os.path.exists(path):
            return path
    raise Skip(f"{places[0]} is not built in {BUILD}")


def assay():
    return _binary("assay", "audit/assay")


def run_assay(*args, timeout=60, **more):
    """Runs a command of assay to its end; bytes in .stdout and .stderr."""
    try:
        return subprocess.run([assay(), *map(str, args)], capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=slack(timeout),
                              **more)
    except subprocess.TimeoutExpired as e:
        raise AssertionError(f"assay {' '.join(map(str, args))} did not end; "
                             f"it said {e.stdout!r} {e.stderr!r}") from None


def free_port(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


class Process:
    """A child with its output in files."""

    def __init__(self, house, name, argv, cwd=None, env=None):
        self.name, self.argv = name, argv
        self.out_path = os.path.join(house.dir, name + ".out")
        self.err_path = os.path.join(house.dir, name + ".err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                cwd=cwd or house.dir, env=env)
        self.pid = self.child.pid

    def out(self):
        return open(self.out_path, errors="replace").read()

    def err(self):
        return open(self.err_path, errors="replace").read()

    def running(self):
        return self.child.poll() is None

    def wait(self, seconds):
        try:
            return self.child.wait(slack(seconds))
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} still runs after {slack(seconds):.0f} s; it "
                f"said:\n{self.tail()}") from None

    def signal(self, number):
        self.child.send_signal(number)

    def end(self):
        if self.running():
            self.child.kill()
        self.child.wait()

    def tail(self, lines=15):
        both = self.out().splitlines()[-lines:] + self.err().splitlines()[-lines:]
        return "\n".join(f"    {self.name}: {line[:300]}" for line in both)

    def rss(self):
        """Resident memory in bytes, without what lies in shared memory (the
        ring) or in mapped files."""
        status = open(f"/proc/{self.pid}/status").read()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status).group(1)) * 1024

    def cpu(self):
        """Seconds of processor time used so far."""
        fields = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Vendor(Process):
    """The practice vendor on free ports, clear and TLS."""

    def __init__(self, house, name, args):
        binary = _binary("tests/vendor/vendor")
        self.ca = os.path.join(house.dir, name + "-ca.pem")
        ports = os.path.join(house.dir, name + ".ports")
        super().__init__(house, name, [
            binary, "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0",
            "--write-ca", self.ca, "--port-file", ports, *args])

        def ready():
            check(self.running(), "the practice vendor ended:\n" + self.tail())
            try:
                return json.load(open(ports))
            except (FileNotFoundError, ValueError):
                return None
        found = until(ready, slack(10), "the practice vendor")
        self.clear, self.tls = int(found["clear"]), int(found["tls"])
        self.port = self.clear
        self.url = f"http://127.0.0.1:{self.clear}"
        self.tls_url = f"https://localhost:{self.tls}"


class Proxy(Process):
    """`assay proxy`, with its trail and what reads it."""

    def __init__(self, house, name, args, listens, tls, env):
        self.house = house
        self.trail = os.path.join(house.dir, name + ".db")
        self.cert = tls
        argv = [assay(), "proxy"]
        if not any(str(a) == "--config" for a in args):
            for listen in listens:
                argv += ["--listen", listen]
            argv += ["--trail", self.trail]
            if not any(str(a).startswith("--spool-size") for a in args):
                argv += ["--spool-size", "16M"]
        if tls:
            argv += ["--tls-cert", tls[0], "--tls-key", tls[1]]
        argv += [str(a) for a in args]
        super().__init__(house, name, argv, env=env)
        self.checked = False
        self.ports = until(self._ports, slack(20), "the proxy's start message")
        self.port = self.ports[0]
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def _ports(self):
        said = self.out() + self.err()
        check(self.running(), f"the proxy ended at start:\n{self.tail()}")
        found = re.findall(r"listen\w*\s+(?:on\s+)?(?:https?://)?"
                           r"(?:[0-9.]+|\[[0-9a-f:]+\]|localhost):(\d+)",
                           said, re.I)
        if not found or not re.search(r"_BASE_URL", said):
            return None
        wanted = max(1, self.argv.count("--listen"))
        return [int(p) for p in found] if len(found) >= wanted else None

    # ---- the trail, through the commands a user has ----

    def ls(self, *args):
        r = run_assay("replay", "ls", "--trail", self.trail, "--json", *args)
        check(r.returncode == 0, "replay ls failed:", r.stderr)
        return [json.loads(line) for line in r.stdout.splitlines()]

    def settled(self, n, seconds=10):
        """The exchanges, once `n` or more are in the trail and all of these
        have ended."""
        def enough():
            rows = self.ls()
            done = [x for x in rows if x.get("outcome") in OUTCOMES]
            return rows if len(done) >= n and len(done) == len(rows) else None
        try:
            return until(enough, slack(seconds), f"{n} exchanges", 0.1)
        except AssertionError as e:
            raise AssertionError(f"{e}; there are {self.ls()}") from None

    def show(self, exchange, *args):
        number = exchange["id"] if isinstance(exchange, dict) else exchange
        r = run_assay("replay", "show", number, "--trail", self.trail, *args)
        check(r.returncode == 0, "replay show failed:", r.stderr)
        return r.stdout

    def body(self, exchange, side):
        return self.show(exchange, f"--{side}", "--raw")

    def head(self, exchange, side):
        return self.show(exchange, f"--{side}", "--head", "--raw")

    def verify(self):
        return run_assay("replay", "verify", "--trail", self.trail)

    def control(self, verb, **args):
        """One verb on the control socket; its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(slack(10))
            s.connect(self.trail + ".sock")
            s.sendall(json.dumps({"verb": verb, **args}).encode() + b"\n")
            return json.loads(s.makefile("rb").readline())

    # ---- the end ----

    def stop(self, seconds=20):
        """SIGTERM, and the checks of a good end."""
        self.checked = True
        if self.running():
            self.signal(signal.SIGTERM)
        code = self.wait(seconds)
        self.clean()
        check(code == 0, f"the proxy's exit status is {code}:\n{self.tail()}")
        self.whole()

    def kill(self):
        """kill -9; no checks."""
        self.checked = True
        self.child.kill()
        self.child.wait()

    def clean(self):
        said = self.err() + self.out()
        found = BAD_WORDS.search(said)
        check(not found, "a sanitizer or an assertion spoke:\n" +
              said[found.start() - 200 if found and found.start() > 200 else 0:]
              [:4000] if found else "")

    def whole(self):
        """Each exchange has an outcome, and the trail verifies."""
        for x in self.ls():
            check(x["outcome"] in OUTCOMES, "an exchange without outcome:", x)
        r = self.verify()
        check(r.returncode == 0, "replay verify:", r.stdout, r.stderr)
        if "--no-audit" not in self.argv:
            self.judged_alike()

    def findings(self, *args):
        """What the live audit found, as `audit findings` shows it."""
        return self._findings("audit", "findings", *args)

    def _findings(self, *args):
        r = run_assay(*args, "--trail", self.trail, "--json")
        check(r.returncode in (0, 1), *args, r.stdout, r.stderr)
        check(b"judging it now" not in r.stderr, "not judged live:", r.stderr)
        return [json.loads(line) for line in r.stdout.splitlines()]

    def _rules(self):
        """The rules that it was started with."""
        found = []
        for option, value in zip(self.argv, self.argv[1:]):
            if option in ("--rules", "--pack"):
                found += [option, value]
        return found

    def judged_alike(self):
        """Live and offline are one engine."""
        live = self.findings()
        late = self._findings("rules", "check", *self._rules())
        for one, other, which in ((live, late, "live"), (late, live,
                                                         "offline")):
            alone = [f for f in one if f not in other]
            check(not alone, f"found only {which}:", alone[:3])
        same(len(live), len(late), "findings live and offline")


class House:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="scene-")
        self.children, self.mounts, self.names = [], [], {}

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if error is None:
                for child in self.children:
                    if isinstance(child, Proxy) and not child.checked:
                        child.stop()
        except AssertionError as e:
            error = e
            raise
        finally:
            for child in self.children:
                child.end()
            if error is not None and not isinstance(error, Skip):
                for child in self.children:
                    print(child.tail(), flush=True)
            for mount in self.mounts:
                subprocess.run(["umount", "-l", mount], check=False)
            shutil.rmtree(self.dir, ignore_errors=True)

    def _name(self, kind):
        n = self.names[kind] = self.names.get(kind, 0) + 1
        return kind if n == 1 else f"{kind}{n}"

    def path(self, name):
        return os.path.join(self.dir, name)

    def vendor(self, *args):
        """Starts a practice vendor; args are further options."""
        v = Vendor(self, self._name("vendor"),
                   [str(a) for a in (*args, "--quiet")])
        self.children.append(v)
        return v

    def proxy(self, upstream=None, *args, http=None, ca=None, tls=False,
              listens=("127.0.0.1:0",), name=None, env=None):
        """Starts a proxy. `upstream`: one URL or several [NAME=]URL; `http`:
        --upstream-http; `ca`: --upstream-ca; `tls`: serve TLS."""
        flags = []
        for u in [upstream] if isinstance(upstream, str) else upstream or []:
            flags += ["--upstream", u]
        if http:
            flags += ["--upstream-http", http]
        if ca:
            flags += ["--upstream-ca", ca]
        p = Proxy(self, name or self._name("proxy"), [*flags, *args], listens,
                  self.certificate() if tls else None, env)
        self.children.append(p)
        return p

    def again(self, old, *args):
        """Starts a proxy as `old` was started, on the same trail."""
        p = Proxy.__new__(Proxy)
        p.house, p.trail, p.cert, p.checked = self, old.trail, old.cert, False
        Process.__init__(p, self, old.name + "+", old.argv + list(args))
        self.children.append(p)
        p.ports = until(p._ports, slack(20), "the proxy's start message")
        p.port = p.ports[0]
        p.url = old.url.rsplit(":", 1)[0] + f":{p.port}"
        return p

    def process(self, name, argv, **more):
        child = Process(self, self._name(name), [str(a) for a in argv], **more)
        self.children.append(child)
        return child

    def certificate(self):
        """A self-signed certificate for localhost: (file, key file)."""
        cert, key = self.path("front.pem"), self.path("front.key")
        if not os.path.exists(cert):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                 "-out", cert, "-days", "2", "-subj", "/CN=localhost",
                 "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"],
                check=True, capture_output=True)
        return cert, key

    def tmpfs(self, name, size):
        """A small filesystem of its own, e.g. one that fills up."""
        path = self.path(name)
        os.makedirs(path)
        r = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}",
                            "tmpfs", path], capture_output=True)
        if r.returncode != 0:
            raise Skip("mount -t tmpfs needs root: " +
                       r.stderr.decode().strip())
        self.mounts.append(path)
        return path

    def write(self, name, text):
        path = self.path(name)
        with open(path, "wb" if isinstance(text, bytes) else "w") as f:
            f.write(text)
        return path
