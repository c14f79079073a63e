"""hob-gdb.py - Hob's tasks in gdb, in a running program and in a core file.

    (gdb) source /usr/local/share/gdb/hob-gdb.py
    (gdb) hob-tasks             every task: number, state, name, what it waits for, where it was spawned
    (gdb) hob-bt 7              the stack of task 7
    (gdb) hob-bt                the stacks of all

It needs the program's and Hob's debug information; no function of the program is called. The core
file must be the kernel's: gdb's own (gcore) leaves out the stacks, as it does every mapping that has
an unreadable page in it.

How hob-bt works: a suspended task is one pointer to a frame that the switch has left on the task's
stack (src/fiber/switch_*.S). While the command runs, an unwinder tells gdb that the caller of the
thread's innermost frame is that frame; gdb then walks the task's stack with its own means.
"""
import gdb
import gdb.unwinder

TASKS_SHOWN = 1000

# By architecture: stack pointer and program counter; the size of the switch's frame; where in it
# each register lies, the program counter first.
LAYOUT = {
    "i386:x86-64": ("rsp", "rip", 64, {
        "rip": 56, "rbp": 48, "rbx": 40, "r12": 32, "r13": 24, "r14": 16, "r15": 8}),
    "aarch64": ("sp", "pc", 176, dict(
        {"pc": 8, "x29": 0, "x30": 8}, **{"x%d" % (19 + i): 16 + 8 * i for i in range(10)})),
}


def layout(architecture):
    found = LAYOUT.get(architecture.name())
    if not found:
        raise gdb.GdbError("hob: no layout of the switch's frame for " + architecture.name())
    return found


class TaskUnwinder(gdb.unwinder.Unwinder):
    """Leads from the thread's innermost frame to the task whose stack pointer is in `task_sp`."""

    def __init__(self):
        super().__init__("hob-task")
        self.task_sp = self.thread_sp = None

    def __call__(self, pending):
        if self.task_sp is None:
            return None
        sp_name, pc_name, size, registers = layout(pending.architecture())
        pointer = gdb.lookup_type("unsigned long")
        if int(pending.read_register(sp_name).cast(pointer)) != self.thread_sp:
            return None
        # The frame's identity lies below the task's frames, as that of an inner frame must.
        info = pending.create_unwind_info(
            FrameId(self.task_sp, int(pending.read_register(pc_name).cast(pointer))))
        memory = gdb.selected_inferior().read_memory(self.task_sp, size)
        for name, at in registers.items():
            value = int.from_bytes(memory[at:at + 8].tobytes(), "little")
            info.add_saved_register(name, gdb.Value(value).cast(pointer))
        info.add_saved_register(sp_name, gdb.Value(self.task_sp + size).cast(pointer))
        return info


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = gdb.Value(sp), gdb.Value(pc)


UNWINDER = TaskUnwinder()
gdb.unwinder.register_unwinder(None, UNWINDER, replace=True)


def text(pointer):
    """A C string, or None for NULL."""
    return pointer.string(errors="replace") if pointer else None


class Task:
    """What the commands say of a task; all of it is read at once."""

    def __init__(self, record, state, running):
        self.id = int(record["id"])
        self.sp = int(record["sp"]) if record["sp"] else 0
        self.running = running
        self.new = state == "new"
        site = record["site"]
        name = text(record["name"]) or (text(site["name"]) if site else "?")
        self.line = "%6d %-9s %s" % (self.id, "running" if running else state, name)
        if state == "sleeping":
            self.line += ", waits for %s" % (text(record["what"]) or "?")
        if site and site["place"]["file"]:
            self.line += ", spawned in %s at %s:%d" % (
                text(site["place"]["func"]), text(site["place"]["file"]), int(site["place"]["line"]))


def tasks():
    """Every task that has not ended, of all loops, in order of their numbers."""
    try:
        loop = gdb.parse_and_eval("hob__loops")
        states = {field.enumval: field.name[len("HOB__TASK_"):].lower()
                  for field in gdb.lookup_type("enum hob__task_state").fields()}
        gdb.lookup_type("struct hob__task_slab")
    except gdb.error as error:
        raise gdb.GdbError(
            "hob: this program does not run Hob, or has no debug information (%s)" % error)
    found = []
    while loop:
        current = int(loop["current"])
        slab = loop["slabs"]
        while slab:
            for i in range(int(slab["count"])):
                record = slab["tasks"][i]
                state = states.get(int(record["state"]), "?")
                if state != "done":
                    found.append(Task(record, state, int(record.address) == current))
            slab = slab["next"]
        loop = loop["next_loop"]
    return sorted(found, key=lambda task: task.id)


class Tasks(gdb.Command):
    """hob-tasks: lists Hob's tasks that have not ended."""

    def __init__(self):
        super().__init__("hob-tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        found = tasks()
        for task in found[:TASKS_SHOWN]:
            print(task.line)
        if len(found) > TASKS_SHOWN:
            print("... and %d more" % (len(found) - TASKS_SHOWN))
        print("%d tasks" % len(found))


class Backtrace(gdb.Command):
    """hob-bt [NUMBER]: the stack of one of Hob's tasks, or of all. See hob-tasks."""

    def __init__(self):
        super().__init__("hob-bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        found = tasks()
        if argument:
            found = [task for task in found if str(task.id) == argument.strip()]
            if not found:
                raise gdb.GdbError("hob: there is no task " + argument)
        for task in found[:TASKS_SHOWN]:
            print(task.line)
            self.show(task)

    def show(self, task):
        if task.running:
            print("    it runs: see bt in its thread")
            return
        if task.new or not task.sp:
            print("    it has not run yet")
            return
        selected = gdb.selected_frame()
        newest = gdb.newest_frame()
        UNWINDER.thread_sp = int(newest.read_register(layout(newest.architecture())[0]))
        UNWINDER.task_sp = task.sp
        try:
            gdb.invalidate_cached_frames()
            lines = gdb.execute("bt", to_string=True).splitlines()
        finally:
            UNWINDER.task_sp = None
            gdb.invalidate_cached_frames()
            if selected.is_valid():
                selected.select()
        # Frame 0 is the thread's own; the task's begin at 1.
        own = [i for i, line in enumerate(lines) if line.startswith("#1 ")]
        for line in lines[own[0]:] if own else lines:
            print("    " + line)


Tasks()
Backtrace()
