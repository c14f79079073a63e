/* grep_log - the lines of a log that hold a word, printed as they are found; the log may be larger
 * than memory. grep_log FILE [WORD]
 *
 * asyncio: async with aiofiles.open(path) as f: async for line in f: ... */
#include <hob/file.h>
#include <hob/hob.h>
#include <stdio.h>
#include <string.h>

static int app(int argc, char **argv) {
    if (argc < 2 || argc > 3) return hob_fail(-EINVAL, "grep_log FILE [WORD]");
    const char *word = argc > 2 ? argv[2] : "ERROR";
    long lines = 0, found = 0;
    HOB_FILE(log); /* closed when this block is left */
    HOB_TRY(hob_open(argv[1], "r", &log));
    HOB_EACH_LINE(line, log) {
        lines++;
        if (!strstr(line.text, word)) continue;
        found++;
        puts(line.text);
    }
    printf("%ld of %ld lines\n", found, lines);
    return 0;
}

int main(int argc, char **argv) { return hob_main(app, argc, argv); }
