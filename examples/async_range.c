/* async_range - a generator that waits between its values.
 *
 * `async def async_range(...): ... yield i` is a function with hob_yield(gen, i), and `async for`
 * is HOB_EACH. Leaving the loop early cancels the generator, so that its clean-ups run then. */
#include <hob/hob.h>
#include <stdio.h>

static void say(void *what) { printf("%s\n", (const char *)what); }

static int async_range(struct hob_generator *gen, int from, int to) {
    static char end[] = "the generator has ended";
    HOB_DEFER(say, end);
    for (int i = from; i < to; i++) {
        HOB_TRY(hob_sleep(0.1));
        HOB_TRY(hob_yield(gen, i));
    }
    return 0;
}
HOB_GENERATOR(async_range, int, int, int)

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    uint64_t began = hob_now();
    HOB_EACH(int, i, async_range, 0, 5) printf("%.2f s  %d\n", (hob_now() - began) / 1e9, i);
    HOB_EACH(int, i, async_range, 1000, 1000000) {
        printf("%.2f s  %d\n", (hob_now() - began) / 1e9, i);
        if (i == 1002) break;
    }
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
