#!/usr/bin/env bats
# `make install` puts a program, a manual page, templates and an example of a configuration where a packager wants them.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/company.bash
	export DEST="$BATS_FILE_TMPDIR/dest dir"
	# -o all: installs the program that is being tested, as it is
	local build
	build=$(realpath --relative-to="$COMPANY_ROOT" "${BUILD:-$COMPANY_ROOT/build}") # make's paths have no blanks
	make -C "$COMPANY_ROOT" --no-print-directory -o all PREFIX=/usr BUILD="$build" DESTDIR="$DEST" install \
		>"$BATS_FILE_TMPDIR/log" 2>&1 || { cat "$BATS_FILE_TMPDIR/log" && return 1; }
}

setup() {
	load ../lib/company.bash
}

@test "the installed program gives its version and its help" {
	run -0 "$DEST/usr/bin/tokenroll" --version
	[[ $output =~ ^tokenroll\ [0-9]+\.[0-9]+ ]]
	run -0 "$DEST/usr/bin/tokenroll" --help
	[[ $output == *"tokenroll USER"* ]]
}

@test "what belongs to it is there, readable, and not writable by others" {
	local f
	for f in share/man/man8/tokenroll.8 share/tokenroll/templates/client.ovpn share/doc/tokenroll/LICENSE \
		share/doc/tokenroll/README.md share/doc/tokenroll/tokenroll.conf.example; do
		[[ $(stat -c %a "$DEST/usr/$f") == 644 ]]
	done
	for f in bin/tokenroll libexec/tokenroll/tokenroll-worker libexec/tokenroll/tokenroll-signer; do
		[[ $(stat -c %a "$DEST/usr/$f") == 755 ]]
	done
}

@test "the example configuration is accepted as it is" {
	# It names folders that this machine may not have; the configuration itself must not be what is wrong.
	cp "$DEST/usr/share/doc/tokenroll/tokenroll.conf.example" "$BATS_TEST_TMPDIR/example.conf"
	run ! "$DEST/usr/bin/tokenroll" -c "$BATS_TEST_TMPDIR/example.conf" alice </dev/null
	[[ $output != *"example.conf"* ]]
	echo "wrong = here" >>"$BATS_TEST_TMPDIR/example.conf"
	run -2 "$DEST/usr/bin/tokenroll" -c "$BATS_TEST_TMPDIR/example.conf" alice </dev/null
	[[ $output == *"example.conf"*wrong* ]]
}

@test "each key of the example is one that can be used" {
	sed 's/^;\([a-z[]\)/\1/' "$COMPANY_ROOT/src/tokenroll.conf.example" >"$BATS_TEST_TMPDIR/all.conf"
	[[ $(grep -c "^[a-z]" "$BATS_TEST_TMPDIR/all.conf") -gt 15 ]]
	run ! "$DEST/usr/bin/tokenroll" -c "$BATS_TEST_TMPDIR/all.conf" alice </dev/null
	[[ $output != *"all.conf"* ]]
}

@test "the manual has every option of the help" {
	local option page="$COMPANY_ROOT/src/tokenroll.8" missing=()
	for option in $("$DEST/usr/bin/tokenroll" enroll --help 2>&1 | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
		grep -qE -- "Fl -${option#--}( |\$)" "$page" || missing+=("$option")
	done
	echo "not in the manual: ${missing[*]}"
	((${#missing[@]} == 0))
}

@test "uninstall takes away what install put there" {
	make -C "$COMPANY_ROOT" PREFIX=/usr DESTDIR="$DEST" uninstall
	[[ -z $(find "$DEST" -type f) ]]
}
