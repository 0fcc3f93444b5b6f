# SPDX-License-Identifier: MIT
"""The official JSON Schema Test Suite, draft 2020-12: every required case but
those that lead to the suite's own web server, as references are not fetched.
Of the optional ones it is only said how many pass."""
import _lib
import glob
import os
import subprocess

from scene import Skip, case, check, main

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SUITE = os.path.join(ROOT, "build-tests/json-schema-suite/draft2020-12")
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))


def judged(files):
    """Lines of the suite's program by verdict."""
    if not files:
        raise Skip("tests/setup.sh has not brought the suite")
    r = subprocess.run([os.path.join(BUILD, "tests/unit/schema_suite"),
                        *files], capture_output=True, text=True, timeout=100)
    check(r.returncode == 0, "schema_suite:", r.returncode, r.stderr[-2000:])
    lines = r.stdout.splitlines()
    return {v: [one for one in lines if one.startswith(v + " - ")]
            for v in ("ok", "not ok", "skip")}


@case("every required case")
def required():
    by = judged(sorted(glob.glob(SUITE + "/*.json")))
    print(f"    {len(by['ok'])} passed, {len(by['not ok'])} failed, "
          f"{len(by['skip'])} lead to the suite's web server", flush=True)
    check(len(by["ok"]) > 1000, "the suite did not run")
    check(len(by["skip"]) < 60, "too many cannot be judged")
    check(not by["not ok"], "failed:\n  " + "\n  ".join(by["not ok"]))


@case("optional cases")
def optional():
    by = judged(sorted(glob.glob(SUITE + "/optional/*.json")))
    print(f"    {len(by['ok'])} of {len(by['ok']) + len(by['not ok'])} pass",
          flush=True)
    check(all("dependencies" in one for one in by["not ok"]),
          "failed:\n  " + "\n  ".join(by["not ok"]))


@case("remote references")
def remote():
    by = judged(sorted(glob.glob(SUITE + "/*.json")))
    raise Skip(f"{len(by['skip'])} cases of the suite need references to "
               "other documents, which are never fetched")


main()
