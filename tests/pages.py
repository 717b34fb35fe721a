"""The code on pages: what is in ```python and ```sh fences runs."""

import re
import shlex

from ganaug import cli

RUN_OR_SHOWN = ("python", "sh", "py", "bash", "text")


def fences(page, *languages):
    """Return language, text and the number of lines above it of each fence, in their order."""
    pattern = rf"^```({'|'.join(languages)})\n(.*?)^```$"
    found = re.finditer(pattern, page, flags=re.MULTILINE | re.DOTALL)
    return [(fence[1], fence[2], page.count("\n", 0, fence.start(2))) for fence in found]


def commands(text, program="ganaug"):
    """Return the words after `program` on each line of a shell fence that calls it."""
    lines = [shlex.split(line, comments=True) for line in text.split("\n")]
    return [words[1:] for words in lines if words[:1] == [program]]


def run_fences(shown, path, names, capsys):
    """Run fences of a page in their order; return what they print. Names are left in a dict."""
    printed = [""]
    for language, text, line in shown:
        if language == "text":
            assert printed[-1] in ("", text), "the page shows something else"
            continue
        if language == "python":
            # The empty lines make tracebacks point into the page.
            exec(compile("\n" * line + text, path, "exec"), names)
        elif language == "sh":
            assert [cli.main(words) for words in commands(text)] == [0] * len(commands(text))
        printed.append(capsys.readouterr().out)
    return "".join(printed)
