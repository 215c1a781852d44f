#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154  # bats and station.bash set them
# Hours at a station, for `make soak` (TOKENROLL_SOAK=1): a thousand tokens in one run, and everything that goes wrong.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	PATH=$PATH:/usr/sbin:/sbin
	[[ -n ${TOKENROLL_SOAK:-} ]] || skip "only with TOKENROLL_SOAK=1 (make soak)"
}

teardown() {
	station_stop
}

# figures: the station's resident memory in KiB, and its descriptors
figures() {
	echo "$(awk '/^VmRSS/ { print $2 }' "/proc/$STATION/status") $(find "/proc/$STATION/fd" -type l | wc -l)"
}

done_so_far() {
	grep -c '"event":"done"' "$DIR/log/station" || true
}

@test "memory and descriptors stay as they are over a thousand tokens in one run" {
	local all=${TOKENROLL_SOAK_TOKENS:-1000} batch=50 i k first='' rss fds
	station_soft
	softhsm2-util --delete-token --token "VPN token" >/dev/null
	{ echo user && for ((i = 0; i < all; i++)); do echo "user$i"; done; } >"$DIR/roster.csv"
	station_start --json
	station_says begins
	for ((i = 0; i < all; i += batch)); do
		for ((k = 0; k < batch; k++)); do
			softhsm2-util --init-token --free --label "tok $((i + k))" --pin "$COMPANY_PIN" --so-pin "$COMPANY_SO_PIN" >/dev/null
		done
		while (($(done_so_far) < i + batch)); do
			kill -0 "$STATION" && sleep 0.2
		done
		((i + batch == all)) && break
		read -r rss fds < <(figures)
		echo "# $((i + batch)) tokens: $rss KiB, $fds descriptors" >&3
		first=${first:-$rss}
		until rm -rf "$DIR"/token/tokens/* 2>/dev/null; do sleep 0.2; done
	done
	station_ended 60
	((STATUS == 0))
	((rss < first * 12 / 10 && fds < 40))
	company_tokenroll "$DIR" audit --verify
}

# One chance in a row of mishaps, by the number of the step
mishap() {
	local k=$((RANDOM % 8)) p
	case $1 in
	0) card_ctl "$k.$(in_reader "$k")" pull && card_ctl "$k.$(in_reader "$k")" insert ;;
	1) p=$(pgrep -P "$(pgrep -P "$STATION" -f 'tokenroll-enroller$' | head -1)" -f 'tokenroll-worker$' | head -1) && kill -KILL "$p" ;;
	2) p=$(pgrep -P "$STATION" -f 'tokenroll-enroller$' | shuf -n 1) && kill -KILL "$p" ;;
	3) kill -KILL "$STATION" && station_ended && station_start --json ;;
	4) p=$(pgrep -P "$STATION" -f 'tokenroll-signer$') && kill -KILL "$p" && station_ended && station_start --json ;;
	5) kill -INT "$STATION" && sleep 0.2 && kill -INT "$STATION" && station_ended && station_start --json ;;
	esac 2>/dev/null || true
}

in_reader() {
	echo "${reader[$1]}"
}

@test "pulls, kills and restarts at random: in the end the same people have each one right token, and nothing is left over" {
	local people=${TOKENROLL_SOAK_PEOPLE:-24} i k at=0 user begun=$SECONDS
	RANDOM=${TOKENROLL_SOAK_SEED:-4711}
	declare -A reader
	station_cards 8
	{ echo user && for ((i = 0; i < people; i++)); do echo "user$i"; done; } >"$DIR/roster.csv"
	station_start --json
	for ((i = 0; i < people; i += 8)); do
		for k in {0..7}; do
			reader[$k]=$((i + k))
			card_new sc-hsm "$k.$((i + k))" "pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" "serial=$(printf 'STAT%06d' $((i + k)))" && card_ctl "$k.$((i + k))" delay 3
		done
		for k in {1..4}; do
			sleep "0.$((RANDOM % 5))"
			mishap $((at++ % 6))
		done
		# what failed is put in again until it is done
		for ((k = 0; k < 60 && $(people delivered | wc -w) < i + 8; k++)); do
			kill -0 "$STATION" 2>/dev/null || station_start --json
			sleep 1
			((k % 5 != 4)) || for n in {0..7}; do
				card_ctl "$n.${reader[$n]}" pull && card_ctl "$n.${reader[$n]}" insert
			done
		done
		for k in {0..7}; do card_ctl "$k.$((i + k))" pull; done
	done
	kill -TERM "$STATION" 2>/dev/null && station_ended
	echo "# $people people, $at mishaps, $((SECONDS - begun)) s" >&3
	(($(people delivered | wc -w) == people))
	company_tokenroll "$DIR" audit --verify
	for ((i = 0; i < people; i++)); do
		card_ctl "$((i % 8)).$i" insert
		user=$(holder "$((i % 8))")
		[[ -n $user ]]
		company_tokenroll "$DIR" list --csv --user "$user" | grep -q "$(printf 'STAT%06d' "$i")"
		card_ctl "$((i % 8)).$i" pull
		echo "$user"
	done | sort -u | wc -l | grep -qx "$people"
	# each has one valid certificate, and whatever else was issued is revoked
	(($(awk -F'\t' '$1 == "V"' "$DIR/pki/index.txt" | grep -c '/CN=user') == people))
}
