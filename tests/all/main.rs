//! Black-box tests: one module and one prefix per layer.
