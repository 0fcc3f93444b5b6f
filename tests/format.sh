#!/bin/sh
# SPDX-License-Identifier: MIT
# The form of the C files: clang-format, at most 80 columns, 600 lines a file,
# 60 lines a function.
cd "$(dirname "$0")/.." || exit 2
files=$(find proxy replay audit tests $(ls -d certs rules 2>/dev/null) -name '*.[ch]' | sort)
bad=0

# Other versions lay out differently: the one that counts is 14, which
# tests/setup.sh also brings from PyPI.
form=build-tests/venv/bin/clang-format
[ -x $form ] || form=$(command -v clang-format || true)
case $([ -n "$form" ] && $form --version) in
*" 14."*)
	# shellcheck disable=SC2086 # a list of files
	$form --dry-run -Werror $files 2>"${TMPDIR:-/tmp}/form.$$" || {
		bad=1
		grep 'error:' "${TMPDIR:-/tmp}/form.$$" | cut -d: -f1 |
			sort | uniq -c |
			sed 's/ *\([0-9]*\) \(.*\)/\2: \1 places to format/'
	}
	rm -f "${TMPDIR:-/tmp}/form.$$"
	;;
*) echo "format: skipped the layout, clang-format 14 is not installed" ;;
esac

# shellcheck disable=SC2086
LC_ALL=C awk '
# Columns, counting a tab to the next stop of 8 and UTF-8 as one a character.
function width(s,   i, n, c) {
	n = 0
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\t")
			n += 8 - n % 8
		else if (c !~ /[\200-\277]/)
			n++
	}
	return n
}
function complain(line, text) {
	printf "%s:%d: %s\n", file, line, text
	bad++
}
function ended() {
	if (file != "" && lines > 600)
		complain(lines, lines " lines, more than 600")
}
FNR == 1 { ended(); file = FILENAME; start = 0 }
{ lines = FNR }
length($0) > 40 && width($0) > 80 { complain(FNR, "wider than 80 columns") }
# A function in Linux style: its brace opens and ends in the first column.
/^{/ { start = FNR; next }
/^}$/ {
	if (start && FNR - start - 1 > 60)
		complain(start, "a function of " FNR - start - 1 " lines")
	start = 0
}
END { ended(); exit bad != 0 }' $files || bad=1

[ $bad = 0 ] && echo "format: $(echo "$files" | wc -l) files are in form"
exit $bad
