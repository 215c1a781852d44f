# shellcheck shell=bash
# shellcheck disable=SC2034  # for those that load it
# enroll: a company whose tokens are virtual cards, for tests of `tokenroll` on them. Each card carries somebody else's
# keys, too, and the card itself tells whether they are as they were (export contents), not a module.
#
#   enroll_company sc-hsm|piv [N]    a stand with two (or N) readers, and a company whose configuration suits that kind of card;
#                                    ENROLL is its folder, ENROLL_SECRETS the options that name the secrets it needs
#   enroll_card CARD [NAME=VALUE…]   such a card, see card_new, with somebody else's keys: ENROLL_FOREIGN is what it holds
#   enroll ARGUMENT...               tokenroll in this company
#   enroll_check CARD USER           all that has to be so in the end: somebody else's keys as before, one key and one
#                                    certificate of ours, the one that the PKI has, and the profile names that key for
#                                    OpenVPN with the laptops' module. Of a card that was set up there is more that is
#                                    ours: ENROLL_OURS, see enroll_ours

# shellcheck source=tests/lib/company.bash
source "${BASH_SOURCE[0]%/*}/../lib/company.bash"
# shellcheck source=tests/cards/cards.bash
source "${BASH_SOURCE[0]%/*}/cards.bash"

enroll_company() {
	local opensc
	ENROLL_TYPE=$1 ENROLL=$BATS_TEST_TMPDIR/company
	opensc=$(cards_module opensc) || return
	if [[ $1 == piv ]]; then
		ENROLL_SECRETS=(--so-pin-file "$ENROLL/so-pin")
		cards_start_yubikeys "${2:-2}" || return
		COMPANY_PIN=593827 COMPANY_SO_PIN=A1B2C3D4E5F60718293A4B5C6D7E8F9001122334455667FE
	else
		ENROLL_SECRETS=()
		cards_start "${2:-2}" || return
		COMPANY_PIN=593827 COMPANY_SO_PIN=A1B2C3D4E5F60718
	fi
	mkdir -p "$ENROLL/log"
	company_pki "$ENROLL" && company_tls_keys "$ENROLL" && company_hsm "$ENROLL" || return
	if [[ $1 == piv ]]; then
		# the profile knows the modules
		company_conf "$ENROLL" token.module= vpn.client-module-linux= token.timeout=10
	else
		company_conf "$ENROLL" "token.module=$opensc" "vpn.client-module-linux=$opensc" token.timeout=10
	fi
}

enroll_card() {
	# a factory's secrets would be changed
	local card=$1 foreign=("pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" foreign=ec:P-256)
	shift
	[[ $ENROLL_TYPE != piv ]] || foreign=("pin=$COMPANY_PIN" puk=71829364 "management-key=$COMPANY_SO_PIN"
		attestation=ec:P-256 foreign=9c:ec:P-256 hidden=9d:ec:P-256)
	ENROLL_FOREIGN=$CARDS_DIR/foreign-$card
	card_new "$ENROLL_TYPE" "$card" "${foreign[@]}" "$@" && card_ctl "$card" export contents "$ENROLL_FOREIGN"
}

enroll() {
	company_tokenroll "$ENROLL" "${ENROLL_SECRETS[@]}" "$@"
}

# enroll_foreign_kept CARD: somebody else's keys and certificates are as they were, to the last bit
enroll_foreign_kept() {
	card_ctl "$1" export contents "$CARDS_DIR/now-$1" || return
	[[ -z $(comm -23 "$CARDS_DIR/foreign-$1" "$CARDS_DIR/now-$1") ]] ||
		{ echo "foreign objects on card $1 changed:" && diff "$CARDS_DIR/foreign-$1" "$CARDS_DIR/now-$1"; return 1; }
}

# enroll_ours CARD: what else is on the card, in words without numbers
enroll_ours() {
	comm -13 "$CARDS_DIR/foreign-$1" "$CARDS_DIR/now-$1" |
		sed -E 's/^(key) .*/\1/; s/^(file ..).. .*/\1/; s/^(object) .*/\1/' | sort | paste -s -d' '
}

# What a card keeps of the certificate in a file: its DER; a PIV card puts it into an object with more around it
# (NIST SP 800-73-4 part 1, appendix A).
enroll_digest_of() {
	local der=$ENROLL/log/der
	openssl x509 -in "$1" -outform DER -out "$der" || return
	if [[ $ENROLL_TYPE == piv ]]; then
		{ printf '7082%04x' "$(stat -c %s "$der")" && xxd -p "$der" && echo 710100fe00; } | xxd -r -p | sha256sum
	else
		sha256sum "$der"
	fi | cut -d' ' -f1
}

# enroll_row USER: the serial number of the user's one valid certificate
enroll_row() {
	awk -F'\t' -v name="/CN=$1" '$1 == "V" && $6 == name { serial = $4; n++ } END { print serial; exit n != 1 }' \
		"$ENROLL/pki/index.txt"
}

# enroll_id_found CARD USER: OpenVPN, with the laptops' module, shows the id that the profile names
enroll_id_found() {
	local conf id
	id=$(sed -n "s/^pkcs11-id '\(.*\)'.*/\1/p" "$ENROLL/bundles/$2/$2-linux.ovpn")
	conf=$(cards_only "${1%%.*}") || return
	OPENSC_CONF=$conf openvpn --show-pkcs11-ids "$(cards_module opensc)" >"$ENROLL/log/ids" 2>&1
	awk '/Serialized id:/ { print $3 }' "$ENROLL/log/ids" | grep -qxF -- "$id" ||
		{ echo "OpenVPN does not find the profile's id '$id':" && cat "$ENROLL/log/ids" && return 1; }
}

enroll_check() {
	local card=$1 user=$2 ours=${ENROLL_OURS:-file c4 file ce key} serial
	enroll_foreign_kept "$card" || return
	[[ $ENROLL_TYPE != piv ]] || ours='key object'
	[[ $(enroll_ours "$card") == "$ours" ]] || { echo "ours on card $card is: $(enroll_ours "$card")"; return 1; }
	serial=$(enroll_row "$user") || { echo "index.txt:" && cat "$ENROLL/pki/index.txt"; return 1; }
	cmp -s "$ENROLL/pki/issued/$user.crt" "$ENROLL/pki/certs_by_serial/$serial.pem" ||
		{ echo "issued/$user.crt is not certificate $serial"; return 1; }
	comm -13 "$CARDS_DIR/foreign-$card" "$CARDS_DIR/now-$card" | grep -q "$(enroll_digest_of "$ENROLL/pki/issued/$user.crt")" ||
		{ echo "the certificate on card $card is not that of the PKI"; return 1; }
	enroll_id_found "$card" "$user"
}
