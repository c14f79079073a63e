# check.sh - for the test scripts to begin with: a folder of their own, $dir, which goes at the end,
# and what counts. They end with a line "$passed passed, $failed failed" and [ $failed -eq 0 ].
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0
check() { # check NAME COMMAND...
    name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then
        passed=$((passed + 1))
        echo "ok $name"
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        cat "$dir/out"
    fi
}
