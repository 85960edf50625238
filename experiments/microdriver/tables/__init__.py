"""Tables of what the experiments on microdrivers have measured."""
