#!/usr/bin/env python3
"""Makes the glossaries: python3 src/search/glossary/make.py LANGUAGES

LANGUAGES holds lexicon.tsv. Beside it counts own.csv, which lies here: `name;kind;near;en;de;fr;es;it;pt;nl`, forms parted
by `|`; `~` stands before one that the concept is seldom called, `-` after one that only begins compounds. A line of a
glossary is `name, kind, usual forms, other forms, values, near concepts`, parted by tabs; kinds are t (a thing), q (a quality),
p (a person), g (a word of the grammar).
"""

import collections
import csv
import pathlib
import re
import sys
import unicodedata

here = pathlib.Path(__file__).parent
LANGUAGES = ["en", "de", "fr", "es", "it", "pt", "nl"]
THINGS = {"articleType", "category", "subCategory", "masterCategory", "department", "garment", "bag", "jewel", "watch", "style"}
QUALITIES_OF_STYLE = {"fringed", "high-top", "low-top", "open-toe", "plain-hem", "pointed"}
# values that say what they are without their attribute's name
NAMES = {"articleType", "subCategory", "masterCategory", "category", "baseColour", "colour", "gender", "usage", "pattern", "fabric"}
# wishes and negations are words of the grammar, and not of concepts
NO_CONCEPT = {"without hood", "no pattern", "with belt", "more elegant", "more colourful"}
MORE = {"pattern_more": "pattern", "usage_more": "usage"}
# so few letters tell nothing: XL may be, L is half of anything
SHORT = 2


def key(text):
    text = unicodedata.normalize("NFD", text.lower().replace("ß", "ss"))
    return "".join(c for c in text if not unicodedata.combining(c))


# a form that several words of the grammar have is the first of these
GRAMMAR = ["instead of", "without", "except", "not", "less", "more", "same", "in", "with", "for", "to", "from"]
PERSONS = {"fr": r" (pour )?(hommes?|femmes?|dames?)", "es": " (de|para) (mujer|hombre)", "pt": " (feminina|masculina)",
           "it": " (da|per) (uomo|donna)"}


class Concept:
    def __init__(self, kind):
        self.kind, self.values, self.near = kind, [], []
        self.forms = {lang: collections.OrderedDict() for lang in LANGUAGES}  # form -> usual

    def add(self, lang, form, usual):
        form = form.strip()
        if len(form.rstrip("-")) < SHORT and self.kind != "g":
            return
        known = next((one for one in self.forms[lang] if key(one) == key(form)), form)
        self.forms[lang][known] = self.forms[lang].get(known, False) or usual


def kind_of(attribute, english):
    if attribute in ("function", "verb"):
        return "g"
    if attribute in ("gender", "people"):
        return "p"
    return "t" if attribute in THINGS and english not in QUALITIES_OF_STYLE else "q"


def read_lexicon(path, concepts):
    with open(path, encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    names = {(row["attribute"], row["english"]): row["forms"].split("|")[0] for row in rows if row["lang"] == "en"}
    for row in rows:
        attribute, english = row["attribute"], row["english"]
        name = names[MORE.get(attribute, attribute), english]
        if name in NO_CONCEPT:
            continue
        concept = concepts.setdefault(name, Concept(kind_of(attribute, english)))
        if attribute in MORE and row["lang"] == "en":
            continue
        if row["lang"] == "en" and concept.kind != "g" and f"{attribute}={english}" not in concept.values:
            concept.values.append(f"{attribute}={english}")
            if attribute in NAMES:
                concept.add("en", english, False)
        for form, tags in zip(row["forms"].split("|"), row["tags"].split("|")):
            lemma = tags.split(":")[0]
            front = any(tag.split(":")[1].startswith("pre") for tag in tags.split(","))
            form = form if not front or form.endswith("-") else form + "-"
            # narrower than the concept: dark green is green, and seldom its name
            concept.add(row["lang"], form, lemma == "1" or front or "n" not in lemma and attribute not in THINGS)


def read_own(path, concepts):
    with open(path, encoding="utf-8") as file:
        for row in csv.DictReader((line for line in file if not line.startswith("#")), delimiter=";"):
            concept = concepts.setdefault(row["name"], Concept(row["kind"]))
            if row["kind"]:
                concept.kind = row["kind"]
            concept.near += filter(None, row["near"].split("|"))
            concept.add("en", row["name"], True)
            for lang in LANGUAGES:
                for form in filter(None, (row[lang] or "").split("|")):
                    concept.add(lang, form.lstrip("~"), not form.startswith("~"))


def grammar_first(concepts, lang):
    """Takes the words of the grammar from everything else, and each from all but one word of the grammar."""
    rank = lambda name: (concepts[name].kind != "g", GRAMMAR.index(name) if name in GRAMMAR else len(GRAMMAR), name)
    taken = set()
    for name in sorted(concepts, key=rank):
        forms = concepts[name].forms[lang]
        for form in [form for form in forms if key(form) in taken]:
            del forms[form]
        if concepts[name].kind == "g":
            taken |= set(map(key, forms))


def parts_only(concepts, lang):
    """Leaves out what is a form of the same concept with a quality or a person, which the reader finds by itself."""
    fronts = {key(form).rstrip("-") for concept in concepts.values() if concept.kind in "qp"
              for form in concept.forms[lang] if " " not in form}
    for concept in concepts.values():
        forms = concept.forms[lang]
        known = set(map(key, forms))

        def is_whole(form):
            if lang in PERSONS:
                bare = re.sub(PERSONS[lang] + "$", "", key(form))
                return bare == key(form) or bare not in known
            ends = [rest for rest in known if rest != key(form) and key(form).endswith(rest)]
            return not any(re.sub("(s|n|en|-)$", "", key(form)[:-len(rest)]) in fronts or key(form)[:-len(rest)] in fronts
                           for rest in ends)

        for form in [form for form in list(forms)[1:] if concept.kind == "t" and not is_whole(form)]:
            del forms[form]


def written(lang, concepts):
    lines = [f"vitrine-glossary\t1\t{lang}"]
    for name, concept in sorted(concepts.items()):
        usual = [form for form, usual in concept.forms[lang].items() if usual]
        others = [form for form, usual in concept.forms[lang].items() if not usual]
        values, near = (concept.values, concept.near) if lang == "en" else ([], [])
        if usual or others:
            lines.append("\t".join([name, concept.kind, "|".join(usual), "|".join(others), "|".join(values), "|".join(near)]))
    return "\n".join(lines) + "\n"


concepts = {}
read_lexicon(pathlib.Path(sys.argv[1]) / "lexicon.tsv", concepts)
read_own(here / "own.csv", concepts)
# what two concepts' values are both called tells neither: Skin is a colour and a care
names = collections.Counter(key(form) for c in concepts.values() for form in c.forms["en"])
for concept in concepts.values():
    first = next(iter(concept.forms["en"]), None)
    for form in [f for f in concept.forms["en"] if names[key(f)] > 1 and f != first and not concept.forms["en"][f]]:
        del concept.forms["en"][form]
for lang in LANGUAGES:
    if lang != "en":
        grammar_first(concepts, lang)
        parts_only(concepts, lang)
    (here / f"{lang}.tsv").write_text(written(lang, concepts), encoding="utf-8")
