#!/usr/bin/env python3
"""Writes tests/tokenizer/goldens: what Hugging Face's `tokenizers` makes of every code point and of nasty texts.

Made with Python 3.11 (its Unicode 14 decides NAME "lower-first"), tokenizers==0.21.4, transformers==4.55.4 and
sentencepiece==0.2.3, which is the reference of the names that begin with "spm-":

    python3 tests/tokenizer/make_goldens.py ../shared/corpora [NAME...]

Layout: NAME/expected.json, beside it NAME/tokenizer.json where the vocabulary is small and ours. Else "files" says which
files of corpora/tokenizers (or of goldens/) the tokenizer has, and "config" is its tokenizer_config.json. In expected.json:

  code_points  a hash for each 4096 code points c from U+0000, of the encodings of "a" + c + "b"; U+0000 and surrogates
               cannot stand in a C string and are left out; null for most where another golden has the same tables
  texts        a hash for each file of corpora/texts, of the encodings of all lines; our small vocabularies see flores alone
  fragments    texts that `mixtures` are put together from, by the generator in `Mixture`
  mixtures     a hash for each 50 mixtures: encodings of texts and pairs, truncated ones, and decoded text
  hostile      a hash for each 10 texts of goldens/hostile.json, of their encodings and of their decoded text
  cases        texts with everything spelled out
  decodes      sequences of ids that no text need give, and what they decode to

A hash is FNV-1a over 32-bit words (Hash): the number of tokens, then id, start and end of each (ids alone with
"lower_first", where the library's offsets count in another text, and with "ids_only", where the class has none; there
decoding leaves special tokens out throughout, unless "decodes_special" is set).
"""
import gzip
import json
import pathlib
import shutil
import sys
import tempfile
import types

import hostile_texts
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

OUT = pathlib.Path(__file__).resolve().parent / "goldens"
FLORES = [f"flores/flores-dev.{language}" for language in ("ar", "de", "en", "fa", "hi", "ja", "ru", "tr", "zh")]
TEXTS = [*FLORES, *(f"stsb/stsb-{language}-dev.csv" for language in ("de", "en", "ru", "zh")), "wikitext-2/valid.txt"]
MIXTURES, MIXTURES_PER_HASH = 2000, 50
HOSTILE, HOSTILE_PER_HASH = list(hostile_texts.hostile()), 10

FRAGMENTS = [
    "a", "B", "z", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\x85", "\x1c", "\x7f", "\u00ad", "\u200b",
    "\u200d", "\ufeff", "\ufffd", "\ue000", "\U000e0001", "\U0001f600", "!", "'", "n't", " do not", "-", "_", "#", "##", "##ing",
    "[", "]", "[MASK]", "[CLS]", " [SEP] ", "[mask]", "foo", "Foo", "food", " foo ", "<a>", "the", "The", "play", "ing", "99",
    "é", "É", "e\u0301", "É\u0327", "\u0301", "\u0327\u0301", "\u0301\u0327", "\u0301\u302e", "\u302e\u0301", "\u0345\u0334",
    "İ", "I\u0307", "ß", "ẞ", "ς", "Σ", "ΑΣ", "Σα", "ǅ", "ﬁ", "Ⅷ", "\u212b", "ñ", "\u0915\u093c", "\u0958", "\u0c4d", "\u0ddd",
    "\u0dda\u0dca", "\u0f73", "\u0f71\u0f72", "\u0344", "\ua9c0", "\ua9b3", "\u1734", "\u1885", "\U00011938", "\U0001d15e",
    "\U0001d165", "\U0001d16d\U0001d165", "\U0001d1bb", "中", "文", "\uf900", "\U0002b820", "\U0002b920", "日本", "カタカナ", "が",
    "か\u3099", "각", "가힣", "\u1100\u1161\u11a8", "ا\u064b", "ЙЁ", "и\u0306", "\U00010d50", "a" * 99, "b" * 101,
]

CASES = [
    {"text": ""}, {"text": " \t\n"}, {"text": "Hello, world!"}, {"text": "[MASK]"}, {"text": "a [MASK]b[SEP]"},
    {"text": "unaffable"}, {"text": "x" * 100}, {"text": "x" * 101}, {"text": "naïve Ångström"}, {"text": "中文字"},
    {"text": "foo food [foo] foo"}, {"text": "a  foo  b"}, {"text": "the playing of ##ing"}, {"text": "I don't . 's , do not ?"},
    {"text": "", "pair": ""}, {"text": "a", "pair": "b"}, {"text": "the a b", "pair": "[SEP]"}, {"text": "", "pair": "the"},
    *({"text": "a b c d e f g", "max_length": n} for n in (4, 5, 8, 9, 10, 100)),
    *({"text": "a b c d e", "pair": "f g h", "max_length": n, "truncation": t}
      for n in (6, 7, 8, 9, 10, 11, 12) for t in ("longest_first", "only_first", "only_second")),
    {"text": " a  <mask> b<mask>"}, {"text": "\u00a0<mask>"}, {"text": "</s> <s>x", "pair": " \u3000<mask>"},
    {"text": "I'LL we'Ve 'ſ don't12345 6\r\n\n  x  "}, {"text": "ab" * 40 + "the" * 30}, {"text": "\U0001f468\u200d\U0001f469 \u0301a"},
    {"text": "a", "pair": "b c d e f", "max_length": 7}, {"text": "a b c d e f", "pair": "g", "max_length": 7},
    {"text": "a b c", "max_length": 4, "truncation": "only_second"}, {"text": "a", "max_length": 4, "truncation": "only_second"},
]



class Hash:
    def __init__(self):
        self.value = 0xCBF29CE484222325

    def add(self, words):
        value = self.value
        for word in words:
            value = ((value ^ word) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        self.value = value

    def hex(self):
        return f"{self.value:016x}"


class Reference:
    """A tokenizer as the library has it, and Python's lower case before it where asked."""

    ids_only = False

    def __init__(self, tokenizer, lower_first=False):
        self.tokenizer, self.lower_first = tokenizer, lower_first

    def encode(self, text, pair=None):
        if self.lower_first:
            text, pair = text.lower(), pair.lower() if pair is not None else None
        return self.tokenizer.encode(text, pair)

    def truncated(self, text, pair, length, strategy="longest_first"):
        self.tokenizer.enable_truncation(length, strategy=strategy)
        try:
            return self.encode(text, pair)
        finally:
            self.tokenizer.no_truncation()

    def words(self, encoding):
        yield len(encoding.ids)
        for token, (start, end) in zip(encoding.ids, encoding.offsets):
            yield token
            if not self.lower_first:
                yield start
                yield end


class SentencePieceReference:
    """The library itself; pairs and truncation as ours are."""
    lower_first = ids_only = False

    def __init__(self, path):
        import sentencepiece
        self.library, self.tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(path)), self

    def tokens(self, text):
        places = [i for i, c in enumerate(text) for _ in c.encode()] + [len(text)]
        return [(p.id, places[p.begin], places[p.end]) for p in self.library.encode(text, return_type="proto").pieces]

    def join(self, first, second):
        both = [*first, *(second or [])]
        return types.SimpleNamespace(
            ids=[t[0] for t in both], offsets=[t[1:] for t in both], special_tokens_mask=[0] * len(both),
            type_ids=[0] * len(first) + [1] * (len(both) - len(first)))

    def encode(self, text, pair=None):
        return self.join(self.tokens(text), None if pair is None else self.tokens(pair))

    def truncated(self, text, pair, length, strategy="longest_first"):
        first, second = self.tokens(text), None if pair is None else self.tokens(pair)
        excess = len(first) + len(second or []) - length
        if excess <= 0 or (strategy == "longest_first" and second is None):
            return self.join(first[:length], second)
        if strategy == "longest_first":
            short, long = sorted((len(first), len(second)))
            long = short if short > length else max(short, length - short)
            if short + long > length:
                short, long = length // 2, length - length // 2
            swapped = len(first) > len(second)
            return self.join(first[:long if swapped else short], second[:short if swapped else long])
        target = first if strategy == "only_first" else second
        if target is None or len(target) <= excess:
            raise ValueError("cannot truncate")
        del target[len(target) - excess:]
        return self.join(first, second)

    def words(self, encoding):
        yield len(encoding.ids)
        for token, (start, end) in zip(encoding.ids, encoding.offsets):
            yield from (token, start, end)

    def decode(self, ids, skip_special_tokens):
        return self.library.decode([int(i) for i in ids])

    def id_to_token(self, token):
        return self.library.id_to_piece(token)

    def num_special_tokens_to_add(self, is_pair):
        return 0


class SlowReference(SentencePieceReference):
    """A tokenizer of Transformers' that is written in Python: it has no offsets."""
    ids_only = True

    def __init__(self, tokenizer, decodes_special=False):
        self.slow, self.tokenizer, self.decodes_special = tokenizer, self, decodes_special
        self.read = {i: token for token, i in tokenizer.get_vocab().items()}  # what is written may be others
        whole = tokenizer.build_inputs_with_special_tokens([-1])
        self.before, self.behind = whole[:whole.index(-1)], whole[whole.index(-1) + 1:]

    def tokens(self, text):
        return [(i, 0, 0) for i in self.slow.convert_tokens_to_ids(self.slow.tokenize(text))]

    def join(self, first, second):
        ids = [t[0] for t in [*first, *(second or [])]]
        n = len(ids) + self.num_special_tokens_to_add(False)
        type_ids = [0] * n
        if "token_type_ids" in self.slow.model_input_names:
            type_ids = self.slow.create_token_type_ids_from_sequences(first, second)
        return types.SimpleNamespace(
            ids=[*self.before, *ids, *self.behind], offsets=[(0, 0)] * n, type_ids=type_ids,
            special_tokens_mask=[1] * len(self.before) + [0] * len(ids) + [1] * len(self.behind))

    def truncated(self, text, pair, length, strategy="longest_first"):
        return super().truncated(text, pair, length - self.num_special_tokens_to_add(False), strategy)

    def words(self, encoding):
        return [len(encoding.ids), *encoding.ids]

    def decode(self, ids, skip_special_tokens):
        return self.slow.decode(ids, skip_special_tokens=skip_special_tokens or not self.decodes_special)

    def id_to_token(self, token):
        return self.read[token]

    def num_special_tokens_to_add(self, is_pair):
        return len(self.before) + len(self.behind)


class PairedReference(SlowReference):
    """One that ends both texts of a pair with the same tokens."""
    def join(self, first, second):
        texts = [first] if second is None else [first, second]
        ids = [i for text in texts for i in (*(t[0] for t in text), *self.behind)]
        special = [n for text in texts for n in (*[0] * len(text), *[1] * len(self.behind))]
        return types.SimpleNamespace(ids=ids, offsets=[(0, 0)] * len(ids), type_ids=[0] * len(ids), special_tokens_mask=special)

    def truncated(self, text, pair, length, strategy="longest_first"):
        again = 0 if pair is None else self.num_special_tokens_to_add(False)
        return super().truncated(text, pair, length - again, strategy)


class Mixture:
    """Texts of one to twelve fragments, from Knuth's linear congruential generator."""

    def __init__(self, fragments):
        self.state, self.fragments = 1, fragments

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit

    def text(self):
        return "".join(self.fragments[self.below(len(self.fragments))] for _ in range(1 + self.below(12)))


def code_point_hashes(reference, is_short):
    for first in range(0, 0x110000, 4096):
        if is_short and first not in (0, 0x3000, 0x1F000):
            yield None
            continue
        block = Hash()
        for c in range(first, first + 4096):
            if c and not 0xD800 <= c < 0xE000:
                block.add(reference.words(reference.encode("a" + chr(c) + "b")))
        yield block.hex()


def text_hash(reference, path):
    lines = Hash()
    for line in path.read_bytes().decode().split("\n"):
        lines.add(reference.words(reference.encode(line)))
    return lines.hex()


def mixture_hashes(reference, fragments):
    mixture, block = Mixture(fragments), Hash()
    for i in range(MIXTURES):
        text = mixture.text()
        pair = mixture.text() if i % 3 == 0 else None
        encoding = reference.encode(text, pair)
        block.add(reference.words(encoding))
        block.add(reference.words(reference.truncated(text, pair, 10)))
        block.add(reference.tokenizer.decode(encoding.ids, skip_special_tokens=i % 2 == 0).encode())
        if (i + 1) % MIXTURES_PER_HASH == 0:
            yield block.hex()
            block = Hash()


def hostile_hashes(reference):
    for first in range(0, len(HOSTILE), HOSTILE_PER_HASH):
        block = Hash()
        for item in HOSTILE[first:first + HOSTILE_PER_HASH]:
            encoding = reference.encode(item if isinstance(item, str) else item[0] * item[1])
            block.add(reference.words(encoding))
            block.add(reference.tokenizer.decode(encoding.ids, skip_special_tokens=False).encode())
        yield block.hex()


def spelled_out(reference, case):
    """The case with its result; {"error": true} where the library refuses it."""
    text, pair, tokenizer = case["text"], case.get("pair"), reference.tokenizer
    if "max_length" not in case:
        encoding = reference.encode(text, pair)
    else:
        if case["max_length"] < tokenizer.num_special_tokens_to_add(pair is not None):
            return None
        try:
            encoding = reference.truncated(text, pair, case["max_length"], case.get("truncation", "longest_first"))
        except Exception:
            return {**case, "error": True}
    decode = reference.tokenizer.decode
    return {**case, "ids": encoding.ids, "type_ids": encoding.type_ids, "special": encoding.special_tokens_mask,
            "offsets": [] if reference.lower_first else [n for pair in encoding.offsets for n in pair],
            "tokens": [tokenizer.id_to_token(i) for i in encoding.ids],
            "decoded": decode(encoding.ids, skip_special_tokens=False),
            "decoded_without_special": decode(encoding.ids, skip_special_tokens=True)}


def decodes(reference):
    """Of random ids, and of all."""
    count, chance = max(len(reference.slow), len(reference.slow.decoder)), Mixture(None)
    for ids in [*([chance.below(count) for _ in range(n % 15)] for n in range(60)), list(range(count))]:
        yield {"ids": ids, "text": reference.decode(ids, False), "without_special": reference.decode(ids, True)}


def is_small(facts):
    return not facts.get("files") or any(path.startswith("goldens/") for path in facts["files"].values())


def write(name, make, corpora, is_short=False, fragments=FRAGMENTS, with_decodes=False, **facts):
    """Nothing when the command line names others."""
    folder = OUT / name
    if sys.argv[2:] and name not in sys.argv[2:]:
        return
    reference = make()
    folder.mkdir(parents=True, exist_ok=True)
    if "files" not in facts:
        reference.tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    expected = {
        **facts, "lower_first": reference.lower_first, **({"ids_only": True} if reference.ids_only else {}), "code_points": list(code_point_hashes(reference, is_short)),
        "texts": {t: text_hash(reference, corpora / "texts" / t) for t in (FLORES if is_small(facts) else TEXTS)},
        "fragments": fragments, "mixtures": list(mixture_hashes(reference, fragments)),
        "hostile": list(hostile_hashes(reference)),
        "cases": [c for c in (spelled_out(reference, case) for case in CASES) if c],
    }
    if with_decodes:
        expected["decodes"] = list(decodes(reference))
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in expected.items())
    (folder / "expected.json").write_text("{" + lines.replace(', {"text"', ',\n  {"text"') + "}\n")


def bert(corpora, vocabulary, lowercase):
    """BERT's tokenizer as Transformers builds it from a vocab.txt."""
    lines = (corpora / "tokenizers" / "bert" / vocabulary).read_text().splitlines()
    tokenizer = Tokenizer(models.WordPiece({token: i for i, token in enumerate(lines)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"])
    tokenizer.post_processor = template(tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    return tokenizer


def template(tokenizer, single, pair):
    special = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=special)


def small(prefix="##", longest=100):
    """A model whose vocabulary spells ASCII and a few other letters."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "play", "foo", "food", "n't", "do", "don", "not", "'s", "a b",
              "e\u0301", "\u0301", "中", "文", "각", "\u1100\u1161", "Å", "å", "σ", "ς", "Σ", "##ing", "don't", "[mask]"]
    letters = [chr(c) for c in range(33, 127)] + list("éüßñиαأक日ガ")
    tokens += [t for t in letters + [prefix + t for t in [*letters, "\u0301", "ing", "oo"]] if t not in tokens]
    vocabulary = {t: i for i, t in enumerate(dict.fromkeys(tokens))}
    return Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", continuing_subword_prefix=prefix,
                                      max_input_chars_per_word=longest))


def with_flags():
    """Added tokens of every kind; sequences swapped in the pair's template."""
    tokenizer = small()
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=True, lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    tokenizer.add_special_tokens(["[UNK]", "[CLS]", "[SEP]", AddedToken("[MASK]", lstrip=True, normalized=False)])
    tokenizer.add_tokens([AddedToken("Foo", single_word=True), AddedToken("<a>", rstrip=True, lstrip=True), AddedToken("中"),
                          AddedToken("a  ", normalized=False), AddedToken("日本", normalized=True, single_word=True)])
    tokenizer.post_processor = template(tokenizer, "[CLS]:3 [CLS] $A:2 [SEP]", "[CLS] $B:1 [SEP] $A:4")
    return tokenizer


def with_components():
    """The single normalizers and pre-tokenizers, in sequence, and another prefix."""
    tokenizer = small(prefix="@", longest=20)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.NFD(), normalizers.StripAccents()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation()])
    tokenizer.decoder = decoders.WordPiece(prefix="@", cleanup=False)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_tokens([AddedToken("foo", single_word=True, normalized=False)])
    return tokenizer


def bare():
    """Decomposition alone, words cut at whitespace alone, no special tokens, no prefix, no decoder."""
    tokenizer = small(prefix="")
    tokenizer.normalizer = normalizers.NFD()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


GPT2 = {"vocab.json": "gpt2/gpt2_bpe_encoder.json", "merges.txt": "gpt2/gpt2_bpe_vocab.bpe"}
GPT = {"vocab.json": "openai-gpt/encoder_bpe_40000.json", "merges.txt": "openai-gpt/vocab_40000.bpe"}
ROBERTA = {"vocab.json": "roberta/vocab.json", "merges.txt": "roberta/merges.txt"}


UNIGRAMS = {"t5": "t5/tokenizer.json", "nmt": "nmt/tokenizer.json",
            "xlm-r": "xlm-r/paraphrase-multilingual-mpnet-base-v2.json.gz"}


def transformers_class(name, corpora, files, **config):
    """The tokenizer that Transformers makes of legacy files."""
    import transformers
    with tempfile.TemporaryDirectory() as folder:
        for target, source in files.items():
            shutil.copy(OUT.parent / source if source.startswith("goldens/") else corpora / "tokenizers" / source,
                        pathlib.Path(folder) / target)
        (pathlib.Path(folder) / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name, **config}))
        return getattr(transformers, name + "Fast").from_pretrained(folder)._tokenizer


def byte_level():
    """A small byte-level model: some merges, a template, offsets not trimmed, a Llama-3-style pattern, ignored merges."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n"), ("in", "g"), ("Ġ", "Ġ"), ("f", "o"), ("fo", "o"), ("a", "a"),
              ("aa", "aa"), ("Ã", "©"), ("ä", "¸"), ("ä¸", "Ń")]
    tokens = ["<s>", "</s>"] + alphabet + [a + b for a, b in merges] + ["Ġfood"]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges, ignore_merges=True))
    pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
               r"\s+(?!\S)|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, rstrip=True), "<s>", "</s>"])
    tokenizer.add_tokens([AddedToken("<a>", normalized=False), AddedToken("a\u3000b")])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True, add_prefix_space=True),
        processors.TemplateProcessing(single="<s> $A", pair="<s> $A </s> $B:1", special_tokens=[("<s>", 0), ("</s>", 1)])])
    return tokenizer


def unigram():
    """A small model over marked words: bytes of what it lacks, equal scores, NFD and replacements before it."""
    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("\u2581", -2.0), ("\u2581the", -3.0), ("th", -4.0), ("\u2581t", -5.0),
              ("he", -5.0), ("play", -6.5), ("ing", -5.25), ("pla", -6.0), ("ying", -5.75), ("\u2581\u2581", -7.125), ("fo", -6.0),
              ("o", -6.0), ("oo", -12.0), ("foo", -12.0), ("e\u0301", -8.0), ("\u0301", -9.5), ("中文", -10.0), ("中", -4.0), ("  ", -3.0)]
    pieces += [(chr(c), -8.0 - c / 64) for c in range(33, 127) if chr(c) != "o"]
    pieces += [(f"<0x{b:02X}>", 0.0) for b in range(256)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Replace("``", '"'), normalizers.Replace(Regex(" {2,}"), " "), normalizers.NFD(), normalizers.Lowercase(),
        normalizers.Strip(left=True, right=False), normalizers.Prepend("\u2581")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Metaspace(prepend_scheme="first", split=False), pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.Punctuation("merged_with_previous"), pre_tokenizers.Split("z", "merged_with_next"),
        pre_tokenizers.Split(Regex("[aeiou]{2,}"), "contiguous", invert=True)])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.add_special_tokens(["<s>", "</s>", AddedToken("[MASK]", lstrip=True)])
    tokenizer.add_tokens([AddedToken("Foo", single_word=True), AddedToken("<a>", rstrip=True, normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="<s> $A </s> $B </s>",
                                                             special_tokens=[("<s>", 1), ("</s>", 2)])
    return tokenizer


def bytes_behind(normalizer):
    """Each byte of normalized text is a token: what a normalizer does is seen whole."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(alphabet)}, []))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken("Foo", normalized=True), AddedToken("\u212b", normalized=True)])
    return tokenizer


def spelled(pieces, merges, **options):
    return Tokenizer(models.BPE({t: i for i, t in enumerate(dict.fromkeys(pieces))}, merges, **options))


def llama():
    """Marked text as one word, merged; bytes of what is unknown, where all of them are there; Llama's decoder."""
    letters = [chr(c) for c in range(33, 127)] + ["\u2581", "é", "中", "\u0301"]
    merges = [("t", "h"), ("\u2581", "th"), ("\u2581th", "e"), ("\u2581", "\u2581"), ("a", "a"), ("aa", "aa"), ("f", "o"),
              ("fo", "o"), ("\u2581", "foo"), ("i", "n"), ("in", "g"), ("e", "\u0301")]
    made = [f"<0x{b:02X}>" for b in range(256) if b != 0xE3]
    tokenizer = spelled(["<unk>", "<s>", "</s>", *made, *letters, *(a + b for a, b in merges)], merges, unk_token="<unk>",
                        byte_fallback=True, fuse_unk=True)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens([AddedToken("<unk>", normalized=False), AddedToken("<s>"), AddedToken("</s>", rstrip=True)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1",
                                                             special_tokens=[("<s>", 1)])
    return tokenizer


def marked_ends():
    """Characters merged to words with both marks, one unknown token for each unknown character; BPEDecoder."""
    letters = [chr(c) for c in range(97, 123)] + list("ABF.!'é中#[]<>")
    pieces = [p + l + e for l in letters for p in ("", "~") for e in ("", "</w>")]
    merges = [("t", "~h"), ("th", "~e</w>"), ("~i", "~n"), ("~in", "~g</w>"), ("f", "~o"), ("fo", "~o</w>"), ("a", "~a"), ("~a", "~a"),
              ("p", "~l"), ("pl", "~a"), ("pla", "~y"), ("x</w>", "y")]
    pieces += [a + (b[1:] if b.startswith("~") else b) for a, b in merges]
    tokenizer = spelled(["[UNK]", *pieces], merges, unk_token="[UNK]", continuing_subword_prefix="~", end_of_word_suffix="</w>")
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.BPEDecoder()
    tokenizer.add_special_tokens(["[UNK]", "[MASK]"])
    return tokenizer


def word_level():
    """Whole words; tokens decoded one by one, with replacements and strips."""
    words = ["[UNK]", "[CLS]", "[SEP]", "the", "The", "a", "b", "foo", "food", "!", "'", "99", "_foo_", "é", "中", "play", "\u0301", "n", "##"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.NFKD(), normalizers.NFC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("oo", "0"), decoders.Strip("_", 2, 1), decoders.WordPiece("f", False)])
    tokenizer.add_tokens(["_foo_"])
    return tokenizer


RULES = [("\uff21", "A"), ("\ufb01", "fi"), ("A\u030a", "\u00c5"), ("A", "\u0251"), ("\t", " "), ("\n", " "), ("\u3000", " "),
         ("\u00ad", ""), ("\u2026", ". . "), ("e\u0301", "\u00e9"), ("e\u0301\u0327", "\u0229\u0301")]


def trained(folder, corpora, name="spiece.model", languages=("en", "de"), **settings):
    """A small SentencePiece model, trained on sentences of flores once and kept beside its golden."""
    import sentencepiece
    path = OUT / folder / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [line for language in languages
                 for line in (corpora / "texts" / "flores" / f"flores-dev.{language}").read_text().split("\n")[:200]]
        with tempfile.TemporaryDirectory() as folder:
            rules = pathlib.Path(folder) / "rules.tsv"
            rules.write_text("".join("%s\t%s\n" % tuple(" ".join(f"{ord(c):X}" for c in side) for side in rule) for rule in RULES))
            prefix = str(pathlib.Path(folder) / "m")
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines), model_prefix=prefix, num_threads=1, minloglevel=2, character_coverage=0.98,
                normalization_rule_tsv=str(rules), **settings)
            shutil.copy(prefix + ".model", path)
    return path


SPM_CORPORA = {"spm-albert": "albert/30k-clean.model", "spm-bpe": "sentencepiece-bpe/en.wiki.bpe.vs10000.model",
               "spm-nmt": "nmt/vocab.joint.spm", "spm-t5": "t5/t5_tokenizer_base.model", "spm-xlnet": "xlnet/spiece.model"}
SPM_SMALL = {
    "spm-char": dict(model_type="char", vocab_size=60, user_defined_symbols=["foo", "<a>"]),
    "spm-word": dict(model_type="word", vocab_size=300),
    "spm-bytes": dict(model_type="bpe", vocab_size=600, byte_fallback=True, user_defined_symbols=["foo", "food", "##"],
                      split_by_whitespace=False),
    "spm-plain": dict(model_type="unigram", vocab_size=400, user_defined_symbols=["[MASK]", "the"], add_dummy_prefix=False,
                      remove_extra_whitespaces=False)}
CLASSES = {
    "albert": ("AlbertTokenizer", "spiece.model", "albert/30k-clean.model", {}),
    "xlnet": ("XLNetTokenizer", "spiece.model", "xlnet/spiece.model", {}),
    "t5-files": ("T5Tokenizer", "spiece.model", "t5/t5_tokenizer_base.model", {"legacy": False}),
    "albert-cased": ("AlbertTokenizer", "spiece.model", "albert/30k-clean.model", {"do_lower_case": False, "keep_accents": True}),
    "fairseq": ("XLMRobertaTokenizer", "sentencepiece.bpe.model", dict(model_type="unigram", vocab_size=400), {}),
    "camembert": ("CamembertTokenizer", "sentencepiece.bpe.model", dict(model_type="unigram", vocab_size=400, unk_id=0), {}),
    "deberta": ("DebertaV2Tokenizer", "spm.model",
                dict(model_type="unigram", vocab_size=400, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]",
                     bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]"), {"split_by_punct": True}),
    "big-bird": ("BigBirdTokenizer", "spiece.model",
                 dict(model_type="bpe", vocab_size=400, pad_id=3, control_symbols=["[SEP]", "[CLS]"],
                      user_defined_symbols=["[MASK]"]), {}),
    "mt5-files": ("MT5Tokenizer", "spiece.model", dict(model_type="unigram", vocab_size=350, pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
                  {"extra_ids": 0, "additional_special_tokens": []}),
    "mbart": ("MBartTokenizer", "sentencepiece.bpe.model", dict(model_type="unigram", vocab_size=350),
              {"src_lang": "de_DE", "tgt_lang": "ro_RO"}),
    "mbart50": ("MBart50Tokenizer", "sentencepiece.bpe.model", dict(model_type="bpe", vocab_size=350), {}),
    "nllb": ("NllbTokenizer", "sentencepiece.bpe.model", dict(model_type="bpe", vocab_size=360), {"src_lang": "deu_Latn"}),
    "nllb-legacy": ("NllbTokenizer", "sentencepiece.bpe.model", dict(model_type="unigram", vocab_size=340),
                    {"legacy_behaviour": True, "additional_special_tokens": ["fra_Latn", "eng_Latn"]}),
    "pegasus": ("PegasusTokenizer", "spiece.model",
                dict(model_type="unigram", vocab_size=350, pad_id=0, eos_id=1, unk_id=2, bos_id=-1), {}),
    "llama-files": ("LlamaTokenizer", "tokenizer.model",
                    dict(model_type="bpe", vocab_size=600, byte_fallback=True, user_defined_symbols=["foo", "<a>"]),
                    {"add_eos_token": True}),
    "mistral-files": ("LlamaTokenizer", "tokenizer.model",
                      dict(model_type="bpe", vocab_size=580, byte_fallback=True, remove_extra_whitespaces=False), {"legacy": False}),
    "gemma-files": ("GemmaTokenizer", "tokenizer.model",
                    dict(model_type="bpe", vocab_size=590, byte_fallback=True, pad_id=0, eos_id=1, bos_id=2, unk_id=3,
                         pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>", add_dummy_prefix=False,
                         remove_extra_whitespaces=False, user_defined_symbols=["<start_of_turn>", "\u2581\u2581"]), {})}


def numbered(folder, tokens, name="vocab.json"):
    """A vocabulary, kept beside its golden."""
    path = OUT / folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({token: i for i, token in enumerate(dict.fromkeys(tokens))}, ensure_ascii=False))
    return path


def pieces_of(path):
    import sentencepiece
    library = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return [library.id_to_piece(i) for i in range(library.get_piece_size())]


def slow_class(name, folder, files, config, reference=SlowReference, **options):
    import transformers
    with tempfile.TemporaryDirectory() as place:
        for target in files:
            shutil.copy(OUT / folder / target, pathlib.Path(place) / target)
        settings = OUT / folder / "tokenizer_config.json"
        settings.write_text(json.dumps({"tokenizer_class": name, **config}))
        shutil.copy(settings, place)
        return reference(getattr(transformers, name).from_pretrained(place), **options)


CTRL_FRAGMENTS = ["zqzq", "zqzqzqz", "zq", "@", "@@", "@@@@", "a@@", "x\n", "<unk>", "the<unk>", "Links", "Wikipedia\n", "w>", "</"]


def ctrl(corpora):
    if not (OUT / "ctrl" / "merges.txt").exists():
        write_ctrl(corpora)
    return slow_class("CTRLTokenizer", "ctrl", ["vocab.json", "merges.txt"], {}, decodes_special=True)


def write_ctrl(corpora):
    """Merges learned from a few sentences, a part of whose symbols the vocabulary lacks; two symbols that are one token ("@@@@"),
    characters known in one place only, merges that come before those they build on, and words that only ids give. Of merges
    that are equally frequent any may come first: they are learned once and kept beside the golden."""
    from tokenizers import trainers
    lines = (corpora / "texts" / "flores" / "flores-dev.en").read_text().split("\n")[:200]
    model = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    model.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    model.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=500, end_of_word_suffix="</w>", show_progress=False))
    learned = json.loads(model.to_str())["model"]
    early = [("zq", "z"), ("z", "q"), ("z", "q</w>"), ("zqz", "q</w>"), ("q", "z")]
    late = [("@", "@"), ("@", "@</w>"), ("@@", "@@</w>"), ("@@", "@"), ("L", "in"), ("Lin", "k"), ("Link", "s</w>"), ("<", "/"), ("é", "é</w>")]
    merges = [*early, *map(tuple, learned["merges"]), *late]
    symbols = [*learned["vocab"], "z", "q", "q</w>", "@", "@</w>", *(a + b for a, b in merges)]
    tokens = [s[:-4] if s.endswith("</w>") else s + "@@" for i, s in enumerate(dict.fromkeys(symbols)) if i % 7 != 3]
    numbered("ctrl", [*tokens, "\n", "\n@@", "\u00a0", "\x1c@@", "\u3000x", "@@", "<unk>", "Books", "中", "<pad>"])
    (OUT / "ctrl" / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges) + "t h")


SIGLIP_FRAGMENTS = ["</s> the", "\u2581", "\u2581 the", "! a", " .", "don't", "a_b", "`{|}~", "\x1f", "\x1c \x1d", "THE", "&amp;"]


def siglip(corpora, config):
    """With the letters of "<unk>", which the class has the library read before every text; and digits by themselves, because
    what rounding decides between "00" "000" and "000" "00" depends on the sum of all that stands before, that included."""
    trained("siglip", corpora, model_type="unigram", vocab_size=400, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
            required_chars="<unk>", split_digits=True)
    return slow_class("SiglipTokenizer", "siglip", ["spiece.model"], config, reference=PairedReference)


CLIP = {name: f"goldens/clip/{name}" for name in ("vocab.json", "merges.txt")}


def clip(corpora):
    """Merges learned from a few sentences, kept beside the golden as CTRL's are. Many bytes, and more at words' ends, have no
    token: what is unknown is the end of a text."""
    folder = OUT / "clip"
    if not folder.exists():
        from tokenizers import trainers
        lines = (corpora / "texts" / "flores" / "flores-dev.en").read_text().lower().split("\n")[:200]
        model = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
        model.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)])
        model.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=500, end_of_word_suffix="</w>", show_progress=False))
        learned = json.loads(model.to_str())["model"]
        numbered("clip", [*learned["vocab"], "<|startoftext|>", "<|endoftext|>"])
        merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in learned["merges"]]
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    # From its text, because Transformers has the object decode in a way of its own, which no file says.
    return Reference(Tokenizer.from_str(transformers_class("CLIPTokenizer", corpora, CLIP).to_str()))




def m2m100_codes():
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES
    return FAIRSEQ_LANGUAGE_CODES["m2m100"]


def m2m100(corpora, config):
    """Of the pieces some have no token; two tokens are no pieces."""
    pieces = pieces_of(trained("m2m100", corpora, name="sentencepiece.bpe.model", model_type="unigram", vocab_size=350))[3:]
    numbered("m2m100", ["<s>", "<pad>", "</s>", "<unk>", *pieces[:100], *pieces[110:], "\u4e2d", "\u65e5\u672c"])
    return slow_class("M2M100Tokenizer", "m2m100", ["vocab.json", "sentencepiece.bpe.model"], config)


def marian(corpora, config):
    """One model reads and another writes; each has pieces that the vocabulary does not know."""
    source = trained("marian", corpora, name="source.spm", model_type="unigram", vocab_size=350)
    target = trained("marian", corpora, name="target.spm", languages=("de", "tr"), model_type="unigram", vocab_size=350)
    first, second = pieces_of(source)[3:], pieces_of(target)[3:]
    numbered("marian", ["</s>", "<unk>", *first[:90], *second[:300], *first[100:], ">>fr<<", "\u4e2d", ">>pt_BR<<", "<pad>"])
    return slow_class("MarianTokenizer", "marian", ["vocab.json", "source.spm", "target.spm"], config)


def marian_two(corpora, config):
    """A vocabulary for each model, of different sizes: the second's own words have the ids of the first's special tokens, and
    it has those tokens elsewhere."""
    first, second = (pieces_of(trained("marian-two", corpora, name=name, languages=languages, model_type="unigram", vocab_size=320))[3:]
                     for name, languages in (("source.spm", ("en", "de")), ("target.spm", ("tr", "ru"))))
    numbered("marian-two", ["</s>", "<unk>", *first[:90], ">>fr<<", *first[100:200], "<pad>"])
    numbered("marian-two", ["<unk>", "</s>", *second[:150], "\u4e2d", *second[160:], "<pad>"], "target_vocab.json")
    return slow_class("MarianTokenizer", "marian-two", ["vocab.json", "target_vocab.json", "source.spm", "target.spm"], config)


CODES = [">>fr<<", ">>xx<< ", ">>", "<<", ">>pt_BR<<a", "__de__", "__en__ ", " <unk>", "</s>", "<pad>", "en_XX", "\u2581"]


def of_class(corpora, folder, name, target, source, config):
    """What Transformers makes of a model and its class."""
    import transformers
    model = corpora / "tokenizers" / source if isinstance(source, str) else trained(folder, corpora, **source)
    with tempfile.TemporaryDirectory() as place:
        shutil.copy(model, pathlib.Path(place) / target)
        (pathlib.Path(place) / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name, **config}))
        return Reference(getattr(transformers, name + "Fast").from_pretrained(place)._tokenizer)


def from_corpora(corpora, path):
    """A tokenizer.json of the corpora, compressed or not, without the truncation and padding that it asks for."""
    data = (corpora / "tokenizers" / path).read_bytes()
    tokenizer = Tokenizer.from_str((gzip.decompress(data) if path.endswith(".gz") else data).decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


WINDOWS = [("flags", "right", "the food a b c play foo d e f g h i", None, "only_first"),
           ("flags", "right", "the food", "a b c d e f [MASK] foo g h i j", "only_second"),
           ("flags", "right", "a b c d e f g h", "the food", "only_first"),
           ("flags", "left", "the food a b c play foo d e f g h i", None, "longest_first"),
           ("flags", "left", "the food", "a b c d e f g h", "only_second"),
           ("byte-level", "right", " the  foo food in thing aaaa the", None, "longest_first"),
           ("byte-level", "right", " the foo", " the  foo food in thing aaaa the", "only_second")]


def windows():
    """goldens/windows.json: texts cut into overlapping windows, by length and stride."""
    result = []
    for name, side, text, pair, strategy in WINDOWS:
        tokenizer = Tokenizer.from_file(str(OUT / name / "tokenizer.json"))
        for length in (8, 10, 13):
            for stride in (0, 1, 3):
                try:
                    tokenizer.enable_truncation(length, stride=stride, strategy=strategy, direction=side)
                    first = tokenizer.encode(text, pair)
                    parts = [{"ids": e.ids, "offsets": [n for o in e.offsets for n in o]} for e in [first, *first.overflowing]]
                except BaseException:  # the library panics where a stride is too long
                    parts = None
                result.append({"tokenizer": name, "side": side, "text": text, "pair": pair, "truncation": strategy,
                               "max_length": length, "stride": stride, "windows": parts})
    (OUT / "windows.json").write_text("[" + ",\n".join(map(json.dumps, result)) + "]\n")


def main():
    if not sys.argv[2:] or "windows" in sys.argv[2:]:
        windows()
    (OUT / "hostile.json").write_text("[" + ",\n".join(map(json.dumps, HOSTILE)) + "]\n")
    corpora = pathlib.Path(sys.argv[1])
    uncased, cased = "bert_base_uncased_vocab.txt", "bert_base_cased_vocab.txt"
    write("uncased", lambda: Reference(bert(corpora, uncased, True)), corpora, files={"vocab.txt": "bert/" + uncased}, config={})
    write("cased", lambda: Reference(bert(corpora, cased, False)), corpora, files={"vocab.txt": "bert/" + cased},
          config={"do_lower_case": False})
    write("lower-first", lambda: Reference(bert(corpora, cased, False), lower_first=True), corpora,
          files={"vocab.txt": "bert/" + cased}, config={"do_lower_case": False})
    write("flags", lambda: Reference(with_flags()), corpora)
    write("components", lambda: Reference(with_components()), corpora)
    write("bare", lambda: Reference(bare()), corpora)
    write("gpt2", lambda: Reference(transformers_class("GPT2Tokenizer", corpora, GPT2)), corpora, files=GPT2,
          config={"tokenizer_class": "GPT2Tokenizer"})
    prefixed = {"add_prefix_space": True}
    write("roberta-files", lambda: Reference(transformers_class("RobertaTokenizer", corpora, ROBERTA, **prefixed)), corpora,
          files=ROBERTA, config={"tokenizer_class": "RobertaTokenizer", **prefixed})
    write("roberta", lambda: Reference(Tokenizer.from_file(str(corpora / "tokenizers" / "roberta" / "tokenizer.json"))), corpora,
          files={"tokenizer.json": "roberta/tokenizer.json"}, config={})
    write("byte-level", lambda: Reference(byte_level()), corpora)
    write("unigram", lambda: Reference(unigram()), corpora)
    write("bart-files", lambda: Reference(transformers_class("BartTokenizer", corpora, ROBERTA)), corpora, is_short=True,
          files=ROBERTA, config={"tokenizer_class": "BartTokenizer"})
    opt = {"add_bos_token": True, "bos_token": "<|endoftext|>", "pad_token": "<pad>"}
    write("opt-files", lambda: Reference(transformers_class("GPT2Tokenizer", corpora, GPT2, **opt)), corpora, is_short=True,
          files=GPT2, config={"tokenizer_class": "GPT2Tokenizer", **opt})
    n = normalizers
    write("nfc", lambda: Reference(bytes_behind(n.NFC())), corpora)
    write("nfkc", lambda: Reference(bytes_behind(n.Sequence([n.Nmt(), n.NFKC()]))), corpora)
    write("nfkd", lambda: Reference(bytes_behind(n.Sequence([n.NFKD(), n.Lowercase(), n.StripAccents(), n.NFC()]))), corpora)
    write("llama", lambda: Reference(llama()), corpora)
    write("marked-ends", lambda: Reference(marked_ends()), corpora)
    write("word-level", lambda: Reference(word_level()), corpora)
    write("gpt", lambda: Reference(transformers_class("OpenAIGPTTokenizer", corpora, GPT)), corpora, files=GPT,
          config={"tokenizer_class": "OpenAIGPTTokenizer"})
    for name, path in UNIGRAMS.items():
        write(name, lambda: Reference(from_corpora(corpora, path)), corpora, files={"tokenizer.json": path}, config={})
    for name, path in SPM_CORPORA.items():
        write(name, lambda: SentencePieceReference(corpora / "tokenizers" / path), corpora, files={"spiece.model": path},
              config={})
    for name, settings in SPM_SMALL.items():
        write(name, lambda: SentencePieceReference(trained(name, corpora, **settings)), corpora, is_short=True,
              files={"spiece.model": f"goldens/{name}/spiece.model"}, config={})
    listed = {"src_lang": "de", "additional_special_tokens": [f"__{code}__" for code in m2m100_codes()]}
    write("m2m100", lambda: m2m100(corpora, listed), corpora, is_short=True, fragments=FRAGMENTS + CODES,
          files={name: f"goldens/m2m100/{name}" for name in ("vocab.json", "sentencepiece.bpe.model")},
          config={"tokenizer_class": "M2M100Tokenizer", **listed})
    write("marian", lambda: marian(corpora, {}), corpora, is_short=True, fragments=FRAGMENTS + CODES,
          files={name: f"goldens/marian/{name}" for name in ("vocab.json", "source.spm", "target.spm")},
          config={"tokenizer_class": "MarianTokenizer"})
    two = {"tokenizer_class": "MarianTokenizer", "separate_vocabs": True}
    write("marian-two", lambda: marian_two(corpora, two), corpora, is_short=True, fragments=FRAGMENTS + CODES,
          files={name: f"goldens/marian-two/{name}" for name in ("vocab.json", "target_vocab.json", "source.spm", "target.spm")},
          config=two, with_decodes=True)
    write("ctrl", lambda: ctrl(corpora), corpora, is_short=True, fragments=FRAGMENTS + CTRL_FRAGMENTS,
          files={name: f"goldens/ctrl/{name}" for name in ("vocab.json", "merges.txt")}, config={"tokenizer_class": "CTRLTokenizer"},
          decodes_special=True, with_decodes=True)
    write("clip", lambda: clip(corpora), corpora, is_short=True, files=CLIP, config={"tokenizer_class": "CLIPTokenizer"})
    write("siglip", lambda: siglip(corpora, {}), corpora, is_short=True, fragments=FRAGMENTS + SIGLIP_FRAGMENTS,
          files={"spiece.model": "goldens/siglip/spiece.model"}, config={"tokenizer_class": "SiglipTokenizer"})
    for name, (kind, target, source, config) in CLASSES.items():
        path = source if isinstance(source, str) else f"goldens/{name}/spiece.model"
        write(name, lambda: of_class(corpora, name, kind, target, source, config), corpora, is_short=True,
              files={target: path}, config={"tokenizer_class": kind, **config})


if __name__ == "__main__":
    main()
