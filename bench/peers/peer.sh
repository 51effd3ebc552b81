#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# peer.sh NAME: what tapebench starts in the server's place: a peer with the feeder beside it, which publishes the same ticks at the
# same instants from the load's core. Takes the server's options (--source counts), prints its ready line, and becomes the
# peer, so that the CPU time accounted for is the peer's alone.
#
#   ws          node `ws` with a map from symbol to clients    nats        nats-server, its WebSocket port
#   nchan       nginx with nchan, its WebSocket subscriber     centrifugo  its unidirectional WebSocket
#
# From the environment: PEERS (what run.sh installed), BUILD, FEEDER_CPU, READY_FILE (the feeder waits for it).
set -eu
name=$1
shift
source=
while [ $# -gt 1 ]; do
    [ "$1" = --source ] && source=$2
    shift 2
done
peers=${PEERS:?} build=${BUILD:?} cpu=${FEEDER_CPU:-1}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d "$peers/run.XXXXXX")
ulimit -n "$(ulimit -Hn)"

free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

listens() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The ready line once both ports listen; then the feeder. It ends with the peer, whose child it is.
feed_when_ready() {
    local path=$1 public=$2 private=$3
    for _ in $(seq 100); do
        if listens "$public" && listens "$private"; then
            echo "$name ready url=http://127.0.0.1:$public$path"
            exec >&- taskset -c "$cpu" "$build/bench/feeder" --source "$source" --to "$name" --port "$private" ${READY_FILE:+--after "$READY_FILE"}
        fi
        sleep 0.1
    done
    echo "$name does not listen" >&2
}

public=$(free_port) private=$(free_port)
case $name in
ws)
    export NODE_PATH=$peers/node_modules
    exec node "$here/ws.cjs" "$build/bench/feeder" "$cpu" "$source"
    ;;
nats)
    cat >"$scratch/nats.conf" <<END
listen: "127.0.0.1:$private"
max_connections: 100000
websocket { listen: "127.0.0.1:$public", no_tls: true, compression: false }
END
    feed_when_ready / "$public" "$private" &
    exec >/dev/null 2>"$scratch/log" env GOMAXPROCS=1 nats-server -c "$scratch/nats.conf"
    ;;
nchan)
    cat >"$scratch/nginx.conf" <<END
load_module modules/ngx_nchan_module.so;
daemon off;
master_process off;
pid $scratch/pid;
error_log $scratch/log;
worker_rlimit_nofile $(ulimit -Hn);
events { worker_connections $(($(ulimit -Hn) - 200)); }
http {
    access_log off;
    keepalive_requests 1000000000;
    nchan_shared_memory_size 512M;
    client_body_temp_path $scratch/body; proxy_temp_path $scratch/proxy; fastcgi_temp_path $scratch/fastcgi;
    uwsgi_temp_path $scratch/uwsgi; scgi_temp_path $scratch/scgi;
    server {
        listen 127.0.0.1:$public backlog=4096;
        listen 127.0.0.1:$private;
        location = / {
            nchan_subscriber websocket;
            nchan_channel_id_split_delimiter ",";
            nchan_channel_id "\$arg_symbols";
            nchan_subscriber_first_message newest;
        }
        location = /pub {
            nchan_publisher http;
            nchan_channel_id "\$arg_id";
            nchan_message_buffer_length 20;
            nchan_message_timeout 5s;
        }
    }
}
END
    feed_when_ready / "$public" "$private" &
    exec >/dev/null nginx -e "$scratch/log" -c "$scratch/nginx.conf"
    ;;
centrifugo)
    cat >"$scratch/config.json" <<END
{"http_server": {"address": "127.0.0.1", "port": "$public", "internal_port": "$private"},
 "http_api": {"key": "feeder"}, "uni_websocket": {"enabled": true},
 "client": {"insecure": true, "channel_limit": 1024, "queue_max_size": 10485760},
 "channel": {"without_namespace": {"allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true}},
 "log": {"level": "error"}}
END
    feed_when_ready /connection/uni_websocket "$public" "$private" &
    exec >/dev/null 2>"$scratch/log" env GOMAXPROCS=1 "$peers/bin/centrifugo" --config "$scratch/config.json"
    ;;
*)
    echo "peer.sh: no peer is called $name" >&2
    exit 2
    ;;
esac
