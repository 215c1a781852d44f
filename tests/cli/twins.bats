#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# Tokens with one serial number: a card with two PINs, which is shown as two tokens, and kinds whose serial number does
# not tell two tokens apart.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
	life_token soft
	softhsm2-util --init-token --free --label signature --pin 11112222 --so-pin 73519284 >/dev/null
	secret second 11112222
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count FAULTY_RULE='C_GetTokenInfo:*:serial=4711'
	FAULTY_MODULE=$(company_softhsm)
	mkdir "$dir/profiles"
}

teardown() {
	life_teardown
}

# twins [serial = shared]: the module shows two tokens with that serial number
twins() {
	sed "s|^enroll = .*|enroll = $tools/libfaulty.so|; s|^\[token\]|[token]\n${1:-}|" \
		"$COMPANY_ROOT/pkcs11/profiles/softhsm2.conf" >"$dir/profiles/softhsm2.conf"
	life_conf "token.module=$tools/libfaulty.so" "vpn.client-module-linux=$tools/libfaulty.so" \
		"token.profiles=$dir/profiles"
}

# issued USER: the serial number of that user's certificate, by the PKI
issued() {
	openssl x509 -in "$dir/pki/issued/$1.crt" -noout -serial | cut -d= -f2
}

@test "a card with two PINs: the one that is named by its label is enrolled, proven, and its PIN changed" {
	twins
	refused 3 '4711 "' --serial 4711 "${ca[@]}" --pin-file "$dir/second" bob
	says '4711 "VPN token"' '4711 "signature"' "--token-label"
	refused 3 'no token with the label "other"' "${ca[@]}" --token-label other bob
	done_by --serial 4711 --token-label signature "${ca[@]}" --pin-file "$dir/second" bob
	shows '"signature"'
	done_by --serial 4711 --token-label signature "${ca[@]}" --pin-file "$dir/second" bob
	shows "already"
	refused 3 "--token-label" pin --serial 4711 --pin-file "$dir/second" --new-pin-file "$dir/new"
	refused 3 'no token with the label "other"' pin --token-label other --new-pin-file "$dir/new"
	done_by pin --token-label signature --pin-file "$dir/second" --new-pin-file "$dir/new"
}

@test "the second of two PINs: a rerun after the certificate was issued goes on there" {
	twins
	done_by --token-label signature "${ca[@]}" --pin-file "$dir/second" --csr-only bob
	done_by --token-label signature "${ca[@]}" --pin-file "$dir/second" bob
}

@test "tokens that share a serial number are told apart by their labels, and a wipe revokes what was on that one" {
	twins "serial = shared"
	done_by "${ca[@]}" --token-label "VPN token" --pin-file "$dir/pin" alice
	done_by "${ca[@]}" --token-label signature --pin-file "$dir/second" bob
	done_by tokens --json
	json "one(d['tokens'], label='VPN token')['user']" '"alice"' "one(d['tokens'], label='signature')['user']" '"bob"'
	done_by pin alice --pin-file "$dir/pin" --new-pin-file "$dir/new"
	done_by wipe --serial 4711/signature --confirm 4711 "${ca[@]}" --pin-file "$dir/second"
	[[ $(rows R bob) == 1 && $(rows V bob) == 0 && $(rows V alice) == 1 && $(rows R alice) == 0 ]]
	done_by "${ca[@]}" --token-label "VPN token" --pin-file "$dir/new" alice
	done_by bundle alice
}

# logins: how often C_Login was called
logins() {
	awk '$1 == "C_Login" { n = $2 } END { print n + 0 }' "$FAULTY_COUNT"
}

@test "where the laptops' module shows the certificate behind two PINs none is sent" {
	local before
	FAULTY_RULE=
	life_conf "token.module=$(company_softhsm)" "vpn.client-module-linux=$tools/libfaulty.so"
	export FAULTY_RULE='C_GetTokenInfo:*:serial=4711;C_GetTokenInfo:*:label=another'
	done_by --token-label "VPN token" "${ca[@]}" --pin-file "$dir/pin" alice
	done_by --token-label "VPN token" "${ca[@]}" --pin-file "$dir/pin" alice
	openssl x509 -in "$dir/pki/issued/alice.crt" -outform DER -out "$dir/alice.der"
	pkcs11-tool --module "$FAULTY_MODULE" --token-label signature --login --pin 11112222 --write-object "$dir/alice.der" \
		--type cert --id 01 >/dev/null
	before=$(logins)
	refused 3 "the certificate is shown behind two PINs" --token-label "VPN token" "${ca[@]}" --pin-file "$dir/pin" alice
	says "no PIN was sent" "client-module-linux"
	[[ $(logins) == "$before" ]]
}
