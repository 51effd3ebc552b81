#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs all tests, from nothing: installs what is missing (Debian packages, and into .deps a Python environment, two npm
# packages, a Kafka broker and the Autobahn suite), builds with gcc, clang and two sanitizers, runs the unit tests in all four builds, the
# end-to-end tests and the fuzz targets, and ends with one line, `N passed, N failed, N skipped`. What stands already is reused.
#
#     tests/run.sh [--fast | --full] [-k EXPRESSION]
#
#     --fast         the gcc build only, no sanitizers, no fuzzing
#     --full         hours: Autobahn with all its messages, a soak of ten minutes, five minutes of fuzzing a target
#     -k EXPRESSION  of the end-to-end tests only those that match; see pytest
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export PYTHONDONTWRITEBYTECODE=1

fast= fuzz_s=20
match=()
while [ $# -gt 0 ]; do
    case $1 in
    --fast) fast=1 ;;
    --full) fuzz_s=300; export TAPEHEAD_FULL=1 ;;
    -k)
        [ $# -ge 2 ] || { echo "run.sh: -k needs an expression" >&2; exit 2; }
        match=(-k "$2")
        shift
        ;;
    -h | --help) sed -n '4,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown argument $1; see tests/run.sh --help" >&2; exit 2 ;;
    esac
    shift
done

deps=$PWD/.deps
results=$deps/results
python=$deps/venv/bin/python
mkdir -p "$deps" && rm -rf "$results" && mkdir "$results" || exit 1
failures=() # stages that could not do their part; each counts as one failed test

packages=(gcc clang libclang-rt-14-dev clang-format meson ninja-build pkg-config
    liburing-dev librdkafka-dev libssl-dev libmsgpack-dev libjansson-dev libcmocka-dev zlib1g-dev libzstd-dev zstd
    python3 python3-venv maven chromium git ca-certificates openssl)

stage() {
    printf '\n==> [%4ds] %s\n' "$SECONDS" "$*"
}

# quietly NAME COMMAND…: its output only when it fails.
quietly() {
    local log=$results/$1.log
    shift
    "$@" >"$log" 2>&1 </dev/null && return 0
    tail -n 60 "$log"
    echo "failed: $*" >&2
    return 1
}

give_up() {
    "${summary[@]}" --failed "$1"
    exit 1
}
summary=(/usr/bin/python3 tests/summary.py "$results")

java_is_17() {
    local version
    version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p') || return 1
    [ "${version:-0}" -ge 17 ]
}

install_packages() {
    local package missing=() root=()
    java_is_17 2>/dev/null || packages+=(openjdk-17-jre-headless)
    command -v node >/dev/null || packages+=(nodejs)
    command -v npm >/dev/null || packages+=(npm)
    for package in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing ${missing[*]}"
    [ "$(id -u)" = 0 ] || root=(sudo)
    quietly apt-update "${root[@]}" apt-get update &&
        quietly apt-install "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends "${missing[@]}"
}

# once FOLDER SOURCE COMMAND…: fills .deps/FOLDER by COMMAND, again only when SOURCE has changed since.
once() {
    local folder=$deps/$1 source=$2
    shift 2
    cmp -s "$source" "$folder/.filled-from" && return 0
    echo "filling ${folder#"$PWD"/}"
    rm -rf "$folder" && "$@" "$folder" && cp "$source" "$folder/.filled-from"
}

fill_venv() {
    quietly venv /usr/bin/python3 -m venv "$1" &&
        quietly pip "$1/bin/python" -m pip install --disable-pip-version-check -r tests/e2e/requirements.txt
}

fill_node() {
    mkdir -p "$1" && cp tests/e2e/node/package.json "$1" &&
        (cd "$1" && quietly npm npm install --no-package-lock --no-audit --no-fund)
}

fill_kafka() {
    quietly maven mvn -B -q -f tests/e2e/pom.xml -Dmaven.repo.local="$deps/m2" \
        dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$1" && rm -rf "$deps/m2"
}

# Python 2.7, which Debian 12 no longer has, with the Autobahn test suite.
fill_autobahn() {
    quietly autobahn tests/autobahn/python2.sh "$python" "$1"
}

# build FOLDER CC MESON-OPTION…
build() {
    local folder=$1 cc=$2
    shift 2
    if [ ! -f "$folder/build.ninja" ]; then
        quietly "$folder-setup" env CC="$cc" meson setup "$folder" "$@" || { rm -rf "$folder"; return 1; }
    elif [ "$(meson introspect --tests "$folder")" = "[]" ]; then
        # tools/demo.sh configured it, where there was no cmocka.
        quietly "$folder-setup" meson setup --reconfigure "$folder" || return 1
    fi
    quietly "$folder-ninja" ninja -C "$folder"
}

# unit FOLDER: its unit tests; their results as JUnit XML beside those of pytest.
unit() {
    rm -f "$1/meson-logs/testlog.junit.xml"
    "${flat[@]}" meson test -C "$1" --no-rebuild --num-processes 2 --timeout-multiplier 3 --print-errorlogs \
        >"$results/$1-unit.log" 2>&1 </dev/null
    local status=$?
    [ $status = 0 ] || grep -v ' OK ' "$results/$1-unit.log" | tail -n 200
    sed -n 's/^\(Ok\|Fail\|Skipped\|Timeout\): */\1 /p' "$results/$1-unit.log" | paste -sd' '
    cp "$1/meson-logs/testlog.junit.xml" "$results/$1-unit.xml" 2>/dev/null || status=1
    [ $status = 0 ] || grep -qE '<(failure|error)' "$results/$1-unit.xml" 2>/dev/null ||
        failures+=("unit tests of $1 did not run")
}

# end_to_end NAME FOLDER PYTEST-ARGUMENT…: against the programs in FOLDER.
end_to_end() {
    local name=$1 folder=$2
    shift 2
    TAPEHEAD=$PWD/$folder/server/tapehead "${flat[@]}" "$python" -m pytest -p no:cacheprovider -o junit_suite_name="$name" \
        --junitxml="$results/$name.xml" "$@" </dev/null
    local status=$?
    # 1: tests failed, which the XML tells; 5: none matched.
    [ $status -le 1 ] || [ $status = 5 ] || failures+=("pytest $name ended with status $status")
}

export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=second_deadlock_stack=1:suppressions=$PWD/tests/e2e/tsan.supp
# ThreadSanitizer's shadow memory has no room for the widest address space randomisation.
flat=()
if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -gt 28 ] && setarch "$(uname -m)" -R true 2>/dev/null; then
    flat=(setarch "$(uname -m)" -R)
fi

stage "what is needed"
install_packages || give_up "Debian packages could not be installed"
once venv tests/e2e/requirements.txt fill_venv || give_up "Python packages could not be installed"
once node tests/e2e/node/package.json fill_node || give_up "npm packages could not be installed"
once kafka tests/e2e/pom.xml fill_kafka || give_up "Apache Kafka could not be resolved"
once autobahn tests/autobahn/requirements.txt fill_autobahn || echo "without the Autobahn suite, whose tests then fail or are skipped"

builds=()
try_build() {
    stage "build $1"
    if build "$@"; then builds+=("$1"); else failures+=("$1 does not build"); fi
}
try_build build gcc -Dbuildtype=release
if [ ! "$fast" ]; then
    try_build build-clang clang -Dbuildtype=debugoptimized
    # gcc's warnings lose their footing in instrumented code; the two builds above are the judges of warnings.
    try_build build-asan gcc -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Dwerror=false \
        -Dc_args=-fno-sanitize-recover=all
    try_build build-tsan gcc -Dbuildtype=debugoptimized -Db_sanitize=thread -Dwerror=false
fi

for folder in "${builds[@]}"; do
    stage "unit tests of $folder"
    unit "$folder"
done

has() {
    case " ${builds[*]} " in *" $1 "*) ;; *) return 1 ;; esac
}
stage "the source tree, and end to end"
end_to_end end-to-end build tests "${match[@]}"
if has build-asan; then
    stage "the main path again under AddressSanitizer and UndefinedBehaviorSanitizer"
    end_to_end asan build-asan tests/e2e -m main_path "${match[@]}"
fi
if has build-tsan; then
    stage "the main path again under ThreadSanitizer"
    export TAPEHEAD_PRELOAD=$deps/c11_threads.so
    quietly c11_threads gcc -O1 -g -shared -fPIC -std=c11 -D_GNU_SOURCE tests/e2e/c11_threads.c -o "$TAPEHEAD_PRELOAD" ||
        failures+=("c11_threads.c does not compile")
    end_to_end tsan build-tsan tests/e2e -m main_path "${match[@]}"
fi

if [ ! "$fast" ]; then
    stage "fuzzing"
    tests/fuzz/run --all "$fuzz_s" --junit "$results/fuzz.xml" </dev/null ||
        grep -qE '<(failure|error)' "$results/fuzz.xml" 2>/dev/null || failures+=("the fuzzing did not run")
fi

stage "all together"
arguments=()
for failure in "${failures[@]}"; do
    arguments+=(--failed "$failure")
done
exec "${summary[@]}" "${arguments[@]}"
