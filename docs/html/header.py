# SPDX-License-Identifier: LGPL-2.1-or-later
"""Public headers, read: an opening comment, sections, and what is declared with its comment."""
import re

DEFINE = re.compile(r"#define\s+(\w+)")
SECTION = re.compile(r"/\* -+ (.*?) -+ \*/")
FIELDS = ("Ownership", "Context", "Return")


class Item:
    """Something that is declared: its name, its text, and what is said of it."""

    def __init__(self, name, kind, declaration, comment):
        self.name = name
        self.kind = kind
        self.declaration = declaration
        self.comment = comment
        self.names = [name]
        if kind == "enum":
            bare = re.sub(r"/\*.*?\*/", "", declaration, flags=re.S)
            self.names += re.findall(r"^\s*(FERRY_\w+)", bare[bare.index("{"):], re.M)


class Section:
    def __init__(self, title):
        self.title = title


class Header:
    def __init__(self, path, text):
        self.path = path
        self.opening = None
        self.parts = []  # Items and Sections
        _Reader(self, text).read()

    def items(self):
        return [part for part in self.parts if isinstance(part, Item)]


def plain(comment):
    """The lines of a comment, less what makes it one."""
    lines = [re.sub(r"^\s*\*? ?", "", line) for line in comment.strip("/").strip("*").split("\n")]
    first = comment.lstrip("/*").split("\n")[0].strip()
    lines[0] = first.removesuffix("*/").strip()
    return "\n".join(line.rstrip() for line in lines).strip("\n")


class Comment:
    """A comment of the form: name() - summary, parameters, paragraphs, fields."""

    def __init__(self, text):
        self.summary, self.parameters, self.fields, body = "", [], [], []
        lines = text.split("\n")
        match = re.match(r"\w+\(\) - (.*)", lines[0])
        if match:
            self.summary = match.group(1)
            lines = lines[1:]
        target = None
        for line in lines:
            parameter = re.match(r"@(\w+):\s*(.*)", line)
            fields = list(re.finditer(r"(?:^|(?<=\. ))(%s):\s*" % "|".join(FIELDS), line))
            if parameter:
                target = self.parameters
                target.append([parameter.group(1), parameter.group(2)])
            elif fields:
                ends = [each.start() for each in fields[1:]] + [len(line)]
                for each, end in zip(fields, ends):
                    self.fields.append([each.group(1), line[each.end():end].strip()])
                target = self.fields
            elif target is not None and line.startswith(" "):
                target[-1][1] += " " + line.strip()
            else:
                if line:
                    target = None
                body.append(line)
        self.body = "\n".join(body).strip("\n")


class _Reader:
    def __init__(self, header, text):
        self.header = header
        self.text = text
        self.at = 0

    def read(self):
        guard = re.search(r"#ifndef (\w+)\n#define \1\n", self.text)
        self.at = guard.end() if guard else 0
        comment = None
        while self.at < len(self.text):
            rest = self.text[self.at:]
            if rest[0].isspace():
                self.at += 1
            elif rest.startswith("/*"):
                comment = self.comment(comment)
            elif rest.startswith("#"):
                self.directive(comment)
                comment = None
            else:
                self.declaration(comment)
                comment = None

    def comment(self, before):
        end = self.text.index("*/", self.at) + 2
        comment = self.text[self.at:end]
        self.at = end
        section = SECTION.fullmatch(comment)
        if section:
            self.header.parts.append(Section(section.group(1)))
        elif comment.startswith("/**"):
            return plain(comment)
        elif self.header.opening is None and not self.header.parts:
            self.header.opening = plain(comment)
        return None

    def directive(self, comment):
        end = self.at
        while True:
            end = self.text.index("\n", end)
            if self.text[end - 1] != "\\":
                break
            end += 1
        text = self.text[self.at:end]
        self.at = end
        match = DEFINE.match(text)
        if not match or match.group(1).endswith("_"):
            return
        if comment is None and match.group(1) in ("FERRY_API", "FERRY_ADAPT"):
            return
        # What a macro expands to concerns nobody, unless it is a number.
        shown = re.match(r"#define\s+\w+(\([^)]*\))?", text).group(0)
        if "\\" not in text and "(" not in shown:
            shown = text
        self.header.parts.append(Item(match.group(1), "macro", shown, comment or ""))

    def declaration(self, comment):
        depth, at = 0, self.at
        body = None
        while at < len(self.text):
            if self.text.startswith("/*", at):
                at = self.text.index("*/", at) + 2
                continue
            char = self.text[at]
            if char == "{" and depth == 0 and self.text[:at].rstrip().endswith(")"):
                body = at
            depth += char in "({[" and 1 or 0
            depth -= char in ")}]" and 1 or 0
            at += 1
            if depth == 0 and (char == ";" or (char == "}" and body is not None)):
                break
            # extern "C" {
            if char == "{" and 'extern "C"' in self.text[self.at:at]:
                break
        text = self.text[self.at:body if body is not None else at].strip()
        self.at = at
        if comment is None or 'extern "C"' in text:
            return
        if body is not None:
            text += ";"
        kind, name = _named(text)
        if name:
            self.header.parts.append(Item(name, kind, text, comment))


def _named(text):
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    match = re.match(r"(?:typedef\s+)?(struct|union|enum)\s+(\w+)\s*\{", bare)
    if match:
        return match.group(1), match.group(2)
    if bare.startswith("typedef"):
        match = re.search(r"\(\*\s*(\w+)\)", bare) or re.search(r"(\w+)\s*;\s*$", bare)
        return "type", match.group(1)
    match = re.search(r"\b(ferry_\w+)\s*\(", bare)
    if match:
        return "function", match.group(1)
    match = re.search(r"(\w+)\s*;\s*$", bare)
    return "object", match.group(1) if match else None
