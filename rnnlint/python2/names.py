"""What Python 3 calls the built-ins, methods and modules of Python 2."""

from __future__ import annotations

BUILTINS = {
    "xrange": "range",
    "raw_input": "input",
    "unicode": "str",
    "basestring": "str",
    "long": "int",
    "unichr": "chr",
}
METHODS = {
    "iteritems": "items",
    "itervalues": "values",
    "iterkeys": "keys",
    "viewitems": "items",
    "viewvalues": "values",
    "viewkeys": "keys",
    "has_key": "__contains__",
    "next": "__next__",
}
MODULES = {
    "cPickle": "pickle",
    "cStringIO": "io",
    "StringIO": "io",
    "Queue": "queue",
    "ConfigParser": "configparser",
    "__builtin__": "builtins",
    "urllib2": "urllib.request",
}
ITERTOOLS = {"izip": "zip", "imap": "map", "ifilter": "filter"}

ONLY_PYTHON2 = frozenset({"xrange", "raw_input", "unicode", "basestring"})
ONLY_PYTHON2_METHODS = frozenset({"iteritems", "itervalues", "iterkeys", "has_key"})
