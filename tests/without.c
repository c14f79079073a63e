/* without.c - what the tests of TLS and HTTP/2 are where there is no OpenSSL, no nghttp2 to build
 * them with: skipped. */
#include <stdio.h>

int main(void) {
    puts("built without the library that this needs: OpenSSL 3 or nghttp2");
    return 77;
}
