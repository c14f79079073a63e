/* data/model/decode.c - JSON straight into structs: the calls, and the decoder's memory (decode.h
 * tells how it works). */
#include <hob/error.h>
#include <hob/task.h>

#include "base/memory.h"
#include "data/arena.h"
#include "data/model/decode.h"
#include "data/number_usual.h"
#include "data/way.h"

/* ---- memory ---- */

bool hob__decode_more_frames(struct hob__decoder *d) {
    d->rc = HOB_E_LIMIT;
    if (d->depth == d->most) return false;
    size_t had = d->depth + 1, room = had * 4;
    struct hob__decode_frame *frames =
        hob__realloc(d->frames == d->some ? NULL : d->frames, room * sizeof *frames);
    d->rc = -ENOMEM;
    if (!frames) return false;
    if (d->frames == d->some) memcpy(frames, d->some, sizeof d->some);
    d->frames = frames;
    d->limit = room - 1 < d->most ? (unsigned)room - 1 : d->most;
    d->rc = HOB_E_JSON;
    return true;
}

bool hob__decode_more_items(struct hob__decoder *d, struct hob__decode_frame *f) {
    size_t each = f->slot->item_size, had = f->room * each,
           size = (f->room ? 2 * f->room : 4) * each;
    void *items = hob__arena_grow(d->memory, f->base, had, &size);
    if (!items) return false;
    f->base = items;
    f->room = size / each < f->most ? size / each : f->most;
    return true;
}

/* ---- UTF-8 ---- */

bool hob__decode_more_utf8(struct hob__decoder *d, const uint8_t *to) {
    const uint8_t *p = d->utf8;
    if (d->end - to > HOB__UTF8_AHEAD) {
        to += HOB__UTF8_AHEAD;
        for (int i = 0; i < 3 && (*to & 0xC0) == 0x80; i++) to--; /* between two characters */
    } else {
        to = d->end;
    }
    d->rc = HOB_E_JSON;
    if (!hob__utf8_is(p, (size_t)(to - p))) return false;
    d->utf8 = to;
    if (to - d->text >= HOB__GAP_SIGHT) d->sight = to - HOB__GAP_SIGHT;
    return true;
}

/* ---- the calls ---- */

/* The one for this processor (way.h). */
static hob__model_decoder *decoder(void) {
#if defined(__x86_64__)
    if (hob__json_way()->avx2) return hob__decode_avx2;
#endif
    return hob__decode_plain;
}

static int run(struct hob__decoder *d, const struct hob__slot *root, void *out) {
    const uint8_t *p = decoder()(d, root, d->text, out);
    if (!p) return d->rc;
    while (p < d->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p == d->end ? 0 : HOB_E_JSON;
}

/* Where gaps are remembered. */
static void remember(struct hob__decoder *d, size_t n) {
    d->root = hob__no_gap;
    d->learns = n >= HOB__DECODE_SMALL;
    d->gap_count = 0;
    d->gap_room = d->learns ? HOB__DECODE_GAPS : 0;
    d->gaps = d->some_gaps;
    if (n < HOB__DECODE_LARGE) return;
    void *more = hob__arena_scratch(d->memory, HOB__DECODE_MORE_GAPS * sizeof *d->gaps);
    if (!more) return; /* it is a matter of speed */
    d->gaps = more;
    d->gap_room = HOB__DECODE_MORE_GAPS;
}

static int decode_text(const struct hob__slot *root, void *out, const void *text, size_t n,
                       struct hob_arena *memory, const struct hob_decode_options *o,
                       bool has_lines) {
    struct hob__decoder d;
    if (HOB__UNLIKELY(!memory)) hob__misuse("hob_model_decode", "the arena is NULL");
    if (o->problems) *o->problems = (struct hob_problems){0};
    if (o->depth > HOB__JSON_DEPTH)
        return hob_fail(-EINVAL, "a depth of %u; at most %d", o->depth, HOB__JSON_DEPTH);
    d.text = text;
    d.end = d.text + n;
    d.utf8 = d.text;
    d.memory = memory;
    d.o = o;
    d.frames = d.some;
    d.depth = 0;
    d.most = o->depth ? o->depth : HOB__JSON_DEPTH;
    d.limit = d.most < HOB__DECODE_FRAMES - 1 ? d.most : HOB__DECODE_FRAMES - 1;
    d.some[0].plan = NULL;
    d.some[0].slot = &hob__gap_item; /* nothing to check */
    d.some[0].count = d.some[0].room = 0;
    d.problems = (struct hob__problem_list){.memory = o->problems ? memory : NULL};
    d.matcher = (struct hob__matcher){NULL};
    d.counted = NULL;
    d.sight = NULL;
    size_t around = HOB__NUMBER_BACK + HOB__NUMBER_SIGHT;
    d.numbers = n > around ? d.text + HOB__NUMBER_BACK : d.end + 1;
    d.number_span = n > around ? n - around : 0;
    remember(&d, n);
    d.line = d.column = 0;
    d.has_lines = has_lines;
    int rc = run(&d, root, out);
    hob__matcher_end(&d.matcher);
    if (d.frames != d.some) hob__free(d.frames);
    if (rc == 0) return hob__problems_end(&d.problems, o->problems);
    if (rc == -ENOMEM) return hob_fail(rc, "no memory for the value");
    struct hob_json_options judge = {.big_double = true, .depth = o->depth};
    int said = hob__json_check(text, n, &judge);
    return said < 0 ? said : hob_fail(rc, "not JSON"); /* never: both judge alike */
}

static int decode_struct(const struct hob_model *model, void *out, const void *text, size_t n,
                         struct hob_arena *memory, const struct hob_decode_options *o,
                         bool has_lines) {
    struct hob__root root;
    hob__root_slot(&root, model, false);
    memset(out, 0, model->size);
    int rc = decode_text(&root.slot, out, text, n, memory, o, has_lines);
    if (rc < 0 && rc != HOB_E_MODEL) memset(out, 0, model->size);
    return rc;
}

int hob_model_decode_with(const struct hob_model *model, void *out, const void *text, size_t n,
                          struct hob_arena *memory, struct hob_decode_options options) {
    return decode_struct(model, out, text, n, memory, &options, true);
}

int hob__decode_without_lines(const struct hob_model *model, void *out, const char *text, size_t n,
                              struct hob_arena *memory, const struct hob_decode_options *o) {
    return decode_struct(model, out, text, n, memory, o, false);
}

int hob__decode_field(const struct hob__slot *s, void *whole, const char *text, size_t n,
                      struct hob_arena *memory, const struct hob_decode_options *o) {
    struct hob__slot root = *s;
    root.plain = false; /* it is no member of an object here */
    return decode_text(&root, (char *)whole + s->offset, text, n, memory, o, false);
}

int hob_model_decode_array_with(const struct hob_model *model, void *out, size_t *count,
                                const void *text, size_t n, struct hob_arena *memory,
                                struct hob_decode_options options) {
    struct {
        void *items;
        size_t count;
    } list = {NULL, 0};
    struct hob__root root;
    hob__root_slot(&root, model, true);
    int rc = decode_text(&root.slot, &list, text, n, memory, &options, true);
    if (rc < 0 && rc != HOB_E_MODEL) list.items = NULL, list.count = 0;
    memcpy(out, &list.items, sizeof list.items);
    *count = list.count;
    return rc;
}
