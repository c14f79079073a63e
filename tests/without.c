/* without.c - what the tests of TLS, HTTP/2, WebSockets and crawling are where there is nothing to
 * build them with: skipped. */
#include <stdio.h>

int main(void) {
    puts("built without the library that this needs: OpenSSL 3, nghttp2, zlib, gumbo or expat");
    return 77;
}
