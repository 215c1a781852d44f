#!/bin/bash
# Everything that can be said about the source without running it. Goes through all checks and fails if any did.
# CFLAGS_FOR_LINT is the compiler's command line, from the Makefile.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

shopt -s nullglob
headers=(src/*.h src/*/*.h pkcs11/*.h)
product=(src/*.c src/*/*.c pkcs11/*.c)
tests=(tests/unit/*.c tests/fault/*.c tests/bench/*.c tests/cards/*.[ch])
scripts=(tests/*/*.sh tests/*/*.bash tests/*/*.bats .ci/run)
eval "flags=(${CFLAGS_FOR_LINT//-Werror/})" # the Makefile's quoting
flags=("${flags[@]:1}")                     # without the compiler's name
failed=0

# check NAME COMMAND...
check() {
	local name=$1 output rc=0
	shift
	output=$("$@" 2>&1) || rc=$?
	if ((rc == 0)); then
		printf '  ok    %s\n' "$name"
	else
		printf '  FAIL  %s\n%s\n' "$name" "$output"
		failed=1
	fi
}

headers_compile_alone() {
	local h rc=0
	for h in "${headers[@]}"; do
		printf '#include "%s"\n' "${h#src/}" | cc "${flags[@]}" -Werror -fsyntax-only -x c - || rc=1
	done
	return "$rc"
}

# The hard limit of the house; most files stay far under it.
files_are_short() {
	wc -l "${product[@]}" "${headers[@]}" | awk '$2 != "total" && $1 > 450 { print $2 ": " $1 " lines"; bad = 1 } END { exit bad }'
}

tidy() {
	printf '%s\0' "${product[@]}" |
		xargs -0 -I FILE -P "$(nproc)" clang-tidy --quiet --warnings-as-errors='*' FILE -- "${flags[@]}"
}

cppcheck_all() {
	cppcheck --quiet --std=c11 --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem -j "$(nproc)" -Isrc -I. -D_GNU_SOURCE "${product[@]}" "${tests[@]}"
}

# Names are held against hwdata's, where it is installed.
devices_are_right() {
	local ids=(/usr/share/misc/usb.ids)
	[[ -r ${ids[0]} ]] || ids=()
	awk -f udev/check.awk -v profiles=pkcs11/profiles "${ids[@]}" udev/devices.table
}

# Each program that is installed, and each section that another file names.
manual_has_it() {
	local role section rc=0
	while read -r role; do
		grep -q "tokenroll-$role\( \|$\)" src/tokenroll.8 || { echo "no tokenroll-$role" && rc=1; }
	done < <(sed -n 's/^ROLES := //p' Makefile | tr ' ' '\n')
	while read -r section; do
		grep -q "^\.S[sh] \"\?$section\"\?$" src/tokenroll.8 || { echo "no section $section" && rc=1; }
	done < <(grep -hoP 'man tokenroll`, section "\K[^"]+' udev/*)
	return "$rc"
}

check "layers: includes go one way" awk -f tests/lint/includes.awk "${headers[@]}" "${product[@]}"
check "each header compiles alone" headers_compile_alone
check "files stay short" files_are_short
check "format" clang-format --dry-run -Werror "${headers[@]}" "${product[@]}" "${tests[@]}"
check "clang-tidy" tidy
check "cppcheck" cppcheck_all
check "shellcheck" shellcheck -x -P SCRIPTDIR "${scripts[@]}"
check "table of devices" devices_are_right
check "manual page" mandoc -T lint -W warning src/tokenroll.8
check "manual has the programs, and the sections that are named" manual_has_it
exit $failed
