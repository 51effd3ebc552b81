#!/bin/sh
# SPDX-License-Identifier: MIT
# tapectl's exit codes and messages, where nothing needs to run behind it.
set -u
tapectl=$1
failed=0

# expect STATUS TEXT ARGUMENTS...: the status, and the text somewhere in the output
expect() {
    status=$1
    text=$2
    shift 2
    output=$("$tapectl" "$@" 2>&1 </dev/null)
    got=$?
    if [ "$got" -ne "$status" ]; then
        echo "tapectl $*: status $got, not $status: $output"
        failed=1
    fi
    case $output in
    *"$text"*) ;;
    *)
        echo "tapectl $*: no \"$text\" in: $output"
        failed=1
        ;;
    esac
}

expect 0 "usage: tapectl COMMAND" --help
expect 0 "tapectl 1." --version
expect 0 "usage: tapectl gen" gen --help
expect 0 "usage: tapectl import" help import
expect 0 "usage: tapectl watch" watch -h
expect 2 "a command is missing"
expect 2 "unknown command nope" nope
expect 2 "--topic NAME is required" gen --brokers b
expect 2 "or --tape FILE" gen
expect 2 "needs a --count" gen --tape /tmp/x.tape
expect 2 "--out DIR is required" capture --brokers b --topic t
expect 2 "--topic \"a,,b\"" capture --brokers b --topic a,,b --out /tmp/x
expect 2 "a FILE is missing" cat
expect 2 "a FILE is missing" info
expect 2 "a FILE is missing" verify
expect 2 "--from yesterday" export --from yesterday x.tape
expect 2 "--format \"parquet\"" export --format parquet x.tape
expect 2 "at most 1 files" cut --out y.tape a.tape b.tape
expect 2 "--out FILE is required" merge a.tape
expect 1 "/nonexistent.tape" cat /nonexistent.tape
expect 2 "--rate \"-1\"" gen --brokers b --topic t --rate -1
expect 2 "not \"x\"" gen --brokers b --topic t x
expect 1 "nope" gen --brokers b --topic t -X nope=1 --count 1
expect 2 "a FILE is missing" import --brokers b --topic t
expect 2 "--kind \"xml\"" import --brokers b --topic t --kind xml -
expect 2 "\"z=1\"" import --brokers b --topic t --map z=1 -
expect 1 "/nonexistent/file" import --brokers b --topic t /nonexistent/file
expect 2 "a URL is missing" watch
expect 2 "ftp://h" watch ftp://h
expect 2 "\"A B\"" watch ws://127.0.0.1:1 "A B"
expect 1 "ws://127.0.0.1:1/ws" watch --once ws://127.0.0.1:1/ws
exit $failed
