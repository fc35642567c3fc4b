"""What a person should look at in a submission, gathered while it is graded. Nothing of it costs a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnlint.grading.derivation import RULE, signs, signs_of
from rnnlint.grading.digits import inexact, is_exact, without_small_constants
from rnnlint.grading.judging import Judgement, judge_all
from rnnlint.grading.plan import Plan, TaskPlan
from rnnlint.grading.sitting import Sitting, Way
from rnnlint.grading.submission import Program
from rnnlint.records import dataclass, field
from rnnlint.sandbox.job import Ran


@dataclass
class Review:
    """Of one submission: what is suspicious, and what the student is told of it, each sentence once."""

    plan: Plan
    program: Program
    sitting: Sitting
    suspicions: dict[str, None] = field(default_factory=dict)
    hints: dict[str, None] = field(default_factory=dict)

    def suspect(self, sentence: str) -> None:
        """Note a sentence for the teacher."""
        self.suspicions[sentence] = None

    def _tell(self, sentence: str) -> None:
        """Note a sentence for the student."""
        self.hints[sentence] = None

    @property
    def doubts_derivation(self) -> bool:
        """Whether something says that the gradients are not derived."""
        return any(f"({RULE})" in suspicion for suspicion in self.suspicions)

    def see_what_is_written(self) -> None:
        """What stands in the text."""
        for sign in signs(self.program):
            self.suspect(sign)

    def see_what_sizes_break(self, sized: Mapping[str, Sequence[str]]) -> None:
        """The parts, by their tasks, that are right at the public probe's sizes and nowhere else."""
        for name, keys in sized.items():
            self.suspect(f"{few(keys)}: right at the sizes of the public probe alone.")
            titles = titles_of(self.plan.task(name))
            self._tell(f"{titles}: right at some sizes alone; take sizes from the arrays, as in x.shape.")

    def see_what_clipping_hides(self, found: Mapping[str, Judgement]) -> None:
        """Clipping of its own that decides whether a gradient is right is for a person to look at."""
        clips, left_out = self.program.clips, self.program.left_out
        if clips.of_numpy:
            clipped = self._with_left_out([name for name in left_out if name not in clips.of_numpy])
            self._suspect_clipping(clips.of_numpy, lost(found, clipped))
        own = [name for name in clips.functions if name not in left_out]
        if own and not all(judgement.is_right for judgement in found.values()):
            hidden = lost(self._with_left_out([*left_out, *own]), found)
            self._suspect_clipping(own, hidden)
            if hidden:
                named = ", ".join(f"{name}()" for name in own)
                self._tell(f"{named}: gradients are graded as they are before they are clipped.")

    def see_how_it_derives(
        self, probe: int, found: Mapping[str, Judgement], runs: Mapping[tuple[Way, str], Ran]
    ) -> None:
        """What was counted while it ran, and gradients that are right to some digits, and not for the sake of
        a small constant. Once there is a doubt no other run is made to find a second one: differences take
        long.
        """
        for (way, _), ran in runs.items():
            if way is Way.WHOLE:
                for sign in signs_of(ran, self.plan, more=probe != 0):
                    self.suspect(sign)
        parts = {} if self.doubts_derivation or not self.plan.is_derived else inexact(found)
        if parts:
            tasks = [self.plan.task(name) for name in dict.fromkeys(task for task, _ in parts.values())]
            other = self.sitting.apart(program=without_small_constants(self.program))
            exact = judge_all(self.plan, probe, tasks, other.run(probe, whole=tasks), {})
            self.sitting.attempts |= other.attempts
            measured = [key for key, part in parts.items() if not is_exact(exact, part)]
            if measured:
                self.suspect(
                    f"{few(measured)}: right to some digits, as differences are, and not to the last, as "
                    f"what is derived ({RULE})."
                )

    def _with_left_out(self, clips: Sequence[str]) -> dict[str, Judgement]:
        """The judgements on the public probe with other clipping left out."""
        tasks, other = self.plan.tasks, self.sitting.apart(clips)
        found = judge_all(self.plan, 0, tasks, other.run(0, whole=tasks), {})
        self.sitting.attempts |= other.attempts
        return found

    def _suspect_clipping(self, names: Sequence[str], parts: Sequence[str]) -> None:
        if parts:
            self.suspect(f"Without {', '.join(names)} {few(parts)} would be right, with it wrong.")

    def see_what_survives(self, alone: Mapping[str, Judgement], after: Mapping[str, Judgement]) -> None:
        """What is right in the first pass alone has state that no caller sets back."""
        parts = lost(alone, after)
        if parts:
            self.suspect(f"{few(parts)}: right in a first pass, wrong in the next (something survives).")


def lost(before: Mapping[str, Judgement], after: Mapping[str, Judgement]) -> list[str]:
    """The parts that earn in one run of the tasks and not in another, as far as that has them."""
    return [
        f"{task}.{part}"
        for task, judgement in before.items()
        if task in after
        for part, verdict in judgement.verdicts.items()
        if verdict.earns and not after[task].verdicts[part].earns
    ]


def few(parts: Sequence[str]) -> str:
    """The first of several, and how many there are."""
    return parts[0] if len(parts) == 1 else f"{parts[0]} and {len(parts) - 1} more"


def titles_of(task: TaskPlan) -> str:
    """What the task's functions are called."""
    return " and ".join(f"{title}()" for title in (task.forward_title, task.backward_title) if title)
