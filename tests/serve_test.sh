#!/bin/sh
# `hob serve` as its users meet it: files by curl, https, several workers, the log, a new round of
# workers without a lost request, wrong usage, the end.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=${HOB_BUILD:-${BUILD:-$here/../build}}
hob=$(cd "$build" && pwd)/hob
[ -x "$hob" ] || { echo "FAIL there is no $hob"; exit 1; }
dir=$(mktemp -d)
passed=0
failed=0
server=
trap '[ -z "$server" ] || kill -9 $server 2>/dev/null; umount "$dir/small" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
mkdir "$dir/www" "$dir/www/sub"
echo "the index" >"$dir/www/index.html"
echo "deep" >"$dir/www/sub/f.txt"
head -c 300000 /dev/urandom >"$dir/www/blob"
yes "a line of text" | head -n 3000 >"$dir/www/text.txt"

check() { # check NAME: the function of that name, every command inside must succeed
    (
        set -ex
        "$1"
    ) >"$dir/log" 2>&1
    if [ $? -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok $1"
    else
        failed=$((failed + 1))
        echo "FAIL $1"
        cat "$dir/log" "$dir/out" "$dir/err" 2>/dev/null
    fi
    [ ! -s "$dir/pid" ] || kill -9 "$(cat "$dir/pid")" 2>/dev/null
    rm -f "$dir/pid"
}
await() { # await COMMAND...: until it succeeds
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 500 ] || return 1
        sleep 0.02
    done
}
says_where() { url=$(sed -n 's/^listening on //p' "$dir/out") && [ -n "$url" ]; }
start_by() { # start_by COMMAND OPTION...: in the background, by that; its address is in url
    by=$1
    shift
    rm -f "$dir/out" "$dir/err"
    $by "$hob" serve -l 127.0.0.1:0 "$@" >"$dir/out" 2>"$dir/err" &
    server=$!
    echo $server >"$dir/pid"
    await says_where
}
start() { start_by "" "$@"; }
ends() { # ends STATUS: it ends so
    status=0
    wait "$server" || status=$?
    rm -f "$dir/pid"
    [ $status -eq "$1" ]
}
stop() { # stop SIGNAL: ended so, with status 0
    kill -"$1" "$server"
    ends 0
}
lacks() { if grep -i -e "$1" "$2"; then return 1; fi; } # `! grep` ends nothing, whatever it finds
nothing_listens() { # nothing_listens PORT
    python3 -c 'import socket, sys
sys.exit(socket.socket().connect_ex(("127.0.0.1", int(sys.argv[1]))) == 0)' "$1"
}
get() { curl -sS -k --max-time 20 "$@"; }
answers() { [ "$(get --retry 5 --retry-connrefused "$url/")" = "$1" ]; } # answers TEXT
code() { get -o /dev/null -w '%{http_code}' "$@"; }

files() {
    start "$dir/www"
    [ "$(get "$url/")" = "the index" ]
    get "$url/blob" | cmp - "$dir/www/blob"
    get --compressed "$url/text.txt" | cmp - "$dir/www/text.txt"
    [ "$(get -H 'Accept-Encoding: gzip' "$url/text.txt" | wc -c)" -lt 1000 ]
    [ "$(code "$url/sub")" = 301 ]
    get "$url/sub/" | grep -F 'f.txt</a>'
    [ "$(code "$url/nothing")" = 404 ]
    [ "$(code --path-as-is "$url/../etc/passwd")" = 404 ]
    dd if="$dir/www/blob" of="$dir/part" bs=1 skip=100 count=100 2>/dev/null
    get -r 100-199 "$url/blob" | cmp - "$dir/part"
    stop TERM
    grep -E '^127\.0\.0\.1 - - \[[^]]*\] "GET / HTTP/1\.1" 200 10 "-" "curl/' "$dir/out"
}
options() {
    start --no-listings --no-compress --max-age 60 --log "$dir/access" --log-format json "$dir/www"
    [ "$(code "$url/sub/")" = 403 ]
    get -D - -o /dev/null -H 'Accept-Encoding: gzip' "$url/text.txt" >"$dir/head"
    grep -i '^cache-control: max-age=60' "$dir/head"
    lacks '^content-encoding' "$dir/head"
    stop INT
    python3 -c 'import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert [l["target"] for l in lines] == ["/sub/", "/text.txt"], lines' "$dir/access"
    [ "$(cat "$dir/out")" = "listening on $url" ]
}
over_tls() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
    start --cert "$dir/cert.pem" --key "$dir/key.pem" -q "$dir/www"
    case $url in https://*) ;; *) return 1 ;; esac
    [ "$(get "$url/")" = "the index" ]
    [ "$(get --http1.1 "$url/sub/f.txt")" = deep ]
    get "$url/blob" | cmp - "$dir/www/blob"
    stop TERM
}
# metric NAME: its value at the moment
metric() { get "$metrics" | sed -n "s/^$1 //p"; }
has() { [ "$(metric "$1")" = "$2" ]; } # has NAME VALUE
says_where_metrics_are() { metrics=$(sed -n 's/^metrics on //p' "$dir/out") && [ -n "$metrics" ]; }
others_count() { # others_count PIDS: two workers, none of those
    [ "$(metric hob_http_servers)" = 2 ] && ! pgrep -P "$server" | grep -qxF "$1"
}
metrics_of_all_workers() {
    start -w 2 -q --metrics 127.0.0.1:0 "$dir/www"
    await says_where_metrics_are
    for i in $(seq 40); do get -o /dev/null "$url/"; done
    [ "$(code "$url/nothing")" = 404 ]
    # every connection is answered by one of the two, and every answer is about both
    for i in $(seq 10); do
        [ "$(metric hob_http_requests_total)" = 41 ]
        [ "$(metric hob_http_servers)" = 2 ]
    done
    await has 'hob_http_responses_total{class="2xx"}' 40 # they are counted when they have been sent
    await has 'hob_http_responses_total{class="4xx"}' 1
    await has hob_http_request_duration_seconds_count 41
    [ "$(code "$metrics")" = 200 ]
    [ "$(code "${metrics%metrics}")" = 404 ]
    get "$metrics" >"$dir/text"
    if /usr/bin/python3 -c 'import prometheus_client' 2>/dev/null; then # which reads it as Prometheus does
        /usr/bin/python3 -c 'import sys
from prometheus_client.parser import text_string_to_metric_families as parse
found = {m.name: m for m in parse(open(sys.argv[1]).read())}
assert found["hob_http_request_duration_seconds"].type == "histogram"
assert found["hob_http_requests"].type == "counter", found
assert found["hob_http_requests"].samples[0].value == 41' "$dir/text"
    fi
    # exchanged, and one of them killed: nothing is forgotten, and nothing of it stays open
    pids=$(pgrep -P "$server")
    kill -HUP "$server"
    await others_count "$pids"
    kill -9 "$(pgrep -P "$server" | head -n 1)"
    await answers "the index"
    [ "$(metric hob_http_requests_total)" -ge 42 ]
    stop TERM
}
metrics_cannot_listen() {
    python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
time.sleep(60)' >"$dir/port" &
    holder=$!
    await [ -s "$dir/port" ]
    status=0
    "$hob" serve -l 127.0.0.1:0 -q --metrics "127.0.0.1:$(cat "$dir/port")" "$dir/www" \
        >"$dir/out" 2>"$dir/err" || status=$?
    kill $holder
    [ $status -eq 1 ]
    grep -F "127.0.0.1:$(cat "$dir/port")" "$dir/err"
    [ ! -s "$dir/out" ]
}
a_round_of_workers_loses_nothing() {
    start -w 2 -q "$dir/www"
    for i in 1 2 3; do
        "$hob" fetch -q -c 8 -i - -o "$dir/results$i" <<END &
$(for n in $(seq 300); do echo "$url/sub/f.txt"; done)
END
        clients="${clients:-} $!"
        sleep 0.1
        kill -HUP "$server"
    done
    for client in $clients; do wait "$client"; done
    [ "$(cat "$dir"/results? | grep -c '"status": 200, "bytes": 5, ')" = 900 ]
    stop TERM
}
clients_of_http2_that_ask_once() { # as curl does
    start -w 2 --cert "$dir/cert.pem" --key "$dir/key.pem" -q "$dir/www"
    get -o /dev/null -w '%{http_version}' "$url/" | grep -x 2 || { stop TERM; return 0; }
    for i in 1 2 3 4; do
        sleep 0.2
        kill -HUP "$server"
    done &
    get -o /dev/null -w '%{http_code} %{num_connects}\n' --max-time 120 "$url/sub/f.txt?[1-2000]" \
        >"$dir/codes"
    wait $!
    [ "$(grep -c '^200 ' "$dir/codes")" = 2000 ]
    stop TERM
}
a_dead_worker_is_replaced() {
    start -w 1 -q "$dir/www"
    worker=$(pgrep -P "$server")
    kill -9 "$worker"
    await answers "the index"
    [ "$(pgrep -P "$server")" != "$worker" ]
    stop TERM
}
what_cannot_be_reached() {
    echo secret >"$dir/secret"
    ln -s ../secret "$dir/www/link"
    ln -s /etc/passwd "$dir/www/absolute"
    ln -s ../../secret "$dir/www/sub/up"
    ln -s ../index.html "$dir/www/sub/inside"
    echo hidden >"$dir/www/.hidden"
    mkfifo "$dir/www/fifo"
    start "$dir/www"
    for path in /../secret /%2e%2e/secret /..%2fsecret /sub/..%2f..%2fsecret /sub/../../secret \
        '/..\secret' /%252e%252e/secret /link /absolute /sub/up /.hidden /fifo /sub/f.txt/ \
        //../secret /./../secret /sub/%2e%2e%2f%2e%2e/secret; do
        [ "$(code --path-as-is "$url$path")" = 404 ]
    done
    for path in /%00 /sub%00/f.txt /% /%zz; do [ "$(code "$url$path")" = 400 ]; done
    [ "$(get "$url/sub/inside")" = "the index" ]
    for method in POST PUT DELETE PATCH; do [ "$(code -X $method "$url/")" = 405 ]; done
    stop TERM
    rm "$dir/www/link" "$dir/www/absolute" "$dir/www/sub/up" "$dir/www/sub/inside" "$dir/www/fifo"
}
has_heard() { # has_heard PID: no signal is on its way to it (a second one of the same kind would be lost)
    ! grep -E '^(Sig|Shd)Pnd:.*[1-9a-f]' "/proc/$1/status"
}
a_second_signal_ends_at_once() {
    truncate -s 1G "$dir/www/huge"
    for signals in "INT INT" "TERM TERM" "INT TERM" "TERM INT"; do
        start -q "$dir/www"
        rm -f "$dir/slowly"
        curl -sS --limit-rate 50k -o "$dir/slowly" "$url/huge" 2>/dev/null &
        client=$!
        await [ -s "$dir/slowly" ]
        kill -"${signals% *}" "$server"
        await has_heard "$server"
        sleep 0.5
        kill -0 "$server" # the client has its time
        began=$(date +%s%N)
        kill -"${signals#* }" "$server"
        status=0
        wait "$server" || status=$?
        [ $(($(date +%s%N) - began)) -lt 5000000000 ] # half of the grace
        rm -f "$dir/pid"
        [ $status -eq 1 ]
        [ "$(cat "$dir/err")" = "hob serve: ended at once, by a second signal" ]
        nothing_listens "${url##*:}"
        kill "$client" # it still has what the kernel keeps for it
        wait "$client" || true
    done
    rm "$dir/www/huge"
}
under_timeout() { # which sends SIGTERM twice: the request in progress is answered
    head -c 3000000 /dev/zero >"$dir/www/large"
    for i in 1 2 3; do
        rm -f "$dir/slowly"
        start_by "timeout 1000" -q "$dir/www"
        echo "-$server" >"$dir/pid" # its group
        curl -sS --limit-rate 1M -o "$dir/slowly" "$url/large" &
        client=$!
        await [ -s "$dir/slowly" ]
        kill "$server" # it does the same when its time is over
        wait "$client"
        cmp "$dir/slowly" "$dir/www/large"
        ends 0
        [ ! -s "$dir/err" ]
    done
    rm "$dir/www/large"
}
signals_of_a_terminal() { # go to the workers, too: once is still no second signal
    head -c 3000000 /dev/zero >"$dir/www/large"
    for signal in INT TERM HUP; do
        rm -f "$dir/slowly"
        start_by setsid -w 2 -q "$dir/www"
        curl -sS --limit-rate 2M -o "$dir/slowly" "$url/large" &
        client=$!
        await [ -s "$dir/slowly" ]
        kill -$signal -"$server"
        wait "$client"
        cmp "$dir/slowly" "$dir/www/large"
        if [ $signal = HUP ]; then
            await answers "the index"
            kill -TERM "$server"
        fi
        ends 0
        [ ! -s "$dir/err" ]
    done
    rm "$dir/www/large"
}
has_open() { [ "$(ls "/proc/$1/fd" | wc -l)" -le "$2" ]; } # has_open PID MOST
a_killed_client_leaves_nothing() {
    truncate -s 1G "$dir/www/huge"
    start -q "$dir/www"
    get "$url/" >/dev/null
    worker=$(pgrep -P "$server")
    before=$(ls "/proc/$worker/fd" | wc -l)
    for i in 1 2 3 4 5; do
        curl -sS --limit-rate 50k -o /dev/null "$url/huge" &
        client=$!
        sleep 0.2
        kill -9 $client
    done
    await has_open "$worker" "$before"
    rm "$dir/www/huge"
    stop TERM
}
on_a_unix_socket() { # the file goes with the server, and one that nobody serves is in nobody's way
    for round in 1 2; do
        rm -f "$dir/out" # the address of the first round is none of the second's
        "$hob" serve -q -l "unix:$dir/sock" "$dir/www" >"$dir/out" 2>"$dir/err" &
        server=$!
        echo $server >"$dir/pid"
        await grep -q "^listening on unix:$dir/sock\$" "$dir/out"
        [ "$(get --unix-socket "$dir/sock" http://localhost/)" = "the index" ]
        stop TERM
        [ ! -e "$dir/sock" ]
        python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$dir/sock"
    done
    rm "$dir/sock"
}
a_log_that_takes_nothing() {
    start --log /dev/full "$dir/www"
    [ "$(code "$url/")" = 200 ]
    await grep -q "the access log /dev/full: No space left on device" "$dir/err"
    [ "$(code "$url/")" = 200 ]
    stop TERM
    [ "$(wc -l <"$dir/err")" = 1 ]
}
a_bad_certificate_changes_nothing() {
    cp "$dir/cert.pem" "$dir/live.pem"
    start --cert "$dir/live.pem" --key "$dir/key.pem" -q "$dir/www"
    echo junk >"$dir/live.pem"
    kill -HUP "$server"
    await grep -q "the restart is given up" "$dir/err"
    grep -F "$dir/live.pem" "$dir/err"
    lacks "does not have" "$dir/err"
    [ "$(get "$url/")" = "the index" ]
    stop TERM
}
a_file_that_shrinks_under_its_answer() { # ends that answer; another folder of that name comes by SIGHUP
    truncate -s 200M "$dir/www/huge"
    rm -f "$dir/slowly"
    start -q "$dir/www"
    curl -sS --limit-rate 2M -o "$dir/slowly" "$url/huge" 2>/dev/null &
    client=$!
    await [ -s "$dir/slowly" ]
    truncate -s 1000 "$dir/www/huge"
    status=0
    wait $client || status=$?
    [ $status -eq 18 ] # there was less than announced
    [ "$(code "$url/")" = 200 ]
    rm "$dir/www/huge"
    cp -r "$dir/www" "$dir/other"
    echo "the other" >"$dir/other/index.html"
    mv "$dir/www" "$dir/old"
    [ "$(get "$url/")" = "the index" ]
    mv "$dir/other" "$dir/www"
    kill -HUP "$server"
    await answers "the other"
    stop TERM
    rm -r "$dir/www"
    mv "$dir/old" "$dir/www"
}
says() { # says TEXT ARGUMENT...: wrong usage, and that text
    text=$1
    shift
    status=0
    timeout 20 "$hob" serve "$@" >"$dir/out" 2>"$dir/err" || status=$?
    [ $status -eq 2 ]
    grep -F -q -- "$text" "$dir/err"
}
wrong_usage() {
    says "there is no such folder" "$dir/none"
    says "not a folder" "$dir/www/blob"
    says "one folder is enough" "$dir/www" "$dir"
    says "a --key needs a --cert" --key x "$dir/www"
    says "--workers is a number" -w many "$dir/www"
    for name in "" . .. a/b; do says "--index is a name" --index "$name" "$dir/www"; done
    says "common, combined or json" --log-format xml "$dir/www"
    says "the log $dir/none/log: No such file or directory" --log "$dir/none/log" "$dir/www"
    says "the log $dir/www: Is a directory" --log "$dir/www" "$dir/www"
    for metrics in "" "--metrics 127.0.0.1:0"; do
        says '--trusted: "::1, nobody" is no list of addresses' -l 127.0.0.1:0 $metrics \
            --trusted "::1, nobody" "$dir/www"
        [ ! -s "$dir/out" ]
        [ "$(wc -l <"$dir/err")" -eq 1 ]
    done
    says "$dir/none.pem" --cert "$dir/none.pem" "$dir/www"
    cannot_listen 2 127.0.0.1:99999 \
        "'127.0.0.1:99999' is not an address: the port is larger than 65535"
    cannot_listen 2 127.0.0.1 "'127.0.0.1' is not an address: no ':port'"
    cannot_listen 2 "" "'' is not an address: no ':port'"
    cannot_listen 1 unix:/none/sock "listening on unix:/none/sock: No such file or directory"
}
cannot_listen() { # cannot_listen STATUS ADDRESS WORDS: those, and nothing else
    status=0
    timeout 20 "$hob" serve -l "$2" "$dir/www" >"$dir/out" 2>"$dir/err" || status=$?
    [ $status -eq "$1" ]
    [ "$(cat "$dir/err")" = "hob serve: $3" ]
    [ ! -s "$dir/out" ]
}
a_port_that_is_taken() {
    start -q "$dir/www"
    address=${url#http://}
    cannot_listen 1 "$address" "listening on $address: Address already in use"
    [ "$(get "$url/")" = "the index" ]
    stop TERM
}
keys_that_do_not_fit() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$dir/other.key" 2>/dev/null
    openssl genpkey -algorithm RSA -out "$dir/rsa.key" 2>/dev/null
    for key in other.key rsa.key; do
        says "the key \"$dir/$key\" is not that of the certificate \"$dir/cert.pem\"" \
            --cert "$dir/cert.pem" --key "$dir/$key" "$dir/www"
    done
    says "the key \"$dir/cert.pem\": there is none in it" --cert "$dir/cert.pem" "$dir/www"
    says "the certificate \"$dir/key.pem\": there is none in it" --cert "$dir/key.pem" "$dir/www"
    says "the key \"$dir/none\": No such file" --cert "$dir/cert.pem" --key "$dir/none" "$dir/www"
}
a_folder_that_may_not_be_read() {
    mkdir "$dir/closed"
    chmod 300 "$dir/closed"
    mkdir "$dir/shut"
    chmod 600 "$dir/shut"
    as=
    if [ "$(id -u)" = 0 ]; then # who may read everything
        chmod 711 "$dir" "$dir/closed"
        as="setpriv --reuid 65534 --regid 65534 --clear-groups"
        $as true || return 0
        $as test -x "$hob" || return 0 # it lies where nobody else may go
    fi
    for folder in closed shut; do
        status=0
        timeout 20 $as "$hob" serve -l 127.0.0.1:0 "$dir/$folder" >"$dir/out" 2>"$dir/err" || status=$?
        [ $status -eq 2 ]
        [ "$(cat "$dir/err")" = "hob serve: $dir/$folder: no right to read it" ]
    done
    rm -r "$dir/closed" "$dir/shut"
}
closed_standard_output() { # and none of the files that are served takes its number
    port=$(python3 "$here/free_port.py")
    for quiet in "" -q; do
        "$hob" serve -l "127.0.0.1:$port" $quiet "$dir/www" >&- 2>"$dir/err" <&- &
        server=$!
        echo $server >"$dir/pid"
        url="http://127.0.0.1:$port"
        await answers "the index"
        get "$url/blob" | cmp - "$dir/www/blob"
        [ -n "$quiet" ] || await grep -F "the access log on standard output: " "$dir/err"
        stop TERM
    done
    [ ! -s "$dir/err" ]
}
nobody_reads_its_output() {
    port=$(python3 "$here/free_port.py")
    rm -f "$dir/out"
    "$hob" serve -l "127.0.0.1:$port" "$dir/www" 2>"$dir/err" | head -n 1 >"$dir/out" &
    await [ -s "$dir/out" ]
    url="http://127.0.0.1:$port"
    tells() { # once its reader has ended
        [ "$(get "$url/")" = "the index" ]
        grep -F "the access log on standard output: Broken pipe" "$dir/err"
    }
    await tells
    [ "$(get "$url/")" = "the index" ]
    pkill -TERM -f "^$hob serve -l 127.0.0.1:$port "
    await nothing_listens "$port"
}
workers_end_with_a_killed_parent() {
    start -w 3 -q "$dir/www"
    workers=$(pgrep -P "$server")
    [ "$(echo "$workers" | wc -l)" = 3 ]
    kill -9 "$server"
    wait "$server" || true
    await nothing_listens "${url##*:}"
    for worker in $workers; do
        await sh -c "! kill -0 $worker || grep -q '^State:.Z' /proc/$worker/status" 2>/dev/null
    done
}
a_log_that_was_moved_away() { # as logrotate does it
    start --log "$dir/access" "$dir/www"
    [ "$(code "$url/first")" = 404 ]
    await grep -q 'GET /first ' "$dir/access"
    mv "$dir/access" "$dir/access.1"
    kill -HUP "$server"
    await [ -e "$dir/access" ]
    moved() { [ "$(code "$url/second")" = 404 ] && sleep 0.2 && grep -q 'GET /second ' "$dir/access"; }
    await moved
    stop TERM
    lacks 'GET /first ' "$dir/access"
    grep -q 'GET /first ' "$dir/access.1"
}
a_full_disk_under_the_log() { # lines are lost, requests are not; and it goes on when there is room
    mkdir "$dir/small"
    mount -t tmpfs -o size=64k none "$dir/small" 2>/dev/null || return 0 # no right to
    head -c 61440 /dev/zero >"$dir/small/filler"
    start --log "$dir/small/access" "$dir/www"
    python3 -c 'import http.client, sys
c = http.client.HTTPConnection(sys.argv[1])
for i in range(200):
    c.request("GET", "/sub/f.txt")
    assert c.getresponse().read() == b"deep\n"' "${url#http://}"
    await grep -F "the access log $dir/small/access: No space left on device" "$dir/err"
    rm "$dir/small/filler"
    again() { [ "$(code "$url/again")" = 404 ] && sleep 0.2 && grep -q 'GET /again ' "$dir/small/access"; }
    await again
    stop TERM
    umount "$dir/small"
    [ "$(wc -l <"$dir/err")" = 1 ]
}
clients_that_ask_once() { # on kept connections, at once, and never a second time for the same
    start -w 2 -q "$dir/www"
    python3 - "${url#http://127.0.0.1:}" "$server" <<'END'
import os, signal, socket, sys, time
port, server = map(int, sys.argv[1:])
connect = lambda: socket.create_connection(("127.0.0.1", port), timeout=20)


def ask(c):
    try:
        c.sendall(b"GET /sub/f.txt HTTP/1.1\r\nHost: a\r\n\r\n")
    except ConnectionError:
        pass  # the answer will be missing


def answer(c):
    got = b""
    try:
        while not got.endswith(b"\r\n\r\ndeep\n") and (piece := c.recv(4096)):
            got += piece
    except ConnectionError:
        pass
    return got


kept, heard, asked = [connect() for _ in range(16)], [time.monotonic()] * 16, 0
for i in range(5):
    os.kill(server, signal.SIGHUP)
    until = time.monotonic() + 0.5
    while time.monotonic() < until or asked <= 20 * (i + 1):
        for c in kept:
            ask(c)
        sent = time.monotonic()
        for k, c in enumerate(kept):
            got = answer(c)
            whole = got.endswith(b"\r\n\r\ndeep\n")
            # A worker that ends waits for a second; this program may have been held for longer.
            assert whole or (not got and sent > heard[k] + 0.9), "request %d was lost: %r" % (asked, got)
            asked += whole
            if not whole or b"Connection: close" in got:
                c.close()
                kept[k] = connect()
            heard[k] = time.monotonic()
print(asked, "requests")
assert asked > 100
END
    if command -v wrk >/dev/null; then # the real one
        loses_none() { # it may be held for longer than a second, too
            for i in 1 2 3; do sleep 0.5; kill -HUP "$server"; done &
            hups=$!
            wrk -t 1 -c 32 -d 2s --timeout 30s "$url/sub/f.txt" >"$dir/wrk"
            wait $hups
            cat "$dir/wrk"
            lacks "Socket errors\|Non-2xx" "$dir/wrk" && grep "requests in" "$dir/wrk"
        }
        loses_none || loses_none || loses_none
    fi
    stop TERM
}

check files
check options
if "$hob" serve --cert "$dir/none" "$dir/www" 2>&1 | grep -q 'no libhob-tls'; then
    echo "without TLS"
else
    check over_tls
    check a_bad_certificate_changes_nothing
    check keys_that_do_not_fit
    check clients_of_http2_that_ask_once
fi
check metrics_of_all_workers
check metrics_cannot_listen
check a_round_of_workers_loses_nothing
check clients_that_ask_once
check a_dead_worker_is_replaced
check workers_end_with_a_killed_parent
check what_cannot_be_reached
check a_second_signal_ends_at_once
check signals_of_a_terminal
check under_timeout
check a_killed_client_leaves_nothing
check on_a_unix_socket
check a_log_that_takes_nothing
check a_log_that_was_moved_away
check a_full_disk_under_the_log
check closed_standard_output
check nobody_reads_its_output
check a_port_that_is_taken
check a_folder_that_may_not_be_read
check a_file_that_shrinks_under_its_answer
check wrong_usage
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
