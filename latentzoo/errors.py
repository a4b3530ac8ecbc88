"""The one shape of the package's errors: problem, expected, received, remedy."""

import inspect
import numbers


def error(problem, expected, received, remedy="", *, kind=ValueError):
    """An exception that says what is wrong, what would be right, what came, and the way out.

    Args:
        problem: str, a sentence.
        expected, received: str.
        remedy: str, sentences.
        kind: class of the exception.

    Example:

    >>> from latentzoo.errors import error
    >>> print(error("Bad size.", "an integer >= 1", "size=0"))
    Bad size. Expected: an integer >= 1. Received: size=0.
    """
    return kind(f"{problem} Expected: {expected}. Received: {received}. {remedy}".rstrip())


def whole(key, value, *, least):
    """Checks that an argument is an integer of at least `least`."""
    fits = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not fits or value < least:
        raise error(f"Bad {key}.", f"an integer >= {least}", f"{key}={value!r}")


def sizes(**given):
    """Checks that arguments are integers of at least 1."""
    for key, value in given.items():
        whole(key, value, least=1)


def real(key, value, *, least=None, above=None, below=float("inf")):
    """Checks that an argument is a number of at least `least`, or above `above`, and below `below`."""
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool) and abs(value) < float("inf")
    if not fits or (value < least if above is None else value <= above) or value >= below:
        wanted = f">= {least}" if above is None else f"> {above}"
        wanted += f" and < {below}" if below < float("inf") else ""
        raise error(f"Bad {key}.", f"a number {wanted}", f"{key}={value!r}"[:100])


def flag(key, value):
    """An argument as a bool, where it is one: most strings are true, `"no"` too."""
    if type(value).__name__ not in ("bool", "bool_"):  # that of NumPy, which is not imported here
        raise error(f"Bad {key}.", "True or False", f"{key}={value!r}"[:100])
    return bool(value)


def keywords(function, given, doing, outer=None):
    """Checks that a function, or the constructor of a class, has keyword-only arguments of these names.

    Args:
        function: what takes them; if it takes any, there is nothing to check.
        given: iterable of str.
        doing: str, for the error.
        outer: a function that took its own and handed on the rest.
    """
    parameters = inspect.signature(function).parameters.values()
    known = keyword_only(function)
    unknown = [name for name in given if name not in known]
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters):
        known = [*(keyword_only(outer) if outer else []), *known]
        raise error(f"Unknown arguments of {doing}.", f"some of {known}", f"{unknown}", kind=TypeError)


def keyword_only(function):
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]


def describe(x):
    """What an array is, for `received`."""
    if type(x).__name__ != "ndarray":  # without importing NumPy, since the command line starts here
        return f"{type(x).__name__}"
    limits = f" in [{x.min()}, {x.max()}]" if x.size and x.dtype.kind in "biuf" else ""
    return f"{x.dtype} {x.shape}{limits}"


class Damaged(ValueError):
    """A file that is not the one recorded: fetching it again may help.

    Args:
        message: str.
        path: `pathlib.Path` of the file.
    """

    def __init__(self, message, path):
        super().__init__(message)
        self.path = path
