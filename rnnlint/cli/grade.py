"""``rnnlint grade``: options in, a folder of results out."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnlint.cli.commands import HELP_OPTIONS
from rnnlint.cli.failures import Mistake
from rnnlint.grading.results import Detail, GradeBook, StudentResult
from rnnlint.records import replace
from rnnlint.report import missing_library
from rnnlint.results import SandboxMode

if TYPE_CHECKING:
    from rnnlint.grading.api import Course, Submission

STYLES = ("cs231n", "article")
FORMATS = ("csv", "feedback", "html", "junit", "gradescope")


def _shard(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", value)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise click.BadParameter(f"{value!r} is no part of a whole such as 2/4, the second of four.")
    return int(match[1]), int(match[2])


@click.command(
    "grade",
    context_settings=HELP_OPTIONS,
    epilog="""\b
Examples:
  rnnlint grade --init cs231n                        a commented assignment.toml to begin with
  rnnlint grade submissions/                         a folder a student; results in grades/
  rnnlint grade export.zip --assignment week3.toml --roster students.csv
  rnnlint grade submissions/ --output-format csv --output-format feedback --output-format html
  rnnlint grade submissions/ --only alice --output-dir again/
  rnnlint grade --one /autograder/submission --results /autograder/results/results.json
  rnnlint grade submissions/ --scheduler tcp://grading:8786
  rnnlint grade submissions/ --shard 2/4 --seed $SECRET --output-dir shard-2
  rnnlint grade --merge shard-1 shard-2 shard-3 shard-4

\b
Exit status:
  0  every submission was graded, whatever its score
  2  the command line, the assignment or the submissions are wrong, or the sandbox is not complete
  3  rnnlint itself failed
""",
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[SUBMISSIONS]")
@click.option(
    "--assignment",
    type=click.Path(path_type=Path),
    default=Path("assignment.toml"),
    show_default=True,
    metavar="FILE",
    help="What is graded, and for how many points.",
)
@click.option(
    "--init", type=click.Choice(STYLES), help="Write a commented assignment file, and grade nothing."
)
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    default=Path("grades"),
    show_default=True,
    metavar="DIR",
    help="Where the results go; a run that was broken off is continued there.",
)
@click.option(
    "--output-format",
    multiple=True,
    type=click.Choice(FORMATS),
    help="Repeatable. html is one page: the class, part by part and bug by bug. [default: csv and feedback]",
)
@click.option(
    "--one", type=click.Path(path_type=Path), metavar="DIR", help="Grade the one submission in DIR."
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --one: Gradescope's results.json.",
)
@click.option("--only", multiple=True, metavar="STUDENT", help="Grade these students alone. Repeatable.")
@click.option(
    "--roster",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="All students, as CSV or one a line: who handed in nothing is listed, too.",
)
@click.option(
    "--detail",
    type=click.Choice([d.value for d in Detail]),
    help="What students are told. [default: the file's]",
)
@click.option(
    "--seed", type=click.IntRange(0), help="Repeat the hidden probes of a run. [default: fresh ones]"
)
@click.option(
    "--sandbox",
    type=click.Choice([mode.value for mode in SandboxMode]),
    default=SandboxMode.REQUIRE.value,
    show_default=True,
    help="Where a protection is missing: run nothing, go on and say so, or run without any.",
)
@click.option(
    "--workers", type=click.IntRange(1), help="Processes of this machine. [default: one more than processors]"
)
@click.option("--scheduler", metavar="URL", help="Grade on a Dask cluster, tcp://host:8786.")
@click.option(
    "--shard", callback=_shard, metavar="I/N", help="Grade the I-th of N parts; --merge joins them."
)
@click.option("--merge", is_flag=True, help="Join the results of shards, whose folders are named.")
def command(paths: tuple[Path, ...], **options: Any) -> int:
    """Grade SUBMISSIONS: a folder of folders, programs or zip archives, or an export of Gradescope or
    Classroom.

    Each is run in a sandbox on a public probe and on hidden ones, and compared with the reference. The
    results are grades.csv, and feedback for each student in Markdown and JSON.
    """
    if options["init"]:
        return _init(options["init"], options["assignment"])
    for output_format in options["output_format"]:
        if sentence := missing_library(output_format):
            raise Mistake(sentence)
    from rnnlint.grading import api

    try:
        if options["merge"]:
            return _merge(paths, options)
        return _grade(paths, options)
    except api.MISTAKES as mistake:
        raise Mistake(str(mistake)) from None


def _init(style: str, path: Path) -> int:
    from rnnlint.grading.api import template

    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(template(style))
    except FileExistsError:
        raise Mistake(f"{path}: is there already, and is not overwritten.") from None
    except OSError as error:
        raise Mistake(f"{path}: cannot be written ({error.strerror or error}).") from None
    click.echo(
        f"{path}: written. Put your solution/ and starter/ beside it, then: rnnlint grade SUBMISSIONS",
        err=True,
    )
    return 0


def _merge(paths: Sequence[Path], options: dict[str, Any]) -> int:
    from rnnlint.grading import api

    if not paths:
        raise click.UsageError("--merge needs the folders of the shards.")
    book = api.merged([(path, api.read_book(path)) for path in paths])
    _write(book, options)
    return 0


def _grade(paths: Sequence[Path], options: dict[str, Any]) -> int:
    from rnnlint.grading import api

    assignment = api.read_assignment(options["assignment"])
    course = api.Course(
        assignment=assignment,
        submissions=_submissions(paths, assignment.files, options),
        folder=options["output_dir"],
        seed=options["seed"],
        sandbox=SandboxMode(options["sandbox"]),
        workers=1 if options["one"] else options["workers"],
        scheduler=options["scheduler"],
        detail=Detail(options["detail"]) if options["detail"] else None,
    )
    if course.sandbox is not SandboxMode.REQUIRE:
        click.echo("rnnlint: submissions may be run without all layers of the sandbox.", err=True)
    if options["one"]:
        return _one(course, options)
    with _progress(len(course.submissions)) as told:
        try:
            book = api.grade(course, told, _noted)
        except KeyboardInterrupt:
            click.echo("What is finished is noted; run again to grade the rest.", err=True)
            raise
    _write(book, options)
    return 0


def _noted(note: str) -> None:
    click.echo(f"rnnlint: {note}", err=True)


def _one(course: Course, options: dict[str, Any]) -> int:
    """One submission, with its results where Gradescope expects them and its feedback on standard output."""
    import tempfile

    from rnnlint.grading import api

    with tempfile.TemporaryDirectory(prefix="rnnlint-") as folder:
        book = api.grade(replace(course, folder=Path(folder)))
    (student,) = book.students
    if student.score is None:
        raise Mistake(f"{options['one']}: {student.status.value}: {student.reason}")
    if options["results"]:
        try:
            api.write_whole(options["results"], api.gradescope_text(book, student.student_id))
        except OSError as error:
            raise Mistake(f"{options['results']}: cannot be written ({error.strerror or error}).") from None
    click.echo(api.markdown(student, book), nl=False)
    return 0


def _submissions(paths: Sequence[Path], wanted: Sequence[str], options: dict[str, Any]) -> list[Submission]:
    from rnnlint.grading import api

    if options["one"]:
        if paths:
            raise click.UsageError("--one takes the place of SUBMISSIONS.")
        return [api.the_one(options["one"])]
    if len(paths) != 1:
        raise click.UsageError("Name the one folder or archive of the submissions.")
    found = api.locate(paths[0], wanted)
    if options["roster"]:
        found = api.with_roster(found, api.read_roster(options["roster"]))
    if options["only"]:
        known = {each.student_id for each in found}
        strangers = [student for student in options["only"] if student not in known]
        if strangers:
            from rnnlint.suggestions import suggestion

            raise Mistake(f"{paths[0]}: holds nothing of {strangers[0]}.{suggestion(strangers[0], known)}")
        found = [each for each in found if each.student_id in options["only"]]
    return api.shard_of(found, *options["shard"]) if options["shard"] else found


def _write(book: GradeBook, options: dict[str, Any]) -> None:
    from rnnlint.grading.api import write_results

    write_results(options["output_dir"], book, options["output_format"] or ("csv", "feedback"))
    counts: dict[str, int] = {}
    for student in book.students:
        counts[student.status.value] = counts.get(student.status.value, 0) + 1
    said = ", ".join(
        f"{count} {status}" for status, count in sorted(counts.items(), key=lambda item: -item[1])
    )
    review = sum(bool(student.needs_review) for student in book.students)
    things = "submission" if len(book.students) == 1 else "submissions"
    click.echo(f"{len(book.students)} {things}: {said}; {review} to be reviewed.")
    click.echo(f"Results: {options['output_dir'] / 'grades.csv'}")
    if "html" in options["output_format"]:
        click.echo(f"To look at: {options['output_dir'] / 'grades.html'}")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[StudentResult], None]]:
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda result: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("grading", total=total)
        yield lambda result: bar.advance(task)
