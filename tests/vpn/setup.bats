#!/usr/bin/env bats
# From nothing to a connected client: what `tokenroll setup` makes for a company without a PKI is all that a real VPN
# server and alice's token need.

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/company.bash
	load ../lib/vpn.bash
	dir=$BATS_TEST_TMPDIR/company
	mkdir -p "$dir/openvpn/server" "$dir/log" "$dir/home"
	company_secret "$dir/ca.pass" "$COMPANY_PASSPHRASE"
	company_hsm "$dir"
	company_token "$dir" "VPN token"
	vpn_begin "$dir/log" null
}

teardown() {
	vpn_end
}

@test "setup, then tokenroll alice: she connects, by the tls-crypt key and the server's certificate that setup made" {
	local run=("${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" --ca-pass-file "$dir/ca.pass")
	HOME=$dir "${run[@]}" setup --pki "$dir/pki" --server vpn.example.com --remote "$VPN_HOST $VPN_PORT udp" \
		--openvpn "$dir/openvpn" --data "$dir/data" </dev/null
	mkdir "$dir/server"
	cp "$dir/pki/issued/vpn.example.com.crt" "$dir/server/server.crt"
	cp "$dir/pki/private/vpn.example.com.key" "$dir/server/server.key"
	cp "$dir/tls-crypt.key" "$dir/openvpn/server/crl.pem" "$dir/server/"
	"${run[@]}" --module "$(company_softhsm)" --pin-file "$dir/pin" alice
	tar -xzf "$dir/data/bundles/alice.tar.gz" -C "$dir/home"
	vpn_server_start "$dir" tls-crypt
	vpn_client_start "$dir/home/alice/alice-linux.ovpn" "$dir/pin"
	vpn_client_wait
}
