/* sim_counter_bug.c - sim_counter.c with a mistake: a replica that comes back after a crash answers
 * at once, although it has forgotten everything. The test finds a seed that shows it within
 * seconds; HOB_SIM=seed:N,log shows what happened there. */
#define ASKS_THE_OTHERS 0
#include "sim_counter.c"
