# SPDX-License-Identifier: MIT
"""`assay audit probe`: an honest vendor passes every probe of its model's pack,
one that breaks a rule fails the probes of that rule, and what proves nothing
is no verdict."""
import _lib
import collections
import http.client
import http.server
import json
import os
import signal
import threading
import xml.etree.ElementTree

from house import House, assay, run_assay
from scene import case, check, main, same, slack, until

KEY = "sk-practice-" + "k7Q" * 12


def probe(h, url, model, *args, status=0, trail="probe.db", **more):
    """Runs it; its probes as a list, its summary, and what it said."""
    r = run_assay("audit", "probe", "--upstream", url, "--model", model,
                  "--trail", h.path(trail), "--json", *args, **more)
    said = r.stderr.decode()
    check("anitizer" not in said, said)
    same(r.returncode, status, f"exit status of {model} {args} ({said!r}, "
         f"{wrong(r.stdout)})")
    return (*read(r.stdout), said)


def read(out):
    lines = [json.loads(line) for line in out.splitlines()]
    return lines[:-1], lines[-1]["summary"]


def wrong(out):
    lines = [json.loads(line) for line in out.splitlines()]
    return [(x["probe"], x["why"]) for x in lines[:-1]
            if x["verdict"] != "passed"][:5]


def exchanges(h, trail="probe.db"):
    r = run_assay("replay", "ls", "--kind", "probe", "--json", "--trail",
                  h.path(trail))
    same(r.returncode, 0, r.stderr)
    return [json.loads(line) for line in r.stdout.splitlines()]


@case("an honest vendor passes everything, and is not asked twice")
def honest():
    with House() as h:
        v = h.vendor()
        for model, groups in (("kimi-k2.6", "BPETDWS"),
                              ("kimi-k2.5", "BPTDWS"),
                              ("kimi-k2.7-code", "BPETDW"),
                              ("kimi-k3", "DRKETPWS")):
            probes, s, _ = probe(h, v.url, model)
            same({p["group"] for p in probes}, set(groups), "groups")
            same(s["passed"], len(probes), "passed")
            same((s["asked"], s["resumed"]), (s["requests"], 0), "asked")
        again, s, _ = probe(h, v.url + "/v1", "kimi-k3")
        same(again, probes, "the verdicts when nothing is asked")
        same((s["asked"], s["resumed"]), (0, s["requests"]), "asked again")
        _, s, _ = probe(h, v.url, "kimi-k3", "--group", "K", "--fresh")
        same((s["asked"], s["resumed"]), (2, 0), "with --fresh")
        r = run_assay("replay", "verify", "--trail", h.path("probe.db"))
        same(r.returncode, 0, r.stdout)


@case("a vendor that serves any temperature fails those probes, no others")
def accepts():
    with House() as h:
        v = h.vendor("--fault", "bug=accept_temperature")
        probes, s, _ = probe(h, v.url, "kimi-k2.6", status=1)
        failed = [p for p in probes if p["verdict"] != "passed"]
        same({p["verdict"] for p in failed}, {"failed"}, "verdicts")
        same({p["probe"] for p in failed},
             {p["probe"] for p in probes if p["expect"] == "refuse" and
              p["id"].startswith("P/temperature")}, "failed")
        for p in failed:
            check("served with 200" in p["why"], p)
            r = run_assay("replay", "show", p["exchanges"][0], "--request",
                          "--raw", "--trail", h.path("probe.db"))
            check("temperature" in json.loads(r.stdout), r.stdout)
        told(h, v, failed, s)


def told(h, v, failed, summary):
    """The same for people, and for CI, from the same trail."""
    args = ("audit", "probe", "--upstream", v.url, "--model", "kimi-k2.6",
            "--trail", h.path("probe.db"))
    text = run_assay(*args).stdout.decode()
    for p in failed:
        check(f'failed  {p["probe"]}  (exchange {p["exchanges"][0]})' in text,
              p, text)
    check(text.splitlines()[-1].endswith(
        f'{summary["passed"]} of {summary["probes"]} passed, {len(failed)} '
        "failed; not fit for benchmarks: all must pass"), text[-300:])
    suite = xml.etree.ElementTree.fromstring(
        run_assay(*args, "--junit").stdout)
    same([int(suite.get(k)) for k in ("tests", "failures", "errors")],
         [summary["probes"], len(failed), 0], "JUnit's figures")
    same(len(suite.findall("testcase/failure")), len(failed), "failures")


@case("answers that break the wire's rules fail where silence is asked for")
def silent():
    with House() as h:
        v = h.vendor("--fault", "bug=finish_twice")
        probes, _, _ = probe(h, v.url, "kimi-k2.6", "--group", "W/stream*",
                             status=1)
        for p in probes:
            same(p["verdict"], "failed" if p["stream"] else "passed", p)


class Moody(http.server.BaseHTTPRequestHandler):
    """Refuses each of the first requests; hands the others on."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.seen.append(self.headers["authorization"])
        if len(self.server.seen) <= self.server.busy:
            self.answer(429, [("retry-after", "0")],
                        b'{"error":{"message":"slow down","type":"rate"}}')
            return
        there = http.client.HTTPConnection("127.0.0.1", self.server.port)
        there.request("POST", self.path, body,
                      {"content-type": "application/json"})
        got = there.getresponse()
        self.answer(got.status,
                    [("content-type", got.headers["content-type"])],
                    got.read())

    def answer(self, status, fields, body):
        self.send_response(status)
        for name, value in [*fields, ("content-length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@case("429 for a while: asked again, counted; the key goes nowhere else")
def busy():
    with House() as h, http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Moody) as moody:
        moody.port, moody.busy, moody.seen = h.vendor().clear, 7, []
        threading.Thread(target=moody.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{moody.server_port}"
        _, s, _ = probe(h, url, "kimi-k2.6", "--group", "B", "--group",
                        "D/*", "--retries", "8", "--key-env", "PRACTICE_KEY",
                        env={**os.environ, "PRACTICE_KEY": KEY})
        moody.shutdown()
        same((s["retries"], s["asked"]), (7, s["requests"]), "figures")
        same(set(moody.seen), {"Bearer " + KEY}, "authorization")
        statuses = collections.Counter(x["status"] for x in exchanges(h))
        same(statuses[429], 7, "recorded")
        for name in os.listdir(h.dir):
            if os.path.isfile(h.path(name)):
                check(KEY.encode() not in open(h.path(name), "rb").read(),
                      "the key is in", name)


@case("what proves nothing is no verdict")
def nothing():
    with House() as h:
        v = h.vendor("--fault", "status=500")
        probes, s, said = probe(h, v.url, "kimi-k2.6", "--group", "B",
                                "--retries", "0", status=2)
        same({p["verdict"] for p in probes}, {"no_verdict"}, "verdicts")
        check("no_verdict" in said and "500" in said, said)
        v = h.vendor("--fault", "status=401")
        probes, s, _ = probe(h, v.url, "kimi-k2.6", status=2)
        check(s["asked"] < 20 and s["retries"] == 0, "goes on asking", s)
        same(s["no_verdict"], len(probes), "no verdict")
        v = h.vendor("--fault", "bug=error_in_200")
        probes, s, _ = probe(h, v.url, "kimi-k2.6", "--group",
                             "P/no-param*", status=2)
        same({p["verdict"] for p in probes}, {"no_verdict"}, "verdicts")


@case("interrupted, it goes on where it stopped")
def resumed():
    with House() as h:
        v = h.vendor("--fault", "delay_ms=20")
        trail = h.path("probe.db")
        argv = ["audit", "probe", "--upstream", v.url, "--model", "kimi-k2.6",
                "--trail", trail, "--json", "--concurrency", "2"]
        child = h.process("probe", [assay(), *argv])

        def some():
            r = run_assay("replay", "ls", "--json", "--trail", trail)
            return r.stdout.count(b'"complete"') > 20

        until(some, slack(20), "some answers")
        child.signal(signal.SIGINT)
        same(child.wait(15), 1, "exit status")
        first, s = read(child.out().encode())
        check(s["interrupted"] and 20 < s["passed"] < s["probes"], s)
        same({p["verdict"] for p in first}, {"passed", "no_verdict"},
             "verdicts")
        answered = sum(1 for x in exchanges(h) if x["outcome"] == "complete")
        second, s, _ = probe(h, v.url, "kimi-k2.6")
        same((s["resumed"], s["asked"]),
             (answered, s["requests"] - answered), "taken and asked")
        same(len([x for x in exchanges(h) if x["outcome"] == "complete"]),
             s["requests"], "answers in all")
        ids = [i for p in second for i in p["exchanges"]]
        same(len(set(ids)), s["requests"], "one for each request")


@case("a trail that a proxy records into is left to it")
def beside():
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url)
        _, s, said = probe(h, v.url, "kimi-k2.6", "--group", "B",
                           trail="proxy.db")
        same(s["trail"], h.path("proxy-probe.db"), "the trail")
        check("proxy-probe.db" in said, said)
        same(p.ls(), [], "the proxy's own trail")
        same(len(exchanges(h, "proxy-probe.db")), s["requests"], "recorded")


@case("what cannot be done is one sentence")
def words():
    with House() as h:
        v = h.vendor()
        for code, model, *args in (
                ("no_pack", "nobody-1"),
                ("no_probes", "kimi-k3", "--group", "Z"),
                ("no_such_pack", "kimi-k3", "--pack", "zzz"),
                ("bad_value", "kimi-k3", "--key-env", "NO_SUCH_KEY"),
                ("bad_value", "kimi-k3", "--junit")):
            r = run_assay("audit", "probe", "--upstream", v.url, "--model",
                          model, "--trail", h.path("w.db"), "--json", *args)
            same((r.returncode, r.stdout), (2, b""), code)
            check(f"[{code}]".encode() in r.stderr, code, r.stderr)
            same(r.stderr.count(b"\n"), 1, "lines")
        r = run_assay("audit", "probe", "--model", "kimi-k3")
        check(b"--upstream" in r.stderr and r.returncode == 2, r.stderr)


main()
