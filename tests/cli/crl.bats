#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031  # tests/lib/life.bash sets them, each test in its own shell
# `tokenroll crl`: a fresh CRL from index.txt where the VPN server reads it, what was due revoked before; and its
# --check, which says in the manner of monitoring plugins how long that CRL is good.

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

easy() {
	company_run "$dir" easyrsa company_easyrsa "$dir" "$@"
}

serial_of() {
	openssl x509 -in "$dir/pki/issued/$1.crt" -noout -serial | cut -d= -f2
}

crl_text() {
	openssl crl -in "$dir/server/crl.pem" -noout -text
}

# checked STATUS WORDS: crl --check ends with that status, in one line with these words
checked() {
	roll crl --check
	[[ $status == "$1" && $output == *"$2"* && $(wc -l <<<"$output") == 1 && -z $stderr ]]
}

# gen_crl FROM UNTIL [KEY CERT]: the published CRL is one of these dates, YYMMDDHHMMSSZ
gen_crl() {
	cat >"$dir/log/ca.cnf" <<-CONF
		[ca]
		default_ca = it
		[it]
		database = $dir/log/index.txt
		default_md = sha256
	CONF
	: >"$dir/log/index.txt"
	openssl ca -config "$dir/log/ca.cnf" -gencrl -crl_lastupdate "$1" -crl_nextupdate "$2" -passin "file:$dir/ca.pass" \
		-keyfile "${3:-$dir/pki/private/ca.key}" -cert "${4:-$dir/pki/ca.crt}" -out "$dir/server/crl.pem"
	chmod 0644 "$dir/server/crl.pem"
}

@test "a fresh v2 CRL with reasons, number and authority key identifier, of what easy-rsa has revoked, too" {
	local cert
	easy build-client-full bob nopass
	cert=$(serial_of bob)
	easy revoke bob keyCompromise
	done_by crl "${ca[@]}"
	shows "A fresh CRL is in $dir/server/crl.pem" "number       1" "entries      1" \
		"next update  $(date -u -d '+180 days' +%F)"
	[[ $(crl_text) == *"Version 2 (0x1)"* && $(crl_text) == *"X509v3 CRL Number"* &&
		$(crl_text) == *"Authority Key Identifier"* && $(crl_text) == *"Serial Number: $cert"*"Key Compromise"* ]]
	openssl crl -in "$dir/server/crl.pem" -CAfile "$dir/pki/ca.crt" -noout
	openssl verify -crl_check -CAfile "$dir/pki/ca.crt" -CRLfile "$dir/server/crl.pem" "$dir/pki/issued/server.crt"
	done_by crl "${ca[@]}" --json
	json "d['crl']['entries']" 1 "d['published']" "\"$dir/server/crl.pem\"" "d['revoked']" '[]' \
		"d['crl']['next_update']" "\"$(date -u -d '+180 days' +%F)\""
	easy show-crl
}

@test "the number grows with each CRL, also within one second" {
	local before=0 now
	for _ in 1 2 3; do
		done_by crl "${ca[@]}" --json
		now=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["crl"]["number"])' <<<"$output")
		((now > before))
		before=$now
	done
}

@test "mode and owner of the published file are kept" {
	chmod 0640 "$dir/server/crl.pem"
	((EUID != 0)) || chown nobody:nogroup "$dir/server/crl.pem"
	done_by crl "${ca[@]}"
	[[ $(stat -c %a "$dir/server/crl.pem") == 640 ]]
	((EUID != 0)) || [[ $(stat -c %U "$dir/server/crl.pem") == nobody ]]
}

@test "a server that does not stay root could not read it: that is said" {
	chmod 0700 "$dir/server"
	done_by crl "${ca[@]}"
	says "user nobody" "is closed to others"
}

@test "what is due is revoked first, as superseded, and not before" {
	local cert
	enroll --pin-file "$old"
	cert=$(db "select cert_serial from credentials")
	sqlite3 "$dir/tokenroll.db" "update credentials set state = 'superseded', revoke_at = unixepoch() + 3600"
	done_by crl "${ca[@]}" --json
	json "d['revoked']" '[]'
	[[ $(rows V) == 1 ]]
	sqlite3 "$dir/tokenroll.db" "update credentials set revoke_at = unixepoch() - 1"
	done_by crl "${ca[@]}" --json
	json "d['revoked'][0]['serial']" "\"$cert\"" "d['revoked'][0]['revoked']['reason']" '"superseded"'
	[[ $(crl_text) == *"Serial Number: $cert"*Superseded* ]]
	[[ $(db "select state || ',' || revoke_at || ',' || reason || ',' || (revoked > 0) from credentials") == superseded,0,superseded,1 ]]
	done_by crl "${ca[@]}" --json
	json "d['revoked']" '[]'
}

@test "one that has expired by then needs no revocation, and does not wait for one" {
	enroll --pin-file "$old"
	sqlite3 "$dir/tokenroll.db" "update credentials set state = 'superseded', revoke_at = unixepoch() - 86400 * 5, not_after = 5"
	done_by crl "${ca[@]}" --json
	json "d['revoked']" '[]'
	[[ $(rows R) == 0 ]]
	roll status --json
	json "d['totals']['waiting']" 0
}

@test "a damaged inventory keeps no CRL from being made" {
	cp "$dir/server/crl.pem" "$dir/log/before"
	echo "no database" >"$dir/tokenroll.db"
	refused 1 "a fresh CRL is made and published, but" crl "${ca[@]}"
	run -1 cmp "$dir/server/crl.pem" "$dir/log/before"
}

@test "a place that cannot be written: the CRL is made, and it is said what to copy where" {
	life_conf "token.module=$(company_softhsm)" "ca.crl=$dir/nowhere/crl.pem"
	refused 5 "a fresh CRL is made" crl "${ca[@]}"
	says "copy $dir/pki/crl.pem to $dir/nowhere/crl.pem"
}

@test "--check: fine, then fewer days than warn-days, then than critical-days" {
	checked 0 "CRL OK: the CRL $dir/server/crl.pem is good until"
	life_conf "token.module=$(company_softhsm)" "crl.warn-days=200"
	checked 1 "CRL WARNING"
	life_conf "token.module=$(company_softhsm)" "crl.warn-days=200" "crl.critical-days=190"
	checked 2 "CRL CRITICAL"
	life_conf "token.module=$(company_softhsm)"
	echo "set_var EASYRSA_CRL_DAYS 10" >>"$dir/pki/vars"
	done_by crl "${ca[@]}"
	checked 1 "CRL WARNING: the CRL $dir/server/crl.pem is good until $(date -u -d '+10 days' +%F)"
	sed -i 's/CRL_DAYS 10$/CRL_DAYS 2/' "$dir/pki/vars"
	done_by crl "${ca[@]}"
	checked 2 "CRL CRITICAL"
	life_conf "token.module=$(company_softhsm)" "crl.warn-days=1"
	checked 3 "critical-days is more than warn-days"
}

@test "--check: expired, not valid yet, missing, not this CA's, damaged, or older than the PKI's is critical" {
	local key=$dir/log/other.key
	gen_crl 20200101000000Z 20210101000000Z
	checked 2 "has expired"
	gen_crl 20400101000000Z 20410101000000Z
	checked 2 "is not valid yet"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$key" -out "$dir/log/other.crt" -days 30 -subj "/CN=Example VPN CA" 2>/dev/null
	gen_crl 20200101000000Z 20410101000000Z "$key" "$dir/log/other.crt"
	checked 2 "is no CRL of this CA"
	echo "nothing of the kind" >"$dir/server/crl.pem"
	checked 2 "is no CRL of this CA, or damaged"
	rm "$dir/server/crl.pem"
	checked 2 "there is no CRL at $dir/server/crl.pem"
	company_publish_crl "$dir"
	checked 0 OK
	cp "$dir/server/crl.pem" "$dir/log/older"
	done_by crl "${ca[@]}"
	checked 0 OK
	cat "$dir/log/older" >"$dir/server/crl.pem"
	checked 2 "is older than the one in the PKI"
}

@test "--check: who is revoked by index.txt and not on the CRL is let in, which is critical; one that has expired is not" {
	local cert
	easy build-client-full bob nopass
	cert=$(serial_of bob)
	easy revoke bob
	checked 2 "lacks 1 of index.txt's revoked certificates ($cert): they are let in"
	done_by crl "${ca[@]}"
	checked 0 OK
	printf 'R\t%s\t%s,superseded\tAB%s\tunknown\t/CN=old\n' 200101000000Z 190101000000Z 01 >>"$dir/pki/index.txt"
	checked 0 OK
	printf 'R\t%s\t%s,superseded\tAB%s\tunknown\t/CN=carol\n' 490101000000Z 260101000000Z 02 >>"$dir/pki/index.txt"
	printf 'R\t%s\t%s,superseded\tAB%s\tunknown\t/CN=carol\n' 490101000000Z 260101000000Z 03 >>"$dir/pki/index.txt"
	checked 2 "lacks 2 of index.txt's revoked certificates (AB02, ...)"
}

@test "--check: a place that is closed to the server's user is a warning that names it" {
	chmod 0700 "$dir/server"
	checked 1 "CRL WARNING: $dir/server is closed to others"
	chmod 0711 "$dir/server"
	checked 0 OK
	chmod 0600 "$dir/server/crl.pem"
	checked 1 "$dir/server/crl.pem is closed to others"
}

@test "--check: with no published place it is PKI/crl.pem that is looked at" {
	life_conf "token.module=$(company_softhsm)" "ca.crl="
	checked 0 "the CRL $dir/pki/crl.pem is good until"
	rm "$dir/pki/crl.pem"
	checked 2 "there is no CRL at $dir/pki/crl.pem"
}

@test "--check: what cannot be told is 3, and needs neither key nor index.txt" {
	rm "$dir/pki/index.txt" "$dir/pki/private/ca.key"
	checked 0 OK
	mv "$dir/pki/ca.crt" "$dir/log/"
	checked 3 "CRL UNKNOWN: the CA certificate cannot be read"
	roll -c "$dir/nothing.conf" crl --check
	[[ $status == 3 && $output == "CRL UNKNOWN: no configuration"* ]]
	mv "$dir/log/ca.crt" "$dir/pki/"
	if ((EUID == 0)); then
		chmod 0755 "$BATS_TEST_TMPDIR" "$dir"
		chmod 0644 "$dir/tokenroll.conf"
		run setpriv --reuid nobody --clear-groups "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" crl --check
		# where the program itself cannot be reached by nobody there is nothing to see
		[[ $status == 3 || $status == 127 || $status == 126 || $output == *"setpriv"* ]]
	fi
}

@test "--check: wrong usage is 3, too, which monitoring does not take for critical" {
	for words in "crl --check extra" "crl --check --typo" "--typo crl --check" "crl --check --user" "status --typo"; do
		# shellcheck disable=SC2086  # the words are the arguments
		roll $words
		[[ $status == 3 && $stderr == "tokenroll: "* ]]
	done
	refused 2 "one argument too many" crl extra
	refused 2 "--check does not belong" list --check
}

@test "a CRL where the CA's key is not: that is said, and not something of revoking only" {
	rm "$dir/pki/private/ca.key"
	refused 5 "no CRL made here: the CA's key" crl "${ca[@]}"
}

@test "--check --json is one document with the same verdict" {
	done_by crl --check --json
	json "d['ok']" true "d['status']" '"ok"' "d['exit_status']" 0 "d['days_left'] > 170" true \
		"d['crl']['path']" "\"$dir/server/crl.pem\""
	rm "$dir/server/crl.pem"
	roll crl --check --json
	[[ $status == 2 ]]
	json "d['ok']" false "d['status']" '"critical"' "d['exit_status']" 2 "d['days_left']" null
}

# in_index, on_crl: of each certificate that is revoked a line: serial number, second, reason
in_index() {
	awk -F'\t' '$1 == "R" { split($3, r, ","); print $4, r[1], r[2] == "" ? "unspecified" : r[2] }' \
		"$dir/pki/index.txt" | sort
}

on_crl() {
	openssl crl -in "$dir/pki/crl.pem" -noout -text | python3 -c '
import re, sys, time
for entry in re.split("    Serial Number: ", sys.stdin.read().split("    Signature Algorithm: ")[-2])[1:]:
    when = re.search("Revocation Date: (.*) GMT", entry).group(1)
    reason = re.search("Reason Code:[ \n]*(.*)", entry)
    words = reason.group(1).split() if reason else ["unspecified"]
    words[0] = words[0] if words[0].isupper() else words[0].lower()
    print(entry.split()[0], time.strftime("%y%m%d%H%M%SZ", time.strptime(when, "%b %d %H:%M:%S %Y")), "".join(words))' |
		sort
}

# in_inventory: the same, once what easy-rsa has done is taken in
in_inventory() {
	"${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -q -c "$dir/tokenroll.conf" adopt
	db "select cert_serial, strftime('%Y%m%d%H%M%SZ', revoked, 'unixepoch'), reason from credentials where revoked <> 0
		union select cert_serial, strftime('%Y%m%d%H%M%SZ', revoked, 'unixepoch'), reason from certificates
		where state = 'revoked'" | sed 's/|20/ /; s/|/ /; s/ $/ unspecified/' | sort
}

# same_truth N: so many are revoked, index and CRL say the same of each, and the CRL is good
same_truth() {
	local n=$1
	openssl crl -in "$dir/pki/crl.pem" -CAfile "$dir/pki/ca.crt" -noout
	in_index >"$dir/log/index"
	cat "$dir/log/index"
	[[ $(wc -l <"$dir/log/index") == "$n" ]]
	diff "$dir/log/index" <(on_crl)
	openssl verify -crl_check -CAfile "$dir/pki/ca.crt" -CRLfile "$dir/pki/crl.pem" "$dir/pki/issued/server.crt"
}

# all_agree: the inventory says the same of each, and easy-rsa shows those as valid that index.txt has
all_agree() {
	diff "$dir/log/index" <(in_inventory)
	done_by list --json --state all
	json "len([r for r in d['rows'] if r['state'] in ('revoked', 'superseded')
		and r['certificate'] in open('$dir/log/index').read()])" "$(wc -l <"$dir/log/index")"
	diff <(awk -F'\t' '$1 == "V" { print $4 }' "$dir/pki/index.txt" | sort) \
		<(company_easyrsa "$dir" show-expire 2>&1 | grep -o 'Serial: [0-9A-F]*' | cut -c9- | sort -u)
}

@test "a PKI worked on by tokenroll and easy-rsa in turns: both see the same, and every CRL is good" {
	local cert
	echo "set_var EASYRSA_CERT_RENEW 900" >>"$dir/pki/vars"
	enroll --pin-file "$old"                             # issued by tokenroll
	easy build-client-full bob nopass                    # ... and by easy-rsa
	easy build-client-full carol nopass
	easy revoke alice superseded                         # revoked by the other one
	easy gen-crl
	same_truth 1
	done_by revoke bob --reason keyCompromise "${ca[@]}"
	same_truth 2
	done_by revoke alice "${ca[@]}"
	shows "was revoked on"
	enroll --pin-file "$old" --yes
	same_truth 2
	easy renew carol nopass                              # two of that name: the older one counts until it is revoked
	cert=$(awk -F'\t' '/CN=carol$/ { print $4; exit }' "$dir/pki/index.txt")
	done_by revoke --cert-serial "$cert" --reason superseded "${ca[@]}"
	same_truth 3
	easy revoke carol cessationOfOperation
	done_by crl "${ca[@]}"
	same_truth 4
	company_conf "$dir" ca.overlap=7
	done_by renew alice --pin-file "$old" "${ca[@]}"     # two of hers, until one of the two is revoked by easy-rsa
	all_agree
	easy revoke-renewed alice superseded
	easy gen-crl
	same_truth 5
	done_by lost alice "${ca[@]}"
	same_truth 6
	sed -i '/CN=server$/!s/^V\t[0-9]*Z/V\t200101000000Z/' "$dir/pki/index.txt"
	easy build-client-full dave nopass
	easy update-db
	done_by revoke dave "${ca[@]}"
	same_truth 7
	easy gen-crl
	same_truth 7
	all_agree
	for cert in "$dir/pki/revoked/certs_by_serial/"*.crt; do
		run -2 openssl verify -crl_check -CAfile "$dir/pki/ca.crt" -CRLfile "$dir/pki/crl.pem" "$cert"
	done
	company_easyrsa "$dir" show-revoke >"$dir/log/show-revoke" 2>&1
	for name in alice bob carol dave; do
		grep -q "CN: $name" "$dir/log/show-revoke" || grep -q "$name" "$dir/log/show-revoke"
	done
	done_by crl "${ca[@]}"
	same_truth 7
}
