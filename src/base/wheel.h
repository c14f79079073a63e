/* base/wheel.h - a hierarchical timer wheel: O(1) to arm and to cancel, whatever their number.
 *
 * 8 levels of 64 slots; a tick is 2^16 ns (65.5 us). Deadlines are rounded up to a tick, so that a
 * timer never fires early. A bitmap per level finds the next slot by counting zeros. */
#ifndef HOB_BASE_WHEEL_H
#define HOB_BASE_WHEEL_H

#include <hob/base.h>

enum {
    HOB__WHEEL_LEVELS = 8,
    HOB__WHEEL_DIGIT = 6, /* bits */
    HOB__WHEEL_SLOTS = 1 << HOB__WHEEL_DIGIT,
    HOB__WHEEL_SHIFT = 16,
    HOB__WHEEL_FIRING = HOB__WHEEL_LEVELS * HOB__WHEEL_SLOTS /* the list that is being fired */
};

/* Timers in order of arming. */
struct hob__wheel_slot {
    struct hob_timer *first, **tail; /* tail: where the next one is linked; &first when empty */
};

struct hob__wheel {
    uint64_t tick; /* all slots up to and with this tick have been expired */
    uint64_t bits[HOB__WHEEL_LEVELS];
    struct hob__wheel_slot slots[HOB__WHEEL_FIRING + 1]; /* level * 64 + slot */
    size_t count;                                        /* armed timers */
};

/* The wheel must not move in memory afterwards. */
void hob__wheel_init(struct hob__wheel *w, uint64_t now_ns);
/* Arms t, which is not armed and will probably fire, for t->deadline_ns. False, and not armed, when
 * that tick has been expired already: the caller decides. */
bool hob__wheel_add(struct hob__wheel *w, struct hob_timer *t);
/* Arms t, which will probably be moved or removed before it fires, for deadline_ns, or moves it
 * there. The timer stays in its slot when that comes before the new deadline, too: then it costs a
 * store. So that there is room to move to earlier as well, one that is far ahead is put into the
 * slot that is half the way. False, and not armed, as hob__wheel_add(). */
bool hob__wheel_move(struct hob__wheel *w, struct hob_timer *t, uint64_t deadline_ns);
/* Is t armed, and may it stay where it is for that deadline, as far as one short look can tell?
 * Then t->deadline_ns = deadline_ns moves it. With many timers each is a cache miss, and the next
 * one's begins the sooner the fewer instructions lie between them. */
static inline bool hob__wheel_stays(const struct hob_timer *t, uint64_t deadline_ns) {
    return t->link && deadline_ns >> 32 > t->begins;
}
/* Disarms; a timer that is not armed is left alone. */
void hob__wheel_remove(struct hob__wheel *w, struct hob_timer *t);
/* Calls t->fire for every timer whose deadline, rounded up to its tick, is not after now_ns: in
 * order of deadline, those with the same that were armed by add() in order of arming. Each is
 * disarmed before its call and not touched after it. fire may add and remove any timer, but not
 * call advance. Returns how many fired. */
size_t hob__wheel_advance(struct hob__wheel *w, uint64_t now_ns);
/* When to look again, in ns: not later than the earliest deadline rounded up to its tick (it may be
 * a boundary where a far slot is spread over nearer ones: then advance() fires nothing and this
 * moves on). UINT64_MAX when empty. */
uint64_t hob__wheel_next(const struct hob__wheel *w);
/* Checks every invariant (tests). */
bool hob__wheel_validate(const struct hob__wheel *w);
#endif
