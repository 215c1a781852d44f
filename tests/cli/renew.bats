#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# tokenroll renew and rekey: another certificate for the key on the token, another key on the token. What was there before
# goes only when the new one is proven, and what others ask meanwhile gets an answer that is true.

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
	with=("${ca[@]}" --pin-file "$old")
}

teardown() {
	life_teardown
}

dump() {
	"$tools/tokendump" "$module" "$serial" "$dir/pin"
}

key() {
	dump | grep '^CKO_PRIVATE_KEY'
}

on_token() {
	dump | grep -c "^CKO_$1" || true
}

serial_of() {
	openssl x509 -in "$1" -noout -serial | sed 's/^serial=//'
}

# has_only FILE: the certificate on the token is that one, and no other
has_only() {
	[[ $(on_token CERTIFICATE) == 1 && $(on_token PRIVATE_KEY) == 1 && $(on_token PUBLIC_KEY) == 1 ]]
	dump | grep -q "^CKO_CERTIFICATE .*CKA_VALUE=$(openssl x509 -in "$1" -outform DER | xxd -p | tr -d '\n') "
}

enrolled() {
	done_by alice "${with[@]}" "$@"
	key >"$dir/key"
	first=$(serial_of "$dir/pki/issued/alice.crt")
}

# conf KEY=VALUE...: besides what this token needs
conf() {
	life_conf "token.module=$module" "$@"
}

# cut_off RULE ARGUMENT...: a run in which the token's module fails by this rule
cut_off() {
	export FAULTY_MODULE=$module FAULTY_COUNT=$dir/log/count FAULTY_RULE=$1
	rm -f "$FAULTY_COUNT"
	shift
	roll --module "$tools/libfaulty.so" --client-module "$tools/libfaulty.so" "$@"
	unset FAULTY_RULE
	[[ $status != 0 ]]
}

easyrsa() {
	company_run "$dir" easyrsa company_easyrsa "$dir" "$@"
}

# revoked SERIAL: in the index, and on the CRL that the VPN server reads, as superseded
revoked() {
	grep -q $'^R\t.*,superseded\t'"$1"$'\t' "$dir/pki/index.txt"
	openssl crl -in "$dir/server/crl.pem" -noout -text | grep -A4 "Serial Number: $1" | grep -q Superseded
}

# valid SERIAL
valid() {
	grep -q $'^V\t.*\t'"$1"$'\t' "$dir/pki/index.txt"
}

@test "renew: another certificate for the same key, the only one on the token; the old one is revoked as superseded" {
	enrolled
	grep pkcs11-id "$dir/bundles/alice/alice-linux.ovpn" >"$dir/id"
	done_by renew alice "${with[@]}" --json
	second=$(serial_of "$dir/pki/issued/alice.crt")
	json "d['ok'], d['state'], d['way'], d['proved'], d['waits_for_token']" '[true, "delivered", "renew", true, false]' \
		"d['certificate']['serial']" "\"$second\"" "d['replaces']['serial'], d['replaces']['state']" "[\"$first\", \"superseded\"]" \
		"d['replaces']['reason'], d['replaces']['revoke_at']" '["superseded", null]' \
		"d['replaces']['revoked']" "\"$(date -u +%F)\""
	[[ $second != "$first" ]]
	key | diff "$dir/key" -
	has_only "$dir/pki/issued/alice.crt"
	revoked "$first" && valid "$second"
	grep pkcs11-id "$dir/bundles/alice/alice-linux.ovpn" | diff "$dir/id" -
	openssl verify -crl_check -CRLfile "$dir/server/crl.pem" -CAfile "$dir/pki/ca.crt" "$dir/pki/issued/alice.crt"
	run ! openssl verify -crl_check -CRLfile "$dir/server/crl.pem" -CAfile "$dir/pki/ca.crt" "$dir/pki/revoked/certs_by_serial/$first.crt"
	# easy-rsa goes on with it
	easyrsa show-cert alice
	easyrsa gen-crl
	done_by alice "${with[@]}"
	shows "is enrolled already"
	has_only "$dir/pki/issued/alice.crt"
}

@test "after a renewal it is said whether the old profile goes on: not where the key has another name for OpenVPN" {
	enrolled
	done_by renew alice "${with[@]}"
	shows "alice goes on with the profile that is there already"
	sqlite3 "$dir/tokenroll.db" "UPDATE credentials SET pkcs11_id = replace(pkcs11_id, 'VPN', 'My') WHERE state = 'delivered'"
	done_by renew alice "${with[@]}"
	shows "The key's name for OpenVPN is not the one of the old profile: alice needs the new bundle." "Tell alice"
	[[ $output != *"is there already"* ]]
}

@test "a renewal that ends before the old one is what the client takes, too: the old one is gone from the token" {
	enrolled
	conf ca.overlap=7
	done_by renew alice "${with[@]}" --days 3
	has_only "$dir/pki/issued/alice.crt"
	done_by alice "${with[@]}"
	shows "is enrolled already"
	[[ $stderr != *"renewed"* ]]
	has_only "$dir/pki/issued/alice.crt"
}

@test "rekey: another key, of the same type; the old key goes from the token when the new one is proven" {
	enrolled --key-type ec:P-384
	done_by rekey alice "${with[@]}" --json
	second=$(serial_of "$dir/pki/issued/alice.crt")
	json "d['ok'], d['state'], d['way'], d['key_type']" '[true, "delivered", "rekey", "ec:P-384"]' \
		"d['replaces']['serial'], d['replaces']['state'], d['replaces']['reason']" "[\"$first\", \"superseded\", \"superseded\"]"
	[[ $(key) != "$(<"$dir/key")" ]]
	has_only "$dir/pki/issued/alice.crt"
	revoked "$first" && valid "$second"
	id=$(key | sed -n 's/.* CKA_ID=\([0-9a-f]*\) .*/\U\1/p')
	grep -q "pkcs11-id '.*/$id'" "$dir/bundles/alice/alice-linux.ovpn"
	[[ $(db "SELECT removed FROM credentials WHERE cert_serial = '$first'") == 1 ]]
	done_by rekey alice "${with[@]}" --key-type rsa:2048
	shows "has a new key and certificate" "needs the new bundle"
	openssl x509 -in "$dir/pki/issued/alice.crt" -noout -text | grep -q "Public-Key: (2048 bit)"
	has_only "$dir/pki/issued/alice.crt"
}

@test "rekey: as long as the new bundle is not handed over the old key stays, and its certificate valid" {
	enrolled
	conf mail.to=it@example.com mail.from=vpn@example.com mail.smtp=127.0.0.1:1 mail.tls=none
	roll rekey alice "${with[@]}"
	[[ $status != 0 && $(on_token PRIVATE_KEY) == 2 && $(on_token CERTIFICATE) == 2 ]]
	conf
	done_by crl "${ca[@]}"
	valid "$first"
	done_by rekey alice "${with[@]}"
	says "old key          deleted from the token"
	has_only "$dir/pki/issued/alice.crt"
	revoked "$first"
}

@test "with an overlap the old one stays valid, and easy-rsa knows it as renewed; when it is over, any renewal revokes it" {
	enrolled
	conf ca.overlap=7
	done_by renew alice "${with[@]}" --json
	day=$(date -u -d '+7 days' +%F)
	json "d['replaces']['revoke_at']" "\"$day\"" "d['replaces']['revoked']" null
	second=$(serial_of "$dir/pki/issued/alice.crt")
	valid "$first" && valid "$second"
	has_only "$dir/pki/issued/alice.crt"
	easyrsa show-renew
	grep -q "$first" "$dir/log/easyrsa"
	done_by alice "${with[@]}"
	shows "is enrolled already"
	company_token "$dir" "bobs token"
	bobs=$(company_token_serial "$dir" "bobs token")
	done_by enroll bob --serial "$bobs" "${with[@]}"
	done_by renew bob --serial "$bobs" "${with[@]}"
	valid "$first"
	sqlite3 "$dir/tokenroll.db" "UPDATE credentials SET revoke_at = 1 WHERE cert_serial = '$first'"
	done_by renew bob --serial "$bobs" "${with[@]}"
	revoked "$first" && valid "$second"
	[[ $(db "SELECT state, reason, revoke_at FROM credentials WHERE cert_serial = '$first'") == "superseded|superseded|0" ]]
}

@test "in the overlap easyrsa revoke-renewed revokes the old one, and that is no failure later" {
	enrolled
	conf ca.overlap=7
	done_by renew alice "${with[@]}"
	easyrsa revoke-renewed alice superseded
	sqlite3 "$dir/tokenroll.db" "UPDATE credentials SET revoke_at = 1 WHERE revoke_at <> 0"
	conf
	done_by renew alice "${with[@]}"
	revoked "$first"
	[[ $(rows V) == 1 && $(rows R) == 2 ]]
	[[ $(db "SELECT count(*) FROM credentials WHERE revoked <> 0") == 2 ]]
}

@test "what somebody has revoked in the overlap for another reason is noted with that one, by crl and by renew alike" {
	enrolled
	conf ca.overlap=7
	done_by renew alice "${with[@]}"
	easyrsa revoke-renewed alice keyCompromise
	sqlite3 "$dir/tokenroll.db" "UPDATE credentials SET revoke_at = 1 WHERE revoke_at <> 0"
	done_by crl "${ca[@]}" --json
	json "[(c['serial'], c['revoked']['reason']) for c in d['revoked']]" "[[\"$first\", \"keyCompromise\"]]"
	second=$(serial_of "$dir/pki/issued/alice.crt")
	done_by renew alice "${with[@]}"
	easyrsa revoke-renewed alice cessationOfOperation
	sqlite3 "$dir/tokenroll.db" "UPDATE credentials SET revoke_at = 1 WHERE revoke_at <> 0"
	done_by renew alice "${with[@]}"
	[[ $(db "SELECT reason FROM credentials WHERE cert_serial = '$first'") == keyCompromise ]]
	[[ $(db "SELECT reason FROM credentials WHERE cert_serial = '$second'") == cessationOfOperation ]]
	[[ $(db "SELECT count(*) FROM audit WHERE action = 'certificate-revoked'") == 2 ]]
}

@test "in the overlap tokenroll revoke takes the old one by its serial number, and leaves nothing of it among the renewed" {
	enrolled
	conf ca.overlap=7
	done_by renew alice "${with[@]}"
	[[ -e $dir/pki/renewed/issued/alice.crt ]]
	done_by revoke --cert-serial "$first" --reason superseded "${ca[@]}"
	revoked "$first"
	[[ -z $(find "$dir/pki/renewed" -type f) && -e $dir/pki/revoked/certs_by_serial/$first.crt ]]
	easyrsa gen-crl
}

@test "renewed twice within the overlap: three are valid, each is revoked in its time" {
	enrolled
	conf ca.overlap=7
	done_by renew alice "${with[@]}"
	done_by renew alice "${with[@]}"
	[[ $(rows V) == 3 ]]
	sqlite3 "$dir/tokenroll.db" "UPDATE credentials SET revoke_at = 1 WHERE revoke_at <> 0"
	done_by renew alice "${with[@]}"
	[[ $(rows V) == 2 && $(rows R) == 2 ]]
	easyrsa gen-crl
	has_only "$dir/pki/issued/alice.crt"
}

@test "an old one that the PKI does not know any more is no reason to fail: a note says that it is left" {
	enrolled
	sed -i "/\t$first\t/d" "$dir/pki/index.txt"
	rm "$dir/pki/issued/alice.crt" "$dir/pki/certs_by_serial/$first.pem"
	done_by renew alice "${with[@]}"
	says "note: certificate $first of alice, which was replaced, is still to be revoked"
	has_only "$dir/pki/issued/alice.crt"
}

# ---- without the token

@test "without the token the certificate is issued for later; with it the same verb writes, proves, and revokes the old one" {
	enrolled
	roll renew alice --no-token "${ca[@]}" --json
	[[ $status == 0 ]]
	json "d['state'], d['way'], d['waits_for_token'], d['proved'], d['bundle']" '["issued", "renew", true, false, null]' \
		"d['replaces']['serial'], d['replaces']['state'], d['replaces']['revoked']" "[\"$first\", \"delivered\", null]"
	second=$(serial_of "$dir/pki/issued/alice.crt")
	valid "$first" && valid "$second"
	[[ $(on_token CERTIFICATE) == 1 && $stderr != *revocation* ]]
	done_by renew alice --no-token
	shows "has a new certificate already" "$second" "put that in and run \`tokenroll renew alice\`"
	[[ $(rows V) == 2 ]]
	done_by renew alice "${with[@]}"
	has_only "$dir/pki/issued/alice.crt"
	[[ $(serial_of "$dir/pki/issued/alice.crt") == "$second" ]]
	revoked "$first"
	key | diff "$dir/key" -
}

@test "what waits for the token is written by enroll, too, which says so" {
	enrolled
	done_by renew alice --no-token "${ca[@]}"
	done_by tokens --json
	json "[(t['user'], t['state'], t['renewal']) for t in d['tokens'] if t['serial'] == '$serial']" '[["alice", "delivered", "issued"]]'
	done_by tokens
	shows "\`tokenroll renew alice\` goes on with what was begun (issued)"
	done_by alice "${with[@]}"
	says "a renewal of alice was begun before (issued): it is gone on with"
	has_only "$dir/pki/issued/alice.crt"
	revoked "$first"
}

@test "--no-token is for renewals only, and needs the request that was kept" {
	enrolled
	refused 2 "--no-token does not belong to 'rekey'" rekey alice --no-token
	refused 2 "--key-type does not belong to 'renew'" renew alice --key-type rsa:2048
	sqlite3 "$dir/tokenroll.db" "UPDATE credentials SET csr = x''"
	refused 3 "no request of alice is kept" renew alice --no-token "${ca[@]}"
	says "put the token in"
	[[ $(rows V) == 1 ]]
}

# ---- refusals

@test "who is not enrolled has nothing to renew" {
	refused 3 "nobody called alice is enrolled: there is nothing to renew" renew alice "${with[@]}"
	refused 3 "there is nothing to rekey" rekey alice "${with[@]}"
	refused 3 "nobody called alice" renew alice --no-token "${ca[@]}"
	says "tokenroll alice"
	refused 2 "No user name was given" renew
	refused 2 "one argument too many" renew alice bob
}

@test "somebody else's token, and one that is nobody's, are refused, and the right one is named" {
	enrolled
	company_token "$dir" "bobs token"
	bobs=$(company_token_serial "$dir" "bobs token")
	refused 3 "the token of alice is $serial; the one that is plugged in, $bobs, is another one" \
		renew alice --serial "$bobs" "${with[@]}"
	says "put token $serial in" "--no-token"
	done_by enroll bob --serial "$bobs" "${with[@]}"
	refused 6 "token $bobs belongs to bob; that of alice is $serial" rekey alice --serial "$bobs" "${with[@]}"
	says "put token $serial in"
	[[ $(rows V) == 1 && $(rows V bob) == 1 ]]
}

@test "a token that is marked as lost is not renewed" {
	enrolled
	sqlite3 "$dir/tokenroll.db" "UPDATE tokens SET lost = 1767225600 WHERE serial = '$serial'"
	refused 6 "token $serial was reported lost on 2026-01-01" renew alice "${with[@]}"
	says "tokenroll found"
	refused 6 "was reported lost" renew alice --no-token "${ca[@]}"
	refused 6 "was reported lost" rekey alice "${with[@]}"
	[[ $(rows V) == 1 ]]
}

@test "a revoked certificate is not renewed; the way out is a new key" {
	enrolled
	easyrsa revoke alice keyCompromise
	for verb in "renew" "rekey" "renew --no-token"; do
		# shellcheck disable=SC2086  # a verb and its option
		refused 6 "certificate $first of alice was revoked" $verb alice "${with[@]}"
		says "\`tokenroll enroll --replace alice\` makes a new key"
	done
	[[ $(rows V) == 0 ]]
	done_by enroll --replace alice "${with[@]}"
	[[ $(rows V) == 1 ]]
}

@test "one whose credential the journal has as revoked is refused with the day and the reason" {
	enrolled
	sqlite3 "$dir/tokenroll.db" "UPDATE credentials SET state = 'revoked', revoked = 1767225600, reason = 'keyCompromise'"
	refused 6 "certificate $first of alice was revoked on 2026-01-01 (keyCompromise), and is not renewed" renew alice "${with[@]}"
}

@test "an expired certificate is renewed, and nothing has to be revoked" {
	enrolled
	sed -i "s/^V\t[0-9]*Z\(\t.*CN=alice\)\$/V\t200101000000Z\1/" "$dir/pki/index.txt"
	sqlite3 "$dir/tokenroll.db" "UPDATE credentials SET not_after = 1577836800"
	done_by renew alice "${with[@]}"
	shows "replaced     $first, which has expired"
	has_only "$dir/pki/issued/alice.crt"
	key | diff "$dir/key" -
	[[ $(rows R) == 0 ]]
}

@test "when the key is gone from the token, renew says so, and rekey makes a new one" {
	enrolled
	pkcs11-tool --module "$module" --login --pin "$COMPANY_PIN" --delete-object --type privkey --label alice
	refused 3 "the key of certificate $first of alice is no longer on token $serial" renew alice "${with[@]}"
	says "run \`tokenroll rekey alice\`"
	[[ $(rows V) == 1 ]]
	done_by rekey alice "${with[@]}"
	has_only "$dir/pki/issued/alice.crt"
	revoked "$first"
}

@test "an enrollment that is not finished is finished first" {
	cut_off C_CreateObject:1:CKR_DEVICE_MEMORY alice "${with[@]}"
	refused 6 "the enrollment of alice on token $serial is not finished (issued)" renew alice "${with[@]}"
	says "tokenroll alice"
	done_by alice "${with[@]}"
	done_by renew alice "${with[@]}"
}

@test "with unique_subject = yes it is refused before anything is made, with the way out" {
	enrolled
	echo "unique_subject = yes" >"$dir/pki/index.txt.attr"
	dump >"$dir/before"
	for verb in renew rekey "renew --no-token"; do
		# shellcheck disable=SC2086
		refused 5 "unique_subject = yes" $verb alice "${with[@]}"
		says "write unique_subject = no into index.txt.attr"
	done
	dump | diff "$dir/before" -
	[[ $(db "SELECT count(*) FROM credentials") == 1 && $(rows V) == 1 ]]
}

@test "a valid certificate of that name that is not in the journal is in the way" {
	enrolled
	mkdir -p "$dir/aside"
	mv "$dir/pki/issued/alice.crt" "$dir/pki/reqs/alice.req" "$dir/aside"
	easyrsa build-client-full alice nopass
	refused 6 "already has a certificate for another key" rekey alice "${with[@]}"
	says "is not in tokenroll's journal" "easyrsa revoke alice"
	[[ $(on_token PRIVATE_KEY) == 1 ]]
}

@test "where the CA is elsewhere, renew and rekey say how it goes there" {
	enrolled
	mv "$dir/pki/private/ca.key" "$dir/ca.key"
	refused 5 "the CA's private key $dir/pki/private/ca.key is not on this machine" renew alice "${with[@]}"
	says "tokenroll enroll --cert FILE alice"
	refused 5 "not on this machine" rekey alice "${with[@]}"
	says "tokenroll enroll --csr-only --replace alice"
}

@test "what easy-rsa has renewed is taken, and not renewed once more" {
	enrolled
	mkdir -p "$dir/pki/renewed/issued"
	mv "$dir/pki/issued/alice.crt" "$dir/pki/renewed/issued/alice.crt"
	easyrsa sign-req client alice
	second=$(serial_of "$dir/pki/issued/alice.crt")
	refused 6 "the CA has renewed the certificate of alice itself: $second" rekey alice "${with[@]}"
	says "run \`tokenroll alice\` first"
	done_by renew alice "${with[@]}"
	[[ $(serial_of "$dir/pki/issued/alice.crt") == "$second" ]]
	has_only "$dir/pki/issued/alice.crt"
	revoked "$first" && valid "$second"
}

# ---- half done

# half RULE VERB: cut off at that call
half() {
	enrolled
	cut_off "$1" "$2" alice "${with[@]}"
}

@test "while a renewal is half done its owner has her old certificate, and every verb says and does what is true" {
	half C_CreateObject:1:CKR_DEVICE_MEMORY renew
	done_by tokens --json
	json "[(t['user'], t['state'], t['renewal']) for t in d['tokens'] if t['serial'] == '$serial']" '[["alice", "delivered", "issued"]]'
	done_by bundle alice
	shows "$first"
	secret other 13572468
	done_by pin alice --pin-file "$old" --new-pin-file "$dir/other"
	done_by pin alice --pin-file "$dir/other" --new-pin-file "$old"
	refused 6 "belongs to alice" bob --serial "$serial" "${with[@]}"
	refused 6 "a renewal of alice on token $serial is not finished (issued)" enroll --csr-only alice --pin-file "$old"
	says "tokenroll renew alice"
	company_token "$dir" "Second token"
	second=$(company_token_serial "$dir" "Second token")
	refused 6 "has a valid certificate on token $serial" enroll --serial "$second" alice "${with[@]}"
	done_by renew alice "${with[@]}"
	has_only "$dir/pki/issued/alice.crt"
	revoked "$first"
}

@test "a renewal that was only planned does not open the token to somebody else, nor is it in the way of --replace" {
	half C_SignInit:1:CKR_DEVICE_REMOVED renew
	[[ $(db "SELECT state FROM credentials ORDER BY id DESC LIMIT 1") == keyed ]]
	sqlite3 "$dir/tokenroll.db" "UPDATE credentials SET state = 'planned', spki = NULL WHERE way = 'renew'"
	refused 6 "token $serial belongs to alice (certificate $first" bob "${with[@]}"
	refused 6 "belongs to alice" enroll --replace bob "${with[@]}"
	done_by enroll --replace alice "${with[@]}"
	says "a renewal of alice was begun before (planned): it is given up"
	has_only "$dir/pki/issued/alice.crt"
	revoked "$first"
	[[ $(rows V) == 1 ]]
}

@test "a plan of a renewal that was cut off is completed" {
	half C_SignInit:1:CKR_DEVICE_REMOVED renew
	sqlite3 "$dir/tokenroll.db" "UPDATE credentials SET state = 'planned', spki = NULL WHERE way = 'renew'"
	done_by renew alice "${with[@]}"
	key | diff "$dir/key" -
	has_only "$dir/pki/issued/alice.crt"
	[[ $(db "SELECT count(*) FROM credentials") == 2 ]]
}

@test "rekey gives up a renewal that has no certificate yet, and takes over from one that has" {
	half C_SignInit:1:CKR_DEVICE_REMOVED renew
	done_by rekey alice "${with[@]}"
	says "it is given up"
	has_only "$dir/pki/issued/alice.crt"
	[[ $(rows V) == 1 && $(rows R) == 1 ]]
	done_by renew alice --no-token "${ca[@]}"
	pkcs11-tool --module "$module" --login --pin "$COMPANY_PIN" --delete-object --type privkey --label alice
	refused 3 "is no longer on token" renew alice "${with[@]}"
	done_by rekey alice "${with[@]}"
	has_only "$dir/pki/issued/alice.crt"
	[[ $(rows V) == 1 && $(rows R) == 3 ]]
}

@test "renew gives up a rekeying that has no certificate yet, and finishes one that has" {
	half C_SignInit:1:CKR_DEVICE_REMOVED rekey
	done_by renew alice "${with[@]}"
	says "a rekeying of alice was begun before" "it is given up"
	key | diff "$dir/key" -
	has_only "$dir/pki/issued/alice.crt"
	cut_off C_CreateObject:1:CKR_DEVICE_MEMORY rekey alice "${with[@]}"
	done_by renew alice "${with[@]}" --json
	says "a rekeying of alice was begun before (issued): it is gone on with"
	json "d['way']" '"rekey"'
	[[ $(key) != "$(<"$dir/key")" ]]
	has_only "$dir/pki/issued/alice.crt"
	[[ $(rows V) == 1 ]]
}

@test "a new certificate that was revoked while it waited is not written unasked" {
	enrolled
	done_by renew alice --no-token "${ca[@]}"
	second=$(serial_of "$dir/pki/issued/alice.crt")
	easyrsa revoke alice
	refused 6 "does not count any more" renew alice --no-token "${ca[@]}"
	refused 6 "certificate $second of alice was revoked" renew alice "${with[@]}"
	[[ $(rows V) == 1 ]]
	done_by renew alice --yes "${with[@]}"
	has_only "$dir/pki/issued/alice.crt"
	[[ $(rows V) == 1 ]]
}

@test "wipe in the middle of a renewal revokes both" {
	half C_CreateObject:1:CKR_DEVICE_MEMORY renew
	done_by wipe --serial "$serial" --confirm "$serial" "${with[@]}" --json
	json "len(d['revoked'])" 2
	[[ $(rows V) == 0 ]]
	refused 6 "was revoked" renew alice "${with[@]}"
}

@test "what is left when the CRL cannot be published, or the CA is locked, is done by the same command" {
	enrolled
	conf ca.lock-wait=1
	echo 1 >"$dir/pki/lock.file"
	roll renew alice "${with[@]}"
	[[ $status == 5 ]]
	has_only "$dir/pki/issued/alice.crt"
	rm "$dir/pki/lock.file"
	mv "$dir/server/crl.pem" "$dir/server/kept.pem"
	mkdir "$dir/server/crl.pem.d"
	conf "ca.crl=$dir/server/none/crl.pem"
	roll renew alice "${with[@]}"
	[[ $status == 5 && $stderr == *"is revoked, but the VPN server still reads an old CRL"* ]]
	has_only "$dir/pki/issued/alice.crt"
	mkdir "$dir/server/none"
	done_by renew alice "${with[@]}"
	mv "$dir/server/none/crl.pem" "$dir/server/crl.pem"
	revoked "$first"
	[[ $(rows V) == 1 && $(rows R) == 1 ]]
}

@test "an overlap that is no number of days is refused by its line" {
	enrolled
	conf ca.overlap=soon
	refused 2 "'soon' is not a number from 0 to 3650" renew alice "${with[@]}"
	conf ca.overlap=-1
	refused 2 "'-1' is not a number from 0 to 3650" renew alice "${with[@]}"
}

@test "a user whose name is a verb is renewed like any other" {
	done_by enroll renew "${with[@]}"
	done_by renew renew "${with[@]}"
	[[ $(rows V renew) == 1 && $(rows R renew) == 1 ]]
}
