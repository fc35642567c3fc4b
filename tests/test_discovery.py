"""The files that a command line means: git's view of a folder, links that lead nowhere new, notebooks too."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlint.discovery import discover, may_hold_backward_pass
from rnnlint.results import Origin


def tree(root: Path, *names: str, text: str = "x = 1\n") -> None:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def found(root: Path, *exclude: str) -> list[str]:
    return [target.path.relative_to(root).as_posix() for target in discover([root], exclude, root)]


def test_programs_and_notebooks_of_a_folder_in_order(tmp_path: Path) -> None:
    tree(tmp_path, "b.py", "a/z.ipynb", "a/y.py", "notes.txt", "data.csv")
    assert found(tmp_path) == ["a/y.py", "a/z.ipynb", "b.py"]


def test_folders_of_nobodys_own_program_are_left_out(tmp_path: Path) -> None:
    tree(
        tmp_path,
        "a.py",
        ".venv/lib/b.py",
        "__pycache__/c.py",
        ".ipynb_checkpoints/d.ipynb",
        ".git/hooks/e.py",
    )
    assert found(tmp_path) == ["a.py"]


def test_gitignore_is_heeded_in_every_folder(tmp_path: Path) -> None:
    tree(tmp_path, "keep.py", "old/a.py", "new/draft.py", "new/b.py", "new/sub/draft.py")
    (tmp_path / ".gitignore").write_text("old/\n", encoding="utf-8")
    (tmp_path / "new" / ".gitignore").write_text("/draft.py\n", encoding="utf-8")
    assert found(tmp_path) == ["keep.py", "new/b.py", "new/sub/draft.py"]


def test_gitignore_above_the_folder_is_heeded_up_to_the_repository(tmp_path: Path) -> None:
    tree(tmp_path, "repo/src/a.py", "repo/src/built_b.py")
    (tmp_path / ".gitignore").write_text("a.py\n", encoding="utf-8")  # above the repository: not ours
    (tmp_path / "repo" / ".git").mkdir()
    (tmp_path / "repo" / ".gitignore").write_text("built_*\n", encoding="utf-8")
    assert found(tmp_path / "repo" / "src") == ["a.py"]


def test_excluded_patterns_are_relative_to_the_configuration(tmp_path: Path) -> None:
    tree(tmp_path, "course/starter/a.py", "course/solution/a.py", "starter.py")
    assert found(tmp_path, "course/starter/") == ["course/solution/a.py", "starter.py"]


def test_a_named_file_is_never_left_out(tmp_path: Path) -> None:
    tree(tmp_path, "old/a.py", "program.txt")
    (tmp_path / ".gitignore").write_text("old/\n", encoding="utf-8")
    targets = discover([tmp_path / "old" / "a.py", tmp_path / "program.txt"], ["old/"], tmp_path)
    assert [target.origin for target in targets] == [Origin.NAMED, Origin.NAMED]


def test_a_file_that_is_named_and_found_is_named_once(tmp_path: Path) -> None:
    tree(tmp_path, "a.py", "b.py")
    targets = discover([tmp_path, tmp_path / "b.py"])
    assert [(t.path.name, t.origin) for t in targets] == [("a.py", Origin.FOUND), ("b.py", Origin.NAMED)]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    tree(tmp_path, "package/a.py")
    (tmp_path / "package" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "broken.py").symlink_to(tmp_path / "gone.py")
    assert found(tmp_path) == ["package/a.py"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def backward(self, dh):\n    return 1 - np.tanh(h) ** 2\n", True),
        ("h = np.tanh(x)\ndWxh += dh @ x.T\n", True),
        ("def lossFun(inputs):\n    hs[t] = np.tanh(a)\n", True),
        ("import numpy as np\nprint(np.tanh(1))\n", False),
        ("def backward(self): ...\n", False),
        ("from layers import *\nclass MyLSTM:\n    def learn(self):\n        dU = np.outer(d, h)\n", True),
        ("import numpy as np\nsigma = np.exp(s)\ngrad = f(sigma)\n", False),
        ("import numpy as np\ngradient = np.arctanh(x)\n", False),
        ("", False),
    ],
)
def test_words_tell_which_files_of_a_folder_are_worth_parsing(
    tmp_path: Path, text: str, expected: bool
) -> None:
    tree(tmp_path, "a.py", text=text)
    assert may_hold_backward_pass(tmp_path / "a.py") is expected


def test_a_named_file_is_left_out_only_where_that_is_forced(tmp_path: Path) -> None:
    tree(tmp_path, "starter/a.py", "b.py")
    files = [tmp_path / "starter" / "a.py", tmp_path / "b.py"]
    assert len(discover(files, ["starter/"], tmp_path)) == 2
    kept = discover(files, ["starter/"], tmp_path, force_exclude=True)
    assert [target.path.name for target in kept] == ["b.py"]
