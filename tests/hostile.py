"""Runs every file of ``shared/cases/hostile`` by its command, with limits on time and memory.

``python -m tests.hostile [KIND] [NAME]`` prints what each gave and counts the bad ends: no answer
within 5 s of CPU, more than 1 GB, a traceback, or another exit code than 0, 1 and 2.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.synthetic import synthetic_fit

SECONDS, GIGABYTES = 5, 1

DATA = Path(__file__).resolve().parents[2] / "shared/data"
FOLDER = Path(os.environ.get("BAYES_SCALING_PUBLIC_DATA", DATA)).parent / "cases/hostile"

CHILD = """
import json, resource, signal, sys, warnings
warnings.simplefilter("ignore")
from bayes_scaling.cli import main
for line in sys.stdin:
    import os
    pid = os.fork()
    if pid == 0:
        used = resource.getrusage(resource.RUSAGE_SELF)
        now = int(used.ru_utime + used.ru_stime)
        resource.setrlimit(resource.RLIMIT_CPU, (now + {seconds}, now + {seconds} + 1))
        out = os.open(os.devnull, os.O_WRONLY)
        os.dup2(out, 1)
        try:
            main(json.loads(line))
        except SystemExit as end:
            sys.stderr.flush()
            os._exit(end.code or 0)
        except BaseException:
            import traceback
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(70)
    _, status, used = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    said = {{"code": code, "cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024}}
    sys.stderr.flush()
    print("END " + json.dumps(said), file=sys.stderr, flush=True)
"""
"""A process that forks for every command, so that what is imported is imported once."""


@dataclass(frozen=True, kw_only=True)
class End:
    """How a command ended.

    Attributes
    ----------
    name : str
        The file.
    code : int
        Exit code; negative where it was killed.
    cpu : float
        Seconds of CPU.
    megabytes : float
        Most memory.
    said : str
        Standard error.
    """

    name: str
    code: int
    cpu: float
    megabytes: float
    said: str

    @property
    def bad(self) -> str:
        """What is wrong with it; empty where it ended well."""
        if self.code < 0:
            return f"killed by signal {-self.code} after {self.cpu:.1f} s"
        if "Traceback" in self.said or self.code not in (0, 1, 2):
            return f"exit {self.code}: {self.said.strip().splitlines()[-1][:200]}"
        if self.cpu > SECONDS or self.megabytes > GIGABYTES * 1024:
            return f"{self.cpu:.1f} s, {self.megabytes:.0f} MB"
        if self.code == 1 and not re.search(r"^error: \S+ \S+", self.said, re.M):
            return f"exit 1 without a sentence: {self.said[-200:]!r}"
        return ""


def commands(kind: str, fit: Path, folder: Path = FOLDER) -> dict[str, list[str]]:
    """Return the command of every file of a kind, by the name of the file."""
    found = {}
    for path in sorted((folder / kind).iterdir()):
        match kind:
            case "models":
                found[path.name] = ["models", "show", str(path)]
            case "plans":
                found[path.name] = ["risk", str(fit), "--plan", str(path)]
            case "tables":
                found[path.name] = ["check", str(path)]
            case "fits":
                found[path.name] = ["forecast", str(path), "--params", "7B", "--tokens", "140B"]
    return found


def run(given: dict[str, list[str]], warm: str = "") -> list[End]:
    """Run commands, each in a process forked from one that has imported what they need."""
    text = "".join(json.dumps(arguments) + "\n" for arguments in given.values())
    program = f"{warm}\n{CHILD.format(seconds=SECONDS)}"
    done = subprocess.run(
        [sys.executable, "-c", program], input=text, capture_output=True, text=True, check=True
    )
    ends: list[End] = []
    said: list[str] = []
    names = iter(given)
    for line in done.stderr.splitlines():
        if line.startswith("END "):
            end = json.loads(line[4:])
            ends.append(
                End(
                    name=next(names),
                    code=end["code"],
                    cpu=end["cpu"],
                    megabytes=end["mb"],
                    said="\n".join(said),
                )
            )
            said = []
        else:
            said.append(line)
    return ends


WARM = {
    "models": "import bayes_scaling.commands.definitions",
    "plans": "import bayes_scaling.commands.asking, bayes_scaling.posterior",
    "tables": "import bayes_scaling.commands.sources, pandas",
    "fits": "import bayes_scaling.commands.asking, bayes_scaling.posterior",
}
"""What is imported once for all commands of a kind."""


def main() -> None:
    """Print how every file ended, and how many ended badly."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kinds = [sys.argv[1]] if len(sys.argv) > 1 else list(WARM)
    with TemporaryDirectory() as folder:
        fit = synthetic_fit().save(Path(folder) / "fit.nc")
        for kind in kinds:
            given = commands(kind, fit)
            if len(sys.argv) > 2:
                given = {name: value for name, value in given.items() if sys.argv[2] in name}
            ends = run(given, WARM[kind])
            bad = [end for end in ends if end.bad]
            for end in ends:
                last = end.said.strip().splitlines()[-1:] or [""]
                print(f"{kind}/{end.name}: {end.code} {end.cpu:.1f} s {last[0][:110]}")
            print(f"{kind}: {len(ends)} files, {len(bad)} bad ends", flush=True)
            for end in bad:
                print(f"  BAD {end.name}: {end.bad}", flush=True)


if __name__ == "__main__":
    main()
