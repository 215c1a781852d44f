#!/bin/bash
# The Debian packages this project needs, in one place.
#
#   packages.sh install SET...    installs what is missing of these sets (apt-get, through sudo when not root)
#   packages.sh try SET...        installs what there is of it, and goes on without the rest
#   packages.sh list SET...       prints their names
#   packages.sh missing SET...    prints those that are not installed
#   packages.sh need SET...       fails if one is not installed, and says how to get them
#
# SET is build, demo, test, browser or lint; each stands for itself only. With DEPS=no in the environment nothing is installed:
# for systems without apt-get, when what the packages hold is there in another way.
set -euo pipefail

declare -A packages=(
	[build]="gcc libc6-dev make pkg-config libssl-dev libp11-dev libp11-kit-dev libpcsclite-dev libsqlite3-dev libarchive-dev
		libcurl4-openssl-dev libinih-dev libjansson-dev libbsd-dev libncurses-dev libpango1.0-dev libcairo2-dev"
	[demo]="openvpn easy-rsa openssl softhsm2 python3 iproute2 iputils-ping gzip tar fonts-dejavu-core"
	[test]="bats libcmocka-dev duktape systemd udev umockdev perl opensc libengine-pkcs11-openssl p11-kit expect python3-aiosmtpd
		sqlite3 strace gdb procps unzip util-linux xxd pcscd polkitd vsmartcard-vpcd ykcs11 yubico-piv-tool tmux poppler-utils ghostscript"
	# 98 MB; Ubuntu has it as a snap only, and the tests go on without it
	[browser]="chromium-headless-shell"
	[lint]="clang-tidy clang-format cppcheck hwdata mandoc shellcheck"
)

say() {
	printf '%s\n' "$*" >&2
}

list() {
	local set
	for set; do
		[[ -v packages[$set] ]] || {
			say "packages.sh: there is no set '$set'; there are: ${!packages[*]}"
			exit 2
		}
		# shellcheck disable=SC2086  # the words are the names
		printf '%s\n' ${packages[$set]}
	done
}

is_installed() {
	[[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) == ii* ]]
}

missing() {
	local name
	list "$@" | while read -r name; do
		is_installed "$name" || printf '%s\n' "$name"
	done
}

has_apt() {
	command -v apt-get >/dev/null && command -v dpkg-query >/dev/null
}

# elsewhere SET...: what to do on a system that is not a Debian
elsewhere() {
	say "This system has no apt-get. Install what these Debian packages hold, then run make again with DEPS=no:"
	list "$@" | sort -u | fmt -w 100 | sed 's/^/    /' >&2
	exit 1
}

# by_hand NAME...: what root has to do
by_hand() {
	say "    apt-get update && apt-get install --no-install-recommends $*"
	exit 1
}

need() {
	local wanted
	has_apt || elsewhere "$@"
	mapfile -t wanted < <(missing "$@")
	((${#wanted[@]})) || return 0
	say "${#wanted[@]} Debian packages are missing. \`make deps\` installs all that this project uses; for this, as root:"
	by_hand "${wanted[@]}"
}

install() {
	local wanted
	[[ ${DEPS:-yes} != no ]] || return 0
	has_apt || elsewhere "$@"
	mapfile -t wanted < <(missing "$@")
	((${#wanted[@]})) || return 0
	install_named "${wanted[@]}"
}

install_named() {
	local wanted=("$@") prefix=()
	if ((EUID != 0)); then
		command -v sudo >/dev/null || {
			say "${#wanted[@]} Debian packages are missing. You are not root and there is no sudo, so as root run this," \
				"and then make again:"
			by_hand "${wanted[@]}"
		}
		prefix=(sudo)
	fi
	say "Installing ${#wanted[@]} Debian packages: ${wanted[*]}"
	# one package source of many that does not answer is no reason to stop; what is missing then, the next line says
	"${prefix[@]}" apt-get update -qq || say "Not all lists of packages could be brought up to date."
	"${prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >&2
}

# What cannot be installed is missed by a test or two, which say so.
try() {
	local name
	[[ ${DEPS:-yes} != no ]] && has_apt || return 0
	for name in $(missing "$@" 2>/dev/null); do
		(install_named "$name") || say "Going on without $name."
	done
}

main() {
	local verb=${1:-}
	shift || true
	case $verb in
	install | try | list | missing | need) "$verb" "$@" ;;
	*)
		say "usage: packages.sh install|try|list|missing|need SET..."
		exit 2
		;;
	esac
}

main "$@"
