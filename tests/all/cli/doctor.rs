//! `doctor` as a person runs it, against accounts that are well and accounts that are not.

use crate::sandbox::world::token;
use crate::support::served::{Served, document, user};
use crate::support::workspace::{Run, shows};
use koreconcile::sandbox::App;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;

const ALL: [&str; 4] = [
    "role_management:role_management",
    "user_management:user_management",
    "user_management:sso_configuration",
    "logs:admin_console_audit_logs",
];

/// Somebody else's tool calls the API.
async fn post(served: &Served, path: &str, body: &Value) {
    let args = ["sandbox", "app", "--data", "../sandbox", "--name", "another tool", "--scopes", "all"];
    let run = served.workspace.run(&args).expect(0);
    let value = |name: &str| run.stdout.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let app = App {
        client_id: value("export KORE_CLIENT_ID="),
        client_secret: value("export KORE_CLIENT_SECRET="),
    };
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{}{path}", served.server.url)).header("auth", token(&app, json!({})));
    let answer = request.json(body).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

#[test]
fn doctor_of_a_healthy_account() {
    let served = Served::new(&[user("jane.doe", "")]);
    shows!(served.run(&["doctor"]).expect(0));
}

#[test]
fn json_is_for_machines_and_nothing_is_written() {
    let served = Served::new(&[user("jane.doe", "")]);
    let before = served.server.truth();
    let json = json_of(&served.run(&["doctor", "--format", "json"]).expect(0));
    assert_eq!(served.server.truth(), before);
    assert_eq!(json["format"], "koreconcile.dev/doctor/v1");
    assert_eq!(json["account"]["id"], "6661e128d3203924648c10bf");
    let figures = &json["figures"];
    assert_eq!((&figures["calls"], &figures["readCalls"]), (&json!(10), &json!(6)));
    assert_eq!(figures["callsByEndpoint"]["POST /api/public/usersInfo"], 1);
    assert_eq!(figures["smallestIntervalSeconds"], 60);
    assert!(json["findings"].as_array().unwrap().iter().all(|finding| finding["level"] == "ok"), "{json:#}");
}

#[test]
fn names_each_missing_scope_with_its_consequence() {
    for (missing, name, so, code) in [
        (0, "Profile Management > Role Management", "bots, roles, groups and who holds what", 7),
        (1, "User Management > User Management", "nobody can be looked up", 7),
        (2, "User Management > SSO Configuration", "single sign-on", 0),
        (3, "Logs > Admin Console Audit Logs", "noticed at the next read", 0),
    ] {
        let scopes: Vec<&str> =
            ALL.into_iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, scope)| scope).collect();
        let served = Served::with(&["--rate-limit", "off"], &scopes.join(","), &[user("jane.doe", "")]);
        let run = served.run(&["doctor"]).expect(code);
        assert!(run.stdout.contains(&format!("scope: the app has no {name} (")), "{run}");
        assert!(
            run.stdout.contains(so) && run.stdout.contains(&format!("next: grant {name}: Admin")),
            "{run}"
        );
        assert!(!run.stdout.contains(&format!("granted: {name}")), "{run}");
    }
}

#[test]
fn says_when_the_credentials_are_wrong_and_asks_no_more() {
    let served = Served::new(&[user("jane.doe", "")]);
    let wrong = served.workspace.koreconcile(&Served::files(&["doctor"])).env("KORE_CLIENT_SECRET", "wrong");
    shows!(wrong.run().expect(7));
    let missing =
        served.workspace.koreconcile(&Served::files(&["doctor"])).env("KORE_CLIENT_SECRET", "").run();
    assert!(missing.expect(7).stderr.contains("the client secret is missing"));
}

#[test]
fn doctor_of_an_unreachable_host() {
    let served = Served::new(&[user("jane.doe", "")]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    served.workspace.edit("account.yaml", &served.server.url, &format!("http://{closed}"));
    let run = served.run(&["doctor"]).expect(8);
    assert!(run.stdout.contains("problem access: the platform cannot be reached"), "{run}");
    assert!(run.stdout.contains("clock: not measurable"), "{run}");
}

#[test]
fn doctor_of_a_used_up_budget() {
    let served = Served::with(&["--rate-limit", "1/m,10/h"], "all", &[user("jane.doe", "")]);
    let run = served.run(&["doctor", "--max-wait", "1s"]).expect(8);
    assert!(run.stdout.contains("call budget is used up"), "{run}");
}

#[test]
fn pins_the_account() {
    let served = Served::new(&[user("jane.doe", "")]);
    served.workspace.edit("account.yaml", "  accountId: 6661e128d3203924648c10bf\n", "");
    let run = served.run(&["doctor"]).expect(0);
    assert!(run.stdout.contains("next: write accountId: 6661e128d3203924648c10bf"), "{run}");
    served.account("");
    served.workspace.edit("account.yaml", "6661e128d3203924648c10bf", "bbbbbbbbbbbbbbbbbbbbbbbb");
    let run = served.run(&["doctor"]).expect(4);
    assert!(run.stdout.contains("accountId: 6661e128d3203924648c10bf answered"), "{run}");
}

#[test]
fn sees_listings_that_cannot_be_trusted() {
    let served = Served::with(
        &["--rate-limit", "off", "--dialect", "page_max=5,bots_offset=nothing"],
        "all",
        &[user("jane.doe", "")],
    );
    let run = served.run(&["doctor"]).expect(0);
    assert!(run.stdout.contains("coverage: the list of bots is not complete"), "{run}");
    assert!(run.stdout.contains("so: names of bots may be ambiguous"), "{run}");
    let served =
        Served::with(&["--rate-limit", "off", "--dialect", "page_max=5"], "all", &[user("jane.doe", "")]);
    let run = served.run(&["doctor"]).expect(0);
    assert!(run.stdout.contains("pages, offset honoured"), "{run}");
}

#[tokio::test]
async fn warns_of_two_spellings_of_one_address() {
    let dialect = ["--rate-limit", "off", "--dialect", "email_case_sensitive=true"];
    let served = Served::with(&dialect, "all", &[user("kim", "")]);
    let body = json!({ "users": [{ "userInfo": { "emailId": "Jane.Doe@example.com" } }] });
    post(&served, "/api/public/users", &body).await;
    let run = served.run(&["doctor"]).expect(0);
    assert!(run.stdout.contains("warning account: two users share one address"), "{run}");
    assert!(run.stdout.contains("so: facts about it are not changed"), "{run}");
}

#[tokio::test]
async fn warns_of_attribute_mapping() {
    let served = Served::new(&[user("jane.doe", "")]);
    let body = json!({
        "SSO_Authentication": "enable", "SSOProtocol": "saml", "SAML_IdentityProvider": "okta",
        "SingleSignOnURL": "https://idp.example.com", "IssuerURL": "https://idp.example.com/issuer",
        "Certificate": ["none"], "SAMLAttributeMapping": true, "SyncBehaviour": "Synchronize_UpdateExisting",
        "AttributeMapping": [{ "SAMLAttribute_Name": "role", "SAMLAttribute_Value": "Admin",
                               "Attribute_Type": "Role", "Kore_Attribute": "isDeveloper" }]
    });
    post(&served, "/api/public/ssoconfig", &body).await;
    let run = served.run(&["doctor"]).expect(0);
    assert!(
        run.stdout.contains("warning sso: attribute mapping of saml is active: Full Sync, 1 access setting"),
        "{run}"
    );
    assert!(run.stdout.contains("so: each sign-in takes all groups and admin roles"), "{run}");
    assert!(run.stdout.contains("note    sso: whoever the identity provider lets through joins"), "{run}");
}

#[test]
fn says_the_smallest_sensible_interval() {
    let served =
        Served::new(&[user("jane.doe", ""), document("KoreUser", "sam", "{ email: sam@example.com }")]);
    served.account("  interval: 10s\n");
    served.workspace.edit("account.yaml", "perHour: 1000000", "perHour: 120, readShare: 10%");
    let run = served.run(&["doctor"]).expect(0);
    // 6 calls a read, 12 an hour.
    assert!(run.stdout.contains("the smallest sensible interval is 30m (readShare 10 %)"), "{run}");
    assert!(run.stdout.contains("and the manifest asks for 10 s"), "{run}");
}

#[test]
fn names_answers_that_are_not_the_apis() {
    let served = Served::new(&[user("jane.doe", "")]);
    served.server.fault(
        &json!({ "endpoint": "GET /api/public/groups", "effect": { "html": { "status": 200 } }, "times": 9 }),
    );
    let run = served.run(&["doctor"]).expect(1);
    assert!(run.stdout.contains("problem answers: the answer is not the Admin API's: a web page"), "{run}");
    assert!(run.stdout.contains("the list of users is complete"), "one failure hides no other: {run}");
}

#[test]
fn measures_the_clock_by_the_date_of_the_answers() {
    // Any answer will do: a refusal has a date too.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let body = r#"{"errors":[{"msg":"Invalid SDK credentials","code":4002}]}"#;
            let answer = format!(
                "HTTP/1.1 401 Unauthorized\r\ndate: Tue, 15 Nov 1994 08:12:31 GMT\r\nconnection: close\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let served = Served::new(&[user("jane.doe", "")]);
    served.workspace.edit("account.yaml", &served.server.url, &url);
    let run = served.run(&["doctor"]).expect(7);
    assert!(
        run.stdout.contains("warning clock: this machine is ")
            && run.stdout.contains("s ahead of the platform"),
        "{run}"
    );
    assert!(run.stdout.contains("next: set the clock"), "{run}");
}
