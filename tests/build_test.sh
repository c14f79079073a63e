#!/bin/sh
# build_test.sh - scripts/build: a header that changes while it is being compiled is compiled again.
# With a meson that makes nothing and a ninja that notes its calls.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "FAIL $1"
    exit 1
}

mkdir "$work/bin" "$work/scripts"
cp "$HOB_SOURCE/scripts/build" "$HOB_SOURCE/scripts/sources" "$work/scripts"
for folder in include src tools examples tests bench fuzz; do mkdir "$work/$folder"; done
echo 1 >"$work/src/a.h"
echo '#include "a.h"' >"$work/src/a.c"
cat >"$work/bin/meson" <<'END'
#!/bin/sh
touch "$2/build.ninja"
END
# It "compiles" what is newer than its output, and the first time somebody changes the header after
# it has been read.
cat >"$work/bin/ninja" <<'END'
#!/bin/sh
echo call >>calls
[ ! -e made ] || [ -n "$(find src -newer made)" ] || exit 0
cat src/a.h >read
sleep 0.05
if [ ! -e changed ]; then
    touch changed
    echo 2 >src/a.h
    sleep 0.05
fi
cp read made
END
chmod +x "$work/bin/meson" "$work/bin/ninja"
PATH=$work/bin:$PATH
export PATH

cd "$work"
"$work/scripts/build" build >log
[ "$(cat made)" = 2 ] || fail "the object is of the old header"
[ "$(wc -l <calls)" = 2 ] || fail "$(wc -l <calls) calls of ninja, not 2"
"$work/scripts/build" build >log
[ "$(wc -l <calls)" = 3 ] || fail "a build with nothing new called ninja twice"
