"""Records per second of the whole text pipeline against an instant endpoint, next to a bare loop.

Two dependent requests per record, 64 in flight, no pictures, durable ledger on. The bare aiohttp loop
sends bodies of the same size to the same server in the same run and writes JSONL; it is the floor.
Memory is the peak of a child process, so that sizes can be compared.

    python benchmarks/throughput.py                    # ratio at 10,000 records
    python benchmarks/throughput.py --memory           # growth from 10,000 to 200,000 records
    python benchmarks/throughput.py --profile          # where the time goes
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import resource
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

IN_FLIGHT = 64
ABILITY = "bench"
#: the filters that every ability has; --all-filters measures the chain of a built-in ability
FILTERS = ["length", "non_visual", "restrictions", "repetition"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server() -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    server = Path(__file__).with_name("instant_server.py")
    process = subprocess.Popen([sys.executable, str(server), str(port)])
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            return process, f"http://127.0.0.1:{port}/v1"
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the benchmark server did not start")


def make_ability(folder: Path, all_filters: bool) -> Path:
    """The built-in ability `animal` under another name, in a plugin dir."""
    from importlib import resources

    import yaml

    data = yaml.safe_load((resources.files("synth.templates") / "animal.yaml").read_text())
    data["name"] = ABILITY
    if not all_filters:
        data["filters"] = [f for f in data["filters"] if (f if isinstance(f, str) else next(iter(f))) in FILTERS]
    (folder / "templates").mkdir(parents=True)
    (folder / "templates" / f"{ABILITY}.yaml").write_text(yaml.safe_dump(data, sort_keys=False))
    return folder


def bodies() -> list[dict[str, object]]:
    """The two requests of one record, of the size that synth sends."""
    from synth.catalog import Catalog
    from synth.produce.plan import Planner
    from synth.produce.prompting import Prompter

    catalog = Catalog()
    ability = catalog.ability("animal")
    prompter = Prompter(ability, "describe")
    plan = Planner(ability, catalog.banks_of(ability), 0).next()
    examples = prompter.own_examples()[:3]
    told = replace(examples[0], plan=plan.entries, question=plan.question, keywords=[["one", "two"]])
    made = []
    for shared, message, schema in (
        (prompter.write_shared(examples), prompter.write_request(plan.entries), prompter.write_schema(1)),
        (prompter.converse_shared(examples), prompter.converse_request(told), prompter.converse_schema(1)),
    ):
        messages = [*shared.messages, {"role": "user", "content": message}]
        answer_format = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
        made.append({"model": "bench", "messages": messages, "seed": 1, "response_format": answer_format})
    return made


async def bare_loop(url: str, records: int, out: Path) -> float:
    """The floor: what aiohttp can do with the same requests and no pipeline at all."""
    import aiohttp

    requests = bodies()
    started = time.perf_counter()
    numbers = iter(range(records))
    with open(out, "w") as file:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session:

            async def worker() -> None:
                for number in numbers:
                    row = {"id": number}
                    for step, body in enumerate(requests):
                        async with session.post(f"{url}/chat/completions", json=body) as response:
                            row[str(step)] = (await response.json())["choices"][0]["message"]["content"]
                    file.write(json.dumps(row) + "\n")

            await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return records / (time.perf_counter() - started)


def synth_run(url: str, records: int, out: Path, all_filters: bool = False) -> tuple[float, int]:
    """Records per second (tried, not only accepted) and how many were tried."""
    import synth

    plugin_dir = make_ability(out.with_name("plugin"), all_filters)
    started = time.perf_counter()
    summary = synth.generate(
        {ABILITY: records},
        llm="openai:bench",
        renderer="none",
        out=out,
        plugin_dirs=[plugin_dir],
        max_candidates=2 * records,
        **{
            "llm_settings.base_url": url,
            "llm_settings.concurrency": IN_FLIGHT,
            "flow.attempts": 1,
        },
    )
    seconds = time.perf_counter() - started
    tried = sum(one.tried for one in summary.tally.abilities.values())
    return tried / seconds, tried


def child(url: str, records: int, all_filters: bool = False) -> dict[str, float]:
    """`synth_run` in a fresh process, with its peak memory in MB."""
    command = [sys.executable, __file__, "--child", url, str(records)]
    done = subprocess.run([*command, "--all-filters"] if all_filters else command, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--large", type=int, default=200_000)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--all-filters", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        url, records = options.child
        with tempfile.TemporaryDirectory() as work:
            rate, tried = synth_run(url, int(records), Path(work) / "run", options.all_filters)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"rate": rate, "tried": tried, "peak_mb": peak}))
        return
    server, url = start_server()
    try:
        with tempfile.TemporaryDirectory() as work:
            if options.profile:
                profiler = cProfile.Profile()
                profiler.runcall(synth_run, url, options.records, Path(work) / "profiled", options.all_filters)
                pstats.Stats(profiler).sort_stats("tottime").print_stats(35)
                return
            floor = asyncio.run(bare_loop(url, options.records, Path(work) / "floor.jsonl"))
            ours = child(url, options.records, options.all_filters)
            again = asyncio.run(bare_loop(url, options.records, Path(work) / "floor.jsonl"))
        floor = max(floor, again)
        print(f"bare aiohttp loop: {floor:8.0f} records/s")
        print(f"synth, ledger on:  {ours['rate']:8.0f} records/s   {100 * ours['rate'] / floor:.0f}% of the loop")
        print(f"peak memory at {ours['tried']:.0f} candidates: {ours['peak_mb']:.0f} MB")
        if options.memory:
            large = child(url, options.large, options.all_filters)
            grown = large["peak_mb"] - ours["peak_mb"]
            per_prompt = 1024 * grown / (large["tried"] - ours["tried"])
            print(f"peak memory at {large['tried']:.0f} candidates: {large['peak_mb']:.0f} MB")
            print(f"growth: {grown:.0f} MB, {per_prompt:.2f} KB per candidate, {large['rate']:.0f} records/s")
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
