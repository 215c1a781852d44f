# shellcheck shell=bash
# shellcheck disable=SC2034  # for those that load it
# sweep_takeover: the sweeps of `renew` and `rekey`. After each failure alice still has a certificate on the token that the
# VPN server takes, with its key; after the same command again there is exactly one, and the old one is revoked.

# shellcheck source=tests/fault/sweep.bash
source "${BASH_SOURCE[0]%/*}/sweep.bash"

# takeover_setup renew|rekey
takeover_setup() {
	sweep_setup "$1" || return
	TAKEOVER=$1
	TAKEOVER_OLD=$(awk -F'\t' '/^V.*CN=alice$/ { print $4 }' "$SWEEP/template/pki/index.txt")
	TAKEOVER_KEY=$(comm -13 "$SWEEP/foreign" <(takeover_dump_template) | grep '^CKO_PRIVATE_KEY')
}

takeover_dump_template() {
	sweep_reset
	sweep_dump
}

# takeover_journal SQL: read from a copy, so that the journal stays as the killed run left it
takeover_journal() {
	rm -rf "$SWEEP/journal"
	mkdir "$SWEEP/journal"
	cp "$SWEEP/c/tokenroll.db"* "$SWEEP/journal/"
	sqlite3 "$SWEEP/journal/tokenroll.db" "$1"
}

# takeover_named ID: a bundle of alice's names the key with this CKA_ID; without that it is of no use to her
takeover_named() {
	cat "$SWEEP/c/bundles/alice/alice-linux.ovpn" <(tar -xzOf "$SWEEP/c/bundles/alice.tar.gz" alice/alice-linux.ovpn) \
		2>/dev/null | grep -q "^pkcs11-id '.*/${1^^}'"
}

# takeover_connects PLACE: there is a certificate of alice's on the token whose key is there, too, which a bundle names,
# and which is valid by index.txt and not on the CRL that the VPN server reads
takeover_connects() {
	local id der serial
	sweep_dump >"$SWEEP/now"
	while read -r id der; do
		grep -q "^CKO_PRIVATE_KEY .* CKA_ID=$id " <(comm -13 "$SWEEP/foreign" "$SWEEP/now") || continue
		takeover_named "$id" || continue
		serial=$(xxd -r -p <<<"$der" | openssl x509 -inform DER -noout -serial 2>/dev/null) || continue
		grep -q $'^V\t.*\t'"${serial#serial=}"$'\t.*/CN=alice$' "$SWEEP/c/pki/index.txt" || continue
		openssl crl -in "$SWEEP/c/server/crl.pem" -noout -text | grep -q "${serial#serial=}" || return 0
	done < <(comm -13 "$SWEEP/foreign" "$SWEEP/now" |
		sed -n 's/^CKO_CERTIFICATE .*CKA_VALUE=\([0-9a-f]*\) .*CKA_ID=\([0-9a-f]*\) .*/\2 \1/p')
	sweep_complain "$1" "alice has no certificate that works on the token"
}

# takeover_ended PLACE: the old one is revoked, as superseded, and the server knows; the key is as it has to be
takeover_ended() {
	local key
	grep -q $'^R\t.*,superseded\t'"$TAKEOVER_OLD"$'\t' "$SWEEP/c/pki/index.txt" ||
		{ sweep_complain "$1" "the old certificate is not revoked"; return 1; }
	openssl crl -in "$SWEEP/c/server/crl.pem" -noout -text | grep -q "Serial Number: $TAKEOVER_OLD" ||
		{ sweep_complain "$1" "the published CRL does not have the old certificate"; return 1; }
	[[ -z $(find "$SWEEP/c/pki/renewed" -type f 2>/dev/null) ]] || { sweep_complain "$1" "left in renewed: $(cd "$SWEEP/c/pki/renewed" && find . -type f)"; return 1; }
	key=$(comm -13 "$SWEEP/foreign" "$SWEEP/now" | grep '^CKO_PRIVATE_KEY')
	[[ $TAKEOVER == renew && $key == "$TAKEOVER_KEY" || $TAKEOVER == rekey && $key != "$TAKEOVER_KEY" ]] ||
		{ sweep_complain "$1" "the key on the token is the wrong one"; return 1; }
	[[ $(takeover_journal "SELECT state, reason, revoked <> 0, revoke_at FROM credentials ORDER BY id LIMIT 1") == "superseded|superseded|1|0" ]] ||
		{ sweep_complain "$1" "the journal says: $(takeover_journal "SELECT * FROM credentials")"; return 1; }
}

# takeover_timer PLACE: what the daily timer does meanwhile takes nothing away
takeover_timer() {
	[[ $(takeover_journal "SELECT count(*) FROM credentials WHERE revoke_at <> 0") != 0 ]] || return 0
	company_tokenroll "$SWEEP/c" crl >"$SWEEP/second" 2>&1 || { sweep_complain "$1" "tokenroll crl failed"; return 1; }
	takeover_connects "$1, and tokenroll crl"
}

# In place of sweep.bash's. A run that was hit too late to fail has done its work: the same once more would rightly do it
# once more.
sweep_again() {
	local command=("${SWEEP_COMMAND[@]}")
	takeover_connects "$1" && takeover_timer "$1" || return
	[[ $(takeover_journal "SELECT count(*) FROM credentials WHERE way = '$TAKEOVER' AND state = 'delivered'") == 0 ]] ||
		command=(alice)
	company_tokenroll "$SWEEP/c" "${command[@]}" >"$SWEEP/second" 2>&1 || { sweep_complain "$1" "the next run failed"; return 1; }
	sweep_check "$1" && takeover_ended "$1"
}

# takeover_deletions ACTION: at each object that is deleted
takeover_deletions() {
	local k
	for ((k = 1; ; k++)); do
		sweep_rule "deletion $k ($1)" "C_DestroyObject:$k:$1" || return 1
		((SWEEP_FIRED > 0)) || break
	done
	((k > 1))
}

# takeover_calls ACTION FROM: at every 30th PKCS#11 call from that one on
takeover_calls() {
	sweep_calls "$1" "$2" 30
}
