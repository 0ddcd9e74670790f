//! Reports: their rows, gaps and digest as values, their formats as text, and the HTML in a browser.

mod fixture;
mod formats;
mod look;
mod properties;
mod value;
