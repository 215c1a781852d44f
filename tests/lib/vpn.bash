# shellcheck shell=bash
# vpn: a real OpenVPN server and a real client with its key on a token, side by side on this machine.
#
# Two ways, chosen by vpn_begin:
#   netns   root only: two network namespaces joined by a veth pair, real tun devices, so that a ping can go through
#   null    anybody: both on loopback with `dev null`; the TLS handshake is the same, packets go nowhere
#
# One VPN at a time per shell. vpn_begin, then vpn_server_start, vpn_client_start, vpn_client_wait, at last vpn_end;
# call vpn_end from a trap or from teardown, it ends only what was started here and can be called at any time.

VPN_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

vpn_can_netns() {
	local probe=tr-probe-$BASHPID
	((EUID == 0)) && [[ -c /dev/net/tun ]] && command -v ip >/dev/null || return 1
	ip netns add "$probe" 2>/dev/null || return 1
	ip -n "$probe" tuntap add dev tun0 mode tun 2>/dev/null
	local rc=$?
	ip netns del "$probe"
	return $rc
}

# vpn_begin FOLDER [netns|null|auto]: logs and configuration go to FOLDER. Sets VPN_HOST and VPN_PORT, where the server
# will be, which the profile's remote has to name.
vpn_begin() {
	VPN_DIR=$1 VPN_MODE=${2:-auto} VPN_NS=tr-$BASHPID
	VPN_SERVER_PID='' VPN_CLIENT_PID='' VPN_FEEDER_PID='' VPN_MET=''
	[[ $VPN_MODE != auto ]] || { vpn_can_netns && VPN_MODE=netns; } || VPN_MODE=null
	mkdir -p "$VPN_DIR"
	VPN_RUN=$(mktemp -d "${TMPDIR:-/tmp}/tokenroll-vpn.XXXXXX") || return # a socket's path has to be short
	VPN_PORT=$(vpn_free_port)
	if [[ $VPN_MODE == netns ]]; then
		VPN_HOST=192.0.2.1
		vpn_netns_up
	else
		VPN_HOST=127.0.0.1
	fi
}

vpn_free_port() {
	python3 -c '
import socket
s = socket.socket(type=socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# 192.0.2.0/30 is set aside for documentation, and neither namespace is joined to anything else.
vpn_netns_up() {
	ip netns add "$VPN_NS-s" && ip netns add "$VPN_NS-c" &&
		ip -n "$VPN_NS-s" link add veth0 type veth peer name veth0 netns "$VPN_NS-c" &&
		ip -n "$VPN_NS-s" address add 192.0.2.1/30 dev veth0 &&
		ip -n "$VPN_NS-c" address add 192.0.2.2/30 dev veth0 &&
		ip -n "$VPN_NS-s" link set lo up && ip -n "$VPN_NS-s" link set veth0 up &&
		ip -n "$VPN_NS-c" link set lo up && ip -n "$VPN_NS-c" link set veth0 up
}

# vpn_in SIDE COMMAND...: replaces this (sub)shell by the command on the server's (s) or client's (c) side
vpn_in() {
	local side=$1
	shift
	if [[ $VPN_MODE == netns ]]; then
		exec ip netns exec "$VPN_NS-$side" "$@"
	fi
	exec "$@"
}

# vpn_server_start COMPANY MODE: MODE is tls-crypt, tls-auth or tls-crypt-v2. Returns when the server listens.
vpn_server_start() {
	local keys=$1/server
	VPN_SERVER_ARGS=("$@") VPN_MET=''
	vpn_server_config "$keys" "$2" >"$VPN_DIR/server.conf" || return
	: >"$VPN_DIR/server.log"
	(vpn_in s openvpn --cd "$keys" --config "$VPN_DIR/server.conf") </dev/null >"$VPN_DIR/server.log" 2>&1 3>&- &
	VPN_SERVER_PID=$!
	vpn_wait_for 10 "$VPN_DIR/server.log" "$VPN_SERVER_PID" 'UDPv4 link remote' ||
		vpn_fail "the VPN server did not start" server
}

# Without a tun device the server is a point-to-point one, which listens to its first client until that has been silent
# for a while. The next client gets a new server.
vpn_server_meet() {
	if [[ $VPN_MODE == null && -n $VPN_MET ]]; then
		vpn_server_stop
		vpn_server_start "${VPN_SERVER_ARGS[@]}" || return
	fi
	VPN_MET=1
}

# With VPN_SERVER_USER the server does not stay root. Paths are relative to the folder with the server's keys, so that blanks in it need no quoting.
vpn_server_config() {
	cat <<-CONF
		tls-server
		local $VPN_HOST
		port $VPN_PORT
		proto udp
		ca ../pki/ca.crt
		cert server.crt
		key server.key
		dh none
		crl-verify crl.pem
		remote-cert-tls client
		keepalive 5 20
		verb 4
	CONF
	[[ -z ${VPN_SERVER_USER:-} ]] || printf '%s\n' "user $VPN_SERVER_USER" "group nogroup" persist-key persist-tun
	case $2 in
	tls-crypt) echo "tls-crypt tls-crypt.key" ;;
	tls-auth) echo "tls-auth ta.key 0" ;;
	tls-crypt-v2) echo "tls-crypt-v2 tls-crypt-v2.key" ;;
	*) echo "vpn_server_start: no such mode: $2" >&2 && return 1 ;;
	esac
	if [[ $VPN_MODE == netns ]]; then
		printf '%s\n' "dev tun" "topology subnet" "mode server" "server 198.51.100.0 255.255.255.0"
	else
		printf '%s\n' "dev null" "disable-dco"
	fi
}

# vpn_client_start PROFILE PIN-FILE [OPENVPN-OPTION...]: the profile as it is, in its own folder, with SOFTHSM2_CONF as
# the caller has it; in null mode the device is replaced. The PIN goes over the management socket, VPN_PIN_TIMES (1) times.
vpn_client_start() {
	local profile=$1 pin=$2 extra=(--verb 4 --connect-retry 1 --connect-retry-max 1 --hand-window 30)
	shift 2
	[[ $VPN_MODE == netns ]] || extra+=(--dev null --disable-dco)
	vpn_server_meet || return
	: >"$VPN_DIR/client.log"
	: >"$VPN_DIR/feeder.log"
	rm -f "$VPN_RUN/m"
	"$VPN_LIB/vpn_pin.py" "$VPN_RUN/m" "$pin" "${VPN_PIN_TIMES:-1}" </dev/null >"$VPN_DIR/feeder.log" 2>&1 3>&- &
	VPN_FEEDER_PID=$!
	vpn_wait_for 10 "$VPN_DIR/feeder.log" "$VPN_FEEDER_PID" '^READY' || vpn_fail "the PIN feeder did not start" feeder ||
		return
	(cd "$(dirname "$profile")" && vpn_in c openvpn --config "$(basename "$profile")" "${extra[@]}" \
		--management "$VPN_RUN/m" unix --management-client --management-query-passwords "$@") \
		</dev/null >"$VPN_DIR/client.log" 2>&1 3>&- &
	VPN_CLIENT_PID=$!
}

# vpn_client_wait [SECONDS]: 0 when connected; else says why not.
vpn_client_wait() {
	vpn_wait_for "${1:-40}" "$VPN_DIR/client.log" "$VPN_CLIENT_PID" 'Initialization Sequence Completed' ||
		vpn_fail "the VPN client did not connect" client
}

# vpn_server_refused [SECONDS]: 0 when the server has turned the client's certificate down as revoked.
vpn_server_refused() {
	vpn_wait_for "${1:-20}" "$VPN_DIR/server.log" "$VPN_SERVER_PID" 'VERIFY ERROR.*certificate revoked'
}

# "TLSv1.2" or "TLSv1.3", as the client saw it
vpn_tls_version() {
	sed -nE 's/.*Control Channel: (TLSv[0-9.]+),.*/\1/p' "$VPN_DIR/client.log" | tail -n 1
}

# A ping from the client to the server's address inside the tunnel; netns mode only.
vpn_ping() {
	LC_ALL=C ip netns exec "$VPN_NS-c" ping -c "${1:-3}" -i 0.2 -W 2 198.51.100.1
}

# vpn_wait_for SECONDS FILE PID REGEX: until FILE has a line like that; fails when PID has ended or time is up
vpn_wait_for() {
	local end=$((SECONDS + $1)) alive=1
	while ! grep -qE -- "$4" "$2"; do
		((alive)) || return 1
		((SECONDS < end)) || return 1
		kill -0 "$3" 2>/dev/null || alive=0 # one more look: its last line may have come in between
		sleep 0.05
	done
}

vpn_fail() {
	{
		printf '%s; the end of %s:\n' "$1" "$VPN_DIR/$2.log"
		tail -n 15 "$VPN_DIR/$2.log" | sed 's/^/    /'
	} >&2
	return 1
}

vpn_stop_pid() {
	local i
	[[ -n $1 ]] || return 0
	kill -TERM "$1" 2>/dev/null || true
	for ((i = 0; i < 60; i++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

vpn_client_stop() {
	vpn_stop_pid "${VPN_CLIENT_PID:-}"
	vpn_stop_pid "${VPN_FEEDER_PID:-}"
	VPN_CLIENT_PID='' VPN_FEEDER_PID=''
}

vpn_server_stop() {
	vpn_stop_pid "${VPN_SERVER_PID:-}"
	VPN_SERVER_PID=''
}

vpn_end() {
	vpn_client_stop
	vpn_server_stop
	if [[ ${VPN_MODE:-} == netns ]]; then
		ip netns del "$VPN_NS-s" 2>/dev/null || true
		ip netns del "$VPN_NS-c" 2>/dev/null || true
	fi
	[[ -z ${VPN_RUN:-} ]] || rm -rf "$VPN_RUN"
	VPN_RUN='' VPN_MODE=''
}
