/* save.h - where `hob fetch -o DIR` puts the bodies, and what an earlier run has done. */
#ifndef SAVE_H
#define SAVE_H

#include <stdbool.h>
#include <stddef.h>

#include "output.h"
#include "url_set.h"

enum { SAVE_PATH_MAX = 4096 };

/* Is `path` to be a folder: there is one, or it ends with '/' (then it is made)? 1, 0 or -errno. */
int save_folder(const char *path);

/* The file for a URL: "127.0.0.1_8000_items-9f86d081", of letters that every system allows, the
 * same in each run; the end, a hash, keeps URLs apart that look alike. False: too long. */
bool save_path(const char *folder, const char *url, char path[SAVE_PATH_MAX]);

/* The URLs that a file of results says have been fetched. 0 or a negative code: it is another file.
 */
int save_load_results(struct output *out, struct url_set *done);

#endif
