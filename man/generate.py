#!/usr/bin/env -S python3 -I
"""man/generate.py VOUCH: the man page vouch(1) on standard output.

The prose stands in vouch.1.in; the options come from the argument parser itself, through
`VOUCH --experimental-dump-help`, so that an option is described where it is defined and nowhere
else. In vouch.1.in these lines are replaced:

    .\\" @synopsis         a line for each command that vouch.1.in does not name itself
    .\\" @common           the options that run and check share
    .\\" @options NAME     the other options of a command
    .\\" @commands         a section for each command that vouch.1.in does not name itself
    @VERSION@             what --version says
"""

import json
import os
import re
import subprocess
import sys

PREFIX = '.\\" @'
# In every command; told once, in the page's own words.
EVERYWHERE = {"--help", "--version", "-h"}


def told(vouch, *arguments):
    return subprocess.run(
        [vouch, *arguments], check=True, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout


def escaped(text):
    """Text as roff takes it literally, in ASCII."""
    text = text.replace("\\", "\\e")
    text = "".join(c if ord(c) < 128 else "\\[u%04X]" % ord(c) for c in text)
    return "\\&" + text if text[:1] in ("'", ".") else text


def sentences(text):
    """Each on a line of its own, as mdoc(7) wants it: the space between is the formatter's."""
    text = re.sub(r" \(default: (.*)\)$", r" The default is \1.", text)
    return [escaped(line) for line in re.split(r"(?<=[.:]) (?=[A-Z])", text)]


def argument(word):
    """One argument of a macro."""
    word = escaped(word)
    return '"%s"' % word if " " in word else word


def names(option):
    long_last = sorted(option["names"], key=lambda name: name["kind"] == "long")
    return [("-" if name["kind"] == "long" else "") + name["name"] for name in long_last]


def flags(option):
    return {"-" + name for name in names(option)}


def item(option):
    """What a command takes, as an item of a list."""
    if option["kind"] == "positional":
        head = "Ar " + argument(option["valueName"])
    else:
        head = " , ".join("Fl " + name for name in names(option))
        if option["kind"] == "option":
            head += " Ar " + argument(option["valueName"])
    lines = [".It " + head] + sentences(option.get("abstract", ""))
    default = option.get("defaultValue")
    if default is not None:
        lines.append("The default is %s." % escaped(default))
    return lines


def shown(arguments):
    return [a for a in arguments if a.get("shouldDisplay", True) and not flags_everywhere(a)]


def flags_everywhere(option):
    return option["kind"] != "positional" and flags(option) <= EVERYWHERE


def listing(options):
    if not options:
        return []
    lines = [".Bl -tag -width Ds"]
    for option in options:
        lines += item(option)
    return lines + [".El"]


def usage(command):
    arguments = []
    for option in shown(command.get("arguments", [])):
        if option["kind"] == "positional":
            word = "Ar " + argument(option["valueName"]) + (" ..." if option["isRepeating"] else "")
            arguments.append(".Op " + word if option["isOptional"] else "." + word)
    if len(shown(command.get("arguments", []))) > len(arguments):
        arguments.insert(0, ".Op Ar OPTIONS")
    return [".Nm", ".Cm " + command["commandName"]] + arguments


def page(template, vouch):
    root = json.loads(told(vouch, "--experimental-dump-help"))["command"]
    commands = {c["commandName"]: c for c in root["subcommands"] if c["commandName"] != "help"}
    version = told(vouch, "--version").strip()
    run, check = commands["run"]["arguments"], commands["check"]["arguments"]
    in_check = [flags(option) for option in shown(check)]
    common = [option for option in shown(run) if flags(option) in in_check]
    common_flags = [flags(option) for option in common]

    def own(command):
        return [
            option
            for option in shown(command.get("arguments", []))
            if option["kind"] == "positional" or flags(option) not in common_flags
        ]

    named = set(re.findall(r'^\.\\" @options (\S+)$', template, re.MULTILINE))
    others = [command for name, command in commands.items() if name not in named]
    lines = []
    for line in template.splitlines():
        if not line.startswith(PREFIX):
            lines.append(line.replace("@VERSION@", version))
            continue
        directive, *words = line[len(PREFIX):].split()
        if directive == "synopsis":
            for command in others:
                lines += usage(command)
        elif directive == "common":
            lines += listing(common)
        elif directive == "options":
            lines += listing(own(commands[words[0]]))
        elif directive == "commands":
            for command in others:
                lines.append(".Ss vouch " + command["commandName"])
                lines += sentences(command.get("abstract", ""))
                for paragraph in command.get("discussion", "").split("\n\n"):
                    if paragraph.strip():
                        lines += [".Pp"] + sentences(" ".join(paragraph.split()))
                lines += listing(own(command))
        else:
            sys.exit("man/generate.py: vouch.1.in: no such directive: " + line)
    return "\n".join(lines) + "\n"


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vouch.1.in")) as file:
    sys.stdout.write(page(file.read(), sys.argv[1]))
