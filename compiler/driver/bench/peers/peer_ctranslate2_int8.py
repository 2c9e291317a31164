"""The contender `ctranslate2-int8`: what `ctranslate2` runs, with weights in int8 and activations quantised in every run."""
import peer_ctranslate2

peer_ctranslate2.run("ctranslate2-int8", "int8")
