# SPDX-License-Identifier: MIT
"""Whole tasks beside the Python way, in turns: wall time from start to end, processor time and memory's peak.

usage: python3 tests/bench/tasks.py localizer|cifar PROGRAM [ROUNDS] [THREADS]      environment: PEERS, PICTURES
  localizer   ResNet-50, 17 layers: `fusiform run --test welch` and things.py in $PEERS/things (a venv with thingsvision)
              $PICTURES: fLoc's folders, of which eight are shown; default: 192 drawn ones
  cifar       ResNet-44 on 10,010 drawn pictures of 32 x 32: `fusiform classify` and cifar.py in $PEERS/python and in
              Debian's Python, which load them themselves or in as many processes as there are threads
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

TASK, PROGRAM = sys.argv[1], os.path.abspath(sys.argv[2])
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
THREADS = sys.argv[4] if len(sys.argv) > 4 else "2"
PEERS = os.path.abspath(os.environ.get("PEERS", "build/peers"))
HERE = os.path.dirname(os.path.abspath(__file__))
CATEGORIES = ["face=adult,child", "body=body,limb", "place=house,corridor", "word=word", "scrambled=scrambled"]


def timed(command):
    """Wall and processor seconds, peak memory in MB, standard output."""
    environment = dict(os.environ, OMP_NUM_THREADS=THREADS)
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        output = process.stdout.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - begin
    if process.returncode:
        return None
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output


def ours(*arguments):
    subprocess.run([PROGRAM, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def localizer(work):
    """{name: command}"""
    weights, pictures = os.path.join(work, "resnet50.safetensors"), os.environ.get("PICTURES")
    ours("convert", "random:resnet50?seed=1", "-o", weights)
    if not pictures:
        pictures = os.path.join(work, "pictures")
        ours("stimuli", "generate", "--per-category", "24", "-o", pictures)
    python = os.path.join(PEERS, "things", "bin", "python")
    run = [PROGRAM, "run", "--model", weights, "--stimuli", pictures, "--categories", ";".join(CATEGORIES), "--test",
           "welch", "--threads", THREADS, "--force", "--out", os.path.join(work, "run")]
    return {"fusiform": run, "thingsvision": [python, os.path.join(HERE, "things.py"), weights, pictures,
                                              os.path.join(work, "things"), THREADS, *CATEGORIES]}


def cifar(work):
    weights, pictures = os.path.join(work, "resnet44.safetensors"), os.path.join(work, "pictures")
    ours("convert", "random:cifar_resnet44?seed=1", "-o", weights)
    ours("stimuli", "generate", "--per-category", "910", "--size", "32", "-o", pictures)
    commands = {"fusiform": [PROGRAM, "classify", "--threads", THREADS, "--top", "1", "--model", weights, pictures]}
    for name, python in (("PyTorch 2", os.path.join(PEERS, "python")), ("Debian's PyTorch", "/usr/bin/python3")):
        for workers in ("0", THREADS):
            label = name if workers == "0" else f"{name}, {workers} loaders"
            commands[label] = [python, os.path.join(HERE, "cifar.py"), weights, pictures, work, THREADS, workers]
    return commands


def found(name, task, work, output):
    """What of the results is to be compared."""
    if name != "fusiform":
        lines = [line for line in output.splitlines() if line.startswith(("PARTS", "FOUND"))]
        return "; ".join(lines)
    if task is cifar:
        return f"FOUND {len(output.splitlines())} pictures"
    with open(os.path.join(work, "run", "layers.csv")) as file:
        rows = [line.split(",") for line in file.read().splitlines()]
    n, csi = rows[0].index("n_selective"), rows[0].index("csi_mean")
    with_csi = [(int(row[n]), float(row[csi])) for row in rows[1:] if row[csi]]
    total = sum(int(row[n]) for row in rows[1:])
    return f"FOUND {total} selective units, mean CSI {sum(k * c for k, c in with_csi) / max(sum(k for k, _ in with_csi), 1):.6f}"


def agreement(work, output):
    """The share of pictures with the same best class; of the last Python script."""
    def places(name):
        return "/".join(name.split("/")[-2:])
    mine = {places(line.split("\t")[0]): line.split("\t")[2] for line in output.splitlines()}
    with open(os.path.join(work, "classes")) as file:
        theirs = {places(line.split("\t")[0]): line.split("\t")[1].strip() for line in file}
    return f"{sum(mine.get(name) == label for name, label in theirs.items())} of {len(theirs)} pictures have the same best class"


def main():
    task = {"localizer": localizer, "cifar": cifar}[TASK]
    with tempfile.TemporaryDirectory() as work:
        commands, rows = task(work), {}
        for round_ in range(ROUNDS):
            for name, command in commands.items():
                got = timed(command) if os.access(command[0], os.X_OK) else None
                if not got:
                    print(f"  {name}: not installed, or it failed")
                    continue
                rows.setdefault(name, []).append(got)
                print(f"  {name:<28} {got[0]:8.2f} s  processor {got[1]:8.2f} s  {got[2]:7.0f} MB  "
                      f"{found(name, task, work, got[3])}", flush=True)
        print(f"{TASK}, {THREADS} threads, medians of {ROUNDS} rounds (least), load {os.getloadavg()[0]:.1f}:")
        mine = [row[0] for row in rows["fusiform"]]
        for name, taken in rows.items():
            wall = [row[0] for row in taken]
            print(f"  {name:<28} {statistics.median(wall):8.2f} s ({min(wall):.2f})  {max(row[2] for row in taken):7.0f}"
                  f" MB   times fusiform's: {statistics.median(wall) / statistics.median(mine):.2f} "
                  f"({min(wall) / min(mine):.2f})")
        if task is cifar and len(rows) > 1:
            print(" ", agreement(work, rows["fusiform"][-1][3]))


main()
