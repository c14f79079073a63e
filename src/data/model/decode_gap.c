/* data/model/decode_gap.c - what the decoder remembers of the text between values. */
#include "data/model/decode.h"

enum { STEPS = 16 /* of a ring, to find one again */ };

const struct hob__slot hob__gap_end = {.quick = HOB__QUICK_END}, hob__gap_item,
                       hob__gap_skip = {.quick = HOB__QUICK_SKIP};
/* In no text. */
static const uint8_t never[HOB__GAP_MOST] = {[0 ... HOB__GAP_MOST - 1] = 0xFF};
struct hob__gap hob__no_gap = {.text = never,
                               .slot = &hob__gap_skip,
                               .size = HOB__GAP_MOST,
                               .next = &hob__no_gap,
                               .inner = &hob__no_gap,
                               .first = &hob__no_gap,
                               .ring = &hob__no_gap};

static struct hob__gap *make(struct hob__decoder *d) {
    if (d->gap_count == d->gap_room) return NULL;
    struct hob__gap *g = &d->gaps[d->gap_count++];
    *g = hob__no_gap;
    return g;
}

static void set(struct hob__gap *g, const uint8_t *from, const uint8_t *to) {
    bool fits = to - from <= HOB__GAP_MOST;
    g->text = fits ? from : never;
    g->size = fits ? (uint32_t)(to - from) : HOB__GAP_MOST;
}

/* One that was there before. Names of no field are told by their text alone. */
static struct hob__gap *find(struct hob__gap *begin, const struct hob__slot *s, const uint8_t *from,
                             size_t size) {
    struct hob__gap *g = begin;
    for (int i = 0; i < STEPS; i++) {
        if (g->slot == s && g->bracket == (*from == '{') &&
            (s != &hob__gap_skip || (g->size == size && memcmp(g->text, from, size) == 0)))
            return g;
        g = g->ring;
        if (g == begin) break;
    }
    return NULL;
}

void hob__gap_in_object(struct hob__decoder *d, struct hob__decode_frame *f, bool enters,
                        const uint8_t *from, const uint8_t *to, const struct hob__slot *s,
                        const uint8_t *quote) {
    struct hob__gap *around = f->around, *before = f->gap, *g = NULL;
    f->gap = &hob__no_gap;
    if (around == &hob__no_gap || (!enters && before == &hob__no_gap)) return;
    if (s == &hob__gap_skip && (d->o->refuse_unknown || to - from > HOB__GAP_MOST)) return;
    bool some = around->first != &hob__no_gap;
    if (some) g = find(enters ? around->first : before->ring, s, from, (size_t)(to - from));
    if (!g) {
        g = make(d);
        if (!g) return;
        g->slot = s;
        g->bit = s->bit;
        g->offset = s->offset;
        g->quick = s->quick;
        g->bracket = enters;
        struct hob__gap *behind = enters ? around->first : before;
        g->ring = some ? behind->ring : g;
        if (some)
            behind->ring = g;
        else
            around->first = g;
    }
    set(g, from, to);
    g->quote = quote - from <= HOB__GAP_MOST ? (uint8_t)(quote - from) : 0;
    if (enters)
        around->inner = g;
    else
        before->next = g;
    f->gap = g;
}

struct hob__gap *hob__gaps_of_array(struct hob__decoder *d, struct hob__gap *around) {
    if (around == &hob__no_gap || d->gap_count + 2 > d->gap_room) return &hob__no_gap;
    struct hob__gap *item = make(d), *end = make(d);
    item->slot = &hob__gap_item;
    item->next = end;
    end->slot = &hob__gap_end;
    return around->first = item;
}

void hob__gap_enters_array(struct hob__decoder *d, struct hob__gap *around, const uint8_t *from,
                           const uint8_t *to, bool ends) {
    if (around == &hob__no_gap) return;
    struct hob__gap *g = around->inner;
    if (g == &hob__no_gap && !(g = make(d))) return;
    around->inner = g;
    g->slot = ends ? &hob__gap_end : &hob__gap_item;
    set(g, from, to);
}

void hob__gap_in_array(struct hob__gap *gap, const uint8_t *from, const uint8_t *to) {
    if (gap != &hob__no_gap) set(gap, from, to);
}
