#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# The bad day: a token is lost. One command revokes what is on it, has the VPN server told, and notes it; nothing works
# on that token until it is found, and its certificate never comes back.

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

cert_of() {
	db "select cert_serial from credentials c join people p on p.id = c.person where p.name = '$1' and cert_serial <> ''
		order by c.id desc limit 1"
}

on_crl() {
	openssl crl -in "$dir/server/crl.pem" -noout -text | grep -A 4 "Serial Number: $1\$" | grep -q "${2:-}"
}

# is_lost SERIAL: since today
is_lost() {
	[[ $(db "select date(lost, 'unixepoch') from tokens where serial = '$1' and lost <> 0") == "$(date -u +%F)" ]]
}

# spare LABEL: one more token, plugged in; sets $spare to its serial number
spare() {
	company_token "$dir" "$1"
	spare=$(company_token_serial "$dir" "$1")
}

# gone SERIAL...: these tokens are not plugged in any more
gone() {
	local d
	mkdir -p "$dir/log/gone"
	for serial_gone; do
		for d in "$dir/token/tokens"/*; do
			if grep -qaF "$serial_gone" "$d/token.object"; then mv "$d" "$dir/log/gone/"; fi
		done
	done
}

@test "what was renewed and is still valid in its overlap is revoked, too: it is for the same key" {
	local old new
	company_conf "$dir" ca.overlap=7
	enroll --pin-file "$dir/pin"
	old=$(cert_of alice)
	done_by renew alice "${ca[@]}" --pin-file "$dir/pin"
	new=$(cert_of alice)
	[[ $old != "$new" && $(rows V) == 2 ]]
	done_by lost alice "${ca[@]}"
	[[ $(rows V) == 0 ]]
	on_crl "$old" "Key Compromise"
	on_crl "$new" "Key Compromise"
}

@test "what index.txt has no row of any more is revoked all the same, also beside one that it has" {
	local first second
	company_conf "$dir" ca.overlap=7
	enroll --pin-file "$dir/pin"
	first=$(cert_of alice)
	done_by renew alice "${ca[@]}" --pin-file "$dir/pin"
	second=$(cert_of alice)
	sed -i "/$first/d" "$dir/pki/index.txt"
	done_by lost alice "${ca[@]}"
	[[ $(rows V) == 0 && $(rows R) == 2 ]]
	on_crl "$first" "Key Compromise"
	on_crl "$second" "Key Compromise"
}

@test "lost: revoked as keyCompromise, published, marked, in the trail, and what to do next; without the token" {
	local cert
	enroll --pin-file "$old"
	cert=$(cert_of alice)
	gone "$serial"
	done_by lost alice "${ca[@]}"
	shows "Token $serial \"VPN token\"" "of alice is reported lost" "$cert of alice is revoked (keyCompromise)" \
		"next         with the spare token plugged in: tokenroll alice" "tokenroll found --serial $serial"
	on_crl "$cert" "Key Compromise"
	is_lost "$serial"
	[[ $(db "select state || ',' || reason from credentials") == revoked,keyCompromise ]]
	[[ $(db "select user || ',' || detail from audit where action = 'token-lost' and token_serial = '$serial'") == alice,keyCompromise ]]
	[[ $(db "select count(*) from audit where action = 'certificate-revoked' and cert_serial = '$cert'") == 1 ]]
}

@test "lost once more: nothing is done twice, and no passphrase is asked for" {
	local cert
	enroll --pin-file "$old"
	cert=$(cert_of alice)
	done_by lost alice "${ca[@]}" --reason affiliationChanged --json
	json "d['already']" false "d['tokens'][0]['serial']" "\"$serial\"" "d['certificates'][0]['revoked']['reason']" '"affiliationChanged"'
	done_by lost alice --json
	json "d['ok']" true "d['already']" true "d['certificates'][0]['revoked']['already']" true
	[[ $(db "select count(*) from audit where action = 'token-lost'") == 1 ]]
	on_crl "$cert" "Affiliation Changed"
}

@test "a lost token that is plugged in is refused by enroll, pin and unblock, and tokens shows it" {
	local said
	said="token $serial was reported lost on $(date -u +%F)"
	enroll --pin-file "$old"
	done_by lost alice "${ca[@]}"
	refused 6 "$said" enroll alice --pin-file "$old" "${ca[@]}"
	says "if it has come back: tokenroll found --serial $serial"
	refused 6 "$said" enroll bob --pin-file "$old" "${ca[@]}"
	refused 6 "$said" enroll alice --replace --pin-file "$old" "${ca[@]}"
	refused 6 "$said" pin --serial "$serial" --pin-file "$old" --new-pin-file "$dir/new"
	refused 6 "$said" unblock --serial "$serial" --so-pin-file "$dir/so" --new-pin-file "$dir/new"
	pin_is "$old"
	done_by tokens
	shows "LOST         reported lost on $(date -u +%F)"
	done_by tokens --json
	json "one(d['tokens'], serial='$serial')['lost']" "\"$(date -u +%F)\""
}

@test "found: back in stock, never its certificate; then it can be enrolled again, with a new key" {
	local cert
	enroll --pin-file "$old"
	cert=$(cert_of alice)
	done_by lost alice "${ca[@]}"
	done_by found alice
	shows "Token $serial, reported lost on" "is back in stock" "$cert of alice was revoked on" "and stays so"
	[[ $(db "select lost from tokens where serial = '$serial'") == 0 ]]
	[[ $(db "select user from audit where action = 'token-found' and token_serial = '$serial'") == alice ]]
	on_crl "$cert"
	enroll --pin-file "$old"
	[[ $(cert_of alice) != "$cert" && $(rows V) == 1 ]]
	done_by found --serial "$serial" --json
	json "d['was_lost']" null "d['serial']" "\"$serial\""
	[[ $(db "select count(*) from audit where action = 'token-found'") == 1 ]]
}

@test "after revoke the token is marked all the same, but not one that somebody else has by now" {
	enroll --pin-file "$old"
	done_by revoke alice "${ca[@]}"
	done_by lost alice
	shows "Token $serial" "of alice is reported lost"
	is_lost "$serial"
	[[ $(db "select user from audit where action = 'token-lost' and token_serial = '$serial'") == alice ]]
	done_by found alice
	done_by --serial "$serial" --pin-file "$old" "${ca[@]}" --yes bob
	refused 3 "alice has no token any more that could be lost: token $serial is somebody else's now" lost alice
	says "name it with --serial: $serial"
	[[ $(db "select count(*) from tokens where lost <> 0") == 0 ]]
}

@test "several tokens: all of them, or the one that is named" {
	local first second
	enroll --pin-file "$old"
	first=$(cert_of alice)
	spare second
	done_by enroll --serial "$spare" alice --replace --pin-file "$dir/pin" "${ca[@]}"
	second=$(cert_of alice)
	refused 3 "token nonsense is none of alice" lost alice --serial nonsense "${ca[@]}"
	says "$serial" "$spare"
	done_by lost alice --serial "$spare" "${ca[@]}"
	is_lost "$spare"
	[[ $(db "select count(*) from tokens where lost <> 0") == 1 ]]
	on_crl "$second" "Key Compromise"
	on_crl "$first" Superseded
}

@test "a forgotten PIN prompt keeps no certificate valid; and it is said that the same command has to be run again" {
	local cert pid
	enroll --pin-file "$old"
	cert=$(cert_of alice)
	mkfifo "$dir/log/pin"
	exec 7<>"$dir/log/pin"
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" renew alice --pin-fd 7 "${ca[@]}" \
		</dev/null >"$dir/log/renew" 2>&1 3>&- &
	pid=$!
	for _ in {1..200}; do
		! grep -q "on token" "$dir/log/renew" || break
		sleep 0.05
	done
	refused 6 "the loss is noted, and what was valid is revoked, but: process $pid is working on user alice" \
		lost alice "${ca[@]}"
	says "run the same command again"
	on_crl "$cert" "Key Compromise"
	is_lost "$serial"
	kill "$pid"
	wait "$pid" || true
	exec 7>&-
	done_by lost alice
}

@test "with a damaged or a newer database it is said what revokes at once" {
	enroll --pin-file "$old"
	sqlite3 "$dir/tokenroll.db" "PRAGMA user_version = 99"
	refused 1 "by a newer tokenroll" lost alice "${ca[@]}"
	says "tokenroll revoke alice --all --reason keyCompromise" "Use the newer tokenroll"
	echo "this is no database" >"$dir/tokenroll.db"
	refused 1 "not a database" lost alice "${ca[@]}"
	says "tokenroll revoke alice --all --reason keyCompromise"
}

@test "several lost tokens are listed on one line" {
	done_by list
	sqlite3 "$dir/tokenroll.db" "INSERT INTO people (name, created) VALUES ('alice', 0);
		INSERT INTO tokens (manufacturer, model, serial, label, created, lost)
			VALUES ('m', 'm', 'S1', '', 0, 1700000000), ('m', 'm', 'S2', '', 0, 1700000000);
		INSERT INTO credentials (person, token, state, key_type, cka_id, serial, cert_serial, not_after, module,
			pkcs11_id, client_module, key_attributes, created, changed)
			SELECT 1, id, 'abandoned', 'ec:P-256', x'01', zeroblob(16), '', 0, '', '', '', '', 0, 0 FROM tokens"
	refused 3 "alice has lost several tokens: S1 since 2023-11-14; S2 since 2023-11-14" found alice
}

@test "a user without a token, and words that do not fit together" {
	refused 3 "the inventory knows no token of bob" lost bob "${ca[@]}"
	says "tokenroll revoke bob"
	refused 2 "whose token is lost" lost "${ca[@]}"
	refused 2 "is no reason" lost alice --reason stolen "${ca[@]}"
	refused 3 "the inventory knows no token with the serial number 77" found --serial 77
	refused 3 "the inventory knows no token of bob" found bob
	refused 2 "which token has come back" found
	[[ $(db "select count(*) from people") == 0 ]]
}

@test "with a wrong passphrase nothing is lost or revoked" {
	enroll --pin-file "$old"
	secret wrong nonsense
	refused 5 "passphrase of the CA key is wrong" lost alice --ca-pass-file "$dir/wrong"
	[[ $(rows V) == 1 && $(db "select lost from tokens") == 0 ]]
}

@test "a CRL that cannot be published: the loss stands, and it is said what to copy where" {
	local cert
	enroll --pin-file "$old"
	cert=$(cert_of alice)
	life_conf "token.module=$(company_softhsm)" "ca.crl=$dir/nowhere/crl.pem"
	refused 5 "certificate $cert is revoked" lost alice "${ca[@]}"
	says "copy $dir/pki/crl.pem to $dir/nowhere/crl.pem"
	is_lost "$serial"
	[[ $(rows R) == 1 && $(db "select state from credentials") == revoked ]]
}

@test "another valid certificate of that name is named, but not taken along" {
	local other
	enroll --pin-file "$old"
	mv "$dir/pki/issued/alice.crt" "$dir/pki/reqs/alice.req" "$dir/log/"
	company_run "$dir" easyrsa company_easyrsa "$dir" build-client-full alice nopass
	other=$(openssl x509 -in "$dir/pki/issued/alice.crt" -noout -serial | cut -d= -f2)
	done_by lost alice "${ca[@]}"
	says "another valid certificate of alice, $other" "tokenroll revoke --cert-serial $other"
	[[ $(rows V) == 1 && $(rows R) == 1 ]]
}

@test "--temporary: the spare token that is plugged in is enrolled at once, for so many days" {
	local first until
	enroll --pin-file "$old"
	first=$(cert_of alice)
	gone "$serial"
	spare spare
	done_by lost alice --temporary 7 --pin-file "$dir/pin" "${ca[@]}" --json
	json "d['tokens'][0]['serial']" "\"$serial\"" "d['temporary']['token']['serial']" "\"$spare\"" \
		"d['temporary']['state']" '"delivered"'
	on_crl "$first"
	until=$(date -u -d "+7 days" +%F)
	json "d['temporary']['certificate']['not_after']" "\"$until\""
	is_lost "$serial"
	[[ $(rows V) == 1 && $(db "select count(*) from tokens where lost <> 0") == 1 ]]
	# and the same command again does the spare no harm
	done_by lost alice --temporary 7 --pin-file "$dir/pin" "${ca[@]}"
	[[ $(rows V) == 1 && $(db "select count(*) from tokens where lost <> 0") == 1 ]]
	refused 6 "alice has got token $spare since" lost alice "${ca[@]}"
	says "tokenroll lost alice --serial $spare"
	[[ $(rows V) == 1 ]]
	done_by lost alice --serial "$spare" "${ca[@]}"
	[[ $(rows V) == 0 ]]
}

@test "--temporary reads the passphrase once, also from a descriptor" {
	enroll --pin-file "$old"
	gone "$serial"
	spare spare
	run --separate-stderr "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" lost alice --temporary 7 --pin-file "$dir/pin" \
		--ca-pass-fd 4 4<"$dir/ca.pass" </dev/null
	echo "$output $stderr"
	[[ $status == 0 && $(rows V) == 1 && $(rows R) == 1 ]]
}

@test "--temporary without a spare token: the loss stands, and the same command goes on" {
	enroll --pin-file "$old"
	gone "$serial"
	refused 3 "the loss is dealt with, but alice has no temporary token yet" lost alice --temporary 7 --pin-file "$dir/pin" \
		"${ca[@]}" --reader "an empty reader"
	says "plug the spare token in" "run the same command again"
	is_lost "$serial"
	[[ $(rows V) == 0 && $(rows R) == 1 ]]
	spare spare
	done_by lost alice --temporary 7 --pin-file "$dir/pin" "${ca[@]}"
	[[ $(rows V) == 1 ]]
}

@test "killed at any moment, the same command goes on to the end" {
	local n cert
	enroll --pin-file "$old"
	cert=$(cert_of alice)
	gone "$serial"
	spare spare
	sqlite3 "$dir/tokenroll.db" "vacuum into '$dir/log/before.db'"
	cp -a "$dir/pki" "$dir/log/pki.before"
	cp -a "$dir/token/tokens" "$dir/log/tokens.before"
	cp "$dir/server/crl.pem" "$dir/log/crl.pem"
	for n in 02 04 06 08 10 15 20 30 40; do
		rm -rf "$dir/pki" "$dir/tokenroll.db"* "$dir/token/tokens" "$dir/bundles"
		cp -a "$dir/log/pki.before" "$dir/pki"
		cp -a "$dir/log/tokens.before" "$dir/token/tokens"
		cp "$dir/log/before.db" "$dir/tokenroll.db"
		cp "$dir/log/crl.pem" "$dir/server/crl.pem"
		timeout -s KILL "0.$n" "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" lost alice --temporary 7 --pin-file "$dir/pin" \
			"${ca[@]}" </dev/null || true
		sleep 1
		done_by lost alice --temporary 7 --pin-file "$dir/pin" "${ca[@]}"
		is_lost "$serial"
		on_crl "$cert" "Key Compromise"
		[[ $(rows V) == 1 && $(rows R) == 1 && $(db "select count(*) from tokens where lost <> 0") == 1 ]]
	done
}
