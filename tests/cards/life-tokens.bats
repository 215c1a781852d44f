#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# tokenroll tokens: what is plugged in, and whose it is, without a PIN and without changing anything.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
}

teardown() {
	life_teardown
}

# tokens: the document, and the same for people in $people
tokens() {
	roll tokens
	[[ $status == 0 ]]
	people=$output
	roll tokens --json
	[[ $status == 0 ]]
}

# one_line WORDS...: for people each is there
one_line() {
	local words
	for words; do
		[[ $people == *"$words"* ]] || { echo "not shown: $words in $people" && return 1; }
	done
}

@test "readers and tokens of several kinds, each with its own module" {
	local t="one(d['tokens'], serial='13371337')" h="one(d['tokens'], serial='DECC0100001')"
	cards_start_yubikeys 4
	card_new piv 0 attestation=ec:P-256
	card_new sc-hsm 1
	life_conf
	tokens
	json "d['ok']" true "len(d['readers'])" 4 "[r['card'] for r in d['readers']]" '[true, true, false, false]' \
		"${t}['profile']['id']" '"yubikey-piv"' "${h}['profile']['id']" '"smartcard-hsm"' \
		"'ykcs11' in ${t}['module']" true "'opensc' in ${h}['module']" true \
		"${t}['pin']['tries']" 3 "${h}['pin']['tries']" 3 "${h}['so_pin']['tries']" 15 "${h}['puk']" null \
		"${t}['pin']['factory']" '"yes"' "${t}['so_pin']['factory']" '"yes"' "${t}['puk']['factory']" '"yes"' \
		"${t}['puk']['tries']" 3 "${h}['pin']['factory']" null "${t}['user']" null \
		"'OpenSC' in ${h}['profile']['tested']" true \
		"len([x for x in d['tokens'] if x['reader'].startswith('Yubico')])" 2
	one_line "3 tries left, the factory's" "management key the factory's" "belongs to   nobody" "tested with"
	[[ $(grep -c ": empty$" <<<"$people") == 2 ]]
}

@test "nothing is spent, written or sent that carries a secret" {
	life_token yubikey
	watch
	tokens
	nothing_sent
	is pin-tries 3 puk-tries 3
	life_token hsm
	watch
	tokens
	nothing_sent
	is pin-tries 3 so-tries 15
}

@test "whose a token is, until when, and what else is on it" {
	local h="one(d['tokens'], serial='DECC0100001')" until
	life_token hsm foreign=ec:P-256
	enroll --pin-file "$old"
	until=$(openssl x509 -in "$dir/pki/issued/alice.crt" -noout -enddate | cut -d= -f2)
	until=$(date -u -d "$until" +%F)
	tokens
	json "${h}['user']" '"alice"' "${h}['state']" '"delivered"' "${h}['valid_until']" "\"$until\"" \
		"sorted({o['class'] for o in ${h}['objects'] if o['ours']})" '["certificate", "public-key"]' \
		"[o['subject'] for o in ${h}['objects'] if o['class'] == 'certificate' and not o['ours']]" '["Qualified signature 1"]'
	one_line "belongs to   alice, certificate until $until" "that tokenroll did not make (Qualified signature 1)"
}

@test "an enrollment that is not finished is said" {
	life_token hsm
	roll --serial "$serial" --pin-file "$old" --csr-only alice
	[[ $status == 0 ]]
	tokens
	json "one(d['tokens'], serial='$serial')['user']" '"alice"' "one(d['tokens'], serial='$serial')['state']" '"requested"' \
		"one(d['tokens'], serial='$serial')['valid_until']" null
	one_line "alice, whose enrollment is not finished (requested)"
}

@test "a locked PIN, one try, few tries" {
	local kind
	secret wrong 11112222
	for kind in hsm yubikey; do
		life_token "$kind"
		cards_tries_meant
		pin_is "$dir/wrong" || true
		tokens
		json "one(d['tokens'], serial='$serial')['pin']['low']" true "one(d['tokens'], serial='$serial')['pin']['tries']" 2
		one_line "2 tries left"
		pin_is "$dir/wrong" || true
		tokens
		json "one(d['tokens'], serial='$serial')['pin']['final_try']" true
		one_line "1 try left"
		pin_is "$dir/wrong" || true
		tokens
		json "one(d['tokens'], serial='$serial')['pin']['locked']" true \
			"one(d['tokens'], serial='$serial')['pin']['tries']" 0
		one_line "locked"
		is pin-wrong 3
	done
}

@test "a blank SmartCard-HSM is blank, whatever its module says" {
	life_token hsm blank=yes
	tokens
	json "d['tokens'][0]['initialized']" false "d['tokens'][0]['pin']['set']" false "d['tokens'][0]['objects']" '[]'
	one_line ", blank"
	[[ $people != *"belongs to"* ]]
}

@test "SoftHSM: one in use and a blank one" {
	life_token soft
	tokens
	json "[t['initialized'] for t in d['tokens']]" '[true, false]' "one(d['tokens'], serial='$serial')['label']" '"VPN token"' \
		"one(d['tokens'], serial='$serial')['pin']['tries']" null
	one_line "tested with SoftHSM"
	[[ $people != *"note "* ]]
	roll tokens -v
	shows "note         $(sed -n 's/^note = //p' "$COMPANY_ROOT/pkcs11/profiles/softhsm2.conf" | head -n 1)"
}

@test "a profile that was written from documentation says so" {
	life_token soft
	mkdir "$dir/profiles"
	grep -v '^tested' "$COMPANY_ROOT/pkcs11/profiles/softhsm2.conf" >"$dir/profiles/softhsm2.conf"
	life_conf "token.module=$(company_softhsm)" "token.profiles=$dir/profiles"
	tokens
	json "one(d['tokens'], serial='$serial')['profile']['tested']" null
	one_line "written from documentation"
}

@test "a card that no module knows: its ATR, and which profile came nearest" {
	cards_start_yubikeys 2
	card_new piv 0 attestation=ec:P-256
	# only SoftHSM is there to look at it
	life_conf "token.module=$(company_softhsm)"
	roll --module "$(company_softhsm)" tokens --json
	[[ $status == 0 ]]
	json "d['readers'][0]['card']" true "d['readers'][0]['known']" false \
		"d['readers'][0]['nearest_profile']['id']" '"yubikey-piv"' "len(d['readers'][0]['atr']) > 8" true
	roll --module "$(company_softhsm)" tokens
	shows "a card that no module knows, ATR 3B" "nearest profile: YubiKey PIV"
}

@test "no pcscd: what can be seen is shown, and why no more" {
	life_token soft
	export PCSCLITE_CSOCK_NAME=$BATS_TEST_TMPDIR/nobody-listens
	tokens
	json "d['ok']" true "one(d['tokens'], serial='$serial')['label']" '"VPN token"' "d['readers']" '[]' \
		"d['pcsc'] is not None" true
	one_line "No readers: "
}

@test "a module that fails is named, and the others are looked at all the same" {
	life_token hsm
	roll tokens --json --module "$dir/no-such-module.so"
	echo "$output" "$stderr"
	says "no-such-module.so"
	json "len(d['readers'])" 2 "d['readers'][0]['card']" true
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count
	FAULTY_MODULE=$(company_softhsm)
	FAULTY_RULE=C_GetSlotList:1:crash roll tokens --json --module "$tools/libfaulty.so"
	says "libfaulty.so"
	json "d['readers'][0]['card']" true "d['trouble']['code']" '"MODULE"'
	# one token that does not answer
	FAULTY_RULE='C_FindObjectsInit:1:CKR_DEVICE_ERROR' roll tokens --json --module "$tools/libfaulty.so"
	[[ $status == 0 ]]
	json "one(d['tokens'], label='VPN token')['trouble']['reason']" '"CKR_DEVICE_ERROR"'
}

@test "nothing plugged in" {
	cards_start 2
	rm -rf "$dir/token/tokens"/*
	life_conf "token.module=$(cards_module opensc)"
	tokens
	json "d['ok']" true "d['tokens']" '[]' "[r['card'] for r in d['readers']]" '[false, false]'
	one_line ": empty"
	refused 3 "no token is plugged in" pin --pin-file "$dir/pin" --new-pin-file "$dir/new"
}

@test "a token that says what no terminal should obey is shown in clean text" {
	life_token soft
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count
	FAULTY_MODULE=$(company_softhsm)
	FAULTY_RULE='C_GetTokenInfo:*:label=\x1b[2Jevil\x07' roll tokens --module "$tools/libfaulty.so"
	[[ $status == 0 && $output != *$'\e'* && $output != *$'\a'* && $output == *evil* ]]
	FAULTY_RULE='C_GetTokenInfo:*:label=\x1b[2Jevil\x07' roll tokens --json --module "$tools/libfaulty.so"
	[[ $output != *$'\e'* ]]
	json "d['ok']" true
}

@test "a module may be named by a path from the working folder" {
	life_token soft
	ln -s "$(company_softhsm)" "$dir/here.so"
	cd "$dir"
	done_by tokens --json --module ./here.so
	json "one(d['tokens'], serial='$serial')['label']" '"VPN token"' "one(d['tokens'], serial='$serial')['module'][0]" '"/"'
	enroll --pin-file "$old" --client-module ./here.so
	! grep -q "here.so" "$dir"/bundles/alice/*.ovpn || return 1
}
