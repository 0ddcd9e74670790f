//! Addresses that look like another one: letters of one script that are drawn like those of another.

use super::Email;
use icu_normalizer::DecomposingNormalizerBorrowed;
use std::collections::BTreeMap;
use unicode_security::GeneralSecurityProfile as _;

/// An address and the one it is taken for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookAlike {
    /// With letters beyond ASCII.
    pub email: Email,
    /// What it looks like.
    pub like: Email,
}

/// The look as ASCII, where each letter has one that is drawn alike; accents and case count.
fn look(text: &str) -> String {
    let parts = DecomposingNormalizerBorrowed::new_nfkd().normalize(text);
    // Some letters are alike as capitals, and some only in lower case.
    let capitals: String = parts.chars().map(drawn_like).collect();
    capitals.to_lowercase().chars().map(drawn_like).collect()
}

/// The look by the tables of Unicode, in which `l` and `1` are one look, too: what is compared with it has a letter beyond
/// ASCII on one side.
fn skeleton(text: &str) -> String {
    let drawn: String = unicode_security::skeleton(text).collect();
    unicode_security::skeleton(&drawn.to_lowercase()).collect()
}

/// Every look that an address has.
fn looks(email: &Email) -> [(bool, String); 2] {
    let text = if email.as_str().is_ascii() { email.folded() } else { email.as_str() };
    [(false, look(text)), (true, skeleton(text))]
}

/// Pairs in which an address beyond ASCII looks like another one. The one that is ASCII, or comes first, is the one
/// that is looked like.
pub fn look_alikes<'a>(emails: impl IntoIterator<Item = &'a Email> + Clone) -> Vec<LookAlike> {
    let strange = emails.clone().into_iter().filter(|email| !email.as_str().is_ascii());
    let mut by_look: BTreeMap<(bool, String), Vec<&Email>> = BTreeMap::new();
    for email in strange {
        for look in looks(email) {
            by_look.entry(look).or_default().push(email);
        }
    }
    if by_look.is_empty() {
        return Vec::new();
    }
    for email in emails.into_iter().filter(|email| email.as_str().is_ascii()) {
        for look in looks(email) {
            if let Some(all) = by_look.get_mut(&look) {
                all.insert(0, email);
            }
        }
    }
    let mut pairs: Vec<LookAlike> = Vec::new();
    for all in by_look.into_values() {
        let like = all[0];
        for email in all.iter().filter(|email| ***email != *like && !email.as_str().is_ascii()) {
            let is_known = pairs.iter().any(|pair| pair.email == **email && pair.like == *like);
            if !is_known {
                pairs.push(LookAlike { email: (*email).clone(), like: like.clone() });
            }
        }
    }
    pairs
}

/// Letters of which scripts are in one part of an address, if there are several and one of them is Latin: `Cyrillic`. Signs
/// that belong in no name are `look-alike` ones.
pub fn mixed_with_latin(email: &Email) -> Option<&'static str> {
    let parts = email.as_str().split(['@', '.', '-', '_', '+']);
    parts
        .filter(|part| part.chars().any(|c| c.is_ascii_alphabetic()))
        .find_map(|part| part.chars().find_map(script))
}

/// The scripts whose letters are drawn like Latin ones.
fn script(c: char) -> Option<&'static str> {
    match c {
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some("Greek"),
        '\u{400}'..='\u{52f}'
        | '\u{1c80}'..='\u{1c8f}'
        | '\u{2de0}'..='\u{2dff}'
        | '\u{a640}'..='\u{a69f}' => Some("Cyrillic"),
        '\u{531}'..='\u{58f}' => Some("Armenian"),
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Some("Cherokee"),
        '\u{ff21}'..='\u{ff5a}' => Some("full-width"),
        '\u{1d400}'..='\u{1d7ff}' => Some("mathematical"),
        _ if !c.is_ascii() && !c.identifier_allowed() => Some("look-alike"),
        _ => None,
    }
}

/// A letter of another script as the Latin one that is drawn like it in common typefaces.
fn drawn_like(c: char) -> char {
    const ALIKE: [(&str, char); 26] = [
        ("аαɑ", 'a'),
        ("АΑᎪ", 'A'),
        ("ВΒ", 'B'),
        ("сϲⅽ", 'c'),
        ("СϹᏟ", 'C'),
        ("ԁⅾ", 'd'),
        ("еҽ", 'e'),
        ("ЕΕᎬ", 'E'),
        ("ɡց", 'g'),
        ("һհ", 'h'),
        ("НΗᎻ", 'H'),
        ("іιıӀⅰ", 'i'),
        ("ІΙ", 'I'),
        ("јϳ", 'j'),
        ("ЈᎫ", 'J'),
        ("КΚᏦKκк", 'k'),
        ("ӏⅼ", 'l'),
        ("МΜᎷ", 'M'),
        ("пո", 'n'),
        ("оοօ", 'o'),
        ("ОΟՕ", 'O'),
        ("рρ", 'p'),
        ("РΡᏢ", 'P'),
        ("ѕՏЅ", 's'),
        ("уγү", 'y'),
        ("хχⅹ", 'x'),
    ];
    const MORE: [(&str, char); 11] = [
        ("ТΤᎢ", 'T'),
        ("ΝᏁ", 'N'),
        ("νѵⅴ", 'v'),
        ("ԝѡ", 'w'),
        ("ΖᏃ", 'Z'),
        ("УΥҮ", 'Y'),
        ("ХΧ", 'X'),
        ("ԛզ", 'q'),
        ("υսս", 'u'),
        ("ƒ", 'f'),
        ("․", '.'),
    ];
    if c.is_ascii() {
        return c;
    }
    let like = ALIKE.iter().chain(&MORE).find(|(letters, _)| letters.contains(c));
    like.map_or(c, |(_, latin)| *latin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(emails: &[&str]) -> Vec<String> {
        let emails: Vec<Email> = emails.iter().map(|text| Email::parse(text).unwrap()).collect();
        look_alikes(&emails).into_iter().map(|pair| format!("{} like {}", pair.email, pair.like)).collect()
    }

    #[test]
    fn letters_of_another_script_make_another_person_who_looks_the_same() {
        for (email, like) in [
            ("jаne.doe@example.com", "jane.doe@example.com"), // Cyrillic a
            ("jane@\u{435}\u{445}\u{430}mple.com", "jane@example.com"),
            ("JАNE@example.com", "jane@example.com"),
            ("kοre@example.com", "kore@example.com"), // Greek o
            ("ｊａｎｅ@example.com", "jane@example.com"),
            ("𝐣𝐚𝐧𝐞@example.com", "jane@example.com"),
            ("jo\u{308}rg@example.com", "jörg@example.com"), // composed and not
            ("pau\u{217c}@example.com", "paul@example.com"), // the small Roman numeral fifty
            ("ja\u{578}e@example.com", "jane@example.com"),  // Armenian
            ("\u{1d0}im@example.com", "\u{12d}im@example.com"), // caron and breve
            ("p\u{251}t@example.com", "pat@example.com"),    // the phonetic a
            ("pat@exarnp\u{217c}e.com", "pat@example.com"),  // rn for m
        ] {
            assert_ne!(email, like);
            for pair in [[email, like], [like, email]] {
                assert_eq!(found(&pair).len(), 1, "{email} {like}");
            }
        }
        assert_eq!(
            found(&["jаne@example.com", "jane@example.com"]),
            ["jаne@example.com like jane@example.com"]
        );
    }

    #[test]
    fn other_people_and_other_spellings_are_not_alike() {
        assert_eq!(found(&["jörg@example.com", "jorg@example.com"]), Vec::<String>::new());
        assert_eq!(found(&["анна@example.com", "anna@example.com"]), Vec::<String>::new());
        assert_eq!(
            found(&["jane@example.com", "Jane@example.com", "j1ane@example.com"]),
            Vec::<String>::new()
        );
        assert_eq!(
            found(&["jörg@example.com", "JöRG@example.com", "jörg@example.com"]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn one_part_in_two_scripts_is_seen() {
        let mixed = |text: &str| mixed_with_latin(&Email::parse(text).unwrap());
        assert_eq!(mixed("jаne@example.com"), Some("Cyrillic"));
        assert_eq!(mixed("jane@ex\u{3b1}mple.com"), Some("Greek"));
        assert_eq!(mixed("ｊane@example.com"), Some("full-width"));
        for text in [
            "pau\u{217c}@example.com",
            "p\u{251}t@example.com",
            "jane@ex\u{2024}example.com",
            "ⓙane@example.com",
        ] {
            assert_eq!(mixed(text), Some("look-alike"), "{text}");
        }
        for text in [
            "анна@example.com",
            "анна.smith@example.com",
            "jörg@example.com",
            "花子abc@example.com",
            "o\u{2019}brien@example.com",
        ] {
            assert_eq!(mixed(text), None, "{text}");
        }
    }
}
