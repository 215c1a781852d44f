#!/usr/bin/env bats
# What a machine lacks is installed, or said in words that can be copied, before anything is built.
# shellcheck disable=SC2016  # the programs made here are written in single quotes

bats_require_minimum_version 1.5.0

# A machine of our own making: dpkg-query that knows the packages in $have, apt-get that only writes down what it was
# asked for, and no sudo. Its folder is open to the user of packages_as_user.
setup() {
	local tool
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	machine=$(mktemp -d)
	bin=$machine/bin
	export have=$machine/have asked=$machine/asked
	mkdir "$bin"
	touch "$have" "$asked"
	for tool in bash env sort fmt sed; do
		ln -s "$(command -v $tool)" "$bin/$tool"
	done
	program dpkg-query 'while read -r name; do [[ $name != "${*: -1}" ]] || printf "ii "; done <"$have"'
	program apt-get 'echo "$*" >>"$asked"; [[ $1 != update || ! -e $asked.fails ]]'
	chmod -R a+rwX "$machine"
	unset DEPS
}

teardown() {
	rm -rf "$machine"
}

program() {
	printf '#!/bin/bash\n%s\n' "$2" >"$bin/$1"
	chmod 0755 "$bin/$1"
}

packages() {
	PATH=$bin bash "$root/tests/lib/packages.sh" "$@"
}

# The same as somebody who is not root, and who may not be able to read this folder.
packages_as_user() {
	if ((EUID != 0)); then
		packages "$@"
	else
		(cd / && setpriv --reuid=65534 --regid=65534 --clear-groups env PATH="$bin" bash -s "$@") \
			<"$root/tests/lib/packages.sh"
	fi
}

everything_is_installed() {
	"$root/tests/lib/packages.sh" list build demo test lint >"$have"
}

@test "what is there is not installed again" {
	everything_is_installed
	run -0 packages install build demo test lint
	[[ -z $output && ! -s $asked ]]
	run -0 packages need build
	[[ -z $output ]]
}

@test "only what is missing is installed, also when a list of packages could not be fetched" {
	((EUID == 0)) || skip "needs root"
	everything_is_installed
	sed -i '/^easy-rsa$/d; /^gcc$/d' "$have"
	touch "$asked.fails"
	run -0 packages install build demo
	[[ $output == *"Installing 2 Debian packages: gcc easy-rsa"* ]]
	[[ $(<"$asked") == "update -qq"$'\n'*"install "*" gcc easy-rsa" ]]
}

@test "a browser that cannot be installed is no reason to stop" {
	((EUID == 0)) || skip "needs root"
	program apt-get 'exit 100'
	run -0 packages try browser
	[[ $output == *"Going on without chromium-headless-shell."* ]]
	DEPS=no run -0 packages try browser
	[[ -z $output ]]
}

@test "with sudo it is sudo that installs" {
	program sudo 'echo "with sudo: $*" >>"$asked"; exec "$@"'
	everything_is_installed
	sed -i '/^softhsm2$/d' "$have"
	run -0 packages_as_user install demo
	[[ $(grep -c "^with sudo: " "$asked") == 2 ]]
	grep -q "^install .* softhsm2\$" "$asked"
}

@test "without root and sudo nothing is tried, and the command for root is printed" {
	everything_is_installed
	sed -i '/^softhsm2$/d' "$have"
	run -1 packages_as_user install build demo
	[[ $output == *"not root and there is no sudo"* ]]
	[[ $output == *"apt-get update && apt-get install --no-install-recommends softhsm2" ]]
	[[ ! -s $asked ]]
}

@test "a system without apt-get is told what to install" {
	rm "$bin/apt-get"
	run -1 packages install build demo
	[[ $output == *"no apt-get"*"DEPS=no"*libssl-dev*openvpn* ]]
	DEPS=no run -0 packages install build demo
	[[ -z $output ]]
}

@test "make without the libraries names their packages, or what pkg-config misses" {
	local build=$BATS_TEST_TMPDIR/build
	command -v apt-get >/dev/null || skip "not a Debian"
	# the real dpkg-query: all is installed here, but pkg-config does not find it
	PKG_CONFIG_LIBDIR=/nowhere run ! make -C "$root" BUILD="$build" "$build/flags"
	[[ $output == *libcrypto*"not found"* ]]
	PATH=$bin:$PATH PKG_CONFIG_LIBDIR=/nowhere run ! make -C "$root" BUILD="$build" "$build/flags"
	[[ $output == *"Debian packages are missing"*"apt-get install"*libssl-dev* ]]
	[[ ! -e $build/flags ]]
}
