"""app.py: a program that asks for most of its modules only when it is told to."""
import sys


def main(how, what):
    if how == "plugins":
        from importlib.metadata import entry_points
        print(", ".join(e.load()() for e in sorted(entry_points(group="hard.plugins"))))
    elif how == "codec":
        print("bücher".encode(what).hex())
    elif how == "decode":
        import codecs
        print(codecs.decode("uneq", what))
    elif how == "compress":
        print(len(__import__(what).compress(b"x" * 1000)))
    elif how == "locale":
        import locale
        print(locale.normalize("de_DE"), locale.getlocale())
    elif how == "zone":
        from email.utils import formatdate
        print(formatdate(0))
    elif how == "broken":
        import json
        json.loads("{")
    else:
        print("plain")


asked = sys.argv[1:] or ["plain", ""]
for pair in zip(asked[::2], asked[1::2]):
    main(*pair)
