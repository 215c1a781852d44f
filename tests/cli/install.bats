#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $stderr
# `make install` puts a program, a manual page, templates and an example of a configuration where a packager wants them.

bats_require_minimum_version 1.5.0

# installs VARIABLE=VALUE...: the program that is being tested, as it is: make -o all builds nothing
installs() {
	local build
	build=$(realpath --relative-to="$COMPANY_ROOT" "${BUILD:-$COMPANY_ROOT/build}") # make's paths have no blanks
	make -C "$COMPANY_ROOT" --no-print-directory -o all BUILD="$build" "$@" install >"$BATS_FILE_TMPDIR/log" 2>&1 ||
		{ cat "$BATS_FILE_TMPDIR/log" && return 1; }
}

setup_file() {
	load ../lib/company.bash
	export DEST="$BATS_FILE_TMPDIR/dest dir"
	installs PREFIX=/usr DESTDIR="$DEST"
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
	for f in share/man/man8/tokenroll.8 share/tokenroll/templates/{client.ovpn,letter.de.pango} \
		share/doc/tokenroll/LICENSE share/doc/tokenroll/README.md share/doc/tokenroll/tokenroll.conf.example; do
		[[ $(stat -Lc %a "$DEST/usr/$f") == 644 ]]
	done
	for f in tokenroll-crl.timer tokenroll-crl.service; do
		[[ $(stat -c %a "$DEST/usr/lib/systemd/system/$f") == 644 ]]
	done
	for f in bin/tokenroll libexec/tokenroll/tokenroll-{worker,signer,courier,mailer,letter}; do
		[[ $(stat -c %a "$DEST/usr/$f") == 755 ]]
	done
}

@test "the manual and the example name the places of this installation" {
	local page="$DEST/usr/share/man/man8/tokenroll.8" example="$DEST/usr/share/doc/tokenroll/tokenroll.conf.example"
	grep -q "/usr/libexec/tokenroll/tokenroll-worker" "$page"
	run ! grep "/usr/local" "$page" "$example"
	installs SYSCONFDIR=/opt/etc DESTDIR="$BATS_TEST_TMPDIR/x"
	for page in man/man8/tokenroll.8 doc/tokenroll/tokenroll.conf.example; do
		grep -q "/opt/etc/tokenroll/tokenroll.conf" "$BATS_TEST_TMPDIR/x/usr/local/share/$page"
	done
}

@test "the units are systemd's own idea of good ones, and run the program that was installed" {
	local units="$BATS_TEST_TMPDIR/units" unit="$DEST/usr/lib/systemd/system/tokenroll-crl.service"
	grep -qx "ExecStart=/usr/bin/tokenroll crl --quiet" "$unit"
	command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
	mkdir "$units"
	cp "$DEST/usr/lib/systemd/system"/tokenroll-crl.* "$units"
	# it looks for the program, too
	sed -i "s|^ExecStart=/usr/bin/tokenroll|ExecStart=/bin/true|" "$units/tokenroll-crl.service"
	# the manual page is not where man looks
	run --separate-stderr systemd-analyze verify --man=no "$units/tokenroll-crl.service" "$units/tokenroll-crl.timer"
	echo "$output $stderr"
	[[ $status == 0 && $output$stderr != *tokenroll-crl* ]]
	installs DESTDIR="$BATS_TEST_TMPDIR/x"
	grep -q "/usr/local/bin/tokenroll" "$BATS_TEST_TMPDIR/x/usr/local/lib/systemd/system/tokenroll-crl.service"
}

@test "the program looks for its configuration where SYSCONFDIR says" {
	local object="$BATS_TEST_TMPDIR/build/src/options.o"
	make -C "$COMPANY_ROOT" -s BUILD="${object%/src/*}" SYSCONFDIR=/opt/etc "$object" >"$BATS_TEST_TMPDIR/log" 2>&1
	grep -q "/opt/etc/tokenroll/tokenroll.conf" "$object"
}

# elsewhere <EXAMPLE: the places of this machine become places of this test, in case there is a real CA here
elsewhere() {
	sed "s|/etc/easy-rsa|$BATS_TEST_TMPDIR/easy-rsa|; s|/var/lib/tokenroll|$BATS_TEST_TMPDIR/lib|"
}

# with_conf FILE: stops at the PKI or the module, which are not there; what is wrong with the file is said before that
with_conf() {
	"$DEST/usr/bin/tokenroll" -c "$1" --module /nowhere/module.so alice </dev/null
}

@test "the example configuration is accepted as it is" {
	local conf="$BATS_TEST_TMPDIR/example.conf"
	elsewhere <"$DEST/usr/share/doc/tokenroll/tokenroll.conf.example" >"$conf"
	run ! with_conf "$conf"
	[[ $output != *"example.conf"* ]]
	echo "wrong = here" >>"$conf"
	run -2 with_conf "$conf"
	[[ $output == *"example.conf"*wrong* ]]
}

@test "each key of the example is one that can be used" {
	local conf="$BATS_TEST_TMPDIR/all.conf"
	sed 's/^;\([a-z[]\)/\1/' "$COMPANY_ROOT/src/tokenroll.conf.example" | elsewhere >"$conf"
	[[ $(grep -c "^[a-z]" "$conf") -gt 15 ]]
	run ! with_conf "$conf"
	[[ $output != *"all.conf"* ]]
}

@test "a configuration is read the same when it is indented, as the README shows it" {
	local dir="$BATS_TEST_TMPDIR/company"
	company_new "$dir"
	sed -i 's/^/    /' "$dir/tokenroll.conf"
	run -0 --separate-stderr company_tokenroll "$dir" alice
	[[ $output == "alice is enrolled."* ]]
	sed -i 's/^    crl/\tclr/' "$dir/tokenroll.conf"
	run -2 company_tokenroll "$dir" alice
	[[ $output == *"tokenroll.conf, line 3: [ca] has no key 'clr'"* ]]
}

@test "the manual has every option of the help" {
	local option page="$COMPANY_ROOT/src/tokenroll.8" missing=()
	for option in $("$DEST/usr/bin/tokenroll" enroll --help 2>&1 | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
		grep -qE -- "Fl -${option#--}( |\$)" "$page" || missing+=("$option")
	done
	echo "not in the manual: ${missing[*]}"
	((${#missing[@]} == 0))
}

@test "the manual has every key of the configuration" {
	local key n=0 page="$COMPANY_ROOT/src/tokenroll.8"
	while read -r key; do
		grep -qE "^\.It Cm (.* )?$key( |\$)" "$page"
		n=$((n + 1))
	done < <(sed -n 's/^ *KEY("[a-z]*", "\([a-z0-9-]*\)".*/\1/p' "$COMPANY_ROOT/src/core/config.c")
	((n > 20))
}

@test "the manual has every field of the JSON document" {
	local field n=0 dir="$BATS_TEST_TMPDIR/company"
	company_new "$dir"
	company_tokenroll "$dir" --json alice >"$dir/done.json"
	run ! --separate-stderr company_tokenroll "$dir" --json bob
	printf '%s\n' "$output" >"$dir/refused.json"
	sed -n '/^\.Ss JSON/,/^\.Sh/p' "$COMPANY_ROOT/src/tokenroll.8" | tr -s ' ,' '\n' >"$dir/words"
	while read -r field; do
		grep -qxF -- "$field" "$dir/words"
		n=$((n + 1))
	done < <(sed -n 's/^ *"\([a-z0-9_]*\)": .*/\1/p' "$dir/done.json" "$dir/refused.json" | sort -u)
	((n > 25))
}

@test "uninstall takes away what install put there" {
	make -C "$COMPANY_ROOT" BUILD=build PREFIX=/usr DESTDIR="$DEST" uninstall
	[[ -z $(find "$DEST" -type f) ]]
}
