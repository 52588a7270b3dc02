"""Draws with latentd itself: jobs dropped into the spool of a daemon in a temporary folder."""
import json
import pathlib
import subprocess
import tempfile
import time

from PIL import Image


def draw(binaries: pathlib.Path, models: pathlib.Path, jobs: list[dict]) -> list[tuple[Image.Image, dict]]:
    """The picture and the result record of each job, in order; raises where one failed.

    `binaries` holds latentd, `models` the model folders; a job is what a job file may hold, without `output`.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        daemon = subprocess.Popen([binaries / "latentd", "serve", "--root", root, "--models", models],
                                  stderr=open(root / "log", "w"))
        try:
            incoming = root / "spool" / "incoming"
            while not incoming.is_dir():
                if daemon.poll() is not None:
                    raise SystemExit((root / "log").read_text())
                time.sleep(0.05)
            lines = [json.dumps({**job, "output": {"name": f"p{n}", "lossless": True}}) for n, job in enumerate(jobs)]
            (incoming / ".jobs.part").write_text("\n".join(lines))
            (incoming / ".jobs.part").rename(incoming / "jobs.jsonl")
            drawn = []
            for n in range(len(jobs)):
                done, failed = root / "spool" / "done" / f"p{n}.json", root / "spool" / "failed" / f"p{n}.json"
                while not done.exists():
                    if failed.exists() or daemon.poll() is not None:
                        raise SystemExit(failed.read_text() if failed.exists() else (root / "log").read_text())
                    time.sleep(0.02)
                with Image.open(done.with_suffix(".webp")) as picture:
                    drawn.append((picture.convert("RGB"), json.loads(done.read_text())))
            return drawn
        finally:
            daemon.terminate()
            daemon.wait()
