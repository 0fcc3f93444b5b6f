# SPDX-License-Identifier: MIT
"""Builds and runs everything for tests/run.sh, and counts.

Steps run in this order: build, unit tests and fuzz corpora (meson test),
arrows, format, scenes. Scenes run --jobs at a time, those that say
ALONE = True by themselves at the end; each has a time limit (TIMEOUT = n
seconds in the file, 120 by default; more under sanitizers).
"""
import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TOOLS = os.path.join(ROOT, "build-tests")
SANITIZE = {"none": "none", "address": "address,undefined", "thread": "thread"}


class Tally:
    def __init__(self, started):
        self.passed = self.failed = 0
        self.skipped, self.broken = [], []
        self.started, self.lock = started, threading.Lock()
        self.at, self.of = 0, 0

    def step(self, text):
        """A progress line: one more step has ended."""
        with self.lock:
            self.at += 1
            spent = int(time.time() - self.started)
            print(f"[{self.at}/{self.of} {spent // 60}:{spent % 60:02}] {text}",
                  flush=True)

    def count(self, passed, failed):
        with self.lock:
            self.passed += passed
            self.failed += failed

    def fail(self, name, text):
        self.count(0, 1)
        self.broken.append(name)
        lines = text.splitlines()
        if len(lines) > 60:
            lines = lines[:20] + [f"... ({len(lines) - 50} lines)"] + lines[-30:]
        with self.lock:
            print(f"--- {name} failed:\n" + "\n".join(
                f"    {line[:400]}" for line in lines), flush=True)


def options():
    p = argparse.ArgumentParser()
    p.add_argument("--all", action="store_true")
    p.add_argument("--only", default="")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--sanitize", choices=SANITIZE, default="none")
    p.add_argument("--real-model", action="store_true")
    p.add_argument("--kvv", default="")
    p.add_argument("--no-setup", action="store_true")
    p.add_argument("--started", type=float, default=time.time())
    return p.parse_args()


def command(argv, seconds, env=None):
    """Runs it in a group of its own, so that a time-out ends it whole.
    Returns (status, output); status None is a time-out."""
    child = subprocess.Popen(argv, cwd=ROOT, env=env, text=True,
                             errors="replace", stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True)
    try:
        out, _ = child.communicate(timeout=seconds)
        return child.returncode, out
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, _ = child.communicate()
        return None, out


def build(o, folder):
    """Sets up and compiles; "" or what went wrong."""
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        status, out = command(
            ["meson", "setup", folder, "-Db_sanitize=" + SANITIZE[o.sanitize],
             "-Db_lundef=false"], 300)
        if status != 0:
            return out
    status, out = command(["ninja", "-C", folder], 1200)
    return "" if status == 0 else out


def unit(o, folder, tally):
    """All of `meson test`, each test counted."""
    wanted = []
    if o.only and not re.search(o.only, "unit/"):
        _, listed = command(["meson", "test", "-C", folder, "--list"], 60)
        wanted = [n for n in (line.split(" / ")[-1].strip()
                              for line in listed.splitlines())
                  if re.search(o.only, "unit/" + n)]
        if not wanted:
            return
    log = os.path.join(folder, "meson-logs/testlog.json")
    if os.path.exists(log):
        os.remove(log)
    status, out = command(
        ["meson", "test", "-C", folder, "--no-rebuild", "--num-processes",
         str(o.jobs), "--timeout-multiplier",
         "1" if o.sanitize == "none" else "6", *wanted], 1200)
    results = []
    if os.path.exists(log):
        results = [json.loads(line) for line in open(log)]
    for r in results:
        if r["result"] == "OK":
            tally.count(1, 0)
        elif r["result"] == "SKIP":
            tally.skipped.append("unit/" + r["name"])
        else:
            tally.fail("unit/" + r["name"], f"{r['result']}\n" +
                       r.get("stdout", "")[-3000:] + r.get("stderr", "")[-3000:])
    if not results:
        tally.fail("unit", out)
    good = sum(r["result"] == "OK" for r in results)
    tally.step(f"unit tests and fuzz corpora: {good} of {len(results)} passed")


def declared(path, name, otherwise):
    m = re.search(rf"^{name} = (\w+)", open(path).read(), re.M)
    return int(m.group(1)) if m and m.group(1).isdigit() else (
        m.group(1) == "True" if m else otherwise)


def scene(o, folder, path, case, tally):
    name = "scenes/" + os.path.basename(path)[:-3]
    env = dict(os.environ, BUILD=folder, SANITIZE=o.sanitize, KVV=o.kvv,
               ALL="1" if o.all else "0", PYTHONPATH=os.path.dirname(
                   os.path.abspath(__file__)), PYTHONDONTWRITEBYTECODE="1",
               REAL_MODEL="1" if o.all or o.real_model else "0")
    for proxy in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY",
                  "HTTPS_PROXY", "ALL_PROXY"):
        env.pop(proxy, None)
    limit = declared(path, "TIMEOUT", 120) * (1 if o.sanitize == "none" else 3)
    if o.all:
        limit *= 5
    began = time.time()
    status, out = command([sys.executable, path] + ([case] if case else []),
                          limit, env)
    lines = out.splitlines()
    good = sum(line.startswith("ok - ") for line in lines)
    bad = [line for line in lines if line.startswith("not ok - ")]
    skips = [line for line in lines if line.startswith("skip - ")]
    tally.count(good, 0)
    for line in skips:
        tally.skipped.append(f"{name}: {line[7:]}")
    if bad:
        tally.count(0, len(bad) - 1)
        tally.fail(name, "\n".join(
            line for line in lines if not line.startswith(("ok - ", "skip - "))))
        tally.broken[-1:] = [f"{name}: {line[9:]}" for line in bad]
    elif status != 0:
        why = f"no end after {limit} s" if status is None else \
            f"exit status {status}"
        tally.fail(name, why + "\n" + out)
    tally.step(f"{name}: {good} passed" +
               (f", {max(len(bad), status != 0)} FAILED" if status else "") +
               (f", {len(skips)} skipped" if skips else "") +
               f" ({time.time() - began:.1f} s)")


def main():
    o = options()
    tally = Tally(o.started)
    only, _, case = o.only.partition(":")
    o.only = only
    folder = os.path.join(TOOLS, "plain" if o.sanitize == "none" else o.sanitize)
    want = (lambda name: not only or re.search(only, name))

    here = os.path.join(ROOT, "tests/scenes")
    paths = sorted(os.path.join(here, n) for n in os.listdir(here)
                   if n.endswith(".py") and n[0] != "_" and want("scenes/" + n[:-3]))
    shell = [n for n in ("arrows", "format") if want(n)]
    tally.of = 2 + len(shell) + len(paths)

    trouble = build(o, folder)
    if trouble:
        tally.fail("build", trouble[-6000:])
    else:
        tally.step(f"built in {os.path.relpath(folder, ROOT)}")
        unit(o, folder, tally)
    for name in shell:
        status, out = command(["sh", f"tests/{name}.sh"], 120)
        if status == 0:
            tally.count(1, 0)
        else:
            tally.fail(name, out)
        tally.step(out.strip().splitlines()[-1] if out.strip() else name)
    if not trouble:
        together = [p for p in paths if not declared(p, "ALONE", False)]
        with concurrent.futures.ThreadPoolExecutor(max(1, o.jobs)) as pool:
            list(pool.map(lambda p: scene(o, folder, p, case, tally), together))
        for p in paths:
            if p not in together:
                scene(o, folder, p, case, tally)
    if tally.skipped:
        print("skipped:\n" + "\n".join(f"    {s}" for s in tally.skipped))
    if tally.broken:
        print("failed:\n" + "\n".join(f"    {s}" for s in tally.broken))
    if tally.passed + tally.failed == 0:
        print("nothing matched --only " + o.only)
        tally.failed = 1
    print(f"{tally.passed} passed, {tally.failed} failed" +
          (f", {len(tally.skipped)} skipped" if tally.skipped else ""),
          flush=True)
    sys.exit(1 if tally.failed else 0)


main()
