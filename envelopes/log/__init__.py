"""The formats of the transparency log, and how they are verified: tree, tiles, notes, checkpoints, proofs of receipts."""
