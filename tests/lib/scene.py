# SPDX-License-Identifier: MIT
"""What makes a file in tests/scenes/ a scene: cases, their verdicts, main().

    @case("a HEAD answer has no body")
    def head():
        with House() as h:
            ...

    main()

Prints one line a case, `ok - `, `not ok - ` or `skip - `, for the runner to
count. With words on the command line only cases whose titles contain one of
them run; --list lists them.
"""
import os
import re
import sys
import time
import traceback

_cases = []


class Skip(Exception):
    """Raised by a case that cannot run here; says why."""


def case(title, slow=False, sanitizer=True):
    """Registers a case. `slow`: only with ALL=1 (run.sh --all). `sanitizer`:
    False for what measures memory or speed, which sanitizers distort."""
    def register(function):
        _cases.append((title, slow, sanitizer, function))
        return function
    return register


def check(truth, text, *facts):
    """An assertion that says what it saw."""
    if not truth:
        raise AssertionError(" ".join([text] + [_short(f) for f in facts]))


def same(seen, expected, what):
    if seen != expected:
        at = ""
        if isinstance(seen, (bytes, str)) and isinstance(expected, type(seen)):
            n = next((i for i, (a, b) in enumerate(zip(seen, expected))
                      if a != b), min(len(seen), len(expected)))
            at = (f" (lengths {len(seen)} and {len(expected)}, the first "
                  f"difference at {n}: {_short(seen[n:n + 60])} instead of "
                  f"{_short(expected[n:n + 60])})")
            raise AssertionError(f"{what} differs{at}")
        raise AssertionError(
            f"{what}: {_short(seen)} instead of {_short(expected)}")


def _short(x):
    text = repr(x)
    return text if len(text) < 600 else text[:600] + f"... ({len(text)})"


def until(predicate, seconds, what, every=0.05):
    """Polls until predicate() is true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(every)


def sanitized():
    return os.environ.get("SANITIZE", "none") not in ("", "none")


def slack(seconds):
    """A time limit, wider under sanitizers and on a busy machine."""
    return seconds * (4 if sanitized() else 1) * float(
        os.environ.get("SLACK", "1"))


def _run(title, function):
    started = time.monotonic()
    try:
        function()
    except Skip as why:
        print(f"skip - {title} # {why}", flush=True)
        return True
    except KeyboardInterrupt:
        raise
    except BaseException as e:
        spent = time.monotonic() - started
        print(f"not ok - {title} ({spent:.1f} s)", flush=True)
        text = traceback.format_exc()
        if isinstance(e, AssertionError):
            text = "".join(traceback.format_exception_only(type(e), e))
            where = traceback.extract_tb(e.__traceback__)
            text += "".join(f"  at {os.path.basename(f.filename)}:{f.lineno} "
                            f"{f.line}\n" for f in where
                            if "scene.py" not in f.filename)
        print("".join(f"    {line}\n" for line in text.splitlines()),
              end="", flush=True)
        return False
    print(f"ok - {title} ({time.monotonic() - started:.1f} s)", flush=True)
    return True


def main():
    words = [a for a in sys.argv[1:] if not a.startswith("-")]
    if "--list" in sys.argv:
        print("\n".join(title for title, *_ in _cases))
        return
    everything = os.environ.get("ALL") == "1" or "--all" in sys.argv
    good = True
    for title, slow, with_sanitizer, function in _cases:
        if words and not any(re.search(w, title) for w in words):
            continue
        if slow and not everything and not words:
            print(f"skip - {title} # in the slow tier (--all)", flush=True)
        elif not with_sanitizer and sanitized():
            print(f"skip - {title} # measures what sanitizers distort",
                  flush=True)
        else:
            good = _run(title, function) and good
    sys.exit(0 if good else 1)
