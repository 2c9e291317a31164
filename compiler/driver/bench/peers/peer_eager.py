"""The contender `eager`: PyTorch in f32, in inference mode, with SDPA and the threads that were asked for."""
import peer_common  # first, as it says what is missing
from peer_model import run

run("eager")
