"""Where submissions are found, and what of an archive is never taken."""

from __future__ import annotations

import io
import json
import os
import stat
import zipfile
from pathlib import Path

import pytest

from rnnlint.grading import archives
from rnnlint.grading.archives import ArchiveError, programs_in
from rnnlint.grading.roster import RosterError, read_roster
from rnnlint.grading.submissions import Submission, SubmissionsError, locate, the_one, with_roster

WANTED = ("rnn_layers.py",)
CODE = b"x = 1\n"


def zipped(members: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return raw.getvalue()


def put(root: Path, name: str, content: bytes = CODE) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def found(root: Path) -> dict[str, dict[str, bytes]]:
    return {each.student_id: dict(each.read(WANTED).files) for each in locate(root, WANTED)}


def test_folders_programs_and_archives(tmp_path: Path) -> None:
    put(tmp_path, "amara/rnn_layers.py")
    put(tmp_path, "amara/helpers.py", b"y = 2\n")
    put(tmp_path, "amara/notes.txt")
    put(tmp_path, "bela/deep/inside/rnn_layers.py")
    put(tmp_path, "cleo.py")
    put(tmp_path, "dov.zip", zipped({"hw/rnn_layers.py": CODE, "__MACOSX/hw/._rnn_layers.py": b"\0"}))
    put(tmp_path, ".DS_Store")
    assert found(tmp_path) == {
        "amara": {"rnn_layers.py": CODE, "helpers.py": b"y = 2\n"},
        "bela": {"rnn_layers.py": CODE},
        "cleo": {"rnn_layers.py": CODE},
        "dov": {"rnn_layers.py": CODE},
    }


def test_the_outermost_of_several_is_taken_and_two_beside_each_other_are_said(tmp_path: Path) -> None:
    put(tmp_path, "a/rnn_layers.py", b"outer = 1\n")
    put(tmp_path, "a/old/rnn_layers.py")
    put(tmp_path, "b/one/rnn_layers.py")
    put(tmp_path, "b/two/rnn_layers.py")
    assert found(tmp_path)["a"]["rnn_layers.py"] == b"outer = 1\n"
    (_, b) = locate(tmp_path, WANTED)
    assert "rnn_layers.py is there 2 times" in b.read(WANTED).problem


def test_one_archive_of_all(tmp_path: Path) -> None:
    inner = zipped({"rnn_layers.py": CODE})
    put(
        tmp_path,
        "export.zip",
        zipped({"week3/amara/rnn_layers.py": CODE, "week3/bela/rnn_layers.py": b"y = 2\n"}),
    )
    put(tmp_path, "flat.zip", zipped({"amara.py": CODE, "bela.zip": inner, "cleo/rnn_layers.py": CODE}))
    assert found(tmp_path / "export.zip") == {
        "amara": {"rnn_layers.py": CODE},
        "bela": {"rnn_layers.py": b"y = 2\n"},
    }
    assert found(tmp_path / "flat.zip") == {
        name: {"rnn_layers.py": CODE} for name in ("amara", "bela", "cleo")
    }


def test_an_export_of_gradescope(tmp_path: Path) -> None:
    put(tmp_path, "submission_101/rnn_layers.py")
    put(tmp_path, "submission_102/rnn_layers.py")
    put(tmp_path, "submission_103/rnn_layers.py")
    metadata = """
submission_101:
  :submitters:
  - :name: Amara A
    :sid: "0017"
    :email: a@example.org
submission_102:
  :submitters:
  - :name: Bela B
    :email: b@example.org
  - :name: Cleo C
    :sid: "0019"
"""
    put(tmp_path, "submission_metadata.yml", metadata.encode())
    assert [(each.student_id, each.place) for each in locate(tmp_path, WANTED)] == [
        ("0017", "submission_101"),
        ("0019", "submission_102"),
        ("b@example.org", "submission_102"),
        ("submission_103", "submission_103"),
    ]


def test_an_export_of_classroom(tmp_path: Path) -> None:
    root = tmp_path / "lstm-layers-submissions"
    for student in ("amara", "bela-b"):
        put(root, f"lstm-layers-{student}/rnn_layers.py")
    assert set(found(root)) == {"amara", "bela-b"}
    cloned = tmp_path / "cloned"
    for student in ("amara", "amadou"):
        put(cloned, f"lstm-layers-{student}/rnn_layers.py")
        (cloned / f"lstm-layers-{student}" / ".git").mkdir()
    assert set(found(cloned)) == {"amara", "amadou"}


def test_the_one_of_a_container(tmp_path: Path) -> None:
    put(tmp_path, "submission/rnn_layers.py")
    assert the_one(tmp_path / "submission").student_id == "submission"
    users = {"users": [{"email": "a@example.org", "id": 7, "name": "Amara"}]}
    put(tmp_path, "submission_metadata.json", json.dumps(users).encode())
    assert the_one(tmp_path / "submission").student_id == "a@example.org"


def test_links_lead_nowhere(tmp_path: Path) -> None:
    put(tmp_path, "secret/rnn_layers.py", b"secret = 1\n")
    root = tmp_path / "submissions"
    put(root, "amara/notes.txt")
    (root / "amara" / "rnn_layers.py").symlink_to(tmp_path / "secret" / "rnn_layers.py")
    (root / "bela").symlink_to(tmp_path / "secret")
    assert found(root) == {"amara": {}}


def test_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "amara").mkdir()
    os.mkfifo(tmp_path / "amara" / "rnn_layers.py")
    (submission,) = locate(tmp_path, WANTED)
    assert submission.read(WANTED).problem == "rnn_layers.py is no file."


def test_who_handed_in_twice_is_graded_twice(tmp_path: Path) -> None:
    put(tmp_path, "amara/rnn_layers.py")
    put(tmp_path, "amara.py")
    once, again = locate(tmp_path, WANTED)
    assert (once.student_id, again.student_id) == ("amara", "amara (2)")
    assert again.review == ("Handed in more than once.",)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda root: root / "nothing", "there is no such folder"),
        (lambda root: put(root, "notes.txt") or root / "notes.txt", "neither a folder nor a zip archive"),
        (lambda root: root, "holds no submission"),
        (lambda root: put(root, "rnn_layers.py") or root, "--one"),
        (lambda root: put(root, "broken.zip", b"PK no") or root / "broken.zip", "no zip archive"),
    ],
)
def test_what_is_no_place_of_submissions(tmp_path: Path, make: object, said: str) -> None:
    with pytest.raises(SubmissionsError, match=said):
        locate(make(tmp_path), WANTED)  # type: ignore[operator]


def test_an_archive_that_reaches_outside() -> None:
    for name in ("../rnn_layers.py", "/rnn_layers.py", "..\\rnn_layers.py", "C:/rnn_layers.py"):
        with pytest.raises(ArchiveError, match="outside"):
            programs_in(zipped({name: CODE}))


def test_an_archive_with_a_link() -> None:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        link = zipfile.ZipInfo("rnn_layers.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert programs_in(raw.getvalue()) == {}


def test_an_archive_that_swells(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArchiveError, match="more than a submission may"):
        programs_in(zipped({"rnn_layers.py": b"#" * (archives.LARGEST_PROGRAM + 1)}))
    monkeypatch.setattr(archives, "LARGEST_TOTAL", 100)
    with pytest.raises(ArchiveError, match="more than a submission may"):
        programs_in(zipped({f"{n}.py": b"#" * 60 for n in range(3)}))
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    with pytest.raises(ArchiveError, match="members"):
        programs_in(zipped({f"{n}.txt": b"" for n in range(4)}))


def test_an_archive_that_lies_about_its_sizes() -> None:
    raw = bytearray(zipped({"rnn_layers.py": b"#" * (archives.LARGEST_PROGRAM + 1)}))
    directory = raw.index(b"PK\x01\x02")
    raw[directory + 24 : directory + 28] = (10).to_bytes(4, "little")  # the size when unpacked
    with pytest.raises(ArchiveError):
        programs_in(bytes(raw))


def test_an_encrypted_or_damaged_archive() -> None:
    raw = bytearray(zipped({"rnn_layers.py": CODE}))
    encrypted = bytearray(raw)
    encrypted[6] |= 1
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArchiveError, match="encrypted"):
        programs_in(bytes(encrypted))
    raw[30 + len("rnn_layers.py")] ^= 0xFF
    with pytest.raises(ArchiveError, match="damaged"):
        programs_in(bytes(raw))


def test_archives_inside_an_archive_stay_closed() -> None:
    assert programs_in(zipped({"more.zip": zipped({"rnn_layers.py": CODE})})) == {}


def test_who_handed_in_nothing_and_who_is_not_listed(tmp_path: Path) -> None:
    put(tmp_path, "roster.csv", b"name,student_id\r\nAmara,17\r\nBela,18\r\n")
    listed = with_roster(
        [Submission("17", "17"), Submission("99", "99")], read_roster(tmp_path / "roster.csv")
    )
    assert [(each.student_id, each.path, each.review) for each in listed] == [
        ("17", None, ()),
        ("18", None, ()),
        ("99", None, ("Not on the roster.",)),
    ]


def test_rosters(tmp_path: Path) -> None:
    put(tmp_path, "lines.txt", b"amara\nbela\n\namara\n")
    assert read_roster(tmp_path / "lines.txt") == ("amara", "bela")
    put(tmp_path, "empty.csv", b"")
    put(tmp_path, "columns.csv", b"first,last\nAmara,A\n")
    for name in ("empty.csv", "columns.csv", "none.csv"):
        with pytest.raises(RosterError, match=name):
            read_roster(tmp_path / name)
