#!/bin/sh
# The command `hob` as its users meet it: every bad input, exit statuses, signals, terminals, many
# URLs at once; on both backends. Servers that answer wrongly are in cli_peer.py, what a shell
# cannot do is in cli_drive.py. HOB_BUILD (or BUILD): the build's folder.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=${HOB_BUILD:-${BUILD:-$here/../build}}
hob=$(cd "$build" && pwd)/hob
[ -x "$hob" ] || { echo "FAIL there is no $hob"; exit 1; }
dir=$(mktemp -d)
passed=0
failed=0
started=
trap 'for p in $started; do kill "$p" 2>/dev/null; done; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

check() { # check NAME COMMAND...: every command inside must succeed
    name=$1
    shift
    (
        set -ex
        "$@"
    ) >"$dir/log" 2>&1
    if [ $? -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok $name${HOB_BACKEND:+ ($HOB_BACKEND)}"
    else
        failed=$((failed + 1))
        echo "FAIL $name${HOB_BACKEND:+ ($HOB_BACKEND)}"
        cat "$dir/log"
        for file in out err; do
            [ ! -s "$dir/$file" ] || { echo "standard $file:"; head -c 2000 "$dir/$file"; }
        done
    fi
    rm -f "$dir/out" "$dir/err"
}
run() { # run STATUS ARGUMENT...: hob, with that exit status; what it said is in out and err, the
    wanted=$1 # line of the summary that has the times in times
    shift
    status=0
    timeout 100 "$hob" "$@" >"$dir/out" 2>"$dir/all" <"${input:-/dev/null}" || status=$?
    sed -n '/^each took /p' "$dir/all" >"$dir/times"
    sed '/^each took /d' "$dir/all" >"$dir/err"
    [ "$status" -eq "$wanted" ]
}
drive() { timeout 100 python3 "$here/cli_drive.py" "$1" "$hob" "${url:-}"; }
lines() { # lines [ERROR]: out holds results, all without an error or all with this one
    python3 "$here/cli_drive.py" lines "$dir/out" "$@"
}
says() { grep -E -q -- "$1" "$dir/err"; }
count() { [ "$(grep -c -- "$2" "$dir/$3")" -eq "$1" ]; } # count N PATTERN out|err
summary_is() { tail -n 1 "$dir/err" | grep -E -x -q -- "$1"; }
wait_for() { # wait_for FILE: until something is in it
    tries=0
    until [ -s "$1" ]; do
        tries=$((tries + 1))
        [ $tries -lt 500 ] || { echo "FAIL no word from a server"; exit 1; }
        sleep 0.02
    done
}

# ---- without a server ----

help_texts() {
    for words in --help -h help; do
        run 0 $words
        grep -q '^  fetch ' "$dir/out"
        grep -q '^  crawl ' "$dir/out"
        grep -q '^  serve ' "$dir/out"
        grep -q '^  playground ' "$dir/out"
        [ ! -s "$dir/err" ]
    done
    for command in fetch crawl serve playground; do
        run 0 $command --help
        mv "$dir/out" "$dir/long"
        run 0 help $command
        cmp "$dir/out" "$dir/long"
        grep -q "^Usage: hob $command" "$dir/out"
        [ "$(awk 'length > 90' "$dir/out")" = "" ]
    done
    run 0 --version
    grep -E -x 'hob [0-9]+\.[0-9]+\.[0-9]+' "$dir/out"
    for command in fetch crawl serve playground; do
        run 0 $command --version
        grep -E -x 'hob [0-9]+\.[0-9]+\.[0-9]+' "$dir/out"
    done
}
wrong_usage() {
    run 2
    run 2 fecth
    says "no command 'fecth'; did you mean 'fetch'"
    run 2 play
    says "did you mean 'playground'"
    run 2 help fetsh
    says "did you mean 'fetch'"
    run 2 xyzzy
    says "no command 'xyzzy'$"
    run 2 --nope
    run 2 fetch --nope http://127.0.0.1/
    says nope
    says "'hob fetch --help'"
    for c in 0 -1 x 5x '' 99999999999999999999; do run 2 fetch -c "$c" http://127.0.0.1/; done
    for t in 0 -1 x nan inf ''; do run 2 fetch -t "$t" http://127.0.0.1/; done
    for n in -1 x 5x '' 1001; do run 2 fetch --retries "$n" http://127.0.0.1/; done
    for n in 0 -1 x inf ''; do run 2 fetch --rate "$n" http://127.0.0.1/; done
    for n in 0 -1 x ''; do run 2 fetch --per-host "$n" http://127.0.0.1/; done
    for line in '' nonsense ': x'; do run 2 fetch -H "$line" http://127.0.0.1/; done
    says "a header is 'Name: value'"
    run 2 fetch -d a -d b http://127.0.0.1/
    says 'one --data is enough'
    run 2 fetch -d "@$dir/none" http://127.0.0.1/
    says "^hob fetch: cannot read $dir/none: No such file or directory$"
    run 2 playground extra
    says "'extra'"
    run 2 playground -l nonsense
    says "^hob playground: 'nonsense' is not an address: no ':port'$"
    count 1 . err
    run 2 playground -l 127.0.0.1:0 -l 127.0.0.1:70000
    says "^hob playground: '127.0.0.1:70000' is not an address: the port is larger than 65535$"
    count 1 . err
    run 1 playground -l 192.0.2.1:8000 # nobody's own
    says '^hob playground: listening on 192.0.2.1:8000: Cannot assign requested address$'
    count 1 . err
}
missing_input() {
    run 2 fetch -i "$dir/none"
    says "^hob fetch: cannot read $dir/none: No such file or directory$"
    count 1 . err
    run 2 fetch -i "$dir"
    says "^hob fetch: cannot read $dir: Is a directory$"
    status=0
    "$hob" fetch <&- >"$dir/out" 2>"$dir/err" || status=$?
    [ $status -eq 26 ]
    says "^hob fetch: cannot read standard input: Bad file descriptor$"
    run 2 fetch -o "$dir/none/there" http://127.0.0.1:1/
    says "^hob fetch: cannot write $dir/none/there: No such file or directory$"
    count 1 . err
}
empty_input() {
    run 0 fetch
    [ ! -s "$dir/out" ]
    summary_is 'fetched 0 URLs in [0-9]+\.[0-9]+ s \(one after another: 0\.00 s\)'
    : >"$dir/empty"
    run 0 fetch -i "$dir/empty"
}
check "help texts" help_texts
check "wrong usage" wrong_usage
check "an input that is not there" missing_input
check "an empty input" empty_input

# ---- with servers ----

fetches() {
    run 0 fetch "$url/get" "$url/bytes/100000" "$url/bytes/0"
    lines
    count 3 '"status": 200' out
    count 1 '"bytes": 100000' out
    summary_is 'fetched 3 URLs in [0-9]+\.[0-9]+ s \(one after another: [0-9.]+ s\)'
    count 1 . err
    run 0 fetch -o "$dir/results" "$url/get"
    [ ! -s "$dir/out" ]
    mv "$dir/results" "$dir/out"
    lines
    run 0 fetch -q "$url/get"
    [ ! -s "$dir/err" ]
}
lists() {
    printf '%s\n\n# comment\n  %s \t\r\n%s' "$url/status/200" "$url/status/201" \
        "$url/status/202" >"$dir/list"
    run 0 fetch -i "$dir/list"
    count 3 '"error": null' out
    input=$dir/list run 0 fetch
    count 3 '"error": null' out
    input=$dir/list run 0 fetch -
    count 3 '"error": null' out
    for dash in -i- -; do
        cat "$dir/list" | timeout 60 "$hob" fetch $dash "$url/status/203" >"$dir/out" 2>"$dir/err"
        count 4 '"error": null' out
        lines
    done
    run 2 fetch -i "$dir/list" -
}
odd_lines() {
    head -c 200000 /dev/zero | tr '\0' a >"$dir/list"
    printf '\n%s\nhttp://\377\376/\nhttp://a\0b/\n"\\\001\n%s' "$url/get" "$url/get" >>"$dir/list"
    run 1 fetch -i "$dir/list"
    count 2 '"error": null' out
    count 4 '"error": "bad URL"' out
    count 1 'line 1 of .* is longer than' out
    count 5 . err # four failures and the summary, whatever is in the lines
    python3 -c 'import json,sys; [json.loads(l) for l in open(sys.argv[1])]' "$dir/out"
    summary_is 'fetched 2 of 6 URLs, 4 failed \(4 bad URL\) in .*'
}
statuses() {
    run 0 fetch "$url/status/404" "$url/status/500" "$url/nope"
    lines
    run 1 fetch --fail "$url/status/404" "$url/status/200"
    count 1 '"status": 404.*"error": "status"' out
    count 1 '"status": 200.*"error": null' out
    run 0 fetch "$peer/moved"
    count 1 '"status": 200, "bytes": 5' out
}
requests() {
    printf 'a=b&c' >"$dir/data"
    for data in 'a=b&c' "@$dir/data"; do
        run 0 fetch -H 'X-One: 1' --header 'X-Two:   two words ' -H User-Agent: -d "$data" "$peer/picky"
        count 1 '"status": 200' out
    done
    run 0 fetch -X PUT -H 'X-One: 1' -d 'a=b&c' "$peer/picky"
    count 1 '"status": 400' out
    run 1 fetch -X 'NO METHOD' "$url/get"
    count 1 'is not a method' out
}
retries() {
    run 0 fetch --retries 2 "$peer/busy"
    count 1 '"status": 200' out
    run 0 fetch --retries 1 "$peer/busy"
    count 1 '"status": 503' out
    run 0 fetch "$peer/busy"
    count 1 '"status": 200' out
}
rates() {
    run 0 fetch --rate 20 --per-host 2 "$url/get" "$url/get" "$url/get" "$url/get" "$url/get"
    count 5 '"status": 200' out
    summary_is 'fetched 5 URLs in ([1-9][0-9]*\.[0-9]+|0\.[2-9][0-9]*) s \(.*\)'
}
fails() { # fails ERROR STATUS URL: one result, one line, and the summary; the others are fetched
    error=$1 status=$2 bad=$3 patience=20
    [ "$error" != timeout ] || patience=2
    set -- "$error" "$bad"
    run "$status" fetch -t $patience "$2"
    count 1 "^hob fetch: .*: $1 (.*)\$" err
    count 2 . err
    run 1 fetch -t $patience "$url/get" "$2" "$url/get"
    count 2 '"error": null' out
    count 1 "\"error\": \"$1\", \"message\": \"..*\"" out
    count 1 "^hob fetch: .*: $1 (.*)\$" err
    count 2 . err
    summary_is "fetched 2 of 3 URLs, 1 failed \\(1 $1\\) in .*"
    grep "\"error\": \"$1\"" "$dir/out" >"$dir/bad"
    mv "$dir/bad" "$dir/out"
    lines "$1"
}
no_such_name() {
    run 1 fetch -t 20 "$url/get" http://no-such-host.invalid/
    count 1 '"error": null' out
    grep -E '"error": "(unknown host|lookup failed)"' "$dir/out"
}
mixed() {
    run 1 fetch -t 8 "$peer/silent" http://127.0.0.1:1/ "$peer/stuck" "$url/get"
    # together: 16 s one after another
    summary_is 'fetched 1 of 4 URLs, 3 failed \(2 timeout, 1 refused\) in ([89]|1[0-5])\.[0-9]+ s \(.*\)'
    count 1 '"status": 200, "bytes": 9.*"error": "timeout"' out # /stuck
}
bodies_in_a_folder() {
    for n in 10 20 30; do echo "$url/bytes/$n"; done >"$dir/list"
    echo "$url/status/404" >>"$dir/list"
    run 0 fetch -i "$dir/list" -o "$dir/bodies/"
    [ ! -s "$dir/out" ]
    [ "$(ls "$dir/bodies" | wc -l)" = 3 ]
    [ "$(wc -c <"$(ls "$dir"/bodies/*_bytes_20-*)")" = 20 ]
    grep -E -x 'each took .* \(median\), .*; [0-9]+ bytes, .*/s' "$dir/times"
    rm "$dir"/bodies/*_bytes_20-*
    run 0 fetch -i "$dir/list" -o "$dir/bodies" --resume --json
    says '^2 URLs of earlier runs skipped'
    count 2 '"url"' out # the missing one, and the one without a body to keep
    count 1 '"file": ".*_bytes_20-' out
    [ "$(ls "$dir/bodies" | wc -l)" = 3 ]
    rm -r "$dir/bodies"
}
a_run_taken_up_again() {
    for n in 1 2 3; do echo "$url/bytes/$n"; done >"$dir/list"
    echo "http://127.0.0.1:1/" >>"$dir/list"
    run 1 fetch -i "$dir/list" -o "$dir/results"
    echo "$url/bytes/4" >>"$dir/list"
    printf '{"url": "%s/by' "$url" >>"$dir/results" # as a run that was killed leaves it
    run 1 fetch -i "$dir/list" -o "$dir/results" --resume
    says '^3 URLs of earlier runs skipped'
    count 6 '"url"' results
    count 2 '127.0.0.1:1/' results
    echo '{"a": 1}' >"$dir/results"
    run 2 fetch -i "$dir/list" -o "$dir/results" --resume
    says 'does not hold results'
    [ "$(cat "$dir/results")" = '{"a": 1}' ]
    rm "$dir/results"
}

as_curl_has_it() { # what scripts look at after $?
    for words in "$url/get" "-f $url/status/404" "$url/status/404" "$peer/silent" "$peer/stuck" \
        http://127.0.0.1:1/ http://no-such-host.invalid/ "$peer/cut" "$peer/cut-chunk" \
        "$peer/nothing" "$peer/reset" "http://[" "https${url#http}/" \
        "-x http://127.0.0.1:1 $url/get" "-x socks5h://$proxy $url/get"; do
        wanted=0 patience=20
        case $words in */silent | */stuck) patience=2 ;; esac
        curl -s -o "$dir/out" -m $patience $words || wanted=$?
        run $wanted fetch -t $patience $words
    done
    wanted=0
    curl -s -L --max-redirs 10 -o "$dir/out" "$peer/loop" || wanted=$?
    run $wanted fetch "$peer/loop"
}

lost() { # the URLs that were told of as not written, to the file lost
    sed -n 's/^hob fetch: \(http:.*\): not written (.*)$/\1/p' "$dir/err" >"$dir/lost"
}
full_disk() {
    seq 100 249 | sed "s|^|$url/bytes/|" >"$dir/list"
    run 1 fetch -i "$dir/list" -o /dev/full
    count 1 '^hob fetch: cannot write /dev/full: No space left on device$' err
    lost
    [ "$(wc -l <"$dir/lost")" = 150 ]
    summary_is 'fetched 0 of 150 URLs, 150 failed \(150 not written\) in .*'
    run 23 fetch "$url/get" -o /dev/full
    count 1 "^hob fetch: $url/get: not written (No space left on device)\$" err
    count 3 . err
    (
        ulimit -f 32 # blocks of 512 bytes: the disk is full in the middle of a write; errors have room
        trap '' XFSZ
        run 1 fetch -i "$dir/list" -c 50 -o "$dir/small"
    )
    count 1 '^hob fetch: cannot write .*/small: File too large$' err
    lost # each URL has its result or its line
    head -n -1 "$dir/small" >"$dir/out"
    lines
    sed 's/^{"url": "\([^"]*\)".*/\1/' "$dir/out" | sort - "$dir/lost" >"$dir/all"
    sort "$dir/list" | cmp "$dir/all"
    summary_is "fetched $(wc -l <"$dir/out") of 150 URLs, $(wc -l <"$dir/lost") failed .*"
    yes http://127.0.0.1:1/ | head -n 90 >"$dir/bad" # where no result says it, each has its line
    run 1 fetch -i "$dir/bad" -o /dev/full
    count 90 '^hob fetch: http://127.0.0.1:1/: refused' err
    run 1 fetch -i "$dir/bad" -o "$dir/bodies/"
    count 90 '^hob fetch: http://127.0.0.1:1/: refused' err
    rm "$dir/bad"
    (
        ulimit -f 32 # the same for bodies: what fits is there, nothing of the others
        trap '' XFSZ
        run 1 fetch --json -o "$dir/bodies/" "$url/bytes/1000" "$url/bytes/60000" "$url/bytes/60001"
    )
    count 2 '"bytes": 6000[01], .*"error": "not written", "message": ".*File too large' out
    says "^hob fetch: $url/bytes/60000: not written .*File too large"
    says "^hob fetch: $url/bytes/60001: not written .*File too large"
    [ "$(ls "$dir/bodies" | wc -l)" = 1 ]
    run 0 fetch --json --resume -o "$dir/bodies" "$url/bytes/1000" "$url/bytes/60000" "$url/bytes/60001"
    count 2 '"error": null' out
    [ "$(ls "$dir/bodies" | wc -l)" = 3 ]
    rm -r "$dir/bodies"
    status=0
    "$hob" fetch <"$dir/list" >/dev/full 2>"$dir/err" || status=$?
    [ $status -eq 1 ]
    count 1 '^hob fetch: cannot write standard output: No space left on device$' err
    lost
    [ "$(wc -l <"$dir/lost")" = 150 ]
    run 1 fetch -i "$dir/list" --har /dev/full
    count 1 '^hob fetch: cannot write /dev/full: No space left on device$' err
    lines
    status=0
    "$hob" fetch "$url/get" >&- 2>"$dir/err" || status=$?
    [ $status -eq 23 ]
    says '^hob fetch: cannot write standard output: Bad file descriptor$'
}
readers_that_leave() { # but that of standard output: all is fetched, and one line says it
    rm -f "$dir/fifo"
    mkfifo "$dir/fifo"
    yes "$url/get" | head -n 300 >"$dir/list"
    head -c 10 "$dir/fifo" >/dev/null &
    run 1 fetch -i "$dir/list" --har "$dir/fifo"
    count 1 '^hob fetch: cannot write .*/fifo: Broken pipe$' err
    count 2 . err
    summary_is 'fetched 300 URLs in .*'
    lines
    head -c 10 "$dir/fifo" >/dev/null &
    run 1 fetch -i "$dir/list" -o "$dir/fifo"
    count 1 '^hob fetch: cannot write .*/fifo: Broken pipe$' err
    lost
    summary_is "fetched .* of 300 URLs, $(wc -l <"$dir/lost") failed .*"
    status=0 # one that does not come is waited for until Ctrl-C
    timeout -s INT -k 20 1 "$hob" fetch -o "$dir/fifo" "$url/get" || status=$?
    [ $status -eq 124 ]
    run 2 fetch --har "$dir/none/there" "$url/get"
    says "^hob fetch: cannot write $dir/none/there: No such file or directory$"
    count 1 . err
}
few_descriptors() {
    ulimit -n 80
    yes "$url/delay/0.1" | head -n 200 >"$dir/list"
    run 0 fetch -c 200 -i "$dir/list"
    lines
    says '^hob fetch: [0-9]+ at once instead of 200: only 80 files may be open'
    count 2 . err
    summary_is 'fetched 200 URLs in .*'
}
each() {
    run 0 fetch --each 1 "$url/delay/0" "$url/delay/0"
    summary_is 'fetched 2 URLs in .* s \(one after another: 2\.00 s\)'
    yes "$url/delay/0" | head -n 100 >"$dir/list"
    run 0 fetch --each 1 -i "$dir/list"
    summary_is 'fetched 100 URLs in [0-9.]+ s \(one after another: 100 s\)'
}
at_once() {
    yes "$url/delay/1" | head -n 2000 >"$dir/list"
    run 0 fetch -c 2000 -i "$dir/list"
    lines
    count 2000 '"status": 200' out
    took=$(sed -n 's/^fetched 2000 URLs in \([0-9]*\)\..*/\1/p' "$dir/err")
    [ "$took" -ge 1 ]
    [ "$took" -lt 10 ]
}

python3 "$here/cli_peer.py" >"$dir/peer" &
started=$!
wait_for "$dir/peer"
peer=http://127.0.0.1:$(cat "$dir/peer")

for backend in uring epoll; do
    if ! HOB_BACKEND=$backend "$hob" fetch -q >/dev/null 2>"$dir/err" </dev/null; then
        echo "no $backend here: $(cat "$dir/err")"
        continue
    fi
    export HOB_BACKEND=$backend
    "$hob" playground --listen 127.0.0.1:0 >"$dir/$backend" &
    server=$!
    started="$started $server"
    wait_for "$dir/$backend"
    url=$(sed 's/^listening on //' "$dir/$backend")

    check "the playground's routes" drive routes
    check "several addresses" drive listen
    check "a graceful stop" drive stop
    check "fetches URLs" fetches
    check "reads lists" lists
    check "odd lines in lists" odd_lines
    check "statuses are results" statuses
    check "methods, headers, data" requests
    check "retries" retries
    check "rates" rates
    check "no URL" fails "bad URL" 3 "not a url"
    check "another scheme" fails "bad URL" 3 ftp://127.0.0.1/
    check "https to a server without TLS" fails TLS 35 "https${url#http}/"
    check "a host that does not answer" fails timeout 28 "$peer/silent"
    check "a body that stops" fails timeout 28 "$peer/stuck"
    check "a port that refuses" fails refused 7 http://127.0.0.1:1/
    check "a name that does not exist" no_such_name
    check "a body that is cut short" fails "cut short" 18 "$peer/cut"
    check "a chunked body that is cut short" fails "cut short" 18 "$peer/cut-chunk"
    check "a head that is cut short" fails "cut short" 52 "$peer/cut-head"
    check "an end without an answer" fails "cut short" 52 "$peer/nothing"
    check "a reset" fails reset 56 "$peer/reset"
    check "a header block without end" fails "headers too large" 56 "$peer/endless"
    check "a header without end" fails "headers too large" 56 "$peer/endless-line"
    check "interim answers without end" fails "bad answer" 8 "$peer/interim"
    check "another protocol" fails "bad answer" 8 "$peer/garbage"
    check "a redirect to itself" fails redirects 47 "$peer/loop"
    check "several failures" mixed
    check "bodies in a folder" bodies_in_a_folder
    check "a run taken up again" a_run_taken_up_again
    proxy=${peer#http://}
    if command -v curl >/dev/null; then check "curl's exit statuses" as_curl_has_it; fi
    check "a full disk" full_disk
    check "readers that leave" readers_that_leave
    check "too few descriptors" few_descriptors
    check "one after another" each
    check "Ctrl-C" drive interrupt
    check "Ctrl-C twice" drive interrupt_twice
    check "Ctrl-C before the results are read" drive interrupted_and_read
    check "SIGTERM" drive terminate
    check "a slow input" drive slow_input
    check "a slow reader" drive slow_output
    check "a reader that leaves" drive broken_pipe
    check "the bar on a terminal" drive terminal
    check "a long list in little memory" drive memory
    check "2000 at once" at_once
    kill "$server"
    wait "$server"
    status=$?
    check "the playground has lived through it" test "$status" -eq 0
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
