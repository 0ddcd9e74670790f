//! The file of an import taken apart (3.2): a header, then a row for each person.

use super::user_settings::ALTERNATE_ID;

/// How many people one file may hold.
pub(super) const MOST: usize = 5_000;

const COLUMNS: [&str; 8] = [
    "Email ID",
    "First Name",
    "Last Name",
    "Alternate ID",
    "Work Phone",
    "Title",
    "Department",
    "User Status",
];
const MANDATORY: [&str; 4] = ["Email ID", "First Name", "Last Name", "User Status"];
/// The longest that anything in a row may be.
const LONGEST: usize = 254;

/// What is to be done with a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    New,
    Update,
    Delete,
    Activate,
}

impl Status {
    fn called(word: &str) -> Option<Self> {
        match word.to_lowercase().as_str() {
            "new" => Some(Self::New),
            "update" => Some(Self::Update),
            "delete" => Some(Self::Delete),
            "activate" => Some(Self::Activate),
            _ => None,
        }
    }
}

/// A row of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImportRow {
    /// The line it begins on, from 1.
    pub(super) line: usize,
    pub(super) email: String,
    pub(super) first: String,
    pub(super) last: String,
    /// What the file says beyond that, by the profile's keys; what is empty in the file is left out.
    pub(super) profile: Vec<(&'static str, String)>,
    /// `Err` with why the row is not done.
    pub(super) status: Result<Status, String>,
}

/// Takes a file apart, or says why it is none of ours.
pub(super) fn read(text: &str) -> Result<Vec<ImportRow>, String> {
    // The reader counts a line's end after a carriage return with the next line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let header = text.lines().next().unwrap_or_default();
    // The header has no commas and the like of its own, so whichever it is full of divides it.
    let delimiter = b",|;\t".iter().copied().max_by_key(|delimiter| {
        let found = header.bytes().filter(|byte| byte == delimiter).count();
        // The first of equals: a file with one column has none of them.
        (found, *delimiter == b',')
    });
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or(b','))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let names = reader.headers().map_err(|e| e.to_string())?.clone();
    let place = |column: &str| names.iter().position(|name| name.eq_ignore_ascii_case(column));
    let missing: Vec<&str> = MANDATORY.into_iter().filter(|column| place(column).is_none()).collect();
    if !missing.is_empty() {
        return Err(format!(
            "The first row has to be the header, and lacks: {}. It reads: {}.",
            missing.join(", "),
            COLUMNS.join(", ")
        ));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        // Nobody needs to know how many more there are.
        if rows.len() == MOST {
            return Err(format!("The file holds more than {MOST} people, which is the most it may hold."));
        }
        let record = record.map_err(|e| format!("The file cannot be read: {e}."))?;
        let cell = |column| {
            let text = place(column).and_then(|index| record.get(index)).unwrap_or_default();
            text.chars().take(LONGEST).collect::<String>()
        };
        let line = record.position().map_or(0, csv::Position::line);
        let profile = [
            (ALTERNATE_ID.0, cell(ALTERNATE_ID.1)),
            ("worknumber", cell("Work Phone")),
            ("title", cell("Title")),
            ("dept", cell("Department")),
        ];
        rows.push(ImportRow {
            line: usize::try_from(line).unwrap_or_default(),
            email: cell("Email ID"),
            first: cell("First Name"),
            last: cell("Last Name"),
            profile: profile.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            status: status(&cell("First Name"), &cell("Last Name"), &cell("User Status")),
        });
    }
    if rows.is_empty() {
        return Err(format!("The file holds 0 people; it may hold 1 to {MOST}."));
    }
    Ok(rows)
}

fn status(first: &str, last: &str, word: &str) -> Result<Status, String> {
    if first.is_empty() || last.is_empty() {
        return Err("no first or no last name: ignored".to_owned());
    }
    Status::called(word).ok_or_else(|| {
        let word: String = word.chars().take(40).collect();
        format!("User Status {word:?} is none of New, Update, Delete, Activate: ignored")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_delimiter_is_found_by_the_header() {
        for delimiter in [",", "|", ";", "\t"] {
            let header = COLUMNS.join(delimiter);
            let person = ["a@example.com", "Ann", "A, the first", "7", "", "Dr; habil", "R&D | Lab", "new"];
            let person = person.map(|cell| format!("\"{cell}\"")).join(delimiter);
            let rows = read(&format!("\u{feff}{header}\r\n{person}\r\n")).unwrap();
            assert_eq!(rows.len(), 1);
            let ImportRow { line, email, first, last, profile, status } = &rows[0];
            assert_eq!((*line, email.as_str(), first.as_str()), (2, "a@example.com", "Ann"), "{delimiter:?}");
            assert_eq!((last.as_str(), status), ("A, the first", &Ok(Status::New)));
            let expected = [("alternateId", "7"), ("title", "Dr; habil"), ("dept", "R&D | Lab")];
            assert_eq!(*profile, expected.map(|(key, value)| (key, value.to_owned())));
        }
    }

    #[test]
    fn mandatory_columns_are_asked_for_by_name_and_others_may_lack() {
        let refused = read("Email ID,First Name\na@example.com,Ann\n").unwrap_err();
        assert!(refused.contains("lacks: Last Name, User Status"), "{refused}");
        assert!(read("").unwrap_err().contains("lacks: Email ID"));
        let rows = read("user status|LAST NAME|first name|email id\nDelete|A|Ann|a@example.com\n").unwrap();
        assert_eq!((rows[0].status.clone(), rows[0].first.as_str()), (Ok(Status::Delete), "Ann"));
        assert!(read("Email ID,First Name,Last Name,User Status\n").unwrap_err().contains("holds 0 people"));
    }

    #[test]
    fn rows_without_names_or_with_another_status_are_told_apart() {
        let rows = read("Email ID,First Name,Last Name,User Status\na@b.example,,A,New\nb@b.example,B,B,Fire\nc@b.example,C\n")
            .unwrap();
        let why: Vec<String> = rows.into_iter().map(|row| row.status.unwrap_err()).collect();
        assert!(why[0].contains("no first") && why[1].contains("\"Fire\"") && why[2].contains("no first"));
    }
}
