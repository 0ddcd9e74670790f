//! What holds for the repository as a whole: the dependency rule, the guides, the CI templates, the kept inputs of
//! the fuzz targets, that two lists of permissions agree, and that secrets are nowhere. Sources and documents are read as text; templates and programs
//! are run.

mod ci_templates;
mod editor;
mod fuzz_corpus;
mod guide_samples;
mod guides;
mod names;
mod permissions;
mod readme;
mod rules;
pub mod secrets;
mod tokens;
mod version;
mod workflows;
