//! The `koreconcile` binary.
fn main() {}
