#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $stderr
# The day after a token was lost: a real VPN server that does not stay root refuses it at its next connection, without a
# restart, and lets the others in.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	load ../lib/vpn.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	vpn_can_netns || skip "needs root and network namespaces: without them each client meets a server of its own"
	company_new "$dir"
	company_token "$dir" second
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf VPN_SERVER_USER=nobody
	# nobody gets to the CRL, and nowhere else
	chmod 0711 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR" "$dir"
	chmod 0755 "$dir/server"
	vpn_begin "$dir/log" netns
	company_conf "$dir" "template.remote=$VPN_HOST $VPN_PORT udp" \
		"ca.after-crl=touch '$dir/log/told'"
}

teardown() {
	vpn_end
}

# enroll USER LABEL: and the bundle unpacked
enroll() {
	company_tokenroll "$dir" enroll "$1" --serial "$(company_token_serial "$dir" "$2")"
	mkdir -p "$dir/home"
	tar -xzf "$dir/bundles/$1.tar.gz" -C "$dir/home"
}

connects() {
	vpn_client_start "$dir/home/$1/$1-linux.ovpn" "$dir/pin"
	vpn_client_wait
	vpn_ping 1
	vpn_client_stop
}

# refused USER: the server turns the certificate down as revoked, and the client is not in
refused() {
	local began
	began=$(wc -l <"$dir/log/server.log")
	vpn_client_start "$dir/home/$1/$1-linux.ovpn" "$dir/pin"
	for _ in {1..400}; do
		! tail -n "+$began" "$dir/log/server.log" | grep -q "VERIFY ERROR.*certificate revoked" || break
		sleep 0.05
	done
	tail -n "+$began" "$dir/log/server.log" | grep "VERIFY ERROR.*certificate revoked"
	run ! grep -q "Initialization Sequence Completed" "$dir/log/client.log"
	vpn_client_stop
}

@test "user nobody: the lost token is refused at its next connection without a restart, and the others get in" {
	local server
	enroll alice "VPN token"
	enroll bob second
	vpn_server_start "$dir" tls-crypt
	connects alice
	connects bob
	server=$VPN_SERVER_PID
	run --separate-stderr company_tokenroll "$dir" lost alice
	echo "$output $stderr"
	[[ $status == 0 && $stderr != *"user nobody"* && -e $dir/log/told ]]
	refused alice
	connects bob
	[[ $VPN_SERVER_PID == "$server" ]]
	[[ $(ps -o user= -p "$server") == nobody ]]
}

@test "user nobody: one that easy-rsa issued is refused after tokenroll revoke, too" {
	local server home=$dir/home/carol
	company_run "$dir" easyrsa company_easyrsa "$dir" build-client-full carol nopass
	enroll alice "VPN token"
	mkdir -p "$home"
	sed -e '/^pkcs11/d' "$dir/home/alice/alice-linux.ovpn" >"$home/carol-linux.ovpn"
	cp "$dir/pki/issued/carol.crt" "$dir/pki/private/carol.key" "$home"
	printf '%s\n' "cert carol.crt" "key carol.key" >>"$home/carol-linux.ovpn"
	vpn_server_start "$dir" tls-crypt
	connects carol
	server=$VPN_SERVER_PID
	company_tokenroll "$dir" revoke carol
	refused carol
	connects alice
	[[ $VPN_SERVER_PID == "$server" ]]
}
