"""``results.json`` as Gradescope's autograders write it.

The published fields: score, output, output_format, visibility, stdout_visibility, tests (score, max_score,
status, name, output, visibility) and extra_data.
https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from __future__ import annotations

from typing import Any

from rnnlint.grading.results import PartResult, StudentResult


def results(student: StudentResult, feedback: str) -> dict[str, Any]:
    """The results of a submission that has a score; ``feedback`` is Markdown for the student.

    Each part is a test of the public verdict; what a hidden probe said is in the points alone, as in the
    feedback. Raises ValueError where there is no score: nothing may be written then.
    """
    if student.score is None:
        raise ValueError(f"{student.student_id} has no score")
    return {
        "score": student.score,
        "output": feedback,
        "output_format": "md",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(part) for part in student.parts],
        "extra_data": {
            "status": student.status.value,
            "needs_review": bool(student.needs_review),
            "seed_id": student.seed_id,
        },
    }


def _test(part: PartResult) -> dict[str, Any]:
    return {
        "name": f"{part.task}: {part.part}",
        "score": part.points,
        "max_score": part.max_points,
        "status": "passed" if part.points == part.max_points else "failed",
        "output": f"public: {part.public.value}; hidden: {part.hidden.value}",
        "output_format": "text",
        "visibility": "visible",
    }
