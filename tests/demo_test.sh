#!/bin/sh
# scripts/demo, with few open files: it says so and runs as many pages as fit. (With enough of them it
# takes both processors for itself: `make demo`.)
set -u
cd "$(dirname "$0")/.."
. tests/check.sh

demo() { # demo FILES STATUS: what it says is in said
    (
        ulimit -n "$1"
        timeout 60 scripts/demo
    ) >"$dir/said" 2>&1
    status=$?
    cat "$dir/said"
    [ "$status" = "$2" ]
}
summary_is() { # summary_is N TIME-OF-ALL: of the last line but N
    tail -n "$1" "$dir/said" | head -n 1 |
        grep -E -x -q "fetched $2 URLs in [1-9][0-9]*\.[0-9]{2} s \(one after another: $3 s\)"
}
as_many_as_fit() {
    demo 300 0 &&
        grep -q '^Only 300 files may be open .* so it is 252 pages instead of 10000\.$' "$dir/said" &&
        grep -q '^100 pages, then for 252 pages, all of them at once' "$dir/said" &&
        summary_is 2 100 100 && summary_is 1 252 252
}
fewer_than_a_hundred() {
    demo 60 0 && grep -q ' so it is 12 pages instead of 10000\.$' "$dir/said" &&
        grep -q '^12 pages, all of them at once' "$dir/said" && summary_is 1 12 12.00 &&
        [ "$(grep -c '^fetched' "$dir/said")" = 1 ] && ! grep -q 'at once instead' "$dir/said"
}
none_at_all() {
    demo 48 1 && [ "$(cat "$dir/said")" = \
        'demo: only 48 files may be open at once (ulimit -Hn); it takes more than 48' ]
}
the_playground_ends() {
    url=$(sed -n 's/.*(\(http:[^)]*\)).*/\1/p' "$dir/said")
    ! "${HOB_BUILD:-build}/hob" fetch -q "$url" >"$dir/refused" && grep -q '"error": "refused"' "$dir/refused"
}
check "as many as fit" as_many_as_fit
check "the playground ends with it" the_playground_ends
check "fewer than a hundred" fewer_than_a_hundred
check "none at all" none_at_all

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
