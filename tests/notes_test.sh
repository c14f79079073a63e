#!/bin/sh
# notes_test.sh - what the objects tell the linker about their branches: on x86-64 every one lands
# its indirect branches on endbr64 (IBT), and the switch never claims a shadow stack (SHSTK), which
# no task has, so that no process gets one; on aarch64 the switch lands them on bti c. None asks for
# a stack that may be executed.
set -u
cd "$(dirname "$0")/.."
build=${HOB_BUILD:-$PWD/build}
. tests/check.sh
# `readelf -n` begins each member's part with "File: ARCHIVE(MEMBER)".
all_have() { # all_have NOTE FILE...: every object has it, and there is one
    note=$1
    shift
    readelf -nW "$@" | awk -v note="$note" '
        /^File: / { file = $2 }
        /feature: / { seen[file] = 1; if ($0 !~ note) { print file ": " $0; bad = 1 } }
        /^File: / { files[file] = 1 }
        END { for (f in files) if (!seen[f]) { print f ": says nothing"; bad = 1 }
              exit bad || !length(files) }'
}
has() { readelf -nW "$2" | grep -q "feature: $1\$"; }
no_executable_stack() { # an object that does not say so asks for one
    readelf -SW "$1" >"$dir/sections" && awk '
        /^File: / { file = $2; files[file] = 1 }
        /note.GNU-stack/ { seen[file] = 1; if (/ X /) { print file ": " $0; bad = 1 } }
        END { for (f in files) if (!seen[f]) { print f ": says nothing"; bad = 1 }
              exit bad || !length(files) }' "$dir/sections"
}

if [ "$(uname -m)" = x86_64 ]; then
    for library in "$build"/libhob*.a; do
        check "${library##*/}: IBT in every object" all_have IBT "$library"
        check "${library##*/}: no stack is executable" no_executable_stack "$library"
    done
    gcc -c src/fiber/switch_x86_64.S -o "$dir/x86.o"
    check "the switch says IBT and no more" has IBT "$dir/x86.o"
fi
if command -v clang >/dev/null; then
    clang --target=aarch64-linux-gnu -c src/fiber/switch_aarch64.S -o "$dir/arm.o"
    check "aarch64's switch says BTI" has BTI "$dir/arm.o"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
