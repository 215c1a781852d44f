#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2153,SC2154  # bats and station.bash set them
# A disk that is full, a time of day that jumps, a CA key that is on an HSM: nothing is lost, and it goes on.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	load ../lib/hsm.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_soft
}

teardown() {
	station_stop
}

# on_small_disk FOLDER: in the namespace. DIR/FOLDER is full while the station enrolls alice, and then it is not.
on_small_disk() {
	local folder=$DIR/$1
	mkdir -p "$folder"
	cp -a "$folder" "$DIR/away"
	mount -t tmpfs -o size=4m,mode=700 tmpfs "$folder"
	cp -a "$DIR/away/." "$folder/"
	head -c "$(($(df --output=avail -k "$folder" | tail -n 1) - $2))K" /dev/zero >"$folder/filler"
	station_start
	station_says "No space left on device\|is full"
	station_says "[Mm]ake room on "
	# a disk that the station itself needs ends it
	kill -TERM "$STATION" 2>/dev/null || true
	station_ended
	rm "$folder/filler"
	station_start
	station_says "alice  done"
	station_ended
	((STATUS == 0))
	[[ $(people delivered) == alice && -s $DIR/bundles/alice.zip ]]
	[[ $(grep -c '/CN=alice$' "$DIR/pki/index.txt") == 1 ]]
	company_tokenroll "$DIR" audit --verify
}

full() {
	local namespace=(unshare --mount --propagation private)
	((EUID == 0)) || namespace+=(--map-root-user)
	"${namespace[@]}" true 2>/dev/null || skip "needs a mount namespace"
	station_roster user alice
	DIR=$DIR "${namespace[@]}" bash -c "
		source '$BATS_TEST_DIRNAME/station.bash'
		trap station_stop EXIT
		STATION_CONF=()
		$(declare -f on_small_disk)
		set -e
		on_small_disk '$1' '$2'"
}

@test "a full disk under the PKI is said, and the token goes on where it was when there is room" {
	full pki 4
}

@test "a full disk under the bundles is said, and the token goes on where it was when there is room" {
	full bundles 8
}

@test "a full disk under the database is said, and the token goes on where it was when there is room" {
	station_conf "store.path=$DIR/db/tokenroll.db"
	full db 4
}

# days_ahead N: what time it is for the station
days_ahead() {
	python3 -c 'import struct, sys; open(sys.argv[1], "r+b").write(struct.pack("q", int(sys.argv[2]) * 86400))' "$DIR/ahead" "$1"
}

@test "a time of day that jumps back and ahead costs nobody a token, and the report has everybody of this run" {
	station_roster user alice bob carol
	head -c 8 /dev/zero >"$DIR/ahead"
	days_ahead 3
	LD_PRELOAD=${BUILD:-$COMPANY_ROOT/build}/tests/fault/libdayclock.so DAYCLOCK_FILE=$DIR/ahead station_start
	station_says "alice  done"
	days_ahead 1
	company_token "$DIR" second
	station_says "bob  done"
	days_ahead 9
	company_token "$DIR" third
	station_says "carol  done"
	station_ended
	((STATUS == 0))
	cat "$DIR/log/station"
	grep -q "roster.csv: 3 of 3 are done" "$DIR/log/station"
	grep -q "^  done  *3, " "$DIR/log/station"
	company_tokenroll "$DIR" audit --verify
	[[ $(openssl x509 -in "$DIR/pki/issued/bob.crt" -noout -startdate) < $(openssl x509 -in "$DIR/pki/issued/alice.crt" -noout -startdate) ]]
}

@test "a CA key on an HSM is asked for its PIN once, and signs for all" {
	company_token "$DIR" second
	hsm_new "$DIR"
	hsm_take_key "$DIR"
	hsm_conf "$DIR" "$(hsm_uri "$DIR")"
	station_roster user alice bob
	cp "$DIR/hsm.pin" "$DIR/ca.pass"
	station
	((status == 0))
	[[ $(people delivered) == "alice bob" ]]
	for user in alice bob; do
		openssl verify -CAfile "$DIR/pki/ca.crt" "$DIR/pki/issued/$user.crt"
	done
}
