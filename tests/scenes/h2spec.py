# SPDX-License-Identifier: MIT
"""h2spec, all its cases, against the proxy's front: in clear and over TLS,
with an HTTP/1.1 and an HTTP/2 vendor behind it."""
import _lib
import os
import re
import subprocess
import xml.etree.ElementTree as xml

from clients import tool
from house import House
from scene import case, check, main, same, slack

TIMEOUT = 400


def run(tls, up):
    with House() as h:
        v = h.vendor()
        p = h.proxy(v.url, http=up, tls=tls)
        report = h.path("report.xml")
        argv = [tool("h2spec"), "-h", "127.0.0.1", "-p", str(p.port), "-o",
                str(int(slack(3))), "-j", report, "-S", "--path",
                "/json?n=5000"]
        if tls:
            argv += ["-t", "-k"]
        r = subprocess.run(argv, capture_output=True, text=True,
                           timeout=slack(150))
        passed = failed = skipped = 0
        wrong = []
        for suite in xml.parse(report).getroot().iter("testsuite"):
            for one in suite.iter("testcase"):
                if one.find("failure") is not None:
                    failed += 1
                    wrong.append(f"{one.get('package')} "
                                 f"{one.get('classname')}: " + " | ".join(
                                     (one.find("failure").text or "")
                                     .split("\n"))[:200])
                elif one.find("skipped") is not None:
                    skipped += 1
                else:
                    passed += 1
        print(f"    {passed} passed, {failed} failed, {skipped} skipped",
              flush=True)
        check(passed > 100, "h2spec did not run:", r.stdout[-500:], r.stderr)
        check(failed == 0, "failed:\n  " + "\n  ".join(wrong))


@case("in clear, HTTP/1.1 behind")
def clear():
    run(False, "1.1")


@case("in clear, HTTP/2 behind")
def clear_h2():
    run(False, "2")


@case("over TLS")
def tls():
    run(True, "1.1")


main()
