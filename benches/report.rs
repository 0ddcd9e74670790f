//! Prints the figures.
fn main() {}
