//! A bad item of a team is left out alone.

use koreconcile::manifest::{Finding, Input, read};

#[test]
fn one_bad_member_is_one_finding_and_the_team_is_there() {
    use koreconcile::manifest::kinds::Spec;
    let text = |member: &str| {
        format!(
            "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreTeam\nmetadata: {{ name: tellers }}\nspec:\n  members:\n    - jane@example.com\n    - {member}\n    - sam@example.com\n---\napiVersion: koreconcile.dev/v1alpha1\nkind: KoreRoleBinding\nmetadata: {{ name: testers }}\nspec: {{ role: {{ type: Bot, name: Bot Tester }}, bot: Banking, subjects: [{{ team: tellers }}] }}\n"
        )
    };
    for member in [
        "\"kim@example.com\\u200b\"",
        "kim",
        "kim@example",
        "true",
        "{ user: kim@example.com }",
        "[kim@example.com]",
    ] {
        let manifests = read(vec![Input::new("a.yaml", text(member))]);
        let errors: Vec<&Finding> =
            manifests.findings().iter().filter(|finding| finding.is_error()).collect();
        let [error] = errors.as_slice() else { panic!("{member}: {errors:?}") };
        assert_eq!(error.spot.span.line, 7, "{member}: {error:?}");
        let team = manifests.all().iter().find(|manifest| &*manifest.name == "tellers").expect("the team");
        let Spec::Team(spec) = &team.spec else { panic!("no team") };
        assert_eq!(spec.members.len(), 2, "{member}");
        // Its other members are where they stand.
        assert_eq!(team.item_spot("members", 1).span.line, 8);
    }
    // What is wrong beside its members keeps the team from being used.
    let wrong = text("kim").replace("spec:\n  members", "spec:\n  membrs: []\n  members");
    let manifests = read(vec![Input::new("a.yaml", wrong)]);
    assert!(!manifests.all().iter().any(|manifest| &*manifest.name == "tellers"));
}
