# SPDX-License-Identifier: MIT
"""The first import of every scene: finds tests/lib, and goes on under the
Python of build-tests/venv, so that `python3 tests/scenes/x.py` just works."""
import os
import sys

_tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_venv = os.path.join(os.path.dirname(_tests), "build-tests/venv")
if os.path.exists(_venv + "/bin/python") and \
        os.path.realpath(sys.prefix) != os.path.realpath(_venv):
    os.execv(_venv + "/bin/python", [_venv + "/bin/python", *sys.argv])
sys.path.insert(0, os.path.join(_tests, "lib"))
