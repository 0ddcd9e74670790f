//! The gateway: budget, rate limits, tries, lost replies, and nothing secret anywhere.

use crate::kore::script::{
    Account, SECRET, account, account_with, account_with_patience, answer, fixture, lost, ok, raw, refused,
    run,
};
use futures::StreamExt as _;
use jiff::SignedDuration;
use koreconcile::facts::{BuilderAccess, Email, PersonName, RateLimit};
use koreconcile::kore::{
    BaseUrl, Clock, Deadline, Endpoint, HttpLimits, HttpTransport, KoreError, NewUser, ReadRequest, Stage,
    TransportError, WireResponse, WriteReply,
};
use serde_json::json;
use std::collections::{BTreeMap, HashSet};

fn jane() -> Email {
    Email::observed("jane@example.com")
}

fn ask() -> ReadRequest {
    ReadRequest::of_users([jane()].into())
}

fn new_jane() -> NewUser {
    NewUser {
        email: jane(),
        org_user_id: None,
        name: PersonName::default(),
        profile: BTreeMap::new(),
        groups: vec![],
        roles: vec![],
        assignments: vec![],
        access: BuilderAccess::None,
    }
}

fn create(account: &Account) -> Result<WriteReply, KoreError> {
    run(account.writer.create_users(&[new_jane()], true))
}

fn limit(per_minute: u32, per_hour: u32) -> RateLimit {
    RateLimit { per_minute, per_hour, reserve: 0, ..RateLimit::default() }
}

#[test]
fn no_window_ever_holds_more_than_the_budget() {
    let account = account_with(limit(5, 12), |_, _| ok(&json!([])));
    let start = account.clock.now();
    for _ in 0..12 {
        run(account.reader.read(&ask())).unwrap();
    }
    let seconds: Vec<i64> =
        account.log().iter().map(|seen| seen.at.duration_since(start).as_secs()).collect();
    assert_eq!(seconds, [0, 0, 0, 0, 0, 60, 60, 60, 60, 60, 120, 120]);
    assert_eq!(account.gateway.room_within(SignedDuration::from_mins(30)), 0, "the hour is full");
    let error = run(account.reader.read(&ask())).unwrap_err();
    let KoreError::RateLimited { wait, max_wait, .. } = &error else { panic!("{error}") };
    assert_eq!((wait.as_secs(), max_wait.as_secs()), (3_600 - 120, 1_200));
    assert!(error.to_string().contains("3480 s"), "{error}");
    assert_eq!(account.observer().len(), 2, "two waits were announced: {:?}", account.observer());
    assert_eq!(account.gateway.calls(), BTreeMap::from([(Endpoint::UsersInfo, 12)]));
}

/// Calls that are all due at once, from several tasks, leave when the best schedule has them leave: as many as both
/// windows take at the start, and so many again whenever those leave a window.
#[test]
fn calls_leave_exactly_when_the_best_schedule_has_them_leave() {
    for (per_minute, per_hour, reserve, calls) in
        [(60, 1_800, 6, 200), (10, 25, 0, 60), (7, 20, 2, 55), (50, 50, 1, 99)]
    {
        let limit = RateLimit { reserve, ..limit(per_minute, per_hour) };
        let account = account_with_patience(limit, SignedDuration::from_hours(48), |_, _| ok(&json!([])));
        let start = account.clock.now();
        let ask = ask();
        run(async {
            let reads = (0..calls).map(|_| account.reader.read(&ask));
            let tasks = futures::stream::iter(reads).buffer_unordered(8);
            tasks.for_each(|world| async { drop(world.unwrap()) }).await;
        });
        let mut left: Vec<i128> =
            account.log().iter().map(|seen| seen.at.duration_since(start).as_millis()).collect();
        left.sort_unstable();
        let (minute, hour) = (i128::from(per_minute - reserve), i128::from(per_hour - reserve));
        let best: Vec<i128> =
            (0..calls).map(|call| call / hour * 3_600_000 + call % hour / minute * 60_000).collect();
        assert_eq!(left, best, "{per_minute} a minute, {per_hour} an hour, {reserve} for others");
    }
}

#[test]
fn section_2_00_a_rate_limit_is_waited_out_for_reads_and_writes() {
    for case in fixture("2.00-rate-limits").as_array().unwrap().clone() {
        for is_write in [false, true] {
            let (status, body) =
                (u16::try_from(case["status"].as_u64().unwrap()).unwrap(), case["body"].clone());
            let account = account(move |seen, number| {
                match (number, seen.line.starts_with("POST /api/public/users")) {
                    (1, _) => answer(status, &body),
                    (_, _) if seen.line.ends_with("usersInfo") => ok(&json!([])),
                    _ => ok(&json!({ "msg": "Users are created Successfully" })),
                }
            });
            let start = account.clock.now();
            if is_write {
                assert_eq!(create(&account).unwrap(), WriteReply::Accepted(vec![]));
            } else {
                run(account.reader.read(&ask())).unwrap();
            }
            let log = account.log();
            assert_eq!(
                log[1].at.duration_since(start).as_secs(),
                case["seconds"].as_i64().unwrap(),
                "{case}"
            );
            assert_ne!(log[0].token, log[1].token, "a token id works once");
        }
    }
}

#[test]
fn retry_after_comes_first_and_holds_everybody_back() {
    let account = account(|_, number| match number {
        1 => Ok(WireResponse { status: 429, retry_after: Some("17".into()), body: vec![] }),
        _ => ok(&json!([])),
    });
    let start = account.clock.now();
    run(account.reader.read(&ask())).unwrap();
    assert_eq!(account.log()[1].at.duration_since(start).as_secs(), 17);
    assert_eq!(account.observer().len(), 1);
}

#[test]
fn a_limit_that_outlasts_our_patience_is_an_error() {
    let account = account(|_, _| refused(429, "You've exceeded the hourly rate limit."));
    let error = create(&account).unwrap_err();
    assert!(matches!(error, KoreError::RateLimited { .. }), "{error}");
    assert_eq!(account.log().len(), 5, "four waits of five minutes fit into twenty");
}

#[test]
fn a_read_is_tried_again_with_growing_pauses() {
    for failure in ["server", "lost", "connect"] {
        let account = account(move |_, number| match (number, failure) {
            (1..=3, "server") => refused(503, "busy"),
            (1..=3, "lost") => lost(Stage::MaybeReceived),
            (1..=3, _) => lost(Stage::NotConnected),
            _ => ok(&json!([])),
        });
        run(account.reader.read(&ask())).unwrap();
        let at: Vec<_> = account.log().iter().map(|seen| seen.at).collect();
        let pauses: Vec<i128> =
            at.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_millis()).collect();
        assert_eq!(pauses.len(), 3);
        for (pause, full) in pauses.iter().zip([500, 1_000, 2_000]) {
            assert!((full / 2..=full).contains(pause), "{pauses:?}");
        }
    }
}

#[test]
fn tries_end() {
    let account = account(|_, _| refused(502, "bad gateway"));
    let error = run(account.reader.read(&ask())).unwrap_err();
    let KoreError::Unreachable { tries: 4, is_connected: true, .. } = &error else { panic!("{error}") };
    assert!(error.to_string().contains("bad gateway"), "{error}");
}

#[test]
fn a_write_is_sent_once_when_it_may_have_arrived() {
    for failure in ["server", "lost", "page", "large"] {
        let account = account(move |_, _| match failure {
            "server" => refused(500, "Internal error"),
            "lost" => lost(Stage::MaybeReceived),
            "large" => lost(Stage::TooLarge),
            _ => raw(200, "<html>"),
        });
        let answer = create(&account).unwrap();
        assert!(matches!(answer, WriteReply::Unknown(_)), "{failure}: {answer:?}");
        assert_eq!(account.log().len(), 1, "{failure}");
    }
}

#[test]
fn a_write_that_never_left_is_sent_again() {
    let account = account(|_, number| match number {
        1 | 2 => lost(Stage::NotConnected),
        _ => ok(&json!({ "msg": "Users are created Successfully" })),
    });
    assert_eq!(create(&account).unwrap(), WriteReply::Accepted(vec![]));
    assert_eq!(account.log().len(), 3);
    let account = self::account(|_, _| lost(Stage::NotConnected));
    let error = create(&account).unwrap_err();
    assert!(matches!(error, KoreError::Unreachable { tries: 4, is_connected: false, .. }), "{error}");
}

#[test]
fn a_refused_write_is_an_answer_not_an_error() {
    let account = account(|_, _| refused(400, "Invalid role"));
    let WriteReply::Refused(vendor) = create(&account).unwrap() else { panic!() };
    assert_eq!((vendor.status, vendor.code, vendor.message.as_str()), (Some(400), Some(400), "Invalid role"));
    let inside = self::account(|_, _| ok(&json!({ "errors": [{ "msg": "Invalid role", "code": 400 }] })));
    assert!(matches!(create(&inside).unwrap(), WriteReply::Refused(_)));
}

#[test]
fn credentials_stop_a_write() {
    let account = account(|_, _| refused(401, "Permission denied. Scope is incorrect!"));
    assert!(matches!(
        create(&account).unwrap_err(),
        KoreError::Scope { endpoint: Endpoint::CreateUsers, .. }
    ));
}

#[test]
fn a_writer_sends_nothing_after_its_deadline() {
    let account = account_with(limit(1, 100), |_, _| ok(&json!({ "msg": "Users are removed Successfully" })));
    let until = |seconds| {
        let deadline = account.clock.now() + SignedDuration::from_secs(seconds);
        run(account.writer.until(deadline).remove_users(&[jane()]))
    };
    assert_eq!(until(10), Ok(WriteReply::Accepted(vec![])));
    let error = until(10).unwrap_err();
    assert!(matches!(&error, KoreError::DeadlinePassed { which: Deadline::Freshness, .. }), "{error}");
    assert_eq!(until(60), Ok(WriteReply::Accepted(vec![])), "just in time");
    account.clock.advance(SignedDuration::from_mins(5));
    assert!(
        matches!(until(-1), Err(KoreError::DeadlinePassed { which: Deadline::Freshness, .. })),
        "the turn is there, the time is over"
    );
    assert_eq!(account.log().len(), 2);
}

#[test]
fn each_request_has_a_token_of_its_own() {
    let account = account(|seen, _| ok(&seen.emails().iter().map(|_| json!({})).collect::<Vec<_>>().into()));
    for _ in 0..5 {
        run(account.reader.read(&ask())).unwrap();
    }
    let tokens: HashSet<String> = account.log().into_iter().map(|seen| seen.token).collect();
    assert_eq!(tokens.len(), 5);
}

#[test]
fn nothing_secret_comes_out() {
    let echo =
        format!("bad secret {SECRET} and {{\"clientSecret\":\"CANARY-2\"}} Bearer CANARY-3 eyJCANARY.x.y");
    let mut shown = Vec::new();
    for status in [200, 400, 401, 403, 404, 500] {
        let echo = echo.clone();
        let account = account(move |seen, _| {
            answer(status, &json!({ "errors": [{ "msg": format!("{echo} {}", seen.token), "code": 1 }] }))
        });
        let error = run(account.reader.read(&ask())).unwrap_err();
        shown.push(format!("{error} {error:?}"));
        shown.push(format!("{:?}", create(&account)));
        shown.push(format!("{account:?} {:?}", account.observer(), account = account.gateway));
        shown.push(format!("{:?} {:?}", account.reader, account.writer));
    }
    for text in shown {
        assert!(!text.contains("CANARY") && !text.contains("eyJ"), "{text}");
    }
}

#[test]
fn wire_values_do_not_show_themselves() {
    use koreconcile::kore::{Body, Method, WireRequest};
    let request = WireRequest {
        method: Method::Post,
        path: "/x".into(),
        query: vec![],
        auth: "CANARY".into(),
        body: Body::Json(b"CANARY".to_vec()),
    };
    let file = Body::File { name: "roles.json", content: b"CANARY".to_vec(), fields: vec![] };
    let response = WireResponse { status: 200, retry_after: None, body: b"CANARY".to_vec() };
    let text = format!("{request:?} {:?} {file:?} {response:?}", request.body);
    assert!(!text.contains("CANARY"), "{text}");
}

/// A listener on loopback that answers every connection with these bytes.
async fn serve(bytes: Vec<u8>) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(&bytes).await;
                let _ = socket.shutdown().await;
            });
        }
    });
    port
}

async fn get(base: &str, limits: HttpLimits) -> Result<WireResponse, TransportError> {
    use koreconcile::kore::{Body, Method, Transport, WireRequest};
    let transport = HttpTransport::new(BaseUrl::parse(base).unwrap(), limits).unwrap();
    let (method, path, query) = (Method::Get, "/api/public/bots".into(), vec![("limit", "50".to_owned())]);
    transport.send(&WireRequest { method, path, query, auth: "token".into(), body: Body::Empty }).await
}

#[test]
fn http_an_answer_comes_with_its_status_and_retry_after() {
    run(async {
        let port =
            serve(b"HTTP/1.1 429 Too Many\r\nretry-after: 9\r\ncontent-length: 2\r\n\r\n{}".to_vec()).await;
        let response = get(&format!("http://127.0.0.1:{port}"), HttpLimits::default()).await.unwrap();
        assert_eq!(
            (response.status, response.retry_after.as_deref(), response.body.as_slice()),
            (429, Some("9"), &b"{}"[..])
        );
    });
}

#[test]
fn http_an_oversized_answer_is_cut_off() {
    run(async {
        let limits = HttpLimits { body: 1_000, ..HttpLimits::default() };
        let stated = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n".to_vec();
        let unstated = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b' '; 5_000]].concat();
        for bytes in [stated, unstated] {
            let port = serve(bytes).await;
            let error = get(&format!("http://127.0.0.1:{port}"), limits).await.unwrap_err();
            assert_eq!(error.stage, Stage::TooLarge, "{error}");
        }
    });
}

#[test]
fn http_a_closed_port_and_a_plain_listener_never_saw_the_request() {
    run(async {
        let closed = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let error = get(&format!("http://127.0.0.1:{closed}"), HttpLimits::default()).await.unwrap_err();
        assert_eq!(error.stage, Stage::NotConnected, "{error}");
        // TLS against something that does not speak it.
        let plain = serve(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
        let error = get(&format!("https://127.0.0.1:{plain}"), HttpLimits::default()).await.unwrap_err();
        assert_eq!(error.stage, Stage::NotConnected, "{error}");
    });
}

#[test]
fn http_nothing_there_becomes_unreachable_without_a_real_wait() {
    use koreconcile::kore::{Credentials, Gateway, Ledger, Parts, Reader, Silent, VirtualClock};
    use std::sync::Arc;
    run(async {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let plain = serve(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
        for base in [format!("http://127.0.0.1:{closed}"), format!("https://localhost:{plain}")] {
            let transport =
                HttpTransport::new(BaseUrl::parse(&base).unwrap(), HttpLimits::default()).unwrap();
            let gateway = Gateway::new(Parts {
                transport: Arc::new(transport),
                credentials: Credentials { client_id: "cs-test".into(), client_secret: SECRET.into() },
                ledger: Arc::new(Ledger::in_memory(RateLimit::default())),
                clock: Arc::new(VirtualClock::default()),
                observer: Arc::new(Silent),
                max_wait: SignedDuration::from_mins(1),
            });
            let error = Reader::new(gateway)
                .read(&ReadRequest { bots: true, ..ReadRequest::default() })
                .await
                .unwrap_err();
            assert!(matches!(error, KoreError::Unreachable { tries: 4, is_connected: false, .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains("GET /api/public/bots") && text.contains("no connection"), "{text}");
        }
    });
}

#[test]
fn http_a_connection_cut_in_the_answer_may_have_been_received() {
    run(async {
        for bytes in [b"".to_vec(), b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{".to_vec()] {
            let port = serve(bytes).await;
            let error = get(&format!("http://127.0.0.1:{port}"), HttpLimits::default()).await.unwrap_err();
            assert_eq!(error.stage, Stage::MaybeReceived, "{error}");
        }
    });
}

#[test]
fn http_redirects_are_not_followed() {
    run(async {
        let port =
            serve(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
        let response = get(&format!("http://127.0.0.1:{port}"), HttpLimits::default()).await.unwrap();
        assert_eq!(response.status, 302);
    });
}
