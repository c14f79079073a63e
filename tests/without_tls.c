/* without_tls.c - what the tests of TLS are where there is no OpenSSL to build them with: skipped.
 */
#include <stdio.h>

int main(void) {
    puts("built without TLS: no OpenSSL 3 for this machine");
    return 77;
}
