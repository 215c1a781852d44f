#!/usr/bin/env bats
# The point of it all: what tokenroll makes, easy-rsa knows and OpenVPN connects with, for each key type, TLS version and
# kind of control channel protection. P-256 and RSA-2048 always, the others with TOKENROLL_ALL=1.

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
	vpn_begin "$dir/log"
}

teardown() {
	vpn_end
}

needs_all() {
	[[ -n ${TOKENROLL_ALL:-} ]] || skip "only with TOKENROLL_ALL=1 (make check-all)"
}

# enroll KEY-TYPE TLS-MODE: alice, and her bundle unpacked in $dir/home/alice
enroll() {
	local tls
	mapfile -t tls < <(company_tls "$2" "$dir")
	company_conf "$dir" "template.remote=$VPN_HOST $VPN_PORT udp" "${tls[@]}"
	company_tokenroll "$dir" enroll --key-type "$1" alice
	mkdir -m 0700 "$dir/home"
	tar -xzf "$dir/bundles/alice.tar.gz" -C "$dir/home"
	profile=$dir/home/alice/alice-linux.ovpn
}

# connects VERSION: the client gets in, with that TLS version and no other
connects() {
	vpn_client_start "$profile" "$dir/pin" --tls-version-min "$1" --tls-version-max "$1"
	vpn_client_wait
	[[ $(vpn_tls_version) == "TLSv$1" ]]
	[[ $VPN_MODE != netns ]] || vpn_ping 1
	vpn_client_stop
}

handshakes() {
	enroll "$1" "$2"
	vpn_server_start "$dir" "$2"
	connects 1.2
	connects 1.3
}

# The certificate is one of this CA, and easy-rsa's own.
easyrsa_knows_it() {
	openssl verify -purpose sslclient -CAfile "$dir/pki/ca.crt" "$dir/pki/issued/alice.crt"
	company_easyrsa "$dir" show-cert alice | grep -q "commonName *= alice$"
	[[ $(grep -c "^V.*/CN=alice" "$dir/pki/index.txt") == 1 ]]
}

# OpenVPN itself gives the key the name that is in the profile.
openvpn_has_the_same_id() {
	local id
	id=$(sed -n "s/^pkcs11-id '\(.*\)'\$/\1/p" "$profile")
	[[ -n $id ]]
	openvpn --show-pkcs11-ids "$(company_softhsm)" >"$dir/log/ids"
	sed -n 's/^ *Serialized id: *//p' "$dir/log/ids" | grep -qxF -- "$id"
}

# As a session that did not make the key sees it.
key_is_locked_in() {
	pkcs11-tool --module "$(company_softhsm)" --login --pin "$COMPANY_PIN" --list-objects --type privkey >"$dir/log/keys"
	[[ $(grep -c "^Private Key Object" "$dir/log/keys") == 1 ]]
	grep -q "Access: *sensitive, always sensitive, never extractable, local" "$dir/log/keys"
}

revoked_is_refused() {
	company_run "$dir" revoke company_easyrsa "$dir" revoke alice
	company_run "$dir" revoke company_easyrsa "$dir" gen-crl
	company_publish_crl "$dir"
	vpn_client_start "$profile" "$dir/pin"
	vpn_server_refused
	run ! grep -q "Initialization Sequence Completed" "$dir/log/client.log"
}

whole_life() {
	handshakes "$1" tls-crypt
	easyrsa_knows_it
	openvpn_has_the_same_id
	key_is_locked_in
	revoked_is_refused
}

@test "P-256: connects over TLS 1.2 and 1.3, easy-rsa and OpenVPN agree, and revoked it is refused" {
	whole_life ec:P-256
}

@test "P-256: connects with tls-auth" {
	handshakes ec:P-256 tls-auth
}

@test "P-256: connects with tls-crypt-v2 and a client key of its own" {
	handshakes ec:P-256 tls-crypt-v2
	run ! grep -qF "$(sed -n 2p "$dir/server/tls-crypt-v2.key")" "$profile"
}

@test "RSA-2048: connects over TLS 1.2 and 1.3, easy-rsa and OpenVPN agree, and revoked it is refused" {
	whole_life rsa:2048
}

@test "RSA-2048: connects with tls-auth" {
	handshakes rsa:2048 tls-auth
}

@test "RSA-2048: connects with tls-crypt-v2" {
	handshakes rsa:2048 tls-crypt-v2
}

@test "P-384: the whole life" {
	needs_all
	whole_life ec:P-384
}

@test "P-384: connects with tls-auth" {
	needs_all
	handshakes ec:P-384 tls-auth
}

@test "P-384: connects with tls-crypt-v2" {
	needs_all
	handshakes ec:P-384 tls-crypt-v2
}

@test "RSA-3072: the whole life" {
	needs_all
	whole_life rsa:3072
}

@test "RSA-3072: connects with tls-auth" {
	needs_all
	handshakes rsa:3072 tls-auth
}

@test "RSA-3072: connects with tls-crypt-v2" {
	needs_all
	handshakes rsa:3072 tls-crypt-v2
}

@test "RSA-4096: the whole life" {
	needs_all
	whole_life rsa:4096
}

@test "RSA-4096: connects with tls-auth" {
	needs_all
	handshakes rsa:4096 tls-auth
}

@test "RSA-4096: connects with tls-crypt-v2" {
	needs_all
	handshakes rsa:4096 tls-crypt-v2
}

@test "without root and tun devices the same handshake works on loopback" {
	vpn_end
	vpn_begin "$dir/log" null
	enroll ec:P-256 tls-crypt
	vpn_server_start "$dir" tls-crypt
	connects 1.3
	revoked_is_refused
}

@test "an RSA CA signs for an elliptic key, and the client connects" {
	rm -rf "$dir"
	company_new "$dir" algo=rsa dn=org
	handshakes ec:P-256 tls-crypt
	easyrsa_knows_it
}
