"""One cloud: its state (`Cloud`), and the same with its servers and endpoints (`RunningCloud`)."""
