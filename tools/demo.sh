#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# demo.sh [--tls] [PORT]: from a fresh Debian 12 to a running Tapehead with a simulated market: installs what is missing, builds,
# and runs the server in the foreground on 127.0.0.1:PORT (8080) until Ctrl-C. Ends with the server's status.
#
# --tls   https:// and wss://, with a certificate made for the occasion that vouches for itself

# -m: the server gets a process group of its own. Ctrl-C then reaches this script alone, which passes on one signal.
set -eum

readonly packages="gcc meson ninja-build pkg-config liburing-dev librdkafka-dev libssl-dev libmsgpack-dev libjansson-dev zlib1g-dev libzstd-dev openssl"
server=
printer=
scratch=
stopping=no

fail() {
    echo "demo.sh: $*" >&2
    exit 1
}

# The names of the packages that aren't installed.
missing_packages() {
    local name
    for name in $packages; do
        # pkg-config is a package of that name or one that provides it.
        [ "$(dpkg-query -W -f '${Status}' "$name" 2>/dev/null)" = "install ok installed" ] || printf '%s ' "$name"
    done
}

# Runs a command without a word, unless it fails.
quietly() {
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        fail "failed: $*"
    fi
    rm -f "$log"
}

install_missing() {
    command -v dpkg-query >/dev/null || { echo "demo.sh: not a Debian: taking the build tools as given" >&2; return; }
    local names sudo=()
    names=$(missing_packages)
    [ -n "$names" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "these packages are missing, and neither root nor sudo is at hand: $names"
        sudo=(sudo)
    fi
    echo "installing: $names"
    quietly "${sudo[@]}" apt-get update
    # shellcheck disable=SC2086 # a list of words
    quietly "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $names
}

build() {
    [ -e build/build.ninja ] || quietly meson setup build --buildtype=release
    echo "building"
    quietly ninja -C build server/tapehead tools/tapectl
}

# The server shares its port among its workers, so a second one could join unnoticed: look before.
check_port() {
    case $port in
    '' | *[!0-9]*) fail "PORT \"$port\" is not a number from 1 to 65535" ;;
    esac
    [ "${#port}" -le 5 ] && [ "$port" -ge 1 ] && [ "$port" -le 65535 ] ||
        fail "PORT \"$port\" is not a number from 1 to 65535"
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        fail "port $port is taken on 127.0.0.1; give another one: $0 PORT"
    fi
}

# Passes on the server's output, and tells what to do with it once it is ready.
print_output() {
    local line
    while IFS= read -r line; do
        printf '%s\n' "$line"
        case $line in
        "tapehead ready "*)
            cat <<EOF

Tapehead runs: http$s://127.0.0.1:$port/
  in a terminal   $PWD/build/tools/tapectl watch${s:+ --authorities $scratch/cert.pem} ws$s://127.0.0.1:$port/ws
  in a browser's console, or in node 22:
                  new WebSocket("ws$s://127.0.0.1:$port/ws?symbols=*").onmessage = m => console.log(m.data)
Ctrl-C stops it.

EOF
            ;;
        esac
    done
}

# Stops the server; a second signal doesn't reach it twice.
stop_server() {
    trap '' INT TERM HUP
    stopping=yes
    [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || true
}

make_certificate() {
    quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
        -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -keyout "$scratch/key.pem" -out "$scratch/cert.pem"
    tls=(--tls-cert "$scratch/cert.pem" --tls-key "$scratch/key.pem")
}

run() {
    local status=0 tls=()
    scratch=$(mktemp -d)
    [ -z "$s" ] || make_certificate
    mkfifo "$scratch/output"
    # Before the server starts: a signal that comes in between must not leave it behind.
    trap stop_server INT TERM HUP
    print_output <"$scratch/output" &
    printer=$!
    build/server/tapehead --demo --listen "127.0.0.1:$port" "${tls[@]}" >"$scratch/output" &
    server=$!
    wait "$server" || status=$?
    # A trapped signal ends `wait` early: the status that counts is the server's own.
    if [ "$stopping" = yes ]; then
        status=0
        wait "$server" || status=$?
    fi
    wait "$printer" || true
    rm -rf "$scratch"
    return "$status"
}

s= # of https and wss
if [ "${1:-}" = --tls ]; then
    s=s
    shift
fi
[ $# -le 1 ] || { echo "usage: $0 [--tls] [PORT]" >&2; exit 2; }
port=${1:-8080}
cd "$(dirname "$0")/.."
check_port
install_missing
build
status=0
run || status=$?
exit "$status"
