//! "Did you mean": the name that the author most likely wanted to write.

/// The candidate that a person most likely meant: at most a third of the letters differ, case aside. A candidate that
/// is exactly what was written is none.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    let length = written.chars().count();
    if length > LONGEST {
        return None;
    }
    let folded = written.to_lowercase();
    let allowed = (length / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != written && candidate.chars().count().abs_diff(length) <= allowed)
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near_enough_to_be_meant() {
        let fields = ["membership", "subjects", "role"];
        assert_eq!(nearest("subject", fields), Some("subjects"));
        assert_eq!(nearest("Membrship", fields), Some("membership"));
        assert_eq!(nearest("owner", fields), None);
        assert_eq!(nearest("role", fields), None, "it is there");
    }

    #[test]
    fn a_third_of_the_letters_may_differ_and_no_more() {
        assert_eq!(nearest("mumbershp", ["membership"]), Some("membership"));
        assert_eq!(nearest("mumbrrxhp", ["membership"]), None);
    }

    #[test]
    fn what_is_longer_than_any_name_is_not_compared() {
        let of = |length: usize| "a".repeat(length);
        assert_eq!(nearest(&of(64), [of(63).as_str()]), Some(of(63).as_str()));
        for length in [65, 70] {
            assert_eq!(nearest(&of(length), [of(length - 1).as_str()]), None);
        }
    }
}
