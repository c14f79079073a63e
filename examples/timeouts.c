/* timeouts - a call with a deadline, a block with a deadline, a deadline for two calls.
 *
 * wait_for(slow(), 1) is hob_within(1.0, slow()); `async with timeout(1)` is a scope with a
 * .deadline; timeout_at(when) is hob_within_until(when, call). All of them give -ETIMEDOUT. */
#include <hob/hob.h>
#include <stdio.h>

static uint64_t began;

static void note(const char *what, int rc) {
    printf("%.2f s  %s: %s\n", (hob_now() - began) / 1e9, what,
           rc == -ETIMEDOUT   ? "timed out"
           : rc == -ECANCELED ? "cancelled"
                              : "done");
}

static void put_away(void *what) { printf("        put away: %s\n", (const char *)what); }

static int slow(void) {
    static char tools[] = "the tools";
    HOB_DEFER(put_away, tools); /* on expiry too */
    return hob_sleep(60);
}

static int block_with_deadline(void) {
    HOB_SCOPE(s, .deadline = hob_after(0.5));
    HOB_TRY(hob_sleep(0.2));
    note("first step of the block", 0);
    note("second step of the block", hob_sleep(60));
    return hob_join(s); /* only the owner of the deadline says -ETIMEDOUT */
}

static void two_phases(void) {
    uint64_t deadline = hob_after(1.0);
    note("first phase", hob_within_until(deadline, hob_sleep(0.6)));
    note("second phase, with what is left", hob_within_until(deadline, hob_sleep(0.6)));
}

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    began = hob_now();
    note("slow call", hob_within(1.0, slow()));
    began = hob_now();
    note("block", block_with_deadline());
    began = hob_now();
    two_phases();
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
