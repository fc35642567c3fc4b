"""Python 2 becomes Python 3 that means the same, every line in its place."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlint.python2 import convert, is_python2

STATEMENTS = {
    'print "loss", loss': 'print("loss", loss)',
    "print": "print()",
    'print "a",': 'print("a", end=" ")',
    'print "%d" % n, ; x = 1': 'print("%d" % n, end=" ") ; x = 1',
    'print ("%d") % n': 'print(("%d") % n)',
    "print >>log, a, b": "print( a, b, file=log)",
    "print >> sys.stderr, 'a'": "print( 'a', file=sys.stderr)",
    "if x: print x": "if x: print(x)",
    "for i in xrange(3): print i,": 'for i in range(3): print(i, end=" ")',
    "f = lambda x: x; print f(1)": "f = lambda x: x; print(f(1))",
    "print x  # done": "print(x)  # done",
    "print(x); print y": "print(x); print(y)",
    "print a if b <> c else d": "print(a if b != c else d)",
    "exec code": "exec(code)",
    "exec code in names": "exec(code , names)",
    "raise ValueError, 'no'": "raise ValueError( 'no')",
    "raise ValueError, 'no', trace": "raise ValueError( 'no').with_traceback( trace)",
    "n = 0777 + 10L + 0xFFL + 0": "n = 0o777 + 10 + 0xFF + 0",
    "s = ur'\\d' + u'a'; print s": "s = r'\\d' + u'a'; print(s)",
    "s = `x` + `y`": "s = repr(x) + repr(y)",
    "for k, v in d.iteritems(): print k": "for k, v in d.items(): print(k)",
    "if d.has_key(k): print k": "if d.__contains__(k): print(k)",
    "print it.next()": "print(it.__next__())",
    "import cPickle as pickle; print 1": "import pickle as pickle; print(1)",
    "import cPickle, numpy; print 1": "import pickle as cPickle, numpy; print(1)",
    "from StringIO import StringIO; print 1": "from io import StringIO; print(1)",
    "from itertools import izip; print 1": "from builtins import zip as izip; print(1)",
    "s = sorted(d, key=lambda (k, v): v); print s": (
        "s = sorted(d, key=lambda _pair: (lambda k, v: v)(*_pair)); print(s)"
    ),
    "x = raw_input('?'); print unicode(x)": "x = input('?'); print(str(x))",
}


@pytest.mark.parametrize(("before", "after"), STATEMENTS.items())
def test_statements(before: str, after: str) -> None:
    converted = convert(before + "\n")
    assert converted is not None
    assert ast.dump(ast.parse(converted)) == ast.dump(ast.parse(after + "\n"))


def test_exceptions_bind_their_names() -> None:
    text = "try:\n    pass\nexcept (IOError, OSError), e:\n    print e\nexcept ValueError:\n    raise\n"
    assert (
        convert(text)
        == "try:\n    pass\nexcept (IOError, OSError) as e:\n    print(e)\nexcept ValueError:\n    raise\n"
    )


def test_tuple_parameters_unpack_in_front() -> None:
    text = "def step(x, (h, C), t):\n    z = x + h\n    return z, C, t\nprint step(1, (2, 3), 4)\n"
    converted = convert(text)
    assert converted is not None
    names: dict[str, object] = {"print": lambda result: names.update(result=result)}
    exec(converted, names)
    assert names["result"] == (3, 3, 4)


def test_every_line_stays_where_it_was() -> None:
    text = 'print "a", \\\n  "b"\nprint ("x\\n"\n  "y") % (1,\n  2)\n\n"""print x\n"""\nx = 1 # print\n'
    converted = convert(text)
    assert converted is not None
    assert converted.count("\n") == text.count("\n")
    assert converted.split("\n")[6:] == text.split("\n")[6:]


def test_tabs_mixed_with_spaces_are_eight_columns() -> None:
    text = "def f(x):\n    if x:\n\tprint 1\n    return 2\n"
    converted = convert(text)
    assert converted is not None
    assert converted.split("\n")[2] == "        print(1)"


@pytest.mark.parametrize(
    "text", ["", "x = 1\n", "print(1)\n", "def f(:\n", "print 1 +\n", "for\n", "x = '\n", "`"]
)
def test_what_is_not_python_2_is_none(text: str) -> None:
    assert convert(text) is None


def test_a_name_of_ones_own_keeps_it() -> None:
    text = (
        "xrange = range\nlong = 1\nclass A:\n    def next(self): return long\nprint A().next(), xrange(2)\n"
    )
    assert convert(text) == text.replace("print A().next(), xrange(2)", "print(A().next(), xrange(2))")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for t in xrange(3): pass\n", True),
        ("for k in d.iteritems(): pass\n", True),
        ("xrange = range\nfor t in xrange(3): pass\n", False),
        ("from past.builtins import xrange\nfor t in xrange(3): pass\n", False),
        ("from six.moves import (zip, xrange)\nfor t in xrange(3): pass\n", False),
        ("# xrange(3)\ns = 'xrange(3)'\n", False),
        ("for t in range(3): pass\n", False),
    ],
)
def test_python_2_that_happens_to_parse(text: str, expected: bool) -> None:
    assert is_python2(text) is expected


@given(st.text(alphabet="print x,'\"\\\n\t()[]`<>#:;=lambda0L", max_size=60))
def test_any_text_ends_in_python_of_as_many_lines_or_none(text: str) -> None:
    converted = convert(text)
    if converted is not None:
        ast.parse(converted)
        assert converted.count("\n") == text.count("\n")
