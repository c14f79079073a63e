#!/bin/sh
# Every public header compiles alone, and all of them together, as C11 and as C++17, with gcc and
# with clang, without a warning; and the private includes point only downwards: base, fiber, loop,
# task, sync, io, data, tls, http, sim.
set -u
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0
count() { # count STATUS NAME
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        echo "ok $2"
    else
        failed=$((failed + 1))
        echo "FAIL $2"
        cat "$dir/out"
    fi
}

# The headers silence warnings for their users (pragma system_header); here they are to be seen.
cp -r include/hob "$dir/hob"
sed -i '/pragma GCC system_header/d' "$dir"/hob/*.h
for header in include/hob/*.h; do
    name=${header#include/}
    printf '#include <%s>\n#include <%s>\nint hob_header_test;\n' "$name" "$name" >"$dir/one.c"
    cp "$dir/one.c" "$dir/one.cc"
    for cc in gcc clang; do
        $cc -std=c11 -Wall -Wextra -Wshadow -Werror -I"$dir" -fsyntax-only "$dir/one.c" \
            >"$dir/out" 2>&1
        count $? "$name as C11 with $cc"
    done
    for cc in g++ clang++; do
        $cc -std=c++17 -Wall -Wextra -Werror -I"$dir" -fsyntax-only "$dir/one.cc" \
            >"$dir/out" 2>&1
        count $? "$name as C++17 with $cc"
    done
done

# All of them together, in both orders: what one defines is nothing to another.
for order in sort 'sort -r'; do
    (cd include && printf '#include <%s>\n' hob/*.h) | $order >"$dir/all.c"
    echo 'int hob_header_test;' >>"$dir/all.c"
    cp "$dir/all.c" "$dir/all.cc"
    gcc -std=c11 -Wall -Wextra -Wshadow -Werror -I"$dir" -fsyntax-only "$dir/all.c" \
        >"$dir/out" 2>&1
    count $? "all of them by $order as C11"
    clang++ -std=c++17 -Wall -Wextra -Werror -I"$dir" -fsyntax-only "$dir/all.cc" >"$dir/out" 2>&1
    count $? "all of them by $order as C++17"
done

below=
for layer in base fiber loop task sync io data tls http sim; do
    below="$below|$layer"
    find "src/$layer" -name '*.[chS]' -exec grep -nE '#include "[a-z]+/' {} + 2>/dev/null |
        grep -vE "#include \"(${below#|})/" >"$dir/out"
    [ ! -s "$dir/out" ]
    count $? "includes of src/$layer point downwards"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
