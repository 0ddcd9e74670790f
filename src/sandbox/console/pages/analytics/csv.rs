//! Tables for spreadsheets.

use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use axum::http::{HeaderValue, header};

/// Rows as a file of that name, which the browser saves.
pub(super) fn attached(name: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Outcome {
    let mut reply = Reply::bytes("text/csv; charset=utf-8", written(head, rows)?);
    let name = format!("attachment; filename=\"{name}\"");
    let name = HeaderValue::from_str(&name).map_err(|e| PageError::broken(&e))?;
    reply.response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(reply)
}

/// Rows as CSV. What a spreadsheet would take for a formula is written as text.
fn written(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, PageError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head).map_err(|e| PageError::broken(&e))?;
    for row in rows {
        writer.write_record(row.into_iter().map(harmless)).map_err(|e| PageError::broken(&e))?;
    }
    writer.into_inner().map_err(|e| PageError::broken(&e))
}

/// A leading apostrophe makes a cell text.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_begin_like_formulas_are_text() {
        let cells = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "a=b", "say \"hi\", twice"];
        let rows = std::iter::once(cells.map(str::to_owned).to_vec());
        let text = String::from_utf8(written(&["h"; 7], rows).unwrap()).unwrap();
        let line = text.lines().nth(1).unwrap();
        assert_eq!(line, "'=1+1,'+1,'-1,'@SUM(A1),'\t=1,a=b,\"say \"\"hi\"\", twice\"");
    }
}
