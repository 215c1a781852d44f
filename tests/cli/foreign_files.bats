#!/usr/bin/env bats
# shellcheck disable=SC2154  # bats sets $stderr
# What lies where a bundle belongs and was not made by tokenroll stays, and that is found out before anything is made.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
}

setup() {
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	module=$(company_softhsm)
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
}

dump() {
	"$tools/tokendump" "$module" "$(company_token_serial "$dir" "VPN token")" "$dir/pin"
}

# refused FILE ARGUMENT...: because of FILE, and nothing changes
refused() {
	local file=$1 before
	shift
	dump >"$dir/before"
	before=$(sha256sum "$dir/pki/index.txt" "$file")
	run -6 --separate-stderr company_tokenroll "$dir" "$@"
	[[ $stderr == *"$file was not made by tokenroll"*"what to do: move it out of the way"* ]]
	dump | diff "$dir/before" -
	[[ $(sha256sum "$dir/pki/index.txt" "$file") == "$before" ]]
}

@test "files that are in the folder, or in an archive's place, before the first enrollment" {
	mkdir -p "$dir/bundles/alice"
	echo x >"$dir/bundles/alice/letter.doc"
	refused "$dir/bundles/alice/letter.doc" alice
	rm "$dir/bundles/alice/letter.doc"
	echo precious >"$dir/bundles/alice.zip"
	refused "$dir/bundles/alice.zip" alice
	mv "$dir/bundles/alice.zip" "$dir/"
	company_tokenroll "$dir" alice
	[[ -s $dir/bundles/alice.zip ]]
}

@test "a folder of bundles that is somebody's home, too" {
	mkdir -p "$dir/home/alice/.ssh"
	echo key >"$dir/home/alice/.ssh/id"
	company_conf "$dir" "bundle.dir=$dir/home"
	run -6 --separate-stderr company_tokenroll "$dir" alice
	[[ $stderr == *"$dir/home/alice/.ssh was not made by tokenroll"* ]]
	[[ $(cat "$dir/home/alice/.ssh/id") == key ]]
	[[ -z $(dump) ]]
}

@test "files that were added to a bundle do no harm until it would be replaced; then it is said which" {
	company_tokenroll "$dir" alice
	echo x >"$dir/bundles/alice/letter.doc"
	run -0 --separate-stderr company_tokenroll "$dir" alice
	[[ $output == *already* ]]
	refused "$dir/bundles/alice/letter.doc" --replace alice
	mv "$dir/bundles/alice/letter.doc" "$dir/"
	echo "mended by hand" >>"$dir/bundles/alice/alice-linux.ovpn"
	refused "$dir/bundles/alice/alice-linux.ovpn" --replace alice
	mv "$dir/bundles/alice/alice-linux.ovpn" "$dir/"
	company_tokenroll "$dir" --replace alice
	run -1 grep "mended by hand" "$dir/bundles/alice/alice-linux.ovpn"
}

@test "a bundle of an older version, which kept no list, is replaced" {
	company_tokenroll "$dir" alice
	rm "$dir/bundles/.alice.made"
	company_tokenroll "$dir" --replace alice
	(cd "$dir/bundles" && sha256sum --status --strict -c .alice.made)
}
