/* Not a failure: what must compile without a warning, as C and as C++, and run. */
#include <hob/hob.h>

struct point {
    double x, y;
    int tag;
};

static int nothing(void) { return 0; }
HOB_TASK(nothing)

static int add(int a, int b) { return a + b; }
HOB_TASK(add, int, int)

static int all(char c, unsigned char uc, float f, double d, struct point p, int (*fn)(int, int),
               const int *const n, const char *text) {
    bool right = c == 'a' && uc == 200 && f == 1.5f && d == 2.5 && p.tag == 7 && p.x == 1;
    return right && fn(2, 3) == 5 && *n == 9 && text[0] == 't' ? 0 : -EINVAL;
}
HOB_TASK(all, char, unsigned char, float, double, struct point, int (*)(int, int), const int *const,
         const char *)

static int wait_for(struct hob_task *t) { return hob_await(t); }
HOB_TASK(wait_for, struct hob_task *)

static int server(bool *up) {
    *up = true;
    hob_started();
    return hob_sleep(0);
}
HOB_TASK(server, bool *)

static int spawns(int nine) {
    struct point p = {1, 2, 7};
    bool up = false;
    struct hob_spawn_options options = {"named", 0, false};
    HOB_SCOPE(s);
    hob_spawn(s, nothing);
    struct hob_task *t = hob_spawn(s, add, 1, 2);
    hob_spawn(s, all, 'a', 200, 1.5, 2.5f, p, add, &nine, "text");
    hob_spawn(s, wait_for, hob_spawn_named(s, "waits", wait_for, t));
    hob_spawn_daemon(s, wait_for, t);
    hob_spawn_with(s, options, add, 3, 4);
    HOB_TRY(hob_start(s, server, &up));
    HOB_TRY(hob_background(nothing));
    if (!up) return -EINVAL;
    {
        HOB_SCOPE(inner);
        hob_spawn(inner, nothing);
        HOB_TRY(hob_join(inner));
    }
    return hob_join(s);
}
HOB_TASK(spawns, int)

static int deadlines(void) {
    int rc = hob_within(60, hob_within(60, HOB_TRY(HOB_TRY(add(1, HOB_TRY(add(1, 1)))))));
    if (rc != 3) return -EINVAL;
    rc = hob_within_until(hob_after(60), hob_shielded(hob_within(60, hob_shielded(add(2, 3)))));
    if (rc != 5) return -EINVAL;
    return hob_within(0.001, hob_sleep(60)) == -ETIMEDOUT ? 0 : -EINVAL;
}
HOB_TASK(deadlines)

static int count(struct hob_generator *gen, int n) {
    for (int i = 0; i < n; i++) HOB_TRY(hob_yield(gen, i));
    return 0;
}
HOB_GENERATOR(count, long, int)

static int points(struct hob_generator *gen) {
    struct point p = {3, 4, 5};
    HOB_TRY(hob_yield(gen, p));
    return 0;
}
HOB_GENERATOR(points, struct point)

static int loops(void) {
    long sum = 0;
    HOB_EACH(long, i, count, 5) HOB_EACH(long, j, count, 5) {
        if (j > i) break;
        HOB_EACH(struct point, p, points) sum += i * j + p.tag;
    }
    HOB_GEN(g, count, 1);
    HOB_GEN(h, points);
    struct point p;
    if (HOB_TRY(hob_next(h, &p)) != 1 || p.y != 4) return -EINVAL;
    while (HOB_TRY(hob_next(g, &sum)) == 1) sum++;
    return sum == 1 ? 0 : -EINVAL;
}
HOB_TASK(loops)

int main(void) {
    struct hob_options options = {NULL, 0, 0, 0, 0, false, false};
    int rc = hob_run(spawns, 9);
    if (rc == 0) rc = hob_run_with(options, deadlines);
    if (rc == 0) rc = hob_run(loops);
    return rc == 0 ? 0 : 1;
}
