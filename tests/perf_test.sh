#!/bin/sh
# `perf record --call-graph dwarf` sees the functions of a task, and its stack ends where the task
# begins: in one that was never switched away, in one that has been away and back, and within the
# switch itself.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${HOB_BUILD:-$PWD/build}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
skip() {
    echo "$1"
    exit 77
}
passed=0
failed=0
holds() { # holds TITLE COMMAND...
    title=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok $title"
    else
        failed=$((failed + 1))
        echo "FAIL $title"
    fi
}

cat >"$dir/tasks.c" <<'END'
#include <hob/hob.h>
#include <time.h>

static volatile unsigned long work;
static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
__attribute__((noinline)) static void spin(double seconds) {
    double end = cpu() + seconds;
    do
        for (int i = 0; i < 10000; i++) work++;
    while (cpu() < end);
}

__attribute__((noinline)) static int first(int n) {
    spin(0.2);
    return n + (int)(work & 0); /* no tail calls: a frame would be missing */
}
static int fresh(int n) { return first(n) - n; }
HOB_TASK(fresh, int)

/* Has been away and back before each of its turns. */
__attribute__((noinline)) static int again(int n) {
    for (int i = 0; i < n; i++) {
        HOB_TRY(hob_sleep(0.0001));
        spin(0.2 / n);
    }
    return n + (int)(work & 0);
}
static int returns(int n) { return again(n) - n; }
HOB_TASK(returns, int)

/* Is in the switch, or near it, most of the time. */
__attribute__((noinline)) static int turns(double end) {
    while (cpu() < end)
        for (int i = 0; i < 1000; i++) HOB_TRY(hob_yield_now());
    return (int)(work & 0);
}
static int yields(double end) { return turns(end) + (int)(work & 0); }
HOB_TASK(yields, double)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    {
        HOB_SCOPE(s);
        hob_spawn(s, fresh, 2);
        hob_spawn(s, returns, 30);
        HOB_TRY(hob_join(s));
    }
    HOB_SCOPE(s);
    for (int i = 0; i < 2; i++) hob_spawn(s, yields, cpu() + 0.5);
    return hob_join(s);
}
int main(int argc, char **argv) { return hob_main(app, argc, argv); }
END
private=$(sed -n 's/^Libs.private: *//p' "$build/meson-private/hob.pc" | tr ' ' '\n' |
    grep -v '^-L' | tr '\n' ' ')
# shellcheck disable=SC2086 # words
gcc -g -O1 -Iinclude "$dir/tasks.c" -o "$dir/tasks" "$build/libhob.a" $private -pthread || exit 1

command -v perf >/dev/null || skip "perf is not installed"
perf version --build-options 2>/dev/null | grep -qE '(libdw|libunwind)[^:]*: \[ on' ||
    skip "perf was built without an unwinder"
perf record -q -o "$dir/data" -e cpu-clock:u --call-graph dwarf true >"$dir/out" 2>&1 ||
    skip "perf may not record here: $(grep . "$dir/out" | head -n 1)"

# The clock is CPU time: a busy machine takes no samples away.
HOB_SLOW_MS=60000 perf record -q -o "$dir/data" -e cpu-clock:u -F 500 --call-graph dwarf,8192 \
    "$dir/tasks" || exit 1
perf script -i "$dir/data" --no-inline -F ip,sym 2>"$dir/out" >"$dir/script" || {
    cat "$dir/out"
    exit 1
}
# A line for each sample, the innermost function first: spin;first;fresh__HOB_TASK;...
awk '{ if (NF > 1) stack = stack (stack ? ";" : "") $2
       else if (stack) { print stack; stack = "" } }
     END { if (stack) print stack }' "$dir/script" >"$dir/stacks"

many() { # many N PATTERN
    n=$(grep -cE "$2" "$dir/stacks")
    [ "$n" -ge "$1" ] || {
        echo "only $n samples of $2"
        sort "$dir/stacks" | uniq -c | sort -rn | head -n 20
        return 1
    }
}
none_but() { # none_but PATTERN OF
    grep -E "$2" "$dir/stacks" | grep -vE "$1" | sort | uniq -c | sort -rn >"$dir/others"
    head -n 20 "$dir/others"
    [ ! -s "$dir/others" ]
}
# What lies between a task's function and the entry is Hob's; [unknown] is no name.
root='(task_root;)?hob__enter$'
holds "a task that was never switched away" many 20 "^spin;first;fresh__HOB_TASK;$root"
holds "a task that has been away and back" many 20 "^spin;again;returns__HOB_TASK;$root"
holds "within the switch" many 20 "^hob__switch;([a-z_]*;)*turns;yields__HOB_TASK;$root"
holds "no stack of a task is broken" \
    none_but ";(fresh|returns|yields)__HOB_TASK;$root" '(^|;)(spin|first|again|turns|hob_yield_now)(;|$)'
holds "no stack within the switch is broken" \
    none_but ";$root|;hob__main;main;([^;[]*;)*_start$" '^hob__switch(;|$)'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
