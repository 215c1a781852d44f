#!/usr/bin/env bats
# `make demo` does what it says, again and again, and leaves nothing running.

bats_require_minimum_version 1.5.0

setup() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export DEMO_DIR="$BATS_TEST_TMPDIR/the demo" DEPS=no
	BUILD=$(realpath --relative-to="$root" "${BUILD:-$root/build}")
	export BUILD
}

# Every process that has the demo's folder in its arguments.
left_running() {
	local f
	for f in /proc/[0-9]*/cmdline; do
		[[ $(tr '\0' ' ' <"$f") != *"$DEMO_DIR"* ]] || echo "$f"
	done 2>/dev/null
}

leaves_nothing() {
	[[ -z $(left_running) ]]
	! ip netns list 2>/dev/null | grep -q "^tr-$1-"
}

@test "the demo connects alice, twice in a row" {
	local round
	for round in first second; do
		echo "# the $round time"
		run -0 "$root/tests/demo/demo.sh"
		[[ $output == *"alice is connected (TLSv1.3"* ]]
		[[ ${#lines[@]} -lt 60 ]]
	done
	[[ -s $DEMO_DIR/home/alice/alice-linux.ovpn ]]
	run ! grep -rl "PRIVATE KEY" "$DEMO_DIR/home" "$DEMO_DIR/bundles"
	[[ -z $(left_running) ]]
}

@test "stopped in the middle it takes its processes and namespaces along" {
	local after pid rc
	for after in 'server.log' 'client.log'; do
		rm -rf "$DEMO_DIR/log"
		"$root/tests/demo/demo.sh" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
		pid=$! rc=0
		while kill -0 "$pid" 2>/dev/null && [[ ! -s $DEMO_DIR/log/$after ]]; do
			sleep 0.02
		done
		kill -TERM "$pid"
		wait "$pid" || rc=$?
		[[ $rc == 143 ]]
		grep -q "Interrupted" "$BATS_TEST_TMPDIR/out"
		leaves_nothing "$pid"
	done
}

@test "a failure names the log and stops everything" {
	COMPANY_EASYRSA=/bin/false run ! "$root/tests/demo/demo.sh"
	[[ $output == *"The demo failed"*"/log"* ]]
	[[ -z $(left_running) ]]
}
