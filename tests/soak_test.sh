#!/bin/sh
# The soak (soak.c, `make soak`) for a few seconds, with fewer connections.
build=${HOB_BUILD:-${BUILD:-$(dirname "$0")/../build}}
exec "$build/tests/soak" -s 5 -n 500
