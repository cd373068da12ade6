"""Measures `synth --help`: wall time of the whole process, the target is below 0.3 s.

python benchmarks/help.py [runs]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

TARGET = 0.3


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    command = [sys.executable, "-c", "from synth.cli import main; main()", "--help"]
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    warm = seconds[1:]
    print(f"first {seconds[0]:.3f} s; then median {statistics.median(warm):.3f} s, worst {max(warm):.3f} s")
    print(f"target {TARGET} s: {'met' if statistics.median(warm) < TARGET else 'missed'}")


if __name__ == "__main__":
    main()
