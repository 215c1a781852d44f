#!/bin/bash
# `make demo`: a company from nothing, one employee, one token, one VPN connection, on this machine.
#
# Everything is in build/demo (or DEMO_DIR); each run makes it anew. What the programs say is in build/demo/log.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build}
case $build in /*) ;; *) build=$root/$build ;; esac
dir=${DEMO_DIR:-$build/demo}
user=alice
export PATH=$PATH:/usr/sbin:/sbin
unset COMPANY_CACHE # this company is made from nothing

# shellcheck source=tests/lib/company.bash
. "$root/tests/lib/company.bash"
# shellcheck source=tests/lib/vpn.bash
. "$root/tests/lib/vpn.bash"

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
	bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' green='' red='' plain=''
fi

step() {
	printf '%s\n' "${bold}==>${plain} $*"
}

detail() {
	printf '    %s\n' "$@"
}

# The path as a person here would type it.
short() {
	printf '%s' "${1/#"$root"\//}"
}

finish() {
	local rc=$?
	trap - EXIT INT TERM HUP
	vpn_end
	case $rc in
	0) ;;
	130 | 143) printf '%s\n' "Interrupted; server and client are stopped. \`make demo\` begins anew." >&2 ;;
	*) printf '%s\n' "${red}The demo failed.${plain} The logs are in $(short "$dir/log")." >&2 ;;
	esac
	exit "$rc"
}

build_it() {
	step "Building"
	rm -rf "$dir"
	mkdir -p "$dir/log"
	"${MAKE:-make}" -C "$root" --no-print-directory -s -j"$(nproc)" BUILD="${BUILD:-build}" all \
		>"$dir/log/build" 2>&1 || {
		tail -n 30 "$dir/log/build" >&2
		return 1
	}
}

make_company() {
	step "A company: easy-rsa CA with a passphrase, a VPN server, an empty token (SoftHSM2)"
	company_new "$dir"
	vpn_begin "$dir/log"
	company_conf "$dir" "template.remote=$VPN_HOST $VPN_PORT udp"
	detail "CA passphrase of this demo: $COMPANY_PASSPHRASE" "token PIN of this demo:     $COMPANY_PIN"
}

enroll() {
	export SOFTHSM2_CONF=$dir/token/softhsm2.conf
	step "Enrolling: ${bold}tokenroll $user${plain}"
	detail "SOFTHSM2_CONF=$(short "$SOFTHSM2_CONF") \\" \
		"  $(short "$build/tokenroll") -c $(short "$dir/tokenroll.conf") \\" \
		"  --pin-file $(short "$dir/pin") --ca-pass-file $(short "$dir/ca.pass") $user"
	"$build/tokenroll" -c "$dir/tokenroll.conf" --pin-file "$dir/pin" --ca-pass-file "$dir/ca.pass" "$user" </dev/null
}

connect() {
	step "Connecting from the unpacked bundle, with the key on the token"
	mkdir -m 0700 "$dir/home"
	tar -xzf "$dir/bundles/$user.tar.gz" -C "$dir/home"
	vpn_server_start "$dir" tls-crypt
	vpn_client_start "$dir/home/$user/$user-linux.ovpn" "$dir/pin"
	vpn_client_wait 30
	if [[ $VPN_MODE == netns ]]; then
		vpn_ping 3 >"$dir/log/ping" || { cat "$dir/log/ping" >&2 && return 1; }
		detail "server and client in two network namespaces, \
$(sed -n 's/.*, \(.*\) received.*/\1/p' "$dir/log/ping") of 3 pings answered"
	elif ((EUID == 0)); then
		detail "server and client on loopback: this machine makes no network namespaces with tun devices"
	else
		detail "server and client on loopback without a tun device (as root: namespaces and a ping)"
	fi
	printf '%s is connected%s (%s, certificate and key from the token "VPN token").\n' \
		"$green$bold$user" "$plain" "$(vpn_tls_version)"
}

summary() {
	local serial not_after
	serial=$(openssl x509 -noout -serial -in "$dir/pki/issued/$user.crt")
	not_after=$(openssl x509 -noout -enddate -in "$dir/pki/issued/$user.crt")
	echo
	echo "What was made, in $(short "$dir"):"
	detail "token/              the token: the private key was made there and cannot be read out" \
		"pki/                the CA; certificate ${serial#serial=}, until ${not_after#notAfter=}" \
		"bundles/$user.zip   and .tar.gz: what $user gets; no private key in it" \
		"home/$user/         the bundle unpacked, as on $user's computer" \
		"log/                what server, client and the other programs said"
}

"$root/tests/lib/packages.sh" install build demo
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$root"
build_it
make_company
enroll
connect
summary
