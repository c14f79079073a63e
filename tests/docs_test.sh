#!/bin/sh
# The documents are true as far as a machine can tell: links lead to files, every name that begins
# with hob_ or HOB_ exists, code under "<!-- from FILE -->" stands in that file, a program prints
# what stands under "<!-- printed by PROGRAM -->", and the README's program does what it says.
set -u
cd "$(dirname "$0")/.."
exec python3 - "${HOB_BUILD:-build}" <<'END'
import os, pathlib, re, shutil, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor

build = pathlib.Path(sys.argv[1])
passed = failed = 0


def check(name, problems):
    global passed, failed
    if problems:
        failed += 1
        print("FAIL " + name)
        for problem in problems:
            print("    " + problem)
    else:
        passed += 1
        print("ok " + name)


def read(path):
    return pathlib.Path(path).read_text()


documents = [pathlib.Path("README.md"), pathlib.Path("CONTRIBUTING.md"), pathlib.Path("examples/README.md"),
             *pathlib.Path("docs").glob("*.md")]
pages = sorted(pathlib.Path("docs/man").glob("*.[1-9]"))
# Each point of the contract and each rule of asyncio's own tests has tests that are named by it.
named = set()
for file in pathlib.Path("tests").glob("*_test.c"):
    named.update(re.findall(r"^\w*TEST\(([A-Z]+\d\d)", read(file), re.M))
points = re.findall(r"^(\d+)\. ", read("docs/contract.md"), re.M)
check("points of the contract, 1 to %d" % len(points),
      [] if len(points) > 10 and points == [str(i + 1) for i in range(len(points))] else [str(points)])
RULES = {"P": len(points), "T": 25, "G": 34, "O": 21, "W": 14, "K": 17, "Q": 9, "R": 7, "E": 5, "C": 1,
         "TH": 5, "AG": 2}
for letter, count in RULES.items():
    check("tests named %s01 to %s%02d" % (letter, letter, count),
          ["no test %s%02d_..." % (letter, i) for i in range(1, count + 1)
           if "%s%02d" % (letter, i) not in named])

known = set()
for folder in ("include", "src", "tests", "examples", "bench", "tools"):
    for file in pathlib.Path(folder).rglob("*.[chS]"):
        known.update(re.findall(r"\b(?:hob|HOB)_\w+", file.read_text()))
known.update(re.findall(r"\bHOB_\w+", read("scripts/run-tests")))


def missing_names(text):
    """Names of the interface that are nowhere in the source. hob_... and HOB_..._ are patterns."""
    words = re.findall(r"(?<![\w/])(?:hob|HOB)_\w+", text)
    return sorted({"no " + w for w in words if w not in known and not w.endswith("_")})


# CONTRIBUTING.md: "below 200 files and 200 KB each".
corpora = [[f.stat().st_size for f in folder.rglob("*") if f.is_file()]
           for folder in sorted(pathlib.Path("fuzz/corpus").iterdir()) if folder.is_dir()]
check("kept inputs of fuzz targets are few and small",
      ["%d files, %d bytes in one" % (len(sizes), sum(sizes)) for sizes in corpora
       if len(sizes) >= 200 or sum(sizes) >= 200000] if corpora else ["there are none"])

for document in documents:
    text = read(document)
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    check("links of %s" % document,
          ["no " + link for link in links if not (document.parent / link).exists()])
    check("names in %s" % document, missing_names(text))
    wrong = []
    for source, code in re.findall(r"<!-- from (\S+) -->\n+```c\n(.*?)```", text, re.S):
        if not pathlib.Path(source).exists():
            wrong.append("no " + source)
            continue
        lines = [line.strip() for line in read(source).splitlines() if line.strip()]
        whole = "\n".join(lines)
        for piece in re.split(r"^\s*\.\.\.\s*$", code, flags=re.M):
            piece = "\n".join(line.strip() for line in piece.splitlines() if line.strip())
            if piece and piece not in whole:
                wrong.append("not in %s: %s ..." % (source, piece.splitlines()[0]))
    check("code in %s" % document, wrong)

for page in pages:
    text = read(page)
    check("names in %s" % page, missing_names(text.replace("\\", "")))
    if shutil.which("man"):
        run = subprocess.run(["man", "--warnings", "-l", str(page)], capture_output=True, text=True,
                             env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "MANWIDTH": "80"})
        check("format of %s" % page, run.stderr.splitlines())

# What a command takes, what --help says and what its page says are the same options.
for command, file in (("fetch", "fetch_options"), ("crawl", "crawl_options"), ("serve", "serve"),
                      ("playground", "playground")):
    source = "tools/hob/%s.c" % file
    taken = set(re.findall(r'\{"([\w-]+)",\s*(?:no|required)_argument', read(source)))
    usage = re.search(r"(\"Usage: hob .*?);\n", read(source), re.S)[1]
    page = re.sub(r"\\f.", " ", read("docs/man/hob-%s.1" % command).replace("\\-", "-"))
    wrong = [] if len(taken) > 1 else ["only %s found in %s" % (taken, source)]
    for name, text in (("--help", usage), ("its page", page)):
        told = set(re.findall(r"(?<![\w-])--([a-z][\w-]*)", text))
        wrong += ["%s is not in %s" % (option, name) for option in sorted(taken - told)]
        wrong += ["%s in %s is no option" % (option, name) for option in sorted(told - taken)]
    check("options of hob %s" % command, wrong)

# A busy machine can be late; what is wrong is wrong each time.
ATTEMPTS = 5
PATIENT = dict(os.environ, HOB_SLOW_MS="60000")
private = re.search(r"^Libs.private:(.*)$", read(build / "meson-private/hob.pc"), re.M)[1].split()


def run_program(name, code, output):
    """Compiles and runs a whole program; `output` is what it must print. Returns the seconds, the fewest."""
    with tempfile.TemporaryDirectory() as folder:
        source, binary = folder + "/program.c", folder + "/program"
        pathlib.Path(source).write_text(code)
        run = subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Iinclude", source,
                              "-o", binary, str(build / "libhob.a"), *private],
                             capture_output=True, text=True)
        if run.returncode == 0:
            seconds = 1000
            for _ in range(ATTEMPTS):
                began = time.monotonic()
                run = subprocess.run([binary], capture_output=True, text=True, timeout=60, env=PATIENT)
                seconds = min(seconds, time.monotonic() - began)
                if seconds < 1.9:
                    break
        good = run.returncode == 0 and run.stdout == output and not run.stderr
        check(name, [] if good else (run.stdout + run.stderr).splitlines() or ["no output"])
        return seconds if good else 0


readme = re.search(r"```c\n(#include.*?)```", read("README.md"), re.S)[1]
seconds = run_program("README's program", readme, "hello, Ada\nhello, Grace\n")
check("... takes one second, not two", [] if 0.99 < seconds < 1.9 else ["%.2f s" % seconds])


def masked(text):
    """Times differ from run to run."""
    return [re.sub(r"\d+\.\d+", "#", line).strip() for line in text.splitlines()]


def other_output(path, text, attempts):
    """Nothing, or what the program prints instead."""
    for _ in range(attempts):
        run = subprocess.run([build / path], capture_output=True, text=True, timeout=60, env=PATIENT)
        if masked(run.stdout + run.stderr) == masked(text):
            return []
    return (run.stdout + run.stderr).splitlines() or ["nothing"]


tutorial = read("docs/tutorial.md")
pieces = re.findall(r"(?<=\n)([^\n]*)\n+```c\n", tutorial)
check("the tutorial's code is the examples'", ["it has none"] if not pieces else
      ["unmarked: " + p for p in pieces if not re.fullmatch("<!-- from examples/.* -->", p)])
shown = re.findall(r"<!-- printed by (\S+) -->\n+```text\n(.*?)```", tutorial, re.S)
check("the tutorial shows what they print", [] if shown else ["it does not"])
with ThreadPoolExecutor(4) as pool:
    for (path, text), problems in zip(shown, [*pool.map(lambda s: other_output(*s, 1), shown)]):
        problems = problems and other_output(path, text, ATTEMPTS)  # alone
        check("tutorial: what %s prints" % path, problems)

print("%d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
END
