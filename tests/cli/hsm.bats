#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # bats sets $status, $output and $stderr, each test in its own shell
# shellcheck disable=SC2016  # the conversations are expect's, not the shell's
# The CA's key on an HSM: what is issued and revoked with it is as good as with a key in a file, its PIN is as sacred as
# that of a token, and an HSM that is missing, wrong or goes away is said in time.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	load ../lib/hsm.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir=$BATS_TEST_TMPDIR/co # [ca] key has to fit into a line
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
	hsm_new "$dir"
}

on_hsm() {
	hsm_take_key "$dir" "$@"
	hsm_conf "$dir" "$(hsm_uri "$dir")"
}

# The HSM's module misbehaves by the rules in $dir/hsm/rules.
faulty_hsm() {
	mkdir "$dir/hsm/counts"
	: >"$dir/hsm/rules"
	hsm_conf "$dir" "$(HSM_MODULE=$tools/libfaulty.so hsm_uri "$dir")"
	printf '%s\n' "hsm-env = FAULTY_MODULE=$dir/hsm/libhsm.so" "hsm-env = FAULTY_RULE_FILE=$dir/hsm/rules" \
		"hsm-env = FAULTY_COUNT=$dir/hsm/counts/n" \
		"hsm-writes = $dir/hsm/counts" >"$dir/lines"
	sed -i "/^hsm-env/r $dir/lines" "$dir/tokenroll.conf"
}

called() {
	awk -v name="$1" '$1 == name { n = $2 } END { print n + 0 }' "$dir/hsm/counts/n"
}

rows() {
	grep -cE -- "$1" "$dir/pki/index.txt" || true
}

dump() {
	"$tools/tokendump" "$(company_softhsm)" "$(company_token_serial "$dir" "VPN token")" "$dir/pin"
}

snapshot() {
	(cd "$dir/pki" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
	dump
}

# refused STATUS ARGUMENT...: and nothing is made, neither on the token nor in the PKI
refused() {
	snapshot >"$dir/before"
	run --separate-stderr hsm_tokenroll "$dir" "${@:2}"
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == "$1" ]]
	snapshot | diff "$dir/before" -
}

says() {
	local words
	for words; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words" && return 1; }
	done
}

verifies() {
	cat "$dir/pki/ca.crt" "$dir/server/crl.pem" >"$dir/trusted"
	openssl verify -crl_check -purpose sslclient -CAfile "$dir/trusted" "$dir/pki/issued/alice.crt"
}

# alice is enrolled and replaced; easy-rsa sees it so, and openssl takes certificate and CRL
whole_life() {
	local first
	on_hsm "$1"
	hsm_tokenroll "$dir" alice
	verifies
	first=$(openssl x509 -in "$dir/pki/issued/alice.crt" -noout -serial)
	hsm_tokenroll "$dir" --replace alice
	verifies
	[[ $(rows '^V.*/CN=alice$') == 1 && $(rows '^R.*,superseded.*/CN=alice$') == 1 ]]
	openssl crl -in "$dir/server/crl.pem" -CAfile "$dir/pki/ca.crt" -noout
	openssl crl -in "$dir/server/crl.pem" -noout -text | grep -q "Serial Number: ${first#serial=}"
	# easy-rsa wants to see a file there, and looks into it only to sign
	: >"$dir/pki/private/ca.key"
	company_run "$dir" after company_easyrsa "$dir" show-cert alice
	company_run "$dir" after company_easyrsa "$dir" show-crl
	company_run "$dir" after company_easyrsa "$dir" show-expire
	hsm_tokenroll "$dir" alice
}

@test "RSA-2048 on the HSM: issues, revokes and signs CRLs" {
	whole_life RSA:2048
}

@test "RSA-3072 on the HSM: issues, revokes and signs CRLs" {
	whole_life RSA:3072
}

@test "P-256 on the HSM: issues, revokes and signs CRLs" {
	whole_life EC:P-256
}

@test "P-384 on the HSM: issues, revokes and signs CRLs" {
	whole_life EC:P-384
}

@test "the ordinary signer has no PKCS#11 in it, only the HSM's has" {
	local bin=${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}
	run -1 bash -c 'ldd "$1" | grep -E "libp11|p11-kit|pcsclite"' bash "$bin-signer"
	ldd "$bin-hsm-signer" | grep -q libp11
}

# Looks again and again while tokenroll runs, and writes which process had which library mapped: "worker libhsm.so".
watch_maps() {
	python3 - "$(realpath "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}")" "$dir" <<-'PYTHON'
		import os, sys, time
		program, dir = sys.argv[1:]
		seen = set()
		while not os.path.exists(dir + "/done"):
		    for pid in filter(str.isdigit, os.listdir("/proc")):
		        try:
		            exe = os.readlink("/proc/%s/exe" % pid)
		            maps = open("/proc/%s/maps" % pid).read() if exe.startswith(program + "-") else ""
		        except OSError:
		            continue
		        for library in ("libhsm.so", "libsofthsm2.so"):
		            if library in maps:
		                seen.add(exe[len(program) + 1:] + " " + library)
		    time.sleep(0.005)
		open(dir + "/seen", "w").write("".join(line + "\n" for line in sorted(seen)))
	PYTHON
}

@test "the worker never has the HSM's module mapped, and the signer never the token's" {
	((EUID == 0)) || skip "only root may look at the maps of these processes"
	on_hsm
	watch_maps 3>&- &
	# one that is slow, so that both are seen at work
	FAULTY_MODULE=$(company_softhsm) FAULTY_RULE="C_GenerateKeyPair:1:delay=1500" \
		hsm_tokenroll "$dir" --module "$tools/libfaulty.so" alice
	touch "$dir/done"
	wait
	cat "$dir/seen"
	grep -q "^hsm-signer libhsm.so" "$dir/seen"
	grep -q "^worker libsofthsm2.so" "$dir/seen"
	run -1 grep -E "^(worker libhsm|hsm-signer libsofthsm2)" "$dir/seen"
}

needs_landlock() {
	python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 2)' ||
		skip "this kernel has no Landlock, or not that of Linux 5.19"
}

# nosy_hsm [SECTION.KEY=VALUE...]: the HSM's module tries what is in log/list, and writes down in hsm/counts/nosy what
# came of it; in any other process than the signer it would do so in log/nosy
nosy_hsm() {
	export NOSY_MODULE NOSY_LIST=$dir/log/list NOSY_LOG=$dir/log/nosy
	NOSY_MODULE=$(company_softhsm)
	mkdir -p "$dir/hsm/counts"
	cp "$tools/libnosy.so" "$dir/hsm/libnosy.so"
	hsm_conf "$dir" "$(HSM_MODULE=$dir/hsm/libnosy.so hsm_uri "$dir")" "$@"
	printf '%s\n' "hsm-env = NOSY_MODULE=$dir/hsm/libhsm.so" "hsm-env = NOSY_LOG=$dir/hsm/counts/nosy" \
		"hsm-writes = $dir/hsm/counts" >"$dir/lines"
	sed -i "/^hsm-env/r $dir/lines" "$dir/tokenroll.conf"
}

@test "an HSM's module that p11-kit knows is not loaded to look for tokens" {
	company_can_p11kit || skip "needs a mount namespace when run as root"
	needs_landlock
	on_hsm
	: >"$dir/log/list"
	company_p11kit "$dir" hsm="$dir/hsm/libnosy.so" good="$(company_softhsm)"
	by_p11kit() {
		nosy_hsm "token.module=$1"
		run --separate-stderr company_with_p11kit "$dir" "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" \
			-c "$dir/tokenroll.conf" --pin-file "$dir/pin" --ca-pass-file "$dir/hsm.pin" "$2" </dev/null
		printf 'status %s, stderr: %s\n' "$status" "$stderr"
	}
	by_p11kit "" alice
	[[ $status == 0 && -s $dir/hsm/counts/nosy && ! -e $dir/log/nosy ]]
	# also where its name there is given
	by_p11kit hsm bob
	[[ $status == 3 && ! -e $dir/log/nosy ]]
	says "knows no PKCS#11 module named 'hsm' besides that of the CA's HSM" "name the path"
}

@test "the HSM's module can change nothing but the PKI and what it needs itself, read no PIN, database and bundle, and get into no other process" {
	local name
	needs_landlock
	on_hsm
	company_tokenroll "$dir" enroll --csr-only alice
	printf '%s\n' "$dir/tokenroll.db" "$dir/tokenroll.db-wal" "$dir/tokenroll.conf" "$dir/bundles/alice.req" "$dir/hsm/x" \
		"$dir/pin" >"$dir/log/list"
	nosy_hsm
	hsm_tokenroll "$dir" alice
	verifies
	grep -qE "^load E[A-Z]+ write $dir/tokenroll.db\$" "$dir/hsm/counts/nosy"
	run -1 grep -E "^[a-z]+ done (write|make|move|cut|remove|attach|memory|folder) " "$dir/hsm/counts/nosy"
	for name in tokenroll.db tokenroll.db-wal bundles/alice.req pin; do
		grep -qE "^load E[A-Z]+ read $dir/$name\$" "$dir/hsm/counts/nosy"
		run -1 grep -F " done read $dir/$name" "$dir/hsm/counts/nosy"
	done
}

@test "the PIN comes from pin-source, which wins, and is hidden from the token's module" {
	hsm_take_key "$dir"
	mkdir "$dir/secrets"
	cp "$dir/hsm.pin" "$dir/secrets/p"
	hsm_conf "$dir" "$(hsm_uri "$dir" "token=Company%20CA" "&pin-source=file:$dir/secrets/p")"
	company_secret "$dir/hsm.pin" "not the PIN"
	hsm_tokenroll "$dir" alice
	verifies
	export NOSY_MODULE NOSY_LIST=$dir/log/list NOSY_LOG=$dir/log/nosy
	NOSY_MODULE=$(company_softhsm)
	printf '%s\n' "$dir/secrets/p" "$dir/hsm/libhsm.so" >"$NOSY_LIST"
	hsm_tokenroll "$dir" --module "$tools/libnosy.so" --replace alice
	chmod 644 "$dir/secrets/p"
	refused 2 --replace alice
	says "secrets/p" "chmod 600"
	needs_landlock
	run -1 grep -E "^[a-z]+ done (read|write) $dir/(secrets/p|hsm/libhsm.so)\$" "$NOSY_LOG"
}

@test "a PIN in the URI is refused, and not shown" {
	hsm_take_key "$dir"
	hsm_conf "$dir" "$(hsm_uri "$dir" "token=Company%20CA" "&pin-value=90817263")"
	refused 2 alice
	says "there is a PIN (pin-value) in the URI of [ca] key" "leave the pin-value out" "change that PIN"
	[[ $stderr != *90817263* ]]
}

@test "a wrong PIN is tried once, and said with what is left" {
	on_hsm
	faulty_hsm
	company_secret "$dir/hsm.pin" 00000000
	refused 4 alice
	says "the CA's HSM \"Company CA\"" "PIN" "is wrong" "not tried again by itself"
	[[ $(called C_Login) == 1 ]]
}

@test "the last try of the HSM's PIN is not spent unasked" {
	on_hsm
	faulty_hsm
	echo "C_GetTokenInfo:*:flags=FINAL_TRY" >"$dir/hsm/rules"
	refused 4 alice
	says "the CA's HSM \"Company CA\"" "one PIN try left, which was not spent" "--last-try"
	[[ $(called C_Login) == 0 ]]
	hsm_tokenroll "$dir" --last-try alice
	verifies
}

@test "the last try of a PIN from pin-source needs the same yes" {
	hsm_take_key "$dir"
	faulty_hsm
	sed -i "s|^key = .*|key = $(HSM_MODULE=$tools/libfaulty.so hsm_uri "$dir" "token=Company%20CA" "\\&pin-source=$dir/hsm.pin")|" "$dir/tokenroll.conf"
	echo "C_GetTokenInfo:*:flags=FINAL_TRY" >"$dir/hsm/rules"
	refused 4 alice
	says "one PIN try left, which was not spent"
	[[ $(called C_Login) == 0 ]]
	hsm_tokenroll "$dir" --last-try alice
	verifies
}

# at_terminal ANSWERS: tokenroll alice with these Tcl lines for an expect at its terminal
at_terminal() {
	printf 'set timeout 20\nspawn -noecho {*}$argv\n%s\nexpect eof\nexit [lindex [wait] 3]\n' "$1" >"$dir/talk.exp"
	run timeout -k 1 60 expect -f "$dir/talk.exp" -- "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" \
		-c "$dir/tokenroll.conf" --pin-file "$dir/pin" alice 3>&-
	printf 'status %s, terminal: %s\n' "$status" "$output"
}

@test "at a terminal the HSM is named when its PIN is asked, and its last try is a question of its own" {
	on_hsm
	faulty_hsm
	echo "C_GetTokenInfo:*:flags=FINAL_TRY" >"$dir/hsm/rules"
	at_terminal 'expect "has ONE PIN try left; a wrong PIN locks it. Try it?" {send "n\r"}'
	[[ $status == 4 && $(called C_Login) == 0 ]]
	at_terminal "expect {ONE PIN try left} {send \"y\\r\"}
		expect {PIN of the CA's HSM \"Company CA\"} {send \"$HSM_PIN\\r\"}"
	[[ $status == 0 ]]
	verifies
}

@test "a try that became the last one after it was looked at is not spent either" {
	on_hsm
	faulty_hsm
	echo "C_GetTokenInfo:2+:flags=FINAL_TRY" >"$dir/hsm/rules"
	echo "C_OpenSession:1:delay=700" >>"$dir/hsm/rules"
	refused 4 alice
	says "the CA's HSM \"Company CA\"" "one PIN try left, which was not spent"
	[[ $(called C_Login) == 0 ]]
}

@test "a locked PIN is said before anybody types one" {
	on_hsm
	faulty_hsm
	echo "C_GetTokenInfo:*:flags=LOCKED" >"$dir/hsm/rules"
	rm "$dir/pin"
	company_secret "$dir/pin" "$COMPANY_PIN"
	refused 4 alice
	says "the PIN of the CA's HSM \"Company CA\"" "is locked" "unlock it"
	[[ $(called C_Login) == 0 ]]
}

@test "an HSM with a PIN pad is logged in to on its reader" {
	on_hsm
	faulty_hsm
	printf '%s\n' "C_GetTokenInfo:*:flags=PINPAD" "C_Login:1:CKR_FUNCTION_CANCELED" >"$dir/hsm/rules"
	rm "$dir/hsm.pin"
	refused 4 alice
	says "enter the PIN of the CA's HSM \"Company CA\"" "on its reader" "CKR_FUNCTION_CANCELED"
}

@test "no such token: those that are there are listed" {
	on_hsm
	hsm_token "$dir" "Another"
	hsm_conf "$dir" "$(hsm_uri "$dir" "token=Nobody;object=ca-key")"
	refused 5 alice
	says "no token of the CA's HSM fits [ca] key" '"Company CA"' '"Another"' "correct token=, serial="
}

@test "several tokens fit: they are listed, and a serial number tells them apart" {
	on_hsm
	hsm_token "$dir" "$HSM_LABEL"
	refused 2 alice
	says "[ca] key fits 2 tokens" "serial $(hsm_serial "$dir" "$HSM_LABEL" | head -n 1)" "add serial="
}

@test "no such key: those that are there are listed" {
	on_hsm
	hsm_conf "$dir" "$(hsm_uri "$dir" "token=Company%20CA;object=other")"
	refused 5 alice
	says "no private key on it fits [ca] key" '"ca-key" (id=%0A)'
}

@test "several keys fit: they are listed, and an id tells them apart" {
	on_hsm
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$dir/away/second.key"
	hsm_import "$dir" "$HSM_LABEL" ca-key 0b "$dir/away/second.key"
	refused 5 alice
	says "2 private keys on it fit [ca] key" "id=%0A" "id=%0B" "add object= or id="
	hsm_conf "$dir" "$(hsm_uri "$dir" "token=Company%20CA;id=%0A")"
	hsm_tokenroll "$dir" alice
	verifies
}

@test "another key than the CA's is found by its public key, before any PIN, or else right after the login" {
	on_hsm
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$dir/away/second.key"
	hsm_import "$dir" "$HSM_LABEL" second 0b "$dir/away/second.key"
	faulty_hsm
	sed -i "s|^key = .*|key = $(HSM_MODULE=$tools/libfaulty.so hsm_uri "$dir" "token=Company%20CA;object=second")|" "$dir/tokenroll.conf"
	refused 5 alice
	says "the key on the CA's HSM \"Company CA\"" "is not the key of $dir/pki/ca.crt"
	[[ $(called C_Login) == 0 ]]
	# an HSM that does not show it
	hsm_softhsm "$dir" pkcs11-tool --module "$dir/hsm/libhsm.so" --token-label "$HSM_LABEL" --login --pin "$HSM_PIN" \
		--delete-object --type pubkey --id 0b >"$dir/log/delete"
	refused 5 alice
	says "is not the key of $dir/pki/ca.crt"
}

@test "a module that is not there, is none, or is not named" {
	on_hsm
	hsm_conf "$dir" "pkcs11:token=Company%20CA?module-path=$dir/no.so"
	refused 5 alice
	says "$dir/no.so" "is not on this machine"
	hsm_conf "$dir" "pkcs11:token=Company%20CA?module-path=$dir/hsm.pin"
	refused 5 alice
	says "cannot load the PKCS#11 module $dir/hsm.pin" "module-path in [ca] key"
	hsm_conf "$dir" "pkcs11:token=Company%20CA"
	refused 2 alice
	says "names no module" "module-path"
	hsm_conf "$dir" "$(hsm_uri "$dir" "token=Company%20CA;colour=red")"
	refused 2 alice
	says "'colour' of the URI of [ca] key has no meaning here"
}

@test "a module by its name alone" {
	hsm_take_key "$dir"
	hsm_conf "$dir" "pkcs11:token=Company%20CA?module-name=softhsm2"
	hsm_tokenroll "$dir" alice
	verifies
}

@test "without the HSM a request can still be made, and what was signed elsewhere goes on" {
	on_hsm
	mv "$dir/hsm" "$dir/hsm.off"
	rm "$dir/hsm.pin"
	refused 5 alice
	hsm_tokenroll "$dir" --csr-only alice
	printf '%s\n' basicConstraints=CA:FALSE extendedKeyUsage=clientAuth keyUsage=digitalSignature >"$dir/away/ext"
	openssl x509 -req -in "$dir/bundles/alice.req" -CA "$dir/pki/ca.crt" -CAkey "$dir/away/ca.key" -days 30 \
		-set_serial "0x5$(openssl rand -hex 15)" -extfile "$dir/away/ext" -out "$dir/away/alice.crt" 2>"$dir/log/sign"
	hsm_tokenroll "$dir" --cert "$dir/away/alice.crt" alice
	[[ $(dump | grep -c '^CKO_CERTIFICATE') == 1 && -s $dir/bundles/alice.zip ]]
}

# away RULE: the HSM goes away in the middle, is back for the next run, and that goes on to the same end
away() {
	on_hsm
	faulty_hsm
	echo "$1" >"$dir/hsm/rules"
	run --separate-stderr hsm_tokenroll "$dir" alice
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == 5 ]]
	says "the CA's HSM" "run the same command again"
	[[ $(rows '/CN=alice$') == 0 ]]
	[[ ! -e $dir/pki/index.txt.tokenroll ]]
	: >"$dir/hsm/rules"
	hsm_tokenroll "$dir" alice
	verifies
	[[ $(rows '/CN=alice$') == 1 ]]
	[[ $(dump | grep -c '^CKO_PRIVATE_KEY') == 1 ]]
}

# the first signature is the trial's, the second the certificate's
@test "removed between request and signature: said, nothing half done, the same command goes on" {
	away "C_Sign:2:CKR_DEVICE_REMOVED"
	[[ ! -e $dir/pki/lock.file ]]
	[[ $stderr == *"could not sign the certificate for alice"*"emoved"* ]]
}

@test "its token is not present any more: said, nothing half done, the same command goes on" {
	away "C_Sign:2+:CKR_TOKEN_NOT_PRESENT"
}

@test "its module crashes: said, nothing half done, the same command goes on" {
	away "C_Sign:2:crash"
	says "crashed"
}

@test "the process is killed in the signature: said, nothing half done, the same command goes on" {
	away "C_Sign:2:kill"
}

@test "it cannot sign at all: known before a key is made" {
	on_hsm
	faulty_hsm
	echo "C_Sign:1:CKR_DEVICE_ERROR" >"$dir/hsm/rules"
	refused 5 alice
	says "the CA's HSM \"Company CA\"" "could not sign"
}

@test "it goes away before the CRL of a replacement: the same command finishes it" {
	local old
	on_hsm
	hsm_tokenroll "$dir" alice
	faulty_hsm
	echo "C_Sign:3:CKR_DEVICE_REMOVED" >"$dir/hsm/rules"
	run --separate-stderr hsm_tokenroll "$dir" --replace alice
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == 5 ]]
	says "the CA's HSM" "could not sign a CRL"
	: >"$dir/hsm/rules"
	hsm_tokenroll "$dir" --replace alice
	verifies
	[[ $(rows '^V.*/CN=alice$') == 1 && $(rows '^R.*/CN=alice$') == 1 ]]
	old=$(awk -F'\t' '$1 == "R" { print $4 }' "$dir/pki/index.txt")
	openssl crl -in "$dir/server/crl.pem" -noout -text | grep -q "Serial Number: $old"
}

@test "nobody is enrolled on the CA's HSM" {
	hsm_take_key "$dir"
	rm -rf "$dir/token/tokens"/*
	hsm_conf "$dir" "$(hsm_uri "$dir")" "token.module=$dir/hsm/libhsm.so"
	SOFTHSM2_CONF=$dir/hsm/softhsm2.conf run --separate-stderr hsm_tokenroll "$dir" \
		--serial "$(hsm_serial "$dir" "$HSM_LABEL")" alice
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == 3 ]]
	# a URI that does not say which token
	hsm_conf "$dir" "$(hsm_uri "$dir" "object=ca-key")" "token.module=$dir/hsm/libhsm.so"
	SOFTHSM2_CONF=$dir/hsm/softhsm2.conf run --separate-stderr hsm_tokenroll "$dir" \
		--serial "$(hsm_serial "$dir" "$HSM_LABEL")" alice
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == 6 ]]
	says "is the CA's HSM"
}

@test "HSM and tokens by one module: the token is taken, the HSM left alone" {
	hsm_take_key "$dir"
	hsm_softhsm "$dir" company_run "$dir" token softhsm2-util --init-token --free --label "VPN token" \
		--pin "$COMPANY_PIN" --so-pin "$COMPANY_SO_PIN"
	hsm_conf "$dir" "$(hsm_uri "$dir")" "token.module=$dir/hsm/libhsm.so"
	export SOFTHSM2_CONF=$dir/hsm/softhsm2.conf
	# SoftHSM now and then does not find an object while another process changes its store
	for _ in {1..5}; do
		run --separate-stderr hsm_tokenroll "$dir" alice
		[[ $status == 5 && $stderr == *"libp11 does not find the key"* ]] || break
	done
	echo "$stderr"
	[[ $status == 0 ]]
	verifies
}

@test "wipe revokes with the HSM" {
	on_hsm
	hsm_tokenroll "$dir" alice
	hsm_tokenroll "$dir" wipe --serial "$(company_token_serial "$dir" "VPN token")" \
		--confirm "$(company_token_serial "$dir" "VPN token")" --so-pin-file "$dir/so-pin"
	[[ $(rows '^R.*/CN=alice$') == 1 ]]
	openssl crl -in "$dir/server/crl.pem" -CAfile "$dir/pki/ca.crt" -noout
}
