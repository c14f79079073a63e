#!/bin/sh
# scripts/hob-gdb.py shows the tasks of a stopped program and of its core file: their names, what
# they wait for, and the functions on the stack of a task that is suspended.
set -u
cd "$(dirname "$0")/.."
build=${HOB_BUILD:-$PWD/build}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
command -v gdb >/dev/null || {
    echo "gdb is not installed"
    exit 77
}
passed=0
failed=0
has() { # has FILE PATTERN: the test is named by the pattern
    if grep -qE "$2" "$dir/$1"; then
        passed=$((passed + 1))
        echo "ok $1 has: $2"
    else
        failed=$((failed + 1))
        echo "FAIL $1 has: $2"
        cat "$dir/$1"
    fi
}

cat >"$dir/three.c" <<'END'
#include <hob/hob.h>
#include <stdlib.h>
__attribute__((noinline)) static int deep(int n) {
    if (n == 0) return hob_sleep(100);
    int rc = deep(n - 1);
    return rc < 0 ? rc : n;
}
static int sleeper(int n) { return deep(n) + 1; }
HOB_TASK(sleeper, int)
static int crasher(void) {
    HOB_TRY(hob_sleep(0.01));
    abort();
}
HOB_TASK(crasher)
static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    HOB_SCOPE(s);
    hob_spawn(s, sleeper, 2);
    hob_spawn_named(s, "second", sleeper, 1);
    hob_spawn(s, crasher);
    return hob_join(s);
}
int main(int argc, char **argv) { return hob_main(app, argc, argv); }
END
private=$(sed -n 's/^Libs.private: *//p' "$build/meson-private/hob.pc" | tr ' ' '\n' |
    grep -v '^-L' | tr '\n' ' ')
# shellcheck disable=SC2086 # words
gcc -g -O1 -Iinclude "$dir/three.c" -o "$dir/three" "$build/libhob.a" $private -pthread || exit 1

show='-ex hob-tasks -ex hob-bt -ex bt'
# shellcheck disable=SC2086 # words
gdb -q -nx -batch -ex 'set debuginfod enabled off' -ex run -ex 'source scripts/hob-gdb.py' $show \
    "$dir/three" >"$dir/live" 2>&1
stopped=live
# The kernel's core file, where it writes one into the current folder. (gdb's own leaves out every
# mapping that has an unreadable page, such as a guard, in it.)
(
    cd "$dir" && ulimit -c unlimited && ./three
) >"$dir/out" 2>&1
core=$(find "$dir" -name 'core*' | head -n 1)
if [ -n "$core" ]; then
    stopped='live core-file'
    # shellcheck disable=SC2086 # words
    gdb -q -nx -batch -ex 'set debuginfod enabled off' -ex 'source scripts/hob-gdb.py' $show \
        "$dir/three" "$core" >"$dir/core-file" 2>&1
else
    echo "core files are not looked at: core_pattern is $(cat /proc/sys/kernel/core_pattern)"
fi
gdb -q -nx -batch -ex 'set debuginfod enabled off' -ex 'source scripts/hob-gdb.py' -ex hob-tasks \
    /bin/true >"$dir/foreign" 2>&1

for file in $stopped; do
    has $file '^ *2 sleeping +sleeper, waits for sleep, spawned in app at .*three.c:18'
    has $file '^ *3 sleeping +second, waits for sleep'
    has $file '^ *4 running +crasher'
    has $file '^4 tasks'
    has $file '^ +#[0-9]+ .*in deep \(n=2\)'
    has $file '^ +#[0-9]+ .*in app \('
    has $file '^ +#[0-9]+ .*hob(__|[.])enter' # gdb may show it as a name of another language
    has $file '^#[0-9]+ .*in crasher \(' # the thread's own stack is right again
done
has foreign 'hob: this program does not run Hob'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
