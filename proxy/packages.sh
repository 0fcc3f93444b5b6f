# SPDX-License-Identifier: MIT
# The one list of Debian and Ubuntu packages, for proxy/quickstart.sh and
# tests/setup.sh. To be sourced; needs a POSIX shell.
#
#	packages_build	what `meson setup build` needs
#	packages_try	what the quickstart adds: a Python venv, curl
#	packages_test	what the tests add
#	packages_missing NAME...	prints those that are not installed
#	packages_install YES NAME...	installs those, asking unless YES is 1

packages_build="gcc meson ninja-build pkg-config libevent-dev libssl-dev
libnghttp2-dev libsqlite3-dev libcjson-dev libzstd-dev zlib1g-dev
libbrotli-dev libxxhash-dev libpcre2-dev libcmocka-dev"

packages_try="python3 python3-venv curl ca-certificates"

packages_test="$packages_try clang clang-format
nghttp2-client openssl sqlite3 iproute2 git"

# llhttp: Debian 13 has libllhttp-dev, Debian 12 its C sources in node-llhttp.
packages_llhttp()
{
	for name in libllhttp-dev node-llhttp; do
		if dpkg -s "$name" >/dev/null 2>&1; then
			echo "$name"
			return
		fi
	done
	for name in libllhttp-dev node-llhttp; do
		if apt-cache show "$name" 2>/dev/null | grep -q '^Package:'; then
			echo "$name"
			return
		fi
	done
	echo node-llhttp
}

# Compilers and the like that are there by another way count as installed.
packages_have()
{
	case $1 in
	gcc) command -v cc >/dev/null && return 0 ;;
	meson | git | curl | openssl | clang | clang-format | sqlite3)
		command -v "$1" >/dev/null && return 0 ;;
	ninja-build) command -v ninja >/dev/null && return 0 ;;
	python3-venv)
		python3 -c 'import ensurepip, venv' 2>/dev/null && return 0 ;;
	esac
	dpkg -s "$1" 2>/dev/null | grep -q '^Status: .* installed$'
}

packages_missing()
{
	for name in "$@"; do
		packages_have "$name" || echo "$name"
	done
}

packages_install()
{
	packages_yes=$1
	shift
	missing=$(packages_missing "$@" | tr '\n' ' ')
	if packages_llhttp_missing; then
		missing="$missing llhttp"
	fi
	[ -n "$missing" ] || return 0
	if ! command -v apt-get >/dev/null; then
		echo "These are missing, and there is no apt-get to install" \
			"them with: $missing" >&2
		return 1
	fi
	as_root=
	if [ "$(id -u)" != 0 ]; then
		as_root=sudo
		if ! command -v sudo >/dev/null; then
			echo "Please install as root: $missing" >&2
			return 1
		fi
	fi
	if [ "$packages_yes" != 1 ]; then
		printf 'To install with apt-get: %s\nGo on? [Y/n] ' "$missing"
		read -r reply || reply=n
		case $reply in
		'' | y* | Y*) ;;
		*)
			echo "Nothing was installed." >&2
			return 1
			;;
		esac
	fi
	$as_root apt-get update -q >/dev/null || return 1
	missing=$(echo "$missing" | sed "s/\\bllhttp\\b/$(packages_llhttp)/")
	echo "Installing: $missing"
	# shellcheck disable=SC2086 # a list of names
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
		--no-install-recommends $missing >/tmp/assay-apt.$$ 2>&1 || {
		cat /tmp/assay-apt.$$ >&2
		rm -f /tmp/assay-apt.$$
		return 1
	}
	rm -f /tmp/assay-apt.$$
}

packages_llhttp_missing()
{
	pkg-config --exists libllhttp 2>/dev/null && return 1
	for prefix in /usr /usr/local; do
		[ -f "$prefix/share/llhttp/llhttp.c" ] && return 1
	done
	return 0
}
