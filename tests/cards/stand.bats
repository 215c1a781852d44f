#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $stderr and $output
# The test stand: a pcscd of its own, that nobody else notices and that leaves nothing behind.

bats_require_minimum_version 1.5.0

setup() {
	load cards.bash
	DIR=$BATS_TEST_TMPDIR
}

teardown() {
	cards_stop
}

# processes_of DIR: those of a stand, by the files that each has open there; a zombie has none
processes_of() {
	find /proc/[0-9]*/fd -lname "$1/*" 2>/dev/null | cut -d/ -f3 | sort -u
}

# gone DIR: within five seconds nothing of that stand runs
gone() {
	local i
	for ((i = 0; i < 100; i++)); do
		[[ -n $(processes_of "$1") ]] || return 0
		sleep 0.05
	done
	echo "still running: $(processes_of "$1" | xargs -I N ps -o pid=,args= -p N)"
	return 1
}

@test "as many readers as asked for are there, empty, and each has a name of its own" {
	cards_start 16 "Virtual Reader" "Yubico YubiKey OTP+FIDO+CCID"
	cards_tool readers list >"$DIR/list"
	[[ $(wc -l <"$DIR/list") == 16 && $(cut -f2 "$DIR/list" | sort -u) == empty ]]
	[[ $(cut -f3 "$DIR/list" | sort -u | wc -l) == 16 ]]
	[[ $(cards_reader 0) == "Virtual Reader 00 00" && $(cards_reader 1) == "Virtual Reader 00 01" ]]
	[[ $(cards_reader 2) == "Yubico YubiKey OTP+FIDO+CCID 00 00" ]]
	[[ $(cards_reader 15) == "Yubico YubiKey OTP+FIDO+CCID 7 00 01" ]]
}

@test "a card that is put in and taken out is seen by pcscd before the command returns" {
	local i
	cards_start 2
	card_new sc-hsm 1
	for i in 1 2 3; do
		[[ $(cards_tool readers list | cut -f2 | paste -s) == $'empty\tpresent' ]]
		card_ctl 1 pull
		[[ $(cards_tool readers list | cut -f2 | paste -s) == $'empty\tempty' ]]
		card_ctl 1 insert
	done
}

@test "two stands at once see only their own cards" {
	cards_start -d "$DIR/a" 2
	card_new sc-hsm 0 serial=STANDA00001
	local a=$PCSCLITE_CSOCK_NAME
	cards_start -d "$DIR/b" 2
	card_new sc-hsm 1 serial=STANDB00001
	[[ $(card_pkcs11 1 --list-slots) == *STANDB00001* ]]
	[[ $(cards_tool readers list | cut -f2 | paste -s) == $'empty\tpresent' ]]
	[[ $(PCSCLITE_CSOCK_NAME=$a cards_tool readers list | cut -f2 | paste -s) == $'present\tempty' ]]
	cards_stop
	CARDS_DIR=$DIR/a cards_stop
	gone "$DIR/a"
	gone "$DIR/b"
}

@test "after it is stopped nothing of it runs, and its cards keep their state" {
	cards_start 2
	card_new sc-hsm 0 serial=KEPT0000001
	local dir=$CARDS_DIR
	[[ $(processes_of "$dir" | wc -l) == 3 ]]
	cards_stop
	[[ -z $(processes_of "$dir") ]]
	cards_start -d "$dir" 2
	card_again sc-hsm 0
	card_ctl 0 insert
	[[ $(card_pkcs11 0 --list-slots) == *KEPT0000001* ]]
}

@test "it ends with the shell that started it, even if that is killed" {
	cards_start 2 && cards_stop # skips where there can be none
	# shellcheck disable=SC2016  # expanded by the inner shell
	bash -c 'source "$1" && cards_start -d "$2" 2 && card_new sc-hsm 0 && echo ready && kill -KILL $$' \
		bash "$CARDS_ROOT/tests/cards/cards.bash" "$DIR/killed" >"$DIR/out" || true
	[[ $(<"$DIR/out") == ready ]]
	gone "$DIR/killed"
}

@test "it ends when its pcscd is gone, and so do its cards" {
	cards_start 2
	card_new sc-hsm 0
	kill -KILL "$(<"$CARDS_DIR/run/pcscd.pid")"
	gone "$CARDS_DIR"
	grep -q "pcscd has ended by itself" "$CARDS_DIR/log"
}

# In mounts and a network of its own, /run/pcscd is what $1 makes of it.
machine_with() {
	# shellcheck disable=SC2016  # expanded by the inner shell
	unshare --mount --net --propagation private bash -euc '
		mount -t tmpfs tmpfs /run
		source "$1"
		eval "$2"
		cards_start -d "$3" 2
		card_new sc-hsm 0 serial=BESIDE00001
		card_pkcs11 0 --list-slots
		cards_stop
		eval "$4"' bash "$CARDS_ROOT/tests/cards/cards.bash" "$1" "$DIR/beside" "$2"
}

@test "it works where no pcscd runs and /run/pcscd does not exist, and makes none" {
	((EUID == 0)) || skip "needs root, to hide this machine's own /run"
	run machine_with "[[ ! -e /run/pcscd ]]" "[[ ! -e /run/pcscd ]] && echo clean"
	echo "$output"
	[[ $status == 0 && $output == *BESIDE00001*clean ]]
}

@test "it works beside the machine's own pcscd, which goes on with its readers" {
	((EUID == 0)) || skip "needs root, to hide this machine's own /run"
	mkdir "$DIR/conf"
	printf 'FRIENDLYNAME "Own Reader"\nDEVICENAME /dev/null:40000\nLIBPATH %s\nCHANNELID 40000\n' \
		/usr/lib/pcsc/drivers/serial/libifdvpcd.so >"$DIR/conf/own"
	# shellcheck disable=SC2016
	run machine_with 'mkdir /run/pcscd; pcscd --foreground --config '"$DIR"'/conf 3>&- & own=$!
		trap "kill $own" EXIT
		while [[ ! -S /run/pcscd/pcscd.comm ]]; do sleep 0.02; done' \
		'[[ $(</run/pcscd/pcscd.pid) == "$own" ]]; cards_tool readers list'
	echo "$output"
	[[ $status == 0 && $output == *BESIDE00001*"0"$'\t'"empty"$'\t'"Own Reader 00 00"* ]]
}

@test "where the machine allows no namespaces the reason is said, and a test is skipped" {
	run unshare --user --map-root-user --mount sh -c 'echo 0 >/proc/sys/user/max_net_namespaces'
	[[ $status == 0 ]] || skip "this machine does not let us take them away"
	mkdir "$DIR/none"
	# shellcheck disable=SC2016
	run unshare --user --map-root-user --mount bash -c 'echo 0 >/proc/sys/user/max_net_namespaces
		source "$1"
		(skip() { echo "skipped: $*" && exit 3; } && cards_start -d "$2" 2) || echo "like that: $?"
		cards_start -d "$2" 2' bash "$CARDS_ROOT/tests/cards/cards.bash" "$DIR/none"
	echo "$output"
	[[ $status == 77 && $output == "skipped: no virtual cards: "*"need root or user namespaces"*"like that: 3"* ]]
	[[ -z $(processes_of "$DIR/none") ]]
}

@test "where pcscd cannot be run the reason is said" {
	((EUID == 0)) || skip "needs root, to hide this machine's pcscd"
	# shellcheck disable=SC2016
	run unshare --mount --propagation private bash -c 'mount --bind /dev/null "$(PATH=$PATH:/usr/sbin type -P pcscd)"
		source "$1" && cards_start -d "$2" 2' bash "$CARDS_ROOT/tests/cards/cards.bash" "$DIR/none"
	echo "$output"
	[[ $status == 77 && $output == *"pcscd is not installed"* ]]
	[[ -z $(processes_of "$DIR/none") ]]
}

@test "a second stand in the same folder is refused" {
	cards_start 2
	run cards_start -d "$CARDS_DIR" 2
	[[ $status == 1 && $output == *"cannot lock"* ]]
	[[ $(cards_tool readers list | wc -l) == 2 ]]
}

@test "a folder whose path is too long for a socket is refused" {
	run cards_start -d "$DIR/$(printf 'long%.0s' {1..30})" 2
	echo "$output"
	[[ $status == 1 && $output == *"too long a path"* ]]
}
