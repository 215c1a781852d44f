#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# tokenroll status: what is to be done, said once, with the command that does it, and an exit status for monitoring:
# 0 fine, 1 soon, 2 wrong now, 3 could not be told.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/life.bash
	life_file
}

setup() {
	load ../lib/life.bash
	life_setup
	life_token soft
}

sql() {
	sqlite3 "$dir/tokenroll.db" "$1"
}

easyrsa() {
	company_run "$dir" easyrsa company_easyrsa "$dir" "$@"
}

# settled: alice is enrolled and the server's certificate is known, so that all is well
settled() {
	enroll --pin-file "$old"
	done_by adopt
}

# ends DAYS: alice's certificate ends in so many days, in inventory and index.txt
ends() {
	local date
	date=$(date -u -d "$1 days 1 hour" +%y%m%d%H%M%SZ)
	sql "UPDATE credentials SET not_after = strftime('%s', 'now') + 86400 * ($1) + 3600"
	sed -i "/CN=alice\$/s/^V\t[^\t]*/V\t$date/" "$dir/pki/index.txt"
}

# reports STATUS TOPIC WORDS...: as JSON, and the same for people; $found is that finding in Python's words
reports() {
	local want=$1 topic=$2 words
	shift 2
	roll status --json
	[[ $status == "$want" ]]
	json "d['exit_status']" "$want" "d['totals']['$topic']" 1 "d['ok']" true
	found="one(d['findings'], topic='$topic')"
	for words; do
		python3 -c 'import json, sys; d = json.load(sys.stdin)
f = [f for f in d["findings"] if f["topic"] == sys.argv[1]][0]
sys.exit(sys.argv[2] not in f["message"] + " | " + f["next"])' "$topic" "$words" <<<"$output" ||
			{ echo "not said: $words" && return 1; }
	done
}

@test "all is well: nothing to do, and the days left" {
	settled
	done_by status
	shows "All is well." "1 delivered" "CA " "CRL " "2 rows"
	[[ $(awk 'length > 80' <<<"$output") == "" ]]
	done_by status --json
	json "d['level']" '"fine"' "d['findings']" '[]' "d['counts']['credentials']['delivered']" 1 \
		"d['pki']['crl']['days_left'] > 170" true "d['pki']['ca']['days_left'] > 3000" true "d['pki']['rows']" 2
	roll status -q
	[[ $status == 0 && -z $output ]]
}

@test "an empty inventory beside a PKI: what the inventory does not know, and how it gets to know it" {
	reports 1 index-unknown "does not know" "tokenroll adopt" "a server"
	json "${found}['user']" '"server"'
}

@test "a certificate that ends: soon, critical, over" {
	settled
	ends 20
	reports 1 expiring "alice" "in 20 days" "tokenroll renew alice"
	ends 3
	reports 2 expiring "in 3 days"
	ends -2
	reports 2 expiring "ended on" "2 days ago"
	# nobody has missed it
	ends -50
	done_by status
	# the thresholds are the company's
	ends 20
	life_conf "token.module=$(company_softhsm)" status.warn-days=10
	done_by status
	life_conf "token.module=$(company_softhsm)" status.warn-days=90 status.critical-days=30
	reports 2 expiring alice
	life_conf "token.module=$(company_softhsm)" status.warn-days=10 status.critical-days=30
	roll status
	[[ $status == 3 ]]
	says "critical-days cannot be more than warn-days"
}

@test "who has another certificate that lasts is not spoken of" {
	settled
	ends 5
	sql "INSERT INTO certificates (person, cert_serial, subject, purpose, state, not_after, created, changed)
		SELECT id, 'AB', '/CN=alice', 'client', 'valid', strftime('%s', 'now') + 86400 * 300, 0, 0 FROM people
		WHERE name = 'alice'"
	printf 'V\t%s\t\tAB\tunknown\t/CN=alice\n' "$(date -u -d '300 days' +%y%m%d%H%M%SZ)" >>"$dir/pki/index.txt"
	done_by status
}

@test "a VPN server's certificate that ends is spoken of, too" {
	settled
	sql "UPDATE certificates SET not_after = strftime('%s', 'now') + 86400 * 3 + 60"
	sed -i "/CN=server\$/s/^V\t[^\t]*/V\t$(date -u -d '3 days 1 minute' +%y%m%d%H%M%SZ)/" "$dir/pki/index.txt"
	reports 2 expiring "the server's certificate of server" "give the new one to the server"
	done_by list --json --expiring 30d
	json "[r['user'] for r in d['rows']]" '["server"]'
	done_by list --expiring 30d
	shows "(a server)"
}

@test "an enrollment that was not finished: the command that goes on" {
	enroll --pin-file "$old" --csr-only
	roll adopt
	# somebody may be at it
	done_by status
	shows "enrollments that were not finished: 1, fine"
	sql "UPDATE credentials SET changed = changed - 7200"
	reports 1 unfinished "requested" "tokenroll enroll --serial $serial alice"
	# where the CA is elsewhere the certificate comes back in a file
	rm "$dir/pki/private/ca.key"
	reports 1 unfinished "tokenroll enroll --serial $serial --cert FILE alice"
}

@test "a certificate that was issued ahead waits for its token, as long as the one that is on it lasts" {
	settled
	done_by renew alice --no-token "${ca[@]}"
	sql "UPDATE credentials SET changed = changed - 7200"
	done_by status
	shows "enrollments that were not finished: 1, fine" "the new certificate of alice waits since" \
		"$serial, on which is one until" "put the token in: tokenroll renew alice"
	sql "UPDATE credentials SET not_after = unixepoch() + 86400 * 20 WHERE replaces IS NULL"
	reports 1 unfinished "for token $serial, on which is one until"
	sql "UPDATE credentials SET not_after = unixepoch() + 86400 * 3 WHERE replaces IS NULL"
	reports 2 unfinished "tokenroll renew alice"
	# once its token was there and was cut off, it is one that was not finished
	sql "UPDATE credentials SET not_after = unixepoch() + 86400 * 300 WHERE replaces IS NULL"
	export FAULTY_MODULE
	FAULTY_MODULE=$(company_softhsm)
	FAULTY_RULE=C_CreateObject:1:CKR_DEVICE_MEMORY roll --module "$tools/libfaulty.so" renew alice "${ca[@]}" --pin-file "$old"
	[[ $status != 0 ]]
	sql "UPDATE credentials SET changed = changed - 7200"
	reports 1 unfinished "is issued since" "tokenroll renew alice"
}

@test "a certificate that was replaced and waits to be revoked" {
	settled
	sql "UPDATE credentials SET revoke_at = strftime('%s', 'now') + 86400"
	done_by status
	shows "certificates that are to be revoked: 1, fine"
	sql "UPDATE credentials SET revoke_at = strftime('%s', 'now') - 3600"
	reports 1 waiting "tokenroll crl"
	sql "UPDATE credentials SET revoke_at = strftime('%s', 'now') - 86400 * 5"
	reports 2 waiting "was to be revoked"
}

@test "a lost token whose certificate still counts" {
	settled
	sql "UPDATE tokens SET lost = strftime('%s', 'now')"
	reports 2 lost "$serial" "tokenroll lost alice"
}

@test "revoked by easyrsa: adopt takes it over, and with the next CRL all is well" {
	settled
	easyrsa revoke alice keyCompromise
	reports 2 index-differs "by another program" "tokenroll adopt"
	json "${found}['user']" '"alice"'
	done_by adopt
	# the inventory knows it then, and the VPN server does not
	reports 2 crl "lacks 1 of index.txt's revoked certificates" "tokenroll crl"
	done_by crl "${ca[@]}"
	done_by status
}

@test "in its overlap a certificate that easyrsa has revoked already is not said to be revoked on some day" {
	company_conf "$dir" ca.overlap=7
	settled
	done_by renew alice --pin-file "$old" "${ca[@]}"
	easyrsa revoke-renewed alice
	reports 2 index-differs "by another program" "tokenroll adopt"
	done_by adopt
	done_by crl "${ca[@]}"
	done_by status
	shows "All is well."
}

@test "a CRL that the server's user cannot read" {
	settled
	chmod 0700 "$dir/server"
	reports 1 crl "$dir/server is closed to others" "chmod"
}

@test "the inventory says revoked, index.txt says valid: the holder gets in" {
	settled
	sql "UPDATE credentials SET state = 'revoked', revoked = 1700000000"
	reports 2 index-differs "by index.txt it is valid" "tokenroll revoke --cert-serial"
}

@test "a certificate of which the row is gone: what puts it back, and what revokes it all the same" {
	settled
	sed -i '/CN=alice$/d' "$dir/pki/index.txt"
	reports 2 index-missing "index.txt has no row of it" "a backup of index.txt" "tokenroll revoke --cert-serial"
	json "${found}['user']" '"alice"'
	[[ $output != *index.txt.old* ]]
	done_by lost alice "${ca[@]}"
	done_by status
}

@test "the CRL: about to end, missing where the VPN server reads it, older there" {
	settled
	EASYRSA_CRL_DAYS=10 easyrsa gen-crl
	company_publish_crl "$dir"
	reports 1 crl "lets nobody in"
	EASYRSA_CRL_DAYS=2 easyrsa gen-crl
	company_publish_crl "$dir"
	reports 2 crl "lets nobody in"
	easyrsa gen-crl
	company_publish_crl "$dir"
	done_by status
	sleep 1 # in the same second it would come out the same, byte for byte
	easyrsa gen-crl
	reports 2 crl "an older CRL"
	rm "$dir/server/crl.pem"
	reports 2 crl "is not where the VPN server reads it" "tokenroll crl"
}

@test "where the CA is elsewhere only the published CRL counts, and nobody is sent to tokenroll crl" {
	settled
	mv "$dir/pki/private/ca.key" "$dir/pki/index.txt" "$dir/log/"
	mv "$dir/pki/crl.pem" "$dir/log/made.pem"
	done_by status
	cp "$dir/log/made.pem" "$dir/pki/crl.pem"
	mv "$dir/log/ca.key" "$dir/pki/private/" && mv "$dir/log/index.txt" "$dir/pki/"
	EASYRSA_CRL_DAYS=2 easyrsa gen-crl
	company_publish_crl "$dir"
	rm "$dir/pki/private/ca.key" "$dir/pki/index.txt" "$dir/pki/crl.pem"
	reports 2 crl "lets nobody in" "where the CA's key is"
	rm "$dir/server/crl.pem"
	reports 2 crl "is not where the VPN server reads it" "where the CA's key is"
	[[ $output != *"tokenroll crl"* ]]
}

@test "the CA's last months" {
	settled
	life_conf "token.module=$(company_softhsm)" status.ca-warn-days=36500
	reports 1 ca "the CA certificate" "renew the CA"
}

@test "a PKI that is not there, or cannot be read, is a finding, and the rest is told" {
	settled
	ends 3
	mv "$dir/pki" "$dir/away"
	reports 2 expiring alice
	json "d['totals']['pki']" 1 "one(d['findings'], topic='pki')['level']" '"untold"' "d['pki']" null
	sql "UPDATE credentials SET not_after = strftime('%s', 'now') + 86400 * 300"
	roll status
	[[ $status == 3 ]]
	shows "Not everything could be told." "cannot be opened" "[ca] pki"
	mv "$dir/away" "$dir/pki"
	echo nonsense >>"$dir/pki/index.txt"
	roll status
	[[ $status == 3 ]]
	shows "index.txt line" "correct that line"
}

@test "escrow: values that were never confirmed, tokens with nothing" {
	settled
	sql "INSERT INTO escrow (token, kind, cms, recipients, state, created) VALUES (1, 'so-pin', x'00', 'CN=x', 'pending',
		1700000000)"
	reports 1 escrow-pending "an SO PIN of token $serial" "escrow show --serial $serial"
	sql "UPDATE escrow SET state = 'confirmed'; UPDATE tokens SET
		profile = 'yubikey-piv', manufacturer = 'Yubico (www.yubico.com)', model = 'YubiKey YK5'"
	done_by status
	life_token soft
	sql "DROP TRIGGER escrow_no_delete; DELETE FROM escrow"
	reports 1 escrow-missing "token $serial" "the factory's" "enrolling it anew puts new ones into escrow if they are"
	# its card does not tell, so nothing would be replaced
	sql "UPDATE tokens SET profile = 'smartcard-hsm'"
	reports 1 escrow-missing "\`tokenroll init --wipe --serial $serial\` puts new ones into escrow"
	[[ $output != *"enrolling it anew puts"* ]]
	sql "UPDATE tokens SET profile = 'safenet'"
	reports 1 escrow-missing "SafeNet Authentication Client Tools: Initialize Token"
	sql "UPDATE tokens SET profile = 'softhsm2', manufacturer = 'SoftHSM project', model = 'SoftHSM v2'"
	done_by status
	sql "INSERT INTO audit SELECT id + 1, at, login, sudo_user, host, 'token-init', user, '$serial', '', '', hash, hash
		FROM audit ORDER BY id DESC LIMIT 1"
	reports 1 escrow-missing "its SO PIN is known only to whoever has set it"
}

@test "nothing is changed, and nothing is asked" {
	settled
	easyrsa build-client-full bob nopass
	(cd "$dir/pki" && find . -printf '%p %T@ %s\n' | sort) >"$dir/before"
	roll status --html "$BATS_TEST_TMPDIR/page.html"
	[[ $status == 1 ]]
	(cd "$dir/pki" && find . -printf '%p %T@ %s\n' | sort) | diff "$dir/before" -
}

@test "for monitoring every failure is 3, and says what it is" {
	done_by list
	roll -c "$dir/nowhere.conf" status
	[[ $status == 3 ]]
	roll status --json nobody
	[[ $status == 3 ]]
	json "d['ok']" false "d['error']['code']" '"USAGE"'
	echo "this is no database, and none of a hundred bytes more or less that would make it one, whoever reads it" \
		>"$dir/tokenroll.db"
	roll status
	[[ $status == 3 ]]
	says "not a database"
	rm "$dir/tokenroll.db"
	for verb in "status" "status --json"; do
		# shellcheck disable=SC2086  # the words are the arguments
		run bash -c 'exec >/dev/full; "$@"' _ "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" $verb
		[[ $status == 3 ]]
	done
}
