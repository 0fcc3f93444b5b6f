#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what is missing, builds, and runs the tests: unit tests and fuzz
# corpora, the direction of includes, the form of the code, and the scenes.
# Ends with the line `N passed, N failed`; exits 1 if anything failed.
#
#	sh tests/run.sh [--all] [--only PATTERN] [--jobs N]
#		[--sanitize address|thread|none] [--real-model] [--kvv DIR]
#		[--no-setup]
#
#	--all		the slow tier too: a real model, long soaks, fuzzing
#	--only PATTERN	only what matches this regular expression: unit/NAME,
#			arrows, format, scenes/NAME; scenes/NAME:CASE for one
#			case
#	--jobs N	scenes at the same time (2)
#	--sanitize S	build and run under this sanitizer (address brings
#			undefined behaviour too)
#	--real-model	the real model's scene
#	--kvv DIR	a checkout of the vendor verifier, for its scenes
#	--no-setup	install nothing
set -eu
cd "$(dirname "$0")/.."
started=$(date +%s)

setup=1 all=
for word in "$@"; do
	case $word in
	--no-setup) setup=0 ;;
	--all | --real-model) all=--all ;;
	-h | --help)
		sed -n '3,/^set/p' tests/run.sh | grep '^#' | cut -c3-
		exit 0
		;;
	esac
done
if [ $setup = 1 ]; then
	echo "[setup] what is missing is installed into build-tests/"
	if ! sh tests/setup.sh $all; then
		echo "tests/setup.sh failed"
		echo "0 passed, 1 failed"
		exit 1
	fi
fi
exec build-tests/venv/bin/python tests/lib/runner.py --started "$started" "$@"
