# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a start script would set, without running it.

Variables are followed from assignment to use, through branches whose condition can be told. What cannot be told
(``$(...)``, a loop, a condition on a file) is left open and marked so. Nothing is ever started: the script may belong
to an account that root must not trust. Work and memory are bounded whatever it holds.
"""

from __future__ import annotations

import re
import typing as t

OPEN = "\x00"  # a part of a value that only a shell would know
MAYBE = "\x01"  # at a word's end: only a shell would know whether it comes to that
_MAX_VALUE = 32 * 1024
_MAX_STEPS = 200_000
_MAX_SOURCED = 4
_MAX_DEPTH = 50
_NAME = re.compile(r"[A-Za-z_]\w*")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=")
_SEPARATOR = re.compile(r"&&|\|\||;;|[;&|\n()]")
_SILENT = ("echo", "printf", "unset", "log", "logger", "cd", "trap", "shift", "set")

Source = t.Callable[[str], str]


class Call(t.NamedTuple):
    """A command that is run: its words with variables put in. ``line`` counts from 1; ``maybe``: or is not run."""

    words: list[str]
    line: int
    maybe: bool


class Reading(t.NamedTuple):
    """What a script comes to: its variables at its end, and the commands that it runs."""

    variables: dict[str, str]
    calls: list[Call]


def read(script: str, environment: t.Mapping[str, str], source: Source = lambda word: "") -> Reading:
    """Follow a script. ``source`` returns the text of a script that it reads in by ``.``, given its path."""
    reader = _Reader(dict(environment), source)
    reader.run(script, 0)
    return Reading(reader.variables, reader.calls)


def words_of(value: str) -> list[str]:
    """The words of a value, as a shell splits them where it stands without quotes."""
    return [word for word in value.split() if word.strip(MAYBE)]


class _Command(t.NamedTuple):
    words: list[str]  # as they are written
    line: int
    end: str  # what comes after it: ";", "\n", "&&" ...


class _Block:
    """An open ``if``, ``case``, loop or function. ``taken`` None: that cannot be told."""

    def __init__(self, kind: str, taken: bool | None) -> None:
        self.kind = kind
        self.taken = taken
        self.is_done = False  # one of its branches was taken
        self.was_open = taken is None


class _Reader:
    def __init__(self, variables: dict[str, str], source: Source) -> None:
        self.variables = variables
        self.calls: list[Call] = []
        self._source = source
        self._steps = 0
        self._nesting = 0
        self._blocks: list[_Block] = []
        self._result: bool | None = True  # of the last command

    def run(self, script: str, depth: int) -> None:
        guard: bool | None = True  # of && and ||
        for command in _commands(script):
            self._steps += 1
            if self._steps > _MAX_STEPS or len(self._blocks) > _MAX_DEPTH:
                return
            words = list(command.words)
            if command.end == "(" and len(words) == 1 and _NAME.fullmatch(words[0]):
                self._blocks.append(_Block("function", None))  # its body follows in braces
                continue
            while words and self._keyword(words, guard):
                pass
            if words:
                self._run_one(words, command.line, guard, depth)
            guard = self._guard_after(command.end, guard)

    def _guard_after(self, end: str, guard: bool | None) -> bool | None:
        if end not in ("&&", "||"):
            return True
        if guard is False:
            return False
        result = self._result if end == "&&" else None if self._result is None else not self._result
        return None if guard is None and result else result

    def _is_active(self, guard: bool | None) -> bool | None:
        states = [guard, *(block.taken for block in self._blocks)]
        return False if False in states else None if None in states else True

    def _keyword(self, words: list[str], guard: bool | None) -> bool:
        """Take a keyword off the front of a command; False if there is none."""
        word = words[0]
        top = self._blocks[-1] if self._blocks else None
        if word == "if":
            self._blocks.append(_Block("if", True))
        elif word == "elif" and top:
            top.is_done = top.is_done or top.taken is True
            top.taken = not top.is_done
        elif word == "then" and top:
            if not top.is_done and top.taken is not False:
                top.taken = self._result
                top.was_open = top.was_open or top.taken is None
        elif word == "else" and top:
            is_done = top.is_done or top.taken is True
            top.taken = False if is_done else None if top.was_open else True
        elif word in ("case", "for", "while", "until", "select"):
            self._blocks.append(_Block(word, None))
            if word in ("case", "for", "select"):
                words.clear()
                return False
        elif word in ("{", "(("):
            if not (top and top.kind == "function"):
                self._blocks.append(_Block("{", guard))
            elif top:
                top.kind = "{"
        elif word in ("fi", "esac", "done", "}"):
            if self._blocks:
                self._blocks.pop()
            self._result = None
        elif word in ("do", "!"):
            pass
        else:
            return False
        del words[0]
        if word == "!" and words and words[0] in ("[", "[[", "test"):
            words.insert(1, "!")
        return True

    def _run_one(self, words: list[str], line: int, guard: bool | None, depth: int) -> None:
        active = self._is_active(guard)
        if active is False:
            return
        if words[0] in ("export", "readonly", "local", "declare", "typeset") and len(words) > 1:
            words = [word for word in words[1:] if not word.startswith("-")]
            if not all(_ASSIGNMENT.match(word) for word in words):
                words = [word for word in words if _ASSIGNMENT.match(word)]
        position = 0
        while position < len(words) and _ASSIGNMENT.match(words[position]):
            position += 1
        if position == len(words):
            for word in words:
                self._assign(word, active)
            self._result = True
            return
        name = words[position]
        rest = words[position:]
        if name in ("[", "[[", "test"):
            self._result = self._test([self.expand(word) for word in rest[1:] if word not in ("]", "]]")])
        elif name in (":", "true", "false"):
            for word in rest[1:]:
                self.expand(word)
            self._result = name != "false"
        elif name in (".", "source") and len(rest) > 1 and depth < _MAX_SOURCED:
            self.run(self._source(self.expand(rest[1])), depth + 1)
            self._result = None
        else:
            self._result = None
            if name not in _SILENT:
                expanded = [item for word in rest for item in words_of(self.expand(word))]
                self.calls.append(Call(expanded, line, active is None))

    def _assign(self, word: str, active: bool | None) -> None:
        match = _ASSIGNMENT.match(word)
        if match is None:
            return
        name, adds = match.groups()
        value = self.expand(word[match.end() :])
        old = self.variables.get(name, "")
        if adds:
            value = old + value
        if active is None:  # either the old value or the new one
            value = " ".join(item if item.endswith(MAYBE) else item + MAYBE for item in (old + " " + value).split())
            value = value or MAYBE
        self.variables[name] = value[:_MAX_VALUE]

    def _test(self, words: list[str]) -> bool | None:
        negated = bool(words) and words[0] == "!"
        words = words[1:] if negated else words
        if any(OPEN in word or MAYBE in word for word in words):
            return None
        result: bool | None = None
        if len(words) == 1:
            result = bool(words[0])
        elif len(words) == 2 and words[0] in ("-z", "-n"):
            result = (words[1] == "") == (words[0] == "-z")
        elif len(words) == 3 and words[1] in ("=", "==", "!=") and not re.search(r"[*?\[]", words[2]):
            result = (words[0] == words[2]) == (words[1] != "!=")
        return None if result is None else result != negated

    def expand(self, word: str) -> str:
        """The value of a word as it is written; quotes taken off, variables put in."""
        found: list[str] = []
        length = position = 0
        quote = ""
        while position < len(word) and length < _MAX_VALUE:
            character = word[position]
            if quote != "'" and character == "\\" and position + 1 < len(word):
                kept = word[position + 1]
                found.append("" if kept == "\n" else kept if not quote or kept in '"$`\\' else "\\" + kept)
                position += 2
            elif quote == character:
                quote, position = "", position + 1
            elif not quote and character in "\"'":
                quote, position = character, position + 1
            elif quote != "'" and character == "$":
                value, position = self._parameter(word, position + 1)
                found.append(value)
            elif quote != "'" and character == "`":
                end = word.find("`", position + 1)
                found.append(OPEN)
                position = len(word) if end < 0 else end + 1
            else:
                found.append(character)
                position += 1
            length += len(found[-1]) if found else 0
        return "".join(found)[:_MAX_VALUE]

    def _parameter(self, word: str, position: int) -> tuple[str, int]:
        if word[position : position + 1] == "(":
            return OPEN, _closing(word, position, "()")
        if word[position : position + 1] == "{":
            end = _closing(word, position, "{}")
            return self._braces(word[position + 1 : end - 1]), end
        match = _NAME.match(word, position)
        if match:
            return self.variables.get(match.group(), ""), match.end()
        return (OPEN, position + 1) if word[position : position + 1] in tuple("0123456789@*#?$!-") else ("$", position)

    def _braces(self, inner: str) -> str:
        match = _NAME.match(inner)
        if match is None:
            return OPEN
        value = self.variables.get(match.group(), "")
        operator = re.match(r":?[-=+?]", inner[match.end() :])
        if match.end() == len(inner):
            return value
        if operator is None or len(inner) > _MAX_VALUE:
            return OPEN
        self._steps += 1
        if self._steps > _MAX_STEPS or self._nesting > _MAX_DEPTH:
            return OPEN
        self._nesting += 1
        other = self.expand(inner[match.end() + operator.end() :])
        self._nesting -= 1
        sign = operator.group()[-1]
        if sign == "+":
            return other if value else ""
        if sign == "=" and not value:
            self.variables[match.group()] = other[:_MAX_VALUE]
        return value or other


def _closing(word: str, position: int, pair: str) -> int:
    """Where the bracket that opens at ``position`` is closed."""
    depth = 0
    while position < len(word):
        if word[position] == "\\":
            position += 1
        elif word[position] == pair[0]:
            depth += 1
        elif word[position] == pair[1]:
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    return len(word)


def _commands(script: str) -> t.Iterator[_Command]:
    """The script's simple commands, keywords and all, with their words as they are written."""
    words: list[str] = []
    start = position = 0
    line = first_line = 1
    here: list[str] = []
    length = len(script)

    def end_word() -> None:
        if start < position:
            words.append(script[start:position].replace("\\\n", ""))

    while position < length:
        character = script[position]
        if character in " \t":
            end_word()
            position += 1
            start = position
        elif character == "#" and start == position:
            position = _line_end(script, position)
            start = position
        elif character == "\\":
            line += script.count("\n", position, position + 2)
            if script[position + 1 : position + 2] == "\n" and start == position:
                start = position + 2
            position += 2
        elif character in "\"'`" or (character == "$" and script[position + 1 : position + 2] in ("(", "{")):
            end = _end_of_quoted(script, position)
            line += script.count("\n", position, end)
            position = end
        elif character == "<" and script.startswith("<<", position) and not script.startswith("<<<", position):
            end_word()
            match = re.compile(r"<<-?\s*([\"']?)([\w.-]+)\1").match(script, position)
            here += [match.group(2)] if match else []
            position = match.end() if match else position + 2
            start = position
        else:
            match = _SEPARATOR.match(script, position)
            if match is None or (script[position] == "&" and script[position - 1 : position] in (">", "<")):
                position += 1
                continue
            end_word()
            yield _Command(words, first_line, match.group())
            words = []
            position = match.end()
            if match.group() == "\n":
                line += 1
                for mark in here:
                    stop = re.compile(rf"^\t*{re.escape(mark)}$", re.MULTILINE).search(script, position)
                    end = length if stop is None else min(stop.end() + 1, length)
                    line += script.count("\n", position, end)
                    position = end
                here = []
            start, first_line = position, line
    position = min(position, length)
    end_word()
    yield _Command(words, first_line, "\n")


def _line_end(script: str, position: int) -> int:
    end = script.find("\n", position)
    return len(script) if end < 0 else end


def _end_of_quoted(script: str, position: int) -> int:
    """Where a quoted piece, or one in brackets behind a dollar, ends."""
    opening = script[position]
    if opening == "'":
        end = script.find("'", position + 1)
        return len(script) if end < 0 else end + 1
    if opening == "$":
        closing = ")" if script[position + 1] == "(" else "}"
        depth, position = 0, position + 1
        while position < len(script):
            character = script[position]
            if character == "\\":
                position += 1
            elif character == "'" and closing == ")":
                position = max(_end_of_quoted(script, position) - 1, position)
            elif character in "({" and (character == "(") == (closing == ")"):
                depth += 1
            elif character == closing:
                depth -= 1
                if depth == 0:
                    return position + 1
            position += 1
        return len(script)
    position += 1
    while position < len(script):
        if script[position] == "\\":
            position += 1
        elif script[position] == opening:
            return position + 1
        position += 1
    return len(script)
