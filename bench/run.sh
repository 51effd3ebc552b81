#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds, measures, and prints one table: each figure beside its ratio to the last committed one (bench/figures.json).
#
#   bench/run.sh [--quick] [--update] [--build DIR]
#
# --quick   the micro-benchmarks only        --update  write the figures to bench/figures.json
#
# The fan-out is measured against the floor in one alternating run, server on core 0, load on core 1. A full run takes
# about 10 minutes; nothing listens beyond 127.0.0.1.
set -eu
cd "$(dirname "$0")/.."
build=build-bench quick= update=
rounds=${ROUNDS:-5} duration=${DURATION:-5s}
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 ;;
    --update) update=--update ;;
    --build) build=$2; shift ;;
    *) sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

[ -f "$build/build.ninja" ] || meson setup "$build" --buildtype=release
ninja -C "$build" server/tapehead bench/tapebench bench/floor bench/micro
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -keyout "$out/key.pem" \
    -out "$out/cert.pem" 2>"$out/openssl.log" || { cat "$out/openssl.log" >&2; exit 1; }

"$build/bench/micro" --tsv >"$out/micro.tsv"

# one NAME SERVER OPTION… : a trial, its report to $out/NAME.ROUND.json
one() {
    name=$1 program=$2
    shift 2
    echo "round $round: $name" >&2
    "$build/bench/tapebench" --quiet --server "$program" --warmup 1s --duration "$duration" \
        --json "$out/$name.$round.json" "$@" >"$out/$name.$round.txt" || grep -h VOID "$out/$name.$round.txt" >&2 || true
}

round=0
while [ -z "$quick" ] && [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    floor=$build/bench/floor server=$build/server/tapehead
    one floor-tick "$floor" --rate 600 -- --mode tick
    one server "$server" --rate 600
    one floor-coalesce "$floor" --rate 600 -- --mode coalesce
    one server-delay20 "$server" --rate 600 --max-delay-ms 20
    one server-tls "$server" --rate 600 -- --tls-cert "$out/cert.pem" --tls-key "$out/key.pem"
    one server-tls-delay20 "$server" --rate 600 --max-delay-ms 20 -- --tls-cert "$out/cert.pem" --tls-key "$out/key.pem"
    one server-msgpack "$server" --rate 600 --format msgpack
    one server-deflate "$server" --rate 600 --deflate
    one floor-full-1000 "$floor" --rate 60000 -- --mode coalesce
    one server-full-1000 "$server" --rate 60000
    one floor-full-10000 "$floor" --rate 7000 --clients 10000 -- --mode coalesce
    one server-full-10000 "$server" --rate 7000 --clients 10000
    one handshakes "$server" --scenario flood
done
python3 bench/figures.py $update "$out"
