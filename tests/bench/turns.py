# SPDX-License-Identifier: MIT
"""Speed beside the engines one would use instead, in turns: bench.sh says how it is called, and compiles the two
programs of its WORK folder. A peer is loaded once for each setting (network, batch, threads), waits at a pipe and
answers one measurement after the other; nothing else runs meanwhile. What idle peers used of the processors all the
same is printed with each setting.

usage: python3 tests/bench/turns.py PROGRAM ROUNDS PEERS WORK        environment: SETTINGS, ENGINES
"""
import os
import select
import statistics
import subprocess
import sys
import time

PROGRAM, ROUNDS, PEERS, WORK = sys.argv[1], int(sys.argv[2]), os.path.abspath(sys.argv[3]), sys.argv[4]
HERE = os.path.dirname(os.path.abspath(__file__))
SETTINGS = os.environ.get("SETTINGS") or ("resnet50,1,1 resnet50,1,2 resnet50,8,1 resnet50,8,2 "
                                          "clip_rn50,1,1 clip_rn50,1,2")
ENGINES = os.environ.get("ENGINES") or ("direct openvino openvino_default ort ncnn eager channels_last optimised "
                                        "compile compile_frozen torch1 onednn openblas")
OF_PYTHON = ("eager", "channels_last", "optimised", "compile", "compile_frozen", "openvino", "openvino_default", "ncnn")
START = 1200  # seconds a peer may take to load; torch.compile needs most, once
ANSWER = 300
SETTLE = 0.05  # after each answer, for threads that still spin


class Live:
    """A peer that stays loaded: peer.py or ort.js."""

    def __init__(self, command, threads):
        env = dict(os.environ, OMP_NUM_THREADS=str(threads), TORCHINDUCTOR_CACHE_DIR=os.path.join(PEERS, "cache"),
                   TORCHINDUCTOR_FX_GRAPH_CACHE="1")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=env)
        self.idle, self.since = 0, None

    def line(self, seconds):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        return self.process.stdout.readline().decode().strip() if ready else ""

    def starts(self):
        started = self.line(START) == "ready"
        if not started:
            self.stop()
        return started

    def used(self):
        """Seconds of processor time so far."""
        try:
            with open(f"/proc/{self.process.pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            return 0

    def measure(self, passes):
        if self.since is not None:
            self.idle += self.used() - self.since
        self.process.stdin.write(f"{passes}\n".encode())
        self.process.stdin.flush()
        answer = self.line(ANSWER).split()
        time.sleep(SETTLE)
        self.since = self.used()
        return [float(value) for value in answer]

    def stop(self):
        if self.since is not None:
            self.idle += self.used() - self.since
        self.process.kill()
        self.process.wait()


class Once:
    """A program that loads, measures and ends; at(output) finds its times."""

    def __init__(self, command, at, env=None):
        self.command, self.at, self.env, self.idle = command, at, dict(os.environ, **(env or {})), 0

    def starts(self):
        return os.access(self.command(1)[0], os.X_OK)

    def measure(self, passes):
        with open(os.path.join(WORK, "convs")) as convs:
            output = subprocess.run(self.command(passes), stdin=convs, stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL, env=self.env, check=False).stdout.decode()
        return self.at(output)

    def stop(self):
        pass


def total(output):
    """ms a picture in the last row of fusiform bench --csv: of its passes it gives the median alone."""
    rows = [row.split(",") for row in output.splitlines()]
    return [float(row[1]) for row in rows if row[0] == "total"]


def numbers(output):
    return [float(value) for value in output.split()[:2]]


def engine(name, network, batch, threads):
    """None where the engine has no such row."""
    if name in ("fusiform", "direct"):
        more = ["--conv", "direct"] if name == "direct" else []
        return Once(lambda passes: [PROGRAM, "bench", "--model", f"random:{network}?seed=1", "--batch", str(batch),
                                    "--threads", str(threads), "--rounds", str(passes), "--csv"] + more, total)
    if name in OF_PYTHON or name == "torch1":
        python = "/usr/bin/python3" if name == "torch1" else os.path.join(PEERS, "python")
        if not os.access(python, os.X_OK):
            return None
        return Live([python, os.path.join(HERE, "peer.py"), "optimised" if name == "torch1" else name, network,
                     str(batch), str(threads), os.path.join(PEERS, "models")], threads)
    if name == "ort":
        model = os.path.join(PEERS, "models", network + ".onnx")
        return Live(["node", os.path.join(HERE, "ort.js"), PEERS, model, str(batch), str(threads)], threads)
    program, fits = os.path.join(WORK, name), network == "resnet50" and (name == "onednn" or batch == 1)
    arguments = ["winograd", str(batch)] if name == "onednn" else []
    environment = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    return Once(lambda passes: [program] + arguments + [str(passes)], numbers, environment) if fits else None


def start(network, batch, threads):
    """The engines of a setting that are installed, loaded one beside the other; and the names of the others."""
    made = {}
    for name in ["fusiform"] + ENGINES.split():
        try:
            made[name] = engine(name, network, batch, threads)
        except OSError:
            made[name] = None
    running = {name: peer for name, peer in made.items() if peer and peer.starts()}
    return running, [name for name in made if name not in running]


def in_turns(running, batch):
    """{engine: [[median of a round, least], ..]}"""
    times = {name: [] for name in running}
    time.sleep(1)
    for _ in range(ROUNDS):
        for name, peer in list(running.items()):
            answer = peer.measure(8 if batch == 1 else 3)
            if answer:
                times[name].append([answer[0], answer[-1]])
            else:
                peer.stop()
                del running[name]
    return {name: rounds for name, rounds in times.items() if rounds}


def print_setting(setting, times, left_out, idle, seconds):
    network, batch, threads = setting
    medians = {name: statistics.median(row[0] for row in rounds) for name, rounds in times.items()}
    least = {name: min(row[1] for row in rounds) for name, rounds in times.items()}
    print(f"{network}, batch {batch}, threads {threads}: fusiform {medians['fusiform']:.2f} ms a picture, least "
          f"{least['fusiform']:.2f} (median of {ROUNDS} rounds, {seconds:.0f} s, load {os.getloadavg()[0]:.1f})")
    for name in times:
        if name != "fusiform":
            print(f"  {name:<17} {medians[name]:8.2f}  least {least[name]:8.2f}   ratio of medians "
                  f"{medians['fusiform'] / medians[name]:.2f}, of least {least['fusiform'] / least[name]:.2f}")
    used = ", ".join(f"{name} {value:.2f} s" for name, value in idle.items() if value >= 0.01)
    print(f"  processor time of idle peers: {used or 'none'}")
    if left_out:
        print("  not installed or not for this row:", *left_out)
    sys.stdout.flush()
    return {name: (medians["fusiform"] / medians[name], least["fusiform"] / least[name]) for name in times}


def run_setting(setting):
    begin = time.monotonic()
    running, left_out = start(*setting)
    everyone = dict(running)
    try:
        times = in_turns(running, setting[1])
    finally:
        for peer in everyone.values():
            peer.stop()
    idle = {name: peer.idle for name, peer in everyone.items()}
    return print_setting(setting, times, left_out, idle, time.monotonic() - begin)


def main():
    settings = [(n, int(b), int(t)) for n, b, t in (setting.split(",") for setting in SETTINGS.split())]
    ratios = [run_setting(setting) for setting in settings]
    print("\nratios of medians / of least, fusiform to each")
    print(" " * 17 + "".join(f"{n[:6]} b{b} {t}T".rjust(16) for n, b, t in settings))
    for name in ENGINES.split():
        cells = [f"{r[name][0]:.2f} / {r[name][1]:.2f}" if name in r else "-" for r in ratios]
        if any(cell != "-" for cell in cells):
            print(f"{name:<17}" + "".join(cell.rjust(16) for cell in cells))


main()
