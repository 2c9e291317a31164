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
    """A race's result: Lathe's row with what is given, and medians of all."""
    rows = [
        {"contender": name, "batch": 8, "seq": 128, "median_ms": median, "load_ms": 1, "rss_mb": 100, "gflops": 5}
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
            "probes": [{"f32_gflops": 390, "read_gb_per_s": 40}, {"f32_gflops": 410, "read_gb_per_s": 60}],
        },
        "results": rows,
        "profile": [step | shares, other | shares],
        "profile_total": {"seconds": 5, "step_seconds": 4, "idle_share": 0.1},
        "versions": {"torch": "2"},
        "current": True,
    }


MEDIANS = {"lathe": 10, "eager": 30, "onnxruntime": 12, "openvino": 11, "torch-compile": 20, "unfused": 5}


def judged(collected):
    return {(bar.work, bar.measure): (reached, met) for _, bar, _, reached, met in results.judge(collected)}


class Judge(unittest.TestCase):
    def test_comparesWithTheFastestPeerAndNotWithItself(self):
        verdicts = judged({("base", "8x128"): race(MEDIANS)})
        self.assertEqual(verdicts["8x128", "best peer"], ("1.10x openvino", True))
        self.assertEqual(verdicts["8x128", "eager"], ("3.00x", True))
        slower = judged({("base", "8x128"): race(MEDIANS | {"lathe": 10.8})})
        self.assertEqual(slower["8x128", "best peer"], ("1.02x openvino", False))

    def test_takesEachShareFromItsField(self):
        shares = {"fraction_of_peak": 0.93, "fraction_of_bandwidth": 0.83, "fraction_of_roofline": 0.79}
        verdicts = judged({("base", work): race(MEDIANS, **shares) for work in ("8x128", "1x16", "1x4")})
        self.assertEqual(verdicts["8x128", "peak"], ("93 %", True))
        self.assertEqual(verdicts["1x16", "roofline"], ("79 %", False))
        self.assertEqual(verdicts["1x4", "bandwidth"], ("83 %", True))

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
        self.assertIn("390 to 410", page)
        content = page[page.index("## Where") :]
        self.assertIn("between steps 20 %", content)

    def test_saysWhichNumbersAreOfAnEarlierBuild(self):
        page = "\n".join(results.page({("base", "8x128"): race(MEDIANS) | {"current": False}}))
        self.assertIn("| BERT-base | 8x128 † |", page)
        self.assertIn("| 8x128 † | 10.0 |", page)
        self.assertIn("† taken with an earlier build", page)

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
