# shellcheck shell=bash disable=SC2016,SC2034,SC2119,SC2120,SC2154
# station: a company with a station, for tests. Tokens are virtual cards in readers, or software.
#
#   station_cards N [TYPE]          a company whose tokens are cards in N readers; DIR is its folder
#   station_conf KEY=VALUE...       its configuration, with these as well
#   station_card K [NAME=VALUE…]    a card for reader K, or K.name, with the PIN in DIR/pin; it is inserted
#   station_soft                    a company whose tokens are SoftHSM's; those of company_token
#   station_roster LINE...          DIR/roster.csv; the first line is the header
#   station ARGUMENT...             the station with lines, in the foreground: $output. It ends when nobody is left
#   station_start ARGUMENT...       the same in the background: its process is STATION, its lines are in DIR/log/station
#   station_says TEXT [SECONDS]     waits until the lines have this text (a basic regular expression)
#   wait_for COMMAND...             waits until it succeeds, 20 seconds at most
#   station_ended [SECONDS]         waits until it has ended; STATUS is its exit status
#   station_stop                    for teardown
#   holder CARD                     whose certificate is on the card, by the card and the PKI, not by the inventory
#   people STATE                    their users, by the inventory

# shellcheck source=tests/lib/company.bash
source "${BASH_SOURCE[0]%/*}/../lib/company.bash"
# shellcheck source=tests/cards/cards.bash
source "${BASH_SOURCE[0]%/*}/../cards/cards.bash"

station_make_company() {
	DIR=$BATS_TEST_TMPDIR/company
	mkdir -p "$DIR/log"
	company_pki "$DIR" && company_tls_keys "$DIR" && company_hsm "$DIR"
}

station_cards() {
	local opensc
	opensc=$(cards_module opensc) && cards_start "$1" || return
	COMPANY_PIN=593827 COMPANY_SO_PIN=A1B2C3D4E5F60718
	STATION_CONF=("token.module=$opensc" "vpn.client-module-linux=$opensc" token.timeout=10)
	station_make_company && station_conf
}

station_conf() {
	company_conf "$DIR" "${STATION_CONF[@]}" "$@"
}

station_card() {
	local card=$1 k=${1%%.*}
	shift
	card_new sc-hsm "$card" "pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" "serial=STAT00000$k" "$@"
}

station_soft() {
	DIR=$BATS_TEST_TMPDIR/company STATION_CONF=()
	company_new "$DIR" && export SOFTHSM2_CONF=$DIR/token/softhsm2.conf
}

station_roster() {
	printf '%s\n' "$@" >"$DIR/roster.csv"
}

station_command() {
	SOFTHSM2_CONF=$DIR/token/softhsm2.conf "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" station \
		--pin-file "$DIR/pin" --ca-pass-file "$DIR/ca.pass" --pins keep "$@" "$DIR/roster.csv"
}

station() {
	run timeout 30 bash -c 'source "$0"; DIR=$1; shift; station_command --plain "$@"' "${BASH_SOURCE[0]}" "$DIR" "$@" </dev/null
	printf '%s\n' "$output" >"$DIR/log/station"
	((status != 124)) || { echo "$output" && return 1; }
}

station_start() {
	local way=--plain
	[[ " $* " != *" --json "* ]] || way=
	# shellcheck disable=SC2086  # none or one word
	SOFTHSM2_CONF=$DIR/token/softhsm2.conf "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" station \
		--pin-file "$DIR/pin" --ca-pass-file "$DIR/ca.pass" --pins keep $way "$@" "$DIR/roster.csv" </dev/null \
		>"$DIR/log/station" 2>&1 3>&- &
	STATION=$!
}

station_says() {
	local i
	for ((i = 0; i < ${2:-20} * 20; i++)); do
		! grep -q -- "$1" "$DIR/log/station" 2>/dev/null || return 0
		sleep 0.05
	done
	echo "the station did not say '$1':"
	cat "$DIR/log/station"
	return 1
}

wait_for() {
	local i
	for ((i = 0; i < 400; i++)); do
		! "$@" || return 0
		sleep 0.05
	done
	return 1
}

station_ended() {
	local i
	for ((i = 0; i < ${1:-30} * 20; i++)); do
		if ! kill -0 "$STATION" 2>/dev/null; then
			STATUS=0
			wait "$STATION" || STATUS=$?
			unset STATION
			return 0
		fi
		sleep 0.05
	done
	echo "the station goes on:"
	cat "$DIR/log/station"
	return 1
}

station_stop() {
	[[ ! -v STATION ]] || kill -KILL "$STATION" 2>/dev/null || true
	[[ ! -v CARDS_STAND ]] || cards_stop
}

holder() {
	local der=$DIR/log/der cert user
	for cert in "$DIR"/pki/issued/*.crt; do
		user=$(basename "$cert" .crt)
		rm -f "$der"
		card_pkcs11 "${1%%.*}" --read-object --type cert --label "$user" --output-file "$der" >/dev/null 2>&1 || continue
		! cmp -s "$der" <(openssl x509 -in "$cert" -outform DER) || echo "$user"
	done
}

people() {
	company_tokenroll "$DIR" list --csv | awk -F, -v state="$1" 'NR > 1 && $2 == state { print $1 }' | sort | paste -sd' '
}
