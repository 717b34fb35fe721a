"""What somebody may have meant by a name that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest of the known names, or nothing if none is near.

    Examples
    --------
    >>> from ganaug.suggestions import did_you_mean
    >>> did_you_mean("smoet", ["nothing", "SMOTE"])
    " Did you mean 'SMOTE'?"
    >>> did_you_mean("x", ["nothing", "SMOTE"])
    ''
    """
    names = {other.casefold(): other for other in known}
    close = get_close_matches(name.casefold(), names, n=1)
    return f" Did you mean {names[close[0]]!r}?" if close else ""
