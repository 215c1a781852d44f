#!/usr/bin/env bats
# There is no moment at which alice has no working certificate: renew and rekey are killed on their way, and each time a
# real client gets in with what is on the token. When they are done it does, too, and the old certificate is on the CRL.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	load ../lib/vpn.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count
	FAULTY_MODULE=$(company_softhsm)
	vpn_begin "$dir/log"
	company_conf "$dir" "template.remote=$VPN_HOST $VPN_PORT udp" "token.module=$tools/libfaulty.so"
	company_tokenroll "$dir" alice
	old=$(openssl x509 -in "$dir/pki/issued/alice.crt" -noout -serial)
	unpack old
	vpn_server_start "$dir" tls-crypt
}

teardown() {
	vpn_end
}

# unpack NAME: the bundle as it is now
unpack() {
	mkdir -m 0700 "$dir/$1"
	tar -xzf "$dir/bundles/alice.tar.gz" -C "$dir/$1"
}

# connects NAME: the client gets in with that bundle
connects() {
	vpn_client_start "$dir/$1/alice/alice-linux.ovpn" "$dir/pin"
	vpn_client_wait
	vpn_client_stop
}

# killed RULE VERB: its worker dies at that call
killed() {
	rm -f "$FAULTY_COUNT"
	FAULTY_RULE=$1 run -3 company_tokenroll "$dir" "$2" alice
	echo "$1: $output"
	grep -q '^fired *1$' "$FAULTY_COUNT"
}

done_with() {
	company_tokenroll "$dir" "$1" alice
	[[ $(grep -c $'^V\t.*/CN=alice$' "$dir/pki/index.txt") == 1 ]]
	grep -q $'^R\t.*,superseded\t'"${old#serial=}"$'\t.*/CN=alice$' "$dir/pki/index.txt"
	cmp "$dir/pki/crl.pem" "$dir/server/crl.pem"
	run ! openssl verify -crl_check -CRLfile "$dir/server/crl.pem" -CAfile "$dir/pki/ca.crt" \
		"$dir/pki/revoked/certs_by_serial/${old#serial=}.crt"
}

@test "renew: the profile that alice has connects before, after each kill, and when it is done" {
	connects old
	for rule in C_SignInit:1:kill C_CreateObject:1:kill C_CreateObject:1:kill-after C_DestroyObject:1:kill \
		C_DestroyObject:1:kill-after; do
		killed "$rule" renew
		connects old
	done
	done_with renew
	connects old
	unpack new
	connects new
}

@test "rekey: the profile that alice has connects until the new bundle is made, and the new one from then on" {
	for rule in C_GenerateKeyPair:1:kill C_GenerateKeyPair:1:kill-after C_CreateObject:1:kill \
		C_CreateObject:1:kill-after; do
		killed "$rule" rekey
		connects old
	done
	killed C_DestroyObject:1:kill rekey
	unpack new
	# the daily timer revokes the old one
	company_tokenroll "$dir" crl
	connects new
	killed C_DestroyObject:2:kill rekey
	connects new
	done_with rekey
	connects new
}

@test "issued without the token, and written later: the old certificate connects meanwhile" {
	company_tokenroll "$dir" renew --no-token alice
	connects old
	done_with renew
	connects old
}
