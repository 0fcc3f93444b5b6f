# SPDX-License-Identifier: MIT
"""Honest traffic gives no finding: 1,500 varied exchanges, or as many as
HONEST says (10,000 with --all)."""
import _lib
import collections
import os
import re
import threading

import honest as generator
from answers import undo
from house import House
from scene import case, check, main
from verdicts import Link, brief, by_case

SEED = int(os.environ.get("HONEST_SEED", "1"))
THREADS = 12


class Crowd:
    """Conversations from one generator, spoken by several threads."""

    def __init__(self, link, most):
        self.link, self.most, self.n = link, most, 0
        self.lock, self.kinds = threading.Lock(), collections.Counter()
        self.source, self.errors = generator.conversations(SEED), []
        self.requests = {}

    def take(self):
        with self.lock:
            if self.n >= self.most or self.errors:
                return None
            return next(self.source)

    def ask(self, q):
        status, data, coding, number = self.link.send(q.path, q.body,
                                                      q.headers)
        with self.lock:
            self.requests[number] = q
        return status, undo(coding, data)

    def work(self):
        while (c := self.take()) is not None:
            try:
                n = c.run(self.ask)
            except Exception as e:      # told in the main thread
                with self.lock:
                    self.errors.append(e)
                return
            with self.lock:
                self.n += n
                self.kinds[c.dialect, c.name] += n

    def run(self):
        threads = [threading.Thread(target=self.work) for _ in range(THREADS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if self.errors:
            raise self.errors[0]


def report(crowd, found):
    bad = [(number, f) for number, of_it in sorted(found.items())
           for f in of_it if f["severity"] != "info"]
    rules = collections.Counter(f["rule"] for _, f in bad)
    for rule, n in rules.most_common():
        number, f = next(b for b in bad if b[1]["rule"] == rule)
        q = crowd.requests.get(number)
        print(f"    {n} x {brief(f)}")
        if q:
            print(f"        case {number}, model {q.tree['model']}, {q.path}, "
                  f"{q.knobs[2:]}\n        asked {str(q.tree)[-300:]!r}\n"
                  f"        said  {generator.said(q)[-300:]!r}")
    print(f"    {crowd.n} honest exchanges, {len(crowd.kinds)} kinds of "
          f"dialect and model, {len(bad)} findings of warning or error",
          flush=True)
    return bad


def not_blind(p):
    """Silence counts only where nearly every check could be made."""
    said = re.search(r"checks: ([\d,]+) passed, [\d,]+ failed, ([\d,]+) "
                     r"unknown", p.out() + p.err())
    check(said, "the proxy told no sums:\n" + p.tail())
    passed, unknown = (int(n.replace(",", "")) for n in said.groups())
    print(f"    {passed} checks passed, {unknown} were unknown")
    check(unknown * 50 < passed, "too much was unknown")


def hear(most):
    with House() as h:
        v = h.vendor("--seed", 11, "--threads", 2)
        p = h.proxy(v.url, "--max-head", "256K", "--record", "strict")
        link = Link(p)
        crowd = Crowd(link, most)
        crowd.run()
        p.settled(link.n, 60)
        p.stop(60)
        not_blind(p)
        bad = report(crowd, by_case(p))
        check(not bad, f"{len(bad)} findings on honest traffic")


HONEST = int(os.environ.get("HONEST", "0"))


@case("honest traffic gives no finding")
def some():
    hear(HONEST or 1500)


@case("10,000 honest exchanges give no finding", slow=True)
def many():
    hear(10000)


main()
