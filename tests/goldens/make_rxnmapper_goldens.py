#!/usr/bin/env python3
"""Writes tests/goldens/rxnmapper: what Transformers computes from a trained ALBERT, rxnmapper's model of chemical reactions.

Made with Python 3.11, torch==2.13.0, transformers==4.55.4, safetensors==0.8.0, on the CPU:

    python3 tests/goldens/make_rxnmapper_goldens.py MODEL

MODEL is the directory that the tests read too, corpora/models/rxnmapper-albert. The model is not committed, nor is its
tokenizer one that Transformers has: texts are cut into SMILES tokens here, and stored as ids.

- `short-inputs`, `short-expected`: one small reaction and all its logits.
- `masked-inputs`, `masked-expected`: well-known reactions, each three times with every sixth token masked, other ones each
  time. `positions` [N] counts columns of the padded batch row by row; `tokens` [N] are the likeliest ids there. Positions
  where the runner-up comes close are left out, so that what is left is the same for every sound implementation.
"""
import pathlib
import re
import sys

import torch
from safetensors.torch import save_file
from transformers import AlbertForMaskedLM

OUT = pathlib.Path(__file__).resolve().parent / "rxnmapper"
SHORT = "CCO>>CC=O"
REACTIONS = [
    "CC(=O)O.OCC>>CC(=O)OCC.O",
    "O=C(O)c1ccccc1.NCc1ccccc1>>O=C(NCc1ccccc1)c1ccccc1",
    "Brc1ccccc1.OB(O)c1ccncc1>>c1ccc(-c2ccncc2)cc1",
    "O=C(O)c1ccccc1O.CC(=O)OC(C)=O>>CC(=O)Oc1ccccc1C(=O)O",
    "Oc1ccccc1.BrCC>>CCOc1ccccc1",
    "CC(C)(C)OC(=O)N1CCCCC1>>C1CCNCC1",
    "Clc1ccncc1.C1COCCN1>>c1cc(N2CCOCC2)ccn1",
    "O=[N+]([O-])c1ccccc1>>Nc1ccccc1",
    "O=Cc1ccccc1.NCCO>>OCCNCc1ccccc1",
    "COC(=O)c1ccc(F)cc1.C1CNCCN1>>COC(=O)c1ccc(N2CCNCC2)cc1",
    "CCOC(=O)c1ccccc1.NN>>NNC(=O)c1ccccc1",
    "CC(=O)c1ccccc1.O=Cc1ccccc1>>O=C(C=Cc1ccccc1)c1ccccc1",
    "Clc1ncccc1[N+](=O)[O-].NCc1ccccc1>>O=[N+]([O-])c1cccnc1NCc1ccccc1",
    "CS(=O)(=O)Cl.OCCc1ccccc1>>CS(=O)(=O)OCCc1ccccc1",
    "N#Cc1ccc(Br)cc1.OB(O)c1ccccc1>>N#Cc1ccc(-c2ccccc2)cc1",
    "COc1ccc(CCl)cc1.c1c[nH]cn1>>COc1ccc(Cn2ccnc2)cc1",
    "CCN(CC)CC.O=C(Cl)c1ccc(F)cc1.NC1CCCCC1>>O=C(NC1CCCCC1)c1ccc(F)cc1",
    "C#CC(C)(C)O.Ic1ccccc1>>CC(C)(O)C#Cc1ccccc1",
    "OC(=O)CCc1ccccc1.CO>>COC(=O)CCc1ccccc1",
    "O=C1CCCCC1.NO>>ON=C1CCCCC1",
    "Fc1ccc(C=O)cc1.C1COCCN1>>O=Cc1ccc(N2CCOCC2)cc1",
    "CC1(C)OB(c2ccncc2)OC1(C)C.Brc1cccnc1>>c1cnc(-c2ccncc2)cc1",
    "Nc1ccccc1.O=S(=O)(Cl)c1ccccc1>>O=S(=O)(Nc1ccccc1)c1ccccc1",
    "CC(C)(C)OC(=O)NCC(=O)O.NCc1ccccc1>>CC(C)(C)OC(=O)NCC(=O)NCc1ccccc1",
    "C=CCBr.Oc1ccc(C=O)cc1>>C=CCOc1ccc(C=O)cc1",
]
MASK_EVERY, TIMES, LEAST_MARGIN = 6, 3, 0.05


def main() -> None:
    directory = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    vocabulary = {token: i for i, token in enumerate((directory / "vocab.txt").read_text().splitlines())}
    model = AlbertForMaskedLM.from_pretrained(directory, torch_dtype=torch.float64, attn_implementation="eager").eval()

    def ids_of(reaction: str) -> list[int]:
        tokens = re.findall(r"\[[^\]]+\]|Br|Cl|>>|.", reaction)
        return [vocabulary[token] for token in ["[CLS]", *tokens, "[SEP]"]]

    OUT.mkdir(exist_ok=True)
    inputs = {"input_ids": torch.tensor([ids_of(SHORT)], dtype=torch.int32)}
    with torch.no_grad():
        logits = model(**inputs).logits
    save_file(inputs, OUT / "short-inputs.safetensors")
    save_file({"logits": logits.float()}, OUT / "short-expected.safetensors")

    rows = [ids_of(reaction) for reaction in REACTIONS for _ in range(TIMES)]
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows], dtype=torch.int32)
    present = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], dtype=torch.int32)
    masked = torch.zeros_like(present, dtype=torch.bool)
    for number, row in enumerate(rows):
        masked[number, 1 + number * 2 % MASK_EVERY:len(row) - 1:MASK_EVERY] = True
    ids[masked] = vocabulary["[MASK]"]
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=present).logits
    best = logits.topk(2).values
    clear = masked & (best[..., 0] - best[..., 1] > LEAST_MARGIN)
    positions = clear.flatten().nonzero().flatten()
    save_file({"input_ids": ids, "attention_mask": present}, OUT / "masked-inputs.safetensors")
    save_file({"positions": positions, "tokens": logits.argmax(-1).flatten()[positions]},
              OUT / "masked-expected.safetensors")
    print(f"{len(positions)} of {int(masked.sum())} masked positions, in {OUT}")


if __name__ == "__main__":
    main()
