#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# tokenroll adopt: a PKI that easy-rsa has filled, and tokens that somebody enrolled by hand, come into the inventory.
# Neither is changed by it.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
	life_token soft
	module=$(company_softhsm)
}

easyrsa() {
	company_run "$dir" easyrsa company_easyrsa "$dir" "$@"
}

p11() {
	company_run "$dir" p11 pkcs11-tool --module "$module" --token-label "VPN token" --login --pin "$COMPANY_PIN" "$@"
}

# by_hand NAME ID: a key and a certificate on the token, as an admin would have made them with other tools
by_hand() {
	local key=$BATS_TEST_TMPDIR/$1
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$key.pem" \
		-out "$key.req" 2>/dev/null
	openssl pkey -in "$key.pem" -outform DER -out "$key.key"
	openssl pkey -in "$key.pem" -pubout -outform DER -out "$key.pub"
	easyrsa import-req "$key.req" "$1"
	easyrsa sign-req client "$1"
	openssl x509 -in "$dir/pki/issued/$1.crt" -outform DER -out "$key.crt"
	p11 --write-object "$key.key" --type privkey --id "$2" --label "$1"
	p11 --write-object "$key.pub" --type pubkey --id "$2" --label "$1"
	p11 --write-object "$key.crt" --type cert --id "$2" --label "$1"
}

sql() {
	sqlite3 "$dir/tokenroll.db" "$1"
}

everything() {
	(cd "$dir/pki" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
	"$tools/tokendump" "$module" "$serial" "$dir/pin"
}

@test "what easy-rsa has issued is in the inventory, servers too, with state, dates and reason" {
	easyrsa build-client-full bob nopass
	easyrsa build-client-full carol nopass
	easyrsa revoke carol keyCompromise
	done_by adopt --json
	json "d['rows']" 3 "d['added']" 3 "d['changed']" 0 "d['without_file']" 0 "d['ok']" true
	# the trail names each
	[[ $(sql "select detail from audit where action = 'adopted'") == "3 certificates of index.txt: "* ]]
	while read -r cert; do
		[[ $(sql "select count(*) from audit where action = 'adopted' and detail like '%$cert%'") == 1 ]]
	done < <(cut -f4 "$dir/pki/index.txt")
	done_by list --json --state all
	json "one(d['rows'], user='bob')['state']" '"valid"' "one(d['rows'], user='server')['purpose']" '"server"' \
		"one(d['rows'], user='carol')['state']" '"revoked"' "one(d['rows'], user='bob')['purpose']" '"client"'
	done_by show --json carol
	json "d['certificates'][0]['reason']" '"keyCompromise"' "d['certificates'][0]['revoked'] is not None" true \
		"d['certificates'][0]['valid_from'] is not None" true "d['certificates'][0]['subject']" '"/CN=carol"'
	[[ $(sql "SELECT count(*) FROM certificates WHERE cert IS NOT NULL AND spki IS NOT NULL") == 3 ]]
}

@test "again it changes nothing, and what was revoked since is taken over" {
	easyrsa build-client-full bob nopass
	done_by adopt --json
	done_by adopt --json
	json "d['added']" 0 "d['changed']" 0 "d['known']" 2
	local records
	records=$(sql "SELECT count(*) FROM audit")
	done_by adopt
	[[ $(sql "SELECT count(*) FROM audit") == "$records" ]]
	easyrsa revoke bob superseded
	done_by adopt --json
	json "d['added']" 0 "d['changed']" 1 "d['known']" 1
	done_by show --json bob
	json "d['certificates'][0]['state']" '"revoked"' "d['certificates'][0]['reason']" '"superseded"'
}

@test "neither the PKI nor the token is changed, and no secret is needed" {
	by_hand bob 0102
	everything >"$dir/before"
	done_by adopt
	everything | diff "$dir/before" -
}

@test "a token that was enrolled by hand is known by its key, and the other verbs work with it" {
	by_hand bob 0102
	done_by adopt --json
	json "len(d['tokens'])" 1 "d['tokens'][0]['user']" '"bob"' "d['tokens'][0]['serial']" "\"$serial\"" \
		"d['tokens'][0]['refused']" null
	done_by adopt --json
	json "d['tokens']" '[]'
	done_by show --json bob
	json "len(d['certificates'])" 1 "d['certificates'][0]['way']" '"adopt"' "d['certificates'][0]['state']" '"delivered"' \
		"d['certificates'][0]['cka_id']" '"0102"' "d['certificates'][0]['token']" "\"$serial\"" \
		"d['certificates'][0]['key_type']" '"ec:P-256"' "d['tokens'][0]['current']" true
	done_by tokens --json
	json "one(d['tokens'], serial='$serial')['user']" '"bob"'
	done_by pin --pin-file "$dir/pin" --new-pin-file "$dir/new" bob
	done_by bundle bob
	# the name that OpenVPN itself has for it
	local id
	id=$(openvpn --show-pkcs11-ids "$module" | sed -n "s/^ *Serialized id: *//p")
	[[ -n $id ]]
	tar -xzf "$dir/bundles/bob.tar.gz" -O bob/bob-linux.ovpn | grep -F "pkcs11-id '$id'"
}

@test "a user whose token was adopted gets the proof and the bundle that were missing, and no second certificate" {
	by_hand bob 0102
	done_by adopt
	done_by --serial "$serial" --pin-file "$dir/pin" "${ca[@]}" bob
	shows "bob is enrolled." "$(openssl x509 -in "$dir/pki/issued/bob.crt" -noout -serial | cut -d= -f2)"
	[[ $stderr == *"read back, signed, verified"* && $(grep -c '/CN=bob$' "$dir/pki/index.txt") == 1 ]]
	[[ $(sql "SELECT count(*) FROM credentials") == 1 ]]
}

@test "what is on the token and the PKI does not know stays out of it" {
	local key=$BATS_TEST_TMPDIR/foreign
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=bob" -days 30 -keyout "$key.pem" \
		-out "$key.crt" 2>/dev/null
	openssl x509 -in "$key.crt" -outform DER -out "$key.der"
	p11 --write-object "$key.der" --type cert --id 07 --label signature
	done_by adopt --json
	json "d['tokens']" '[]'
	[[ $(sql "SELECT count(*) FROM credentials") == 0 ]]
}

@test "a key of which the certificate was revoked is named, and not made anybody's" {
	by_hand bob 0102
	easyrsa revoke bob keyCompromise
	done_by adopt --json
	json "d['tokens'][0]['certificate']" null "d['tokens'][0]['refused']['code']" '"REVOKED"'
	[[ $(sql "SELECT count(*) FROM credentials") == 0 ]]
}

@test "a token that is somebody else's is left to them" {
	enroll --pin-file "$old"
	by_hand bob 0102
	done_by adopt --json
	json "d['tokens'][0]['refused']['code']" '"TOKEN_TAKEN"'
	done_by list --json
	json "[r['user'] for r in d['rows'] if r['token'] == '$serial']" '["alice"]'
}

@test "revoked by easyrsa: noted, and the next enrollment asks all the same" {
	enroll --pin-file "$old"
	easyrsa revoke alice keyCompromise
	done_by adopt --json
	json "d['changed']" 1
	done_by list --json --state revoked
	json "[r['user'] for r in d['rows']]" '["alice"]'
	done_by list --json
	json "[r['user'] for r in d['rows']]" '["server"]'
	refused 6 "was revoked" --serial "$serial" --pin-file "$old" "${ca[@]}" alice
}

@test "a damaged database: the way out that the message tells ends with who has what" {
	enroll --pin-file "$old"
	dd if=/dev/zero of="$dir/tokenroll.db" bs=4096 seek=1 count=3 conv=notrunc status=none
	refused 1 "tokenroll adopt" list
	says "audit trail" "escrow"
	mkdir "$dir/away"
	mv "$dir"/tokenroll.db* "$dir/away/"
	done_by adopt
	done_by list --json
	json "one(d['rows'], user='alice')['token']" "\"$serial\"" "one(d['rows'], user='alice')['state']" '"delivered"'
	done_by --serial "$serial" --pin-file "$old" "${ca[@]}" alice
	shows "is enrolled already"
}

@test "without an index.txt it says where to run it" {
	mkdir "$dir/empty"
	cp "$dir/pki/ca.crt" "$dir/empty/"
	life_conf "token.module=$module" "ca.pki=$dir/empty"
	refused 5 "has no index.txt" adopt
	says "run this where the CA is"
	life_conf "token.module=$module" "ca.pki=$dir/nowhere"
	refused 5 "cannot be opened" adopt --json
	json "d['ok']" false "d['error']['code']" '"CA_PKI"'
}

@test "names that no user can have, and certificates without a file" {
	printf 'V\t350101000000Z\t\t%032X\tunknown\t/C=DE/O=Example GmbH/CN=Bj\\xC3\\xB6rn <b>&amp;\n' 66 >>"$dir/pki/index.txt"
	printf 'E\t200101000000Z\t\t%032X\tunknown\t/O=no common name\n' 67 >>"$dir/pki/index.txt"
	done_by adopt --json
	json "d['added']" 3 "d['without_file']" 2
	done_by list
	shows '<b>&amp;'
	done_by show '/O=no common name'
	shows "expired"
}
