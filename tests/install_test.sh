#!/bin/sh
# What `make install` installs can be used: a program that knows only pkg-config compiles, links and
# runs, in C and C++, against the shared and the static library; nothing private is exported.
set -u
cd "$(dirname "$0")/.."
build=${HOB_BUILD:-$PWD/build}
. tests/check.sh

check install meson install -C "$build" --no-rebuild --quiet --destdir "$dir/root"
if [ "$failed" = 1 ]; then # nothing else can be looked at
    echo "0 passed, 1 failed"
    exit 1
fi
pc=$(dirname "$(find "$dir/root" -name hob.pc)")
lib=$(dirname "$pc")
export PKG_CONFIG_PATH="$pc" PKG_CONFIG_SYSROOT_DIR="$dir/root"

cat >"$dir/core.c" <<'END'
#include <hob/hob.h>
#include <stdio.h>
static int twice(int n, int *out) {
    HOB_TRY(hob_sleep(0.001));
    *out = 2 * n;
    return 0;
}
HOB_TASK(twice, int, int *)
static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    int a = 0, b = 0;
    HOB_SCOPE(s);
    hob_spawn(s, twice, 4, &a);
    hob_spawn(s, twice, 17, &b);
    HOB_TRY(hob_join(s));
    return a + b == 42 ? 0 : 1;
}
int main(int argc, char **argv) { return hob_main(app, argc, argv); }
END
cp "$dir/core.c" "$dir/core.cc"
cat >"$dir/http.c" <<'END'
#include <hob/hob.h>
#include <hob/http.h>
int main(void) { return hob_version()[0] == '0' ? 0 : 1; }
END

cat >"$dir/tls.c" <<'END'
#include <hob/hob.h>
#include <hob/tls.h>
static int app(int argc, char **argv) {
    struct hob_tls *tls;
    (void)argc, (void)argv;
    HOB_TRY(hob_tls_new(&tls, .alpn = "http/1.1"));
    hob_tls_free(tls);
    return 0;
}
int main(int argc, char **argv) { return hob_main(app, argc, argv); }
END

flags=$(pkg-config --cflags --libs hob)
private=$(pkg-config --static --libs hob | tr ' ' '\n' | grep -vE '^-lhob$|^-L' | tr '\n' ' ')
warnings='-Wall -Wextra -Werror'
for cc in 'gcc -std=c11' 'clang -std=c11' 'g++ -std=c++17' 'clang++ -std=c++17'; do
    source=core.c
    case $cc in *++17) source=core.cc ;; esac
    check "$cc, shared" $cc $warnings "$dir/$source" -o "$dir/core" $flags
    check "$cc, shared, runs" env LD_LIBRARY_PATH="$lib" "$dir/core"
    check "$cc, static" $cc $warnings "$dir/$source" -o "$dir/core_static" $(pkg-config --cflags hob) \
        "$lib/libhob.a" $private
    check "$cc, static, runs" "$dir/core_static"
    rm -f "$dir/core" "$dir/core_static"
done
check "HTTP, shared" gcc "$dir/http.c" -o "$dir/http" $(pkg-config --cflags --libs hob-http)
check "HTTP, shared, runs" env LD_LIBRARY_PATH="$lib" "$dir/http"
cat >"$dir/data.c" <<'END'
#include <hob/error.h>
#include <hob/json.h>
#include <hob/json_builder.h>
#include <hob/json_edit.h>
#include <hob/json_reader.h>
#include <hob/model.h>
#include <string.h>
struct point {
    int x, y;
};
HOB_MODEL(point, struct point, HOB_FIELD(x, HOB_MIN(1)), HOB_FIELD(y))
int main(void) {
    struct hob_json_doc *doc;
    if (hob_json_parse("[1, 2]", 6, &doc) < 0) return 1;
    int64_t two = hob_json_int(hob_json_at(hob_json_root(doc), 1), 0);
    hob_json_free(doc);
    if (two != 2 || hob_json_parse("[1 2]", 5, &doc) != HOB_E_JSON || !hob_error()) return 2;
    HOB_JSON_READER(reader);
    struct hob_json v;
    if (hob_json_reader_new(&reader) < 0 || hob_json_feed(reader, "[3]", 3) < 0) return 3;
    if (hob_json_read(reader, &v) != HOB_JSON_BEGIN_ARRAY) return 4;
    HOB_ARENA(memory);
    struct point p;
    const char *text = "{\"x\":1,\"y\":-2}";
    if (hob_model_decode(point, &p, text, strlen(text), &memory) < 0 || p.y != -2) return 5;
    char *again;
    if (hob_model_encode(point, &p, &again, NULL) < 0 || strcmp(again, text) != 0) return 6;
    hob_json_text_free(again);
    return 0;
}
END
check "data, shared" gcc "$dir/data.c" -o "$dir/data" $(pkg-config --cflags --libs hob-data)
check "data, shared, runs" env LD_LIBRARY_PATH="$lib" "$dir/data"
pcre2=
if grep -q pcre2 "$pc/hob-data.pc"; then pcre2=-lpcre2-8; fi
check "data, static" gcc "$dir/data.c" -o "$dir/data_static" $(pkg-config --cflags hob-data) \
    "$lib/libhob-data.a" "$lib/libhob.a" $private $pcre2
check "data, static, runs" "$dir/data_static"
cat >"$dir/json.c" <<'END'
#include <hob/json.h>
#include <hob/json_builder.h>
#include <hob/json_edit.h>
#include <hob/json_reader.h>
#include <string.h>
int main(void) {
    static const char remove[] = "[{\"op\":\"remove\",\"path\":\"/0\"}]";
    struct hob_json_doc *doc, *patch, *patched;
    char *text;
    if (hob_json_parse("[1,2.5,\"x\"]", 11, &doc) < 0) return 1;
    if (hob_json_parse(remove, strlen(remove), &patch) < 0) return 2;
    if (hob_json_patch(hob_json_root(doc), hob_json_root(patch), &patched) < 0) return 3;
    if (hob_json_write(hob_json_root(patched), &text, NULL) < 0) return 4;
    if (strcmp(text, "[2.5,\"x\"]") != 0) return 5;
    hob_json_text_free(text);
    hob_json_free(doc);
    hob_json_free(patch);
    hob_json_free(patched);
    HOB_JSON_READER(reader);
    if (hob_json_reader_new(&reader) < 0) return 6;
    HOB_JSON_BUILDER(b);
    struct hob_slice built;
    if (hob_json_builder_new(&b) < 0 || hob_json_put_int(b, 3) < 0) return 7;
    return hob_json_finish(b, &built) < 0 || built.size != 1;
}
END
check "JSON alone, static, without PCRE2" gcc "$dir/json.c" -o "$dir/json" \
    $(pkg-config --cflags hob-data) "$lib/libhob-data.a" "$lib/libhob.a" $private
check "JSON alone, static, runs" "$dir/json"
without_models() {
    nm --defined-only "$1" >"$dir/names" && ! grep -E ' (hob_model_|hob__decode_|hob__model_)' "$dir/names"
}
check "JSON alone, static, has no models in it" without_models "$dir/json"
without_loop() { # what it has of libhob is memory, errors and misuse
    nm --defined-only "$1" >"$dir/names" && grep -q ' hob_json_parse_with$' "$dir/names" &&
        grep -q ' hob__fail$' "$dir/names" || return 1
    ! grep -E ' hob_(run|main|spawn|sleep|read)| hob__(schedule|suspend|backend|linux|ring|watchdog)' "$dir/names"
}
check "data, static, has no loop in it" without_loop "$dir/data_static"
only_hob() { # every name that it exports begins with hob_, and there are some
    nm -D --defined-only "$1" >"$dir/names" && grep -q ' hob_' "$dir/names" || return 1
    others=nothing
    # The simulated world's clock has to come before libc's, for code of others that lives by it.
    [ "${1##*/}" != libhob-sim.so ] || others=clock_gettime
    ! grep -vE " (hob_.*|_init|_fini|$others)\$" "$dir/names"
}
libraries='libhob libhob-data libhob-http libhob-sim'
if [ -e "$pc/hob-tls.pc" ]; then
    libraries="$libraries libhob-tls"
    # OpenSSL's own pkg-config file is the system's, not below the root of this installation.
    check "TLS, shared" gcc "$dir/tls.c" -o "$dir/tls" $flags -lhob-tls
    check "TLS, shared, runs" env LD_LIBRARY_PATH="$lib" "$dir/tls"
    check "TLS, static" gcc "$dir/tls.c" -o "$dir/tls_static" $(pkg-config --cflags hob) "$lib/libhob-tls.a" \
        "$lib/libhob.a" $private -lssl -lcrypto
    check "TLS, static, runs" "$dir/tls_static"
    check "hob-tls.pc needs hob and OpenSSL" grep -qE '^Requires(.private)?:.*openssl' "$pc/hob-tls.pc"
fi
for name in $libraries; do
    check "$name exports only names that begin with hob_" only_hob "$lib/$name.so"
done
check "the command runs" "$(find "$dir/root" -path '*/bin/hob')" --help
for page in hob.1 hob-crawl.1 hob-fetch.1 hob-playground.1 hob-serve.1 hob.7; do
    check "man page $page" test -s "$(find "$dir/root" -name "$page")"
done
check "the debugger's script" test -s "$(find "$dir/root" -name hob-gdb.py)"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
