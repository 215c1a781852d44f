#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $stderr
# Two users whose names make their files meet in the bundle folder, alice and "alice.zip": the second is refused before
# anything is made, and the first keeps all.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	company_token "$dir" "Second token"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	module=$(company_softhsm)
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
	first=$(company_token_serial "$dir" "VPN token")
	second=$(company_token_serial "$dir" "Second token")
}

# everything: each file of the PKI and of the bundles, and each object on both tokens
everything() {
	(cd "$dir" && find pki bundles -type f -print0 | sort -z | xargs -0 sha256sum)
	"$tools/tokendump" "$module" "$first" "$dir/pin"
	"$tools/tokendump" "$module" "$second" "$dir/pin"
}

# one_then_other USER OTHER [OPTION...]: OTHER is refused when USER is there already. Sets $stderr.
one_then_other() {
	company_tokenroll "$dir" enroll --serial "$first" "$1"
	refused "${@:2}"
}

refused() {
	everything >"$dir/before"
	run --separate-stderr company_tokenroll "$dir" enroll --serial "$second" "$@"
	printf 'status %s, stderr: %s\n' "$status" "$stderr"
	[[ $status == 6 && $stderr == *"nothing was changed"* ]]
	everything | diff "$dir/before" -
}

@test "alice, then alice.zip" {
	one_then_other alice alice.zip
	[[ $stderr == *"$dir/bundles/alice.zip, where the folder of alice.zip belongs, is the archive of the user alice"* ]]
	company_tokenroll "$dir" alice
}

@test "alice.zip, then alice" {
	one_then_other alice.zip alice
	[[ $stderr == *"$dir/bundles/alice.zip, where the archive of alice belongs, is the folder of the user alice.zip"* ]]
	company_tokenroll "$dir" alice.zip
}

@test "alice, then alice.tar.gz, and the other way round" {
	one_then_other alice alice.tar.gz
	[[ $stderr == *"is the archive of the user alice"* ]]
	rm -r "$dir/bundles"
	company_tokenroll "$dir" enroll --serial "$second" alice.tar.gz
	everything >"$dir/before"
	run --separate-stderr company_tokenroll "$dir" alice
	[[ $status == 6 && $stderr == *"is the folder of the user alice.tar.gz"* ]]
	everything | diff "$dir/before" -
}

@test "alice's request, then alice.req, and the other way round" {
	company_tokenroll "$dir" enroll --serial "$first" --csr-only alice
	refused alice.req
	[[ $stderr == *"is the request of the user alice"* ]]
	rm "$dir/bundles/alice.req"
	company_tokenroll "$dir" enroll --serial "$second" alice.req
	everything >"$dir/before"
	run --separate-stderr company_tokenroll "$dir" enroll --csr-only alice
	[[ $status == 6 && $stderr == *"is the folder of the user alice.req"* ]]
	everything | diff "$dir/before" -
	# her bundle is not in anybody's way
	company_tokenroll "$dir" alice
	[[ -d $dir/bundles/alice.req && -f $dir/bundles/alice.zip ]]
}

@test "the way out works: what is in the way was moved, or bundles go to another folder" {
	one_then_other alice alice.zip
	mkdir "$dir/handed out"
	mv "$dir/bundles"/alice* "$dir/handed out"
	company_tokenroll "$dir" enroll --serial "$second" alice.zip
	[[ -s $dir/bundles/alice.zip.zip && -d $dir/bundles/alice.zip ]]
	refused_first=$(company_tokenroll "$dir" alice 2>&1) && return 1
	[[ $refused_first == *"is the folder of the user alice.zip"* ]]
	company_conf "$dir" "bundle.dir=$dir/other bundles"
	company_tokenroll "$dir" alice
	[[ -s "$dir/other bundles/alice.zip" && -s $dir/bundles/alice.zip.zip ]]
}

@test "names that only look alike do not meet" {
	company_tokenroll "$dir" enroll --serial "$first" alice
	company_tokenroll "$dir" enroll --serial "$second" alice.tar
	[[ -d $dir/bundles/alice.tar && -s $dir/bundles/alice.tar.tar.gz && -s $dir/bundles/alice.tar.gz ]]
}
