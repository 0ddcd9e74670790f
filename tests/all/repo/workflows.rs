//! The workflows of this repository: pinned, with the least rights, and no secret within reach of a pull request.

use regex::Regex;
use serde_json::{Value, json};
use std::path::Path;

fn workflows() -> Vec<(String, String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut workflows: Vec<_> = files
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let parsed = serde_saphyr::from_str(&text).unwrap();
            (name, text, parsed)
        })
        .collect();
    workflows.sort_by(|left, right| left.0.cmp(&right.0));
    workflows
}

#[test]
fn they_are_pinned_by_commit_and_ask_for_little() {
    let pinned = Regex::new(r"uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$").unwrap();
    let workflows = workflows();
    let names: Vec<_> = workflows.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["ci", "release"]);
    for (name, text, workflow) in &workflows {
        assert_eq!(workflow["permissions"], json!({}), "{name}: a job says what it needs");
        for line in text.lines().filter(|line| line.contains("uses:")) {
            assert!(pinned.is_match(line), "{name}: {line}");
        }
        for (job, says) in workflow["jobs"].as_object().unwrap() {
            assert!(says["timeout-minutes"].is_number(), "{name} {job}");
            let writes = says["permissions"].as_object().unwrap().values().any(|level| level == "write");
            assert_eq!(writes, (name.as_str(), job.as_str()) == ("release", "publish"), "{name} {job}");
            let has_secret = says.to_string().contains("secrets.");
            assert!(
                !has_secret || says["environment"] == "release",
                "{name} {job}: a secret needs a reviewer"
            );
            for step in says["steps"].as_array().unwrap() {
                let is_checkout =
                    step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout@"));
                assert!(!is_checkout || step["with"]["persist-credentials"] == false, "{name} {job}");
                assert!(!step["run"].as_str().unwrap_or_default().contains("${{"), "{name} {job}: {step}");
            }
        }
    }
}

#[test]
fn ci_runs_what_a_developer_runs() {
    let workflows = workflows();
    let ci = workflows[0].1.clone();
    let release = workflows[1].1.clone();
    let makefile = include_str!("../../../Makefile");
    for target in ["release-check", "node"] {
        assert!(ci.contains(&format!("make {target}")), "{target}");
        assert!(makefile.contains(&format!("\n{target}: ##")), "{target}");
    }
    assert!(ci.contains("run: .ci/run"));
    assert!(release.contains("make release-check"), "what is published is what was tried");
}
