/* base/wheel.c - a hierarchical timer wheel.
 *
 * Time is a 48-bit count of ticks, read as 8 digits of 6 bits. A timer lives at the level of the
 * highest digit in which its tick differs from the wheel's, in the slot which that digit names.
 * From this all else follows:
 *
 * - Its digit is the larger one, since its tick is later. So no slot at or below the wheel's own
 *   digit is ever occupied, and the lowest set bit of a level is its earliest slot.
 * - Whatever is at a level comes before all that is at higher levels: the next slot is the lowest
 *   bit of the lowest level that has one, found without looking at any timer.
 * - Time may jump to any tick before that slot without moving anything.
 * - A timer may lie in a slot that comes before its own: when time reaches it, it is placed anew.
 *   So moving a timer touches nothing but itself as long as its slot comes before the new deadline;
 *   and one that is likely to be moved begins in the slot that is half the way.
 * - When time reaches a slot of a higher level, its timers are spread over the lower levels, which
 *   are empty at that moment: so a slot's order stays the order of arming.
 *
 * A timer moves at most once per level, in practice twice; from half the way once more. */
#include "wheel.h"

enum {
    DIGIT = HOB__WHEEL_DIGIT,
    DIGIT_MASK = HOB__WHEEL_SLOTS - 1,
    MANY = 10000 /* timers: more than the caches have */
};
#define LAST_TICK ((UINT64_C(1) << (64 - HOB__WHEEL_SHIFT)) - 1)
enum { FAR = 1 << 14 }; /* ticks, about a second: nearer, a wake-up half the way is not worth it */

/* Rounded up; the last tick, 584 years from the clock's start, stands for all later ones. */
static inline uint64_t tick_of(uint64_t deadline_ns) {
    if (HOB__UNLIKELY(deadline_ns > LAST_TICK << HOB__WHEEL_SHIFT)) return LAST_TICK;
    return (deadline_ns + (UINT64_C(1) << HOB__WHEEL_SHIFT) - 1) >> HOB__WHEEL_SHIFT;
}

static inline unsigned level_of(uint64_t now, uint64_t tick) {
    return (63U - (unsigned)__builtin_clzll((now ^ tick) | 1)) / DIGIT;
}

static unsigned digit_of(uint64_t tick, unsigned level) {
    return (unsigned)(tick >> (DIGIT * level)) & DIGIT_MASK;
}

static void slot_clear(struct hob__wheel_slot *slot) {
    slot->first = NULL;
    slot->tail = &slot->first;
}

static inline void link_last(struct hob__wheel *w, struct hob_timer *t, uint32_t slot) {
    struct hob__wheel_slot *s = &w->slots[slot];
    t->slot = slot;
    t->next = NULL;
    t->link = s->tail;
    *s->tail = t;
    s->tail = &t->next;
}

static inline __attribute__((always_inline)) void place(struct hob__wheel *w, struct hob_timer *t,
                                                        uint64_t tick) {
    unsigned level = level_of(w->tick, tick), digit = digit_of(tick, level), shift = DIGIT * level;
    w->bits[level] |= UINT64_C(1) << digit;
    t->begins = (uint32_t)(tick >> shift << shift >> (32 - HOB__WHEEL_SHIFT));
    link_last(w, t, level * HOB__WHEEL_SLOTS + digit);
}

/* The first tick of a slot that is not behind the wheel's tick. */
static uint64_t begin_of(const struct hob__wheel *w, uint32_t slot) {
    unsigned level = slot / HOB__WHEEL_SLOTS;
    uint64_t digit = slot % HOB__WHEEL_SLOTS;
    uint64_t above = w->tick >> (DIGIT * level + DIGIT) << (DIGIT * level + DIGIT);
    return above | digit << (DIGIT * level);
}

/* The earliest occupied slot and the tick at which it begins; false when there is none. */
static bool next_slot(const struct hob__wheel *w, unsigned *level, uint64_t *tick) {
    if (w->count == 0) return false; /* as it is for a loop of messages that answer each other */
    for (unsigned l = 0; l < HOB__WHEEL_LEVELS; l++) {
        if (!w->bits[l]) continue;
        *level = l;
        *tick = begin_of(w, l * HOB__WHEEL_SLOTS + (uint32_t)__builtin_ctzll(w->bits[l]));
        return true;
    }
    return false;
}

void hob__wheel_init(struct hob__wheel *w, uint64_t now_ns) {
    w->tick = now_ns >> HOB__WHEEL_SHIFT;
    w->count = 0;
    for (unsigned l = 0; l < HOB__WHEEL_LEVELS; l++) w->bits[l] = 0;
    for (unsigned s = 0; s <= HOB__WHEEL_FIRING; s++) slot_clear(&w->slots[s]);
}

bool hob__wheel_add(struct hob__wheel *w, struct hob_timer *t) {
    uint64_t tick = tick_of(t->deadline_ns);
    if (tick <= w->tick) return false;
    place(w, t, tick);
    w->count++;
    return true;
}

bool hob__wheel_move(struct hob__wheel *w, struct hob_timer *t, uint64_t deadline_ns) {
    uint64_t tick = tick_of(deadline_ns);
    t->deadline_ns = deadline_ns;
    if (t->link) {
        if (t->slot != HOB__WHEEL_FIRING && tick >= begin_of(w, t->slot)) return true;
        hob__wheel_remove(w, t);
    }
    if (HOB__UNLIKELY(tick <= w->tick)) return false;
    uint64_t ahead = tick - w->tick;
    place(w, t, ahead < FAR ? tick : w->tick + ahead / 2);
    w->count++;
    return true;
}

void hob__wheel_remove(struct hob__wheel *w, struct hob_timer *t) {
    if (!t->link) return;
    *t->link = t->next;
    if (t->next) {
        t->next->link = t->link;
    } else {
        struct hob__wheel_slot *s = &w->slots[t->slot];
        s->tail = t->link;
        if (!s->first && t->slot != HOB__WHEEL_FIRING)
            w->bits[t->slot / HOB__WHEEL_SLOTS] &= ~(UINT64_C(1) << (t->slot % HOB__WHEEL_SLOTS));
    }
    t->next = NULL;
    t->link = NULL;
    w->count--;
}

/* Empties the slot; its timers, still chained, are the caller's. */
static struct hob_timer *take(struct hob__wheel *w, unsigned level, uint64_t tick) {
    unsigned digit = digit_of(tick, level);
    struct hob__wheel_slot *s = &w->slots[level * HOB__WHEEL_SLOTS + digit];
    struct hob_timer *first = s->first;
    slot_clear(s);
    w->bits[level] &= ~(UINT64_C(1) << digit);
    return first;
}

static void spread(struct hob__wheel *w, struct hob_timer *first) {
    for (struct hob_timer *t = first, *next; t; t = next) {
        next = t->next;
        place(w, t, tick_of(t->deadline_ns));
    }
}

static bool in_order(const struct hob_timer *t) {
    for (; t->next; t = t->next)
        if (t->next->deadline_ns < t->deadline_ns) return false;
    return true;
}

/* Takes up to n timers off the front of *rest; they become a chain of their own. */
static struct hob_timer *take_run(struct hob_timer **rest, size_t n) {
    struct hob_timer *run = *rest, *last = run;
    if (!run) return NULL;
    while (--n && last->next) last = last->next;
    *rest = last->next;
    last->next = NULL;
    return run;
}

/* Appends the two sorted runs, merged, at *tail; equals of a first. The new tail. */
static struct hob_timer **merge(struct hob_timer **tail, struct hob_timer *a, struct hob_timer *b) {
    while (a || b) {
        struct hob_timer **from = b && (!a || b->deadline_ns < a->deadline_ns) ? &b : &a;
        *tail = *from;
        tail = &(*from)->next;
        *from = *tail;
    }
    *tail = NULL;
    return tail;
}

/* A stable merge sort from the bottom up, by the next pointers only. */
static struct hob_timer *sort(struct hob_timer *first) {
    for (size_t width = 1;; width *= 2) {
        struct hob_timer *rest = first, **tail = &first;
        size_t merges = 0;
        while (rest) {
            struct hob_timer *a = take_run(&rest, width), *b = take_run(&rest, width);
            tail = merge(tail, a, b);
            merges++;
        }
        if (merges <= 1) return first;
    }
}

/* Places those that are due later than their slot; the others are left, chained. */
static struct hob_timer *take_due(struct hob__wheel *w, struct hob_timer *first) {
    struct hob_timer **link = &first;
    while (*link) {
        struct hob_timer *t = *link;
        uint64_t tick = tick_of(t->deadline_ns);
        if (tick <= w->tick) {
            link = &t->next;
        } else {
            *link = t->next;
            place(w, t, tick);
        }
    }
    return first;
}

/* They stay linked, in the list HOB__WHEEL_FIRING, until each one's turn: fire may remove them. */
static size_t fire(struct hob__wheel *w, struct hob_timer *first) {
    size_t fired = 0;
    first = take_due(w, first);
    if (!first) return 0;
    if (!in_order(first)) first = sort(first);
    for (struct hob_timer *t = first, *next; t; t = next) {
        next = t->next;
        t->begins = UINT32_MAX;
        link_last(w, t, HOB__WHEEL_FIRING);
    }
    for (struct hob_timer *t; (t = w->slots[HOB__WHEEL_FIRING].first); fired++) {
        hob__wheel_remove(w, t);
        t->fire(t);
    }
    return fired;
}

/* With many timers each is a cache miss, and a list's next one is not known before. So the lists
 * that are due are gone through side by side first, so that the memory works on one of each at a
 * time. */
static __attribute__((noinline)) void warm(const struct hob__wheel *w, uint64_t now) {
    const struct hob_timer *at[16];
    unsigned n = 0, left;
    uint64_t due = w->bits[0];
    if (now >> DIGIT == w->tick >> DIGIT) due &= ~UINT64_C(0) >> (DIGIT_MASK - digit_of(now, 0));
    for (; due && n < sizeof at / sizeof *at; due &= due - 1) {
        at[n] = w->slots[__builtin_ctzll(due)].first;
        __builtin_prefetch(at[n++], 1);
    }
    for (; n > 1; n = left) {
        left = 0;
        for (unsigned i = 0; i < n; i++) {
            const struct hob_timer *next = at[i]->next;
            __builtin_prefetch(next, 1);
            if (next) at[left++] = next;
        }
    }
}

static __attribute__((noinline)) size_t advance_some(struct hob__wheel *w, uint64_t now) {
    uint64_t tick;
    unsigned level;
    size_t fired = 0;
    if (w->count >= MANY) warm(w, now);
    while (next_slot(w, &level, &tick) && tick <= now) {
        w->tick = tick;
        if (level == 0)
            fired += fire(w, take(w, 0, tick));
        else
            spread(w, take(w, level, tick));
    }
    if (now > w->tick) w->tick = now;
    return fired;
}

/* Once in each turn of a loop. */
size_t hob__wheel_advance(struct hob__wheel *w, uint64_t now_ns) {
    uint64_t now = now_ns >> HOB__WHEEL_SHIFT;
    if (w->count > 0) return advance_some(w, now);
    if (now > w->tick) w->tick = now;
    return 0;
}

uint64_t hob__wheel_next(const struct hob__wheel *w) {
    unsigned level;
    uint64_t tick;
    return next_slot(w, &level, &tick) ? tick << HOB__WHEEL_SHIFT : UINT64_MAX;
}

bool hob__wheel_validate(const struct hob__wheel *w) {
    size_t count = 0;
    for (uint32_t s = 0; s <= HOB__WHEEL_FIRING; s++) {
        const struct hob__wheel_slot *slot = &w->slots[s];
        struct hob_timer *const *link = &slot->first;
        for (const struct hob_timer *t = slot->first; t; link = &t->next, t = t->next, count++) {
            uint64_t tick = tick_of(t->deadline_ns);
            if (t->link != link || t->slot != s) return false;
            if (s == HOB__WHEEL_FIRING) {
                if (tick > w->tick) return false;
                continue;
            }
            uint64_t begin = begin_of(w, s);
            if (tick < begin || begin <= w->tick) return false;
            if (t->begins != begin >> (32 - HOB__WHEEL_SHIFT)) return false;
        }
        if (slot->tail != link) return false;
        if (s == HOB__WHEEL_FIRING) continue;
        bool bit = w->bits[s / HOB__WHEEL_SLOTS] >> (s % HOB__WHEEL_SLOTS) & 1;
        if (bit != (slot->first != NULL)) return false;
    }
    return count == w->count;
}
