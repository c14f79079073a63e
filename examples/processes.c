/* processes - a pipeline of two programs, its lines as they come; then a program's whole output.
 *
 * create_subprocess_exec(..., stdout=PIPE) is hob_process_spawn(); subprocess.run(capture_output,
 * check) is hob_process_output(). Leaving the block ends what still runs. */
#include <hob/hob.h>
#include <hob/process.h>
#include <hob/stream.h>
#include <stdio.h>

static int pipeline(void) {
    HOB_PROCESS(numbers);
    HOB_PROCESS(filter);
    HOB_TRY(hob_process_shell(&numbers, "for i in 1 2 3 4; do echo line $i; sleep 0.1; done",
                              .out = HOB_IO_PIPE, .group = true)); /* with its sleeps */
    HOB_TRY(hob_process_spawn(&filter, HOB_ARGS("grep", "--line-buffered", "[24]"),
                              .in = HOB_IO_FROM(numbers), .out = HOB_IO_PIPE));
    HOB_EACH_LINE(line, hob_process_out(filter)) puts(line.text);
    return hob_process_wait(filter);
}

static int app(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return hob_fail(-EINVAL, "processes takes no arguments");
    HOB_TRY(pipeline());

    struct hob_process_result r = {};
    int rc = hob_process_output(&r, HOB_ARGS("tr", "a-z", "A-Z"), .input = "all at once\n",
                                .input_size = 12);
    if (rc >= 0) printf("%s", r.out);
    hob_process_result_free(&r);

    rc = hob_process_output(&r, HOB_ARGS("ls", "/nowhere"), .check = true);
    printf("ls: %s\n", rc == HOB_E_EXIT ? "failed, and said why" : hob_strerror(rc));
    hob_process_result_free(&r);

    rc = hob_within(0.2, hob_process_output(&r, HOB_ARGS("sleep", "60")));
    printf("sleep: %s, and gone\n", hob_strerror(rc));
    hob_process_result_free(&r);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
