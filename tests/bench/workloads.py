# SPDX-License-Identifier: MIT
"""The workloads: what is sent, and what is measured of it."""

import json
import os
import re
import subprocess
import time

import peers as P


class Env:
    def __init__(self, load, folder, vendor_port, cert, key, quick):
        self.load_bin, self.folder = load, folder
        self.vendor_port, self.cert, self.key = vendor_port, cert, key
        self.quick = quick

    def start(self, cls, vendor_h2=False):
        peer = cls(self.vendor_port, self.folder, vendor_h2)
        peer.start(self.cert, self.key)
        return peer

    def load(self, port, *args, pin=True):
        cmd = [self.load_bin, "--port", str(port), *map(str, args)]
        if pin:
            cmd = ["taskset", "-c", str(P.OTHER_CORE), *cmd]
        done = subprocess.run(cmd, capture_output=True, text=True)
        if not done.stdout:
            raise RuntimeError(f"load failed: {done.stderr}")
        out = json.loads(done.stdout)
        if out["errors"]:
            raise RuntimeError(f"{out['errors']} of {out['responses']} "
                               f"requests failed: {' '.join(cmd)}")
        return out

    def h2load(self, url, *args):
        body = os.path.join(self.folder, "body.json")
        if not os.path.exists(body):
            with open(body, "w") as f:
                f.write('{"p":"' + "x" * 4088 + '"}')
        cmd = ["taskset", "-c", str(P.OTHER_CORE), "h2load", "-d", body,
               "-H", "authorization: Bearer sk-bench-0123456789abcdefghijkl",
               "-H", "content-type: application/json", *map(str, args), url]
        text = subprocess.run(cmd, capture_output=True, text=True).stdout
        m = re.search(r"requests: (\d+) total.* (\d+) succeeded", text)
        rate = re.search(r"([\d.]+) req/s", text)
        if not m or m.group(1) != m.group(2):
            raise RuntimeError(f"h2load failed: {text}")
        return int(m.group(2)), float(rate.group(1))


class Workload:
    """Runs one load against one peer; `work` returns the figures' values."""
    figures = ()
    peers = P.PEERS
    more = ("rate", "MB/s")  # figures where more is better
    classes = {}  # another class for assay here

    def less_is_better(self, figure):
        return not any(m in figure for m in self.more)

    def measure(self, env, cls):
        peer = env.start(self.classes.get(cls, cls), self.vendor_h2)
        try:
            return self.work(env, peer)
        finally:
            peer.stop()

    vendor_h2 = False

    @staticmethod
    def spent(peer, before):
        now = peer.cpu()
        return now[0] - before[0], now[1] - before[1]


class Small(Workload):
    """a: 4 KB up, 1 KB down; CPU a request by front end."""
    figures = ("CPU us/request", "CPU us/request, all", "rate")

    def __init__(self, name, args, tls=False):
        self.name, self.args, self.tls = name, args, tls
        self.about = f"4 KB up, 1 KB down ({name[2:]}), 32 connections"
        if tls:
            self.peers = [p for p in P.PEERS if p is not P.NoProxy]
            self.classes = {P.Assay: P.AssayTls}
        if name == "a_h1":
            self.peers = (*P.PEERS, P.Mitmproxy)

    def work(self, env, peer):
        port = peer.tls if self.tls else (
            peer.h1 if "--h1" in self.args else peer.h2c)
        scheme = "https" if self.tls else "http"
        url = f"{scheme}://127.0.0.1:{port}/json?n=1024"
        slow = peer.name == "mitmproxy"
        n = 500 if slow else 20000 if env.quick else 100000
        env.h2load(url, "-n", 32 if slow else 2000, "-c", 32, *self.args)
        before = peer.cpu()
        done, rate = env.h2load(url, "-n", n, "-c", 32, *self.args)
        worker, total = self.spent(peer, before)
        return {"CPU us/request": worker / done * 1e6,
                "CPU us/request, all": total / done * 1e6, "rate": rate}


class Latency(Workload):
    name, about = "a_latency", "one connection, 1 ms pauses"
    figures = ("p50 us", "p99 us", "added p50 us", "added p99 us")

    def work(self, env, peer):
        n = 500 if env.quick else 3000
        args = ("--requests", n, "--pause-us", 1000, "--body", "fixed")
        direct = env.load(env.vendor_port, *args)["latency_us"]
        got = env.load(peer.h1, *args)["latency_us"]
        return {"p50 us": got["p50"], "p99 us": got["p99"],
                "added p50 us": got["p50"] - direct["p50"],
                "added p99 us": got["p99"] - direct["p99"]}


class Sustained(Workload):
    name = "a_strict"
    about = "small JSON for 60 s, strict, all on the two cores"
    figures = ("rate",)
    peers = (P.Nginx, P.Assay)
    classes = {P.Assay: P.AssayStrict}

    def work(self, env, peer):
        peer.unpin()
        out = env.load(peer.h1, "--seconds", 5 if env.quick else 60,
                       "--connections", 32, "--body", "fixed", pin=False)
        return {"rate": out["rate"]}


class Flat(Workload):
    """b: streams as fast as they go."""
    figures = ("CPU s/M chunks", "CPU s/M chunks, all")

    def __init__(self, name, group, front):
        self.name, self.group, self.front = name, group, front
        self.about = (f"64 streams x 200 x 250 B flat out, {group} a write, "
                      f"{front}")
        if name == "b":
            self.peers = (*P.PEERS, P.Mitmproxy)

    def work(self, env, peer):
        slow = peer.name == "mitmproxy"
        path = f"/stream?n=200&size=250&group={self.group}"
        n = 128 if slow else 1280 if env.quick else 6400
        args = ["--path", path, "--requests", n]
        if self.front == "h1":
            args += ["--connections", 64]
            port = peer.h1
        else:
            args += ["--h2", "--connections", 1, "--streams", 64]
            port = peer.h2c
        before = peer.cpu()
        out = env.load(port, *args)
        worker, total = self.spent(peer, before)
        return {"CPU s/M chunks": worker / out["events"] * 1e6,
                "CPU s/M chunks, all": total / out["events"] * 1e6}


class Paced(Workload):
    """c: as models do: 200 streams, 50 chunks a second each."""
    figures = ("added p50 us", "added p99 us", "CPU s/M chunks",
               "CPU s/M chunks, all")

    def __init__(self, name, front, vendor_h2=False):
        self.name, self.front, self.vendor_h2 = name, front, vendor_h2
        self.about = f"200 streams x 50/s, {front}"
        if name == "c":
            self.peers = (*P.PEERS, P.Mitmproxy)

    def work(self, env, peer):
        n = 100 if env.quick else 500
        path = f"/stream?n={n}&size=250&pace=50&stamp=1"
        args = ["--path", path, "--stamps", "--requests", 200]
        if self.front == "h1":
            args += ["--connections", 200]
            port = peer.h1
        else:
            args += ["--h2", "--connections", 2, "--streams", 100]
            port = peer.h2c
        direct = env.load(env.vendor_port, *args)["delay_us"]
        before = peer.cpu()
        out = env.load(port, *args)
        worker, total = self.spent(peer, before)
        return {"added p50 us": out["delay_us"]["p50"] - direct["p50"],
                "added p99 us": out["delay_us"]["p99"] - direct["p99"],
                "CPU s/M chunks": worker / out["events"] * 1e6,
                "CPU s/M chunks, all": total / out["events"] * 1e6}


class Through(Flat):
    """100 streams on one vendor connection, h2 on both sides."""
    peers = (P.Haproxy, P.Nghttpx, P.Assay)
    vendor_h2 = True

    def __init__(self):
        super().__init__("h2_h2", 1, "h2c")
        self.about = "h2 -> h2, 100 streams on one vendor connection"

    def work(self, env, peer):
        n = 1000 if env.quick else 5000
        before = peer.cpu()
        out = env.load(peer.h2c, "--path", "/stream?n=200&size=250",
                       "--requests", n, "--h2", "--connections", 1,
                       "--streams", 100)
        worker, total = self.spent(peer, before)
        return {"CPU s/M chunks": worker / out["events"] * 1e6,
                "CPU s/M chunks, all": total / out["events"] * 1e6}


class Memory(Workload):
    """d: what one more slow stream costs."""
    figures = ("KB a stream",)

    def __init__(self, name, front):
        self.name, self.front = name, front
        self.about = f"memory of a slow stream, 1,000 to 3,000, {front}"
        self.peers = (P.Nginx, P.Haproxy, P.Nghttpx, P.Assay)

    def streams(self, env, peer, n):
        seconds = 8 if env.quick else 20
        args = ["--path", f"/stream?n={seconds * 2}&size=250&pace=2",
                "--requests", n]
        if self.front == "h1":
            args += ["--connections", n]
            port = peer.h1
        else:
            args += ["--h2", "--connections", n // 100, "--streams", 100]
            port = peer.h2c
        cmd = ["taskset", "-c", str(P.OTHER_CORE), env.load_bin, "--port",
               str(port), *map(str, args)]
        return subprocess.Popen(cmd, stdout=subprocess.DEVNULL), seconds

    def work(self, env, peer):
        env.load(peer.h1, "--requests", 200)
        at = []
        running = []
        for n in (1000, 2000):
            load, seconds = self.streams(env, peer, n)
            running.append(load)
            time.sleep(seconds / 4)
            at.append(peer.rss())
        for load in running:
            load.wait()
        return {"KB a stream": (at[1] - at[0]) / 2000 / 1024}


class Uploads(Workload):
    """e: 100 KB requests, recorded in strict mode, sustained."""
    figures = ("MB/s", "CPU us/request")
    peers = (P.Nginx, P.Assay)
    classes = {P.Assay: P.AssayStrict}

    def __init__(self, name, body):
        self.name, self.body = name, body
        self.about = f"100 KB requests, {body}, strict"

    def work(self, env, peer):
        peer.unpin()
        before = peer.cpu()
        out = env.load(peer.h1, "--seconds", 5 if env.quick else 30,
                       "--connections", 16, "--body", self.body,
                       "--body-size", 102400, pin=False)
        worker, total = self.spent(peer, before)
        return {"MB/s": out["bytes_up"] / 1e6 / out["seconds"],
                "CPU us/request": total / out["responses"] * 1e6}


WORKLOADS = (
    Small("a_h1", ["--h1"]),
    Small("a_h2c", ["-m", "1"]),
    Small("a_h2tls", ["-m", "1"], tls=True),
    Latency(),
    Sustained(),
    Flat("b", 1, "h1"),
    Flat("b_8", 8, "h1"),
    Flat("b_h2c", 1, "h2c"),
    Paced("c", "h1"),
    Paced("c_h2c", "h2c"),
    Through(),
    Memory("d", "h1"),
    Memory("d_h2c", "h2c"),
    Uploads("e_random", "random"),
    Uploads("e_history", "history"),
)

GOALS = {
    ("a_h1", "CPU us/request"): "<= 1.15, then 1.0 x best",
    ("a_h2c", "CPU us/request"): "<= 1.15, then 1.0 x best",
    ("a_h2tls", "CPU us/request"): "<= 1.15, then 1.0 x best",
    ("a_latency", "added p50 us"): "<= 1.15, then 1.0 x nginx",
    ("a_latency", "added p99 us"): "<= 1.15, then 1.0 x nginx",
    ("a_strict", "rate"): ">= 0.35, then 0.5 x nginx",
    ("b", "CPU s/M chunks"): "<= 1.15, then 1.0 x best",
    ("b", "CPU s/M chunks, all"): "<= 1.4, then 1.2 x best",
    ("b_8", "CPU s/M chunks"): "<= 1.15, then 1.0 x best",
    ("b_8", "CPU s/M chunks, all"): "<= 1.4, then 1.2 x best",
    ("c", "added p50 us"): "<= 1.15, then 1.0 x best",
    ("c", "added p99 us"): "<= 1.15, then 1.0 x best",
    ("c", "CPU s/M chunks"): "<= 1.1, then 0.9 x best",
    ("c", "CPU s/M chunks, all"): "<= 1.3, then 1.1 x best",
    ("d", "KB a stream"): "<= 8, then 4.6 KB",
    ("d_h2c", "KB a stream"): "<= 8, then 4.6 KB",
    ("e_random", "MB/s"): ">= 110, then 170",
    ("e_history", "MB/s"): ">= 400, then 600",
}
