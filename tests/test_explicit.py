"""``[tool.rnnlint.gradients]``: what is read of it, and every mistake in one sentence."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rnnlint.config import Config, ConfigurationError, parse_config
from rnnlint.explicit import Argument, Arrangement, Call, ExplicitScenario, StatedShape, StatedSize


def read(text: str) -> Config:
    table = tomllib.loads(text)["tool"]["rnnlint"]
    return parse_config(table, Path("/course"), "pyproject.toml")


def scenario(lines: str) -> ExplicitScenario:
    (stated,) = read(f'[tool.rnnlint.gradients."lstm.py"]\n{lines}').gradients
    return stated


class TestReading:
    def test_a_whole_scenario(self) -> None:
        stated = scenario(
            'construct = "LSTM(D, 4)"\nforward = "LSTM.forward(x, h0) -> hs, _, cache"\n'
            'backward = "LSTM.backward(dhs, cache=cache) -> dx,"\nparameters = ["W"]\n'
            'shapes = { W = ["4*H", "D+H+1"], y = ["T", "<V"] }\n'
            'gradients = { W = "self.dW" }\nlayout = "batch-first, rows"'
        )
        four_h, wide = StatedSize((("H", 4),)), StatedSize((("D", 1), ("H", 1)), 1)
        below = StatedShape((StatedSize((("T", 1),)),), StatedSize((("V", 1),)))
        assert stated == ExplicitScenario(
            "lstm.py",
            Call("LSTM.backward", (Argument("dhs"), Argument("cache", "cache")), ("dx",)),
            Call("LSTM.forward", (Argument("x"), Argument("h0")), ("hs", "", "cache")),
            Call("LSTM", (Argument("D"), Argument("4"))),
            ("W",),
            {"W": StatedShape((four_h, wide)), "y": below},
            {"W": "self.dW"},
            (Arrangement.BATCH_FIRST, Arrangement.ROWS),
        )

    def test_several_passes_of_one_file(self) -> None:
        config = read(
            '[[tool.rnnlint.gradients."a.py"]]\nbackward = "one(x)"\n'
            '[[tool.rnnlint.gradients."a.py"]]\nbackward = "two(x)"'
        )
        assert [s.backward.function for s in config.stated_for(Path("/course/a.py"))] == ["one", "two"]

    def test_the_last_pattern_that_fits_a_file_holds(self) -> None:
        config = read(
            '[tool.rnnlint.gradients."*.py"]\nbackward = "every(x)"\n'
            '[tool.rnnlint.gradients."week1/"]\nbackward = "first(x)"'
        )
        names = {
            path: [s.backward.function for s in config.stated_for(Path(path))]
            for path in ("/course/week2/a.py", "/course/week1/a.py", "/course/notes.ipynb")
        }
        assert names == {
            "/course/week2/a.py": ["every"],
            "/course/week1/a.py": ["first"],
            "/course/notes.ipynb": [],
        }


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('forward = "f(x)"', "the key backward is missing"),
        ('backward = "f(x)"\nshape = {}', "unknown key 'shape'. Did you mean 'shapes'?"),
        ("backward = 3", "backward must be a call in quotes"),
        ('backward = "f(x"', "'f(x' is not a call"),
        ('backward = "f"', "'f' is not a call"),
        ('backward = "a.b.f(x)"', "is not a call"),
        ('backward = "f(**x)"', "write the arguments out"),
        ('backward = "f(open(x))"', "'open(x)' is not read"),
        ('backward = "f(x.__class__)"', "is not read"),
        ('backward = "f(x) -> dW[0]"', "'dW[0]' is no name"),
        ('backward = "f(x)"\nconstruct = "make.LSTM(D)"', "construct must be the call of a class"),
        ('backward = "f(x)"\nparameters = "W"', "parameters must be a list of names"),
        ('backward = "f(x)"\nshapes = ["W"]', "shapes must be a table"),
        ('backward = "f(x)"\nshapes = { W = "H" }', "W must be a list of sizes"),
        ('backward = "f(x)"\nshapes = { W = ["H-1"] }', "'H-1' is no size"),
        ('backward = "f(x)"\nshapes = { W = [0] }', "at least 1, not 0"),
        ('backward = "f(x)"\ngradients = { W = 3 }', "gradients must be a table"),
        ('backward = "f(x)"\ngradients = { W = "a b" }', "'a b' is neither a result nor an attribute"),
        ('backward = "f(x)"\nlayout = "time-frist"', "Did you mean 'time-first'?"),
        ('backward = "f(x)"\nlayout = ["rows"]', "in one string"),
    ],
)
def test_a_mistake_is_one_sentence_that_says_where(lines: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        scenario(lines)
    assert str(caught.value).startswith("pyproject.toml: [tool.rnnlint.gradients.'lstm.py']")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('gradients = "lstm.py"', "must hold tables, one a file"),
        ('gradients = { forward = "f(x)" }', "'forward' belongs in the table of a file"),
        ('gradients = { "lstm.py" = "f(x)" }', "must be a table with at least the key backward"),
    ],
)
def test_a_table_in_the_wrong_place(table: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read(f"[tool.rnnlint]\n{table}")
