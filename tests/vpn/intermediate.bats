#!/usr/bin/env bats
# The company's CA is an intermediate one: real handshakes, and what an OpenVPN server makes of the CRLs of a chain.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	load ../lib/intermediate.bash
	load ../lib/vpn.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	intermediate_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	vpn_begin "$dir/log"
	company_conf "$dir" "template.remote=$VPN_HOST $VPN_PORT udp"
}

teardown() {
	vpn_end
}

enroll() {
	company_tokenroll "$dir" alice 2>&1 | tee "$dir/log/enroll"
	mkdir -m 0700 "$dir/home"
	tar -xzf "$dir/bundles/alice.tar.gz" -C "$dir/home"
	profile=$dir/home/alice/alice-linux.ovpn
}

connects() {
	vpn_client_start "$profile" "$dir/pin"
	vpn_client_wait
	[[ $VPN_MODE != netns ]] || vpn_ping 1
	vpn_client_stop
}

# published CRL...: these in the file of the server's crl-verify
published() {
	cat "$@" >"$dir/server/crl.pem.new"
	mv "$dir/server/crl.pem.new" "$dir/server/crl.pem"
}

@test "an intermediate CA: client and server find the way to the root, and a revoked client is refused" {
	enroll
	[[ $(sed -n '/<ca>/,/<\/ca>/p' "$profile" | grep -c "BEGIN CERTIFICATE") == 2 ]]
	openssl verify -CAfile "$dir/root/root.crt" -untrusted "$dir/root/sub.crt" "$dir/pki/issued/alice.crt"
	vpn_server_start "$dir" tls-crypt
	connects
	company_run "$dir" revoke company_easyrsa "$dir" revoke alice
	company_run "$dir" revoke company_easyrsa "$dir" gen-crl
	company_publish_crl "$dir"
	vpn_client_start "$profile" "$dir/pin"
	vpn_server_refused
}

@test "the server does without the root's CRL, and reads it where it is" {
	enroll
	published "$dir/pki/crl.pem" "$dir/root/root.crl"
	vpn_server_start "$dir" tls-crypt
	connects
	# published again, the root's stays
	company_tokenroll "$dir" --replace alice
	tar -xzf "$dir/bundles/alice.tar.gz" -C "$dir/home"
	[[ $(grep -c "BEGIN X509 CRL" "$dir/server/crl.pem") == 2 ]]
	connects
}

@test "with an expired CRL of the root the server refuses everybody, and tokenroll says so" {
	intermediate_crl "$dir" -crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z
	published "$dir/pki/crl.pem" "$dir/root/root.crl"
	enroll
	grep -q "the CRL of /CN=Example Root CA in $dir/server/crl.pem has expired on 2020-02-01" "$dir/log/enroll"
	vpn_server_start "$dir" tls-crypt
	vpn_client_start "$profile" "$dir/pin"
	vpn_wait_for 20 "$dir/log/server.log" "$VPN_SERVER_PID" 'VERIFY ERROR.*CRL has expired'
}

@test "with the intermediate alone no client gets in" {
	enroll
	cp "$dir/root/sub.crt" "$dir/alone"
	sed -i -e '/<ca>/,/<\/ca>/d' "$profile"
	cp "$profile" "$dir/rest"
	{ printf '<ca>\n' && cat "$dir/alone" && printf '</ca>\n' && cat "$dir/rest"; } >"$profile"
	vpn_server_start "$dir" tls-crypt
	vpn_client_start "$profile" "$dir/pin"
	vpn_wait_for 20 "$dir/log/client.log" "$VPN_CLIENT_PID" 'VERIFY ERROR.*unable to get issuer certificate'
}
