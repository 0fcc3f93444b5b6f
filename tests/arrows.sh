#!/bin/sh
# SPDX-License-Identifier: MIT
# Fails when an include points the wrong way. The rooms, each of which may
# include what stands left of it:
#
#	proxy <- certs <- rules <- replay <- audit
#
# Inside proxy/: base stands alone, print sees it; wire and record each see
# base, and not each other; seams.h sees these three; relay (and proxy.h) see all. Tests may
# include anything, the practice vendor only base/{str,buf,mem}.h, so that it
# shares no codec with what it tests.
cd "$(dirname "$0")/.." || exit 2

find proxy $(ls -d certs rules 2>/dev/null) replay audit tests/vendor -name '*.[ch]' | sort |
xargs awk '
# The part of the house that a path lies in.
function part(path) {
	if (path ~ /^proxy\/(base|print|wire|record|relay)\//) {
		split(path, p, "/")
		return p[2]
	}
	if (path == "proxy/seams.h" || path ~ /^proxy\/proxy\.h$/)
		return path == "proxy/seams.h" ? "seams" : "face"
	split(path, p, "/")
	return path ~ /^tests\/vendor\// ? "vendor" : p[1]
}

# Where an included name leads: beside the includer, from proxy/, from the top.
function target(from, name,   beside) {
	beside = from
	sub(/[^\/]*$/, "", beside)
	if (exists(beside name))
		return beside name
	if (exists("proxy/" name))
		return "proxy/" name
	return name
}
function exists(path,   line, is) {
	is = (getline line < path) >= 0
	close(path)
	return is
}

BEGIN {
	sees["base"] = "base"
	sees["print"] = "base print"
	sees["wire"] = "base wire"
	sees["record"] = "base record"
	sees["seams"] = "base wire record"
	sees["face"] = "base wire record seams"
	sees["relay"] = "base wire record seams face relay"
	sees["certs"] = sees["relay"] " print certs"
	sees["rules"] = sees["certs"] " rules"
	sees["replay"] = sees["rules"] " replay"
	sees["audit"] = sees["replay"] " audit"
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, q, "\"")
	to = target(FILENAME, q[2])
	if (part(FILENAME) == "vendor") {
		good = to ~ /^tests\/vendor\// ||
			to ~ /^proxy\/base\/(str|buf|mem)\.h$/
	} else {
		good = 0
		n = split(sees[part(FILENAME)], list, " ")
		for (i = 1; i <= n; i++)
			good = good || list[i] == part(to)
	}
	seen++
	if (!good) {
		printf "%s:%d: %s must not include %s\n", FILENAME, FNR,
			part(FILENAME), to
		bad++
	}
}
END {
	if (bad) {
		printf "arrows: %d of %d includes point the wrong way\n", bad,
			seen
		exit 1
	}
	printf "arrows: all %d includes point the right way\n", seen
}'
