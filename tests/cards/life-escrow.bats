#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# What is in escrow is for whoever has a recovery key, is shown only when asked for, and its showing is in the audit trail.

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

shown() {
	db "select count(*) from audit where action = 'escrow-show'"
}

# value KIND: out of the document
value() {
	python3 -c 'import json, sys
print(next(v["value"] for v in json.load(sys.stdin)["escrow"] if v["kind"] == sys.argv[1]))' "$1" <<<"$output"
}

@test "escrow show prints SO PIN and PUK for another tool, which takes them, and the trail says who" {
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	card_ctl 0 pull
	done_by escrow show --serial "$serial" "${key[@]}" --json
	json "d['ok']" true "d['serial']" '"13371337"' "[v['kind'] for v in d['escrow']]" '["so-pin", "puk"]' \
		"[v['state'] for v in d['escrow']]" '["confirmed", "confirmed"]'
	card_ctl 0 insert
	yubico-piv-tool --reader Yubico --action set-chuid --key="$(value so-pin)" >/dev/null
	yubico-piv-tool --reader Yubico --action unblock-pin --pin "$(value puk)" --new-pin 86428642 >/dev/null
	secret now 86428642
	pin_is "$dir/now"
	[[ $(db "select token_serial from audit where action = 'escrow-show'") == 13371337 ]]
	done_by escrow show --serial "$serial" "${key[@]}"
	shows "SO PIN" "PUK" "the token has it"
	[[ $(shown) == 2 ]]
}

@test "it needs the recovery key, and says so before anything else" {
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	refused 2 "--recovery-key" escrow show --serial "$serial"
	refused 2 "--serial" escrow show "${key[@]}"
	refused 2 "escrow show" escrow
	refused 2 "escrow show" escrow burn --serial "$serial" "${key[@]}"
	recovery_new "$dir/other" "somebody else"
	refused 2 "VPN recovery" escrow show --serial "$serial" --recovery-key "$dir/other.key" --json
	json "d['ok']" false "d['error']['code']" '"RECOVERY_KEY"' "d['escrow']" '[]'
	refused 2 "VPN recovery" escrow show --serial "$serial" --recovery-key "$dir/other.key"
	[[ $(shown) == 0 && $output != *[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]* ]]
}

@test "an unknown token, and one of which nothing is in escrow" {
	life_token hsm
	enroll --pin-file "$old"
	refused 1 "nothing of token $serial is in escrow" escrow show --serial "$serial" "${key[@]}"
	refused 3 "knows no token with the serial number 4711" escrow show --serial 4711 "${key[@]}"
	[[ $(shown) == 0 ]]
}

@test "the passphrase of the recovery key is asked for once, and not echoed" {
	recovery_new "$dir/locked" "VPN recovery" -passout "pass:the passphrase"
	life_token yubikey
	life_conf "token.module=$(cards_module ykcs11)" "escrow.recovery=$dir/locked.pem"
	enroll --new-pin-file "$dir/new"
	secret pass "the passphrase"
	secret wrong "another one"
	refused 2 "--recovery-pass-file" escrow show --serial "$serial" --recovery-key "$dir/locked.key"
	refused 2 "passphrase" escrow show --serial "$serial" --recovery-key "$dir/locked.key" --recovery-pass-file "$dir/wrong"
	done_by escrow show --serial "$serial" --recovery-key "$dir/locked.key" --recovery-pass-file "$dir/pass"
	cat >"$BATS_TEST_TMPDIR/talk" <<-'TCL'
		set timeout 15
		spawn -noecho {*}$argv
		expect "Passphrase of the recovery key: " { send "the passphrase\r" } timeout { exit 98 } eof { exit 97 }
		expect "Passphrase of" { exit 99 } eof {}
		exit [lindex [wait] 3]
	TCL
	run expect -f "$BATS_TEST_TMPDIR/talk" -- "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" \
		escrow show --serial "$serial" --recovery-key "$dir/locked.key" 3>&-
	echo "$output"
	[[ $status == 0 && $output == *PUK* && $output != *"the passphrase"* ]]
}

@test "of two recovery keys each opens it, and a value that was changed in the database is noticed" {
	life_token yubikey
	recovery_new "$dir/second" "second recovery"
	life_conf "token.module=$(cards_module ykcs11)" "escrow.recovery=$dir/second.pem"
	printf 'recovery = %s\n' "$recovery.pem" >"$BATS_TEST_TMPDIR/line"
	sed -i "/^\[escrow\]/r $BATS_TEST_TMPDIR/line" "$dir/tokenroll.conf"
	enroll --new-pin-file "$dir/new"
	done_by escrow show --serial "$serial" "${key[@]}" --json
	done_by escrow show --serial "$serial" --recovery-key "$dir/second.key" --json
	# by somebody who can write to the database, but has no key
	sqlite3 "$dir/tokenroll.db" "drop trigger escrow_no_update;
		update escrow set cms = (select cms from escrow where kind = 'puk') where kind = 'so-pin'"
	roll escrow show --serial "$serial" "${key[@]}"
	[[ $status != 0 ]]
}

@test "YubiKey and the admin's token in software, each with its own module: unblock and escrow show" {
	local module
	module=$(company_softhsm)
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	company_token "$dir" Admin 7182937
	secret admin 7182937
	openssl pkey -in "$recovery.key" -outform DER -out "$BATS_TEST_TMPDIR/key.der"
	openssl x509 -in "$recovery.pem" -outform DER -out "$BATS_TEST_TMPDIR/cert.der"
	for type in privkey cert; do
		pkcs11-tool --module "$module" --token-label Admin --login --pin 7182937 --id 01 --type "$type" --usage-decrypt \
			--write-object "$BATS_TEST_TMPDIR/$([[ $type == cert ]] && echo cert || echo key).der" >/dev/null 2>&1
	done
	admin=(--recovery-key "pkcs11:token=Admin?module-path=$module" --recovery-pin-file "$dir/admin")
	done_by unblock --serial "$serial" "${admin[@]}" --new-pin-file "$dir/newer"
	pin_is "$dir/newer"
	is puk-wrong 0 pin-wrong 0
	done_by escrow show --serial "$serial" "${admin[@]}"
	shows "SO PIN" "PUK"
	# also where its module has to be found out
	done_by escrow show --serial "$serial" --recovery-key "pkcs11:token=Admin" --recovery-pin-file "$dir/admin"
}
