#!/bin/sh
# What must not compile does not, whatever the flags, and says why at the user's line: each file of
# compile_fail/ with each compiler its head comment names ("gcc: REGEX" and so on; "not: gcc -w"
# leaves one out), at no flags and at -w. Each line marked HERE must carry an error; one of the
# errors has the text. And what must compile does, with no warning: compile_fail/right.c, in each
# language and at each level of optimisation; it also runs, where the library is built.
set -u
cd "$(dirname "$0")/compile_fail" || exit 1
build=${HOB_BUILD:-$(cd ../.. && pwd)/build}
[ -f "$build/libhob.so" ] || echo "no $build/libhob.so: right.c is only compiled"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0
ok() {
    passed=$((passed + 1))
    echo "ok $1"
}
bad() { # bad NAME WHY
    failed=$((failed + 1))
    echo "FAIL $1: $2"
    cat "$dir/out"
}

compile() { # compile COMPILER FLAGS... FILE
    cc=$1
    shift
    case $cc in
    *++) set -- -x c++ -std=c++17 "$@" ;;
    *) set -- -x c -std=c11 "$@" ;;
    esac
    LC_ALL=C "$cc" -I../../include "$@" >"$dir/out" 2>&1
}

refused() { # refused FILE COMPILER FLAG TEXT
    name="$1 with $2${3:+ $3}"
    if compile "$2" ${3:+"$3"} -fsyntax-only "$1"; then
        bad "$name" "compiles"
        return
    fi
    # shellcheck disable=SC2013
    for line in $(grep -n 'HERE \*/' "$1" | cut -d: -f1); do
        if ! grep -q "^$1:$line:[0-9]*: error: " "$dir/out"; then
            bad "$name" "no error at line $line"
            return
        fi
    done
    if grep -q "^$1:[0-9]*:[0-9]*: error: .*$4" "$dir/out"; then ok "$name"
    else bad "$name" "no error says \"$4\""; fi
}

for file in *.c; do
    [ "$file" = right.c ] && continue
    grep -q 'HERE \*/' "$file" || bad "$file" "nothing is marked"
    for cc in gcc clang g++ clang++; do
        text=$(sed -n "s|^ \* $cc: \(.*[^ ]\)\( \*/\)*\$|\1|p" "$file" | sed 's| \*/$||')
        if [ -z "$text" ]; then
            if grep -q "^ \* $cc:" "$file"; then bad "$file" "the text for $cc is not understood"; fi
            continue
        fi
        for flag in "" -w; do
            if [ -n "$flag" ] && grep -q "^ \* not: $cc $flag\$" "$file"; then continue; fi
            refused "$file" "$cc" "$flag" "$text"
        done
    done
done

strict="-Wall -Wextra -Wshadow -Werror"
for cc in gcc clang g++ clang++; do
    case $cc in
    *++) standards="c++17 c++20" pedantic=-Wpedantic ;;
    *) standards="c11 gnu17" pedantic= ;;
    esac
    for standard in $standards; do
        for level in 0 1 2 3; do
            name="right.c as $standard with $cc -O$level"
            # shellcheck disable=SC2086
            if compile $cc "-std=$standard" $strict $pedantic "-O$level" -c right.c -o "$dir/right.o"
            then ok "$name"
            else
                bad "$name" "does not compile"
                continue
            fi
            [ -f "$build/libhob.so" ] || continue
            if $cc "$dir/right.o" -L"$build" -lhob -Wl,-rpath,"$build" -o "$dir/right" >"$dir/out" 2>&1 &&
                "$dir/right" >"$dir/out" 2>&1
            then ok "$name, run"
            else bad "$name" "does not run"; fi
        done
    done
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
