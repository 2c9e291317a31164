"""The page of results: that a bar is judged by the numbers that it names, and that those of other compilers are marked."""
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "benchmarks"))
sys.dont_write_bytecode = True
import plan
import results


def race(medians, **own):
    """A race's result: Lathe's row with what is given, and medians of all, who are in f32 unless their names say else."""
    rows = [
        {"contender": name, "precision": name.partition("-")[2] if name.endswith("bf16") else "f32"}
        | {"batch": 8, "seq": 128, "median_ms": median, "load_ms": 1, "rss_mb": 100, "gflops": 5}
        | {"fraction_of_peak": 0.5, "fraction_of_bandwidth": 0.5, "fraction_of_roofline": 0.5}
        for name, median in medians.items()
    ]
    rows[0] |= own
    step = {"step": "layer/attention", "kernel": "lathe_attention_f32", "share": 0.5, "seconds": 2, "gflops": 300}
    other = {"step": "layer/w.weight", "kernel": "lathe_gemm_f32", "share": 0.5, "seconds": 2, "gflops": 400}
    shares = {"fraction_of_roofline": 0.6, "idle_share": 0.1}
    return {
        "machine": {
            "cpu": "a CPU",
            "isa": "avx512",
            "threads": 2,
            "peak_gflops": {"f32": 400},
            "unit_gflops": {"fma_f32": 400, "amx_bf16": None},
            "probes": [{"f32_gflops": 390, "read_gb_per_s": 40}, {"f32_gflops": 410, "read_gb_per_s": 60}],
        },
        "results": rows,
        "profile": [step | shares, other | shares],
        "profile_total": {"seconds": 5, "step_seconds": 4, "idle_share": 0.1},
        "versions": {"torch": "2"},
        "current": True,
    }


def writing(medians, tokens_per_s=100, step_ms=0.5, **own):
    """The same of a work that writes, and as given in Lathe's row."""
    result = race(medians, **own)
    for one in result["results"]:
        one |= {"tokens_per_s": tokens_per_s, "first_ms": 4, "step_ms": step_ms}
    return result


WRITING = {"lathe": 10, "eager": 30, "ctranslate2": 16}
IN_BF16 = {"lathe": 10, "eager": 9, "eager-bf16": 20, "openvino-bf16": 11, "unfused": 5}
MEDIANS = {"lathe": 10, "eager": 30, "onnxruntime": 12, "openvino": 11, "torch-compile": 20, "unfused": 5}


def judged(collected, model="base"):
    verdicts = results.judge(collected)
    return {(bar.work, bar.measure): (reached, met) for _, bar, _, reached, met in verdicts if bar.model == model}


class Judge(unittest.TestCase):
    def test_comparesWithTheFastestPeerAndNotWithItself(self):
        verdicts = judged({("base", "8x128"): race(MEDIANS)})
        self.assertEqual(verdicts["8x128", "best peer"], ("1.10x openvino", True))
        self.assertEqual(verdicts["8x128", "eager"], ("3.00x", True))
        slower = judged({("base", "8x128"): race(MEDIANS | {"lathe": 10.8})})
        self.assertEqual(slower["8x128", "best peer"], ("1.02x openvino", False))

    def test_comparesWithPeersOfTheSamePrecision(self):
        collected = {("base-bf16", "8x128"): race(IN_BF16, precision="bf16", fraction_of_peak=0.8)}
        self.assertEqual(judged(collected, "base-bf16")["8x128", "best peer"], ("1.10x openvino-bf16", True))
        bars = {text: met for *_, text, _, met in results.judge(collected) if met is not None}
        self.assertEqual(bars, {"≥ 82% of the bf16 peak": False, "≥ 1.08x the best peer": True})

    def test_expectsLessOfTiles(self):
        result = race(IN_BF16, precision="bf16", fraction_of_peak=0.4)
        result["machine"]["unit_gflops"]["amx_bf16"] = 2000
        texts = [text for *_, text, _, met in results.judge({("base-bf16", "8x128"): result}) if met]
        self.assertIn("≥ 37% of the bf16 peak", texts)

    def test_takesEachShareFromItsField(self):
        shares = {"fraction_of_peak": 0.93, "fraction_of_bandwidth": 0.83, "fraction_of_roofline": 0.79}
        verdicts = judged({("base", work): race(MEDIANS, **shares) for work in ("8x128", "1x16", "1x4")})
        self.assertEqual(verdicts["8x128", "peak"], ("93 %", True))
        self.assertEqual(verdicts["1x16", "roofline"], ("79 %", False))
        self.assertEqual(verdicts["1x4", "bandwidth"], ("83 %", True))

    def test_comparesWritersWithWriters(self):
        collected = {("gpt2", "1x32+128"): writing(WRITING, fraction_of_bandwidth=0.79)}
        collected["gpt2", "16x32+128"] = writing(WRITING, tokens_per_s=900, step_ms=0.8, batch=16)
        verdicts = judged(collected, "gpt2")
        self.assertEqual(verdicts["1x32+128", "best peer"], ("1.60x ctranslate2", True))
        self.assertEqual(verdicts["1x32+128", "bandwidth"], ("79 %", False))
        self.assertEqual(verdicts["1x32+128", "outside"], ("20.0 %", False))
        self.assertEqual(verdicts["16x32+128", "batch"], ("10.0x; with prompts 9.0x", True))
        del collected["gpt2", "1x32+128"]
        self.assertEqual(judged(collected, "gpt2")["16x32+128", "batch"], ("one sequence was not timed", None))

    def test_holdsEncoderDecodersToCTranslate2OfTheirPrecision(self):
        collected = {("t5-small", work): writing(WRITING) for work in ("1x64+64", "1x64+64b4")}
        medians = {"lathe": 10, "eager": 12, "ctranslate2-int8": 30}
        collected["t5-small-int8", "1x64+64b4"] = writing(medians, precision="int8")
        verdicts = judged(collected, "t5-small")
        self.assertEqual(verdicts["1x64+64", "best peer"], ("1.60x ctranslate2", False))
        self.assertEqual(verdicts["1x64+64b4", "best peer"], ("1.60x ctranslate2", False))
        in_int8 = judged(collected, "t5-small-int8")
        self.assertEqual(in_int8["1x64+64b4", "best peer"], ("3.00x ctranslate2-int8", True))
        self.assertEqual(in_int8["1x64+64", "best peer"], ("not measured", None))

    def test_findsAttentionInTheProfile(self):
        verdicts = judged({("base", "1x512"): race(MEDIANS)})
        self.assertEqual(verdicts["1x512", "attention"], ("75 %", True))

    def test_lessIsBetterForWhatCosts(self):
        collected = {("base", "compile"): {"seconds": 12.5}, ("large", "compile"): {"seconds": 29}}
        verdicts = {bar.model: met for _, bar, _, _, met in results.judge(collected) if bar.measure == "compile"}
        self.assertEqual(verdicts, {"base": False, "large": True})

    def test_countsThreadsInOneRound(self):
        rounds = [
            {"one": {"median_ms": ms, "peak_gflops": 100}, "all": {"median_ms": 10, "peak_gflops": 190}}
            for ms in (18, 19, 25)
        ]
        self.assertEqual(
            judged({("base", "threads"): {"rounds": rounds}})["threads", "threads"],
            ("1.90x, where the machine's peak gains 1.90x", True),
        )

    def test_whatIsNotMeasuredIsNeitherMetNorMissed(self):
        self.assertEqual({met for _, met in judged({}).values()}, {None})


class Page(unittest.TestCase):
    def test_showsWhereTheTimeGoesWhereABarWasMissed(self):
        page = "\n".join(results.page({("base", "8x128"): race(MEDIANS)}))
        self.assertIn("| BERT-base | 8x128 | ≥ 92% of the f32 peak | 50 % | **not met** |", page)
        self.assertIn("| layer/w | 50 % | 400 | 60 % | 10 % |", page)
        self.assertIn("- f32 peak, GFLOP/s: 390 to 410", page)
        self.assertNotIn("bf16 peak, GFLOP/s", page)
        content = page[page.index("## Where") :]
        self.assertIn("between steps 20 %", content)

    def test_hasEachPrecisionWithItsPeers(self):
        result = race(IN_BF16, precision="bf16")
        result["machine"]["isa"] = "avx512_bf16"
        result["machine"]["probes"] = [{"f32_gflops": 400, "bf16_gflops": 800, "read_gb_per_s": 50}]
        page = "\n".join(results.page({("base", "8x128"): race(MEDIANS), ("base-bf16", "8x128"): result}))
        self.assertIn("2 threads, avx512 and avx512_bf16.", page)
        self.assertIn("- bf16 peak, GFLOP/s: 800 to 800", page)
        self.assertIn("## BERT-base in bf16", page)
        self.assertIn("| work | Lathe | eager | eager-bf16 | openvino-bf16 | unfused | best peer |", page)
        self.assertIn("| 8x128 | 10.0 | 9.00 | 20.0 | 11.0 | 5.00 | 1.10x |", page)

    def test_saysHowFastTokensAreWritten(self):
        collected = {("gpt2", "1x32+128"): writing(WRITING), ("gpt2", "1x128+1"): writing(WRITING)}
        for one in collected["gpt2", "1x128+1"]["results"]:
            one["step_ms"] = None
        page = "\n".join(results.page(collected))
        self.assertIn("| work | Lathe | eager | ctranslate2 | best peer |", page)
        self.assertIn("| 1x32+128 | ctranslate2 | 4.00 | 0.50 | 100 |", page)
        self.assertNotIn("| 1x128+1 | ctranslate2 |", page)

    def test_saysWhatWasWrittenByBeams(self):
        page = "\n".join(results.page({("t5-small", "1x64+64b4"): writing(WRITING | {"ctranslate2": 23})}))
        self.assertIn("| T5-small | 1x64+64b4 | ≥ 2.20x the best peer | 2.30x ctranslate2 | met |", page)
        self.assertIn("| 1x64+64b4 | Lathe | 4.00 | 0.50 | 100 |", page)
        self.assertIn("tokens written for each (b: beams)", page)

    def test_saysWhichNumbersAreOfAnEarlierBuild(self):
        page = "\n".join(results.page({("base", "8x128"): race(MEDIANS) | {"current": False}}))
        self.assertIn("| BERT-base | 8x128 † |", page)
        self.assertIn("| 8x128 † | 10.0 |", page)
        self.assertIn("† taken with an earlier build", page)

    def test_hasAPageForEachKindOfMachine(self):
        compiled, with_tiles = {"seconds": 1}, race(MEDIANS)
        with_tiles["machine"]["unit_gflops"]["amx_bf16"] = 6000
        page_of = lambda result: results.page_path({("base", "compile"): compiled, ("base", "8x128"): result}).name
        self.assertEqual(page_of(race(MEDIANS)), "RESULTS.md")
        self.assertEqual(page_of(with_tiles), "RESULTS-AMX.md")

    def test_marksResultsOfEarlierBuilds(self):
        with tempfile.TemporaryDirectory() as directory:
            work = pathlib.Path(directory)
            saved = plan.WORK, plan.LATHE, plan.ROOT
            plan.WORK, plan.LATHE, plan.ROOT = work, work / "lathe", work
            try:
                (work / "results/base").mkdir(parents=True)
                for name, time in (("compile", 50), ("contexts", 150)):
                    path = work / f"results/base/{name}.json"
                    path.write_text(json.dumps({"seconds": 1}))
                    os.utime(path, (time, time))
                plan.LATHE.write_text("")
                os.utime(plan.LATHE, (100, 100))
                collected = results.read_all()
                current = {key: result["current"] for key, result in collected.items()}
                self.assertEqual(current, {("base", "compile"): False, ("base", "contexts"): True})
            finally:
                plan.WORK, plan.LATHE, plan.ROOT = saved


if __name__ == "__main__":
    unittest.main()
