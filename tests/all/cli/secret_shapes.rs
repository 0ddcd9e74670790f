//! A secret in place of a reference, in every field below `credentials`, in every shape that a mistake can have: no format
//! shows it.

use crate::support::workspace::Workspace;

/// Parts of it are secret, too.
const CANARY: &str = "k0rb1nian7Canary4fA9";
/// One that looks like a number.
const NUMBER: &str = "73110294857";

/// Every field that could be taken for the place of a secret, with the lines before it and its indentation.
fn fields() -> Vec<(String, usize)> {
    let mut fields = vec![("  credentials:".to_owned(), 2)];
    for name in ["clientId", "clientSecret"] {
        let other = if name == "clientId" { "clientSecret" } else { "clientId" };
        let head = format!("  credentials:\n    {other}: {{ env: A }}\n    {name}:");
        fields.push((head.clone(), 4));
        for source in ["env", "file", "secretKeyRef"] {
            fields.push((format!("{head}\n      {source}:"), 6));
        }
        for part in ["name", "key"] {
            fields.push((format!("{head}\n      secretKeyRef:\n        {part}:"), 8));
        }
    }
    fields
}

/// What stands behind the field, on its line and below it.
fn shapes(secret: &str, indentation: usize) -> Vec<String> {
    let pad = " ".repeat(indentation + 2);
    let less = " ".repeat(indentation.saturating_sub(1));
    let mut shapes: Vec<String> = [
        "SECRET",
        "\"SECRET\"",
        "'SECRET'",
        "[SECRET]",
        "[[SECRET], {a: SECRET}]",
        "{SECRET}",
        "{ SECRET: SECRET }",
        "{ value: SECRET }",
        "{ env: { env: SECRET } }",
        "!SECRET x",
        "!!str SECRET",
        "&SECRET x",
        "&a SECRET",
        "*SECRET",
        "\"SECRET",
        "'SECRET",
        "{ env: SECRET",
        "[SECRET",
        "SECRET: SECRET",
        "SECRET: x: y",
        "SECRET # SECRET",
        "x # SECRET",
        "{{ .Values.SECRET }}",
        "${SECRET}",
        "@SECRET",
        "`SECRET`",
        "%SECRET",
        "https://user:SECRET@example.com",
        "\"\\u200bSECRET\"",
        "SECRET\u{1b}[2K",
        "\u{1f600}SECRET",
    ]
    .map(|shape| format!(" {shape}"))
    .into();
    for below in [
        format!("{pad}SECRET"),
        format!("{pad}- SECRET\n{pad}- SECRET"),
        format!("{pad}SECRET: SECRET\n{pad}SECRET: SECRET"),
        format!("{pad}env: A\n{pad}env: SECRET"),
        format!("{pad}env: A\n{pad}{pad}file: SECRET"),
        format!("{pad}env: A\n{less}file: SECRET"),
        format!("{pad}? SECRET\n{pad}: SECRET"),
        "\tSECRET".to_owned(),
        format!("{pad}\tenv: SECRET"),
        format!("{pad}env=SECRET"),
        "SECRET".to_owned(),
        "---\nSECRET".to_owned(),
        "---\n  SECRET: SECRET".to_owned(),
        "...\nSECRET".to_owned(),
    ] {
        shapes.push(format!("\n{below}"));
    }
    for indicator in ["|", ">", "|-", ">+", "|9", "|SECRET"] {
        shapes.push(format!(" {indicator}\n{pad}SECRET\n{pad}SECRET"));
        shapes.push(format!(" {indicator}\n{pad}SECRET\n SECRET"));
    }
    shapes.into_iter().map(|shape| shape.replace("SECRET", secret)).collect()
}

fn account(body: &str) -> String {
    format!(
        "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreAccount\nmetadata: {{ name: acme }}\nspec:\n  endpoint: {{ host: \"https://127.0.0.1:9\" }}\n{body}\n"
    )
}

/// Every format, on these files at once.
fn assert_hidden(files: &[(String, String)], secrets: &[&str]) {
    let named: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let workspace = Workspace::with(&named);
    for args in [
        &["validate"][..],
        &["validate", "--color", "always"],
        &["validate", "--format", "json"],
        &["validate", "--format", "sarif"],
        &["validate", "--format", "github"],
        &["plan"],
        &["plan", "--format", "json"],
        &["plan", "--format", "markdown"],
        &["plan", "-vv", "--keep-going", "--account", "acme"],
        &["explain", "jane@example.com"],
        &["doctor"],
    ] {
        let run = workspace.koreconcile(args).env("A", "id").run();
        let said = run.said();
        for secret in secrets {
            if let Some(at) = said.find(secret) {
                let from = said[..at].rfind('\n').unwrap_or(0);
                let line = said[from..].lines().nth(1).unwrap_or_default();
                panic!("{args:?} shows it: {line}\n{run}");
            }
        }
    }
}

#[test]
fn secrets_in_any_field_below_credentials_are_in_no_format() {
    for (secret, parts) in [(CANARY, &["k0rb1nian7", "Canary4fA9", "1nian7Can"][..]), (NUMBER, &[NUMBER])] {
        for (head, indentation) in fields() {
            let shapes = shapes(secret, indentation);
            let files: Vec<(String, String)> = shapes
                .iter()
                .enumerate()
                .map(|(at, shape)| (format!("a{at}.yaml"), account(&format!("{head}{shape}"))))
                .collect();
            assert_hidden(&files, parts);
        }
    }
}

#[test]
fn secrets_in_other_containers_are_in_no_format() {
    let flow = format!("{{ clientId: {{ env: A }}, clientSecret: {CANARY} }}");
    let object = account(&format!("  credentials: {flow}"));
    let json = format!(
        "{{\"apiVersion\":\"koreconcile.dev/v1alpha1\",\"kind\":\"KoreAccount\",\"metadata\":{{\"name\":\"acme\"}},\"spec\":{{\"endpoint\":{{\"host\":\"https://127.0.0.1:9\"}},\"credentials\":{{\"clientId\":\"{CANARY}\",\"clientSecret\":[\"{CANARY}\"]}}}}}}"
    );
    let indented = object.replace('\n', "\n    ").trim_end().to_owned();
    let list = format!("apiVersion: v1\nkind: List\nitems:\n  - {indented}\n");
    let files = [
        ("second.yaml".to_owned(), format!("# first\n---\n{object}---\n{object}")),
        ("joined.yaml".to_owned(), format!("{object}{object}")),
        ("list.yaml".to_owned(), list),
        ("json.yaml".to_owned(), json),
        ("crlf.yaml".to_owned(), object.replace('\n', "\r\n")),
        ("mark.yaml".to_owned(), format!("\u{feff}{object}")),
        (
            "annotated.yaml".to_owned(),
            object.replace("name: acme", &format!("name: acme, annotations: {{ clientSecret: {CANARY} }}")),
        ),
        (
            "host.yaml".to_owned(),
            object.replace("https://127.0.0.1:9", &format!("https://u:{CANARY}@127.0.0.1:9")),
        ),
        (
            "no-scheme.yaml".to_owned(),
            object.replace("https://127.0.0.1:9", &format!("u:{CANARY}@platform.kore.ai")),
        ),
        (
            "query.yaml".to_owned(),
            object.replace("https://127.0.0.1:9", &format!("https://127.0.0.1:9/?k={CANARY}")),
        ),
        ("outside.yaml".to_owned(), object.replace("spec:", &format!("clientSecret: {CANARY}\nspec:"))),
        ("kind.yaml".to_owned(), object.replace("KoreAccount", "KoreAcount")),
        ("group.yaml".to_owned(), object.replace("koreconcile.dev", "koreconcil.dev")),
    ];
    for file in files {
        assert_hidden(&[file], &["k0rb1nian7", "Canary4fA9"]);
    }
}

#[test]
fn a_host_of_the_command_line_is_named_without_what_may_be_secret() {
    let workspace = Workspace::with(&[]);
    let hosts = [
        "https://u:Canary4fA9@h:p",
        "https://u:Canary4fA9@",
        "ftp://u:Canary4fA9@h",
        "u:Canary4fA9@h",
        "https://127.0.0.1:9/?token=Canary4fA9",
        "https://127.0.0.1:9/#Canary4fA9",
    ];
    for host in hosts {
        for line in [&["init", "--host", host][..], &["import", "--host", host, "--out", "out"]] {
            let run = workspace.run(line);
            assert_ne!(run.code, Some(0), "{run}");
            assert!(!run.said().contains("Canary4fA9"), "{run}");
        }
    }
}
