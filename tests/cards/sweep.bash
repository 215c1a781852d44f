# shellcheck shell=bash
# sweep: one enrollment on a virtual card, hurt at one APDU after the other, each time followed by the same command on
# the card as it is then. Whatever the APDU, the end has to be the same: see enroll_check. And no secret that was
# refused, or whose answer was lost, is sent again in the same run.
#
# With TOKENROLL_ALL each APDU is tried; else those that change something on the card, or show it a secret, and every
# STEPth of the others. Of these it is every SWEEP_SHAREth, each test at other ones: half of them for the plain
# enrollment, an eighth for the kinds that vary it, and all for a renewal, which changes little.

# shellcheck source=tests/cards/enroll.bash
source "${BASH_SOURCE[0]%/*}/enroll.bash"
# shellcheck source=tests/lib/recovery.bash
source "${BASH_SOURCE[0]%/*}/../lib/recovery.bash"
# shellcheck source=tests/cards/sweep_kinds.bash
source "${BASH_SOURCE[0]%/*}/sweep_kinds.bash"

# What APDUs that change something are called in a card's trace, and those that show it a secret
SWEEP_TELLING='verify|authenticate|generate|write|delete|sign|more of the command|change|unblock|initialize|set '
SWEEP_SECRET='verify (a|the) PIN$|authenticate with|change|unblock|initialize'

# sweep_setup sc-hsm|piv [KIND]: an enrollment of a kind that sweep_kinds.bash has
sweep_setup() {
	SWEEP_KIND=${2:-plain} SWEEP_FACTORY=() SWEEP_LEAST=10 SWEEP_SHARE=8
	[[ $SWEEP_KIND != plain ]] || SWEEP_SHARE=2
	[[ -z ${TOKENROLL_ALL:-} && $SWEEP_KIND != renew ]] || SWEEP_SHARE=1
	enroll_company "$1" && "sweep_make_$SWEEP_KIND" || return
	card_ctl 0 reset-count
	card_ctl 0 log "$ENROLL/log/whole"
	SWEEP_TEMPLATE=$BATS_TEST_TMPDIR/template
	cp -a "$ENROLL" "$SWEEP_TEMPLATE" && cp "$CARDS_DIR/card-0" "$CARDS_DIR/template" || return
	sweep_enroll "${SWEEP_COMMAND[@]}" >"$BATS_TEST_TMPDIR/whole-run" 2>&1 ||
		{ cat "$BATS_TEST_TMPDIR/whole-run" && return 1; }
	card_ctl 0 log off
	# one that does nothing else comes after it
	cp "$ENROLL/log/whole" "$BATS_TEST_TMPDIR/whole"
	SWEEP_WHOLE=$BATS_TEST_TMPDIR/whole
}

# With the PIN that people have for a card, unless it has one that everybody has.
sweep_enroll() {
	local pin=(--pin-file "$ENROLL/pin")
	[[ $SWEEP_KIND != factory ]] || pin=()
	SOFTHSM2_CONF=$ENROLL/token/softhsm2.conf "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$ENROLL/tokenroll.conf" \
		"${pin[@]}" --ca-pass-file "$ENROLL/ca.pass" "${ENROLL_SECRETS[@]}" "$@" </dev/null
}

# A card and a company that know nothing of alice yet.
sweep_reset() {
	card_ctl 0 quit
	cards_tool readers wait 0 empty
	cp "$CARDS_DIR/template" "$CARDS_DIR/card-0"
	rm -rf "$ENROLL"
	cp -a "$SWEEP_TEMPLATE" "$ENROLL"
	card_again "$ENROLL_TYPE" 0 && card_ctl 0 insert
}

sweep_complain() {
	echo "$1: $2" >&2
	sed 's/^/  first run: /' "$BATS_TEST_TMPDIR/first" >&2
	sed 's/^/  same command: /' "$BATS_TEST_TMPDIR/second" >&2
	echo "  the card met:" >&2
	cut -f1-3 "$ENROLL/log/first" | cut -c1-110 | sed 's/^/    /' | tail -n 60 >&2
	echo "  then:" >&2
	cut -f1-3 "$ENROLL/log/second" | cut -c1-110 | sed 's/^/    /' | tail -n 60 >&2
	return 1
}

# sweep_secrets_spared PLACE TRACE: nothing that showed the card a secret and was not answered well was followed by
# another one with a secret. In an answer to the management key's witness that is no status word but data.
sweep_secrets_spared() {
	awk -F'\t' -v secret="$SWEEP_SECRET" '
		{ name = $1; sub(/^[0-9]+ /, "", name) }
		name ~ secret && refused { print "again: " $1; bad = 1 }
		name ~ secret && $3 !~ /9000$/ { refused = 1 }
		END { exit bad }' "$2" || sweep_complain "$1" "a secret was sent again"
}

# sweep_round PLACE DEED...: one round; see cardctl.c for deeds, the K in which is the number of an APDU. SWEEP_MET is 0
# if it never came to that, and then it says nothing more.
sweep_round() {
	local place=$1 rc=0
	shift
	sweep_reset || return
	: >"$BATS_TEST_TMPDIR/second"
	: >"$ENROLL/log/second"
	card_ctl 0 log "$ENROLL/log/first"
	card_ctl 0 "$@" || return
	sweep_enroll "${SWEEP_COMMAND[@]}" >"$BATS_TEST_TMPDIR/first" 2>&1 || rc=$?
	SWEEP_MET=1
	[[ $(card_status 0 planned) == 0 ]] || SWEEP_MET=0
	card_ctl 0 forget
	card_ctl 0 log "$ENROLL/log/second"
	((SWEEP_MET)) || return 0
	sweep_first "$place" "$rc" && sweep_second "$place" "$rc"
}

# sweep_first PLACE STATUS: what a run that was hit may leave behind
sweep_first() {
	(($2 <= 7)) || sweep_complain "$1" "the first run ended with $2" || return
	(($2 == 0)) || sweep_says_why || sweep_complain "$1" "the first run does not say what happened and what to do" || return
	sweep_secrets_spared "$1" "$ENROLL/log/first" || return
	SWEEP_WHY=$(sweep_known_meanwhile 2>&1) || sweep_complain "$1" "after the first run $SWEEP_WHY"
}

# sweep_says_why: what happened and what to do next are one line each. All that was said is kept for people, too, if
# TOKENROLL_MESSAGES names a folder.
sweep_says_why() {
	[[ -z ${TOKENROLL_MESSAGES:-} ]] ||
		printf '%s\t%s\n' "$ENROLL_TYPE-$SWEEP_KIND $place" "$(grep -A1 '^tokenroll: ' "$BATS_TEST_TMPDIR/first" | paste -s)" \
			>>"$TOKENROLL_MESSAGES/$ENROLL_TYPE-$SWEEP_KIND"
	[[ ${SWEEP_DEED:-} != pull-at ]] || sweep_says_pulled || return
	[[ $(grep -c '^tokenroll: .' "$BATS_TEST_TMPDIR/first") == 1 && $(grep -c '^  what to do: .' "$BATS_TEST_TMPDIR/first") == 1 ]]
}

# Before the token was found nobody knows that there was one.
sweep_says_pulled() {
	grep -q '^tokenroll: .*\(was pulled out of\|is no longer plugged in\|no token is plugged in\|was never initialized\|which is blank, is another one\)' \
		"$BATS_TEST_TMPDIR/first"
}

# sweep_second PLACE STATUS: the same command after a run that ended with that, and all that has to be so in the end
sweep_second() {
	local command=("${SWEEP_COMMAND[@]}")
	(($2 != 0)) || command=("${SWEEP_AGAIN[@]}")
	[[ $(card_status 0 inserted) == 1 ]] || card_ctl 0 insert || return
	sweep_enroll "${command[@]}" >"$BATS_TEST_TMPDIR/second" 2>&1 ||
		sweep_complain "$1" "the same command ended with $? after the first with $2" || return
	SWEEP_WHY=$(sweep_labelled && enroll_check 0 alice 2>&1 && sweep_succeeded && sweep_rows && sweep_pins && sweep_known_finally 2>&1) ||
		sweep_complain "$1" "$SWEEP_WHY"
}

# A card that was set up has its label besides, if that was not what went wrong.
sweep_labelled() {
	ENROLL_OURS=''
	[[ $SWEEP_KIND != init ]] || ! enroll_foreign_kept 0 >/dev/null || [[ $(enroll_ours 0) != 'file 2f '* ]] ||
		ENROLL_OURS='file 2f file c4 file ce key'
}

# sweep_rows: no certificate was issued twice
sweep_rows() {
	[[ $(grep -c '/CN=alice$' "$ENROLL/pki/index.txt") == "$SWEEP_ROWS" ]] || { cat "$ENROLL/pki/index.txt" && return 1; }
}

# sweep_pins: no wrong PIN was ever compared. A management key is shown by an answer to the card's challenge: if that is
# lost by half the answer is a wrong one, once.
sweep_pins() {
	local name
	for name in pin-wrong pin-last-tries $([[ $ENROLL_TYPE == piv ]] || echo so-wrong); do
		[[ $(card_status 0 "$name") == 0 ]] || { echo "the card says $name=$(card_status 0 "$name")"; return 1; }
	done
	[[ $ENROLL_TYPE != piv || $(card_status 0 management-key-wrong) == [01] ]] ||
		{ echo "the management key was wrong more than once"; return 1; }
}

# sweep_apdus STEP: the numbers of the APDUs to be tried
sweep_apdus() {
	awk -F'\t' -v telling="$SWEEP_TELLING" -v all="${TOKENROLL_ALL:-}" -v step="$1" -v share="$SWEEP_SHARE" \
		-v from="$BATS_TEST_NUMBER" '
		{ split($1, n, " "); name = $1; sub(/^[0-9]+ /, "", name); told = 0 }
		name ~ "^(" telling ")" { told = ++tells % share == from % share }
		all || told || (step && (NR - 1) % (step * share) == 0) { print n[1] }' "$SWEEP_WHOLE"
}

# sweep_at K WORD...: one round, counted
sweep_at() {
	local k=$1
	shift
	SWEEP_DEED=$1 SWEEP_TRIED=$((SWEEP_TRIED + 1))
	sweep_round "APDU $k ($*)" "${@/#K/$k}" || SWEEP_FAILED+=" $k($*)"
	((SWEEP_MET == 0)) || SWEEP_HURT=$((SWEEP_HURT + 1)) SWEEP_LAST=$k
}

# sweep_end: what a whole enrollment takes varies a little, so that of ten APDUs and one more nine have to be met; well
# behind its last one nothing is left to be hurt
sweep_end() {
	local whole
	whole=$(wc -l <"$SWEEP_WHOLE")
	sweep_round "no APDU" pull-at $((whole + 60))
	echo "$SWEEP_HURT of $SWEEP_TRIED APDUs were hurt, the last of them $SWEEP_LAST of $whole; failed:${SWEEP_FAILED:- none}"
	[[ -z $SWEEP_FAILED && $SWEEP_MET == 0 ]] &&
		((SWEEP_HURT > 0 && (SWEEP_HURT + 1) * 10 >= SWEEP_TRIED * 9 && (SWEEP_HURT + 1) * SWEEP_SHARE > SWEEP_LEAST))
}

# sweep STEP WORD...: the same at each of these APDUs, with K for its number in the words: sweep 5 pull-at K after. With
# STEP 0 only those that change something.
sweep() {
	local k step=$1
	shift
	SWEEP_FAILED='' SWEEP_TRIED=0 SWEEP_HURT=0 SWEEP_LAST=0
	for k in $(sweep_apdus "$step"); do
		sweep_at "$k" "$@"
	done
	sweep_end
}

# sweep_answers STEP ANSWER...: one of the answers at each of these APDUs, in turns; with TOKENROLL_ALL all of them
sweep_answers() {
	local k step=$1 turn=0 answer
	shift
	SWEEP_FAILED='' SWEEP_TRIED=0 SWEEP_HURT=0 SWEEP_LAST=0
	for k in $(sweep_apdus "$step"); do
		turn=$((turn % $# + 1))
		for answer; do
			[[ -n ${TOKENROLL_ALL:-} || $answer == "${!turn}" ]] || continue
			sweep_at "$k" answer-at K "$answer"
		done
	done
	sweep_end
}
