# shellcheck shell=bash
# company: a small company for the tests and the demo: a folder with an easy-rsa PKI, an OpenVPN server's files,
# a SoftHSM2 of its own with tokens, and a tokenroll.conf. All functions take that folder first.
#
#   DIR/pki                 the easy-rsa directory          DIR/ca.pass       passphrase of its CA key
#   DIR/server/             server.crt, .key, crl.pem, ta.key, tls-crypt.key, tls-crypt-v2.key
#   DIR/token/              softhsm2.conf and the tokens    DIR/pin, so-pin   of every token made here
#   DIR/bundles, DIR/tokenroll.db                           DIR/tokenroll.conf
#
# Functions fail with a message on stderr. Where a program is noisy its output goes to DIR/log/.
# A token's module can make files in DIR/log and DIR/token, but not directly in DIR, which leads to the PKI.

COMPANY_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin # openvpn is there, where only root looks
: "${COMPANY_PASSPHRASE:=ca passphrase of the demo company}"
: "${COMPANY_PIN:=482915}"
: "${COMPANY_SO_PIN:=73519284}"
: "${COMPANY_EASYRSA:=/usr/share/easy-rsa/easyrsa}"

company_softhsm() {
	local f
	for f in /usr/lib/*/softhsm/libsofthsm2.so /usr/lib/softhsm/libsofthsm2.so; do
		[[ -e $f ]] && printf '%s\n' "$f" && return 0
	done
	echo "libsofthsm2.so is not installed" >&2
	return 1
}

# company_secret FILE TEXT: a file of mode 0600
company_secret() (
	umask 077
	printf '%s\n' "$2" >"$1"
)

# company_run DIR NAME COMMAND...: output to DIR/log/NAME, shown only if the command fails
company_run() {
	local log=$1/log/$2 rc=0
	shift 2
	mkdir -p "${log%/*}"
	"$@" </dev/null >>"$log" 2>&1 || rc=$?
	((rc == 0)) || { printf '%s failed (%d):\n' "$1" "$rc" && tail -n 20 "$log"; } >&2
	return "$rc"
}

# company_easyrsa DIR ARGUMENT...: the real easy-rsa on this PKI, without questions
company_easyrsa() {
	local dir=$1
	shift
	EASYRSA_PKI=$dir/pki "$COMPANY_EASYRSA" --batch --passin="file:$dir/ca.pass" "$@"
}

# company_pki DIR [OPTION=VALUE...]: a PKI with a CA, a server certificate and a CRL.
#   algo=ec|rsa  key=encrypted|plain  dn=cn_only|org  serials=random|sequential  days=N  ca_days=N
company_pki() {
	local dir=$1 pair
	local -A opt=([algo]=ec [key]=encrypted [dn]=cn_only [serials]=random [days]=825 [ca_days]=3650)
	shift
	for pair; do
		[[ -v opt[${pair%%=*}] ]] || { echo "company_pki: unknown option $pair" >&2 && return 1; }
		opt[${pair%%=*}]=${pair#*=}
	done
	mkdir -p "$dir/server"
	company_secret "$dir/ca.pass" "$COMPANY_PASSPHRASE"
	company_run "$dir" pki env EASYRSA_PKI="$dir/pki" "$COMPANY_EASYRSA" --batch init-pki || return
	company_vars opt >>"$dir/pki/vars"
	company_ca "$dir" "${opt[key]}" || return
	company_run "$dir" pki company_easyrsa "$dir" build-server-full server nopass || return
	company_run "$dir" pki company_easyrsa "$dir" gen-crl || return
	cp "$dir/pki/issued/server.crt" "$dir/pki/private/server.key" "$dir/server/"
	company_publish_crl "$dir"
}

# The lines for easy-rsa's vars that say what the options of company_pki ask for.
company_vars() {
	local -n o=$1
	local random=yes
	[[ ${o[serials]} == random ]] || random=no
	cat <<-VARS

		set_var EASYRSA_ALGO ${o[algo]}
		set_var EASYRSA_CURVE prime256v1
		set_var EASYRSA_KEY_SIZE 2048
		set_var EASYRSA_DN ${o[dn]}
		set_var EASYRSA_RAND_SN $random
		set_var EASYRSA_CA_EXPIRE ${o[ca_days]}
		set_var EASYRSA_CERT_EXPIRE ${o[days]}
		set_var EASYRSA_REQ_COUNTRY "DE"
		set_var EASYRSA_REQ_PROVINCE "Sachsen"
		set_var EASYRSA_REQ_CITY "Leipzig"
		set_var EASYRSA_REQ_ORG "Example GmbH"
		set_var EASYRSA_REQ_EMAIL "ca@example.com"
		set_var EASYRSA_REQ_OU "VPN"
	VARS
}

# easy-rsa reads two lines from one file that is both --passin and --passout, so it gets two files.
company_ca() {
	local dir=$1
	if [[ $2 == plain ]]; then
		company_run "$dir" pki env EASYRSA_REQ_CN="Example VPN CA" EASYRSA_PKI="$dir/pki" \
			"$COMPANY_EASYRSA" --batch build-ca nopass
	else
		company_secret "$dir/ca.pass.new" "$COMPANY_PASSPHRASE"
		company_run "$dir" pki env EASYRSA_REQ_CN="Example VPN CA" EASYRSA_PKI="$dir/pki" \
			"$COMPANY_EASYRSA" --batch --passin="file:$dir/ca.pass" --passout="file:$dir/ca.pass.new" build-ca
	fi || return
	rm -f "$dir/ca.pass.new"
}

# Puts easy-rsa's CRL where the VPN server can read it.
company_publish_crl() {
	install -m 0644 "$1/pki/crl.pem" "$1/server/crl.pem.new" && mv "$1/server/crl.pem.new" "$1/server/crl.pem"
}

company_tls_keys() {
	local dir=$1
	company_run "$dir" server openvpn --genkey secret "$dir/server/ta.key" &&
		company_run "$dir" server openvpn --genkey secret "$dir/server/tls-crypt.key" &&
		company_run "$dir" server openvpn --genkey tls-crypt-v2-server "$dir/server/tls-crypt-v2.key"
}

# company_hsm DIR: a SoftHSM2 without tokens. Everything that uses it needs the SOFTHSM2_CONF this exports.
company_hsm() {
	mkdir -p "$1/token/tokens"
	cat >"$1/token/softhsm2.conf" <<-CONF
		directories.tokendir = $1/token/tokens
		objectstore.backend = file
		log.level = ERROR
	CONF
	export SOFTHSM2_CONF=$1/token/softhsm2.conf
	company_secret "$1/pin" "$COMPANY_PIN"
	company_secret "$1/so-pin" "$COMPANY_SO_PIN"
}

# company_token DIR LABEL [PIN [SO-PIN]]: one more initialized token. A blank one is always there besides: SoftHSM2
# offers an uninitialized token as its last slot.
company_token() {
	SOFTHSM2_CONF=$1/token/softhsm2.conf company_run "$1" token softhsm2-util --init-token --free --label "$2" \
		--pin "${3:-$COMPANY_PIN}" --so-pin "${4:-$COMPANY_SO_PIN}"
}

# company_token_serial DIR LABEL: its serial number
company_token_serial() {
	SOFTHSM2_CONF=$1/token/softhsm2.conf softhsm2-util --show-slots | awk -v label="$2" '
		/^ *Serial number:/ { serial = $3 }
		/^ *Label:/ { sub(/^ *Label: */, ""); sub(/ *$/, ""); if ($0 == label) { print serial; found = 1 } }
		END { exit !found }'
}

# company_conf DIR [SECTION.KEY=VALUE...]: writes tokenroll.conf; an argument replaces or adds a key, an empty value
# takes it out.
company_conf() {
	local dir=$1 module pair
	module=$(company_softhsm) || return
	shift
	local defaults=(
		"ca.pki=$dir/pki" "ca.crl=$dir/server/crl.pem"
		"token.module=$module"
		"vpn.templates=$COMPANY_ROOT/templates" "vpn.client-module-linux=$module"
		"template.remote=127.0.0.1 1194 udp" "template.server_name=server"
		"template.tls_crypt=@$dir/server/tls-crypt.key"
		"bundle.dir=$dir/bundles"
		"store.path=$dir/tokenroll.db"
	)
	for pair in "${defaults[@]}" "$@"; do
		printf '%s\n' "$pair"
	done | awk '
		{
			at = index($0, "="); name = substr($0, 1, at - 1); value[name] = substr($0, at + 1)
			dot = index(name, "."); section = substr(name, 1, dot - 1)
			if (!(section in known)) { known[section] = 1; sections[++s] = section }
			if (!(name in seen)) { seen[name] = 1; names[++n] = name }
		}
		END {
			for (i = 1; i <= s; i++) {
				print "[" sections[i] "]"
				for (k = 1; k <= n; k++)
					if (index(names[k], sections[i] ".") == 1 && value[names[k]] != "")
						print substr(names[k], length(sections[i]) + 2) " = " value[names[k]]
			}
		}' >"$dir/tokenroll.conf"
}

# company_tls MODE DIR: the company_conf arguments for tls-crypt, tls-auth or tls-crypt-v2
company_tls() {
	case $1 in
	tls-crypt) printf '%s\n' "template.tls_crypt=@$2/server/tls-crypt.key" ;;
	tls-auth) printf '%s\n' "template.tls_crypt=" "template.tls_auth=@$2/server/ta.key" ;;
	tls-crypt-v2) printf '%s\n' "template.tls_crypt=" "template.tls_crypt_v2=@$2/server/tls-crypt-v2.key" ;;
	*) echo "company_tls: no such mode: $1" >&2 && return 1 ;;
	esac
}

# company_new DIR [OPTION=VALUE...]: all of the above with one token labelled "VPN token" in an empty or new folder.
# The PKI comes from a cache when COMPANY_CACHE names a folder, because easy-rsa needs half a second for one.
company_new() {
	local dir=$1 cached
	shift
	mkdir -p "$dir"
	if [[ -n ${COMPANY_CACHE:-} ]]; then
		cached=$COMPANY_CACHE/$(printf '%s\n' "$@" | sort | tr '\n=' '_-')
		[[ -d $cached ]] || { company_pki "$cached" "$@" && company_tls_keys "$cached"; } || return
		cp -a "$cached/." "$dir/"
	else
		company_pki "$dir" "$@" && company_tls_keys "$dir" || return
	fi
	company_hsm "$dir"
	company_open "$dir"
	company_token "$dir" "VPN token" && company_conf "$dir"
}

# company_open DIR: a VPN server that does not stay root gets to the CRL, as far as the folders above it are bats's
company_open() {
	local at=$1
	chmod a+rx "$1/server"
	chmod a+x "$1"
	while [[ -n ${BATS_RUN_TMPDIR:-} && $at == "$BATS_RUN_TMPDIR"/* ]]; do
		at=${at%/*}
		chmod a+x "$at"
	done
}

# company_tokenroll DIR ARGUMENT...: the program under test with this company's configuration and secrets
company_tokenroll() {
	local dir=$1
	shift
	SOFTHSM2_CONF=$dir/token/softhsm2.conf "${TOKENROLL:-$COMPANY_ROOT/build/tokenroll}" -c "$dir/tokenroll.conf" \
		--pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" "$@" </dev/null
}

# company_p11kit DIR NAME=MODULE...: a p11-kit configuration in DIR/p11-kit that knows these modules and no other
company_p11kit() {
	local dir=$1 pair
	shift
	mkdir -p "$dir/p11-kit/pkcs11/modules"
	echo "user-config: only" >"$dir/p11-kit/pkcs11/pkcs11.conf"
	for pair; do
		printf 'module: %s\n' "${pair#*=}" >"$dir/p11-kit/pkcs11/modules/${pair%%=*}.module"
	done
}

# company_with_p11kit DIR COMMAND...: runs it with that configuration. p11-kit ignores a user's configuration when it
# runs as root; then the folder is mounted over the system's, in a mount namespace that ends with the command.
company_with_p11kit() {
	local dir=$1
	shift
	if ((EUID != 0)); then
		XDG_CONFIG_HOME=$dir/p11-kit "$@"
		return
	fi
	# shellcheck disable=SC2016  # expanded by the inner shell
	unshare --mount --propagation private sh -c '
		mount --bind "$1" /usr/share/p11-kit/modules || exit 77
		if [ -d /etc/pkcs11 ]; then mount --bind "$1" /etc/pkcs11 || exit 77; fi
		shift; exec "$@"' sh "$dir/p11-kit/pkcs11/modules" "$@"
}

# Whether company_with_p11kit works here.
company_can_p11kit() {
	((EUID != 0)) || unshare --mount --propagation private mount --bind /tmp /usr/share/p11-kit/modules 2>/dev/null
}
