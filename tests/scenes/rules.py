# SPDX-License-Identifier: MIT
"""`assay rules`: what there is, what applies, and packs of one's own."""
import _lib
import glob
import json

from house import ROOT, House, run_assay
from scene import case, check, main, same

RULE = {"id": "mine/a", "text": "a text", "src": "here", "cert": "c",
        "since": "2026-01-01", "scope": "response", "severity": "error",
        "party": "vendor",
        "assert": {"check": "quirk", "quirk": "finish_twice"}}


def pack(*rules, **more):
    return {"pack": "mine", "version": "1", "about": "my own", **more,
            "rules": list(rules)}


def rules(*args, status=0):
    r = run_assay("rules", *args)
    same(r.returncode, status, f"the status of rules {' '.join(args)} "
         f"({r.stderr[-300:]!r})")
    return r


def lines(*args):
    return [json.loads(x) for x in rules(*args).stdout.splitlines()]


def explain(model, *args):
    r = json.loads(rules("explain", model, "--json", *args).stdout)
    return r, {x["id"] for x in r["rules"] if x["applies"]}


@case("ls: every rule in full, for people and programs")
def ls():
    all_of = lines("ls", "--json")
    text = rules("ls").stdout.decode().splitlines()
    same(len(text), len(all_of) + 1, "lines")
    same(len({r["id"] for r in all_of}), len(all_of), "ids")
    for r in all_of:
        check(r["id"].startswith(r["pack"] + "/"), "an id", r)
        check(all(r[k] for k in ("text", "src", "cert", "since", "scope")), r)
        check("assert" in r or "probe" in r, "asserts nothing", r)
        check(r["cert"] == "c" or r["severity"] != "error", "too severe", r)
    same([r["id"] for r in lines("ls", "--json", "--pack", "wire")],
         [r["id"] for r in all_of if r["pack"] == "wire"], "one pack's")
    names = {p["pack"] for p in lines("ls", "--packs", "--json")}
    check(names >= {"wire", "kimi-k2.6", "openai", "anthropic"}, names)
    r = rules("ls", "--pack", "nosuch", status=2)
    check(b"no_such_pack" in r.stderr, r.stderr)


@case("show: one rule, and which was meant")
def show():
    r = rules("show", "kimi-k2.6/temperature")
    for word in (b"only 1 is allowed", b"primary source", b"client"):
        check(word in r.stdout, word, r.stdout)
    one = json.loads(rules("show", "kimi-k3/dynamic_tools_form",
                           "--json").stdout)
    check(one["probe"] and one["refuse"] is True, one)
    check(b"breach" in rules("show", "kimi-k3/dynamic_tools_form").stdout,
          "no example of a breach")
    r = rules("show", "wire/finish_mising", status=2)
    check(b"did you mean wire/finish_missing?" in r.stderr, r.stderr)


@case("explain: packs by model, dialect, arguments and pins")
def explained():
    for model, args, name in (
            ("practice-1", [], None), ("moonshotai/Kimi-K2.6", [],
                                       "kimi-k2.6"),
            ("kimi-k2.6", ["--kwargs"], "kimi-opensource"),
            ("kimi-k2.6", ["--pack", "glm"], "glm"),
            ("kimi-k2.6", ["--pack", "lab=glm"], "kimi-k2.6"),
            ("kimi-k2.6", ["--pack", "lab=glm", "--route", "lab"], "glm"),
            ("claude-opus-4-5", ["--dialect", "messages"], "anthropic")):
        same(explain(model, *args)[0]["model_pack"], name, f"{model} {args}")
    _, ids = explain("x", "--dialect", "messages", "--stream")
    check("wire/block_order" in ids and "wire/tool_index_zero" not in ids, ids)
    _, ids = explain("x", "--upstream", "openrouter.ai")
    check("wire/reasoning_details" in ids, ids)
    r, _ = explain("kimi-k2.6", "--all")
    why = {x["id"]: x["why"] for x in r["rules"]}
    same(why["wire/block_order"], "for another dialect", "why not")
    same(why["wire/fake_streaming"], "for streamed answers", "why not")
    same(why["kimi-k2.6/temperature"], "applies while thinking", "why")
    r = rules("explain", "x", "--pack", "kimi-k2", status=2)
    check(b"no_such_pack" in r.stderr, r.stderr)


@case("lint: each fault with its line; what is in order is said so")
def lint():
    with House() as h:
        good = h.write("good.json", json.dumps(pack(RULE)))
        bad = h.write("bad.json", json.dumps(pack(
            {**RULE, "id": "yours/a", "severty": "error"},
            {**RULE, "cert": "?"},
            {**RULE, "id": "mine/b", "assert": {"check": "quirck"}}),
            indent=1))
        same(rules("lint", good).stdout, good.encode() + b": in order\n",
             "a good pack")
        text = open(bad).read().splitlines()
        said = rules("lint", good, bad, status=1).stdout.decode().splitlines()
        found = 0
        for what in ("yours/a", "severty", '"error"', "quirck"):
            at = [i + 1 for i, x in enumerate(text) if what in x]
            found += any(x.startswith(f"{bad}:{i}: ") for x in said
                         for i in at)
        same(found, 4, f"faults found in their lines ({said})")
        check(any('did you mean "severity"?' in x for x in said), said)
        check(any('did you mean "quirk"?' in x for x in said), said)
        r = rules("lint", h.path("nowhere.json"), status=2)
        check(b"rules_unreadable" in r.stderr, r.stderr)
        rules("lint", *[p for p in glob.glob(ROOT + "/rules/packs/*.json")
                        if not p.endswith("schema.json")])


@case("a pack of one's own: its rules, a place that is taken, bad ones")
def own():
    with House() as h:
        mine = h.write("mine.json", json.dumps(pack(RULE)))
        check("mine/a" in explain("x", "--rules", mine)[1], "not there")
        over = h.write("over.json", json.dumps(
            {**pack({**RULE, "id": "wire/finish_twice", "text": "another"}),
             "pack": "wire"}))
        one = json.loads(rules("show", "wire/finish_twice", "--json",
                               "--rules", over).stdout)
        same((one["text"], one["version"]), ("another", "1"), "the rule")
        strict = h.write("strict.json", json.dumps(pack(
            models=["kimi-k2.6*"], extends=["kimi-k2.6"])))
        r, ids = explain("kimi-k2.6", "--rules", strict)
        same(r["model_pack"], "mine", "whose models they are")
        check("mine/temperature" in ids, "nothing was inherited")
        bad = h.write("bad.json", '{"pack":"mine",\n"rulez":[]}')
        r = rules("ls", "--rules", bad, status=2)
        check(f"{bad}:2: ".encode() in r.stderr and b"bad_rules" in r.stderr,
              r.stderr)


@case("a stranger's pack drives no terminal")
def tame():
    with House() as h:
        evil = h.write("evil.json", json.dumps(pack(
            {**RULE, "text": "\x1b]0;x\x07 \u009b31m \u202e"})))
        bad = h.write("worse.json", json.dumps(pack(
            {**RULE, "\x1b[31mid": 1})))
        for args, status in ((("show", "mine/a", "--rules", evil), 0),
                             (("show", "mine/a", "--json", "--rules", evil),
                              0),
                             (("ls", "--rules", evil), 0),
                             (("lint", bad), 1)):
            out = rules(*args, status=status).stdout.decode()
            check(not any(c in out for c in "\x1b\x07\u009b\u202e"), args)


main()
