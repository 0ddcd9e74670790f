//! The JSON Schema of manifests, in the language server that editors use for YAML: ten typical mistakes, each named by
//! its field and line. `make editor` installs the server.

use crate::support::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::process::Command;

const MODELINE: &str = "# yaml-language-server: $schema=manifests.schema.json";

/// A slip, its text, and what the editor says: line and message.
const MISTAKES: [(&str, &str, &str, &[&str]); 10] = [
    (
        "KoreTeam",
        "a field that is misspelled",
        "  membres: [a@example.com]",
        &["6 Property membres is not allowed."],
    ),
    (
        "KoreUsr",
        "a kind that is misspelled",
        "  email: a@example.com",
        &["3 Value is not accepted. Valid values:"],
    ),
    (
        "KoreUser",
        "a field of another name",
        "  mail: a@example.com",
        &["5 Missing property \"email\".", "6 Property mail is not allowed."],
    ),
    (
        "KoreUser",
        "a value in another case",
        "  email: a@example.com\n  builderAccess: builder",
        &["7 Value is not accepted. Valid values: \"None\", \"Builder\", \"Creator\"."],
    ),
    ("KoreUser", "no address", "  email: nobody", &["6 String does not match the pattern"]),
    (
        "KoreUser",
        "a text for a switch",
        "  email: a@example.com\n  dataTables: \"yes\"",
        &["7 Incorrect type. Expected \"boolean\"."],
    ),
    (
        "KoreRoleBinding",
        "a slip inside a list",
        "  role: { type: Bot, name: X }\n  bot: B\n  subjects:\n    - users: a@example.com",
        &["9 Property users is not allowed."],
    ),
    (
        "KoreRoleBinding",
        "a mapping for a list",
        "  role: { type: Admin, name: X }\n  subjects:\n    user: a@example.com",
        &["8 Incorrect type. Expected \"array\"."],
    ),
    (
        "KoreRoleBinding",
        "no timestamp",
        "  role: { type: Admin, name: X }\n  subjects:\n    - user: a@example.com\n      expiresAt: tomorrow",
        &["9 String is not a RFC3339 date-time."],
    ),
    (
        "KoreAccount",
        "a text for a number",
        "  endpoint: { host: https://platform.example.com }\n  safety: { maxRemovals: many }",
        &["7 Incorrect type. Expected \"integer\"."],
    ),
];

fn document(kind: &str, spec: &str) -> String {
    format!(
        "{MODELINE}\napiVersion: koreconcile.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: a }}\nspec:\n{spec}\n"
    )
}

/// What the language server says about these files.
fn ask(workspace: &Workspace, files: &[String], schema: Option<&Path>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root.join("target"), Into::into);
    let server = target.join("editor/node_modules/yaml-language-server/bin/yaml-language-server");
    assert!(server.exists(), "{} is missing: make editor", server.display());
    let output = Command::new("node")
        .arg(root.join("tests/editor/ask.mjs"))
        .arg(server)
        .args(files)
        .current_dir(workspace.path(""))
        .envs(schema.map(|schema| ("SCHEMA", schema)))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn an_editor_names_the_field_of_ten_typical_mistakes() {
    let workspace = Workspace::with(&[]);
    let schema = workspace.run(&["schema", "manifests"]).expect(0).stdout;
    workspace.write("manifests.schema.json", &schema);
    let mut files = Vec::new();
    for (index, (kind, _, spec, _)) in MISTAKES.iter().enumerate() {
        files.push(format!("m{index}.yaml"));
        workspace.write(&files[index], &document(kind, spec));
    }
    let said = ask(&workspace, &files, None);
    for (index, (_, what, _, expected)) in MISTAKES.iter().enumerate() {
        let own: Vec<&str> =
            said.iter().filter_map(|line| line.strip_prefix(&format!("m{index}.yaml "))).collect();
        assert_eq!(own.len(), expected.len(), "{what}: {own:#?}");
        for (own, expected) in own.iter().zip(*expected) {
            assert!(own.starts_with(expected), "{what}: {own}");
        }
    }
}

#[test]
fn an_editor_has_nothing_to_say_about_what_is_written_and_about_the_examples() {
    let workspace = Workspace::with(&[]);
    workspace.run(&["init", "--sandbox", "data", "--name", "acme"]).expect(0);
    workspace.run(&["import", "--account-file", "account.yaml", "--out", "."]).expect(0);
    let files: Vec<String> =
        ["account.yaml", "people.yaml", "roles.yaml", "bindings.yaml"].map(str::to_owned).into();
    for name in &files {
        let text = std::fs::read_to_string(workspace.path(name)).unwrap();
        assert_eq!(text.lines().next(), Some(MODELINE), "{name}");
    }
    assert_eq!(ask(&workspace, &files, None), Vec::<String>::new());
    // With the setting of an editor every document of a file is looked at, and not only the first one.
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let is_manifest = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        path.extension().is_some_and(|ending| ending == "yaml")
            && text.contains("apiVersion: koreconcile.dev/")
            && !text.contains("kind: KorePolicyTest")
    };
    let all = walkdir::WalkDir::new(examples).into_iter().map(|entry| entry.unwrap().into_path());
    let all: Vec<String> =
        all.filter(|path| is_manifest(path)).map(|path| path.display().to_string()).collect();
    let schema = workspace.path("manifests.schema.json");
    assert_eq!(ask(&workspace, &all, Some(&schema)), Vec::<String>::new());
    let first = std::fs::read_to_string(&all[0]).unwrap();
    // Its first line says where the schema is, seen from there.
    let first = first.split_once('\n').unwrap().1;
    let broken = format!("{first}---\n{}", document("KoreTeam", "  membres: []"));
    workspace.write("broken.yaml", &broken);
    assert_eq!(ask(&workspace, &["broken.yaml".to_owned()], Some(&schema)).len(), 1);
}

/// A file of `examples` with a manifest or a test in it, and the folder it is in.
fn examples() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = walkdir::WalkDir::new(root).into_iter().map(|entry| entry.unwrap().into_path());
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    let texts = files.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()));
    texts.filter(|(_, text)| text.contains("apiVersion: koreconcile.dev/")).collect()
}

#[test]
fn every_example_names_its_schema_in_the_first_line() {
    let all = examples();
    assert!(all.len() > 40, "{}", all.len());
    for (path, text) in all {
        let first = text.lines().next().unwrap();
        let named = first.strip_prefix("# yaml-language-server: $schema=");
        let named = named.unwrap_or_else(|| panic!("{}: {first}", path.display()));
        let schema = std::fs::read_to_string(path.parent().unwrap().join(named));
        let schema = schema.unwrap_or_else(|error| panic!("{}: {named}: {error}", path.display()));
        let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
        let kind = text.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap();
        let kind = kind.split(' ').next().unwrap();
        let known = &schema["properties"]["kind"];
        let is_known = known["const"] == kind
            || known["enum"].as_array().is_some_and(|all| all.iter().any(|one| one == kind));
        assert!(is_known, "{}: {named} has no {kind}", path.display());
    }
}

#[test]
fn an_editor_reads_the_tests_of_policies_by_their_first_line() {
    let workspace = Workspace::with(&[]);
    let tests = examples().into_iter().filter(|(path, _)| path.to_string_lossy().ends_with(".test.yaml"));
    let tests: Vec<String> = tests.map(|(path, _)| path.display().to_string()).collect();
    assert!(tests.len() >= 10, "{tests:?}");
    assert_eq!(ask(&workspace, &tests, None), Vec::<String>::new());
    let schema = workspace.run(&["schema", "policy-test"]).expect(0).stdout;
    workspace.write("policy-test.schema.json", &schema);
    let slip = "# yaml-language-server: $schema=policy-test.schema.json
apiVersion: koreconcile.dev/v1alpha1
kind: KorePolicyTest
metadata: { name: a }
spec:
  given:
    - kind: KoreUser
      spec: { mail: a@example.com }
  cases:
    - name: a
      expects: []
";
    workspace.write("a.test.yaml", slip);
    let said = ask(&workspace, &["a.test.yaml".to_owned()], None).join("\n");
    for expected in ["Property mail is not allowed.", "Property expects is not allowed."] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}
