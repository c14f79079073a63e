/* sim/disk.c - what a test does to the disks of its hosts. */
#include "loop/sim/files.h"
#include "sim/sim.h"

static struct hob__sim_fs *disk_of(struct hob__sim *w, struct hob_sim_host *h) {
    return hob__sim_host_fs(h ? h->machine : hob__sim_front(w)->test.machine);
}

static uint32_t probability(double p) { return p <= 0 ? 0 : p >= 1 ? UINT32_MAX : HOB__SIM_P(p); }

void hob__sim_disk(struct hob_sim_host *h, struct hob_sim_disk_options o) {
    struct hob__sim_fs *fs = disk_of(hob__sim_here("hob_sim_disk"), h);
    fs->pages_max = o.size > 0 && o.size < HOB__SIM_PAGE ? 1 : o.size / HOB__SIM_PAGE;
    fs->read_error = probability(o.read_errors);
    fs->write_error = probability(o.write_errors);
    fs->sync_error = probability(o.sync_errors);
    fs->slow_ns = o.latency > 0 ? (uint64_t)(o.latency * 1e9) + 1 : 0;
}

static void power_goes(struct hob__sim_host *machine) { hob_sim_crash(machine->above); }

void hob_sim_crash_at_call(struct hob_sim_host *h, uint64_t n) {
    struct hob__sim *w = hob__sim_here(__func__);
    if (!h) hob__misuse(__func__, "the test's own host cannot crash");
    struct hob__sim_fs *fs = disk_of(w, h);
    fs->crash_in = n;
    fs->crash = power_goes;
}
