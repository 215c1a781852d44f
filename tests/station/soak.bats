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

# batch N: waits until so many are done. SoftHSM fails now and then where stores change beside it: what has failed is
# put in again, as people do.
batch() {
	local so_far since=$SECONDS last=-1
	while so_far=$(done_so_far) && ((so_far < $1)); do
		kill -0 "$STATION"
		sleep 0.2
		((so_far == last)) || since=$SECONDS
		last=$so_far
		((SECONDS - since >= 10)) || continue
		mv "$DIR"/token/tokens/* "$DIR/next/tokens/"
		sleep 3
		mv "$DIR"/next/tokens/* "$DIR/token/tokens/"
		since=$SECONDS
	done
}

@test "memory and descriptors stay as they are over a thousand tokens in one run" {
	local all=${TOKENROLL_SOAK_TOKENS:-1000} batch=50 i k first='' rss fds
	station_soft
	softhsm2-util --delete-token --token "VPN token" >/dev/null
	# SoftHSM's own tool fails where a store changes at the same time
	mkdir -p "$DIR/next/tokens"
	sed "s|$DIR/token/|$DIR/next/|" "$DIR/token/softhsm2.conf" >"$DIR/next/softhsm2.conf"
	{ echo user && for ((i = 0; i < all; i++)); do echo "user$i"; done; } >"$DIR/roster.csv"
	station_start --json
	station_says begins
	for ((i = 0; i < all; i += batch)); do
		for ((k = 0; k < batch; k++)); do
			SOFTHSM2_CONF=$DIR/next/softhsm2.conf softhsm2-util --init-token --free --label "tok $((i + k))" \
				--pin "$COMPANY_PIN" --so-pin "$COMPANY_SO_PIN" >/dev/null
		done
		mv "$DIR"/next/tokens/* "$DIR/token/tokens/"
		batch $((i + batch))
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

@test "pulls, swaps, kills, full disks and restarts at random: in the end the same people have each one right token, and nothing is left over" {
	local namespace=(unshare --mount --propagation private)
	((EUID == 0)) || namespace+=(--map-root-user)
	"${namespace[@]}" true 2>/dev/null || skip "needs a mount namespace"
	station_cards 8
	station_conf "letter.command=$DIR/printer"
	mkdir "$DIR/printed"
	# a sheet that jams half way is none
	cat >"$DIR/printer" <<-SH
		#!/bin/sh
		[ ! -e "$DIR/no-paper" ] || exit 1
		sheet=$DIR/printed/.\$\$
		cat >"\$sheet" && mv "\$sheet" "$DIR/printed/\$(date +%s.%N)"
	SH
	chmod +x "$DIR/printer"
	{ echo user && for ((i = 0; i < ${TOKENROLL_SOAK_PEOPLE:-40}; i++)); do echo "user$i"; done; } >"$DIR/roster.csv"
	export COMPANY_PIN COMPANY_SO_PIN CARDS_DIR CARDS_STAND
	"${namespace[@]}" "$BATS_TEST_DIRNAME/chaos.sh" "$DIR" "${TOKENROLL_SOAK_PEOPLE:-40}" "${TOKENROLL_SOAK_SEED:-4711}" \
		>"$BATS_TEST_TMPDIR/figures" 3>&-
	unset CARDS_DIR # the script has stopped them
	echo "# ${TOKENROLL_SOAK_PEOPLE:-40} people; $(tail -n 1 "$BATS_TEST_TMPDIR/figures")" >&3
}
