/* io/dns/system.c - the system's resolver, which can only block: getaddrinfo() in threads, one for
 * each query, at most 16 a loop. They are nobody's to wait for: detached, they post what they found
 * into the loop, or, when that has ended, drop it. So neither files nor the program's end wait for
 * a slow name server. */
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/crew.h"
#include "base/memory.h"
#include "io/dns/dns.h"
#include "task/task.h"

enum { THREADS = 16 };

/* The thread's until it is posted. q is for the loop alone. */
struct job {
    struct hob_loop *loop;
    struct hob__post post;
    struct hob__query *q;
    enum hob__dns_type type;
    int rc; /* EAI_... */
    int error;
    struct addrinfo *found;
    struct hob_address address; /* PTR */
    char name[NI_MAXHOST > HOB__DNS_NAME ? NI_MAXHOST : HOB__DNS_NAME];
};

/* "4.3.2.1.in-addr.arpa" and its like back to the address. */
static void from_arpa(const char *name, struct hob_address *a) {
    unsigned b[4];
    int end = 0; /* stays 0 unless all of it is there: "1.0.0.0." may begin an IPv6 address, too */
    sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arpa%n", &b[3], &b[2], &b[1], &b[0], &end);
    if (end > 0) {
        a->ip.v4.sin_family = AF_INET;
        a->ip.v4.sin_addr.s_addr = htonl(b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]);
        return;
    }
    a->ip.v6.sin6_family = AF_INET6;
    for (int i = 15; i >= 0; i--, name += 4) {
        unsigned low = 0, high = 0;
        sscanf(name, "%1x.%1x.", &low, &high);
        a->ip.v6.sin6_addr.s6_addr[i] = (uint8_t)(high << 4 | low);
    }
}

static void answer(const struct job *j) {
    unsigned char bytes[HOB__DNS_KEPT * 16];
    struct hob__reply r = {.bytes = bytes};
    size_t size = j->type == HOB__DNS_AAAA ? 16 : 4;
    for (struct addrinfo *ai = j->found; ai && r.count < HOB__DNS_KEPT; ai = ai->ai_next) {
        const struct hob_address *a = (const void *)ai->ai_addr;
        memcpy(bytes + r.count++ * size,
               size == 16 ? (const void *)&a->ip.v6.sin6_addr : (const void *)&a->ip.v4.sin_addr,
               size);
    }
    r.size = r.count * size;
    if (j->type == HOB__DNS_PTR && j->rc == 0) {
        r.bytes = j->name;
        r.size = strlen(j->name) + 1;
    } else if (j->rc == EAI_MEMORY || (j->rc == EAI_SYSTEM && j->error == ENOMEM)) {
        r.status = -ENOMEM;
        r.words = "out of memory";
    } else if (j->rc == EAI_AGAIN || j->rc == EAI_SYSTEM) {
        r.status = HOB_E_NAME_TEMPORARY;
        r.words = "the system's resolver cannot tell";
    } else if (r.count == 0) {
        r.status = HOB_E_NAME;
        r.words = "no such host";
    }
    hob__query_answered(j->q, &r);
}

static void job_free(struct job *j) {
    if (j->found) freeaddrinfo(j->found);
    hob__free(j);
}

static void arrive(void *arg) {
    struct job *j = arg;
    struct hob__dns *dns = j->q->dns;
    answer(j);
    job_free(j);
    hob__dns_pump(dns);
}

static void *work(void *arg) {
    struct job *j = arg;
    struct hob_loop *loop = j->loop;
    pthread_setname_np(pthread_self(), "hob-dns");
    if (j->type == HOB__DNS_PTR) {
        j->rc = getnameinfo(&j->address.ip.any, hob_address_size(&j->address), j->name,
                            sizeof j->name, NULL, 0, NI_NAMEREQD);
    } else {
        struct addrinfo hints = {.ai_family = j->type == HOB__DNS_AAAA ? AF_INET6 : AF_INET,
                                 .ai_socktype = SOCK_STREAM};
        j->rc = getaddrinfo(j->name, NULL, &hints, &j->found);
    }
    j->error = errno;
    if (j->rc != 0) j->found = NULL;
    if (hob__post_held(loop, &j->post) < 0) job_free(j); /* the loop has ended */
    hob_loop_release(loop);
    return NULL;
}

static int start_thread(struct job *j) {
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t before;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    hob__block_signals(&before, 0);
    int rc = pthread_create(&thread, &attr, work, j);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return -rc;
}

static void system_start(struct hob__dns *dns, struct hob__query *q) {
    (void)dns;
    struct job *j = hob__alloc_zero(sizeof *j);
    int rc = j ? 0 : -ENOMEM;
    if (j) {
        j->loop = hob__loop;
        j->q = q;
        j->post = (struct hob__post){.fn = arrive, .arg = j};
        j->type = q->type;
        memcpy(j->name, q->name, strlen(q->name) + 1);
        if (j->type == HOB__DNS_PTR) from_arpa(q->name, &j->address);
        hob_loop_hold(j->loop); /* the loop is there for the answer */
        rc = start_thread(j);
        if (rc < 0) {
            hob_loop_release(j->loop);
            hob__free(j);
        }
    }
    if (rc == 0) return;
    hob__query_answered(q, &(struct hob__reply){.status = rc == -ENOMEM ? rc : HOB_E_NAME_TEMPORARY,
                                                .words = "no thread can be started"});
}

/* What is under way goes on: its answer comes, or the loop ends before. */
static void system_close(struct hob__dns *dns) { (void)dns; }

const struct hob__dns_source hob__dns_system = {"system", THREADS,      system_start,
                                                NULL,     system_close, NULL};
