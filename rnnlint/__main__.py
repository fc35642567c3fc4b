"""``python -m rnnlint``: the same as the ``rnnlint`` command."""

from rnnlint.cli import main

if __name__ == "__main__":
    main(prog_name="python -m rnnlint")
