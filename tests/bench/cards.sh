#!/bin/bash
# Part of `make bench`: what one P-256 enrollment asks of a card, in APDUs as the card itself counts them, beside the
# hand-made chain that comes to the same: a key pair by pkcs11-tool, a request through the openssl engine, import-req and
# sign-req of easy-rsa, the certificate onto the card by pkcs11-tool, and the key's name for the profile from OpenVPN,
# through the module that the laptops have. The chain proves nothing; tokenroll's figure has the proof in it.
#
# Ends with 1 if a figure is above what is wanted. TRACE=DIR keeps the cards' own logs there, with each APDU's meaning.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
case $build in /*) ;; *) build=$root/$build ;; esac
export PATH=$PATH:/usr/sbin:/sbin BUILD=$build TOKENROLL=${TOKENROLL:-$build/tokenroll}

# shellcheck source=tests/lib/company.bash
. "$root/tests/lib/company.bash"
# shellcheck source=tests/cards/cards.bash
. "$root/tests/cards/cards.bash"

work=$(mktemp -d "${TMPDIR:-/tmp}/tokenroll-cards.XXXXXX")
trap 'cards_stop || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
firm=$work/company
opensc=$(cards_module opensc)
engine=$(echo /usr/lib/*/engines-3/pkcs11.so)
failed=0

engine_conf() {
	cat >"$firm/engine.conf" <<-CONF
		openssl_conf = openssl_init
		[openssl_init]
		engines = engines
		[engines]
		pkcs11 = pkcs11
		[pkcs11]
		engine_id = pkcs11
		dynamic_path = $engine
		MODULE_PATH = $1
		PIN = $COMPANY_PIN
		init = 0
		[req]
		distinguished_name = name
		[name]
	CONF
}

# chain MODULE LOGIN...: LOGIN is who makes keys and writes certificates
chain() {
	local module=$1
	shift
	engine_conf "$module"
	pkcs11-tool --module "$module" "$@" --keypairgen --key-type EC:prime256v1 --id 01 --label alice --sensitive
	OPENSSL_CONF=$firm/engine.conf openssl req -new -sha256 -engine pkcs11 -keyform engine -key "pkcs11:id=%01;type=private" \
		-subj /CN=alice -out "$firm/alice.csr"
	company_easyrsa "$firm" import-req "$firm/alice.csr" alice
	company_easyrsa "$firm" sign-req client alice
	openssl x509 -in "$firm/pki/issued/alice.crt" -outform DER -out "$firm/alice.der"
	pkcs11-tool --module "$module" "$@" --write-object "$firm/alice.der" --type cert --id 01 --label alice
	card_ctl 0 count >"$work/three"
	openvpn --show-pkcs11-ids "$opensc" | grep 'Serialized id'
}

# fresh TYPE [CARD-OPTION...]: a company that knows nobody, and an empty card in reader 0
fresh() {
	rm -rf "$firm" "$CARDS_DIR"/card-0*
	mkdir -p "$firm/log"
	cp -a "$work/pki/." "$firm/"
	company_hsm "$firm"
	card_new "$1" 0 "${@:2}"
	card_ctl 0 reset-count
}

# counted NAME TYPE COMMAND...: $COUNTED APDUs
counted() {
	local name=$1 type=$2
	shift 2
	case $type in piv) fresh piv "pin=$COMPANY_PIN" puk=71829364 "management-key=$COMPANY_SO_PIN" attestation=ec:P-256 ;; *) fresh "$type" "pin=$COMPANY_PIN" ;; esac
	[[ -z ${TRACE:-} ]] || card_ctl 0 log "$(realpath "$TRACE")/$type-$name.log"
	"$@" </dev/null >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2 && exit 1; }
	COUNTED=$(card_ctl 0 count)
	card_ctl 0 quit
	cards_tool readers wait 0 empty
}

run_tokenroll() {
	local conf=("token.module=" "vpn.client-module-linux=")
	[[ $1 == piv ]] || conf=("token.module=$opensc" "vpn.client-module-linux=$opensc")
	company_conf "$firm" "${conf[@]}"
	company_tokenroll "$firm" -q --so-pin-file "$firm/so-pin" alice
}

# row TEXT COUNT [WANTED]: with the ratio of tokenroll's $COUNTED to it
row() {
	printf '%-62s %6d  %s  %s\n' "$1" "$2" "$(awk -v n="$COUNTED" -v other="$2" 'BEGIN { printf "%8.2f", n / other }')" \
		"${3:-}"
}

# compare TYPE MODULE MOST RATIO LOGIN...: RATIO in hundredths
compare() {
	local type=$1 module=$2 most=$3 ratio=$4 whole three
	shift 4
	counted chain "$type" chain "$module" "$@"
	whole=$COUNTED three=$(<"$work/three")
	counted tokenroll "$type" run_tokenroll "$type"
	row "tokenroll alice, with the proof" "$COUNTED" "${most:+at most $most}"
	row "the chain: pkcs11-tool, openssl engine, pkcs11-tool, openvpn" "$whole" "at most 0.$ratio"
	row "  without the openvpn that tells the key's name" "$three"
	if ((COUNTED * 100 > whole * ratio)) || ((${most:-COUNTED} < COUNTED)); then
		echo "that is more than wanted" >&2
		failed=1
	fi
}

company_pki "$work/pki"
company_tls_keys "$work/pki"

why() {
	sed 's/^/    /'
}

echo
printf '%-62s %6s  %8s  %s\n' "P-256 on a SmartCard-HSM, OpenSC" "APDUs" "ratio" "wanted"
COMPANY_PIN=593827 COMPANY_SO_PIN=A1B2C3D4E5F60718
cards_start -d "$work/sc-hsm" 2
compare sc-hsm "$opensc" 70 60 --login --pin "$COMPANY_PIN"
cards_stop
why <<'TEXT'
why each is there:
 18  2 processes: OpenSC finds the applet, its serial number, PIN pads, files and keys (9)
 10  the proof's process sees a key: its description (3) and certificate, which OpenSC reads twice (4 + 3)
  4  the tries of the PIN: listed by each process, asked of the card itself, and by libp11
  2  the PIN, once in each process
  2  leaving: OpenSC logs out by selecting the applet
  1  the applet anew, for the card's own word on the tries, and so that no file is selected when something is
     written: OpenSC would write into that one if selecting the right one failed
  1  which keys are there, so that one that is cut off and not shown by OpenSC is known as ours
  3  OpenSC looks for a PKCS#15 file before it writes (2), and for a free number
  8  the key, and the card's own request (4) and the key's description (3) written by OpenSC
  7  that request replaced by the certificate (5), and the description written again (2)
  2  the signatures of request and proof
TEXT

echo
printf '%-62s %6s  %8s  %s\n' "P-256 on a YubiKey, ykcs11 and OpenSC" "APDUs" "ratio" "wanted"
COMPANY_PIN=593827 COMPANY_SO_PIN=A1B2C3D4E5F60718293A4B5C6D7E8F9001122334455667FE
cards_start_yubikeys -d "$work/piv" 2
compare piv "$(cards_module ykcs11)" "" 50 --login --login-type so --so-pin "$COMPANY_SO_PIN"
cards_stop
why <<'TEXT'
why each is there:
 87  ykcs11 begins: 4 about the card, up to 3 for each of its 25 places, and the data objects, whether asked for or not
  8  the tries, and whether PIN, PUK and management key are the factory's, asked of the card itself
  2  the serial number, asked of the card itself, before it goes into the inventory
  3  PIN and management key
  1  the key
  4  a placeholder certificate that ykcs11 writes (2), and the certificate (2)
  2  the attestation
 18  the proof's process: OpenSC finds the application, its discovery object (8 times) and certificates
  4  the tries and the PIN, and the discovery object again after each
  2  the signatures of request and proof
TEXT
exit "$failed"
