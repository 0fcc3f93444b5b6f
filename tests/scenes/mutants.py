# SPDX-License-Identifier: MIT
"""Each bug that the practice vendor can have is found by the rule meant for
it, streamed and not, in each dialect; the same request without it is clean."""
import _lib
import collections
import json

from house import House
from mutants import MUTANTS, NAMES
from scene import case, check, main
from verdicts import Link, brief, by_case

FORMS = {"s": "streamed", "w": "whole"}


def carry(link):
    """What Mutant.send() wants, and where it keeps its last number."""
    last = {}

    def send(path, body, knobs, tls):
        headers = {"content-type": "application/json", "x-vendor": knobs}
        status, data, _, last["n"] = link.send(
            ("/tls" if tls else "") + path, json.dumps(body), headers,
            fresh=True)
        return status, data
    return send, last


def play(link):
    """Sends all; gives [(mutant, dialect, form, clean number, bad number)]."""
    send, last = carry(link)
    sent = []
    for i, m in enumerate(MUTANTS):
        for d, f in m.places():
            m.send(send, d, f, None, f"{i}{d}{f}")
            clean = last["n"]
            m.send(send, d, f, m.name, f"{i}{d}{f} again")
            sent.append((m, d, f, clean, last["n"]))
    return sent


def killed(m, dialect, found):
    return any(f["rule"] == m.rule_of(dialect) and f["party"] == "vendor"
               for f in found)


def loud(found):
    return [f for f in found if f["severity"] != "info"]


def judge(m, dialect, clean, bad):
    """Complaints about one place."""
    said = []
    if not killed(m, dialect, bad):
        said.append(f"{m.rule_of(dialect)} did not find it; found: " +
                    ("; ".join(map(brief, bad)) or "nothing"))
    twin = [f for f in loud(clean)
            if not (m.breach and f["party"] == "client")]
    said += [f"its twin: {brief(f)}" for f in twin]
    said += [f"accuses the client: {brief(f)}" for f in bad
             if f["severity"] == "error" and f["party"] == "client" and
             not m.breach]
    return said


def table(sent, bad):
    """How many were killed, by dialect and form."""
    all_of_them, dead = collections.Counter(), collections.Counter()
    for m, d, f, _, number in sent:
        all_of_them[d, f] += 1
        dead[d, f] += killed(m, d, bad[number])
    print(f"    {'mutants killed':16}{'streamed':>12}{'whole':>12}")
    for d, name in NAMES.items():
        print(f"    {name:16}" + "".join(
            f"{dead[d, f]:>6} of {all_of_them[d, f]:3}" for f in "sw"))
    names = {m.name for m in MUTANTS}
    print(f"    {len(names)} mutants, {sum(dead.values())} of "
          f"{sum(all_of_them.values())} places", flush=True)


@case("every mutant is killed by its rule, and its twin is clean")
def mutants():
    with House() as h:
        v = h.vendor("--seed", 3)
        p = h.proxy([v.url, f"tls={v.tls_url}"], http="1.1", ca=v.ca)
        link = Link(p)
        sent = play(link)
        p.settled(link.n, 30)
        p.stop()
        found = by_case(p)
        table(sent, found)
        complaints = []
        for m, d, f, clean, number in sent:
            complaints += [f"{m.name} ({NAMES[d]}, {FORMS[f]}): {text}"
                           for text in judge(m, d, found[clean],
                                             found[number])]
        for line in complaints:
            print("    " + line)
        check(not complaints, f"{len(complaints)} complaints, above")


main()
