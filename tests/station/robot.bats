#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154  # bats and station.bash set them
# A hub of readers, and hands that put in and pull out: more people than readers, and everybody connects in the end.
# A dozen people of whom two connect, or with TOKENROLL_SOAK=1 (make soak) forty who all do.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load ../lib/vpn.bash
	PATH=$PATH:/usr/sbin:/sbin
	people=12 connect=2
	[[ -z ${TOKENROLL_SOAK:-} ]] || people=40 connect=40
	station_cards 8
	vpn_begin "$DIR/log"
	station_conf "template.remote=$VPN_HOST $VPN_PORT udp"
	{ echo user,name && for ((i = 0; i < people; i++)); do echo "user$i,Person $i"; done; } >"$DIR/roster.csv"
}

teardown() {
	vpn_end
	station_stop
}

serial() {
	printf 'STAT%06d' "$1"
}

# finished SERIAL: waits until the station has done that token
finished() {
	local i
	for ((i = 0; i < 1200; i++)); do
		! grep -q "\"event\":\"done\",.*\"token\":\"$1\"" "$DIR/log/station" || return 0
		sleep 0.05
	done
	return 1
}

# hand K: puts the tokens K, K+8, … into reader K, one after the other, each until it is done
hand() {
	local i
	for ((i = $1; i < people; i += 8)); do
		card_new sc-hsm "$1.$i" "pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" "serial=$(serial "$i")" &&
			finished "$(serial "$i")" && card_ctl "$1.$i" pull || return
	done
}

# who SERIAL: whose it is by the audit trail
who() {
	awk -F, -v serial="$1" 'index($0, serial) && /,delivered,/ { print $0 }' "$DIR/audit.csv" |
		grep -oE 'user[0-9]+' | sort -u
}

@test "people at a hub of eight readers get one right token each, and connect with it" {
	local i user pids=()
	station_start --json
	station_says begins
	for i in {0..7}; do
		hand "$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	station_ended 60
	((STATUS == 0))
	company_tokenroll "$DIR" audit --csv >"$DIR/audit.csv"
	company_tokenroll "$DIR" audit --verify
	(($(awk -F'\t' '$1 == "V"' "$DIR/pki/index.txt" | sed 's/.*CN=//' | grep -c '^user') == people))
	for ((i = 0; i < people; i++)); do who "$(serial "$i")"; done | sort -u >"$DIR/holders"
	(($(wc -l <"$DIR/holders") == people))
	vpn_server_start "$DIR" tls-crypt
	for ((i = 0; i < connect; i++)); do
		# a laptop has one reader, and OpenSC shows those of the first four only
		export OPENSC_CONF
		OPENSC_CONF=$(cards_only "$((i % 8))")
		card_ctl "$((i % 8)).$i" insert
		user=$(who "$(serial "$i")")
		[[ $(holder "$((i % 8))") == "$user" ]]
		mkdir -p "$DIR/home"
		tar -xzf "$DIR/bundles/$user.tar.gz" -C "$DIR/home"
		vpn_client_start "$DIR/home/$user/$user-linux.ovpn" "$DIR/pin"
		vpn_client_wait
		vpn_client_stop
		card_ctl "$((i % 8)).$i" pull
	done
}
