//! Rust as names and signs: enough to see what a file uses.

/// A name, `::`, or one other sign.
pub struct Token {
    pub line: usize,
    pub text: String,
}

/// Text to tokens, without comments, strings, characters, lifetimes and numbers.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = Vec::new();
    let (mut index, mut line) = (0, 1);
    while index < chars.len() {
        let start = index;
        match at(index) {
            '/' if matches!(at(index + 1), '/' | '*') => index = after_comment(&chars, index),
            '"' => index = after_string(&chars, index),
            '\'' => index = after_tick(&chars, index),
            ':' if at(index + 1) == ':' => {
                out.push(Token { line, text: "::".to_owned() });
                index += 2;
            }
            c if is_word(c) => {
                while is_word(at(index)) {
                    index += 1;
                }
                let word: String = chars[start..index].iter().collect();
                let is_prefix = ["r", "b", "br", "c", "cr"].contains(&word.as_str());
                let hashes = (index..chars.len()).take_while(|&place| at(place) == '#').count();
                if is_prefix && word.contains('r') && at(index + hashes) == '"' {
                    index = after_raw_string(&chars, index + hashes + 1, hashes);
                } else if !is_prefix && !c.is_numeric() || is_prefix && !matches!(at(index), '"' | '\'') {
                    out.push(Token { line, text: word });
                }
            }
            c => {
                if !c.is_whitespace() {
                    out.push(Token { line, text: c.to_string() });
                }
                index += 1;
            }
        }
        line += chars[start..index.min(chars.len())].iter().filter(|&&c| c == '\n').count();
    }
    out
}

fn after_string(chars: &[char], quote: usize) -> usize {
    let mut index = quote + 1;
    while index < chars.len() && chars[index] != '"' {
        index += if chars[index] == '\\' { 2 } else { 1 };
    }
    index + 1
}

fn after_raw_string(chars: &[char], inside: usize, hashes: usize) -> usize {
    let mut index = inside;
    while index < chars.len() {
        let closing = chars[index + 1..].iter().take(hashes).filter(|&&c| c == '#').count();
        if chars[index] == '"' && closing == hashes {
            return index + 1 + hashes;
        }
        index += 1;
    }
    index
}

fn after_comment(chars: &[char], start: usize) -> usize {
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut index = start;
    if at(index + 1) == '/' {
        while index < chars.len() && at(index) != '\n' {
            index += 1;
        }
        return index;
    }
    let mut nested = 0;
    loop {
        match (at(index), at(index + 1)) {
            ('/', '*') => (nested, index) = (nested + 1, index + 2),
            ('*', '/') => (nested, index) = (nested - 1, index + 2),
            _ => index += 1,
        }
        if nested == 0 || index >= chars.len() {
            return index;
        }
    }
}

/// After a character, or after a lifetime.
fn after_tick(chars: &[char], start: usize) -> usize {
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut index = start;
    if at(index + 1) == '\\' {
        index += 3;
        while index < chars.len() && at(index) != '\'' {
            index += 1;
        }
        return index + 1;
    }
    if at(index + 2) == '\'' {
        return index + 3;
    }
    index += 1;
    while at(index).is_alphanumeric() || at(index) == '_' {
        index += 1;
    }
    index
}
