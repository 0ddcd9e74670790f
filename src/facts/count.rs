//! A number with its noun.

/// `1 call`, `2 calls`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_none_is_not() {
        assert_eq!([count(0, "call"), count(1, "call"), count(2, "call")], ["0 calls", "1 call", "2 calls"]);
    }
}
