"""aiofiles_files.py - files_20000 on asyncio and aiofiles, as their users write it: a task for each
file, a semaphore of a hundred. Takes the folder and how many files there are; reads them once, and
once for each line of standard input: prints the CPU time in us for each file."""
import asyncio
import sys
import time

import aiofiles

IN_FLIGHT = 100
FILE_BYTES = 4096


async def read(name, limit):
    async with limit:
        async with aiofiles.open(name, "rb") as f:
            data = await f.read()
    if len(data) != FILE_BYTES:
        raise EOFError(f"{name} is short")


async def one_pass(names):
    limit = asyncio.Semaphore(IN_FLIGHT)
    await asyncio.gather(*(read(name, limit) for name in names))


async def main(folder, count):
    names = [f"{folder}/{i:05}" for i in range(count)]
    await one_pass(names)
    print("files_20000 0 us", flush=True)
    for _ in sys.stdin:
        start = time.process_time_ns()
        await one_pass(names)
        us = (time.process_time_ns() - start) / count * 1e-3
        print(f"files_20000 {us:.6g} us", flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
