#!/bin/bash
# chaos.sh DIR PEOPLE SEED: a hub of eight readers on a morning when everything goes wrong, for soak.bats, which has made
# the company in DIR and the stand of readers. Run in a mount namespace of its own: DIR becomes a disk that can be full.
# Whatever has broken off is gone on with as an admin would: the same command, the same tokens.
# Exit status 0: everybody has one right token, and nothing is left over.

# shellcheck source=tests/station/station.bash
source "${BASH_SOURCE[0]%/*}/station.bash"
DIR=$1 PEOPLE=$2 RANDOM=$3
STATION_CONF=()
STAND=$CARDS_DIR
READERS=8
MISHAPS=(pull swap worker enroller station signer watcher stop hangup pcscd disk printer)
MOST_MISHAPS=$((PEOPLE * 4))
MOST_STEPS=$((PEOPLE * 20)) # of a second or so

declare -A count # of each mishap
declare -a queue # of tokens at each reader; the first one is in it
declare -a stale # for how many steps there has been no news of it

fail() {
	{ tail -n 30 "$DIR/log/station" && echo "chaos: $*"; } >&9
	exit 1
}

serial() {
	printf 'STAT%06d' "$1"
}

card() {
	echo "$1.${queue[$1]%% *}"
}

ensure_station() {
	[[ -v STATION ]] && kill -0 "$STATION" 2>/dev/null && return
	[[ ! -v STATION ]] || wait "$STATION"
	cat "$DIR/log/station" >>"$DIR/log/all" 2>/dev/null
	station_start --json --pins random
}

child() {
	pgrep -P "$1" -f "tokenroll-$2\$" | shuf -n 1 --random-source=<(yes "$RANDOM")
}

kill_child() {
	local p
	p=$(child "$STATION" "$1") && [[ -n $p ]] && kill -KILL "$p"
}

small_disk() {
	mkdir "$DIR.away" && cp -a "$DIR/." "$DIR.away/" && mount -t tmpfs -o size=64m,mode=700 tmpfs "$DIR" &&
		cp -a "$DIR.away/." "$DIR/"
}

# ---- what goes wrong

pull() {
	local k=$((RANDOM % READERS))
	[[ -n ${queue[$k]} ]] || return
	card_ctl "$(card $k)" pull && sleep "0.$((RANDOM % 3))" && card_ctl "$(card $k)" insert
}

# the next one is put in before this one is done, and this one comes back later
swap() {
	local k=$((RANDOM % READERS)) first
	[[ ${queue[$k]} == *' '* ]] || return
	card_ctl "$(card $k)" pull
	first=${queue[$k]%% *}
	queue[k]="${queue[$k]#* } $first"
	put_in $k
}

# of any enroller's
worker() {
	local enrollers p
	enrollers=$(pgrep -P "$STATION" -f 'tokenroll-enroller$' | paste -sd,) && [[ -n $enrollers ]] &&
		p=$(child "$enrollers" worker) && [[ -n $p ]] && kill -SEGV "$p"
}

enroller() {
	kill_child enroller
}

signer() {
	kill_child signer && station_ended
}

watcher() {
	kill_child watcher
}

station() {
	kill -KILL "$STATION" && station_ended
}

stop() {
	kill -INT "$STATION" && sleep 0.2 && kill -INT "$STATION" && station_ended
}

hangup() {
	kill -HUP "$STATION" && station_ended 60
}

pcscd() {
	local k
	cards_stop 2>&9 || fail "a card was shown a wrong secret twice"
	cards_start -d "$STAND" $READERS || fail "pcscd does not start anew"
	for ((k = 0; k < READERS; k++)); do
		[[ -z ${queue[$k]} ]] || put_in $k
	done
}

disk() {
	head -c "$(df --output=avail -k "$DIR" | tail -n 1)K" /dev/zero >"$DIR/filler" 2>/dev/null
	sleep "1.$((RANDOM % 9))"
	rm -f "$DIR/filler"
}

printer() {
	touch "$DIR/no-paper"
	sleep "0.$((RANDOM % 9))"
	rm -f "$DIR/no-paper"
}

# ---- hands

# put_in K: the first token of that reader's queue, whose process may have ended with the readers
put_in() {
	local i=${queue[$1]%% *}
	if [[ ! -e $CARDS_DIR/card-$1.$i ]]; then
		card_new sc-hsm "$1.$i" "pin=$COMPANY_PIN" "so-pin=$COMPANY_SO_PIN" "serial=$(serial "$i")" &&
			card_ctl "$1.$i" delay 60
	else
		[[ -e $CARDS_DIR/card-$1.$i.sock ]] || card_again sc-hsm "$1.$i"
		card_ctl "$1.$i" insert
	fi
	stale[$1]=0
}

# tend K: what is done makes room for the next one, and what has stood there for long is put in again
tend() {
	local k=$1 i=${queue[$1]%% *}
	[[ -n $i ]] || return
	if [[ $delivered == *"$(serial "$i")"* ]]; then
		card_ctl "$k.$i" pull
		[[ ${queue[$k]} == *' '* ]] && queue[k]=${queue[$k]#* } || queue[k]=
		[[ -z ${queue[$k]} ]] || put_in "$k"
	elif ((++stale[k] >= 12)); then
		card_ctl "$k.$i" pull && card_ctl "$k.$i" insert
		stale[k]=0
	fi
}

waiting() {
	local k
	for ((k = 0; k < READERS; k++)); do
		[[ -z ${queue[$k]} ]] || return 0
	done
	return 1
}

morning() {
	local k i step name delivered
	for ((i = 0; i < PEOPLE; i++)); do
		k=$((i % READERS))
		queue[k]+=${queue[$k]:+ }$i
	done
	ensure_station
	for ((k = 0; k < READERS; k++)); do put_in $k; done
	for ((step = 0; step < MOST_STEPS; step++)); do
		waiting || break
		sleep "0.$((RANDOM % 10))"
		if ((step < MOST_MISHAPS)); then
			name=${MISHAPS[RANDOM % ${#MISHAPS[@]}]}
			"$name" >/dev/null 2>&1 && count[$name]=$((${count[$name]:-0} + 1))
			ensure_station
		fi
		delivered=$(company_tokenroll "$DIR" list --csv | awk -F, '$2 == "delivered"')
		for ((k = 0; k < READERS; k++)); do tend $k; done
	done
	! waiting || fail "after $step steps these still wait: ${queue[*]}"
}

# ---- what has to be true in the end

# letter FILE: the name and the PIN in it
letter() {
	printf '%s %s\n' "$(pdftotext -layout "$1" - | grep -oE 'user[0-9]+' | head -n 1)" \
		"$(pdftotext -raw "$1" - | grep -oE '^[0-9][0-9 ]{5,20}$' | tr -d ' \n')"
}

# proven_at USER: when, by the trail, in seconds since 1970; the first time
proven_at() {
	date -d "$(company_tokenroll "$DIR" audit --csv --user "$1" | grep ',proven,' | head -n 1 | cut -d, -f2)" +%s
}

all_letters() {
	local f user pin
	declare -A pins
	for f in "$DIR"/printed/*; do
		read -r user pin < <(letter "$f")
		[[ -n $pin ]] || fail "$f has no PIN"
		[[ ${pins[$user]:-$pin} == "$pin" ]] || fail "$user was told two PINs"
		(($(basename "$f" | cut -c1-10) >= $(proven_at "$user"))) || fail "the letter of $user was printed before the proof"
		pins[$user]=$pin
	done
	for user in "${!pins[@]}"; do echo "$user ${pins[$user]}"; done
}

# on_card K USER: whether the only certificate there is that of that user
on_card() {
	[[ $(card_pkcs11 "$1" --list-objects --type cert 2>/dev/null | grep -c '^Certificate Object') == 1 ]] &&
		card_pkcs11 "$1" --read-object --type cert --label "$2" --output-file "$DIR/der" >/dev/null 2>&1 &&
		cmp -s "$DIR/der" <(openssl x509 -in "$DIR/pki/issued/$2.crt" -outform DER)
}

right_token() {
	local i=$1 k=$(($1 % READERS)) user pin
	[[ -e $CARDS_DIR/card-$k.$i.sock ]] || card_again sc-hsm "$k.$i"
	card_ctl "$k.$i" forget && card_ctl "$k.$i" insert
	user=$(company_tokenroll "$DIR" list --csv | awk -F, -v serial="$(serial "$i")" 'index($0, serial) { print $1 }')
	on_card $k "$user" || fail "token $(serial "$i") is $user's by the inventory, and its certificate is not"
	pin=$(awk -v user="$user" '$1 == user { print $2 }' "$DIR/letters")
	card_pkcs11 $k --login --pin "$pin" --list-objects >/dev/null 2>&1 ||
		fail "the letter of $user does not open token $(serial "$i")"
	card_ctl "$k.$i" pull
	echo "$user" >>"$DIR/users"
}

evening() {
	local i
	ensure_station
	station_ended 120 || fail "the station does not end"
	[[ $(people delivered | wc -w) == "$PEOPLE" ]] || fail "not all are delivered: $(company_tokenroll "$DIR" list --csv)"
	company_tokenroll "$DIR" audit --verify || fail "the trail is not whole"
	all_letters >"$DIR/letters" || exit 1
	for ((i = 0; i < PEOPLE; i++)); do right_token "$i"; done
	(($(sort -u "$DIR/users" | wc -l) == PEOPLE)) || fail "some have two tokens"
	(($(awk -F'\t' '$1 == "V"' "$DIR/pki/index.txt" | grep -c '/CN=user') == PEOPLE)) || fail "certificates are left over"
	cards_stop || fail "a card was shown a wrong secret twice"
}

exec 9>&2 # mishaps are quiet
small_disk || fail "no small disk"
trap station_stop EXIT
morning
evening
for name in "${MISHAPS[@]}"; do printf '%s %s, ' "${count[$name]:-0}" "$name"; done
echo "$SECONDS s"
