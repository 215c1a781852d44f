#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# What a token was delivered with is known to everybody: it is found out without spending a try, said, and replaced at
# enrollment by values that are in escrow before the token has them.

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

# escrowed STATE: how many values
escrowed() {
	db "select count(*) from escrow where state = '$1'"
}

# value KIND: the newest one in escrow, opened by openssl alone
value() {
	recovery_open "$dir/tokenroll.db" "$recovery.key" "kind = '$1'" | head -n 1
}

nothing_issued() {
	[[ $(rows V) == 0 && ! -e $dir/bundles/alice.zip ]]
	is keys 0
}

# replaced: nothing is the factory's any more, all is in escrow, and what is there is what the token has
replaced() {
	is default-pin 0 default-puk 0 default-management-key 0 pin-wrong 0 puk-wrong 0 management-key-wrong 0
	pin_is "$dir/new"
	yubico-piv-tool --reader Yubico --action set-chuid --key="$(value so-pin)" >/dev/null
	secret puk "$(value puk)"
	done_by unblock --serial "$serial" --puk-file "$dir/puk" --new-pin-file "$dir/newer"
	done_by unblock --serial "$serial" "${key[@]}" --new-pin-file "$dir/new"
	pin_is "$dir/new"
}

@test "YubiKey: PIN, PUK and management key are replaced at enrollment, and what is in escrow is what it has" {
	life_token yubikey
	enroll --new-pin-file "$dir/new"
	says "has the factory's management key, PUK, PIN"
	[[ $(escrowed pending) == 0 && $(escrowed confirmed) == 2 ]]
	replaced
}

@test "a random new PIN is shown once, and works" {
	life_token yubikey
	life_conf "token.module=$(cards_module ykcs11)" token.pin=random
	enroll --json
	secret made "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["pin"])' <<<"$output")"
	is default-pin 0
	pin_is "$dir/made"
}

@test "--keep-factory-pins leaves all as it is, and says so" {
	life_token yubikey
	enroll --keep-factory-pins
	says "keeps the factory's"
	is default-pin 1 default-puk 1 default-management-key 1
	[[ $(escrowed pending) == 0 && $(escrowed confirmed) == 0 ]]
	done_by tokens --json
	json "one(d['tokens'], serial='$serial')['so_pin']['factory']" '"yes"'
}

@test "pin = keep in the configuration leaves all as it is, too" {
	life_token yubikey
	life_conf token.pin=keep
	enroll
	says "keeps the factory's"
	is default-pin 1 default-puk 1 default-management-key 1
}

@test "without a recovery certificate it is refused before anything is sent or issued" {
	life_token yubikey
	company_conf "$dir" "token.module=$(cards_module ykcs11)" vpn.client-module-linux=
	watch
	refused 2 "there is no recovery certificate" --serial "$serial" "${ca[@]}" --new-pin-file "$dir/new" alice
	says "--keep-factory-pins"
	nothing_sent
	nothing_issued
}

@test "without a new PIN and a terminal it is refused before anything is sent or issued" {
	life_token yubikey
	watch
	refused 2 "--new-pin-file" --serial "$serial" "${ca[@]}" alice
	nothing_sent
	nothing_issued
}

@test "a new PIN against the rules is refused before anything is sent or issued" {
	life_token yubikey
	secret bad 12345
	watch
	refused 4 "6 to 8" --serial "$serial" "${ca[@]}" --new-pin-file "$dir/bad" alice
	nothing_sent
	nothing_issued
	# and so is the factory's own
	secret bad "$PIV_PIN"
	roll --serial "$serial" "${ca[@]}" --new-pin-file "$dir/bad" alice
	[[ $status == 4 ]]
	nothing_sent
}

@test "a token whose secrets are its own is left as it is" {
	life_token yubikey pin=24682468 puk=13571357 management-key=0A0203040506070801020304050607080102030405060708
	secret admin 0A0203040506070801020304050607080102030405060708
	enroll --pin-file "$dir/new" --so-pin-file "$dir/admin"
	[[ $(escrowed pending) == 0 && $(escrowed confirmed) == 0 && $stderr != *factory* ]]
	pin_is "$dir/new"
}

# hsm_from_factory: a SmartCard-HSM as it comes, which does not tell of its PIN that it is the factory's
hsm_from_factory() {
	life_token hsm "pin=$HSM_FACTORY_PIN" "so-pin=$HSM_FACTORY_SO_PIN"
	secret old "$HSM_FACTORY_PIN"
	secret so "$HSM_FACTORY_SO_PIN"
}

@test "SmartCard-HSM: what cannot be asked of it is not guessed" {
	hsm_from_factory
	watch
	refused 2 "--pin-file" --serial "$serial" "${ca[@]}" --new-pin-file "$dir/new" alice
	nothing_sent
}

@test "SmartCard-HSM: a PIN that is given and everybody can look up is said, and replaced" {
	hsm_from_factory
	watch
	refused 2 "--new-pin-file" --serial "$serial" "${ca[@]}" --pin-file "$old" alice
	says "seems to have the factory's PIN"
	nothing_sent
	nothing_issued
	enroll --pin-file "$old" --new-pin-file "$dir/new"
	says "seems to have the factory's PIN: changed when the certificate is on the token"
	pin_is "$dir/new"
	is pin-wrong 0 so-wrong 0
}

@test "SmartCard-HSM: --keep-factory-pins keeps a PIN that is given, and says so at each run" {
	local _
	hsm_from_factory
	for _ in 1 2; do
		enroll --pin-file "$old" --keep-factory-pins
		says "keeps the factory's PIN, which everybody can look up"
	done
	pin_is "$old"
}

# replaced_after RULE STATUS WRONG: broken off there, the same command goes on, and that costs WRONG tries in all
replaced_after() {
	hsm_from_factory
	mkdir -p "$dir/profiles"
	sed "s|^enroll = opensc-pkcs11.so|enroll = $tools/libfaulty.so|" "$COMPANY_ROOT/pkcs11/profiles/smartcard-hsm.conf" \
		>"$dir/profiles/smartcard-hsm.conf"
	FAULTY_MODULE=$(cards_module opensc)
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count
	life_conf "token.module=$tools/libfaulty.so" "token.profiles=$dir/profiles"
	FAULTY_RULE=$1 roll --serial "$serial" "${ca[@]}" --pin-file "$old" --new-pin-file "$dir/new" alice
	[[ $status == "$2" ]]
	sleep 0.3
	if [[ $3 == 1 ]]; then
		refused 4 "is wrong" --serial "$serial" "${ca[@]}" --pin-file "$old" --new-pin-file "$dir/new" alice
		says "run the same command again"
	fi
	enroll --pin-file "$old" --new-pin-file "$dir/new"
	pin_is "$dir/new"
	is keys 1 pin-wrong "$3"
	[[ $(rows V) == 1 ]]
}

@test "SmartCard-HSM: killed when the given PIN was replaced, the same command goes on with the new one" {
	replaced_after C_SetPIN:1:kill-parent-after 137 0
}

@test "SmartCard-HSM: broken off before the given PIN was replaced, no wrong PIN is sent twice, and it is replaced then" {
	replaced_after C_SetPIN:1:kill 3 1
}

@test "SmartCard-HSM: a new PIN that the token has refused is not sent as the one it has" {
	replaced_after C_SetPIN:1:CKR_PIN_LEN_RANGE 4 0
}

@test "YubiKey of an old firmware: what is given and everybody can look up is replaced, and the PUK is spoken of" {
	life_token yubikey version=5.2.7
	secret admin "$PIV_ADMIN"
	enroll --pin-file "$old" --so-pin-file "$dir/admin" --new-pin-file "$dir/new"
	says "seems to have the factory's management key, PIN" "does not tell whether its PUK is the factory's"
	is default-pin 0 default-management-key 0 pin-wrong 0 puk-wrong 0
	[[ $(db "select kind, state from escrow") == "so-pin|confirmed" ]]
	pin_is "$dir/new"
}

# flagged FLAGS PIN-LINES SO-PIN-LINES: a SoftHSM whose flags say that, and whose profile has these lines for its secrets
flagged() {
	life_token soft
	mkdir -p "$dir/profiles"
	sed "s|^enroll = .*|enroll = $tools/libfaulty.so|; s/^\[pin\]$/&\n$2/; s/^\[so-pin\]$/&\n$3/" \
		"$COMPANY_ROOT/pkcs11/profiles/softhsm2.conf" >"$dir/profiles/softhsm2.conf"
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count FAULTY_RULE="C_GetTokenInfo:*:flags=$1"
	life_conf "token.module=$tools/libfaulty.so" "token.profiles=$dir/profiles"
}

# called FUNCTION: how often, since this was asked last
called() {
	awk -v name="$1" '$1 == name { n = $2 } END { print n + 0 }' "$FAULTY_COUNT"
	rm -f "$FAULTY_COUNT"
}

@test "a flag that says that a PIN is to be changed is not taken for a PIN: the one that is given is sent" {
	flagged TO_BE_CHANGED 'factory = 1234567890\nfactory = 000000'
	enroll --pin-file "$old" --new-pin-file "$dir/new"
	says "says that its PIN is to be changed; it stays as it is"
	# the same command again
	enroll --pin-file "$old" --new-pin-file "$dir/new"
	pin_is "$old"
	done_by tokens --json
	json "one(d['tokens'], serial='$serial')['pin']['factory']" '"maybe"'
	flagged TO_BE_CHANGED 'factory = 1234567890'
	done_by --serial "$serial" "${ca[@]}" --pin-file "$old" --keep-factory-pins --replace alice
	pin_is "$old"
}

@test "of two values none is guessed" {
	flagged TO_BE_CHANGED 'factory = 1234567890\nfactory = 482915'
	refused 2 "--pin-file" --serial "$serial" "${ca[@]}" --new-pin-file "$dir/new" alice
	[[ $(called C_Login) == 0 ]]
}

@test "the only value is guessed once: one that is refused is not sent again, neither by the same command nor by another" {
	flagged TO_BE_CHANGED 'factory = 1234567890'
	refused 4 "is wrong" --serial "$serial" "${ca[@]}" --new-pin-file "$dir/new" alice
	says "the factory's was tried, which will not happen again" "--pin-file FILE"
	[[ $(called C_Login) == 1 ]]
	refused 2 "--pin-file" --serial "$serial" "${ca[@]}" --new-pin-file "$dir/new" alice
	[[ $(called C_Login) == 0 && $(rows V) == 0 ]]
	enroll --pin-file "$old"
}

@test "the only value is not guessed where somebody has sent a wrong one already" {
	flagged 'TO_BE_CHANGED|LOW' 'factory = 482915'
	refused 2 "--pin-file" --serial "$serial" "${ca[@]}" --new-pin-file "$dir/new" alice
	[[ $(called C_Login) == 0 ]]
}

@test "the only value that was guessed rightly is replaced" {
	flagged TO_BE_CHANGED 'factory = 482915'
	enroll --new-pin-file "$dir/new"
	says "seems to have the factory's PIN: changed when the certificate is on the token"
	pin_is "$dir/new"
}

@test "an SO PIN that is to be changed is guessed once by wipe and init, and not where another one is given" {
	flagged SO_TO_BE_CHANGED '' 'factory = 11111111'
	refused 4 "is wrong" wipe --serial "$serial" --confirm "$serial" --no-revoke
	says "the factory's was tried, which will not happen again" "--so-pin-file FILE"
	[[ $(called C_InitToken) == 1 ]]
	refused 2 "SO PIN is needed" init --wipe --serial "$serial" --confirm "$serial" --new-pin-file "$dir/new"
	refused 2 "PIN is needed" wipe --serial "$serial" --confirm "$serial" --no-revoke
	refused 2 "SO PIN is needed" unblock --serial "$serial" --new-pin-file "$dir/new"
	[[ $(called C_InitToken) == 0 ]]
	done_by wipe --serial "$serial" --confirm "$serial" --no-revoke --so-pin-file "$dir/so"
}

@test "an SO PIN that was guessed rightly at enrollment is replaced, and in escrow" {
	flagged SO_TO_BE_CHANGED '' "factory = $COMPANY_SO_PIN"
	enroll --pin-file "$old"
	[[ $(db "select kind, state from escrow") == "so-pin|confirmed" ]]
	done_by unblock --serial "$serial" "${key[@]}" --new-pin-file "$dir/new"
}

@test "an SO PIN that was guessed wrongly at enrollment leaves nothing pending, and the same command goes on" {
	flagged SO_TO_BE_CHANGED '' 'factory = 11111111'
	refused 4 "is wrong" --serial "$serial" "${ca[@]}" --pin-file "$old" alice
	says "the factory's was tried, which will not happen again"
	[[ $(escrowed pending) == 0 ]]
	enroll --pin-file "$old"
	says "says that its SO PIN is to be changed; it stays as it is"
	[[ $(rows V) == 1 ]]
}

# misread ANSWER: when the card was asked of which secrets it has the factory's, one answer after the other was that
misread() {
	local k n numbers
	life_token yubikey
	watch
	refused 2 "--new-pin-file" --serial "$serial" "${ca[@]}" alice
	mapfile -t numbers < <(sed -n 's/^\([0-9]*\) describe a key\t00F700\(80\|81\|9B\).*/\1/p' "$trace")
	n=${#numbers[@]}
	[[ $n == 3 ]]
	for k in "${numbers[@]}"; do
		card_ctl 0 answer-at "$k" "$1"
		watch
		refused 3 "was asked whether its" --serial "$serial" "${ca[@]}" --new-pin-file "$dir/new" alice
		says "is the factory's, and did not tell" "put the token in again"
		is planned 0
		nothing_sent
		nothing_issued
	done
	enroll --new-pin-file "$dir/new"
	replaced
}

@test "a card that says by half whether it has the factory's secrets is asked again, and none of them stays" {
	misread truncated
}

@test "a card that refuses to say whether it has the factory's secrets is asked again, and none of them stays" {
	misread 6F00
}

# through_faulty: the profile of this company enrolls YubiKeys with the module that fails on demand
through_faulty() {
	mkdir -p "$dir/profiles"
	sed "s|^enroll = libykcs11.so.2|enroll = $tools/libfaulty.so|" "$COMPANY_ROOT/pkcs11/profiles/yubikey-piv.conf" \
		>"$dir/profiles/yubikey-piv.conf"
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count
	FAULTY_MODULE=$(cards_module ykcs11)
	life_conf "token.module=$tools/libfaulty.so" "token.profiles=$dir/profiles"
}

# goes_on_after RULE STATUS: whoever dies there, the same command goes on, and all is replaced
goes_on_after() {
	local i
	life_token yubikey
	through_faulty
	FAULTY_RULE=$1 roll --serial "$serial" "${ca[@]}" "${key[@]}" --new-pin-file "$dir/new" alice
	[[ $status == "$2" ]]
	# its worker ends the call that it is in
	for ((i = 0; i < 100; i++)); do
		[[ -n $(users_of "$tools/libfaulty.so") ]] || break
		sleep 0.05
	done
	db "select kind, state from escrow"
	card_ctl 0 status
	roll --serial "$serial" "${ca[@]}" "${key[@]}" --new-pin-file "$dir/new" alice
	[[ $status == 0 ]]
	[[ $(rows V) == 1 && $(grep -c CN=alice "$dir/pki/index.txt") == 1 ]]
	is keys 1 certificates 1
	replaced
}

# each_goes_on_after HOW STATUS: the same, on a new token each time, for the management key, the PUK and the PIN, each of
# which is replaced by a C_SetPIN, in this order
each_goes_on_after() {
	local call
	for call in 1 2 3; do
		echo "C_SetPIN $call:"
		goes_on_after "C_SetPIN:$call:$1" "$2"
		cards_stop
		rm -rf "$dir"
		life_setup
	done
}

@test "a module that dies before it replaces a secret" {
	each_goes_on_after kill 3
}

@test "a module that dies when it has replaced a secret" {
	each_goes_on_after kill-after 3
}

@test "killed while a secret is replaced" {
	each_goes_on_after kill-parent 137
}

# ---- what is left pending in escrow

# broken_off RULE: the parent or its worker dies there
broken_off() {
	local i
	life_token yubikey
	through_faulty
	FAULTY_RULE=$1 roll --serial "$serial" "${ca[@]}" "${key[@]}" --new-pin-file "$dir/new" alice
	[[ $status != 0 ]]
	for ((i = 0; i < 100; i++)); do
		[[ -n $(users_of "$tools/libfaulty.so") ]] || break
		sleep 0.05
	done
}

# taken_but_unconfirmed: the token has the new PUK, and who sent it is dead
taken_but_unconfirmed() {
	broken_off C_SetPIN:2:kill-parent-after
	is default-puk 0
	[[ $(db "select state from escrow where kind = 'puk'") == pending ]]
}

# settled: without a try
settled() {
	[[ $(db "select state from escrow where kind = 'puk'") == confirmed ]]
	is puk-wrong 0 pin-wrong 0
}

@test "a PUK that the token has taken, but nobody has confirmed, is confirmed by tokens" {
	taken_but_unconfirmed
	done_by tokens --json
	json "one(d['tokens'], serial='$serial')['escrow_pending']" '[]'
	settled
}

@test "a PUK that the token has taken, but nobody has confirmed, is confirmed by a change of the PIN" {
	taken_but_unconfirmed
	done_by pin --serial "$serial" --pin-file "$old" --new-pin-file "$dir/new"
	settled
}

@test "a PUK that the token has taken, but nobody has confirmed, is confirmed by enrollment" {
	taken_but_unconfirmed
	enroll "${key[@]}" --new-pin-file "$dir/new"
	settled
	replaced
}

@test "one that the token has not taken stays pending, and tokens says what, and since when" {
	broken_off C_SetPIN:2:kill
	is default-puk 1
	done_by tokens --json
	json "one(d['tokens'], serial='$serial')['escrow_pending']" \
		"[{\"kind\": \"puk\", \"since\": \"$(date -u +%F)\"}]"
	done_by tokens
	shows "PUK of $(date -u +%F), never confirmed"
	done_by escrow show --serial "$serial" "${key[@]}"
	shows "$(date -u +%F), was sent but never confirmed"
	[[ $(db "select state from escrow where kind = 'puk'") == pending ]]
	is puk-wrong 0
}

@test "of two pending ones none is guessed, and the first unblock settles it" {
	broken_off C_SetPIN:2:kill
	rm -f "$FAULTY_COUNT"
	FAULTY_RULE=C_SetPIN:1:kill-parent-after roll --serial "$serial" "${ca[@]}" "${key[@]}" --new-pin-file "$dir/new" alice
	sleep 1
	is default-puk 0
	done_by tokens
	shows "never confirmed"
	[[ $(db "select group_concat(state) from escrow where kind = 'puk'") == pending,pending ]]
	done_by unblock --serial "$serial" "${key[@]}" --new-pin-file "$dir/newer"
	[[ $(db "select group_concat(state) from escrow where kind = 'puk'") == replaced,confirmed ]]
	is puk-wrong 0
}
