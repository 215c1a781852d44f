# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153  # for sweep.bash, which loads it
# sweep_kinds: the enrollments that are swept, and the secrets that their cards have. sweep_make_KIND makes a card and
# what is in the company before, and says:
#
#   SWEEP_COMMAND, SWEEP_AGAIN   the command, and the one after a run that was hit too late to fail: that has done its
#                                work, and to be asked for once more would e.g. rightly replace it
#   SWEEP_ROWS                   how many rows of easy-rsa's index the user has in the end, one of them valid
#   SWEEP_LEAST                  10, or how many APDUs have to be hurt at least where fewer change something
#   SWEEP_SECRETS                NAME=VALUE: what people know, of the card's secrets (cardctl export secrets)

# one with a key of its own, on a card with PINs of its own
sweep_make_plain() {
	enroll_card 0 || return
	SWEEP_COMMAND=(alice) SWEEP_AGAIN=(alice) SWEEP_ROWS=1
	SWEEP_SECRETS=("pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" puk=71829364)
}

sweep_make_rsa() {
	sweep_make_plain && SWEEP_COMMAND=(alice --key-type rsa:2048)
}

# for a user who has one on this card
sweep_make_replace() {
	sweep_make_plain && enroll alice >"$BATS_TEST_TMPDIR/whole-run" 2>&1 || return
	SWEEP_COMMAND=(alice --replace) SWEEP_ROWS=2
}

# a new certificate for the same key, and with it the same profile
sweep_make_renew() {
	sweep_make_replace && SWEEP_COMMAND=(renew alice) SWEEP_LEAST=5
}

# a new key beside the old one
sweep_make_rekey() {
	sweep_make_replace && SWEEP_COMMAND=(rekey alice)
}

# sweep_profile: which key alice's profile names
sweep_profile() {
	sed -n "s/^pkcs11-id '\(.*\)'.*/\1/p" "$1/bundles/alice/alice-linux.ovpn"
}

# sweep_succeeded: in the end a renewal has left the profile as it was, which alice has at home, and a rekeying has not
sweep_succeeded() {
	local before now
	[[ $SWEEP_KIND == renew || $SWEEP_KIND == rekey ]] || return 0
	before=$(sweep_profile "$SWEEP_TEMPLATE") now=$(sweep_profile "$ENROLL")
	[[ $SWEEP_KIND == renew && $now == "$before" || $SWEEP_KIND == rekey && $now != "$before" ]] ||
		{ echo "the profile named $before, and now $now"; return 1; }
}

# on a card that was never set up, and then holds nothing of anybody's
sweep_make_init() {
	COMPANY_SO_PIN=0123456789ABCDEF
	company_secret "$ENROLL/so-pin" "$COMPANY_SO_PIN"
	card_new sc-hsm 0 blank=yes && card_ctl 0 export contents "$CARDS_DIR/foreign-0" || return
	SWEEP_COMMAND=(alice --init --so-pin-file "$ENROLL/so-pin") SWEEP_AGAIN=("${SWEEP_COMMAND[@]}") SWEEP_ROWS=1
	SWEEP_SECRETS=("pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN")
}

# on a card with the PINs that it was delivered with; new ones go into escrow
sweep_make_factory() {
	recovery_new "$BATS_TEST_TMPDIR/recovery" "VPN recovery"
	company_secret "$ENROLL/new-pin" 24682468
	company_conf "$ENROLL" token.module= vpn.client-module-linux= token.timeout=10 \
		"escrow.recovery=$BATS_TEST_TMPDIR/recovery.pem"
	enroll_card 0 pin=123456 puk=12345678 management-key=010203040506070801020304050607080102030405060708 || return
	ENROLL_SECRETS=(--new-pin-file "$ENROLL/new-pin" --recovery-key "$BATS_TEST_TMPDIR/recovery.key")
	SWEEP_COMMAND=(alice) SWEEP_AGAIN=(alice) SWEEP_ROWS=1
	SWEEP_SECRETS=(pin=24682468)
	SWEEP_FACTORY=(pin=123456 puk=12345678 so-pin=010203040506070801020304050607080102030405060708)
}

# sweep_escrowed [CONDITION]: NAME=VALUE for each value in escrow
sweep_escrowed() {
	local kind
	[[ $SWEEP_KIND == factory && -e $ENROLL/tokenroll.db ]] || return 0
	for kind in so-pin puk; do
		recovery_open "$ENROLL/tokenroll.db" "$BATS_TEST_TMPDIR/recovery.key" "kind = '$kind' and ${1:-1}" |
			sed "s/^/$kind=/"
	done
}

# sweep_known NAME=VALUE...: each of the card's secrets is one of these. A user PIN that C_InitToken has made up opens
# nothing that anybody has put there.
sweep_known() {
	local name value
	card_ctl 0 export secrets "$CARDS_DIR/secrets" || return
	while read -r name value; do
		[[ -n $value ]] || continue
		[[ $SWEEP_KIND == init && $name == pin && $(card_status 0 keys) == 0 ]] ||
			printf '%s\n' "$@" | grep -qxF -- "$name=$value" ||
			{ echo "nobody knows the card's $name"; return 1; }
	done <"$CARDS_DIR/secrets"
}

# Where a run broke off: somebody can still open the card.
sweep_known_meanwhile() {
	local escrowed
	mapfile -t escrowed < <(sweep_escrowed)
	sweep_known "${SWEEP_SECRETS[@]}" "${SWEEP_FACTORY[@]}" "${escrowed[@]}"
}

# In the end: what people know and, of what is in escrow, the newest. A PUK whose change was not answered stays
# unconfirmed there, because the card says that it is right only when it is used.
sweep_known_finally() {
	local escrowed
	mapfile -t escrowed < <(sweep_escrowed "id in (select max(id) from escrow group by kind) and
		(state = 'confirmed' or kind = 'puk')")
	sweep_known "${SWEEP_SECRETS[@]}" "${escrowed[@]}"
}
