//! Findings as workflow commands of GitHub Actions, which shows them at their lines in a pull request.

use super::{plain_path, said};
use crate::manifest::finding::{Finding, Severity, Spot};
use std::fmt::Write as _;

/// One command a finding: `::error file=a.yaml,line=3,col=5,title=unknown-field::message`.
pub fn github(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let Finding { code, severity, spot: Spot { file, span }, message: _, hint: _, related } = finding;
        let command = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let place = if span.line == 0 {
            String::new()
        } else {
            format!(",line={},col={}", span.line, span.column.max(1))
        };
        let related: String =
            related.iter().map(|other| format!("\n{}: {}", other.spot, other.message)).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "::{command} file={}{place},title={}::{}",
            property(plain_path(file)),
            property(code.name()),
            data(&(said(finding) + &related))
        );
    }
    out
}

/// Text behind the second `::`: what would end the line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text of a property: also what would end it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::finding::{Code, Span};

    #[test]
    fn nothing_in_a_finding_ends_its_command_or_starts_another() {
        let span = Span { line: 3, column: 5, start: 0, end: 0 };
        let spot = Spot { file: "./a,b:c.yaml".into(), span };
        let finding = Finding::new(Code::UnknownField, spot, "50 % of\r\n::error::x").hint("look");
        assert_eq!(
            github(&[finding]),
            "::error file=a%2Cb%3Ac.yaml,line=3,col=5,title=unknown-field::50 %25 of%0D%0A::error::x%0Ahelp: look\n"
        );
        let whole = Spot { file: "a.yaml".into(), span: Span::default() };
        let finding = Finding::new(Code::Expired, whole, "over");
        assert_eq!(github(&[finding]), "::warning file=a.yaml,title=expired::over\n");
    }
}
