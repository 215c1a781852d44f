#!/bin/bash
# How much longer a station takes for several tokens at once than for one, where each takes three seconds for its key.
# Called by bench.sh; virtual cards, from the first line to the last, medians over STATION_ROUNDS runs (3), one after
# the other. And how long a station with 100,000 people takes until it begins, and what memory, in a new database and in
# one that knows them.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
case $build in /*) ;; *) build=$root/$build ;; esac
rounds=${STATION_ROUNDS:-3}
export PATH=$PATH:/usr/sbin:/sbin TOKENROLL=${TOKENROLL:-$build/tokenroll} BUILD=$build

# shellcheck source=tests/station/station.bash disable=SC2119
. "$root/tests/station/station.bash"

work=$(mktemp -d "${TMPDIR:-/tmp}/tokenroll-station.XXXXXX")
BATS_TEST_TMPDIR=$work
export COMPANY_CACHE=$work/cache
cleanup() {
	[[ ! -v STATION ]] || kill -KILL "$STATION" 2>/dev/null || true
	[[ ! -v CARDS_STAND ]] || cards_stop || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# timed N: N tokens at N readers, milliseconds in the file $work/N
timed() {
	local k begin end
	rm -rf "$work/company"
	station_make_company
	station_conf
	for ((k = 0; k < $1; k++)); do
		station_card "$k"
		card_ctl "$k" delay-key 3000
	done
	{ echo user && for ((k = 0; k < $1; k++)); do echo "user$k"; done; } >"$DIR/roster.csv"
	begin=$EPOCHREALTIME
	station_command --plain >"$work/log" 2>&1 </dev/null || { cat "$work/log" >&2 && exit 1; }
	end=$EPOCHREALTIME
	echo "${begin/[.,]/} ${end/[.,]/}" | awk '{ printf "%.0f\n", ($2 - $1) / 1000 }' >>"$work/$1"
	for ((k = 0; k < $1; k++)); do
		card_ctl "$k" pull
		card_ctl "$k" quit
		rm -f "$CARDS_DIR/card-$k"*
	done
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# row N WANTED
row() {
	printf '%-62s %8.0f ms  %8.2f  %s\n' "station: $1 readers, 3 s for each key" "$(median <"$work/$1")" \
		"$(paste "$work/$1" "$work/1" | awk '{ print $1 / $2 }' | median)" "$2"
}

# begins FILE: starts the station with 100,000 people; milliseconds until it says so and KiB, as a line for the file
begins() {
	local begin=$EPOCHREALTIME end
	station_start --json
	until grep -q '"event":"begins"' "$DIR/log/station" 2>/dev/null; do
		kill -0 "$STATION" && sleep 0.01
	done
	end=$EPOCHREALTIME
	echo "${begin/[.,]/} ${end/[.,]/} $(awk '/^VmHWM/ { print $2 }' "/proc/$STATION/status")" |
		awk '{ printf "%.0f %d\n", ($2 - $1) / 1000, $3 }' >>"$1"
	kill -TERM "$STATION"
	station_ended
	: >"$DIR/log/station"
}

# memory FILE WHAT
memory() {
	printf '%-62s %8.0f ms  %8s  under 2000, %d MiB\n' "station: 100,000 people, $2" "$(cut -d' ' -f1 "$1" | median)" "" \
		"$(($(cut -d' ' -f2 "$1" | sort -n | tail -n 1) / 1024))"
}

crowd() {
	local i
	station_soft >/dev/null
	softhsm2-util --delete-token --token "VPN token" >/dev/null
	{ echo user,name,email && for ((i = 0; i < 100000; i++)); do echo "user$i,Person $i,user$i@example.com"; done; } >"$DIR/roster.csv"
	for ((i = 0; i < rounds; i++)); do
		rm -f "$DIR"/tokenroll.db*
		begins "$work/new"
		begins "$work/known"
	done
}

station_cards 8 >/dev/null
for ((i = 0; i < rounds; i++)); do
	for n in 1 4 8; do
		timed "$n"
	done
done
printf '\n%-62s %11s  %8s  %s\n' "many at once, medians of $rounds runs" "time" "ratio" "wanted"
row 1 ""
row 4 "under 1.2"
row 8 "under 1.4"
cards_stop
rm -rf "$work/company"
crowd
memory "$work/new" "a new roster"
memory "$work/known" "one that is known"
