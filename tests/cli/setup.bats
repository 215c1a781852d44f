#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # bats sets $status, $output and $stderr, each test in its own shell
# shellcheck disable=SC2016  # the conversations are expect's, not the shell's
# First use: a company without a PKI gets one that easy-rsa takes for its own, a company with one sees what was found and
# is asked; a configuration is written once; and it can all be run again, also after it was cut off.

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/company.bash
	load ../lib/hsm.bash
	load ../lib/talk.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir=$BATS_TEST_TMPDIR/co
	mkdir -p "$dir/log" "$dir/openvpn/server" "$dir/home"
	export HOME=$dir/home
	unset EASYRSA_PKI
	company_secret "$dir/ca.pass" "$COMPANY_PASSPHRASE"
	cd "$dir" || return
}

# bare ARGUMENT...: setup with what keeps it in $dir
bare() {
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" setup -c "$dir/etc/tokenroll.conf" --openvpn "$dir/openvpn" \
		--data "$dir/data" "$@" </dev/null
}

set_up() {
	bare --ca-pass-file "$dir/ca.pass" "$@"
}

new_ca() {
	set_up --pki "$dir/pki" --server vpn.example.com "$@"
}

# tried ARGUMENT...: for what is expected to fail
tried() {
	run --separate-stderr set_up "$@"
	printf 'status %s, stdout: %s\nstderr: %s\n' "$status" "$output" "$stderr"
}

says() {
	local words
	for words; do
		[[ $stderr == *"$words"* ]] || { echo "not said: $words" && return 1; }
	done
}

conf_has() {
	grep -qxF -- "$1" "$dir/etc/tokenroll.conf"
}

snapshot() {
	(cd "$dir" && find pki etc openvpn -type f -print0 | sort -z | xargs -0 sha256sum)
}

rows() {
	grep -cE -- "$1" "$dir/pki/index.txt" || true
}

# easy-rsa and openssl see one CA, whoever did what
easyrsa_accepts() {
	company_run "$dir" easyrsa company_easyrsa "$dir" show-ca
	company_run "$dir" easyrsa company_easyrsa "$dir" show-cert vpn.example.com
	company_run "$dir" easyrsa company_easyrsa "$dir" build-client-full bob nopass
	company_run "$dir" easyrsa company_easyrsa "$dir" revoke bob
	company_run "$dir" easyrsa company_easyrsa "$dir" gen-crl
	company_run "$dir" easyrsa company_easyrsa "$dir" build-server-full vpn2.example.com nopass
	cat "$dir/pki/ca.crt" "$dir/pki/crl.pem" >"$dir/trusted"
	openssl verify -x509_strict -crl_check -purpose sslserver -CAfile "$dir/trusted" \
		"$dir/pki/issued/vpn.example.com.crt" "$dir/pki/issued/vpn2.example.com.crt"
}

# alice is enrolled with the configuration that setup has written
enrolls_alice() {
	company_hsm "$dir"
	company_token "$dir" "VPN token"
	company_secret "$dir/pin" "$COMPANY_PIN"
	SOFTHSM2_CONF=$dir/token/softhsm2.conf "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" \
		-c "$dir/etc/tokenroll.conf" --module "$(company_softhsm)" --pin-file "$dir/pin" \
		--ca-pass-file "$dir/ca.pass" alice
	openssl verify -purpose sslclient -CAfile "$dir/pki/ca.crt" "$dir/pki/issued/alice.crt"
	grep -q "remote vpn.example.com 1194 udp" "$dir/data/bundles/alice/alice-linux.ovpn"
	grep -q "^<tls-crypt>" "$dir/data/bundles/alice/alice-linux.ovpn"
}

@test "a new CA: P-384, a server, a CRL and a tls-crypt key; easy-rsa goes on with it and alice is enrolled" {
	new_ca >"$dir/said"
	openssl x509 -in pki/ca.crt -noout -text | grep -q "NIST CURVE: P-384"
	openssl pkey -in pki/private/ca.key -passin "file:$dir/ca.pass" -noout
	run ! openssl pkey -in pki/private/ca.key -passin pass:other -noout
	openssl x509 -in pki/issued/vpn.example.com.crt -noout -ext subjectAltName | grep -q "DNS:vpn.example.com"
	[[ $(stat -c %a pki pki/private pki/private/ca.key pki/private/vpn.example.com.key etc/tls-crypt.key |
		tr '\n' ' ') == "700 700 600 600 600 " ]]
	conf_has "pki = $dir/pki"
	conf_has "crl = $dir/openvpn/server/crl.pem"
	conf_has "server_name = vpn.example.com"
	conf_has "remote = vpn.example.com 1194 udp"
	conf_has "tls_crypt = @$dir/etc/tls-crypt.key"
	grep -q "^; how long a certificate is valid" etc/tokenroll.conf
	cmp pki/crl.pem openvpn/server/crl.pem
	grep -q "systemctl enable --now tokenroll-crl.timer" said
	grep -q "install -m 0600 $dir/pki/private/vpn.example.com.key $dir/etc/tls-crypt.key" said
	enrolls_alice
	easyrsa_accepts
}

@test "a new CA with RSA-3072, under an easy-rsa's own vars, in a folder that init-pki has made" {
	EASYRSA_PKI=$dir/pki company_run "$dir" pki "$COMPANY_EASYRSA" --batch init-pki
	printf '%s\n' 'set_var EASYRSA_DN "org"' 'set_var EASYRSA_REQ_ORG "Example GmbH"' \
		'set_var EASYRSA_ALGO rsa' 'set_var EASYRSA_KEY_SIZE 3072' >>"$dir/pki/vars"
	cp pki/vars vars.before
	new_ca --key-type rsa:3072 --ca-name "Example CA" --days 1000
	cmp pki/vars vars.before
	openssl x509 -in pki/ca.crt -noout -text >said
	grep -q "Public-Key: (3072 bit)" said
	grep -q "O = Example GmbH.*CN = Example CA" said
	openssl x509 -in pki/issued/vpn.example.com.crt -noout -text | grep -q "Public-Key: (3072 bit)"
	run ! openssl x509 -in pki/ca.crt -noout -checkend $((1001 * 86400))
	openssl x509 -in pki/ca.crt -noout -checkend $((999 * 86400))
	easyrsa_accepts
}

@test "a new CA on an HSM: its key is made there, easy-rsa shows what there is, and alice is enrolled" {
	local uri
	hsm_new "$dir"
	uri="pkcs11:token=Company%20CA;object=ca-key?module-path=$(company_softhsm)"
	export SOFTHSM2_CONF=$dir/hsm/softhsm2.conf
	bare --pki "$dir/pki" --server vpn.example.com --ca-key "$uri" --ca-pass-file "$dir/hsm.pin"
	conf_has "key = $uri"
	run ! grep -r "PRIVATE KEY" "$dir/pki/private/ca.key"
	company_run "$dir" easyrsa company_easyrsa "$dir" show-ca
	company_run "$dir" easyrsa company_easyrsa "$dir" show-cert vpn.example.com
	bare --ca-key "$uri" --ca-pass-file "$dir/hsm.pin"
	[[ $(pkcs11-tool --module "$(company_softhsm)" --token-label "Company CA" --login --pin "$HSM_PIN" \
		--list-objects --type privkey | grep -c "label: *ca-key") == 1 ]]
	sed -i "/^key = /a hsm-env = SOFTHSM2_CONF=$dir/hsm/softhsm2.conf" etc/tokenroll.conf
	cp "$dir/hsm.pin" "$dir/ca.pass"
	enrolls_alice
}

@test "an HSM whose module needs hsm-env and hsm-writes: what the configuration says of it is obeyed" {
	hsm_new "$dir"
	mkdir etc
	printf '%s\n' "[ca]" "pki = $dir/pki" \
		"key = pkcs11:token=Company%20CA;object=ca-key?module-path=$dir/hsm/libhsm.so" \
		"hsm-env = SOFTHSM2_CONF=$dir/hsm/softhsm2.conf" "hsm-writes = $dir/hsm/tokens" \
		"[template]" "remote = vpn.example.com 1194 udp" "server_name = vpn.example.com" \
		"[store]" "path = $dir/data/tokenroll.db" >etc/tokenroll.conf
	bare --ca-pass-file "$dir/hsm.pin"
	openssl verify -purpose sslserver -CAfile pki/ca.crt pki/issued/vpn.example.com.crt
	run ! grep -r "PRIVATE KEY" pki/private/ca.key
}

@test "a wrong PIN of the HSM is tried once, and nothing is made" {
	hsm_new "$dir"
	company_secret "$dir/ca.pass" 00000000
	SOFTHSM2_CONF=$dir/hsm/softhsm2.conf tried --pki "$dir/pki" --server vpn.example.com \
		--ca-key "pkcs11:token=Company%20CA;object=ca-key?module-path=$(company_softhsm)"
	[[ $status == 4 && ! -e pki/ca.crt && ! -e etc/tokenroll.conf ]]
	says "CKR_PIN_INCORRECT"
}

@test "run again it changes nothing, also without the passphrase" {
	new_ca
	snapshot >before
	bare >said
	snapshot | diff before -
	run ! grep "made now" said
	bare --server vpn.example.com --pki "$dir/pki" --json >said.json
	snapshot | diff before -
	jq -e '.ok and (.ca.made or .server.made or .crl.made or .tls_key.made or .configuration.made | not)' said.json
}

@test "what is missing is made, and only that: server, CRL, tls-crypt key" {
	local ca
	new_ca
	ca=$(sha256sum pki/ca.crt pki/private/ca.key etc/tokenroll.conf)
	rm pki/crl.pem openvpn/server/crl.pem etc/tls-crypt.key
	set_up --server vpn2.example.com --json >said.json
	[[ $(sha256sum pki/ca.crt pki/private/ca.key etc/tokenroll.conf) == "$ca" ]]
	jq -e '(.ca.made or .configuration.made | not) and .server.made and .crl.made and .tls_key.made' said.json
	openssl verify -purpose sslserver -CAfile pki/ca.crt pki/issued/vpn2.example.com.crt
	[[ -s openvpn/server/crl.pem && -s etc/tls-crypt.key && $(rows '^V') == 2 ]]
}

@test "cut off at every change on the disk, the same command goes on: one CA, one certificate of the server" {
	local at=1 rc=0 step=1
	[[ $(ldd "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}") != *libasan* ]] || skip "nothing is preloaded before a sanitizer"
	# every change with check-all, else some
	[[ -n ${TOKENROLL_ALL:-} ]] || step=13
	for (( ; at < 300; at += step)); do
		rm -rf pki etc data openvpn/server/crl.pem
		rc=0
		LD_PRELOAD="${BUILD:-$COMPANY_ROOT/build}/tests/fault/libkillat.so" KILLAT_WHEN="$at" KILLAT_COUNT="$dir/count" \
			new_ca >/dev/null 2>log/cut || rc=$?
		rm -f count
		new_ca >/dev/null 2>log/again || { cat log/again && echo "after change $at" && return 1; }
		[[ $(rows '^V.*/CN=vpn.example.com$') == 1 && $(rows .) == 1 ]]
		openssl verify -crl_check -purpose sslserver -CAfile <(cat pki/ca.crt pki/crl.pem) \
			pki/issued/vpn.example.com.crt
		conf_has "pki = $dir/pki"
		((rc != 0)) || break
	done
	((rc == 0 && at > 10))
}

@test "an existing PKI is found and shown; without a yes nothing is written" {
	company_pki "$dir"
	mv pki home/pki
	tried --remote "vpn.example.com 1194 udp"
	[[ $status == 2 && ! -e etc ]]
	says "a PKI was found in $dir/home/pki" "--pki DIR" "--yes"
	set_up --yes --remote "vpn.example.com 443 tcp" 2>said
	grep -q "CN=Example VPN CA" said
	grep -q "certificates 1 valid, 0 revoked" said
	conf_has "pki = $dir/home/pki"
	conf_has "server_name = server"
	conf_has "remote = vpn.example.com 443 tcp"
}

@test "what the VPN server's configuration says goes into ours" {
	company_pki "$dir"
	cp pki/ca.crt server/server.crt server/server.key server/crl.pem openvpn/server/
	openvpn --genkey secret openvpn/server/ta.key
	cat >openvpn/server/office.conf <<-'CONF'
		port 443 # behind the firewall
		proto tcp-server
		dev tun
		server 10.8.0.0 255.255.255.0
		ca ca.crt
		cert "server.crt"
		key server.key
		tls-auth ta.key 0
		crl-verify crl.pem
	CONF
	printf 'server 10.9.0.0 255.255.255.0\nca /nowhere\ncrl-verify other.pem\n' >openvpn/server/a.conf
	set_up --pki "$dir/pki" --remote "vpn.example.com 443 tcp" 2>said
	grep -qF "$dir/openvpn/server/office.conf" said
	conf_has "crl = $dir/openvpn/server/crl.pem"
	conf_has "tls_auth = @$dir/openvpn/server/ta.key"
	conf_has "server_name = server"
	run ! grep "^tls_crypt" etc/tokenroll.conf
}

@test "an existing PKI is not changed by setup" {
	company_pki "$dir"
	(cd pki && find . -type f -print0 | sort -z | xargs -0 sha256sum) >before
	set_up --pki "$dir/pki" --remote "vpn.example.com 1194 udp"
	(cd pki && find . -type f -print0 | sort -z | xargs -0 sha256sum) | diff before -
}

@test "a configuration that is there is left as it is, and what contradicts it is said" {
	new_ca
	snapshot >before
	tried --remote "other.example.com 1194 udp"
	[[ $status == 2 ]]
	says "--remote is another one than in the configuration $dir/etc/tokenroll.conf"
	tried --pki "$dir/other"
	[[ $status == 2 ]]
	says "--pki is another one"
	snapshot | diff before -
}

@test "a configuration that is there before its CA: the CA is made where it says, for the server that it names" {
	mkdir etc
	printf '%s\n' "[ca]" "pki = $dir/pki" "[template]" "remote = vpn.example.com 1194 udp" \
		"server_name = vpn.example.com" "[store]" "path = $dir/data/tokenroll.db" >etc/tokenroll.conf
	cp etc/tokenroll.conf before
	set_up
	cmp etc/tokenroll.conf before
	openssl verify -purpose sslserver -CAfile pki/ca.crt pki/issued/vpn.example.com.crt
}

@test "what is no place for a new CA is refused: files of others, a CA without its certificate, an unsigned one" {
	mkdir -p full/x pki/issued
	tried --pki "$dir/full" --server vpn.example.com
	[[ $status == 6 && ! -e full/private ]]
	says "is no PKI and not empty" "--pki"
	touch pki/issued/alice.crt
	tried --pki "$dir/pki" --server vpn.example.com
	[[ $status == 5 && ! -e pki/private ]]
	says "ca.crt, is missing" "restore ca.crt"
	rm -r pki
	EASYRSA_PKI=$dir/pki company_run "$dir" pki "$COMPANY_EASYRSA" --batch init-pki
	EASYRSA_PKI=$dir/pki company_run "$dir" pki "$COMPANY_EASYRSA" --batch \
		build-ca subca nopass
	tried --pki "$dir/pki" --server vpn.example.com
	[[ $status == 6 && ! -e pki/ca.crt ]]
	says "intermediate CA" "reqs/ca.req"
}

@test "bad input is said and makes nothing: key type, names, passphrase, nobody to ask" {
	tried --pki "$dir/pki" --server vpn.example.com --key-type ec:P-256
	[[ $status == 2 ]]
	says "too weak" "ec:P-384"
	tried --pki "$dir/pki" --server "../x"
	[[ $status == 2 ]]
	says "the VPN server's name"
	tried --pki "$dir/pki" --server vpn.example.com --ca-name "a/b"
	[[ $status == 2 ]]
	says "cannot be the name of a CA"
	tried --pki "$dir/pki"
	[[ $status == 2 ]]
	says "the VPN server's name is not known" "--server NAME"
	company_secret "$dir/ca.pass" abc
	tried --pki "$dir/pki" --server vpn.example.com
	[[ $status == 2 ]]
	says "at least 4"
	run --separate-stderr bare --pki "$dir/pki" --server vpn.example.com
	[[ $status == 2 ]]
	says "--ca-pass-file FILE"
	tried
	[[ $status == 2 ]]
	says "no PKI was found"
	[[ ! -e pki/ca.crt && ! -e etc ]]
}

@test "a key without a certificate is gone on with, and wants its own passphrase" {
	new_ca
	rm -r pki/ca.crt pki/issued pki/crl.pem etc data openvpn/server/crl.pem
	: >pki/index.txt
	cp pki/private/ca.key key.before
	company_secret "$dir/other.pass" "another one"
	run --separate-stderr bare --ca-pass-file "$dir/other.pass" --pki "$dir/pki" --server vpn.example.com
	[[ $status == 5 && $stderr == *"passphrase"* && ! -e pki/ca.crt ]]
	new_ca
	cmp key.before pki/private/ca.key
	openssl verify -CAfile pki/ca.crt pki/issued/vpn.example.com.crt
}

@test "at a terminal it asks for each thing once, shows what it will make, and wants a yes" {
	talk_with "says {No PKI was found. Folder for a new CA's [/etc/easy-rsa/pki]: }; answer $dir/pki
	      says {Name of the new CA [VPN CA]: }; answer {Example CA}
	      says {The VPN server's name, for its certificate: }; answer vpn.example.com
	      says {Where laptops reach the VPN server (HOST PORT PROTO) [vpn.example.com 1194 udp]: }; answer {}
	      says {To be made:} {Example CA, ec:P-384} {Go on? [y/N] }; answer y
	      says {Passphrase for the new CA key: }; answer secret1
	      says {again: }; answer secret2
	      says {The two are not the same.} {Passphrase for the new CA key: }; answer secret1
	      says {again: }; answer secret1
	      says {Next:}" setup -c "$dir/etc/tokenroll.conf" --openvpn "$dir/openvpn" --data "$dir/data"
	[[ $status == 0 && $output != *secret1* ]]
	openssl pkey -in pki/private/ca.key -passin pass:secret1 -noout
	talk_with "says {The PKI $dir/pki} {Next:}" setup -c "$dir/etc/tokenroll.conf" --openvpn "$dir/openvpn"
	[[ $status == 0 && $output != *"made now"* ]]
}

@test "a no at a terminal makes nothing" {
	talk_with "says {Name of the new CA}; answer {}
	      says {laptops reach}; answer {}
	      says {Go on? [y/N] }; answer {}
	      says {nothing was made or written}" setup -c "$dir/etc/tokenroll.conf" --pki "$dir/pki" \
		--server vpn.example.com --openvpn "$dir/openvpn"
	[[ $status == 7 && ! -e pki && ! -e etc ]]
}

@test "several PKIs are a numbered question, and one of them is taken" {
	company_pki "$dir"
	cp -r pki home/pki
	talk_with "says {There is an easy-rsa PKI with a CA in} {1  $dir/pki} {2  $dir/home/pki} {3  none of them}
	      says {Which one? }; answer 2
	      says {The VPN server's name, for its certificate [server]: }; answer {}
	      says {Where laptops reach}; answer {vpn.example.com 1194 udp}
	      says {To be written:} {Go on? [y/N] }; answer y
	      says {Next:} {tokenroll adopt}" setup -c "$dir/etc/tokenroll.conf" --openvpn "$dir/openvpn" --data "$dir/data"
	[[ $status == 0 ]]
	conf_has "pki = $dir/home/pki"
}

@test "no secret in what is written or said: the passphrase is in no file but its own" {
	new_ca >said 2>&1
	run ! grep -rFl "$COMPANY_PASSPHRASE" pki etc data said
}
