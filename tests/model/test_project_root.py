"""Which folder a file's project is."""

from __future__ import annotations

from rnnlint.model.project import Project
from rnnlint.source import read_source


def test_a_folder_of_installed_packages_is_no_project(tmp_path):
    package = tmp_path / "site-packages" / "chains"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "model.py").write_text("from chains.base import Base\n")
    (package / "base.py").write_text("class Base:\n    pass\n")
    other = tmp_path / "site-packages" / "other.py"
    other.write_text("from chains.model import *\n")
    project = Project.of(read_source(package / "model.py"))
    assert project.root == package
    assert other not in project.files
