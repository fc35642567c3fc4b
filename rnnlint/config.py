"""``[tool.rnnlint]`` of the nearest ``pyproject.toml``: frozen, and strict about every word in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlint.findings import Confidence, Severity
from rnnlint.records import dataclass
from rnnlint.suggestions import suggestion

if TYPE_CHECKING:
    from rnnlint.explicit import ExplicitScenario

CODES = re.compile(r"RNN\d{0,3}", re.IGNORECASE)


class ConfigurationError(Exception):
    """A word of the configuration or the command line is wrong; the message says which in a sentence."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a project asks of rnnlint.

    ``root`` is the folder that patterns are relative to. Selectors are codes in upper case or prefixes of
    codes (``RNN1``): names are already turned into codes. ``select`` empty means every rule.
    """

    root: Path
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    min_confidence: Confidence = Confidence.LIKELY
    fail_on: Severity = Severity.ERROR
    gradients: tuple[ExplicitScenario, ...] = ()

    def stated_for(self, path: Path) -> tuple[ExplicitScenario, ...]:
        """The scenarios that are stated for a file: those of the last pattern that fits it."""
        if not self.gradients:
            return ()
        from pathspec import GitIgnoreSpec

        absolute, root = path.absolute(), self.root.absolute()
        name = (absolute.relative_to(root) if absolute.is_relative_to(root) else absolute).as_posix()
        patterns = dict.fromkeys(scenario.pattern for scenario in self.gradients)
        fitting = [pattern for pattern in patterns if GitIgnoreSpec.from_lines([pattern]).match_file(name)]
        return tuple(scenario for scenario in self.gradients if scenario.pattern in fitting[-1:])


def load_config(start: Path) -> Config:
    """The configuration that holds for ``start``: of the nearest ``pyproject.toml`` upward with our table.

    Raises :class:`ConfigurationError`.
    """
    folder = start.absolute() if start.is_dir() else start.absolute().parent
    for candidate in (folder, *folder.parents):
        file = candidate / "pyproject.toml"
        if file.is_file():
            table = _table(file)
            if table is not None:
                return parse_config(table, candidate, str(file))
    return Config(folder)


def read_config(file: Path) -> Config:
    """The configuration of one named file, a ``pyproject.toml``. Raises :class:`ConfigurationError`."""
    if not file.is_file():
        raise ConfigurationError(f"{file}: there is no such file.")
    table = _table(file)
    if table is None:
        raise ConfigurationError(f"{file}: has no table [tool.rnnlint].")
    return parse_config(table, file.absolute().parent, str(file))


def _table(file: Path) -> Mapping[str, Any] | None:
    import tomllib

    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: is not TOML ({error}).") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read ({error.strerror or error}).") from None
    tool = document.get("tool")
    table = tool.get("rnnlint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigurationError(f"{file}: tool.rnnlint must be a table.")
    return table


_KEYS = (
    "select",
    "ignore",
    "extend-select",
    "per-file-ignores",
    "exclude",
    "min-confidence",
    "fail-on",
    "gradients",
)


def parse_config(table: Mapping[str, Any], root: Path, where: str) -> Config:
    """A table of the TOML as a :class:`Config`; ``where`` names it in errors."""
    for key in table:
        if key not in _KEYS:
            raise ConfigurationError(
                f"{where}: unknown key {key!r} in [tool.rnnlint].{suggestion(key, _KEYS)}"
            )
    ignores = table.get("per-file-ignores", {})
    if not isinstance(ignores, dict):
        raise ConfigurationError(f"{where}: per-file-ignores must be a table of pattern = [codes].")
    return Config(
        root=root,
        select=_selectors(table, "select", where),
        ignore=_selectors(table, "ignore", where),
        extend_select=_selectors(table, "extend-select", where),
        per_file_ignores=tuple(
            (pattern, _selectors(ignores, pattern, f"{where}: per-file-ignores")) for pattern in ignores
        ),
        exclude=_strings(table, "exclude", where),
        min_confidence=Confidence(_one_of(table, "min-confidence", Confidence, Confidence.LIKELY, where)),
        fail_on=Severity(_one_of(table, "fail-on", Severity, Severity.ERROR, where)),
        gradients=_scenarios(table, where),
    )


def _scenarios(table: Mapping[str, Any], where: str) -> tuple[ExplicitScenario, ...]:
    if "gradients" not in table:
        return ()
    from rnnlint.explicit import ScenarioError, parse_scenarios

    try:
        return parse_scenarios(table["gradients"])
    except ScenarioError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _strings(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"{where}: {key} must be a list of strings.")
    return tuple(value)


def _selectors(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    return selectors(_strings(table, key, where), f"{where}: {key}")


def _one_of(
    table: Mapping[str, Any], key: str, choices: type[Confidence] | type[Severity], default: str, where: str
) -> str:
    value = table.get(key, default)
    words = [choice.value for choice in choices]
    if value not in words:
        raise ConfigurationError(f"{where}: {key} must be one of {', '.join(words)}, not {value!r}.")
    return str(value)


def selectors(words: Sequence[str], where: str) -> tuple[str, ...]:
    """Codes, prefixes of codes and names, as codes and prefixes.

    Raises :class:`ConfigurationError` for a word that is no rule's, with the nearest that is.
    """
    if not words:
        return ()
    from rnnlint.measured_rules import MEASURED
    from rnnlint.rules.registry import all_rules  # walks the rules: not on the way to --version

    codes = {read.name: read.code for read in all_rules()} | {m.name: m.code for m in MEASURED}
    return tuple(_selector(word.strip(), codes, where) for word in words)


def _selector(word: str, codes: Mapping[str, str], where: str) -> str:
    if word.lower() in codes:
        return codes[word.lower()]
    upper = word.upper()
    if CODES.fullmatch(word) and any(code.startswith(upper) for code in codes.values()):
        return upper
    raise ConfigurationError(
        f"{where}: {word!r} is no rule.{suggestion(word, (*codes.values(), *codes), upper)}"
    )
