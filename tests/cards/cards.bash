# shellcheck shell=bash
# cards: virtual cards in readers of a pcscd of their own, for bats and for scripts. Nothing of it is seen by this
# machine's own pcscd; all of it ends with cards_stop, or when the shell that called cards_start ends, however it does.
#
#   cards_start [-d DIR] N [NAME...]  N readers (up to 16; they come in pairs), the pairs called NAME...; sets
#                                     CARDS_DIR, PCSCLITE_CSOCK_NAME and OPENSC_CONF. Call it in no subshell. Where it
#                                     cannot work, the test is skipped; outside bats it returns 77
#   cards_start_yubikeys [-d DIR] N   the same with names that ykcs11 looks at: it ignores those that begin with
#                                     anything but Yubico. No two pairs may have one name, because clients tell readers
#                                     by their names
#   cards_stop                        after it nothing runs any more. Fails, and with it the test whose teardown it is
#                                     in, if a secret was wrong more than once on a card, or a last try was spent
#   cards_tries_meant                 this test spends tries on purpose, so that cards_stop does not mind
#   card_new TYPE CARD [NAME=VALUE…]  a card, put into its reader; "card --help" lists types and options. CARD is the
#                                     number of a reader, from 0: 3, or 3.name for more than one card per reader
#   card_again TYPE CARD              one whose process has ended, out of its file; it is not in the reader
#   card_ctl CARD COMMAND...          see cardctl.c; insert and pull return when pcscd has seen it
#   card_status CARD NAME             one word of its status
#   cards_reader K                    the name of a reader
#   cards_only K...                   an opensc.conf that ignores all readers but these: prints its path
#   card_pkcs11 K ARGUMENT...         pkcs11-tool with OpenSC's module, which sees only that reader
#   card_ykcs11 ARGUMENT...           pkcs11-tool with ykcs11, which sees all of its readers; --slot K is one of them
#   cards_module opensc|ykcs11        the path of that module
#
# CARDS_DIR/card-CARD is a card's state, card-CARD.log and log are what card and stand have complained about.

CARDS_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CARDS_FIRST_PORT=35963 # vpcd's own choice

cards_tool() {
	local name=$1
	shift
	"${BUILD:-$CARDS_ROOT/build}/tests/cards/$name" "$@"
}

cards_start() {
	local dir='' out rc=0
	if [[ $1 == -d ]]; then
		dir=$2
		shift 2
	else
		dir=${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR:-$(mktemp -d)}}/cards
	fi
	mkdir -p "$dir" || return
	out=$(PATH=$PATH:/usr/sbin cards_tool stand start "$dir" --watch $$ --quick "$(cards_tool_path libquick.so)" "$@" 2>&1) || rc=$?
	if ((rc == 77)) && declare -F skip >/dev/null; then
		skip "no virtual cards: $out"
	fi
	((rc == 0)) || { printf 'cards_start: %s\n' "$out" >&2 && return "$rc"; }
	CARDS_STAND=$out
	export CARDS_DIR=$dir CARDS_STAND PCSCLITE_CSOCK_NAME=$dir/run/pcscd.comm OPENSC_CONF=$dir/opensc.conf
	cards_opensc_conf >"$OPENSC_CONF"
}

cards_start_yubikeys() {
	local dir=() names=() pair
	if [[ $1 == -d ]]; then
		dir=(-d "$2")
		shift 2
	fi
	for ((pair = 0; 2 * pair < $1; pair++)); do
		names+=("Yubico YubiKey $pair OTP+FIDO+CCID")
	done
	cards_start "${dir[@]}" "$1" "${names[@]}"
}

cards_tool_path() {
	realpath "${BUILD:-$CARDS_ROOT/build}/tests/cards/$1"
}

# An opensc.conf with Debian's defaults, but nothing cached outside; ignores the readers with these names.
cards_opensc_conf() {
	local name list=''
	for name; do
		list+=${list:+, }\"$name\"
	done
	printf 'app default {\n\tframework pkcs15 {\n\t\tuse_file_caching = no;\n\t}\n'
	[[ -z $list ]] || printf '\tignored_readers = %s;\n' "$list"
	printf '}\n'
}

cards_stop() {
	local rc=0
	[[ -n ${CARDS_DIR:-} ]] || return 0
	[[ -n ${CARDS_TRIES_MEANT:-} ]] || cards_tries_spared || rc=1
	cards_tool stand stop "$CARDS_DIR" || rc=1
	unset CARDS_DIR CARDS_STAND CARDS_TRIES_MEANT PCSCLITE_CSOCK_NAME OPENSC_CONF
	return "$rc"
}

cards_tries_meant() {
	CARDS_TRIES_MEANT=1
}

# Whether no card was shown a wrong secret twice, and none a last one; one that was told to quit has left no socket.
cards_tries_spared() {
	local socket card words word spared=0
	for socket in "$CARDS_DIR"/card-*.sock; do
		[[ -e $socket ]] || continue
		card=${socket##*/card-} card=${card%.sock}
		words=$(card_ctl "$card" status 2>&1) || { echo "card $card does not tell: $words" >&2 && spared=1 && continue; }
		for word in $words; do
			case $word in
			*-wrong=[01] | *-last-tries=0) ;;
			*-wrong=* | *-last-tries=*) echo "card $card says $word" >&2 && spared=1 ;;
			esac
		done
	done
	return "$spared"
}

# card_process TYPE CARD [NAME=VALUE...]
card_process() {
	local type=$1 card=$2
	shift 2
	cards_tool card "$type" --port $((CARDS_FIRST_PORT + ${card%%.*})) --state "$CARDS_DIR/card-$card" \
		--control "$CARDS_DIR/card-$card.sock" --stand "$CARDS_STAND" "$@"
}

card_new() {
	[[ ! -e $CARDS_DIR/card-$2 ]] || { echo "card_new: there is a card $2 already" >&2 && return 1; }
	card_process "$@" && card_ctl "$2" insert
}

card_again() {
	card_process "$1" "$2"
}

card_ctl() {
	local card=$1
	shift
	case $1 in
	insert)
		# one that was pulled a moment ago has to be missed first
		cards_tool readers wait "${card%%.*}" empty &&
			cards_tool cardctl "$CARDS_DIR/card-$card.sock" insert &&
			cards_tool readers wait "${card%%.*}" present
		;;
	pull)
		cards_tool cardctl "$CARDS_DIR/card-$card.sock" pull &&
			cards_tool readers wait "${card%%.*}" empty
		;;
	*) cards_tool cardctl "$CARDS_DIR/card-$card.sock" "$@" ;;
	esac
}

card_status() {
	local word
	for word in $(card_ctl "$1" status); do
		[[ $word != "$2="* ]] || { printf '%s\n' "${word#*=}" && return 0; }
	done
	echo "card_status: card $1 does not say '$2'" >&2
	return 1
}

cards_reader() {
	cards_tool readers name "$1"
}

cards_only() {
	local number name others=()
	while IFS=$'\t' read -r number _ name; do
		[[ " $* " == *" $number "* ]] || others+=("$name")
	done < <(cards_tool readers list)
	cards_opensc_conf "${others[@]}" >"$CARDS_DIR/opensc-${*// /-}.conf"
	printf '%s\n' "$CARDS_DIR/opensc-${*// /-}.conf"
}

cards_module() {
	local f
	case $1 in
	opensc) set -- /usr/lib/*/opensc-pkcs11.so /usr/lib/opensc-pkcs11.so /usr/lib64/opensc-pkcs11.so ;;
	ykcs11) set -- /usr/lib/*/libykcs11.so /usr/lib/*/libykcs11.so.2 /usr/lib64/libykcs11.so.2 ;;
	*) echo "cards_module: opensc or ykcs11" >&2 && return 1 ;;
	esac
	for f; do
		[[ ! -e $f ]] || { printf '%s\n' "$f" && return 0; }
	done
	echo "cards_module: none of $*" >&2
	return 1
}

card_pkcs11() {
	local conf
	conf=$(cards_only "$1") && shift || return
	OPENSC_CONF=$conf pkcs11-tool --module "$(cards_module opensc)" "$@"
}

card_ykcs11() {
	pkcs11-tool --module "$(cards_module ykcs11)" "$@"
}
