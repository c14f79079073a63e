/* hello - print, wait a second, print.
 *
 * asyncio.run(main()) is hob_main(app, ...) here, and `await asyncio.sleep(1)` is hob_sleep(1): a
 * call that waits. HOB_TRY leaves the function when the call fails; so Ctrl-C ends it at once. */
#include <hob/hob.h>
#include <stdio.h>

static int app(int argc, char **argv) {
    (void)argc, (void)argv;
    printf("hello ...\n");
    HOB_TRY(hob_sleep(1.0));
    printf("... world\n");
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
