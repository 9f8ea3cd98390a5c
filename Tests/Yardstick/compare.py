"""PyTorch and Cohort, training step against training step: the driver of `make compare`.

Every program runs in its own process and all of them in each round, so that drift of the machine's speed hits all alike; medians over
the rounds make one table, printed and written as Markdown. A program that fails leaves dashes in its columns and its last words below."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

HERE = Path(__file__).resolve().parent

LEGEND = """\
Seconds per step and gigabytes at the peak, {threads} threads; medians of {rounds} rounds of {steps} steps after a warm-up.
Times faster and times less memory: the faster PyTorch layout over Cohort.
Convolutions alone: the nominal operations of all convolutions at the rate that oneDNN's 3x3x3 convolution reaches here. Left above it:
what Cohort's step takes beyond that; negative where its convolutions use fewer operations than nominal.
Speed-up: Cohort on 1 thread over Cohort on {threads}."""

COLUMNS = [
    "network", "patch", "PyTorch s", "channels last s", "Cohort s", "times faster", "convolutions alone s", "left above it s",
    "PyTorch GB", "Cohort GB", "times less memory", "Cohort 1 thread s", "speed-up"]


class Case(NamedTuple):
    network: str
    options: Tuple[str, ...]
    patch: str
    lean: bool = False

    @staticmethod
    def parse(text: str) -> "Case":
        """`network:D,H,W`, with options between: `vnet:norm=instance:112,112,80`."""
        network, *options, patch = text.split(":")
        return Case(network, tuple(options), patch)

    @property
    def name(self) -> str:
        return " ".join([self.network, *self.options] + (["lean"] if self.lean else []))

    @property
    def arguments(self) -> List[str]:
        return ["--network", self.network, *(word for option in self.options for word in ("--option", option)), "--patch", self.patch]


class Round(NamedTuple):
    """What the programs printed in one round; None for one that failed or did not run."""
    contiguous: Optional[dict]
    channels_last: Optional[dict]
    cohort: Optional[dict]
    cohort_alone: Optional[dict]


def middle(results: List[Optional[dict]], key: str) -> Optional[float]:
    """The median over the rounds."""
    values = [result[key] for result in results if result]
    return statistics.median(values) if values else None


def over(a: Optional[float], b: Optional[float]) -> Optional[float]:
    return a / b if a is not None and b is not None else None


def row(case: Case, rounds: List[Round]) -> List[str]:
    """One line of the table."""
    contiguous, channels_last, cohort, alone = (list(results) for results in zip(*rounds))
    layouts = [(middle(results, "medianSeconds"), middle(results, "peakBytes")) for results in (contiguous, channels_last)]
    best_seconds, best_bytes = min((pair for pair in layouts if pair[0] is not None), default=(None, None))
    ours, ours_bytes, ours_alone = middle(cohort, "medianSeconds"), middle(cohort, "peakBytes"), middle(alone, "medianSeconds")
    rates = [{"rate": result["rates"]["convolution"]} for result in cohort if result]
    convolutions = over(middle(cohort, "gflop"), middle(rates, "rate"))
    above = ours - convolutions if ours is not None and convolutions is not None else None
    return [
        case.name, case.patch, shown(layouts[0][0], 3), shown(layouts[1][0], 3), shown(ours, 3), shown(over(best_seconds, ours), 2),
        shown(convolutions, 3), shown(above, 3), shown(over(best_bytes, 1e9), 2), shown(over(ours_bytes, 1e9), 2),
        shown(over(best_bytes, ours_bytes), 2), shown(ours_alone, 3), shown(over(ours_alone, ours), 2)]


def shown(value: Optional[float], decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def markdown(rows: List[List[str]]) -> str:
    """A table whose columns stand below each other also as plain text."""
    lines = [COLUMNS, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    rule = ["-" * (widths[0]), "-" * widths[1]] + ["-" * (width - 1) + ":" for width in widths[2:]]

    def line(cells: List[str]) -> str:
        aligned = [cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(zip(cells, widths))]
        return "| " + " | ".join(aligned) + " |"

    return "\n".join([line(COLUMNS), line(rule), *map(line, rows)])


def machine(results: List[Round]) -> str:
    """Processor and versions, from whichever program told them."""
    ours = next((each.cohort for each in results if each.cohort), None)
    torch = next((each.contiguous or each.channels_last for each in results if each.contiguous or each.channels_last), None)
    parts = []
    if ours:
        parts.append("{processor}, {processors} processors, oneDNN {oneDNN}".format(**ours["machine"]))
        parts.append("3x3x3 convolution {convolution:.0f} GF/s, memory copy {copy:.0f} GB/s".format(**ours["rates"]))
    if torch:
        parts.append("PyTorch " + torch["version"])
    return "; ".join(parts)


class Programs:
    """The programs that are compared, and what those that failed said."""

    def __init__(self, python: str, cohort: str, threads: int, steps: int):
        self.python, self.cohort, self.threads, self.steps = python, cohort, threads, steps
        self.complaints: Dict[str, str] = {}

    def round(self, case: Case) -> Round:
        ours = [self.cohort, "bench", "step", "--json", *case.arguments, *(["--memory", "lean"] if case.lean else [])]
        torch = [self.python, str(HERE / "step.py"), *case.arguments]
        return Round(
            contiguous=self.result(case, "PyTorch", [*torch, "--layout", "contiguous"], self.threads),
            channels_last=self.result(case, "PyTorch channels last", [*torch, "--layout", "channels-last"], self.threads),
            cohort=self.result(case, "Cohort", ours, self.threads),
            cohort_alone=self.result(case, "Cohort 1 thread", ours, 1) if self.threads > 1 else None)

    def result(self, case: Case, program: str, command: List[str], threads: int) -> Optional[dict]:
        ended = subprocess.run(
            [*command, "--threads", str(threads), "--steps", str(self.steps)], capture_output=True, text=True, check=False)
        if ended.returncode == 0:
            found = json.loads(ended.stdout)
            told = f"{found['medianSeconds']:.3f} s, {found['peakBytes'] / 1e9:.2f} GB, loss {found['loss']:.3f}"
        else:
            found, told = None, (ended.stderr.strip() or f"ended with {ended.returncode}").splitlines()[-1]
            self.complaints[f"{case.name} {case.patch}, {program}"] = told
        print(f"  {case.name} {case.patch}, {program}: {told}", file=sys.stderr, flush=True)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", type=Case.parse, help="network:D,H,W or network:key=value:D,H,W")
    parser.add_argument("--python", required=True, help="interpreter that has PyTorch")
    parser.add_argument("--cohort", required=True, help="the command")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lean", action="store_true", help="a second line for each case with cohort's --memory lean")
    parser.add_argument("--output", type=Path, required=True, help="Markdown file to write")
    given = parser.parse_args()

    load = os.getloadavg()[0]
    programs = Programs(given.python, given.cohort, given.threads, given.steps)
    cases = [case._replace(lean=lean) for case in given.cases for lean in ([False, True] if given.lean else [False])]
    results: Dict[Case, List[Round]] = {}
    for number in range(given.rounds):
        print(f"round {number + 1} of {given.rounds}", file=sys.stderr, flush=True)
        for case in cases:
            results.setdefault(case, []).append(programs.round(case))
    rows = [row(case, results[case]) for case in cases]
    legend = LEGEND.format(threads=given.threads, rounds=given.rounds, steps=given.steps)
    if load > 0.5:
        legend += f"\nThe machine was busy (load {load:.1f} before the start): nothing here is worth keeping."
    told = [f"{where}: {words}" for where, words in programs.complaints.items()]
    text = "\n\n".join(filter(None, [
        machine([each for rounds in results.values() for each in rounds]), markdown(rows), legend, "\n".join(told)])) + "\n"
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(text)
    print("\n" + text)


if __name__ == "__main__":
    main()
