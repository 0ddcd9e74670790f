//! Which files are read: what is no manifest stops nothing, and what hides one prunes nobody.

use crate::support::served::{Served, document, user};
use crate::support::workspace::{Run, Workspace};
use std::os::unix::fs::symlink;
use std::process::Command;

fn account(sources: &str) -> String {
    document(
        "KoreAccount",
        "acme",
        &format!("{{ endpoint: {{ sandbox: {{ dataDir: x }} }}, sources: [{sources}] }}"),
    )
}

/// An account and a person, and a folder in which everything is read.
fn sound() -> Workspace {
    Workspace::with(&[("account.yaml", &account("\"**/*.yaml\"")), ("people/jane.yaml", &user("jane", ""))])
}

fn validate(workspace: &Workspace) -> Run {
    workspace.run(&["validate"])
}

#[test]
fn what_editors_and_programs_leave_in_a_folder_stops_nothing() {
    let workspace = sound();
    symlink("me@host.example.com.12345:1", workspace.path(".#account.yaml")).unwrap();
    symlink("nowhere", workspace.path("people/.#jane.yaml")).unwrap();
    symlink("nowhere", workspace.path("people/notes")).unwrap();
    symlink(".", workspace.path("people/self")).unwrap();
    symlink("../../work", workspace.path("people/up")).unwrap();
    std::fs::create_dir(workspace.path(".git")).unwrap();
    symlink("nowhere", workspace.path(".git/x.yaml")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(workspace.path("people/server.sock")).unwrap();
    let made = Command::new("mkfifo").arg(workspace.path("people/pipe")).status().unwrap();
    assert!(made.success());
    let run = validate(&workspace).expect(0);
    assert_eq!(run.stderr, "2 manifests are valid\n");
}

#[test]
fn what_may_hide_a_manifest_is_a_warning_and_makes_the_rest_partial() {
    for put in [
        (|workspace: &Workspace| symlink("nowhere", workspace.path("people/sam.yaml")).unwrap())
            as fn(&Workspace),
        |workspace| {
            let _ = std::os::unix::net::UnixListener::bind(workspace.path("people/sam.yaml")).unwrap();
        },
        |workspace| {
            use std::os::unix::ffi::OsStrExt;
            let name = std::ffi::OsStr::from_bytes(b"people/s\xe4m.yaml");
            std::fs::write(workspace.path("").join(name), user("sam", "")).unwrap();
        },
        |workspace| {
            let file = std::fs::File::create(workspace.path("people/sam.yaml")).unwrap();
            file.set_len(65 << 20).unwrap();
        },
    ] {
        let workspace = sound();
        put(&workspace);
        let run = validate(&workspace).expect(0);
        assert!(run.stderr.contains("not-understood"), "{run}");
        assert!(run.stderr.contains("until then nothing is pruned"), "{run}");
        // Where sources does not lead to it, it is nobody's.
        workspace.write("account.yaml", &account("account.yaml, people/jane.yaml"));
        let run = validate(&workspace).expect(0);
        assert!(!run.stderr.contains("not-understood"), "{run}");
    }
}

#[test]
fn files_of_other_tools_are_passed_over_whatever_is_in_them() {
    let workspace = sound();
    let others = [
        ("compose.yaml", "x-common: &common\n  restart: always\nservices:\n  web:\n    <<: *common\n"),
        ("stack.yaml", "Resources:\n  Topic: !Ref Name\n  List: !Sub [\"${a}\", {}]\n"),
        ("vars.yaml", "a: 1\na: 2\n"),
        ("vault.yaml", "secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n"),
        ("chart/templates/a.yaml", "{{- if .Values.on }}\nkind: Deployment\n{{- end }}\n"),
        ("keys.yaml", "? [a, b]\n: c\n"),
        ("directive.yaml", "%YAML 1.1\n---\na: 1\n"),
        ("tabs.yaml", "a:\n\tb: c\n"),
        ("list.yaml", "- import_playbook: a.yaml\n"),
        ("k8s.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: &m { name: web }\n"),
    ];
    for (name, text) in others {
        workspace.write(&format!("other/{name}"), text);
    }
    std::fs::write(workspace.path("other/latin.yaml"), b"name: caf\xe9\n").unwrap();
    workspace.write("other/deep.yaml", &format!("a: {}{}\n", "[".repeat(70), "]".repeat(70)));
    workspace.write("account.yaml", &account("account.yaml, \"people/*.yaml\""));
    let run = workspace.run(&["validate", "-v"]).expect(0);
    assert!(
        run.stderr.starts_with("2 manifests are valid; 13 documents passed over, not manifests:\n"),
        "{run}"
    );
    for (name, _) in others {
        assert!(run.stderr.contains(name), "{name}: {run}");
    }
    assert!(run.stderr.contains("k8s.yaml:1:1: \"Deployment\" of \"apps/v1\""), "{run}");
    let short = validate(&workspace).expect(0);
    assert!(short.stderr.contains("and 8 more (-v shows all)"), "{short}");
}

#[test]
fn the_same_in_a_manifest_is_an_error() {
    for text in [
        user("sam", "").replace("metadata:", "metadata: &m"),
        user("sam", "").replace("kind:", "kind: KoreUser\nkind:"),
        user("sam", "").replace("email: sam", "email: !sam sam"),
        user("sam", "").replace("spec: {", "spec: {{"),
        user("sam", "").replace("KoreUser", "KoreUsr").replace("metadata:", "metadata: &m"),
    ] {
        let workspace = sound();
        workspace.write("people/sam.yaml", &text);
        let run = validate(&workspace).expect(3);
        assert!(run.stderr.contains("people/sam.yaml"), "{run}");
    }
    let workspace = sound();
    std::fs::write(workspace.path("people/sam.yaml"), [user("sam", "").as_bytes(), b"# \xe9"].concat())
        .unwrap();
    assert!(validate(&workspace).expect(3).stderr.contains("not-utf8"));
    let wide: Vec<u8> = user("sam", "").encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(workspace.path("people/sam.yaml"), [b"\xff\xfe".as_slice(), &wide].concat()).unwrap();
    assert!(validate(&workspace).expect(3).stderr.contains("not-utf8"));
}

/// One of two people is declared in a file of their own, and the account keeps nobody who is not declared.
fn pruning(text: &str) -> Served {
    let served = Served::new(&[user("jane.doe", ""), user("owner", "")]);
    served.workspace.write("night.yaml", &user("leo", ""));
    served
        .account("  ownership: { users: Remove }\n  safety: { maxRemovals: 100, maxRemovalsPercent: 100 }\n");
    served.workspace.write("night.yaml", text);
    served
}

#[test]
fn a_file_that_is_no_manifest_any_more_prunes_nobody() {
    for (text, what, next) in [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 1268\n",
            "a pointer of Git LFS",
            "run git lfs pull",
        ),
        ("", "it is empty", "restore"),
        (
            "# apiVersion: koreconcile.dev/v1alpha1\n# kind: KoreUser\n",
            "commented out",
            "bring the documents back",
        ),
        ("<!DOCTYPE html>\n<title>Sign in</title>\n", "an HTML page", "fetch the file itself"),
        ("see the other folder\n", "no document in it is a mapping", "write its documents"),
        ("- leo@example.com\n", "no document in it is a mapping", "write its documents"),
        ("{{ include \"night\" . }}: [\n", "not valid YAML", "put the file back"),
        ("\0GITCRYPT\0\x01\x02", "encrypted by git-crypt", "run git-crypt unlock"),
        ("# nobody at night any more\n", "it holds comments only", "delete the file"),
        (
            "apiVersion: ENC[AES256_GCM,data:x]\nkind: ENC[AES256_GCM,data:y]\nsops:\n  version: 3.9.0\n",
            "encrypted by sops",
            "sops --decrypt",
        ),
    ] {
        let served = pruning(text);
        let run = served.workspace.run(&["plan", "."]).expect(0);
        assert!(run.stderr.contains("warning[not-understood]"), "{run}");
        assert!(run.stderr.contains(what) && run.stderr.contains(next), "{text:?}: {run}");
        assert!(!run.stdout.contains("not declared): remove") && !run.stdout.contains("to remove"), "{run}");
    }
}

#[test]
fn endings_count_in_any_case() {
    let served = pruning("");
    std::fs::remove_file(served.workspace.path("night.yaml")).unwrap();
    let all = served.workspace.run(&["plan", ".", "--format", "json"]).expect(0);
    assert!(all.stdout.contains("leo@example.com"), "undeclared: {all}");
    served.workspace.write("NIGHT.YAML", &user("leo", ""));
    let plan = served.workspace.run(&["plan", "."]).expect(0);
    assert!(!plan.stdout.contains("leo@example.com: remove"), "{plan}");
    let run = served.run(&["plan"]).expect(0);
    assert!(run.stderr.contains("NIGHT.YAML"), "sources matches it, and it was not loaded: {run}");
}

#[test]
fn folders_are_names_whatever_signs_are_in_them() {
    for name in ["br [prod]", "{eu,us}", "a*", "why?", "[", "{"] {
        let workspace = Workspace::with(&[]);
        workspace.write(&format!("{name}/account.yaml"), &account("\"*.yaml\", \"people/**/*.yml\""));
        workspace.write(&format!("{name}/jane.yaml"), &user("jane", ""));
        workspace.write(&format!("{name}/people/[x]/sam.yml"), &user("sam", ""));
        workspace.write("other/broken.yaml", &user("bad", "").replace("email", "emial"));
        for paths in [
            vec![name.to_owned()],
            vec![format!("./{name}/")],
            vec![workspace.path(name).display().to_string()],
        ] {
            let args: Vec<&str> =
                std::iter::once("validate").chain(paths.iter().map(String::as_str)).collect();
            let run = workspace.run(&args).expect(0);
            assert_eq!(run.stderr, "3 manifests are valid\n", "{run}");
        }
        let one = workspace.run(&["validate", &format!("{name}/account.yaml"), &format!("{name}/jane.yaml")]);
        let one = one.expect(0);
        assert!(one.stderr.contains("sam.yml"), "sources matches it too: {one}");
    }
}

#[test]
fn patterns_are_for_sources_and_for_the_shell() {
    let workspace = sound();
    let run = workspace.run(&["validate", "peop[l]e", "*.yaml"]).expect(3);
    assert!(run.stderr.contains("patterns belong into spec.sources"), "{run}");
    workspace.write("account.yaml", &account("\"peop[lL]e/*.yaml\", account.yaml"));
    assert_eq!(validate(&workspace).expect(0).stderr, "2 manifests are valid\n");
    workspace.write("account.yaml", &account("\"pepole/*.yaml\""));
    assert!(validate(&workspace).expect(3).stderr.contains("the pattern matches no file"));
    workspace.write("account.yaml", &account("pepole.yaml"));
    assert!(validate(&workspace).expect(3).stderr.contains("there is no such file"));
}

#[test]
fn what_the_command_line_names_is_read_whatever_it_is() {
    let workspace = sound();
    let program = env!("CARGO_BIN_EXE_koreconcile");
    let shell = |script: &str| {
        let output =
            Command::new("bash").args(["-c", script]).current_dir(workspace.path("")).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let valid = (Some(0), "2 manifests are valid\n".to_owned());
    assert_eq!(shell(&format!("{program} validate account.yaml <(cat people/jane.yaml)")), valid);
    assert_eq!(shell(&format!("{program} validate <(cat account.yaml) <(cat people/jane.yaml)")), valid);
    assert_eq!(shell(&format!("cat people/jane.yaml | {program} validate account.yaml /dev/stdin")), valid);
    assert_eq!(shell(&format!("{program} validate account.yaml /dev/fd/3 3< people/jane.yaml")), valid);
    assert_eq!(
        shell(&format!("mkfifo p; cat people/jane.yaml > p & {program} validate account.yaml p; rm p")),
        valid
    );
    let (code, said) = shell(&format!("{program} validate account.yaml <(echo 'kind: KoreUser')"));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("without apiVersion"), "{said}");
}
