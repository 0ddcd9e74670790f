//! What a user types wrongly, to each of the verbs that read, compare, edit and report: it ends early, says what is
//! wrong, and neither a file nor the account has changed.

use crate::support::served::{Served, user};
use crate::support::workspace::Workspace;
use std::collections::BTreeMap;

/// A verb with what it needs besides manifests, and whether it reads the account.
const VERBS: [(&[&str], bool); 8] = [
    (&["adopt", "--all"], true),
    (&["report", "access"], true),
    (&["report", "violations"], true),
    (&["report", "dormant"], true),
    (&["report", "changes", "--from", "seen.json"], true),
    (&["reinvite", "new.one@example.com", "--yes"], true),
    (&["fmt"], false),
    (&["runs"], false),
];

fn files(workspace: &Workspace) -> BTreeMap<String, Vec<u8>> {
    let all = walkdir::WalkDir::new(workspace.path("")).into_iter().filter_map(Result::ok);
    let all = all.filter(|entry| entry.file_type().is_file());
    all.map(|entry| (entry.path().display().to_string(), std::fs::read(entry.path()).unwrap())).collect()
}

fn served() -> Served {
    let served = Served::new(&[user("new.one", "")]);
    served.run(&["snapshot", "--everyone", "--out", "seen.json"]).expect(0);
    served
}

#[test]
fn a_flag_a_format_and_a_path_that_are_not_there_are_named() {
    let served = served();
    let before = (files(&served.workspace), served.server.writes());
    for (verb, _) in VERBS {
        for (more, said) in [
            (&["--no-such-flag"][..], "--no-such-flag"),
            (&["nowhere.yaml"], "nowhere.yaml"),
            (&["account.yaml", "nowhere/"], "nowhere/"),
        ] {
            // Journals are there whether or not every manifest is.
            if verb == ["runs"] && more.len() > 1 {
                continue;
            }
            let run = served.workspace.run(&[verb, more].concat()).expect(3);
            assert!(run.stderr.contains(said), "{run}");
        }
        if verb[0] != "fmt" && verb[0] != "reinvite" {
            let run = served.run(&[verb, &["--format", "papyrus"]].concat()).expect(3);
            assert!(run.stderr.contains("papyrus") && run.stderr.contains("possible values"), "{run}");
        }
    }
    assert_eq!((files(&served.workspace), served.server.writes()), before);
}

#[test]
fn manifests_that_are_no_yaml_or_of_no_account_end_every_verb_that_reads_them() {
    let served = served();
    let calls = served.server.counts();
    served.workspace.write("broken.yaml", "apiVersion: koreconcile.dev/v1alpha1\nkind: [\n");
    served.workspace.write("other.yaml", &user("other", ""));
    for (verb, _) in VERBS.into_iter().filter(|(_, reads)| *reads) {
        let run = served.workspace.run(&[verb, &["account.yaml", "broken.yaml"]].concat()).expect(3);
        assert!(run.stderr.contains("broken.yaml:"), "{run}");
        let run = served.workspace.run(&[verb, &["other.yaml"]].concat()).expect(3);
        assert!(run.stderr.contains("KoreAccount"), "{run}");
        let run = served.run(&[verb, &["--account", "nobody"]].concat()).expect(3);
        assert!(run.stderr.contains("nobody"), "{run}");
    }
    assert_eq!(served.server.counts(), calls, "a slip of the pen costs no call");
}

#[test]
fn credentials_that_are_missing_or_wrong_have_their_exit_code() {
    let mut served = served();
    let before = files(&served.workspace);
    for secret in ["", "wrong"] {
        served.workspace.export("KORE_CLIENT_SECRET", secret);
        for (verb, _) in VERBS.into_iter().filter(|(_, reads)| *reads) {
            let run = served.run(verb).expect(7);
            assert!(run.stderr.starts_with("error: ") || run.stderr.contains("\nerror: "), "{run}");
        }
    }
    assert_eq!(files(&served.workspace), before);
}
