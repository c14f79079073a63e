/* udp_echo - an echo server for datagrams, and its clients.
 *
 * udp_echo                  serves, and ten clients of its own each send three and get them back
 * udp_echo serve ADDRESS    serves until Ctrl-C
 *
 * create_datagram_endpoint() with a protocol class of callbacks is hob_udp_open() and a loop here;
 * what may get lost is asked again after a while: hob_within(). */
#include <hob/hob.h>
#include <hob/udp.h>
#include <stdio.h>
#include <string.h>

enum { CLIENTS = 10, ROUNDS = 3, SIZE = 2048, TRIES = 50 };

static int echo(struct hob_udp *u) {
    char buf[SIZE];
    struct hob_address from;
    for (;;) {
        ssize_t n = HOB_TRY(hob_udp_recv(u, buf, sizeof buf, &from));
        if ((size_t)n > sizeof buf) continue; /* longer than we take: cut */
        /* One that cannot be answered (anybody may write any sender's address) ends nothing. */
        if (hob_udp_send(u, buf, (size_t)n, &from) < 0) HOB_TRY(hob_check());
    }
}
HOB_TASK(echo, struct hob_udp *)

static void close_udp(void *u) { hob_udp_close((struct hob_udp *)u); }

/* One question and its answer; lost ones are asked again. */
static int ask(struct hob_udp *u, const char *question) {
    char answer[SIZE];
    for (int i = 0; i < TRIES; i++) {
        HOB_TRY(hob_udp_send(u, question, strlen(question), NULL));
        ssize_t n = hob_within(0.2, (int)hob_udp_recv(u, answer, sizeof answer, NULL));
        if (n == -ETIMEDOUT) continue;
        HOB_TRY(n);
        if ((size_t)n == strlen(question) && memcmp(answer, question, (size_t)n) == 0) return 0;
    }
    return -ETIMEDOUT;
}

static int client(const char *address, int id, int *echoes) {
    struct hob_udp *u;
    HOB_TRY(hob_udp_connect(address, (struct hob_udp_options){}, &u));
    HOB_DEFER(close_udp, u);
    for (int i = 0; i < ROUNDS; i++) {
        char question[32];
        snprintf(question, sizeof question, "client %d, round %d", id, i);
        HOB_TRY(ask(u, question));
        ++*echoes;
    }
    return 0;
}
HOB_TASK(client, const char *, int, int *)

/* The address that it is bound to, as text. */
static int bound_to(const struct hob_udp *u, char text[HOB_ADDRESS_TEXT]) {
    struct hob_address bound;
    HOB_TRY(hob_udp_address(u, &bound));
    hob_address_format(&bound, text, HOB_ADDRESS_TEXT);
    return 0;
}

static int serve(const char *local) {
    struct hob_udp *u;
    char address[HOB_ADDRESS_TEXT];
    HOB_TRY(hob_udp_open(local, (struct hob_udp_options){}, &u));
    HOB_DEFER(close_udp, u);
    HOB_TRY(bound_to(u, address));
    printf("serving %s\n", address);
    fflush(stdout);
    return echo(u);
}

static int app(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "serve") == 0) return serve(argv[2]);
    if (argc > 1) return hob_fail(-EINVAL, "udp_echo [serve ADDRESS]");
    struct hob_udp *u;
    char address[HOB_ADDRESS_TEXT];
    int echoes = 0;
    HOB_TRY(hob_udp_open("127.0.0.1:0", (struct hob_udp_options){}, &u));
    HOB_DEFER(close_udp, u);
    HOB_TRY(bound_to(u, address));
    HOB_SCOPE(s);
    hob_spawn_daemon(s, echo, u);
    for (int i = 0; i < CLIENTS; i++) hob_spawn(s, client, address, i, &echoes);
    HOB_TRY(hob_join(s));
    printf("%d clients, %d echoes\n", CLIENTS, echoes);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
