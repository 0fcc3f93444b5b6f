# SPDX-License-Identifier: MIT
"""Findings as a user sees them: lines while they happen, afterwards by
commands, and old evidence under new rules."""
import _lib
import json
import re
import xml.etree.ElementTree as xml

from house import House, run_assay
from mutants import SAY, THINK, ask, b64
from scene import case, check, main, same
from verdicts import Link

CHAT = "/v1/chat/completions"
WORDS = f"say={b64(SAY)},think={b64(THINK)}"


def send(link, knobs="", model="practice-1", path="", **more):
    """One chat exchange of its own."""
    link.n_said = getattr(link, "n_said", 0) + 1
    return link.send(path + CHAT, json.dumps(ask(
        "c", f"Is it so? ({link.n_said})", model, **more)), {
            "content-type": "application/json",
            "x-vendor": WORDS + (knobs and "," + knobs)}, fresh=True)[0]


def lines(text):
    return [x for x in text.splitlines() if "warn  audit: " in x]


def findings(*args, status=None):
    r = run_assay("audit", "findings", *args)
    if status is not None:
        same(r.returncode, status, f"the status of {args}: {r.stderr}")
    return r.stdout.decode()


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def mine(name="mine", **more):
    """A pack with one rule, which each exchange breaks."""
    return json.dumps({"pack": name, "version": "7", "about": "my own",
                       "rules": [{
                           "id": f"{name}/brief", "text": "Briefly, please.",
                           "src": "here", "cert": "c", "since": "2026-01-01",
                           "scope": "response", "severity": "error",
                           "party": "vendor", "assert": {"schema": {
                               "properties": {"content": {
                                   "maxLength": 5}}}}, **more}]})


@case("a line for each finding, and not more than can be read")
def rate():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        link = Link(p)
        send(link, "bug=usage_total")
        p.settled(1)
        said = lines(p.err())
        same(len(said), 1, f"lines ({said})")
        check("error, vendor: wire/usage_total in exchange 1: " in said[0] and
              "; expected " in said[0], "the line:", said)
        for _ in range(300):
            send(link, "bug=usage_total+finish_missing")
        p.settled(301, 30)
        p.stop()
        loud = [f for f in p.findings() if f["severity"] != "info"]
        check(len(loud) >= 601, "too few findings", len(loud))
        said = lines(p.err())
        check(len(said) < 120, "too many lines:", len(said))
        shown = sum(" in exchange " in x for x in said)
        hidden = re.findall(r"(\d+) (?:more )?findings were not shown",
                            p.out() + p.err())
        check(hidden, "nobody says that lines are missing")
        same(shown + sum(map(int, hidden)), len(loud), "shown and hidden")


@case("a stranger's text drives no terminal and adds no lines")
def tame():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        link = Link(p)
        evil = "\x1b]0;x\x07\r\nassay: all is well \u009b31m \u202e"
        send(link, "bug=model_differs", model=f"kimi-k2.6{evil}",
             temperature=0.5)
        send(link, temperature=evil, model="kimi-k2.6")
        p.settled(2)
        for text in (p.err(), findings("--trail", p.trail),
                     findings("--trail", p.trail, "--junit"),
                     findings("--trail", p.trail, "--json")):
            check(not any(c in text for c in "\x1b\x07\u009b\u202e"), text)
            check("\nassay: all is well" not in text, text)


@case("audit findings: JSON, JUnit, filters and the exit status")
def shown():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        link, where = Link(p), ("--trail", p.trail)
        send(link)
        p.settled(1)
        same(findings(*where, status=0), "no findings\n", "of an honest one")
        same(findings(*where, "--json", status=0), "", "as JSON")
        suite = xml.fromstring(findings(*where, "--junit", status=0))
        same((suite.get("failures"), len(suite)), ("0", 1), "as JUnit")
        send(link, "bug=model_differs")                 # a warning
        p.settled(2)
        findings(*where, status=0)
        findings(*where, "--strict", status=1)
        send(link, "bug=usage_total")                   # an error
        send(link, model="kimi-k2.6", temperature=0.5)  # the client's
        p.settled(4)
        all_of = objects(findings(*where, "--json", status=1))
        same([(f["rule"], f["severity"], f["party"], f["scope"]) for f in
              all_of if f["severity"] != "info"],
             [("wire/model_differs", "warning", "vendor", "pair"),
              ("wire/usage_total", "error", "vendor", "response"),
              ("kimi-k2.6/temperature", "error", "client", "request")],
             "all findings")
        for f in all_of:
            same(set(f) >= {"rule", "version", "pack", "severity", "party",
                            "scope", "exchange", "observed", "expected",
                            "evidence", "at"}, True, f"keys of {f}")
            check(f["exchange"] in (2, 3, 4) and f["observed"], f)
        suite = xml.fromstring(findings(*where, "--junit", status=1))
        same((suite.get("tests"), suite.get("failures")),
             (str(len(all_of)), "2"), "as JUnit")
        same(len(suite.findall(".//failure")), 2, "failures")
        for option, value, n in (("--party", "client", 1),
                                 ("--severity", "error", 2),
                                 ("--rule", "kimi*", 1), ("--exchange", 3, 1)):
            got = objects(findings(*where, "--json", option, value))
            same(len([f for f in got if f["severity"] != "info"]), n,
                 f"{option} {value}")
        findings(*where, "--rule", "wire/model_differs", status=0)
        findings("--trail", h.path("nowhere.db"), status=2)
        findings(*where, "--json", "--junit", status=2)


def ids(trail, *args):
    r = run_assay("replay", "ls", "--trail", trail, "--json", *args)
    same(r.returncode, 0, f"replay ls {args}: {r.stderr}")
    return [x["id"] for x in objects(r.stdout.decode())]


@case("replay ls by model and finding, also where nobody has judged")
def ls():
    with House() as h:
        v = h.vendor("--seed", 3)
        for name, args in (("live", ()), ("quiet", ("--no-audit",))):
            p = h.proxy(v.url, *args, name=name)
            link = Link(p)
            send(link)
            send(link, "bug=usage_total")
            send(link, model="kimi-k2.6", temperature=0.5)
            send(link, "bug=usage_total", model="moonshotai/kimi-k2.6")
            p.settled(4)
            if args:                    # nobody can do it meanwhile
                r = run_assay("replay", "ls", "--trail", p.trail, "--model",
                              "kimi-*")
                same(r.returncode, 2, "the status while it runs")
                check(b"not_judged" in r.stderr, "the message", r.stderr)
            else:
                same(ids(p.trail, "--model", "kimi-*"), [3], "while it runs")
            p.stop()
            for args, due in (
                    (("--model", "kimi-*"), [3]),
                    (("--model", "*kimi-*"), [3, 4]),
                    (("--finding", "wire/usage_total"), [2, 4]),
                    (("--finding", "kimi*/temperature"), [3]),
                    (("--finding", "wire/usage*", "--model", "practice-1"),
                     [2]), (("--model", "nobody"), [])):
                same(ids(p.trail, *args), due, f"{name}: {args}")


@case("a trail of before under a rule of today; --save keeps it")
def anew():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url)
        link = Link(p)
        for knobs in ("", "bug=usage_total"):
            send(link, knobs)
        p.settled(2)
        rules = h.write("mine.json", mine())
        where = ("--trail", p.trail, "--json")
        busy = run_assay("rules", "check", *where, "--save")
        same(busy.returncode, 2, f"--save while it runs: {busy.stderr}")
        p.stop()
        before = findings(*where)
        r = run_assay("rules", "check", *where, "--rules", rules)
        same(r.returncode, 1, "the status")
        found = [(f["exchange"], f["rule"], f["version"])
                 for f in objects(r.stdout.decode()) if f["pack"] == "mine"]
        same(found, [(1, "mine/brief", "7"), (2, "mine/brief", "7")], "found")
        same(findings(*where), before, "nothing was written")
        r = run_assay("rules", "check", *where, "--rules", rules, "--save")
        same(r.returncode, 1, f"the status of --save: {r.stderr}")
        same(sorted(findings(*where).splitlines()),
             sorted(r.stdout.decode().splitlines()), "what is kept")
        same(ids(p.trail, "--finding", "mine/brief"), [1, 2], "by finding")
        r = run_assay("replay", "verify", "--trail", p.trail)
        same(r.returncode, 0, f"the evidence: {r.stderr}")
        r = run_assay("rules", "check", *where, "--save")
        same(findings(*where), before, "and back again")
        # A proxy that goes on with the trail under another rule judges what
        # is there by it first.
        q = h.again(p, "--rules", rules)
        send(Link(q))
        q.settled(3)
        same(ids(q.trail, "--finding", "mine/brief"), [1, 2, 3], "all of it")


@case("two trails at once")
def two_trails():
    with House() as h:
        v = h.vendor("--seed", 3)
        p, q = h.proxy(v.url), h.proxy(v.url)
        send(Link(p), "bug=usage_total")
        send(Link(q), "bug=finish_missing")
        p.settled(1)
        q.settled(1)
        where = ("--trail", p.trail, "--trail", q.trail, "--json")
        for args in (("audit", "findings"), ("rules", "check")):
            r = run_assay(*args, *where)
            same(r.returncode, 1, f"the status of {args}")
            found = {(f["trail"], f["rule"])
                     for f in objects(r.stdout.decode())}
            check({(p.trail, "wire/usage_total"),
                   (q.trail, "wire/finish_missing")} <= found, args, found)
        both = run_assay("audit", "findings", *where[:4], "--junit").stdout
        same(xml.fromstring(both).get("failures"),
             str(len([f for f in objects(findings(*where))
                      if f["severity"] == "error"])), "one suite of both")


@case("two upstreams, each held to its own pack")
def packs():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy([v.url, f"lab={v.url}"], "--pack", "lab=kimi-k2.6")
        link = Link(p)
        for path in ("", "/lab"):
            send(link, path=path, model="my-finetune", temperature=0.5)
            send(link, path=path, model="kimi-k2.6", temperature=0.5)
        p.settled(4)
        same([(f["exchange"], f["party"], f["route"]) for f in p.findings()
              if f["rule"] == "kimi-k2.6/temperature"],
             [(2, "client", "default"), (3, "client", "lab"),
              (3, "vendor", "lab"), (4, "client", "lab")], "findings")
        rows = p.control("audit")["result"]["parameters"]
        same({(r["route"], r["model"], r["outcome"]) for r in rows
              if r["breaches"]},
             {("default", "kimi-k2.6", "enforced"),
              ("lab", "my-finetune", "accepted"),
              ("lab", "kimi-k2.6", "enforced")}, "parameters")
        for args in (("--pack", "nosuch"), ("--pack", "lab=nosuch"),
                     ("--pack", "elsewhere=kimi-k2.6")):
            r = run_assay("proxy", "--upstream", v.url, "--listen",
                          "127.0.0.1:0", "--trail", h.path("x.db"), *args,
                          timeout=5)
            same(r.returncode, 2, f"the status with {args}")
            check(args[1].split("=")[-1].encode() in r.stderr, r.stderr)


@case("--no-audit records and judges nothing")
def no_audit():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy(v.url, "--no-audit")
        send(Link(p), "bug=usage_total")
        p.settled(1)
        got = p.control("audit")
        check(not got["ok"] and "no_audit" in json.dumps(got), "the verb", got)
        same(lines(p.err()), [], "lines")
        r = run_assay("audit", "findings", "--trail", p.trail, "--json")
        same(r.returncode, 1, "the status")
        check(b"judging it now" in r.stderr, "not told:", r.stderr)
        same(objects(r.stdout.decode())[0]["rule"], "wire/usage_total",
             "judged now")


main()
