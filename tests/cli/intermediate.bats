#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $status and $stderr
# A CA that is an intermediate one: what is wrong above it is found before a key is made, and its chain is where clients
# need it.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	load ../lib/intermediate.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
}

snapshot() {
	(cd "$dir/pki" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
	"$tools/tokendump" "$(company_softhsm)" "$(company_token_serial "$dir" "VPN token")" "$dir/pin"
}

# refused WORDS...: says them, and nothing is made, neither on the token nor in the PKI
refused() {
	local words
	snapshot >"$dir/before"
	run --separate-stderr company_tokenroll "$dir" alice
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == 5 ]]
	for words; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words" && return 1; }
	done
	snapshot | diff "$dir/before" -
}

# chain CERTIFICATE...: of the CA's file
chain() {
	cat "$@" >"$dir/pki/ca.crt"
}

in_profile() {
	unzip -p "$dir/bundles/alice.zip" alice/alice-linux.ovpn | sed -n '/<ca>/,/<\/ca>/p' | grep -c "BEGIN CERTIFICATE"
}

@test "the chain comes from a file of its own, too, each certificate once" {
	intermediate_new "$dir"
	chain "$dir/root/sub.crt"
	company_conf "$dir" "ca.chain=$dir/root/chain"
	cat "$dir/root/sub.crt" "$dir/root/root.crt" >"$dir/root/chain"
	company_tokenroll "$dir" alice
	[[ $(in_profile) == 2 ]]
	openssl verify -CAfile "$dir/root/root.crt" -untrusted "$dir/root/sub.crt" "$dir/pki/issued/alice.crt"
	rm "$dir/root/chain"
	refused "the file of [ca] chain cannot be read" "$dir/root/chain"
}

@test "a CA above that is missing" {
	intermediate_new "$dir"
	chain "$dir/root/sub.crt"
	refused "/CN=Example VPN CA is an intermediate CA" "of the CA above it, /CN=Example Root CA, is missing" \
		"$dir/pki/ca.crt" "[ca] chain"
}

@test "a root that has expired" {
	intermediate_root "$dir"
	intermediate_sign "$dir"
	# the same key and name, of long ago
	: >"$dir/root/index.txt"
	openssl ca -batch -config "$dir/root/ca.cnf" -selfsign -keyfile "$dir/root/root.key" -in "$dir/root/root.req" \
		-startdate 20100101000000Z -enddate 20200102030405Z -notext -extfile "$dir/root/ext" -out "$dir/root/old.crt" \
		2>"$dir/log/old"
	chain "$dir/root/sub.crt" "$dir/root/old.crt"
	refused "the certificate of the CA /CN=Example Root CA expired on 2020-01-02 03:04 UTC" "have it renewed first"
}

@test "an intermediate that has expired" {
	intermediate_root "$dir"
	intermediate_sign "$dir" -startdate 20200101000000Z -enddate 20210102030405Z
	chain "$dir/root/sub.crt" "$dir/root/root.crt"
	refused "the CA certificate $dir/pki/ca.crt expired on 2021-01-02 03:04 UTC"
}

@test "a clock before the CA's notBefore" {
	intermediate_root "$dir"
	intermediate_sign "$dir" -startdate 20990101000000Z -enddate 20991231000000Z
	chain "$dir/root/sub.crt" "$dir/root/root.crt"
	refused "the CA certificate $dir/pki/ca.crt is not valid before 2099-01-01 00:00 UTC" "check this computer's clock"
}

@test "a clock before the root's notBefore" {
	intermediate_root "$dir"
	intermediate_sign "$dir"
	: >"$dir/root/index.txt"
	openssl ca -batch -config "$dir/root/ca.cnf" -selfsign -keyfile "$dir/root/root.key" -in "$dir/root/root.req" \
		-startdate 20980101000000Z -enddate 20990101000000Z -notext -extfile "$dir/root/ext" \
		-out "$dir/root/new.crt" 2>"$dir/log/new"
	chain "$dir/root/sub.crt" "$dir/root/new.crt"
	refused "the certificate of the CA /CN=Example Root CA is not valid before 2098-01-01 00:00 UTC" \
		"check this computer's clock"
}

@test "a root that allows no CA below it" {
	ROOT_PATHLEN=0 intermediate_root "$dir"
	intermediate_sign "$dir"
	chain "$dir/root/sub.crt" "$dir/root/root.crt"
	refused "basicConstraints of /CN=Example Root CA (pathlen)" "a pathlen that is large enough"
}

@test "a certificate ends with the first of the CAs" {
	intermediate_root "$dir" 90
	intermediate_sign "$dir"
	chain "$dir/root/sub.crt" "$dir/root/root.crt"
	company_tokenroll "$dir" alice
	[[ $(openssl x509 -in "$dir/pki/issued/alice.crt" -noout -enddate) == \
		$(openssl x509 -in "$dir/root/root.crt" -noout -enddate) ]]
}

@test "the root before the intermediate: the key is not that of the first certificate, and that is said" {
	intermediate_new "$dir"
	chain "$dir/root/root.crt" "$dir/root/sub.crt"
	refused "is not the key of $dir/pki/ca.crt" "the first one is the CA's"
}

@test "the CRL of the CA above, in the same file: monitoring speaks of it before it ends, and when it has" {
	intermediate_new "$dir"
	company_tokenroll "$dir" alice
	company_tokenroll "$dir" adopt
	cat "$dir/pki/crl.pem" "$dir/root/root.crl" >"$dir/server/crl.pem"
	run -0 company_tokenroll "$dir" crl --check
	[[ $output == "CRL OK: the CRL of /CN=Example Root CA in $dir/server/crl.pem is good until "* ]]
	run -0 company_tokenroll "$dir" status
	intermediate_crl "$dir" -crldays 10
	cat "$dir/pki/crl.pem" "$dir/root/root.crl" >"$dir/server/crl.pem"
	run -1 company_tokenroll "$dir" crl --check
	[[ $output == "CRL WARNING: the CRL of /CN=Example Root CA in "* ]]
	run -1 company_tokenroll "$dir" status
	[[ $output == *"the CRL of /CN=Example Root CA in the same file ends on"* ]]
	intermediate_crl "$dir" -crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z
	cat "$dir/pki/crl.pem" "$dir/root/root.crl" >"$dir/server/crl.pem"
	run -2 company_tokenroll "$dir" crl --check
	[[ $output == "CRL CRITICAL: the CRL of /CN=Example Root CA in $dir/server/crl.pem has expired: nobody connects"* ]]
	run -2 company_tokenroll "$dir" status
	[[ $output == *"have that CA make a fresh one"* ]]
}
