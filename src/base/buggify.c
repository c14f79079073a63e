#include <hob/buggify.h>

bool (*hob__buggify)(const char *name);
