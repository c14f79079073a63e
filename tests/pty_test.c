/* pty_test.c - children on a pseudo-terminal of their own. Each test is a hob_run(). */
#include "process.h"

#include <termios.h>

/* Reads until the text contains the part. */
static int read_until(struct hob_stream *s, char *buf, size_t size, const char *part) {
    size_t n = strlen(buf);
    while (!strstr(buf, part)) {
        ssize_t got = HOB_TRY(hob_read(s, buf + n, size - 1 - n));
        if (got == 0) FAIL("no \"%s\" in \"%s\"", part, buf);
        buf[n += (size_t)got] = 0;
    }
    return 0;
}

PROCESS_TEST(a_terminal_of_its_own) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(
        &p, SH("test -t 0 -a -t 1 -a -t 2 && stty size && ps -o tty=,sid=,pgid=,tpgid= -p $$"),
        .terminal = true, .rows = 30, .columns = 100));
    char text[256] = "", wanted[64];
    CHECK(hob_process_out(p) == NULL);
    HOB_TRY(read_until(hob_process_terminal(p), text, sizeof text, "pts"));
    CHECK_HAS(text, "30 100\r\n");
    snprintf(wanted, sizeof wanted, "%d", (int)hob_process_pid(p));
    /* Session, group and the terminal's foreground group are its own. */
    int times = 0;
    HOB_TRY(read_until(hob_process_terminal(p), text, sizeof text, &"\n30 100\r\n"[8]));
    while (hob_read(hob_process_terminal(p), text + strlen(text), 1) > 0) continue;
    for (const char *at = text; (at = strstr(at, wanted)); at++) times++;
    CHECK_EQ(times, 3);
    CHECK_EQ(hob_process_wait(p), 0);
    return 0;
}

PROCESS_TEST(the_end_of_a_terminal_is_an_end) {
    struct hob_process_result r;
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("echo words; exit 3"), .terminal = true));
    CHECK_EQ(hob_process_communicate(p, NULL, 0, &r, 0), 3);
    CHECK_STR(r.out, "words\r\n");
    hob_process_result_free(&r);
    CHECK_EQ(hob_process_output(&r, SH("test -t 1; echo $?"), .terminal = true), 0);
    CHECK_STR(r.out, "0\r\n");
    hob_process_result_free(&r);
    return 0;
}

PROCESS_TEST(talking_with_a_shell) {
    HOB_PROCESS(p);
    static const char *const env[] = {"PS1=$ ", NULL};
    HOB_TRY(hob_process_spawn(&p, HOB_ARGS("/bin/sh", "-i"), .terminal = true, .add_env = env));
    struct hob_stream *t = hob_process_terminal(p);
    char text[4096] = "";
    HOB_TRY(read_until(t, text, sizeof text, "$ "));
    HOB_TRY(hob_write(t, "echo $((6*7))\n", 14));
    /* With the prompt: it would else come between the next line's echo and what that prints. */
    HOB_TRY(read_until(t, text, sizeof text, "\r\n42\r\n$ "));
    text[0] = 0;
    static const char line[] = "sh -c 'echo $((6*9)); exec sleep 600'\n";
    HOB_TRY(hob_write(t, line, sizeof line - 1));
    HOB_TRY(read_until(t, text, sizeof text, "\r\n54\r\n")); /* in the foreground */
    /* Ctrl-C. The kernel drops what is on its way out then, and may drop the prompt that follows.
     */
    HOB_TRY(hob_write(t, "\3", 1));
    HOB_TRY(hob_write(t, "exit 5\n", 7));
    while (hob_read(t, text, sizeof text) > 0) continue;
    CHECK_EQ(hob_process_wait(p), 5);
    return 0;
}

PROCESS_TEST(the_window_changes) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(
        &p, SH("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done"),
        .terminal = true));
    char text[128] = "";
    HOB_TRY(read_until(hob_process_terminal(p), text, sizeof text, "ready"));
    HOB_TRY(hob_process_resize(p, 11, 22));
    HOB_TRY(read_until(hob_process_terminal(p), text, sizeof text, "11 22"));
    CHECK_EQ(hob_process_wait(p), 0);
    HOB_PROCESS(q);
    HOB_TRY(hob_process_spawn(&q, SH("exit 0")));
    CHECK_EQ(hob_process_resize(q, 1, 1), -EINVAL);
    return 0;
}

PROCESS_TEST(only_some_of_the_three) {
    HOB_PROCESS(p);
    HOB_TRY(hob_process_spawn(&p, SH("test -t 0 && test -t 2 && ! test -t 1 && cat < /dev/tty"),
                              .terminal = true, .out = HOB_IO_PIPE));
    HOB_TRY(hob_write(hob_process_terminal(p), "a line\n", 7));
    char text[8];
    HOB_TRY(hob_read_exactly(hob_process_out(p), text, 7));
    CHECK(memcmp(text, "a line\n", 7) == 0);
    return 0;
}

PROCESS_TEST(closing_the_terminal_ends_its_session) {
    pid_t pid;
    {
        HOB_PROCESS(p);
        HOB_TRY(hob_process_spawn(&p, SH("sleep 600 & echo $!; wait"), .terminal = true));
        char text[32] = "";
        HOB_TRY(read_until(hob_process_terminal(p), text, sizeof text, "\n"));
        pid = atoi(text);
        CHECK(lives(pid));
    }
    return gone(pid);
}

TEST_MAIN()
