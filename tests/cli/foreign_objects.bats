#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154  # bats sets $stderr
# What somebody else has put on a token under the CKA_ID of a key of ours is not ours: it is never changed or deleted,
# it does not stand in the way for good, and it is not taken for ours.

bats_require_minimum_version 1.5.0

setup_file() {
	export COMPANY_CACHE=$BATS_FILE_TMPDIR/cache
	# another CA, with the name that easy-rsa gives to each, and somebody else's public key
	local other=$BATS_FILE_TMPDIR/other
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$other.key" -out "$other.crt" \
		-days 3650 -subj "/CN=Example VPN CA" 2>/dev/null
	openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout -outform DER -out "$other.pub" 2>/dev/null
}

setup() {
	load ../lib/company.bash
	PATH=$PATH:/usr/sbin:/sbin
	dir="$BATS_TEST_TMPDIR/the company"
	company_new "$dir"
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	module=$(company_softhsm)
	tools=${BUILD:-$COMPANY_ROOT/build}/tests/fault
	other=$BATS_FILE_TMPDIR/other
	company_tokenroll "$dir" alice
	id=$(key_id)
	pin=$COMPANY_PIN
	foreign="CKA_LABEL=($(printf wificert | xxd -p)|$(printf foreign | xxd -p))"
}

# key_id: the CKA_ID of alice's newest key
key_id() {
	sqlite3 -readonly "$dir/tokenroll.db" "SELECT hex(cka_id) FROM credentials ORDER BY id DESC LIMIT 1"
}

dump() {
	"$tools/tokendump" "$module" "$(company_token_serial "$dir" "VPN token")" "$dir/pin"
}

count() {
	grep -cE -- "$1" || true
}

# tool ARGUMENT...: somebody else's tool
tool() {
	pkcs11-tool --module "$module" --token-label "VPN token" --login --pin "$pin" "$@" >/dev/null 2>&1
}

# foreign_certificate DAYS: another CA's, for alice's key and under its CKA_ID
foreign_certificate() {
	openssl x509 -in "$dir/pki/issued/alice.crt" -noout -pubkey >"$dir/alice.pub"
	openssl x509 -new -force_pubkey "$dir/alice.pub" -subj "/CN=alice" -CA "$other.crt" -CAkey "$other.key" \
		-days "$1" -set_serial 7 -outform DER -out "$dir/foreign.der"
	tool --write-object "$dir/foreign.der" --type cert --id "$id" --label wificert
}

# foreign_keys: several public keys, so that one of them is found before ours
foreign_keys() {
	local i
	for i in 1 2 3 4; do
		tool --write-object "$other.pub" --type pubkey --id "$id" --label "foreign$i"
	done
}

# foreign: the lines of a dump that are not of ours
foreign() {
	dump | grep -E "$foreign"
}

# roll ARGUMENT...: sets $status, $output and $stderr
roll() {
	run --separate-stderr company_tokenroll "$dir" "$@"
	printf '%s\nstatus %s, stdout: %s\nstderr: %s\n' "tokenroll $*" "$status" "$output" "$stderr"
}

# untouched_by ARGUMENT...: done, and nothing of the foreign objects is changed
untouched_by() {
	roll "$@"
	[[ $status == 0 ]]
	foreign | diff "$dir/foreign" -
}

# ours PRIVATE PUBLIC CERTIFICATES: how many objects on the token are not foreign
ours() {
	local left
	left=$(dump | grep -vE "$foreign")
	[[ "$(count '^CKO_PRIVATE_KEY' <<<"$left") $(count '^CKO_PUBLIC_KEY' <<<"$left") \
$(count '^CKO_CERTIFICATE' <<<"$left")" == "$*" ]]
}

@test "what has the CKA_ID of a key of ours but is not ours stays byte for byte, and nothing of ours is left behind" {
	foreign_keys
	foreign_certificate 30
	foreign >"$dir/foreign"
	[[ $(wc -l <"$dir/foreign") == 5 ]]
	untouched_by alice
	untouched_by renew alice
	[[ $stderr == *"tokenroll did not make"* ]]
	ours 1 1 1
	untouched_by bundle alice
	untouched_by adopt
	company_secret "$dir/new" 24682468
	roll pin --new-pin-file "$dir/new" alice
	cp "$dir/new" "$dir/pin"
	untouched_by rekey alice
	[[ $stderr == *"tokenroll did not make"* ]]
	ours 1 1 1
	pin=24682468 id=$(key_id)
	foreign_keys
	foreign_certificate 30
	foreign >"$dir/foreign"
	[[ $(wc -l <"$dir/foreign") == 10 ]]
	untouched_by enroll --replace alice
	ours 1 1 1
}

@test "tokens does not take another CA's certificate for ours because it is for our key" {
	roll tokens
	[[ $status == 0 && $output == *"2 of ours, 0 that tokenroll did not make"* ]]
	foreign_certificate 30
	roll tokens
	[[ $status == 0 && $output == *"2 of ours, 1 that tokenroll did not make"* ]]
}

@test "another private key under our CKA_ID: said before anything is issued or revoked, and a new key gets past it" {
	local serial type
	serial=$(sqlite3 -readonly "$dir/tokenroll.db" "SELECT cert_serial FROM credentials")
	# one shows whose it is, the other has to be asked for a signature
	for type in rsa:2048 EC:prime256v1; do
		tool --keypairgen --key-type "$type" --id "$id" --label foreign
	done
	foreign >"$dir/foreign"
	[[ $(wc -l <"$dir/foreign") == 4 ]]
	roll alice
	[[ $status == 6 && $stderr == *"3 private keys with one CKA_ID"*"what to do: OpenVPN takes whichever"*"--replace alice"* ]]
	cp "$dir/pki/index.txt" "$dir/index.before"
	roll renew alice
	[[ $status == 6 && $stderr == *"another private key on token"*"of certificate $serial"*"what to do: "*"--replace alice"* ]]
	diff "$dir/index.before" "$dir/pki/index.txt"
	untouched_by enroll --replace alice
	[[ $stderr == *"4 objects on token"*"tokenroll did not make"* ]]
	ours 1 1 1
	untouched_by alice
}

@test "not verified is a certificate that OpenVPN would not take, because another CA's ends later" {
	foreign_certificate 3000
	foreign >"$dir/foreign"
	roll alice
	[[ $status == 3 && $stderr != *verified* ]]
	[[ $stderr == *"OpenVPN would take another certificate"*'"alice", issued by "Example VPN CA", valid until 20'* ]]
	[[ $stderr == *"what to do: tokenroll did not make it"*"--replace alice"* ]]
	untouched_by enroll --replace alice
	ours 1 1 1
	untouched_by alice
}

@test "a private key that is gone is said to be gone, and how to make a new one" {
	tool --delete-object --type privkey --id "$id"
	roll alice
	[[ $status == 3 && $stderr == *"has no private key"*"what to do: "*"tokenroll rekey alice"* ]]
	roll rekey alice
	[[ $status == 0 ]]
	ours 1 1 1
}

@test "a certificate that somebody has deleted is written again by the same command, and no second one is issued" {
	cp "$dir/pki/index.txt" "$dir/index.before"
	tool --delete-object --type cert --id "$id"
	run --separate-stderr "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" alice </dev/null
	printf '%s\n' "$stderr"
	[[ $status == 2 && $stderr == *"is not on token"*"any more"*"the certificate was not written again: "*"what to do: "* ]]
	roll alice
	[[ $status == 0 && $stderr == *"onto the token"*"read back, signed, verified"* ]]
	ours 1 1 1
	diff "$dir/index.before" "$dir/pki/index.txt"
	roll alice
	[[ $status == 0 && $output == *"nothing was changed"* ]]
}
