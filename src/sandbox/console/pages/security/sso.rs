//! Security & Control > Single Sign On: the configuration that the API reads and writes, too. Nobody signs in by it:
//! a sandbox has no identity provider.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::sso::{self, Attribute, CERTIFICATES_MAX, Config, Exclusions, Mapping, PROTOCOLS};
use crate::sandbox::store::{apps, audit, users};
use askama::Template;

const NEEDS: Needs = Needs::Any(&[Permission::SingleSignOn]);
const PATH: &str = "/Admin/security/sso";

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page(PATH, NEEDS, show),
    Route::action(PATH, NEEDS, enable),
    Route::action("/Admin/security/sso/disable", NEEDS, disable),
];

const PROVIDERS: [&str; 4] = ["okta", "onelogin", "bitium", "others"];
/// Empty lines that are offered for further attributes.
const FREE_LINES: usize = 3;
/// Users on the exclusion list.
const EXCLUSIONS_MAX: usize = 200;
/// Characters of a certificate or an address.
const TEXT_MAX: usize = 8000;

#[derive(Template)]
#[template(path = "security_sso.html")]
struct SsoPage {
    frame: Frame,
    is_on: bool,
    has_two_factor: bool,
    /// Word, whether it is chosen.
    protocols: Vec<(&'static str, bool)>,
    providers: Vec<(&'static str, bool)>,
    config: Config,
    certificates: Vec<String>,
    has_mapping: bool,
    mapping: Mapping,
    /// One address a line.
    exclusions: String,
    problems: Vec<String>,
}

fn page(
    admin: &AdminContext<'_>,
    is_on: bool,
    config: Config,
    exclusions: &Exclusions,
    problems: Vec<String>,
) -> Result<SsoPage, PageError> {
    let mut certificates = config.certificates.clone();
    certificates.resize(CERTIFICATES_MAX.max(certificates.len()), String::new());
    let has_mapping = config.mapping.is_some();
    let mut mapping = config.mapping.clone().unwrap_or_default();
    mapping.attributes.extend(vec![Attribute::default(); FREE_LINES]);
    let chosen = |own: &str, word: &str, first: &str| own == word || (own.is_empty() && word == first);
    Ok(SsoPage {
        frame: Frame::new(admin, "Single Sign On", &[("Security & Control", None)])?,
        is_on,
        has_two_factor: admin.account.two_factor,
        protocols: PROTOCOLS
            .iter()
            .map(|word| (*word, chosen(&config.protocol, word, PROTOCOLS[0])))
            .collect(),
        providers: PROVIDERS
            .iter()
            .map(|word| (*word, chosen(&config.provider, word, PROVIDERS[0])))
            .collect(),
        config,
        certificates,
        has_mapping,
        mapping,
        exclusions: exclusions.emails.join("\n"),
        problems,
    })
}

fn stored(admin: &AdminContext<'_>) -> Result<Option<Config>, PageError> {
    let Some((_, document)) = admin.read(|conn| Ok(apps::sso(conn, admin.account.seq)?))? else {
        return Ok(None);
    };
    let document = serde_json::from_str(&document).map_err(|e| PageError::broken(&e))?;
    Ok(Some(sso::read(&document)))
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let stored = stored(admin)?;
    let exclusions = admin.read(|conn| Ok(Exclusions::load(conn, admin.account.seq)?))?;
    Reply::page(&page(admin, stored.is_some(), stored.unwrap_or_default(), &exclusions, Vec::new())?)
}

/// The configuration in the form.
fn typed(admin: &AdminContext<'_>) -> Config {
    let all = |name: &str| admin.fields(name);
    let at = |values: &[&str], index: usize| values.get(index).map_or("", |value| value.trim()).to_owned();
    let (names, values) = (all("attribute-name"), all("attribute-value"));
    let (kinds, kores) = (all("attribute-kind"), all("attribute-kore"));
    let attributes = (0..names.len())
        .map(|index| Attribute {
            name: at(&names, index),
            value: at(&values, index),
            kind: at(&kinds, index),
            kore: at(&kores, index),
        })
        .filter(|attribute| !attribute.name.is_empty() || !attribute.kore.is_empty());
    let certificates = all("certificate").into_iter().map(str::trim).filter(|text| !text.is_empty());
    Config {
        protocol: admin.field("protocol").to_owned(),
        provider: admin.field("provider").to_owned(),
        entry_point: admin.field("entry-point").to_owned(),
        issuer: admin.field("issuer").to_owned(),
        certificates: certificates.map(str::to_owned).collect(),
        restricts_onboarding: admin.field("restrict") == "on",
        skips_second_factor: (admin.field("skip-idp") == "on", admin.field("skip-sp") == "on"),
        excludes_authn_context: admin.field("authn-context") == "on",
        mapping: (admin.field("mapping") == "on")
            .then(|| Mapping { is_full: admin.field("sync") == "full", attributes: attributes.collect() }),
    }
}

fn problems(config: &Config) -> Vec<String> {
    let is_url = |text: &str| {
        (text.starts_with("https://") || text.starts_with("http://")) && text.chars().count() <= TEXT_MAX
    };
    let mut problems = Vec::new();
    let mut object = |is_wrong: bool, text: &str| {
        if is_wrong {
            problems.push(text.to_owned());
        }
    };
    object(!PROTOCOLS.contains(&config.protocol.as_str()), "Choose a protocol.");
    object(!PROVIDERS.contains(&config.provider.as_str()), "Choose an identity provider.");
    object(!is_url(&config.entry_point), "The Single Sign-On URL begins with https://.");
    object(!is_url(&config.issuer), "The Issuer URL begins with https://.");
    let count = config.certificates.len();
    object(count == 0 || count > CERTIFICATES_MAX, "Paste one certificate, or two.");
    object(
        config.certificates.iter().any(|text| text.len() > TEXT_MAX),
        "A certificate has 8000 characters at most.",
    );
    let attributes = config.mapping.iter().flat_map(|mapping| &mapping.attributes);
    let is_half = |one: &Attribute| {
        one.name.is_empty() || one.kore.is_empty() || !["Role", "Group"].contains(&one.kind.as_str())
    };
    object(
        attributes.clone().any(is_half),
        "Every attribute has a name, a type, and the role or group that it gives.",
    );
    problems
}

/// The users in the field of the exclusion list, each of whom is in the account.
fn excluded(admin: &AdminContext<'_>, problems: &mut Vec<String>) -> Result<Exclusions, PageError> {
    let mut emails: Vec<String> = Vec::new();
    for email in admin.field("exclusions").split(|c: char| c.is_whitespace() || c == ',' || c == ';') {
        if email.is_empty() || emails.iter().any(|known| known.eq_ignore_ascii_case(email)) {
            continue;
        }
        if admin.read(|conn| Ok(users::by_email(conn, admin.account.seq, email, false)?))?.is_none() {
            problems.push(format!("{email} on the exclusion list is not in the account."));
        }
        emails.push(email.to_owned());
    }
    if emails.len() > EXCLUSIONS_MAX {
        problems.push(format!("The exclusion list holds {EXCLUSIONS_MAX} users at most."));
    }
    Ok(Exclusions { emails })
}

fn enable(admin: &AdminContext<'_>) -> Outcome {
    let config = typed(admin);
    let mut problems = problems(&config);
    let exclusions = excluded(admin, &mut problems)?;
    let is_on = stored(admin)?.is_some();
    if !problems.is_empty() {
        return Reply::invalid(&page(admin, is_on, config, &exclusions, problems)?);
    }
    admin.change(|change| {
        exclusions.save(change.conn(), admin.account.seq)?;
        sso::enable(change.conn(), admin.account.seq, &config, &admin.user.id, &admin.stamp())?;
        let text = if is_on { "single sign-on changed" } else { "single sign-on enabled" };
        change.log(audit::SETTINGS_MODIFIED, text)
    })?;
    let also = if admin.account.two_factor { " Two-factor authentication is off." } else { "" };
    Ok(Reply::see(PATH).saying(format!("Single sign-on is saved and on.{also}")))
}

fn disable(admin: &AdminContext<'_>) -> Outcome {
    if stored(admin)?.is_none() {
        return Err(PageError::Refused("Single sign-on is off already.".to_owned()));
    }
    admin.change(|change| {
        apps::clear_sso(change.conn(), admin.account.seq)?;
        change.log(audit::SETTINGS_MODIFIED, "single sign-on disabled")
    })?;
    Ok(Reply::see(PATH).saying("Single sign-on is off."))
}
