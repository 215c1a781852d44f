#!/bin/bash
# The Debian packages this project needs, in one place.
#
#   packages.sh install SET...    installs what is missing of these sets (apt-get, through sudo when not root)
#   packages.sh list SET...       prints their names
#   packages.sh missing SET...    prints those that are not installed
#
# SET is build, demo, test or lint; each stands for itself only. With DEPS=no in the environment nothing is installed:
# for systems without apt-get, when what the packages hold is there in another way.
set -euo pipefail

declare -A packages=(
	[build]="gcc libc6-dev make pkg-config libssl-dev libp11-dev libp11-kit-dev libsqlite3-dev libarchive-dev
		libcurl4-openssl-dev libinih-dev libjansson-dev libbsd-dev"
	[demo]="openvpn easy-rsa openssl softhsm2 python3 iproute2 iputils-ping gzip tar"
	[test]="bats libcmocka-dev perl opensc libengine-pkcs11-openssl p11-kit expect python3-aiosmtpd
		sqlite3 strace gdb procps unzip util-linux"
	[lint]="clang-tidy clang-format cppcheck mandoc shellcheck"
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

# The command line prefix that makes us root.
root_prefix() {
	if ((EUID == 0)); then
		return 0
	elif command -v sudo >/dev/null; then
		echo sudo
	else
		say "Installing packages needs root, and there is no sudo. Run this as root, then the make target again:"
		say "    apt-get install --no-install-recommends $*"
		exit 1
	fi
}

install() {
	local wanted prefix
	[[ ${DEPS:-yes} != no ]] || return 0
	if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
		say "This system has no apt-get. Install what these Debian packages hold, then run the make target again with DEPS=no:"
		list "$@" | sort -u | fmt -w 100 | sed 's/^/    /' >&2
		exit 1
	fi
	mapfile -t wanted < <(missing "$@")
	((${#wanted[@]})) || return 0
	say "Installing ${#wanted[@]} Debian packages: ${wanted[*]}"
	prefix=$(root_prefix "${wanted[@]}")
	$prefix apt-get update -qq
	$prefix env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >&2
}

main() {
	local verb=${1:-}
	shift || true
	case $verb in
	install | list | missing) "$verb" "$@" ;;
	*)
		say "usage: packages.sh install|list|missing SET..."
		exit 2
		;;
	esac
}

main "$@"
