# SPDX-License-Identifier: MIT
"""The openai npm package (sdk_node.js) through the proxy, on a Node of the
tests' own."""
import _lib
import json
import os
import subprocess

from clients import node
from house import House, TOOLS
from scene import case, check, main, same, slack

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sdk_node.js")


def run(base, **env):
    r = subprocess.run([node(), SCRIPT], capture_output=True, text=True,
                       timeout=slack(60), env=dict(
                           os.environ, OPENAI_BASE_URL=base + "/v1",
                           NODE_PATH=os.path.join(TOOLS, "node/node_modules"),
                           **env))
    check(r.returncode == 0, "node failed:", r.stderr[-1500:])
    return dict(json.loads(line) for line in r.stdout.splitlines())


@case("chat, responses, completions, errors, forty streams at once")
def openai():
    with House() as h:
        v = h.vendor("--seed", 5)
        direct = run(v.url)
        check(len(direct["chat, streamed"]) > 10, "too few chunks")
        same(direct["error"], ["RateLimitError", 429], "the error")
        for up in ("1.1", "2"):
            p = h.proxy(v.url, http=up)
            got = run(p.url)
            for name, value in direct.items():
                same(got[name], value, f"{name}, HTTP/{up} vendor")
            rows = p.settled(len(direct) - 1 + 40)
            same({x["outcome"] for x in rows}, {"complete"}, "outcomes")
            p.stop()


@case("over TLS, trusting by NODE_EXTRA_CA_CERTS")
def tls():
    with House() as h:
        v = h.vendor("--seed", 5)
        p = h.proxy(v.tls_url, ca=v.ca, tls=True)
        same(run(p.url, NODE_EXTRA_CA_CERTS=p.cert[0]), run(v.url), "answers")
        p.settled(46)


main()
