#!/usr/bin/env python3
"""Writes tests/tokenizer/goldens: what Hugging Face's `tokenizers` makes of every code point and of nasty texts.

Made with Python 3.11 (its Unicode 14 decides NAME "lower-first") tokenizers==0.21.4 and transformers==4.55.4:

    python3 tests/tokenizer/make_goldens.py ../shared/corpora [NAME...]

Layout: NAME/expected.json, beside it NAME/tokenizer.json where the vocabulary is small and ours. Else "files" says which
files of corpora/tokenizers the tokenizer has, and "config" is its tokenizer_config.json. In expected.json:

  code_points  a hash for each 4096 code points c from U+0000, of the encodings of "a" + c + "b"; U+0000 and surrogates
               cannot stand in a C string and are left out
  flores       a hash for each language of corpora/texts/flores, of the encodings of all lines
  fragments    texts that `mixtures` are put together from, by the generator in `Mixture`
  mixtures     a hash for each 50 mixtures: encodings of texts and pairs, truncated ones, and decoded text
  cases        texts with everything spelled out

A hash is FNV-1a over 32-bit words (Hash): the number of tokens, then id, start and end of each (ids alone with
"lower_first", where the library's offsets count in another text).
"""
import gzip
import json
import pathlib
import shutil
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

OUT = pathlib.Path(__file__).resolve().parent / "goldens"
LANGUAGES = ["ar", "de", "en", "fa", "hi", "ja", "ru", "tr", "zh"]
MIXTURES, MIXTURES_PER_HASH = 2000, 50

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


class Mixture:
    """Texts of one to twelve fragments, from Knuth's linear congruential generator."""

    def __init__(self):
        self.state = 1

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit

    def text(self):
        return "".join(FRAGMENTS[self.below(len(FRAGMENTS))] for _ in range(1 + self.below(12)))


def code_point_hashes(reference):
    for first in range(0, 0x110000, 4096):
        block = Hash()
        for c in range(first, first + 4096):
            if c and not 0xD800 <= c < 0xE000:
                block.add(reference.words(reference.encode("a" + chr(c) + "b")))
        yield block.hex()


def flores_hash(reference, path):
    lines = Hash()
    for line in path.read_bytes().decode().split("\n"):
        lines.add(reference.words(reference.encode(line)))
    return lines.hex()


def mixture_hashes(reference):
    mixture, block = Mixture(), Hash()
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


def write(name, reference, corpora, **facts):
    """Nothing when the command line names others."""
    folder = OUT / name
    if sys.argv[2:] and name not in sys.argv[2:]:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if "files" not in facts:
        reference.tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    expected = {
        **facts, "lower_first": reference.lower_first, "code_points": list(code_point_hashes(reference)),
        "flores": {l: flores_hash(reference, corpora / "texts" / "flores" / f"flores-dev.{l}") for l in LANGUAGES},
        "fragments": FRAGMENTS, "mixtures": list(mixture_hashes(reference)),
        "cases": [c for c in (spelled_out(reference, case) for case in CASES) if c],
    }
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
ROBERTA = {"vocab.json": "roberta/vocab.json", "merges.txt": "roberta/merges.txt"}


UNIGRAMS = {"t5": "t5/tokenizer.json", "nmt": "nmt/tokenizer.json",
            "xlm-r": "xlm-r/paraphrase-multilingual-mpnet-base-v2.json.gz"}


def transformers_class(name, corpora, files, **config):
    """The tokenizer that Transformers makes of legacy files."""
    import tempfile
    import transformers
    with tempfile.TemporaryDirectory() as folder:
        for target, source in files.items():
            shutil.copy(corpora / "tokenizers" / source, pathlib.Path(folder) / target)
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


def from_corpora(corpora, path):
    """A tokenizer.json of the corpora, compressed or not, without the truncation and padding that it asks for."""
    data = (corpora / "tokenizers" / path).read_bytes()
    tokenizer = Tokenizer.from_str((gzip.decompress(data) if path.endswith(".gz") else data).decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def main():
    corpora = pathlib.Path(sys.argv[1])
    uncased, cased = "bert_base_uncased_vocab.txt", "bert_base_cased_vocab.txt"
    write("uncased", Reference(bert(corpora, uncased, True)), corpora, files={"vocab.txt": "bert/" + uncased}, config={})
    write("cased", Reference(bert(corpora, cased, False)), corpora, files={"vocab.txt": "bert/" + cased},
          config={"do_lower_case": False})
    write("lower-first", Reference(bert(corpora, cased, False), lower_first=True), corpora,
          files={"vocab.txt": "bert/" + cased}, config={"do_lower_case": False})
    write("flags", Reference(with_flags()), corpora)
    write("components", Reference(with_components()), corpora)
    write("bare", Reference(bare()), corpora)
    write("gpt2", Reference(transformers_class("GPT2Tokenizer", corpora, GPT2)), corpora, files=GPT2,
          config={"tokenizer_class": "GPT2Tokenizer"})
    prefixed = {"add_prefix_space": True}
    write("roberta-files", Reference(transformers_class("RobertaTokenizer", corpora, ROBERTA, **prefixed)), corpora,
          files=ROBERTA, config={"tokenizer_class": "RobertaTokenizer", **prefixed})
    write("roberta", Reference(Tokenizer.from_file(str(corpora / "tokenizers" / "roberta" / "tokenizer.json"))), corpora,
          files={"tokenizer.json": "roberta/tokenizer.json"}, config={})
    write("byte-level", Reference(byte_level()), corpora)
    write("unigram", Reference(unigram()), corpora)
    for name, path in UNIGRAMS.items():
        write(name, Reference(from_corpora(corpora, path)), corpora, files={"tokenizer.json": path}, config={})


if __name__ == "__main__":
    main()
