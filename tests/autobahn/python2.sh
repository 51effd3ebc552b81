#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Fills FOLDER with a Python 2.7, which Debian 12 no longer has, and on it the packages of requirements.txt; FOLDER/python2
# runs it, and is there only when all is. The interpreter comes out of packages of Debian 11, from the mirror that apt uses
# here and with its signatures checked; they are unpacked, not installed. PYTHON is a Python 3 with pip.
#
#     tests/autobahn/python2.sh PYTHON FOLDER
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# = 2 ] || { sed -n '4,8s/^# \{0,1\}//p' "$0"; exit 2; }
python3=$1
folder=$(mkdir -p "$2" && cd "$2" && pwd)

release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get update --print-uris | sed -n "s,^'\(.*\)/dists/\($release\|stable\)/InRelease'.*,\1,p" | head -n 1)
[ -n "$mirror" ] || { echo "python2.sh: apt has no source for $release" >&2; exit 1; }

apt=$folder/apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
: >"$apt/status"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring target=Packages lang=none] $mirror bullseye main" >"$apt/sources.list"
of_bullseye() {
    apt-get -q -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State="$apt" \
        -o Dir::State::Status="$apt/status" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User= "$@"
}
of_bullseye update
# The libraries that Debian 12 has in later versions only; of its own it has the rest.
(cd "$apt/debs" && of_bullseye download python2.7-minimal libpython2.7-minimal libpython2.7-stdlib libssl1.1 libffi7)
for package in "$apt"/debs/*.deb; do
    dpkg-deb -x "$package" "$folder"
done
rm -rf "$apt"

cat >"$folder/python2.new" <<'END'
#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH=$(echo "$here"/usr/lib/*-linux-gnu*) exec "$here/usr/bin/python2.7" -s "$@"
END
chmod +x "$folder/python2.new"

# The pip of today can unpack what is a wheel for Python 2.7; the pip of then also builds what isn't.
unset PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE
packages=$folder/usr/lib/python2.7/dist-packages
first='^\(pip\|setuptools\|wheel\)=='
"$python3" -m pip install --disable-pip-version-check --no-deps --no-compile --only-binary :all: --python-version 27 \
    --target "$packages" $(grep "$first" "$here/requirements.txt")
grep -v "$first" "$here/requirements.txt" >"$folder/requirements.txt"
"$folder/python2.new" -m pip install --disable-pip-version-check --no-python-version-warning --no-deps --no-compile \
    --target "$packages" -r "$folder/requirements.txt"
"$folder/python2.new" -m compileall -q "$folder/usr/lib/python2.7" >/dev/null || true # of no use but to start faster
"$folder/python2.new" -W ignore -c 'import autobahntestsuite'
mv "$folder/python2.new" "$folder/python2"
