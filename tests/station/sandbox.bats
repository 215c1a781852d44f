#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153,SC2154  # bats and station.bash set them
# What a token's module gets to see at a station: no more than with `tokenroll USER`.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	PATH=$PATH:/usr/sbin:/sbin
	python3 -c 'import ctypes; exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 2)' ||
		skip "this kernel has no Landlock, or not that of Linux 5.19"
	station_soft
	company_token "$DIR" second
	export NOSY_MODULE NOSY_LIST=$DIR/log/list NOSY_LOG=$DIR/log/nosy
	NOSY_MODULE=$(company_softhsm)
	station_conf "token.module=$(realpath "${BUILD:-$COMPANY_ROOT/build}/tests/fault/libnosy.so")"
	station_roster user alice bob
}

teardown() {
	station_stop
}

@test "a module can neither read nor change the CA, the database, bundles and files of secrets" {
	local hidden=(pki/private/ca.key pki/index.txt pki/new tokenroll.db bundles/alice.zip pin ca.pass)
	printf '%s\n' "${hidden[@]/#/$DIR/}" >"$NOSY_LIST"
	sha256sum "$DIR/pki/private/ca.key" "$DIR/pin" "$DIR/ca.pass" >"$DIR/before"
	station
	((status == 0))
	for f in "${hidden[@]}"; do
		grep -qE "^(load|initialize|generate) E[A-Z]+ read $DIR/$f\$" "$NOSY_LOG"
		run ! grep -E " done [a-z]+ $DIR/$f\$" "$NOSY_LOG"
	done
	sha256sum --quiet -c "$DIR/before"
}

@test "a module cannot get into the station, its signer, the enrollers and the other workers" {
	local process
	: >"$NOSY_LIST"
	station
	((status == 0))
	for process in tokenroll tokenroll-signe tokenroll-enrol tokenroll-worke; do
		grep -qE "^[a-z]+ E[A-Z]+ (attach|memory|folder) $process\$" "$NOSY_LOG" || { echo "not tried: $process" && false; }
	done
	run ! grep " done " "$NOSY_LOG"
}
