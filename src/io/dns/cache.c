/* io/dns/cache.c - the table of queries: those that wait, run, and are kept. See dns.h.
 *
 * Bounds: options.cache_entries answers are kept, the one used longest ago makes room;
 * options.queries run at a time. What waits for its turn has an asker, a task (a query that nobody
 * asks for any more is dropped before its turn). */
#include <hob/buggify.h>
#include <string.h>

#include "base/memory.h"
#include "io/dns/dns.h"
#include "task/task.h"

enum { FIRST_BUCKETS = 64 };

/* Without memory the chains grow longer. */
static bool grow(struct hob__dns *dns) {
    size_t count = dns->buckets ? 2 * (dns->bucket_mask + 1) : FIRST_BUCKETS;
    struct hob__query **wider = hob__alloc_zero(count * sizeof *wider);
    if (!wider) return dns->buckets != NULL;
    for (size_t i = 0; dns->buckets && i <= dns->bucket_mask; i++) {
        for (struct hob__query *q = dns->buckets[i], *next; q; q = next) {
            next = q->chain;
            q->chain = wider[q->hash & (count - 1)];
            wider[q->hash & (count - 1)] = q;
        }
    }
    hob__free(dns->buckets);
    dns->buckets = wider;
    dns->bucket_mask = count - 1;
    return true;
}

static void query_free(struct hob__query *q) {
    hob__free(q->answer);
    hob__free(q);
}

/* Out of its bucket; the table's reference is the caller's to give up. */
static void take_out(struct hob__query *q) {
    struct hob__query **p = &q->dns->buckets[q->hash & q->dns->bucket_mask];
    while (*p != q) p = &(*p)->chain;
    *p = q->chain;
    q->dns->listed--;
    q->listed = false;
}

void hob__query_unref(struct hob__query *q) {
    q->refs--;
    if (q->refs == 1 && q->listed && q->state == HOB__QUERY_QUEUED) {
        /* Only the table knows it, and nobody waits for it: it need not be asked. */
        hob__list_remove(&q->line);
        q->dns->queued_count--;
        take_out(q);
        q->refs--;
    }
    if (q->refs == 0) query_free(q);
}

static void unlist(struct hob__query *q) {
    if (!q->listed) return;
    if (q->state == HOB__QUERY_DONE) {
        hob__list_remove(&q->line);
        q->dns->kept_count--;
    }
    take_out(q);
    hob__query_unref(q);
}

static struct hob__query *find(struct hob__dns *dns, const char *name, uint32_t hash,
                               enum hob__dns_type type) {
    struct hob__query *q = dns->buckets[hash & dns->bucket_mask];
    while (q && (q->hash != hash || q->type != type || strcmp(q->name, name) != 0)) q = q->chain;
    if (!q || q->state != HOB__QUERY_DONE) return q;
    if (q->expires > hob_now() && !hob_buggify("dns.cache.forgets")) return q;
    unlist(q); /* its time is over */
    return NULL;
}

static struct hob__query *make(struct hob__dns *dns, const char *name, uint32_t hash,
                               enum hob__dns_type type) {
    size_t n = strlen(name) + 1;
    struct hob__query *q = hob__alloc_zero(sizeof *q + n);
    if (!q) return NULL;
    memcpy(q->name, name, n);
    q->dns = dns;
    q->hash = hash;
    q->type = (uint8_t)type;
    q->refs = 1; /* the table's */
    q->listed = true;
    q->chain = dns->buckets[hash & dns->bucket_mask];
    dns->buckets[hash & dns->bucket_mask] = q;
    dns->listed++;
    hob__list_append(&dns->queued, &q->line);
    dns->queued_count++;
    return q;
}

struct hob__query *hob__query_ask(struct hob__dns *dns, const char *name, enum hob__dns_type type) {
    if ((!dns->buckets || dns->listed > dns->bucket_mask) && !grow(dns)) return NULL;
    uint32_t hash = hob__hash(name, (unsigned)type);
    struct hob__query *q = find(dns, name, hash, type);
    if (q && q->state == HOB__QUERY_DONE) {
        hob__list_remove(&q->line);
        hob__list_append(&dns->kept, &q->line);
        dns->info.from_cache++;
    } else if (q) {
        dns->info.shared++;
    } else if (!(q = make(dns, name, hash, type))) {
        return NULL;
    }
    dns->info.asked++;
    q->refs++;
    return q;
}

/* ---- from the queue to the answer ---- */

void hob__dns_pump(struct hob__dns *dns) {
    if (dns->pumping) return; /* an answer that came at once: the loop below goes on */
    dns->pumping = true;
    unsigned most = dns->options.queries;
    if (most > dns->source->at_once) most = dns->source->at_once;
    uint64_t before = dns->info.queries;
    while (!hob__list_empty(&dns->queued) && dns->running < most) {
        struct hob__query *q = hob__container(dns->queued.next, struct hob__query, line);
        hob__list_remove(&q->line);
        dns->queued_count--;
        q->state = HOB__QUERY_RUNNING;
        q->refs++;
        dns->running++;
        dns->info.queries++;
        dns->source->start(dns, q);
    }
    if (dns->info.queries > before && dns->source->started) dns->source->started(dns);
    dns->pumping = false;
}

/* Seconds to keep it; a failure to find out is not kept. */
static uint32_t bounded(const struct hob__dns *dns, const struct hob__reply *reply) {
    if (dns->options.no_cache || dns->closing) return 0;
    if (reply->status == 0)
        return reply->ttl < dns->options.max_ttl ? reply->ttl : dns->options.max_ttl;
    if (reply->status == HOB_E_NAME)
        return reply->ttl < dns->options.negative_ttl ? reply->ttl : dns->options.negative_ttl;
    return 0;
}

static void set_answer(struct hob__query *q, const struct hob__reply *reply) {
    q->status = reply->status;
    q->words = reply->words;
    if (reply->status == 0) {
        q->answer = hob__alloc(reply->size);
        if (q->answer) {
            memcpy(q->answer, reply->bytes, reply->size);
            q->count = (uint8_t)reply->count;
        } else {
            q->status = -ENOMEM;
            q->words = "out of memory";
        }
    }
}

void hob__query_answered(struct hob__query *q, const struct hob__reply *reply) {
    struct hob__dns *dns = q->dns;
    uint32_t ttl = bounded(dns, reply);
    set_answer(q, reply);
    if (q->status == -ENOMEM) ttl = 0;
    dns->running--;
    /* Kept or not, those who wait are told the TTL. */
    q->expires = hob_now() + (q->status == 0 && ttl == 0 ? reply->ttl : ttl) * UINT64_C(1000000000);
    if (ttl > 0 && q->listed) {
        q->state = HOB__QUERY_DONE;
        hob__list_append(&dns->kept, &q->line);
        dns->kept_count++;
        while (dns->kept_count > dns->options.cache_entries)
            unlist(hob__container(dns->kept.next, struct hob__query, line));
    } else {
        unlist(q); /* as RUNNING: it is in no line */
        q->state = HOB__QUERY_DONE;
    }
    hob__wake_all(&q->askers, 0);
    hob__query_unref(q);
}

void hob__query_again(struct hob__query *q) {
    struct hob__dns *dns = q->dns;
    dns->running--;
    q->state = HOB__QUERY_QUEUED;
    /* At the front: behind the head's last, that is before its first. */
    hob__list_append(dns->queued.next, &q->line);
    dns->queued_count++;
    hob__query_unref(q);
}

void hob__dns_forget(struct hob__dns *dns) {
    while (!hob__list_empty(&dns->kept))
        unlist(hob__container(dns->kept.next, struct hob__query, line));
}

void hob__queries_free(struct hob__dns *dns) {
    for (size_t i = 0; dns->buckets && i <= dns->bucket_mask; i++) {
        for (struct hob__query *q = dns->buckets[i], *next; q; q = next) {
            next = q->chain;
            query_free(q);
        }
    }
    hob__free(dns->buckets);
}
