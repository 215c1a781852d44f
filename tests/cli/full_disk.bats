#!/usr/bin/env bats
# A full disk is said in words, and once there is room the same command goes on: one key pair, one certificate, one row.
# The disk is a small tmpfs in a mount namespace of the test's own.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	namespace=(unshare --mount --propagation private)
	((EUID == 0)) || namespace+=(--map-root-user)
	# shellcheck disable=SC2016  # expanded by the inner shell
	"${namespace[@]}" sh -c 'mount -t tmpfs tmpfs "$1"' sh "$BATS_TEST_TMPDIR" 2>/dev/null ||
		skip "needs a mount namespace"
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
	token=$(company_token_serial "$dir" "VPN token")
}

dump() {
	"$tools/tokendump" "$(company_softhsm)" "$token" "$dir/pin"
}

# What is on the token and in the PKI.
snapshot() {
	dump
	(cd "$dir/pki" && find . -type f ! -name filler -print0 | sort -z | xargs -0 sha256sum)
}

# fill_and_run NAME FREE ARGUMENT...
# In the namespace: DIR/NAME gets a file system of its own with FREE KiB left, tokenroll runs, the filler goes, and the
# same command runs again. Leaves status.1, err.1, before, after.1, status.2, err.2 and the folder as it is then.
fill_and_run() {
	local folder=$dir/$1 free=$2 run left
	mkdir -p "$folder"
	cp -a "$folder" "$dir/away"
	mount -t tmpfs -o size=4m,mode=700 tmpfs "$folder"
	cp -a "$dir/away/." "$folder/"
	snapshot >"$dir/before"
	left=$(($(df --output=avail -k "$folder" | tail -n 1) - free))
	head -c "${left}K" /dev/zero >"$folder/filler"
	for run in 1 2; do
		company_tokenroll "$dir" "${@:3}" >"$dir/out.$run" 2>"$dir/err.$run" && echo 0 >"$dir/status.$run" ||
			echo $? >"$dir/status.$run"
		[[ $run == 2 ]] || snapshot >"$dir/after.1"
		rm -f "$folder/filler"
		# the kernel lets go of a file that a sandbox had a rule for a moment after the sandboxed process has ended
		for _ in {1..100}; do
			(($(df --output=avail -k "$folder" | tail -n 1) < free + 1024)) || break
			sleep 0.05
		done
	done
	rm -r "$dir/away"
	cp -a "$folder" "$dir/away"
	umount "$folder"
	rm -rf "$folder"
	mv "$dir/away" "$folder"
}

# full NAME FREE STATUS [ARGUMENT...]: the first run has to end with STATUS and to say that the disk is full, the second
# has to find and finish what there is
full() {
	dir=$dir token=$token tools=$tools "${namespace[@]}" bash -c "
		source '$COMPANY_ROOT/tests/lib/company.bash'
		$(declare -f dump snapshot fill_and_run)
		set -e
		fill_and_run '$1' '$2' ${*:4} alice"
	cat "$dir/err.1"
	[[ $(cat "$dir/status.1") == "$3" ]]
	grep -q '^tokenroll: .*(No space left on device)\|^tokenroll: .*is full' "$dir/err.1"
	grep -qi '^  what to do: make room on ' "$dir/err.1"
	[[ $(cat "$dir/status.2") == 0 ]]
	one_of_each
}

one_of_each() {
	[[ $(grep -c $'^V\t.*/CN=alice$' "$dir/pki/index.txt") == 1 ]]
	[[ $(grep -c $'^R\t.*,superseded\t.*/CN=alice$' "$dir/pki/index.txt") == "${revoked:-0}" ]]
	[[ $(find "$dir/pki/certs_by_serial" -type f | wc -l) == 2 ]]
	[[ -z $(find "$dir/pki" -name '*.tmp-*' -o -name lock.file -o -name index.txt.tokenroll) ]]
	openssl verify -CAfile "$dir/pki/ca.crt" "$dir/pki/issued/alice.crt"
	[[ $(dump | cut -d' ' -f1 | sort | uniq -c | tr -s ' \n' ' ') == " 1 CKO_CERTIFICATE 1 CKO_PRIVATE_KEY 1 CKO_PUBLIC_KEY " ]]
	[[ -s $dir/bundles/alice.zip && -s $dir/bundles/alice.tar.gz ]]
}

@test "no room at all where the PKI is" {
	full pki 0 5
}

@test "room in the PKI for the lock and the record, but not for the certificate" {
	full pki 8 5
}

@test "room in the PKI for the certificate, but not for the row or the rest of its files" {
	full pki 16 5
}

@test "no room in the PKI for a step of --replace: the CRL is made and published in the end" {
	local free revoked=1
	company_tokenroll "$dir" alice
	for free in 4 8 12; do
		full pki "$free" 5 --replace
		openssl crl -in "$dir/pki/crl.pem" -noout -text | grep -q "$(awk '/^R.*CN=alice/ { print $4 }' "$dir/pki/index.txt")"
		cmp "$dir/pki/crl.pem" "$dir/server/crl.pem"
		revoked=$((revoked + 1))
	done
}

@test "no room where the journal is: nothing is changed" {
	company_conf "$dir" "store.path=$dir/store/tokenroll.db"
	full store 0 1
	diff "$dir/before" "$dir/after.1"
}

@test "room for a journal, but not for what is to be written into it" {
	company_conf "$dir" "store.path=$dir/store/tokenroll.db"
	full store 128 1
}

@test "room for the journal of a part of the enrollment" {
	company_conf "$dir" "store.path=$dir/store/tokenroll.db"
	full store 148 1
}

@test "no room where the bundles are" {
	full bundles 0 1
}

@test "room for a part of the bundle" {
	full bundles 24 1
}
