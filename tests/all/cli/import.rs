//! `import` as a user meets it: files, messages, exit codes, and what happens to a folder that has something in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

const ACCOUNT: &str = "apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: { name: acme }
spec:
  endpoint: { sandbox: { dataDir: data } }   # mine
";

fn koreconcile(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_koreconcile"))
        .current_dir(folder)
        .args(args)
        .env_remove("KORE_CLIENT_ID")
        .env_remove("KORE_CLIENT_SECRET")
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!("exit {}\n{}---\n{}", code(output), text(&output.stdout), text(&output.stderr))
}

/// A folder with an account file beside the folders that imports go to.
fn workplace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("account.yaml"), ACCOUNT).unwrap();
    folder
}

fn import(folder: &Path, out: &str) -> Output {
    koreconcile(folder, &["import", "--account-file", "account.yaml", "--out", out])
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files
        .filter(|path| path.is_file())
        .map(|path| (name(&path), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

#[test]
fn writes_a_folder_whose_plan_is_empty() {
    let folder = workplace();
    let output = import(folder.path(), "acme");
    insta::assert_snapshot!(said(&output));
    let valid = koreconcile(folder.path(), &["validate", "acme"]);
    assert_eq!(code(&valid), 0, "{}", said(&valid));
    let plan = koreconcile(folder.path(), &["plan", "acme", "--exit-code"]);
    assert_eq!(code(&plan), 0, "{}", said(&plan));
    let files = files(&folder.path().join("acme"));
    assert!(files["account.yaml"].contains("dataDir: \"../data\""), "{}", files["account.yaml"]);
    assert!(files.values().all(|text| !text.contains(folder.path().to_str().unwrap())));
}

#[test]
fn writes_the_same_bytes_again_and_adds_nothing_to_what_is_complete() {
    let folder = workplace();
    import(folder.path(), "one");
    import(folder.path(), "two");
    let first = files(&folder.path().join("one"));
    assert_eq!(first, files(&folder.path().join("two")));
    let again = import(folder.path(), "one");
    assert!(said(&again).contains("nothing is missing in one\n"), "{}", said(&again));
    assert_eq!(first, files(&folder.path().join("one")));
}

#[test]
fn keeps_what_people_wrote_and_adds_what_is_missing() {
    let folder = workplace();
    let mine = "# by hand\napiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: { name: me }\nspec: { email: Kim@example.com } # mine\n";
    std::fs::create_dir(folder.path().join("acme")).unwrap();
    for (file, text) in [("people.yaml", mine), ("notes.txt", "keep"), ("account.yaml", ACCOUNT)] {
        std::fs::write(folder.path().join("acme").join(file), text).unwrap();
    }
    let output =
        koreconcile(folder.path(), &["import", "--account-file", "acme/account.yaml", "--out", "acme"]);
    assert!(said(&output).contains("acme/imported-people.yaml\n"), "{}", said(&output));
    assert!(said(&output).contains("add accountId: 64b000000000000000000001\n"), "{}", said(&output));
    let files = files(&folder.path().join("acme"));
    assert_eq!((files["people.yaml"].as_str(), files["account.yaml"].as_str()), (mine, ACCOUNT));
    assert!(!files["imported-people.yaml"].contains("kim@example.com"));
    let plan = koreconcile(folder.path(), &["plan", "acme", "--exit-code"]);
    assert_eq!(code(&plan), 0, "{}", said(&plan));
}

#[test]
fn refuses_what_it_does_not_understand_before_it_reads() {
    let folder = workplace();
    std::fs::create_dir(folder.path().join("broken")).unwrap();
    let broken = "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: { name: a }\nspec: { email: nobody }\n";
    std::fs::write(folder.path().join("broken/people.yaml"), broken).unwrap();
    let output = import(folder.path(), "broken");
    assert_eq!(code(&output), 3, "{}", said(&output));
    assert!(said(&output).contains("broken/people.yaml:4"), "{}", said(&output));
    assert_eq!(files(&folder.path().join("broken")).len(), 1);

    let output = import(folder.path(), "account.yaml");
    assert!(said(&output).contains("account.yaml cannot be written: not a directory"), "{}", said(&output));
    assert!(!folder.path().join("data").exists(), "nothing was asked");
}

#[test]
fn from_a_host_takes_credentials_from_the_environment() {
    let folder = workplace();
    let output =
        koreconcile(folder.path(), &["import", "--host", "https://platform.example.com", "--out", "acme"]);
    assert_eq!(code(&output), 7, "{}", said(&output));
    assert!(said(&output).contains("KORE_CLIENT_ID is not set"), "{}", said(&output));
    let output =
        koreconcile(folder.path(), &["import", "--host", "http://platform.example.com", "--out", "acme"]);
    assert_eq!(code(&output), 3, "{}", said(&output));
    let output = koreconcile(folder.path(), &["import", "--out", "acme"]);
    assert_eq!(code(&output), 3, "{}", said(&output));
    assert!(!folder.path().join("acme").exists());
}

#[test]
fn shows_the_lines_that_belong_into_an_authoritative_binding() {
    let folder = workplace();
    import(folder.path(), "acme");
    let path = folder.path().join("acme/bindings.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, tail) = text.split_once("  name: banking-assistant-bot-developer\n").unwrap();
    let tail = tail.replacen("membership: Additive", "membership: Authoritative", 1);
    let tail = tail.replacen("    - user: former@example.com\n", "", 1);
    std::fs::write(&path, format!("{head}  name: banking-assistant-bot-developer\n{tail}")).unwrap();
    let before = files(&folder.path().join("acme"));
    let output = import(folder.path(), "acme");
    insta::assert_snapshot!(said(&output));
    assert_eq!(before, files(&folder.path().join("acme")));
}

/// A served sandbox with its app, killed at the end.
struct Served {
    child: std::process::Child,
    url: String,
    credentials: Vec<(String, String)>,
}

impl Served {
    fn start(folder: &Path, dialect: &str) -> Self {
        use std::io::BufRead;
        let args = ["sandbox", "serve", "--data", "data", "--listen", "127.0.0.1:0", "--dialect", dialect];
        let mut child = Command::new(env!("CARGO_BIN_EXE_koreconcile"))
            .current_dir(folder)
            .args(args)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http"), "not served");
        let app = koreconcile(folder, &["sandbox", "app", "--data", "data", "--name", "import"]);
        let app = String::from_utf8(app.stdout).unwrap();
        let credentials = app.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        let credentials = credentials.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { child, url: url.trim().to_owned(), credentials }
    }

    fn run(&self, folder: &Path, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_koreconcile"))
            .current_dir(folder)
            .args(args)
            .envs(self.credentials.clone())
            .env("XDG_STATE_HOME", folder.join("state"))
            .output()
            .unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn from_a_host_writes_no_secret_and_another_account_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), "generation=older");
    let import = ["import", "--host", &served.url, "--out", "acme", "--account", "acme"];
    let output = served.run(folder.path(), &import);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let written = files(&folder.path().join("acme"));
    for (_, secret) in &served.credentials {
        assert!(written.values().all(|text| !text.contains(secret)), "a credential is in a file");
        assert!(!said(&output).contains(secret), "a credential is in the output");
    }
    let plan = served.run(folder.path(), &["plan", "acme", "--exit-code"]);
    assert_eq!(code(&plan), 0, "{}", said(&plan));

    let path = folder.path().join("acme/account.yaml");
    let other = written["account.yaml"].replace("64b000000000000000000001", "64b0000000000000000000ff");
    std::fs::write(&path, other).unwrap();
    let output = served.run(folder.path(), &import);
    assert_eq!(code(&output), 4, "{}", said(&output));
    assert!(
        said(&output).contains("the account that answered is 64b000000000000000000001"),
        "{}",
        said(&output)
    );
}

#[test]
fn import_of_an_account_that_was_not_read_completely_writes_nothing_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), "page_default=2,page_max=2,groups_offset=nothing");
    let import = ["import", "--host", &served.url, "--out", "acme"];
    let output = served.run(folder.path(), &import);
    insta::assert_snapshot!(said(&output));
    assert!(!folder.path().join("acme").exists());
    let output = served.run(folder.path(), &[&import[..], &["--partial"]].concat());
    assert_eq!(code(&output), 0, "{}", said(&output));
    let plan = served.run(folder.path(), &["plan", "acme", "--exit-code"]);
    assert_eq!(code(&plan), 0, "{}", said(&plan));
}

#[test]
fn guide_can_be_tried_as_it_is_written() {
    let guide = include_str!("../../../docs/guides/adopt-an-account.md");
    let (_, tail) = guide.split_once("## Try it without a tenant").unwrap();
    let script = tail.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_koreconcile")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .current_dir(folder.path())
        .args(["-euc", script])
        .env("PATH", path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("No changes; 1 waiting."), "{}", said(&output));
}
