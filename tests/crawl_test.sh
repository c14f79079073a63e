#!/bin/sh
# `hob crawl` as its users meet it, on both backends: what it visits and what not, what it keeps,
# that it goes on where it was, bad inputs, a full disk.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=${HOB_BUILD:-${BUILD:-$here/../build}}
hob=$(cd "$build" && pwd)/hob
"$hob" help crawl >/dev/null 2>&1 || { echo "skipped: built without hob crawl"; exit 77; }
dir=$(mktemp -d)
passed=0
failed=0
trap 'kill $site 2>/dev/null; umount "$dir/small" 2>/dev/null; rm -rf "$dir"' EXIT
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
        cat "$dir/log" "$dir/err" 2>/dev/null
    fi
    rm -f "$dir"/out "$dir"/err "$dir"/*.db* "$dir"/*.jsonl
}
crawl() { # crawl STATUS ARGUMENT...: with that exit status
    wanted=$1
    shift
    status=0
    timeout 100 "$hob" crawl "$@" >"$dir/out" 2>"$dir/err" || status=$?
    [ "$status" -eq "$wanted" ]
}
says() { grep -F -q -- "$1" "$dir/err"; }
sql() { python3 -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row, sep="|")' "$@"; }

cd "$dir" || exit 1 # where crawl.db is made when nothing else is said
PAGES=40
python3 "$here/crawl_site.py" "$dir/port" $PAGES &
site=$!
tries=0
until [ -s "$dir/port" ]; do
    tries=$((tries + 1))
    [ $tries -lt 500 ] || { echo "FAIL the site does not start"; exit 1; }
    sleep 0.02
done
url=http://127.0.0.1:$(cat "$dir/port")
ALL=$((2 * PAGES + 18)) # /page/N and /page/N?q; the others
hits() { curl -s "$url/hits" | python3 -c 'import json, sys
print(json.load(sys.stdin).get(sys.argv[1], 0))' "$1"; }

every_page_once() {
    crawl 0 --rate 0 --max-size 1 -o "$dir/c.db" "$url"
    [ "$(sql "$dir/c.db" 'SELECT count(*) FROM pages')" = $ALL ]
    [ "$(sql "$dir/c.db" 'SELECT count(*) FROM queue')" = 0 ]
    page() { sql "$dir/c.db" "SELECT status, depth, title, bytes, error FROM pages WHERE url = '$url$1'"; }
    page / | grep -x '200|0|The start|[0-9]*|None'
    [ "$(page /page/3)" = "200|1|Page 3|$(curl -s "$url/page/3" | wc -c)|None" ]
    [ "$(page '/page/3?q')" != "" ]
    [ "$(page /private/x)" = "None|1|None|0|disallowed by robots.txt" ]
    [ "$(page /private/open)" = "200|1|fine|19|None" ]
    [ "$(page /for-nobody)" = "200|1|fine|19|None" ]
    [ "$(page /only-in-sitemap)" = "200|1|fine|19|None" ]
    [ "$(page /not-this)" = "" ]
    [ "$(page /gone)" = "404|1|gone|19|None" ]
    [ "$(page /moved)" = "301|1|None|0|None" ]
    [ "$(page /target)" = "200|1|fine|19|None" ]
    [ "$(page /picture)" = "200|1|None|1000|None" ]
    [ "$(page /cut)" = "200|1|None|0|cut short" ]
    [ "$(page /busy)" = "200|1|at last|22|None" ]
    [ "$(page /base/dir/below)" = "200|2|fine|19|None" ]
    [ "$(page /latin)" = "200|1|Zürich|21|None" ]
    [ "$(page /from-the-deep)" = "200|2|fine|19|None" ]
    [ "$(page /large)" = "200|1|None|0|too large" ]
    [ "$(hits /private/x)" = 0 ]
    [ "$(hits /never)" = 0 ]
    says "1 with status 400 or more"
    says "1 cut short"
    says "1 disallowed by robots.txt"
    says "of 1 host in"
    before=$(hits /page/5) cut=$(hits /cut)
    crawl 0 --rate 0 --retries 0 -o "$dir/c.db" "$url" # nothing twice but what was cut short
    [ "$(hits /page/5)" = "$before" ]
    [ "$(hits /cut)" = $((cut + 1)) ]
    says "1 page that had failed was due again"
    [ "$(sql "$dir/c.db" 'SELECT count(*) FROM pages')" = $ALL ]
    crawl 0 --rate 0 --fresh -n 7 -o "$dir/c.db" "$url"
    [ "$(sql "$dir/c.db" 'SELECT count(*) FROM pages')" = 7 ]
    says "still to be visited"
}

without_rules() {
    crawl 0 --rate 0 --no-robots -d 1 -o "$dir/c.db" "$url"
    [ "$(sql "$dir/c.db" "SELECT status FROM pages WHERE url = '$url/private/x'")" = 200 ]
    [ "$(sql "$dir/c.db" "SELECT status FROM pages WHERE url = '$url/never'")" = 200 ]
    [ "$(sql "$dir/c.db" 'SELECT max(depth) FROM pages')" = 1 ]
}

goes_on_after_an_end() { # SIGNAL STATUS OPTION...: ended in the middle, it goes on, nothing twice
    signal=$1
    ended=$2
    shift 2
    for seconds in 1.5 2.5 4; do # on a busy machine it may not have had a page in the first; 5 are all
        rm -f "$dir"/c.*
        status=0
        timeout --preserve-status -s "$signal" $seconds "$hob" crawl --rate 20 --no-sitemaps "$@" "$url" \
            2>"$dir/err" || status=$?
        [ $status -eq "$ended" ]
        crawl 0 --rate 0 --no-sitemaps "$@" "$url"
        if says "of earlier runs"; then return 0; fi
    done
    return 1
}
database_after_interrupt() {
    goes_on_after_an_end INT 130 -o "$dir/c.db"
    [ "$(sql "$dir/c.db" 'SELECT count(*) FROM pages')" = $((ALL - 1)) ]
}
database_after_kill() {
    goes_on_after_an_end KILL 137 -o "$dir/c.db"
    [ "$(sql "$dir/c.db" 'SELECT count(*) FROM pages')" = $((ALL - 1)) ]
}
database_after_term() {
    goes_on_after_an_end TERM 143 -o "$dir/c.db"
    [ "$(sql "$dir/c.db" 'SELECT count(*) FROM pages')" = $((ALL - 1)) ]
}
lines_after_term() {
    goes_on_after_an_end TERM 143 --json -o "$dir/c.jsonl"
    [ "$(python3 -c 'import json, sys
print(len({json.loads(line)["url"] for line in open(sys.argv[1])}))' "$dir/c.jsonl")" = $((ALL - 1)) ]
}
lines_after_kill() {
    goes_on_after_an_end KILL 137 --json -o "$dir/c.jsonl"
    python3 - "$dir/c.jsonl" <<'END' >"$dir/pages"
import json, sys
urls = [json.loads(line)["url"] for line in open(sys.argv[1])]
print(len(urls), len(set(urls)))
END
    [ "$(cat "$dir/pages")" = "$((ALL - 1)) $((ALL - 1))" ]
}
half_a_line() { # what a killed crawl may leave
    printf '{"url": "%s/", "status": 200, "depth": 0, "title": null, "links": ["%s/a"], "link_depth": 1}\n{"url": "%s/hal' \
        "$url" "$url" "$url" >"$dir/c.jsonl"
    crawl 0 --json -o "$dir/c.jsonl" --no-sitemaps "$url"
    [ "$(wc -l <"$dir/c.jsonl")" = 2 ]
    grep -F "\"url\": \"$url/a\"" "$dir/c.jsonl"
}
lines_on_standard_output() {
    crawl 0 --json --rate 0 -n 3 --no-sitemaps "$url"
    [ "$(wc -l <"$dir/out")" = 3 ]
    head -n 1 "$dir/out" | grep -F "{\"url\": \"$url/\", \"status\": 200, \"depth\": 0, \"title\": \"The start\""
}
nobody_reads_on() {
    "$hob" crawl --json --rate 0 --no-sitemaps "$url" 2>"$dir/err" | head -n 1 | grep -F '"depth": 0'
    ! says "cannot write"
}

a_fifo_that_nobody_reads_on() { # that is told; one that nobody reads yet is waited for until Ctrl-C
    mkfifo "$dir/c.jsonl"
    head -c 10 "$dir/c.jsonl" >"$dir/out" &
    crawl 1 --json --rate 0 --hosts '*' --no-robots -n 3 -o "$dir/c.jsonl" "$url/directory/a"
    says "cannot write $dir/c.jsonl: Broken pipe"
    says "crawled "
    status=0
    timeout -s INT -k 20 1 "$hob" crawl --json -o "$dir/c.jsonl" "$url" 2>"$dir/err" || status=$?
    [ $status -eq 124 ]
    [ ! -s "$dir/err" ]
}

only_the_hosts_that_are_named() {
    port=${url##*:}
    crawl 0 --rate 0 --no-sitemaps -o "$dir/c.db" "$url/abroad/"
    [ "$(sql "$dir/c.db" 'SELECT url FROM pages ORDER BY url' | tr '\n' ' ')" = "$url/abroad/ $url/near " ]
    for hosts in "localhost:$port" "example.org,*calhost:$port"; do
        crawl 0 --rate 0 --no-sitemaps --hosts "$hosts" --fresh -o "$dir/c.db" "$url/abroad/"
        [ "$(sql "$dir/c.db" 'SELECT url, status FROM pages ORDER BY url' | tr '\n' ' ')" = \
            "$url/abroad/|200 $url/near|200 http://localhost:$port/far|200 " ]
        says "of 2 hosts in"
    done
}
ended_twice() {
    python3 "$here/cli_drive.py" crawl_twice "$hob" "$url"
}
live_progress() {
    python3 "$here/cli_drive.py" crawl_terminal "$hob" "$url"
}

what_a_parser_would_choke_on() {
    crawl 0 --no-sitemaps -o "$dir/c.db" "$url/hostile"
    [ "$(sql "$dir/c.db" "SELECT count(*) FROM pages WHERE error = 'too complex'")" = 2 ]
}

a_rate_is_kept() { # 10 pages at 10 a second take 0.9 s at least
    began=$(date +%s%N)
    crawl 0 --rate 10 -n 10 --no-sitemaps -o "$dir/c.db" "$url"
    [ $(($(date +%s%N) - began)) -ge 900000000 ]
}

the_sites_own_delay_is_kept() { # four pages, half a second apart
    mkdir "$dir/shy"
    printf 'User-agent: *\nCrawl-delay: 0.5\n' >"$dir/shy/robots.txt"
    printf '<a href=a.html><a href=b.html><a href=c.html>' >"$dir/shy/index.html"
    touch "$dir/shy/a.html" "$dir/shy/b.html" "$dir/shy/c.html"
    "$hob" serve "$dir/shy" --listen 127.0.0.1:0 >"$dir/shy.out" 2>&1 &
    shy=$!
    until grep -q listening "$dir/shy.out"; do sleep 0.02; done
    where=$(grep -o '127\.0\.0\.1:[0-9]*' "$dir/shy.out" | head -n 1)
    began=$(date +%s%N)
    crawl 0 --rate 0 --no-sitemaps -o "$dir/c.db" "http://$where/"
    took=$(($(date +%s%N) - began))
    kill $shy
    [ "$(sql "$dir/c.db" 'SELECT count(*) FROM pages')" = 4 ]
    [ $took -ge 1500000000 ]
}

wrong_usage() {
    crawl 2
    says "which URL?"
    crawl 2 --rate fast "$url"
    says "not 'fast'"
    crawl 2 -n 0 "$url"
    crawl 2 ftp://example.org/
    says "the scheme is not http or https"
    [ ! -e "$dir/crawl.db" ]
    crawl 2 -o "$dir/none/c.db" "$url"
    says "unable to open database file"
    echo "no database" >"$dir/c.db"
    crawl 2 -o "$dir/c.db" "$url"
    says "not a database"
    echo '{"some": "lines"}' >"$dir/c.jsonl"
    crawl 2 --json -o "$dir/c.jsonl" "$url"
    says "something else than a crawl's lines"
    [ "$(cat "$dir/c.jsonl")" = '{"some": "lines"}' ]
    crawl 2 -o - "$url"
    says "a database needs a file"
}

a_host_that_is_not_there() {
    crawl 1 --retries 0 -o "$dir/c.db" http://127.0.0.1:1/
    says "refused"
    [ "$(sql "$dir/c.db" 'SELECT status, error FROM pages')" = "None|refused" ]
}

# What failed for a reason that may have passed is tried again by the next run, other failures not.
tried_again_by_the_next_run() { # OUTPUT HOW-OFTEN OPTION...: HOW-OFTEN prints what stands there
    output=$1 seen=$2 start="$url/later/$$-$1/"
    shift 2
    crawl 0 --rate 0 --retries 0 -t 3 --no-sitemaps "$@" -o "$dir/$output" "$start"
    says "1 timeout"
    [ "$($seen "$dir/$output" | tr '\n' ' ')" = "/ 200 /404 404 /429 429 /500 500 /503 503 /cut 200 cut short /slow timeout " ]
    crawl 0 --rate 0 --retries 0 -t 10 --no-sitemaps "$@" -o "$dir/$output" "$start"
    says "crawled 5 pages of 1 host"
    says "2 pages are of earlier runs"
    says "5 pages that had failed were due again"
    [ "$($seen "$dir/$output" | tr '\n' ' ')" = "/ 200 /404 404 /429 200 /500 200 /503 200 /cut 200 /slow 200 " ]
    crawl 0 --rate 0 --no-sitemaps "$@" -o "$dir/$output" "$start"
    says "7 pages are of earlier runs; nothing is left to be visited"
    [ "$(hits "/later/$$-$output/404")" = 1 ]
}
seen_rows() { sql "$1" "SELECT url, coalesce(status, ''), coalesce(error, '') FROM pages" | seen_last; }
seen_lines() {
    python3 -c 'import json, sys
for line in map(json.loads, open(sys.argv[1])):
    print(line["url"], line["status"] or "", line["error"] or "", sep="|")' "$1" | seen_last
}
seen_last() { # the last line of each URL: its last part, its status, its error
    python3 -c 'import sys
last = {}
for line in sys.stdin:
    url, *rest = line.rstrip("\n").split("|")
    last["/" + url.rsplit("/", 1)[1]] = " ".join(word for word in rest if word)
for name in sorted(last): print(name, last[name])'
}
a_host_that_comes_back() {
    port=$(python3 "$here/free_port.py")
    crawl 1 --retries 0 --no-robots --no-sitemaps -o "$dir/c.db" "http://127.0.0.1:$port/gone"
    [ "$(sql "$dir/c.db" 'SELECT status, error FROM pages')" = "None|refused" ]
    crawl 1 --retries 0 --no-sitemaps -o "$dir/c.db" "http://127.0.0.1:$port/gone" # of robots.txt
    [ "$(sql "$dir/c.db" 'SELECT status, error FROM pages')" = "None|refused" ]
    python3 "$here/crawl_site.py" "$dir/port2" 1 "$port" &
    other=$!
    until [ -s "$dir/port2" ]; do sleep 0.02; done
    crawl 0 --retries 0 --no-sitemaps -o "$dir/c.db" "http://127.0.0.1:$port/gone"
    [ "$(sql "$dir/c.db" 'SELECT status, error FROM pages')" = "404|None" ]
    kill $other
    crawl 0 --retries 0 -o "$dir/c.db" "http://127.0.0.1:$port/gone"
    says "nothing is left to be visited"
}

a_full_disk() {
    (
        ulimit -f 64 # blocks of 512 bytes: the disk is full in the middle of a write
        trap '' XFSZ
        crawl 1 --rate 0 -o "$dir/c.db" "$url"
        says "cannot write"
    )
    (
        ulimit -f 16
        trap '' XFSZ
        crawl 1 --rate 0 --json -o "$dir/c.jsonl" "$url"
        says "File too large"
    )
    crawl 1 --rate 0 --json -o /dev/full "$url"
    says "No space left on device"
    crawl 0 --rate 0 --max-size 1 -o "$dir/c.db" "$url" # with room again it goes on
    [ "$(sql "$dir/c.db" 'SELECT count(*) FROM pages')" = $ALL ]
    crawl 0 --rate 0 --max-size 1 --json -o "$dir/c.jsonl" "$url"
    [ "$(grep -v '"sitemap": true' "$dir/c.jsonl" | sed 's/, "status".*//' | sort -u | wc -l)" = $ALL ]
}
a_full_file_system() {
    crawl 1 --rate 0 -o "$dir/small/c.db" "$url"
    says "cannot write"
    crawl 1 --rate 0 --json -o "$dir/small/c.jsonl" "$url"
    says "No space left on device"
}

hosts_take_turns() { # however many wait for the same one
    localhost=http://localhost:${url##*:}
    crawl 0 -d 0 -c 1 --rate 0 --no-robots --json -o - "$url"/a "$url"/b "$url"/c "$localhost"/a "$localhost"/b
    sed 's/.*"url": "\([^"]*\)".*/\1/' "$dir/out" | tr '\n' ' ' |
        grep -x "$url/a $localhost/a $url/b $localhost/b $url/c "
}

many_hosts() { # a link costs the same, however many are known (they took a minute)
    crawl 0 --hosts '*' --no-robots --rate 0 -n 3 -o "$dir/c.db" "$url"/directory/a "$url"/directory/b \
        "$url"/directory/c
    says "crawled 3 pages of 30001 hosts"
    says "30000 URLs are still to be visited"
    grep -E -q 'hosts in [12]?[0-9]\.[0-9]+ s' "$dir/err"
}

for HOB_BACKEND in uring epoll; do
    export HOB_BACKEND
    check every_page_once every_page_once
    check lines_on_standard_output lines_on_standard_output
    check nobody_reads_on nobody_reads_on
    check a_fifo_that_nobody_reads_on a_fifo_that_nobody_reads_on
    check a_full_disk a_full_disk
    mkdir -p "$dir/small"
    if mount -t tmpfs -o size=64k none "$dir/small" 2>"$dir/err"; then
        check a_full_file_system a_full_file_system
        umount "$dir/small"
    else
        echo "skipped a_full_file_system: $(cat "$dir/err")"
    fi
    check lines_after_kill lines_after_kill
    check ended_twice ended_twice
done
unset HOB_BACKEND
check without_rules without_rules
check database_after_interrupt database_after_interrupt
check database_after_kill database_after_kill
check database_after_term database_after_term
check lines_after_term lines_after_term
check pages_tried_again tried_again_by_the_next_run c.db seen_rows
check lines_tried_again tried_again_by_the_next_run c.jsonl seen_lines --json
check a_host_that_comes_back a_host_that_comes_back
check only_the_hosts_that_are_named only_the_hosts_that_are_named
check hosts_take_turns hosts_take_turns
check many_hosts many_hosts
check live_progress live_progress
check half_a_line half_a_line
check what_a_parser_would_choke_on what_a_parser_would_choke_on
check a_rate_is_kept a_rate_is_kept
check the_sites_own_delay_is_kept the_sites_own_delay_is_kept
check wrong_usage wrong_usage
check a_host_that_is_not_there a_host_that_is_not_there
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
