"""What ./dev bench runs, where it keeps what came out, and the bars that results are held to."""
import dataclasses
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
LATHE = ROOT / "build/bin/lathe"
CONTEXTS_APP = ROOT / "build/bin/contexts-app"
WORK = ROOT / "build/bench"  # what is made, and under results/ what came out
CORPUS = ROOT / "../shared/corpora/texts/flores/flores-dev.en"  # may be absent

PEERS = {  # by precision, those that the best peer is one of
    "f32": ("eager", "onnxruntime", "openvino", "torch-compile"),
    "bf16": ("eager-bf16", "openvino-bf16"),
    "int8": ("onnxruntime-int8", "openvino-int8"),
    "int4": ("onnxruntime-int8", "openvino-int8"),  # what comes nearest
}
WRITERS = {  # the same of works that write
    "f32": ("eager", "ctranslate2"),
    "bf16": ("eager-bf16",),
    "int8": ("ctranslate2-int8",),
    "int4": ("ctranslate2-int8",),
}
PACKAGES = ("torch", "transformers", "onnxruntime", "openvino", "ctranslate2", "onnx", "nncf")

COMPILE = "compile"  # as a work, the first of every model
TEXTS = "flores-64"  # the first lines of CORPUS as one batch, without padding; padded for peers
THREADS = "threads"  # 8x128 with one thread and with all, nobody else taking part
CONTEXTS = "contexts"  # contexts-app
# Other works are batch x sequence, "8x128"; with "+32" behind it, so many tokens are written for each sequence,
# behind it or, where an encoder reads it, from it; and with "+32b4" by four beams.


@dataclasses.dataclass(frozen=True)
class Model:
    name: str  # of the artifact, and on the command line
    title: str
    directory: pathlib.Path
    works: tuple
    random: str = ""  # the shape of models/random_model.py that makes the directory
    precision: str = "f32"
    calibrated: bool = False  # on the directory's calibration.safetensors, which random_model.py makes
    writes: bool = False  # all its works are of writing

    def all_works(self):
        return (COMPILE, *self.works)

    def peers(self):
        return (WRITERS if self.writes else PEERS)[self.precision]

    def contenders(self):
        """Its peers, and eager in f32, from which differences are counted, and its own unfused form, if that can run."""
        peers = self.peers()
        return (*(() if "eager" in peers else ("eager",)), *peers, *(() if self.writes else ("unfused",)))

    def compiled_to(self, precision, works):
        """The same model in another precision, as one more."""
        name, title = f"{self.name}-{precision}", f"{self.title} in {precision}"
        return dataclasses.replace(self, name=name, title=title, works=works, precision=precision)

    def calibrate(self, works):
        """The same model with ranges of activations fixed by ids it was shown, as one more."""
        name, title = f"{self.name}-calibrated", f"{self.title}, calibrated"
        return dataclasses.replace(self, name=name, title=title, works=works, calibrated=True)


BASE = Model(
    "base",
    "BERT-base",
    WORK / "models/bert-base",
    ("8x128", "1x128", "1x16", "1x4", "1x512", "8x512", THREADS, CONTEXTS),
    random="bert-base",
)
BASE_INT8 = BASE.compiled_to("int8", ("8x128", "1x128", "1x16", "1x4", "1x1"))
GPT2 = Model(
    "gpt2", "GPT-2", WORK / "models/gpt2", ("1x32+128", "16x32+128", "1x128+1"), random="gpt2", writes=True
)
T5 = Model("t5-small", "T5-small", WORK / "models/t5-small", ("1x64+64", "1x64+64b4"), random="t5-small", writes=True)
MINILM = Model("minilm", "all-MiniLM-L6-v2", ROOT / "build/models/minilm", ("32x128", "1x128", "1x16", TEXTS))
MODELS = (
    BASE,
    BASE.compiled_to("bf16", ("8x128", "1x128", "1x16", "1x4", "1x1")),
    BASE_INT8,
    BASE_INT8.calibrate(("8x128", "1x128", "1x16")),
    BASE.compiled_to("int4", ("8x128", "1x128", "1x16", "1x4", "1x1")),
    MINILM,
    MINILM.compiled_to("bf16", ("32x128", "1x128", "1x16", TEXTS)),
    MINILM.compiled_to("int8", ("32x128", "1x128", "1x16", TEXTS)),
    MINILM.compiled_to("int4", ("32x128", "1x128", "1x16", TEXTS)),
    GPT2,
    *(GPT2.compiled_to(precision, GPT2.works) for precision in ("bf16", "int8", "int4")),
    T5,
    T5.compiled_to("int8", T5.works),
    Model("large", "BERT-large", WORK / "models/bert-large", ("8x128", "1x128", "1x16"), random="bert-large"),
)


@dataclasses.dataclass
class Bar:
    """`measure` is a key of results.MEASURES."""

    model: str
    work: str
    measure: str
    limit: float
    with_tiles: float | None = None  # the limit where the machine has AMX for the model's precision, if another


BARS = (
    Bar("base", "8x128", "peak", 0.92),
    Bar("base", "8x128", "best peer", 1.05),
    Bar("base", "8x128", "eager", 1.15),
    Bar("base", "1x128", "peak", 0.88),
    Bar("base", "1x128", "best peer", 1.1),
    Bar("base", "1x128", "eager", 1.35),
    Bar("base", "1x16", "roofline", 0.8),
    Bar("base", "1x16", "best peer", 1.25),
    Bar("base", "1x16", "eager", 3.3),
    Bar("base", "1x4", "bandwidth", 0.8),
    Bar("base", "1x512", "peak", 0.88),
    Bar("base", "1x512", "attention", 0.75),
    Bar("base", "8x512", "peak", 0.88),
    Bar("base", "8x512", "attention", 0.75),
    Bar("base-bf16", "8x128", "peak", 0.82, with_tiles=0.37),
    Bar("base-bf16", "8x128", "best peer", 1.08),
    Bar("base-bf16", "1x16", "roofline", 0.75),
    Bar("base-bf16", "1x16", "best peer", 1.4),
    Bar("base-bf16", "1x4", "bandwidth", 0.75),
    Bar("base-bf16", "1x1", "bandwidth", 0.75),
    Bar("base-int8", "8x128", "peak", 0.72, with_tiles=0.28),
    Bar("base-int8", "8x128", "best peer", 1.15),
    Bar("base-int8", "1x16", "roofline", 0.65),
    Bar("base-int8", "1x16", "best peer", 1.6),
    Bar("base-int8", "1x4", "bandwidth", 0.7),
    Bar("base-int8", "1x1", "bandwidth", 0.7),
    Bar("base-int4", "1x1", "bandwidth", 0.6),
    Bar("minilm", "32x128", "best peer", 1.08),
    Bar("minilm", "1x128", "best peer", 1.05),
    Bar("minilm", "1x16", "best peer", 1.3),
    Bar("minilm", TEXTS, "best peer", 1.8),
    Bar("gpt2", "1x32+128", "bandwidth", 0.8),
    Bar("gpt2", "1x32+128", "best peer", 1.45),
    Bar("gpt2", "1x32+128", "outside", 0.03),
    Bar("gpt2", "16x32+128", "batch", 10),
    Bar("gpt2", "1x128+1", "peak", 0.8),
    Bar("gpt2", "1x128+1", "best peer", 2),
    Bar("gpt2-bf16", "1x32+128", "bandwidth", 0.75),
    Bar("gpt2-bf16", "1x32+128", "outside", 0.03),
    Bar("gpt2-bf16", "16x32+128", "batch", 10),
    Bar("gpt2-int8", "1x32+128", "bandwidth", 0.7),
    Bar("gpt2-int8", "1x32+128", "best peer", 2.2),
    Bar("gpt2-int8", "1x32+128", "outside", 0.03),
    Bar("gpt2-int8", "16x32+128", "batch", 10),
    Bar("gpt2-int8", "1x128+1", "peak", 0.6),
    Bar("gpt2-int8", "1x128+1", "best peer", 1.8),
    Bar("gpt2-int4", "1x32+128", "bandwidth", 0.6),
    Bar("gpt2-int4", "1x32+128", "outside", 0.03),
    Bar("t5-small", "1x64+64", "best peer", 1.8),
    Bar("t5-small", "1x64+64b4", "best peer", 2.2),
    Bar("t5-small-int8", "1x64+64", "best peer", 1.8),
    Bar("t5-small-int8", "1x64+64b4", "best peer", 2.2),
    Bar("base", THREADS, "threads", 1.9),
    Bar("base", CONTEXTS, "contexts", 0.95),
    Bar("base", CONTEXTS, "open", 10),
    Bar("base", "1x128", "memory", 8),
    Bar("base", COMPILE, "compile", 12),
    Bar("large", COMPILE, "compile", 30),
)


def result_path(model, work):
    return WORK / "results" / model.name / f"{work}.json"


def artifact(model):
    return WORK / "artifacts" / model.name


def is_current(path):
    """Whether a result is there and of the lathe that is built; another compiler's is nobody's number."""
    return path.exists() and path.stat().st_mtime > LATHE.stat().st_mtime
