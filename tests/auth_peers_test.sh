#!/bin/sh
# `hob fetch --user` against apache2, which asks for Basic and for Digest passwords.
set -u
cd "$(dirname "$0")/.."
hob=${HOB_BUILD:-$PWD/build}/hob
modules=/usr/lib/apache2/modules
PATH=$PATH:/usr/sbin
[ -x "$hob" ] || { echo "built without the command"; exit 77; }
command -v apache2 >/dev/null && [ -e $modules/mod_auth_digest.so ] || {
    echo "no apache2 here"
    exit 77
}
dir=$(mktemp -d)
passed=0
failed=0
trap 'kill "$(cat "$dir/pid" 2>/dev/null)" 2>/dev/null; rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir "$dir/basic" "$dir/digest"
echo hello >"$dir/basic/a"
echo hello >"$dir/digest/a"
chmod -R a+rX "$dir"
port=$(python3 tests/free_port.py)
digest() { printf '%s' "$1" | openssl md5 -r | cut -d' ' -f1; }
echo "me:$(openssl passwd -apr1 secret)" >"$dir/passwords"
echo "me:the realm:$(digest 'me:the realm:secret')" >"$dir/digests"
chmod 644 "$dir/passwords" "$dir/digests"
user=$(id -un)
[ "$user" = root ] && user=www-data
cat >"$dir/conf" <<CONF
ServerRoot $dir
ServerName localhost
Listen 127.0.0.1:$port
PidFile $dir/pid
ErrorLog $dir/errors
User $user
Group $(id -gn "$user")
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authn_core_module $modules/mod_authn_core.so
LoadModule authn_file_module $modules/mod_authn_file.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule authz_user_module $modules/mod_authz_user.so
LoadModule auth_basic_module $modules/mod_auth_basic.so
LoadModule auth_digest_module $modules/mod_auth_digest.so
DocumentRoot $dir
Mutex posixsem
<Directory $dir/basic>
    AuthType Basic
    AuthName "the realm"
    AuthUserFile $dir/passwords
    Require valid-user
</Directory>
<Directory $dir/digest>
    AuthType Digest
    AuthName "the realm"
    AuthDigestProvider file
    AuthDigestDomain /digest/
    AuthDigestNonceLifetime 1
    AuthUserFile $dir/digests
    Require valid-user
</Directory>
CONF
apache2 -f "$dir/conf" >"$dir/said" 2>&1 || {
    cat "$dir/said" "$dir/errors"
    exit 1
}
tries=0
until [ -s "$dir/pid" ]; do
    tries=$((tries + 1))
    [ $tries -lt 500 ] || { echo "FAIL apache2 does not start"; exit 1; }
    sleep 0.02
done
url=http://127.0.0.1:$port

# check NAME STATUS COUNT OPTION...: so many results with that status
check() {
    name=$1 status=$2 count=$3
    shift 3
    env -u http_proxy -u all_proxy timeout 60 "$hob" fetch -q "$@" >"$dir/out" 2>"$dir/err"
    if [ "$(grep -c "\"status\": $status," "$dir/out")" = "$count" ]; then
        passed=$((passed + 1))
        echo "ok $name"
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        cat "$dir/out" "$dir/err"
    fi
}
check "nobody" 401 2 "$url/basic/a" "$url/digest/a"
check "Basic" 200 1 -u me:secret "$url/basic/a"
check "Basic, wrong" 401 1 -u me:wrong "$url/basic/a"
check "Basic out of the URL" 200 1 "http://me:secret@127.0.0.1:$port/basic/a"
check "Digest" 200 1 -u me:secret --digest "$url/digest/a"
check "Digest, wrong" 401 1 -u me:wrong --digest "$url/digest/a"
check "Digest, many" 200 40 -c 8 -u me:secret --digest $(seq -f "$url/digest/a?%.0f" 40)
check "Digest, the nonce has aged" 200 5 --rate 1.6 -u me:secret --digest $(seq -f "$url/digest/a?%.0f" 5)
echo "machine 127.0.0.1 login me password secret" >"$dir/netrc"
check "netrc" 200 1 --netrc-file "$dir/netrc" "$url/basic/a"
NETRC=$dir/netrc
export NETRC
check "\$NETRC" 200 1 -n "$url/basic/a"
chmod 644 "$dir/netrc"
"$hob" fetch -n "$url/basic/a" >/dev/null 2>"$dir/err"
if grep -q "can be read by others" "$dir/err"; then
    passed=$((passed + 1))
    echo "ok a netrc for everybody"
else
    failed=$((failed + 1))
    echo "FAIL a netrc for everybody"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
