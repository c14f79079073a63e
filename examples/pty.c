/* pty - speaks with a shell in a terminal of its own, as a user would: commands, another size,
 * Ctrl-C for what runs too long, Ctrl-D at the end.
 *
 * What a program does only on a terminal (a prompt, colours, a password) needs one: `.terminal =
 * true`. Ctrl-C here ends this program, and with it the shell and what runs in it. asyncio has no
 * word for it: pty.openpty(), create_subprocess_exec(stdin=fd, ..., start_new_session=True),
 * connect_read_pipe(). */
#include <hob/hob.h>
#include <hob/process.h>
#include <hob/stream.h>
#include <stdio.h>
#include <string.h>

#define PROMPT "ready> "

/* Shows all up to the next prompt; a terminal's lines end with \r\n. */
static int answer(struct hob_stream *terminal) {
    struct hob_slice text;
    if (HOB_TRY(hob_read_until(terminal, PROMPT, 0, &text)) == 0)
        return hob_fail(HOB_E_EOF, "the shell has ended");
    for (size_t i = 0; i < text.size - strlen(PROMPT); i++)
        if (text.at[i] != '\r') putchar(text.at[i]);
    return 0;
}

static int type(struct hob_stream *terminal, const char *keys) {
    return (int)HOB_TRY(hob_write(terminal, keys, strlen(keys)));
}

static int talk(struct hob_process *shell) {
    struct hob_stream *terminal = hob_process_terminal(shell);
    struct hob_slice text;
    HOB_TRY(answer(terminal));
    HOB_TRY(type(terminal, "tty >/dev/null && echo a terminal\n"));
    HOB_TRY(answer(terminal));

    HOB_TRY(hob_process_resize(shell, 40, 132));
    HOB_TRY(type(terminal, "stty size\n"));
    HOB_TRY(answer(terminal));

    HOB_TRY(type(terminal, "sh -c 'echo begins; exec sleep 600'\n"));
    HOB_TRY(hob_read_until(terminal, "begins\r\n", 0, &text));
    HOB_TRY(type(terminal, "\003"));
    HOB_TRY(answer(terminal));
    puts("(interrupted)");

    HOB_TRY(type(terminal, "\004"));
    return hob_process_wait(shell); /* the status of its last command */
}

static int app(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return hob_fail(-EINVAL, "pty takes no arguments");
    static const char *const env[] = {"PS1=" PROMPT, "ENV=", NULL};
    HOB_PROCESS(shell);
    HOB_TRY(hob_process_spawn(&shell, HOB_ARGS("/bin/sh", "-i"), .add_env = env, .terminal = true));
    int rc = HOB_TRY(hob_within(20, talk(shell)));
    printf("the shell has ended with %d\n", rc);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
