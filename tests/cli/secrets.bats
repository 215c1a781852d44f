#!/usr/bin/env bats
# Which process knows which secret, looked at from outside while all three are at work: the module hangs in the key
# generation, so the PIN was used and the passphrase has been handed over.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	# long enough not to be in memory by chance; not exported, or they would be in every environment
	COMPANY_PIN=pin-59c07be1d3
	COMPANY_PASSPHRASE="passphrase 8d1f4ab2 of this company"
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
	FAULTY_MODULE=$(company_softhsm)
	export FAULTY_MODULE FAULTY_COUNT=$dir/log/count FAULTY_RULE=C_GenerateKeyPair:1:hang
	company_conf "$dir" "token.module=$tools/libfaulty.so" "token.timeout=20"
	tokenroll=${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}
	parent='' worker='' signer=''
}

teardown() {
	local pid
	for pid in $worker $signer $parent $([[ -z $parent ]] || pgrep -P "$parent"); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	[[ -z $parent ]] || wait "$parent" || true
	rm -f "$BATS_TEST_TMPDIR"/core.*
}

# at_work [ARGUMENT...]: starts an enrollment and returns when its worker hangs with the PIN in use; sets $parent, $worker,
# $signer
at_work() {
	local i pid children args=("$@")
	(($# > 0)) || args=(--pin-file "$dir/pin")
	"$tokenroll" -c "$dir/tokenroll.conf" "${args[@]}" --ca-pass-file "$dir/ca.pass" -v alice \
		</dev/null >"$dir/out" 2>"$dir/err" 3>&- &
	parent=$!
	for ((i = 0; i < 200; i++)); do
		! awk '$1 == "C_GenerateKeyPair" && $2 == 1 { found = 1 } END { exit !found }' "$FAULTY_COUNT" 2>/dev/null || break
		sleep 0.05
	done
	read -ra children < <(cat "/proc/$parent/task"/*/children) || true # no line end
	for pid in "${children[@]}"; do
		case $(tr '\0' ' ' <"/proc/$pid/cmdline") in
		# the first; a second one waits for the proof and has no module yet
		*/tokenroll-worker*) worker=${worker:-$pid} ;;
		*/tokenroll-signer*) signer=$pid ;;
		esac
	done
	[[ -n $worker && -n $signer ]]
	# the signer unlocks the key meanwhile, and then waits for its next call
	for ((i = 0; i < 200; i++)); do
		[[ $(awk '$1 == "State:" { print $2 }' "/proc/$signer/status") == R ]] || ((i < 10)) || break
		sleep 0.05
	done
}

# core WHAT PID: an image of the process: "file" is what a core file would be, "all" every page it has
core() {
	local option=()
	[[ $1 == file ]] || option=(-a)
	gcore "${option[@]}" -o "$BATS_TEST_TMPDIR/core.$1" "$2" >>"$dir/gcore.log" 2>&1 || {
		tail -n 5 "$dir/gcore.log"
		return 1
	}
}

# holds WHAT PID SECRET: whether the image has it
holds() {
	grep -qaF -- "$3" "$BATS_TEST_TMPDIR/core.$1.$2"
}

only_root_may_look() {
	((EUID == 0)) || skip "only root may look into a process that shuts debuggers out"
}

can_gcore() {
	only_root_may_look
	command -v gcore >/dev/null || skip "gcore is not installed"
	! grep -qa __asan_init "$tokenroll" || skip "the address sanitizer's shadow memory is too large for an image"
	sleep 30 3>&- &
	local pid=$!
	gcore -o "$BATS_TEST_TMPDIR/core.try" "$pid" >/dev/null 2>&1 || { kill "$pid" && skip "gcore is not permitted here"; }
	kill "$pid"
}

@test "what a core file would hold of parent, worker and signer has neither PIN nor passphrase" {
	local pid secret
	can_gcore
	at_work
	for pid in "$parent" "$worker" "$signer"; do
		core file "$pid"
		holds file "$pid" "$dir" # the image is one: its paths are there
		for secret in "$COMPANY_PIN" "$COMPANY_PASSPHRASE"; do
			! holds file "$pid" "$secret" || { echo "in $(tr '\0' ' ' <"/proc/$pid/cmdline"): $secret" && false; }
		done
	done
}

@test "in all of its memory the worker has no passphrase, the signer no PIN, and the parent no passphrase any more" {
	can_gcore
	at_work
	core all "$worker"
	run -1 holds all "$worker" "$COMPANY_PASSPHRASE"
	core all "$signer"
	run -1 holds all "$signer" "$COMPANY_PIN"
	core all "$parent"
	run -1 holds all "$parent" "$COMPANY_PASSPHRASE"
	# the parent keeps it for the proof's worker; if this way to look found nothing, the others would mean nothing
	holds all "$parent" "$COMPANY_PIN"
}

# random_pins [ARGUMENT...]: at_work with a token that gets random PINs; sets $so_pin and $new_pin
random_pins() {
	company_conf "$dir" "token.module=$tools/libfaulty.so" "token.timeout=20" "token.pin=random"
	rm -r "$dir/token/tokens/"*
	at_work --init "$@"
	so_pin=$(sed -n 's/^  SO PIN  *//p' "$dir/out" "$dir/err")
	new_pin=$(sed -n 's/^  PIN  *//p' "$dir/out" "$dir/err")
	[[ ${#so_pin} == 16 && ${#new_pin} == 8 ]]
}

# in_core_files SECRET...: whether one of the three would leave it in a core file
in_core_files() {
	local pid secret
	for pid in "$parent" "$worker" "$signer"; do
		core file "$pid" || return 0
		for secret; do
			! holds file "$pid" "$secret" || return 0
		done
	done
	return 1
}

@test "random PINs that were shown are in no core file, and the SO PIN is nowhere any more once it is set" {
	local pid
	can_gcore
	random_pins
	run -1 in_core_files "$so_pin" "$new_pin"
	for pid in "$parent" "$worker" "$signer"; do
		core all "$pid"
		run -1 holds all "$pid" "$so_pin"
	done
	holds all "$parent" "$new_pin" # for the proof: this way to look does find something
}

@test "random PINs that go into the JSON document, too, are in no core file until then" {
	can_gcore
	random_pins --json
	run -1 in_core_files "$so_pin" "$new_pin"
	core all "$parent"
	holds all "$parent" "$so_pin" # for the document
}

@test "once used, the passphrase is wiped in the signer, and the PIN in the worker but for what the module keeps" {
	can_gcore
	at_work
	core all "$signer"
	run -1 holds all "$signer" "$COMPANY_PASSPHRASE"
	core all "$worker"
	run -1 holds all "$worker" "$COMPANY_PIN" # SoftHSM keeps a key that it made of it
}

@test "the CA's private key is in the signer's memory alone" {
	local key
	can_gcore
	at_work
	# the private number, as OpenSSL keeps it: little endian
	key=$(openssl ec -in "$dir/pki/private/ca.key" -passin "file:$dir/ca.pass" -outform DER 2>/dev/null |
		python3 -c 'import sys; d = sys.stdin.buffer.read(); print(d[7:39][::-1].hex())')
	has_bytes "$signer" "$key"
	run -1 has_bytes "$worker" "$key"
	run -1 has_bytes "$parent" "$key"
}

# has_bytes PID HEX: whether these bytes are anywhere in its memory
has_bytes() {
	core all "$1" || return 2
	python3 -c 'import mmap, sys
with open(sys.argv[1], "rb") as f:
    sys.exit(0 if mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ).find(bytes.fromhex(sys.argv[2])) >= 0 else 1)' \
		"$BATS_TEST_TMPDIR/core.all.$1" "$2"
}

@test "the token's module is loaded in the worker and in no other process" {
	local library
	only_root_may_look
	at_work
	for library in libfaulty.so libsofthsm2.so; do
		grep -q "/$library\$" "/proc/$worker/maps"
		run -1 grep "/$library\$" "/proc/$signer/maps" "/proc/$parent/maps"
	done
}

@test "parent, worker and signer leave no core file and can gain no privileges" {
	local pid
	at_work
	for pid in "$parent" "$worker" "$signer"; do
		grep -qE '^Max core file size +0 +0 ' "/proc/$pid/limits"
		grep -qE '^NoNewPrivs:[[:space:]]+1$' "/proc/$pid/status"
	done
}

@test "neither PIN nor passphrase is in the arguments or the environment of any of the three" {
	local pid secret
	only_root_may_look
	at_work
	for pid in "$parent" "$worker" "$signer"; do
		for secret in "$COMPANY_PIN" "$COMPANY_PASSPHRASE"; do
			run -1 grep -aF -- "$secret" "/proc/$pid/cmdline" "/proc/$pid/environ"
		done
	done
}

@test "neither PIN nor passphrase is in the database, its journals, or the output while the work goes on, nor after a kill" {
	local secret
	at_work
	for secret in "$COMPANY_PIN" "$COMPANY_PASSPHRASE"; do
		run -1 grep -laF -- "$secret" "$dir"/tokenroll.db* "$dir/out" "$dir/err"
	done
	kill -KILL "$parent" "$worker"
	wait "$parent" || true
	parent='' worker='' signer='' # it ends when its parent does
	unset FAULTY_RULE
	company_tokenroll "$dir" -v alice >>"$dir/out" 2>>"$dir/err"
	rm "$dir/pin" "$dir/ca.pass" # where they belong
	for secret in "$COMPANY_PIN" "$COMPANY_PASSPHRASE"; do
		run -1 grep -rlaF -- "$secret" "$dir"
	done
}
