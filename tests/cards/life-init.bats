#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# Setting up a token by hand: a blank one, or one that was in use, and then only an empty one, or with its serial number
# typed in. Its SO PIN is known to somebody before the token has it.

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

# blank: a SmartCard-HSM as it comes out of its box
blank() {
	life_token hsm blank=yes
	secret so 0123456789ABCDEF
}

# in_escrow: the token's SO PIN is there and good, and nothing waits to be confirmed
in_escrow() {
	[[ $(db "select count(*) from escrow where state = 'confirmed'") == 1 ]]
	[[ $(db "select count(*) from escrow where state = 'pending'") == 0 ]]
	done_by unblock --serial "$serial" "${key[@]}" --new-pin-file "$dir/newer"
	pin_is "$dir/newer"
}

@test "a blank SmartCard-HSM gets label, PIN and SO PIN, and can be enrolled" {
	blank
	roll init --new-pin-file "$dir/new" --so-pin-file "$dir/so" --label "The VPN" --json
	[[ $status == 0 ]]
	json "d['token']['serial']" '"DECC0100001"' "d['token']['label'].startswith('The VPN')" true \
		"d['so_pin_in_escrow']" false "d['destroyed']" 0
	pin_is "$dir/new"
	enroll --pin-file "$dir/new"
	done_by unblock --serial "$serial" --so-pin-file "$dir/so" --new-pin-file "$dir/newer"
	pin_is "$dir/newer"
	is so-wrong 0 so-tries 15
}

@test "with a recovery certificate the SO PIN is random and in escrow, and opens again" {
	blank
	roll init --new-pin-file "$dir/new" --json
	[[ $status == 0 ]]
	json "d['so_pin_in_escrow']" true
	[[ $(db "select kind, state from escrow") == "so-pin|confirmed" ]]
	done_by unblock --serial "$serial" "${key[@]}" --new-pin-file "$dir/newer"
	pin_is "$dir/newer"
	is so-wrong 0
	# it is nowhere in what was printed
	done_by escrow show --serial "$serial" "${key[@]}" --json
	json "len(d['escrow'])" 1 "len(d['escrow'][0]['value'])" 16
}

@test "without one a random SO PIN is refused, not lost" {
	blank
	company_conf "$dir" "token.module=$(cards_module opensc)" vpn.client-module-linux=
	watch
	refused 2 "there is no recovery certificate" init --new-pin-file "$dir/new"
	says "--so-pin-file"
	nothing_sent
	done_by tokens --json
	json "d['tokens'][0]['initialized']" false
}

@test "PIN and SO PIN by the rules, before anything is sent" {
	local bad
	blank
	watch
	for bad in 12345 1234567890123456; do
		secret bad "$bad"
		refused 4 "6 to 15" init --new-pin-file "$dir/bad" --so-pin-file "$dir/so"
	done
	for bad in 0123456789ABCDE 0123456789ABCDEF0 0123456789ABCDEG; do
		secret bad "$bad"
		refused 4 "exactly 16 hex digits" init --new-pin-file "$dir/new" --so-pin-file "$dir/bad"
		[[ $stderr != *"$bad"* ]]
	done
	nothing_sent
}

@test "a token with any object is refused, seen or not, whoever made it" {
	life_token hsm foreign=ec:P-256
	watch
	# without the PIN it may hold what cannot be seen
	refused 6 "2 that tokenroll did not make (Qualified signature 1)" init --serial "$serial" --so-pin-file "$dir/so" \
		--new-pin-file "$dir/new"
	says "--wipe"
	# our own are objects, too
	enroll --pin-file "$old"
	refused 6 "3 objects of alice" init --serial "$serial" --pin-file "$old" --so-pin-file "$dir/so" --new-pin-file "$dir/new"
	[[ $(sent initialize) == 0 ]]
	is keys 2
}

@test "an empty token of which nobody knows the PIN may hold something, and is refused" {
	life_token hsm
	watch
	refused 6 "cannot be seen without its PIN" init --serial "$serial" --so-pin-file "$dir/so" --new-pin-file "$dir/new"
	nothing_sent
	done_by init --serial "$serial" --pin-file "$old" --so-pin-file "$dir/so" --new-pin-file "$dir/new"
	pin_is "$dir/new"
}

@test "--wipe alone is not enough, nor is another serial number" {
	life_token hsm foreign=ec:P-256
	watch
	refused 6 "the serial number was not typed in" init --wipe --serial "$serial" --pin-file "$old" --so-pin-file "$dir/so" \
		--new-pin-file "$dir/new"
	refused 6 "the serial number was not typed in" init --wipe --serial "$serial" --pin-file "$old" --so-pin-file "$dir/so" \
		--new-pin-file "$dir/new" --confirm DECC0100002
	refused 6 "--wipe" init --serial "$serial" --pin-file "$old" --so-pin-file "$dir/so" --new-pin-file "$dir/new" \
		--confirm "$serial"
	[[ $(sent initialize) == 0 ]]
	is keys 1
}

@test "with --wipe and the serial number all of it is gone, and the token is new" {
	life_token hsm foreign=ec:P-256
	enroll --pin-file "$old"
	roll init --wipe --serial "$serial" --confirm "$serial" --so-pin-file "$dir/so" --new-pin-file "$dir/new" --json
	[[ $status == 0 ]]
	says "the key of alice is gone, but certificate" "stays valid" "\`tokenroll alice --replace\` does"
	is keys 0 so-wrong 0
	pin_is "$dir/new"
	done_by tokens --json
	json "one(d['tokens'], serial='$serial')['user']" null
	[[ $(db "select state from credentials") == abandoned ]]
	done_by --serial "$serial" "${ca[@]}" --pin-file "$dir/new" --replace alice
	is keys 1
	[[ $(rows V) == 1 && $(rows R) == 1 ]]
}

@test "a wrong SO PIN is tried once, and nothing is gone" {
	life_token hsm foreign=ec:P-256
	secret wrong 1111222233334444
	refused 4 "SO PIN of token $serial is wrong; 14 tries are left" init --wipe --serial "$serial" --confirm "$serial" \
		--so-pin-file "$dir/wrong" --new-pin-file "$dir/new"
	is keys 1 so-wrong 1
	pin_is "$old"
}

@test "YubiKey: init is a reset, and the PIN that it leaves is replaced at once" {
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	refused 6 "2 objects of alice" init --serial "$serial" "${key[@]}" --new-pin-file "$dir/newer"
	reset_meant
	done_by init --wipe --serial "$serial" --confirm "$serial" "${key[@]}" --new-pin-file "$dir/newer"
	is keys 0 default-pin 0 default-puk 0 default-management-key 0
	pin_is "$dir/newer"
	[[ $(db "select group_concat(kind || ' ' || state, ', ') from (select * from escrow order by kind, id)") == \
		"puk replaced, puk confirmed, so-pin replaced, so-pin confirmed" ]]
	done_by --serial "$serial" "${ca[@]}" --pin-file "$dir/newer" "${key[@]}" bob
	is default-puk 0 keys 1
}

@test "YubiKey from the factory: init leaves nothing that everybody can look up, and all is in escrow" {
	life_token yubikey
	reset_meant
	done_by init --wipe --serial "$serial" --confirm "$serial" --new-pin-file "$dir/new" --json
	json "d['so_pin_in_escrow']" true
	is default-pin 0 default-puk 0 default-management-key 0
	[[ $(db "select count(*) from escrow where state = 'confirmed'") == 2 ]]
	done_by unblock --serial "$serial" "${key[@]}" --new-pin-file "$dir/newer"
	enroll "${key[@]}" --pin-file "$dir/newer"
}

@test "YubiKey from the factory, without a recovery certificate: init says what stays" {
	life_token yubikey
	company_conf "$dir" "token.module=$(cards_module ykcs11)" vpn.client-module-linux=
	reset_meant
	done_by init --wipe --serial "$serial" --confirm "$serial" --new-pin-file "$dir/new"
	shows "still the factory's management key and PUK, which everybody can look up"
	is default-pin 0 default-puk 1 default-management-key 1
}

@test "SmartCard-HSM that was in use: an SO PIN that everybody can look up is replaced, one of the admin's own is not" {
	life_token hsm "so-pin=$HSM_FACTORY_SO_PIN"
	secret so "$HSM_FACTORY_SO_PIN"
	done_by init --serial "$serial" --pin-file "$old" --so-pin-file "$dir/so" --new-pin-file "$dir/new"
	shows "SO PIN       random, in escrow"
	in_escrow
	is so-wrong 0 so-tries 15
	life_token hsm
	rm -f "$dir"/tokenroll.db*
	done_by init --serial "$serial" --pin-file "$old" --so-pin-file "$dir/so" --new-pin-file "$dir/new"
	[[ $(db "select count(*) from escrow") == 0 ]]
	done_by unblock --serial "$serial" --so-pin-file "$dir/so" --new-pin-file "$dir/newer"
}

@test "SoftHSM: a blank one, among others" {
	life_token soft
	rm -rf "$dir/token/tokens"/*
	done_by init --new-pin-file "$dir/new" --so-pin-file "$dir/so" --label "VPN token"
	pin_is "$dir/new"
	serial=$(company_token_serial "$dir" "VPN token")
	enroll --pin-file "$dir/new"
	refused 6 "objects of alice" init --serial "$serial" --pin-file "$dir/new" --so-pin-file "$dir/so" --new-pin-file "$dir/newer"
	pin_is "$dir/new"
}

# through_faulty: OpenSC, which fails on demand
through_faulty() {
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count
	FAULTY_MODULE=$(cards_module opensc)
	mkdir -p "$dir/profiles"
	sed "s|^enroll = opensc-pkcs11.so|enroll = $tools/libfaulty.so|" "$COMPANY_ROOT/pkcs11/profiles/smartcard-hsm.conf" \
		>"$dir/profiles/smartcard-hsm.conf"
	life_conf "token.module=$tools/libfaulty.so" "token.profiles=$dir/profiles"
}

# broken_off RULE: init was killed between C_InitToken and C_InitPIN
broken_off() {
	blank
	through_faulty
	FAULTY_RULE=$1 roll init --new-pin-file "$dir/new" --so-pin-file "$dir/so"
	[[ $status != 0 ]]
	sleep 0.3
	rm -f "$FAULTY_COUNT"
	is so-tries 15
}

@test "SmartCard-HSM: killed between C_InitToken and C_InitPIN, enrollment goes on" {
	broken_off C_InitToken:1:kill-parent-after
	done_by --serial "$serial" "${ca[@]}" --so-pin-file "$dir/so" --new-pin-file "$dir/new" alice --init
	pin_is "$dir/new"
	is keys 1 so-wrong 0 pin-wrong 0
}

@test "SmartCard-HSM: killed between C_InitToken and C_InitPIN, init goes on" {
	broken_off C_InitToken:1:kill-parent-after
	done_by init --new-pin-file "$dir/new" --so-pin-file "$dir/so"
	pin_is "$dir/new"
	is keys 0 so-wrong 0 pin-wrong 0
}

@test "SmartCard-HSM: a module that died in C_InitPIN, and the same command again" {
	broken_off C_InitPIN:1:kill
	done_by init --new-pin-file "$dir/new" --so-pin-file "$dir/so"
	pin_is "$dir/new"
	is so-wrong 0 pin-wrong 0
}

@test "SmartCard-HSM: killed with the SO PIN in escrow, it is found there again" {
	blank
	through_faulty
	FAULTY_RULE=C_InitToken:1:kill-parent-after roll init --new-pin-file "$dir/new"
	[[ $status == 137 ]]
	sleep 0.3
	[[ $(db "select kind, state from escrow") == "so-pin|pending" ]]
	refused 2 "SO PIN is needed" init --new-pin-file "$dir/new"
	says "--recovery-key"
	done_by init --new-pin-file "$dir/new" "${key[@]}"
	pin_is "$dir/new"
	is so-wrong 0
	done_by unblock --serial "$serial" "${key[@]}" --new-pin-file "$dir/newer"
	pin_is "$dir/newer"
	[[ $(db "select count(*) from escrow where state = 'confirmed'") == 1 ]]
}

# ---- at enrollment

# soft_blank: SoftHSM's empty slot alone, through the module that fails on demand
soft_blank() {
	life_token soft
	rm -rf "$dir/token/tokens"/*
	mkdir -p "$dir/profiles"
	sed "s|^enroll = .*|enroll = $tools/libfaulty.so|" "$COMPANY_ROOT/pkcs11/profiles/softhsm2.conf" >"$dir/profiles/softhsm2.conf"
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count
	life_conf "token.module=$tools/libfaulty.so" "token.profiles=$dir/profiles"
}

@test "with a recovery certificate an enrollment puts the random SO PIN of a blank token into escrow, and shows none" {
	blank
	done_by --init "${ca[@]}" --pin-file "$dir/new" --json alice
	json "d['so_pin_in_escrow']" true "'so_pin' in d" false
	[[ $stderr != *"SO PIN"* ]]
	in_escrow
	is so-wrong 0
	# one that the admin keeps goes nowhere else
	blank
	rm -f "$dir"/tokenroll.db*
	company_easyrsa "$dir" revoke alice >/dev/null 2>&1
	done_by --init "${ca[@]}" --pin-file "$dir/new" --so-pin-file "$dir/so" --json alice
	json "d['so_pin_in_escrow']" false
	[[ $(db "select count(*) from escrow") == 0 ]]
}

@test "an enrollment of a blank token that nobody could keep the SO PIN of is refused before anything is sent" {
	blank
	life_conf "token.module=$(cards_module opensc)" "escrow.recovery=$dir/pki/ca.crt"
	watch
	refused 2 "recovery certificate" --init "${ca[@]}" --pin-file "$dir/new" alice
	nothing_sent
}

@test "a token without a serial number is in escrow under its new one alone, after init and after enrollment" {
	soft_blank
	done_by init --new-pin-file "$dir/new" --label "VPN token"
	serial=$(company_token_serial "$dir" "VPN token")
	in_escrow
	roll status
	[[ $output != *"never confirmed"* ]]
	rm -rf "$dir/token/tokens"/* "$dir"/tokenroll.db*
	done_by --init "${ca[@]}" --pin-file "$dir/new" --label "VPN token" alice
	shows "SO PIN       random, in escrow"
	serial=$(company_token_serial "$dir" "VPN token")
	in_escrow
}

@test "broken off before it has a serial number, the SO PIN is found in escrow by the same command and the recovery key" {
	local verb
	for verb in init "--init alice"; do
		soft_blank
		rm -f "$FAULTY_COUNT" "$dir"/tokenroll.db*
		# shellcheck disable=SC2206  # words
		verb=($verb "${ca[@]}" --pin-file "$dir/new" --label "VPN token")
		[[ ${verb[0]} != init ]] || verb+=(--new-pin-file "$dir/new")
		FAULTY_RULE=C_InitToken:1:kill-parent-after roll "${verb[@]}"
		[[ $status == 137 ]]
		sleep 0.3
		serial=$(company_token_serial "$dir" "VPN token")
		refused 2 "--recovery-key" "${verb[@]}" --serial "$serial"
		done_by "${verb[@]}" "${key[@]}" --serial "$serial"
		in_escrow
	done
}

@test "a token that was wiped gets its first PIN with the SO PIN that is in escrow" {
	blank
	done_by init --new-pin-file "$dir/new"
	done_by wipe --serial "$serial" --confirm "$serial" --no-revoke "${key[@]}"
	refused 2 "--recovery-key" --serial "$serial" "${ca[@]}" --pin-file "$dir/newer" --init alice
	done_by --serial "$serial" "${ca[@]}" "${key[@]}" --pin-file "$dir/newer" --init alice
	in_escrow
	is so-wrong 0 pin-wrong 0
}

# wants_its_own: of SoftHSM's tokens there is only the blank one, of a kind that wants the SO PIN of the factory
wants_its_own() {
	life_token soft
	rm -rf "$dir/token/tokens"/*
	mkdir -p "$dir/profiles"
	sed "s/^\[so-pin\]/[init]\nso-pin = current\n[so-pin]\nfactory = 87654321/" \
		"$COMPANY_ROOT/pkcs11/profiles/softhsm2.conf" >"$dir/profiles/softhsm2.conf"
	life_conf "token.module=$(company_softhsm)" "token.profiles=$dir/profiles"
}

# so_pin_is VALUE: it allows to set a new PIN
so_pin_is() {
	secret tried "$1"
	roll unblock --so-pin-file "$dir/tried" --new-pin-file "$dir/newer"
	[[ $status == 0 ]]
}

@test "a blank token that wants the SO PIN it has is sent the factory's, and gets another one that is in escrow" {
	wants_its_own
	done_by init --new-pin-file "$dir/new" --json
	json "d['so_pin_in_escrow']" true
	serial=$(company_token_serial "$dir" "VPN token")
	! so_pin_is 87654321 || return 1
	done_by unblock --serial "$serial" "${key[@]}" --new-pin-file "$dir/newer"
}

@test "enrollment of such a token leaves it the factory's SO PIN where that is wanted" {
	wants_its_own
	done_by --init "${ca[@]}" --pin-file "$dir/new" --keep-factory-pins alice
	so_pin_is 87654321
}

@test "enrollment of such a token gives it another SO PIN, which is in escrow" {
	wants_its_own
	done_by --init "${ca[@]}" --pin-file "$dir/new" alice
	! so_pin_is 87654321 || return 1
	done_by unblock alice "${key[@]}" --new-pin-file "$dir/newer"
}

@test "a factory's SO PIN that is refused is not sent to that token again: it has to be given" {
	wants_its_own
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count FAULTY_RULE='C_InitToken:1:CKR_PIN_INCORRECT'
	FAULTY_MODULE=$(company_softhsm)
	sed -i "s|^enroll = .*|enroll = $tools/libfaulty.so|" "$dir/profiles/softhsm2.conf"
	life_conf "token.module=$tools/libfaulty.so" "token.profiles=$dir/profiles"
	refused 4 "CKR_PIN_INCORRECT" init --new-pin-file "$dir/new"
	says "the factory's was tried, which will not happen again" "--so-pin-file"
	FAULTY_RULE='' refused 2 "--so-pin-file" init --new-pin-file "$dir/new"
	FAULTY_RULE='' refused 2 "--so-pin-file" --init "${ca[@]}" --pin-file "$dir/new" alice
	says "wants the SO PIN that it has"
	FAULTY_RULE='' done_by init --new-pin-file "$dir/new" --so-pin-file "$dir/so"
	FAULTY_RULE='' so_pin_is "$(<"$dir/so")"
}
