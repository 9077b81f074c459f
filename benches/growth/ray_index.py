"""Indexes photos on a Ray cluster: one task a part, tasks that die are run again, then the parts are merged.

    python benches/growth/ray_index.py PHOTOS --out CATALOG --parts 8 [--work DIR] [-- further arguments of index]

Photos, model and the folder of the parts must be visible to every node under the same path (a shared file system).
A part that was interrupted goes on from its journal, so a dead worker costs at most the photos that it had in flight.
The catalog is, byte for byte, the one that a single `vitrine index` makes.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys

import ray


@ray.remote(max_retries=3)
def index_part(vitrine, photos, out, part, parts, arguments, kill_once):
    """Runs `vitrine index --part`, and dies with it; `kill_once` is how a test takes a worker away, once."""
    command = [vitrine, "index", photos, "--out", out, "--part", f"{part}/{parts}", "--json", *arguments]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    if kill_once and not os.path.exists(kill_once):
        wait_for_a_batch(pathlib.Path(out), run)
        run.kill()
        pathlib.Path(kill_once).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    output, _ = run.communicate()
    if run.returncode != 0:
        raise RuntimeError(f"part {part}/{parts}: vitrine index ended with {run.returncode}")
    return output


def wait_for_a_batch(out, run):
    """Until the part's journal holds finished photos behind its first line."""
    journal = out / ".index-journal"
    while run.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") > 1:
            return


def main():
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    own, arguments = sys.argv[1:split], sys.argv[split + 1 :]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos")
    parser.add_argument("--out", required=True)
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--work", help="where the parts go (default: beside the catalog)")
    parser.add_argument("--vitrine", default="vitrine", help="the program (default: the one on the path)")
    parser.add_argument("--address", help="a running cluster; without it one is started on this machine")
    parser.add_argument("--kill-one", action="store_true", help="kill a worker in the middle of its part, to see it recover")
    options = parser.parse_args(own)

    work = pathlib.Path(options.work or f"{options.out}.parts").resolve()
    work.mkdir(parents=True, exist_ok=True)
    ray.init(address=options.address, log_to_driver=False, include_dashboard=False)
    folders = [str(work / f"part-{part}") for part in range(1, options.parts + 1)]
    marker = str(work / "killed") if options.kill_one else None
    photos = str(pathlib.Path(options.photos).resolve())
    tasks = [
        index_part.remote(options.vitrine, photos, folder, part, options.parts, arguments, marker if part == 1 else None)
        for part, folder in enumerate(folders, 1)
    ]
    for summary in ray.get(tasks):
        print(summary.strip(), file=sys.stderr)
    if marker:
        print(f"a worker was killed: {os.path.exists(marker)}", file=sys.stderr)
    subprocess.run([options.vitrine, "merge", *folders, "--out", options.out], check=True)


if __name__ == "__main__":
    main()
