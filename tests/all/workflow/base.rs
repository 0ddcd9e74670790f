//! `plan --base REV` in real repositories: what is edited, what is drift, and what is said when there is no base.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const ACCOUNT: &str = "apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: { name: acme }
spec:
  endpoint: { sandbox: { dataDir: .koreconcile/acme } }
  accountId: 6661e128d3203924648c10bf
  sources: [\"**/*.yaml\"]
  safety: { primaryAdmin: owner@example.com }
";

fn user(name: &str) -> String {
    format!(
        "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: {{ name: {name} }}\nspec: {{ email: {name}@example.com }}\n"
    )
}

struct Repository {
    folder: TempDir,
}

impl Repository {
    /// `main` declares the account and one user.
    fn new() -> Self {
        let repository = Self::bare();
        repository.write("kore/account.yaml", ACCOUNT);
        repository.write("kore/first.yaml", &user("first"));
        repository.commit("start");
        repository
    }

    fn bare() -> Self {
        let repository = Self { folder: tempfile::tempdir().unwrap() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        repository
    }

    /// A clone as CI makes it: one commit of one branch, with a detached head.
    fn shallow(&self, branch: &str) -> Self {
        let clone = Self { folder: tempfile::tempdir().unwrap() };
        let url = format!("file://{}", self.path().display());
        clone.git(&["init", "--quiet"]);
        clone.git(&["remote", "add", "origin", &url]);
        clone.git(&["fetch", "--quiet", "--no-tags", "--depth=1", "origin", branch]);
        clone.git(&["checkout", "--quiet", "--detach", "FETCH_HEAD"]);
        clone
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.file(name).parent().unwrap()).unwrap();
        std::fs::write(self.file(name), text).unwrap();
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = isolated(Command::new("git").args(arguments), self.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "--", "kore"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn plan(&self, arguments: &[&str]) -> Output {
        plan(self.path(), arguments)
    }

    /// Changes by origin, as JSON says it: `edited third@example.com`.
    fn origins(&self, arguments: &[&str]) -> Vec<String> {
        let output = self.plan(&[arguments, &["--format", "json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let changes = plan["changes"].as_array().unwrap();
        changes
            .iter()
            .map(|change| {
                let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                format!("{} {}", word(&change["origin"]), word(&change["subject"]["user"]))
            })
            .collect()
    }
}

/// Without the configuration of whoever runs the tests, and not below a repository that happens to be above.
fn isolated<'c>(command: &'c mut Command, folder: &Path) -> &'c mut Command {
    command
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CEILING_DIRECTORIES", std::env::temp_dir())
        .envs([("GIT_AUTHOR_NAME", "Jane"), ("GIT_AUTHOR_EMAIL", "jane@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Jane"), ("GIT_COMMITTER_EMAIL", "jane@example.com")])
}

fn plan(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koreconcile"));
    isolated(command.arg("plan").args(arguments), folder).output().unwrap()
}

/// The message of a plan that ends with 3 before anything was read.
fn refusal(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(output.stdout.is_empty(), "nothing is planned");
    error
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn tells_edited_from_drift() {
    let repository = Repository::new();
    repository.git(&["switch", "--quiet", "-c", "work"]);
    repository.write("kore/second.yaml", &user("second"));
    repository.commit("second");
    let expected = ["drift first@example.com", "edited second@example.com"];
    assert_eq!(repository.origins(&["kore", "--base", "main"]), expected);
    assert_eq!(
        repository.origins(&["kore/account.yaml", "kore/first.yaml", "kore/second.yaml", "--base", "HEAD~1"]),
        expected
    );
    assert_eq!(
        repository.origins(&["kore", "--base", "HEAD"]),
        ["drift first@example.com", "drift second@example.com"]
    );
    assert_eq!(repository.origins(&["kore"]), ["unknown first@example.com", "unknown second@example.com"]);
    // From within the folder, and one file after the other.
    let output = plan(&repository.file("kore"), &["account.yaml", "first.yaml", "--base", "main"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Drift (the account differs from main): 1 to add"), "{text}{}", stderr(&output));
    assert!(!text.contains("Edited"), "{text}");

    // Moving a document edits nothing.
    repository.git(&["mv", "kore/second.yaml", "kore/moved.yaml"]);
    repository.commit("moved");
    assert_eq!(
        repository.origins(&["kore", "--base", "HEAD~1"]),
        ["drift first@example.com", "drift second@example.com"]
    );
}

#[test]
fn prunings_of_both_are_drift_and_of_a_new_list_are_edited() {
    let binding = |name: &str, role: &str| {
        format!(
            "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreRoleBinding\nmetadata: {{ name: {name} }}\nspec:\n  role: {{ type: Bot, name: {role} }}\n  bot: Banking Assistant\n  membership: Authoritative\n  allowEmpty: true\n"
        )
    };
    let repository = Repository::new();
    repository.write("kore/developers.yaml", &binding("developers", "Bot Developer"));
    repository.commit("developers");
    repository.write("kore/testers.yaml", &binding("testers", "Bot Tester"));
    repository.commit("testers");
    let output = repository.plan(&["kore", "--base", "HEAD~1", "--format", "json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let pruned: Vec<(String, String)> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|change| change["action"] == "prune")
        .map(|change| (change["subject"]["role"].to_string(), change["origin"].to_string()))
        .collect();
    assert!(!pruned.is_empty(), "{plan}");
    for (role, origin) in pruned {
        let expected = if role.contains("Developer") { "\"drift\"" } else { "\"edited\"" };
        assert_eq!(origin, expected, "{role}");
    }
}

#[test]
fn is_saved_with_the_plan() {
    let repository = Repository::new();
    repository.write("kore/second.yaml", &user("second"));
    repository.commit("second");
    let saved = repository.file("plan.sealed");
    let output = repository.plan(&["kore", "--base", "HEAD~1", "--out", saved.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let saved: serde_json::Value = serde_json::from_slice(&std::fs::read(saved).unwrap()).unwrap();
    let plan = &saved["body"]["plan"];
    assert_eq!(plan["base"], "HEAD~1");
    let origins: Vec<_> =
        plan["changes"].as_array().unwrap().iter().map(|change| &change["origin"]).collect();
    assert_eq!(origins, ["drift", "edited"]);
}

#[test]
fn in_a_shallow_clone_names_the_command_and_the_command_helps() {
    let repository = Repository::new();
    repository.git(&["switch", "--quiet", "-c", "work"]);
    repository.write("kore/second.yaml", &user("second"));
    repository.commit("second");
    let start = repository.git(&["rev-parse", "main"]).trim().to_owned();
    for base in ["origin/main", "main", start.as_str(), "HEAD~1"] {
        let clone = repository.shallow("work");
        let error = refusal(&clone.plan(&["kore", "--base", base]));
        assert!(error.contains(&format!("this shallow clone has no revision {base}")), "{error}");
        let command = error.split("git fetch").nth(1).unwrap().lines().next().unwrap().trim();
        let arguments: Vec<&str> = ["fetch", "--quiet"].into_iter().chain(command.split(' ')).collect();
        clone.git(&arguments);
        let expected = ["drift first@example.com", "edited second@example.com"];
        assert_eq!(clone.origins(&["kore", "--base", base]), expected, "{base}");
        assert_eq!(clone.git(&["rev-parse", "--is-shallow-repository"]).trim(), "true", "history stays away");
    }
}

#[test]
fn base_that_no_fetch_brings_says_what_to_look_at() {
    let repository = Repository::new();
    let error = refusal(&repository.plan(&["kore", "--base", "nowhere"]));
    assert!(error.contains("this clone has no revision nowhere") && error.contains("no remote"), "{error}");
    let error = refusal(&repository.plan(&["kore", "--base=--output=x"]));
    assert!(error.contains("no revision --output=x") && !repository.file("x").exists(), "{error}");
    repository.git(&["remote", "add", "origin", "https://git.example.com/kore.git"]);
    let error = refusal(&repository.plan(&["kore", "--base", "HEAD~7"]));
    assert!(error.contains("HEAD has no such ancestor"), "{error}");
}

#[test]
fn needs_a_folder_under_git() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("account.yaml"), ACCOUNT).unwrap();
    let error = refusal(&plan(folder.path(), &[".", "--base", "main"]));
    assert!(error.contains(". is not under git, so there is no main to compare it with"), "{error}");
    assert!(error.contains("plan without --base"), "{error}");
    let output = plan(folder.path(), &["."]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn needs_all_paths_in_one_repository() {
    let repository = Repository::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join("other.yaml");
    std::fs::write(&other, user("other")).unwrap();
    let error = refusal(&repository.plan(&["kore", other.to_str().unwrap(), "--base", "main"]));
    assert!(error.contains("other.yaml is outside the repository"), "{error}");
    assert!(error.contains("give manifests of one repository"), "{error}");
}

#[test]
fn without_the_account_file_says_so() {
    let repository = Repository::bare();
    repository.write("kore/first.yaml", &user("first"));
    repository.commit("no account yet");
    repository.write("kore/account.yaml", ACCOUNT);
    repository.commit("account");
    let error = refusal(&repository.plan(&["kore", "--base", "HEAD~1"]));
    assert!(error.contains("HEAD~1 declares no KoreAccount acme under kore"), "{error}");
    assert!(error.contains("plan without --base until it is merged"), "{error}");
}

#[test]
fn from_standard_input_is_refused() {
    let repository = Repository::new();
    let error = refusal(&repository.plan(&["kore", "-", "--base", "main"]));
    assert!(error.contains("standard input has no history"), "{error}");
}

#[test]
fn without_git_says_what_is_missing() {
    let repository = Repository::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_koreconcile"));
    let command = isolated(command.args(["plan", "kore", "--base", "main"]), repository.path());
    let error = refusal(&command.env("PATH", repository.path()).output().unwrap());
    assert!(error.contains("git cannot be started") && error.contains("install git"), "{error}");
}

#[test]
fn notes_a_dirty_work_tree_and_goes_on() {
    let repository = Repository::new();
    repository.write("kore/second.yaml", &user("second"));
    repository.write("README.md", "not a manifest");
    let output = repository.plan(&["kore", "--base", "HEAD"]);
    assert!(output.status.success());
    assert!(
        stderr(&output).contains("note: 1 file is not committed; what it changes counts as edited"),
        "{}",
        stderr(&output)
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Edited since HEAD: 1 to add"), "{text}");
    repository.commit("second");
    assert!(!stderr(&repository.plan(&["kore", "--base", "HEAD"])).contains("not committed"));
}

#[test]
fn base_with_errors_of_its_own_is_noted() {
    let repository = Repository::new();
    repository.write("kore/second.yaml", &user("second").replace("email", "mail"));
    repository.commit("broken");
    repository.write("kore/second.yaml", &user("second"));
    repository.commit("mended");
    let output = repository.plan(&["kore", "--base", "HEAD~1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("the manifests at HEAD~1 have errors"), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Edited since HEAD~1: 1 to add"));
}

#[test]
fn formats_of_the_command_line() {
    let repository = Repository::new();
    let output = repository.plan(&["kore", "--base", "HEAD", "--format", "markdown", "--redact"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.starts_with("<!-- koreconcile:plan account=acme -->\n### Plan for `acme`: 1 to add"),
        "{text}"
    );
    assert!(!text.contains("@example.com") && text.contains("user-"), "{text}");
    // What is saved is the whole plan, whatever is shown.
    let shown = repository.plan(&["kore", "--redact", "--out", "saved.plan"]).stdout;
    let saved = std::fs::read(repository.file("saved.plan")).unwrap();
    let [shown, saved] = [shown, saved].map(|text| String::from_utf8(text).unwrap());
    assert!(!shown.contains("first@example.com") && saved.contains("first@example.com"), "{shown}");
    let validate = |format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_koreconcile"));
        let output =
            isolated(command.args(["validate", "kore", "--format", format]), repository.path()).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, sarif) = validate("sarif");
    assert_eq!((code, sarif.contains("\"results\": []")), (Some(0), true), "{sarif}");
    assert_eq!(validate("github"), (Some(0), String::new()));
    repository.write("kore/second.yaml", &user("second").replace("email", "mail"));
    let (code, annotations) = validate("github");
    assert_eq!(code, Some(3));
    assert!(annotations.starts_with("::error file=kore/second.yaml,line=4,col="), "{annotations}");
    let (code, sarif) = validate("sarif");
    assert_eq!((code, sarif.contains("\"uri\": \"kore/second.yaml\"")), (Some(3), true), "{sarif}");
}

/// What git sets for a hook in a linked worktree is about the commit, not about the manifests.
#[test]
fn a_hook_of_git_does_not_change_what_the_base_is() {
    let repository = Repository::new();
    repository.write("kore/second.yaml", &user("second"));
    let expected = ["drift first@example.com", "edited second@example.com"];
    let top = repository.path().display().to_string();
    let absolute = format!("{top}/.git");
    for set in [
        vec![("GIT_DIR", absolute.as_str())],
        vec![("GIT_DIR", ".git")],
        vec![("GIT_DIR", "/nowhere"), ("GIT_WORK_TREE", "/"), ("GIT_PREFIX", "old/")],
        vec![("GIT_INDEX_FILE", "/nowhere/index"), ("GIT_OBJECT_DIRECTORY", "/nowhere")],
        vec![("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "core.bare"), ("GIT_CONFIG_VALUE_0", "true")],
        vec![("GIT_LITERAL_PATHSPECS", "1"), ("GIT_NAMESPACE", "x"), ("GIT_COMMON_DIR", "/nowhere")],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_koreconcile"));
        isolated(command.args(["plan", "kore", "--base", "HEAD", "--format", "json"]), repository.path());
        let output = command.envs(set.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{set:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("1 file is not committed"), "{set:?}: {}", stderr(&output));
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let origins = plan["changes"].as_array().unwrap().iter().map(|change| {
            format!("{} {}", change["origin"].as_str().unwrap(), change["subject"]["user"].as_str().unwrap())
        });
        assert_eq!(origins.collect::<Vec<_>>(), expected, "{set:?}");
    }
}

#[test]
fn links_and_submodules_are_in_the_base_as_on_disk() {
    let shared = Repository::bare();
    shared.write("kore/third.yaml", &user("third"));
    shared.commit("shared");
    let repository = Repository::new();
    repository.write("kore/.more/people/second.yaml", &user("second"));
    std::os::unix::fs::symlink(".more/people", repository.file("kore/people")).unwrap();
    std::os::unix::fs::symlink("first.yaml", repository.file("kore/again.yaml")).unwrap();
    let url = format!("file://{}", shared.path().display());
    repository.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "kore/shared"]);
    repository.commit("all");
    let drift = ["drift first@example.com", "drift second@example.com", "drift third@example.com"];
    assert_eq!(repository.origins(&["kore", "--base", "HEAD"]), drift);
    assert_eq!(
        repository.origins(&["kore", "--base", "HEAD~1"]),
        ["drift first@example.com", "edited second@example.com", "edited third@example.com"]
    );
}

#[test]
fn what_a_checkout_leaves_out_is_named_and_makes_the_manifests_partial() {
    let shared = Repository::bare();
    shared.write("kore/third.yaml", &user("third"));
    shared.commit("shared");
    let repository = Repository::new();
    repository.write("kore/night/second.yaml", &user("second"));
    let url = format!("file://{}", shared.path().display());
    repository.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "kore/shared"]);
    repository.commit("all");
    assert!(!stderr(&repository.plan(&["kore"])).contains("not-understood"));
    repository.git(&["sparse-checkout", "set", "--no-cone", "/*", "!night"]);
    let said = stderr(&repository.plan(&["kore"]));
    assert!(said.contains("a sparse checkout leaves it out"), "{said}");
    assert!(said.contains("git sparse-checkout add kore/night; until then nothing is pruned"), "{said}");
    repository.git(&["sparse-checkout", "disable"]);
    repository.git(&["submodule", "--quiet", "deinit", "--force", "kore/shared"]);
    let said = stderr(&repository.plan(&["kore"]));
    assert!(said.contains("the submodule is not checked out"), "{said}");
    assert!(said.contains("git submodule update --init kore/shared"), "{said}");
    repository.write("kore/account.yaml", &ACCOUNT.replace("**/*.yaml", "*.yaml"));
    assert!(!stderr(&repository.plan(&["kore"])).contains("not-understood"), "no pattern leads there");
}
