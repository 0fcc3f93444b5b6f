# SPDX-License-Identifier: MIT
"""The proxies that the benchmarks compare, each started the same way.

A peer listens on three fronts (h1 and h2c in clear, h2 over TLS) and sends to
the practice vendor in clear over HTTP/1.1, or over h2c where it is asked for.
The worker has core 0 for itself; everything else shares core 1.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

WORKER_CORE, OTHER_CORE = 0, 1


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, seconds=10):
    end = time.time() + seconds
    while time.time() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on {port}")


def thread_cpu(pid):
    """CPU seconds of each thread of a process, by thread name."""
    out = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        base = f"/proc/{pid}/task/{tid}"
        try:
            name = open(f"{base}/comm").read().strip()
            ns = int(open(f"{base}/schedstat").read().split()[0])
        except (OSError, IndexError):
            continue
        out[name] = out.get(name, 0) + ns / 1e9
    return out


def children(pid):
    try:
        text = open(f"/proc/{pid}/task/{pid}/children").read()
    except OSError:
        return []
    return [int(p) for p in text.split()]


class Peer:
    name = ""
    records = False

    def __init__(self, vendor_port, folder, vendor_h2=False):
        self.vendor = vendor_port
        self.vendor_h2 = vendor_h2
        self.folder = os.path.join(folder, self.name)
        os.makedirs(self.folder, exist_ok=True)
        self.h1, self.h2c, self.tls = free_port(), free_port(), free_port()
        self.process = None

    def spawn(self, *args, **kw):
        kw.setdefault("stdout", subprocess.DEVNULL)
        kw.setdefault("stderr", open(f"{self.folder}/log", "w"))
        self.process = subprocess.Popen(
            ["taskset", "-c", str(WORKER_CORE), *args], **kw)
        try:
            wait_port(self.h1)
        except RuntimeError:
            print(open(f"{self.folder}/log").read(), file=sys.stderr)
            raise

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def pids(self):
        return [self.process.pid, *children(self.process.pid)]

    def cpu(self):
        """(worker's CPU seconds, all of the process's)"""
        total = sum(sum(thread_cpu(p).values()) for p in self.pids())
        return total, total

    def rss(self):
        """Bytes resident, all processes of the peer."""
        kb = 0
        for p in self.pids():
            text = open(f"/proc/{p}/status").read()
            kb += int(re.search(r"VmRSS:\s+(\d+)", text).group(1))
        return kb * 1024

    def unpin(self):
        for p in self.pids():
            for tid in os.listdir(f"/proc/{p}/task"):
                os.sched_setaffinity(int(tid), {WORKER_CORE, OTHER_CORE})

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


class NoProxy(Peer):
    name = "none"

    def start(self, cert, key):
        self.h1 = self.h2c = self.vendor

    def cpu(self):
        return 0.0, 0.0

    def rss(self):
        return 0

    def unpin(self):
        pass


class Nginx(Peer):
    name = "nginx"

    def start(self, cert, key):
        path = self.write("nginx.conf", f"""
worker_processes 1; daemon off; pid {self.folder}/pid;
error_log {self.folder}/error.log; worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_buffer_size 1m;
  client_max_body_size 0; proxy_buffering off; proxy_read_timeout 3600;
  http2_max_requests 1000000000; http2_max_concurrent_streams 2000;
  upstream v {{ server 127.0.0.1:{self.vendor}; keepalive 4096;
               keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{self.h1}; listen 127.0.0.1:{self.h2c} http2;
    listen 127.0.0.1:{self.tls} ssl http2;
    ssl_certificate {cert}; ssl_certificate_key {key};
    location / {{ proxy_pass http://v; proxy_http_version 1.1;
                 proxy_request_buffering off;
                 proxy_set_header Connection ""; }}
  }}
}}
""")
        self.spawn("nginx", "-p", self.folder, "-c", path)


class Haproxy(Peer):
    name = "haproxy"

    def start(self, cert, key):
        both = self.write("both.pem", open(cert).read() + open(key).read())
        path = self.write("haproxy.cfg", f"""
global
  nbthread 1
  maxconn 8000
  tune.h2.max-concurrent-streams 2000
defaults
  mode http
  option http-no-delay
  timeout connect 5s
  timeout client 1h
  timeout server 1h

frontend f
  bind 127.0.0.1:{self.h1}
  bind 127.0.0.1:{self.h2c} proto h2
  bind 127.0.0.1:{self.tls} ssl crt {both} alpn h2,http/1.1
  default_backend b
backend b
  http-reuse always
  server v 127.0.0.1:{self.vendor}{" proto h2" if self.vendor_h2 else ""}
""")
        self.spawn("haproxy", "-f", path)


class Nghttpx(Peer):
    name = "nghttpx"

    def start(self, cert, key):
        proto = ";;proto=h2" if self.vendor_h2 else ""
        self.spawn(
            "nghttpx", "--conf=/dev/null", "--workers=1", "--no-ocsp", "-LERROR",
            f"-f127.0.0.1,{self.h1};no-tls",
            f"-f127.0.0.1,{self.h2c};no-tls",
            f"-f127.0.0.1,{self.tls}",
            f"-b127.0.0.1,{self.vendor}{proto}",
            "--frontend-http2-max-concurrent-streams=2000",
            "--backend-connections-per-host=4096",
            "--frontend-read-timeout=1h", "--backend-read-timeout=1h",
            "--stream-read-timeout=1h", key, cert)


class Mitmproxy(Peer):
    name = "mitmproxy"
    records = True

    def start(self, cert, key):
        addon = self.write("stream.py", """
def responseheaders(flow):
    kept = []
    def keep(data):
        kept.append(data)
        if not data:
            flow.metadata["body"] = b"".join(kept)
        return data
    flow.response.stream = keep
""")
        self.spawn(shutil.which("mitmdump") or "mitmdump", "-q",
                   "--mode", f"reverse:http://127.0.0.1:{self.vendor}",
                   "--listen-host", "127.0.0.1", "-p", str(self.h1),
                   "-w", f"{self.folder}/flows", "-s", addon)
        self.h2c = self.h1


class Assay(Peer):
    name = "assay"
    records = True
    binary = None
    extra = ()

    def start(self, cert, key):
        data = os.path.join(self.folder, "data")
        os.makedirs(data, exist_ok=True)
        self.trail = os.path.join(self.folder, "assay.db")
        for old in (self.trail, self.trail + "-wal", self.trail + "-shm"):
            if os.path.exists(old):
                os.unlink(old)
        http = ["--upstream-http", "2"] if self.vendor_h2 else []
        self.spawn(
            self.binary, "proxy", "--trail", self.trail,
            "--upstream", f"http://127.0.0.1:{self.vendor}", *http,
            "--listen", f"127.0.0.1:{self.h1}", *self.tls_args(cert, key),
            *self.extra, env={**os.environ, "XDG_DATA_HOME": data})
        self.h2c = self.h1
        self.pin()

    def tls_args(self, cert, key):
        return []

    def pin(self):
        pid = self.process.pid
        for tid in os.listdir(f"/proc/{pid}/task"):
            name = open(f"/proc/{pid}/task/{tid}/comm").read().strip()
            core = (WORKER_CORE if name.startswith("worker")
                    else OTHER_CORE)
            os.sched_setaffinity(int(tid), {core})

    def cpu(self):
        by_name = thread_cpu(self.process.pid)
        worker = sum(s for n, s in by_name.items() if n.startswith("worker"))
        return worker, sum(by_name.values())


class AssayTls(Assay):
    """assay's TLS is a listener's property: a process of its own."""

    def tls_args(self, cert, key):
        self.tls = self.h1
        return ["--tls-cert", cert, "--tls-key", key]


class AssayStrict(Assay):
    extra = ("--record", "strict")


PEERS = (NoProxy, Nginx, Haproxy, Nghttpx, Assay)
