"""Texts that a tokenizer may stumble over, for make_goldens.py. Python 3.11 (Unicode 14) says which scripts there are."""
import unicodedata


def scripts():
    """Of each script that Python knows: letters, marks behind a letter, digits."""
    found = {}
    for c in map(chr, range(0x80, 0x110000)):
        name, kind = unicodedata.name(c, ""), unicodedata.category(c)[0]
        if kind in "LMN" and name:
            found.setdefault(name.split()[0], {}).setdefault(kind, []).append(c)
    for kinds in found.values():
        letters, marks, digits = (kinds.get(kind, []) for kind in "LMN")
        if len(letters) >= 8:
            yield "".join([*letters[:4], " ", *letters[-3:], *marks[:2], letters[5], *marks[-1:], *digits[:3], *letters[6:8], "."])


def hostile():
    """Texts that a tokenizer may stumble over; [text, n] is a text repeated."""
    yield from ("", " ", "  ", "\t\r\n", "\u3000", "\u2581", "\u2581 \u2581\u2581a", " a", "a ", "\u00a0a\u00a0")
    yield from scripts()
    yield from (f"a{c}b {c} {c}{c}" for c in map(chr, (*range(1, 33), *range(0x7F, 0xA1), 0xAD)))
    yield from (f"a{c}b{c} c" for c in "\u1680\u180e\u2002\u2009\u200a\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202e\u202f\u205f"
                "\u2060\u2066\u2069\u206a\ufeff\ufff9\ufffb\ufffc\ufffd\ufffe\uffff\ue000\uf8ff\U0001fffe\U000e0001\U000e0041\U000f0000\U0010ffff")
    yield from (  # emoji: families, flags, skins, keycaps, tags, and parts of them
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 x", "\U0001f469\U0001f3fd\u200d\U0001f680", "\U0001f3f3\ufe0f\u200d\U0001f308",
        "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7\U0001f1e9", "1\ufe0f\u20e3#\ufe0f\u20e3", "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e007f",
        "\u200d\U0001f466\u200d", "\u2764\ufe0f\u2764", "\ufe0f", "\U0001f3fd\U0001f3fd", "\u00a9\ufe0f\u200d\u00ae", "\U0001f600" * 20)
    yield from (  # from right to left, and mixed
        "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd", "\u0627\u0644\u0633\u0651\u064e\u0644\u0627\u0645\u064f \u0639\u0644\u064a\u0643\u0645",
        "abc \u05d0\u05d1\u05d2 123 \u0663\u0664 def", "\u202eabc\u202c \u2067\u05d0\u2069", "\u0640\u0640\u0640\ufdfa\ufdfb\ufefb", "\u0628\u200c\u0628\u200d\u0628")
    yield from (  # marks alone, in disorder, and in crowds
        "\u0301", " \u0301", "\u0301\u0327a", "a\u0315\u0300\u05ae\u0062", "\u0f71\u0f72\u0f74\u0f71", "\u093e\u094d", "\u0e31\u0e34", "\u20dd1\u20dd",
        "\u1161", "\u11a8\u1100", "\u1100\u1161\u11a8\u11a8", "\uac00\u11a7\uac00\u11c3", "\u115f\u1160\u3164\uffa0", "\u3099\u304b\u3099\uff76\uff9e",
        "Z\u0351\u036b\u0343\u036a\u0302a\u0334\u031e\u0358l\u0353g\u0317\u0329o", "e" + "\u0301\u0327\u0316" * 50, "\u034f\u0301\u034f", "\U0001d157\U0001d165")
    yield from (  # letters that change with their case or their form
        "\u0130I\u0131i\u0130\u0307", "\u00df\u1e9e\u017f\u017ft", "\u039f\u0394\u039f\u03a3 \u03a3 \u03a3\u0301 \u03a3\u03a3\u2019\u03a3", "\u01c5\u01f2\u01c4", "\ufb00\ufb03\ufb06\ufb13",
        "\u212a\u212b\u2126", "\u1e9b\u0323\u1e69", "\uff21\uff42\uff11\uff01\uff5e", "\u2460\u3231\u33a5\u00bd\u00b2\u2082\u2167", "\u1f88\u1fbc\u0390\u1fd3",
        "\U0001d400\U0001d7ce\U0001d538", "\U00010400\U00010428\U0001e900", "\u13a0\uab70", "\uf900\U0002f800\u8c48\U00020000\U0003134a", "\ua7cb\ua7dc\u1c89", "\u10a0\u1c90\u2d00")
    yield from (  # what looks like a token or a mark of one
        "<s>", "</s><s>", "<unk>", " <unk> x", "<mask>", "[MASK]", "[CLS][SEP]", "[UNK]", "<|endoftext|>", "a<pad>b", "<extra_id_0>", "<extra_id_99> <extra_id_100>",
        "<<s>>", "<S>", "[mask] [Mask]", "<0x0A>", "<0xZZ><0xff>", "##ing ##", "\u0120a\u010a", "a</w>b", "</w>", "<eop><eod>", "<sep><cls>", "<s>NOTUSED", "`` ''",
        "<unk><unk>", "\u2047", "<ma sk>", "[ MASK ]", "<mask", "\u2581<mask>\u2581")
    yield from (  # what people write
        "I'll I'LL we'Ve 's'S don\u2019t", "http://a.b/c?d=e&f#g user@host.tld", "x = {\"a\": [1, -2.5e-3], 'b': null};\n\tif (x != y) return;",
        "1,000,000.00 \u0661\u0662 12345678901234567890", "a\u2014b\u2013c\u2026d", "......!!!???", "\u00ab\u00bb\u201e\u201c\u300c\u300d", "AaBbCCdD eeEE", "C:\\dir\\file.txt",
        "QUJDREVGRw==", "a_b__c-d--e", "$5 \u20ac6 \u00a57 50%", "\u65e5\u672c\u8a9e\u3068English\u306e\u6df7\u5728", "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22", "\u06cc\u06a9\u200c\u0628\u0627\u0631")
    yield from (["x", 100_000], ["ab ", 2000], [" ", 5000], ["\u00e9", 2000], ["\u4e2d", 2000], ["\u0301", 2000], ["!", 3000], ["1234567890", 300],
                ["\U0001f3f3\ufe0f\u200d\U0001f308", 300], ["\ud55c\uae00 ", 500], ["the", 2000], ["\n", 3000], ["a\u0301\u0327", 1000], ["<s>", 500])


HOSTILE = list(hostile())
HOSTILE_PER_HASH = 10
