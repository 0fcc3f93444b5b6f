# SPDX-License-Identifier: MIT
"""What assay found, by the command that a user has, and by which request."""
import collections
import http.client
import json
import re
import threading

from house import run_assay
from scene import check


class Link:
    """Sends requests through a proxy, each with a number in its path by which
    its exchange is found again. For many threads."""

    def __init__(self, proxy, timeout=60):
        self.proxy, self.timeout, self.n = proxy, timeout, 0
        self.lock, self.mine = threading.Lock(), threading.local()

    def number(self):
        with self.lock:
            self.n += 1
            return self.n

    def connection(self, fresh):
        c = getattr(self.mine, "c", None)
        if c is None or fresh:
            c = self.mine.c = http.client.HTTPConnection(
                "127.0.0.1", self.proxy.port, timeout=self.timeout)
        return c

    def send(self, path, body, headers, fresh=False):
        """(status, body, coding, number); a body that breaks off is what came
        of it."""
        n, c = self.number(), self.connection(fresh)
        c.request("POST", f"{path}?case={n}", body, headers)
        try:
            r = c.getresponse()
            data = r.read()
        except (http.client.HTTPException, ConnectionError) as e:
            c.close()
            return 0, getattr(e, "partial", b""), None, n
        return r.status, data, r.getheader("content-encoding"), n


def findings(trail):
    """All findings in a trail, as `assay audit findings` tells them."""
    r = run_assay("audit", "findings", "--trail", trail, "--json", timeout=120)
    check(r.returncode in (0, 1), "audit findings failed:", r.returncode,
          r.stderr[-2000:])
    return [json.loads(line) for line in r.stdout.splitlines()]


def by_case(proxy):
    """{case number: its findings}."""
    cases = {}
    for x in proxy.ls("--limit", "1000000"):
        found = re.search(r"[?&]case=(\d+)", x["path"] or "")
        if found:
            cases[x["id"]] = int(found.group(1))
    out = collections.defaultdict(list)
    for f in findings(proxy.trail):
        out[cases.get(f["exchange"], 0)].append(f)
    return out


def brief(f):
    return f"{f['rule']} ({f['severity']}, {f['party']}): " \
           f"{str(f.get('observed'))[:120]}"
