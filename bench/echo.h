/* echo.h - what the echo programs agree on: a server listens on a free port of 127.0.0.1, prints
 * "port N" and echoes until it is killed; it reads into a buffer of this size. */
#ifndef HOB_BENCH_ECHO_H
#define HOB_BENCH_ECHO_H
#include <stdio.h>
enum { ECHO_BUFFER = 4096, ECHO_MESSAGE = 64, ECHO_BACKLOG = 4096 };
enum { ECHO_DATAGRAM = 2048, ECHO_BATCH = 32 }; /* of the UDP servers */
static inline void echo_port(int port) {
    printf("port %d\n", port);
    fflush(stdout);
}
#endif
