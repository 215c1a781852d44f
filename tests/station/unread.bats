#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154  # bats and station.bash set them
# Whoever is to read what the station says may not read it, or be gone: no token is held up, and the station can be ended.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load station.bash
	PATH=$PATH:/usr/sbin:/sbin
	station_soft
	company_token "$DIR" second
	station_roster user alice bob
}

teardown() {
	station_stop
	[[ ! -v READER ]] || kill "$READER" 2>/dev/null || true
}

# reader: of DIR/pipe, which takes a page and no more; it reads all of it into DIR/log/read when there is DIR/read
reader() {
	mkfifo "$DIR/pipe"
	python3 - "$DIR" 3>&- <<-'PY' &
		import fcntl, os, sys, time
		folder = sys.argv[1]
		fd = os.open(folder + "/pipe", os.O_RDWR)
		fcntl.fcntl(fd, 1031, 4096)  # F_SETPIPE_SZ
		os.write(fd, b"\n" * 3000)
		open(folder + "/ready", "w")
		while not os.path.exists(folder + "/read"):
		    time.sleep(0.05)
		with open(folder + "/log/read", "wb", 0) as to:
		    while True:
		        to.write(os.read(fd, 65536))
	PY
	READER=$!
	wait_for test -e "$DIR/ready"
}

# start TO ARGUMENT...: a station whose events go there
start() {
	SOFTHSM2_CONF=$DIR/token/softhsm2.conf "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$DIR/tokenroll.conf" station \
		--pin-file "$DIR/pin" --ca-pass-file "$DIR/ca.pass" --pins keep "${@:2}" "$DIR/roster.csv" </dev/null \
		>"$1" 2>"$DIR/log/station" 3>&- &
	STATION=$!
}

both_are_done() {
	[[ $(people delivered) == "alice bob" ]]
}

@test "events that are read late are all there, and the tokens were not held up" {
	reader
	start "$DIR/pipe" --json
	wait_for both_are_done
	: >"$DIR/read"
	station_ended
	((STATUS == 0))
	sed '/^$/d' "$DIR/log/read" | jq -r .event | grep -cx "done" | grep -qx 2
	[[ $(sed '/^$/d' "$DIR/log/read" | jq -r .event | tail -1) == ends ]]
}

@test "events that nobody reads hold up no token, and Ctrl-C ends the station" {
	local way
	for way in --json --plain; do
		rm -rf "$DIR/pipe" "$DIR/ready"
		reader
		start "$DIR/pipe" "$way"
		wait_for both_are_done
		# the second one has nothing to do: it has to have come to its end, which nobody can read
		sleep 3
		kill -INT "$STATION"
		kill -0 "$STATION"
		sleep 0.5
		kill -INT "$STATION" 2>/dev/null || true
		station_ended 5
		((STATUS == 1))
		grep -q "not all of what happened could be told" "$DIR/log/station"
		kill "$READER"
	done
	company_tokenroll "$DIR" audit --verify
}

@test "when nobody is there any more to read, what is under way is finished and the station ends" {
	mkfifo "$DIR/pipe"
	head -n 1 "$DIR/pipe" >"$DIR/log/read" 3>&- &
	start "$DIR/pipe" --json
	station_ended
	((STATUS == 1))
	grep -q "Broken pipe" "$DIR/log/station"
	grep -q "start the station again" "$DIR/log/station"
	company_tokenroll "$DIR" audit --verify
	start /dev/null --json
	station_ended
	both_are_done
}

# terminal: its name is in DIR/terminal. It takes some 200 bytes more, and is read into DIR/log/read when there is DIR/read
terminal() {
	python3 - "$DIR" 3>&- <<-'PY' &
		import os, pty, select, sys, time
		folder = sys.argv[1]
		def fill(slave, most):
		    n = 0
		    os.set_blocking(slave, False)
		    try:
		        while n < most:
		            n += os.write(slave, b"x" * 10)
		    except BlockingIOError:
		        pass
		    os.set_blocking(slave, True)
		    return n
		takes = fill(pty.openpty()[1], 1 << 20)
		can = []
		while not can:
		    master, slave = pty.openpty()
		    fill(slave, takes - 200)
		    can = select.select([], [slave], [], 0)[1]
		with open(folder + "/terminal.new", "w") as to:
		    to.write(os.ttyname(slave))
		os.rename(folder + "/terminal.new", folder + "/terminal")
		while not os.path.exists(folder + "/read"):
		    time.sleep(0.05)
		with open(folder + "/log/read", "wb", 0) as to:
		    while True:
		        to.write(os.read(master, 65536))
	PY
	READER=$!
	wait_for test -e "$DIR/terminal"
}

@test "a terminal that takes only part of a line holds up no token, and has all when it is read" {
	terminal
	start "$(<"$DIR/terminal")" --json
	wait_for both_are_done
	: >"$DIR/read"
	station_ended
	((STATUS == 0))
	sed 's/^x*//' "$DIR/log/read" | jq -r .event | grep -cx "done" | grep -qx 2
}

@test "a terminal that nobody reads: Ctrl-C ends the station" {
	terminal
	start "$(<"$DIR/terminal")" --json
	wait_for both_are_done
	sleep 1
	kill -INT "$STATION"
	sleep 0.5
	kill -INT "$STATION" 2>/dev/null || true
	station_ended 5
	((STATUS == 1))
	grep -q "what the station writes to is not read$" "$DIR/log/station"
}

# on_full_disk: in the namespace. What the lines are written to is full, first until they are all told, then to the end
on_full_disk() {
	mkdir "$DIR/lines"
	mount -t tmpfs -o size=1m tmpfs "$DIR/lines"
	: >"$DIR/lines/first"
	: >"$DIR/lines/second"
	head -c 2M /dev/zero 2>/dev/null >"$DIR/lines/filler" || true
	start "$DIR/lines/first" --plain
	wait_for both_are_done
	sleep 4
	kill -0 "$STATION"
	rm "$DIR/lines/filler"
	station_ended
	((STATUS == 0))
	grep -q "alice  done" "$DIR/lines/first"
	head -c 2M /dev/zero 2>/dev/null >"$DIR/lines/filler" || true
	start "$DIR/lines/second" --plain
	sleep 3
	kill -TERM "$STATION"
	station_ended 5
	((STATUS == 1))
	grep "what the station writes to is full" "$DIR/log/station" | grep "No space left"
	grep "make room there" "$DIR/log/station"
}

@test "lines to a disk that is full are waited with, and what is wrong is said" {
	local namespace=(unshare --mount --propagation private)
	((EUID == 0)) || namespace+=(--map-root-user)
	"${namespace[@]}" true 2>/dev/null || skip "needs a mount namespace"
	DIR=$DIR "${namespace[@]}" bash -c "
		source '$BATS_TEST_DIRNAME/station.bash'
		trap station_stop EXIT
		STATION_CONF=()
		$(declare -f on_full_disk start wait_for both_are_done)
		set -e
		on_full_disk"
}
