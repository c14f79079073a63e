/* hob_udp.c - datagrams sent back to where they came from, by one task: hob_udp many (what is there
 * at once, by hob_udp_recv_many() and hob_udp_send_many()) or hob_udp one. HOB_BACKEND chooses the
 * backend; one that is not to be had is an error. */
#include "bench.h"
#include "echo.h"
#include <hob/hob.h>
#include <hob/udp.h>

static int echo_many(struct hob_udp *u) {
    static char data[ECHO_BATCH][ECHO_DATAGRAM];
    static struct hob_datagram d[ECHO_BATCH];
    for (int i = 0; i < ECHO_BATCH; i++)
        d[i] = (struct hob_datagram){.data = data[i], .room = ECHO_DATAGRAM};
    for (;;) {
        int n = HOB_TRY(hob_udp_recv_many(u, d, ECHO_BATCH));
        HOB_TRY(hob_udp_send_many(u, d, (unsigned)n));
    }
}

static int echo_one(struct hob_udp *u) {
    char data[ECHO_DATAGRAM];
    struct hob_address from;
    for (;;) {
        ssize_t n = HOB_TRY(hob_udp_recv(u, data, sizeof data, &from));
        HOB_TRY(hob_udp_send(u, data, (size_t)n, &from));
    }
}

static int app(int argc, char **argv) {
    struct hob_loop_info info;
    const char *wanted = getenv("HOB_BACKEND");
    HOB_TRY(hob_loop_info(&info));
    if (wanted && *wanted && strcmp(wanted, info.backend) != 0)
        return hob_fail(-ENOTSUP, "no %s: %s", wanted, info.backend_why);
    struct hob_udp *u;
    struct hob_address at;
    HOB_TRY(hob_udp_open("127.0.0.1:0", (struct hob_udp_options){0}, &u));
    HOB_TRY(hob_udp_address(u, &at));
    echo_port(ntohs(at.ip.v4.sin_port));
    return argc == 2 && strcmp(argv[1], "many") == 0 ? echo_many(u) : echo_one(u);
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
