//! The way of a request from the socket to its page and back: what is not a browser of ours is turned away here, and
//! what goes out carries the headers that keep it safe.

use super::admin_context::{AdminContext, SignedIn};
use super::cookies;
use super::live;
use super::reply::{Outcome, PageError, Reply};
use super::request_context::{Fields, Incoming, RequestContext, Upload};
use super::route::{Handle, Route};
use crate::sandbox::desks::Visitor;
use crate::sandbox::store::{self, sessions};
use crate::sandbox::{Inner, serve};
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequest, Multipart, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use axum::routing::{MethodRouter, get, post};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The largest form, in bytes.
const FORM_MAX: usize = 256 * 1024;
/// The largest form with a file in it, in bytes.
const UPLOAD_MAX: usize = 2 * 1024 * 1024;

/// What serves `route`.
pub(super) fn endpoint(route: &'static Route) -> MethodRouter<Arc<Inner>> {
    let pass = move |State(inner): State<Arc<Inner>>, params: RawPathParams, request: Request| async move {
        let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        pass(inner, route, Fields(params), request).await
    };
    if route.is_action { post(pass) } else { get(pass) }
}

pub(super) async fn pass(
    inner: Arc<Inner>,
    route: &'static Route,
    params: Fields,
    request: Request,
) -> Response<Body> {
    let is_behind_tls = inner.invites.public_url.starts_with("https://");
    let mut response = match incoming(params, request, is_behind_tls).await {
        Ok(incoming) => {
            let worker = Arc::clone(&inner);
            let visitor =
                if matches!(route.handle, Handle::Open(_)) { Visitor::Stranger } else { Visitor::Person };
            let _seat = inner.desks.seat(visitor).await;
            // Pages use the store, which waits.
            let answered = tokio::task::spawn_blocking(move || answer(&worker, route, &incoming)).await;
            answered.unwrap_or_else(|e| PageError::broken(&e).reply("/").response)
        }
        Err(fault) => fault.reply("/").response,
    };
    if route.is_action {
        // Not waited for: how long mail takes must not tell whether there was one.
        tokio::spawn(async move { serve::deliver(&inner).await });
    }
    protect(response.headers_mut(), is_behind_tls);
    response
}

/// Reads a request to its end.
async fn incoming(params: Fields, request: Request, is_behind_tls: bool) -> Result<Incoming, PageError> {
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // Two of them may be read as one thing here and as another by a proxy.
    let is_one = headers.get_all(header::HOST).iter().count() < 2;
    let host = text(header::HOST).filter(|_| is_one).unwrap_or_default();
    let sent = text(header::COOKIE).unwrap_or_default();
    let cookie = |kind| cookies::value(&sent, kind, is_behind_tls, &host);
    let device: String = text(header::USER_AGENT).unwrap_or_default().chars().take(200).collect();
    let mut incoming = Incoming {
        path: request.uri().path().to_owned(),
        target: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
        params,
        query: Fields::parse(request.uri().query().unwrap_or_default().as_bytes()),
        form: Fields::default(),
        upload: None,
        origin: text(header::ORIGIN),
        fetch_site: text(HeaderName::from_static("sec-fetch-site")),
        referer: text(header::REFERER),
        device,
        known_tag: text(header::IF_NONE_MATCH),
        peer: peer(&request, is_behind_tls),
        cookie: cookie(cookies::Kind::Session),
        browser: cookie(cookies::Kind::Browser),
        next: cookie(cookies::Kind::Next),
        too_large: None,
        host,
    };
    if request.method() == axum::http::Method::POST {
        let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
        if content_type.starts_with("multipart/form-data") {
            match with_file(request).await {
                Ok((form, upload)) => (incoming.form, incoming.upload) = (form, upload),
                Err(PageError::TooLarge(most)) => incoming.too_large = Some(most),
                Err(other) => return Err(other),
            }
        } else {
            match whole(request, FORM_MAX).await {
                Ok(form) => incoming.form = Fields::parse(&form),
                Err(_) => incoming.too_large = Some(FORM_MAX),
            }
        }
    }
    Ok(incoming)
}

async fn whole(request: Request, most: usize) -> Result<axum::body::Bytes, PageError> {
    to_bytes(request.into_body(), most).await.map_err(|_| PageError::TooLarge(most))
}

/// The fields of a form with a file in it, and the file.
async fn with_file(request: Request) -> Result<(Fields, Option<Upload>), PageError> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, UPLOAD_MAX).await.map_err(|_| PageError::TooLarge(UPLOAD_MAX))?;
    let request = Request::from_parts(parts, Body::from(body));
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| PageError::StaleForm)?;
    let (mut fields, mut upload) = (Vec::new(), None);
    while let Some(part) = form.next_field().await.map_err(|_| PageError::StaleForm)? {
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(str::to_owned);
        let content = part.bytes().await.map_err(|_| PageError::StaleForm)?;
        match file {
            Some(file) if !file.is_empty() => upload = Some(Upload { name: file, content: content.into() }),
            Some(_) => {}
            None => fields.push((name, String::from_utf8_lossy(&content).into_owned())),
        }
    }
    Ok((Fields(fields), upload))
}

/// The caller's address. Behind a proxy it is what the proxy says: the last entry, which is its own.
fn peer(request: &Request, is_behind_tls: bool) -> Option<IpAddr> {
    let forwarded = || {
        let all = request.headers().get("x-forwarded-for")?.to_str().ok()?;
        all.rsplit(',').next()?.trim().parse().ok()
    };
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    if is_behind_tls { forwarded().or(peer) } else { peer }
}

fn answer(inner: &Inner, route: &Route, incoming: &Incoming) -> Response<Body> {
    let context = RequestContext::new(inner, incoming);
    let reply = judged(&context, route).unwrap_or_else(|fault| refused(&context, route, fault));
    let Reply { mut response, token, browser, next, notice } = reply;
    let current = token.as_deref().unwrap_or(&context.token);
    if let Some(notice) = notice {
        let noted = context.write(|conn| {
            let text = serde_json::to_string(&notice).map_err(|e| PageError::broken(&e))?;
            Ok(sessions::set_notice(conn, &store::digest_of(current), Some(&text))?)
        });
        if let Err(fault) = noted {
            return fault.reply("/").response;
        }
    }
    let needs_cookie = token.is_some() || (context.is_new_token && !route.path.starts_with("/assets/"));
    let mut set = |kind, value: &str| {
        if let Some(cookie) = cookies::set(kind, value, context.is_behind_tls(), &incoming.host) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    };
    if needs_cookie {
        set(cookies::Kind::Session, current);
    }
    if let Some(browser) = browser {
        set(cookies::Kind::Browser, &browser);
    }
    if let Some(next) = next {
        set(cookies::Kind::Next, &form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>());
    }
    response
}

/// Why there is no page. Whoever is in an account stays in the console; who has to sign in first comes back afterwards.
fn refused(context: &RequestContext<'_>, route: &Route, fault: PageError) -> Reply {
    if let PageError::SignIn { .. } = fault
        && matches!(route.handle, Handle::Console(..))
    {
        // A form that came too late is not sent again: the page it was on is shown, where the script puts it back.
        let next = if route.is_action { back(context) } else { context.incoming.target.clone() };
        return Reply { next: Some(next), ..fault.reply("/") };
    }
    if let Some(problem) = fault.within()
        && check_host(context).is_ok()
        && let Ok(admin) = SignedIn::watching(context).and_then(AdminContext::new)
        && let Ok(reply) = problem.reply_within(&admin)
    {
        return reply;
    }
    fault.reply(&back(context))
}

/// The page a form was on, when it is one of ours.
pub(super) fn back(context: &RequestContext<'_>) -> String {
    let origin = format!("{}://{}", scheme(context), context.incoming.host);
    let path = context.incoming.referer.as_deref().and_then(|referer| referer.strip_prefix(&origin));
    // Browsers take a backslash for a slash, and two of them for another host.
    let is_path = |path: &&str| path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    path.filter(is_path).unwrap_or("/Admin").to_owned()
}

fn judged(context: &RequestContext<'_>, route: &Route) -> Outcome {
    check_host(context)?;
    if let Some(most) = context.incoming.too_large {
        return Err(PageError::TooLarge(most));
    }
    if route.is_action {
        check_form(context)?;
    }
    match route.handle {
        Handle::Open(handle) => handle(context),
        Handle::SignedIn(handle) => handle(&SignedIn::new(context)?),
        Handle::Console(needs, handle) => {
            let admin = AdminContext::new(SignedIn::new(context)?)?;
            if !admin.rights.satisfy(needs) {
                return Err(PageError::Denied(needs));
            }
            handle(&admin)
        }
        Handle::Live(needs, draw) => {
            let admin = AdminContext::new(SignedIn::watching(context)?)?;
            if !admin.rights.satisfy(needs) {
                return Err(PageError::Denied(needs));
            }
            live::answer(&admin, route, draw)
        }
    }
}

fn scheme(context: &RequestContext<'_>) -> &'static str {
    if context.is_behind_tls() { "https" } else { "http" }
}

/// Another name that leads here is not ours (DNS rebinding), and a password does not travel in the clear beyond this
/// machine: only the public host under TLS, or loopback names without.
fn check_host(context: &RequestContext<'_>) -> Result<(), PageError> {
    let host = context.incoming.host.as_str();
    let is_ours = match context.inner.invites.public_url.strip_prefix("https://") {
        Some(public) => {
            let without_default = |name: &str| name.strip_suffix(":443").unwrap_or(name).to_ascii_lowercase();
            without_default(host) == without_default(public)
        }
        // Any caller can write any host: without TLS the caller has to be on this machine, too.
        None => serve::is_loopback_name(host) && context.ip().to_canonical().is_loopback(),
    };
    if is_ours { Ok(()) } else { Err(PageError::WrongHost(host.to_owned())) }
}

/// A form comes from a page of ours, and from this browser.
fn check_form(context: &RequestContext<'_>) -> Result<(), PageError> {
    // A browser leaves the default port out of the origin.
    let host = context.incoming.host.as_str();
    let host = if context.is_behind_tls() { host.strip_suffix(":443").unwrap_or(host) } else { host };
    let ours = format!("{}://{host}", scheme(context));
    let origin_fits = context.incoming.origin.as_deref().is_some_and(|origin| origin == ours);
    let site_fits = context.incoming.fetch_site.as_deref().is_none_or(|site| site == "same-origin");
    let token_fits = !context.is_new_token && context.field("form_token") == context.form_token();
    if origin_fits && site_fits && token_fits { Ok(()) } else { Err(PageError::StaleForm) }
}

/// No script, style or frame but our own; no guessing of types; nothing kept by caches unless a reply allows it.
fn protect(headers: &mut HeaderMap, is_behind_tls: bool) {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_behind_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
