#!/usr/bin/env python3
"""Writes CARD.json of what deploy/benchmark/gpu has left in its folder of logs."""

import argparse
import datetime
import json
import os
import pathlib
import re

# Dense bfloat16 TFLOP/s by the vendor's data sheets.
PEAKS = {"H100": 989, "H200": 989, "A100": 312}


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--card", required=True)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--peak-tflops", type=float)
    parser.add_argument("--peer", type=pathlib.Path)
    return parser.parse_args()


def peak_of(card):
    return next((peak for name, peak in PEAKS.items() if name in card), None)


def rounded(figure, digits):
    return None if figure is None else round(figure, digits)


def measurement(figures, gpus, peak, peers):
    """One benchmark's figures; tokens per second are those of all GPUs together."""
    each = figures["tokens_per_second"]
    tokens = figures["batch"] * figures["length"]
    seconds = sorted(figures["step_seconds"])
    return {
        "batch": figures["batch"],
        "tokens_per_second": round(gpus * each),
        "slowest_and_fastest": [round(gpus * tokens / seconds[-1]), round(gpus * tokens / seconds[0])],
        "peer_tokens_per_second": peers.get(str(gpus), {}).get(figures["stage"]),
        "peak_gib": round(figures["peak_gib"], 2),
        "predicted_gib": rounded(figures.get("predicted_gib"), 2),
        "mfu": rounded(peak and figures["model_flops_per_token"] * each / (peak * 1e12), 4),
        "part_seconds": figures["part_seconds"],
        "gradient_type": figures["gradient_type"],
        "optimizer_shards": figures["optimizer_shards"],
        "wait_seconds": round(figures["wait_seconds"], 5),
    }


def measurements(logs, peak, peers):
    """All measurements by number of GPUs and stage."""
    found = {}
    for file in sorted(logs.glob("benchmark-*.json")):
        gpus = int(file.stem.split("-")[1])
        figures = json.loads(file.read_text())
        stages = found.setdefault(gpus, {})
        stages.setdefault(figures["stage"], []).append(measurement(figures, gpus, peak, peers))
    return found


def fastest(stages):
    return {stage: max(found, key=lambda m: m["tokens_per_second"]) for stage, found in stages.items()}


def verified(logs):
    results = []
    for file in sorted(logs.glob("verify-*.case")):
        summary = re.findall(r"^.* quantities agree .*$", file.with_suffix(".log").read_text(), re.MULTILINE)
        results.append(
            {
                "case": pathlib.Path(file.read_text()).name,
                "type": file.stem.split("-")[-1],
                "agrees": file.with_suffix(".code").read_text() == "0",
                "summary": summary[-1] if summary else None,
            }
        )
    return results


def tests(logs):
    if not (logs / "tests.code").exists():
        return None
    counts = re.findall(r"\[\s*(\d+) tests (successful|failed)\s*\]", (logs / "tests.log").read_text())
    return {"passed": (logs / "tests.code").read_text() == "0"} | {what: int(count) for count, what in counts}


def main():
    given = options()
    peak = given.peak_tflops or peak_of(given.card)
    peers = json.loads(given.peer.read_text()) if given.peer else {}
    found = measurements(given.logs, peak, peers)
    commands = given.logs / "commands.txt"
    results = {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "card": given.card,
        "driver": given.driver,
        "pytorch": f"{os.environ.get('PYTORCH_VERSION', 'default')} {os.environ.get('PYTORCH_FLAVOR', '')}".strip(),
        "peak_tflops": peak,
        "commands": [line.replace(str(given.logs) + "/", "") for line in commands.read_text().splitlines()]
        if commands.exists()
        else [],
        "tests": tests(given.logs),
        "verify": verified(given.logs),
        "stages": fastest(found.get(1, {})),
        "gpus": {str(gpus): {"stages": fastest(stages), "all": stages} for gpus, stages in sorted(found.items())},
    }
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / (re.sub(r"[^a-z0-9]+", "-", given.card.lower()).strip("-") + ".json")
    file.write_text(json.dumps(results, indent=2) + "\n")
    print(file)


if __name__ == "__main__":
    main()
