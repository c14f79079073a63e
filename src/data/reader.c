/* data/reader.c - the reader of JSON in pieces: its buffer, its options, its errors. The protocol
 * is told in reader.h. */
#include "data/reader.h"

#include <hob/error.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { MOST = 1 << 30 };

/* ---- beginning and ending ---- */

int hob_json_reader_new_with(struct hob_json_reader_options options, struct hob_json_reader **out) {
    *out = NULL;
    if (options.depth > HOB__JSON_DEPTH)
        return hob_fail(-EINVAL, "a depth of %u; at most %d", options.depth, HOB__JSON_DEPTH);
    if (options.limit > MOST)
        return hob_fail(-EINVAL, "a limit of %zu bytes; at most %d", options.limit, MOST);
    struct hob_json_reader *r = hob__alloc_zero(sizeof *r);
    if (!r) return hob_fail(-ENOMEM, "no memory for a reader of JSON");
    if (options.limit == 0) options.limit = HOB_JSON_LIMIT;
    r->o = options;
    r->depth_limit = options.depth ? options.depth : HOB__JSON_DEPTH;
    r->tree = (struct hob_json_options){.duplicates = options.duplicates,
                                        .borrow = options.borrow,
                                        .big_double = options.big_double,
                                        .depth = options.depth};
    r->place = r->began_place = hob__json_first_place;
    *out = r;
    return 0;
}

void hob_json_reader_free(struct hob_json_reader *r) {
    if (!r) return;
    hob_json_free(r->doc);
    hob__free(r->buf);
    hob__free(r);
}

void hob_json_reader_reset(struct hob_json_reader *r) {
    struct hob_json_reader new = {.o = r->o,
                                  .tree = r->tree,
                                  .depth_limit = r->depth_limit,
                                  .buf = r->buf,
                                  .room = r->room,
                                  .p = r->buf,
                                  .end = r->buf,
                                  .counted = r->buf,
                                  .place = hob__json_first_place,
                                  .began_place = hob__json_first_place,
                                  .doc = r->doc};
    *r = new;
    if (r->buf) *r->buf = '"';
}

/* ---- bytes ---- */

void hob__reader_count(struct hob_json_reader *r, uint8_t *to) {
    if (r->began && r->began <= to) { /* remember it before its bytes are gone */
        hob__json_move(&r->place, r->counted, (size_t)(r->began - r->counted));
        r->counted = r->began;
        r->began_place = r->place;
        r->began = NULL;
    }
    hob__json_move(&r->place, r->counted, (size_t)(to - r->counted));
    r->counted = to;
}

/* Room for at least `want` bytes behind the end. What is before p goes. */
static int make_room(struct hob_json_reader *r, size_t want) {
    size_t left = (size_t)(r->end - r->p);
    if (r->buf && (size_t)(r->buf + r->room - r->end) >= want) return 0;
    if (r->buf) hob__reader_count(r, r->p);
    size_t room = r->room ? r->room : HOB__READER_BLOCK, most = r->o.limit + HOB__READER_BLOCK;
    if (left > room / 2 && room < most) room = 2 * room < most ? 2 * room : most;
    if (room < left + want) room = left + want;
    if (room > r->room) {
        uint8_t *buf = hob__alloc(room + HOB__READER_PAD);
        if (!buf) return hob_fail(-ENOMEM, "no memory for %zu bytes of JSON", room);
        if (left) memcpy(buf, r->p, left);
        hob__free(r->buf);
        r->buf = buf;
        r->room = room;
    } else if (left) {
        memmove(r->buf, r->p, left);
    }
    r->p = r->counted = r->buf;
    r->end = r->buf + left;
    return 0;
}

static void came(struct hob_json_reader *r, size_t n) {
    r->end += n;
    memset(r->end, '"', HOB__READER_PAD);
}

int hob__reader_more(struct hob_json_reader *r) {
    if (r->ended || (!r->o.fill && r->given_size == 0)) return 0;
    int rc = make_room(r, r->o.fill ? HOB__READER_BLOCK / 8 : 1);
    if (rc < 0) return rc;
    size_t room = (size_t)(r->buf + r->room - r->end);
    if (!r->o.fill) {
        size_t n = r->given_size < room ? r->given_size : room;
        if (n > HOB__READER_BLOCK) n = HOB__READER_BLOCK;
        memcpy(r->end, r->given, n);
        r->given += n;
        r->given_size -= n;
        came(r, n);
        return 1;
    }
    ssize_t got = r->o.fill(r->o.fill_arg, r->end, room);
    if (got < 0) return (int)got;
    if ((size_t)got > room) return hob_fail(-EINVAL, "more bytes were filled in than asked for");
    r->ended = got == 0;
    came(r, (size_t)got);
    return got > 0;
}

int hob_json_feed(struct hob_json_reader *r, const void *bytes, size_t n) {
    if (r->given_size > 0) return hob_fail(-EINVAL, "what was fed before is not used up");
    if (r->ended || r->o.fill) return hob_fail(-EINVAL, "nothing can be fed to this reader now");
    r->given = bytes;
    r->given_size = n;
    return 0;
}

int hob_json_end(struct hob_json_reader *r) {
    if (r->given_size > 0) return hob_fail(-EINVAL, "what was fed before is not used up");
    int rc = make_room(r, 1); /* so that there is a byte to look at */
    if (rc < 0) return rc;
    came(r, 0);
    r->ended = true;
    return 0;
}

/* ---- errors ---- */

int hob__reader_failed(struct hob_json_reader *r, int code) {
    const struct hob_error *e = hob_error();
    snprintf(r->words, sizeof r->words, "%s", e && e->code == code ? e->message : "");
    r->failed = code;
    return code;
}

/* Says it, with the place of the text that it has: the last event's from now on. */
static int say(struct hob_json_reader *r, struct hob__json_verdict *v, const uint8_t *end) {
    hob__reader_count(r, r->p);
    struct hob_json_place place = r->place;
    hob__json_move(&place, r->p, (size_t)(v->at - r->p));
    r->began = NULL;
    r->began_place = place;
    if (v->code == HOB_E_JSON && v->cut && r->ended) v->code = HOB_E_JSON_INCOMPLETE;
    return hob__reader_failed(r, hob__json_say(v, &place, end, HOB__JSON_THE_END));
}

int hob__reader_wrong(struct hob_json_reader *r, const struct hob__json_verdict *v, size_t n) {
    struct hob__json_verdict copy = *v;
    return say(r, &copy, r->p + n);
}

int hob__reader_expected(struct hob_json_reader *r, int code, const char *expected) {
    struct hob__json_verdict v = {code, expected, r->p, r->p >= r->end};
    return say(r, &v, r->end);
}

static int too_long(struct hob_json_reader *r, const char *what) {
    hob__reader_count(r, r->p);
    r->began = NULL;
    r->began_place = r->place;
    return hob_fail(HOB_E_LIMIT,
                    "line %llu, column %llu (byte %llu): %s longer than the limit, %zu bytes",
                    (unsigned long long)r->place.line, (unsigned long long)r->place.column,
                    (unsigned long long)r->place.byte, what, r->o.limit);
}

int hob__reader_judged(struct hob_json_reader *r,
                       void (*judge)(const uint8_t *, size_t, const struct hob_json_options *,
                                     struct hob__json_verdict *),
                       const char *what) {
    struct hob_json_options o = r->tree;
    struct hob__json_verdict v;
    size_t n = (size_t)(r->end - r->p), most = n < r->o.limit ? n : r->o.limit;
    o.depth = r->depth_limit - r->depth;
    judge(r->p, most, &o, &v);
    if (n > most && (v.code == 0 || v.cut)) return hob__reader_failed(r, too_long(r, what));
    return hob__reader_wrong(r, &v, most);
}

int hob__reader_enter(struct hob_json_reader *r, enum hob__json_busy call) {
    if (HOB__UNLIKELY(r->failed)) return hob_fail(r->failed, "%s", r->words);
    if (HOB__UNLIKELY(r->busy != HOB__JSON_FREE && r->busy != call))
        return hob_fail(-EINVAL, "another reading call has not ended: it has to be made again");
    return r->o.point ? r->o.point() : 0;
}

/* ---- about it ---- */

struct hob_json_place hob_json_reader_place(struct hob_json_reader *r) {
    if (r->began) hob__reader_count(r, r->began);
    return r->began_place;
}

unsigned hob_json_reader_depth(const struct hob_json_reader *r) { return r->depth; }

struct hob_slice hob_json_reader_rest(const struct hob_json_reader *r) {
    return (struct hob_slice){(const char *)r->p, (size_t)(r->end - r->p)};
}
