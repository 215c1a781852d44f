#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $stderr
# The company CA in bad shape: locked by others, damaged, closed, expired. Each is said before anything is made on the
# token, and nothing changes. And a CRL that does not reach the VPN server is not forgotten.

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
	token=$(company_token_serial "$dir" "VPN token")
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
}

teardown() {
	[[ -z ${holder:-} ]] || kill "$holder"
	[[ ! -d $dir/pki ]] || chmod 700 "$dir/pki"
}

dump() {
	"$tools/tokendump" "$module" "$token" "$dir/pin"
}

# What must stay as it is: every file of the PKI, each attribute of each object on the token, no bundle.
snapshot() {
	(cd "$dir/pki" && find . -printf '%p %y %m\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum)
	dump
	find "$dir/bundles" 2>/dev/null || true
}

# refused_with STATUS COMMAND...: ends with that status and an advice, and changes nothing
refused_with() {
	snapshot >"$BATS_TEST_TMPDIR/before"
	run --separate-stderr "${@:2}"
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == "$1" ]]
	[[ $stderr == *"tokenroll: "*$'\n'* ]]
	snapshot | diff "$BATS_TEST_TMPDIR/before" -
}

refused() {
	refused_with 5 "$@"
}

# says WORDS...: each is somewhere in the message
says() {
	local words
	for words; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words" && return 1; }
	done
}

rows() {
	grep -cE -- "$1" "$dir/pki/index.txt" || true
}

# A process that has nothing to do with the PKI, to be the one that is named.
start_holder() {
	sleep 60 3>&- &
	holder=$!
}

@test "a PKI that a living process has locked: waited for with a message, then it is named; nothing is made" {
	start_holder
	company_conf "$dir" "ca.lock-wait=1"
	printf '%s\n' "$holder" >"$dir/pki/lock.file"
	refused company_tokenroll "$dir" alice
	says "waiting for $dir/pki/lock.file, held by PID $holder (sleep)" "is locked by PID $holder (sleep)" \
		"remove $dir/pki/lock.file"
	[[ $(grep -c waiting <<<"$stderr") == 1 ]]
	run --separate-stderr company_tokenroll "$dir" --json alice
	[[ $(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["error"]["code"])' "$output") == CA_LOCKED ]]
}

@test "a lock that is given up while tokenroll waits: it goes on by itself" {
	start_holder
	printf '%s\n' "$holder" >"$dir/pki/lock.file"
	(until grep -q "waiting for" "$dir/err"; do sleep 0.05; done && rm "$dir/pki/lock.file") 2>"$dir/log/rm" 3>&- &
	company_tokenroll "$dir" alice 2>"$dir/err"
	grep -q "waiting for .*PID $holder (sleep)" "$dir/err"
	[[ $(rows '^V.*/CN=alice$') == 1 ]]
}

@test "an easyrsa that knows no lock is waited for, and that is said" {
	mkdir "$dir/pki/deadbeef"
	(sleep 2 && rmdir "$dir/pki/deadbeef") 3>&- &
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 0 && $stderr == *"an easyrsa is at work on the PKI"*"$dir/pki/deadbeef"* ]]
	wait
}

@test "a lock whose process is gone is taken over" {
	start_holder
	kill "$holder"
	wait "$holder" || true
	printf '%s\n' "$holder" >"$dir/pki/lock.file"
	holder=
	company_tokenroll "$dir" alice
	[[ ! -e $dir/pki/lock.file ]]
	[[ $(rows '^V.*/CN=alice$') == 1 ]]
}

@test "a lock that names nobody: waited for with a message, then it is said how to remove it, and left alone" {
	company_conf "$dir" "ca.lock-wait=1"
	: >"$dir/pki/lock.file"
	refused company_tokenroll "$dir" alice
	says "waiting for $dir/pki/lock.file, held by a program that did not write its process id" "user id $EUID" \
		"is locked by a program that did not write its process id" "remove $dir/pki/lock.file"
	rm "$dir/pki/lock.file"
	company_tokenroll "$dir" alice
}

@test "a CA certificate that has expired" {
	: >"$dir/empty"
	openssl req -new -key "$dir/pki/private/ca.key" -passin "file:$dir/ca.pass" -subj "/CN=Example VPN CA" \
		-out "$dir/ca.req"
	printf '[ca]\ndefault_ca=x\n[x]\ndatabase=%s\nnew_certs_dir=%s\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n
		x509_extensions=e\n[p]\ncommonName=supplied\n[e]\nbasicConstraints=CA:TRUE\n' "$dir/empty" "$dir" >"$dir/ca.cnf"
	company_run "$dir" expired openssl ca -batch -config "$dir/ca.cnf" -selfsign -in "$dir/ca.req" -notext \
		-keyfile "$dir/pki/private/ca.key" -passin "file:$dir/ca.pass" \
		-startdate 20200101000000Z -enddate 20210101000000Z -out "$dir/pki/ca.crt"
	refused company_tokenroll "$dir" alice
	says "$dir/pki/ca.crt expired on 2021-01-01" "renew the CA"
}

@test "a ca.crt that is no CA's" {
	cp "$dir/pki/issued/server.crt" "$dir/pki/ca.crt"
	refused company_tokenroll "$dir" alice
	says "$dir/pki/ca.crt is not the certificate of a CA"
}

@test "a CA key that is another one's, with the same passphrase" {
	openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -passout "file:$dir/ca.pass" \
		-out "$dir/pki/private/ca.key"
	refused company_tokenroll "$dir" alice
	says "$dir/pki/private/ca.key is not the key of $dir/pki/ca.crt" "restore"
}

@test "a PKI of which a part is missing names that part" {
	local part
	for part in index.txt serial issued certs_by_serial reqs; do
		mv "$dir/pki/$part" "$dir/away"
		refused company_tokenroll "$dir" alice
		says "$dir/pki is incomplete" "$part"
		mv "$dir/away" "$dir/pki/$part"
	done
	company_tokenroll "$dir" alice
}

@test "a broken row in the middle of index.txt is named by its line and what is wrong" {
	printf 'V\t290101000000Z\t\t0A0B\tunknown\t/CN=carol\n\nV\t290101000000Z\t\t0A0C\tunknown\t/CN=dave\n' \
		>>"$dir/pki/index.txt"
	refused company_tokenroll "$dir" alice
	says "index.txt line 3: the row is blank ($dir/pki/index.txt)"
	sed -i '3d; s/290101000000Z/2901010000Z/2' "$dir/pki/index.txt"
	sed -i '3s/^V/X/' "$dir/pki/index.txt"
	refused company_tokenroll "$dir" alice
	says "index.txt line 3: the row has a status that is none of V, R and E"
}

@test "an index.txt that easyrsa could not work with: two rows with one serial, a NUL byte, two valid rows of one subject" {
	local row=$'V\t290101000000Z\t\t0A0B\tunknown\t/CN=carol\n'
	cp "$dir/pki/index.txt" "$dir/index.txt"
	printf '%s%s' "$row" "${row/carol/dave}" >>"$dir/pki/index.txt"
	refused company_tokenroll "$dir" alice
	says "index.txt lines 2 and 3: two rows have the serial 0A0B ($dir/pki/index.txt)"
	run -1 company_easyrsa "$dir" gen-crl
	(cat "$dir/index.txt" && printf 'V\t290101000000Z\t\t0A0B\tunknown\t/CN=ca\0rol\n') >"$dir/pki/index.txt"
	refused company_tokenroll "$dir" alice
	says "index.txt line 2: the row has a NUL byte in it"
	(cat "$dir/index.txt" && printf '%s%s' "$row" "${row/0A0B/0A0C}") >"$dir/pki/index.txt"
	echo "unique_subject = yes" >"$dir/pki/index.txt.attr"
	refused company_tokenroll "$dir" alice
	says "index.txt lines 2 and 3: two valid rows have the subject /CN=carol" "unique_subject = no"
	run -1 company_easyrsa "$dir" gen-crl
	echo "unique_subject = no" >"$dir/pki/index.txt.attr"
	company_easyrsa "$dir" gen-crl
	company_tokenroll "$dir" alice
}

# type_with LINE: the PKI's own certificate types, with that line in client
type_with() {
	mkdir -p "$dir/pki/x509-types"
	cp /usr/share/easy-rsa/x509-types/* "$dir/pki/x509-types/"
	printf '%s\n' "$1" >>"$dir/pki/x509-types/client"
}

@test "what the CA cannot sign, or the VPN server would refuse, is told before a key is made" {
	type_with "subjectAltName = nonsense"
	refused company_tokenroll "$dir" alice
	says "in $dir/pki/x509-types has an extension that OpenSSL cannot make" "name=subjectAltName"
	type_with ""
	sed -i 's/clientAuth/serverAuth/' "$dir/pki/x509-types/client"
	refused company_tokenroll "$dir" alice
	says "a VPN server would refuse the certificate of alice" "$dir/pki/x509-types" "extendedKeyUsage = clientAuth"
	rm -r "$dir/pki/x509-types"
	printf 'set_var EASYRSA_DIGEST md5\n' >>"$dir/pki/vars"
	refused company_tokenroll "$dir" alice
	says 'EASYRSA_DIGEST is "md5"' "set it to sha256" "$dir/pki/vars"
	sed -i '$d' "$dir/pki/vars"
	cp "$dir/pki/issued/server.crt" "$dir/pki/issued/alice.crt"
	refused_with 6 company_tokenroll "$dir" alice
	says "somebody else, /CN=server" "choose another name"
	# as the advice says, and on the same token
	company_tokenroll "$dir" bob
	[[ $(rows '^V.*/CN=bob$') == 1 ]]
}

# as_mortal COMMAND...: root, too, is denied what the mode of a file denies its owner
as_mortal() {
	if ((EUID == 0)); then
		setpriv --bounding-set -dac_override,-dac_read_search "$@"
	else
		"$@"
	fi
}

mortal_tokenroll() {
	as_mortal "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --pin-file "$dir/pin" \
		--ca-pass-file "$dir/ca.pass" "$@" </dev/null
}

@test "a PKI that may not be read, or not be changed, says who should run it" {
	local part
	chmod 000 "$dir/pki"
	run --separate-stderr mortal_tokenroll alice
	[[ $status == 5 ]]
	says "$dir/pki cannot be opened" "Permission denied" "owner of the PKI"
	chmod 700 "$dir/pki"
	for part in private/ca.key ca.crt index.txt; do
		chmod 000 "$dir/pki/$part"
		run --separate-stderr mortal_tokenroll alice
		[[ $status == 5 ]]
		says "$dir/pki/$part" "Permission denied"
		chmod 600 "$dir/pki/$part"
	done
	chmod 500 "$dir/pki/issued"
	refused mortal_tokenroll alice
	says "no right to write $dir/pki/issued" "owner of the PKI"
	chmod 700 "$dir/pki/issued"
	mortal_tokenroll alice
}

# The state after alice's certificate was replaced while the server's CRL could not be written.
replace_without_publishing() {
	company_tokenroll "$dir" alice
	old=$(cut -f 4 <<<"$(grep '/CN=alice$' "$dir/pki/index.txt")")
	cp "$dir/server/crl.pem" "$dir/crl.before"
	company_conf "$dir" "ca.crl=$dir/server/vpn/crl.pem"
	run --separate-stderr company_tokenroll "$dir" --json enroll --replace alice
}

# one_new_certificate: the old one is revoked, one took its place, and it is on the token with its key
one_new_certificate() {
	[[ $(rows '^V.*/CN=alice$') == 1 ]]
	[[ $(rows "^R.*,superseded.*$old.*/CN=alice\$") == 1 ]]
	[[ $(rows '/CN=alice$') == 2 ]]
	[[ $(dump | cut -d' ' -f1 | sort | uniq -c | tr -s ' \n' ' ') == " 1 CKO_CERTIFICATE 1 CKO_PRIVATE_KEY 1 CKO_PUBLIC_KEY " ]]
}

@test "a CRL that cannot be published: the enrollment is finished, the error says that the old certificate still gets in" {
	replace_without_publishing
	[[ $status == 5 ]]
	[[ $(python3 -c '
import json, sys
r = json.loads(sys.argv[1])
print(r["ok"], r["state"], r["proved"], r["error"]["code"], r["error"]["reason"], r["bundle"]["zip"])' "$output") == \
	"False proven True CRL_UNPUBLISHED No such file or directory $dir/bundles/alice.zip" ]]
	says "alice is enrolled, with the bundle in $dir/bundles/alice" "certificate $old of alice is revoked" \
		"VPN server still reads an old CRL" "$dir/server/vpn" "No such file or directory" \
		"copy $dir/pki/crl.pem to $dir/server/vpn/crl.pem" "run the same command again"
	one_new_certificate
	[[ -s $dir/bundles/alice.zip ]]
	openssl crl -in "$dir/pki/crl.pem" -noout -text | grep -q "Serial Number: $old"
}

@test "the same command again publishes the CRL and replaces nothing more; as long as it cannot, it is the same error" {
	local command
	replace_without_publishing
	for command in "enroll --replace" enroll; do
		# shellcheck disable=SC2086  # the words are arguments
		run --separate-stderr company_tokenroll "$dir" $command alice
		[[ $status == 5 ]]
		says "certificate $old of alice is revoked" "VPN server still reads an old CRL"
		one_new_certificate
	done
	mkdir "$dir/server/vpn"
	run --separate-stderr company_tokenroll "$dir" enroll --replace alice
	[[ $status == 0 ]]
	says "published now: $dir/server/vpn/crl.pem"
	cmp "$dir/pki/crl.pem" "$dir/server/vpn/crl.pem"
	one_new_certificate
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 0 ]]
	[[ $output == *already* ]]
}

@test "what is left when only the CRL was missing is done, also if somebody has changed a file of the bundle meanwhile" {
	replace_without_publishing
	mkdir "$dir/server/vpn"
	echo "<!-- ours -->" >>"$dir/bundles/alice/guide.de.html"
	run --separate-stderr company_tokenroll "$dir" enroll --replace alice
	[[ $status == 0 ]]
	says "guide.de.html" "published now: $dir/server/vpn/crl.pem"
	grep -q ours "$dir/bundles/alice/guide.de.html"
	one_new_certificate
}

@test "what was handed over is not made again while the CRL waits to be published, unless it was taken away" {
	replace_without_publishing
	stat -c '%i %Y' "$dir/bundles/alice.zip" "$dir/bundles/alice" >"$dir/before"
	run --separate-stderr company_tokenroll "$dir" --json enroll --replace alice
	[[ $status == 5 ]]
	says "alice is enrolled, with the bundle in $dir/bundles/alice"
	[[ $output == *"$dir/bundles/alice.zip"* ]]
	stat -c '%i %Y' "$dir/bundles/alice.zip" "$dir/bundles/alice" | diff "$dir/before" -
	rm "$dir/bundles/alice.zip"
	run --separate-stderr company_tokenroll "$dir" enroll --replace alice
	[[ $status == 5 ]]
	[[ -s $dir/bundles/alice.zip ]]
	one_new_certificate
}

@test "a --replace that fails behind the revocation: the server hears of that, or it is said that it could not be told" {
	local first
	company_tokenroll "$dir" alice
	first=$(cut -f 4 <<<"$(grep '/CN=alice$' "$dir/pki/index.txt")")
	mkdir -p "$dir/pki/revoked/reqs_by_serial"
	: >"$dir/pki/revoked/reqs_by_serial/$first.req"
	company_conf "$dir" "ca.crl=$dir/server/vpn/crl.pem"
	run --separate-stderr company_tokenroll "$dir" enroll --replace alice
	[[ $status == 5 ]]
	says "there is a file $dir/pki/revoked/reqs_by_serial/$first.req already" \
		"certificate $first of alice is revoked, but the VPN server still reads an old CRL"
	mkdir "$dir/server/vpn"
	run --separate-stderr company_tokenroll "$dir" enroll --replace alice
	[[ $status == 5 ]]
	says "there is a file"
	[[ $stderr != *"still reads"* ]]
	openssl crl -in "$dir/server/vpn/crl.pem" -noout -text | grep -q "Serial Number: $first"
	rm "$dir/pki/revoked/reqs_by_serial/$first.req"
	company_tokenroll "$dir" enroll --replace alice
	old=$first
	one_new_certificate
}

# new_ca_crt KEY_USAGE: a CA certificate with that for the same key, with the same name and serial number
new_ca_crt() {
	local serial
	serial=$(openssl x509 -in "$dir/pki/ca.crt" -noout -serial)
	openssl req -x509 -key "$dir/pki/private/ca.key" -passin "file:$dir/ca.pass" -subj "/CN=Example VPN CA" -days 30 \
		-set_serial "0x${serial#serial=}" -addext "keyUsage=critical,$1" -out "$dir/new.crt"
	cp "$dir/new.crt" "$dir/pki/ca.crt"
}

@test "a CA certificate that may not sign CRLs: --replace says so before anything is made, and what to do helps" {
	company_tokenroll "$dir" alice
	old=$(cut -f 4 <<<"$(grep '/CN=alice$' "$dir/pki/index.txt")")
	new_ca_crt keyCertSign
	sqlite3 "$dir/tokenroll.db" "SELECT id, state, changed FROM credentials" >"$dir/before"
	refused company_tokenroll "$dir" enroll --replace alice
	says "the keyUsage of the CA certificate $dir/pki/ca.crt has no cRLSign" "same key" "serial number" "VPN server"
	sqlite3 "$dir/tokenroll.db" "SELECT id, state, changed FROM credentials" | diff "$dir/before" -
	# nothing is said where nothing would be revoked
	company_tokenroll "$dir" alice
	company_token "$dir" "Second token"
	company_tokenroll "$dir" enroll --replace --serial "$(company_token_serial "$dir" "Second token")" bob
	refused company_tokenroll "$dir" enroll --replace --serial "$token" alice
	new_ca_crt keyCertSign,cRLSign
	company_tokenroll "$dir" enroll --replace --serial "$token" alice
	one_new_certificate
	cat "$dir/pki/ca.crt" "$dir/server/crl.pem" >"$dir/both.pem"
	openssl verify -crl_check -CAfile "$dir/both.pem" "$dir/pki/issued/alice.crt" "$dir/pki/issued/bob.crt"
	run -2 openssl verify -crl_check -CAfile "$dir/both.pem" "$dir/pki/revoked/certs_by_serial/$old.crt"
	[[ $output$stderr == *"certificate revoked"* ]]
}

@test "a name that a server has is not replaced, and that is said before a key is made" {
	refused_with 6 company_tokenroll "$dir" enroll --replace server
	says "of server is not a client's and is not replaced"
}

@test "a CRL that was copied by hand, as the error says, is enough" {
	replace_without_publishing
	install -D -m 0644 "$dir/pki/crl.pem" "$dir/server/vpn/crl.pem"
	run --separate-stderr company_tokenroll "$dir" enroll --replace alice
	[[ $status == 0 ]]
	one_new_certificate
}

@test "an old CRL at the server is found when a finished token is checked, without a passphrase; for others it is a note" {
	company_tokenroll "$dir" bob
	company_token "$dir" "Second token"
	token=$(company_token_serial "$dir" "Second token")
	company_tokenroll "$dir" enroll --serial "$token" alice
	cp "$dir/server/crl.pem" "$dir/crl.before"
	company_tokenroll "$dir" enroll --serial "$token" --replace alice
	mv "$dir/crl.before" "$dir/server/crl.pem"
	rm "$dir/ca.pass"
	company_tokenroll "$dir" enroll --serial "$token" alice
	cmp "$dir/pki/crl.pem" "$dir/server/crl.pem"
	echo "port 1194" >"$dir/server/crl.pem"
	run --separate-stderr company_tokenroll "$dir" bob
	[[ $status == 0 ]]
	says "could not be published" "something else than a CRL"
	run --separate-stderr company_tokenroll "$dir" enroll --serial "$token" alice
	[[ $status == 5 ]]
	says "VPN server still reads an old CRL" "something else than a CRL"
}

@test "[ca] crl names a folder, as with crl-verify DIR dir: that is told at the start" {
	company_conf "$dir" "ca.crl=$dir/server"
	refused_with 2 company_tokenroll "$dir" alice
	says "[ca] crl = $dir/server is a folder" "crl-verify"
}

@test "the published CRL keeps mode and owner, and a place that the server cannot read is warned of" {
	company_tokenroll "$dir" alice
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" "$dir" "$dir/server"
	chmod 604 "$dir/server/crl.pem"
	((EUID != 0)) || chown 4321:8765 "$dir/server/crl.pem"
	stat -c '%a %u %g' "$dir/server/crl.pem" >"$dir/before"
	run --separate-stderr company_tokenroll "$dir" enroll --replace alice
	[[ $status == 0 ]]
	[[ $stderr != *"lets"*"revoked"* && $stderr != *"does not stay root"* ]]
	stat -c '%a %u %g' "$dir/server/crl.pem" | diff "$dir/before" -
	cmp "$dir/pki/crl.pem" "$dir/server/crl.pem"
	chmod 700 "$dir/server"
	run --separate-stderr company_tokenroll "$dir" enroll --replace alice
	[[ $status == 0 ]]
	says "does not stay root" "$dir/server is closed to others" "chmod"
}
