#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $output
# What a vendor's module gets to see: a module that looks round wherever it is called, and real ones that must not notice.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	module=$(company_softhsm)
	nosy=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libnosy.so
	export NOSY_MODULE=$module NOSY_LIST=$dir/log/list NOSY_LOG=$dir/log/nosy
	company_conf "$dir" "token.module=$nosy"
	: >"$NOSY_LIST"
}

# The version of the kernel's Landlock; fails where there is none that is good enough.
landlock() {
	python3 -c 'import ctypes
abi = ctypes.CDLL(None).syscall(444, None, 0, 1)
print(abi)
exit(abi < 2)'
}

needs_landlock() {
	landlock >/dev/null || skip "this kernel has no Landlock, or not that of Linux 5.19"
}

# curious PATH...: what the module is to try
curious() {
	printf '%s\n' "$@" >"$NOSY_LIST"
}

# found PATTERN: how many lines of the module's log are like that
found() {
	grep -cE -- "$1" "$NOSY_LOG" || true
}

# kept_from PATH...: at no time did it get anywhere with these
kept_from() {
	local path what
	for path; do
		for what in read write make move cut remove; do
			# Linux 6.2 was the first to refuse that
			[[ $what != cut ]] || (($(landlock) >= 3)) || continue
			grep -qE "^load (EACCES|EXDEV|ENOENT) $what $path\$" "$NOSY_LOG" ||
				{ echo "not tried: $what $path" && return 1; }
			! grep -E "^[a-z]+ done $what $path\$" "$NOSY_LOG" || return 1
		done
	done
}

# enrolled ARGUMENT...: tokenroll with them is done, and alice has her certificate
enrolled() {
	company_tokenroll "$dir" "$@"
	[[ $(grep -c $'^V\t.*/CN=alice$' "$dir/pki/index.txt") == 1 ]]
}

@test "a module can neither read nor change the CA, the database, the bundles and the files of secrets, not even as root" {
	local what
	needs_landlock
	company_tokenroll "$dir" --module "$module" bob >/dev/null
	company_token "$dir" "another token"
	local hidden=(pki/private/ca.key pki/private/server.key pki/ca.crt pki/index.txt pki/issued/bob.crt
		pki/new tokenroll.db tokenroll.db-lock tokenroll.db-wal bundles/bob.zip bundles/bob/bob-linux.ovpn pin ca.pass)
	curious "${hidden[@]/#/$dir/}" "$dir/token/mine"
	(cd "$dir" && sha256sum pki/private/* pki/ca.crt pki/issued/bob.crt bundles/bob.zip pin ca.pass) >"$dir/before"
	: >"$dir/token/mine"
	enrolled --serial "$(company_token_serial "$dir" "another token")" alice
	kept_from "${hidden[@]/#/$dir/}"
	(cd "$dir" && sha256sum --quiet -c before)
	# and it does look: beside them nothing is refused
	for what in read write make move cut remove; do
		(($(found "^load done $what $dir/token/mine\$") > 0))
	done
	(($(found "^initialize E") > 0 && $(found "^generate E") > 0))
}

@test "a module cannot get into tokenroll, the signer and the other workers, not even as root" {
	local process what
	needs_landlock
	enrolled alice
	for process in tokenroll tokenroll-signe tokenroll-worke; do
		for what in attach memory folder; do
			(($(found "^[a-z]+ E[A-Z]+ $what $process\$") > 0)) || { echo "not tried: $what $process" && false; }
		done
	done
	grep -qE "^generate E[A-Z]+ attach tokenroll-signe\$" "$NOSY_LOG"
	run -1 grep " done " "$NOSY_LOG"
	((EUID == 0)) || return 0
	# root gets in where nothing hinders it
	run pkcs11-tool --module "$nosy" --list-slots
	grep -q "^load done attach bash\$" "$NOSY_LOG"
}

@test "modules that only p11-kit looks at see no more than that" {
	needs_landlock
	company_can_p11kit || skip "needs a mount namespace when run as root"
	company_p11kit "$dir" nosy="$nosy" good="$module"
	company_conf "$dir" "token.module=good"
	curious "$dir/pki/private/ca.key" "$dir/ca.pass"
	company_with_p11kit "$dir" "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" \
		--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" alice </dev/null
	kept_from "$dir/pki/private/ca.key" "$dir/ca.pass"
	[[ $(found "^initialize") == 0 ]]
}

@test "keys and a database that are links to another place are hidden there" {
	needs_landlock
	mkdir "$dir/safe" "$dir/data"
	mv "$dir/pki/private" "$dir/safe/keys"
	ln -s ../safe/keys "$dir/pki/private"
	mv "$dir/safe/keys/ca.key" "$dir/safe/company.key"
	ln -s ../company.key "$dir/safe/keys/ca.key"
	company_tokenroll "$dir" enroll --module "$module" --csr-only alice
	mv "$dir/tokenroll.db" "$dir/data/journal"
	ln -s data/journal "$dir/tokenroll.db"
	local hidden=(pki/private/server.key safe/keys/server.key pki/private/ca.key safe/keys/ca.key safe/company.key
		tokenroll.db data/journal data/journal-wal)
	curious "${hidden[@]/#/$dir/}"
	enrolled alice
	kept_from "${hidden[@]/#/$dir/}"
}

@test "a secret that is given as a descriptor is hidden where its file is, and a pipe hides nothing" {
	needs_landlock
	mkdir "$dir/secrets"
	mv "$dir/ca.pass" "$dir/secrets/"
	curious "$dir/secrets/ca.pass"
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --pin-file /dev/fd/4 --ca-pass-file /dev/fd/5 \
		alice 4< <(cat "$dir/pin") 5<"$dir/secrets/ca.pass" </dev/null
	kept_from "$dir/secrets/ca.pass"
}

@test "SoftHSM and OpenSC work when the PKI is in the home, and get their folder for caches" {
	local home="$dir/home" opensc
	mkdir -p "$home/easy-rsa" "$home/.vendor"
	mv "$dir/pki" "$home/easy-rsa/pki"
	company_conf "$dir" "ca.pki=$home/easy-rsa/pki" "token.module=$module"
	HOME=$home company_tokenroll "$dir" alice
	[[ -s $dir/bundles/alice.zip ]]
	opensc=$(echo /usr/lib/*/opensc-pkcs11.so)
	[[ -e $opensc ]] || skip "OpenSC is not installed"
	rm -rf "$home/.cache"
	curious "$home/.cache/opensc" "$home/.vendor/state" "$home/easy-rsa/pki/private/ca.key"
	HOME=$home NOSY_MODULE=$opensc PCSCLITE_CSOCK_NAME=$dir/no-pcscd run -3 company_tokenroll "$dir" --module "$nosy" bob
	# without a reader, or without the service that knows of them
	[[ $output == *"no token is plugged in"* || $output == *"pcscd is not running"* ]]
	[[ $(found "^load done make $home/.vendor/state\$") == 1 ]]
	needs_landlock
	[[ $(found "^load done make $home/.cache/opensc\$") == 1 ]]
	kept_from "$home/easy-rsa/pki/private/ca.key"
}

@test "a passphrase's file where everybody makes files does not keep a module from making some there" {
	mkdir -m 1777 "$dir/log/shared"
	mv "$dir/ca.pass" "$dir/log/shared/"
	curious "$dir/log/shared/lock-of-a-vendor"
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --pin-file "$dir/pin" \
		--ca-pass-file "$dir/log/shared/ca.pass" alice </dev/null
	(($(found "^load done make $dir/log/shared/lock-of-a-vendor\$") > 0))
}

@test "a module in the PKI is not loaded, and the message says why" {
	needs_landlock
	cp "$module" "$dir/pki/module.so"
	run -3 company_tokenroll "$dir" --module "$dir/pki/module.so" alice
	[[ $output == *"$dir/pki/module.so is in $dir/pki, where no module may look"*"a folder of their own"* ]]
}

@test "the parent, which has the PINs and the database, has no library in it that reads archives, sends mail or signs with a token" {
	local bin=${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}
	ldd "$bin" >"$dir/log/libraries"
	grep -q libsqlite3 "$dir/log/libraries"
	run -1 grep -E "libarchive|libcurl|libp11\.so" "$dir/log/libraries"
}
