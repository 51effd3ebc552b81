#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Measures Tapehead beside other servers in one alternating run on the same work, and prints one table:
#
#   bench/peers/run.sh [--build DIR] [PEER…]        PEER of ws nats nchan centrifugo; all unless named
#
# 120-byte JSON ticks of 100 symbols, each client takes 10; server on core 0, load and feeder on core 1; no windows. From the
# environment: ROUNDS (5), DURATION (5s), SIZES ("1000 10000" clients). Installs what is missing: Debian's nats-server and
# nginx with nchan, `ws` from npm, Centrifugo through Go where that is there, the last two into .deps/peers. A peer that
# can't be had is named in the table. Reports stay in .deps/peers/reports.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=$PWD/build-bench
wanted=()
while [ $# -gt 0 ]; do
    case $1 in
    --build) build=$(realpath "$2"); shift ;;
    ws | nats | nchan | centrifugo) wanted+=("$1") ;;
    *) sed -n '4,12s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done
[ ${#wanted[@]} -gt 0 ] || wanted=(ws nats nchan centrifugo)
rounds=${ROUNDS:-5} duration=${DURATION:-5s} sizes=${SIZES:-1000 10000}
export PEERS=$PWD/.deps/peers BUILD=$build READY_FILE=$PWD/.deps/peers/ready
reports=$PEERS/reports
mkdir -p "$PEERS/bin" && rm -rf "$reports" && mkdir "$reports" || exit 1

[ -f "$build/build.ninja" ] || meson setup "$build" --buildtype=release || exit 1
ninja -C "$build" server/tapehead bench/tapebench bench/floor bench/feeder || exit 1

# Debian's packages; RUNLEVEL=1 keeps them from starting as services.
debian() {
    local root=()
    dpkg -s "$@" >/dev/null 2>&1 && return 0
    [ "$(id -u)" = 0 ] || root=(sudo)
    { "${root[@]}" apt-get update && "${root[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$@"; } >"$PEERS/apt.log" 2>&1
}

install_ws() {
    command -v npm >/dev/null || debian nodejs npm
    [ -d "$PEERS/node_modules/ws" ] ||
        { cp bench/peers/package.json "$PEERS" && (cd "$PEERS" && npm install --no-package-lock --no-audit --no-fund) >"$PEERS/npm.log" 2>&1; }
}
install_nats() { debian nats-server; }
install_nchan() { debian nginx libnginx-mod-nchan; }
install_centrifugo() {
    [ -x "$PEERS/bin/centrifugo" ] || { command -v go >/dev/null &&
        GOFLAGS=-mod=mod GOBIN=$PEERS/bin go install github.com/centrifugal/centrifugo/v6@v6.9.1 >"$PEERS/go.log" 2>&1; }
}

peers=()
for name in "${wanted[@]}"; do
    echo "installing $name" >&2
    if "install_$name"; then
        peers+=("$name")
        printf '#!/bin/sh\nexec "%s/bench/peers/peer.sh" %s "$@"\n' "$PWD" "$name" >"$PEERS/bin/start-$name"
        chmod +x "$PEERS/bin/start-$name"
    else
        echo "$name" >>"$reports/absent"
    fi
done

# one NAME SERVER OPTION…: a trial, its report to NAME.ROUND.json
one() {
    local name=$1 server=$2
    shift 2
    echo "round $round of $rounds: $name" >&2
    "$build/bench/tapebench" --quiet --server "$server" --warmup 2s --duration "$duration" --grace 3s \
        --json "$reports/$name.$round.json" "$@" >"$reports/$name.$round.txt" 2>&1
}

# all LOAD TICKS-A-SECOND-FOR-OURS FOR-PEERS CLIENTS FLOOR-MODE
all() {
    local load=$1 ours=$2 theirs=$3 clients=$4 mode=$5 protocol
    one "floor-$load" "$build/bench/floor" --rate "$ours" --clients "$clients" -- --mode "$mode"
    one "tapehead-$load" "$build/server/tapehead" --rate "$ours" --clients "$clients"
    for name in "${peers[@]}"; do
        protocol=tapehead
        case $name in nats | centrifugo) protocol=$name ;; esac
        one "$name-$load" "$PEERS/bin/start-$name" --protocol "$protocol" --ready-file "$READY_FILE" --rate "$theirs" --clients "$clients"
        rm -rf "$PEERS"/run.*
    done
}

for round in $(seq "$rounds"); do
    for clients in $sizes; do
        # 60,000 and 40,000 deliveries a second; then more than each can carry.
        case $clients in
        10000) all steady-10000 40 40 10000 tick && all full-10000 7000 2000 10000 coalesce ;;
        *) all "steady-$clients" $((600000 / clients)) $((600000 / clients)) "$clients" tick
           all "full-$clients" $((60000000 / clients)) $((20000000 / clients)) "$clients" coalesce ;;
        esac
    done
done
/usr/bin/python3 bench/peers/table.py "$reports"
