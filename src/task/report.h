/* task/report.h - telling the program's user something (hob_set_report), for the layers above. */
#ifndef HOB_TASK_REPORT_H
#define HOB_TASK_REPORT_H

#include <hob/error.h>

/* `text` is whole lines. */
void hob__report(enum hob_report_kind kind, const char *text);

#endif
