"""One submission, from its files to its marks.

The public probe comes first. What earns nothing there is not run on the hidden ones: their verdicts could
change no point.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rnnlint.grading.derivation import RULE
from rnnlint.grading.judging import (
    Judgement,
    given_step,
    gradient_names,
    has_right_gradient,
    judge_all,
    worst,
    wrong_gates,
)
from rnnlint.grading.places import findings_in, places
from rnnlint.grading.plan import OTHERWISE_SIZED, Plan, TaskPlan
from rnnlint.grading.protection import unprotected
from rnnlint.grading.results import FORWARD, PartResult, PartVerdict, StudentResult, SubmissionStatus
from rnnlint.grading.review import Review, lost, titles_of
from rnnlint.grading.sitting import Sitting, Way
from rnnlint.grading.steps import Steps
from rnnlint.grading.submission import Program, UnusableFileError
from rnnlint.records import replace
from rnnlint.sandbox import Runner, SandboxError
from rnnlint.sandbox.job import Failure, Ran, Trouble

_OF_ANOTHER_REASON = frozenset(
    {
        PartVerdict.NEEDS_FORWARD,
        PartVerdict.NOT_RUN,
        PartVerdict.TIMEOUT,
        PartVerdict.CRASH,
        PartVerdict.MEMORY,
    }
)
"""Verdicts on a hidden probe that say nothing of whether the public one was learned by heart."""


def mark(
    student_id: str, place: str, files: Mapping[str, bytes], plan: Plan, runner: Runner
) -> StudentResult:
    """Grade one submission. Whatever it does costs only itself."""
    blank = blank_result(student_id, place, files, plan)
    missing = [name for name in plan.files if name not in files]
    if missing:
        return nothing(blank, plan, SubmissionStatus.MISSING_FILE, f"{missing[0]} is not there.")
    try:
        program = Program.of(files, plan)
    except UnusableFileError as error:
        status = SubmissionStatus.SYNTAX_ERROR if error.is_syntax else SubmissionStatus.NOT_CHECKED
        return nothing(blank, plan, status, str(error))
    try:
        lacking = unprotected(runner.layers)
        if lacking and plan.needs_sandbox:
            reason = f"This machine does not protect {', '.join(lacking)}; nothing was run."
            return replace(blank, status=SubmissionStatus.NO_SANDBOX, reason=reason)
        sitting = Sitting(runner, plan, program, program.left_out)
        return _Marking(blank, plan, program, sitting).result(runner.layers)
    except SandboxError as error:
        return replace(blank, status=SubmissionStatus.NO_SANDBOX, reason=str(error))


def blank_result(student_id: str, place: str, files: Mapping[str, bytes], plan: Plan) -> StudentResult:
    """The result of a submission of which nothing is known yet."""
    return StudentResult(
        student_id=student_id,
        submission=place,
        status=SubmissionStatus.NOT_CHECKED,
        score=None,
        max_score=plan.max_score,
        seed_id=plan.seed_id,
        submission_sha256=fingerprint(files),
    )


def nothing(blank: StudentResult, plan: Plan, status: SubmissionStatus, reason: str) -> StudentResult:
    """The marks of a submission of which nothing could be run."""
    parts = tuple(
        PartResult(task.name, part, PartVerdict.NOT_RUN, PartVerdict.NOT_RUN, 0.0, points)
        for task in plan.tasks
        for part, points in task.points.items()
    )
    score = None if status is SubmissionStatus.NOT_CHECKED else 0.0
    return replace(blank, status=status, score=score, parts=parts, reason=reason)


def fingerprint(files: Mapping[str, bytes]) -> str:
    """Of all files of a submission, by name and content; "" where there are none."""
    if not files:
        return ""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest())
        digest.update(hashlib.sha256(files[name]).digest())
    return digest.hexdigest()


class _Marking:
    def __init__(self, blank: StudentResult, plan: Plan, program: Program, sitting: Sitting) -> None:
        self._blank = blank
        self._plan = plan
        self._program = program
        self._sitting = sitting
        self._review = Review(plan, program, sitting)
        self._alike: dict[str, bool] = {}  # whether the steps of a task are what they are alone
        self._of_sizes: dict[str, list[str]] = {}  # parts by task that are right at the public sizes alone
        self._stepping: set[str] = set()  # tasks whose pass calls the step that it may be right by

    def result(self, layers: tuple[str, ...]) -> StudentResult:
        public = self._public()
        hidden = self._hidden(public)
        parts = tuple(
            self._part(task, part, points, public[task.name], hidden[task.name])
            for task in self._plan.tasks
            for part, points in task.points.items()
        )
        self._review.see_what_sizes_break(self._of_sizes)
        right = all(part.points == part.max_points for part in parts)
        found = () if right else places(findings_in(self._program, self._plan.files), self._program)
        self._review.see_what_is_written()
        for act in self._sitting.attempts:
            self._review.suspect(f"It tried to {act.value}.")
        status, reason = self._status(parts, public.values(), right)
        codes = [place.code for place in found]
        if self._review.doubts_derivation:
            codes.append(RULE)
        return replace(
            self._blank,
            status=status,
            score=math.fsum(part.points for part in parts),
            parts=parts,
            places=found,
            rules=tuple(sorted(set(codes))),
            problems=tuple(dict.fromkeys(self._problems(public))),
            needs_review=tuple(self._review.suspicions),
            reason=reason,
            seconds=self._sitting.seconds,
            layers=layers,
        )

    def _public(self) -> dict[str, Judgement]:
        tasks = self._plan.tasks
        runs = dict(self._sitting.run(0, whole=tasks, counting=True))
        failed = [task for task in tasks if runs[Way.WHOLE, task.name].trouble is not None]
        found = judge_all(self._plan, 0, tasks, runs, {})
        led = [task for task in tasks if self._is_led(task, found)]
        if failed or led:
            runs |= self._sitting.run(0, ahead=failed, led=led)
            found = judge_all(self._plan, 0, tasks, runs, {})
        self._review.see_what_clipping_hides(found)
        self._review.see_how_it_derives(0, found, runs)
        return self._followed(0, found, runs)

    def _hidden(self, public: Mapping[str, Judgement]) -> dict[str, list[Judgement]]:
        """The judgements on every hidden probe; none for a task that earned nothing on the public one.

        What is right in the child that ran the public probe is right: no child holds an answer. Where less
        is, earlier passes may have left something behind, and each probe is run again in a child of its own.
        That what they leave is seen, the last probe's pass there follows another of the same program. How it
        derives is looked at once more where no number and no size is known, unless that is doubted already.
        """
        steps = {task.follow_through for task in self._plan.tasks if public[task.name].earns}
        tasks = [task for task in self._plan.tasks if public[task.name].earns or task.name in steps]
        led = [task for task in tasks if PartVerdict.RIGHT_GIVEN_STEP in public[task.name].verdicts.values()]
        whole = [task for task in tasks if public[task.name].trouble is None]
        ahead = [task for task in tasks if public[task.name].trouble is not None]
        factors = {task.name: public[task.name].factor for task in tasks}
        probes = range(1, len(tasks[0].probes) if tasks else 0)

        def judged(sitting: Sitting, *, fresh: bool) -> Iterator[dict[str, Judgement]]:
            for probe in probes:
                again = not fresh and probe == probes[-1]
                counting = probe == OTHERWISE_SIZED and not self._review.doubts_derivation
                runs = dict(
                    sitting.run(
                        probe,
                        whole=whole,
                        ahead=ahead,
                        led=led,
                        counting=counting,
                        fresh=fresh,
                        again=again,
                    )
                )
                failed = [task for task in whole if runs[Way.WHOLE, task.name].trouble is not None]
                runs |= sitting.run(probe, ahead=failed, fresh=fresh)
                own = judge_all(self._plan, probe, tasks, runs, factors)
                if counting:
                    self._review.see_how_it_derives(probe, own, runs)
                yield self._followed(probe, own, runs)

        found: list[dict[str, Judgement]] = []
        is_calm = self._sitting.is_calm
        if is_calm:
            shared = self._sitting.apart()
            for hidden in judged(shared, fresh=False):
                found.append(hidden)
                if lost(public, hidden):
                    break
            self._sitting.attempts |= shared.attempts
            is_calm = shared.is_calm
        if not is_calm or (found and lost(public, found[-1])):
            after, found = found, list(judged(self._sitting, fresh=True))
            if is_calm:
                self._review.see_what_survives(found[len(after) - 1], after[-1])
        names = (task.name for task in self._plan.tasks)
        return {name: [each[name] for each in found if name in each] for name in names}

    def _is_led(self, task: TaskPlan, found: Mapping[str, Judgement]) -> bool:
        """Whether a task could be right by the submission's own step, which is wrong."""
        if task.follow_through is None:
            return False
        step = found[task.follow_through]
        if step.trouble is not None and step.trouble.failure is not Failure.RAISED:
            return False
        all_right = all(verdict is PartVerdict.RIGHT for verdict in step.verdicts.values())
        return not all_right and not all(each.earns for each in found[task.name].verdicts.values())

    def _followed(
        self, probe: int, found: Mapping[str, Judgement], runs: Mapping[tuple[Way, str], Ran]
    ) -> dict[str, Judgement]:
        """The judgements in the light of the submission's own step, where it was driven.

        A step of which nothing at all is right is no step to follow; nor are its gradients, if none is right
        even in one gate, by a pass that does without it: of such a step the pass may be made.
        """
        followed = dict(found)
        for name, own in found.items():
            task = self._plan.task(name)
            unrolling = task.probes[probe].unrolling
            if (Way.LED, name) not in runs or task.follow_through is None or unrolling is None:
                continue
            step, judged = self._plan.task(task.follow_through), found[task.follow_through]
            if probe == 0 and _calls(step, runs.get((Way.WHOLE, name))) >= unrolling.steps:
                self._stepping.add(name)
            is_derived = has_right_gradient(self._plan, step, probe, judged)
            given = given_step(self._plan, task, probe, own, runs).verdicts
            verdicts = dict(own.verdicts)
            if given != verdicts and not self._steps_as_alone(task, probe, runs):
                self._review.suspect(f"{step.name} gives other results within {name} than by itself.")
                continue
            for part in (part for part in given if given[part] is not own.verdicts[part]):
                if is_derived or (judged.earns and (part == FORWARD or name in self._stepping)):
                    verdicts[part] = given[part]
                    if part != FORWARD and name not in self._stepping:
                        self._review.suspect(f"{name} is right by {step.name}, which it does not call.")
                else:
                    self._review.suspect(f"{name} does what {step.name} leads to, of which nothing is right.")
            followed[name] = replace(own, verdicts=verdicts)
        return followed

    def _steps_as_alone(self, task: TaskPlan, probe: int, runs: Mapping[tuple[Way, str], Ran]) -> bool:
        """Whether a step gave within a sequence what it gives by itself; seen once, where the sizes are
        secret, too.
        """
        unrolling = task.probes[probe].unrolling
        if probe == OTHERWISE_SIZED and task.name not in self._alike and unrolling is not None:
            step = self._plan.task(task.follow_through or "")
            steps = Steps(step, unrolling, runs[Way.LED, task.name], runs[Way.LED_AHEAD, task.name])
            self._alike[task.name] = steps.are_as(
                self._sitting.run_alone(step, steps.given, ahead=not steps.goes_back)
            )
        return self._alike.get(task.name, True)

    def _part(
        self, task: TaskPlan, part: str, points: float, public: Judgement, hidden: Sequence[Judgement]
    ) -> PartResult:
        shown, behind = self._verdict(part, [public]), self._verdict(part, hidden)
        if not hidden or (not shown.earns and behind is PartVerdict.RIGHT):
            behind = PartVerdict.NOT_RUN
        if shown.earns and not behind.earns and behind not in _OF_ANOTHER_REASON:
            if self._is_of_sizes(task, part, hidden):
                self._of_sizes.setdefault(task.name, []).append(f"{task.name}.{part}")
            else:
                self._review.suspect(f"{task.name}.{part} is right on the public probe alone.")
        earned = points if shown.earns and behind.earns else 0.0
        return PartResult(task.name, part, shown, behind, earned, points)

    def _is_of_sizes(self, task: TaskPlan, part: str, hidden: Sequence[Judgement]) -> bool:
        """Whether a part is right on all those hidden probes that are sized as the public one."""
        alike = [each for probe, each in enumerate(hidden, 1) if task.is_sized_as_the_public(probe)]
        return 0 < len(alike) < len(hidden) and self._verdict(part, alike).earns

    def _verdict(self, part: str, judgements: Sequence[Judgement]) -> PartVerdict:
        """The worst on several probes; a gradient beside a forward that earns nothing earns nothing."""
        verdict = worst([judgement.verdicts[part] for judgement in judgements])
        forward = worst([judgement.verdicts[FORWARD] for judgement in judgements])
        if part != FORWARD and self._plan.require_forward and verdict.earns and not forward.earns:
            return PartVerdict.NEEDS_FORWARD
        return verdict

    def _status(
        self, parts: Sequence[PartResult], public: Iterable[Judgement], right: bool
    ) -> tuple[SubmissionStatus, str]:
        failures = self._sitting.failures
        verdicts = {verdict for part in parts for verdict in (part.public, part.hidden)}
        if self._sitting.attempts or Failure.VIOLATION in failures:
            said = [f"It tried to {act.value}." for act in self._sitting.attempts]
            if Failure.VIOLATION in failures:
                self._review.suspect("Its answer was none: the channel was tampered with.")
                said.append("Its answer was none.")
            return SubmissionStatus.VIOLATION, " ".join(said)
        if PartVerdict.MEMORY in verdicts or Failure.MEMORY in failures:
            return SubmissionStatus.MEMORY, f"It needs more than {self._plan.memory_mb} MB."
        if PartVerdict.TIMEOUT in verdicts or Failure.TIMEOUT in failures:
            return SubmissionStatus.TIMEOUT, f"It runs longer than {self._plan.seconds:g} s."
        if PartVerdict.CRASH in verdicts or Failure.CRASH in failures:
            return SubmissionStatus.CRASH, "It ends its process or uses up its stack."
        if right:
            return SubmissionStatus.OK, ""
        empty = {PartVerdict.UNIMPLEMENTED, PartVerdict.NEEDS_FORWARD}
        if {part.public for part in parts} <= empty and PartVerdict.UNIMPLEMENTED in verdicts:
            return SubmissionStatus.UNIMPLEMENTED, ""
        return SubmissionStatus.WRONG, _raised(public)

    def _problems(self, public: Mapping[str, Judgement]) -> Iterable[str]:
        """What went wrong on the public probe, for the student."""
        yield from self._review.hints
        for task in self._plan.tasks:
            trouble = public[task.name].trouble
            if trouble is not None and trouble.exception != "NotImplementedError":
                yield _said(task, trouble, self._program)
            verdicts = public[task.name].verdicts
            is_asked = verdicts[FORWARD].earns and not all(each.earns for each in verdicts.values())
            gates = wrong_gates(self._plan, task, public[task.name]) if is_asked else ""
            if gates:
                named = f"gate {gates}" if len(gates) == 1 else f"gates {' and '.join(gates)}"
                yield f"{task.backward_title}(): of the gates' gradients only those of {named} are wrong."
            if public[task.name].returned_otherwise:
                names = task.returned or gradient_names(task)
                yield f"{task.backward_title}() must return {', '.join(names)}."


def _calls(step: TaskPlan, ran: Ran | None) -> int:
    """How often a counted run called a step's backward."""
    return ran.calls.get(step.backward_title, 0) if ran is not None else 0


def _said(task: TaskPlan, trouble: Trouble, program: Program) -> str:
    """A trouble on the public probe as a sentence."""
    both = titles_of(task)
    match trouble.failure:
        case Failure.TIMEOUT:
            return f"{both}: stopped, for running too long."
        case Failure.MEMORY:
            return f"{both}: stopped, for needing too much memory."
        case Failure.CRASH | Failure.VIOLATION:
            return f"{both}: the process ended."
        case Failure.STUB:
            return f"{both}: a library is used that is not there ({trouble.message})."
        case _ if trouble.path in program.sources:
            what = f"{trouble.exception}: {trouble.message}" if trouble.message else trouble.exception
            return f"{trouble.path}, line {trouble.line}, in {trouble.function or 'the file'}: {what}"
        case _:
            return f"{both}: what they return or take is not what the assignment says ({trouble.message})."


def _raised(public: Iterable[Judgement]) -> str:
    """Which exception a function raised, for the grade book."""
    for judgement in public:
        if judgement.trouble is not None and judgement.trouble.exception:
            return f"It raises {judgement.trouble.exception}."
    return ""
